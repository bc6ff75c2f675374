"""Bounds on separation ranks against their formulas and against exact ranks."""

import math
import re

import jax
import numpy as np
import pytest

import jwi
from jwi.separation import (
    BoundedSeparationRank,
    NetworkShape,
    bounded_separation_rank,
    separation_bounds,
)
from jwi.separation import bounds as bounds_module
from tests.cases.graphs import complete_digraph
from tests.oracles import graphs as oracles_graphs
from tests.oracles import separation as oracle

N = 6


def random_case(seed, n=N):
    """A graph as a mask over the complete directed one, and a subset."""
    rng = np.random.default_rng(seed)
    tails, heads = jwi.edge_list(complete_digraph(n)).T
    there = rng.random((n, n)) < 0.3
    there = there if seed % 2 else there | there.T
    return jwi.with_edge_mask(complete_digraph(n), there[tails, heads]), rng.random(n) < 0.5


@pytest.mark.parametrize("seed", range(12))
def test_admissible_sets_of_the_definition(seed, monkeypatch):
    graph, inside = random_case(seed)
    arcs, walks = oracle.arcs_of(graph), jwi.count_walks(graph, 2)
    sums = [sum(walks[list(s)].tolist()) for s in oracle.admissible_sets(N, arcs, inside)]
    assert bounds_module.most_walks(graph, inside, walks) == (max(sums), True)
    monkeypatch.setattr(bounds_module, "LARGEST_EXHAUSTIVE", 0)
    greedy, is_largest = bounds_module.most_walks(graph, inside, walks)
    assert not is_largest
    assert greedy in sums
    # A crossing arc and its common neighbors are admissible by themselves: greed begins there.
    pairs = [
        [k for k in range(N) if all(k == end or (end, k) in arcs for end in arc)]
        for arc in arcs
        if inside[arc[0]] != inside[arc[1]]
    ]
    assert greedy >= max([sum(walks[k].tolist()) for k in pairs], default=0)


def test_greedy_adds_up_what_is_far_apart():
    rungs = 12
    ends = np.arange(rungs)
    graph = jwi.from_edges(ends, rungs + ends, 2 * rungs)
    inside = np.arange(2 * rungs) < rungs
    assert bounds_module.most_walks(graph, inside, jwi.count_walks(graph, 2)) == (8 * rungs, False)


def test_sums_beyond_int64():
    star = jwi.from_edges([0], [1], num_vertices=2)
    walks = np.array([2**62, 2**62])
    assert bounds_module.most_walks(star, np.array([True, False]), walks) == (2**63, True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("target", [None, 2])
def test_formulas(seed, target):
    graph, inside = random_case(seed)
    arcs, members = oracle.arcs_of(graph), set(np.flatnonzero(inside).tolist())
    sets = oracle.admissible_sets(N, arcs, inside)
    for depth, width, hidden in [(1, 3, 2), (2, 2, 4), (3, 5, 3), (2, 1, 2), (2, 3, 1)]:
        found = separation_bounds(graph, inside, NetworkShape(depth, width, hidden), target=target)
        index = oracles_graphs.walk_index(N, arcs, members, depth - 1, target)
        assert found.walk_index == index
        exponent = 4 * index + (target is None)
        assert found.log_upper == pytest.approx(exponent * math.log(hidden))
        walks = [oracles_graphs.walks_from(N, arcs, v, depth - 1) for v in range(N)]
        starts = [sum(row) if target is None else row[target] for row in walks]
        rho = max(sum(starts[k] for k in members) for members in sets)
        assert found.admissible_walks == rho
        smaller = min(width, hidden)
        alpha = smaller ** (1 / max(rho, 1)) if depth == 1 else (smaller - 1) / max(rho, 1) + 1
        assert found.log_lower == pytest.approx(rho * math.log(alpha))
        multiset = smaller ** min(rho, 1) if depth == 1 else math.comb(smaller + rho - 1, rho)
        assert found.log_multiset == pytest.approx(math.log(multiset))
        assert found.log_multiset >= found.log_lower - 1e-12


def test_bounds_far_beyond_floats():
    graph = jwi.from_edges(np.arange(30), np.arange(1, 31), num_vertices=31)
    found = separation_bounds(graph, np.arange(31) < 15, NetworkShape(30, 4, 4))
    rho = found.admissible_walks
    assert rho > 2**40
    expected = math.log((rho + 1) * (rho + 2) * (rho + 3)) - math.log(6)
    assert found.log_multiset == pytest.approx(expected)
    assert found.log_upper == pytest.approx((4 * found.walk_index + 1) * math.log(4))


@pytest.mark.parametrize("seed", range(6))
def test_exact_ranks_are_within_the_bounds(seed):
    graph, inside = random_case(seed, 4)
    for target in (None, 0):
        row = bounded_separation_rank(
            jax.random.key(seed), graph, inside, NetworkShape(2, 2, 2), target=target
        )
        assert row.is_bounded, row
        assert row.log_rank == pytest.approx(math.log(row.rank))


def test_what_lies_outside_the_bounds_is_seen():
    row = BoundedSeparationRank(3, 1, math.log(3), 1.0, math.log(3), math.log(3))
    assert row.is_bounded
    assert not row._replace(log_upper=math.log(2)).is_bounded
    assert not row._replace(log_lower=math.log(4)).is_bounded
    assert not row._replace(log_multiset=math.log(4)).is_bounded


def test_the_zero_function_is_below_every_bound(key):
    zeros = jax.tree.map(np.zeros_like, oracle.small_weights(0, 2, 2, 2))
    graph, inside = random_case(0, 4)
    row = bounded_separation_rank(key, graph, inside, NetworkShape(2, 2, 2), params=zeros)
    assert (row.rank, row.log_rank, row.is_bounded) == (0, -math.inf, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subset": [0, 1]}, "subset is int64[2]: pass one boolean a vertex, bool[6]"),
        ({"depth": 0}, "depth is 0: pass the number of layers, an integer ≥ 1"),
        ({"input_width": 0}, "input_width is 0: pass the number of features a vertex"),
        ({"hidden_width": 0}, "hidden_width is 0: pass the width of the layers"),
        ({"target": 6}, "target is 6: pass a vertex or None, an integer from 0 to 5"),
    ],
)
def test_bad_input(changes, message):
    graph, inside = random_case(0)
    shape = NetworkShape(2, 2, 2)
    changes = {"subset": inside} | changes
    shape = shape._replace(**{name: changes.pop(name) for name in shape._fields if name in changes})
    with pytest.raises(ValueError, match=re.escape(message)):
        separation_bounds(graph, shape=shape, **changes)
