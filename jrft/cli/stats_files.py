"""The prompts and the log of `jrft stats`, read row by row: neither need fit into memory."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jrft._files import opened_atomically

_BEGINNING = b'{"prompt_id": '


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file of prompts, by number.

    Raises:
        ValueError: If a row has no prompt, or there are none.
    """
    place = 0
    # Texts may hold other separators of lines, which end no row.
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(_decoded(path, file), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{path}:{number}: no JSON ({error}): pass an object a line"
                ) from None
            if not isinstance(row, dict) or not isinstance(row.get("prompt"), str | list):
                raise ValueError(
                    f'{path}:{number}: no "prompt": pass objects with a text, or a list of '
                    'messages with "role" and "content", under "prompt"'
                )
            yield place, row
            place += 1
    if not place:
        raise ValueError(f"{path} holds no prompts: pass a file with an object a line")


def _decoded(path: Path, lines: Iterator[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}): save it as UTF-8") from None


def digest(row: dict[str, Any]) -> str:
    """Tells rows of the prompts' file apart."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]


def log_row(place: int, row: dict[str, Any], text: str, reward: float | None) -> dict[str, Any]:
    """What the log says of one completion; `finished` reads it."""
    return {
        "prompt_id": place,
        "prompt": row["prompt"],
        "completion": text,
        "reward": reward,
        "row": digest(row),
    }


def finished(
    path: Path, settings: dict[str, Any], digests: Sequence[str]
) -> dict[int, Float[np.ndarray, " n"]]:
    """Rewards of the prompts that an earlier run finished; drops rows of unfinished ones.

    A prompt without any reward is sampled again: its reward function may have been mended.

    Args:
        path: The log.
        settings: What this run would make it with.
        digests: Of the rows of this run's prompts.

    Returns:
        The rewards by the prompt's number, NaN where one is missing.

    Raises:
        ValueError: If the file is no such log, or was made with other settings or prompts. It then
            stays as it is.
    """
    if not path.exists():
        return {}
    done: dict[int, Float[np.ndarray, " n"]] = {}
    with opened_atomically(path) as kept:
        rows = _log_rows(path, settings, digests)
        for place, group in itertools.groupby(rows, key=lambda row: row[0]):
            _, lines, rewards = zip(*group, strict=True)
            values = np.array(rewards, float)
            if len(values) == settings["samples"] and not np.isnan(values).all():
                done[place] = values
                kept.writelines(lines)
    return done


def _log_rows(
    path: Path, settings: dict[str, Any], digests: Sequence[str]
) -> Iterator[tuple[int, bytes, float | None]]:
    """(number of the prompt, line, reward) of every whole line of the log."""
    with path.open("rb") as file:
        for line in file:
            # A row that was being written is begun as all rows are.
            if not line.endswith(b"\n") and line.startswith(_BEGINNING[: len(line)]):
                return
            try:
                row = json.loads(line)
                place, reward, made, found = (
                    row[name] for name in ("prompt_id", "reward", "made_with", "row")
                )
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path} is no log of jrft stats: pass another --output") from None
            if made != settings or place >= len(digests) or found != digests[place]:
                raise ValueError(
                    f"{path} was made with other arguments or prompts: pass another --output, or "
                    f"the same prompts and arguments, {made}"
                )
            yield place, line, reward
