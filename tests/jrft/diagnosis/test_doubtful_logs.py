"""Logs that could be read in two ways: they stop with a remedy that works, or are read rightly."""

import re
import shlex

import numpy as np
import pytest

from jrft.cli import main
from jrft.cli.arguments import parser
from jrft.cli.diagnose import _columns
from jrft.diagnosis.log.reading import read_rewards
from jrft.diagnosis.log.reward_range import guess_reward_range
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, TRUE, check, row, write


def rows_with(form):
    """The small run: `form` makes a row of step, prompt, sample and reward."""
    return [form(*one) for one in TRUE]


def read(path, options=""):
    given = parser().parse_args(["diagnose", "x", *shlex.split(options)])
    return read_rewards(
        [path],
        columns=_columns(given),
        skip_bad_rows=given.skip_bad_rows,
        split=given.split,
        last_run=given.last_run,
    )


# Name → a row, the reason it stops for, the options that read it rightly.
STOPS = {
    "one text, ids": (
        lambda s, p, i, r: {"step": s, "question": "Play.", "question_id": p, "reward": r},
        "one question has several question_id",
        "--prompt question_id",
    ),
    "one instruction, inputs": (
        lambda s, p, i, r: {"prompt": "Solve.", "input": f"q{p}", "reward": r},
        "one prompt has several input",
        "--prompt input",
    ),
    "two texts, ids that come back": (
        lambda s, p, i, r: {"step": s, "prompt": f"Play {p % 2}", "task_id": p, "reward": r},
        "one prompt has several task_id",
        "--prompt task_id",
    ),
    "ids of two data sets": (
        lambda s, p, i, r: {"dataset": "ab"[p % 2], "prompt_id": p // 2, "step": s, "reward": r},
        "one prompt_id has several dataset",
        "--prompt prompt_id --prompt dataset",
    ),
    "a place in the batch": (
        lambda s, p, i, r: {"uid": p * GROUP + i, "step": s, "reward": r, "place": p},
        "not clear whether uid or place|one completion at each step",
        "--prompt place",
    ),
    "a format's reward beside an accuracy": (
        lambda s, p, i, r: {
            "prompt": f"q{p}",
            "step": s,
            "accuracy": r,
            "format_reward": 0.1 * (i % 3),
        },
        "looks like the reward: name it",
        "--reward accuracy",
    ),
    "turns": (
        lambda s, p, i, r: {"prompt": f"q{p}", "step": s, "turn": i % 2, "reward": r},
        "by turn, a row is a turn",
        "--trust-columns",
    ),
    "tokens of prompts and of rewards": (
        lambda s, p, i, r: {"step": s, "prompt": [1, 2, p], "reward": [0, 0, r]},
        "reward is a list in each row",
        "--lists sum",
    ),
    "lists of lists": (
        lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "rewards": [[0.0, r]]},
        "rewards holds lists of lists",
        "--lists sum",
    ),
    "turns of a known prompt": (
        lambda s, p, i, r: (
            {"step": s, "input_prompt": f"q{p}", "output_response": f"{s}{p}{i}"}
            | {"score": [0, 0, r]}
        ),
        "score is a list, and output_response is one text",
        "--lists last",
    ),
    "lists and an unknown text": (
        lambda s, p, i, r: {"step": s, "ask": f"q{p}", "rewards": [0, r]},
        "pass --prompt ask",
        "--prompt ask --lists sum",
    ),
    "rewards of two judges": (
        lambda s, p, i, r: {
            "step": s,
            "prompt": f"q{p}",
            "teacher": {"score": 1},
            "student": {"outcome": r},
        },
        "several columns look like the reward",
        "--reward student.outcome",
    ),
    "terms that are not named rewards": (
        lambda s, p, i, r: (
            row(s, p, i, 0)
            | {"step": s, "advantage": 0.0, "accuracy": r, "format": 0.0, "reward": None}
        ),
        "name it, or all that add up",
        "--reward accuracy --reward format",
    ),
    "an expected reward": (
        lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "expected_reward": 0.3, "ok": r},
        "name it",
        "--reward ok",
    ),
}


STOPS |= {
    "rates of a prompt in all its rows": (
        lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "pass_rate": 0.5, "n": 4, "good": r},
        "pass_rate is the same in all rows",
        "--reward good",
    ),
    "a step of samples": (
        lambda s, p, i, r: {"step": i, "iteration": s, "prompt": f"q{p}", "reward": r},
        "step or iteration is the training step",
        "--step iteration",
    ),
    "lists, and an id a row": (
        lambda s, p, i, r: {"uid": f"{s}-{p}-{i}", "by": p, "step": s, "rewards": [0, r]},
        "each uid has one row",
        "--lists sum --prompt by",
    ),
    "lists of one completion": (
        lambda s, p, i, r: {"id": p, "step": s, "output": "o", "rewards": [0, r]},
        "output is one text",
        "--lists sum",
    ),
}


@pytest.mark.parametrize("name", STOPS)
def test_doubtful_logs_stop_with_a_remedy_that_works(name, tmp_path):
    form, reason, remedy = STOPS[name]
    path = write(tmp_path / "a.jsonl", rows_with(form))
    with pytest.raises(ValueError, match=reason) as stopped:
        read(path)
    assert re.findall("--[a-z]+", remedy)[0] in str(stopped.value)
    file = read(path, remedy)
    check(file, steps=file.log.steps is not None)


