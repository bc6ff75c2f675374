"""A graph on several devices: its arcs are divided among them, and each has all vertices."""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.graph.padding import pad


def shard_arcs(graph: GraphsTuple, mesh: Mesh, axis: str) -> GraphsTuple:
    """The same graph with its arcs divided over an axis of a mesh; every device has all vertices.

    Networks, message passing and walk counts under `jax.jit` then work on the arcs where they are,
    and send sums over them, of the size of the vertices. Integers are the same as on one device,
    and other numbers up to the order of their sums. Place parameters by
    `jax.device_put(params, NamedSharding(mesh, PartitionSpec()))`.

    Args:
        graph: A graph of n vertices, masked or not, padded or not. `pad` adds edges until the D
            devices of the axis divide the arcs, so an array with a number for each arc belongs in
            `edges.features` before.
        mesh: Devices, as `jax.make_mesh` gives them with `axis_types=(AxisType.Auto, …)`.
        axis: Name of one of its axes. Arcs are replicated over the others.

    Returns:
        A graph with at most 2 D − 1 more arcs. `edges`, `senders` and `receivers` are divided over
        the axis, and all other arrays are whole on every device.

    Raises:
        ValueError: If the mesh has no such axis of type Auto.

    Example:
        >>> import jax, jwi
        >>> mesh = jax.make_mesh((1,), ("arcs",), axis_types=(jax.sharding.AxisType.Auto,))
        >>> graph = shard_arcs(jwi.from_edges([0, 1], [1, 2], num_vertices=3), mesh, "arcs")
        >>> tuple(graph.senders.sharding.spec), jwi.in_degree(graph).tolist()
        (('arcs',), [1, 2, 1])
    """
    kinds = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    if kinds.get(axis) != AxisType.Auto:
        raise ValueError(
            f"axis is {axis!r} and mesh has the axes {kinds}: pass the name of an axis of type"
            " Auto, as jax.make_mesh(…, axis_types=(AxisType.Auto,)) makes it"
        )
    shards, info = mesh.shape[axis], info_of(graph)
    # Two arcs of an edge need not be on one device.
    multiple = shards // math.gcd(shards, info.arcs_per_edge)
    if info.num_edges % multiple:
        graph = pad(graph, num_edges=-(-info.num_edges // multiple) * multiple)
    on_arcs, whole = PartitionSpec(axis), PartitionSpec()

    def put(tree: Any, spec: PartitionSpec) -> Any:
        # From the host, so that no device has all arcs for a moment.
        return jax.tree.map(
            lambda a: jax.device_put(np.asarray(a), NamedSharding(mesh, spec)), tree
        )

    return GraphsTuple(
        nodes=put(graph.nodes, whole),
        edges=put(graph.edges, on_arcs),
        senders=put(graph.senders, on_arcs),
        receivers=put(graph.receivers, on_arcs),
        globals=dataclasses.replace(info_of(graph), arc_shards=shards),
        n_node=put(graph.n_node, whole),
        n_edge=put(graph.n_edge, whole),
    )
