"""Arrays in compiled code without counting of references."""

from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def borrowed(_: Any, value: Any) -> Any:
    """The same arrays, tuples of them included, without counting of references to them.

    Whenever a compiled function is given a tuple of arrays, numba counts the references to each
    array of it up and down again, in atomic operations. In loops that call small functions with
    large tuples that takes more than half of the time. A caller that holds the arrays until the
    loop ends can lend them instead.
    """

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        return _lent(context, builder, value, arguments[0])

    return value(value), generate


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for place, inner in enumerate(kind):  # type: ignore[arg-type, var-annotated]
            element = builder.extract_value(value, place)
            lent = _lent(context, builder, inner, element)
            value = builder.insert_value(value, lent, place)
    return value


if config.DISABLE_JIT:  # type: ignore[attr-defined]

    def borrowed(value: Any) -> Any:  # type: ignore[misc]
        """Python counts references itself."""
        return value
