"""Readings that the rewards contradict: they stop with a remedy that works."""

import json

import numpy as np
import pytest

from jrft.diagnosis.log.evidence import blocks_agree
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.test_doubtful_logs import read, write

PROMPTS, STEPS, GROUP = 24, 3, 6


def completions():
    """(step, prompt, sample, reward), the prompts in another order at each step."""
    rng = np.random.default_rng(5)
    success = rng.permutation(np.r_[np.zeros(6), np.ones(3), rng.beta(0.7, 0.7, PROMPTS - 9)])
    for step in range(1, STEPS + 1):
        for prompt in rng.permutation(PROMPTS).tolist():
            for sample in range(GROUP):
                yield step, prompt, sample, float(rng.random() < success[prompt])


RUN = list(completions())
FIRST = {(s, p): k // GROUP % PROMPTS for k, (s, p, i, _) in enumerate(RUN) if i == 0}
NOISE = np.random.default_rng(0).random(len(RUN)).round(3).tolist()
MEAN = {at: np.mean([r for s, p, _, r in RUN if (s, p) == at]) for at in FIRST}


def text(prompt):
    return f"What is {prompt} + {prompt * 7 % 11}? Give the number."


def groups(log):
    """The rewards of each group of a prompt at a step, or of a prompt where steps are not used."""
    steps = log.steps if log.steps is not None else np.zeros(len(log.rewards), int)
    found = {}
    for prompt, step, reward in zip(log.prompts, steps, log.rewards.round(6), strict=True):
        found.setdefault((int(prompt), int(step)), []).append(float(reward))
    return sorted(sorted(rewards) for rewards in found.values())


def true_groups(rows=RUN):
    found = {}
    for step, prompt, _, reward in rows:
        found.setdefault((step, prompt), []).append(reward)
    return sorted(sorted(rewards) for rewards in found.values())


def plain(s, p, i, r):
    return {"step": s, "prompt": text(p), "completion": f"{s}-{p}-{i}", "reward": r}


# Name → a row, what the message says, and options that read the groups rightly.
STOPS = {
    "texts that are cut off": (
        lambda s, p, i, r: {"step": s, "prompt": text(p)[:9] + "…", "key": p, "reward": r},
        "one prompt stand for several prompts",
        "--prompt key",
    ),
    "a system prompt, and a question under another name": (
        lambda s, p, i, r: {"step": s, "prompt": "Solve.", "user": text(p), "reward": r},
        "one prompt stand for several prompts",
        "--prompt user",
    ),
    "an id within a category": (
        lambda s, p, i, r: {"step": s, "category": f"c{p % 3}", "id": p // 3, "reward": r},
        "category divides the completions of each group",
        "--prompt category --prompt id",
    ),
    "a place in the batch": (
        lambda s, p, i, r: {"step": s, "group_id": f"g{FIRST[s, p]}", "reward": r},
        "it may be a place in the batch. Pass --prompt group_id --prompt step",
        "--prompt group_id --prompt step",
    ),
    "advantages under the name of rewards": (
        lambda s, p, i, r: plain(s, p, i, r - MEAN[s, p]) | {"right": r},
        "the mean of reward is 0 in each group",
        "--reward right",
    ),
    "means of groups under the name of rewards": (
        lambda s, p, i, r: plain(s, p, i, MEAN[s, p]) | {"right": r},
        "reward is the same in all rows of a group",
        "--reward right",
    ),
    "a reward that is never given": (
        lambda s, p, i, r: plain(s, p, i, 0.0) | {"accuracy": r},
        "reward is 0 in all rows, and accuracy differs",
        "--reward accuracy",
    ),
    "epochs of steps that restart": (
        lambda s, p, i, r: plain(FIRST[s, p] // 6, p, i, r) | {"epoch": s},
        "whether step or epoch is the training step",
        "--step epoch",
    ),
    "a step of an unknown name": (
        lambda s, p, i, r: {"update": s, "prompt": text(p), "reward": r},
        "Pass --step update if it is the training step",
        "--step update",
    ),
}


@pytest.mark.parametrize("name", STOPS)
def test_rewards_that_contradict_a_reading_stop_it(name, tmp_path):
    form, reason, remedy = STOPS[name]
    path = write(tmp_path / "a.jsonl", [form(*one) for one in RUN])
    with pytest.raises(ValueError, match=reason) as stopped:
        read(path)
    assert remedy.split()[0] in str(stopped.value)
    assert groups(read(path, remedy).log) == true_groups()


@pytest.mark.parametrize("name", ["agent", "judge", "model", "temperature", "message_index"])
def test_columns_that_divide_each_group_are_asked_about(name, tmp_path):
    rows = [
        plain(s, p, i, r if which == 0 else noise) | {name: which}
        for (s, p, i, r), noise in zip(RUN, NOISE, strict=True)
        for which in (0, 1)
    ]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=f"{name} divides the completions of each group"):
        read(path)
    one_by_one = groups(read(path, f"--prompt prompt --prompt {name}").log)
    assert len(one_by_one) == 2 * len(FIRST)
    assert all(one in one_by_one for one in true_groups())


# Name → a row that is read rightly without options.
READ = {
    "an example before each question": (
        RUN,
        lambda s, p, i, r: {
            "step": s,
            "messages": [
                {"role": "user", "content": "1 + 1?"},
                {"role": "assistant", "content": "2"},
                {"role": "user", "content": text(p)},
                {"role": "assistant", "content": f"{s}-{i}"},
            ],
            "reward": r,
        },
    ),
    "sorted by reward": (sorted(RUN, key=lambda one: (one[0], one[1], one[3])), plain),
    "in any order": ([RUN[k] for k in np.random.default_rng(0).permutation(len(RUN))], plain),
    "one sample of all prompts after the other": (sorted(RUN, key=lambda o: (o[0], o[2])), plain),
    "machines that share a group": (RUN, lambda s, p, i, r: plain(s, p, i, r) | {"rank": i % 2}),
    "numbers of samples, and no steps": (
        RUN,
        lambda s, p, i, r: {"prompt": text(p), "sample": i, "reward": r},
    ),
    "ids that count from 0": (
        RUN,
        lambda s, p, i, r: {"step": s, "prompt_id": p, "reward": r},
    ),
    "blanks around texts": (
        RUN,
        lambda s, p, i, r: plain(s, p, i, r) | {"prompt": text(p) + " " * (i % 2)},
    ),
    "padded tokens": (
        RUN,
        lambda s, p, i, r: plain(s, p, i, r) | {"prompt": [0] * (i % 3) + [5, 6, p]},
    ),
    "a step that stands still, and epochs": (
        RUN,
        lambda s, p, i, r: plain(1, p, i, r) | {"epoch": s},
    ),
    "printed numbers": (RUN, lambda s, p, i, r: plain(s, p, i, f"np.float64({r})")),
}


@pytest.mark.parametrize("name", READ)
def test_unusual_logs_are_read_rightly(name, tmp_path):
    order, form = READ[name]
    file = read(write(tmp_path / "a.jsonl", [form(*one) for one in order]))
    timed = file.log.steps is not None
    assert groups(file.log) == true_groups([o if timed else (0, *o[1:]) for o in RUN])
    assert timed == ("step" in form(*RUN[0]))
    assert len(file.prompts) == PROMPTS


@pytest.mark.parametrize("name", ["prompt_id", "group_index", "id"])
def test_places_in_the_batch_are_no_prompts(name, tmp_path):
    rows = [{"step": s, name: FIRST[s, p], "reward": r} for s, p, _, r in RUN]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=f"Pass --prompt {name} --prompt step if so"):
        read(path)
    visits = read(path, f"--prompt {name} --prompt step")
    np.testing.assert_array_equal(np.bincount(visits.log.prompts), [GROUP] * STEPS * PROMPTS)
    given = read(path, f"--prompt {name}")
    assert "it may be a place in the batch" in " ".join(given.notes)
    plain_rows = [{name: FIRST[s, p], "reward": r} for s, p, _, r in RUN]
    without_steps = write(tmp_path / "b.jsonl", plain_rows)
    with pytest.raises(ValueError, match=r"place in the batch\. Pass --group-size N if so"):
        read(without_steps)
    assert groups(read(without_steps, f"--group-size {GROUP}").log) == true_groups()


def test_a_wrong_size_of_groups_stops(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"reward": r} for *_, r in RUN])
    for size in (12, 36):
        with pytest.raises(ValueError, match=f"--group-size is {size}, and rewards that follow"):
            read(path, f"--group-size {size}")
        assert read(path, f"--group-size {size} --trust-columns").log.rewards.size == len(RUN)
    with pytest.raises(ValueError, match=r"each 2 groups .* pass --group-size 6, or --trust-"):
        read(path, "--group-size 3")
    assert groups(read(path, f"--group-size {GROUP}").log) == true_groups()


