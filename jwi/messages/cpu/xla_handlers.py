"""Loops compiled by numba that XLA calls on CPUs, through its foreign function interface (FFI).

How a call travels:

    traced code     `call` adds an FFI call to the program, with the shapes and dtypes of its
                    results. Callers check the operands with `check_operand` first, at trace time.
    XLA             calls the registered entry (`_register`) with the address of a `CallFrame`.
    entry           answers a query for the interface's version (`_answered`), or calls the handler.
    handler         a function compiled by numba. It takes arrays out of the frame with `operand`,
                    `result`, `batch_shape` and `array_1d` to `array_3d`, and fills the results.

    CallFrame ── args ──► size, types, addresses ──► [Buffer *, Buffer *, …]
              └─ rets ──► the same for the results
    Buffer: dtype, data (address of the numbers), rank, dims (address of int64[rank])

vmap adds a leading axis to every operand, of length 1 for an operand that the batch shares. So one
handler serves any number of vmaps, and shared operands are not copied.

Limits: XLA cannot split such a call over devices, so programs of several devices have the plain
formulas, except within `jax.shard_map` with `check_vma=False`. `jax.export` cannot save such a
call. The environment variable `JWI_COMPILED_LOOPS=0` replaces all of them by the plain formulas.

The structures are declared in `xla/ffi/api/c_api.h`, which jaxlib ships (see
`jax.ffi.include_dir`); a test compares their fields. XLA checks the version of this binary
interface when a handler is registered, and supports a version for at least a year. NumPy's aligned
records have the layout of C structures, so compiled code reads their fields by name. Numba caches
handlers on disk and does not notice when this file changes: delete the `__pycache__` folders then.
"""

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, no_type_check

import jax
import numba
import numpy as np
from jaxtyping import Array
from numba import carray, njit
from numba.extending import intrinsic

from jwi.messages.cpu.one_device import on_one_cpu

API_VERSION = 0, 3

Handler = Callable[[Any, Any], None]

_registered: dict[str, bool] = {}
_registering = threading.Lock()
# XLA has the addresses of these compiled functions, so they must not be freed.
_kept: list[Any] = []


def _structure(**fields: Any) -> np.dtype:
    """A C structure: `align` pads fields as a C compiler does."""
    return np.dtype(list(fields.items()), align=True)


# Addresses are integers for NumPy; `_pointer` makes pointers of them.
_POINTER = np.intp
_POINTER_SIZE = np.dtype(_POINTER).itemsize
# Every structure starts with its own size and a list of extensions.
_HEAD = {"struct_size": np.uintp, "extension_start": _POINTER}
_VERSION = _structure(**_HEAD, major_version=np.int32, minor_version=np.int32)
# XLA_FFI_Args and XLA_FFI_Rets: `addresses` points to `size` pointers to buffers.
_BUFFERS = _structure(**_HEAD, size=np.int64, types=_POINTER, addresses=_POINTER)
# Named as in the interface, without the prefix XLA_FFI_. A structure may end before the fields that
# are not read.
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
# XLA_FFI_Extension_Metadata of the enumeration XLA_FFI_Extension_Type.
_TYPE_OF_METADATA_EXTENSION = 1


def call(
    handler: Handler, dtype: np.dtype, results: Sequence[jax.ShapeDtypeStruct], *operands: Array
) -> Sequence[Array]:
    """Calls a handler from traced code, without a gradient and on CPUs only.

    The handler trusts the shapes and dtypes of its operands: check them with `check_operand`.

    Args:
        handler: Function compiled by `numba.njit`, called with the address of the call's frame and
            with the dtype of its numbers. It must fill all results, and must not raise.
        dtype: A dtype for which the handler is `available`.
        results: Shapes and dtypes of the results.
        *operands: Arrays that the handler reads with `operand`.

    Returns:
        The results.
    """
    return jax.ffi.ffi_call(_name(handler, dtype), results, vmap_method="expand_dims")(*operands)


