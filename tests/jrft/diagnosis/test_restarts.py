"""Runs that are logged in parts, and columns that are checked by the rewards they make."""

import shlex

import numpy as np
import pytest

from jrft.cli.arguments import parser
from jrft.cli.diagnose import _columns
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, TRUE, check, row, write

ROWS = [row(*one) | {"step": one[0]} for one in TRUE]
OTHERS = [
    one | {"completion": one["completion"] + "!", "reward": 1 - one["reward"]} for one in ROWS
]


def read(path, options=""):
    given = parser().parse_args(["diagnose", "x", *shlex.split(options)])
    return read_rewards([path], columns=_columns(given), last_run=given.last_run)


def test_a_resumed_run_replaces_what_it_logs_again(tmp_path):
    # The run stopped in step 3, and was resumed at step 2.
    half = len(ROWS) // 2
    third = [one | {"step": 3} for one in OTHERS[half:]]
    for logged in (half, 3 * GROUP):
        crashed = [*ROWS[:half], *OTHERS[half:], *third[:logged]]
        file = read(write(tmp_path / "a.jsonl", crashed + ROWS[half:]))
        check(file)
        assert f"{half + logged} completions that were logged before" in " ".join(file.notes)
    kept = read(tmp_path / "a.jsonl", "--trust-columns")
    assert len(kept.log.rewards) == len(ROWS) + half + 3 * GROUP


def test_a_run_that_begins_anew_stops(tmp_path):
    path = write(tmp_path / "a.jsonl", OTHERS + ROWS)
    with pytest.raises(ValueError, match=r"begins anew at row 81, .* pass --last-run") as stopped:
        read(path)
    assert "--trust-columns" in str(stopped.value)
    check(read(path, "--last-run"))
    assert len(read(path, "--trust-columns").log.rewards) == 2 * len(ROWS)
    once = read(write(tmp_path / "b.jsonl", ROWS), "--last-run")
    check(once)
    assert "does not restart" in " ".join(once.notes)


def test_late_rows_and_other_prompts_are_no_restart(tmp_path):
    late = [*ROWS[:2], *ROWS[3:60], ROWS[2], *ROWS[60:]]
    check(read(write(tmp_path / "a.jsonl", late)))
    ranks = [one for rank in (0, 1) for one in ROWS if int(one["prompt"][8]) % 2 == rank]
    check(read(write(tmp_path / "b.jsonl", ranks)))
    mixed = np.random.default_rng(0).permutation(len(ROWS))
    check(read(write(tmp_path / "c.jsonl", [ROWS[i] for i in mixed])))


def of_versions(visits):
    """A run whose groups hold completions of two versions of the weights."""
    return [
        {"prompt": f"q{p}", "completion": f"{s}{p}{i}", "reward": r}
        | {"weight_version": 2 * s + (i > p % 3)}
        for s, p, i, r in TRUE
        if s <= visits
    ]


def test_versions_that_split_groups_are_no_steps(tmp_path):
    file = read(write(tmp_path / "a.jsonl", of_versions(1)))
    assert file.log.steps is None
    assert "have several weight_version: it was not used" in " ".join(file.notes)
    np.testing.assert_array_equal(np.bincount(file.log.prompts), GROUP)
    named = read(tmp_path / "a.jsonl", "--step weight_version")
    assert named.log.steps is not None
    uneven = [one for i, one in enumerate(of_versions(2)) if i % 40 < 8 or i < 40]
    path = write(tmp_path / "b.jsonl", [*uneven, *uneven[:12]])
    with pytest.raises(ValueError, match=r"several weight_version, .* pass --step NAME"):
        read(path)
    assert read(path, "--trust-columns").log.steps is not None
    whole = [one | {"weight_version": s} for one, (s, *_) in zip(of_versions(2), TRUE, strict=True)]
    check(read(write(tmp_path / "c.jsonl", whole)))


