"""Graphs of networkx and PyTorch Geometric, pruned as they are."""

import functools

import networkx
import numpy as np
import pytest

import jwi

RANK = functools.partial(jwi.walk_index_order, depth=2)
# A self-loop before all other edges, so that places among the edges are no edge ids.
EDGES = [(5, 5), ("x", "y"), ("y", "z"), ("z", "x"), ("z", 5)]


@pytest.mark.parametrize("kind", [networkx.Graph, networkx.MultiGraph])
def test_networkx_is_pruned_in_place(kind):
    network = kind(EDGES)
    if kind is networkx.MultiGraph:
        network.add_edge("x", "y", name="parallel")
    nodes = {label: f"vertex {label}" for label in network}
    networkx.set_node_attributes(network, nodes, "name")
    networkx.set_edge_attributes(network, {edge: str(edge) for edge in network.edges}, "ends")
    before = network.copy()
    removed = jwi.prune_networkx(network, RANK, num_removed=2)
    graph, labels = jwi.from_networkx(before)
    expected = jwi.edge_list(graph)[RANK(graph)[:2]]
    assert removed == [(labels[u], labels[v]) for u, v in expected]
    gone = {frozenset(edge) for edge in removed}
    assert dict(network.nodes(data="name")) == nodes
    kept = [edge for edge in before.edges(data=True) if frozenset(edge[:2]) not in gone]
    assert list(network.edges(data=True)) == kept
    assert network.has_edge(5, 5)


def test_directed_networks_and_protected_edges():
    network = networkx.DiGraph([("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")])
    first = jwi.prune_networkx(network.copy(), RANK, num_removed=1)
    assert jwi.prune_networkx(network.copy(), RANK, num_removed=1, protect=first) != first
    (u, v), *_ = jwi.prune_networkx(network, RANK, num_removed=3, protect=first)
    assert list(network.edges) == first
    assert (u, v) not in first
    for pair in (("a", "c"), ("a", "nobody")):
        with pytest.raises(ValueError, match=r"protect has .*, which is no edge of network"):
            jwi.prune_networkx(network, RANK, num_removed=0, protect=[pair])


def test_a_transform_prunes_data():
    torch = pytest.importorskip("torch")
    data = pytest.importorskip("torch_geometric.data")
    transforms = pytest.importorskip("torch_geometric.transforms")
    ends = torch.tensor([[0, 1, 1, 2, 2, 0, 2, 2, 3], [1, 0, 2, 1, 0, 2, 2, 3, 2]])
    whole = data.Data(x=torch.eye(4), edge_index=ends, edge_attr=torch.arange(9.0), y=torch.ones(4))
    pruned = transforms.Compose([jwi.PruneEdges(RANK, num_removed=1)])(whole)
    assert whole.num_edges == 9
    graph = jwi.from_pyg(whole)
    u, v = jwi.edge_list(graph)[RANK(graph)[0]].tolist()
    kept = [set(pair) != {u, v} for pair in ends.T.tolist()]
    assert pruned.edge_attr.tolist() == np.arange(9.0)[kept].tolist()
    assert pruned.edge_index.tolist() == ends.numpy()[:, kept].tolist()
    assert torch.equal(pruned.y, whole.y)
    assert [2, 2] in pruned.edge_index.T.tolist()


def test_data_without_edges_and_of_several_kinds():
    torch = pytest.importorskip("torch")
    data = pytest.importorskip("torch_geometric.data")
    prune = jwi.PruneEdges(RANK, keep=0.5)
    assert repr(prune).startswith("PruneEdges(functools.partial(")
    alone = data.Data(edge_index=torch.tensor([[0], [0]]), num_nodes=3)
    assert prune(alone).edge_index.tolist() == [[0], [0]]
    none = data.Data(edge_index=torch.zeros((2, 0), dtype=torch.int64), num_nodes=3)
    assert prune(none).num_edges == 0
    with pytest.raises(ValueError, match="data has no edge_index: pass a"):
        prune(data.Data(num_nodes=3))
    several = data.HeteroData()
    several["author"].num_nodes, several["paper"].num_nodes = 2, 3
    several["author", "writes", "paper"].edge_index = torch.tensor([[0, 1], [2, 0]])
    with pytest.raises(ValueError, match=r"data is a HeteroData.*pass data.to_homogeneous"):
        prune(several)
    assert prune(several.to_homogeneous()).num_edges == 1
