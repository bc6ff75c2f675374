"""Walk counts and walk indices against a depth-first search in Python integers."""

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


def kept_arcs(graph):
    return oracle.arcs_of(jwi.edge_list(graph)[jwi.edge_mask(graph)], jwi.is_undirected(graph))


def directed_path(n):
    return jwi.from_edges(np.arange(n - 1), np.arange(1, n), n, undirected=False)


def overflowing_pair():
    """An edge 0 – 1 with 2^length walks from each end, and an arc 2 → 3 with few."""
    return jwi.from_edges([0, 1, 2], [1, 0, 3], num_vertices=4, undirected=False)


# Masks over one complete graph: every directed graph on N vertices, and one compilation.
@settings(deadline=None, max_examples=60)
@given(MASKS, SUBSETS, st.integers(0, 4), TARGETS)
def test_counts_and_indices_are_those_of_the_definition(keep, subset, length, target):
    graph = jwi.with_edge_mask(complete_digraph(N), keep)
    arcs, inside = kept_arcs(graph), {v for v in range(N) if subset[v]}
    ends = [oracle.walks_from(N, arcs, v, length) for v in range(N)]
    expected = [sum(row) if target is None else row[target] for row in ends]
    counts = jwi.count_walks(graph, length, target)
    assert counts.dtype == np.int64
    assert counts.tolist() == expected
    assert set(np.flatnonzero(jwi.boundary(graph, subset))) == oracle.boundary(N, arcs, inside)
    index = jwi.walk_index(graph, subset, length, target)
    assert type(index) is int
    assert index == oracle.walk_index(N, arcs, inside, length, target)


@settings(deadline=None, max_examples=30)
@given(MASKS, SUBSETS, TARGETS, st.permutations(range(N)))
def test_relabelling_vertices_relabels_counts(keep, subset, target, to):
    graph = jwi.with_edge_mask(complete_digraph(N), keep)
    tails, heads = jwi.edge_list(graph).T
    to = np.array(to)
    moved = jwi.with_edge_mask(jwi.from_edges(to[tails], to[heads], N, undirected=False), keep)
    new_target = None if target is None else to[target]
    np.testing.assert_array_equal(
        jwi.count_walks(moved, 3, new_target)[to], jwi.count_walks(graph, 3, target)
    )
    new_subset = np.zeros(N, bool)
    new_subset[to] = subset
    assert jwi.walk_index(moved, new_subset, 3) == jwi.walk_index(graph, subset, 3)


@settings(deadline=None, max_examples=30)
@given(MASKS, MASKS, SUBSETS)
def test_more_edges_never_mean_fewer_walks(keep, more, subset):
    sparse = jwi.with_edge_mask(complete_digraph(N), keep)
    dense = jwi.with_edge_mask(sparse, np.array(keep) | more)
    assert np.all(jwi.count_walks(sparse, 3) <= jwi.count_walks(dense, 3))
    assert jwi.walk_index(sparse, subset, 3) <= jwi.walk_index(dense, subset, 3)


def test_two_cliques_joined_by_an_edge():
    # Figure of the image pairs: the first clique alone, against every second vertex of both.
    u, v = np.triu_indices(16, 1)
    graph = jwi.from_edges([*u, *(u + 16), 0], [*v, *(v + 16), 16], num_vertices=32)
    assert jwi.walk_index(graph, np.arange(32) < 16, length=2) == 548
    assert jwi.walk_index(graph, np.arange(32) % 2 == 0, length=2) == 8258


def test_removed_edges_and_padding_count_for_nothing():
    graph = jwi.with_edge_mask(complete_digraph(4), np.arange(12) % 3 > 0)
    smaller, larger = jwi.compact(graph), padded(graph, 3)
    subset = [True, False, False, True]
    for other in (smaller, larger):
        np.testing.assert_array_equal(jwi.count_walks(graph, 5), jwi.count_walks(other, 5))
        assert jwi.walk_index(graph, subset, 5) == jwi.walk_index(other, subset, 5)


