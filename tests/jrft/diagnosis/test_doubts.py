"""Every doubt of the table stops a log, and its remedy reads the log rightly."""

import numpy as np
import pytest

from jrft.diagnosis.log.doubts import DOUBTS
from tests.jrft.diagnosis.small_run import write
from tests.jrft.diagnosis.test_checked_by_rewards import (
    FIRST,
    MEAN,
    PROMPTS,
    RUN,
    groups,
    plain,
    text,
    true_groups,
)
from tests.jrft.diagnosis.test_doubtful_logs import read

SHUFFLED = [RUN[k] for k in np.random.default_rng(3).permutation(len(RUN))]


def turns(rows, name, count):
    """Rows of turns: the last turn of a completion earns its reward."""
    return [
        plain(s, p, f"{i}-{turn}", r if turn == count(s, p, i) - 1 else 0.0) | {name: turn}
        for s, p, i, r in rows
        for turn in range(count(s, p, i))
    ]


def rows_of(form, rows=RUN):
    return [form(*one) for one in rows]


# Name of the doubt → rows, what the message says, and the options that read the groups rightly, or
# the rows that the message asks for (None where these are the last of each completion).
CASES = {
    "lists of lists": (
        rows_of(lambda s, p, i, r: {"step": s, "prompt": text(p), "rewards": [[0.0, r]]}),
        "holds lists of lists",
        "--lists sum",
    ),
    "several columns are steps": (
        rows_of(lambda s, p, i, r: plain(i, p, i, r) | {"iteration": s}),
        "whether step or iteration is the training step",
        "--step iteration",
    ),
    "lists without a prompt": (
        rows_of(lambda s, p, i, r: {"step": s, "ask": text(p), "rewards": [0.0, r]}),
        "no column is known to name the prompt: pass --prompt ask",
        "--prompt ask --lists sum",
    ),
    "several splits": (
        rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"phase": "train"})
        + rows_of(lambda s, p, i, r: plain(s, p, i + 9, 1 - r) | {"phase": "eval"}, RUN[::2]),
        "by phase, groups hold rows of several splits",
        "--split train",
    ),
    "an id beside another": (
        rows_of(lambda s, p, i, r: {"step": s, "id": f"{s}-{p}", "ask": text(p), "reward": r}),
        "whether id or ask names prompts",
        "--prompt ask",
    ),
    "an id that is used again": (
        rows_of(
            lambda s, p, i, r: (
                {"step": s, "prompt_id": p // 2, "dataset": "ab"[p % 2]} | {"reward": r}
            )
        ),
        "one prompt_id has several dataset",
        "--prompt prompt_id --prompt dataset",
    ),
    "a text of several ids": (
        # The same question with another hidden answer; ids of one step, so they do not come back.
        rows_of(
            lambda s, p, i, r: {"step": s, "prompt": text(p // 2), "uid": f"{s}:{p}", "reward": r}
        ),
        "one prompt has several uid",
        "--prompt uid",
    ),
    "lists of one completion": (
        rows_of(lambda s, p, i, r: plain(s, p, i, [0, r])),
        "reward is a list, and completion is one text",
        "--lists sum",
    ),
    "lists of turns": (
        rows_of(lambda s, p, i, r: {"step": s, "prompt": text(p), "reward": [0, r]}),
        "reward is a list in each row, and a prompt has 6.0 rows a step",
        "--lists last",
    ),
    "lists of tokens": (
        rows_of(lambda s, p, i, r: {"step": s, "rewards": [0.0] * (3 + p % 4) + [r]}),
        "whose last number alone is not 0",
        "--lists sum --group-size 6",
    ),
    "turns by name": (
        turns(RUN, "turn", lambda s, p, i: 1 + i % 3),
        "by turn, a row is a turn",
        None,
    ),
    "rows of completions": (
        [
            one | {"talk": one["completion"].rpartition("-")[0]}
            for one in turns(RUN, "said", lambda s, p, i: 1 + i % 3)
        ],
        "by talk, a row is a turn",
        None,
    ),
    "turns by their ends": (
        [
            one | {"done": k % 2 == 1}
            for k, one in enumerate(turns(RUN, "said", lambda s, p, i: 2))
            if one.pop("said") in (0, 1)
        ],
        "by done, a row is a turn",
        None,
    ),
    "turns by growing texts": (
        [
            plain(s, p, f"{i}-{turn}", r if turn else 0.0)
            | {"prompt": text(p) + f" I say {s}{i}. Are you sure?" * turn}
            for s, p, i, r in RUN
            for turn in (0, 1)
        ],
        "texts of prompt begin with others",
        rows_of(plain),
    ),
    "turns by counting": (
        turns(SHUFFLED, "hop", lambda s, p, i: 1 + (i + p) % 3 + (i == 0)),
        "by hop, a row is a turn",
        None,
    ),
    "groups in equal parts": (
        rows_of(
            lambda s, p, i, r: {"prompt": "Solve: {q}", "body": text(p), "step": s, "reward": r},
            SHUFFLED,
        ),
        "body divides the completions of each group into equal parts",
        "--prompt prompt --prompt body",
    ),
    "a rate in each row": (
        rows_of(
            lambda s, p, i, r: (
                {"step": s, "prompt": text(p), "pass_rate": 0.5, "n": 6} | {"good": r}
            )
        ),
        "pass_rate is the same in all rows",
        "--reward good",
    ),
    "a place in the batch": (
        rows_of(lambda s, p, i, r: {"step": s, "group_id": FIRST[s, p], "reward": r}),
        "it may be a place in the batch",
        "--prompt group_id --prompt step",
    ),
    "a text that never comes back": (
        rows_of(
            lambda s, p, i, r: {"step": s, "prompt": f"Step {s}: {text(p)}", "row": p, "reward": r}
        ),
        "no prompt comes back later, and row does",
        "--prompt row",
    ),
    "one prompt": (
        rows_of(lambda s, p, i, r: {"step": s, "prompt": "Solve the pro…", "reward": r}),
        "prompt is the same in all rows",
        "--group-size 6",
    ),
    "neighbors that agree": (
        rows_of(lambda s, p, i, r: {"step": s, "prompt": text(p)[:9], "reward": r}),
        "rewards that follow each other in a group by prompt agree",
        "--group-size 6",
    ),
    "a reward never given": (
        rows_of(lambda s, p, i, r: plain(s, p, i, 0.0) | {"task_score": r}),
        "reward is 0 in all rows, and task_score differs",
        "--reward task_score",
    ),
    "a reward never missed": (
        rows_of(lambda s, p, i, r: plain(s, p, i, 1.0 if r else None)),
        "reward is 1 where it is there, and missing in",
        rows_of(plain),
    ),
    "a mean of 0": (
        rows_of(lambda s, p, i, r: plain(s, p, i, r - MEAN[s, p]) | {"given": r}),
        "the mean of reward is 0 in each group",
        "--reward given",
    ),
    "the same in groups": (
        rows_of(lambda s, p, i, r: plain(s, p, i, MEAN[s, p]) | {"given": r}),
        "reward is the same in all rows of a group",
        "--reward given",
    ),
    "advantages of another sum": (
        rows_of(
            lambda s, p, i, r: (
                {"step": s, "prompt": text(p), "completion": f"{s}{p}{i}"}
                | {"a_reward": r + i % 2, "b_reward": float(i % 2), "advantage": r - MEAN[s, p]}
            )
        ),
        "advantage is not explained by the sum of a_reward, b_reward",
        "--reward a_reward=1 --reward b_reward=-1",
    ),
}
# Doubts about a prompt that was given.
GIVEN = {
    "an id of completions": (
        rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"uid": f"{s}-{p}-{i}"}),
        "nearly every uid has one completion",
        "--prompt uid",
    ),
    "an id of several texts": (
        rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"prompt_idx": p // 2}),
        "12 of 12 values of prompt_idx stand for several prompts",
        "--prompt prompt_idx",
    ),
}


