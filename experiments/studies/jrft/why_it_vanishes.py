"""Which gradients vanish with the reward std, and how many prompts a change of data leaves without.

Claim: Razin et al. (ICLR 2024), Sections 3 and 6: the gradient of the expected reward vanishes with
  the reward std because probabilities are a softmax of logits, whose derivative is small where
  probabilities are; the log-likelihood cancels it. And the further the pretraining distribution is
  from the rewarded completions of finetuning, the more prompts have a small std.

Command: python -m experiments jrft_why_it_vanishes

Cost: see `seconds` in the result file; a minute of one core.

Expected: of one and the same distribution over labels, the gradient in the logits goes with STD²
  for softmax and expected reward, and with its power 0 for softmax and log-likelihood and for
  sparsemax and expected reward: there it jumps to 0 only where the right label has left the
  support, and the bound of the paper's theorem, which is about softmax, does not hold. With
  pretraining data that hold the rewarded completion at a share of 1 − d, the std is about
  2·sqrt(d(1 − d)), so hardly any prompt is below 0.1 until d = 0.99, and nearly all are at d = 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from optax.projections import projection_simplex

import jrft
from experiments.engine.loop import Host, fit
from experiments.engine.phases import from_loss, pretraining
from experiments.output.record import Record
from experiments.studies.jrft.controlled_task.sequences import (
    Completions,
    shift_task,
    small_transformer,
)
from experiments.studies.jrft.controlled_task.task import Task

COMBINATIONS = {
    "softmax, expected reward": "#d55e00",
    "softmax, log-likelihood": "#0072b2",
    "sparsemax, expected reward": "#009e73",
}
TARGET = 0


@dataclass(frozen=True)
class Config:
    """Distributions over labels of given std; transformers pretrained at given distances."""

    num_labels: int = 10
    max_std: float = 0.9
    min_std: float = 1e-3
    num_stds: int = 20
    """Evenly spaced on a logarithmic axis."""
    num_draws: int = 20
    """Random distributions over the wrong labels at every std."""
    fit_below: float = 0.1
    """Slopes are fitted to the stds below."""
    distances: tuple[float, ...] = (0.5, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9997, 1.0)
    """d: pretraining shows the rewarded completion at a share of 1 − d."""
    threshold: float = 0.1
    """A std below is called low."""
    vocab_size: int = 4
    length: int = 2
    width: int = 16
    """Of the transformer, of one layer."""
    pretrain_steps: int = 800
    pretrain_rate: float = 3e-3
    """Adam's."""
    seed: int = 0


SMOKE = Config(
    num_labels=4,
    num_stds=6,
    num_draws=3,
    distances=(0.5, 1.0),
    vocab_size=3,
    length=1,
    width=8,
    pretrain_steps=200,
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Gradient norms over distributions of every std; exact stds after every pretraining.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    return {"links": _links(config), "distances": _distances(config, directory)}


def draw_probs(config: Config, stds: np.ndarray) -> np.ndarray:
    """Probabilities float64[stds, draws, K] whose reward ±1 has that std; the target is unlikely.

    STD² = 4p(1 − p), and p is the smaller root; wrong labels share the rest at random.
    """
    rng = np.random.default_rng(config.seed)
    shape = (len(stds), config.num_draws)
    right = np.broadcast_to(stds**2 / (2 * (1 + np.sqrt(1 - stds**2))), shape[::-1]).T[..., None]
    wrong = rng.dirichlet(np.ones(config.num_labels - 1), shape)
    return np.concatenate([right, (1 - right) * wrong], axis=2)


def gradient_norms(probs: jax.Array) -> dict[str, jax.Array]:
    """Norm of each combination's gradient in the logits that give probabilities float[K].

    Sparsemax (Martins and Astudillo, ICML 2016) is the Euclidean projection of the logits onto the
    probability simplex: labels far behind get probability 0, and among the others the derivative
    does not depend on the probabilities. Softmax's logits are ln p, sparsemax's are p itself.
    """
    rewards = jnp.where(jnp.arange(probs.size) == TARGET, 1.0, -1.0)

    def expected_reward(link: Callable[[jax.Array], jax.Array], logits: jax.Array) -> jax.Array:
        return jnp.sum(link(logits) * rewards)

    def log_likelihood(logits: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(logits)[TARGET]

    gradients = (
        jax.grad(partial(expected_reward, jax.nn.softmax))(jnp.log(probs)),
        jax.grad(log_likelihood)(jnp.log(probs)),
        jax.grad(partial(expected_reward, projection_simplex))(probs),
    )
    return dict(zip(COMBINATIONS, map(jnp.linalg.norm, gradients), strict=True))


def _links(config: Config) -> dict[str, Any]:
    stds = np.geomspace(config.max_std, config.min_std, config.num_stds)
    with jax.enable_x64(True):
        probs = jnp.asarray(draw_probs(config, stds))
        norms = jax.tree.map(np.asarray, jax.jit(jax.vmap(jax.vmap(gradient_norms)))(probs))
        # Where the target is behind the support, sparsemax has a std of exactly 0.
        outside = probs[-1].at[:, TARGET].add(-0.1)
        dead = np.asarray(jax.vmap(gradient_norms)(outside)["sparsemax, expected reward"])
    fitted = stds <= config.fit_below
    return {
        "std": stds,
        "norms": norms,
        "slopes": {
            name: np.polyfit(np.log(stds[fitted]), np.log(rows.mean(axis=1)[fitted]), 1)[0]
            for name, rows in norms.items()
        },
        "largest_sparsemax_norm_outside_support": dead.max(),
        # Theorem 1 for one token and logits that are the parameters: 6·STD^(2/3).
        "largest_share_of_bound": {
            name: float(np.max(rows / (6 * stds[:, None] ** (2 / 3))))
            for name, rows in norms.items()
            if name.endswith("expected reward")
        },
    }


def _distances(config: Config, directory: Path) -> dict[str, Any]:
    """All prompts' targets are outside the habits; pretraining shows them at a share of 1 − d."""
    task = shift_task(config.vocab_size, config.length, 2, config.vocab_size, graded=False)
    policy = small_transformer(config.vocab_size, config.length, config.width)
    model = Completions(policy)
    distances = jnp.asarray(config.distances)
    key = jax.random.key(config.seed)
    params = model.init(key, task.inputs)
    pretrained = fit(
        jax.random.split(key, len(distances)),
        jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(distances), *leaf.shape)), params),
        pretraining(
            from_loss(partial(_mixture_loss, model)), config.pretrain_rate, config.pretrain_steps
        ),
        (task, distances),
        run_axes=(None, 0),
        host=Host(directory / "pretraining"),
    ).params

    def exact(params: Any) -> tuple[jax.Array, jax.Array]:
        of_one = partial(jrft.exact_reward_std, policy, params)
        value = partial(jrft.exact_value, policy, params)
        stds = jax.vmap(of_one)(task.inputs, task.rewards)
        return stds, (1 - jax.vmap(value)(task.inputs, task.rewards)) / 2

    stds, off_target = jax.jit(lambda many: jax.lax.map(exact, many))(pretrained)
    return {
        "std": stds,
        "total_variation": off_target.mean(axis=1),
        "share_of_low_std": (stds < config.threshold).mean(axis=1),
    }


