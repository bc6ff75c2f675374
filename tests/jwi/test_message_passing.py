"""The masked message-passing functions against loops over arcs in float64."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph import compact, with_edge_mask
from jwi.message_passing import in_degree, neighbor_sum
from tests.jwi.message_cases import (
    arc_weights,
    assert_gradient_is_the_slope,
    dense_adjacency,
    pad_arcs,
    random_graph,
)

CASES = [(0, True), (1, False)]


@pytest.mark.parametrize(("seed", "undirected"), CASES)
def test_in_degree_counts_kept_arcs(seed, undirected):
    graph = random_graph(seed, undirected=undirected)
    expected = (dense_adjacency(graph) != 0).sum(axis=1)
    assert in_degree(graph).tolist() == expected.tolist()
    assert in_degree(pad_arcs(graph, 4, vertex=0)).tolist() == expected.tolist()


@pytest.mark.parametrize(("seed", "undirected"), CASES)
def test_neighbor_sum_is_a_dense_product(seed, undirected):
    graph = random_graph(seed, undirected=undirected)
    weight = arc_weights(graph, seed)
    x = np.asarray(graph.nodes, np.float64)
    np.testing.assert_allclose(
        neighbor_sum(graph, graph.nodes, weight), dense_adjacency(graph, weight) @ x, atol=1e-5
    )
    np.testing.assert_allclose(
        neighbor_sum(graph, graph.nodes), dense_adjacency(graph) @ x, atol=1e-5
    )


def test_neighbor_sum_has_the_gradient_of_finite_differences():
    graph = random_graph(0)

    def loss(x, w):
        return jnp.sin(neighbor_sum(graph, x, w)).sum()

    def slope(x, w):
        # A loss of the gradient: its own gradient is of second order.
        x_bar, w_bar = jax.grad(loss, argnums=(0, 1))(x, w)
        return jnp.sin(x_bar).sum() + jnp.sin(w_bar).sum()

    assert_gradient_is_the_slope(loss, graph.nodes, arc_weights(graph, 0))
    assert_gradient_is_the_slope(slope, graph.nodes, arc_weights(graph, 0))


def test_removed_arcs_give_and_get_nothing():
    graph = random_graph(0)
    weight = arc_weights(graph, 0)

    def total(x, w):
        return (neighbor_sum(graph, x, w) ** 2).sum()

    gradient = jax.grad(total, argnums=1)(graph.nodes, weight)
    removed = ~np.asarray(graph.edges.mask)
    assert removed.any()
    assert (np.asarray(gradient)[removed] == 0).all()
    assert (np.asarray(gradient)[~removed] != 0).all()
    changed = jnp.where(graph.edges.mask, weight, 1e6)
    chex.assert_trees_all_equal(total(graph.nodes, changed), total(graph.nodes, weight))


def test_masked_padded_and_compacted_graphs_agree():
    graph = random_graph(2)
    expected = neighbor_sum(compact(graph), graph.nodes)
    np.testing.assert_allclose(neighbor_sum(graph, graph.nodes), expected, rtol=1e-6)
    for vertex in (0, len(graph.nodes) - 1):
        padded = pad_arcs(graph, 5, vertex=vertex)
        np.testing.assert_allclose(neighbor_sum(padded, graph.nodes), expected, rtol=1e-6)


def test_vmap_over_masks_values_and_weights_is_a_loop_in_one_trace():
    graph = random_graph(3)
    rng = np.random.default_rng(0)
    keep = jnp.asarray(rng.random((4, 16)) < 0.5)
    x = jnp.asarray(rng.normal(size=(4, *graph.nodes.shape)), jnp.float32)
    weight = jnp.stack([arc_weights(graph, seed) for seed in range(4)])

    def gradients(graph, keep, x, weight):
        def loss(x, weight):
            return (neighbor_sum(with_edge_mask(graph, keep), x, weight) ** 2).sum()

        return jax.grad(loss, argnums=(0, 1))(x, weight)

    traced = chex.assert_max_traces(gradients, n=1)
    swept = jax.jit(jax.vmap(traced, in_axes=(None, 0, 0, 0)))
    for shift in (0, 1):
        # A sweep over other masks of the same shape does not trace again.
        masks = jnp.roll(keep, shift, axis=0)
        looped = [gradients(graph, masks[k], x[k], weight[k]) for k in range(4)]
        expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped)
        chex.assert_trees_all_close(swept(graph, masks, x, weight), expected, rtol=1e-5, atol=1e-5)
