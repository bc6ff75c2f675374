"""Readers: every format gives the same log; bad rows are named by file and line."""

import csv
import gzip
import json
import sys
import time

import numpy as np
import pytest

from jrft.diagnosis import diagnose_log
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.reading import read_rewards

ROWS = [
    {"step": 1, "prompt": "2 + 2 = ?", "completion": "4", "reward": 1.0, "correct": 1},
    {"step": 1, "prompt": "2 + 2 = ?", "completion": "5", "reward": 0.1, "correct": 0},
    {"step": 1, "prompt": "3 + 4 = ?", "completion": "", "reward": None, "correct": 0},
    {"step": 2, "prompt": "3 + 4 = ?", "completion": "7", "reward": 1, "correct": 1},
]


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_csv(path, rows, delimiter=","):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def gzipped(path):
    zipped = path.with_name(path.name + ".gz")
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    return zipped


def check(file):
    log = file.log
    np.testing.assert_array_equal(log.rewards, [1.0, 0.1, np.nan, 1.0])
    np.testing.assert_array_equal(log.prompts, [0, 0, 1, 1])
    assert list(log.prompt_ids) == ["2 + 2 = ?", "3 + 4 = ?"]
    np.testing.assert_array_equal(log.steps, [1, 1, 1, 2])
    np.testing.assert_array_equal(log.outcomes, [1, 0, 0, 1])
    assert file.num_rows == 4


def test_every_text_format_gives_the_same_log(tmp_path):
    jsonl = write_jsonl(tmp_path / "a.jsonl", ROWS)
    comma = write_csv(tmp_path / "b.csv", ROWS)
    tab = write_csv(tmp_path / "c.tsv", ROWS, "\t")
    for path in (jsonl, comma, tab, gzipped(jsonl), gzipped(comma)):
        check(read_rewards([path]))


def test_parquet_gives_the_same_log(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    check(read_rewards([path]))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="needs pyarrow, which is not installed: pip install"):
        read_rewards([path])


def test_arrays(tmp_path):
    rewards = np.array([[0.0, 1.0], [1.0, np.nan]])
    np.save(tmp_path / "a.npy", rewards)
    np.savez(tmp_path / "b.npz", rewards=rewards, prompt_ids=["x", "y"], steps=[3, 4])
    plain, named = (read_rewards([tmp_path / name]).log for name in ("a.npy", "b.npz"))
    for log in (plain, named):
        np.testing.assert_array_equal(log.rewards, rewards.ravel())
        np.testing.assert_array_equal(log.prompts, [0, 0, 1, 1])
    assert list(named.prompt_ids) == ["x", "y"]
    np.testing.assert_array_equal(named.steps, [3, 3, 4, 4])


def test_a_group_a_row(tmp_path):
    rows = [
        {"prompt": "a", "rewards": [0, 1, None], "correct": [0, 1, 0]},
        {"prompt": "b", "rewards": [1], "correct": [1]},
    ]
    log = read_rewards([write_jsonl(tmp_path / "a.jsonl", rows)]).log
    np.testing.assert_array_equal(log.rewards, [0, 1, np.nan, 1])
    np.testing.assert_array_equal(log.prompts, [0, 0, 0, 1])
    np.testing.assert_array_equal(log.outcomes, [0, 1, 0, 1])
    anonymous = [{"rewards": row["rewards"]} for row in rows]
    log = read_rewards([write_jsonl(tmp_path / "b.jsonl", anonymous)]).log
    np.testing.assert_array_equal(log.prompts, [0, 0, 0, 1])


def test_verl_rollout_dumps(tmp_path):
    # A file a step: input, output, gts, score, step, and what the reward function adds.
    for step in (2, 10):
        rows = [
            {"input": f"q{i}", "output": "…", "gts": "4", "score": 0.5, "step": step, "acc": True}
            for i in range(3)
        ]
        write_jsonl(tmp_path / f"{step}.jsonl", rows)
    file = read_rewards([tmp_path])
    assert file.columns.prompt == ("input",)
    assert dict(file.columns.reward) == {"score": 1.0}
    np.testing.assert_array_equal(file.log.steps, [2, 2, 2, 10, 10, 10])  # not 10 before 2
    np.testing.assert_array_equal(file.log.outcomes, 1)


