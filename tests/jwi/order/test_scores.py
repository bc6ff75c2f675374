"""Orders by a score, against the score by its definition in Python."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from jax.experimental.sparse import BCOO

import jwi
from jwi.order import METHODS
from jwi.order.disparity import significances
from jwi.order.k_neighbor import k_neighbor_order, random_positions
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs

# Of each vertex the set of its neighbors; of an edge its ends → the score to be kept for.
DEFINITIONS = {
    "dspar": lambda near, u, v: Fraction(1, len(near[u])) + Fraction(1, len(near[v])),
    "inverse-degree": lambda near, u, v: Fraction(1, len(near[u]) * len(near[v])),
    "teddy": lambda near, u, v: math.prod(teddy_share(near, t) for t in (u, v)),
    "forman": lambda near, u, v: 4 - len(near[u]) - len(near[v]) + 3 * len(near[u] & near[v]),
    "inverse-forman": lambda near, u, v: -DEFINITIONS["forman"](near, u, v),
    "jaccard": lambda near, u, v: Fraction(len(near[u] & near[v]), len(near[u] | near[v])),
    "adamic-adar": lambda near, u, v: sum(
        1 / math.log(d) for d in sorted(len(near[w]) for w in near[u] & near[v])
    ),
    "disparity": lambda near, u, v: (
        -min((1 - Fraction(1, len(near[t]))) ** (len(near[t]) - 1) for t in (u, v))
    ),
}
# Without weights no path is shorter than an edge.
DEFINITIONS["metric-backbone"] = lambda near, u, v: -1
DEFINITIONS["noise-corrected"] = lambda near, u, v: noise_corrected(
    len(near[u]), len(near[v]), 1, sum(map(len, near))
)
# Files of tests that hold the others to their definitions.
ELSEWHERE = {
    "one-walk-index": "test_orders",
    "walk-index": "test_orders",
    "random": "test_orders",
    "spectral": "test_spectral",
    "local-degree": "test_local",
    "local-similarity": "test_local",
    "k-neighbor": "test_scores",
    "feature-cosine": "test_scores",
    "spanning-forest": "test_subgraphs",
    "t-spanner": "test_subgraphs",
    "rank-degree": "test_subgraphs",
    "log-share": "test_log_share",
    "proxy-delete": "test_proxy_delete",
}


def teddy_share(near, t):
    closed = sorted(len(near[w]) + 1 for w in near[t] | {t})
    return sum(1 / math.sqrt(d) for d in closed) / len(closed) / len(closed)


def noise_corrected(at_u, at_v, weight, total):
    """Lift over its standard deviation, the derivative by differences of exact fractions."""

    def lift(more):
        kappa = Fraction(total + more) / ((at_u + more) * (at_v + more))
        return (kappa * (weight + more) - 1) / (kappa * (weight + more) + 1)

    mean = Fraction(at_u * at_v) / total**2
    variance = mean * (total - at_u) * (total - at_v) / (total**2 * (total - 1))
    alpha = mean**2 * (1 - mean) / variance - mean
    beta = mean * (1 - mean) ** 2 / variance - (1 - mean)
    # Of a Beta distribution: these two make it the prior.
    assert alpha / (alpha + beta) == mean
    assert alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1)) == variance
    share = (alpha + weight) / (alpha + beta + total)
    step = Fraction(1, 10**8)
    derivative = abs(lift(step) - lift(-step)) / (2 * step)
    return float(lift(0)) / (math.sqrt(total * share * (1 - share)) * float(derivative))


def defined_order(num_vertices, edges, score):
    near = [{u + v - t for u, v in edges if t in (u, v)} for t in range(num_vertices)]
    scores = [score(near, u, v) for u, v in edges]
    # What is equal to nine digits is equal: the graphs are so small that nothing else is so near.
    rounded = [s if isinstance(s, Fraction | int) else float(f"{s:.8e}") for s in scores]
    return sorted(range(len(edges)), key=lambda edge: (rounded[edge], edge))


def test_every_order_has_an_oracle():
    assert METHODS.keys() == DEFINITIONS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("method", DEFINITIONS)
@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_an_order_is_its_definition_on_small_graphs(method, pairs):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph).tolist()
    ranking = jwi.ORDERS[method].rank(graph, jwi.RankingOptions())
    assert ranking.tolist() == defined_order(NUM_VERTICES, edges, DEFINITIONS[method])


@pytest.mark.parametrize("method", DEFINITIONS)
@pytest.mark.parametrize("skew", [1, 3])
def test_an_order_is_its_definition_with_hubs(method, skew):
    ends = (60 * np.random.default_rng(skew).random((2, 400)) ** skew).astype(int)
    graph = jwi.from_edges(*ends, 60)
    edges = jwi.edge_list(graph).tolist()
    ranking = jwi.ORDERS[method].rank(graph, jwi.RankingOptions())
    assert ranking.tolist() == defined_order(60, edges, DEFINITIONS[method])


def test_random_positions_number_the_edges_of_each_vertex():
    ends = (20 * np.random.default_rng(0).random((2, 60)) ** 2).astype(int)
    edges = jwi.edge_list(jwi.from_edges(*ends, 20))
    noise = np.random.default_rng(1).random(edges.shape)
    positions = random_positions(edges, noise)
    for vertex in range(20):
        at = np.argwhere(edges == vertex)
        # By rising noise, from 1.
        assert sorted((noise[*place], positions[*place]) for place in at) == [
            (noise[*place], rank)
            for rank, place in enumerate(sorted(at.tolist(), key=lambda p: noise[*p]), 1)
        ]


def test_k_neighbor_orders_keep_at_every_vertex_its_first_edges():
    # In a star all edges have position 1 at their leaf: the order is uniform. On a path of two
    # edges and one more, the middle edge is last in both lists with probability 1/4.
    star = jwi.from_edges([0, 0, 0], [1, 2, 3], num_vertices=4)
    path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
    keys = jax.random.split(jax.random.key(0), 300)
    _, counts = np.unique([k_neighbor_order(key, star) for key in keys], axis=0, return_counts=True)
    # Six permutations, 50 times each, standard deviation 6.5: five of them.
    assert len(counts) == 6
    assert np.all(np.abs(counts - 50) < 33)
    middle_first = np.mean([k_neighbor_order(key, path)[0] == 1 for key in keys])
    # 1/4 by its position, and a third of the rest by chance: 1/2, standard deviation 0.029.
    assert abs(middle_first - 1 / 2) < 0.15


def random_graph(seed, nodes=None):
    ends = (20 * np.random.default_rng(seed).random((2, 60)) ** 2).astype(int)
    return jwi.from_edges(*ends, 20, nodes=nodes)


@pytest.mark.parametrize("sparse", [False, True])
def test_feature_cosines_are_those_of_python(monkeypatch, sparse):
    monkeypatch.setattr("jwi.order.feature_cosine._CELLS", 10)  # a few edges at a time
    # Small integers: many are orthogonal, parallel or zero, so that there are ties.
    rows = np.random.default_rng(0).integers(-1, 2, (20, 3)).astype(np.float32)
    rows[::7] = 0
    graph = random_graph(0, BCOO.fromdense(rows) if sparse else rows)

    def cosine(u, v):
        size = sum(x * x for x in u) * sum(x * x for x in v)
        product = sum(x * y for x, y in zip(u, v, strict=True))
        # Squared, with its sign: a fraction.
        return Fraction(product * abs(product), size) if size else Fraction(0)

    values = rows.astype(int).tolist()
    scores = [cosine(values[u], values[v]) for u, v in jwi.edge_list(graph).tolist()]
    expected = sorted(range(len(scores)), key=lambda edge: (scores[edge], edge))
    assert jwi.feature_cosine_order(graph).tolist() == expected


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            None,
            rf"graph.nodes is {jnp.zeros(()).dtype}\[20, 0\]: "
            "pass at least one real feature a vertex",
        ),
        (np.full((20, 2), np.nan), r"graph.nodes\[0, 0\] is nan: pass finite features"),
    ],
)
def test_features_that_do_not_tell_are_refused(nodes, message):
    with pytest.raises(ValueError, match=message):
        jwi.feature_cosine_order(random_graph(0, nodes))


def test_disparity_is_the_share_of_random_cuts():
    graph = random_graph(1)
    edges = jwi.edge_list(graph).tolist()
    weights = np.random.default_rng(0).integers(1, 9, len(edges))
    scores = []
    for edge in range(len(edges)):
        ends = []
        for t in edges[edge]:
            at = [int(weights[other]) for other in range(len(edges)) if t in edges[other]]
            ends.append((1 - Fraction(int(weights[edge]), sum(at))) ** (len(at) - 1))
        scores.append(min(ends))
    expected = sorted(range(len(edges)), key=lambda edge: (-scores[edge], edge))
    assert jwi.disparity_order(graph, weights).tolist() == expected
    # As an integral over the position of the largest cut: ∫ from the share to 1.
    shares = np.linspace(0.3, 1, 200_001)
    by_integral = np.trapezoid(4 * (1 - shares) ** 3, shares)
    (one,) = significances(np.array([[0, 1]]), np.array([3.0]), 2)
    assert one == 1
    star = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [0, 5]])
    found = significances(star, np.array([3.0, 2.0, 2.0, 2.0, 1.0]), 6)
    np.testing.assert_allclose(found[0], by_integral, rtol=1e-6)
    with pytest.raises(ValueError, match=r"weights\[0\] is 0: weights are positive and finite"):
        jwi.disparity_order(graph, weights * 0)


def test_noise_corrected_lifts_heed_counts():
    graph = random_graph(2)
    weights = np.random.default_rng(0).integers(1, 9, len(jwi.edge_list(graph)))
    edges = jwi.edge_list(graph).tolist()
    at = [
        sum(int(w) for w, edge in zip(weights, edges, strict=True) if t in edge) for t in range(20)
    ]
    scores = [
        noise_corrected(at[u], at[v], int(w), 2 * int(weights.sum()))
        for (u, v), w in zip(edges, weights, strict=True)
    ]
    expected = sorted(range(len(edges)), key=lambda edge: (float(f"{scores[edge]:.8e}"), edge))
    assert jwi.noise_corrected_order(graph, weights).tolist() == expected
    with pytest.raises(ValueError, match=r"weights sum to .*: pass counts"):
        jwi.noise_corrected_order(graph, weights * 1e-6)


@pytest.mark.parametrize("cells", [10, 2**22])
def test_stretches_are_lengths_over_distances_of_networkx(monkeypatch, cells):
    monkeypatch.setattr("jwi.order.metric_backbone._CELLS", cells)
    graph = random_graph(3)
    edges = jwi.edge_list(graph).tolist()
    weights = 2 ** np.random.default_rng(1).integers(0, 4, len(edges))
    lengths = [Fraction(1, int(weight)) for weight in weights]
    whole = nx.Graph()
    whole.add_weighted_edges_from((u, v, x) for (u, v), x in zip(edges, lengths, strict=True))
    scores = [
        x / nx.dijkstra_path_length(whole, u, v) for (u, v), x in zip(edges, lengths, strict=True)
    ]
    expected = sorted(range(len(edges)), key=lambda edge: (-scores[edge], edge))
    assert len(set(scores)) > 5
    assert jwi.metric_backbone_order(graph, weights).tolist() == expected
