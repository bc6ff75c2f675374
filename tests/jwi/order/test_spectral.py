"""Effective resistances against pseudo-inverses, and sampling by them against its definition."""

import contextlib
from itertools import permutations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order import effective_resistances, effective_resistances_estimate, spectral_order
from jwi.order.resistance.bridges import bridges
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs, padded

EXACT = settings(deadline=None, max_examples=100)


def by_pseudo_inverse(num_vertices, edges, weights):
    laplacian = np.zeros((num_vertices, num_vertices))
    for (u, v), weight in zip(edges, weights, strict=True):
        laplacian[[u, v], [u, v]] += weight
        laplacian[[u, v], [v, u]] -= weight
    inverse = np.linalg.pinv(laplacian, hermitian=True)
    return [inverse[u, u] + inverse[v, v] - 2 * inverse[u, v] for u, v in edges]


def components(num_vertices, edges):
    root = list(range(num_vertices))
    for u, v in edges:
        root = [root[u] if other == root[v] else other for other in root]
    return len(set(root))


def random_graph(seed, num_vertices, num_pairs):
    """Random edges with hubs, a tree part and several components."""
    ends = (num_vertices * np.random.default_rng(seed).random((2, num_pairs)) ** 2).astype(int)
    return jwi.from_edges(*ends, num_vertices)


@EXACT
@given(PAIRS)
def test_bridges_are_what_connects(pairs):
    edges = jwi.edge_list(from_pairs(pairs))
    joined = components(NUM_VERTICES, edges)
    expected = [
        components(NUM_VERTICES, np.delete(edges, edge, axis=0)) > joined
        for edge in range(len(edges))
    ]
    assert bridges(edges, NUM_VERTICES).tolist() == expected


@EXACT
@given(PAIRS, st.lists(st.sampled_from([0.1, 1.0, 2.0, 5.0]), min_size=20, max_size=20))
def test_resistances_are_those_of_the_pseudo_inverse(pairs, weights):
    graph = from_pairs(pairs)
    edges = jwi.edge_list(graph)
    weights = np.array(weights[: len(edges)])
    resistances = effective_resistances(graph, weights=weights)
    assert resistances.dtype == np.float64
    expected = by_pseudo_inverse(NUM_VERTICES, edges, weights)
    np.testing.assert_allclose(resistances, expected, rtol=1e-9)
    rank = NUM_VERTICES - components(NUM_VERTICES, edges)
    np.testing.assert_allclose((weights * resistances).sum(), rank, rtol=1e-9, atol=1e-12)
    bridge = bridges(edges, NUM_VERTICES)
    np.testing.assert_array_equal(resistances[bridge], 1 / weights[bridge])


def test_resistances_of_known_graphs():
    clique = jwi.from_edges(*np.triu_indices(9, 1), 9)
    np.testing.assert_allclose(effective_resistances(clique), 2 / 9)
    cycle = jwi.from_edges(np.arange(50), (np.arange(50) + 1) % 50, 50)
    np.testing.assert_allclose(effective_resistances(cycle), 49 / 50)
    u, v = np.indices((3, 5)).reshape(2, -1)
    bipartite = jwi.from_edges(u, 3 + v, 8)
    np.testing.assert_allclose(effective_resistances(bipartite), 7 / 15)


def test_resistances_of_a_larger_graph_in_pieces():
    graph = random_graph(0, 300, 500)
    edges = jwi.edge_list(graph)
    expected = by_pseudo_inverse(300, edges, np.ones(len(edges)))
    np.testing.assert_allclose(effective_resistances(graph), expected, rtol=1e-9)


ESTIMATES = {
    "exact": effective_resistances,
    "estimate": lambda graph, **options: effective_resistances_estimate(
        jax.random.key(0), graph, **options
    ),
}
either = pytest.mark.parametrize("resistances", ESTIMATES.values(), ids=ESTIMATES.keys())


@either
def test_removed_edges_and_padding_do_not_conduct(resistances):
    graph = padded(random_graph(1, 60, 200), 7)
    weights = np.random.default_rng(0).random(len(jwi.edge_list(graph))) + 0.5
    kept = np.arange(len(weights)) % 4 > 0
    weights[~kept] = np.nan
    masked = jwi.with_edge_mask(graph, kept)
    found = resistances(masked, weights=weights)
    assert np.isnan(found[~kept]).all()
    expected = resistances(jwi.compact(masked), weights=weights[kept])
    np.testing.assert_allclose(found[kept], expected, rtol=1e-12)