def check_operand(name: str, array: Array, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuses an operand that a compiled loop would read beyond its end or with another dtype.

    Args:
        name: Name of the argument, for the error message.
        array: The operand; its shape and dtype are known when the program is traced.
        shape: The shape that the handler assumes.
        dtype: The dtype that the handler assumes.

    Raises:
        ValueError: If shape or dtype differs.

    Example:
        >>> import jax.numpy as jnp
        >>> check_operand("bias", jnp.zeros(2, jnp.float32), (3,), np.dtype(np.float32))
        Traceback (most recent call last):
        ValueError: bias is float32[2]: pass float32[3], as the other arguments have it
    """
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} is {array.dtype}{list(array.shape)}: pass {dtype}{list(shape)}, as the other"
            " arguments have it"
        )


def available(handler: Handler, dtype: np.dtype) -> bool:
    """Whether XLA can call a handler for numbers of this dtype; registers it on the first call."""
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
        # Start the backend first: with one running, XLA refuses a bad handler at once. Without one,
        # the backend would fail to start later.
        jax.devices("cpu")
    except (AssertionError, RuntimeError):
        return False  # JAX_PLATFORMS names other platforms only.
    number = dtype.type

    @numba.cfunc("intp(intp)")
    @no_type_check
    def entry(frame):
        if not _answered(frame):
            handler(frame, number)
        return 0  # A null pointer instead of an XLA_FFI_Error: success.

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
    """A function that calls a compiled loop on one CPU device, and is a plain formula elsewhere.

    Args:
        plain: The function as a formula in JAX. It also serves CPUs if there is no handler for the
            dtype of the first argument.
        compiled: The same function, which calls the handler.
        handler: The handler.
    """

    def alone(first: Array, *others: Array | None) -> Any:
        return (compiled if available(handler, first.dtype) else plain)(first, *others)

    return on_one_cpu(alone, plain)


def _name(handler: Handler, dtype: np.dtype) -> str:
    return f"{handler.__module__}.{handler.__name__}.{dtype}"


@intrinsic
def _pointer(_, address):  # type: ignore[no-untyped-def]
    """Converts an address, an integer, to a pointer; numba has no function for it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return numba.types.voidptr(numba.types.intp), generate


@njit(cache=True)
@no_type_check
def _answered(frame):
    """Answers a query for the version of the interface, if the call is one.

    When a handler is registered, XLA calls it once with a metadata extension in the frame and
    without buffers. The answer is written into the structure that the extension points to.
    """
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
    """The `Buffer` of the k-th operand of a call."""
    return _buffer(carray(_pointer(frame), 1, _CALL_FRAME)[0].args, k)


@njit(cache=True)
@no_type_check
def result(frame, k):
    """The `Buffer` of the k-th result of a call."""
    return _buffer(carray(_pointer(frame), 1, _CALL_FRAME)[0].rets, k)


@njit(cache=True)
@no_type_check
def _buffer(buffers, k):
    # The k-th of an array of pointers, then the structure that it points to.
    address = carray(_pointer(buffers.addresses + k * _POINTER_SIZE), 1, _POINTER)[0]
    return carray(_pointer(address), 1, _BUFFER)[0]


@njit(cache=True)
@no_type_check
def batch_shape(buffer, ndim):
    """The lengths of the axes that vmap has added to a result that has `ndim` axes without it.

    Results always have the full batch, so their leading axes are the batch's shape.
    """
    return carray(_pointer(buffer.dims), buffer.rank - ndim, np.int64)


@njit(cache=True)
@no_type_check
def array_1d(buffer, batch, k, dtype):
    """The one-dimensional array in a buffer for the k-th element of a batch, without a copy."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0]), dtype)[place]


@njit(cache=True)
@no_type_check
def array_2d(buffer, batch, k, dtype):
    """The two-dimensional array in a buffer for the k-th element of a batch, without a copy."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0], shape[1]), dtype)[place]


@njit(cache=True)
@no_type_check
def array_3d(buffer, batch, k, dtype):
    """The three-dimensional array in a buffer for the k-th element of a batch, without a copy."""
    place, count, shape = _place(buffer, batch, k)
    return carray(_pointer(buffer.data), (count, shape[0], shape[1], shape[2]), dtype)[place]


@njit(cache=True)
@no_type_check
def _place(buffer, batch, k):
    """Index of the buffer's array for the k-th element, number of its arrays, and their shape."""
    shape = carray(_pointer(buffer.dims), buffer.rank, np.int64)
    place, count = 0, 1
    # k counts through the batch in row-major order: its digits are the indices along the axes, the
    # last axis first. An axis of length 1 is shared, and its index is always 0.
    for axis in range(len(batch) - 1, -1, -1):
        if shape[axis] > 1:
            place += k % batch[axis] * count
        k //= batch[axis]
        count *= shape[axis]
    return place, count, shape[len(batch) :]
