"""Columns that make no sense together, seen in a sample: they stop the run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jrft.diagnosis.log.column_names import ANSWERS
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.values import Absent

# Beyond this share of prompts with one row, a column does not name prompts.
MANY_SINGLES = 0.9

_PLAIN = {str, int, float, bool, type(None), Absent}

Table = Mapping[str, Sequence[Any]]


def keys_of(values: Sequence[Any]) -> list[Any]:
    """Values that can be compared: lists and objects as JSON."""
    if set(map(type, values)) <= _PLAIN:
        return list(values)
    return [
        value
        if isinstance(value, str | int | float | Absent) or value is None
        else json.dumps(value, sort_keys=True, default=str)
        for value in values
    ]


def singles(values: Sequence[Any]) -> float:
    """The share of prompts with one row."""
    keys: dict[Any, int] = {}
    for key in keys_of(values):
        keys[key] = keys.get(key, 0) + 1
    return sum(count == 1 for count in keys.values()) / max(len(keys), 1)


def _visits(name: str, columns: Columns, table: Table) -> list[Any]:
    """Prompt and step of each row."""
    keys = keys_of(table[name])
    if columns.step is None:
        return keys
    return [str(pair) for pair in zip(keys, keys_of(table[columns.step]), strict=True)]


def check_given(columns: Columns, text: str | None, table: Table) -> None:
    """An id that was asked for must not stand for several prompts."""
    if columns.trusted or text is None or text in columns.prompt or len(columns.prompt) > 1:
        return
    (name,) = columns.prompt
    if any(isinstance(value, list) for one in columns.reward for value in table[one][:50]):
        return
    if (
        singles(_visits(name, columns, table))
        >= MANY_SINGLES
        > singles(_visits(text, columns, table))
    ):
        raise ValueError(
            f"nearly every {name} has one completion, and a {text} has several: pass --prompt "
            f"{text}, or --trust-columns if {name} names prompts all the same"
        )
    texts_of: dict[Any, set[Any]] = {}
    for key, value in zip(keys_of(table[name]), keys_of(table[text]), strict=True):
        texts_of.setdefault(key, set()).add(value)
    several = sum(len(texts) > 1 for texts in texts_of.values())
    distinct = len(set(keys_of(table[text])))
    if several > 0.1 * len(texts_of) and singles(table[text]) < MANY_SINGLES and distinct > 1:
        raise ValueError(
            f"{several} of {len(texts_of)} values of {name} stand for several prompts by {text}: "
            f"pass --prompt {text}, or --trust-columns if {name} names prompts all the same"
        )


def check_whole(name: str, columns: Columns, table: Table) -> None:
    """An id that was guessed must name prompts as a text column with an unknown name does.

    It must not hold several values of such a column that have one id each, and it must not name the
    visits of its values: at each step, or without steps at all.
    """
    ids = keys_of(table[name])
    steps = [0] * len(ids) if columns.step is None else keys_of(table[columns.step])
    beside = {name, columns.step, columns.completion}
    for other in table:
        values = keys_of(table[other])
        if other in beside or other.lower() in ANSWERS or not isinstance(values[0], str):
            continue
        distinct, num_ids = len(set(values)), len(set(ids))
        parts = len(set(zip(ids, values, strict=True)))
        visits = len(set(zip(values, steps, strict=True)))
        holds_several = distinct == parts > 1.5 * num_ids
        finer = parts == num_ids > 1.5 * distinct
        names_visits = finer and (num_ids == visits or (columns.step is None and distinct >= 8))
        if (holds_several or names_visits) and singles(values) < MANY_SINGLES:
            raise ValueError(
                f"it is not clear whether {name} or {other} names prompts: pass --prompt {other} "
                f"or --prompt {name}"
            )


def check_lists(columns: Columns, table: Table) -> None:
    """Lists of rewards are groups if each prompt has one row a step, else turns or tokens."""
    if columns.reduce is not None or columns.trusted or not columns.prompt:
        return
    name = next(iter(columns.reward))
    long = [isinstance(value, list) and len(value) > 1 for value in table[name]]
    prompts = [keys_of(table[one]) for one in columns.prompt]
    if 2 * sum(long) <= len(long) or any(
        isinstance(v, list) for v in table[columns.prompt[0]][:50]
    ):
        return
    steps = keys_of(table[columns.step]) if columns.step else [0] * len(long)
    visits = list(zip(*prompts, steps, strict=True))
    if len(visits) > 1.5 * len(set(visits)):
        raise ValueError(
            f"{name} is a list in each row, and a prompt has {len(visits) / len(set(visits)):.1f} "
            "rows a step: pass --lists sum (or last, or mean) if the lists hold turns or tokens of "
            "one completion, or --trust-columns if each list is a group of completions"
        )
