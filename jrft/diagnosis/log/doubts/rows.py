"""Doubts about what a row, or a list in it, stands for."""

import re

import numpy as np

from jrft.diagnosis.log.column_names import (
    ANSWERS,
    IDS,
    MACHINES,
    SAMPLES,
    STEPS,
    TEXTS,
)
from jrft.diagnosis.log.doubts.turns import numbers_samples
from jrft.diagnosis.log.sample import MANY_SINGLES, Sample, common_size
from jrft.diagnosis.log.splits import says_splits
from jrft.diagnosis.log.values import flat_numbers, is_parallel

# Names of numbers that are no steps.
_NUMBERS_ROWS = re.compile(r"(?:^|_)(?:id|idx|index)$")


def lists_of_lists(sample: Sample) -> str | None:
    """A reward holds lists of lists, and nothing says what the inner ones are."""
    name = next(iter(sample.columns.reward))
    lists = [value for value in sample.table[name] if isinstance(value, list)]
    if sample.columns.reduce or not any(isinstance(one, list) for v in lists for one in v):
        return None
    return (
        f"{name} holds lists of lists: pass --lists sum (or last, or mean), which makes one "
        "reward of each inner list"
    )


def lists_of_one_completion(sample: Sample) -> str | None:
    """Rewards are lists, and the completion of a row is one text, or each row has its own uid."""
    if not _most_are_lists(sample):
        return None
    name, completion = next(iter(sample.columns.reward)), sample.columns.completion
    texts = sample.table.get(completion or "", ())
    one = f"{completion} is one text" if str in set(map(type, texts)) else ""
    ids = sample.columns.prompt == ("uid",) and len(set(sample.table["uid"])) > 0.9 * len(
        sample.sizes
    )
    if ids and len(sample.sizes) > 8:
        one = one or "each uid has one row"
    if not one:
        return None
    return (
        f"{name} is a list, and {one}: pass --lists sum (or last, or mean) to make one reward of a "
        "list, or --trust-columns if each list is a group of completions"
    )


def lists_of_turns(sample: Sample) -> str | None:
    """Rewards are lists, and a prompt has several rows a step."""
    if not _most_are_lists(sample) or not sample.columns.prompt:
        return None
    name, prompts = next(iter(sample.columns.reward)), sample.table[sample.columns.prompt[0]]
    some = zip(prompts[:50], sample.table[name], strict=False)
    if any(isinstance(r, list) and is_parallel(prompt, len(r)) for prompt, r in some):
        return None
    starts = np.cumsum([0, *sample.sizes[:-1]])[np.array(sample.sizes) > 0]
    rows, visits = len(starts), len(np.unique(sample.groups()[starts]))
    if rows <= 1.5 * visits:
        return None
    turns = "--lists sum (or last, or mean) if the lists hold turns or tokens of one completion"
    group = "--trust-columns if each list is a group of completions"
    # Without steps, a prompt has several groups, which are of one size.
    alike = not sample.at and np.ptp(np.array(sample.sizes)) == 0 and not _last_alone(sample)
    first, other = (group, turns) if alike else (turns, group)
    return (
        f"{name} is a list in each row, and a prompt has {rows / visits:.1f} rows"
        f"{' a step' if sample.at else ''}: pass {first}, or {other}"
    )


def lists_of_tokens(sample: Sample) -> str | None:
    """Rewards are lists of which the last alone earns, or of many lengths, as those of tokens are.

    Groups have one size, or a few, and any of their completions may earn.
    """
    if not _most_are_lists(sample):
        return None
    name, last = next(iter(sample.columns.reward)), _last_alone(sample)
    sizes = [len(one) for one in sample.table[name] if isinstance(one, list)]
    most = np.unique(sizes, return_counts=True)[1].max()
    if not last and (len(sizes) < 8 or 4 * most > len(sizes)):
        return None
    how = "whose last number alone is not 0" if last else "of many lengths"
    return (
        f"{name} is a list in each row, {how}, as rewards of turns or tokens are: pass --lists sum "
        "(or last, or mean) to make one reward of a list, or --trust-columns if each list is a "
        "group of completions"
    )


