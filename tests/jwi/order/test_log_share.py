"""The order by log shares of the walk index, against its definition, edge by edge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import jwi
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs


def degrees(num_vertices, edges):
    return [sum(t in edge for edge in edges) for t in range(num_vertices)]


def defined_order(num_vertices, edges):
    start, left, order = degrees(num_vertices, edges), dict(enumerate(edges)), []
    while left:
        now = degrees(num_vertices, left.values())

        def key(edge, now=now):
            a, b = (start[t] + 8 * now[t] for t in left[edge])
            # A quotient of two integers of any size, rounded once.
            return (a + b) / (a * b), edge

        order.append(min(left, key=key))
        del left[order[-1]]
    return order


@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_the_order_is_its_definition_on_small_graphs(pairs):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph).tolist()
    assert jwi.log_share_order(graph).tolist() == defined_order(NUM_VERTICES, edges)


@pytest.mark.parametrize("skew", [1, 3, 8])
def test_the_order_is_its_definition_with_hubs_and_masks(skew):
    rng = np.random.default_rng(skew)
    graph = jwi.from_edges(*(60 * rng.random((2, 300)) ** skew).astype(int), 60)
    edges = jwi.edge_list(graph)
    keep = rng.random(len(edges)) < 0.7
    expected = np.flatnonzero(keep)[defined_order(60, edges[keep].tolist())]
    masked = jwi.with_edge_mask(graph, keep)
    np.testing.assert_array_equal(jwi.log_share_order(masked), expected)


def test_each_score_is_the_slope_of_the_objective():
    """The smallest score is the edge that costs least to first order, for shares that are real."""
    rng = np.random.default_rng(0)
    start = rng.integers(1, 30, 6)
    now = np.minimum(start, rng.integers(1, 30, 6))

    def objective(u, v, step):
        left = now.astype(float)
        left[[u, v]] -= step
        return sum(math.log1p(8 * a / b) for a, b in zip(left, start, strict=True))

    for u, v in [(0, 1), (2, 5), (3, 4)]:
        a, b = start[u] + 8 * now[u], start[v] + 8 * now[v]
        slope = (objective(u, v, -1e-5) - objective(u, v, 1e-5)) / 2e-5
        assert slope == pytest.approx(8 * (a + b) / (a * b), rel=1e-6)


def test_a_directed_graph_is_refused_and_no_edges_are_none():
    with pytest.raises(ValueError, match="log share"):
        jwi.log_share_order(jwi.from_edges([0, 1], [1, 2], 3, undirected=False))
    assert jwi.log_share_order(jwi.from_edges([], [], 3)).tolist() == []
