"""What cells write and rows hold: percentages, lists as text, thousands, metrics, trials."""

import csv
import json

import numpy as np
import pytest

from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, TRUE, check, write
from tests.jrft.diagnosis.test_checked_by_rewards import RUN, groups, true_groups
from tests.jrft.diagnosis.test_doubtful_logs import read


def rows_with(form):
    return [form(*one) for one in TRUE]


@pytest.mark.parametrize(
    ("cell", "scale", "said"),
    [
        (lambda r: f"{r / 4:.1%}", 0.25, "25.0% as 0.25"),
        (lambda r: f"{r * 12.5} %".replace(".", ","), 0.125, "12,5 % as 0.125"),
        (lambda r: f"{3 * int(r)}/4", 0.75, "3/4 as 0.75"),
    ],
)
def test_percentages_and_shares_are_rewards(cell, scale, said, tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        rows_with(lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "reward": cell(r)}),
    )
    file = read(path)
    check(file, scale=scale)
    assert said in " ".join(file.notes)


def test_percentages_are_guessed_by_known_names_alone(tmp_path):
    rows = rows_with(lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "grade": f"{100 * r:g}%"})
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="--reward grade"):
        read(path)
    check(read(path, "--reward grade"))


@pytest.mark.parametrize(
    ("cell", "steps"),
    [(lambda s: f"{s},000", [1000, 2000]), (lambda s: f"step {s}/20", [1, 2])],
)
def test_steps_with_thousands_or_a_last_step(cell, steps, tmp_path):
    rows = rows_with(lambda s, p, i, r: {"step": cell(s), "prompt": f"q{p}", "reward": r})
    file = read(write(tmp_path / "a.jsonl", rows))
    assert sorted(set(file.log.steps)) == steps
    assert f"as {steps[0]}" in " ".join(file.notes)


def test_percentages_are_no_steps(tmp_path):
    rows = rows_with(lambda s, p, i, r: {"step": f"{50 * s}%", "prompt": f"q{p}", "reward": r})
    file = read(write(tmp_path / "a.jsonl", rows))
    check(file, steps=False)
    assert "does not hold whole numbers" in " ".join(file.notes)


# Name → how a list of rewards is written as text.
TEXTS = {
    "JSON": lambda rewards: json.dumps([None if r else 0.0 for r in rewards]).replace("null", "1"),
    "Python": lambda rewards: str([bool(r) for r in rewards]),
    "NumPy": lambda rewards: str(np.array(rewards)),
    "a tensor": lambda rewards: f"tensor({rewards}, device='cuda:0')",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_lists_as_text_are_groups(name, kind, tmp_path):
    rows = [
        {"step": s, "prompt": f"q{p}", "rewards": TEXTS[name](rewards)}
        for s in (1, 2)
        for p in range(PROMPTS)
        for rewards in [[r for t, q, _, r in TRUE if (s, p) == (t, q)]]
    ]
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        write(path, rows)
    else:
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    read_back = read(path)
    check(read_back)
    assert "Texts of rewards were read as the lists" in " ".join(read_back.notes)


def test_parallel_lists_and_objects_as_text(tmp_path):
    rows = [
        {
            "step": s,
            "prompt": str([f"q{p}" for t, p, *_ in TRUE if s == t]),
            "reward": json.dumps([{"score": r, "n": i} for t, _, i, r in TRUE if s == t]),
        }
        for s in (1, 2)
    ]
    path = write(tmp_path / "a.jsonl", rows)
    check(read(path))
    assert read(path).columns.reward == {"reward.score": 1.0}


def test_texts_in_brackets_are_texts(tmp_path):
    rows = rows_with(lambda s, p, i, r: {"step": s, "prompt": f"[INST] {p} [/INST]", "reward": r})
    file = read(write(tmp_path / "a.jsonl", rows))
    check(file)
    assert not file.notes


ROWS = rows_with(lambda s, p, i, r: {"step": s, "prompt": f"q{p}", "reward": r})


def between(metric):
    """The rows, with one of metrics before each step and behind each prompt."""
    steps = [{"step": 1}, *({"step": one["step"]} for one in ROWS[GROUP - 1 :: GROUP])]
    parts = [ROWS[k : k + GROUP] for k in range(0, len(ROWS), GROUP)]
    return [one for at, part in zip(steps, parts, strict=False) for one in [at | metric, *part]]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_rows_of_metrics_are_left_out(kind, tmp_path):
    rows = between({"loss": 0.25, "kl": 0.01})
    path = tmp_path / f"a.{kind}"
    names = ["step", "prompt", "reward", "loss", "kl"]
    if kind == "csv":
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(rows)
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow")
        columns = {name: [one.get(name) for one in rows] for name in names}
        arrow.parquet = pytest.importorskip("pyarrow.parquet")
        arrow.parquet.write_table(arrow.table(columns), path)
    else:
        write(path, rows)
    file = read(path)
    check(file)
    assert f"{len(rows) - len(ROWS)} rows hold neither a prompt nor a reward" in " ".join(
        file.notes
    )


def test_a_mean_without_a_prompt_stops(tmp_path):
    path = write(tmp_path / "a.jsonl", between({"loss": 0.25, "reward": 0.5}))
    with pytest.raises(ValueError, match=r"line 1: there is no 'prompt'.*--skip-bad-rows"):
        read(path)
    check(read_rewards([path], skip_bad_rows=True))


def test_a_history_of_metrics_alone_stops(tmp_path):
    history = [{"loss": 0.3, "reward": 0.1 * s, "step": s} for s in range(1, 40)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"global_step": 39, "log_history": history}))
    with pytest.raises(ValueError, match="each step has one row of numbers, as metrics have"):
        read(path)


