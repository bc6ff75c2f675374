"""Over orthonormal inputs RFT takes time 1/STD², SFT ln(1/STD), along one and the same curve.

Claim: Razin et al. (ICLR 2024), Section 4.3: in linear classification over orthonormal inputs,
  under gradient flow and with perfect exploration, the time until an input is classified correctly
  is Ω(1/STD²) for RFT, STD being its initial reward std, and O(ln(1/STD)) for SFT. Derived here:
  both flows trace one curve of logits, at speeds 2·p(y*) and 1.

Command: python -m experiments jrft_linear_classification

Cost: see ``seconds`` in the result file; a minute of one core.

Expected: slope of ln(RFT time) against ln STD −2 (−1.997, −2.001, −1.999 for K = 2, 3, 10); of SFT
  time against ln(1/STD) 1 for K = 2, and for random starts of more labels from below towards
  2(K − 1)/K (1.32 and 1.69 for K = 3, 10); solver and closed form agree to 1e-6; gradient descent
  agrees with the flow up to an error that falls in proportion to the step size.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import optimistix
from matplotlib.figure import Figure

import jrft
from experiments.engine.loop import fit, from_loss
from experiments.output.figures import COLORS
from experiments.output.record import Record
from jrft.tasks import linear

OBJECTIVES = ("rft", "sft")
FLOWS = {"rft": linear.rft_flow, "sft": linear.sft_flow}
TARGET = 0


@dataclass(frozen=True)
class Config:
    """Starts of small to large reward std, for several numbers of labels."""

    num_labels: tuple[int, ...] = (2, 3, 10)
    max_std: float = 0.5
    min_std: float = 1e-3
    num_stds: int = 16
    """Initial reward stds, evenly spaced on a logarithmic axis."""
    num_starts: int = 5
    """Random logits of the wrong labels at every std."""
    spread: float = 1.0
    """Standard deviation of the wrong labels' logits."""
    fit_below: float = 0.1
    """Slopes are fitted to the stds below."""
    tolerance: float = 1e-9
    """Relative and absolute, of the solver."""
    step_sizes: tuple[float, ...] = (0.2, 0.1, 0.05)
    """Of gradient descent on one input's objective."""
    descent_min_std: float = 0.1
    """Smallest initial std of gradient descent, on one input for each std down to it."""
    num_curve_points: int = 60
    seed: int = 0


