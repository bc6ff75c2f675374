"""Methods of rewiring against closed forms and against their definitions."""

import itertools

import networkx as nx
import numpy as np
import pytest

import jwi
from experiments.studies.jwi.rewiring.methods import METHODS, digl, fosr, gtr, sdrf
from experiments.studies.jwi.rewiring.methods.graph import Graph


def graph_of(drawn):
    edges = np.array([sorted(edge) for edge in drawn.edges], np.int32).reshape(-1, 2)
    return Graph(edges, drawn.number_of_nodes())


def random_graphs(number, n, probability=0.3):
    return [graph_of(nx.gnp_random_graph(n, probability, seed=seed)) for seed in range(number)]


def as_sets(pairs):
    return {tuple(pair) for pair in np.sort(pairs, axis=1).tolist()}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_adds_so_many_new_edges_in_one_order(name):
    method = METHODS[name]
    for seed, graph in enumerate(random_graphs(4, 12)):
        few, many = method.rewire(graph, [2, 6], np.random.default_rng(seed))
        for edges, count in ((few, 2), (many, 6)):
            assert edges.dtype == np.int32
            assert (edges[:, 0] < edges[:, 1]).all()
            assert len(as_sets(edges)) == len(edges)
            assert method.replaces or len(edges) == len(graph.edges) + count
            assert method.replaces or as_sets(graph.edges) <= as_sets(edges)
        assert as_sets(few) <= as_sets(many)
        assert not method.replaces or len(many) <= len(graph.edges) + 6


@pytest.mark.parametrize("name", METHODS)
def test_a_method_stops_where_no_pair_is_left(name):
    rng = np.random.default_rng(0)
    for n in (1, 2, 4):
        [edges] = METHODS[name].rewire(graph_of(nx.complete_graph(n)), [3], rng)
        assert as_sets(edges) == set(itertools.combinations(range(n), 2))
    nearly = nx.complete_graph(5)
    nearly.remove_edge(1, 3)
    [edges] = METHODS[name].rewire(graph_of(nearly), [3], rng)
    assert as_sets(edges) == set(itertools.combinations(range(5), 2))


def test_random_pairs_are_drawn_anew():
    [graph] = random_graphs(1, 12)
    draws = [
        METHODS["random"].rewire(graph, [3], np.random.default_rng(seed))[0] for seed in (0, 0, 1)
    ]
    assert as_sets(draws[0]) == as_sets(draws[1]) != as_sets(draws[2])


def test_forward_walk_indices_are_raised_where_they_are_smallest():
    # A path whose ends have the smallest walk indices, and a vertex without edges.
    path = graph_of(nx.path_graph(5))._replace(num_vertices=6)
    rng = np.random.default_rng(0)
    [edges] = METHODS["walk-index"].rewire(path, [1], rng)
    assert as_sets(edges[-1:]) <= {(0, 5), (4, 5)}
    # No vertex is two steps from the lonely one.
    near = METHODS["walk-index-near"].rewire(path, [9], rng)[0]
    assert as_sets(near[4:]) == {(0, 2), (1, 3), (2, 4)}
    for graph in random_graphs(4, 10):
        order = METHODS["walk-index"].rewire(graph, [8], np.random.default_rng(1))[0][-8:]
        left = nx.empty_graph(10)
        left.add_edges_from(graph.edges.tolist())
        for pair in order.tolist():
            indices = [
                sorted(left.degree(v) + (v in absent) for v in left)
                for absent in nx.complement(left).edges
            ]
            assert sorted(left.degree(v) + (v in pair) for v in left) == max(indices)
            left.add_edge(*pair)


def normalized_adjacency(adjacent):
    scale = np.maximum(adjacent.sum(axis=1), 1) ** -0.5
    return scale[:, None] * adjacent * scale


def test_first_order_change_is_the_derivative_of_the_second_eigenvalue():
    checked = 0
    for graph in random_graphs(6, 9, 0.5):
        adjacent = graph.adjacency()
        before = normalized_adjacency(adjacent)
        values, vectors = np.linalg.eigh(before)
        if not nx.is_connected(nx.from_numpy_array(adjacent)) or values[-2] - values[-3] < 0.05:
            continue
        for u, v in graph.absent_pairs():
            more = adjacent.copy()
            more[u, v] = more[v, u] = True
            step = 1e-5 * (normalized_adjacency(more) - before)
            ends = [np.linalg.eigvalsh(before + sign * step)[-2] for sign in (1, -1)]
            change = fosr.first_order_change(
                vectors[:, -2], values[-2], adjacent.sum(axis=1), (u, v)
            )
            assert change == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)
            checked += 1
    assert checked > 50