def test_every_doubt_has_a_case():
    assert {doubt.name for doubt in DOUBTS} == {*CASES, *GIVEN}


@pytest.mark.parametrize("name", CASES)
def test_a_doubt_stops_with_a_remedy_that_works(name, tmp_path):
    rows, said, remedy = CASES[name]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=said) as stopped:
        read(path)
    (doubt,) = (one for one in DOUBTS if one.name == name and one.stops)
    assert doubt.remedy in str(stopped.value)
    if isinstance(remedy, list):
        path, remedy = write(tmp_path / "b.jsonl", remedy), ""
    if remedy is None:  # keep one row of each completion, the one with its reward
        last = [i for i, one in enumerate(rows) if _ends(rows, i, one)]
        path, remedy = write(tmp_path / "b.jsonl", [rows[i] for i in last]), "--trust-columns"
    assert groups(read(path, remedy).log) == true_groups()


def _ends(rows, i, one):
    """Whether the next row is of another completion: completions are `step-prompt-sample-turn`."""
    following = rows[i + 1] if i + 1 < len(rows) else {"completion": ""}
    return following["completion"].rpartition("-")[0] != one["completion"].rpartition("-")[0]


@pytest.mark.parametrize("name", GIVEN)
def test_a_doubt_about_a_given_prompt(name, tmp_path):
    rows, said, given = GIVEN[name]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=f"{said}.*: pass --prompt prompt"):
        read(path, given)
    assert groups(read(path, "--prompt prompt").log) == true_groups()


