"""The table of doubts: all readings of a sample that may be wrong, in the order they are asked.

Each doubt is a function of a sample of the rows and of the columns that were chosen. It returns a
message that says what looks wrong and which options decide, or None. The first message stops the
reading. `--trust-columns` silences the doubts. What is asked of the whole log, once it is read,
stands in `jrft/diagnosis/log/whole`.
"""

from collections.abc import Callable
from typing import NamedTuple

from jrft.diagnosis.log.doubts import prompts, rewards, rows, steps, turns
from jrft.diagnosis.log.sample import Sample


class Doubt(NamedTuple):
    """A reading that may be wrong.

    Attributes:
        name: What may be wrong.
        asked: When it is asked: `always`, or of a part that was `guessed` or `given`, as in
            `guessed prompt`.
        remedy: The options that the message offers.
        message: Says what looks wrong, and the remedy; None where nothing does.
        stops: Whether the reading stops; else the message is a note.
    """

    name: str
    asked: str
    remedy: str
    message: Callable[[Sample], str | None]
    stops: bool = True


DOUBTS = (
    Doubt("lists of lists", "always", "--lists", rows.lists_of_lists),
    Doubt("several columns are steps", "guessed step", "--step", steps.several_steps),
    Doubt("an id of completions", "given prompt", "--prompt", prompts.id_of_completions),
    Doubt("an id of several texts", "given prompt", "--prompt", prompts.id_of_several_texts),
    Doubt("lists without a prompt", "guessed prompt", "--prompt", rows.lists_without_a_prompt),
    Doubt("several splits", "always", "--split", rows.groups_of_several_splits),
    Doubt("an id beside another", "guessed prompt", "--prompt", prompts.id_beside_another),
    Doubt("an id that is used again", "guessed prompt", "--prompt", prompts.id_used_again),
    Doubt("rows of completions", "always", "--trust-columns", turns.rows_of_completions),
    Doubt("a text of several ids", "guessed prompt", "--prompt", prompts.text_of_several_ids),
    Doubt("lists of one completion", "always", "--lists", rows.lists_of_one_completion),
    Doubt("lists of turns", "always", "--lists", rows.lists_of_turns),
    Doubt("lists of tokens", "always", "--lists", rows.lists_of_tokens),
    Doubt("turns by name", "always", "--trust-columns", turns.turns_by_name),
    Doubt("turns by their ends", "always", "--trust-columns", turns.turns_by_ends),
    Doubt("turns by growing texts", "always", "--trust-columns", turns.turns_by_growing_texts),
    Doubt("groups in equal parts", "always", "--prompt", rows.groups_in_equal_parts),
    Doubt("turns by counting", "always", "--trust-columns", turns.turns_by_counting),
    Doubt("a rate in each row", "always", "--reward", rewards.rate_in_each_row),
    Doubt("a place in the batch", "guessed prompt", "--prompt", prompts.place_in_batch),
    Doubt("a place in the batch", "given prompt", "--prompt", prompts.place_in_batch, stops=False),
    Doubt(
        "a text that never comes back",
        "guessed prompt",
        "--prompt",
        prompts.text_that_never_comes_back,
    ),
    Doubt("one prompt", "guessed prompt", "--prompt", prompts.one_prompt),
    Doubt("neighbors that agree", "guessed prompt", "--prompt", prompts.neighbors_agree),
    Doubt("a reward never given", "guessed reward", "--reward", rewards.never_given),
    Doubt("a reward never missed", "always", "--trust-columns", rewards.never_missed),
    Doubt("a mean of 0", "guessed reward", "--reward", rewards.mean_of_zero),
    Doubt("the same in groups", "guessed reward", "--reward", rewards.same_in_groups),
    Doubt(
        "advantages of another sum",
        "guessed reward",
        "--reward",
        rewards.advantages_of_another_sum,
    ),
)


def ask(sample: Sample) -> list[str]:
    """Asks all doubts.

    Returns:
        Notes of doubts that do not stop.

    Raises:
        ValueError: The first doubt that stops; its message says what to pass.
    """
    notes = []
    for doubt in DOUBTS:
        how, _, part = doubt.asked.partition(" ")
        if how != "always" and (how == "guessed") != (part in sample.columns.guessed):
            continue
        trusted = sample.columns.trusted and doubt.message is not rows.lists_of_lists
        message = None if trusted else doubt.message(sample)
        if message is not None and doubt.stops:
            raise ValueError(message)
        notes += [] if message is None else [f"{message}."]
    return notes
