"""Graphs whose arcs are divided over a mesh give the numbers of one device, and stay divided."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

import jwi
from tests.cases.messages import LIST, random_graph, random_variables
from tests.devices.exact import EVERYWHERE, placed

# 31 edges are 62 arcs, which neither 4 nor 8 devices divide: there is padding.
GRAPH = random_graph(0, n=LIST, num_edges=31)
NETWORKS = (
    jwi.GCN(4, 2, 3),
    jwi.GAT(4, 2, 3, heads=2),
    jwi.GINEps(4, 2, 3),
    jwi.ProductNetwork(3, 1, 2),
)


def assert_close(found, expected):
    """Equal up to the order of float32's sums: 1e-5 of the largest entry of all arrays."""
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * largest), found, expected
    )


def mesh_of(*sizes):
    names, devices = ("arcs", "runs")[: len(sizes)], jax.devices()[: np.prod(sizes)]
    return jax.make_mesh(sizes, names, (AxisType.Auto,) * len(sizes), devices=devices)


def without_gathers(function, *arguments):
    """The result of a program that never has all arcs on one device, nor a compiled loop."""
    program = jax.jit(function).lower(*arguments).compile()
    text = program.as_text()
    assert "all-reduce" in text
    assert "all-gather" not in text, text
    assert "jwi.messages" not in text, text
    return program(*arguments)


def value_and_gradient(network, variables, graph):
    def loss(variables):
        predictions = network.apply(variables, graph)
        return jnp.sin(predictions).sum(), predictions

    return jax.value_and_grad(loss, has_aux=True)(variables)


def check_networks(mesh):
    """Predictions, and gradients in the parameters."""
    graph = jwi.shard_arcs(GRAPH, mesh, "arcs")
    assert {len(shard.data) for shard in graph.senders.addressable_shards} == {64 // mesh.size}
    for network in NETWORKS:
        function = functools.partial(value_and_gradient, network)
        variables = random_variables(network, GRAPH)
        found = without_gathers(function, placed(variables, EVERYWHERE, mesh), graph)
        assert_close(found, jax.jit(function)(variables, GRAPH))


def check_integers(mesh):
    """Walk counts, degrees, orders and products modulo a prime are equal to the bit."""
    graph = jwi.shard_arcs(GRAPH, mesh, "arcs")
    subset = np.arange(LIST) < 9
    prime = 65521

    def integers(graph, values):
        def multiply(a, b):
            return a * b % prime

        return (
            jwi.count_walks_with_overflow(graph, 5),
            # More than the largest integer, which is flagged.
            jwi.count_walks_with_overflow(graph, 200),
            jwi.walk_index_with_overflow(graph, subset, 4, 2),
            jwi.in_degree(graph),
            jwi.neighbor_product(graph, values, multiply),
        )

    values = np.random.default_rng(1).integers(1, prime, (LIST, 2)).astype(np.uint32)
    rounds = jwi.one_walk_index_order_with_rounds
    expected = rounds(jwi.pad(GRAPH, num_edges=32))
    jax.tree.map(np.testing.assert_array_equal, rounds(graph), expected)
    found = without_gathers(integers, graph, values)
    jax.tree.map(np.testing.assert_array_equal, found, integers(GRAPH, values))
    assert found[1][1].any()


def check_many_arcs(mesh):
    """The softmax of ResGCN has blocks of arcs on one device alone: a scan would gather them."""
    rng = np.random.default_rng(2)
    ends, values = rng.integers(0, 900, (2, 4000)), rng.normal(size=(900, 2)).astype(np.float32)
    whole = jwi.from_edges(*ends, 900, nodes=values)
    graph = jwi.shard_arcs(whole, mesh, "arcs")
    network = jwi.ResGCN(2, 1, 2)
    variables = random_variables(network, whole)
    function = functools.partial(value_and_gradient, network)
    found = without_gathers(function, placed(variables, EVERYWHERE, mesh), graph)
    assert_close(found, jax.jit(function)(variables, whole))


def check_runs(mesh):
    """Runs over a second axis of the mesh, by `jit`; and over it alone, by `shard_map`."""
    network = jwi.GCN(4, 2, 3)
    variables = jax.tree.map(
        lambda *leaves: jnp.stack(leaves),
        *(random_variables(network, GRAPH, seed=seed) for seed in range(4)),
    )
    many = jax.vmap(functools.partial(value_and_gradient, network), (0, None))
    expected = jax.jit(many)(variables, GRAPH)
    over_runs = PartitionSpec("runs")
    graph = jwi.shard_arcs(GRAPH, mesh, "arcs")
    assert_close(without_gathers(many, placed(variables, over_runs, mesh), graph), expected)
    spread = jax.shard_map(many, mesh=mesh, in_specs=(over_runs, EVERYWHERE), out_specs=over_runs)
    assert_close(jax.jit(spread)(variables, graph), expected)


def check_refusals(mesh):
    """A part of the arcs is no graph, and the message says what to do."""
    graph = jwi.shard_arcs(GRAPH, mesh, "arcs")
    parts = jax.tree.map(lambda array: array.sharding.spec, graph)

    def degrees(specs):
        spread = jax.shard_map(jwi.in_degree, mesh=mesh, in_specs=(specs,), out_specs=EVERYWHERE)
        return jax.jit(spread)(graph)

    found = (
        f"graph has {64 // mesh.shape['arcs']} of its 64 arcs.*PartitionSpec\\(\\) among in_specs"
    )
    with pytest.raises(ValueError, match=found):
        degrees(parts)
    assert_close(degrees(EVERYWHERE), jwi.in_degree(GRAPH))
    explicit = jax.make_mesh((2,), ("arcs",), (AxisType.Explicit,), devices=jax.devices()[:2])
    with pytest.raises(ValueError, match="pass the name of an axis of type Auto"):
        jwi.shard_arcs(GRAPH, explicit, "arcs")


def main():
    check_networks(mesh_of(8))
    check_many_arcs(mesh_of(8))
    check_integers(mesh_of(4))
    check_runs(mesh_of(4, 2))
    check_refusals(mesh_of(4, 2))
