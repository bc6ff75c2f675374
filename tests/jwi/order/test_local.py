"""Local degree and local similarity against their definitions, in logarithms of 50 digits."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

import jwi
from jwi.order import local_degree_order, local_similarity_order
from jwi.order.local_degree import best_scores, local_degree_scores
from jwi.order.local_similarity import local_similarity_scores
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs, padded


def by_degree(neighbors, here, there):
    del here
    return len(neighbors[there])


def by_similarity(neighbors, here, there):
    both = neighbors[here] & neighbors[there]
    return Fraction(len(both), len(neighbors[here] | neighbors[there]))


ORDERS = {
    "degree": (local_degree_order, local_degree_scores, by_degree),
    "similarity": (local_similarity_order, local_similarity_scores, by_similarity),
}
each_order = pytest.mark.parametrize(
    ("order", "scores", "value"), ORDERS.values(), ids=ORDERS.keys()
)


def defined_scores(num_vertices, edges, value):
    """By the definition, vertex by vertex; logarithms in 50 decimal digits, cut to 40."""
    neighbors = [{u + v - t for u, v in edges if t in (u, v)} for t in range(num_vertices)]
    found = [Decimal(0)] * len(edges)
    with localcontext(prec=50):
        for t in range(num_vertices):
            at = [(edge, u + v - t) for edge, (u, v) in enumerate(edges) if t in (u, v)]
            at.sort(key=lambda pair: (-value(neighbors, t, pair[1]), pair[0]))
            for rank, (edge, _) in enumerate(at, start=1):
                share = Decimal(rank).ln() / Decimal(len(at)).ln() if rank > 1 else Decimal(0)
                found[edge] = max(found[edge], round(1 - share, 40))
    return found


def defined_order(num_vertices, edges, value):
    scores = defined_scores(num_vertices, edges, value)
    return sorted(range(len(edges)), key=lambda edge: (scores[edge], edge))


@each_order
@settings(deadline=None)
@given(pairs=PAIRS)
def test_order_is_the_definition_on_small_graphs(order, scores, value, pairs):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph)
    ranking = order(graph)
    assert ranking.dtype == np.int32
    assert ranking.tolist() == defined_order(NUM_VERTICES, edges.tolist(), value)
    expected = [float(score) for score in defined_scores(NUM_VERTICES, edges.tolist(), value)]
    np.testing.assert_allclose(scores(edges, NUM_VERTICES), expected, rtol=0, atol=1e-12)


@each_order
@pytest.mark.parametrize("skew", [1, 3])
def test_order_is_the_definition_with_hubs(order, scores, value, skew):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        ends = (60 * rng.random((2, 400)) ** skew).astype(int)
        graph = jwi.from_edges(*ends, 60)
        edges = jwi.edge_list(graph).tolist()
        assert order(graph).tolist() == defined_order(60, edges, value)


def test_equal_quotients_of_logarithms_tie():
    # Ranks 1 to 8 at a vertex of degree 8, 1 to 125 at one of degree 125, and 133 to 1 at the other
    # ends: rank 4 of 8 and rank 25 of 125 both score 1 − 2/3.
    ids = np.append(np.arange(133), np.arange(133)[::-1]).astype(np.int32)
    scores = best_scores(np.repeat([0, 1, 2], [8, 125, 133]), ids, np.array([8, 125, 133]))
    assert scores[3] == scores[8 + 24] == pytest.approx(1 / 3)


@each_order
def test_masked_and_padded_graphs_are_ranked_as_compacted_ones(order, scores, value):
    del scores, value
    rng = np.random.default_rng(7)
    graph = padded(jwi.from_edges(*rng.integers(0, 30, (2, 150)), 30), 9)
    graph = jwi.with_edge_mask(graph, np.arange(len(jwi.edge_list(graph))) % 4 > 0)
    old_id = np.flatnonzero(jwi.edge_mask(graph))
    np.testing.assert_array_equal(order(graph), old_id[order(jwi.compact(graph))])


@each_order
def test_a_graph_without_edges_has_an_empty_order(order, scores, value):
    del scores, value
    assert order(jwi.from_edges([], [], num_vertices=3)).shape == (0,)
    graph = jwi.from_edges([0], [1], num_vertices=3)
    assert order(jwi.with_edge_mask(graph, [False])).shape == (0,)


@each_order
def test_directed_graphs_are_refused(order, scores, value):
    del scores, value
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3, undirected=False)
    with pytest.raises(ValueError, match=r"graph is directed and local .* undirected=True"):
        order(graph)


@each_order
def test_scores_are_those_of_networkit(order, scores, value):
    networkit = pytest.importorskip("networkit")
    ends = (200 * np.random.default_rng(0).random((2, 500)) ** 2).astype(int)
    # Edge ids that rise with both ends: networkit breaks ties of similarity by neighbor.
    edges = np.unique(jwi.edge_list(jwi.from_edges(*ends, 200)), axis=0).astype(np.int32)
    peer = networkit.Graph(200)
    for u, v in edges.tolist():
        peer.addEdge(u, v)
    peer.indexEdges()
    if order is local_degree_order:
        score = networkit.sparsification.LocalDegreeScore(peer)
        # It breaks ties of degree in no stated way.
        compared = untied(edges.tolist(), value)
    else:
        triangles = networkit.sparsification.TriangleEdgeScore(peer).run().scores()
        score = networkit.sparsification.LocalSimilarityScore(peer, triangles)
        compared = [True] * len(edges)
    assert np.sum(compared) > 50
    theirs = np.array(score.run().scores())[[peer.edgeId(u, v) for u, v in edges.tolist()]]
    np.testing.assert_allclose(scores(edges, 200)[compared], theirs[compared], rtol=0, atol=1e-12)


def untied(edges, value):
    """Whether no end of an edge has another edge of the same value."""
    neighbors = [set() for _ in range(200)]
    for u, v in edges:
        neighbors[u].add(v)
        neighbors[v].add(u)
    values = [[value(neighbors, t, other) for other in neighbors[t]] for t in range(200)]
    return [
        all(values[t].count(value(neighbors, t, other)) == 1 for t, other in ((u, v), (v, u)))
        for u, v in edges
    ]
