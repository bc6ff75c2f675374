"""Exact separation ranks against closed forms, and against elimination over the rationals."""

import re
from fractions import Fraction
from math import comb

import chex
import jax
import numpy as np
import pytest

import jwi
from jwi.separation import NetworkShape, RankSampling, separation_rank
from jwi.separation import rank as rank_module
from jwi.separation.partition import least_slack
from jwi.separation.rank import rank_modulo
from tests.cases.graphs import complete_digraph, padded
from tests.oracles import separation as oracle

PATH = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
END = [True, False, False]
N, SHAPE = 4, NetworkShape(depth=2, input_width=2, hidden_width=2)


def random_case(seed):
    """A directed or undirected graph, as a mask over the complete one; a subset; weights."""
    rng = np.random.default_rng(seed)
    tails, heads = jwi.edge_list(complete_digraph(N)).T
    there = rng.random((N, N)) < 0.5
    there = there if seed % 2 else there | there.T
    graph = jwi.with_edge_mask(complete_digraph(N), there[tails, heads])
    return (
        graph,
        rng.permutation([True, True, False, seed % 3 == 0]),
        oracle.small_weights(seed, 2, 2, 2),
    )


@pytest.mark.parametrize(
    ("depth", "width", "expected"),
    [(2, 3, comb(7, 2)), (2, 2, 6), (3, 3, comb(14, 2)), (1, 3, 3)],
)
def test_rank_of_the_end_of_a_path(key, depth, width, expected):
    found = separation_rank(key, PATH, END, NetworkShape(depth, width, width))
    assert found.rank == expected
    assert found.sample_size == (128 if expected > 64 else 64)
    assert found.primes == (65521, 65519)


def test_without_a_crossing_edge(key):
    graph = jwi.from_edges([0, 2], [1, 3], num_vertices=4)
    shape = NetworkShape(2, 2, 3)
    for inside in ([True, True, False, False], [False] * 4, [True] * 4):
        assert separation_rank(key, graph, inside, shape, target=1).rank == 1
        of_graph = separation_rank(key, graph, inside, shape).rank
        assert of_graph == (3 if any(inside) and not all(inside) else 1)


def test_the_zero_function(key):
    zeros = jax.tree.map(np.zeros_like, oracle.small_weights(0, 2, 2, 2))
    assert separation_rank(key, PATH, END, SHAPE, params=zeros).rank == 0


@pytest.mark.parametrize("seed", range(8))
def test_rank_over_the_rationals(key, seed):
    graph, inside, params = random_case(seed)
    for target in (None, seed % N):
        found = separation_rank(key, graph, inside, SHAPE, params=params, target=target)
        assert found.rank == oracle.separation_rank(seed, graph, inside, params, target, 30)


@pytest.mark.parametrize("seed", range(4))
def test_invariances(key, seed):
    graph, inside, params = random_case(seed)
    of_graph, of_vertex = (
        separation_rank(key, graph, inside, SHAPE, params=params, target=target).rank
        for target in (None, 1)
    )
    to = np.random.default_rng(seed).permutation(N)
    kept = jwi.edge_list(graph)[jwi.edge_mask(graph)]
    moved = padded(jwi.from_edges(*to[kept].T, N, undirected=False), N * (N - 1) - len(kept))
    moved_inside = np.zeros(N, bool)
    moved_inside[to] = inside
    for same, side, target in [
        (graph, ~inside, 1),
        (moved, moved_inside, to[1]),
        (moved, ~moved_inside, to[1]),
    ]:
        assert separation_rank(key, same, side, SHAPE, params=params).rank == of_graph
        found = separation_rank(key, same, side, SHAPE, params=params, target=target)
        assert found.rank == of_vertex


def test_an_unlucky_prime_is_caught_by_another(key):
    params = oracle.small_weights(3, 2, 2, 2)
    true = separation_rank(key, PATH, END, SHAPE, params=params).rank
    assert true > 0
    params["params"]["head"]["kernel"] *= 65521
    for primes, expected in [((65521,), 0), ((65521, 65519), true), ((65519, 65521), true)]:
        sampling = RankSampling(primes=primes)
        found = separation_rank(key, PATH, END, SHAPE, params=params, sampling=sampling)
        assert found == (expected, 64, primes)


