"""Over orthonormal inputs RFT takes time 1/STD², SFT ln(1/STD), along one and the same curve.

Claim: Razin et al. (ICLR 2024), Section 4.3: in linear classification over orthonormal inputs,
  under gradient flow and with perfect exploration, the time until an input is classified correctly
  is Ω(1/STD²) for RFT, STD being its initial reward std, and O(ln(1/STD)) for SFT. Derived here:
  both flows trace one curve of logits, at speeds 2·p(y*) and 1.

Command: python -m experiments jrft_linear_classification

Cost: see `seconds` in the result file; a minute of one core.

Expected: slope of ln(RFT time) against ln STD −2 (−1.997, −2.001, −1.999 for K = 2, 3, 10); of SFT
  time against ln(1/STD) 1 for K = 2, and for random starts of more labels from below towards
  2(K − 1)/K (1.32 and 1.69 for K = 3, 10); solver and closed form agree to 1e-6; gradient descent
  agrees with the flow up to an error that falls in proportion to the step size.
"""

from functools import partial
from pathlib import Path
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.studies.jrft.linear_classification.config import SMOKE, Config
from experiments.studies.jrft.linear_classification.descent import descent_errors
from experiments.studies.jrft.linear_classification.flows import (
    FLOWS,
    OBJECTIVES,
    TARGET,
    draw_starts,
    solve_times,
    target_logit,
)
from experiments.studies.jrft.linear_classification.report import figure, summary, table
from jrft.tasks import linear

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


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
        results["descent"] = descent_errors(config)
    return results


def _of_one_number(config: Config, num_labels: int, stds: np.ndarray) -> dict[str, Any]:
    fitted = stds <= config.fit_below
    if fitted.sum() < 2:
        raise ValueError(
            f"fit_below={config.fit_below} leaves {fitted.sum()} of the stds to fit a slope to: "
            "pass a smaller min_std or a larger fit_below, so that two are left"
        )
    drawn = draw_starts(config, num_labels, stds)
    # Starts whose wrong labels are equally likely have closed forms; they are solved along.
    lead = target_logit(stds, num_labels)
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
