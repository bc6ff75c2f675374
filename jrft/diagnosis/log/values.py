"""Numbers as logs write them: numbers, text, truth values, printed tensors, lists of these."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

_MISSING = {"", "nan", "none", "null", "na", "n/a"}
_TRUTH = {"true": 1.0, "false": 0.0}
# Verdicts in words, the good one first.
_PAIRS = (
    *("correct incorrect", "right wrong", "pass fail", "passed failed", "success failure"),
    *(
        "solved unsolved",
        "yes no",
        "win loss",
        "accepted rejected",
        "resolved unresolved",
        "good bad",
    ),
    *("y n", "\N{CHECK MARK} \N{BALLOT X}", "\N{HEAVY CHECK MARK} \N{HEAVY BALLOT X}"),
    "\N{WHITE HEAVY CHECK MARK} \N{CROSS MARK}",
)
_WORDS = {
    word: value for pair in _PAIRS for word, value in zip(pair.split(), (1.0, 0.0), strict=True)
}
# 0,5 and 12,25 have a decimal comma; 1,000 may have one, or be a thousand.
_COMMA = re.compile(r"[-+]?(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))")
_TENSOR = re.compile(
    r"(?:tensor|array|(?:np|numpy)\.\w+)\(\s*\[?\s*([-+\w.]+)\s*\]?\s*(?:,.*)?\)", re.DOTALL
)
_ANSWERING = ("assistant", "gpt", "model")
_PERCENT = re.compile(r"([-+]?\d+(?:\.\d+|,\d{1,2})?)\s?%")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s?/\s?(\d+(?:\.\d+)?)")
# A sign is one where no word stands before it: `-3`, but `step-3`. Whole numbers may have commas
# after thousands, and say the last of all steps: `1,000`, `3/100`.
_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+"
_LAST_NUMBER = re.compile(
    rf"^(?:[A-Za-z_ :=/-]*[A-Za-z_:=/][ -]*)?(-?(?:{_WHOLE}))(?:\s?/\s?(?:{_WHOLE}))?$"
)


class Absent:
    """Stands where a row has no such column."""


ABSENT = Absent()


def is_missing(value: Any) -> bool:
    """Whether a cell is not there, or empty.

    Example:
        >>> [is_missing(cell) for cell in (None, "", float("nan"), ABSENT, 0, "nan")]
        [True, True, True, True, False, False]
    """
    return value is None or value is ABSENT or value == "" or value != value  # NaN


def number(value: Any, name: str) -> float:
    """The number that a cell holds; NaN if it is empty.

    Raises:
        ValueError: The cell holds something else.

    Example:
        >>> [number(cell, "reward") for cell in (1, "0,5", "True", "tensor(2.)", None, "wrong")]
        [1.0, 0.5, 1.0, 2.0, nan, 0.0]
        >>> [number(cell, "reward") for cell in ("50%", "3/4")]
        [0.5, 0.75]
    """
    if isinstance(value, Absent):
        raise ValueError(f"there is no {name!r}")
    if value is None:
        return float("nan")
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _MISSING:
            return float("nan")
        if text in _TRUTH:
            return _TRUTH[text]
        if (meant := _spelled(text)) is not None:
            return meant
        if _COMMA.fullmatch(text):
            value = text.replace(",", ".")
        if printed := _TENSOR.fullmatch(text):
            value = printed.group(1)
    if isinstance(value, dict):
        inner = ", ".join(f"--reward {name}.{key}" for key in list(value)[:4])
        raise ValueError(f"{name} is an object, not a number: pass one of its fields, as {inner}")
    try:
        return float(value)
    except (TypeError, ValueError):
        known = "; known words are correct, wrong, pass, fail, yes, no and their like"
        word = known if isinstance(value, str) and value.strip().isalpha() else ""
        raise ValueError(f"{name} is {value!r:.40}, not a number{word}") from None


def _spelled(text: str) -> float | None:
    """What a verdict, a percentage or a share means; None for other texts."""
    if text in _WORDS:
        return _WORDS[text]
    if percent := _PERCENT.fullmatch(text):
        return float(percent.group(1).replace(",", ".")) / 100
    if (share := _SHARE.fullmatch(text)) and float(share.group(2)) > 0:
        return float(share.group(1)) / float(share.group(2))
    return None


def is_spelled(value: Any) -> bool:
    """Whether a cell is a word that stands for a verdict, a percentage or a share.

    Example:
        >>> [is_spelled(cell) for cell in ("Correct", "50%", "3/4", "true", "maybe")]
        [True, True, True, False, False]
    """
    return isinstance(value, str) and _spelled(value.strip().lower()) is not None


def has_comma(value: Any) -> bool:
    """Whether a cell is a number with a decimal comma."""
    return isinstance(value, str) and bool(_COMMA.fullmatch(value.strip()))


def is_number(value: Any) -> bool:
    """Whether a cell holds a number, or is empty."""
    try:
        number(value, "")
    except ValueError:
        return False
    return True


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all cells hold numbers, or are empty."""
    return set(map(type, values)) <= {int, float, bool, type(None)} or all(map(is_number, values))


