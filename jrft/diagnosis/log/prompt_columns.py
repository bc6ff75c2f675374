"""Which column names the prompts."""

import re
from dataclasses import replace

import numpy as np

from jrft.diagnosis.log.column_names import (
    IDS,
    SOURCES,
    TEXTS,
    TRAJECTORIES,
    TURNS,
    is_term,
)
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.evidence import counts_from_one, visits_agree
from jrft.diagnosis.log.reward_columns import first_of, shown
from jrft.diagnosis.log.sample import MANY_SINGLES, Sample, common_size, present
from jrft.diagnosis.log.values import answers, are_numbers

# Names of ids that say what they number.
_CONTENT = re.compile(r"(?:prompt|question|problem|example|task|instance)_", re.IGNORECASE)


def guess_prompt(sample: Sample, notes: list[str]) -> Columns:
    """The columns with those that name the prompts; none where lists of rewards are the groups.

    Raises:
        ValueError: No column looks like the prompt.
    """
    columns, free = sample.columns, sample.table
    if columns.prompt or columns.group_size is not None:
        return columns
    texts = texts_of(sample)
    ids = _ids(sample)
    if not texts and not ids:
        if sample.lists() or columns.number is not None:
            return columns
        if _are_metrics(sample):
            raise ValueError(
                f"each {columns.step} has one row of numbers, as metrics have: these are means. "
                "Pass a log of completions, a row each, with prompt and reward"
            )
        raise ValueError(
            f"no column of {shown(free)} looks like the prompt: name it ({_likely(sample)}), "
            "or pass --group-size N if the N completions of a prompt follow each other"
        )
    if not texts:
        good = [name for name in ids if sample.singles(name) < MANY_SINGLES]
        return replace(columns, prompt=((good or ids)[0],))
    text = _without_examples(texts[0], sample, notes)
    if sample.lists() and any(isinstance(value, list) for value in free[text][:50]):
        return replace(columns, prompt=(text,))
    for name in ids if sample.at else []:
        if varies_by_step(sample, name, text):
            notes.append(
                f"No {text} comes back at another step, and {name} does: prompts are told apart "
                f"by {name}. If {name} is a place in the batch, pass --prompt {text}."
            )
            return replace(columns, prompt=(name,))
    for name in ids:
        # An id that stands for the text one to one is its shorter name, if it is one of prompts.
        back = not sample.at or sample.count(name, *sample.at) > sample.count(name)
        if back and sample.count(name, text) == sample.count(text) == sample.count(name):
            return replace(columns, prompt=(name,), text=text)
    if sample.singles(text) >= MANY_SINGLES and not sample.lists():
        for name in ids:
            if sample.singles(name) < MANY_SINGLES:
                return replace(columns, prompt=(name,))
    return replace(columns, prompt=(text,))


def _are_metrics(sample: Sample) -> bool:
    """Whether a step has one row, and all cells are numbers."""
    alone = bool(sample.at) and sample.singles(*sample.at) >= MANY_SINGLES
    return alone and all(are_numbers(present(cells)) for cells in sample.table.values())


def _likely(sample: Sample) -> str:
    """The option that names a column of values that come in groups of one size.

    A column that is named like prompts goes first, then the one of the most values.
    """
    found = []
    for name in sample.others():
        kinds = set(map(type, sample.table[name]))
        size, share = common_size(sample.counts(name, *sample.at))
        groups = kinds in ({str}, {int}) and size > 1 and share >= MANY_SINGLES
        named = names_content(name) or is_term(name)
        rows = name.lower() in {*TURNS, *TRAJECTORIES}
        if groups and sample.count(name) > 1 and named and not rows:
            found.append((names_content(name), sample.count(name), name))
    if not found:
        return "--prompt NAME"
    name = max(found)[2]
    # Data sets may each number their own prompts.
    number = sample.count(name)
    both = [one for one in sources_of(sample) if sample.count(name, one) > number]
    return " ".join(f"--prompt {one}" for one in (*both[:1], name))


def sources_of(sample: Sample) -> list[str]:
    """Columns that say the data set of a row."""
    return [name for name in sample.others() if name.lower().rpartition(".")[2] in SOURCES]


