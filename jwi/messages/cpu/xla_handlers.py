"""Loops compiled by numba that XLA calls on CPUs, through its foreign function interface.

A handler is a compiled function of a call's frame, which it reads with `operand`, `result`,
`batch_shape` and `array_1d` to `array_3d`; `call` calls it from traced code. Under vmap every
operand has one leading axis more, of length 1 where it is shared, and so one handler serves any
number of vmaps without a copy.

XLA cannot split such a call: `jit` of arrays that lie on several CPU devices gathers them first,
`jax.shard_map` with ``check_vma=False`` does not. Nor can it save one, as `jax.export` does. With
the environment variable ``JWI_COMPILED_LOOPS=0`` there are none.

The structures are those of `xla/ffi/api/c_api.h`, which jaxlib ships (see `jax.ffi.include_dir`): a
binary interface of a version that XLA checks when a handler is registered, and keeps for a year at
the least. NumPy's records let compiled code read them by name. Numba keeps handlers on disk and
does not see that this file has changed: then delete the `__pycache__` folders.
"""

import functools
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, no_type_check

import jax
import numba
import numpy as np
from jax.sharding import AxisType
from jaxtyping import Array
from numba import carray, njit
from numba.extending import intrinsic

API_VERSION = 0, 3

Handler = Callable[[Any, Any], None]

_registered: dict[str, bool] = {}
_registering = threading.Lock()
_kept: list[Any] = []
"""Compiled functions that XLA has the addresses of."""


def _structure(**fields: Any) -> np.dtype:
    return np.dtype(list(fields.items()), align=True)


_POINTER = np.intp
_POINTER_SIZE = np.dtype(_POINTER).itemsize
_HEAD = {"struct_size": np.uintp, "extension_start": _POINTER}
_VERSION = _structure(**_HEAD, major_version=np.int32, minor_version=np.int32)
_BUFFERS = _structure(**_HEAD, size=np.int64, types=_POINTER, addresses=_POINTER)
# By the names they have in the interface, but for its prefix.
STRUCTURES = {
    "Buffer": _structure(**_HEAD, dtype=np.int32, data=_POINTER, rank=np.int64, dims=_POINTER),
    "CallFrame": _structure(
        **_HEAD, api=_POINTER, ctx=_POINTER, stage=np.int32, args=_BUFFERS, rets=_BUFFERS
    ),
    "Metadata": _structure(
        struct_size=np.uintp, api_version=_VERSION, traits=np.uint32, state_type_id=np.int64
    ),
    "Metadata_Extension": _structure(
        struct_size=np.uintp, type=np.int32, next=_POINTER, metadata=_POINTER
    ),
}
_BUFFER, _CALL_FRAME, _METADATA, _METADATA_EXTENSION = STRUCTURES.values()
_TYPE_OF_METADATA_EXTENSION = 1


def call(
    handler: Handler, dtype: np.dtype, results: Sequence[jax.ShapeDtypeStruct], *operands: Array
) -> Sequence[Array]:
    """Calls a handler from traced code. It has no gradient and runs on CPUs only.

    Nobody checks what the handler then finds in memory: the caller has to check types and shapes.

    Args:
        handler: Function compiled by `numba.njit`, called with the address of the call's frame and
            with the type of numbers. It must fill all results, and not raise.
        dtype: A type for which the handler is `available`.
        results: Shapes and types of the results.
        *operands: What the handler finds with `operand`.

    Returns:
        The results.
    """
    return jax.ffi.ffi_call(_name(handler, dtype), results, vmap_method="expand_dims")(*operands)


def available(handler: Handler, dtype: np.dtype) -> bool:
    """Whether XLA can call a handler for numbers of this type, which it is compiled for then."""
    name = _name(handler, dtype)
    with _registering:
        if name not in _registered:
            _registered[name] = _register(name, handler, dtype)
        return _registered[name]


def _register(name: str, handler: Handler, dtype: np.dtype) -> bool:
    unwanted = os.environ.get("JWI_COMPILED_LOOPS") == "0"
    unwanted |= bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
    if unwanted or dtype not in (np.float32, np.float64):
        return False
    try:
        # Once there is a backend, it refuses a handler itself; before, it would not start with one.
        jax.devices("cpu")
    except (AssertionError, RuntimeError):
        return False  # JAX_PLATFORMS names other platforms only.
    number = dtype.type

    @numba.cfunc("intp(intp)")
    @no_type_check
    def entry(frame):
        if not _answered(frame):
            handler(frame, number)
        return 0  # A null pointer: no error.

    try:
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(entry.address))
    except jax.errors.JaxRuntimeError as error:
        warnings.warn(
            f"This jaxlib refuses the compiled loop {name}, so training on CPUs is slower: install"
            f" a version of jax that this package was tested with, or a newer package. ({error})",
            stacklevel=2,
        )
        return False
    _kept.append(entry)
    return True


