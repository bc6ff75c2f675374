"""Cutting an order: what goes, what stays, what is refused."""

import chex
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from tests.cases.graphs import padded

CYCLE = (np.arange(10), (np.arange(10) + 1) % 10, 10)
ORDER = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])


def test_the_first_edges_of_the_order_go():
    graph = jwi.from_edges(*CYCLE)
    pruned = jwi.prune(graph, ORDER, num_removed=3)
    assert pruned.removed.tolist() == [3, 1, 4]
    assert pruned.removed.dtype == np.int32
    assert np.flatnonzero(~jwi.edge_mask(pruned.graph)).tolist() == [1, 3, 4]
    jax.tree.map(chex.assert_equal_shape, list(zip(pruned.graph, graph, strict=True))[2:4])
    assert jwi.edge_mask(graph).all()


def test_pruning_goes_on_from_a_pruned_graph():
    graph = jwi.prune(jwi.from_edges(*CYCLE), ORDER, num_removed=6).graph
    again = jwi.prune(graph, ORDER[6:], keep=0.5)
    assert again.removed.tolist() == [2, 6]
    assert np.flatnonzero(jwi.edge_mask(again.graph)).tolist() == [7, 8]


def test_padding_is_no_edge():
    pruned = jwi.prune(padded(jwi.from_edges(*CYCLE), 5), ORDER, keep=0.3)
    assert len(pruned.removed) == 7
    assert pruned.graph.edges.mask.sum() == 6


# Halves are kept: of 10 edges, 0.25 is 2.5, hence 3.
@pytest.mark.parametrize(
    ("keep", "kept"), [(0, 0), (0.04, 0), (0.05, 1), (0.25, 3), (0.5, 5), (0.94, 9), (1.0, 10)]
)
def test_keep_is_rounded_to_the_nearest_number_of_edges(keep, kept):
    pruned = jwi.prune(jwi.from_edges(*CYCLE), ORDER, keep=keep)
    assert jwi.edge_mask(pruned.graph).sum() == kept
    assert pruned.removed.tolist() == ORDER[: 10 - kept].tolist()


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(10)), st.integers(0, 10), st.integers(0, 10))
def test_cuts_of_one_order_are_nested(order, fewer, more):
    graph = jwi.from_edges(*CYCLE)
    fewer, more = sorted((fewer, more))
    first = jwi.prune(graph, order, num_removed=fewer)
    second = jwi.prune(graph, order, num_removed=more)
    assert second.removed[:fewer].tolist() == first.removed.tolist()
    assert np.all(jwi.edge_mask(second.graph) <= jwi.edge_mask(first.graph))


def test_a_sweep_compiles_once():
    graph = jwi.from_edges(*CYCLE)
    num_arcs = jax.jit(chex.assert_max_traces(lambda g: g.edges.mask.sum(), n=1))
    kept = [
        int(num_arcs(jwi.prune(graph, ORDER, keep=keep).graph)) for keep in (1.0, 0.7, 0.4, 0.0)
    ]
    assert kept == [20, 14, 8, 0]


def test_a_graph_without_edges_can_be_pruned_of_nothing():
    pruned = jwi.prune(jwi.from_edges([], [], num_vertices=2), [], keep=0.5)
    assert pruned.removed.shape == (0,)


@pytest.mark.parametrize(
    ("order", "cut", "message"),
    [
        (ORDER, {"keep": 1.1}, r"keep is 1\.1: pass the share of edges that stays, from 0 to 1"),
        (ORDER, {"keep": -0.1}, r"keep is -0\.1: pass the share of edges that stays"),
        (ORDER, {"keep": float("nan")}, "keep is nan: pass the share of edges that stays"),
        (ORDER, {}, "num_removed is None and keep is None: pass one of them, and one only"),
        (ORDER, {"num_removed": 2, "keep": 0.8}, "num_removed is 2 and keep is 0.8: pass one"),
        (ORDER, {"num_removed": 11}, "num_removed is 11: pass how many edges go, .* from 0 to 10"),
        (ORDER, {"num_removed": -1}, "num_removed is -1: pass how many edges go"),
        (ORDER, {"num_removed": True}, "num_removed is True: pass how many edges go"),
        (ORDER[:4], {"num_removed": 5}, "order ranks 4 edges and 5 are to be removed: rank more"),
        ([0, 1, 0], {"num_removed": 1}, "order has the edge 0 more than once: name each edge once"),
        ([0, 10], {"num_removed": 1}, r"order has the edge 10: .* jwi\.edge_list, here 0 to 9"),
        ([0, -1], {"num_removed": 1}, r"order has the edge -1: .*cut the order at the −1 that"),
        ([0.0, 1.0], {"num_removed": 1}, r"order is float64\[2\]: pass a vector of edge ids"),
        ([[0, 1]], {"num_removed": 1}, r"order is int64\[1, 2\]: pass a vector of edge ids"),
        (ORDER == 3, {"num_removed": 1}, r"order is bool\[10\]: pass a vector of edge ids"),
    ],
)
def test_bad_arguments_are_refused(order, cut, message):
    with pytest.raises(ValueError, match=message):
        jwi.prune(jwi.from_edges(*CYCLE), order, **cut)


def test_an_order_with_removed_edges_is_refused():
    graph = jwi.prune(jwi.from_edges(*CYCLE), ORDER, num_removed=2).graph
    with pytest.raises(
        ValueError, match="order has the edge 3, which the graph's mask has removed"
    ):
        jwi.prune(graph, ORDER, num_removed=1)
