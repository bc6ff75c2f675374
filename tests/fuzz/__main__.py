"""Fuzzes every reader by coverage (Atheris): `python -m tests.fuzz [--seconds 60] [TARGET …]`.

Each target has a process of its own and a limit of memory and of time an input. An input that a
reader answers wrongly lands in `runs/fuzz/found`; move it to `tests/fuzz/found` when it is mended.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path("runs/fuzz")
MEMORY_MB, SECONDS_AN_INPUT, LONGEST = 2048, 20, 4096


def fuzz(target: str, seconds: int) -> None:
    """Fuzzes one target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["jwi", "jrft", "experiments.data"]):
        from tests.fuzz.targets import reading, seeds
    corpus, found = FOLDER / "corpus" / target, FOLDER / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(target)):
        (corpus / f"seed{number}").write_bytes(content)
    read = reading(target)
    options = {
        "max_total_time": seconds,
        "rss_limit_mb": MEMORY_MB,
        "timeout": SECONDS_AN_INPUT,
        "max_len": LONGEST,
        "artifact_prefix": f"{found}/{target}-",
        "print_final_stats": 1,
    }
    argv = [target, *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    atheris.Setup(argv, read)
    atheris.Fuzz()


def main() -> None:
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if unknown := set(parsed.targets) - set(TARGETS):
        parser.error(f"no target is called {', '.join(sorted(unknown))}")
    if parsed.child:
        fuzz(parsed.targets[0], parsed.seconds)
        return
    total, failed = 0, []
    for target in parsed.targets or TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", target, "--child"]
        command += ["--seconds", str(parsed.seconds)]
        run = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        counted = re.search(r"number_of_executed_units:\s*(\d+)", run.stdout)
        count = int(counted[1]) if counted else 0
        total += count
        print(f"{target:22} {count:10,} inputs  {'FAILED' if run.returncode else 'ok'}", flush=True)
        if run.returncode:
            failed.append(target)
            print("\n".join(run.stdout.splitlines()[-40:]))
    print(f"{total:,} inputs; failed: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