def test_trl_completions_log(tmp_path):
    # A column a reward function, and no total: the reward is their (weighted) sum.
    rows = [
        {
            "step": 5,
            "prompt": [{"role": "user", "content": "hi"}],
            "completion": "hello",
            "accuracy_reward": 1.0,
            "format_reward": None if i else 0.5,
            "advantage": 0.3,
        }
        for i in range(2)
    ]
    path = write_jsonl(tmp_path / "completions.jsonl", rows)
    file = read_rewards([path])
    assert dict(file.columns.reward) == {"accuracy_reward": 1.0, "format_reward": 1.0}
    np.testing.assert_array_equal(file.log.rewards, [1.5, 1.0])
    np.testing.assert_array_equal(file.log.prompts, [0, 0])
    np.testing.assert_array_equal(file.log.components["format_reward"], [0.5, np.nan])
    weighted = Columns(reward={"accuracy_reward": 1.0, "format_reward": 0.2})
    np.testing.assert_allclose(read_rewards([path], columns=weighted).log.rewards, [1.1, 1.0])


def test_columns_can_be_named(tmp_path):
    rows = [{"q": "a", "r1": 0.5, "reward": 9.0, "t": 3, "ok": 1}]
    columns = Columns(prompt=("q",), reward={"r1": 1.0}, outcome="ok", step="t")
    file = read_rewards([write_jsonl(tmp_path / "a.jsonl", rows)], columns=columns)
    assert (file.log.rewards[0], file.log.steps[0], file.log.outcomes[0]) == (0.5, 3, 1)
    assert file.columns.described() == "prompt: q, reward: r1, outcome: ok, step: t"


def test_a_guessed_outcome_must_hold_zeros_and_ones(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"prompt": "a", "reward": 1, "acc": 0.7}])
    file = read_rewards([path])
    assert file.log.outcomes is None
    assert "'acc' looked like the outcome but does not hold 0 and 1" in file.notes[0]
    named = read_rewards([path], columns=Columns(outcome="acc"))
    np.testing.assert_array_equal(named.log.outcomes, [0.7])  # asked for: `diagnose` will say


def test_long_prompts_are_kept_apart_but_not_kept(tmp_path):
    start = "x" * 5000
    rows = [{"prompt": start + end, "reward": 0} for end in ("a", "b", "a")]
    log = read_rewards([write_jsonl(tmp_path / "a.jsonl", rows)]).log
    np.testing.assert_array_equal(log.prompts, [0, 1, 0])
    assert len(set(log.prompt_ids)) == 2
    assert max(map(len, log.prompt_ids)) < 200


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{broken", "this is not JSON"),
        ("[1, 2]", "this is no JSON object"),
        ('{"prompt": "a", "reward": "high"}', "reward is 'high', not a number"),
        ('{"prompt": "a"}', "there is no 'reward'"),
        ('{"reward": 1}', "there is no 'prompt'"),
        ('{"prompt": "a", "reward": Infinity}', "reward is infinite"),
        ('{"prompt": "a", "reward": {"x": 1}}', "not a number"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, bad, problem):
    good = json.dumps({"prompt": "a", "reward": 1})
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([good, "", good, bad, good]) + "\n")
    with pytest.raises(ValueError, match=rf"a\.jsonl, line 4: .*{problem}.*--skip-bad-rows"):
        read_rewards([path])
    file = read_rewards([path], skip_bad_rows=True)
    assert (file.num_rows, file.num_skipped) == (3, 1)
    np.testing.assert_array_equal(file.log.rewards, [1, 1, 1])
    assert list(file.log.prompt_ids) == ["a"]


def test_two_objects_on_a_line_are_a_bad_row(tmp_path):
    path = tmp_path / "a.jsonl"
    row = '{"prompt": "a", "reward": 1}'
    path.write_text(f"{row}\n{row}, {row}\n")
    with pytest.raises(ValueError, match="line 2: this is not JSON"):
        read_rewards([path])


