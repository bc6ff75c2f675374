"""Groups of edges at hubs: a heap of members, and 2-WIS the same with groups as without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order.wis import in_triangles
from jwi.order.wis.any_depth import remove_by_definition
from jwi.order.wis.depth_3 import remove_by_triangles
from jwi.order.wis.heap import insert
from jwi.order.wis.hub_groups import MOST_TRIANGLES, heap_of, hub_groups, leave
from jwi.order.wis.in_no_triangle import MAX_LEVEL
from jwi.order.wis.queue import set_key


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=60))
def test_a_group_has_its_first_member_on_top(steps):
    star = np.stack([np.zeros(60, np.int32), np.arange(1, 61, dtype=np.int32)], axis=1)
    groups = hub_groups(star, np.bincount(star.ravel()), 60)
    present = {}

    def top():
        return groups.members[0] if groups.sizes[0] else -1

    for edge, (joins, key) in enumerate(steps):
        if joins or not present:
            set_key(groups.keys, edge, np.array([key, -key]), edge)
            insert(heap_of(groups, 0), edge)
            present[edge] = key
        else:
            gone = sorted(present)[key % len(present)]
            leave(groups, 0, gone)
            del present[gone]
        first = min(present, key=lambda edge: (present[edge], edge), default=-1)
        assert top() == first
    while present:
        first = min(present, key=lambda edge: (present[edge], edge))
        assert top() == first
        leave(groups, 0, first)
        del present[first]
    assert top() == -1


def test_edges_are_in_the_group_of_the_larger_hub():
    edges = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [3, 4]], np.int32)
    groups = hub_groups(edges, np.bincount(edges.ravel()), 3)
    assert groups.hub.tolist() == [0, 0, 0, -1, -1]
    assert groups.member_of.tolist() == [0, 1, 2, -1, -1]
    assert groups.first.tolist() == [0, -1, -1, -1, -1]
    assert len(groups.sizes) == MOST_TRIANGLES + 1
    assert hub_groups(edges, np.bincount(edges.ravel()), 4).edge_of.size == 0


def wheel(n):
    """A hub and a cycle around it: its spokes are in two triangles."""
    around = np.arange(1, n)
    return np.append(np.stack([0 * around, around]), [around, np.roll(around, 1)], axis=1)


def star_and_pairs(n, rng):
    pairs = rng.integers(1, n, (2, n // 2))
    return np.append(np.stack([np.zeros(n - 1, int), np.arange(1, n)]), pairs, axis=1)


def cliques_and_pairs(n, rng):
    members = [rng.choice(n, min(n, 6), replace=False) for _ in range(max(1, n // 8))]
    i, j = np.triu_indices(min(n, 6), 1)
    return np.concatenate(
        [rng.integers(0, n, (2, n)), *(np.stack([clique[i], clique[j]]) for clique in members)],
        axis=1,
    )


def three_copies(n, rng):
    ends = rng.integers(0, n, (2, 2 * n))
    return np.concatenate([ends + n * copy for copy in range(3)], axis=1)


GRAPHS = {
    "cliques and pairs": cliques_and_pairs,
    "three copies": three_copies,
    "path": lambda n, rng: np.stack([np.arange(n - 1), np.arange(1, n)]),
    "random": lambda n, rng: rng.integers(0, n, (2, 3 * n)),
    "heavy-tailed": lambda n, rng: (n * rng.random((2, 4 * n)) ** 3).astype(int),
    "star and pairs": star_and_pairs,
    "wheel": lambda n, rng: wheel(n),
    "clique": lambda n, rng: np.stack(np.triu_indices(min(n, 10), 1)),
    "bipartite": lambda n, rng: np.indices((3, n)).reshape(2, -1) + np.array([[0], [3]]),
    "two hubs": lambda n, rng: np.append(
        np.indices((2, n)).reshape(2, -1) + np.array([[0], [2]]), [[0], [1]], axis=1
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("n", [4, 13, 30])
def test_groups_and_keys_change_no_order(name, n, monkeypatch):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        ends = GRAPHS[name](n, rng)
        graph = jwi.from_edges(*ends, ends.max() + 1)
        edges = np.ascontiguousarray(rng.permutation(jwi.edge_list(graph)))
        walks = jwi.closed_walks(graph, 3)
        expected = remove_by_definition(edges, walks, 3, len(edges), undirected=True)
        # Whole signatures tell edges of equal keys apart: shorter keys leave more of them.
        for hub_degree, key in ((1, 8), (2, 4), (4, 8), (7, 4), (10**6, 4), (10**6, 8)):
            monkeypatch.setattr(in_triangles, "_KEY", key)
            order = remove_by_triangles(edges, len(walks), len(edges), hub_degree=hub_degree)
            np.testing.assert_array_equal(order, expected)
            half = remove_by_triangles(edges, len(walks), len(edges) // 2, hub_degree=hub_degree)
            np.testing.assert_array_equal(half, expected[: len(edges) // 2])


def test_the_public_order_has_groups_and_is_that_of_the_definition():
    # Its hub has more edges than the least of hubs.
    rng = np.random.default_rng(0)
    graph = jwi.from_edges(*star_and_pairs(300, rng), 300)
    edges, walks = np.ascontiguousarray(jwi.edge_list(graph)), jwi.closed_walks(graph, 3)
    expected = remove_by_definition(edges, walks, 3, 60, undirected=True)
    np.testing.assert_array_equal(jwi.walk_index_order(graph, 3, num_removed=60), expected)


def test_edges_of_high_walk_indices_are_peeled_off_in_order():
    # Two joined stars; the walk indices of both centers are above the highest level.
    leaves = MAX_LEVEL // 3 + np.array([2, 0])
    centers = np.repeat([0, 1], leaves)
    ends = np.append(centers, 0), np.append(np.arange(2, 2 + leaves.sum()), 1)
    graph = jwi.from_edges(*ends, 2 + leaves.sum())
    edges = jwi.edge_list(graph)
    of_center = [np.flatnonzero((edges.min(axis=1) == c) & (edges.max(axis=1) > 1)) for c in (0, 1)]
    joining = np.flatnonzero(edges.max(axis=1) == 1)
    # The center of more leaves loses the next one; where both have as many, the lower edge goes.
    first, second = of_center
    pairs = np.sort(np.stack([first[2:], second], axis=1), axis=1).ravel()
    expected = np.concatenate([joining, first[:2], pairs])
    # At the end both have one leaf, an edge on its own: by id.
    expected[-2:] = np.sort(expected[-2:])
    np.testing.assert_array_equal(jwi.walk_index_order(graph, 3), expected)
