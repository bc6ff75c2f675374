"""Estimated separation ranks against functions whose rank is known."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jwi
from jwi.networks import GCN, ProductNetwork
from jwi.separation import NetworkShape, separation_rank, separation_rank_estimate
from tests.cases.messages import random_variables
from tests.oracles import separation as oracle

INSIDE = [True, True, False, False]


def low_rank(x):
    """Three products of independent functions."""
    left, right = x[:2].ravel(), x[2:].ravel()
    return jnp.sin(left[0]) * right[0] + left[1] ** 2 * jnp.exp(right[1]) + left[2]


def test_a_sum_of_three_products(key):
    found = separation_rank_estimate(key, low_rank, INSIDE, input_width=2, sample_size=20)
    assert found.rank == 3
    assert found.singular_values.shape == (20,)
    assert found.singular_values.dtype == np.float64
    assert (np.diff(found.singular_values) <= 0).all()
    assert found.singular_values[3] < 1e-13 * found.singular_values[0]
    # Between other sides, they are a sum of two functions.
    other = [True, False, True, False]
    assert separation_rank_estimate(key, low_rank, other, input_width=2).rank == 2


def test_tolerance_decides_what_counts(key):
    def nearly_one(x):
        return x[0, 0] * x[2, 0] + 1e-6 * x[1, 0] * x[3, 0]

    ranks = [
        separation_rank_estimate(key, nearly_one, INSIDE, input_width=1, tolerance=tolerance).rank
        for tolerance in (1e-3, 1e-9)
    ]
    assert ranks == [1, 2]


def test_zero_and_small_samples(key):
    zero = separation_rank_estimate(key, lambda x: 0 * x[0, 0], INSIDE, input_width=1)
    assert zero.rank == 0
    full = separation_rank_estimate(key, low_rank, INSIDE, input_width=2, sample_size=2)
    assert full.rank == 2


def test_it_agrees_with_the_exact_rank(key):
    path, inside = jwi.from_edges([0, 1], [1, 2], num_vertices=3), [True, False, False]
    params = oracle.small_weights(4, 2, 2, 2)
    floats = jax.tree.map(lambda weight: jnp.asarray(weight, jnp.float32), params)
    network = ProductNetwork(2, 2)
    for target in (None, 0):

        def function(x, target=target):
            graph = path._replace(nodes=x)
            if target is None:
                return network.apply(floats, graph, method="graph_prediction")[0]
            return network.apply(floats, graph)[target, 0]

        exact = separation_rank(
            key, path, inside, NetworkShape(2, 2, 2), params=params, target=target
        )
        estimate = separation_rank_estimate(key, function, inside, input_width=2)
        assert 1 < estimate.rank == exact.rank


def test_a_trained_networks_sides_are_added_where_no_edge_crosses(key):
    network = GCN(width=4, depth=2, num_outputs=1)
    apart = jwi.from_edges([0, 2], [1, 3], 4, nodes=np.zeros((4, 2), np.float32))
    joined = jwi.from_edges([0, 2, 1], [1, 3, 2], 4, nodes=np.zeros((4, 2), np.float32))
    params = random_variables(network, apart)

    def rank(graph, readout):
        def function(x):
            return readout(network.apply(params, graph._replace(nodes=x)))[0]

        return separation_rank_estimate(key, function, INSIDE, input_width=2).rank

    assert rank(apart, lambda outputs: outputs[0]) == 1
    assert rank(apart, lambda outputs: outputs.mean(axis=0)) == 2
    assert rank(joined, lambda outputs: outputs.mean(axis=0)) > 2


def test_features_come_from_the_sampler(key):
    def sampler(key, shape):
        assert shape == (2, 8, 4, 1)
        return jnp.broadcast_to(jnp.arange(8.0)[:, None, None] % 3 + 1, shape)

    found = separation_rank_estimate(
        key,
        lambda x: (x[0, 0] + x[2, 0]) ** 9,
        INSIDE,
        input_width=1,
        sample_size=8,
        sampler=sampler,
    )
    assert found.rank == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subset": [[True]]}, "subset is bool[1, 1]: pass one boolean a vertex, bool[n]"),
        ({"subset": []}, "subset is float64[0]: pass one boolean a vertex, bool[n]"),
        ({"input_width": 0}, "input_width is 0: pass the number of features a vertex"),
        ({"sample_size": 0}, "sample_size is 0: pass the number of assignments a side"),
        ({"tolerance": 1.0}, "tolerance is 1.0: pass a number between 0 and 1"),
        ({"function": lambda x: x}, "function returns float64[4, 1]: let it return one number"),
        (
            {"function": lambda x: x[0, 0].astype(jnp.float32)},
            "function returns float32[]: let it return one number, and compute in the type of its",
        ),
        (
            {"function": lambda x: 1 / (x[0, 0] * 0)},
            "function has 4096 of 4096 values that are not finite: pass a sampler of smaller",
        ),
    ],
)
def test_bad_input(key, changes, message):
    given = {"function": lambda x: x[0, 0], "subset": INSIDE, "input_width": 1, **changes}
    with pytest.raises(ValueError, match=re.escape(message)):
        separation_rank_estimate(key, **given)
