"""Columns that are checked by the rewards they make."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.log.column_names import ADVANTAGES
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.doubts import Table, keys_of
from jrft.diagnosis.log.log import factorize
from jrft.diagnosis.log.values import flat_numbers, is_parallel

_TRIALS = 200


def total_of(terms: Sequence[str], table: Table) -> str | None:
    """The one term that is a sum of others, with positive weights, in all rows."""
    read = (_numbers(table[name], name) for name in terms)
    values = [each for each in read if each is not None]
    if len(terms) < 3 or len(values) < len(terms) or len(set(map(len, values))) > 1:
        return None
    matrix = np.nan_to_num(np.stack(values, axis=1))
    found = []
    for place in range(len(terms)):
        total, others = matrix[:, place], np.delete(matrix, place, axis=1)
        others = others[:, np.ptp(others, axis=0) > 0]
        if others.shape[1] < 2 or np.linalg.matrix_rank(others) < others.shape[1]:
            continue
        weights = np.linalg.lstsq(others, total)[0]
        fits = np.allclose(others @ weights, total, atol=1e-6) and len(total) > 2 * len(weights)
        if fits and (weights > 1e-6).all():
            found.append(terms[place])
    return found[0] if len(found) == 1 else None


def check_advantages(columns: Columns, table: Table) -> None:
    """A guessed sum of terms must explain the advantages: they rise with the reward in a group.

    Raises:
        ValueError: In more than a tenth of the groups they do not.
    """
    name = next((one for one in ADVANTAGES if one in table), None)
    if name is None or not columns.prompt or columns.trusted:
        return
    terms = [_numbers(table[one], one) for one in columns.reward]
    advantages = _numbers(table[name], name)
    if advantages is None or any(one is None or len(one) != len(advantages) for one in terms):
        return
    weighted = [
        weight * np.nan_to_num(one)
        for one, weight in zip(terms, columns.reward.values(), strict=True)
        if one is not None
    ]
    groups = _groups([*columns.prompt, *([columns.step] if columns.step else [])], table, name)
    if np.isnan(advantages).any() or np.ptp(advantages) == 0:
        return
    total = np.sum(weighted, axis=0)
    explained = [
        _rises(total[rows], advantages[rows])
        for rows in np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
        if np.ptp(total[rows]) > 1e-9 or np.ptp(advantages[rows]) > 1e-6
    ]
    if len(explained) >= 3 and np.mean(explained) < 0.9:
        flags = " ".join(f"--reward {one}=WEIGHT" for one in columns.reward)
        plain = " ".join(f"--reward {one}" for one in columns.reward)
        raise ValueError(
            f"{name} is not explained by the sum of {', '.join(columns.reward)}: pass {flags} with "
            f"the weights of the trainer, or {plain} if the sum is right"
        )


def restarts_each_step(name: str, columns: Columns, table: Table) -> bool:
    """Whether an id counts from its first number at each step, and names no prompt by its rewards.

    Such an id may be a place in the batch. It names prompts if the mean rewards of equal ids at
    different steps agree more than those of other ids: more than in 200 random orders.
    """
    (reward, *_) = columns.reward
    rewards = _numbers(table[reward], reward)
    step = columns.step
    if step is None or rewards is None or not all(str(one).isdigit() for one in table[name]):
        return False
    ids = np.array([int(one) for one in table[name]])
    steps = np.array(factorize(keys_of(table[step]))[0])
    if len(rewards) != len(ids) or steps.max(initial=0) == 0:
        return False
    at, first = np.unique(ids, return_inverse=True)[1], int(ids.min())
    visits = np.unique(at * (steps.max() + 1) + steps)
    whole = len(visits) == (at.max() + 1) * (steps.max() + 1)
    if not whole or first > 1 or at.max() != ids.max() - first or at.max() < 1:
        return False
    cells = at * (steps.max() + 1) + steps
    counts = np.bincount(cells)
    means = np.bincount(cells, np.nan_to_num(rewards)) / counts
    return not _agree(means.reshape(at.max() + 1, steps.max() + 1))


def _agree(means: Float64[np.ndarray, "p t"]) -> bool:
    """Whether rows differ more than they would if each column were shuffled."""
    rng = np.random.default_rng(0)
    centered = means - means.mean(axis=0)
    shuffled = [np.sum(rng.permuted(centered, axis=0).sum(axis=1) ** 2) for _ in range(_TRIALS)]
    return bool(np.sum(centered.sum(axis=1) ** 2) > max(shuffled) + 1e-9)


def _rises(rewards: Float64[np.ndarray, " n"], advantages: Float64[np.ndarray, " n"]) -> bool:
    """Whether advantages are a rising straight line of the rewards."""
    x, y = rewards - rewards.mean(), advantages - advantages.mean()
    lengths = np.sqrt(np.sum(x**2) * np.sum(y**2))
    return bool(lengths > 0 and np.sum(x * y) > 0.999 * lengths)


def _numbers(values: Sequence[Any], name: str) -> Float64[np.ndarray, " m"] | None:
    """The numbers of a column, flat; None where cells hold something else."""
    lists = [value for value in values if isinstance(value, list)]
    if any(isinstance(each, list) for value in lists for each in value):
        return None
    try:
        return flat_numbers(list(values), name)[0]
    except ValueError:
        return None


def _groups(names: Sequence[str], table: Table, like: str) -> Int64[np.ndarray, " m"]:
    """A number for the group of each completion, where a row or a list holds the completions."""
    sizes = flat_numbers(list(table[like]), like)[1].tolist()
    keys = [
        keys_of(
            [
                each
                for value, size in zip(table[name], sizes, strict=True)
                for each in (value if is_parallel(value, size) else [value] * size)
            ]
        )
        for name in names
    ]
    return np.array(factorize(list(zip(*keys, strict=True)))[0], np.int64)
