"""Columns that make no sense together, seen in a sample: they stop the run."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jrft.diagnosis.log.column_names import ANSWERS, IDS, NO_REWARD, STEPS
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
    """An id that was guessed must name prompts as well as any other column could.

    Another column could name them if it holds texts or whole numbers that recur. Then the id must
    not hold several of its values that have one id each, must not name the visits of its values (at
    each step, or without steps at all), and must not cross it: if all values of both recur equally
    often, either may name prompts.
    """
    ids = keys_of(table[name])
    steps = [0] * len(ids) if columns.step is None else keys_of(table[columns.step])
    for other in table:
        values = keys_of(table[other])
        known = {name, columns.step, columns.completion}
        if other in known or not _may_name(other, values) or singles(values) >= MANY_SINGLES:
            continue
        distinct, num_ids = len(set(values)), len(set(ids))
        parts = len(set(zip(ids, values, strict=True)))
        visits = len(set(zip(values, steps, strict=True)))
        holds_several = distinct == parts > 1.5 * num_ids
        finer = parts == num_ids > 1.5 * distinct
        names_visits = finer and (num_ids == visits or (columns.step is None and distinct >= 8))
        crosses = parts > max(num_ids, distinct) and distinct >= 8 and _even(values) and _even(ids)
        if holds_several or names_visits or crosses:
            raise ValueError(
                f"it is not clear whether {name} or {other} names prompts: pass --prompt {other} "
                f"or --prompt {name}"
            )


def _may_name(column: str, values: Sequence[Any]) -> bool:
    """Whether a column of an unknown name may hold prompts, or ids of them."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return not NO_REWARD.search(column.lower()) and column.lower() not in {*IDS, *STEPS}
    return str in kinds and column.lower() not in ANSWERS


def _even(values: Sequence[Any]) -> bool:
    """Whether all values occur equally often."""
    return len(set(Counter(values).values())) == 1


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