@pytest.mark.parametrize("field", ["id", "question"])
def test_a_row_a_step_holds_objects_with_ids(field, tmp_path):
    def rows(name):
        return [
            {"step": at, "rollouts": [{field: name(s, p), "reward": r} for s, p, _, r in part]}
            for at in range(1, STEPS + 1)
            for part in [[one for one in RUN if one[0] == at]]
        ]

    file = read(write(tmp_path / "a.jsonl", rows(lambda s, p: p if field == "id" else text(p))))
    assert file.columns.prompt == (f"rollouts.{field}",)
    assert groups(file.log) == true_groups()
    if field == "id":
        places = write(tmp_path / "b.jsonl", rows(lambda s, p: FIRST[s, p]))
        with pytest.raises(ValueError, match="it may be a place in the batch"):
            read(places)


def test_names_by_several_numbers_are_no_tokens(tmp_path):
    rows = [{"step": s, "a": 1, "b": p, "reward": r} for s, p, _, r in RUN]
    file = read(write(tmp_path / "a.jsonl", rows), "--prompt a --prompt b")
    assert len(file.prompts) == PROMPTS
    assert groups(file.log) == true_groups()


def honest(rng):
    """A log without a fault: how its prompts are named, and its rows."""
    prompts, steps = int(rng.choice([6, 12, 40, 120])), int(rng.choice([1, 2, 4, 10]))
    group, kind = int(rng.choice([4, 8, 16])), rng.choice(["0/1", "graded", "rare"])
    naming = rng.choice(["text", "id", "both", "id of some"])
    order, learning = rng.choice(["plain", "shuffled", "interleaved"]), rng.choice([0, 0.3])
    timed, logit = rng.random() < 0.7, rng.logistic(0, 2, prompts)
    rows = []
    for step in range(steps):
        chance = 1 / (1 + np.exp(-logit - learning * step)) * (0.05 if kind == "rare" else 1)
        seen = rng.permutation(prompts)[: max(prompts // 2, 2) if naming == "id of some" else None]
        places = np.repeat(seen, group) if order != "interleaved" else np.tile(seen, group)
        for prompt in (rng.permutation(places) if order == "shuffled" else places).tolist():
            earned = rng.binomial(10, chance[prompt]) / 10 if kind == "graded" else None
            one = {"step": step} if timed else {}
            one |= {"prompt": f"What about {prompt}?"} if naming in ("text", "both") else {}
            one |= {"prompt_id": prompt} if naming != "text" else {}
            reward = float(rng.random() < chance[prompt]) if earned is None else earned
            rows.append(one | {"reward": reward, "length": int(rng.integers(99))})
    return naming, rows


def stopped(seeds, tmp_path):
    """How the prompts of those logs are named that are stopped."""
    namings = []
    for seed in seeds:
        naming, rows = honest(np.random.default_rng(seed))
        try:
            read(write(tmp_path / "a.jsonl", rows))
        except ValueError:
            namings.append(naming)
    return namings


def test_groups_that_follow_each_other_are_told_from_sorted_prompts():
    """Sorted prompts and rewards that drift make all neighbors agree, not pairs of them alone."""
    rng = np.random.default_rng(0)
    for success in (np.sort(rng.random(240)), rng.random(240)):
        rewards = (rng.random((240, 8)) < success[:, None]).astype(float).ravel()
        assert blocks_agree(rewards, 8) is None
    assert blocks_agree(rewards, 4) == 2


def test_honest_logs_are_not_stopped(tmp_path):
    assert not stopped(range(12), tmp_path)


@pytest.mark.slow
def test_four_hundred_honest_logs(tmp_path):
    assert not stopped(range(400), tmp_path)  # The guide says so.


def test_files_of_metrics_beside_a_log_are_left_out(tmp_path):
    write(tmp_path / "rollouts.jsonl", [plain(*one) for one in RUN])
    write(tmp_path / "metrics.jsonl", [{"step": s, "reward": 0.4} for s in (1, 2, 3)])
    (tmp_path / "summary.json").write_text(json.dumps([{"step": 3, "reward": 0.4}]))
    file = read_rewards([tmp_path])
    assert groups(file.log) == true_groups()
    assert sum("there is no prompt in it, it was left out" in note for note in file.notes) == 2
