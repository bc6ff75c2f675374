"""Closed walks against powers of the adjacency matrix in Python integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi import progress as watched
from tests.cases.graphs import PAIRS, from_pairs
from tests.oracles import graphs as oracle


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.booleans(), st.integers(0, 6))
def test_closed_walks_are_the_diagonal_of_the_power(pairs, undirected, length):
    graph = from_pairs(pairs, undirected=undirected)
    power = oracle.matrix_power(6, oracle.arcs_of(jwi.edge_list(graph), undirected), length)
    counts = jwi.closed_walks(graph, length)
    assert counts.dtype == np.int64
    assert counts.tolist() == [power[t][t] for t in range(6)]


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.booleans(), st.integers(1, 4))
def test_closed_walks_are_the_walk_indices_of_single_vertices(pairs, undirected, depth):
    graph = from_pairs(pairs, undirected=undirected)
    entered = np.bincount(graph.receivers, minlength=6) > 0
    indices = np.where(entered, jwi.closed_walks(graph, depth), 0)
    arcs = oracle.arcs_of(jwi.edge_list(graph), undirected)
    assert indices.tolist() == [
        oracle.walk_index(6, arcs, {t}, depth - 1, target=t) for t in range(6)
    ]


def test_removed_edges_count_for_nothing():
    graph = jwi.from_edges([0, 1, 2, 0], [1, 2, 3, 2], num_vertices=4)
    graph = jwi.with_edge_mask(graph, [True, True, False, True])
    assert jwi.closed_walks(graph, 4).tolist() == jwi.closed_walks(jwi.compact(graph), 4).tolist()


# An edge has 2^(length − 1) closed walks from either end.
@pytest.mark.parametrize("length", [64, 65, 66, 130, 2000])
def test_what_exceeds_int64_is_refused_even_if_it_wraps_to_a_small_number(length):
    edge = jwi.from_edges([0], [1], num_vertices=3)
    assert jwi.closed_walks(edge, 63).tolist() == [2**62, 2**62, 1]
    message = (
        rf"more than 2\^63 − 1 walks of length {length} from vertex 0 to itself: pass a shorter"
    )
    with pytest.raises(OverflowError, match=message):
        jwi.closed_walks(edge, length)


def test_a_negative_length_is_refused():
    with pytest.raises(ValueError, match="length is -1: pass how many steps a walk has"):
        jwi.closed_walks(jwi.from_edges([0], [1], num_vertices=3), -1)


@pytest.mark.parametrize("length", [622, 2050, 4001])
@pytest.mark.parametrize("size", [2, 10])
def test_infinite_estimates_hide_no_overflow_on_directed_graphs(size, length):
    # Vertices that are all connected, one that leads to them, and one that they lead to: of the
    # last two, only the self-loops come back, and yet numbers without end meet there.
    u, v = (ends.ravel() for ends in np.indices((size, size)))
    source, sink = size, size + 1
    ends = np.append(u, [source, 0]), np.append(v, [0, sink])
    graph = jwi.from_edges(*ends, size + 2, undirected=False)
    with pytest.raises(OverflowError, match="from vertex 0 to itself"):
        jwi.closed_walks(graph, length)
    with pytest.raises(OverflowError, match="from vertex 0 to itself"):
        jwi.walk_index_order(graph, length)
    chain = jwi.from_edges([0, 1], [1, 2], 3, undirected=False)
    assert jwi.closed_walks(chain, length).tolist() == [1, 1, 1]


@pytest.mark.parametrize("length", [2**31, 2**63, 10**30])
def test_lengths_that_nobody_can_walk_are_refused(length):
    message = f"length is {length}: pass how many steps a walk has, an integer from 0 to 2147483647"
    for graph in (jwi.from_edges([0], [1], 2), jwi.from_edges([0], [1], 2, undirected=False)):
        for count in (jwi.closed_walks, jwi.count_walks):
            with pytest.raises(ValueError, match=message):
                count(graph, length)
        with pytest.raises(ValueError, match=f"depth is {length}: pass how many layers"):
            jwi.walk_index_order(graph, length)


def test_long_counts_tell_how_far_they_are_and_stop(monkeypatch):
    monkeypatch.setattr(watched, "_TICK", 0.001)
    rng = np.random.default_rng(0)
    for undirected in (True, False):
        graph = jwi.from_edges(*rng.integers(0, 3000, (2, 9000)), 3000, undirected=undirected)
        shares = []
        jwi.closed_walks(graph, 8, progress=shares.append)
        assert shares == sorted(shares)
        assert len(set(shares)) > 3
        assert shares[-1] == 1
