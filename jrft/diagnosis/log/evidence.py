"""What rewards tell about groups: whether they hold several prompts, and whether visits agree."""

import re

import numpy as np
from jaxtyping import Float64, Int64, Integer

from jrft.diagnosis.log.sample import Sample

# Random orders that rewards are compared with, and fewer where mean and std of these suffice.
_TRIALS = 100
_FEW_TRIALS = 30
# So many standard deviations above chance are none.
_FAR = 4.5


def hold_several(
    rewards: Float64[np.ndarray, " m"],
    prompts: Integer[np.ndarray, " m"],
    steps: Int64[np.ndarray, " m"] | None,
) -> bool:
    """Whether neighbors in a group agree more than by chance, by 4.5 standard deviations.

    The text of a prompt may be cut off, or a template. Its groups then hold several prompts, and as
    logs write the completions of a prompt together, rewards that follow each other agree.

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
    return _far_above(np.sum((x[1:] * x[:-1])[same]), shuffled)


def blocks_agree(rewards: Float64[np.ndarray, " m"], size: int) -> int | None:
    """How many groups of a size that follow each other are one group, if it is too small.

    Then neighbors agree within blocks of so many groups more than where blocks meet, by 4.5
    standard errors. Rewards that drift, or sorted prompts, make both agree alike.

    Args:
        rewards: float64[m], finite, groups of `size` in the order of the log.
        size: The number of completions of a group.
    """
    means = rewards[: len(rewards) // size * size].reshape(-1, size).mean(axis=1)
    x = means - means.mean()
    products = x[1:] * x[:-1]
    for number in (2, 3, 4):
        meet = np.arange(len(products)) % number == number - 1
        if np.sum(meet) < 8:
            return None
        within, between = products[~meet], products[meet]
        error = np.sqrt(within.var() / len(within) + between.var() / len(between))
        if within.mean() - between.mean() > _FAR * error + 1e-12:
            return number
    return None


def parts_differ(
    rewards: Float64[np.ndarray, " m"],
    groups: Int64[np.ndarray, " m"],
    parts: Int64[np.ndarray, " m"],
) -> bool:
    """Whether parts of groups differ in their mean reward, by 4.5 standard deviations.

    Args:
        rewards: float64[m], finite.
        groups: int[m].
        parts: int[m], each inside of one group.
    """
    x = rewards - (np.bincount(groups, rewards) / np.bincount(groups))[groups]
    sizes = np.maximum(np.bincount(parts), 1)
    order = np.argsort(groups, kind="stable")
    rng = np.random.default_rng(0)

    def between(values: Float64[np.ndarray, " m"]) -> float:
        return float(np.sum(np.bincount(parts, values) ** 2 / sizes))

    shuffled = []
    for _ in range(_FEW_TRIALS):
        y = np.empty_like(x)
        y[order] = x[np.lexsort((rng.random(len(x)), groups))]
        shuffled.append(between(y))
    return _far_above(between(x), shuffled)


def _far_above(value: float, by_chance: list[float]) -> bool:
    return bool(value - np.mean(by_chance) > _FAR * np.std(by_chance) + 1e-9)


def _sorted_by_reward(
    rewards: Float64[np.ndarray, " m"], groups: Int64[np.ndarray, " m"], same: np.ndarray
) -> bool:
    """Whether the rewards of most groups rise, or fall."""
    change = np.diff(rewards)[same]
    owner = groups[1:][same]
    up = np.bincount(owner, change > 1e-9, minlength=groups.max() + 1) > 0
    down = np.bincount(owner, change < -1e-9, minlength=groups.max() + 1) > 0
    return bool(np.sum(up ^ down) > 0.8 * np.sum(up | down))


def visits_agree(sample: Sample, name: str) -> bool | None:
    """Whether the mean rewards of an id's visits agree more than in 100 random orders.

    They do where the id names prompts, and do not where it is a place in the batch. A visit is a
    step, or in logs without steps what stands together.

    Returns:
        None if nothing is told: with fewer than eight ids, or where visits differ by chance alone.
    """
    rewards, prompts = sample.rewards, sample.codes(name)
    if rewards is None:
        return None
    steps = sample.codes(*sample.at) if sample.at else np.cumsum(np.r_[0, np.diff(prompts) != 0])
    visits, visit = np.unique(prompts * (steps.max() + 1) + steps, return_inverse=True)
    sizes = np.bincount(visit)
    means = np.bincount(visit, rewards) / sizes
    rng = np.random.default_rng(0)

    def spread(values: Float64[np.ndarray, " m"]) -> float:
        return float(np.sum(np.bincount(visit, values) ** 2 / sizes))

    if not _far_above(spread(rewards), [spread(rng.permutation(rewards)) for _ in range(30)]):
        return None
    owners, when = np.divmod(visits, steps.max() + 1)
    several = np.bincount(owners)[owners] > 1
    if len(np.unique(owners[several])) < 8:
        return None
    if sample.at:  # all rewards may rise with the step
        means = means - (np.bincount(when, means) / np.maximum(np.bincount(when), 1))[when]
    means, owners = means[several], np.unique(owners[several], return_inverse=True)[1]
    means = means - means.mean()
    count = np.bincount(owners)

    def between(values: Float64[np.ndarray, " v"]) -> float:
        return float(np.sum(np.bincount(owners, values) ** 2 / count))

    if np.ptp(means) <= 1e-9:
        return None
    shuffled = [between(rng.permutation(means)) for _ in range(_TRIALS)]
    return between(means) > max(shuffled)


def counts_from_one(sample: Sample, name: str) -> bool:
    """Whether the ids end in the numbers from 0 or 1 on, without gaps, at each step."""
    ends = [re.search(r"(\d{1,9})(?:\.0)?$", str(one)) for one in sample.cells(name)]
    if None in ends:
        return False
    numbers = np.array([int(end.group(1)) for end in ends if end], np.int64)
    parts = sample.codes(*sample.at) if sample.at else np.zeros_like(numbers)
    seen = [np.unique(numbers[parts == part]) for part in np.unique(parts)[:64]]
    return all(part[0] <= 1 and np.ptp(part) == len(part) - 1 for part in seen)