def test_a_graph_without_edges_has_walks_that_stand_still():
    graph = jwi.from_edges([], [], num_vertices=3)
    assert jwi.count_walks(graph, 4).tolist() == [1, 1, 1]
    assert jwi.count_walks(graph, 4, target=1).tolist() == [0, 1, 0]
    assert jwi.walk_index(graph, [True, False, False], 4) == 0


def test_a_subset_without_a_crossing_edge_has_index_zero():
    graph = complete_digraph(4)
    assert jwi.walk_index(graph, np.ones(4, bool), 3) == jwi.walk_index(graph, [False] * 4, 3) == 0


# From the first vertex of a directed path of n vertices start Σ_{j < n} C(length, j) walks.
def test_the_largest_int64_is_counted_and_one_more_is_refused():
    assert jwi.count_walks(directed_path(63), 63)[0] == 2**63 - 1
    with pytest.raises(
        OverflowError, match=r"more than 2\^63 − 1 walks of length 63 at vertex 0: pass a shorter"
    ):
        jwi.count_walks(directed_path(64), 63)


@pytest.mark.parametrize("x64", [False, True])
def test_overflow_is_flagged_exactly_in_both_modes(x64):
    bits = 63 if x64 else 31
    with jax.enable_x64(x64):
        for n, fits in ((bits, True), (bits + 1, False)):
            counts, overflowed = jwi.count_walks_with_overflow(directed_path(n), bits)
            assert counts.dtype == (np.int64 if x64 else np.int32)
            assert int(counts[0]) == 2**bits - 1
            assert bool(overflowed[0]) != fits
            assert not overflowed[1:].any()


@pytest.mark.parametrize("length", [64, 65, 100, 1000])
def test_a_count_stays_too_large_however_long_the_walk(length):
    counts, overflowed = jwi.count_walks_with_overflow(overflowing_pair(), length)
    assert overflowed.tolist() == [True, True, False, False]
    assert counts.tolist()[2:] == [length + 1, 1]
    _, overflowed = jwi.count_walks_with_overflow(overflowing_pair(), length, 1)
    assert overflowed.tolist() == [True, True, False, False]
    with pytest.raises(OverflowError, match="at vertex 0: pass a shorter"):
        jwi.count_walks(overflowing_pair(), length)
    with pytest.raises(OverflowError, match="at vertex 0: pass a shorter"):
        jwi.count_walks(overflowing_pair(), length, 1)


def test_an_overflow_away_from_the_boundary_does_not_matter():
    graph, subset = overflowing_pair(), np.array([False, False, True, False])
    assert jwi.walk_index(graph, subset, 70) == 1
    with pytest.raises(OverflowError, match=r"walk_index: more than .* at vertex 0"):
        jwi.walk_index(graph, [True, False, False, False], 70)


def test_the_sum_over_the_boundary_has_no_limit():
    graph, subset = overflowing_pair(), np.array([True, False, False, False])
    assert jwi.walk_index(graph, subset, 62) == 2**63
    for x64, length in ((False, 30), (True, 62)):
        with jax.enable_x64(x64):
            index, overflowed = jwi.walk_index_with_overflow(graph, subset, length)
            assert (int(index), bool(overflowed)) == (2 ** (length + 1) - 1, True)
            index, overflowed = jwi.walk_index_with_overflow(graph, subset, length - 1)
            assert (int(index), bool(overflowed)) == (2**length, False)


def test_many_large_counts_meet_at_one_vertex():
    # Words carry: vertex 0 sends to 300 vertices, each of which has 2^23 − 1 or 2^55 − 1 walks.
    for x64, length in ((False, 22), (True, 54)):
        tails = np.concatenate([np.zeros(300, int), np.arange(1, 301), np.arange(301, 601)])
        heads = np.concatenate([np.arange(1, 301), np.arange(301, 601), np.arange(1, 301)])
        graph = jwi.from_edges(tails, heads, 601, undirected=False)
        # From the 300 pairs 2^k walks of length k; from vertex 0 one, and 300 · (2^k − 1).
        with jax.enable_x64(x64):
            counts, overflowed = jwi.count_walks_with_overflow(graph, length)
        assert int(counts[0]) == 1 + 300 * (2**length - 1)
        assert not overflowed.any()
        assert jwi.count_walks(graph, length).tolist() == counts.tolist()