def test_bad_steps_and_fields(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"prompt": "a", "reward": 1, "step": 0.5}])
    with pytest.raises(ValueError, match="line 1: step holds something else than a whole number"):
        read_rewards([path], columns=Columns(step="step"))
    file = read_rewards([path])
    assert file.log.steps is None
    assert "'step' looked like the step but does not hold whole numbers" in file.notes[0]
    table = tmp_path / "b.csv"
    table.write_text("prompt,reward\na,1\nb\nc,0\n")
    with pytest.raises(ValueError, match=r"b\.csv, line 3: there are 1 fields under 2 names"):
        read_rewards([table])
    assert read_rewards([table], skip_bad_rows=True).num_skipped == 1


def test_quoted_line_breaks_in_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('prompt,reward\n"two\nlines",1\nb,zero\n')
    with pytest.raises(ValueError, match="line 4: reward is 'zero', not a number"):
        read_rewards([path])
    assert read_rewards([path], skip_bad_rows=True).log.prompt_ids[0] == "two\nlines"


def test_bad_rows_are_found_beyond_the_first_batch(tmp_path):
    rows = [json.dumps({"prompt": f"p{i % 7}", "reward": i % 2}) for i in range(20_000)]
    rows[15_000] = '{"prompt": "p", "reward": "?"}'
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(rows))
    with pytest.raises(ValueError, match="line 15001"):
        read_rewards([path])
    file = read_rewards([path], skip_bad_rows=True)
    assert file.num_rows == 19_999
    assert len(file.log.prompt_ids) == 7
    np.testing.assert_array_equal(file.log.rewards[:4], [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", "there is no row to read"),
        ("a.txt", "x", "its kind is unknown; known are .jsonl"),
        (
            "a.jsonl",
            '{"prompt": "a"}',
            "no column of prompt looks like the reward: name it, or all that add up",
        ),
        ("a.jsonl", '{"reward": 1}', "no column of reward looks like the prompt: name it"),
        ("a.jsonl.gz", "no gzip", "the file is damaged"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_rewards([path])


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"a\.npy: the file is damaged"):
        read_rewards([path])


def test_missing_files_columns_and_arrays_say_so(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        read_rewards([tmp_path / "a.jsonl"])
    with pytest.raises(ValueError, match=r"there is no .jsonl.* file in it"):
        read_rewards([tmp_path])
    path = write_jsonl(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(ValueError, match=r"there is no column 'score': there are step, prompt"):
        read_rewards([path], columns=Columns(reward={"score": 1.0}))
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(3,\), not \(prompts, samples\)"):
        read_rewards([tmp_path / "b.npy"])
    np.savez(tmp_path / "c.npz", values=np.zeros((2, 2), "U3"))
    with pytest.raises(ValueError, match=r"no column of values.* looks like the reward"):
        read_rewards([tmp_path / "c.npz"])
    np.savez(tmp_path / "d.npz", seed=0)
    with pytest.raises(ValueError, match="there is no array in it: write an array 'rewards'"):
        read_rewards([tmp_path / "d.npz"])


def test_progress_rises_to_one(tmp_path):
    rows = ROWS * 6000
    first = write_jsonl(tmp_path / "a.jsonl", rows)
    second = gzipped(write_jsonl(tmp_path / "b.jsonl", rows))
    shares = []
    read_rewards([first, second], progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.9
    assert shares[-1] == 1


@pytest.mark.slow
def test_a_million_rewards_are_read_and_judged_in_seconds(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("w") as file:
        for i in range(1_000_000):
            row = (
                f'"step": {i // 80_000}, "prompt_id": "q{i // 8 % 5000}", "reward": {i % 3 // 2}.0'
            )
            file.write(f"{{{row}}}\n")
    start = time.process_time()
    file = read_rewards([path])
    diagnosis = diagnose_log(file.log)
    # A tenth of ten million in 30 s, with as much again for a slow machine.
    assert time.process_time() - start < 6
    assert diagnosis.batch.num_rewards == 1_000_000
    kept = (file.log.rewards, file.log.prompts, file.log.steps)
    assert sum(column.nbytes for column in kept) == 20_000_000
