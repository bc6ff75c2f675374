"""Addition orders against their definition, tried out candidate by candidate, on small graphs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order import walk_index_addition_order
from jwi.order.wis.addition import _add_by_definition
from jwi.order.wis.any_depth import signature_scratch
from jwi.order.wis.shrinking_graph import walk_graph
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs, padded
from tests.oracles import graphs as oracle

MANY = settings(deadline=None, max_examples=30)
RANDOM = st.randoms(use_true_random=False)


def by_definition(num_vertices, edges, candidates, depth, *, undirected):
    """Tries every candidate at every step."""
    edges, left, order = list(edges), list(range(len(candidates))), []
    while left:
        scores = {
            row: oracle.sorted_walk_indices(
                num_vertices, oracle.arcs_of([*edges, candidates[row]], undirected), depth
            )
            for row in left
        }
        best = max(left, key=lambda row: (scores[row], -row))
        left.remove(best)
        edges.append(candidates[best])
        order.append(best)
    return order


def absent_edges(graph, *, undirected):
    """Every pair that is no edge, undirected ones with any vertex first."""
    present = {tuple(edge) for edge in jwi.edge_list(graph)[jwi.edge_mask(graph)].tolist()}
    n = graph.nodes.shape[0]
    pairs = [(u, v) for u in range(n) for v in range(n) if u != v and (u, v) not in present]
    if undirected:
        pairs = [(u, v) if (u + v) % 2 else (v, u) for u, v in pairs if u < v]
    return pairs


@pytest.mark.parametrize("undirected", [True, False])
@MANY
@given(pairs=PAIRS, depth=st.integers(1, 4), random=RANDOM)
def test_orders_are_the_definition(undirected, pairs, depth, random):
    # A graph without any edge counts as undirected.
    graph = from_pairs(pairs if undirected else [(0, 1), *pairs], undirected=undirected)
    candidates = absent_edges(graph, undirected=undirected)
    random.shuffle(candidates)
    candidates = candidates[:7]
    order = walk_index_addition_order(graph, candidates, depth)
    assert order.dtype == np.int32
    assert order.tolist() == by_definition(
        NUM_VERTICES, jwi.edge_list(graph).tolist(), candidates, depth, undirected=undirected
    )


@pytest.mark.parametrize("undirected", [True, False])
@settings(deadline=None, max_examples=8)
@given(pairs=PAIRS, depth=st.integers(5, 7), random=RANDOM)
def test_orders_are_the_definition_for_deep_networks(undirected, pairs, depth, random):
    graph = from_pairs([(0, 1), *pairs[:5]], undirected=undirected)
    candidates = absent_edges(graph, undirected=undirected)
    random.shuffle(candidates)
    candidates = candidates[:6]
    assert walk_index_addition_order(graph, candidates, depth).tolist() == by_definition(
        NUM_VERTICES, jwi.edge_list(graph).tolist(), candidates, depth, undirected=undirected
    )


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("skew", [1, 3])
def test_orders_with_hubs_and_paths(depth, skew):
    rng = np.random.default_rng(depth)
    ends = (14 * rng.random((2, 20)) ** skew).astype(int)
    path = np.arange(13), np.arange(1, 14)
    graph = jwi.from_edges(*np.append(ends, path, axis=1), 14)
    candidates = rng.permutation(absent_edges(graph, undirected=True))[:20]
    expected = by_definition(
        14, jwi.edge_list(graph).tolist(), candidates.tolist(), depth, undirected=True
    )
    assert walk_index_addition_order(graph, candidates, depth).tolist() == expected


def test_at_depth_2_both_designs_go_by_smaller_then_larger_degree():
    rng = np.random.default_rng(0)
    graph = jwi.from_edges(*(200 * rng.random((2, 400)) ** 2).astype(int), 200)
    candidates = rng.permutation(absent_edges(graph, undirected=True))[:600]
    degree = np.bincount(jwi.edge_list(graph).ravel(), minlength=200)
    left, expected = list(range(600)), []
    while left:
        best = min(left, key=lambda row: (*sorted(degree[candidates[row]]), row))
        left.remove(best)
        degree[candidates[best]] += 1
        expected.append(best)
    assert walk_index_addition_order(graph, candidates, 2).tolist() == expected
    pairs = np.append(jwi.edge_list(graph), np.sort(candidates, axis=1), axis=0).astype(np.int32)
    walks = walk_graph(pairs, jwi.closed_walks(graph, 2), 2, undirected=True, num_absent=600)
    watch = np.zeros(2, np.int64)
    order = _add_by_definition(walks, signature_scratch(walks), 600, watch)
    assert order.tolist() == expected


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("undirected", [True, False])
def test_a_short_order_is_the_start_of_the_long_one(depth, undirected):
    rng = np.random.default_rng(4)
    graph = jwi.from_edges(*rng.integers(0, 15, (2, 30)), 15, undirected=undirected)
    candidates = rng.permutation(absent_edges(graph, undirected=undirected))[:40]
    order = walk_index_addition_order(graph, candidates, depth)
    assert sorted(order.tolist()) == list(range(40))
    for num_added in (0, 1, 7, 40):
        short = walk_index_addition_order(graph, candidates, depth, num_added=num_added)
        np.testing.assert_array_equal(short, order[:num_added])


@pytest.mark.parametrize("depth", [2, 3])
def test_removed_edges_are_not_there_and_may_return(depth):
    graph = padded(jwi.from_edges([0, 0, 1, 2, 3], [1, 2, 2, 3, 4], 6), 3)
    masked = jwi.with_edge_mask(graph, [True, False, True, False, True])
    candidates = [[0, 2], [2, 3], [5, 0], [4, 1]]
    order = walk_index_addition_order(masked, candidates, depth)
    expected = walk_index_addition_order(jwi.compact(masked), candidates, depth)
    np.testing.assert_array_equal(order, expected)
    edges = [[0, 1], [1, 2], [3, 4]]
    assert order.tolist() == by_definition(6, edges, candidates, depth, undirected=True)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("candidates", [[], np.zeros((0, 2), np.int32)])
def test_nothing_to_add(depth, candidates):
    graph = jwi.from_edges([0], [1], num_vertices=3)
    assert walk_index_addition_order(graph, candidates, depth).shape == (0,)
    empty = jwi.from_edges([], [], num_vertices=3)
    assert walk_index_addition_order(empty, [[2, 1], [0, 1]], depth).tolist() == [0, 1]


PATH = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=5)


@pytest.mark.parametrize(
    ("candidates", "options", "message"),
    [
        ([0, 2], {}, r"candidates is int64\[2\]: pass two vertices a row, int\[M, 2\]"),
        ([[0, 2, 3]], {}, r"candidates is int64\[1, 3\]"),
        ([[0.0, 2.0]], {}, r"candidates is float64\[1, 2\]: pass two vertices a row"),
        ([[0, 2], [0, 5]], {}, r"candidates\[1\] is \[0, 5\]: vertices are 0 to 4"),
        ([[-1, 2]], {}, r"candidates\[0\] is \[-1, 2\]: vertices are 0 to 4"),
        ([[0, 2], [4, 4]], {}, r"candidates\[1\] is \[4, 4\]: self-loops are always there"),
        ([[0, 2], [2, 1]], {}, r"candidates\[1\] is \[2, 1\]: the graph has this edge already"),
        ([[0, 2], [2, 0]], {}, r"candidates\[1\] is \[2, 0\]: an earlier row is the same edge"),
        ([[0, 2]], {"depth": 0}, "depth is 0: pass how many layers the network has"),
        ([[0, 2]], {"num_added": 2}, "num_added is 2: pass how many of the .* from 0 to 1"),
    ],
)
def test_bad_arguments_are_refused(candidates, options, message):
    with pytest.raises(ValueError, match=message):
        walk_index_addition_order(PATH, candidates, **{"depth": 3, **options})


def test_directed_candidates_may_oppose_an_edge():
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3, undirected=False)
    assert walk_index_addition_order(graph, [[2, 1], [1, 0]], 2).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"candidates\[0\] is \[0, 1\]: the graph has this edge"):
        walk_index_addition_order(graph, [[0, 1]], 2)


def test_walk_indices_that_will_not_fit_are_refused():
    graph = jwi.from_edges([0, 1, 1], [1, 2, 3], num_vertices=4)
    assert walk_index_addition_order(graph, [[0, 2]], 30).tolist() == [0]
    with pytest.raises(OverflowError, match="walks of length 100 from vertex 0 to itself"):
        walk_index_addition_order(graph, [[0, 2]], 100)
