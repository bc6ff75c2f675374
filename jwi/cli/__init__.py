"""The command line `jwi`: graph files pruned, measured and described.

`jwi prune GRAPH --keep 0.5 -o OUT` · `jwi walk-index GRAPH --depth 3` · `jwi info GRAPH`

Exit codes: 0 fine; 2 the input or the arguments cannot be read; 130 interrupted (Ctrl-C).
"""

import _thread
import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module

from jwi.cli.arguments import parser
from jwi.cli.checks import check

OK, BAD_INPUT, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: The words after `jwi`; None for the words that the process was started with.
    """
    as_process = arguments is None
    try:
        if as_process:
            _prepare_process()
        parsed = parser().parse_args(arguments)
        # Before anything heavy is imported.
        check(parsed)
        if as_process:
            _stay_on_the_host()
        _run(parsed)
        # While errors can still be told.
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has seen enough; nothing may be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("jwi: interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        return _refused("there is not enough memory for this graph: pass a smaller one")
    except (ValueError, ArithmeticError, OSError) as error:
        return _refused(str(error))
    return OK


def _refused(message: str) -> int:
    """Prints why the input is refused, in one line whatever names it holds."""
    print(f"jwi: {' '.join(message.splitlines())}", file=sys.stderr)
    return BAD_INPUT


def _prepare_process() -> None:
    """Prepares the streams and signals of this process for a command."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # It is closed (`2>&-`), and the next file opened would take its number.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", errors="backslashreplace"))
        elif isinstance(stream, io.TextIOWrapper):
            # Encodings that lack a sign are no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    # By default it ends the process at once, and half a file stays.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.unraisablehook = _signalling_again(sys.unraisablehook)


def _run(parsed: argparse.Namespace) -> None:
    """Imports the module of a command, and calls it."""
    import_module(f"jwi.cli.{parsed.command.replace('-', '_')}").run(parsed)


def _signalling_again(
    hook: "Callable[[sys.UnraisableHookArgs], object]",
) -> "Callable[[sys.UnraisableHookArgs], None]":
    """A hook that lets Ctrl-C and SIGTERM through.

    JAX has Python code run in every garbage collection, whose exceptions are printed and dropped:
    an interrupt that falls into it would be lost, and the work go on.
    """
    signals = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}

    def signal_or_show(unraisable: "sys.UnraisableHookArgs") -> None:
        again = signals.get(unraisable.exc_type)
        if again is None:
            hook(unraisable)
            return
        # A moment later, since now it would fall into this hook, and be dropped again.
        threading.Timer(0.05, _thread.interrupt_main, [again]).start()

    return signal_or_show


def _stay_on_the_host() -> None:
    """Leaves accelerators alone, unless the user names one: starting one takes seconds."""
    # JAX reads it if a command needs JAX.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
