"""`jrft diagnose`."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from jrft._files import write_atomically
from jrft.cli import DEAD, OK
from jrft.cli.checks import settings_of
from jrft.diagnosis.diagnosis import Diagnosis, diagnose_log
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.reading import RewardFile, read_rewards
from jrft.diagnosis.report.export import as_dict
from jrft.diagnosis.report.html import html_report
from jrft.diagnosis.report.text import text_report
from jrft.diagnosis.verdict.classes import PromptClass

_LISTS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "last": lambda values: values[-1],
    "mean": fmean,
}


def run(parsed: argparse.Namespace) -> int:
    """Prints the diagnosis of a log, and writes the reports that the arguments ask for."""
    with _bar("reading") as progress, _without_stdin(parsed.paths) as paths:
        file = read_rewards(
            paths,
            columns=_columns(parsed),
            skip_bad_rows=parsed.skip_bad_rows,
            split=parsed.split,
            last_steps=parsed.last_steps,
            last_run=parsed.last_run,
            progress=progress,
        )
    diagnosis = diagnose_log(
        file.log,
        reward_range=None if parsed.range is None else tuple(parsed.range),
        settings=settings_of(parsed),
    )
    print(_source(parsed.paths, file) + "\n")
    width = min(96, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 96
    print(text_report(diagnosis, width=max(width, 40)), end="")
    _write(parsed, diagnosis, _source(parsed.paths, file), file.prompts)
    if parsed.ids is not None:
        _write_ids(parsed.ids, diagnosis, file)
    if parsed.fail_if_dead is not None and diagnosis.dead_share >= parsed.fail_if_dead:
        print(
            f"jrft: {diagnosis.dead_share:.1%} of the prompts give no useful gradient, "
            f"{parsed.fail_if_dead:.1%} were allowed",
            file=sys.stderr,
        )
        return DEAD
    return OK


def _columns(parsed: argparse.Namespace) -> Columns:
    return Columns(
        prompt=tuple(parsed.prompt),
        reward=dict(parsed.reward),
        outcome=parsed.outcome,
        step=parsed.step,
        reduce=None if parsed.lists is None else _LISTS[parsed.lists],
        group_size=parsed.group_size,
        clip=None if parsed.clip is None else tuple(parsed.clip),
        trusted=parsed.trust_columns,
    )


@contextmanager
def _without_stdin(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """Paths of files; `-` becomes a file of what stands on standard input."""
    if "-" not in paths:
        yield paths
        return
    content = sys.stdin.buffer.read()
    magic = {b"PAR1": ".parquet", b"\x1f\x8b": ".jsonl.gz", b"\x28\xb5\x2f\xfd": ".jsonl.zst"}
    start = content.lstrip()[:1]
    suffix = next((end for mark, end in magic.items() if content.startswith(mark)), None)
    suffix = suffix or {b"{": ".jsonl", b"[": ".json"}.get(start, ".csv")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"stdin{suffix}"
        file.write_bytes(content)
        yield [str(file) if path == "-" else path for path in paths]


def _source(paths: Sequence[str], file: RewardFile) -> str:
    """How the log was read: files, columns, and the rows left out."""
    names = ", ".join("standard input" if path == "-" else path for path in paths)
    lines = [f"{names} · {file.columns.described()}", *file.notes]
    if file.num_skipped:
        lines.append(f"{file.num_skipped:,} bad rows left out")
    return "\n".join(lines)


def _write_ids(folder: Path, diagnosis: Diagnosis, file: RewardFile) -> None:
    """One file a class, CLASS.jsonl: a line {"id", "prompt"} for each of its prompts."""
    folder.mkdir(exist_ok=True)
    for label in PromptClass:
        rows = [
            json.dumps({"id": str(diagnosis.prompt_ids[i]), "prompt": file.prompts[i]}, default=str)
            for i in np.flatnonzero(diagnosis.labels == label.value).tolist()
        ]
        path = folder / f"{label.value.replace(' ', '_')}.jsonl"
        write_atomically(path, "".join(row + "\n" for row in rows).encode())
    print(f"\nwrote {folder}: the ids of each class")


def _write(
    parsed: argparse.Namespace, diagnosis: Diagnosis, source: str, prompts: Sequence[Any]
) -> None:
    if parsed.json is not None:
        text = json.dumps(as_dict(diagnosis), allow_nan=False)
        write_atomically(parsed.json, text.encode())
        print(f"\nwrote {parsed.json}")
    if parsed.report is not None:
        # A log may hold half of a surrogate pair, which no file can.
        page = html_report(diagnosis, source=source, prompts=prompts)
        write_atomically(parsed.report, page.encode(errors="backslashreplace"))
        print(f"\nwrote {parsed.report}")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal, fed with the share that is done."""
    with tqdm(total=100, desc=what, unit="%", leave=False, disable=None) as bar:
        yield lambda share: bar.update(100 * share - bar.n) and None
