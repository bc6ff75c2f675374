"""The networks against dense float64 formulas, and what holds of all of them."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph.graph import compact, from_edges, with_edge_mask
from jwi.networks import (
    GAT,
    GCN,
    GATConv,
    GCNConv,
    GENConv,
    GINConv,
    GINEps,
    GINEpsConv,
    LayerNorm,
    ProductNetwork,
    ResGCN,
    mean_readout,
    plain_degrees,
    weighted_degrees,
)
from tests.cases.messages import (
    LIST,
    TABLE,
    arc_weights,
    assert_gradient_is_the_slope,
    dense_adjacency,
    pad_arcs,
    random_graph,
    random_variables,
    relabel,
    to_float64,
)

CONVS = [
    GCNConv(4),
    GATConv(4, heads=2),
    GINConv(nn.Dense(4), eps=0.5),
    GINEpsConv(nn.Dense(4)),
    GENConv(3, LayerNorm, temperature=0.7, mlp_depth=2),
]
NETWORKS = [GCN(8, 2, 3), GAT(8, 2, 3), GINEps(8, 2, 3), ResGCN(8, 2, 3)]


def named(modules):
    return pytest.mark.parametrize("module", modules, ids=lambda module: type(module).__name__)


@pytest.mark.parametrize("n", [TABLE, LIST])
@pytest.mark.parametrize("degrees", [plain_degrees, weighted_degrees])
def test_gcn_conv_is_the_dense_formula(n, degrees):
    graph = random_graph(0, n=n)
    conv, weight = GCNConv(4, degrees), abs(arc_weights(graph, 0))
    params = random_variables(conv, graph, graph.nodes)
    p = to_float64(params)["params"]
    counted = (graph,) if degrees is plain_degrees else (graph, weight)
    degree = dense_adjacency(*counted).sum(axis=1) + 1
    scale = np.diag(degree**-0.5)
    adjacency = dense_adjacency(graph, weight) + np.eye(len(degree))
    expected = (
        scale @ adjacency @ scale @ np.float64(graph.nodes) @ p["linear"]["kernel"] + p["bias"]
    )
    np.testing.assert_allclose(
        conv.apply(params, graph, graph.nodes, weight), expected, atol=1e-5, rtol=1e-5
    )


def test_weights_that_cancel_the_self_loop_leave_gradients_finite():
    graph = from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
    conv, weight = GCNConv(2, weighted_degrees), jnp.array([-1.0, 0.5, 0.5, 1.0])
    params = random_variables(conv, graph, graph.nodes)

    def total(weight):
        precise = jax.tree.map(lambda leaf: leaf.astype(weight.dtype), params)
        return conv.apply(precise, graph, graph.nodes.astype(weight.dtype), weight).sum()

    assert np.isfinite(total(weight))
    assert np.isfinite(jax.grad(total)(weight)).all()
    assert_gradient_is_the_slope(total, weight + 2)


def test_gcn_is_its_layers_one_after_another():
    graph = random_graph(0)
    model = GCN(4, 2, 3)
    params = random_variables(model, graph)
    p = to_float64(params)["params"]
    hidden, apply_conv = graph.nodes, jax.jit(GCNConv(4).apply)
    for layer in range(2):
        conv = {"params": params["params"][f"GCNConv_{layer}"]}
        hidden = np.maximum(np.float64(apply_conv(conv, graph, jnp.float32(hidden))), 0)
        norm = p[f"LayerNorm_{layer}"]
        centered = hidden - hidden.mean(axis=1, keepdims=True)
        hidden = centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5)
        hidden = hidden * norm["scale"] + norm["bias"]
    expected = hidden @ p["head"]["kernel"] + p["head"]["bias"]
    np.testing.assert_allclose(jax.jit(model.apply)(params, graph), expected, atol=2e-4, rtol=1e-4)
    pooled = jax.jit(model.clone(readout=mean_readout).apply)(params, graph)
    np.testing.assert_allclose(pooled, expected.mean(axis=0), atol=2e-4, rtol=1e-4)


@named(NETWORKS)
def test_masked_padded_and_compacted_graphs_agree(module):
    graph = random_graph(1)
    params, apply = random_variables(module, graph), jax.jit(module.apply)
    expected = apply(params, compact(graph))
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(apply(params, graph), expected, atol=1e-5, rtol=1e-5)
    padded = apply(params, pad_arcs(graph, 5, vertex=0))
    np.testing.assert_allclose(padded, expected, atol=1e-5, rtol=1e-5)
    everything = with_edge_mask(graph, np.ones(16, bool))
    assert np.abs(apply(params, everything) - expected).max() > 1e-2


@named(NETWORKS)
def test_relabelling_the_vertices_relabels_the_predictions(module):
    graph = random_graph(2)
    new_label = np.random.default_rng(0).permutation(len(graph.nodes))
    weight = arc_weights(graph, 0)
    other, other_weight = relabel(graph, new_label, weight)
    params, apply = random_variables(module, graph), jax.jit(module.apply)
    np.testing.assert_allclose(
        apply(params, other, other_weight)[new_label],
        apply(params, graph, weight),
        atol=1e-4,
        rtol=1e-4,
    )


@pytest.mark.parametrize("n", [TABLE, LIST])
@named(CONVS)
def test_conv_has_the_gradient_of_finite_differences(module, n):
    graph = random_graph(3, n=n)
    params = random_variables(module, graph, graph.nodes)

    def loss(params, x, w):
        return jnp.sin(module.apply(params, graph, x, w)).sum()

    assert_gradient_is_the_slope(loss, params, graph.nodes, arc_weights(graph, 1))


@named(NETWORKS)
def test_vmap_over_masks_and_seeds_is_a_loop_in_one_trace(module):
    graph = random_graph(4, n=LIST)
    keep = jnp.asarray(np.random.default_rng(0).random((3, 16)) < 0.5)
    seeds = [random_variables(module, graph, seed=seed) for seed in range(3)]
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *seeds)

    def predict(params, graph, keep):
        return module.apply(params, with_edge_mask(graph, keep))

    chex.clear_trace_counter()
    traced = chex.assert_max_traces(predict, n=1)
    swept = jax.jit(jax.vmap(traced, in_axes=(0, None, 0)))
    swept(params, graph, ~keep)
    predictions = swept(params, graph, keep)
    alone = jax.jit(predict)
    for k in range(3):
        expected = alone(seeds[k], graph, keep[k])
        np.testing.assert_allclose(predictions[k], expected, atol=1e-5, rtol=1e-5)


@named([GCN(8, 1, 3), ResGCN(8, 1, 3), ProductNetwork(8, 1)])
@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (None, r"graph.nodes is float\d\d\[2, 0\]: pass at least one floating-point feature"),
        (np.ones((2, 3), int), r"graph.nodes is int\d\d\[2, 3\]: pass at least one floating-point"),
        (np.ones(2), r"graph.nodes is float\d\d\[2\]: pass at least one floating-point feature"),
    ],
)
def test_features_are_floating_point_rows(module, nodes, message, key):
    graph = from_edges([0], [1], 2, nodes=nodes)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(module.init, key, graph)
