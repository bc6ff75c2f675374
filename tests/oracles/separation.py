"""Separation ranks and admissible sets straight from their definitions, in Python's integers."""

from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

import jwi
from tests.oracles import graphs as oracles_graphs


def arcs_of(graph):
    return oracles_graphs.arcs_of(
        jwi.edge_list(graph)[jwi.edge_mask(graph)], jwi.is_undirected(graph)
    )


def small_weights(seed, depth, width, hidden, high=3):
    """Integer weights in the form of the network's parameters."""
    rng = np.random.default_rng(seed)
    shapes = [(width, hidden)] + [(hidden, hidden)] * (depth - 1) + [(hidden, 1)]
    names = [f"layers_{layer}" for layer in range(depth)] + ["head"]
    return {
        "params": {
            name: {"kernel": rng.integers(-high, high + 1, shape)}
            for name, shape in zip(names, shapes, strict=True)
        }
    }


def predict(n, arcs, params, features, target):
    """f(X) or f_t(X) of the network with product aggregation."""
    kernels = {name: param["kernel"] for name, param in params["params"].items()}
    hidden = [[int(x) for x in row] for row in features]
    for layer in range(len(kernels) - 1):
        mapped = [_times(row, kernels[f"layers_{layer}"]) for row in hidden]
        hidden = [
            [
                prod(mapped[j][k] for j in range(n) if j == i or (j, i) in arcs)
                for k in range(len(mapped[0]))
            ]
            for i in range(n)
        ]
    if target is None:
        last = [prod(column) for column in zip(*hidden, strict=True)]
    else:
        last = hidden[target]
    return _times(last, kernels["head"])[0]


def separation_rank(seed, graph, inside, params, target, sample_size):
    """Rank over the rationals of the values on random assignments of small integers."""
    n, arcs = len(inside), arcs_of(graph)
    width = params["params"]["layers_0"]["kernel"].shape[0]
    rows, columns = np.random.default_rng(seed).integers(-50, 51, (2, sample_size, n, width))
    values = [
        [
            predict(n, arcs, params, np.where(np.array(inside)[:, None], row, column), target)
            for column in columns
        ]
        for row in rows
    ]
    rank = rank_of_rationals(values)
    assert rank <= sample_size - 4, "the oracle's sample is too small"
    return rank


def rank_of_rationals(matrix):
    """Gaussian elimination over the rationals."""
    rows, rank = [[Fraction(entry) for entry in row] for row in matrix], 0
    while rows:
        row = rows.pop()
        pivot = next((place for place, entry in enumerate(row) if entry), None)
        if pivot is not None:
            rank += 1
            rows = [
                [a - b * other[pivot] / row[pivot] for a, b in zip(other, row, strict=True)]
                for other in rows
            ]
    return rank


def rank_modulo(matrix, prime):
    """Gaussian elimination over the integers modulo a prime."""
    rows, rank = [[int(entry) % prime for entry in row] for row in matrix], 0
    while rows:
        row = rows.pop()
        pivot = next((place for place, entry in enumerate(row) if entry), None)
        if pivot is not None:
            rank += 1
            factor = pow(row[pivot], -1, prime)
            rows = [
                [(a - b * factor * other[pivot]) % prime for a, b in zip(other, row, strict=True)]
                if other[pivot]
                else other
                for other in rows
            ]
    return rank


def admissible_sets(n, arcs, inside):
    """N(I′) ∩ N(J′) for all I′ ⊆ I and J′ ⊆ I^c without repeating shared neighbors."""

    def reached(sources):
        return {k for k in range(n) for s in sources if k == s or (s, k) in arcs}

    found = []
    for chosen in product([False, True], repeat=n):
        first = {v for v in range(n) if chosen[v] and inside[v]}
        second = {v for v in range(n) if chosen[v] and not inside[v]}
        shared = reached(first) & reached(second)
        into = {k: {j for j in range(n) if j == k or (j, k) in arcs} for k in shared}
        if all(len(into[k] & first) == len(into[k] & second) == 1 for k in shared):
            found.append(shared)
    return found


def _times(row, kernel):
    return [sum(x * int(w) for x, w in zip(row, column, strict=True)) for column in kernel.T]
