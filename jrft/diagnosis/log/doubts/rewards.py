"""Doubts about the columns of the reward."""

import re

import numpy as np
from jaxtyping import Float64

from jrft.diagnosis.log.column_names import ADVANTAGES, OUTCOMES, REWARDS, is_term
from jrft.diagnosis.log.sample import Sample

# So large a share of missing rewards is no accident.
_OFTEN = 0.05
# Words in the names of columns that may be the reward where the one of that name is constant.
_SCORE = re.compile(
    r"reward|score|acc|correct|grade|verif|pass|success|match|solved|outcome|quality|judge|rating"
    r"|right|win"
)


def never_given(sample: Sample) -> str | None:
    """A guessed reward is the same in all rows, and the outcome or another score differs."""
    rewards = sample.rewards
    if rewards is None or np.ptp(rewards) > 0:
        return None
    (name, *_), outcome = sample.columns.reward, sample.columns.outcome
    for other in ([] if outcome is None else [outcome]) + sample.others():
        last = other.lower().rpartition(".")[2]
        if (not _SCORE.search(last) and last not in {*REWARDS, *OUTCOMES}) or not is_term(last):
            continue
        values = sample.numbers(other)
        if values is not None and np.ptp(np.nan_to_num(values, posinf=0.0, neginf=0.0)) > 0:
            return (
                f"{' + '.join(sample.columns.reward)} is {rewards[0]:g} in all rows, and {other} "
                f"differs: pass --reward {other}, or --reward {name} if it is the reward"
            )
    return None


def never_missed(sample: Sample) -> str | None:
    """Rewards are the same where they are there, and missing beside them: they may stand for 0."""
    name, *others = sample.columns.reward
    values = None if others else sample.numbers(name)
    if values is None or len(values) != sum(sample.sizes) or not sample.columns.prompt:
        return None
    missing = np.isnan(values)
    missed, given = float(np.mean(missing)), np.unique(values[~missing])
    if missed < _OFTEN or len(given) != 1 or given[0] == 0:
        return None
    groups = sample.codes(*sample.visit)
    share = np.bincount(groups, missing) / np.bincount(groups)
    if not np.any((share > 0) & (share < 1)):
        return None
    return (
        f"{name} is {given[0]:g} where it is there, and missing in {missed:.0%} of the rows: write "
        "0 where a completion failed, or pass --trust-columns if it has no score"
    )


def mean_of_zero(sample: Sample) -> str | None:
    """The mean of a guessed reward is 0 in each group, as the mean of advantages is."""
    found = _spread(sample)
    if found is None:
        return None
    means, spread, scale = found
    if not np.all(np.abs(means) < 1e-3 * scale) or not np.any(spread > 1e-3 * scale):
        return None
    name = " + ".join(sample.columns.reward)
    return _other_reward(name, f"the mean of {name} is 0 in each group, as that of advantages is")


def same_in_groups(sample: Sample) -> str | None:
    """A guessed reward takes several values, and is the same in each group, as a mean is."""
    found = _spread(sample)
    if found is None:
        return None
    means, spread, scale = found
    if not np.all(spread < 1e-9 * scale) or len(np.unique(means.round(9))) <= 2:
        return None
    name = " + ".join(sample.columns.reward)
    return _other_reward(
        name, f"{name} is the same in all rows of a group, as a mean over its rows is"
    )


def _other_reward(name: str, problem: str) -> str:
    return (
        f"{problem}: pass --reward NAME with the reward of each completion, or --trust-columns if "
        f"{name} is it"
    )


def _spread(
    sample: Sample,
) -> tuple[Float64[np.ndarray, " g"], Float64[np.ndarray, " g"], float] | None:
    """Means and mean deviations of groups of several completions, and the largest reward."""
    rewards = sample.rewards
    if rewards is None or not sample.columns.prompt or np.ptp(rewards) == 0:
        return None
    groups = sample.codes(*sample.visit)
    count = np.bincount(groups)
    mean = np.bincount(groups, rewards) / count
    spread = np.bincount(groups, np.abs(rewards - mean[groups])) / count
    several = count > 1
    if several.sum() < 8:
        return None
    return mean[several], spread[several], float(np.max(np.abs(rewards)))


def rate_in_each_row(sample: Sample) -> str | None:
    """A rate of success is the same in all rows of a prompt: it stands for all of them."""
    if sample.columns.number is None or not sample.columns.prompt:
        return None
    (name,) = sample.columns.reward
    visits = sample.count(*sample.visit)
    if sum(sample.sizes) <= 1.5 * visits or sample.count(*sample.visit, name) != visits:
        return None
    return (
        f"{name} is the same in all rows of a prompt, as a mean over its rows is: pass --reward "
        "NAME with the reward of each row, or --trust-columns if rows are other rates"
    )


def advantages_of_another_sum(sample: Sample) -> str | None:
    """In more than a tenth of the groups, advantages do not rise with a guessed sum of terms."""
    names, columns = [one for one in ADVANTAGES if one in sample.table], sample.columns
    if not names or not columns.prompt or {*columns.reward} & {*REWARDS}:
        return None
    total, advantages = sample.rewards, sample.numbers(names[0])
    if total is None or advantages is None or len(advantages) != len(total):
        return None
    if np.isnan(advantages).any() or np.ptp(advantages) == 0:
        return None
    visits = sample.codes(*sample.visit)
    together = np.cumsum(np.r_[0, np.diff(visits) != 0])  # without steps, a group
    for groups in [visits, sample.groups()] if sample.at else [together]:
        explained = [
            _rises(total[rows], advantages[rows])
            for rows in np.split(
                np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1]
            )
            if np.ptp(total[rows]) > 1e-9 or np.ptp(advantages[rows]) > 1e-6
        ]
        if len(explained) < 3 or np.mean(explained) >= 0.9:
            return None
    flags = " ".join(f"--reward {one}=WEIGHT" for one in columns.reward)
    plain = " ".join(f"--reward {one}" for one in columns.reward)
    return (
        f"{names[0]} is not explained by the sum of {', '.join(columns.reward)}: pass the terms of "
        f"the reward with the weights of the trainer ({flags}), or {plain} if the sum is right"
    )


def _rises(rewards: Float64[np.ndarray, " n"], advantages: Float64[np.ndarray, " n"]) -> bool:
    """Whether advantages are a rising straight line of the rewards."""
    x, y = rewards - rewards.mean(), advantages - advantages.mean()
    lengths = np.sqrt(np.sum(x**2) * np.sum(y**2))
    return bool(lengths > 0 and np.sum(x * y) > 0.999 * lengths)
