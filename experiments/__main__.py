"""`python -m experiments NAME [--smoke] [--out DIR] [--tag TAG] [--field-of-config VALUE]`."""

import ast
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

import tyro

from experiments.data.sources import DataUnavailableError
from experiments.demo import demo
from experiments.engine.processes import is_first, join_processes
from experiments.engine.runs import make_cores_devices
from experiments.options import check_numbers
from experiments.output.record import read
from experiments.output.tables import print_table
from experiments.protocol import draw, execute
from experiments.studies import STUDIES

Config = TypeVar("Config")


@dataclass(frozen=True)
class Options(Generic[Config]):
    """The options of every study, beside the fields of its configuration."""

    config: tyro.conf.OmitArgPrefixes[Config]
    smoke: bool = False
    """Seconds instead of minutes; the numbers mean nothing."""
    out: Path = Path("runs")
    """Directory of the result files."""
    tag: str = ""
    """Tells apart the result files of one study's configurations."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after the program's name; by default the arguments of this process.

    Returns:
        The exit code: 0 for success, 1 for missing data, 2 for bad input or a file that cannot be
        read or written, 130 for an interrupt, 143 for a termination.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    try:
        with _terminations_raised():
            return _call(command, rest)
    except DataUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(
            "\nInterrupted: repeat the command, and training continues from its last checkpoint.",
            file=sys.stderr,
        )
        return 143 if isinstance(stop, _Terminated) else 130


class _Terminated(KeyboardInterrupt):
    """The signal by which schedulers end a program."""


@contextmanager
def _terminations_raised() -> Iterator[None]:
    """Lets a termination end the program as an interrupt does: files are closed."""

    def terminate(number: int, frame: object) -> None:
        del number, frame
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _call(command: str, rest: list[str]) -> int:
    match command:
        case "--help" | "-h":
            print(_overview())
        case "demo":
            print(tyro.cli(demo, args=rest, prog="python -m experiments demo"))
        case "figures":
            tyro.cli(_redraw, args=rest, prog="python -m experiments figures")
        case name if name in STUDIES:
            _run(name, rest)
        case unknown:
            print(f"{unknown!r} is no experiment\n\n{_overview()}", file=sys.stderr)
            return 2
    return 0


def _overview() -> str:
    lines = [
        "usage: python -m experiments NAME [--smoke] [--out DIR] [--tag TAG] [options of NAME]",
        "       python -m experiments NAME --help",
        "",
        "  demo                      both papers on embedded data, in minutes: report.html",
        "  figures [DIR]             draws the figures of the result files in DIR again",
    ]
    for name, path in STUDIES.items():
        # The file is parsed, because importing it takes seconds.
        documentation = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "?"
        lines.append(f"  {name:<27} {documentation.splitlines()[0]}")
    return "\n".join(lines)


def _run(name: str, rest: list[str]) -> None:
    study = _load(name)
    options = tyro.cli(
        Options[study.Config],
        args=rest,
        # Read before the other options, since it chooses their defaults.
        default=Options(study.SMOKE if "--smoke" in rest else study.Config()),
        prog=f"python -m experiments {name}",
        description=study.__doc__,
    )
    check_numbers(options.config)
    file = f"{name}-{options.tag}" if options.tag else name
    record = execute(file, study, options.config, options.out)
    if not is_first():
        return
    print_table(study.table(record))
    print(study.summary(record))
    print(options.out / f"{file}.json")


def _load(name: str) -> ModuleType:
    path = STUDIES[name].relative_to(Path(__file__).parent).with_suffix("")
    return import_module(".".join(("experiments", *path.parts)))


def _redraw(
    directory: tyro.conf.Positional[Path] = Path(__file__).parent / "results",
) -> None:
    """Draws the figures of all result files in a directory again.

    Args:
        directory: Where the result files are, and where the figures go.
    """
    for name in STUDIES:
        for path in (directory / f"{name}.json", *sorted(directory.glob(f"{name}-*.json"))):
            if path.exists():
                print(draw(_load(name), read(path), directory))


if __name__ == "__main__":
    make_cores_devices()
    join_processes()
    sys.exit(main())
