"""The layers against PyTorch Geometric's on the same weights; runs where that is installed."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph.graph import compact
from jwi.networks import (
    GATConv,
    GCNConv,
    GENConv,
    GINConv,
    GINEpsConv,
    LayerNorm,
    weighted_degrees,
)
from tests.cases.messages import LIST, TABLE, random_graph

torch = pytest.importorskip("torch")
pyg = pytest.importorskip("torch_geometric.nn")

IN, OUT = 3, 6


def array(tensor):
    return jnp.asarray(tensor.detach().numpy())


def linear(layer):
    """Weights of a torch linear layer under flax's names."""
    bias = {} if layer.bias is None else {"bias": array(layer.bias)}
    return {"kernel": array(layer.weight).T, **bias}


def gcn_params(layer):
    return {"linear": linear(layer.lin), "bias": array(layer.bias)}


def gat_params(layer):
    return {
        "linear": linear(layer.lin),
        "attention_sender": array(layer.att_src)[0],
        "attention_receiver": array(layer.att_dst)[0],
        "bias": array(layer.bias),
    }


def gin_params(layer):
    return {"mlp": linear(layer.nn)}


def gin_eps_params(layer):
    return {"mlp": linear(layer.nn), "eps": array(layer.eps).reshape(())}


def gen_params(layer):
    first, norm, *_, last = layer.mlp
    norm = {"scale": array(norm.weight), "bias": array(norm.bias)}
    return {"Dense_0": linear(first), "LayerNorm_0": norm, "Dense_1": linear(last)}


CASES = {
    "gcn": (lambda: pyg.GCNConv(IN, OUT), GCNConv(OUT), gcn_params),
    "gat": (lambda: pyg.GATConv(IN, OUT // 2, heads=2), GATConv(OUT, heads=2), gat_params),
    "gin": (
        lambda: pyg.GINConv(torch.nn.Linear(IN, OUT), eps=0.3),
        GINConv(nn.Dense(OUT), eps=0.3),
        gin_params,
    ),
    "gin eps": (
        lambda: pyg.GINConv(torch.nn.Linear(IN, OUT), train_eps=True),
        GINEpsConv(nn.Dense(OUT)),
        gin_eps_params,
    ),
    "gen": (
        lambda: pyg.GENConv(IN, IN, aggr="softmax", t=0.7, num_layers=2, norm="layer", bias=True),
        GENConv(IN, LayerNorm, temperature=0.7, mlp_depth=2),
        gen_params,
    ),
}


def test_gcn_with_weighted_degrees_is_that_of_pytorch_geometric():
    torch.manual_seed(0)
    theirs = pyg.GCNConv(IN, OUT)
    graph = compact(random_graph(0, n=LIST, undirected=False))
    weight = np.random.default_rng(0).uniform(0.1, 3, len(graph.senders)).astype(np.float32)
    arcs = torch.tensor(np.stack([graph.senders, graph.receivers]), dtype=torch.int64)
    expected = theirs(torch.tensor(np.asarray(graph.nodes)), arcs, torch.tensor(weight))
    ours = GCNConv(OUT, weighted_degrees)
    actual = ours.apply({"params": gcn_params(theirs)}, graph, graph.nodes, jnp.asarray(weight))
    np.testing.assert_allclose(actual, expected.detach().numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n", [TABLE, LIST])
@pytest.mark.parametrize("case", CASES)
def test_layer_is_that_of_pytorch_geometric(case, n):
    make, ours, translate = CASES[case]
    torch.manual_seed(0)
    theirs = make()
    with torch.no_grad():
        for parameter in theirs.parameters():
            # Biases and ε start at zero, where parity would say nothing.
            parameter.add_(0.3 * torch.randn_like(parameter))
    graph = random_graph(0, n=n, undirected=False)
    # Their graphs have no mask: they get the smaller graph.
    smaller = compact(graph)
    arcs = torch.tensor(np.stack([smaller.senders, smaller.receivers]), dtype=torch.int64)
    expected = theirs(torch.tensor(np.asarray(graph.nodes)), arcs).detach().numpy()
    actual = ours.apply({"params": translate(theirs)}, graph, graph.nodes)
    np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)
