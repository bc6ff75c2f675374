"""Logs as trainers write them are read rightly, or stop with a remedy that works."""

import json

import numpy as np
import pytest

from jrft.cli import main
from jrft.diagnosis import DiagnosisSettings, diagnose, diagnose_log
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.readers import READERS
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, TRUE, check, row, write


def verl(step, prompt, sample, reward):
    return {
        "input": f"q{prompt}",
        "output": f"{step}-{prompt}-{sample}",
        "gts": str(prompt + 1),
        "score": reward,
        "step": step,
        "uid": f"{step}f{prompt}_{sample}_0",
    }


def areal(step, prompt, sample, reward):
    return {
        "task_id": step * PROMPTS + prompt,
        "sample_idx": sample,
        "seqlen": 20 + sample,
        "prompt_len": 9,
        "head_version": step,
        "tail_version": step + 1,
        "reward": reward,
        "prompt": f"q{prompt}",
        "completion": f"{step}-{prompt}-{sample}",
    }


def nemo(step, prompt, sample, reward):
    return {"content": [f"q{prompt}", f"a{step}{sample}"], "rewards": reward, "idx": sample}


def open_instruct(step, prompt, sample, reward):
    return {"step": step, "prompt_idx": prompt // 2, "prompt_tokens": [1, prompt], "reward": reward}


def prime(step, prompt, sample, reward):
    return {
        "task": {"key": f"t{prompt}"},
        "run": {"work": {"step": step}},
        "traces": [{"rewards": {"correct": {"score": reward, "weight": 1.0}}}],
    }


def reward_object(step, prompt, sample, reward):
    return {"prompt": f"q{prompt}", "step": f"step_{step}", "reward": {"score": reward, "form": 1}}


def verifiers(step, prompt, sample, reward):
    """One evaluation a step; metrics stand beside the reward."""
    return {
        "example_id": prompt,
        "prompt": [{"role": "user", "content": f"q{prompt}"}],
        "completion": [{"role": "assistant", "content": f"{step}-{prompt}-{sample}"}],
        "answer": str(prompt % 3),
        "task": "t",
        "reward": reward,
        "generation_ms": 1.5,
        "total_ms": 2.5 + sample,
        "correct": reward,
        "step": step,
    }


def slime(step, prompt, sample, reward):
    """A sample of slime or miles, converted from its file of PyTorch."""
    return {
        "group_index": step * PROMPTS + prompt,
        "index": (step * PROMPTS + prompt) * GROUP + sample,
        "prompt": f"q{prompt}",
        "tokens": [1, 2, 3],
        "response": f"{step}-{prompt}-{sample}",
        "response_length": 1 + sample,
        "label": str(prompt),
        "reward": {"score": reward, "acc": bool(reward)},
        "loss_mask": [1, 1],
        "weight_versions": [str(step)],
        "rollout_id": step,
        "step": step,
    }


ROWS = [verl, areal, open_instruct, prime, reward_object, verifiers, slime]


@pytest.mark.parametrize("form", ROWS)
def test_rows_of_trainers(form, tmp_path):
    check(read_rewards([write(tmp_path / "a.jsonl", [form(*one) for one in TRUE])]))


def test_a_file_a_step_and_a_file_a_visit(tmp_path):
    for step, prompt, sample, reward in TRUE:
        with (tmp_path / f"verl{step}.jsonl").open("a") as file:
            file.write(json.dumps(verl(step, prompt, sample, reward)) + "\n")
        visit = tmp_path / "areal" / str(step + 1) / f"{step * PROMPTS + prompt}.jsonl"
        visit.parent.mkdir(parents=True, exist_ok=True)
        with visit.open("a") as file:
            file.write(json.dumps(areal(step, prompt, sample, reward)) + "\n")
    check(read_rewards(sorted(tmp_path.glob("verl*"))))
    check(read_rewards([tmp_path / "areal"]))


def test_tables_of_trl(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for step in (1, 2):
        # Reward functions return None for prompts of other tasks; extra columns are no rewards.
        rows = [
            {
                "step": s,
                "prompt": [{"role": "user", "content": f"q{p}"}],
                "completion": [{"role": "assistant", "content": f"{s}-{p}-{i}"}],
                "math_reward": r if p % 2 else None,
                "code_reward": None if p % 2 else r,
                "num_tokens": 100 + i,
                "advantage": 0.0,
            }
            for s, p, i, r in TRUE
            if s == step
        ]
        table = pyarrow.Table.from_pylist(rows)
        parquet.write_table(table, tmp_path / f"completions_{step:05d}.parquet")
    file = read_rewards([tmp_path])
    assert set(file.columns.reward) == {"math_reward", "code_reward"}
    check(file)


def test_steps_between_are_said_to_be_missing(tmp_path):
    rows = [row(*one) | {"step": 10 * one[0] + 20 * (one[2] % 2)} for one in TRUE]
    file = read_rewards([write(tmp_path / "a.jsonl", rows)])
    assert "Steps 10, 20, 30, … are logged, one in 10: the samples between" in " ".join(file.notes)


def test_steps_from_names_of_files_and_prompts_from_parts_of_lists(tmp_path):
    for step in (1, 2):
        rows = [nemo(*one) for one in TRUE if one[0] == step]
        write(tmp_path / f"train_data_step{step}.jsonl", rows)
    check(read_rewards([tmp_path]))
    with pytest.raises(ValueError, match=r"pass --prompt content\.0"):
        read_rewards([tmp_path], columns=Columns(prompt=("content",)))
    check(read_rewards([tmp_path], columns=Columns(prompt=("content.0",))))


def test_groups_that_follow_each_other(tmp_path):
    rows = [{"reward": reward} for step, _, _, reward in TRUE if step == 1]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="--group-size N"):
        read_rewards([path])
    log = read_rewards([path], columns=Columns(group_size=GROUP)).log
    np.testing.assert_array_equal(log.prompts, np.repeat(np.arange(PROMPTS), GROUP))
    with pytest.raises(ValueError, match="does not divide the 40 completions"):
        read_rewards([path], columns=Columns(group_size=3))


def test_an_index_in_the_batch_is_no_prompt(tmp_path):
    path = write(tmp_path / "a.jsonl", [open_instruct(*one) for one in TRUE])
    given = Columns(prompt=("prompt_idx",))
    with pytest.raises(ValueError, match=r"stand for several prompts.*pass --prompt prompt_tokens"):
        read_rewards([path], columns=given)
    trusted = read_rewards([path], columns=Columns(prompt=("prompt_idx",), trusted=True))
    assert len(trusted.log.prompt_ids) == PROMPTS // 2
    both = read_rewards([path], columns=Columns(prompt=("prompt_idx", "prompt_tokens")))
    check(both)


def test_parallel_lists_and_lists_of_objects(tmp_path):
    steps = [[one for one in TRUE if one[0] == step] for step in (1, 2)]
    parallel = [
        {
            "gen_step": [str(s) for s, *_ in ones],
            "prompt": [f"q{p}" for _, p, *_ in ones],
            "completion": ["c"] * len(ones),
            "Right": [r for *_, r in ones],
            "advantages": [0.0] * len(ones),
        }
        for ones in steps
    ]
    check(read_rewards([write(tmp_path / "a.jsonl", parallel)]))
    objects = [
        {
            "prompt": f"q{p}",
            "step": step,
            "completions": [{"reward": r} for s, q, _, r in TRUE if (s, q) == (step, p)],
        }
        for step in (1, 2)
        for p in range(PROMPTS)
    ]
    check(read_rewards([write(tmp_path / "b.jsonl", objects)]))


def test_lists_of_turns_are_asked_about(tmp_path):
    rows = [{"prompt": f"q{p}", "rewards": [0.0, 0.0, r], "step": s} for s, p, _, r in TRUE]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="pass --lists sum"):
        read_rewards([path])
    for reduce in (sum, max):
        check(read_rewards([path], columns=Columns(reduce=reduce)))


