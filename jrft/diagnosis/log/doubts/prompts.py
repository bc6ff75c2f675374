"""Doubts about the columns that name prompts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jrft.diagnosis.log.column_names import ANSWERS, IDS, NO_REWARD, SAMPLES, SOURCES, STEPS, TEXTS
from jrft.diagnosis.log.columns import FILE_STEP
from jrft.diagnosis.log.evidence import counts_from_one, hold_several, parts_differ, visits_agree
from jrft.diagnosis.log.prompt_columns import (
    holds_several,
    names_content,
    sources_of,
    texts_of,
    varies_by_step,
)
from jrft.diagnosis.log.sample import MANY_SINGLES, Sample, keys_of

# So many completions of one prompt at a step are rare.
_LARGE = 64


def id_of_completions(sample: Sample) -> str | None:
    """Nearly every id has one completion, and a text has several."""
    text = _text_beside(sample)
    if text is None or not (
        sample.singles(*sample.visit) >= MANY_SINGLES > sample.singles(text, *sample.at)
    ):
        return None
    (name,) = sample.columns.prompt
    return (
        f"nearly every {name} has one completion, and a {text} has several: pass --prompt "
        f"{text}, or --trust-columns if {name} names prompts all the same"
    )


def id_of_several_texts(sample: Sample) -> str | None:
    """An id stands for several prompts by their texts, at one step or where texts come back."""
    text = _text_beside(sample)
    if text is None or sample.singles(text) >= MANY_SINGLES or sample.count(text) == 1:
        return None
    (name,) = sample.columns.prompt
    if varies_by_step(sample, name, text):
        return None
    pairs = np.unique(np.stack([sample.codes(name), sample.codes(text)]), axis=1)
    texts = np.bincount(pairs[0])
    if np.mean(texts > 1) <= 0.1:
        return None
    return (
        f"{int(np.sum(texts > 1))} of {len(texts)} values of {name} stand for several prompts by "
        f"{text}: pass --prompt {text}, or --trust-columns if {name} names prompts all the same"
    )


def _text_beside(sample: Sample) -> str | None:
    """The text of prompts beside a single id that was given."""
    texts = texts_of(sample)
    if len(sample.columns.prompt) != 1 or sample.lists() or not texts:
        return None
    return None if texts[0] in sample.columns.prompt else texts[0]


def id_beside_another(sample: Sample) -> str | None:
    """Another column names prompts as well as the guessed id, of which there is no text.

    Another column could name them if it holds texts or whole numbers that recur. Then the id must
    not hold several of its values that have one id each, must not name the visits of its values (at
    each step, or without steps at all) or their completions, and must not cross it: if all values
    of both recur equally often, either may name prompts. An id whose name says that it numbers
    prompts crosses the numbers of samples without a doubt.
    """
    name = _guessed_id(sample)
    if name is None:
        return None
    num_ids = sample.count(name)
    for other in sample.others():
        # An id that says that it numbers prompts goes before one that may number groups.
        told = names_content(name) and other.lower() in IDS and not names_content(other)
        if told or not _may_name(other, sample) or sample.singles(other) >= MANY_SINGLES:
            continue
        distinct, parts = sample.count(other), sample.count(name, other)
        holds_several = distinct == parts > 1.5 * num_ids
        finer = parts == num_ids > 1.5 * distinct
        visits = sample.count(other, *sample.at)
        names_visits = finer and (num_ids == visits or (not sample.at and distinct >= 8))
        singles = [sample.singles(one, *sample.at) >= MANY_SINGLES for one in (name, other)]
        names_completions = finer and distinct >= 8 and singles == [True, False]
        crosses = parts > max(num_ids, distinct) and distinct >= 8
        crosses = crosses and all(np.ptp(sample.counts(one)) == 0 for one in (name, other))
        crosses = crosses and not (names_content(name) and _numbers_rows(sample, other))
        if holds_several or names_visits or names_completions or crosses:
            first = _numbers_rows(sample, other) or (crosses and names_content(name))
            likely, rival = (name, other) if first else (other, name)
            return (
                f"it is not clear whether {name} or {other} names prompts: pass --prompt {likely} "
                f"or --prompt {rival}"
            )
    return None


def _numbers_rows(sample: Sample, name: str) -> bool:
    """Whether a column numbers the rows of each visit, by its name or by counting from 0 or 1."""
    alone = sample.singles(*sample.visit, name) == 1
    return alone and (bool(SAMPLES.search(name.lower())) or counts_from_one(sample, name))


def _guessed_id(sample: Sample) -> str | None:
    """The single column that names prompts, if it is an id without a text."""
    names, texts = sample.columns.prompt, texts_of(sample)
    alone = len(names) == 1 and not texts and sample.columns.group_size is None
    return names[0] if alone else None


def _may_name(column: str, sample: Sample) -> bool:
    """Whether a column of an unknown name may hold prompts, or ids of them."""
    cells = sample.table[column]
    if any(isinstance(cell, dict) for cell in cells) or _are_of_completions(cells, sample):
        return False
    kinds = set(map(type, keys_of(cells)))
    if kinds == {int}:
        return not NO_REWARD.search(column.lower()) and column.lower() not in {*IDS, *STEPS}
    return str in kinds and column.lower() not in ANSWERS


def _are_of_completions(cells: Sequence[Any], sample: Sample) -> bool:
    """Whether each row has a list with a number for each of its rewards."""
    pairs = zip(cells, sample.sizes, strict=True)
    return sample.lists() and all(isinstance(c, list) and len(c) == size for c, size in pairs)


def id_used_again(sample: Sample) -> str | None:
    """A guessed id is used again: by another data set, or with another answer at the next step."""
    name = _guessed_id(sample)
    if name is None:
        return None
    number, visits = sample.count(name), sample.count(*sample.visit)
    for other in sample.table:
        last = other.lower().rpartition(".")[2]
        several = sample.count(name, other) > 1.1 * number if {last} & _SEVERAL else False
        # A model's own answers differ within a visit; right answers do not.
        right = last in SOURCES or sample.count(*sample.visit, other) == visits
        if several and right and sample.singles(*sample.visit, other) < MANY_SINGLES:
            return (
                f"one {name} has several {other}, so it may stand for several prompts: pass "
                f"--prompt {name} --prompt {other}, or --prompt {name} if it names prompts alone"
            )
    return None


_SEVERAL = {*SOURCES, *ANSWERS}


def text_of_several_ids(sample: Sample) -> str | None:
    """A guessed text is shared by prompts that have ids or texts of their own.

    It is shared if it is the same in all rows, if the ids that share it come back at other steps
    (so they are no ids of visits), or if it has several ids within a step. Without steps, rewards
    must differ between the ids.
    """
    text = _guessed_text(sample)
    if text is None:
        return None
    number = sample.count(text)
    for name in sample.table:
        if name.lower() not in {*IDS, *TEXTS} or text in (
            name,
            f"{name}.prompt",
            f"{name}.context",
        ):
            continue
        ids = sample.count(name)
        if sample.count(name, text) != ids or ids <= number or sample.singles(name) >= MANY_SINGLES:
            continue
        visits = sample.count(name, *sample.at)
        within = sample.count(text, name, *sample.at) > 1.1 * sample.count(text, *sample.at)
        if not sample.at and number > 1:
            within = sample.rewards is not None and parts_differ(
                sample.rewards, sample.codes(text), sample.codes(name)
            )
        if not within and visits < 1.5 * ids:
            continue
        if sample.singles(name, *sample.at) >= MANY_SINGLES:
            return (
                f"one {text} has several {name}: pass --prompt {text} if {name} names completions, "
                f"or --prompt {name} --trust-columns if it names prompts"
            )
        return (
            f"one {text} has several {name}: pass --prompt {name}, or --prompt {text} if {name} "
            "does not name prompts"
        )
    return None


def _guessed_text(sample: Sample) -> str | None:
    """The column that names prompts, if it holds their texts."""
    name = next(iter(sample.columns.prompt), None)
    return name if name is not None and name in texts_of(sample) else None


def text_that_never_comes_back(sample: Sample) -> str | None:
    """No text comes back at another step, and another column does, in groups of its own.

    With steps, this is asked of columns that are not named like ids; such ids are taken. Without
    steps, it is asked of ids.

    Texts may hold a time, a step, or examples. A column that counts from 0 or 1 at each step may be
    a place in the batch: its rewards must tell that it is none.
    """
    text = sample.columns.text or _guessed_text(sample)
    if text is None or sample.lists():
        return None
    for name in sample.others():
        known = name.lower() in IDS
        if known == bool(sample.at) or not _may_recur(name, sample):
            continue
        # Data sets may each number their own texts.
        if any(sample.count(name, one) == sample.count(text) for one in sources_of(sample)):
            continue
        if varies_by_step(sample, name, text):
            return (
                f"no {text} comes back later, and {name} does, with one {text} each time: "
                f"pass --prompt {name} if it names prompts whose texts vary, or --prompt {text}"
            )
        if not sample.at and holds_several(sample, name, text):
            return (
                f"one {name} has several {text}: pass --prompt {name} --trust-columns if it names "
                f"prompts whose texts vary, or --prompt {text}"
            )
    return None


def _may_recur(name: str, sample: Sample) -> bool:
    kinds = set(map(type, sample.table[name]))
    return kinds in ({int}, {str})


def one_prompt(sample: Sample) -> str | None:
    """All rows have one guessed prompt, in groups that are larger than trainers sample."""
    if len(sample.columns.prompt) != 1 or sample.count(*sample.columns.prompt) > 1:
        return None
    if sum(sample.sizes) < _LARGE * sample.count(*sample.visit):
        return None
    (name,) = sample.columns.prompt
    return (
        f"{name} is the same in all rows: it may be cut off, or be a template. Pass --prompt NAME "
        "with a column that tells prompts apart, or --group-size N if the N completions of a "
        f"prompt follow each other, or --prompt {name} if there is one prompt"
    )


def place_in_batch(sample: Sample) -> str | None:
    """An id counts from 0 or 1 at each step, and its rewards at one step do not tell another's."""
    if len(sample.columns.prompt) != 1 or sample.columns.text is not None:
        return None
    (name,) = sample.columns.prompt
    if name in texts_of(sample) or not counts_from_one(sample, name):
        return None
    if visits_agree(sample, name) is not False:
        return None
    said = (
        f"{name} comes back, and rewards of one visit do not tell those of another: it may be a "
        "place in the batch."
    )
    timed = sample.columns.step not in (None, FILE_STEP)
    remedy = f"--prompt {name} --prompt {sample.columns.step}" if timed else "--group-size N"
    return f"{said} Pass {remedy} if so, or --prompt {name} if it names prompts"


def neighbors_agree(sample: Sample) -> str | None:
    """Rewards that follow each other in a group agree more than by chance."""
    if sample.rewards is None or not sample.columns.prompt:
        return None
    steps = sample.codes(*sample.at) if sample.at else None
    if not hold_several(sample.rewards, sample.codes(*sample.columns.prompt), steps):
        return None
    name = " + ".join(sample.columns.prompt)
    return (
        f"rewards that follow each other in a group by {name} agree more than by chance: does "
        f"one {name} stand for several prompts? Pass --prompt NAME (repeat it if several "
        "columns name a prompt together), or --group-size N if the N completions of a prompt "
        "follow each other, or --trust-columns if the groups are right"
    )
