"""The residual deep graph network against a loop over vertices in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.messages.layout import arcs_of
from jwi.messages.softmax import softmax_sum
from jwi.networks import GENConv, LayerNorm, ResGCN
from tests.cases.messages import (
    LIST,
    TABLE,
    arc_weights,
    kept_arcs,
    random_graph,
    random_variables,
    to_float64,
)


def normalized(x, axis):
    """Zero mean and unit variance along an axis."""
    centered = x - x.mean(axis=axis, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=axis, keepdims=True) + 1e-5)


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def gen_conv_by_loops(graph, x, weight, t, p):
    """Softmax aggregation, one vertex at a time; then the linear layers with LayerNorm between."""
    out = x.copy()
    for i in range(len(x)):
        messages = [
            (np.maximum(x[j], 0) + 1e-7) * float(weight[a])
            for a, j, k in kept_arcs(graph) if k == i
        ]  # fmt: skip
        if messages:
            powers = np.exp(t * np.array(messages))
            out[i] += (powers / powers.sum(axis=0) * messages).sum(axis=0)
    if "Dense_1" not in p:
        return dense(out, p["Dense_0"])
    norm = p["LayerNorm_0"]
    hidden = normalized(dense(out, p["Dense_0"]), axis=1) * norm["scale"] + norm["bias"]
    return dense(np.maximum(hidden, 0), p["Dense_1"])


@pytest.mark.parametrize(("n", "t", "mlp_depth"), [(TABLE, 0.1, 1), (LIST, 2.0, 2)])
def test_gen_conv_is_the_loop(n, t, mlp_depth):
    graph = random_graph(0, n=n)
    weight = arc_weights(graph, 0)
    conv = GENConv(3, LayerNorm, t, mlp_depth)
    params = random_variables(conv, graph, graph.nodes)
    actual = jax.jit(conv.apply)(params, graph, graph.nodes, weight)
    p = to_float64(params)["params"]
    expected = gen_conv_by_loops(graph, np.float64(graph.nodes), weight, t, p)
    np.testing.assert_allclose(actual, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_large_temperature_takes_the_maximum_of_large_messages(n):
    graph = random_graph(0, n=n)
    arcs = arcs_of(graph, n)
    values = 100 * graph.nodes
    expected = np.zeros(values.shape, np.float32)
    for i in {i for _, _, i in kept_arcs(graph)}:
        expected[i] = np.max([values[j] for _, j, k in kept_arcs(graph) if k == i], axis=0)
    ones = arcs.ones((), values.dtype)
    maximum, transpose = jax.vjp(lambda x: arcs.softmax_sum(100.0, x, ones), values)
    np.testing.assert_allclose(maximum, expected, rtol=1e-6)
    # The gradient goes to the largest message alone: its column sums count vertices with arcs.
    (gradient,) = transpose(jnp.ones_like(maximum))
    counted = len({i for _, _, i in kept_arcs(graph)})
    np.testing.assert_allclose(gradient.sum(axis=0), np.full(3, counted), rtol=1e-5)


def test_softmax_sum_over_several_blocks_is_a_loop_over_arcs():
    rng = np.random.default_rng(0)
    starts, ends = rng.integers(0, 50, (2, 5000))
    x, weight, mask = rng.normal(size=(50, 2)), rng.normal(size=5000), rng.random(5000) < 0.7
    powers, sums = np.zeros((50, 2)), np.zeros((50, 2))
    for a in np.flatnonzero(mask):
        message = weight[a] * x[starts[a]]
        powers[ends[a]] += np.exp(0.7 * message)
        sums[ends[a]] += np.exp(0.7 * message) * message
    actual = softmax_sum(
        0.7,
        jnp.asarray(x, jnp.float32),
        jnp.asarray(weight, jnp.float32),
        jnp.asarray(mask),
        jnp.asarray(starts, jnp.int32),
        jnp.asarray(ends, jnp.int32),
    )
    np.testing.assert_allclose(actual, sums / powers, rtol=1e-4, atol=1e-5)


def test_resgcn_is_encoder_first_conv_blocks_and_head():
    graph = random_graph(0)
    weight = np.ones(len(graph.senders))
    model = ResGCN(4, 3, 2, dropout=0.0)
    variables = random_variables(model, graph)
    p = to_float64(variables)["params"]

    def activated(hidden, layer):
        norm = p[f"BatchNorm_{layer}"]
        return np.maximum(normalized(hidden, axis=0) * norm["scale"] + norm["bias"], 0)

    hidden = dense(np.float64(graph.nodes), p["encoder"])
    hidden = gen_conv_by_loops(graph, hidden, weight, 0.1, p["GENConv_0"])
    for layer in range(2):
        block = activated(hidden, layer)
        hidden = hidden + gen_conv_by_loops(graph, block, weight, 0.1, p[f"GENConv_{layer + 1}"])
    expected = dense(activated(hidden, 2), p["head"])
    actual, _ = model.apply(
        variables,
        graph,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": jax.random.key(0)},
    )
    np.testing.assert_allclose(actual, expected, atol=1e-3, rtol=1e-3)


def test_dropout_acts_in_training_only():
    graph = random_graph(0)
    model = ResGCN(4, 2, 2, dropout=0.5)
    variables = random_variables(model, graph)

    @functools.partial(jax.jit, static_argnames="train")
    def predict(key, train):
        return model.apply(
            variables, graph, train=train, mutable=["batch_stats"], rngs={"dropout": key}
        )[0]

    first, second = jax.random.split(jax.random.key(0))
    assert (predict(first, train=True) != predict(second, train=True)).any()
    assert (predict(first, train=False) == predict(second, train=False)).all()
