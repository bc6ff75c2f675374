"""Unified graph sparsification (Chen et al., ICML 2021), of edges alone, as the paper adapts it.

A mask value for every edge multiplies its messages and is trained with the network, under an L1
penalty. The edges of the smallest values go, the network rewinds to its initial weights, the masks
start anew, and so on until no edge is left: the order of removal.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jwi
from experiments.engine.loop import Host, fit
from experiments.engine.phases import EarlyStopping, Phase, Scalars, from_loss
from experiments.studies.jwi.sparsification.networks import initialize
from experiments.studies.jwi.sparsification.settings import Settings
from experiments.studies.jwi.sparsification.training import (
    RUN_AXES,
    Data,
    cross_entropy,
    evaluate,
    make_optimizer,
)

_SPREAD = 1e-5


class Rounds(NamedTuple):
    """How masks are trained.

    Attributes:
        num_rounds: Rounds, each of which removes an equal share of the edges.
        max_steps: Steps of a round, at the most.
        patience: Steps without better validation accuracy after which a round stops.
        log_every: Steps between two looks at it.
    """

    num_rounds: int
    max_steps: int
    patience: int
    log_every: int


def ugs_orders(
    model: nn.Module,
    settings: Settings,
    data: Data,
    keys: jax.Array,
    *,
    rounds: Rounds,
    checkpoints: Path,
) -> np.ndarray:
    """Removal orders of R runs, trained by the one loop.

    Args:
        model: The network.
        settings: How it is trained, and the masks' penalty.
        data: The whole graph; `keep` is not looked at.
        keys: R keys, of the initial weights and masks.
        rounds: How many rounds, and how long each is.
        checkpoints: A directory for them; a round that is finished is not trained again.

    Returns:
        int32[R, E], edge ids, first removed first.
    """
    num_edges = len(jwi.edge_list(data.graph))
    params, model_state = initialize(model, keys, data.graph)
    # Rounds differ in name alone, and share one program.
    phase = Phase(
        "UGS",
        from_loss(partial(_penalized_loss, model, settings.ugs_penalty)),
        make_optimizer(settings, decayed={"network": True, "mask": False}),
        rounds.max_steps,
        rounds.log_every,
        evaluate=partial(_evaluate, model),
        stopping=EarlyStopping("validation_accuracy", rounds.patience),
    )
    masks = jax.vmap(partial(_initial_mask, num_edges=num_edges))(keys)
    keep = np.ones((len(keys), num_edges), bool)
    orders = np.zeros((len(keys), 0), np.int32)
    # Rounds of whole edges that add up to all of them.
    ends = np.rint(np.linspace(0, num_edges, rounds.num_rounds + 1)).astype(int)
    for number, count in enumerate(np.diff(ends), 1):
        fitted = fit(
            keys,
            {"network": params, "mask": masks},
            replace(phase, name=f"UGS, round {number} of {rounds.num_rounds}"),
            data._replace(keep=jnp.asarray(keep)),
            model_state=model_state,
            run_axes=RUN_AXES,
            host=Host(checkpoints / f"round-{number}"),
        )
        gone = np.stack(
            [
                jwi.magnitude_order(jwi.with_edge_mask(data.graph, kept), values)[:count]
                for kept, values in zip(keep, fitted.best_params["mask"], strict=True)
            ]
        )
        np.put_along_axis(keep, gone, False, axis=1)
        orders = np.concatenate([orders, gone], axis=1)
    return orders


def _initial_mask(key: jax.Array, num_edges: int) -> jax.Array:
    # Not all 1: values that stay equal could not be ranked.
    noise = jax.random.uniform(
        jax.random.fold_in(key, 1), (num_edges,), jnp.float32, -_SPREAD, _SPREAD
    )
    return 1 + noise


def _penalized_loss(
    model: nn.Module, penalty: float, key: jax.Array, params: Any, model_state: Any, data: Data
) -> tuple[jax.Array, tuple[Any, Scalars]]:
    mask = params["mask"]
    loss, model_state = cross_entropy(model, key, params["network"], model_state, data, mask)
    return loss + penalty * jnp.sum(jnp.abs(mask), where=data.keep), (model_state, {})


def _evaluate(model: nn.Module, params: Any, model_state: Any, data: Data) -> dict[str, jax.Array]:
    return evaluate(model, params["network"], model_state, data, params["mask"])
