"""How networks are trained on a graph of which each run keeps some edges."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

import jwi
import jwi.networks
from experiments.data.vertex_classification import Split
from experiments.engine.phases import GradientFn, Scalars, from_loss
from experiments.studies.jwi.sparsification.settings import Settings


def make_optimizer(settings: Settings, decayed: Any = None) -> optax.GradientTransformation:
    """Adam on the gradient of the loss and of an L2 penalty.

    Args:
        settings: Learning rate and weight decay.
        decayed: A prefix of the tree of parameters, True where the L2 penalty holds; None for all.
    """
    return optax.chain(
        optax.add_decayed_weights(settings.weight_decay, decayed),
        optax.adam(settings.learning_rate),
    )


class Data(NamedTuple):
    """The data of a run; runs share everything except `keep`."""

    graph: Any
    labels: jax.Array
    split: Split
    keep: jax.Array


# Where the axis of runs is, as in vmap's in_axes.
RUN_AXES = Data(graph=None, labels=None, split=None, keep=0)  # type: ignore[arg-type]


def cross_entropy(
    model: nn.Module,
    key: jax.Array,
    params: Any,
    model_state: Any,
    data: Data,
    weight: jax.Array | None = None,
) -> tuple[jax.Array, Any]:
    """Mean over the training vertices, on the graph without the removed edges; and the new state.

    Args:
        model: The network.
        key: Of dropout.
        params: Its parameters.
        model_state: Its batch statistics, if it has any.
        data: What to train on.
        weight: float[E], multiplies the messages of each edge; 1 if not given.
    """
    logits, model_state = model.apply(
        {"params": params, **model_state},
        jwi.with_edge_mask(data.graph, data.keep),
        _on_arcs(weight, data.graph),
        train=True,
        mutable=list(model_state),
        rngs={"dropout": key},
    )
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, data.labels)
    return jnp.mean(losses, where=data.split.train), model_state


def gradient_of_loss(model: nn.Module) -> GradientFn:
    """The gradient function of the loss."""

    def loss(
        key: jax.Array, params: Any, model_state: Any, data: Data
    ) -> tuple[jax.Array, tuple[Any, Scalars]]:
        value, model_state = cross_entropy(model, key, params, model_state, data)
        return value, (model_state, {})

    return from_loss(loss)


def evaluate(
    model: nn.Module, params: Any, model_state: Any, data: Data, weight: jax.Array | None = None
) -> dict[str, jax.Array]:
    """Accuracy on the validation and on the test vertices; arguments as in `cross_entropy`."""
    logits: Any = model.apply(
        {"params": params, **model_state},
        jwi.with_edge_mask(data.graph, data.keep),
        _on_arcs(weight, data.graph),
    )
    correct = logits.argmax(1) == data.labels
    return {
        "validation_accuracy": jnp.mean(correct, where=data.split.validation),
        "test_accuracy": jnp.mean(correct, where=data.split.test),
    }


def _on_arcs(weight: jax.Array | None, graph: Any) -> jax.Array | None:
    return None if weight is None else weight[graph.edges.id]
