"""Starts of given reward std, and the times at which gradient flows classify them correctly."""

from functools import partial
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from experiments.studies.jrft.linear_classification.config import Config
from jrft.tasks import linear

OBJECTIVES = ("rft", "sft")

FLOWS = {"rft": linear.rft_flow, "sft": linear.sft_flow}

TARGET = 0


def target_logit(stds: np.ndarray, num_labels: int) -> np.ndarray:
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
    target = np.broadcast_to(target_logit(stds, num_labels)[:, None, None], (*wrong.shape[:2], 1))
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
