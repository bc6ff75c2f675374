"""1-WIS in rounds against the host's order of one edge at a time, which has its own oracle."""

import chex
import jax
import numpy as np
import pytest

import jwi
from jwi.order.wis.depth_2_traced import one_walk_index_order_with_rounds

NUM_VERTICES, NUM_EDGES = 24, 120
COMPILED = jax.jit(one_walk_index_order_with_rounds)


def random_graph(rng, *, skew):
    """A graph of any size, padded to one shape."""
    n = int(rng.integers(2, NUM_VERTICES + 1))
    ends = (n * rng.random((2, int(rng.integers(1, NUM_EDGES + 1)))) ** skew).astype(int)
    return jwi.from_edges(*ends, n)


def padded(graph):
    return jwi.pad(graph, num_vertices=NUM_VERTICES, num_edges=NUM_EDGES)


def assert_is_order_of(order, graph):
    """The kept edges in the host's order, then −1."""
    expected = jwi.one_walk_index_order(graph)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(order[: len(expected)], expected)
    np.testing.assert_array_equal(order[len(expected) :], -1)


@pytest.mark.parametrize("skew", [1.0, 2.0, 5.0])
def test_order_is_the_one_of_the_host(skew):
    rng = np.random.default_rng(int(skew))
    for _ in range(40):
        graph = random_graph(rng, skew=skew)
        order, num_rounds = COMPILED(padded(graph))
        assert_is_order_of(order, graph)
        assert (len(jwi.edge_list(graph)) > 0) == (num_rounds > 0)
        assert num_rounds <= len(jwi.edge_list(graph))


@pytest.mark.parametrize(
    ("graph", "num_rounds"),
    [
        # One edge at the hub a round.
        (jwi.from_edges(np.zeros(9, int), np.arange(1, 10), 10), 9),
        # A matching goes at once.
        (jwi.from_edges(np.arange(0, 20, 2), np.arange(1, 20, 2), 20), 1),
        # All degrees are 2: the edges by id, one after the other, as each waits for the one before.
        (jwi.from_edges(np.arange(9), (np.arange(9) + 1) % 9, 9), None),
        (jwi.from_edges(*np.triu_indices(9, 1), 9), None),
        (jwi.from_edges(np.repeat(np.arange(5), 6), np.tile(np.arange(5, 11), 5), 11), None),
    ],
    ids=["star", "matching", "cycle", "clique", "bipartite"],
)
def test_graphs_full_of_ties(graph, num_rounds):
    order, rounds = COMPILED(padded(graph))
    assert_is_order_of(order, graph)
    assert num_rounds is None or rounds == num_rounds


def test_masks_are_vmapped_with_one_trace():
    graph = padded(random_graph(np.random.default_rng(9), skew=2.0))
    num_edges = len(jwi.edge_list(graph))
    masks = np.random.default_rng(10).random((5, num_edges)) < np.linspace(0, 1, 5)[:, None]

    def order_of(keep):
        return one_walk_index_order_with_rounds(jwi.with_edge_mask(graph, keep))

    compiled = jax.jit(jax.vmap(chex.assert_max_traces(order_of, n=1)))
    for keep in (masks, ~masks):
        orders, num_rounds = compiled(keep)
        for order, mask in zip(orders, keep, strict=True):
            assert_is_order_of(order, jwi.with_edge_mask(graph, mask))
        assert num_rounds[np.argmin(keep.sum(axis=1))] == 0


def test_a_larger_graph_with_hubs():
    rng = np.random.default_rng(11)
    graph = jwi.from_edges(*(400 * rng.random((2, 3000)) ** 3).astype(int), 400)
    order, num_rounds = one_walk_index_order_with_rounds(graph)
    assert_is_order_of(order, graph)
    assert num_rounds < len(order) / 4


def test_a_graph_without_edges_has_an_empty_order():
    order, num_rounds = one_walk_index_order_with_rounds(jwi.from_edges([], [], num_vertices=3))
    assert order.shape == (0,)
    assert num_rounds == 0


def test_directed_graphs_are_refused():
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3, undirected=False)
    with pytest.raises(ValueError, match=r"graph is directed .* to jwi.walk_index_order"):
        one_walk_index_order_with_rounds(graph)
