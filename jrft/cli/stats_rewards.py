"""The rewards of `jrft stats`: of texts, on the host."""

import math
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

RewardOfText = Callable[[dict[str, Any], str], float]
"""(row of the prompts' file, completion) → reward."""


def reward_of(name: str) -> RewardOfText:
    """The reward of a name, or of `module:function`.

    Raises:
        ValueError: If there is none.
    """
    if name in REWARDS:
        return REWARDS[name]
    module, _, function = name.partition(":")
    if not function:
        raise ValueError(
            f"--reward is {name}: pass {', '.join(REWARDS)}, or module:function, a function of the "
            "prompt's row and the completion"
        )
    # A module beside the data is found as Python itself would find it.
    sys.path.insert(0, "")
    try:
        found = getattr(import_module(module), function)
    except Exception as error:  # a user's module may raise anything
        raise ValueError(
            f"--reward is {name}, which cannot be imported: {type(error).__name__}: {error}"
        ) from None
    if not callable(found):
        raise ValueError(f"--reward is {name}, of type {type(found).__name__}: pass a function")
    return found


def score(
    reward: RewardOfText, row: dict[str, Any], text: str, failures: list[str]
) -> float | None:
    """The reward, or None where there is none: a zero in its place would be a wrong reward.

    Args:
        reward: The reward.
        row: The prompt's row.
        text: The completion.
        failures: Gets the first failure's reason.
    """
    try:
        value = float(reward(row, text))
        reason = "" if math.isfinite(value) else f"the reward is {value}"
    except Exception as error:  # a user's function may raise anything
        reason = f"{type(error).__name__}: {error}"
    if not reason:
        return value
    if not failures:
        failures.append(reason)
    return None


def _match(row: dict[str, Any], completion: str) -> float:
    return float(completion.strip() in _answers(row))


def _contains(row: dict[str, Any], completion: str) -> float:
    return float(any(answer in completion for answer in _answers(row)))


def _answers(row: dict[str, Any]) -> list[str]:
    if "answer" not in row:
        raise ValueError('this reward needs "answer", a text or a list of texts, in every row')
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    if not answers or not all(isinstance(answer, (str, int, float)) for answer in answers):
        raise ValueError(f'"answer" is {row["answer"]!r}: pass a text or a list of texts')
    return [str(answer) for answer in answers]


REWARDS: dict[str, RewardOfText] = {"match": _match, "contains": _contains}
