"""Groups of completions, and the steps and outcomes that are said of them."""

from dataclasses import replace

import numpy as np

from jrft.diagnosis.log.columns import FILE_STEP
from jrft.diagnosis.log.evidence import blocks_agree, hold_several
from jrft.diagnosis.log.whole.state import Whole

_MANY = 0.9
_FEW_PROMPTS = 8
# So many rewards are looked at where the size of groups is given.
_FIRST = 16_384


def without_false_outcomes(whole: Whole) -> Whole:
    """A guessed outcome must hold 0 and 1."""
    outcomes = whole.log.outcomes
    if outcomes is None or "outcome" not in whole.columns.guessed:
        return whole
    known = outcomes[~np.isnan(outcomes)]
    if known.size and np.isin(known, (0.0, 1.0)).all():
        return whole
    whole.notes.append(
        f"Column {whole.columns.outcome!r} looked like the outcome but does not hold 0 and 1: it "
        "was not used."
    )
    return replace(whole, log=replace(whole.log, outcomes=None))


def of_the_given_size(whole: Whole) -> Whole:
    """Groups of a given size must be of one prompt: neighbors agree no more than others."""
    size, log = whole.columns.group_size, whole.log
    if size is None or whole.columns.prompt:
        return whole
    if len(log.rewards) % size:
        raise ValueError(
            f"--group-size is {size}, which does not divide the {len(log.rewards):,} "
            f"completions: pass the number of completions of each prompt, or leave out the last "
            f"{len(log.rewards) % size} rows if the log ends within a group"
        )
    first = slice(0, _FIRST - _FIRST % size)
    several = hold_several(np.nan_to_num(log.rewards[first]), log.prompts[first], None)
    if several and not whole.columns.trusted:
        raise ValueError(
            f"--group-size is {size}, and rewards that follow each other in a "
            "group agree more than by chance: pass the number of completions of each prompt, "
            "or --trust-columns if it is right"
        )
    number = None if whole.columns.trusted else blocks_agree(np.nan_to_num(log.rewards), size)
    if number is not None:
        raise ValueError(
            f"--group-size is {size}, and each {number} groups that follow each other agree more "
            f"than the next do: pass --group-size {number * size}, or --trust-columns if {size} is "
            "right"
        )
    return whole


def with_prompts_without_names(whole: Whole) -> Whole:
    """Where no column names prompts, each group is one: none is known again at another time."""
    steps = 1 if whole.log.steps is None else len(np.unique(whole.log.steps))
    if not whole.columns.prompt and (steps > 1 or whole.files is not None):
        size = whole.columns.group_size
        each = "The completions of each row" if size is None else f"Each {size} completions"
        whole.notes.append(
            f"{each} count as a prompt of their own: one that comes back at another step is not "
            "known again. If a column names it, pass --prompt NAME instead."
        )
    return whole


def without_turns_as_steps(whole: Whole) -> Whole:
    """A guessed step must not split nearly every group."""
    log, step = whole.log, whole.columns.step
    if log.steps is None or "step" not in whole.columns.guessed or not _splits_groups(whole):
        return whole
    name = " + ".join(whole.columns.prompt) or "the row"
    few = 4 * len(np.unique(log.steps)) <= len(log.rewards)
    # A prompt with one completion at each of a few steps may be a row's place in its batch.
    if few and step != FILE_STEP and not whole.columns.trusted:
        raise ValueError(
            f"nearly every prompt by {name} has one completion at each {step}. Is {name} a "
            "place in the batch, or the reward a mean over rollouts? Pass --prompt NAME, or "
            "--group-size N if the N completions of a prompt follow each other, or "
            f"--trust-columns if {step} is no training step, and a {name} is one group"
        )
    said = "" if step == FILE_STEP else f" Pass --step {step} if it is the training step."
    whole.notes.append(
        f"The step, {step}, differs within nearly every group of completions, as a "
        f"turn would: it was not used.{said}"
    )
    return replace(whole, log=replace(log, steps=None))


def _splits_groups(whole: Whole) -> bool:
    together = replace(whole, log=replace(whole.log, steps=None)).group_sizes()
    several = len(together) >= 2 and np.mean(together > 1) > _MANY
    enough = len(whole.log.rewards) >= _FEW_PROMPTS
    return bool(several and enough and np.mean(whole.group_sizes() == 1) > _MANY)


def of_several_completions(whole: Whole) -> Whole:
    """Prompts must have several completions, or no group can be judged."""
    sizes = np.bincount(whole.log.prompts)
    single = np.mean(sizes[sizes > 0] == 1) if sizes.size else 0.0
    if len(sizes) < _FEW_PROMPTS or single <= _MANY:
        return whole
    name = " + ".join(whole.columns.prompt)
    said = f"{single:.0%} of the {len(sizes):,} prompts have one completion"
    if whole.columns.trusted:
        whole.notes.append(f"By {name or 'the row'}, {said}: these are not judged.")
        return whole
    seems = f": {name} seems to name completions, or rows are means" if name else ""
    raise ValueError(
        f"{said}, so no group can be judged{seems}. Pass --prompt NAME with a column that the "
        "completions of a prompt share, or --group-size N if the N completions of a prompt follow "
        "each other. --trust-columns reads each completion as a prompt of its own"
    )


def with_steps_between(whole: Whole) -> Whole:
    """A trainer may log every so many steps only."""
    log = whole.log
    steps = np.empty(0) if log.steps is None else np.unique(log.steps)
    every = int(np.gcd.reduce(np.diff(steps))) if len(steps) >= 3 else 1
    if every > 1:
        first = ", ".join(map(str, steps[:3].tolist()))
        whole.notes.append(
            f"Steps {first}, … are logged, one in {every}: the samples between them are not here."
        )
    return whole


def of_double_size(whole: Whole) -> Whole:
    """Some groups are twice as large as all others."""
    if whole.log.steps is None:
        return whole
    sizes, counts = np.unique(whole.group_sizes(), return_counts=True)
    if len(sizes) == 2 and sizes[1] == 2 * sizes[0] and counts.min() >= 0.05 * counts.sum():
        whole.notes.append(
            f"{counts[1]:,} groups have {sizes[1]} completions, {counts[0]:,} have {sizes[0]}: a "
            "step that was logged twice looks so, and so do groups whose completions say different "
            "steps."
        )
    return whole
