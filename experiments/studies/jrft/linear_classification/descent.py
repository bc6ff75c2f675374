"""Gradient descent on weights against the flow of each input's logits."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss
from experiments.studies.jrft.linear_classification.config import Config
from experiments.studies.jrft.linear_classification.flows import (
    FLOWS,
    OBJECTIVES,
    TARGET,
    draw_starts,
    solve_times,
)
from jrft.tasks import linear


def descent_errors(config: Config) -> dict[str, Any]:
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
        descent = Phase(
            f"{name.upper()} by gradient descent",
            from_loss(partial(_loss, name)),
            optax.sgd(1.0),
            num_steps=int(np.ceil(1.2 * exact.max() / min(config.step_sizes))),
            log_every=1,
            evaluate=_margins,
        )
        descended = fit(
            jax.random.split(jax.random.key(config.seed), len(step_sizes)),
            jnp.broadcast_to(weights, (len(step_sizes), *weights.shape)),
            descent,
            (inputs, step_sizes),
            run_axes=(None, 0),
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
        raise ValueError("Gradient descent left an input wrong: pass larger step_sizes")
    high = np.take_along_axis(margins, after, axis=0)
    low = np.take_along_axis(margins, after - 1, axis=0)
    return (after - high / (high - low))[0]
