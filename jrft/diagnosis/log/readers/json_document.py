"""A JSON document: an array of objects, an object that holds one, or a table of columns."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.batches import ROWS, Batch, Records, Skip
from jrft.diagnosis.log.column_names import OUTCOMES, REWARDS
from jrft.diagnosis.log.readers import json_lines
from jrft.diagnosis.log.streams import open_lines

# What stands between objects.
_GAP = re.compile(r"[\s,\[\]]*")
# So many keys that hold lists of numbers, and name no columns, are prompts.
_PROMPTS = 8


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of a `.json` file, as batches. The document is read as a whole."""
    with open_lines(path, skip) as (lines, _):
        content = list(lines)
    try:
        document = json.loads(b"".join(content))
    except RecursionError as error:
        raise ValueError(f"{path}: this document is nested too deeply") from error
    except ValueError as error:
        if len(content) > 1 and _is_object(content[0]):
            yield from json_lines.read(path, skip)  # by its content, whatever its name
            return
        objects = _objects_of_stream(b"".join(content), path, skip)
        if not objects:
            raise ValueError(f"{path}: this is not a JSON document ({error})") from error
        document = objects
    rows = _rows(document)
    if rows is None:
        skip.cut(
            str(path),
            "there are no rows in this document, which would be an array of objects, or a table "
            '{"columns": […], "data": [[…], …]}: it was left out',
        )
        return
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        numbers = range(start + 1, start + 1 + len(part))
        yield Batch(str(path), numbers, Records(part)), (start + len(part)) / len(rows)


def _objects_of_stream(content: bytes, path: Path, skip: Skip) -> list[Any]:
    """Objects that follow each other, with or without commas, in an array that is not finished."""
    text, decoder = content.decode(errors="surrogatepass"), json.JSONDecoder()
    objects: list[Any] = []
    at = _GAP.match(text).end()  # type: ignore[union-attr]
    while text[at : at + 1] == "{":
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        objects.append(found)
        at = _GAP.match(text, at).end()  # type: ignore[union-attr]
    rest = len(text) - at
    if rest > 1000 + 2 * at / max(len(objects), 1):  # more than an object that is not finished
        return []
    if rest:
        skip.cut(str(path), f"the object behind {len(objects):,} is not finished: it was left out")
    return objects


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _rows(document: Any) -> list[dict[str, Any]] | None:
    match document:
        case list() if all(isinstance(row, dict) for row in document):
            return document
        case {"columns": list() as names, "data": list() as data}:
            whole = all(isinstance(row, list) and len(row) == len(names) for row in data)
            if not whole or len(set(map(str, names))) < len(names):
                return None
            return [dict(zip(map(str, names), row, strict=True)) for row in data]
        case list() if document and all(_objects(group) for group in document):
            return [row for group in document for row in group]
        case dict() if _names(document) and (columns := _columns(document)):
            names = list(columns)
            return [
                dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]
        case dict() if len(document) >= _PROMPTS and all(map(_numbers, document.values())):
            return [{"prompt": key, "rewards": value} for key, value in document.items()]
        case dict():
            # A single array of objects, beside whatever describes it.
            found = [rows for value in document.values() if value and (rows := _objects(value))]
            return found[0] if len(found) == 1 else None
        case _:
            return None


def _names(document: dict[str, Any]) -> bool:
    """Whether some key names a column that is known, or some column holds no numbers."""
    known = {key.lower() for key in document} & {*REWARDS, *OUTCOMES}
    return bool(known) or len(document) < _PROMPTS or not all(map(_numbers, document.values()))


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, int | float) for each in value)


def _columns(document: dict[str, Any]) -> dict[str, list[Any]] | None:
    """Columns of equal length: lists, or objects with the same keys, as pandas writes them."""
    values = [list(v.values()) if isinstance(v, dict) else v for v in document.values()]
    keys = {tuple(v) for v in document.values() if isinstance(v, dict)}
    plain = all(isinstance(v, list) and not any(isinstance(e, dict) for e in v) for v in values)
    if len(values) < 2 or len(keys) > 1 or not plain or len(set(map(len, values))) > 1:
        return None
    return dict(zip(document, values, strict=True)) if values[0] else None


def _objects(value: Any) -> list[dict[str, Any]] | None:
    whole = isinstance(value, list) and all(isinstance(row, dict) for row in value)
    return value if whole else None
