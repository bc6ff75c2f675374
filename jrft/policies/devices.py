"""Arrays on several devices: whole where they must be, and each device's own under `shard_map`."""

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import PyTree


def whole(tree: PyTree) -> PyTree:
    """Arrays that each device holds whole, in a compiled function; an axis of `jax.vmap` is left.

    XLA's partitioner goes wrong where the rows of a scatter-add come from an array that is sharded
    unevenly: it fills up the indices with 0, but the rows with other numbers (docs/reliability.md
    has the smallest program). Small levels of a prefix tree are such rows, so a table of rewards
    must not spread its sharding to them.
    """

    def everywhere(array: jax.Array) -> jax.Array:
        mesh = jax.typeof(array).sharding.mesh
        on_mesh = NamedSharding(mesh, PartitionSpec())
        if AxisType.Explicit in mesh.axis_types:
            return jax.sharding.reshard(array, on_mesh)
        if AxisType.Auto in mesh.axis_types:
            return jax.lax.with_sharding_constraint(array, on_mesh)
        return array

    return jax.tree.map(everywhere, tree)


def own_copies(tree: PyTree, *others: PyTree) -> PyTree:
    """The tree as every device's own under `jax.shard_map`, where `others` differ by device.

    The derivative in parameters that devices share is a sum over the devices, which JAX inserts. A
    gradient of one prompt must not be, so it differentiates in copies.
    """
    axes = frozenset[str]().union(*map(_varying, jax.tree.leaves((tree, others))))

    def own(leaf: jax.Array) -> jax.Array:
        missing = tuple(sorted(axes - _varying(leaf)))
        return jax.lax.pcast(leaf, missing, to="varying") if missing else leaf

    return jax.tree.map(own, tree) if axes else tree


def over_samples(tree: PyTree) -> PyTree:
    """Arrays whose leading axis is samples, divided over the axis "samples" of `jax.set_mesh`.

    Without a mesh, or without such an axis of type Auto, they stay as they are.

    Raises:
        ValueError: If the devices of the axis do not divide the samples.
    """
    devices = devices_of("samples")
    if devices is None:
        return tree
    for array in jax.tree.leaves(tree):
        # XLA's partitioner may be wrong on axes that the devices do not divide; see `whole`.
        if len(array) % devices:
            raise ValueError(
                f"there are {len(array)} samples, or in a block, and {devices}"
                ' devices on the axis "samples" of jax.set_mesh: pass num_samples and block_size'
                " that the devices divide, or give the axis another name"
            )
    return over_axis(tree, "samples")


def devices_of(axis: str) -> int | None:
    """How many devices an axis of `jax.set_mesh` has; None without such an axis of type Auto."""
    mesh = jax.sharding.get_abstract_mesh()
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    return mesh.shape[axis] if types.get(axis) == AxisType.Auto else None


def over_axis(tree: PyTree, axis: str) -> PyTree:
    """Arrays whose leading axis is divided over an axis of `jax.set_mesh`."""
    mesh = jax.sharding.get_abstract_mesh()

    def divide(array: jax.Array) -> jax.Array:
        # XLA chooses the other axes, as those of parameters that a user's rule has sharded.
        others = [PartitionSpec.UNCONSTRAINED] * (array.ndim - 1)
        divided = NamedSharding(mesh, PartitionSpec(axis, *others))
        return jax.lax.with_sharding_constraint(array, divided)

    return jax.tree.map(divide, tree)


def _varying(leaf: jax.typing.ArrayLike) -> frozenset[str]:
    """The axes of a `shard_map` over which a value differs."""
    return frozenset(jax.typeof(leaf).manual_axis_type.varying)
