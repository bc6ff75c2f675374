"""The graph isomorphism network against dense float64 formulas."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph.graph import from_edges
from jwi.networks import GIN, MLP, GINConv, GINEps, GINEpsConv, batch_norm, mean_readout
from tests.cases.messages import (
    LIST,
    TABLE,
    arc_weights,
    dense_adjacency,
    random_graph,
    random_variables,
    to_float64,
)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_gin_convs_are_the_dense_formula(n):
    graph = random_graph(0, n=n)
    weight = arc_weights(graph, 0)
    x, adjacency = np.float64(graph.nodes), dense_adjacency(graph, weight)

    fixed = GINConv(nn.Dense(4), eps=0.3)
    params = random_variables(fixed, graph, graph.nodes)
    p = to_float64(params)["params"]["mlp"]
    expected = ((1.3 * np.eye(n) + adjacency) @ x) @ p["kernel"] + p["bias"]
    actual = fixed.apply(params, graph, graph.nodes, weight)
    np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)

    trained = GINEpsConv(nn.Dense(4))
    with_eps = {"params": {**params["params"], "eps": jnp.float32(0.3)}}
    chosen = random_variables(trained, graph, graph.nodes)
    assert jax.tree.structure(chosen) == jax.tree.structure(with_eps)
    actual = trained.apply(with_eps, graph, graph.nodes, weight)
    np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)


def test_mlp_is_linear_batch_norm_relu_twice():
    x = random_graph(0).nodes
    mlp = MLP(4, batch_norm, train=True)
    variables = random_variables(mlp, x)
    actual, updated = mlp.apply(variables, x, mutable=["batch_stats"])
    p, hidden = to_float64(variables)["params"], np.float64(x)
    for layer in range(2):
        hidden = hidden @ p[f"Linear_{layer}"]["kernel"] + p[f"Linear_{layer}"]["bias"]
        mean, variance = hidden.mean(axis=0), hidden.var(axis=0)
        stats = to_float64(variables)["batch_stats"][f"BatchNorm_{layer}"]
        after = updated["batch_stats"][f"BatchNorm_{layer}"]
        np.testing.assert_allclose(after["mean"], 0.9 * stats["mean"] + 0.1 * mean, rtol=1e-4)
        np.testing.assert_allclose(after["var"], 0.9 * stats["var"] + 0.1 * variance, rtol=1e-4)
        norm = p[f"BatchNorm_{layer}"]
        hidden = (hidden - mean) / np.sqrt(variance + 1e-5) * norm["scale"] + norm["bias"]
        hidden = np.maximum(hidden, 0)
    np.testing.assert_allclose(actual, hidden, atol=1e-4, rtol=1e-4)


def test_gin_eps_with_zero_eps_is_gin():
    graph = random_graph(0)
    fixed, trained = GIN(4, 2, 3), GINEps(4, 2, 3)
    variables = random_variables(trained, graph)
    for layer in range(2):
        variables["params"][f"GINEpsConv_{layer}"]["eps"] = jnp.float32(0)

    def without_eps(tree):
        """The same weights, under the names of the network without ε."""
        names = {f"GINEpsConv_{layer}": f"GINConv_{layer}" for layer in range(2)}
        leaves = {names.get(name, name): dict(leaf) for name, leaf in tree.items()}
        for leaf in leaves.values():
            leaf.pop("eps", None)
        return leaves

    renamed = {kind: without_eps(tree) for kind, tree in variables.items()}
    expected = jax.jit(trained.apply)(variables, graph)
    np.testing.assert_allclose(jax.jit(fixed.apply)(renamed, graph), expected, rtol=1e-6)


def test_vmapped_samples_share_batch_statistics():
    graph = random_graph(0)
    samples = jnp.asarray(
        np.random.default_rng(0).normal(size=(5, *graph.nodes.shape)), jnp.float32
    )
    norm = functools.partial(batch_norm, axis_name="samples")
    model = GIN(4, 1, 2, readout=mean_readout, mlp_norm=norm)
    variables = random_variables(model, graph)

    def predict(x):
        return model.apply(variables, graph._replace(nodes=x), train=True, mutable=["batch_stats"])

    predictions, updated = jax.vmap(predict, axis_name="samples")(jnp.asarray(samples))
    assert predictions.shape == (5, 2)
    adjacency = dense_adjacency(graph) + np.eye(len(graph.nodes))
    dense = to_float64(variables)["params"]["GINConv_0"]["mlp"]["Linear_0"]
    hidden = adjacency @ np.float64(samples) @ dense["kernel"] + dense["bias"]
    mean = updated["batch_stats"]["GINConv_0"]["mlp"]["BatchNorm_0"]["mean"]
    before = to_float64(variables)["batch_stats"]["GINConv_0"]["mlp"]["BatchNorm_0"]["mean"]
    expected = np.broadcast_to(0.9 * before + 0.1 * hidden.mean(axis=(0, 1)), mean.shape)
    np.testing.assert_allclose(mean, expected, atol=1e-5, rtol=1e-4)


def test_eps_is_as_precise_as_its_own_type():
    graph = from_edges([0, 1], [1, 2], 3)
    layer = GINEpsConv(nn.Dense(1, kernel_init=nn.initializers.ones))
    params = layer.init(jax.random.key(0), graph, jnp.ones((3, 1)))
    params["params"]["eps"] = jnp.float32(2**-10)
    narrow = layer.apply(params, graph, jnp.full((3, 1), 64, jnp.bfloat16))
    assert narrow[0].tolist() == [64 * (2 + 2**-10)]