def trl_rows(**more):
    return [
        {"step": s, "prompt": f"q{p}", "completion": f"{s}{p}{i}", "advantage": 0.0, "x_reward": r}
        | {name: value(p, i) for name, value in more.items()}
        for s, p, i, r in TRUE
    ]


def test_extra_columns_are_not_added_up(tmp_path):
    path = write(tmp_path / "a.jsonl", trl_rows(num_tokens=lambda p, i: 100 + i))
    file = read_rewards([path])
    assert dict(file.columns.reward) == {"x_reward": 1.0}
    check(file)


def test_a_term_that_is_missing_first_is_a_term(tmp_path):
    rows = trl_rows()
    for one, (_, prompt, _, reward) in zip(rows, TRUE, strict=True):
        one["y_reward"] = None if prompt % 2 == 0 else reward
        one["x_reward"] = reward if prompt % 2 == 0 else None
    file = read_rewards([write(tmp_path / "a.jsonl", rows)])
    assert set(file.columns.reward) == {"x_reward", "y_reward"}
    check(file)


def test_a_generation_logged_under_several_steps_counts_once(tmp_path):
    once = [one for one in trl_rows() if one["step"] == 1]
    rows = [one | {"step": step} for step in (1, 2, 3) for one in once]
    file = read_rewards([write(tmp_path / "a.jsonl", rows)])
    assert len(file.log.rewards) == PROMPTS * GROUP
    assert "80 completions are logged again" in " ".join(file.notes)
    # The same rewards with other texts are other generations.
    others = [one | {"completion": f"{one['completion']} {one['step']}"} for one in rows]
    assert len(read_rewards([write(tmp_path / "b.jsonl", others)]).log.rewards) == len(rows)


def test_a_step_that_is_a_turn_is_not_used(tmp_path):
    rows = [row(*one) | {"step": i} for i, one in enumerate(TRUE)]
    file = read_rewards([write(tmp_path / "a.jsonl", rows)])
    assert file.log.steps is None
    assert "differs within nearly every group" in " ".join(file.notes)
    check(file, steps=False)
    named = read_rewards([tmp_path / "a.jsonl"], columns=Columns(step="step"))
    assert named.log.steps is not None


