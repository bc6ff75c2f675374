"""``python -m experiments.benchmarks [NAME ...] [--smoke] [--out DIR]``.

A benchmark is a file beside this one with a docstring that opens with its question, a ``Config``
and a ``SMOKE``, and ``run(config) -> dict`` whose entry ``table`` is for people: rows of cells,
the first row being the heading.
"""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

from experiments.engine.spread import make_cores_devices
from experiments.output.record import make_record, write
from experiments.output.tables import text_table

BENCHMARKS = tuple(
    path.stem
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in ("__init__", "__main__", "timing")
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--smoke", action="store_true", help="seconds; the ratios mean nothing")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="directory of result files")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {BENCHMARKS}")
    for name in options.names or BENCHMARKS:
        benchmark = import_module(f"experiments.benchmarks.{name}")
        config = benchmark.SMOKE if options.smoke else benchmark.Config()
        start = time.monotonic()
        results = benchmark.run(config)
        record = make_record(f"benchmark_{name}", config, results, time.monotonic() - start)
        question = (benchmark.__doc__ or "").splitlines()[0]
        print(f"\n{question}\n\n{text_table(results['table'])}")
        print(write(record, options.out))
    return 0


if __name__ == "__main__":
    make_cores_devices()
    sys.exit(main())
