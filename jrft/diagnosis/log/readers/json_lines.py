"""JSON lines.

orjson parses them in half the time of the standard library. Lines it refuses (NaN, a lone half of a
surrogate pair) goes to the standard library, row by row.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from jrft.diagnosis.log.batches import ROWS, Batch, Records, Skip
from jrft.diagnosis.log.streams import open_lines


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of a `.jsonl` file, as batches."""
    source = str(path)
    with open_lines(path, skip) as (lines, position):
        first = next(lines, b"")
        if not _is_row(first):  # by its content, whatever its name
            document = import_module("jrft.diagnosis.log.readers.json_document")
            yield from document.read(path, skip)
            return
        text, start = itertools.chain([first] if first else [], lines), 1
        while block := list(itertools.islice(text, ROWS)):
            numbers: Sequence[int] = range(start, start + len(block))
            start += len(block)
            try:
                records = orjson.loads(b"[" + b",".join(block) + b"]")
                whole = len(records) == len(block) and set(map(type, records)) == {dict}
            except ValueError:
                whole = False
            if not whole:
                numbers, records = _one_by_one(block, numbers, source, skip)
            if records:
                yield Batch(source, numbers, Records(records)), position()


def _is_row(line: bytes) -> bool:
    """Whether a line is no beginning of an array, nor of objects over several lines or beside."""
    start = line.strip()
    several = (
        start.startswith(b"{") and re.search(rb"\}\s*,?\s*\{|\},$", start) and not _parses(line)
    )
    return not start.startswith(b"[") and start != b"{" and not several


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _one_by_one(
    lines: Sequence[bytes], numbers: Sequence[int], source: str, skip: Skip
) -> tuple[list[int], list[dict[str, Any]]]:
    good_numbers, records = [], []
    for number, line in zip(numbers, lines, strict=True):
        if line.isspace():
            continue
        try:
            record = json.loads(line.decode(errors="surrogatepass"))
        except RecursionError:
            skip(source, number, "this is not JSON that can be read (nested too deeply)")
            continue
        except ValueError as error:
            if not line.endswith(b"\n"):
                skip.cut(source, f"line {number} is not finished: it was left out")
            else:
                skip(source, number, f"this is not JSON ({error})")
            continue
        if isinstance(record, dict):
            good_numbers.append(number)
            records.append(record)
        else:
            skip(source, number, "this is no JSON object")
    return good_numbers, records