def test_one_trace_a_prime_for_all_graphs_subsets_and_weights(key, monkeypatch):
    traced = chex.assert_max_traces(rank_module.values_on_grid, n=4)
    monkeypatch.setattr(rank_module, "values_on_grid", traced)
    shape = NetworkShape(depth=1, input_width=5, hidden_width=2)  # No other test has it.
    for seed in range(3):
        graph, inside, _ = random_case(seed)
        separation_rank(jax.random.key(seed), graph, inside, shape)
        separation_rank(jax.random.key(seed), graph, inside, shape, target=seed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subset": [0]}, "subset is int64[1]: pass one boolean a vertex, bool[3]"),
        ({"subset": [True, False]}, "subset is bool[2]: pass one boolean a vertex, bool[3]"),
        ({"depth": 0}, "depth is 0: pass the number of layers, an integer ≥ 1"),
        ({"input_width": 0}, "input_width is 0: pass the number of features a vertex"),
        ({"hidden_width": 0}, "hidden_width is 0: pass the width of the layers"),
        ({"target": 3}, "target is 3: pass a vertex or None, an integer from 0 to 2"),
        ({"primes": ()}, "primes is () and the prediction is of degree 12"),
        ({"primes": (65521, 11)}, "pass primes above that and up to 65521"),
        ({"primes": (65520,)}, "prime is 65520: pass a prime number up to 65521"),
        ({"error_probability": 0.0}, "error_probability is 0.0: pass one between 0 and 1"),
        ({"max_bytes": 1000}, "max_bytes is 1000: pass at least 262144"),
        (
            {"max_bytes": 300_000, "depth": 3, "input_width": 3, "hidden_width": 3},
            "max_bytes allows 64 assignments a side, too few for a separation rank of at least 64:"
            " pass 1048576 bytes, or take fewer layers, features or edges",
        ),
        (
            {"params": {"params": {"head": {"kernel": np.ones((2, 1))}}}},
            "params has shapes {'params': {'head': {'kernel': (2, 1)}}}, not all integers: pass"
            " integer weights of shapes {'params': {'head': {'kernel': (2, 1)}, 'layers_0'",
        ),
    ],
)  # fmt: skip
def test_bad_input(key, changes, message):
    given = {"subset": END, "shape": SHAPE, "sampling": RankSampling()}
    for name, value in changes.items():
        if name in SHAPE._fields:
            given["shape"] = given["shape"]._replace(**{name: value})
        elif name in RankSampling._fields:
            given["sampling"] = given["sampling"]._replace(**{name: value})
        else:
            given[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        separation_rank(key, PATH, **given)


@pytest.mark.parametrize("prime", [2, 3, 101, 65521])
@pytest.mark.parametrize(("rows", "columns", "inner"), [(5, 7, 3), (65, 64, 70), (130, 90, 71)])
def test_rank_over_a_finite_field(prime, rows, columns, inner):
    rng = np.random.default_rng(prime + rows)
    left = rng.integers(0, prime, (rows, inner)) * (rng.random((rows, 1)) < 0.7)
    right = rng.integers(0, prime, (inner, columns)) * (rng.random(columns) < 0.9)
    matrix = left % prime @ (right % prime) % prime
    expected = oracle.rank_modulo(matrix, prime)
    assert rank_modulo(matrix.astype(np.uint32), prime) == expected


def test_ranks_of_special_matrices():
    matrices = [np.zeros((70, 70)), np.eye(70)[::-1], np.ones((70, 70)), np.tri(70, k=-9)]
    ranks = [rank_modulo(65520 * matrix.astype(np.uint32), 65521) for matrix in matrices]
    assert ranks == [0, 70, 1, 61]


@pytest.mark.parametrize(
    ("size", "failure"), [(64, Fraction(12, 65521)), (64, Fraction(1, 3)), (9, Fraction(8, 9))]
)
@pytest.mark.parametrize("probability", [0.5, 1e-4, 1e-12])
def test_slack_is_the_least_of_its_tail(size, failure, probability):
    def tail(least):
        terms = (
            comb(size, k) * failure**k * (1 - failure) ** (size - k) for k in range(least, size + 1)
        )
        return 2 * sum(terms)

    slack = least_slack(float(failure), probability, size)
    assert tail(slack) <= probability < tail(slack - 1)
