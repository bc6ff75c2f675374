"""Columns beside the prompt's: numbers of samples, ids of completions, and inner objects."""

import json

import numpy as np
import pytest

from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.reading import read_rewards

PROMPTS, STEPS, GROUP = 24, 3, 8


def completions():
    """(step, prompt, sample, reward) of a run that sees all prompts at each step."""
    rng = np.random.default_rng(1)
    success = np.r_[np.zeros(6), np.ones(3), rng.beta(0.7, 0.7, PROMPTS - 9)]
    for step in range(1, STEPS + 1):
        for prompt in rng.permutation(PROMPTS).tolist():
            for sample in range(GROUP):
                yield step, prompt, sample, float(rng.random() < success[prompt])


RUN = list(completions())
ONCE = [one for one in RUN if one[0] == 1]


def read(path, rows, **columns):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_rewards([path], columns=Columns(**columns) if columns else None)


def groups(found):
    """Rewards of each prompt and step, sorted, from triples (prompt, step, reward)."""
    of = {}
    for prompt, step, reward in found:
        of.setdefault((prompt, step), []).append(reward)
    return sorted(map(sorted, of.values()))


def check(file, run, *, timed=True):
    steps = file.log.steps if timed else np.zeros(len(file.log.rewards))
    assert timed or file.log.steps is None
    triples = zip(file.log.prompts.tolist(), steps.tolist(), file.log.rewards.tolist(), strict=True)
    assert groups(triples) == groups((p, s if timed else 0, r) for s, p, _, r in run)
    assert len(file.prompts) == PROMPTS


# Name → a row that is read rightly without options.
READ = {
    "attempts": lambda s, p, i, r: {"step": s, "prompt_id": f"p{p}", "attempt": i, "reward": r},
    "trials": lambda s, p, i, r: {"step": s, "task_id": f"t{p}", "trial": i + 1, "reward": r},
    "instances": lambda s, p, i, r: {"step": s, "instance_id": f"django-{p}", "reward": r},
    "statements": lambda s, p, i, r: {"step": s, "problem_statement": f"Mend {p}", "return": r},
    "instances and samples": lambda s, p, i, r: {
        "global_step": s,
        "trajectory_id": {"instance_id": p, "repetition_id": i},
        "prompt": f"Mend {p}",
        "reward": r,
    },
}


@pytest.mark.parametrize("name", READ)
def test_numbers_of_samples_are_no_prompts(name, tmp_path):
    check(read(tmp_path / "a.jsonl", [READ[name](*one) for one in RUN]), RUN)


def test_lists_of_lengths_are_no_prompts(tmp_path):
    rows = [
        {
            "step": step,
            "prompt_id": 100 + prompt,
            "rewards": [r for s, p, _, r in RUN if (s, p) == (step, prompt)],
            "lengths": [100 * step + 10 * prompt + i for i in range(GROUP)],
        }
        for step, prompt in dict.fromkeys(one[:2] for one in RUN)
    ]
    check(read(tmp_path / "a.jsonl", rows), RUN)


def test_data_sets_number_their_own_texts(tmp_path):
    rows = [
        {
            "step": 1 + p // 8,
            "data_source": "ab"[p % 2],
            "index": p // 2 % 4,
            "prompt": f"What is {p}?",
            "reward": r,
        }
        for _, p, _, r in ONCE
    ]
    assert read(tmp_path / "a.jsonl", rows).columns.prompt == ("prompt",)


@pytest.mark.parametrize("text", ["question", "task"])
def test_ids_of_completions_are_offered_last(text, tmp_path):
    rows = [
        {"uid": f"q{p}:{i}", "step": s, text: f"What is {p}?", "reward": r} for s, p, i, r in RUN
    ]
    with pytest.raises(ValueError, match=rf"[Pp]ass --prompt {text} (if uid names completions|or)"):
        read(tmp_path / "a.jsonl", rows)
    check(read(tmp_path / "a.jsonl", rows, prompt=(text,)), RUN)


