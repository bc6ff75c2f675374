"""The GCN with weighted degrees against DGL's on the same weights; runs where that is installed."""

import jax.numpy as jnp
import numpy as np
import pytest

import jwi
from tests.cases.messages import LIST, random_graph

torch = pytest.importorskip("torch")
dgl = pytest.importorskip("dgl")


def test_gcn_with_weighted_degrees_is_that_of_dgl():
    """With self-loops of weight 1, DGL divides by the root of the sums out of one end and into
    the other: on an undirected graph these are the sums of both ends."""
    graph = jwi.compact(random_graph(0, n=LIST, undirected=True))
    senders, receivers = np.asarray(graph.senders), np.asarray(graph.receivers)
    number = jwi.edge_ids(graph, senders, receivers)
    weight = np.random.default_rng(0).uniform(0.1, 3, number.max() + 1).astype(np.float32)[number]
    loops = np.arange(LIST)
    ends = np.concatenate([senders, loops]), np.concatenate([receivers, loops])
    theirs = dgl.graph(tuple(map(torch.from_numpy, ends)), num_nodes=LIST)
    with_loops = torch.from_numpy(np.concatenate([weight, np.ones(LIST, np.float32)]))
    torch.manual_seed(0)
    layer = dgl.nn.GraphConv(3, 6, norm="none")
    torch.nn.init.normal_(layer.bias)
    norm = dgl.nn.EdgeWeightNorm(norm="both")(theirs, with_loops)
    expected = layer(theirs, torch.tensor(np.asarray(graph.nodes)), edge_weight=norm)
    kernel, bias = (jnp.asarray(each.detach().numpy()) for each in (layer.weight, layer.bias))
    params = {"params": {"linear": {"kernel": kernel}, "bias": bias}}
    ours = jwi.GCNConv(6, jwi.weighted_degrees)
    actual = ours.apply(params, graph, graph.nodes, jnp.asarray(weight))
    np.testing.assert_allclose(actual, expected.detach().numpy(), atol=1e-5, rtol=1e-5)
