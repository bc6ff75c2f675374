"""Prompts that differ by blanks around them, or by padding before them, are one prompt."""

from dataclasses import replace
from typing import Any

import numpy as np

from jrft.diagnosis.log.log import RewardLog, factorize


def without_padding(log: RewardLog, notes: list[str]) -> RewardLog:
    """The log with one prompt for texts, or lists of tokens, that differ by blanks or padding.

    Args:
        log: All rows.
        notes: A note is added where prompts become one.
    """
    prompts = log.prompt_ids
    lists = [one for one in prompts if _are_tokens(one) and len(one) > 1]
    pads = {one[0] for one in lists if one[0] == one[1]}
    codes, keys = factorize([_bare(prompt, pads) for prompt in prompts])
    if len(keys) == len(prompts):
        return log
    notes.append(
        f"{len(prompts) - len(keys):,} prompts differ from others by blanks or padding "
        "alone: they were taken as the same."
    )
    first = np.unique(codes, return_index=True)[1]
    return replace(log, prompts=codes[log.prompts], prompt_ids=[prompts[i] for i in first])


def _are_tokens(prompt: Any) -> bool:
    return isinstance(prompt, list) and all(type(token) is int for token in prompt)


def _bare(prompt: Any, pads: set[int]) -> Any:
    """A key: equal for prompts that differ by blanks or padding alone."""
    if isinstance(prompt, str):
        return prompt.strip()
    if not _are_tokens(prompt):
        return prompt if isinstance(prompt, int | float) else repr(prompt)
    first = next((place for place, token in enumerate(prompt) if token not in pads), 0)
    return tuple(prompt[first:])