SMOKE = Config(
    num_labels=(3,),
    min_std=0.02,
    num_stds=4,
    num_starts=2,
    tolerance=1e-7,
    step_sizes=(0.2, 0.1),
    descent_min_std=0.3,
    num_curve_points=10,
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Solves both flows from every start until the input is classified correctly.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not needed: it takes seconds.
    """
    del directory
    # Times span six orders of magnitude.
    with jax.enable_x64(True):
        stds = np.geomspace(config.max_std, config.min_std, config.num_stds)
        results: dict[str, Any] = {"std": stds}
        for num_labels in config.num_labels:
            results[f"K={num_labels}"] = _of_one_number(config, num_labels, stds)
        results["curve"] = _curve(config)
        results["descent"] = _descent(config)
    return results


def _of_one_number(config: Config, num_labels: int, stds: np.ndarray) -> dict[str, Any]:
    fitted = stds <= config.fit_below
    if fitted.sum() < 2:
        raise ValueError(
            f"fit_below={config.fit_below} leaves {fitted.sum()} of the stds to fit a slope to: "
            "two are needed, so lower min_std or raise fit_below."
        )
    drawn = draw_starts(config, num_labels, stds)
    # Starts whose wrong labels are equally likely have closed forms; they are solved along.
    lead = _target_logit(stds, num_labels)
    equal = jnp.zeros((len(stds), 1, num_labels)).at[:, 0, TARGET].set(lead)
    starts = jnp.concatenate([drawn, equal], axis=1)
    solved = {name: solve_times(config, FLOWS[name], starts) for name in OBJECTIVES}
    times = {name: solved[name][:, :-1] for name in OBJECTIVES}
    closed = {"rft": linear.rft_time(lead, num_labels), "sft": linear.sft_time(lead, num_labels)}
    probs = jax.nn.softmax(drawn)[..., TARGET]
    rft, sft = (times[name].mean(axis=1)[fitted] for name in OBJECTIVES)
    return {
        **{f"{name}_time": times[name] for name in OBJECTIVES},
        "rft_slope": np.polyfit(np.log(stds[fitted]), np.log(rft), 1)[0],
        "sft_slope": np.polyfit(-np.log(stds[fitted]), sft, 1)[0],
        "largest_error_of_solver": max(
            float(np.max(np.abs(solved[name][:, -1] / closed[name] - 1))) for name in OBJECTIVES
        ),
        "bounds_hold": bool(
            np.all(times["rft"] >= linear.rft_time_lower_bound(probs, num_labels))
            and np.all(times["sft"] <= linear.sft_time_upper_bound(probs, num_labels))
        ),
    }


def _target_logit(stds: np.ndarray, num_labels: int) -> np.ndarray:
    """The target's logit at which, all others being 0, the reward std is as given.

    STD² = 4p(1 − p), and p is the smaller root.
    """
    probs = stds**2 / (2 * (1 + np.sqrt(1 - stds**2)))
    return np.log(probs / (1 - probs) * (num_labels - 1))


def draw_starts(config: Config, num_labels: int, stds: np.ndarray) -> jax.Array:
    """Logits float64[stds, starts, K] of given reward std, the target's last of all in likelihood.

    Wrong labels are normal; adding a constant to them sets the target's probability.
    """
    rng = np.random.default_rng([config.seed, num_labels])
    wrong = config.spread * rng.normal(size=(len(stds), config.num_starts, num_labels - 1))
    wrong -= np.log(np.mean(np.exp(wrong), axis=2, keepdims=True))
    target = np.broadcast_to(_target_logit(stds, num_labels)[:, None, None], (*wrong.shape[:2], 1))
    return jnp.asarray(np.concatenate([target, wrong], axis=2))


def solve_times(config: Config, flow: Any, starts: jax.Array) -> np.ndarray:
    """Times float64[...] at which the flow from logits float64[..., K] has margin 0."""
    flat = starts.reshape(-1, starts.shape[-1])
    times = _solve_times(flow, config.tolerance, flat)
    return np.asarray(times).reshape(starts.shape[:-1])


@partial(jax.jit, static_argnums=(0, 1))
def _solve_times(flow: Any, tolerance: float, starts: jax.Array) -> jax.Array:
    def lead(t: Any, y: jax.Array, args: Any, **kwargs: Any) -> jax.Array:
        return linear.margin(y, TARGET)

    def solve(start: jax.Array) -> jax.Array:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, logits, args: flow(logits, TARGET)),
            diffrax.Tsit5(),
            t0=0.0,
            t1=jnp.inf,
            dt0=1e-3,
            y0=start,
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            event=diffrax.Event(lead, optimistix.Newton(tolerance, tolerance)),
            max_steps=100_000,
        )
        return solution.ts[0]

    return jax.vmap(solve)(starts)


def _curve(config: Config) -> dict[str, Any]:
    """One start's curve under both flows, and how far apart the curves are.

    RFT's solution at time t must be SFT's at τ(t) = ∫ 2·p(y*) dt, which is solved along.
    """
    num_labels, std = max(config.num_labels), np.array([config.fit_below])
    start = draw_starts(config, num_labels, std)[0, 0]
    end = float(solve_times(config, linear.rft_flow, start[None])[0])
    controller = diffrax.PIDController(rtol=config.tolerance, atol=config.tolerance)
    solve = partial(
        diffrax.diffeqsolve,
        solver=diffrax.Tsit5(),
        t0=0.0,
        dt0=1e-3,
        stepsize_controller=controller,
        max_steps=100_000,
    )

    def with_clock(t: Any, state: tuple[jax.Array, jax.Array], args: Any) -> Any:
        logits, _ = state
        return linear.rft_flow(logits, TARGET), 2 * jax.nn.softmax(logits)[TARGET]

    # Evenly spaced in time, the first points would be all but one.
    times = end * (1 - np.geomspace(1, 1e-4, config.num_curve_points))
    by_rft, clock = solve(
        diffrax.ODETerm(with_clock),
        t1=end,
        y0=(start, jnp.zeros(())),
        saveat=diffrax.SaveAt(ts=jnp.asarray(times)),
    ).ys
    by_sft = solve(
        diffrax.ODETerm(lambda t, logits, args: linear.sft_flow(logits, TARGET)),
        t1=clock[-1],
        y0=start,
        saveat=diffrax.SaveAt(ts=clock),
    ).ys
    probs = {"rft": jax.nn.softmax(by_rft), "sft": jax.nn.softmax(by_sft)}
    likeliest = int(np.argmax(start))
    return {
        "num_labels": num_labels,
        "rft_times": times,
        "sft_times": clock,
        "target_prob": {name: p[:, TARGET] for name, p in probs.items()},
        "likeliest_wrong_prob": {name: p[:, likeliest] for name, p in probs.items()},
        "largest_distance_of_logits": float(jnp.max(jnp.abs(by_rft - by_sft))),
    }


def _descent(config: Config) -> dict[str, Any]:
    """Gradient descent on weights, all inputs at once, against the flow of each input's logits."""
    num_labels = max(config.num_labels)
    stds = np.geomspace(config.max_std, config.min_std, config.num_stds)
    stds = stds[stds >= config.descent_min_std]
    starts = draw_starts(config, num_labels, stds)[:, 0]
    rng = np.random.default_rng(config.seed)
    inputs = jnp.asarray(np.linalg.qr(rng.normal(size=(len(stds), len(stds))))[0])
    weights = starts.T @ inputs
    step_sizes = jnp.asarray(config.step_sizes)
    errors = {}
    for name in OBJECTIVES:
        exact = solve_times(config, FLOWS[name], starts)
        descended = fit(
            jax.random.split(jax.random.key(config.seed), len(step_sizes)),
            jnp.broadcast_to(weights, (len(step_sizes), *weights.shape)),
            from_loss(partial(_loss, name)),
            optax.sgd(1.0),
            (inputs, step_sizes),
            run_axes=(None, 0),
            num_steps=int(np.ceil(1.2 * exact.max() / min(config.step_sizes))),
            evaluate=_margins,
            description=f"{name.upper()} by gradient descent",
        )
        # float[T, step sizes, inputs]
        steps = _first_crossing(descended.history["margins"])
        times = np.asarray(config.step_sizes)[:, None] * steps
        errors[name] = np.max(np.abs(times / exact - 1), axis=1)
    return {"std": stds, "largest_relative_error": errors}


def _loss(name: str, key: jax.Array, weights: jax.Array, state: None, data: Any) -> Any:
    """The sum of the inputs' losses, so that each input's flow has unit speed; times the step."""
    inputs, step_size = data
    logits = inputs @ weights.T
    if name == "sft":
        losses = jax.vmap(jrft.sft_loss, in_axes=(0, None))(logits, TARGET)
    else:
        rewards = jnp.where(jnp.arange(logits.shape[1]) == TARGET, 1.0, -1.0)
        losses = -jax.vmap(jrft.expected_reward, in_axes=(0, None))(logits, rewards)
    return step_size * jnp.sum(losses), (None, {})


def _margins(weights: jax.Array, state: None, data: Any) -> dict[str, jax.Array]:
    inputs, _ = data
    return {"margins": jax.vmap(linear.margin, in_axes=(0, None))(inputs @ weights.T, TARGET)}


def _first_crossing(margins: np.ndarray) -> np.ndarray:
    """Steps float[...] after which float[T, ...] is positive, interpolated between steps."""
    after = np.argmax(margins > 0, axis=0)[None]
    if not (after > 0).all():
        raise ValueError("Gradient descent left an input wrong: pass it more or larger steps.")
    high = np.take_along_axis(margins, after, axis=0)
    low = np.take_along_axis(margins, after - 1, axis=0)
    return (after - high / (high - low))[0]


def figure(record: Record) -> Figure:
    """Times against std, of RFT on two logarithmic axes and of SFT on one; the one curve."""
    results, stds = record.results, np.array(record.results["std"])
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for axis, name in zip(axes, OBJECTIVES, strict=False):
        for num_labels, marker in zip(record.config["num_labels"], "os^vDP*", strict=False):
            found = results[f"K={num_labels}"]
            slope = f"K = {num_labels}, slope {found[f'{name}_slope']:.3f}"
            times = np.array(found[f"{name}_time"]).mean(axis=1)
            axis.plot(stds, times, marker, color=COLORS[name], label=slope, markerfacecolor="none")
        exact = {"rft": linear.rft_time, "sft": linear.sft_time}[name](_target_logit(stds, 2), 2)
        axis.plot(stds, exact, color=COLORS[name], linewidth=1, label="K = 2, closed form")
        axis.set_xscale("log")
        axis.invert_xaxis()
        axis.set_xlabel("initial reward std")
        axis.set_ylabel(f"time of {name.upper()} until right")
        axis.legend(fontsize="small")
    axes[0].set_yscale("log")
    curve = results["curve"]
    for name, style in (("sft", "-"), ("rft", "o")):
        axes[2].plot(
            curve["target_prob"][name],
            curve["likeliest_wrong_prob"][name],
            style,
            color=COLORS[name],
            label=f"{name.upper()}, {curve[f'{name}_times'][-1]:.3g} in time",
            markersize=4,
        )
    axes[2].set_xlabel("p(right label)")
    axes[2].set_ylabel("p(likeliest wrong label)")
    axes[2].set_title(f"one curve, K = {curve['num_labels']}", fontsize="medium")
    axes[2].legend(fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Slopes and errors by number of labels."""
    rows = [["labels", "RFT slope", "SFT slope", "2(K − 1)/K", "error of solver", "bounds hold"]]
    for num_labels in record.config["num_labels"]:
        found = record.results[f"K={num_labels}"]
        rows.append(
            [
                str(num_labels),
                f"{found['rft_slope']:.4f}",
                f"{found['sft_slope']:.4f}",
                f"{2 * (num_labels - 1) / num_labels:.4f}",
                f"{found['largest_error_of_solver']:.1e}",
                "yes" if found["bounds_hold"] else "no",
            ]
        )
    return rows


def summary(record: Record) -> str:
    """The slopes, the one curve, and gradient descent against the flow."""
    results = record.results
    slopes = [results[f"K={num_labels}"] for num_labels in record.config["num_labels"]]
    rft = ", ".join(f"{found['rft_slope']:.3f}" for found in slopes)
    sft = ", ".join(f"{found['sft_slope']:.3f}" for found in slopes)
    errors = results["descent"]["largest_relative_error"]
    return (
        f"The time of RFT goes with STD to the power {rft} for K = {record.config['num_labels']}; "
        f"that of SFT grows by {sft} a unit of ln(1/STD). Both flows trace one curve: at matched "
        f"clocks their logits differ by {results['curve']['largest_distance_of_logits']:.1e}. "
        f"Gradient descent of step size {record.config['step_sizes'][-1]} misses the flow's times "
        f"by {errors['rft'][-1]:.1%} (RFT) and {errors['sft'][-1]:.1%} (SFT) at the most."
    )
