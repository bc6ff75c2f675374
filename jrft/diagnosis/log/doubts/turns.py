"""Doubts whether a row is a turn, of which a completion has several."""

import json

import numpy as np
from jaxtyping import Int64

from jrft.diagnosis.log.column_names import ENDS, MACHINES, TRAJECTORIES, TURNS
from jrft.diagnosis.log.sample import Sample, common_size
from jrft.diagnosis.log.values import step_number

# So many characters make a turn.
_GROWN = 8


def turns_by_name(sample: Sample) -> str | None:
    """A column is named like a turn, or names trajectories that have several rows each."""
    if sample.columns.reduce is not None or not sample.columns.prompt:
        return None
    for name in sample.others():
        turns = name.lower() in TURNS and sample.count(name) > 1
        rows = name.lower() in TRAJECTORIES and _holds_rows(sample, name)
        if turns or (rows and (sample.at or not numbers_samples(sample, name))):
            return _turns(name)
    return None


def turns_by_ends(sample: Sample) -> str | None:
    """A column says the last turn, and no other turn earns."""
    rewards = sample.rewards
    if sample.columns.reduce is not None or rewards is None or sample.lists():
        return None
    for name in sample.others():
        if name.lower() not in ENDS or sample.count(name) != 2:
            continue
        last = np.array([str(cell).lower() in ("true", "1", "1.0") for cell in sample.cells(name)])
        if last.any() and rewards[last].any() and not rewards[~last].any():
            return _turns(name)
    return None


def turns_by_growing_texts(sample: Sample) -> str | None:
    """A quarter of the texts begin with another one, as the turns of a conversation do."""
    if sample.columns.reduce is not None or len(sample.columns.prompt) != 1 or sample.lists():
        return None
    (name,) = sample.columns.prompt
    texts = {
        cell if isinstance(cell, str) else json.dumps(cell, default=str)[:-1]
        for cell in sample.table[name]
        if isinstance(cell, str | list)
    }
    grown, first = 0, ""
    for text in sorted(texts):
        if len(first) >= _GROWN and text.startswith(first) and len(text) >= len(first) + _GROWN:
            grown += 1
        else:
            first = text
    if len(texts) < 8 or grown < 0.25 * len(texts):
        return None
    return (
        f"texts of {name} begin with others, as turns of a conversation do: write one row of each "
        "completion, with its first prompt and its reward, or pass --trust-columns if each text is "
        "a prompt"
    )


def turns_by_counting(sample: Sample) -> str | None:
    """A column counts from 0 or 1 in each group, and several completions begin with it.

    Each count has as many rows as the one before it, or fewer, and the first has as many in nearly
    all groups: the size of the group.
    """
    if sample.columns.reduce is not None or not sample.columns.prompt:
        return None
    groups = sample.codes(*sample.visit)
    for name in sample.others():
        numbers = None if MACHINES.search(name.lower()) else _counts(sample, name)
        if numbers is None or (not sample.at and numbers_samples(sample, name)):
            continue
        if not 0 <= numbers.min() <= 1 or not 0 < np.ptp(numbers) < 1024:
            continue
        table = np.zeros((groups.max() + 1, int(np.ptp(numbers)) + 1), np.int64)
        np.add.at(table, (groups, numbers - numbers.min()), 1)
        size, share = common_size(table[:, 0])
        same = np.mean(table[:, 0] == size) >= 0.9
        falling = np.mean((np.diff(table, axis=1) <= 0).all(axis=1)) >= 0.95
        several = np.mean(table[:, 1] > 0) > 0.5
        if len(table) >= 4 and size > 1 and share == 1 and same and falling and several:
            return _turns(name)
    return None


def _counts(sample: Sample, name: str) -> Int64[np.ndarray, " m"] | None:
    """The whole numbers of a column, perhaps behind a word, as `turn-3`; None for other cells."""
    if not set(map(type, sample.table[name])) <= {int, str} or sample.count(name) > 1024:
        return None
    try:
        return np.array([step_number(cell, name) for cell in sample.cells(name)], np.int64)
    except (ValueError, OverflowError):
        return None


def rows_of_completions(sample: Sample) -> str | None:
    """Values of a column belong to one group each, equally many to each group, with unequal rows.

    They name completions that have a row for each turn.
    """
    if sample.columns.reduce is not None or not sample.columns.prompt or sample.lists():
        return None
    visits, rows = sample.count(*sample.visit), sum(sample.sizes)
    for name in sample.others():
        parts = sample.count(*sample.visit, name)
        if MACHINES.search(name.lower()) or parts != sample.count(name):
            continue
        if not all(
            isinstance(one, int | str) and " " not in str(one) for one in sample.table[name]
        ):
            continue  # texts may come back, names of completions do not
        if parts < 1.5 * visits or rows < 1.5 * parts or visits < 4:
            continue
        first = np.unique(sample.codes(*sample.visit, name), return_index=True)[1]
        size, _ = common_size(np.bincount(sample.codes(*sample.visit)[first]))
        same = np.mean(np.bincount(sample.codes(*sample.visit)[first]) == size) >= 0.9
        if same and size > 1 and np.ptp(sample.counts(name)) > 0:
            return _turns(name)
    return None


def _turns(name: str) -> str:
    return (
        f"by {name}, a row is a turn, and a completion has several rows: keep one row of each "
        "completion, the one with its reward, or pass --trust-columns if each row is a completion"
    )


def _holds_rows(sample: Sample, name: str) -> bool:
    """Whether names of completions have several rows each, with or without the step."""
    prompts, rows = sample.columns.prompt, sum(sample.sizes)
    pairs = sample.count(name, *prompts)
    alone = pairs == sample.count(name) and 1.5 * sample.count(*prompts) < pairs
    # A training step is none of an episode: names of samples may come back.
    alone = alone and "_step" not in str(sample.columns.step)
    if alone and 1.5 * pairs < rows:
        return True
    groups = sample.groups()
    triples = np.unique(np.stack([groups, sample.codes(name)]), axis=1).shape[1]
    return bool(1.5 * (groups.max() + 1) < triples and 1.5 * triples < rows)


def numbers_samples(sample: Sample, name: str) -> bool:
    """Whether a column has each value once in what stands together: a number of the sample."""
    together = np.cumsum(np.r_[0, np.diff(sample.codes(*sample.columns.prompt)) != 0])
    parts = np.unique(np.stack([together, sample.codes(name)]), axis=1)
    return bool(parts.shape[1] == len(together) > 2 * together[-1] + 2)
