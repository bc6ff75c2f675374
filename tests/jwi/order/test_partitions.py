"""The order for given partitions, tried out edge by edge with walks that are walked."""

import chex
import jax
import numpy as np
import pytest

import jwi
from jwi.order.wis import partitions as module
from jwi.order.wis.partitions import partition_walk_index_order
from tests.oracles import graphs as oracle

NUM_VERTICES, NUM_EDGES = 6, 9
REMOVE = module._remove.__wrapped__


def expected_order(n, edges, kept, partitions, depth, targets, *, undirected):
    """The definition, in Python integers."""
    subsets = [set(np.flatnonzero(side).tolist()) for side in partitions]
    ends = [None] * len(subsets) if targets is None else targets
    left, order = list(kept), []

    def sorted_indices(without):
        arcs = oracle.arcs_of([edges[e] for e in left if e != without], undirected)
        return sorted(
            oracle.walk_index(n, arcs, subset, depth - 1, end)
            for subset, end in zip(subsets, ends, strict=True)
        )

    while left:
        best = max(left, key=lambda e: (sorted_indices(e), -e))
        left.remove(best)
        order.append(best)
    return order


def random_graph(rng, *, undirected):
    """Edges of few vertices, so that ties are many; some of them are switched off."""
    n = NUM_VERTICES
    pairs = np.array(np.nonzero(np.triu(np.ones((n, n)), 1) if undirected else 1 - np.eye(n)))
    chosen = rng.permutation(pairs.shape[1])[:NUM_EDGES]
    graph = jwi.from_edges(*pairs[:, chosen], n, undirected=undirected)
    return jwi.with_edge_mask(graph, rng.random(NUM_EDGES) < 0.9)


@pytest.mark.parametrize("undirected", [True, False])
@pytest.mark.parametrize("with_targets", [True, False])
def test_order_is_the_definition(undirected, with_targets):
    rng = np.random.default_rng(2 * undirected + with_targets)
    for case in range(24):
        graph = random_graph(rng, undirected=undirected)
        partitions = rng.random((3, NUM_VERTICES)) < 0.5
        targets = rng.integers(0, NUM_VERTICES, 3).tolist() if with_targets else None
        depth = 1 + case % 4
        order = partition_walk_index_order(graph, partitions, depth, targets=targets)
        assert order.dtype == np.int32
        edges, kept = jwi.edge_list(graph).tolist(), np.flatnonzero(jwi.edge_mask(graph)).tolist()
        assert order.tolist() == expected_order(
            NUM_VERTICES, edges, kept, partitions, depth, targets, undirected=undirected
        )


@pytest.mark.parametrize("undirected", [True, False])
def test_single_vertices_give_the_walk_index_order(undirected):
    rng = np.random.default_rng(5)
    singles, vertices = np.eye(NUM_VERTICES, dtype=bool), np.arange(NUM_VERTICES)
    for depth in (1, 2, 3, 4, 6):
        graph = random_graph(rng, undirected=undirected)
        order = partition_walk_index_order(graph, singles, depth, targets=vertices)
        np.testing.assert_array_equal(order, jwi.walk_index_order(graph, depth))


def test_one_side_is_as_good_as_the_other():
    rng = np.random.default_rng(6)
    graph, side = random_graph(rng, undirected=True), rng.random((3, NUM_VERTICES)) < 0.5
    np.testing.assert_array_equal(
        partition_walk_index_order(graph, side, 3), partition_walk_index_order(graph, ~side, 3)
    )


def test_candidates_in_batches_give_the_same_order(monkeypatch):
    graph = random_graph(np.random.default_rng(7), undirected=True)
    side = [[True, False, True, False, True, False]]
    order = partition_walk_index_order(graph, side, 3)
    monkeypatch.setattr(module, "_CELLS", 4 * (2 * NUM_EDGES + NUM_VERTICES + 1))
    monkeypatch.setattr(module, "_remove", jax.jit(REMOVE))
    np.testing.assert_array_equal(partition_walk_index_order(graph, side, 3), order)


