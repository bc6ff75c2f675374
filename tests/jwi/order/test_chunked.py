"""Orders in chunks: exact for chunks of one edge, else one step of Algorithm 1 for each chunk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order.wis.chunked import chunked_walk_index_order
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs
from tests.oracles import graphs as oracle

MANY = settings(deadline=None, max_examples=30)
each_direction = pytest.mark.parametrize("undirected", [True, False])


def in_chunks(n, edges, depth, chunk_size, *, undirected):
    """The definition: ranks all edges, takes a chunk, ranks again."""
    left, order = list(range(len(edges))), []
    while left:
        scores = {
            e: oracle.sorted_walk_indices(
                n, oracle.arcs_of([edges[f] for f in left if f != e], undirected), depth
            )
            for e in left
        }
        # Sorting is stable: of equal scores the lowest id comes first.
        ranking = sorted(left, key=lambda e: [-index for index in scores[e]])
        order += ranking[:chunk_size]
        left = sorted(ranking[chunk_size:])
    return order


@each_direction
@MANY
@given(PAIRS, st.integers(1, 4), st.integers(1, 12))
def test_chunks_are_ranked_by_the_definition(undirected, pairs, depth, chunk_size):
    graph = from_pairs(pairs, undirected=undirected)
    edges = jwi.edge_list(graph).tolist()
    order = chunked_walk_index_order(graph, depth, chunk_size)
    assert order.dtype == np.int32
    # A graph of no edges is undirected.
    expected = in_chunks(NUM_VERTICES, edges, depth, chunk_size, undirected=undirected)
    assert order.tolist() == expected


@each_direction
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_chunks_of_one_edge_are_exact(undirected, depth):
    ends = (30 * np.random.default_rng(depth).random((2, 90)) ** 2).astype(int)
    graph = jwi.from_edges(*ends, 30, undirected=undirected)
    np.testing.assert_array_equal(
        chunked_walk_index_order(graph, depth, 1), jwi.walk_index_order(graph, depth)
    )


def test_a_masked_graph_is_ranked_as_its_compacted_one():
    graph = jwi.from_edges(*np.random.default_rng(0).integers(0, 20, (2, 60)), 20)
    graph = jwi.with_edge_mask(graph, np.arange(len(jwi.edge_list(graph))) % 3 > 0)
    old_id = np.flatnonzero(jwi.edge_mask(graph))
    order = chunked_walk_index_order(graph, 3, 7)
    np.testing.assert_array_equal(order, old_id[chunked_walk_index_order(jwi.compact(graph), 3, 7)])
    for num_removed in (0, 1, 7, 12):
        short = chunked_walk_index_order(graph, 3, 7, num_removed=num_removed)
        np.testing.assert_array_equal(short, order[:num_removed])


def test_a_graph_without_edges_has_an_empty_order():
    assert chunked_walk_index_order(jwi.from_edges([], [], num_vertices=3), 3, 5).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "depth is 0: pass how many layers the network has, an integer from 1 to"),
        ((3, 0), "chunk_size is 0: pass how many edges to remove between two rankings"),
        ((3, True), "chunk_size is True: pass how many edges"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
    with pytest.raises(ValueError, match=message):
        chunked_walk_index_order(graph, *arguments)
    with pytest.raises(ValueError, match="num_removed is 3: pass how many of the graph's edges"):
        chunked_walk_index_order(graph, 3, 1, num_removed=3)
