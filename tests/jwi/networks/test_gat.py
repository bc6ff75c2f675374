"""Graph attention against a loop over vertices and heads in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.messages.layout import arcs_of, softmax_powers
from jwi.networks import GATConv
from tests.cases.messages import (
    LIST,
    TABLE,
    arc_weights,
    kept_arcs,
    random_graph,
    random_variables,
    to_float64,
)


def attention_by_loops(graph, params, weight, heads):
    """Equations 3 to 5 of the paper, one vertex and head at a time."""
    p = to_float64(params)["params"]
    hidden = np.float64(graph.nodes) @ p["linear"]["kernel"]
    out = np.zeros_like(hidden)
    size = hidden.shape[1] // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        h = hidden[:, part]
        for i in range(len(h)):
            neighbors = [(i, 1.0)] + [
                (j, float(weight[a])) for a, j, k in kept_arcs(graph) if k == i
            ]
            scores = [
                p["attention_sender"][head] @ h[j] + p["attention_receiver"][head] @ h[i]
                for j, _ in neighbors
            ]
            powers = np.exp([s if s > 0 else 0.2 * s for s in scores])
            for (j, w), power in zip(neighbors, powers, strict=True):
                out[i, part] += power / powers.sum() * w * h[j]
    return out + p["bias"]


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_gat_conv_is_the_loop(n):
    graph = random_graph(0, n=n)
    conv, weight = GATConv(6, heads=3), arc_weights(graph, 0)
    params = random_variables(conv, graph, graph.nodes)
    actual = jax.jit(conv.apply)(params, graph, graph.nodes, weight)
    expected = attention_by_loops(graph, params, weight, heads=3)
    np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)


def test_heads_must_divide_the_features(key):
    graph = random_graph(0)
    with pytest.raises(ValueError, match="heads is 3 and features is 8: pass a number of heads"):
        GATConv(8, heads=3).init(key, graph, graph.nodes)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_softmax_survives_large_scores_of_kept_and_of_removed_arcs(n):
    graph = random_graph(0, n=n)
    arcs = arcs_of(graph, n)
    # A removed arc's score must not matter, however large.
    scores = jnp.where(graph.edges.mask, 1e3 * arc_weights(graph, 0), 1e30)
    loops = jnp.linspace(-1e3, 1e3, n, dtype=scores.dtype)

    @jax.jit
    def total(scores, loops):
        powers, loop_powers = softmax_powers(arcs, arcs.arrange(scores), loops)
        total = arcs.sum(powers) + loop_powers
        return arcs.sum(powers / arcs.from_receivers(total)) + loop_powers / total

    sums, transpose = jax.vjp(total, scores, loops)
    np.testing.assert_allclose(sums, np.ones(n), rtol=1e-6)
    # The sums are constant.
    for gradient in transpose(jnp.ones_like(sums)):
        np.testing.assert_allclose(gradient, np.zeros(len(gradient)), atol=1e-6)
