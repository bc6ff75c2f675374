"""Edges that must stay: pruning against slow walks down the order."""

import networkx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.graph.building import build_host_graph
from jwi.graph.components import spanning_forest
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs

CYCLE = jwi.from_edges([0, 1, 2, 3], [1, 2, 3, 0], num_vertices=4)
STAR = jwi.from_edges([0, 0, 0, 0], [1, 2, 3, 4], num_vertices=5)


def network_of(edges):
    network = networkx.MultiGraph()
    network.add_nodes_from(range(NUM_VERTICES))
    network.add_edges_from((*ends, edge) for edge, ends in enumerate(edges))
    return network


def slow_prune(edges, order, count, protect=(), keep_connected=False, low=0, high=10**9):
    """The edges that go, by the definition: each is tried on a networkx graph.

    The forest is found first, on a graph of its own: an edge is in it if its removal would part the
    graph of the edges behind it in the order and of the forest so far (reverse-delete algorithm).
    """
    network, whole = network_of(edges), network_of(edges)
    forest = set()
    if keep_connected:
        ranked = [edge for edge in order if edge not in protect]
        for edge in ranked:
            parts = networkx.number_connected_components(whole)
            whole.remove_edge(*edges[edge], edge)
            if networkx.number_connected_components(whole) > parts:
                whole.add_edge(*edges[edge], edge)
                forest.add(edge)
    gone = []

    def try_to_remove(edge):
        ends = edges[edge]
        held = edge in protect or edge in forest or edge in gone
        if not held and min(network.degree(end) for end in ends) > low:
            network.remove_edge(*ends, edge)
            gone.append(edge)

    for edge in order:
        if max(network.degree(end) for end in edges[edge]) > high:
            try_to_remove(edge)
    for edge in order:
        if len(gone) < count:
            try_to_remove(edge)
    highest = max(degree for _, degree in network.degree)
    return gone, highest


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.booleans(), st.randoms(use_true_random=False), st.data())
def test_every_mixture_of_constraints_is_a_walk_down_the_order(pairs, undirected, random, data):
    ends = np.array(pairs, int).reshape(-1, 2).T
    # Graphs on the host: JAX would compile for each shape.
    graph = build_host_graph(*ends, NUM_VERTICES, undirected=undirected)
    edges = graph.edges.tolist()
    order = list(range(len(edges)))
    random.shuffle(order)
    order = order[: data.draw(st.integers(0, len(order)))]
    protect = data.draw(st.sets(st.sampled_from(order))) if order else set()
    connected, low = data.draw(st.booleans()), data.draw(st.integers(0, 3))
    high = data.draw(st.none() | st.integers(low, 5))
    count = data.draw(st.integers(0, len(edges)))
    gone, highest = slow_prune(
        edges, order, count, protect, connected, low, 10**9 if high is None else high
    )
    # `prune` refuses what cannot be had.
    possible = len(gone) == count and (high is None or highest <= high)
    given = {"protect": sorted(protect), "keep_connected": connected, "min_degree": low}
    if possible:
        pruned = jwi.prune(graph, order, num_removed=count, max_degree=high, **given)
        assert pruned.removed.tolist() == gone
        assert np.flatnonzero(~pruned.graph.mask).tolist() == sorted(gone)
    else:
        with pytest.raises(ValueError, match=r"remove|max_degree"):
            jwi.prune(graph, order, num_removed=count, max_degree=high, **given)


@settings(deadline=None, max_examples=30)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_forest_is_the_heaviest_and_components_are_scipys(pairs, random):
    graph = from_pairs(pairs, undirected=True)
    edges = jwi.edge_list(graph)
    order = list(range(len(edges)))
    random.shuffle(order)
    forest = spanning_forest(edges[order], NUM_VERTICES)
    network = networkx.Graph()
    network.add_weighted_edges_from(
        (*edges[edge].tolist(), -place) for place, edge in enumerate(order)
    )
    heaviest = networkx.maximum_spanning_edges(network, data=False)
    kept = {frozenset(ends) for ends in edges[order][forest.mask].tolist()}
    assert kept == {frozenset(ends) for ends in heaviest}
    number, component = scipy.sparse.csgraph.connected_components(jwi.to_scipy(graph))
    assert forest.num_components == number
    lowest = [np.flatnonzero(component == one).min() for one in component]
    assert forest.component.tolist() == lowest


def test_cuts_with_constraints_are_nested():
    ends = np.random.default_rng(0).integers(0, 12, (2, 40))
    graph = jwi.from_edges(*ends, num_vertices=12)
    order = np.random.default_rng(1).permutation(len(jwi.edge_list(graph)))
    given = {"protect": order[:3], "keep_connected": True, "min_degree": 2}
    longest = jwi.prune(graph, order, num_removed=10, **given).removed
    for count in range(10):
        removed = jwi.prune(graph, order, num_removed=count, **given).removed
        assert removed.tolist() == longest[:count].tolist()


def test_the_highest_degree_alone_removes_no_more_than_it_must():
    order = [3, 1, 0, 2]
    assert jwi.prune(STAR, order, max_degree=2).removed.tolist() == [3, 1]
    assert jwi.prune(STAR, order, max_degree=4).removed.tolist() == []
    assert jwi.prune(STAR, order, max_degree=3, num_removed=2).removed.tolist() == [3, 1]


def test_masked_graphs_are_pruned_on():
    graph = jwi.prune(CYCLE, [0], num_removed=1).graph
    with pytest.raises(ValueError, match="protect has the edge 0, which the graph's mask has"):
        jwi.prune(graph, [1, 2, 3], num_removed=1, protect=[0])
    with pytest.raises(ValueError, match="1 edges are to be removed and 0 may go"):
        jwi.prune(graph, [1, 2, 3], num_removed=1, keep_connected=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"num_removed": 3, "keep_connected": True, "protect": [0]},
            "3 edges are to be removed and 1 may go: protect and keep_connected hold the others,"
            " so remove at most 1$",
        ),
        ({"keep": 0, "min_degree": 1}, "min_degree holds the others, so remove at most 2$"),
        ({"num_removed": 1, "protect": [4]}, "protect has the edge 4: edge ids are rows of"),
        ({"num_removed": 1, "protect": [1, 1]}, "protect has the edge 1 more than once: name"),
        ({"num_removed": 1, "min_degree": -1}, "min_degree is -1: pass how many edges a vertex"),
        (
            {"max_degree": 1, "min_degree": 2},
            "max_degree is 1: pass how many edges a vertex keeps at most, an integer ≥ 2",
        ),
        (
            {"max_degree": 0, "protect": [2]},
            "max_degree is 0 and vertex 2 keeps 1 edges, held by protect or an order that does",
        ),
        (
            {"max_degree": 1, "num_removed": 1},
            "1 edges are to be removed and max_degree = 1 takes 2: remove at least 2, or leave",
        ),
        ({}, "num_removed is None and keep is None: pass one of them, and one only"),
    ],
)
def test_what_cannot_be_had_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        jwi.prune(CYCLE, [0, 2, 1, 3], **given)


def test_remedies_work():
    assert len(jwi.prune(CYCLE, [0, 2, 1, 3], num_removed=2, min_degree=1).removed) == 2
    assert len(jwi.prune(CYCLE, [0, 2, 1, 3], num_removed=2, max_degree=1).removed) == 2
