"""`jrft diagnose`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from jrft.cli import DEAD, OK
from jrft.cli.files import write_atomically
from jrft.diagnosis.diagnosis import Diagnosis, diagnose_log
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.readers import RewardFile, read_rewards
from jrft.diagnosis.report.export import as_dict
from jrft.diagnosis.report.html import html_report
from jrft.diagnosis.report.text import text_report
from jrft.diagnosis.settings import DiagnosisSettings


def run(parsed: argparse.Namespace) -> int:
    """Prints the diagnosis of a log, and writes the reports that the arguments ask for."""
    if parsed.fail_if_dead is not None and not 0 < parsed.fail_if_dead <= 1:
        raise ValueError(f"--fail-if-dead is {parsed.fail_if_dead}: pass a share in (0, 1].")
    # Said before a large log is read, not after.
    for option, path in (("--report", parsed.report), ("--json", parsed.json)):
        if path is not None and not path.parent.is_dir():
            raise ValueError(
                f"{option} {path}: there is no directory {path.parent}, make it first."
            )
    columns = Columns(
        prompt=parsed.prompt, reward=dict(parsed.reward), outcome=parsed.outcome, step=parsed.step
    )
    with _bar("reading") as progress:
        file = read_rewards(
            parsed.paths, columns=columns, skip_bad_rows=parsed.skip_bad_rows, progress=progress
        )
    diagnosis = diagnose_log(
        file.log,
        reward_range=None if parsed.range is None else tuple(parsed.range),
        settings=DiagnosisSettings(parsed.threshold, parsed.level, parsed.confidence),
    )
    print(_source(parsed.paths, file) + "\n")
    print(text_report(diagnosis), end="")
    _write(parsed, diagnosis, _source(parsed.paths, file))
    if parsed.fail_if_dead is not None and diagnosis.dead_share >= parsed.fail_if_dead:
        print(
            f"jrft: {diagnosis.dead_share:.1%} of the prompts give no useful gradient, "
            f"{parsed.fail_if_dead:.1%} were allowed",
            file=sys.stderr,
        )
        return DEAD
    return OK


def _source(paths: Sequence[str], file: RewardFile) -> str:
    parts = [", ".join(paths), file.columns.described(), *file.notes]
    if file.num_skipped:
        parts.append(f"{file.num_skipped:,} bad rows left out")
    return " · ".join(part for part in parts if part)


def _write(parsed: argparse.Namespace, diagnosis: Diagnosis, source: str) -> None:
    if parsed.json is not None:
        text = json.dumps(as_dict(diagnosis), allow_nan=False)
        write_atomically(parsed.json, text.encode())
        print(f"\nwrote {parsed.json}")
    if parsed.report is not None:
        write_atomically(parsed.report, html_report(diagnosis, source=source).encode())
        print(f"\nwrote {parsed.report}")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal, fed with the share that is done."""
    with tqdm(total=100, desc=what, unit="%", leave=False, disable=None) as bar:
        yield lambda share: bar.update(100 * share - bar.n) and None
