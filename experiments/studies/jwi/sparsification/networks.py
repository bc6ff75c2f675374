"""The networks of the sparsification study, and their initial weights."""

from typing import Any

import flax.linen as nn
import jax

import jwi
import jwi.networks
from experiments.studies.jwi.sparsification.settings import NetworkName, Settings


def make_network(name: NetworkName, settings: Settings, num_classes: int) -> nn.Module:
    """The network of that name, with logits for each vertex."""
    networks = {"gcn": jwi.GCN, "gin": jwi.GINEps, "resgcn": jwi.ResGCN}
    return networks[name](settings.width, settings.depth, num_classes)


def initialize(model: nn.Module, keys: jax.Array, graph: Any) -> tuple[Any, Any]:
    """Parameters and batch statistics of R runs, from R keys."""
    variables = jax.jit(jax.vmap(model.init, in_axes=(0, None)))(keys, graph)
    return variables["params"], {k: v for k, v in variables.items() if k != "params"}
