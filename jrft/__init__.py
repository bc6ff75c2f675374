"""Why reinforcement finetuning stalls: exact and sampled policy gradients, and their bounds."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jrft.advantages import *
    from jrft.bounds import *
    from jrft.completions import *
    from jrft.diagnosis import *
    from jrft.exact import *
    from jrft.expected import *
    from jrft.policies import *
    from jrft.rewards import *
    from jrft.sampled import *
    from jrft.tasks import *

# The public names of a room are its `__all__`. A room is imported when one of its names is first
# asked for, so that `import jrft` takes no time. The lightest rooms are asked first.
_ROOMS = (
    "diagnosis",
    "completions",
    "rewards",
    "advantages",
    "policies",
    "exact",
    "sampled",
    "expected",
    "bounds",
    "tasks",
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"jrft.{name}")
    if name == "__all__":
        return sorted({name for room in _ROOMS for name in _names(room)})
    if name == "__version__":
        from importlib.metadata import version

        return version("jwi-jrft")
    if not name.startswith("_"):
        for room in _ROOMS:
            if name in _names(room):
                value = getattr(import_module(f"jrft.{room}"), name)
                # Found at once the next time.
                globals()[name] = value
                return value
    raise AttributeError(f"module 'jrft' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__"), *_ROOMS, "__version__"})


def _names(room: str) -> list[str]:
    return import_module(f"jrft.{room}").__all__
