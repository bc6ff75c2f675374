"""The masked message-passing functions against loops over arcs in float64."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph.graph import compact, from_edges, with_edge_mask
from jwi.messages.layout import ArcList, ArcTable, arcs_of
from jwi.messages.message_passing import in_degree, neighbor_product, neighbor_sum
from tests.cases.messages import (
    LIST,
    TABLE,
    arc_weights,
    assert_gradient_is_the_slope,
    dense_adjacency,
    kept_arcs,
    pad_arcs,
    random_graph,
)

GRAPHS = [
    random_graph(0, n=TABLE),
    random_graph(1, n=TABLE, undirected=False),
    random_graph(2, n=LIST),
    random_graph(3, n=LIST, undirected=False),
]
each_graph = pytest.mark.parametrize(
    "graph", GRAPHS, ids=["table", "directed table", "list", "directed list"]
)
each_layout = pytest.mark.parametrize("graph", GRAPHS[::2], ids=["table", "list"])


def test_the_cases_have_both_layouts():
    layouts = [type(arcs_of(graph, len(graph.nodes))) for graph in GRAPHS]
    assert layouts == [ArcTable, ArcTable, ArcList, ArcList]


@each_graph
def test_in_degree_counts_kept_arcs(graph):
    expected = (dense_adjacency(graph) != 0).sum(axis=1)
    assert in_degree(graph).tolist() == expected.tolist()
    assert in_degree(pad_arcs(graph, 4, vertex=0)).tolist() == expected.tolist()


@each_graph
def test_neighbor_sum_is_a_dense_product(graph):
    weight = arc_weights(graph, 0)
    x = np.asarray(graph.nodes, np.float64)
    np.testing.assert_allclose(
        neighbor_sum(graph, graph.nodes, weight), dense_adjacency(graph, weight) @ x, atol=1e-5
    )
    np.testing.assert_allclose(
        neighbor_sum(graph, graph.nodes), dense_adjacency(graph) @ x, atol=1e-5
    )


@each_layout
def test_heads_are_summed_one_by_one(graph):
    rng = np.random.default_rng(0)
    values = jnp.asarray(rng.normal(size=(len(graph.nodes), 2, 3)), jnp.float32)
    weight = jnp.stack([arc_weights(graph, 0), arc_weights(graph, 1)], axis=1)
    summed = neighbor_sum(graph, values, weight)
    unweighted = neighbor_sum(graph, values)
    for head in range(2):
        expected = neighbor_sum(graph, values[:, head], weight[:, head])
        np.testing.assert_allclose(summed[:, head], expected, atol=1e-6)
        expected = neighbor_sum(graph, values[:, head])
        np.testing.assert_allclose(unweighted[:, head], expected, atol=1e-6)


@each_layout
def test_loops_add_each_vertexs_own_value(graph):
    values = jnp.asarray(np.random.default_rng(0).normal(size=(len(graph.nodes), 3)), jnp.float32)
    loops = values[:, 0]

    def looped(values, loops):
        return neighbor_sum(graph, values, loops=loops)

    def added(values, loops):
        return neighbor_sum(graph, values) + loops[:, None] * values

    results = [jax.vjp(function, values, loops) for function in (looped, added)]
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-5)
    for ours, expected in zip(*(pull(jnp.cos(values)) for _, pull in results), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("values", [jnp.bfloat16, jnp.float32], ids=lambda t: t.__name__)
@pytest.mark.parametrize("others", [jnp.bfloat16, jnp.float32], ids=lambda t: t.__name__)
def test_layouts_agree_in_types_and_values(values, others):
    results = []
    for graph in (random_graph(0), random_graph(0, n=LIST, num_edges=16)):
        x = jnp.arange(3 * len(graph.nodes)).reshape(-1, 3).astype(values) % 7
        # Steps that only the wider type can tell from 0.
        loops = jnp.full(len(x), 1 + 2**-10, others)
        results.append((neighbor_sum(graph, x, loops=loops), neighbor_sum(graph, x), x, loops))
    for looped, summed, x, loops in results:
        assert looped.dtype == jnp.result_type(x, loops)
        assert summed.dtype == x.dtype
        np.testing.assert_allclose(
            np.float64(looped), np.float64(summed) + np.float64(loops)[:, None] * np.float64(x),
            rtol=4 * float(jnp.finfo(looped.dtype).eps),
        )  # fmt: skip


@each_graph
def test_neighbor_product_is_a_loop_over_arcs(graph):
    rng = np.random.default_rng(0)
    values = rng.integers(-3, 4, size=(len(graph.nodes), 2))
    expected = np.ones_like(values)
    for _, j, i in kept_arcs(graph):
        expected[i] *= values[j]
    product = jax.jit(neighbor_product, static_argnums=2)
    actual = product(graph, jnp.asarray(values, jnp.float32))
    assert actual.tolist() == expected.tolist()
    capped = product(graph, jnp.asarray(values % 5, jnp.int32), lambda a, b: a * b % 5)
    assert capped.tolist() == (expected % 5).tolist()


def test_without_arcs_sums_are_zero_and_products_one():
    graph = from_edges([], [], 3)
    assert in_degree(graph).tolist() == [0, 0, 0]
    assert neighbor_sum(graph, jnp.ones((3, 1))).tolist() == [[0], [0], [0]]
    assert neighbor_product(graph, jnp.zeros((3, 1))).tolist() == [[1], [1], [1]]


@each_layout
def test_neighbor_sum_has_the_gradient_of_finite_differences(graph):

    def loss(x, w):
        return jnp.sin(neighbor_sum(graph, x, w)).sum()

    def slope(x, w):
        # A loss of the gradient: its own gradient is of second order.
        x_bar, w_bar = jax.grad(loss, argnums=(0, 1))(x, w)
        return jnp.sin(x_bar).sum() + jnp.sin(w_bar).sum()

    assert_gradient_is_the_slope(loss, graph.nodes, arc_weights(graph, 0))
    assert_gradient_is_the_slope(slope, graph.nodes, arc_weights(graph, 0))


@each_layout
def test_removed_arcs_give_and_get_nothing(graph):
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


@each_layout
def test_masked_padded_and_compacted_graphs_agree(graph):
    expected = neighbor_sum(compact(graph), graph.nodes)
    np.testing.assert_allclose(neighbor_sum(graph, graph.nodes), expected, rtol=1e-6)
    for vertex in (0, len(graph.nodes) - 1):
        padded = pad_arcs(graph, 5, vertex=vertex)
        np.testing.assert_allclose(neighbor_sum(padded, graph.nodes), expected, rtol=1e-6)


@each_layout
def test_vmap_over_masks_values_and_weights_is_a_loop_in_one_trace(graph):
    rng = np.random.default_rng(0)
    keep = jnp.asarray(rng.random((4, 16)) < 0.5)
    x = jnp.asarray(rng.normal(size=(4, *graph.nodes.shape)), jnp.float32)
    weight = jnp.stack([arc_weights(graph, seed) for seed in range(4)])

    def gradients(graph, keep, x, weight):
        def loss(x, weight):
            return (neighbor_sum(with_edge_mask(graph, keep), x, weight) ** 2).sum()

        return jax.grad(loss, argnums=(0, 1))(x, weight)

    chex.clear_trace_counter()
    traced = chex.assert_max_traces(gradients, n=1)
    swept = jax.jit(jax.vmap(traced, in_axes=(None, 0, 0, 0)))
    for shift in (0, 1):
        # A sweep over other masks of the same shape does not trace again.
        masks = jnp.roll(keep, shift, axis=0)
        looped = [gradients(graph, masks[k], x[k], weight[k]) for k in range(4)]
        expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped)
        chex.assert_trees_all_close(swept(graph, masks, x, weight), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_values_and_weights_of_different_precision_keep_their_own_gradients(n):
    graph = random_graph(0, n=n)
    with jax.enable_x64(True):
        weight = jnp.linspace(0.5, 2, len(graph.senders), dtype=jnp.float64)

        def loss(values, weight):
            return jnp.sin(neighbor_sum(graph, values, weight)).sum()

        gradients = jax.grad(loss, (0, 1))(graph.nodes, weight)
        expected = jax.grad(loss, (0, 1))(graph.nodes.astype(jnp.float64), weight)
        assert [g.dtype for g in gradients] == [jnp.float32, jnp.float64]
        for actual, exact in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(actual, exact, rtol=1e-5, atol=1e-5)
