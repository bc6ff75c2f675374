"""CSV and its relatives. The standard library's parser knows the line of every row."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.batches import ROWS, Batch, Skip
from jrft.diagnosis.log.streams import open_lines

_DELIMITERS = ",\t;|"
_DECIMAL = re.compile(r"-?\d+\.\d*")


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of a table under names. The delimiter is the most frequent of , tab ; | among them."""
    # Answers of a language model are longer than the module's default of 131 072 characters.
    csv.field_size_limit(2**31 - 1)
    source = str(path)
    with open_lines(path, skip) as (lines, position):
        try:
            text = (line.decode() for line in lines)
            first = next(text, "")
            while first.startswith("#") and not any(one in first for one in _DELIMITERS):
                first = next(text, "")  # a comment
            said = first.strip('\r\n"')
            if said.lower().startswith("sep=") and len(said) == 5:
                delimiter, first = said[-1], next(text, "")
            else:
                delimiter = max(_DELIMITERS, key=first.count)
            blanks = 0 < first.count(delimiter) == first.count(f"{delimiter} ")
            rows = csv.reader(
                itertools.chain([first], text), delimiter=delimiter, skipinitialspace=blanks
            )
            names = [name.strip() for name in next(rows, [])]
            if any(map(_DECIMAL.fullmatch, names)):
                raise ValueError(
                    f"{source}: the first line holds numbers ({', '.join(names[:4])}): write a "
                    "line of names above it, such as step,prompt,reward"
                )
            if twice := [name for name, count in Counter(names).items() if name and count > 1]:
                raise ValueError(f"{source}: there are two columns {twice[0]!r}: rename one")
            while batch := list(itertools.islice(_numbered(rows), ROWS)):
                if whole := _batch(batch, names, source, skip):
                    yield whole, position()
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{source}: the file is damaged ({error})") from error


def _batch(
    rows: list[tuple[int, list[str]]], names: list[str], source: str, skip: Skip
) -> Batch | None:
    whole = []
    for number, row in rows:
        if row == names:  # a run that was resumed writes its header again
            skip.notes[f"{source}: lines that repeat the header were left out."] = None
        elif len(row) == len(names):
            whole.append((number, row))
        elif row:
            skip(source, number, f"there are {len(row)} fields under {len(names)} names")
    if not whole:
        return None
    columns = dict(zip(names, zip(*(row for _, row in whole), strict=True), strict=True))
    # The nameless column is the index that pandas writes.
    columns.pop("", None)
    return Batch(source, [number for number, _ in whole], columns)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    for row in reader:
        yield reader.line_num, row
