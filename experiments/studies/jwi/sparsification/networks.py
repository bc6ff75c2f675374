"""The networks of the sparsification study, their training, and the paper's settings for them."""

from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

import jwi
import jwi.networks
from experiments.data.vertex_classification import Split
from experiments.engine.loop import GradientFn, Scalars, from_loss

NetworkName = Literal["gcn", "gin", "resgcn"]


class Settings(NamedTuple):
    """Hyper-parameters of a network on a data set.

    Attributes:
        width: Of every layer.
        depth: Number of layers.
        learning_rate: Adam's.
        weight_decay: Of the gradient (an L2 penalty), not decoupled.
        ugs_penalty: UGS's weight of the masks' absolute values.
    """

    width: int
    depth: int
    learning_rate: float
    weight_decay: float
    ugs_penalty: float


_SIZES = {"gcn": (64, 3), "gin": (64, 3), "resgcn": (128, 10)}
# The paper's learning rate, weight decay and UGS penalty.
_PAPER = {
    ("cora", "gcn"): (5e-4, 1e-3, 1e-2),
    ("cora", "gin"): (1e-3, 1e-3, 1e-2),
    ("cora", "resgcn"): (5e-4, 1e-3, 1e-4),
    ("dblp", "gcn"): (1e-3, 1e-4, 1e-2),
    ("dblp", "gin"): (1e-3, 1e-3, 1e-2),
    ("dblp", "resgcn"): (5e-4, 1e-4, 1e-4),
    ("ogbn-arxiv", "gcn"): (1e-3, 0.0, 1e-2),
    ("ogbn-arxiv", "gin"): (1e-3, 0.0, 1e-2),
    ("ogbn-arxiv", "resgcn"): (1e-3, 0.0, 1e-2),
    ("chameleon", "gcn"): (1e-3, 1e-4, 1e-2),
    ("squirrel", "gcn"): (5e-4, 0.0, 1e-4),
    ("computers", "gcn"): (1e-3, 1e-4, 1e-2),
}
_ELSEWHERE = (1e-3, 1e-4, 1e-2)


def settings(dataset: str, network: NetworkName, **others: Any) -> Settings:
    """The paper's settings, or plausible ones where it has none.

    Args:
        dataset: Name of the data set.
        network: Name of the network.
        **others: Fields of `Settings` to use instead; None leaves the paper's.
    """
    rates = _PAPER.get((dataset, network), _ELSEWHERE)
    asked = {name: value for name, value in others.items() if value is not None}
    return Settings(*_SIZES[network], *rates)._replace(**asked)


def make_network(name: NetworkName, settings: Settings, num_classes: int) -> nn.Module:
    """The network of that name, with logits for each vertex."""
    networks = {"gcn": jwi.GCN, "gin": jwi.GINEps, "resgcn": jwi.ResGCN}
    return networks[name](settings.width, settings.depth, num_classes)


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
    """What a run trains on; runs share all but ``keep``."""

    graph: Any
    labels: jax.Array
    split: Split
    keep: jax.Array


# Where the axis of runs is, as in vmap's in_axes.
RUN_AXES = Data(graph=None, labels=None, split=None, keep=0)  # type: ignore[arg-type]


def initialize(model: nn.Module, keys: jax.Array, graph: Any) -> tuple[Any, Any]:
    """Parameters and batch statistics of R runs, from R keys."""
    variables = jax.jit(jax.vmap(model.init, in_axes=(0, None)))(keys, graph)
    return variables["params"], {k: v for k, v in variables.items() if k != "params"}


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
    """What the loop descends."""

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