def by_platform(
    plain: Callable[..., Any], compiled: Callable[..., Any], handler: Handler
) -> Callable[..., Any]:
    """A function that is a compiled loop on CPUs, where there is one for its numbers.

    Args:
        plain: The function as XLA compiles it, of arrays; it is the type of the first that counts.
        compiled: The same function, which calls a handler.
        handler: The handler.
    """

    def on_cpu(first: Array, *others: Array | None) -> Any:
        typed = _types_tell_of_devices(jax.tree.leaves((first, others)))
        usable = not typed and available(handler, first.dtype)
        return (compiled if usable else plain)(first, *others)

    # Compiled here, or every call outside jit would compile anew.
    select = functools.partial(jax.lax.platform_dependent, cpu=on_cpu, default=plain)
    return jax.jit(select, inline=True)


def _types_tell_of_devices(arrays: Sequence[Array]) -> bool:
    """Whether the types of a call's results would have to say what is on which device.

    So it is on meshes of explicit axes, and in `jax.shard_map` with its checks on.
    """
    if AxisType.Explicit in jax.sharding.get_abstract_mesh().axis_types:
        return True
    manual = [jax.typeof(array).manual_axis_type for array in arrays]
    return any(axes.varying or axes.unreduced or axes.reduced for axes in manual)


def _name(handler: Handler, dtype: np.dtype) -> str:
    return f"{handler.__module__}.{handler.__name__}.{dtype}"


@intrinsic
def _pointer(_, address):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return numba.types.voidptr(numba.types.intp), generate


@njit(cache=True)
@no_type_check
def _answered(frame):
    """Whether XLA only asks for the version of the interface, as before it registers a handler."""
    extension = carray(_pointer(frame), 1, _CALL_FRAME)[0].extension_start
    if extension == 0:
        return False
    query = carray(_pointer(extension), 1, _METADATA_EXTENSION)[0]
    if query.type != _TYPE_OF_METADATA_EXTENSION:
        return False
    metadata = carray(_pointer(query.metadata), 1, _METADATA)[0]
    metadata.api_version.major_version, metadata.api_version.minor_version = API_VERSION
    metadata.traits = 0
    metadata.state_type_id = 0
    return True


@njit(cache=True)
@no_type_check
def operand(frame, k):
    """The buffer of the k-th operand of a call."""
    return _buffer(carray(_pointer(frame), 1, _CALL_FRAME)[0].args, k)


@njit(cache=True)
@no_type_check
def result(frame, k):
    """The buffer of the k-th result of a call."""
    return _buffer(carray(_pointer(frame), 1, _CALL_FRAME)[0].rets, k)


@njit(cache=True)
@no_type_check
def _buffer(buffers, k):
    address = carray(_pointer(buffers.addresses + k * _POINTER_SIZE), 1, _POINTER)[0]
    return carray(_pointer(address), 1, _BUFFER)[0]


@njit(cache=True)
@no_type_check
def batch_shape(buffer, ndim):
    """The lengths of the axes that vmap has added to a result of ndim axes."""
    return carray(_pointer(buffer.dims), buffer.rank - ndim, np.int64)


@njit(cache=True)
@no_type_check
def array_1d(buffer, batch, k, dtype):
    """The array of one axis that a buffer holds for the k-th element of a batch."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0]), dtype)[place]


@njit(cache=True)
@no_type_check
def array_2d(buffer, batch, k, dtype):
    """As `array_1d`, of two axes."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0], shape[1]), dtype)[place]


@njit(cache=True)
@no_type_check
def array_3d(buffer, batch, k, dtype):
    """As `array_1d`, of three axes."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0], shape[1], shape[2]), dtype)[place]


@njit(cache=True)
@no_type_check
def _place(buffer, batch, k):
    """Which of a buffer's arrays is for the k-th element, of how many, and their shape."""
    shape = carray(_pointer(buffer.dims), buffer.rank, np.int64)
    place, count = 0, 1
    for axis in range(len(batch) - 1, -1, -1):
        if shape[axis] > 1:
            place += k % batch[axis] * count
        k //= batch[axis]
        count *= shape[axis]
    return place, count, shape[len(batch) :]
