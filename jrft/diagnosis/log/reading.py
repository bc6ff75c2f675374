"""Reads rollout logs from files and directories, whichever trainer wrote them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jrft.diagnosis.log.batches import Batch, Skip, with_file_step
from jrft.diagnosis.log.collector import AmbiguousPromptError, Collector
from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.files import files_of_paths, steps_of_files
from jrft.diagnosis.log.guess import guess_columns
from jrft.diagnosis.log.literals import literal_columns, with_literals
from jrft.diagnosis.log.log import RewardLog, selected
from jrft.diagnosis.log.names import short_names
from jrft.diagnosis.log.readers import reader_of
from jrft.diagnosis.log.sample import sample_table
from jrft.diagnosis.log.splits import files_of, notes_of, rows_of, split_column
from jrft.diagnosis.log.values import ABSENT
from jrft.diagnosis.log.whole import checked
from jrft.diagnosis.log.whole.state import Whole

_SAMPLED_ROWS = 16_384
_SAMPLED_FILES = 64

Progress = Callable[[float], None]


class RewardFile(NamedTuple):
    """The content of a log.

    Attributes:
        log: The rewards; prompts have short names.
        columns: Which columns were taken for what.
        num_rows: Rows read.
        num_skipped: Bad rows left out.
        notes: What a reader must know, such as a column that was not used after all.
        prompts: The prompts in full, or their ids, in the order of `log.prompt_ids`.
    """

    log: RewardLog
    columns: Columns
    num_rows: int
    num_skipped: int
    notes: tuple[str, ...]
    prompts: Sequence[Any]


def read_rewards(
    paths: Sequence[str | Path],
    *,
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
    split: str | None = None,
    last_steps: int | None = None,
    last_run: bool = False,
    progress: Progress | None = None,
) -> RewardFile:
    """Reads rewards from files, and from all files of known kinds in directories.

    Rows are streamed: some 30 bytes a completion stay in memory, and each distinct prompt once.
    Columns are guessed from up to 16 384 rows of up to 64 files. What the guess makes is checked.

    Args:
        paths: Files or directories; files of a directory are read in natural order (2 before 10).
        columns: Names of columns; those not given are guessed.
        skip_bad_rows: Leave out and count rows that cannot be read, instead of raising.
        split: Read only rows of this split, such as `train`: of files in a folder, or with a name,
            that says it, or by a column.
        last_steps: Keep only the rewards of so many last steps.
        last_run: Where the steps begin anew, keep only the rows after the last beginning.
        progress: Called now and then with the share of the files that is read.

    Raises:
        ValueError: A file is missing or of an unknown kind, a column is missing, a row cannot
            be read, or the rows make no groups; the message says where and what to do.
    """
    files, notes = files_of_paths([Path(path) for path in paths])
    files, sampled, rows_of_split = _of_split(files, split, notes)
    if not sampled:
        raise ValueError(_nothing(paths, files))
    literals = literal_columns([batch for _, batch in sampled])
    given = replace(columns or Columns(), literals=literals)
    file_steps: dict[Path, int] = {}
    table = sample_table([with_literals(batch, literals) for _, batch in sampled])
    if FILE_STEP not in table and (file_steps := steps_of_files(files, notes)):
        table[FILE_STEP] = [file_steps[file] for file, batch in sampled for _ in batch.lines]
    found, guesses = guess_columns(given, table)
    try:
        collector = _collect(files, found, skip_bad_rows, file_steps, rows_of_split, progress)
    except AmbiguousPromptError as error:
        if "prompt" not in found.guessed:
            raise ValueError(str(error)) from error
        found = replace(found, prompt=(str(found.text),), text=None)
        collector = _collect(files, found, skip_bad_rows, file_steps, rows_of_split, progress)
    if collector.num_rows == 0:
        raise ValueError(_nothing(paths, files, collector.skip))
    notes += [*guesses, *collector.skip.notes, *_left_out(collector)]
    log, completions, in_files = collector.log()
    whole = Whole(log, found, completions, in_files, files, last_run, notes)
    log = checked(whole).log
    if last_steps is not None:
        log = _last_steps(log, last_steps)
    prompts = log.prompt_ids
    log = replace(log, prompt_ids=short_names(prompts))
    if log.outcomes is None:
        found = replace(found, outcome=None)
    if log.steps is None:
        found = replace(found, step=None)
    return RewardFile(log, found, collector.num_rows, collector.skip.num_bad, tuple(notes), prompts)


def _of_split(
    files: list[Path], split: str | None, notes: list[str]
) -> tuple[list[Path], list[tuple[Path, Batch]], Callable[[Batch], Batch]]:
    """Files of a split, their first rows, and the function that keeps rows of the split."""
    chosen = files if split is None else files_of(files, split)
    sampled = _sample(chosen or files)
    column = split_column([batch for _, batch in sampled])
    if split is None:
        notes += notes_of(files, column)
        return files, sampled, lambda batch: batch
    if not chosen and column is None:
        raise ValueError(
            f"--split is {split}: pass the name of a folder that holds the files, or a value of a "
            "column 'split', 'mode', 'phase', 'stage' or 'type'"
        )

    def rows(batch: Batch) -> Batch:
        return batch if column is None else rows_of(batch, column, split)

    return chosen or files, [(file, rows(batch)) for file, batch in sampled], rows


def _batches(file: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    reader = reader_of(file)
    assert reader is not None
    module = import_module(f"jrft.diagnosis.log.readers.{reader.module}")
    yield from module.read(file, skip)


def _sample(files: Sequence[Path]) -> list[tuple[Path, Batch]]:
    """The first rows of files that are spread over all of them."""
    chosen = files[:: max(1, len(files) // _SAMPLED_FILES)]
    limit = max(1024, _SAMPLED_ROWS // max(len(chosen), 1))
    sampled = []
    for file in chosen:
        rows = 0
        for batch, _ in _batches(file, Skip(skip_bad_rows=True)):
            part = batch.part(0, limit - rows) if len(batch.lines) > limit - rows else batch
            sampled.append((file, part))
            rows += len(part.lines)
            if rows >= limit:
                break
    return sampled


def _collect(
    files: Sequence[Path],
    columns: Columns,
    skip_bad_rows: bool,
    file_steps: dict[Path, int],
    rows_of_split: Callable[[Batch], Batch],
    progress: Progress | None,
) -> Collector:
    skip = Skip(skip_bad_rows=skip_bad_rows)
    collector = Collector(columns, skip)
    literals = [one for one in columns.literals if columns.reads(one)]
    total, done = max(sum(file.stat().st_size for file in files), 1), 0
    for place, file in enumerate(files):
        useful = None
        for batch, share in _batches(file, skip):
            whole = with_literals(batch, literals)
            if file in file_steps:
                whole = with_file_step(whole, file_steps[file])
            if useful is None:
                useful = len(files) == 1 or _holds(whole, columns)
                if not useful:
                    missing = "reward" if not _holds_any(whole, columns.reward) else "prompt"
                    skip.notes[f"{file}: there is no {missing} in it, it was left out."] = None
                    break
            collector.add(rows_of_split(whole), place)
            if progress is not None:
                progress((done + share * file.stat().st_size) / total)
        done += file.stat().st_size
    return collector


def _left_out(collector: Collector) -> list[str]:
    """A note on rows without a completion.

    Raises:
        ValueError: Bad rows were left out of a log whose rows are counted.
    """
    skip, size = collector.skip, collector.columns.group_size
    if skip.num_bad and size is not None:
        raise ValueError(
            f"--group-size {size} counts rows, so none can be left out: mend the {skip.num_bad:,} "
            f"bad rows, or write null for a reward that is not there. The first is {skip.first}"
        )
    if not collector.num_metrics:
        return []
    return [
        f"{collector.num_metrics:,} rows hold neither a prompt nor a reward, as rows of metrics: "
        "they were left out."
    ]


def _holds(batch: Batch, columns: Columns) -> bool:
    prompts = not columns.prompt or _holds_any(batch, columns.prompt)
    return prompts and _holds_any(batch, columns.reward)


def _holds_any(batch: Batch, names: Iterable[str]) -> bool:
    return any(value is not ABSENT for name in names for value in batch.column(name))


def _last_steps(log: RewardLog, number: int) -> RewardLog:
    if log.steps is None:
        raise ValueError("--last-steps needs steps, and the log has none: pass --step NAME")
    steps = np.unique(log.steps)
    return selected(log, log.steps >= steps[-min(number, len(steps))])


def _nothing(paths: Sequence[Any], files: Sequence[Path], skip: Skip | None = None) -> str:
    where = ", ".join(map(str, paths))
    if skip is None:
        skip = Skip(skip_bad_rows=True)
        for file in files:
            for _ in _batches(file, skip):
                break
    reasons = [*skip.notes]
    if skip.num_bad:
        reasons.append(f"{skip.num_bad:,} bad rows, the first: {skip.first}")
    return f"{where}: there is no row to read" + (f" ({'; '.join(reasons)})" if reasons else "")