def _last_alone(sample: Sample) -> bool:
    """Whether of eight lists, or more, that hold a reward, it is the last one alone."""
    name = next(iter(sample.columns.reward))
    lists = [one for one in sample.table[name] if isinstance(one, list) and len(one) > 1]
    read = [np.nan_to_num(flat_numbers(one, name)[0]) for one in lists]
    alone = [not one[:-1].any() for one in read if one.any()]
    return len(alone) >= 8 and bool(np.mean(alone) >= MANY_SINGLES)


def _most_are_lists(sample: Sample) -> bool:
    name = next(iter(sample.columns.reward))
    long = [isinstance(value, list) and len(value) > 1 for value in sample.table[name]]
    return sample.columns.reduce is None and 2 * sum(long) > len(long)


def lists_without_a_prompt(sample: Sample) -> str | None:
    """Lists of rewards have no prompt, and some text may name one."""
    columns = sample.columns
    if columns.prompt or columns.group_size is not None or columns.reduce is not None:
        return None
    texts = [
        name
        for name in sample.others()
        if name not in ANSWERS
        and str in set(map(type, sample.table[name]))
        and len(set(map(str, sample.table[name]))) < MANY_SINGLES * len(sample.sizes)
    ]
    if not texts:
        return None
    return (
        f"no column is known to name the prompt: pass --prompt {texts[0]} if it does, or "
        "--trust-columns if each list is the group of one prompt"
    )


def groups_of_several_splits(sample: Sample) -> str | None:
    """Rows of training and of validation have the same prompts at the same steps."""
    visits = sample.count(*sample.visit) if sample.columns.prompt else 0
    for name in sample.others() if visits else ():
        if sample.count(*sample.visit, name) > 1.05 * visits and says_splits(
            name, sample.table[name]
        ):
            return (
                f"by {name}, groups hold rows of several splits: pass --split train to read the "
                "rewards of training alone, or --trust-columns if all rows of a group are of one"
            )
    return None


def groups_in_equal_parts(sample: Sample) -> str | None:
    """A column divides groups into equal parts, or parts that are multiples of one size.

    It may tell apart the prompts behind a template, or turns, agents, judges or models.
    """
    columns = sample.columns
    if not columns.prompt or columns.reduce is not None or sample.lists():
        return None
    visits = sample.count(*sample.visit)
    alike = sample.count(*columns.prompt) == 1
    for name in sorted(sample.others(), key=lambda one: one.lower() in ANSWERS):
        # Behind a prompt that is always the same, a seed may tell tasks apart.
        if _known(name, sample) or (MACHINES.search(name.lower()) and not alike):
            continue
        parts = sample.counts(*sample.visit, name)
        size, share = common_size(parts)
        if len(parts) < 8 or len(parts) <= 1.1 * visits or size < 2 or share < 0.9:
            continue
        if not sample.at and numbers_samples(sample, name):
            continue
        flags = " ".join(f"--prompt {one}" for one in (*columns.prompt, name))
        numbers = columns.step is None and set(map(type, sample.table[name])) == {int}
        numbers = numbers and not _NUMBERS_ROWS.search(name.lower())
        step = f"--step {name} if it is the training step, " if numbers else ""
        prompt = " + ".join(columns.prompt)
        if SAMPLES.search(name.lower()):
            return (
                f"{name} divides the completions of each group into equal parts, as where a "
                f"{prompt} is visited several times: pass --trust-columns if all rows of a "
                f"{prompt} are one group, or {flags} to judge them one by one. If a column says "
                "the training step, pass --step NAME"
            )
        return (
            f"{name} divides the completions of each group into equal parts: does one {prompt} "
            f"stand for several prompts, or does {name} name turns, agents, judges or models? "
            f"Pass {step}{flags} to judge them one by one, or --trust-columns if all rows are "
            "completions of one group"
        )
    return None


def _known(name: str, sample: Sample) -> bool:
    """Whether other doubts look at a column: an id, a step, or a text beside a given prompt."""
    text = name.lower() in TEXTS and "prompt" not in sample.columns.guessed
    inner = [
        value[0] if isinstance(value, list) and value else value for value in sample.table[name]
    ]
    return name.lower() in {*IDS, *STEPS} or text or dict in set(map(type, inner))
