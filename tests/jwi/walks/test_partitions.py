"""Walk indices of all parts of a partition, and of all single vertices, against one at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs


@settings(deadline=None, max_examples=30)
@given(
    PAIRS,
    st.booleans(),
    st.lists(st.integers(-1, 2), min_size=6, max_size=6),
    st.none() | st.integers(0, NUM_VERTICES - 1),
)
def test_walk_indices_of_disjoint_sets(pairs, undirected, parts, target):
    graph = from_pairs(pairs, undirected=undirected)
    found = jwi.walk_indices(graph, parts, 2, target)
    assert found == [
        jwi.walk_index(graph, np.array(parts) == part, 2, target) for part in range(max(parts) + 1)
    ]


def test_sums_over_a_boundary_have_no_limit():
    graph = jwi.from_edges([0, 2, 4], [1, 3, 5], num_vertices=6)
    # Each end of an edge starts 2^62 walks of that length.
    assert jwi.walk_indices(graph, [0, 1, 0, 1, 0, -1], 62) == [6 * 2**62, 4 * 2**62]


@settings(deadline=None, max_examples=15)
@given(PAIRS, st.booleans(), st.integers(0, 3))
def test_own_walk_indices(pairs, undirected, length):
    graph = from_pairs(pairs, undirected=undirected)
    own = [
        jwi.walk_index(graph, np.arange(NUM_VERTICES) == t, length, target=t)
        for t in range(NUM_VERTICES)
    ]
    assert jwi.own_walk_indices(graph, length).tolist() == own


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([0, 1], r"parts is int64\[2\]: pass one integer ≥ −1 a vertex, int\[3\]"),
        ([0.0, 1.0, 1.0], r"parts is float64\[3\]: pass one integer"),
        ([0, -2, 1], r"parts is int64\[3\]: pass one integer ≥ −1"),
        ([0, 3, 1], "parts has the part 3 and the graph has 3 vertices: pass parts numbered"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        jwi.walk_indices(jwi.from_edges([0], [1], 3), parts, 1)


def test_a_negative_length_is_refused():
    graph = jwi.from_edges([0], [1], 3)
    message = "length is -1: pass how many steps a walk has"
    with pytest.raises(ValueError, match=message):
        jwi.walk_indices(graph, [0, 1, 1], -1)
    with pytest.raises(ValueError, match=message):
        jwi.own_walk_indices(graph, -1)


def test_an_overflow_away_from_the_boundaries_does_not_matter():
    # Walks between 0 and 1 double with each step; both are in one part.
    graph = jwi.from_edges([0, 1, 2], [1, 0, 3], num_vertices=4, undirected=False)
    assert jwi.walk_indices(graph, [0, 0, 1, 2], 70) == [0, 1, 1]
    with pytest.raises(OverflowError, match=r"walk_indices: more than .* at vertex 0"):
        jwi.walk_indices(graph, [0, 1, 2, 2], 70)