def test_fosr_takes_the_pair_of_the_smallest_first_term():
    checked = 0
    for graph in random_graphs(8, 10, 0.45):
        adjacent = graph.adjacency()
        values, vectors = np.linalg.eigh(normalized_adjacency(adjacent))
        # Power iteration has converged: the gap below the second eigenvalue is wide.
        if not (values[-1] - values[-2] > 0.05 and (1 + values[-3]) / (1 + values[-2]) < 0.88):
            continue
        x = vectors[:, -2] / np.sqrt(1 + adjacent.sum(axis=1))
        products = [x[u] * x[v] for u, v in graph.absent_pairs()]
        [u, v] = fosr.additions(graph, 1, np.random.default_rng(0))[0]
        assert x[u] * x[v] == pytest.approx(min(products), abs=1e-4)
        checked += 1
    assert checked >= 4


def test_fosr_joins_what_is_apart():
    apart = graph_of(nx.disjoint_union(nx.complete_graph(4), nx.complete_graph(4)))
    [u, v] = fosr.additions(apart, 1, np.random.default_rng(0))[0]
    assert u < 4 <= v
    barbell = nx.barbell_graph(5, 0)
    pairs = fosr.additions(graph_of(barbell), 3, np.random.default_rng(0))
    assert all(u < 5 <= v for u, v in pairs)


def test_fosr_s_search_is_over_all_pairs():
    rng = np.random.default_rng(0)
    for graph in random_graphs(10, 8, 0.6):
        # Also scores of one sign, which no eigenvector has.
        for score in (rng.normal(size=8), rng.random(8)):
            found = fosr._smallest_product(score, graph.adjacency())
            products = [score[u] * score[v] for u, v in graph.absent_pairs()]
            assert score[found[0]] * score[found[1]] == pytest.approx(min(products))


def total_resistance(adjacent):
    """The sum over pairs of connected vertices."""
    inverse = np.linalg.pinv(np.diag(adjacent.sum(axis=1)) - adjacent.astype(float))
    near = np.linalg.matrix_power(adjacent + np.eye(len(adjacent)), len(adjacent)) > 0
    own = np.diag(inverse)
    return np.sum((own[:, None] + own - 2 * inverse)[near]) / 2


def test_gtr_lowers_the_total_resistance_the_most():
    graphs = [*random_graphs(3, 9, 0.25), graph_of(nx.path_graph(7))]
    for graph in graphs:
        adjacent = graph.adjacency()
        for pair in gtr.additions(graph, 5):
            near = np.linalg.matrix_power(adjacent + np.eye(len(adjacent)), len(adjacent)) > 0
            drops = {}
            for u, v in Graph(np.argwhere(np.triu(adjacent)), len(adjacent)).absent_pairs():
                if near[u, v]:
                    more = adjacent.copy()
                    more[u, v] = more[v, u] = True
                    drops[int(u), int(v)] = total_resistance(adjacent) - total_resistance(more)
            assert drops[tuple(pair.tolist())] == pytest.approx(max(drops.values()), rel=1e-6)
            adjacent[pair[0], pair[1]] = adjacent[pair[1], pair[0]] = True


def test_closing_a_path_lowers_its_resistance_to_a_ring_s():
    n = 6
    assert total_resistance(graph_of(nx.path_graph(n)).adjacency()) == pytest.approx((n**3 - n) / 6)
    adjacent = graph_of(nx.path_graph(n)).adjacency()
    inverse = gtr.laplacian_pseudoinverse(adjacent, np.zeros(n, int))
    across = np.eye(n)[0] - np.eye(n)[-1]
    resistance = across @ inverse @ across
    drop = n * across @ inverse @ inverse @ across / (1 + resistance)
    assert resistance == pytest.approx(n - 1)
    # A ring has n (n² − 1) / 12.
    assert drop == pytest.approx((n**3 - n) / 6 - (n**3 - n) / 12)


def test_pagerank_is_its_series():
    for graph in random_graphs(3, 9):
        adjacent = graph.adjacency()
        with_loops = adjacent + np.eye(9)
        scale = with_loops.sum(axis=1) ** -0.5
        step, power, total = scale[:, None] * with_loops * scale, np.eye(9), np.zeros((9, 9))
        for _ in range(300):
            total += 0.15 * power
            power = 0.85 * power @ step
        np.testing.assert_allclose(digl.personalized_pagerank(adjacent), total, atol=1e-12)


