"""How the networks are trained, each run on a graph and a split of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jwi
from experiments.data.vertex_classification import random_split
from experiments.engine.loop import fit
from experiments.engine.phases import EarlyStopping, Phase, Scalars, from_loss
from experiments.studies.jwi.rewiring.config import Config
from experiments.studies.jwi.rewiring.graphs import features_of, in_one_shape, room_for
from experiments.studies.jwi.rewiring.tasks import Task


class Data(NamedTuple):
    """The data of a run.

    Attributes:
        graph: All graphs as one.
        member: As in `Task`.
        labels: As in `Task`.
        split: Of the vertices or graphs.
    """

    graph: Any
    member: Any
    labels: Any
    split: Any


Train = Callable[[list[np.ndarray], str, int], dict[str, list[float]]]


def trainer(config: Config, task: Task) -> Train:
    """A function (edges of each run, description, draw of the weights) → accuracies by run.

    Run r has the split r. Its initial weights depend on r and on the draw.

    Args:
        config: The study's.
        task: What is classified.
    """
    model = jwi.GCN(config.width, config.depth, task.num_classes)
    splits = [
        random_split(seed, len(task.labels), config.train_share, config.validation_share)
        for seed in range(config.num_splits)
    ]
    split = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *splits)
    room, features = room_for(task, config.added), features_of(task)
    initialize = jax.jit(jax.vmap(model.init, in_axes=(0, None)))
    # Cells differ in name alone, so that the next one does not compile the program again.
    phase = _phase(config, model)

    def train(edges: list[np.ndarray], description: str, draw: int) -> dict[str, list[float]]:
        runs = in_one_shape(edges, task.num_vertices, room)
        axes: Any = Data(jax.tree.map(lambda _: 0, runs)._replace(nodes=None), None, None, 0)
        member = None if task.member is None else jnp.asarray(task.member)
        data = Data(runs._replace(nodes=features), member, jnp.asarray(task.labels), split)
        seeds = jnp.arange(config.num_splits) + config.num_splits * draw
        keys = jax.vmap(jax.random.key)(seeds)
        first = jax.tree.map(lambda array: array[0], runs)._replace(nodes=features)
        params = initialize(keys, first)["params"]
        fitted = fit(keys, params, replace(phase, name=description), data, run_axes=axes)
        rows = np.searchsorted(fitted.log_steps, np.asarray(fitted.best_step))
        return {
            name: fitted.history[name][rows, np.arange(config.num_splits)].tolist()
            for name in ("validation_accuracy", "test_accuracy")
        }

    return train


def logits_of(model: Any, params: Any, data: Data) -> jax.Array:
    """float[m, classes], for each vertex; or for each graph, the mean over its vertices.

    The head of a network is affine, so that its mean over vertices is the head of the mean readout.
    """
    logits: Any = model.apply({"params": params}, data.graph)
    if data.member is None:
        return logits
    number = len(data.labels)
    total = jax.ops.segment_sum(logits, data.member, number, indices_are_sorted=True)
    size = jax.ops.segment_sum(jnp.ones(len(logits)), data.member, number)
    return total / size[:, None]


def _phase(config: Config, model: Any) -> Phase:
    def loss(
        key: jax.Array, params: Any, state: Any, data: Data
    ) -> tuple[jax.Array, tuple[Any, Scalars]]:
        del key
        losses = optax.softmax_cross_entropy_with_integer_labels(
            logits_of(model, params, data), data.labels
        )
        return jnp.mean(losses, where=data.split.train), (state, {})

    def evaluate(params: Any, state: Any, data: Data) -> dict[str, jax.Array]:
        del state
        correct = logits_of(model, params, data).argmax(1) == data.labels
        return {
            "validation_accuracy": jnp.mean(correct, where=data.split.validation),
            "test_accuracy": jnp.mean(correct, where=data.split.test),
        }

    optimizer = optax.chain(
        optax.add_decayed_weights(config.weight_decay), optax.adam(config.learning_rate)
    )
    return Phase(
        "cell", from_loss(loss), optimizer, config.max_steps, config.log_every,
        evaluate=evaluate, stopping=EarlyStopping("validation_accuracy", config.patience),
    )  # fmt: skip