def test_prompts_of_one_completion_are_doubtful(tmp_path):
    rows = [{"prompt": f"q{i}", "reward": i % 2} for i in range(40)]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="100% of the 40 prompts have one completion"):
        read_rewards([path])
    log = read_rewards([path], columns=Columns(trusted=True)).log
    diagnosis = diagnose_log(log)
    assert np.isnan(diagnosis.batch.frac_reward_zero_std)
    assert "mask KL" not in [one.action for one in diagnosis.advice]
    check(read_rewards([write(tmp_path / "b.jsonl", [verl(*one) for one in TRUE])]))


def test_rates_of_success(tmp_path):
    rows = [{"id": p, "pass_rate": p / 10, "n": 20} for p in range(PROMPTS)]
    log = read_rewards([write(tmp_path / "a.jsonl", rows)]).log
    np.testing.assert_allclose(np.bincount(log.prompts, log.rewards), 2 * np.arange(PROMPTS))
    path = write(tmp_path / "b.jsonl", [{"id": p, "pass_rate": p / 10} for p in range(PROMPTS)])
    with pytest.raises(ValueError, match="means are not rewards"):
        read_rewards([path])


def test_weights_count_in_the_shares_of_the_variance(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 200))
    rows = [
        {"prompt": f"q{i // 8}", "a": int(x), "b": int(y)}
        for i, (x, y) in enumerate(zip(a, b, strict=True))
    ]
    columns = Columns(reward={"a": 1.0, "b": 0.2})
    diagnosis = diagnose_log(read_rewards([write(tmp_path / "a.jsonl", rows)], columns=columns).log)
    shares = diagnosis.batch.component_shares
    assert sum(shares.values()) == pytest.approx(1)
    centered = [
        x.reshape(25, 8) - x.reshape(25, 8).mean(axis=1, keepdims=True) for x in (a, 0.2 * b)
    ]
    total = sum(centered)
    assert shares["b"] == pytest.approx((centered[1] * total).sum() / (total**2).sum())


def test_names_are_what_tells_prompts_apart(tmp_path):
    system = "You are a helpful assistant. " * 9
    chat = [
        row(*one)
        | {
            "prompt": [
                {"role": "system", "content": system},
                {"role": "user", "content": f"{one[1]} + 1?"},
            ]
        }
        for one in TRUE
    ]
    text = [row(*one) | {"prompt": f"{system}\nuser\n{one[1]} + 1?\nassistant\n"} for one in TRUE]
    for rows in (chat, text):
        file = read_rewards([write(tmp_path / "a.jsonl", rows)])
        assert len({name[:9] for name in file.log.prompt_ids}) == PROMPTS
        assert system in str(file.prompts[0])


def test_outliers_do_not_stretch_the_range():
    rng = np.random.default_rng(0)
    rewards = (rng.random((200, 8)) < 0.5).astype(float)
    rewards[0, 0] = -1000
    diagnosis = diagnose(rewards)
    assert diagnosis.reward_range == (0, 1)
    assert "1 of 1,600 rewards are far outside" in diagnosis.notes[0]
    assert diagnosis.batch.classes["learnable"] > 190


def test_small_groups_of_equal_outcomes_are_not_dead():
    # Every prompt has a success of 0.2; shaping differs.
    rng = np.random.default_rng(0)
    outcomes = (rng.random((400, 4)) < 0.2).astype(float)
    diagnosis = diagnose(outcomes + 0.3 * rng.random((400, 4)), outcomes=outcomes)
    assert diagnosis.dead_share == 0


def test_equal_rewards_of_a_prompt_do_not_get_old():
    rng = np.random.default_rng(0)
    rewards = [
        (rng.random((300, 8)) < rng.beta(0.3, 0.3, (300, 1))).astype(float) for _ in range(6)
    ]
    for step in rewards:
        step[:20] = 0
    table = np.concatenate(rewards)
    ids, steps = np.tile(np.arange(300), 6), np.repeat(np.arange(6), 300)
    fitted = diagnose(table, prompt_ids=ids, steps=steps)
    assert fitted.over_time.discount < 1
    given = DiagnosisSettings(discount=fitted.over_time.discount)
    forgetful = diagnose(table, prompt_ids=ids, steps=steps, settings=given)
    assert np.all(fitted.posterior.prob_low_std[:20] > forgetful.posterior.prob_low_std[:20])


def test_standard_input_ids_and_last_steps(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "a.jsonl", [row(*one) | {"step": one[0]} for one in TRUE])

    class Stdin:
        buffer = path.open("rb")

    monkeypatch.setattr("sys.stdin", Stdin)
    ids = tmp_path / "ids"
    assert main(["diagnose", "-", "--ids", str(ids), "--last-steps", "1"]) == 0
    Stdin.buffer.close()
    assert "10, 10, 40" in capsys.readouterr().out
    rows = [json.loads(line) for file in ids.iterdir() for line in file.open()]
    assert sorted(one["prompt"] for one in rows) == [f"What is {p} + 1?" for p in range(PROMPTS)]


def test_every_reader_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["diagnose", "--help"])
    shown = "".join(capsys.readouterr().out.split())
    assert all(suffix in shown for reader in READERS for suffix in reader.suffixes)
