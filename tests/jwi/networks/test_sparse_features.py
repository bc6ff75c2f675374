"""Networks on a BCOO matrix of features against the same networks on the dense one."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import jwi
from jwi.networks import GAT, GCN, GIN, GINEps, LayerNorm, Linear, ProductNetwork, ResGCN
from tests.cases.messages import random_graph, random_variables

NETWORKS = {
    "gcn": GCN(8, 2, 3),
    "gat": GAT(8, 2, 3, heads=2),
    "gin": GIN(8, 2, 3, mlp_norm=LayerNorm),
    "gin eps": GINEps(8, 2, 3),
    "resgcn": ResGCN(8, 2, 3),
    "product": ProductNetwork(8, 1),
}


def sparse_graph(seed=0, *, num_features=12):
    graph = random_graph(seed, num_features=num_features)
    nodes = np.where(np.random.default_rng(seed).random(graph.nodes.shape) < 0.3, graph.nodes, 0)
    dense = graph._replace(nodes=jnp.asarray(nodes))
    return dense, graph._replace(nodes=BCOO.fromdense(dense.nodes))


def in_float64(tree):
    """Its floats in float64, and its integers as they are."""
    return jax.tree.map(lambda x: x.astype(np.float64) if x.dtype == np.float32 else x, tree)


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_and_gradients_are_those_of_dense_features(name, key):
    module, (dense, sparse) = NETWORKS[name], sparse_graph()
    variables = random_variables(module, dense)
    of_sparse = jax.eval_shape(module.init, key, sparse)
    assert jax.tree.structure(of_sparse) == jax.tree.structure(variables)

    def loss(variables, graph):
        return jnp.sin(module.apply(variables, graph)).sum()

    # In float64: the two orders of summing differ by much in float32 where predictions are large.
    with jax.enable_x64(True):
        step = jax.jit(jax.value_and_grad(loss))
        expected = step(*in_float64((variables, dense)))
        actual = step(*in_float64((variables, sparse)))
    chex.assert_trees_all_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_the_gradient_in_the_entries_is_that_of_the_dense_matrix(key):
    x = sparse_graph()[0].nodes
    layer = Linear(4)
    params = layer.init(key, x)
    entries = BCOO.fromdense(x)

    def loss(x):
        return jnp.sin(layer.apply(params, x)).sum()

    gradient = jax.grad(lambda data: loss(BCOO((data, entries.indices), shape=x.shape)))
    expected = jax.grad(loss)(x)[tuple(entries.indices.T)]
    np.testing.assert_allclose(gradient(entries.data), expected, rtol=1e-5, atol=1e-6)


def test_repeated_entries_add_up_and_filling_is_nothing(key):
    indices = jnp.array([[0, 1], [0, 1], [2, 0], [3, 2]])  # The last is outside: BCOO's filling.
    x = BCOO((jnp.array([1.0, 2.0, 4.0, 8.0]), indices), shape=(3, 2))
    layer = Linear(4)
    params = layer.init(key, x)
    expected = layer.apply(params, jnp.array([[0.0, 3.0], [0.0, 0.0], [4.0, 0.0]]))
    np.testing.assert_allclose(layer.apply(params, x), expected, rtol=1e-6)


def test_messages_after_the_first_linear_layer_are_messages_before_it(key):
    graph = random_graph(1, num_features=12)
    mlp = jwi.MLP(5, LayerNorm)
    convolution = jwi.GINConv(mlp, eps=0.3)
    params = convolution.init(key, graph, graph.nodes)
    inner = {"params": params["params"]["mlp"]}
    expected = mlp.apply(inner, 1.3 * graph.nodes + jwi.neighbor_sum(graph, graph.nodes))
    actual = convolution.apply(params, graph, graph.nodes)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_sparse_features_that_do_not_fit_are_refused(key):
    dense, sparse = sparse_graph()
    with pytest.raises(ValueError, match="mlp is Dense and x a BCOO matrix: sparse features need"):
        jwi.GINConv(nn.Dense(4)).init(key, sparse, sparse.nodes)
    with pytest.raises(ValueError, match="n_batch=1 and n_dense=0: pass a matrix with n_batch=0"):
        Linear(4).init(key, BCOO.fromdense(dense.nodes, n_batch=1))
    with pytest.raises(ValueError, match=r"nodes has shape .*: its leading axis is num_vertices"):
        jwi.from_edges([0], [1], 3, nodes=sparse.nodes)


def test_compacting_keeps_sparse_features():
    _, sparse = sparse_graph()
    compact = jwi.compact(sparse)
    np.testing.assert_array_equal(compact.nodes.todense(), sparse.nodes.todense())
