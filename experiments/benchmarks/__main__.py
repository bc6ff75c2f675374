"""`python -m experiments.benchmarks [NAME ...] [--smoke] [--out DIR]`.

A benchmark is a file beside this one. Its docstring opens with its question. It has a `Config`, a
`SMOKE`, and a function `run(config)` that returns a dictionary, whose entry `table` is for people:
rows of cells, the headings first.
"""

import sys
import time
from importlib import import_module
from pathlib import Path

import tyro

from experiments.engine.runs import make_cores_devices
from experiments.output.record import make_record, write
from experiments.output.tables import print_table

BENCHMARKS = tuple(
    path.stem
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in ("__init__", "__main__", "timing")
)


def run(
    names: tyro.conf.Positional[tuple[str, ...]] = (),
    *,
    smoke: bool = False,
    out: Path = Path("runs"),
) -> None:
    """Runs benchmarks and writes a result file for each.

    Args:
        names: The benchmarks to run; all of them by default.
        smoke: Seconds instead of minutes; the ratios mean nothing.
        out: Directory of the result files.

    Raises:
        ValueError: A benchmark does not exist.
    """
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise ValueError(
            f"names has {', '.join(sorted(unknown))}: pass names among {', '.join(BENCHMARKS)}"
        )
    for name in names or BENCHMARKS:
        benchmark = import_module(f"experiments.benchmarks.{name}")
        config = benchmark.SMOKE if smoke else benchmark.Config()
        start = time.monotonic()
        results = benchmark.run(config)
        record = make_record(f"benchmark_{name}", config, results, time.monotonic() - start)
        question = (benchmark.__doc__ or "").splitlines()[0]
        print(f"\n{question}\n")
        print_table(results["table"])
        print(write(record, out))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for bad input."""
    try:
        tyro.cli(run, args=arguments, prog="python -m experiments.benchmarks")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    make_cores_devices()
    sys.exit(main())