@either
def test_graphs_without_cycles_and_without_edges(resistances):
    assert resistances(jwi.from_edges([], [], num_vertices=3)).shape == (0,)
    path = jwi.from_edges([0, 1, 4], [1, 2, 3], num_vertices=6)
    np.testing.assert_array_equal(resistances(path, weights=[1, 2, 4]), [1, 0.5, 0.25])


@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_are_right_on_average(weighted):
    graph = random_graph(2, 100, 200)
    num_edges = len(jwi.edge_list(graph))
    weights = np.random.default_rng(1).random(num_edges) + 0.2 if weighted else np.ones(num_edges)
    exact = effective_resistances(graph, weights=weights)
    keys = jax.random.split(jax.random.key(0), 100)
    estimates = np.array(
        [effective_resistances_estimate(key, graph, weights=weights) for key in keys]
    )
    assert np.all(estimates <= 1 / weights)
    # Bounded estimates lean a little to the inside, and the solver stops early: 0.3 %.
    noise = estimates.std(axis=0) / np.sqrt(len(keys))
    assert np.all(np.abs(estimates.mean(axis=0) - exact) < 5 * noise + 3e-3 * exact)
    # The plain projection's relative error is √(2/64) = 18 %.
    assert 0.005 < np.sqrt(np.mean((estimates / exact - 1) ** 2)) < 0.06


def test_errors_fall_with_more_probes():
    graph = random_graph(3, 200, 500)
    exact = effective_resistances(graph)
    errors = [
        np.mean(
            (effective_resistances_estimate(jax.random.key(5), graph, num_probes=k) / exact - 1)
            ** 2
        )
        for k in (10, 40, 160)
    ]
    # Each is a mean over hundreds of edges; the ratios would be 4.
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_estimates_follow_their_key():
    graph = random_graph(4, 50, 150)
    first, again, other = (
        effective_resistances_estimate(jax.random.key(seed), graph) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_orders_sample_in_proportion_without_replacement():
    weights = np.array([0.1, 1.0, 3.0])
    graph = jwi.from_edges([0, 1, 2], [1, 2, 0], num_vertices=3)
    shares = weights * by_pseudo_inverse(3, jwi.edge_list(graph), weights)
    num_orders = 600
    keys = jax.random.split(jax.random.key(0), num_orders)
    orders = [tuple(spectral_order(key, graph, weights=weights).tolist()) for key in keys]
    for sampled in permutations(range(3)):
        left, probability = shares.sum(), 1.0
        for edge in sampled:
            probability *= shares[edge] / left
            left -= shares[edge]
        count = orders.count(sampled[::-1])
        deviation = np.sqrt(num_orders * probability * (1 - probability))
        assert abs(count - num_orders * probability) < 5 * deviation


def test_orders_rank_kept_edges_only_and_follow_their_key():
    graph = padded(random_graph(5, 40, 120), 3)
    kept = np.arange(len(jwi.edge_list(graph))) % 3 > 0
    masked = jwi.with_edge_mask(graph, kept)
    first, again, other = (spectral_order(jax.random.key(seed), masked) for seed in (1, 1, 2))
    assert first.dtype == np.int32
    assert sorted(first.tolist()) == np.flatnonzero(kept).tolist()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_orders_of_large_graphs_take_the_estimate(monkeypatch):
    graph = random_graph(6, 60, 200)
    exact = spectral_order(jax.random.key(0), graph)
    monkeypatch.setattr("jwi.order.resistance.exact._MAX_FAST", 10)
    estimated = spectral_order(jax.random.key(0), graph, num_probes=32)
    assert sorted(estimated.tolist()) == sorted(exact.tolist())
    assert not np.array_equal(estimated, exact)
    # One noise for both, so that they differ by the errors of the estimate alone.
    place = np.argsort(exact), np.argsort(estimated)
    assert np.corrcoef(*place)[0, 1] > 0.95


def test_graphs_too_large_to_solve_exactly_are_refused(monkeypatch):
    monkeypatch.setattr("jwi.order.resistance.exact._MAX_EXACT", 10)
    graph = random_graph(6, 60, 200)
    with pytest.raises(ValueError, match=r"vertices that hang together .* at most 10 .*_estimate"):
        effective_resistances(graph)


def test_a_solver_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr("jwi.order.resistance.projection._MOST_STEPS", 5)
    cycle = jwi.from_edges(np.arange(50), (np.arange(50) + 1) % 50, 50)
    with pytest.raises(ArithmeticError, match="conjugate gradients did not converge in 5"):
        effective_resistances_estimate(jax.random.key(0), cycle)


@either
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], r"weights is float64\[2\]: pass one positive number an edge, .* here 3"),
        (["a", "b", "c"], "weights is <U1"),
        ([1.0, 0.0, 2.0], r"weights\[1\] is 0.0: weights are positive and finite"),
        ([1.0, 1.0, np.inf], r"weights\[2\] is inf"),
        ([np.nan, 1.0, 1.0], r"weights\[0\] is nan"),
    ],
)
def test_bad_weights_are_refused(resistances, weights, message):
    graph = jwi.from_edges([0, 1, 2], [1, 2, 0], num_vertices=3)
    with pytest.raises(ValueError, match=message):
        resistances(graph, weights=weights)


