"""The command line ``jwi``: graph files pruned, measured and described.

``jwi prune GRAPH --keep 0.5 -o OUT`` · ``jwi walk-index GRAPH --depth 3`` · ``jwi info GRAPH``

Exit codes: 0 fine; 2 the input or the arguments cannot be read; 130 interrupted (Ctrl-C).
"""

import _thread
import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence

from jwi.cli.arguments import parser

OK, BAD_INPUT, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: the words after ``jwi``; None for those of the process.
    """
    parsed = parser().parse_args(arguments)
    if arguments is None:
        _stay_on_the_host()
        sys.unraisablehook = _interrupting_again(sys.unraisablehook)
    try:
        _run(parsed.command, parsed)
    except BrokenPipeError:
        # Who reads the output has seen enough; nothing may be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("jwi: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, ArithmeticError, OSError) as error:
        print(f"jwi: {error}", file=sys.stderr)
        return BAD_INPUT
    return OK


def _run(command: str, parsed: argparse.Namespace) -> None:
    """Calls a command; what it needs is imported when it is called."""
    if command == "prune":
        from jwi.cli.prune import run
    elif command == "walk-index":
        from jwi.cli.walk_index import run
    else:
        from jwi.cli.info import run
    run(parsed)


def _interrupting_again(
    hook: "Callable[[sys.UnraisableHookArgs], object]",
) -> "Callable[[sys.UnraisableHookArgs], None]":
    """A hook that lets Ctrl-C through.

    JAX has Python code run in every garbage collection, whose exceptions are printed and dropped:
    an interrupt that falls into it would be lost, and the work go on.
    """

    def interrupt_or_show(unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)
            return
        # A moment later, since now it would fall into this hook, and be dropped again.
        threading.Timer(0.05, _thread.interrupt_main).start()

    return interrupt_or_show


def _stay_on_the_host() -> None:
    """Leaves accelerators alone, unless the user names one: starting one takes seconds."""
    if "JAX_PLATFORMS" not in os.environ:
        import jax

        jax.config.update("jax_platforms", "cpu")
