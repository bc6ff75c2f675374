"""The hand-over from 1-WIS to DSpar, against both by their definitions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

import jwi
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs


def defined_order(num_vertices, edges):
    start = [sum(t in edge for edge in edges) for t in range(num_vertices)]
    left, order = dict(enumerate(edges)), []
    while left:
        now = [sum(t in edge for edge in left.values()) for t in range(num_vertices)]
        if len(order) < 4 * len(edges) // 5:
            # 1-WIS: the largest smaller degree, then the largest larger one.
            keys = {e: (sorted(-now[t] for t in ends)[::-1], e) for e, ends in left.items()}
        else:
            keys = {e: (sum(Fraction(1, start[t]) for t in ends), e) for e, ends in left.items()}
        order.append(min(left, key=keys.__getitem__))
        del left[order[-1]]
    return order


@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_the_order_is_its_definition_on_small_graphs(pairs):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph).tolist()
    assert jwi.wis_then_dspar_order(graph).tolist() == defined_order(NUM_VERTICES, edges)


@pytest.mark.parametrize("skew", [1, 3])
def test_the_order_is_its_definition_with_hubs_and_masks(skew):
    rng = np.random.default_rng(skew)
    graph = jwi.from_edges(*(60 * rng.random((2, 300)) ** skew).astype(int), 60)
    edges = jwi.edge_list(graph)
    keep = rng.random(len(edges)) < 0.7
    expected = np.flatnonzero(keep)[defined_order(60, edges[keep].tolist())]
    masked = jwi.with_edge_mask(graph, keep)
    np.testing.assert_array_equal(jwi.wis_then_dspar_order(masked), expected)


def test_a_directed_graph_is_refused():
    with pytest.raises(ValueError, match="1-WIS, then DSpar"):
        jwi.wis_then_dspar_order(jwi.from_edges([0, 1], [1, 2], 3, undirected=False))