# Name → a row that is read rightly without options.
READ = {
    "no text at all": lambda s, p, i, r: {"prompt": None, "prompt_id": p, "step": s, "reward": r},
    "an empty text": lambda s, p, i, r: {"prompt": "", "problem_id": p, "step": s, "reward": r},
    "times of rewards": lambda s, p, i, r: (
        row(s, p, i, r) | {"reward": None, "step": s, "reward_time": 0.1 * i, "correct": r}
    ),
    "means of rewards": lambda s, p, i, r: {
        "step": s,
        "prompt": f"q{p}",
        "mean_reward": 0.5,
        "k": GROUP,
        "acc": r,
    },
    "terms of any name": lambda s, p, i, r: {
        "step": s,
        "prompt": f"q{p}",
        "completion": f"{s}{p}{i}",
        "advantage": 0.0,
        "reasoning_steps_reward": r,
        "length_reward": 0.0,
        "reward_model_latency": 9.0,
        "reward_ceiling": 1.0,
    },
    "lengths of episodes": lambda s, p, i, r: {
        "prompt": f"q{p}",
        "steps": i + 3,
        "global_step": s,
        "reward": r,
    },
    "outcomes in words": lambda s, p, i, r: {
        "prompt": f"q{p}",
        "step": s,
        "reward": r,
        "outcome": "timeout",
    },
}


@pytest.mark.parametrize("name", READ)
def test_logs_with_misleading_columns_are_read_rightly(name, tmp_path):
    check(read(write(tmp_path / "a.jsonl", rows_with(READ[name]))))


def test_restarted_ids_have_several_answers(tmp_path):
    rows = [{"step": s, "prompt_id": p, "solution": f"{s}-{p}", "reward": r} for s, p, _, r in TRUE]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="one prompt_id has several solution"):
        read(path)
    assert len(read(path, "--prompt prompt_id --prompt solution").prompts) == 2 * PROMPTS


def test_rollouts_of_several_prompts_in_a_row(tmp_path):
    rows = [
        {
            "step": step,
            "rollouts": [{"prompt": f"q{p}", "reward": r} for s, p, _, r in TRUE if s == step],
        }
        for step in (1, 2)
    ]
    check(read(write(tmp_path / "a.jsonl", rows)))


def test_the_size_of_a_group_counts_completions_and_overrules_texts(tmp_path):
    lists = [{"rewards": [r for s, _, _, r in TRUE if s == step]} for step in (1, 2)]
    chats = [{"messages": f"q{p}: {i}{s}", "reward": r} for s, p, i, r in TRUE]
    for rows in (lists, chats):
        log = read(write(tmp_path / "a.jsonl", rows), f"--group-size {GROUP}").log
        np.testing.assert_array_equal(np.bincount(log.prompts), [GROUP] * 2 * PROMPTS)


def test_copies_count_once(tmp_path):
    rows = [row(*one) | {"step": one[0]} for one in TRUE]
    for copies in (rows + rows, rows + rows[len(rows) // 2 :]):
        file = read(write(tmp_path / "a.jsonl", copies))
        check(file)
        assert "are in the log several times" in " ".join(file.notes)
    plain = [{name: one[name] for name in ("prompt", "reward")} for one in rows]
    same = plain + plain  # short of texts, these may be other completions
    assert len(read(write(tmp_path / "a.jsonl", same)).log.rewards) == len(same)


def test_groups_of_double_size_are_said(tmp_path):
    rows = [{"prompt": f"q{p}", "step": s, "reward": r} for s, p, _, r in TRUE]
    twice = rows + rows[len(rows) // 2 :]  # without texts these may be other completions
    for name, some in (("a.jsonl", twice), ("b.jsonl", rows)):
        notes = " ".join(read(write(tmp_path / name, some)).notes)
        assert ("10 groups have 8 completions, 10 have 4" in notes) == (some is twice)


def test_names_of_trajectories_with_several_rows(tmp_path, capsys):
    rows = [
        {"prompt": f"q{p}", "trajectory_id": f"{s}-{p}-{i}", "step": turn, "reward": r}
        for s, p, i, r in TRUE
        for turn in range(3)
    ]
    assert main(["diagnose", str(write(tmp_path / "a.jsonl", rows))]) == 2
    assert "by trajectory_id, a row is a turn" in capsys.readouterr().err
    named = [row(*one) | {"step": one[0], "trajectory_id": i} for i, one in enumerate(TRUE)]
    check(read(write(tmp_path / "b.jsonl", named)))


def test_copies_of_files_are_left_out(tmp_path):
    rows = [{"step": s, "prompt": f"q{p}", "reward": r} for s, p, _, r in TRUE]
    for name in ("a.jsonl", "a (1).jsonl"):
        write(tmp_path / name, rows)
    file = read(tmp_path)
    check(file)
    assert "it is a copy of" in " ".join(file.notes)


@pytest.mark.parametrize(
    ("column", "train", "validation"),
    [("split", "train", "test"), ("mode", "train", "eval"), ("is_eval", False, True)],
)
def test_rows_of_splits_by_a_column(column, train, validation, tmp_path):
    rows = [row(*one) | {"step": one[0], column: train} for one in TRUE]
    rows += [row(9, 0, i, 1.0) | {"step": 2, column: validation} for i in range(5)]
    path = write(tmp_path / "a.jsonl", rows)
    assert "pass --split train" in " ".join(read(path).notes)
    check(read_rewards([path], split="train"))


def test_names_of_files_that_say_a_split(tmp_path):
    for step in (1, 2):
        rows = [row(*one) for one in TRUE if one[0] == step]
        write(tmp_path / f"step_{step}.jsonl", rows)
        write(tmp_path / f"eval_step_{step}.jsonl", [row(step, 0, 9, 1.0)])
    assert "pass --split train" in " ".join(read(tmp_path).notes)
    check(read_rewards([tmp_path], split="train"))


def test_one_reward_in_sixty_far_outside_is_an_outlier():
    rewards = np.tile([0.0, 1.0], 300)
    rewards[::60] = -1000
    assert guess_reward_range(rewards, None)[:2] == (0, 1)
