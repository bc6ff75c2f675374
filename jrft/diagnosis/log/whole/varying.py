"""Prompts that come back at other steps in other texts, which hold a time, a step or examples."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from jrft.diagnosis.log.whole.state import Whole

_FEW_PROMPTS = 8
_FEW_WORDS = 4
# So many texts, the first ones, are compared.
_MOST = 16_384
# So many pairs, expected by chance, tell if there are none.
_ENOUGH = 5
# Dates, times, and names of one use.
_TIMES = re.compile(r"\W*(?:\d+(?:[-:/.]\d+){1,5}\w*|[0-9a-f]{8}[0-9a-f-]*)\W*")


def without_prompts_in_other_texts(whole: Whole) -> Whole:
    """No part of half of the texts may come back at other steps in other texts, as a question does.

    Raises:
        ValueError: One does, and hardly any two texts of a step share it, as prompts would by
            chance. Where steps have too few prompts to tell, there is a note.
    """
    log = whole.log
    if log.steps is None or not whole.guessed("prompt") or len(whole.columns.prompt) != 1:
        return whole
    first = np.unique(log.prompts, return_index=True)[1][:_MOST]
    steps = log.steps[first].tolist()
    if len(first) < _FEW_PROMPTS or len(set(steps)) < 2:
        return whole
    (name,) = whole.columns.prompt
    for parts in _parts([_text(prompt) for prompt in log.prompt_ids[:_MOST]], steps):
        back = _returning(parts)
        if not back:
            continue
        together, by_chance = _of_one_step(back, parts, steps)
        said = (
            f"parts of {name} come back at other steps in other texts, such as {min(back)[:60]!r}. "
            "If texts vary by a time, a step or examples, pass --prompt NAME with a column that "
            "names prompts whatever their text"
        )
        if by_chance >= _ENOUGH and 10 * together <= by_chance:
            raise ValueError(f"{said}, or --prompt {name} to judge each text by itself")
        if by_chance < _ENOUGH and not together:
            whole.notes.append(f"{said[0].upper()}{said[1:]}.")
            break
    return whole


def _text(prompt: Any) -> str:
    """The text of a prompt: of a chat what is said in it."""
    if isinstance(prompt, dict):
        return str(prompt.get("content", prompt.get("value", prompt)))
    return "\n\n".join(map(_text, prompt)) if isinstance(prompt, list) else str(prompt)


def _parts(texts: Sequence[str], steps: Sequence[int]) -> Iterator[list[str]]:
    """Parts that may tell prompts whose texts vary: a part of each text, in several ways."""
    yield _without_words_of_steps(texts, steps)
    yield [" ".join(w for w in text.split() if not _TIMES.fullmatch(w)) for text in texts]
    splits: tuple[Callable[[str], list[str]], ...] = (
        lambda text: re.split(r"\n\s*\n", text.strip()),
        lambda text: text.strip().splitlines(),
    )
    for split in splits:
        pieces = [split(text) for text in texts]
        held = Counter(piece for one in pieces for piece in set(one))
        # What a fifth of the texts hold is a template.
        own = [[p for p in one if 5 * held[p] <= len(texts)] or [""] for one in pieces]
        yield from ([one[place] for one in own] for place in (-1, 0))


def _without_words_of_steps(texts: Sequence[str], steps: Sequence[int]) -> list[str]:
    """Texts without the words that all texts of their step have, and no other text."""
    words = [text.split() for text in texts]
    shared: dict[int, set[str]] = {}
    for step, one in zip(steps, words, strict=True):
        shared[step] = shared[step] & set(one) if step in shared else set(one)
    held, sizes = Counter(word for one in words for word in set(one)), Counter(steps)
    return [
        " ".join(
            w for w in one if sizes[step] == 1 or w not in shared[step] or held[w] > sizes[step]
        )
        for step, one in zip(steps, words, strict=True)
    ]


def _returning(parts: Sequence[str]) -> Counter[str]:
    """How many texts hold a part, of parts that several hold; none if most texts hold none."""
    held = Counter(part for part in parts if len(part.split()) >= _FEW_WORDS)
    back = Counter({part: count for part, count in held.items() if count > 1})
    return back if 2 * back.total() >= len(parts) else Counter()


def _of_one_step(
    back: Counter[str], parts: Sequence[str], steps: Sequence[int]
) -> tuple[float, float]:
    """How many pairs of texts with the same part are of one step, and how many would by chance."""
    at = Counter(pair for pair in zip(parts, steps, strict=True) if pair[0] in back)
    share = _pairs(Counter(steps)) / _pairs(Counter({"all": len(steps)}))
    return _pairs(at), share * _pairs(back)


def _pairs(counts: Counter[Any]) -> float:
    """How many pairs of equal things there are."""
    return sum(count * (count - 1) / 2 for count in counts.values())
