"""Good logs with other headers, orders of columns and ids: the same answer, or a message."""

import csv
import json

import numpy as np
import pytest

from jrft.diagnosis.log.readers import READERS
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, TRUE, check

KINDS = [reader.suffixes[0] for reader in READERS]

# Columns beside the three that count: name → value of row i, of a prompt at a step. Some name
# completions or visits, some restart at each step, some are shared by prompts.
BESIDE = {
    "id": lambda i, step, prompt: i,
    "uid": lambda i, step, prompt: f"u{i}",
    "task_id": lambda i, step, prompt: 1000 * step + prompt,
    "group_id": lambda i, step, prompt: i // GROUP,
    "prompt_id": lambda i, step, prompt: prompt,
    "example_id": lambda i, step, prompt: f"x{prompt}",
    "question_id": lambda i, step, prompt: (prompt + step) % PROMPTS,
    "problem_id": lambda i, step, prompt: prompt % 3,
    "prompt_idx": lambda i, step, prompt: (3 * prompt + step) % PROMPTS,
    "index": lambda i, step, prompt: i,
    "sample": lambda i, step, prompt: i % GROUP,
    "answer": lambda i, step, prompt: str(prompt % 3),
    "num_tokens": lambda i, step, prompt: 100 + i % 7,
    "text": lambda i, step, prompt: f"t{i}",
    "advantage": lambda i, step, prompt: 0.0,
    "completion": lambda i, step, prompt: f"c{i}",
    "epoch": lambda i, step, prompt: 1,
    "stage": lambda i, step, prompt: "train",
    "gold": lambda i, step, prompt: f"g{prompt}",
    "verdict": lambda i, step, prompt: ["yes", "no"][i % 3 % 2],
    "rollout_id": lambda i, step, prompt: i,
    "round": lambda i, step, prompt: step,
    "task_score": lambda i, step, prompt: i % 5 / 4,
}
# Rewards as cells.
CELLS = {
    "number": lambda r: r,
    "truth": lambda r: bool(r),
    "word": lambda r: "correct" if r else "incorrect",
    "comma": lambda r: "1,0" if r else "0,0",
}


def mutated(rng):
    """A good log with other headers, another order of columns, and columns beside."""
    prompt = rng.choice(
        ["prompt", "input", "question", "query", "Prompt", "foo", "messages", "problem"]
    )
    reward = rng.choice(["reward", "score", "total_reward", "Reward", "bar", "x_reward", "rewards"])
    step = rng.choice(["step", "global_step", "iteration", "when", "training_step"])
    beside = rng.choice(list(BESIDE), rng.integers(0, 5), replace=False)
    names = [prompt, reward, step, *beside]
    order = rng.permutation(len(names))
    # Prompts under other names: texts, numbers, chats.
    form = rng.choice(["text", "text", "number", "chat", "varying"])
    cell = CELLS[rng.choice(["number", "number", "number", *CELLS])]
    if form == "varying":  # texts that hold the step need an id
        names += [] if "prompt_id" in beside else ["prompt_id"]
        order = rng.permutation(len(names))
    shape = {
        "text": lambda s, p: f"q{p}",
        "number": lambda s, p: 7 + 3 * p,
        "chat": lambda s, p: [{"role": "user", "content": f"q{p}"}],
        "varying": lambda s, p: f"At {s}: q{p}",
    }[form]
    rows = []
    for i, (s, p, _, r) in enumerate(TRUE):
        cells = {prompt: shape(s, p), reward: cell(r), step: s, "prompt_id": p}
        cells |= {n: BESIDE[n](i, s, p) for n in beside}
        rows.append({str(names[k]): cells[names[k]] for k in order})
    shuffled = rng.random() < 0.2
    return [rows[k] for k in rng.permutation(len(rows))] if shuffled else rows


def write_as(kind, rows, path):
    match kind:
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".json":
            path.write_text(json.dumps(rows))
        case ".csv":
            with path.open("w", newline="") as file:
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
        case ".parquet":
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        case ".npz":
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            chats = {n for n, values in columns.items() if isinstance(values[0], list)}
            np.savez(
                path, **{n: list(map(str, v)) if n in chats else v for n, v in columns.items()}
            )
    return path


def same_or_message(kind, seed, tmp_path):
    """Whether the log was read; it fails if the log was read as another one."""
    path = write_as(kind, mutated(np.random.default_rng(seed)), tmp_path / f"a{kind}")
    message = ""
    try:
        file = read_rewards([path])
    except ValueError as error:
        message = str(error)
    if message:
        assert "--" in message  # says what to pass
    else:
        check(file, steps=file.log.steps is not None)
    return not message


def read_share(kind, seeds, tmp_path):
    if kind == ".parquet":
        pytest.importorskip("pyarrow")
    return np.mean([same_or_message(kind, seed, tmp_path) for seed in seeds])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != ".npy"])
def test_other_headers_give_the_same_answer_or_a_message(kind, tmp_path):
    assert 0.2 < read_share(kind, range(100), tmp_path) < 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != ".npy"])
def test_ten_thousand_headers(kind, tmp_path):
    read_share(kind, range(10_000), tmp_path)
