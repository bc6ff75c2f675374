"""Columns that are checked by the rewards they make."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.log.column_names import ADVANTAGES
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.doubts import Table, keys_of
from jrft.diagnosis.log.log import factorize
from jrft.diagnosis.log.values import flat_numbers, is_parallel

# Random orders that rewards are compared with, and fewer where mean and std of these suffice.
_TRIALS = 100
_FEW_TRIALS = 30


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


def check_reward(columns: Columns, table: Table) -> None:
    """A guessed reward must look like one.

    Raises:
        ValueError: It is constant where the outcome differs, its mean is 0 in all groups, as the
            mean of advantages is, or it takes several values and is the same in each group, as a
            mean over rollouts is.
    """
    found = _completions(columns, table)
    if found is None or columns.trusted:
        return
    rewards, prompts, steps = found
    name = " + ".join(columns.reward)
    outcome = _numbers(table[columns.outcome], columns.outcome) if columns.outcome else None
    if np.ptp(rewards) == 0 and outcome is not None and np.ptp(np.nan_to_num(outcome)) > 0:
        raise ValueError(
            f"{name} is {rewards[0]:g} in all rows, and {columns.outcome} differs: pass --reward "
            f"{columns.outcome}, or --reward {next(iter(columns.reward))} if it is the reward"
        )
    keys = prompts if steps is None else prompts * (steps.max() + 1) + steps
    groups = np.unique(keys, return_inverse=True)[1]
    count = np.bincount(groups)
    mean = np.bincount(groups, rewards) / count
    spread = np.bincount(groups, np.abs(rewards - mean[groups])) / count
    several = count > 1
    if several.sum() < 8 or np.ptp(rewards) == 0:
        return
    scale = np.max(np.abs(rewards))
    if np.all(np.abs(mean[several]) < 1e-3 * scale) and np.any(spread > 1e-3 * scale):
        problem = f"the mean of {name} is 0 in each group, as that of advantages is"
    elif np.all(spread < 1e-9 * scale) and len(np.unique(mean.round(9))) > 2:
        problem = f"{name} is the same in all rows of a group, as a mean over its rows is"
    else:
        return
    raise ValueError(
        f"{problem}: pass --reward NAME with the reward of each completion, or --trust-columns if "
        f"{name} is it"
    )


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
            f"{name} is not explained by the sum of {', '.join(columns.reward)}: pass all terms of "
            f"the reward with the weights of the trainer ({flags}), or {plain} if the sum is right"
        )


def check_groups(columns: Columns, table: Table) -> None:
    """The completions of a group must be of one prompt: neighbors agree no more than others.

    The text of a prompt may be cut off, or a template. Its groups then hold several prompts, and as
    logs write the completions of a prompt together, rewards that follow each other agree.

    Raises:
        ValueError: They agree more than by chance, by 4.5 standard deviations.
    """
    found = _completions(columns, table)
    if found is None or columns.trusted or not hold_several(*found):
        return
    name = " + ".join(columns.prompt)
    raise ValueError(
        f"rewards that follow each other in a group by {name} agree more than by chance: does "
        f"one {name} stand for several prompts? Pass --prompt NAME (repeat it if several "
        "columns name a prompt together), or --group-size N if the N completions of a prompt "
        "follow each other, or --trust-columns if the groups are right"
    )


def hold_several(rewards: np.ndarray, prompts: np.ndarray, steps: np.ndarray | None) -> bool:
    """Whether neighbors in a group agree more than by chance, by 4.5 standard deviations.

    Args:
        rewards: float64[m], finite, in the order of the log.
        prompts: int[m].
        steps: int[m], or None.
    """
    # Rewards of a prompt change with time: without steps, only what stands together is a group. A
    # step that falls begins another part of the log.
    ends = np.diff(prompts) != 0 if steps is None else np.diff(steps) < 0
    keys = [prompts, np.cumsum(np.r_[0, ends])] + ([] if steps is None else [steps])
    groups = np.unique(np.stack(keys), axis=1, return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    groups, rewards = groups[order], rewards[order]
    count = np.bincount(groups)
    x = rewards - (np.bincount(groups, rewards) / count)[groups]
    same = groups[1:] == groups[:-1]
    if _sorted_by_reward(rewards, groups, same):
        return False
    rng = np.random.default_rng(0)
    shuffled = []
    for _ in range(_FEW_TRIALS):
        y = x[np.lexsort((rng.random(len(x)), groups))]
        shuffled.append(np.sum((y[1:] * y[:-1])[same]))
    excess = np.sum((x[1:] * x[:-1])[same]) - np.mean(shuffled)
    return bool(excess > 4.5 * np.std(shuffled) + 1e-9)


def _sorted_by_reward(
    rewards: Float64[np.ndarray, " m"], groups: Int64[np.ndarray, " m"], same: np.ndarray
) -> bool:
    """Whether the rewards of most groups rise, or fall."""
    change = np.diff(rewards)[same]
    owner = groups[1:][same]
    up = np.bincount(owner, change > 1e-9, minlength=groups.max() + 1) > 0
    down = np.bincount(owner, change < -1e-9, minlength=groups.max() + 1) > 0
    return bool(np.sum(up ^ down) > 0.8 * np.sum(up | down))


def recurs_without_meaning(columns: Columns, table: Table) -> bool:
    """Whether an id comes back, and its rewards do not tell that it is the same prompt.

    Such an id may be a place in the batch. It names prompts if the mean rewards of its visits agree
    more than those of other ids: more than in 100 random orders. A visit is a step, or in logs
    without steps what stands together. With fewer than eight ids nothing is told, nor where visits
    differ by chance alone, nor if the ids do not count from 0 or 1 at each step.
    """
    found = _completions(columns, table)
    if found is None:
        return False
    rewards, prompts, steps = found
    if not _count_from_one(columns.prompt[0], steps, table, columns):
        return False
    if steps is None:
        steps = np.cumsum(np.r_[0, np.diff(prompts) != 0])
    visits, visit = np.unique(prompts * (steps.max() + 1) + steps, return_inverse=True)
    sizes = np.bincount(visit)
    means = np.bincount(visit, rewards) / sizes
    rng = np.random.default_rng(0)

    def spread(values: Float64[np.ndarray, " m"]) -> float:
        return float(np.sum(np.bincount(visit, values) ** 2 / sizes))

    by_chance = [spread(rng.permutation(rewards)) for _ in range(_FEW_TRIALS)]
    if spread(rewards) - np.mean(by_chance) <= 4.5 * np.std(by_chance) + 1e-9:
        return False
    owners, when = np.divmod(visits, steps.max() + 1)
    several = np.bincount(owners)[owners] > 1
    if len(np.unique(owners[several])) < 8:
        return False
    if found[2] is not None:  # all rewards may rise with the step
        means = means - (np.bincount(when, means) / np.maximum(np.bincount(when), 1))[when]
    means, owners = means[several], np.unique(owners[several], return_inverse=True)[1]
    means = means - means.mean()
    count = np.bincount(owners)

    def between(values: Float64[np.ndarray, " v"]) -> float:
        return float(np.sum(np.bincount(owners, values) ** 2 / count))

    shuffled = [between(rng.permutation(means)) for _ in range(_TRIALS)]
    return bool(np.ptp(means) > 1e-9 and between(means) <= max(shuffled))


def _count_from_one(name: str, steps: np.ndarray | None, table: Table, columns: Columns) -> bool:
    """Whether the ids end in the numbers from 0 or 1 on, without gaps, at each step."""
    (reward, *_) = columns.reward
    keys = _flat_keys(name, table, reward)
    ends = [re.search(r"(\d{1,9})(?:\.0)?$", str(one)) for one in keys]
    if None in ends:
        return False
    numbers = np.array([int(end.group(1)) for end in ends if end], np.int64)
    parts = np.zeros_like(numbers) if steps is None else steps
    if len(parts) != len(numbers):
        return False
    present = [np.unique(numbers[parts == part]) for part in np.unique(parts)[:64]]
    return all(part[0] <= 1 and np.ptp(part) == len(part) - 1 for part in present)


def _completions(
    columns: Columns, table: Table
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
    """Rewards, prompts and steps (or None) of the completions in a sample."""
    (reward, *_) = columns.reward
    rewards = _numbers(table[reward], reward)
    plain = columns.reduce is None and columns.number is None and columns.group_size is None
    if rewards is None or not plain or not columns.prompt or not len(rewards):
        return None
    for other in list(columns.reward)[1:]:
        more = _numbers(table[other], other)
        rewards = rewards if more is None or len(more) != len(rewards) else rewards + more
    if np.isinf(rewards).any():
        return None
    prompts = _groups(columns.prompt, table, reward)
    steps = None if columns.step is None else _groups([columns.step], table, reward)
    return np.nan_to_num(rewards), prompts, steps


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
    keys = [_flat_keys(name, table, like) for name in names]
    return np.array(factorize(list(zip(*keys, strict=True)))[0], np.int64)


def _flat_keys(name: str, table: Table, like: str) -> list[Any]:
    """A key for each completion: of its row, or its own where a list is parallel to the rewards."""
    sizes = flat_numbers(list(table[like]), like)[1].tolist()
    stem, stem_of_reward = (one.rpartition(".")[0] for one in (name, like))
    of_same = bool(stem) and stem == stem_of_reward
    return keys_of(
        [
            each
            for value, size in zip(table[name], sizes, strict=True)
            for each in (value if is_parallel(value, size, of_same=of_same) else [value] * size)
        ]
    )