@pytest.mark.parametrize("name", ["prompt_idx", "question_idx"])
def test_the_remedy_names_the_column_of_prompts(name, tmp_path):
    rows = [{name: p, "sample": i, "reward": r} for _, p, i, r in ONCE]
    with pytest.raises(ValueError, match=f"name it \\(--prompt {name}\\)"):
        read(tmp_path / "a.jsonl", rows)
    check(read(tmp_path / "a.jsonl", rows, prompt=(name,)), ONCE, timed=False)


def test_the_remedy_names_the_data_set_of_numbers(tmp_path):
    rows = [{"step": s, "source": "ab"[p % 2], "index": p // 2, "reward": r} for s, p, _, r in RUN]
    with pytest.raises(ValueError, match=r"name it \(--prompt source --prompt index\)"):
        read(tmp_path / "a.jsonl", rows)
    check(read(tmp_path / "a.jsonl", rows, prompt=("source", "index")), RUN)


def test_the_remedy_names_no_episode(tmp_path):
    rows = [
        {"iteration": s, "episode": f"{s}{p}{i}", "obs": f"x{p}", "reward": r * turn}
        for s, p, i, r in RUN
        for turn in (0, 1)
    ]
    with pytest.raises(ValueError, match=r"name it \(--prompt obs\)"):
        read(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="by episode, a row is a turn"):
        read(tmp_path / "a.jsonl", rows, prompt=("obs",))
    check(read(tmp_path / "a.jsonl", rows[1::2], prompt=("obs",)), RUN)


def test_a_step_of_another_name_is_offered(tmp_path):
    rows = [{"train/step": s, "prompt_id": p, "reward": r} for s, p, _, r in RUN]
    with pytest.raises(ValueError, match="Pass --step train/step if it is the training step"):
        read(tmp_path / "a.jsonl", rows)
    check(read(tmp_path / "a.jsonl", rows, step="train/step"), RUN)


def test_a_step_of_file_names_is_no_prompt(tmp_path):
    for step in (1, 2):
        rows = [{"iteration": s, "reward": r} for s, _, _, r in RUN if s == step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"step_{step}.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"name it \(--prompt NAME\), or pass --group-size"):
        read_rewards([tmp_path])


def test_an_inner_step_is_noted(tmp_path):
    rows = [
        {"result": {"step": 1 + p // 8, "prompt_id": f"p{p}", "reward": r}} for _, p, _, r in ONCE
    ]
    file = read(tmp_path / "a.jsonl", rows)
    assert "pass --step result.step." in " ".join(file.notes)
    assert read(tmp_path / "a.jsonl", rows, step="result.step").log.steps.max() == 3


def test_counts_are_no_terms_of_a_reward(tmp_path):
    rows = [
        {"problem": f"What is {p}?", "correctness_math": r, "correctness_count": 3}
        for _, p, _, r in ONCE
    ]
    with pytest.raises(ValueError, match=r"\(--reward correctness_math\)$"):
        read(tmp_path / "a.jsonl", rows)


def test_environments_of_a_group_are_no_data_sets(tmp_path):
    rows = [{"step": s, "group_id": f"g{p}", "env_id": i, "reward": r} for s, p, i, r in RUN]
    check(read(tmp_path / "a.jsonl", rows), RUN)


def test_one_prompt_in_any_order(tmp_path):
    rows = [{"step": s, "prompt": "Solve", "reward": r} for s, _, _, r in sorted(RUN, key=str)]
    with pytest.raises(ValueError, match="or --prompt prompt if there is one prompt"):
        read(tmp_path / "a.jsonl", rows)
    assert len(read(tmp_path / "a.jsonl", rows, prompt=("prompt",)).prompts) == 1
    few = [row for row in rows if row["step"] == 1][:32]
    assert len(read(tmp_path / "a.jsonl", few).prompts) == 1
