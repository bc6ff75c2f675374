"""A small run, as the rows of a log, and a check that a log holds it."""

import json

import numpy as np

PROMPTS, STEPS, GROUP = 10, 2, 4


def completions():
    """(step, prompt, sample, reward) of a small run: a hopeless, some learnable prompts."""
    rng = np.random.default_rng(0)
    for step in range(1, STEPS + 1):
        for prompt in range(PROMPTS):
            for sample in range(GROUP):
                yield step, prompt, sample, float(rng.random() < prompt / PROMPTS)


TRUE = list(completions())


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def check(file, *, steps=True, scale=1.0, shift=0.0):
    """The log holds what the run was."""
    found = sorted(
        zip(
            (str(file.prompts[i]) for i in file.log.prompts),
            file.log.steps.tolist() if steps else [0] * len(file.log.rewards),
            file.log.rewards.round(9).tolist(),
            strict=True,
        )
    )
    names = sorted({name for name, _, _ in found})
    assert len(names) == PROMPTS
    groups = sorted(
        sorted((s if steps else 0, r) for n, s, r in found if n == name) for name in names
    )
    expected = sorted(
        sorted((s if steps else 0, round(scale * r + shift, 9)) for s, q, _, r in TRUE if q == p)
        for p in range(PROMPTS)
    )
    assert groups == expected


def row(step, prompt, sample, reward):
    return {"prompt": f"What is {prompt} + 1?", "completion": f"{step}-{sample}", "reward": reward}