def _mixture_loss(
    model: Completions, key: jax.Array, params: Any, state: None, batch: tuple[Task, jax.Array]
) -> Any:
    """Cross-entropy to the target at weight 1 − d, and to the habits at weight d."""
    del key, state
    task, distance = batch
    log_probs = model.apply(params, task.inputs)
    target = jnp.mean(jax.vmap(jrft.sft_loss)(log_probs, task.targets))
    habits = -jnp.mean(log_probs, where=task.habits)
    return (1 - distance) * target + distance * habits, (None, {})


def figure(record: Record) -> Figure:
    """Gradient norm against std by link; stds and the share of low ones against distance."""
    links, found = record.results["links"], record.results["distances"]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    stds = np.array(links["std"])
    for name, color in COMBINATIONS.items():
        norms = np.array(links["norms"][name])
        label = f"{name}: slope {links['slopes'][name]:.2f}"
        left.plot(stds, norms.mean(axis=1), "o-", color=color, label=label, markersize=3)
    left.plot(stds, 6 * stds ** (2 / 3), "k:", label="bound of Theorem 1 (softmax)")
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel("reward std")
    left.set_ylabel("norm of the gradient in the logits")
    left.legend(fontsize="x-small")
    distances = record.config["distances"]
    places = np.arange(len(distances))
    middle.boxplot(np.array(found["std"]).T, positions=places, showfliers=False)
    ideal = [2 * np.sqrt(d * (1 - d)) for d in distances]
    middle.plot(places, ideal, "kx", label="2·sqrt(d(1 − d))")
    middle.axhline(record.config["threshold"], color="black", linewidth=0.8)
    middle.set_ylabel("exact reward std of prompts")
    middle.legend(fontsize="small")
    right.plot(places, found["share_of_low_std"], "o-", color="#d55e00")
    right.set_ylabel(f"share of prompts with std < {record.config['threshold']:g}")
    for axis in (middle, right):
        axis.set_xticks(places, [f"{d:g}" for d in distances], rotation=45)
        axis.set_xlabel("distance d of pretraining data from targets")
    return figure


def table(record: Record) -> list[list[str]]:
    """Slopes by link, then stds by distance."""
    links, found = record.results["links"], record.results["distances"]
    rows = [["what", "slope or distance", "largest share of the bound or median std", "low std"]]
    for name, slope in links["slopes"].items():
        share = links["largest_share_of_bound"].get(name)
        rows.append([name, f"{slope:.3f}", "" if share is None else f"{share:.2f}", ""])
    for distance, stds, low in zip(
        record.config["distances"], found["std"], found["share_of_low_std"], strict=True
    ):
        rows.append(["pretrained", f"{distance:g}", f"{np.median(stds):.3f}", f"{low:.2f}"])
    return rows


def summary(record: Record) -> str:
    """Which gradients vanish, and where stds fall."""
    links, found = record.results["links"], record.results["distances"]
    slopes = "; ".join(f"{name} {slope:.2f}" for name, slope in links["slopes"].items())
    shares = ", ".join(
        f"{share:.0%} at {distance:g}"
        for distance, share in zip(
            record.config["distances"], found["share_of_low_std"], strict=True
        )
    )
    bound = links["largest_share_of_bound"]["sparsemax, expected reward"]
    outside = links["largest_sparsemax_norm_outside_support"]
    return (
        f"Powers of the std that gradients go with: {slopes}. Sparsemax's comes to {bound:.1f} "
        f"times the bound that holds for softmax, at the smallest std, and is {outside:.1g} once "
        "the right label has left the support. Share of prompts of low std by "
        f"distance of the pretraining data: {shares}."
    )
