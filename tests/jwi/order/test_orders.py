"""Removal orders against Algorithms 1 and 2, tried out edge by edge, on small graphs with ties."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order.wis.any_depth import remove_by_definition
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs
from tests.oracles import graphs as oracle

MANY = settings(deadline=None, max_examples=40)
FEW = settings(deadline=None, max_examples=15)
DEPTHS = st.integers(1, 4)


def random_graph(rng, num_vertices, num_pairs, *, skew=1.0):
    """Random edges; a larger skew gives vertices of smaller number larger degrees."""
    ends = (num_vertices * rng.random((2, num_pairs)) ** skew).astype(int)
    return jwi.from_edges(*ends, num_vertices)


@MANY
@given(PAIRS, DEPTHS)
def test_walk_index_order_is_algorithm_1_on_undirected_graphs(pairs, depth):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph).tolist()
    expected = oracle.algorithm_1(NUM_VERTICES, edges, depth, undirected=True)
    order = jwi.walk_index_order(graph, depth)
    assert order.dtype == np.int32
    assert order.tolist() == expected


@MANY
@given(PAIRS, DEPTHS)
def test_walk_index_order_is_algorithm_1_on_directed_graphs(pairs, depth):
    graph = from_pairs(pairs, undirected=False)
    edges = jwi.edge_list(graph).tolist()
    expected = oracle.algorithm_1(NUM_VERTICES, edges, depth, undirected=False)
    assert jwi.walk_index_order(graph, depth).tolist() == expected


@FEW
@given(PAIRS, st.integers(5, 8), st.booleans())
def test_walk_index_order_is_algorithm_1_for_deep_networks(pairs, depth, undirected):
    graph = from_pairs(pairs[:10], undirected=undirected)
    edges = jwi.edge_list(graph).tolist()
    expected = oracle.algorithm_1(NUM_VERTICES, edges, depth, undirected=undirected)
    assert jwi.walk_index_order(graph, depth).tolist() == expected


@MANY
@given(PAIRS)
def test_one_walk_index_order_is_algorithm_2_and_algorithm_1(pairs):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph).tolist()
    order = jwi.one_walk_index_order(graph)
    assert order.dtype == np.int32
    assert order.tolist() == oracle.algorithm_2(NUM_VERTICES, edges)
    assert order.tolist() == oracle.algorithm_1(NUM_VERTICES, edges, 2, undirected=True)


@pytest.mark.parametrize("skew", [1.0, 2.0, 5.0])
@pytest.mark.parametrize(("num_vertices", "num_pairs"), [(12, 60), (40, 300), (300, 900)])
def test_one_walk_index_order_with_hubs(skew, num_vertices, num_pairs):
    graph = random_graph(np.random.default_rng(0), num_vertices, num_pairs, skew=skew)
    edges = jwi.edge_list(graph).tolist()
    assert jwi.one_walk_index_order(graph).tolist() == oracle.algorithm_2(num_vertices, edges)


def complete_bipartite(m, n):
    u, v = np.indices((m, n)).reshape(2, -1)
    return jwi.from_edges(u, m + v, m + n)


@pytest.mark.parametrize(
    "graph",
    [
        jwi.from_edges(np.zeros(9, int), np.arange(1, 10), 10),
        jwi.from_edges(*np.triu_indices(9, 1), 9),
        jwi.from_edges(np.arange(9), np.arange(1, 10), 10),
        jwi.from_edges(np.arange(9), (np.arange(9) + 1) % 9, 9),
        complete_bipartite(3, 7),
        complete_bipartite(5, 5),
    ],
    ids=["star", "clique", "path", "cycle", "bipartite", "balanced"],
)
def test_orders_on_graphs_full_of_ties(graph):
    n, edges = graph.nodes.shape[0], jwi.edge_list(graph).tolist()
    assert jwi.one_walk_index_order(graph).tolist() == oracle.algorithm_2(n, edges)
    for depth in (3, 4):
        expected = oracle.algorithm_1(n, edges, depth, undirected=True)
        assert jwi.walk_index_order(graph, depth).tolist() == expected


@pytest.mark.parametrize("skew", [1.0, 4.0])
def test_all_designs_agree_on_larger_graphs(skew):
    graph = random_graph(np.random.default_rng(1), 200, 1000, skew=skew)
    by_degrees = jwi.one_walk_index_order(graph)
    np.testing.assert_array_equal(jwi.walk_index_order(graph, 2), by_degrees)
    edges = jwi.edge_list(graph)
    walks = jwi.closed_walks(graph, 2)
    by_definition = remove_by_definition(edges, walks, 2, len(edges), undirected=True)
    np.testing.assert_array_equal(by_definition, by_degrees)


def copies(graph, num_copies):
    """Disjoint copies, the edges shuffled: every signature occurs many times."""
    n = graph.nodes.shape[0]
    edges = np.concatenate([jwi.edge_list(graph) + n * copy for copy in range(num_copies)])
    np.random.default_rng(0).shuffle(edges)
    return jwi.from_edges(*edges.T, n * num_copies)


@pytest.mark.parametrize("skew", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("num_copies", [1, 4])
@pytest.mark.parametrize("depth", [3, 4])
def test_both_designs_of_one_depth_agree(skew, num_copies, depth):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 40))
        graph = random_graph(rng, n, int(rng.integers(n, 6 * n)), skew=skew)
        graph = copies(graph, num_copies)
        edges, walks = jwi.edge_list(graph), jwi.closed_walks(graph, depth)
        by_definition = remove_by_definition(edges, walks, depth, len(edges), undirected=True)
        np.testing.assert_array_equal(jwi.walk_index_order(graph, depth), by_definition)


@pytest.mark.parametrize(
    ("depth", "design", "limit", "low"),
    [
        (3, "remove_by_triangles", "MAX_MULTIPLICITY", 3),
        (3, "remove_by_triangles", "MAX_EDGES", 50),
        (4, "remove_by_squares", "MAX_MULTIPLICITY", 3),
        (4, "remove_by_squares", "MAX_WALK_INDEX", 50),
    ],
)
def test_what_does_not_fit_coded_signatures_takes_the_other_design(
    monkeypatch, depth, design, limit, low
):
    graph = random_graph(np.random.default_rng(6), 30, 90)
    order = jwi.walk_index_order(graph, depth)
    monkeypatch.setattr(f"jwi.order.wis.any_depth.{limit}", low)
    monkeypatch.delattr(f"jwi.order.wis.any_depth.{design}")
    np.testing.assert_array_equal(jwi.walk_index_order(graph, depth), order)


ORDERS = {
    "one_walk_index": jwi.one_walk_index_order,
    "walk_index_of_depth_3": lambda graph: jwi.walk_index_order(graph, 3),
    "walk_index_of_depth_4": lambda graph: jwi.walk_index_order(graph, 4),
    "random": lambda graph: jwi.random_order(jax.random.key(0), graph),
}
each_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())


@each_order
def test_every_order_ranks_each_kept_edge_once(order):
    graph = random_graph(np.random.default_rng(2), 30, 100)
    kept = np.arange(len(jwi.edge_list(graph))) % 3 > 0
    ranking = order(jwi.with_edge_mask(graph, kept))
    assert ranking.dtype == np.int32
    assert sorted(ranking) == np.flatnonzero(kept).tolist()


@each_order
def test_a_masked_graph_is_ranked_as_its_compacted_one(order):
    graph = random_graph(np.random.default_rng(3), 30, 120)
    graph = jwi.with_edge_mask(graph, np.arange(len(jwi.edge_list(graph))) % 4 > 0)
    old_id = np.flatnonzero(jwi.edge_mask(graph))
    np.testing.assert_array_equal(order(graph), old_id[order(jwi.compact(graph))])


@each_order
def test_a_graph_without_edges_has_an_empty_order(order):
    assert order(jwi.from_edges([], [], num_vertices=3)).shape == (0,)
    graph = jwi.from_edges([0], [1], num_vertices=3)
    assert order(jwi.with_edge_mask(graph, [False])).shape == (0,)


# Ties go by edge id, which the names of the vertices do not touch, so not even they move.
@each_order
@FEW
@given(pairs=PAIRS, to=st.permutations(range(NUM_VERTICES)))
def test_relabelling_vertices_changes_no_order(order, pairs, to):
    moved = [(to[u], to[v]) for u, v in pairs]
    np.testing.assert_array_equal(order(from_pairs(moved)), order(from_pairs(pairs)))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("undirected", [True, False])
def test_a_short_order_is_the_start_of_the_long_one(depth, undirected):
    rng = np.random.default_rng(4)
    graph = jwi.from_edges(*rng.integers(0, 20, (2, 60)), 20, undirected=undirected)
    order = jwi.walk_index_order(graph, depth)
    for num_removed in (0, 1, 7, len(order)):
        short = jwi.walk_index_order(graph, depth, num_removed=num_removed)
        np.testing.assert_array_equal(short, order[:num_removed])


def test_random_orders_follow_their_key():
    graph = random_graph(np.random.default_rng(5), 30, 100)
    first, again = (jwi.random_order(jax.random.key(1), graph) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, jwi.random_order(jax.random.key(2), graph))


def test_random_orders_are_uniform():
    graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
    keys = jax.random.split(jax.random.key(0), 300)
    _, counts = np.unique(
        [jwi.random_order(key, graph) for key in keys], axis=0, return_counts=True
    )
    # Six permutations, 50 times each, standard deviation 6.5: five of them.
    assert len(counts) == 6
    assert np.all(np.abs(counts - 50) < 33)


def test_one_walk_index_order_refuses_directed_graphs():
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3, undirected=False)
    with pytest.raises(ValueError, match=r"graph is directed .* to jwi.walk_index_order"):
        jwi.one_walk_index_order(graph)


@pytest.mark.parametrize(
    ("depth", "num_removed", "message"),
    [
        (0, None, "depth is 0: pass how many layers the network has, an integer from 1 to"),
        (True, None, "depth is True: pass how many layers the network has"),
        (3, 4, "num_removed is 4: pass how many of the graph's edges to rank, .* from 0 to 3"),
        (3, -1, "num_removed is -1: pass how many of the graph's edges to rank"),
    ],
)
def test_bad_arguments_are_refused(depth, num_removed, message):
    graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
    with pytest.raises(ValueError, match=message):
        jwi.walk_index_order(graph, depth, num_removed=num_removed)


def test_walk_indices_that_do_not_fit_are_refused():
    graph = jwi.from_edges([0, 1, 1], [1, 2, 3], num_vertices=4)
    assert len(jwi.walk_index_order(graph, 40)) == 3
    with pytest.raises(OverflowError, match="walks of length 100 from vertex 0 to itself"):
        jwi.walk_index_order(graph, 100)