def with_advantages(terms, weights):
    """Terms of the reward, and advantages of their weighted sum in each group."""
    rng = np.random.default_rng(0)
    values = {name: rng.integers(0, 3, len(TRUE)) / 2 for name in terms}
    total = sum(weight * values[name] for name, weight in zip(terms, weights, strict=True))
    rows = []
    for i, (s, p, sample, _) in enumerate(TRUE):
        group = total[i - sample : i - sample + GROUP]
        advantage = (total[i] - group.mean()) / (group.std() + 1e-4)
        one = row(s, p, sample, 0.0) | {"step": s, "advantage": advantage}
        del one["reward"]
        rows.append(one | {name: float(values[name][i]) for name in terms})
    return rows, total


def test_advantages_check_the_sum_of_terms(tmp_path):
    terms = ("a_reward", "b_reward")
    rows, total = with_advantages(terms, (1.0, 1.0))
    np.testing.assert_allclose(read(write(tmp_path / "a.jsonl", rows)).log.rewards, total)
    rows, total = with_advantages(terms, (1.0, 0.2))
    path = write(tmp_path / "b.jsonl", rows)
    reason = "not explained by the sum of a_reward, b_reward: .*--reward a_reward=WEIGHT"
    with pytest.raises(ValueError, match=reason):
        read(path)
    weighted = read(path, "--reward a_reward --reward b_reward=0.2")
    np.testing.assert_allclose(weighted.log.rewards, total)
    plain = read(path, "--reward a_reward --reward b_reward")
    assert not np.allclose(plain.log.rewards, total)


def test_advantages_check_parallel_lists(tmp_path):
    rows, total = with_advantages(("a_reward", "b_reward"), (1.0, 0.2))
    lists = [{name: [one[name] for one in rows[i : i + 40]] for name in rows[0]} for i in (0, 40)]
    path = write(tmp_path / "a.jsonl", lists)
    with pytest.raises(ValueError, match="is not explained by the sum"):
        read(path)
    file = read(path, "--reward a_reward --reward b_reward=0.2")
    np.testing.assert_allclose(file.log.rewards, total)


def test_a_term_that_is_the_sum_of_others_is_the_reward(tmp_path):
    rows, total = with_advantages(("a_reward", "b_reward"), (1.0, 0.2))
    rows = [one | {"overall_reward": float(value)} for one, value in zip(rows, total, strict=True)]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert dict(file.columns.reward) == {"overall_reward": 1.0}
    assert "as it is the sum of other columns" in " ".join(file.notes)
    np.testing.assert_allclose(file.log.rewards, total)


def chats(name, role="role", text="content"):
    """Whole conversations, with the answers of the model."""
    return [
        {
            name: [
                {role: "system", text: "Answer."},
                {role: "user", text: f"What is {p} + 1?"},
                {role: "assistant", text: f"{s}-{i}"},
                {role: "user", text: "Sure?"},
                {role: "assistant", text: "Yes."},
            ]
        }
        | {"step": s, "reward": r}
        for s, p, i, r in TRUE
    ]


@pytest.mark.parametrize("name", ["messages", "conversation", "conversations"])
def test_the_prompt_of_a_conversation_is_what_stands_before_the_first_answer(name, tmp_path):
    form = ("from", "value") if name == "conversations" else ("role", "content")
    rows = chats(name, *form)
    file = read(write(tmp_path / "a.jsonl", rows))
    assert file.columns.prompt == (f"{name}.prompt",)
    check(file)
    # A number of the group restarts at each step, and names no prompt.
    order = [np.random.default_rng(step).permutation(PROMPTS) for step in (0, 1, 2)]
    for one, (s, p, _, _) in zip(rows, TRUE, strict=True):
        one["group_index"] = int(order[s][p])
    check(read(write(tmp_path / "b.jsonl", rows)))
    groups = [
        {name: [one[name] for one in rows[i : i + GROUP]], "step": rows[i]["step"]}
        | {"scores": [one["reward"] for one in rows[i : i + GROUP]]}
        for i in range(0, len(rows), GROUP)
    ]
    check(read(write(tmp_path / "c.jsonl", groups)))


def test_answers_that_are_numbers_are_no_rewards(tmp_path):
    rows = [
        {"step": s, "prompt": f"q{p}", "completion": f"{s}{p}{i}", "advantage": 0.0}
        | {"Right": r, "solution": str(p)}
        for s, p, i, r in TRUE
    ]
    check(read(write(tmp_path / "a.jsonl", rows)))
