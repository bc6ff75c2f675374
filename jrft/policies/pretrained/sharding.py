"""Where the parameters of a large model lie."""

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from jrft.policies.policy import Params


def param_shardings(params: Params, mesh: Mesh | AbstractMesh, axis: str) -> Params:
    """How to split each parameter over one axis of a mesh of devices.

    An array is split along its longest dimension that can be divided equally; others are copied.
    XLA then splits the computation. Prompts may be split over another axis of the mesh.

    Args:
        params: Arrays, or their shapes.
        mesh: The devices.
        axis: The name of the axis of the mesh.

    Returns:
        A `jax.sharding.NamedSharding` for each array, as `jax.device_put` takes it.

    Raises:
        ValueError: If the mesh has no such axis, or its axes are explicit: then every product would
            have to say how its result is split.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> axis_types = (jax.sharding.AxisType.Auto,) * 2
        >>> mesh = jax.make_mesh((1, 1), ("prompts", "model"), axis_types=axis_types)
        >>> shardings = jrft.param_shardings({"kernel": jnp.ones((2, 6))}, mesh, "model")
        >>> shardings["kernel"].spec
        P(None, 'model')
    """
    if axis not in mesh.shape:
        raise ValueError(f"axis is {axis!r}: pass an axis of the mesh, {', '.join(mesh.shape)}")
    if AxisType.Explicit in mesh.axis_types:
        raise ValueError(
            f"mesh has the axis types {mesh.axis_types}: make it with axis_types="
            f"(jax.sharding.AxisType.Auto,) * {len(mesh.shape)}"
        )
    parts = mesh.shape[axis]

    def of_one(leaf: jax.Array) -> NamedSharding:
        longest_first = np.argsort([-size for size in leaf.shape], kind="stable")
        split = next((i for i in longest_first if leaf.shape[i] % parts == 0), None)
        names = [axis if i == split else None for i in range(len(leaf.shape))]
        return NamedSharding(mesh, PartitionSpec(*names))

    return jax.tree.map(of_one, params)