def test_kernels_vmap_over_masks_subsets_and_targets():
    graph = complete_digraph(4)
    keeps = np.arange(36).reshape(3, 12) % 5 > 0
    subsets = np.eye(4, dtype=bool)[:3]
    targets = np.arange(3)

    def masked_index(graph, keep, subset, target):
        graph = jwi.with_edge_mask(graph, keep)
        return jwi.walk_index_with_overflow(graph, subset, 3, target)

    indices, overflowed = jax.vmap(masked_index, (None, 0, 0, 0))(graph, keeps, subsets, targets)
    assert not overflowed.any()
    for i in range(3):
        masked = jwi.with_edge_mask(graph, keeps[i])
        assert indices[i] == jwi.walk_index(masked, subsets[i], 3, i)


def test_one_trace_serves_a_sweep_of_masks_lengths_and_targets():
    graph = complete_digraph(4)
    kernel = chex.assert_max_traces(jwi.count_walks_with_overflow.__wrapped__, n=1)
    kernel = jax.jit(kernel)
    for length in range(3):
        masked = jwi.with_edge_mask(graph, np.arange(12) >= length)
        counts, _ = kernel(masked, length, length)
        assert counts.tolist() == jwi.count_walks(masked, length, length).tolist()

    kernel = jax.jit(chex.assert_max_traces(jwi.walk_index_with_overflow.__wrapped__, n=1))
    for length in range(3):
        index, _ = kernel(graph, jnp.arange(4) == length, length)
        assert index == jwi.walk_index(graph, np.arange(4) == length, length)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([True, False], 2), r"subset is bool\[2\]: pass one boolean a vertex, bool\[4\]"),
        (([0, 1, 0, 1], 2), r"subset is int\d+\[4\]: pass one boolean a vertex"),
        (([0.0, 1.0, 0.0, 1.0], 2), r"subset is float\d+\[4\]: pass one boolean a vertex"),
        (([True] * 4, -1), "length is -1: pass how many steps a walk has, an integer from 0 to"),
        (([True] * 4, True), "length is True: pass how many steps a walk has"),
        (([True] * 4, 2, 4), "target is 4: pass a vertex or None, an integer from 0 to 3"),
        (([True] * 4, 2, -1), "target is -1: pass a vertex or None, an integer from 0 to 3"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        jwi.walk_index(complete_digraph(4), *arguments)
    if "subset" not in message:
        with pytest.raises(ValueError, match=message):
            jwi.count_walks(complete_digraph(4), *arguments[1:])


def test_under_jit_a_subset_that_is_no_subset_is_refused_when_traced():
    with pytest.raises(ValueError, match="pass one boolean a vertex"):
        jax.jit(jwi.boundary)(complete_digraph(4), jnp.ones(4))


def test_too_many_vertices_for_32_bit_mode_are_refused():
    graph = jwi.from_edges([0], [1], num_vertices=2)
    info = jwi.GraphInfo(2**24, 1, undirected=True)
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match="graph has 16777216 vertices: in 32-bit mode sums"),
    ):
        jax.eval_shape(jwi.count_walks_with_overflow, graph._replace(globals=info), 1)


def test_counts_that_cannot_grow_are_not_walked_to_the_end():
    # Two billion steps of the loop would take hours.
    dense = jwi.from_edges(*np.triu_indices(300, 1), 301)
    with pytest.raises(OverflowError, match="walks of length 2147483647 at vertex 0"):
        jwi.count_walks(dense, 2**31 - 1)
    assert jwi.count_walks(dense, 2**31 - 1, target=300).tolist() == [0] * 300 + [1]
    assert jwi.count_walks(jwi.from_edges([], [], 2), 2**31 - 1).tolist() == [1, 1]


def test_counts_that_grow_on_are_exact():
    arc = jwi.from_edges([0], [1], 2, undirected=False)
    assert jwi.count_walks(arc, 10**6).tolist() == [10**6 + 1, 1]
