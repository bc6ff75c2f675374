"""Networks on pairs of images: their loss, gradient and accuracy."""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

import jwi
import jwi.networks
from experiments.data.pairs_on_cliques import Samples
from experiments.engine.phases import GradientFn
from experiments.studies.jwi.same_class.config import Config


class Data(NamedTuple):
    """Training and test pairs, which all runs share."""

    graph: Any
    train: Samples
    test: Samples


# Where the axis of runs is, as in vmap's in_axes: nowhere.
RUN_AXES = Data(graph=None, train=None, test=None)  # type: ignore[arg-type]


class GINWithLoops(jwi.networks.GIN):
    """GIN-0 on a graph whose vertices have self-loops: a vertex is its own neighbor too."""

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution: the vertex itself, and once more as its neighbor."""
        return jwi.networks.GINConv(self.mlp(train=train), eps=1.0)


def make_network(name: str, config: Config) -> nn.Module:
    """The network of that name, with one logit a graph."""
    settings: dict[str, Any] = {
        "width": config.width,
        "depth": config.depth,
        "num_outputs": 1,
        "readout": jwi.mean_readout,
    }
    match name:
        case "gcn":
            return jwi.networks.GCN(**settings)
        case "gat":
            return jwi.networks.GAT(**settings, heads=4)
        case _:
            norm = partial(jwi.networks.batch_norm, axis_name="pairs")
            return GINWithLoops(**settings, mlp_norm=norm)


def predict(
    network: nn.Module,
    params: Any,
    model_state: Any,
    graph: Any,
    features: jax.Array,
    *,
    train: bool,
) -> tuple[jax.Array, Any]:
    """Logits float32[p] and the new model state.

    In training, GIN's batch statistics are over the vertices of all pairs.
    """

    def one(nodes: jax.Array) -> tuple[jax.Array, Any]:
        variables = {"params": params, **model_state}
        logits, updated = network.apply(
            variables, graph._replace(nodes=nodes), train=train, mutable=list(model_state)
        )
        return logits[0], updated

    return jax.vmap(one, axis_name="pairs", out_axes=(0, None))(features)


def evaluate(network: nn.Module, params: Any, model_state: Any, data: Data) -> dict[str, jax.Array]:
    """Train accuracy as seen in training, with batch statistics; test accuracy without."""
    accuracy = {}
    for split, shown in (("train", data.train), ("test", data.test)):
        logits, _ = predict(
            network, params, model_state, data.graph, shown.features, train=split == "train"
        )
        accuracy[f"{split}_accuracy"] = jnp.mean((logits > 0) == shown.same)
    return accuracy


def in_chunks(gradient_fn: GradientFn, num_chunks: int) -> GradientFn:
    """The gradient over all train pairs, as the mean over chunks of equally many pairs.

    Exact where pairs meet in the mean loss alone, that is without batch statistics.
    """

    def chunked(
        key: jax.Array, params: Any, model_state: Any, data: Data
    ) -> tuple[Any, Any, dict[str, jax.Array]]:
        def one(model_state: Any, chunk: Samples) -> tuple[Any, tuple[Any, jax.Array]]:
            gradient, model_state, info = gradient_fn(
                key, params, model_state, data._replace(train=chunk)
            )
            return model_state, (gradient, info["loss"])

        chunks = jax.tree.map(lambda a: a.reshape(num_chunks, -1, *a.shape[1:]), data.train)
        model_state, (gradients, losses) = jax.lax.scan(one, model_state, chunks)
        gradient = jax.tree.map(lambda g: g.mean(axis=0), gradients)
        return gradient, model_state, {"loss": losses.mean()}

    return chunked


def loss(
    network: nn.Module, key: jax.Array, params: Any, model_state: Any, data: Data
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """Binary cross-entropy over all train pairs."""
    logits, model_state = predict(
        network, params, model_state, data.graph, data.train.features, train=True
    )
    losses = optax.sigmoid_binary_cross_entropy(logits, data.train.same.astype(logits.dtype))
    return losses.mean(), (model_state, {})