def _ids(sample: Sample) -> list[str]:
    """Columns that are named like ids of prompts."""
    nested = [f"{stem}.{name}" for stem in _stems(sample) for name in IDS]
    free = {
        name: values for name, values in sample.table.items() if name not in sample.columns.reward
    }
    found = [first_of([one], free) for one in (*IDS, *nested)]
    return [name for name in found if name is not None and name != sample.columns.step]


def texts_of(sample: Sample) -> list[str]:
    """Columns that are named like texts of prompts and hold some, the more telling first."""
    filled = {
        name: values
        for name, values in sample.table.items()
        if name not in sample.columns.reward and any(present(values))
    }
    nested = [f"{stem}.{name}" for stem in _stems(sample) for name in TEXTS]
    found = [name for one in (*TEXTS, *nested) if (name := first_of([one], filled))]
    # The only text within objects is taken where nothing else may name prompts.
    inner = [name for name in filled if "." in name and name.lower().rpartition(".")[2] in TEXTS]
    return inner if not found and len(inner) == 1 and not _ids(sample) else found


def _stems(sample: Sample) -> list[str]:
    """The objects that hold the reward."""
    return sorted({name.rpartition(".")[0] for name in sample.columns.reward} - {""})


def _without_examples(text: str, sample: Sample, notes: list[str]) -> str:
    """The messages before the last answer, where the first answers are examples.

    Answers of a model differ. Answers of examples are the same wherever the messages before them
    are.
    """
    stem, _, last = text.rpartition(".")
    if last != "prompt" or stem not in sample.table or f"{stem}.context" not in sample.table:
        return text
    firsts = []
    for chat in sample.cells(stem):
        places = answers(chat)
        if len(places) < 2:
            return text
        firsts.append((str(chat[: places[0]]), str(chat[places[0]])))
    context = f"{stem}.context"
    several = 8 * len({before for before, _ in firsts}) <= len(firsts)
    if not several or len(set(firsts)) > len({before for before, _ in firsts}):
        return text
    if sample.singles(context) >= MANY_SINGLES:
        return text
    notes.append(
        f"The first answers in {stem} are always the same, as those of examples are: prompts are "
        f"told apart by {context}, the messages before the last answer. If not, pass "
        f"--prompt {text}."
    )
    return context


def varies_by_step(sample: Sample, name: str, text: str) -> bool:
    """Whether an id comes back at other steps, each time with another text, in groups of one size.

    Without steps, a visit is what stands together. An id that counts from 0 or 1 at each step may
    be a place in the batch: then its visits must agree. If they tell nothing, its name decides.
    """
    ids, texts = sample.count(name), sample.count(text)
    if sample.singles(name) >= MANY_SINGLES or (not sample.at and ids < 8):
        return False
    visits, of_texts = sample.visits(name), sample.visits(text)
    both = np.unique(np.stack([visits, sample.codes(text)]), axis=1)
    nested = sample.count(name, text) == texts > 1.1 * ids
    single = both.shape[1] <= 1.05 * len(np.unique(visits))
    back = len(np.unique(visits)) >= 1.5 * ids and len(np.unique(of_texts)) < 1.1 * texts
    if not (nested and single and back):
        return False
    size, share = common_size(np.unique(visits, return_counts=True)[1])
    if size < 2 or share < MANY_SINGLES:
        return False
    if not counts_from_one(sample, name):
        return True
    agree = visits_agree(sample, name)
    return bool(agree) or (agree is None and names_content(name))


def names_content(name: str) -> bool:
    """Whether the name of an id says that it numbers prompts.

    Example:
        >>> names_content("meta.task_id"), names_content("uid")
        (True, False)
    """
    return bool(_CONTENT.match(name.rpartition(".")[2]))


def holds_several(sample: Sample, name: str, text: str) -> bool:
    """Whether an id that is named for what it numbers has several texts, which have no other id."""
    ids, texts = sample.count(name), sample.count(text)
    return names_content(name) and ids >= 8 and sample.count(name, text) == texts > 1.5 * ids