def test_digl_takes_the_nearest_pairs_of_a_ring():
    ring = graph_of(nx.cycle_graph(9))
    around = {tuple(sorted((v, (v + 1) % 9))) for v in range(9)}
    beyond = {tuple(sorted((v, (v + 2) % 9))) for v in range(9)}
    assert as_sets(digl.largest_pairs(ring, 0)) == around
    assert as_sets(digl.largest_pairs(ring, 9)) == around | beyond
    # Pairs that no walk joins are no edges.
    assert len(digl.largest_pairs(graph_of(nx.disjoint_union(*[nx.path_graph(3)] * 2)), 9)) == 6


def curvature_by_definition(drawn, i, j):
    near = {v: set(drawn[v]) for v in drawn}
    d_i, d_j = len(near[i]), len(near[j])
    if min(d_i, d_j) == 1:
        return 0.0
    triangles = len(near[i] & near[j])

    def cycles(i, j):
        """{k: the w of cycles i, k, w, j without diagonals}."""
        found = {k: (near[k] & near[j]) - near[i] - {i} for k in near[i] - near[j] - {j}}
        return {k: ends for k, ends in found.items() if ends}

    at_i, at_j = cycles(i, j), cycles(j, i)
    value = 2 / d_i + 2 / d_j - 2 + 2 * triangles / max(d_i, d_j) + triangles / min(d_i, d_j)
    if at_i:
        most = max(len(ends) for ends in [*at_i.values(), *at_j.values()])
        value += (len(at_i) + len(at_j)) / (most * max(d_i, d_j))
    return value


def test_curvature_is_its_definition():
    for probability in (0.2, 0.4, 0.6):
        for graph in random_graphs(5, 12, probability):
            drawn = nx.empty_graph(12)
            drawn.add_edges_from(graph.edges.tolist())
            expected = [curvature_by_definition(drawn, *edge) for edge in graph.edges.tolist()]
            np.testing.assert_allclose(sdrf.balanced_forman_curvature(graph), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("drawn", "curvature"),
    [
        (nx.cycle_graph(3), 3 / 2),
        (nx.cycle_graph(4), 1),
        (nx.cycle_graph(5), 0),
        (nx.cycle_graph(9), 0),
        (nx.complete_graph(6), 6 / 5),
        (nx.star_graph(4), 0),
        (nx.grid_2d_graph(6, 6, periodic=True), 0),
    ],
)
def test_curvature_of_well_known_graphs(drawn, curvature):
    graph = graph_of(nx.convert_node_labels_to_integers(drawn))
    np.testing.assert_allclose(sdrf.balanced_forman_curvature(graph), curvature, atol=1e-12)


def test_curvature_of_a_tree_is_of_degrees():
    # The inner edge of two stars: degrees 4 and 3.
    tree = nx.Graph([(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6)])
    curvature = sdrf.balanced_forman_curvature(graph_of(tree))
    assert curvature[0] == pytest.approx(2 / 4 + 2 / 3 - 2)
    assert not curvature[1:].any()


def test_sdrf_supports_the_most_negative_edge_the_most():
    steps = 0
    for graph in [*random_graphs(4, 11, 0.25), graph_of(nx.barbell_graph(5, 1))]:
        drawn = nx.empty_graph(graph.num_vertices)
        drawn.add_edges_from(graph.edges.tolist())
        for pair in sdrf.additions(graph, 6).tolist():
            curvature = {edge: curvature_by_definition(drawn, *edge) for edge in drawn.edges}
            raised = []
            for i, j in drawn.edges:
                gains = {}
                for k, m in itertools.product([i, *drawn[i]], [j, *drawn[j]]):
                    if k != m and not drawn.has_edge(k, m):
                        drawn.add_edge(k, m)
                        gains[tuple(sorted((k, m)))] = curvature_by_definition(drawn, i, j)
                        drawn.remove_edge(k, m)
                if gains:
                    raised.append((curvature[i, j], gains))
            lowest = min(value for value, _ in raised)
            assert any(
                value <= lowest + 1e-6
                and gains.get(tuple(pair), -np.inf) >= max(gains.values()) - 1e-6
                for value, gains in raised
            )
            drawn.add_edge(*pair)
            steps += 1
    assert steps == 30


def test_edges_are_those_of_the_library():
    [graph] = random_graphs(1, 12)
    whole = jwi.from_edges(graph.edges[:, 0], graph.edges[:, 1], 12)
    np.testing.assert_array_equal(jwi.edge_list(whole), graph.edges)
    assert len(graph.absent_pairs()) + len(graph.edges) == 66