def flat_numbers(
    values: Sequence[Any], name: str
) -> tuple[Float64[np.ndarray, " m"], Int64[np.ndarray, " r"]]:
    """Numbers of a column, and how many each row holds: one, or as many as its list has."""
    if list in set(map(type, values)):
        rows = [value if isinstance(value, list) else [value] for value in values]
        sizes = np.array([len(row) for row in rows])
        values = [value for row in rows for value in row]
    else:
        sizes = np.ones(len(values), np.int64)
    try:
        return np.array(values, np.float64), sizes  # None becomes NaN
    except (TypeError, ValueError):
        return np.array([number(value, name) for value in values], np.float64), sizes


def reduced(value: Any, reduce: Callable[[list[float]], float]) -> Any:
    """One reward of a list, or of each inner list of a group.

    Example:
        >>> reduced([0, 1, 2], sum), reduced([[0, 1], [2]], sum), reduced(3, sum)
        (3.0, [1.0, 2.0], 3)
    """
    if not isinstance(value, list) or not value:
        return value
    if any(isinstance(each, list) for each in value):
        return [reduced(each, reduce) for each in value]
    return reduce([float(each) for each in value])


def is_parallel(value: Any, size: int, *, of_same: bool = False) -> bool:
    """Whether a row holds a prompt for each of its rewards, not one chat or one list of tokens.

    Args:
        value: The cell of the prompt.
        size: How many rewards the row holds.
        of_same: Whether prompt and reward are fields of the same objects; numbers are ids then.
    """
    if not isinstance(value, list) or len(value) != size or not value:
        return False
    if of_same:
        return True
    return all(isinstance(each, str | list) for each in value) and size > 1


def question(chat: Any, answer: int = 0) -> list[Any] | None:
    """The messages before an answer; None if this is no chat that holds one.

    Args:
        chat: Perhaps a list of messages.
        answer: Which answer: 0 the first, -1 the last.

    Example:
        >>> question([{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}])
        [{'role': 'user', 'content': '1 + 1?'}]
    """
    places = answers(chat)
    return chat[: places[answer]] if places and places[0] > 0 else None


def answers(chat: Any) -> list[int]:
    """The places of the answers in a list of messages; none if this is no such list."""
    if not isinstance(chat, list) or not all(isinstance(one, dict) for one in chat):
        return []
    roles = [one.get("role", one.get("from")) for one in chat]
    return [place for place, role in enumerate(roles) if role in _ANSWERING]


def step_number(value: Any, name: str) -> int:
    """The step that a cell says: a whole number, perhaps behind a word.

    Raises:
        ValueError: The cell holds something else.
        OverflowError: The number does not fit into 64 bits.

    Example:
        >>> [step_number(cell, "step") for cell in (7, "step-12", "-3", "1,000", "step 3/100")]
        [7, 12, -3, 1000, 3]
    """
    found = None
    if isinstance(value, str) and (match := _LAST_NUMBER.match(value.strip())):
        found = float(match.group(1).replace(",", ""))
    elif is_spelled(value):
        raise ValueError(f"{name} is {value!r:.40}, not a whole number")
    found = number(value, name) if found is None else found
    if found != np.floor(found):  # NaN is not equal to itself
        raise ValueError(f"{name} holds something else than a whole number")
    if abs(found) >= 2**63:
        raise OverflowError(f"{name} is {found:g}, not a whole number of 64 bits")
    return int(found)


def is_step(value: Any) -> bool:
    """Whether a cell says a step."""
    try:
        step_number(value, "")
    except (ValueError, OverflowError):
        return False
    return True


def step_numbers(
    values: Sequence[Any], name: str
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " r"]]:
    """Steps of a column, and how many each row holds."""
    if set(map(type, values)) == {int} and -(2**63) <= min(values) <= max(values) < 2**63:
        return np.array(values, np.int64), np.ones(len(values), np.int64)
    rows = [value if isinstance(value, list) else [value] for value in values]
    sizes = np.array([len(row) for row in rows])
    return np.array([step_number(value, name) for row in rows for value in row], np.int64), sizes