@pytest.mark.parametrize("name", ["prompt_id", "uid", "question_id"])
@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_an_id_wins_over_texts_that_vary_by_step(name, order, tmp_path):
    rows = rows_of(
        lambda s, p, i, r: plain(s, p, i, r) | {name: p, "prompt": f"At {s}: {text(p)}"},
        RUN if order == "in order" else SHUFFLED,
    )
    file = read(write(tmp_path / "a.jsonl", rows))
    assert file.columns.prompt == (name,)
    assert f"No prompt comes back at another step, and {name} does" in " ".join(file.notes)
    assert len(file.prompts) == PROMPTS
    assert groups(file.log) == true_groups()
    # The other reading, which the note names, is one of visits.
    assert len(read(tmp_path / "a.jsonl", "--prompt prompt").prompts) == len(FIRST)


def test_a_place_in_the_batch_does_not_win_over_texts_that_vary(tmp_path):
    rows = rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"group_id": FIRST[s, p]})
    rows = [one | {"prompt": f"{one['step']}: {one['prompt']}"} for one in rows]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="parts of prompt come back at other steps"):
        read(path)
    assert len(read(path, "--prompt prompt").prompts) == len(FIRST)


def test_ids_that_come_back_without_steps(tmp_path):
    rows = rows_of(lambda s, p, i, r: {"task_id": f"t{p + 9}", "prompt": f"{s} {p}", "reward": r})
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="no prompt comes back later, and task_id does"):
        read(path)
    assert len(read(path, "--prompt task_id").prompts) == PROMPTS


def test_ids_of_a_shared_text_without_steps_are_told_by_rewards(tmp_path):
    first = [one for one in RUN if one[0] == 1]
    shared = rows_of(lambda s, p, i, r: {"uid": p, "prompt": text(p // 4), "reward": r}, first)
    path = write(tmp_path / "a.jsonl", shared)
    with pytest.raises(ValueError, match="one prompt has several uid"):
        read(path)
    assert groups(read(path, "--prompt uid").log) == true_groups(first)


@pytest.mark.parametrize("column", ["answer", "extra_info", "reward_model"])
def test_answers_tell_prompts_behind_a_template_apart(column, tmp_path):
    said = {"extra_info": ".answer", "reward_model": ".ground_truth"}.get(column, "")

    def form(s, p, i, r):
        value = {said[1:]: f"x{p // 2}"} if said else f"x{p // 2}"  # prompts share answers
        return {"step": s, "prompt": f"Solve {p % 2}.", column: value, "reward": r}

    path = write(tmp_path / "a.jsonl", rows_of(form, SHUFFLED))
    with pytest.raises(ValueError, match=f"{column}{said} divides the completions"):
        read(path)
    options = f"--prompt prompt --prompt {column}{said}"
    assert groups(read(path, options).log) == true_groups()


def test_answers_of_a_model_divide_nothing(tmp_path):
    rng = np.random.default_rng(0)
    rows = rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"answer": int(rng.integers(3))})
    assert groups(read(write(tmp_path / "a.jsonl", rows)).log) == true_groups()


@pytest.mark.parametrize("name", ["right", "task_score", "accuracy_reward", "verifier_score"])
@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_placeholder_beside_a_score(name, constant, tmp_path):
    path = write(
        tmp_path / "a.jsonl", rows_of(lambda s, p, i, r: plain(s, p, i, constant) | {name: r})
    )
    with pytest.raises(ValueError, match=f"pass --reward {name}, or --reward reward"):
        read(path)
    assert groups(read(path, f"--reward {name}").log) == true_groups()
    assert np.ptp(read(path, "--reward reward").log.rewards) == 0


def test_rewards_that_are_all_0_beside_other_numbers(tmp_path):
    rows = rows_of(lambda s, p, i, r: plain(s, p, i, 0.0) | {"entropy": i / 7, "num_tokens": i})
    assert np.ptp(read(write(tmp_path / "a.jsonl", rows)).log.rewards) == 0
