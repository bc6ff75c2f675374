"""Columns that make no sense together, seen in a sample: they stop the run."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jrft.diagnosis.log.column_names import (
    ANSWERS,
    IDS,
    MACHINES,
    NO_REWARD,
    SOURCES,
    STEPS,
    TEXTS,
    TRAJECTORIES,
    TURNS,
)
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.values import Absent, is_parallel

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


def present(values: Sequence[Any]) -> list[Any]:
    """The cells that are there and hold something."""
    return [value for value in values if value is not None and not isinstance(value, Absent)]


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
    if columns.reduce is not None:
        return
    name = next(iter(columns.reward))
    long = [isinstance(value, list) and len(value) > 1 for value in table[name]]
    if any(isinstance(each, list) for v in table[name] if isinstance(v, list) for each in v):
        raise ValueError(
            f"{name} holds lists of lists: pass --lists sum (or last, or mean), which makes one "
            f"reward of each inner list"
        )
    if columns.trusted or not columns.prompt:
        return
    texts = table.get(columns.completion or "", ())
    one = f"{columns.completion} is one text" if str in set(map(type, texts)) else ""
    if columns.prompt == ("uid",) and singles(table["uid"]) >= MANY_SINGLES and len(long) > 8:
        one = one or "each uid has one row"
    if 2 * sum(long) > len(long) and one:
        raise ValueError(
            f"{name} is a list, and {one}: pass --lists sum (or last, "
            "or mean) to make one reward of a list, or --trust-columns if each list is a group of "
            "completions"
        )
    prompts = [keys_of(table[one]) for one in columns.prompt]
    first = zip(table[columns.prompt[0]][:50], table[name], strict=False)
    if 2 * sum(long) <= len(long) or any(
        isinstance(rewards, list) and is_parallel(prompt, len(rewards)) for prompt, rewards in first
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


def check_anonymous(columns: Columns, table: Table) -> None:
    """Lists of rewards without a prompt are groups, unless some other text may name prompts."""
    known = {columns.step, columns.completion, *ANSWERS}
    texts = [
        name
        for name, values in table.items()
        if name not in known and str in set(map(type, values)) and singles(values) < MANY_SINGLES
    ]
    if not columns.trusted and texts:
        raise ValueError(
            f"no column is known to name the prompt: pass --prompt {texts[0]} if it does, or "
            "--trust-columns if each list is the group of one prompt"
        )


def check_text(text: str, columns: Columns, table: Table) -> None:
    """A guessed text must not be shared by prompts that have ids or texts of their own.

    A text is shared if it is the same in all rows, or if the ids that share it come back at other
    steps, so they are no ids of visits.
    """
    if columns.trusted:
        return
    texts = keys_of(table[text])
    steps = [0] * len(texts) if columns.step is None else keys_of(table[columns.step])
    for name in table:
        if name.lower() not in {*IDS, *TEXTS} or name == text:
            continue
        ids = keys_of(table[name])
        number, visits = len(set(ids)), len(set(zip(ids, steps, strict=True)))
        nested = len(set(zip(ids, texts, strict=True))) == number > len(set(texts))
        comes_back = visits >= 1.5 * number
        same = len(set(texts)) == 1 and singles(ids) < MANY_SINGLES
        if nested and singles(ids) < MANY_SINGLES and (comes_back or same):
            raise ValueError(
                f"one {text} has several {name}: pass --prompt {name}, or --prompt {text} if "
                f"{name} does not name prompts"
            )


def check_sources(name: str, columns: Columns, table: Table) -> None:
    """A guessed id must not be used again: by another data set, or at the next step."""
    if columns.trusted:
        return
    ids = keys_of(table[name])
    steps = [0] * len(ids) if columns.step is None else keys_of(table[columns.step])
    number, visits = len(set(ids)), len(set(zip(ids, steps, strict=True)))
    for other in table:
        values = keys_of(table[other])
        parts = len(set(zip(ids, values, strict=True)))
        source = other.lower() in SOURCES and parts > 1.1 * number
        # A model's own answers differ within a visit; right answers do not.
        right = other.lower() in ANSWERS and parts > 1.1 * number
        right = right and len(set(zip(ids, steps, values, strict=True))) == visits
        if source or right:
            raise ValueError(
                f"one {name} has several {other}, so it may stand for several prompts: pass "
                f"--prompt {name} --prompt {other}, or --prompt {name} if it names prompts alone"
            )


def check_rates(columns: Columns, table: Table) -> None:
    """A rate of success stands for all rollouts of a prompt, so it has one row a visit."""
    if columns.trusted or columns.number is None or not columns.prompt:
        return
    parts = [_visits(prompt, columns, table) for prompt in columns.prompt]
    visits = list(zip(*parts, strict=True))
    (name,) = columns.reward
    rates = set(zip(visits, keys_of(table[name]), strict=True))
    if len(visits) > 1.5 * len(set(visits)) and len(rates) == len(set(visits)):
        raise ValueError(
            f"{name} is the same in all rows of a prompt, as a mean over its rows is: pass "
            "--reward NAME with the reward of each row, or --trust-columns if rows are other rates"
        )


def check_step(names: Sequence[str], table: Table) -> None:
    """Columns that are named like steps must not cross: one of them may be a turn or a sample."""
    first, *others = [name for name in names if name != "steps" and "version" not in name] or [""]
    for other in others:
        steps, rivals = keys_of(table[first]), keys_of(table[other])
        pairs = len(set(zip(steps, rivals, strict=True)))
        if pairs > max(len(set(steps)), len(set(rivals))):
            raise ValueError(
                f"it is not clear whether {first} or {other} is the training step: pass --step "
                f"{first} or --step {other}"
            )


def check_turns(columns: Columns, table: Table) -> None:
    """A row must be a completion, not one of its turns."""
    if columns.trusted or columns.reduce is not None or not columns.prompt:
        return
    prompts = list(zip(*(keys_of(table[one]) for one in columns.prompt), strict=True))
    for name in table:
        if name in columns.names():
            continue
        values = keys_of(table[name])
        turns = name.lower() in TURNS and len(set(values)) > 1
        if turns or (name.lower() in TRAJECTORIES and _hold_rows(values, prompts, columns, table)):
            raise ValueError(
                f"by {name}, a row is a turn, and a completion has several rows: keep one row of "
                "each completion, the one with its reward, or pass --trust-columns if each row is "
                "a completion"
            )


def check_crossed(columns: Columns, table: Table) -> None:
    """A column must not divide each group into equal parts: turns, agents, judges or models."""
    if columns.trusted or not columns.prompt or columns.reduce is not None:
        return
    names = [*columns.prompt, *([columns.step] if columns.step else [])]
    visits = list(zip(*(keys_of(table[one]) for one in names), strict=True))
    if len(set(visits)) < 4 or any(
        isinstance(v, list) for one in columns.reward for v in table[one]
    ):
        return
    for name in table:
        values = keys_of(table[name])
        if name in columns.names() or MACHINES.search(name.lower()) or not 1 < len(set(values)) < 9:
            continue
        parts: dict[Any, Counter[Any]] = {}
        for visit, value in zip(visits, values, strict=True):
            parts.setdefault(visit, Counter())[value] += 1
        even = [
            len(part) > 1 and min(part.values()) == max(part.values()) > 1
            for part in parts.values()
        ]
        if sum(even) >= 0.9 * len(even):
            flags = " ".join(f"--prompt {one}" for one in (*columns.prompt, name))
            step = f"--step {name} if it is the training step, " if columns.step is None else ""
            raise ValueError(
                f"{name} divides the completions of each group into equal parts: does it name "
                f"turns, agents, judges or models? Pass {step}{flags} to judge them one by one, or "
                "--trust-columns if all rows are completions of one group"
            )


def _hold_rows(
    names: Sequence[Any], prompts: Sequence[Any], columns: Columns, table: Table
) -> bool:
    """Whether names of completions have several rows each, with or without the step."""
    pairs = set(zip(names, prompts, strict=True))
    alone = len(pairs) == len(set(names)) and 1.5 * len(set(prompts)) < len(pairs)
    if alone and 1.5 * len(pairs) < len(names):
        return True
    steps = [0] * len(names) if columns.step is None else keys_of(table[columns.step])
    visits = set(zip(prompts, steps, strict=True))
    triples = set(zip(names, prompts, steps, strict=True))
    return 1.5 * len(visits) < len(triples) and 1.5 * len(triples) < len(names)
