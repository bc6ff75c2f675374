"""``python -m experiments NAME [--smoke] [--out DIR] [--tag TAG] [--field-of-config VALUE]``."""

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import tyro

from experiments.data.sources import DataUnavailableError
from experiments.demo import demo
from experiments.engine.spread import make_cores_devices
from experiments.output.record import read
from experiments.output.tables import text_table
from experiments.protocol import draw, execute

# One claim a file; the file's name is the command's.
EXPERIMENTS = {
    path.stem: path for path in sorted((Path(__file__).parent / "studies").glob("*/j*_*.py"))
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    0 if all went well, 1 for missing data, 2 for bad input, 130 for an interrupt.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    try:
        match command:
            case "--help" | "-h":
                print(_overview())
            case "demo":
                print(tyro.cli(demo, args=rest, prog="python -m experiments demo"))
            case "figures":
                _redraw(rest)
            case name if name in EXPERIMENTS:
                _run(name, rest)
            case unknown:
                print(f"There is no {unknown!r}.\n\n{_overview()}", file=sys.stderr)
                return 2
    except DataUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nInterrupted: repeat the command, and training goes on from its last checkpoint.",
            file=sys.stderr,
        )
        return 130
    return 0


def _overview() -> str:
    lines = [
        "usage: python -m experiments NAME [--smoke] [--out DIR] [--tag TAG] [options of NAME]",
        "       python -m experiments NAME --help",
        "",
        "  demo                      both studies on embedded data, in minutes: report.html",
        "  figures [DIR]             draws the figures of the result files in DIR again",
    ]
    for name, path in EXPERIMENTS.items():
        # Parsed rather than imported: that takes seconds.
        documentation = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "?"
        lines.append(f"  {name:<25} {documentation.splitlines()[0]}")
    return "\n".join(lines)


def _run(name: str, rest: list[str]) -> None:
    experiment = _study(name)
    parser = argparse.ArgumentParser(prog=f"python -m experiments {name}", add_help=False)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--tag", default="")
    known, rest = parser.parse_known_args(rest)
    config = tyro.cli(
        experiment.Config,
        args=rest,
        default=experiment.SMOKE if known.smoke else experiment.Config(),
        prog=f"{parser.prog} [--smoke] [--out DIR] [--tag TAG]",
        description=experiment.__doc__,
    )
    # A tag tells the result files of one experiment's configurations apart.
    file = f"{name}-{known.tag}" if known.tag else name
    record = execute(file, experiment, config, known.out)
    print(text_table(experiment.table(record)))
    print(experiment.summary(record))
    print(known.out / f"{file}.json")


def _study(name: str) -> ModuleType:
    return import_module(f"experiments.studies.{EXPERIMENTS[name].parent.name}.{name}")


def _redraw(rest: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments figures")
    parser.add_argument(
        "directory", type=Path, nargs="?", default=Path(__file__).parent / "results"
    )
    directory = parser.parse_args(rest).directory
    for name in EXPERIMENTS:
        for path in (directory / f"{name}.json", *sorted(directory.glob(f"{name}-*.json"))):
            if path.exists():
                print(draw(_study(name), read(path), directory))


if __name__ == "__main__":
    make_cores_devices()
    sys.exit(main())