def test_rows_without_a_score_stay(tmp_path):
    rows = [one | {"reward": None} if k % 7 == 0 else one for k, one in enumerate(ROWS)]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert np.isnan(file.log.rewards).sum() == len(rows[::7])
    assert len(file.log.rewards) == len(rows)


def test_bad_rows_are_not_left_out_of_groups_that_are_counted(tmp_path):
    rows = [{"reward": r} for *_, r in RUN]
    rows[3] = {"reward": "broken"}
    path = write(tmp_path / "a.jsonl", rows)
    for given in ("--group-size 6", "--group-size 6 --skip-bad-rows"):
        with pytest.raises(ValueError, match="line 4: reward is 'broken'"):
            read(path, given)
    rows[3] = {"reward": None}
    file = read(write(path, rows), "--group-size 6")
    np.testing.assert_array_equal(np.bincount(file.log.prompts), 6)


def test_groups_that_are_counted_are_prompts_of_their_own(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"step": s, "reward": r} for s, _, _, r in RUN])
    file = read(path, "--group-size 6")
    assert groups(file.log) == true_groups()
    assert "Each 6 completions count as a prompt of their own" in " ".join(file.notes)
    path = write(tmp_path / "b.jsonl", [{"reward": r} for *_, r in RUN[:-2]])
    with pytest.raises(ValueError, match="leave out the last 4 rows"):
        read(path, "--group-size 6")
    write(path, [{"reward": r} for *_, r in RUN[:-6]])
    assert groups(read(path, "--group-size 6").log) == true_groups(RUN[:-6])


def test_ids_of_completions_offer_the_groups_first(tmp_path):
    path = write(
        tmp_path / "a.jsonl", [{"uid": f"u{k}", "reward": o[3]} for k, o in enumerate(RUN)]
    )
    with pytest.raises(ValueError, match=r"Pass --prompt NAME .* or --group-size N .*\. --trust-"):
        read(path)
    assert groups(read(path, "--group-size 6").log) == true_groups()
    trusted = read(path, "--trust-columns")
    assert "By uid, 100% of the 432 prompts have one completion" in " ".join(trusted.notes)


TRIALS = sorted(RUN, key=lambda one: (one[0], one[2]))


def test_trials_beside_a_task(tmp_path):
    rows = [{"task_id": f"t{p}", "trial": i, "reward": r} for _, p, i, r in TRIALS]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=r"trial divides .* pass --trust-columns if all rows of a"):
        read(path)
    assert groups(read(path, "--trust-columns").log) == true_groups([(0, *o[1:]) for o in RUN])
    timed = [one | {"pass": o[0]} for one, o in zip(rows, TRIALS, strict=True)]
    assert groups(read(write(path, timed), "--step pass").log) == true_groups()


def test_seeds_of_trials_beside_a_task(tmp_path):
    first = [one for one in RUN if one[0] == 1]
    rows = [{"task_id": p, "trial": 100 * i + k, "reward": r} for _, p, i, r in first for k in (0,)]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert file.columns.prompt == ("task_id",)


def test_numbers_of_one_prompt_as_text_and_as_number(tmp_path):
    rows = [
        {"step": s, "prompt_id": [p, str(p), float(p)][i % 3], "reward": r} for s, p, i, r in TRUE
    ]
    check(read(write(tmp_path / "a.jsonl", rows)))


@pytest.mark.parametrize("lengths", ["last", "many"])
def test_rewards_of_tokens_are_no_groups(lengths, tmp_path):
    rng = np.random.default_rng(0)
    first = [one for one in RUN if one[0] == 1 and one[2] == 0]
    rows = []
    for _, p, _, r in first:
        size = int(rng.integers(20, 90))
        part = np.zeros(size) if lengths == "last" else rng.normal(size=size)
        part[-1] = r
        rows.append({"prompt": f"q{p}", "rewards": part.round(3).tolist()})
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="as rewards of turns or tokens are: pass --lists sum"):
        read(path)
    found = read(path, "--lists last --trust-columns").log.rewards
    assert found.tolist() == [r for *_, r in first]


@pytest.mark.parametrize("said", ["{}/gsm8k", "math-{}", "{}_0017"])
def test_splits_within_words(said, tmp_path):
    rows = [one | {"tag": said.format("train")} for one in ROWS]
    rows += [one | {"tag": said.format("test"), "prompt": "new"} for one in ROWS[:8]]
    path = write(tmp_path / "a.jsonl", rows)
    assert "By column tag, rows of several splits are read together" in " ".join(read(path).notes)
    check(read_rewards([path], split="train"))
