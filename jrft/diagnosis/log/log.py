"""Rewards of many prompts as flat columns, from whatever shape they come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class RewardLog:
    """One row a completion, or a row for several that are alike: m rows of p prompts.

    Attributes:
        rewards: float64[m], finite or NaN; NaN is a completion without a score.
        prompts: int32[m], which prompt, an index into `prompt_ids`.
        prompt_ids: The p names, in order of first appearance.
        outcomes: float64[m] or None: whether the task was solved, before any shaping.
        components: Name of a reward term → float64[m], its part in the reward.
        steps: int64[m] or None: the training step the completion was sampled at.
        counts: int64[m] or None: how many completions a row stands for; None for one each.
    """

    rewards: Float64[np.ndarray, " m"]
    prompts: Int32[np.ndarray, " m"]
    prompt_ids: Sequence[Any]
    outcomes: Float64[np.ndarray, " m"] | None = None
    components: Mapping[str, Float64[np.ndarray, " m"]] = field(default_factory=dict)
    steps: Int64[np.ndarray, " m"] | None = None
    counts: Int64[np.ndarray, " m"] | None = None


def selected(log: RewardLog, rows: Bool[np.ndarray, " m"]) -> RewardLog:
    """The log with some rows, and with the prompts that still have any."""
    present, codes = np.unique(log.prompts[rows], return_inverse=True)
    return RewardLog(
        rewards=log.rewards[rows],
        prompts=codes.astype(np.int32),
        prompt_ids=[log.prompt_ids[i] for i in present],
        outcomes=None if log.outcomes is None else log.outcomes[rows],
        components={name: values[rows] for name, values in log.components.items()},
        steps=None if log.steps is None else log.steps[rows],
    )


def reward_log(
    rewards: ArrayLike | Sequence[ArrayLike],
    *,
    prompt_ids: Sequence[Any] | np.ndarray | None = None,
    outcomes: ArrayLike | Sequence[ArrayLike] | None = None,
    components: Mapping[str, ArrayLike | Sequence[ArrayLike]] | None = None,
    steps: ArrayLike | None = None,
) -> RewardLog:
    """Brings rewards into flat columns.

    Args:
        rewards: One of: float[m] with `prompt_ids` of the same length; float[p, n], a row a
            group; a sequence of p sequences of unequal lengths, a group each. NaN and None are
            completions without a score.
        prompt_ids: A name a reward (flat rewards) or a name a group; any hashable values. Groups
            of one name are groups of one prompt. Without it each row is a prompt, named by its
            index.
        outcomes: Like `rewards`: 1 where the task is solved, 0 where not; NaN where unknown.
        components: Name → like `rewards`: the terms the reward is made of.
        steps: An integer a reward, or a group: the training step.

    Raises:
        ValueError: Shapes do not match, or a reward is infinite.

    Example:
        >>> log = reward_log([[0.0, 1.0], [1.0, None, 1.0]], prompt_ids=["a", "b"])
        >>> log.rewards.tolist(), log.prompts.tolist()
        ([0.0, 1.0, 1.0, nan, 1.0], [0, 0, 1, 1, 1])
    """
    flat, sizes = _flatten("rewards", rewards)
    infinite = int(np.isinf(flat).sum())
    if infinite:
        raise ValueError(
            f"rewards holds {infinite} infinite values: clip them, or set them to NaN if they "
            "stand for a missing score"
        )
    if sizes is None and prompt_ids is None:
        raise ValueError(
            f"rewards has shape {flat.shape} and prompt_ids is None: pass a prompt id a reward, "
            "or rewards of shape (prompts, samples)"
        )
    prompts, names = _codes(prompt_ids, flat.size, sizes)
    return RewardLog(
        rewards=flat,
        prompts=prompts,
        prompt_ids=names,
        outcomes=None if outcomes is None else _like(flat, sizes, "outcomes", outcomes),
        components={
            name: _like(flat, sizes, f"components[{name!r}]", values)
            for name, values in (components or {}).items()
        },
        steps=None if steps is None else _steps(steps, flat.size, sizes),
    )


def _flatten(
    name: str, values: Any
) -> tuple[Float64[np.ndarray, " m"], Int64[np.ndarray, " g"] | None]:
    """The values in one row, and the sizes of the groups, None for flat values."""
    if isinstance(values, Sequence) and len(values) and np.ndim(values[0]) == 1:
        rows = [_floats(name, row) for row in values]
        sizes = np.array([len(row) for row in rows], np.int64)
        return np.concatenate(rows), sizes
    array = _floats(name, values)
    if array.ndim == 1:
        return array, None
    if array.ndim == 2:
        return array.ravel(), np.full(array.shape[0], array.shape[1], np.int64)
    raise ValueError(
        f"{name} has shape {array.shape}: pass one value a completion, or (prompts, samples)"
    )


def _floats(name: str, values: Any) -> Float64[np.ndarray, "..."]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, NaN or None: {error}") from error


def _like(
    flat: Float64[np.ndarray, " m"], sizes: Int64[np.ndarray, " g"] | None, name: str, values: Any
) -> Float64[np.ndarray, " m"]:
    column, column_sizes = _flatten(name, values)
    same = column.size == flat.size and (
        sizes is None or column_sizes is None or np.array_equal(sizes, column_sizes)
    )
    if not same:
        raise ValueError(
            f"{name} has {column.size} values in another arrangement than the {flat.size} "
            "rewards: pass one value a reward, NaN where there is none"
        )
    return column


def _codes(
    prompt_ids: Sequence[Any] | np.ndarray | None, m: int, sizes: Int64[np.ndarray, " g"] | None
) -> tuple[Int32[np.ndarray, " m"], Sequence[Any]]:
    if sizes is None:
        assert prompt_ids is not None
        if len(prompt_ids) != m:
            raise ValueError(
                f"prompt_ids has {len(prompt_ids)} entries for {m} rewards: pass one a reward"
            )
        return factorize(prompt_ids)
    if prompt_ids is None:
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), range(len(sizes))
    if len(prompt_ids) != len(sizes):
        raise ValueError(
            f"prompt_ids has {len(prompt_ids)} entries for {len(sizes)} groups of rewards: pass "
            "one a group"
        )
    codes, names = factorize(prompt_ids)
    return np.repeat(codes, sizes), names


def factorize(values: Sequence[Any] | np.ndarray) -> tuple[Int32[np.ndarray, " m"], list[Any]]:
    """Numbers equal values alike, in order of first appearance.

    Returns:
        int32[m], and the distinct values.

    Example:
        >>> factorize(["b", "a", "b"])
        (array([0, 1, 0], dtype=int32), ['b', 'a'])
    """
    if isinstance(values, np.ndarray):
        values = values.tolist()
    seen: dict[Any, int] = {}
    codes = [seen.setdefault(value, len(seen)) for value in values]
    return np.array(codes, np.int32), list(seen)


def _steps(
    steps: ArrayLike, m: int, sizes: Int64[np.ndarray, " g"] | None
) -> Int64[np.ndarray, " m"]:
    array = np.asarray(steps)
    whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool(np.all(np.mod(array, 1) == 0))
    )
    if not whole:
        raise ValueError(f"steps must be whole numbers, not {array.dtype}: pass training steps")
    array = array.astype(np.int64).ravel()
    if sizes is not None and array.size == len(sizes):
        return np.repeat(array, sizes)
    if array.size != m:
        raise ValueError(
            f"steps has {array.size} entries for {m} rewards: pass one a reward or one a group"
        )
    return array
