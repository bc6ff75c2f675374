"""Short names of prompts: the part of a text that tells it from the others."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

_LONGEST = 120
# A name starts this far, or less, before the first character that no other prompt shares.
_LEAD = 15


def short_names(prompts: Sequence[Any]) -> list[Any]:
    r"""A name for each prompt. Short ids and numbers stay; of texts a shared beginning is folded.

    Args:
        prompts: Distinct ids, texts, or chats (lists of messages).

    Returns:
        Distinct names of at most 140 characters.

    Example:
        >>> system = "You are a helpful assistant. Answer briefly: "
        >>> short_names([system + "what is 2 + 2?", system + "where is it?"])
        ['…what is 2 + 2?', '…where is it?']
    """
    texts = [_text(prompt) for prompt in prompts]
    if any(count > 1 for count in Counter(texts).values()):
        texts = [_json(prompt) for prompt in prompts]
    names = [
        prompt if not isinstance(text, str) else _cut(text, start)
        for prompt, text, start in zip(prompts, texts, _starts(texts), strict=True)
    ]
    seen = Counter(map(str, names))
    return [
        name if seen[str(name)] == 1 or not isinstance(name, str) else f"{name} [{_digest(text)}]"
        for name, text in zip(names, texts, strict=True)
    ]


def _text(prompt: Any) -> Any:
    """Of a chat the last message of the user, else the prompt itself."""
    if isinstance(prompt, list) and prompt and all(isinstance(one, dict) for one in prompt):
        asked = [one.get("content") for one in prompt if one.get("role") == "user"]
        if asked and isinstance(asked[-1], str):
            return asked[-1]
    return _json(prompt)


def _json(prompt: Any) -> Any:
    if isinstance(prompt, str | int | float):
        return prompt
    return json.dumps(prompt, sort_keys=True, default=str, ensure_ascii=False)


def _starts(texts: Sequence[Any]) -> list[int]:
    """Where each name starts: at the head, or shortly before it differs from its neighbors."""
    starts = [0] * len(texts)
    order = sorted(
        (i for i, text in enumerate(texts) if isinstance(text, str)), key=texts.__getitem__
    )
    shared = [_shared(texts[i], texts[j]) for i, j in pairwise(order)]
    for place, i in enumerate(order):
        at = max([*shared[max(place - 1, 0) : place + 1], 0])
        if at > 2 * _LEAD:
            line = texts[i].rfind("\n", 0, at) + 1
            word = texts[i].rfind(" ", 0, at) + 1
            starts[i] = next((p for p in (line, word) if p >= at - _LEAD), at)
    return starts


def _shared(first: str, second: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))


def _cut(text: str, start: int) -> str:
    name = ("…" if start else "") + text[start : start + _LONGEST].strip()
    return name if start + _LONGEST >= len(text) else f"{name}… [{_digest(text)}]"


def _digest(text: Any) -> str:
    return hashlib.blake2b(str(text).encode(errors="replace"), digest_size=4).hexdigest()
