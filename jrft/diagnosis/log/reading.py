"""Reads rollout logs from files and directories, whichever trainer wrote them."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jrft.diagnosis.log.batches import Batch, Skip, with_file_step
from jrft.diagnosis.log.checks import checked
from jrft.diagnosis.log.collector import AmbiguousPromptError, Collector
from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.guess import guess_columns, sample_table
from jrft.diagnosis.log.log import RewardLog, selected
from jrft.diagnosis.log.names import short_names
from jrft.diagnosis.log.readers import COMPRESSED, known_suffixes, reader_of
from jrft.diagnosis.log.splits import files_of, notes_of, rows_of, split_column
from jrft.diagnosis.log.values import ABSENT

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
    files, notes = _files([Path(path) for path in paths])
    files, sampled, rows_of_split = _of_split(files, split, notes)
    if not sampled:
        raise ValueError(_nothing(paths, files))
    given = columns or Columns()
    file_steps: dict[Path, int] = {}
    table = sample_table([batch for _, batch in sampled])
    if FILE_STEP not in table and (file_steps := _file_steps(files)):
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
    log, completions = collector.log()
    if found.group_size is not None and not found.prompt and len(log.rewards) % found.group_size:
        raise ValueError(
            f"--group-size is {found.group_size}, which does not divide the {len(log.rewards):,} "
            "completions: pass the number of completions of each prompt"
        )
    log, more = checked(log, completions, found, last_run=last_run)
    if last_steps is not None:
        log = _last_steps(log, last_steps)
    notes += [*guesses, *collector.skip.notes, *more]
    prompts = log.prompt_ids
    log = replace(log, prompt_ids=short_names(prompts))
    if log.outcomes is None:
        found = replace(found, outcome=None)
    if log.steps is None:
        found = replace(found, step=None)
    return RewardFile(log, found, collector.num_rows, collector.skip.num_bad, tuple(notes), prompts)


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    files, unknown = [], []
    for path in paths:
        if path.is_dir():
            inside = [file for file in path.rglob("*") if file.is_file()]
            found = [file for file in inside if reader_of(file)]
            unknown += [file for file in inside if not reader_of(file)]
            if not found:
                raise ValueError(f"{path}: there is no {known_suffixes()} file in it")
            files += sorted(found, key=lambda file: _natural(str(file)))
        elif not path.is_file():
            raise ValueError(f"{path}: there is no such file")
        elif not reader_of(path):
            raise ValueError(f"{path}: {_unknown(path)}")
        else:
            files.append(path)
    notes: list[str] = []
    twins = [file for file in files if file.suffix in COMPRESSED and file.with_suffix("") in files]
    if twins:
        files = [file for file in files if file not in twins]
        notes.append(f"{twins[0]} was not read, as {twins[0].with_suffix('').name} is beside it.")
    # Files that lie beside logs and are known not to be any are not worth a word.
    if unknown := [f for f in unknown if f.suffix not in (".md", ".py", ".txt", ".html")]:
        names = ", ".join(file.name for file in unknown[:3])
        more = ", …" if len(unknown) > 3 else ""
        notes.append(f"{len(unknown)} files of unknown kinds were not read: {names}{more}.")
    return _without_copies(files, notes), notes


def _unknown(path: Path) -> str:
    """Why a file is not read, and how to convert it."""
    if path.suffix.lower() in (".pt", ".pth"):
        # slime and miles save {"samples": [...]}; a pickle runs code when it is loaded.
        return (
            "files of PyTorch are not read, as loading them runs code. If you trust it, convert "
            'it: python -c "import json, sys, torch; saved = torch.load(sys.argv[1], '
            "weights_only=False); print(json.dumps(saved['samples'], default=str))\" "
            f"{path} > {path.with_suffix('.json').name}"
        )
    return (
        f"its kind is unknown; known are {known_suffixes()}. Convert it to JSON lines: an object "
        "with a prompt and a reward for each completion"
    )


def _without_copies(files: Sequence[Path], notes: list[str]) -> list[Path]:
    """Files without copies: the same bytes in one folder, and no other step in the name."""
    steps = _file_steps(files)
    keys = [(file.parent, file.stat().st_size, steps.get(file)) for file in files]
    several = {key for key, count in Counter(keys).items() if count > 1 and key[1] > 0}
    first: dict[tuple[Any, bytes], Path] = {}
    kept = []
    for file, key in zip(files, keys, strict=True):
        if key in several:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
            original = first.setdefault((key, digest), file)
            if original is not file:
                notes.append(f"{file} was not read, as it is a copy of {original.name}.")
                continue
        kept.append(file)
    return kept


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
            f"--split is {split}: pass the name of a folder that holds the files, or a value of "
            "a column 'split'"
        )

    def rows(batch: Batch) -> Batch:
        return batch if column is None else rows_of(batch, column, split)

    return chosen or files, [(file, rows(batch)) for file, batch in sampled], rows


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts numbers by value: step_2 before step_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _file_steps(files: Sequence[Path]) -> dict[Path, int]:
    """The step that each file's name or folder says; nothing unless all say one and they differ."""
    for pattern in (r"(?:step|iter|iteration|rollout)s?[_-]?(\d+)", r"^(\d+)(?=$|\.)"):
        steps = {}
        for file in files:
            # The last part that says a step: the name before the folder.
            found = [
                m for part in file.parts[-4:] if (m := re.search(pattern, part, re.IGNORECASE))
            ]
            if found:
                steps[file] = int(found[-1].group(1))
        if len(steps) == len(files) and len(set(steps.values())) > 1:
            return steps
    return {}


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
    total, done = max(sum(file.stat().st_size for file in files), 1), 0
    for file in files:
        useful = None
        for batch, share in _batches(file, skip):
            whole = with_file_step(batch, file_steps[file]) if file in file_steps else batch
            if useful is None:
                useful = len(files) == 1 or _holds(whole, columns)
                if not useful:
                    missing = "reward" if not _holds_any(whole, columns.reward) else "prompt"
                    skip.notes[f"{file}: there is no {missing} in it, it was left out."] = None
                    break
            collector.add(rows_of_split(whole))
            if progress is not None:
                progress((done + share * file.stat().st_size) / total)
        done += file.stat().st_size
    return collector


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
