"""The table of what is asked of a whole log, once all rows are read, in this order.

Each function returns the log: as it was, or with a note and without what would mislead. Or it stops
with the options that decide. Doubts about a sample, which come before, stand in
`jrft/diagnosis/log/doubts`.
"""

from collections.abc import Callable
from typing import NamedTuple

from jrft.diagnosis.log.whole import copies, groups, restarts, runs, same_prompts, varying
from jrft.diagnosis.log.whole.state import Whole


class Care(NamedTuple):
    """Something that may be wrong with a whole log.

    Attributes:
        name: What may be wrong.
        answer: What happens then: `left out`, `merged`, `noted`, or the options of a stop.
        mended: The log without it.
    """

    name: str
    answer: str
    mended: Callable[[Whole], Whole]


CARES = (
    Care("an outcome that is not 0 or 1", "left out", groups.without_false_outcomes),
    Care("a wrong size of groups", "--group-size", groups.of_the_given_size),
    Care("prompts without names", "noted", groups.with_prompts_without_names),
    Care("prompts that differ by blanks, padding or type", "merged", same_prompts.without_padding),
    Care("copies of completions", "left out", copies.without_copies),
    Care("generations logged at several steps", "left out", copies.without_repeated_steps),
    Care("several runs without steps", "--trust-columns", runs.of_one_run),
    Care("a run that was resumed", "left out", restarts.without_replaced),
    Care("a step that is a version", "left out, or --step", restarts.without_versions),
    Care("a step that is a turn", "left out, or --prompt", groups.without_turns_as_steps),
    Care("prompts of one completion", "--prompt", groups.of_several_completions),
    Care("prompts in other texts", "--prompt", varying.without_prompts_in_other_texts),
    Care("steps between those that are logged", "noted", groups.with_steps_between),
    Care("groups of double size", "noted", groups.of_double_size),
)


def checked(whole: Whole) -> Whole:
    """The log after all of the table.

    Raises:
        ValueError: The log holds several runs, or no groups; the message says what to pass.
    """
    for care in CARES:
        whole = care.mended(whole)
    return whole
