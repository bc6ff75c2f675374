"""Texts of prompts that vary from step to step are asked about; prompts of one epoch are not."""

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import write
from tests.jrft.diagnosis.test_checked_by_rewards import FIRST, RUN, groups, text, true_groups
from tests.jrft.diagnosis.test_doubtful_logs import read

POOL = [f"Q: What is {a} times {a + 3}? Answer.\nA: {a * (a + 3)}" for a in range(2, 60)]


def examples(step, prompt):
    """Some examples, others at each visit of a prompt."""
    return "\n\n".join(np.random.default_rng([step, prompt]).permutation(POOL)[:3])


# Name → the text of a prompt at a step.
VARY = {
    "a date": lambda s, p: f"Today is 2024-05-{s:02d}. {text(p)}",
    "a time of each visit": lambda s, p: f"[12:{s:02d}:{p:02d}] {text(p)}",
    "a step behind": lambda s, p: f"{text(p)} (iteration={s})",
    "examples of a step": lambda s, p: f"{POOL[s]}\n\nQ: {text(p)}\nA:",
    "examples of a visit": lambda s, p: f"{examples(s, p)}\n\nQ: {text(p)}\nA:",
    "a seed": lambda s, p: f"seed {1000 * s + p}\n{text(p)}",
    "a chat": lambda s, p: [
        {"role": "system", "content": f"It is day {s}."},
        {"role": "user", "content": text(p)},
    ],
    "tokens": lambda s, p: [1, 900 + s, 7, 8, 10 + p, 9],
}


@pytest.mark.parametrize("name", VARY)
def test_texts_that_vary_stop(name, tmp_path):
    rows = [{"step": s, "prompt": VARY[name](s, p), "reward": r} for s, p, _, r in RUN]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=r"parts of prompt come back .* or --prompt prompt to"):
        read(path)
    # Either remedy reads the groups rightly: by a column that names prompts, they come back.
    by_text = read(path, "--prompt prompt")
    assert len(by_text.prompts) == len(FIRST)
    named = [one | {"which": p} for one, (_, p, _, _) in zip(rows, RUN, strict=True)]
    by_name = read(write(tmp_path / "b.jsonl", named), "--prompt which")
    assert len(by_name.prompts) == 24
    assert groups(by_text.log) == groups(by_name.log) == true_groups()


NUMBERS = np.random.default_rng(2).integers(2, 9, (200, 5)).tolist()
NEW = {
    "sums": lambda k: text(k + 100),
    "choices": lambda k: f"Which is {k}?\n" + "\n".join(f"The number is {n}" for n in NUMBERS[k]),
    "stories": lambda k: (
        f"{['Tom', 'Ann', 'Bob'][k % 3]} has {k} apples and buys {NUMBERS[k][0]}. "
        "How many apples are there now?\nThink step by step.\nHow sure are you?"
    ),
    "fractions": lambda k: f"What is {k}/7 times {k}/9 in its simplest form, as a fraction?",
}


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("batch", [4, 20])
def test_prompts_of_one_epoch_are_not_doubted(name, batch, tmp_path):
    rng = np.random.default_rng(batch)
    rows = [
        {"step": k // batch, "prompt": NEW[name](k), "reward": float(rng.random() < k / 200)}
        for k in range(200)
        for _ in range(4)
    ]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert len(file.prompts) == 200
    assert not file.notes


def test_few_prompts_a_step_are_noted(tmp_path):
    rows = [
        {"step": s, "prompt": f"Step {s}: {text(p)}", "reward": float(i < p % 4)}
        for s in range(30)
        for p in (2 * s % 20, (2 * s + 1) % 20)
        for i in range(4)
    ]
    assert "Parts of prompt come back" in " ".join(read(write(tmp_path / "a.jsonl", rows)).notes)
