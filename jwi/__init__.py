"""How strongly graph neural networks can model interactions between vertices."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwi.graph import *
    from jwi.io import *
    from jwi.messages import *
    from jwi.networks import *
    from jwi.order import *
    from jwi.separation import *
    from jwi.walks import *

# The public names of a room are its `__all__`. A room is imported when one of its names is first
# asked for, so that `import jwi` takes no time. The lightest rooms are asked first.
_ROOMS = ("order", "graph", "walks", "messages", "networks", "separation", "io")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"jwi.{name}")
    if name == "__all__":
        return sorted({name for room in _ROOMS for name in _names(room)})
    if name == "__version__":
        from importlib.metadata import version

        return version("jwi-jrft")
    if not name.startswith("_"):
        for room in _ROOMS:
            if name in _names(room):
                value = getattr(import_module(f"jwi.{room}"), name)
                # Found at once the next time.
                globals()[name] = value
                return value
    raise AttributeError(f"module 'jwi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__"), *_ROOMS, "__version__"})


def _names(room: str) -> list[str]:
    return import_module(f"jwi.{room}").__all__