def test_other_bad_arguments_are_refused():
    graph = jwi.from_edges([0, 1, 2], [1, 2, 0], num_vertices=3)
    for function in (effective_resistances_estimate, spectral_order):
        with pytest.raises(ValueError, match="num_probes is 0: pass how many random vectors"):
            function(jax.random.key(0), graph, num_probes=0)
    directed = jwi.from_edges([0, 1], [1, 2], num_vertices=3, undirected=False)
    with pytest.raises(ValueError, match=r"graph is directed and effective .* undirected=True"):
        spectral_order(jax.random.key(0), directed)


def on_a_cycle(weights):
    n = len(weights)
    graph = jwi.from_edges(np.arange(n), (np.arange(n) + 1) % n, n)
    ohms = 1 / np.asarray(weights)
    return graph, ohms * (1 - ohms / ohms.sum())


@pytest.mark.parametrize("decades", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("n", [3, 100, 1000])
def test_exact_resistances_are_right_to_six_digits_or_refused(n, decades):
    weights = 10.0 ** np.random.default_rng(n).uniform(-decades, decades, n)
    graph, expected = on_a_cycle(weights)
    found = None
    with contextlib.suppress(ArithmeticError):
        found = effective_resistances(graph, weights=weights)
    assert found is not None or decades > 1
    assert found is None or decades < 6 or n == 3
    if found is not None:
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    # What is estimated lies between what can be, however poor the estimate.
    estimate = effective_resistances_estimate(jax.random.key(0), graph, weights=weights)
    assert (estimate * weights <= 1 + 1e-12).all()
    assert (estimate * weights > 0).all()


@pytest.mark.parametrize("unit", [1e-300, 1e-46, 1, 1e38, 1e300])
def test_the_unit_of_weights_does_not_matter(unit):
    graph = jwi.from_edges([0, 1, 2, 2], [1, 2, 0, 3], 4)
    weights = unit * np.array([1, 2, 3, 4])
    expected = effective_resistances(graph, weights=weights / unit) / unit
    np.testing.assert_allclose(effective_resistances(graph, weights=weights), expected)
    key = jax.random.key(0)
    estimate = effective_resistances_estimate(key, graph, weights=weights / unit) / unit
    found = effective_resistances_estimate(key, graph, weights=weights)
    np.testing.assert_allclose(found, estimate, rtol=1e-5)


def test_weights_that_leave_no_digits_are_refused():
    message = "weights from .* times their mean leave less than six digits: take weights of more"
    for decades in (6, 12):
        weights = 10.0 ** np.random.default_rng(0).uniform(-decades, decades, 100)
        graph, _ = on_a_cycle(weights)
        with pytest.raises(ArithmeticError, match=message):
            effective_resistances(graph, weights=weights)
        with pytest.raises(ArithmeticError, match=message):
            spectral_order(jax.random.key(0), graph, weights=weights)
