"""Logarithms of walk counts against logarithms of Python integers."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from tests.cases.graphs import complete_digraph, padded
from tests.oracles import graphs as oracle

N = 5
MASKS = st.lists(st.booleans(), min_size=N * (N - 1), max_size=N * (N - 1))
SUBSETS = st.lists(st.booleans(), min_size=N, max_size=N)
TARGETS = st.none() | st.integers(0, N - 1)


def log(count):
    return math.log(count) if count else -math.inf


def log_counts(graph, length, target):
    arcs = oracle.arcs_of(jwi.edge_list(graph)[jwi.edge_mask(graph)], jwi.is_undirected(graph))
    n = len(graph.nodes)
    power = oracle.matrix_power(n, arcs, length)
    return [log(sum(row) if target is None else row[target]) for row in power]


@settings(deadline=None, max_examples=60)
@given(MASKS, SUBSETS, st.integers(0, 4), TARGETS)
def test_logarithms_are_those_of_the_exact_counts(keep, subset, length, target):
    graph = jwi.with_edge_mask(complete_digraph(N), keep)
    logs = jwi.log_count_walks(graph, length, target)
    np.testing.assert_allclose(logs, log_counts(graph, length, target), rtol=1e-6, atol=1e-6)
    inside = jnp.array(subset)
    index = log(jwi.walk_index(graph, inside, length, target))
    np.testing.assert_allclose(
        jwi.log_walk_index(graph, inside, length, target), index, rtol=1e-6, atol=1e-6
    )


# Far beyond every float: up to 6^3000 walks beside one walk that stands still.
@pytest.mark.parametrize(("x64", "tolerance"), [(False, 2e-7), (True, 1e-14)])
@pytest.mark.parametrize("target", [None, 1])
def test_counts_far_beyond_every_integer_type(x64, tolerance, target):
    clique, path = np.array([(u, v) for u in range(6) for v in range(u)]), np.array([[6, 7]])
    graph = jwi.from_edges(*np.concatenate([clique, path]).T, num_vertices=9)
    expected = log_counts(graph, 3000, target)
    with jax.enable_x64(x64):
        logs = jwi.log_count_walks(graph, 3000, target)
    assert logs.dtype == (np.float64 if x64 else np.float32)
    np.testing.assert_allclose(logs, expected, rtol=tolerance)


def test_removed_edges_and_padding_count_for_nothing():
    graph = jwi.from_edges([0, 1, 2, 0], [1, 2, 3, 2], num_vertices=4)
    masked = jwi.with_edge_mask(graph, [True, True, False, True])
    compact = jwi.log_count_walks(jwi.compact(masked), 4)
    np.testing.assert_allclose(jwi.log_count_walks(masked, 4), compact, rtol=1e-6)
    np.testing.assert_allclose(jwi.log_count_walks(padded(masked, 3), 4), compact, rtol=1e-6)


def test_one_trace_serves_a_vmapped_sweep_of_masks_and_lengths():
    graph = complete_digraph(4)
    keeps = np.arange(36).reshape(3, 12) % 5 > 0
    subsets = np.eye(4, dtype=bool)[:3]

    def masked_index(graph, keep, subset, length):
        return jwi.log_walk_index(jwi.with_edge_mask(graph, keep), subset, length)

    traced = chex.assert_max_traces(masked_index, n=1)
    sweep = jax.jit(jax.vmap(traced, (None, 0, 0, None)))
    for length in range(3):
        expected = [
            log(jwi.walk_index(jwi.with_edge_mask(graph, keep), subset, length))
            for keep, subset in zip(keeps, subsets, strict=True)
        ]
        np.testing.assert_allclose(sweep(graph, keeps, subsets, length), expected, rtol=1e-6)
