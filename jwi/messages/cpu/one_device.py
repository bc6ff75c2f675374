"""A choice between two forms of a function: one for a program on one CPU device, one for others.

XLA divides plain formulas over the devices of a program. It cannot divide a call of compiled code,
nor a loop over blocks of a divided array: it would first gather their operands on every device.
Whether a program has several devices is known when it is lowered, not when it is traced. So the
choice is a primitive: it holds both forms, and its lowering takes one of them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jax.sharding import AxisType
from jaxtyping import Array

_choice = Primitive("on_one_cpu")
_choice.multiple_results = True


def on_one_cpu(alone: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """A function with two forms, without a gradient.

    Args:
        alone: Its form in a program on one CPU device, and in the part of a program that
            `jax.shard_map` gives to one.
        otherwise: Its form on other platforms and in programs of several devices: of the same
            results. The arguments of both are trees of arrays.
    """

    def choose(*arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments)
        if _types_tell_of_devices(leaves):
            return otherwise(*arguments)
        shapes = jax.eval_shape(otherwise, *arguments)

        def of_leaves(form: Callable[..., Any]) -> Callable[..., list[Array]]:
            return lambda *leaves: jax.tree.leaves(form(*jax.tree.unflatten(tree, leaves)))

        results = _choice.bind(*leaves, alone=of_leaves(alone), otherwise=of_leaves(otherwise))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    # Jitted, since outside jit every call would compile again.
    return jax.jit(choose, inline=True)


def _types_tell_of_devices(arrays: Sequence[Array]) -> bool:
    """Whether the types of arrays record how they are divided over devices.

    Compiled code cannot give its results such types. They occur on meshes with explicit axes, and
    in `jax.shard_map` with `check_vma=True`.
    """
    if AxisType.Explicit in jax.sharding.get_abstract_mesh().axis_types:
        return True
    manual = [jax.typeof(array).manual_axis_type for array in arrays]
    return any(axes.varying or axes.unreduced or axes.reduced for axes in manual)


def _is_alone(context: Any) -> bool:
    """Whether a program is lowered for one device, or for each device's part of a `shard_map`."""
    if isinstance(context, mlir.SPMDAxisContext):
        sizes = context.mesh.shape
        return math.prod(sizes[axis] for axis in set(sizes) - context.manual_axes) == 1
    return isinstance(context, mlir.ShardingContext) and context.num_devices == 1


def _lower_on_cpu(context: Any, *operands: Any, alone: Any, otherwise: Any) -> Any:
    form = alone if _is_alone(context.module_context.axis_context) else otherwise
    return mlir.lower_fun(form)(context, *operands)


def _lower(context: Any, *operands: Any, alone: Any, otherwise: Any) -> Any:
    return mlir.lower_fun(otherwise)(context, *operands)


def _vmap(operands: Any, axes: Any, *, alone: Any, otherwise: Any) -> Any:
    forms = {"alone": jax.vmap(alone, axes), "otherwise": jax.vmap(otherwise, axes)}
    results = _choice.bind(*operands, **forms)
    return results, [0] * len(results)


@_choice.def_impl
def _run(*operands: Any, alone: Any, otherwise: Any) -> Any:
    # Only `jax.disable_jit` comes here, and operations one by one are no program to divide.
    return otherwise(*operands)


@_choice.def_abstract_eval
def _shapes(*operands: Any, alone: Any, otherwise: Any) -> Any:
    shapes = jax.eval_shape(otherwise, *operands)
    return [jax.core.ShapedArray(shape.shape, shape.dtype) for shape in shapes]


mlir.register_lowering(_choice, _lower)
mlir.register_lowering(_choice, _lower_on_cpu, platform="cpu")
batching.primitive_batchers[_choice] = _vmap
