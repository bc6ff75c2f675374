"""Prompts that differ by blanks around them, by padding, or by how a number is written are one."""

from dataclasses import replace
from typing import Any

import numpy as np

from jrft.diagnosis.log.log import factorize
from jrft.diagnosis.log.whole.state import Whole


def without_padding(whole: Whole) -> Whole:
    """The log with one prompt for texts that differ by blanks, tokens by padding, ids by type."""
    log = whole.log
    prompts = log.prompt_ids
    if len(whole.columns.prompt) != 1:  # names by several columns are lists, and no tokens
        return whole
    lists = [one for one in prompts if _are_tokens(one) and len(one) > 1]
    pads = {one[0] for one in lists if one[0] == one[1]}
    codes, keys = factorize([_bare(prompt, pads) for prompt in prompts])
    if len(keys) == len(prompts):
        return whole
    whole.notes.append(
        f"{len(prompts) - len(keys):,} prompts differ from others by blanks, padding, "
        "or how a number is written, alone: they were taken as the same."
    )
    first = np.unique(codes, return_index=True)[1]
    names = [prompts[i] for i in first]
    return replace(whole, log=replace(log, prompts=codes[log.prompts], prompt_ids=names))


def _are_tokens(prompt: Any) -> bool:
    return isinstance(prompt, list) and all(type(token) is int for token in prompt)


def _bare(prompt: Any, pads: set[int]) -> Any:
    """A key: equal for prompts that differ by blanks, padding, or the type of a number alone."""
    if isinstance(prompt, str):
        return prompt.strip()
    if isinstance(prompt, int | float):  # 3 and 3.0 are equal
        return str(int(prompt)) if prompt == int(prompt) else str(prompt)
    if not _are_tokens(prompt):
        return repr(prompt)
    first = next((place for place, token in enumerate(prompt) if token not in pads), 0)
    return tuple(prompt[first:])
