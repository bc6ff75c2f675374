"""Padded graphs: the same graph to every function, in one shape."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental.sparse import BCOO

import jwi
from jwi.graph.padding import pad
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs

ROOM = {"num_vertices": NUM_VERTICES + 3, "num_edges": 40}


@settings(deadline=None, max_examples=10)
@given(PAIRS, st.booleans(), st.randoms())
def test_edges_and_masks_are_those_of_the_graph(pairs, undirected, random):
    graph = from_pairs(pairs, undirected=undirected)
    keep = np.array([random.random() < 0.6 for _ in jwi.edge_list(graph)], bool)
    graph = jwi.with_edge_mask(graph, keep)
    padded = pad(graph, **ROOM)
    np.testing.assert_array_equal(jwi.edge_list(padded), jwi.edge_list(graph))
    np.testing.assert_array_equal(jwi.edge_mask(padded), keep)
    assert jwi.is_undirected(padded) == jwi.is_undirected(graph)
    everything = jwi.with_edge_mask(padded, np.ones(len(keep), bool))
    assert int(everything.edges.mask.sum()) == len(graph.senders)
    assert np.all(np.diff(padded.receivers) >= 0)
    jax.tree.map(np.testing.assert_array_equal, jwi.compact(padded), jwi.compact(graph))
    jax.tree.map(np.testing.assert_array_equal, pad(padded, **ROOM), padded)


@pytest.mark.parametrize("undirected", [True, False])
def test_walks_and_orders_are_those_of_the_graph(undirected):
    pairs = [(5, 1), (0, 1), (1, 2), (2, 0), (3, 2), (5, 3)]
    graph = from_pairs(pairs, undirected=undirected)
    graph = jwi.with_edge_mask(graph, np.arange(6) != 4)
    padded, n = pad(graph, **ROOM), NUM_VERTICES
    subset = np.arange(n + 3) < 2
    np.testing.assert_array_equal(jwi.count_walks(padded, 3)[:n], jwi.count_walks(graph, 3))
    np.testing.assert_array_equal(jwi.closed_walks(padded, 3)[:n], jwi.closed_walks(graph, 3))
    assert jwi.walk_index(padded, subset, 2) == jwi.walk_index(graph, subset[:n], 2)
    for depth in (2, 3):
        np.testing.assert_array_equal(
            jwi.walk_index_order(padded, depth), jwi.walk_index_order(graph, depth)
        )
    if jwi.is_undirected(graph):
        np.testing.assert_array_equal(
            jwi.one_walk_index_order(padded), jwi.one_walk_index_order(graph)
        )


# With little room arcs are laid out as a table, with much room as a list; both pass messages.
@pytest.mark.parametrize("room", [{"num_edges": 7}, {"num_vertices": 90, "num_edges": 7}])
@pytest.mark.parametrize("function", [jwi.neighbor_sum, jwi.neighbor_product])
def test_messages_are_those_of_the_graph(function, room):
    # The last vertex, at which padding arcs lie, has arcs of its own.
    graph = jwi.from_edges([0, 1, 2, 0], [1, 2, 4, 4], num_vertices=5)
    padded = pad(graph, **room)
    values = jnp.arange(1.0, 11).reshape(5, 2)
    larger = jnp.pad(values, ((0, padded.nodes.shape[0] - 5), (0, 0)), constant_values=7)
    np.testing.assert_array_equal(function(padded, larger)[:5], function(graph, values))
    weights = jnp.arange(1.0, 9)
    padded_weights = jnp.pad(weights, (0, 6), constant_values=9)
    if function is jwi.neighbor_sum:
        np.testing.assert_array_equal(
            function(padded, larger, padded_weights)[:5], function(graph, values, weights)
        )
    np.testing.assert_array_equal(jwi.in_degree(padded)[:5], jwi.in_degree(graph))


def test_features_are_padded_with_zeros():
    graph = jwi.from_edges([0, 1], [1, 2], 3, nodes=np.ones((3, 2), np.float32))
    features = {"weight": jnp.arange(4.0), "kind": jnp.ones((4, 2), jnp.int32)}
    graph = graph._replace(edges=graph.edges._replace(features=features))
    padded = pad(graph, num_vertices=4, num_edges=3)
    np.testing.assert_array_equal(padded.nodes, [[1, 1]] * 3 + [[0, 0]])
    assert padded.edges.features["weight"].tolist() == [0, 1, 2, 3, 0, 0]
    assert padded.edges.features["kind"].shape == (6, 2)
    assert (padded.n_node.tolist(), padded.n_edge.tolist()) == ([3, 1], [4, 2])


def test_sparse_features_are_padded_too():
    dense = np.array([[0, 2], [0, 0], [3, 0]], np.float32)
    graph = jwi.from_edges([0, 1], [1, 2], 3, nodes=BCOO.fromdense(dense))
    for padded in (pad(graph, num_vertices=5), pad(pad(graph, num_vertices=9), num_vertices=5)):
        np.testing.assert_array_equal(padded.nodes.todense(), [*dense, [0, 0], [0, 0]])
    np.testing.assert_array_equal(jwi.compact(padded).nodes.todense(), dense)


def test_graphs_of_one_size_are_traced_once_and_stacked():
    graphs = [
        pad(jwi.from_edges(*edges), num_vertices=5, num_edges=4)
        for edges in (([0], [1], 2), ([0, 1, 2, 3], [1, 2, 3, 0], 4), ([], [], 5))
    ]

    def num_vertices_and_arcs(graph):
        return graph.n_node[0], jwi.in_degree(graph).sum()

    compiled = jax.jit(chex.assert_max_traces(num_vertices_and_arcs, n=1))
    assert [[int(x) for x in compiled(graph)] for graph in graphs] == [[2, 2], [4, 8], [5, 0]]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *graphs)
    assert [x.tolist() for x in jax.vmap(num_vertices_and_arcs)(batch)] == [[2, 4, 5], [2, 8, 0]]


def test_room_that_is_not_given_is_that_of_the_graph():
    graph = jwi.from_edges([0, 1], [1, 2], 3)
    assert pad(graph).senders.shape == (4,)
    padded = pad(graph, num_vertices=6, num_edges=5)
    assert pad(padded).senders.shape == (10,)
    assert pad(padded, num_edges=2, num_vertices=3).senders.shape == (4,)


@pytest.mark.parametrize(
    ("room", "message"),
    [
        ({"num_vertices": 2}, "num_vertices is 2: pass room for the graph's 3 vertices, .* ≥ 3"),
        ({"num_edges": 1}, "num_edges is 1: pass room for the graph's 2 edges, removed ones too"),
        ({"num_edges": True}, "num_edges is True: pass room for .*, an integer ≥ 2"),
    ],
)
def test_too_little_room_is_refused(room, message):
    graph = jwi.with_edge_mask(jwi.from_edges([0, 1], [1, 2], 3), [True, False])
    with pytest.raises(ValueError, match=message):
        pad(graph, **room)
