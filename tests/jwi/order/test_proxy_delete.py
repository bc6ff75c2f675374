"""Proxy deletion: gains are derivatives of the gap, and the order is greedy in them."""

import numpy as np
import pytest

import jwi
from jwi.order import proxy_delete
from jwi.order.proxy_delete import gap_gains, proxy_delete_order


def connected(rng, n, degree=4):
    """A path and random edges: no gap is a multiple eigenvalue, and no two gains are equal."""
    chosen = [(i, j) for i in range(n) for j in range(i) if i == j + 1 or rng.random() < degree / n]
    return np.array(chosen, np.int32)


def gap(edges, weights, n):
    """By definition, from the whole matrix."""
    near = np.zeros((n, n))
    near[edges[:, 0], edges[:, 1]] = near[edges[:, 1], edges[:, 0]] = weights
    degree = near.sum(axis=1)
    return np.linalg.eigvalsh(np.eye(n) - near / np.sqrt(np.outer(degree, degree)))[1]


def slopes(edges, n, step=1e-4):
    """The gain of the gap for a little less weight of each edge, by central differences."""
    found = []
    for edge in range(len(edges)):
        less, more = (np.ones(len(edges)) + np.eye(len(edges))[edge] * h for h in (-step, step))
        found.append((gap(edges, less, n) - gap(edges, more, n)) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize("n", [5, 12, 70])
def test_gains_are_derivatives_of_the_gap(n):
    edges = connected(np.random.default_rng(n), n)
    # 70 vertices are beyond the dense solver, which many small components share.
    both = np.concatenate([edges, edges + n, [[2 * n, 2 * n + 1]]]).astype(np.int32)
    found, expected = gap_gains(both, 2 * n + 2), slopes(edges, n)
    np.testing.assert_allclose(found, [*expected, *expected, 0], atol=1e-6 * np.ptp(expected))


def test_a_small_gap_is_found_by_equations(monkeypatch):
    # A long path's gap is too small for the first solver.
    path = np.stack([np.arange(2999), np.arange(1, 3000)], axis=1).astype(np.int32)
    called = []
    solve = proxy_delete.eigsh
    monkeypatch.setattr(
        proxy_delete,
        "eigsh",
        lambda *args, **options: called.append(options) or solve(*args, **options),
    )
    gains = gap_gains(path, 3000)
    assert "sigma" in called[-1]
    # In closed form: λ = 1 − cos(π / (n − 1)), and f is a cosine along the path.
    angle = np.pi / 2999
    f = np.cos(angle * np.arange(3000)) / np.sqrt(2999)
    expected = (1 - np.cos(angle)) * (f[path] ** 2).sum(axis=1) - np.diff(f) ** 2
    np.testing.assert_allclose(gains, expected, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("num_refreshes", [1, 3, 1000])
def test_the_order_is_greedy_in_what_is_left(num_refreshes):
    n = 12
    edges = connected(np.random.default_rng(7), n, degree=9)
    graph = jwi.from_edges(edges[:, 0], edges[:, 1], num_vertices=n)
    found = proxy_delete_order(graph, num_removed=6, num_refreshes=num_refreshes)
    share = -(-len(edges) // num_refreshes)
    left, expected = list(range(len(edges))), []
    while len(expected) < 6:
        # Still connected, as the oracle needs it.
        assert gap(edges[left], 1, n) > 0.01
        gains = slopes(edges[left], n)
        first = [left[place] for place in np.argsort(-gains)[:share]]
        expected += first
        left = [edge for edge in left if edge not in first]
    assert found.tolist() == expected[:6]


@pytest.mark.parametrize("leaves", [3, 40])
def test_a_multiple_eigenvalue_counts_by_the_mean_of_its_vectors(leaves):
    # Of a star, λ = 1 has all vectors of sum 0 over the leaves: symmetric edges are alike.
    star = np.array([(0, leaf) for leaf in range(1, leaves + 1)], np.int32)
    gains = gap_gains(star, leaves + 1)
    np.testing.assert_array_equal(gains, gains[0])
    # A leaf has degree 1, and the middle has 0 in each vector.
    assert gains[0] == pytest.approx((1 - 1) * (1 - 1 / leaves), abs=1e-7)


def test_bad_counts_are_refused():
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
    with pytest.raises(ValueError, match="num_refreshes is 0"):
        proxy_delete_order(graph, num_refreshes=0)
    with pytest.raises(ValueError, match="num_removed is 3"):
        proxy_delete_order(graph, num_removed=3)