def test_padding_and_a_short_order_change_nothing():
    rng = np.random.default_rng(8)
    graph, side = random_graph(rng, undirected=True), rng.random((2, NUM_VERTICES)) < 0.5
    order = partition_walk_index_order(graph, side, 3)
    padded = jwi.pad(graph, num_vertices=NUM_VERTICES + 2, num_edges=NUM_EDGES + 3)
    wider = np.pad(side, ((0, 0), (0, 2)))
    np.testing.assert_array_equal(partition_walk_index_order(padded, wider, 3), order)
    for num_removed in (0, 1, 4):
        short = partition_walk_index_order(graph, side, 3, num_removed=num_removed)
        np.testing.assert_array_equal(short, order[:num_removed])


def test_graphs_without_edges_have_an_empty_order():
    side = [[True, False, False]]
    none = jwi.from_edges([], [], num_vertices=3)
    assert partition_walk_index_order(none, side, 2).shape == (0,)
    removed = jwi.with_edge_mask(jwi.from_edges([0], [1], num_vertices=3), [False])
    assert partition_walk_index_order(removed, side, 2).shape == (0,)


def test_masks_depths_and_partitions_are_compiled_once(monkeypatch):
    monkeypatch.setattr(module, "_remove", jax.jit(chex.assert_max_traces(REMOVE, n=1)))
    rng = np.random.default_rng(9)
    for depth in (1, 3):
        graph = random_graph(rng, undirected=True)
        side = rng.random((2, NUM_VERTICES)) < 0.5
        assert len(partition_walk_index_order(graph, side, depth)) == jwi.edge_mask(graph).sum()


def test_counts_above_32_bits_are_exact():
    # A clique of five makes 5^L walks of length L; a pendant vertex tells the edges apart.
    u, v = np.triu_indices(5, 1)
    graph = jwi.from_edges([*u, 4], [*v, 5], 6)
    side = [[True, True, False, False, False, False]]
    edges = jwi.edge_list(graph).tolist()
    order = partition_walk_index_order(graph, side, 18, num_removed=1)
    # Python integers, by powers rather than walks: there are too many.
    scores = []
    for without in range(len(edges)):
        arcs = oracle.arcs_of(edges[:without] + edges[without + 1 :], undirected=True)
        power = oracle.matrix_power(6, arcs, 17)
        scores.append(sum(sum(power[i]) for i in oracle.boundary(6, arcs, {0, 1})))
    assert max(scores) > 2**32
    assert order[0] == np.argmax(scores)


def test_walk_indices_that_do_not_fit_are_refused():
    graph = jwi.from_edges(*np.triu_indices(5, 1), 5)
    with pytest.raises(OverflowError, match=r"partitions\[1\] has a walk index above 2\^63 − 1"):
        partition_walk_index_order(graph, [[False] * 5, [True] + [False] * 4], 40)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"partitions": [[0, 1, 0, 1]]},
            r"partitions is int64\[1, 4\]: pass a row .* bool\[M, 4\]",
        ),
        ({"partitions": [True, False, True, True]}, r"partitions is bool\[4\]: pass a row"),
        ({"partitions": np.zeros((0, 4), bool)}, r"partitions is bool\[0, 4\]: pass a row"),
        ({"targets": [0, 1]}, r"targets is int64\[2\]: pass one vertex a partition, int\[1\]"),
        ({"targets": [0.0]}, r"targets is float64\[1\]: pass one vertex"),
        ({"targets": [4]}, r"targets\[0\] is 4: vertices are 0 to 3"),
        ({"depth": 0}, "depth is 0: pass how many layers the network has, an integer from 1 to"),
        ({"num_removed": 4}, "num_removed is 4: pass how many of the graph's edges to rank"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
    arguments = {"partitions": [[True, False, False, True]], "depth": 3, **changes}
    with pytest.raises(ValueError, match=message):
        partition_walk_index_order(graph, **arguments)
