"""Logs of trainers with a column less, or more: read rightly, or the first option reads them."""

import csv
import json
import re

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import write
from tests.jrft.diagnosis.test_checked_by_rewards import MEAN, RUN, groups, plain, text, true_groups
from tests.jrft.diagnosis.test_doubtful_logs import read

UNTIMED = [(0, *one[1:]) for one in RUN]
ONCE = [one for one in RUN if one[0] == 1]


def rows_of(form, rows=RUN):
    return [form(*one) for one in rows]


def lists(form, rows=RUN):
    """A row a group."""
    of = {}
    for s, p, i, r in rows:
        of.setdefault((s, p), []).append((i, r))
    return [form(s, p, group) for (s, p), group in of.items()]


# Name → rows that are read rightly without options, and what they hold.
READ = {
    "an inner prompt": (
        rows_of(lambda s, p, i, r: {"step": s, "data": {"prompt": text(p)}, "eval": {"score": r}}),
        RUN,
    ),
    "iterations of RLlib": (
        rows_of(lambda s, p, i, r: {"training_iteration": s, "task_id": p, "return": r}),
        RUN,
    ),
    "rollouts are steps, and no text": (
        rows_of(lambda s, p, i, r: {"rollout_id": s, "prompt_id": p, "score": r}),
        RUN,
    ),
    "rollouts are steps, and rows of metrics": (
        [
            one
            for k, row in enumerate(
                rows_of(lambda s, p, i, r: {"rollout_id": s, "prompt": text(p), "score": r})
            )
            for one in ([{"loss": 0.5}, row] if k % 9 == 0 else [row])
        ],
        RUN,
    ),
    "a number of each visit beside an id": (
        rows_of(lambda s, p, i, r: {"step": s, "prompt_id": p, "uid": f"{s}f{p}", "score": r}),
        RUN,
    ),
    "numbers of samples, no steps": (
        rows_of(lambda s, p, i, r: {"prompt": text(p), "sample_idx": i, "reward": r}),
        UNTIMED,
    ),
    "advantages, no steps": (
        rows_of(
            lambda s, p, i, r: (
                {"prompt": text(p), "completion": f"{s}{p}{i}", "right_reward": r}
                | {"advantage": r - MEAN[s, p]}
            )
        ),
        UNTIMED,
    ),
    "answers that come back": (
        rows_of(
            lambda s, p, i, r: (
                {"step": s, "prompt": text(p), "said": f"The sum of {p} is {i % 5}"} | {"reward": r}
            )
        ),
        RUN,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_logs_are_read_rightly(name, tmp_path):
    rows, run = READ[name]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert groups(file.log) == true_groups(run)
    assert len(file.prompts) == 24


# Name → rows, what they hold, and an option of the message other than the first.
FIRST = {
    "groups of objects, no steps": (
        lists(
            lambda s, p, group: {
                "question": text(p),
                "samples": [{"text": f"{s}{p}{i}", "reward": r} for i, r in group],
            }
        ),
        UNTIMED,
        "",
    ),
    "validation at the same steps": (
        rows_of(lambda s, p, i, r: plain(s, p, i, r) | {"mode": "train"})
        + rows_of(lambda s, p, i, r: plain(s, p, i, 1 - r) | {"mode": "eval"}, RUN[::6]),
        RUN,
        "",
    ),
    "trials of several visits": (
        rows_of(
            lambda s, p, i, r: {"task_id": p, "trial": i, "reward": r},
            [RUN[k] for k in np.random.default_rng(1).permutation(len(RUN))],
        ),
        UNTIMED,
        "",
    ),
    "two rewards in an object": (
        rows_of(
            lambda s, p, i, r: {
                "epoch": s,
                "task": {"question": text(p)},
                "trajectory": {"reward": r, "steps": [{"reward": r}]},
            }
        ),
        RUN,
        "--reward trajectory.reward",
    ),
}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_option_reads_them(name, tmp_path):
    rows, run, instead = FIRST[name]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="pass --") as stopped:
        read(path)
    first = re.search(r"pass (--trust-columns|--[a-z]+ [\w.]+)", str(stopped.value))
    assert first is not None
    file = read(path, instead or first.group(1))
    assert groups(file.log) == true_groups(run)


@pytest.mark.parametrize("name", ["uid", "task_id", "group_index"])
def test_ids_of_visits_do_not_hide_texts_that_vary(name, tmp_path):
    number = {at: k for k, at in enumerate(dict.fromkeys(one[:2] for one in RUN))}
    rows = rows_of(
        lambda s, p, i, r: plain(s, p, i, r) | {"prompt": f"Day {s}. {text(p)}", name: number[s, p]}
    )
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match="parts of prompt come back at other steps"):
        read(path)
    assert groups(read(path, f"--prompt {name}").log) == true_groups()


ROWS = rows_of(plain)


def written(name):
    """The rows as JSON that is no line a row."""
    lines = [json.dumps(row) for row in ROWS]
    return {
        "an array": "[\n" + ",\n".join(lines) + "\n]\n",
        "an array in a line": json.dumps(ROWS),
        "an array that is not finished": "[\n" + ",\n".join([*lines, '{"step": 3, "pro']),
        "over several lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
        "commas": ",\n".join([*lines, ""]),
        "two a line": "\n".join(map("".join, zip(lines[::2], lines[1::2], strict=True))),
    }[name]


FORMS = ("an array", "an array in a line", "an array that is not finished")
FORMS += ("over several lines", "commas", "two a line")


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_json_by_its_content(name, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    path.write_text(written(name))
    file = read(path)
    assert groups(file.log) == true_groups()
    assert ("is not finished" in " ".join(file.notes)) == ("not finished" in name)


def test_json_that_is_broken_in_its_middle_stops(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(written("over several lines").replace('"step": 2', '"step" 2', 1))
    with pytest.raises(ValueError, match="this is not a JSON document"):
        read(path)


@pytest.mark.parametrize("head", ["step, prompt, reward", "# run 5\nstep, prompt, reward"])
def test_tables_with_blanks_and_comments(head, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(head + "\n" + "\n".join(f'{s}, "q, {p}", {r}' for s, p, _, r in RUN))
    assert groups(read(path).log) == true_groups()


def test_a_table_without_names_stops(tmp_path):
    lines = [f"{s},q{p},{r}" for s, p, _, r in RUN]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="write a line of names above it, such as step,prompt,"):
        read(path)
    path.write_text("\n".join(["step,prompt,reward", *lines]))
    assert groups(read(path).log) == true_groups()


def test_a_run_that_was_resumed_has_groups_of_both_parts(tmp_path):
    """Its advantages, and its lists, are those of the groups of each part."""
    again = [(s, p, i, 1 - r if (p + i) % 3 == 0 else r) for s, p, i, r in RUN if s > 1]
    rows = []
    for part, run in (("a", RUN), ("b", again)):
        mean = {at: np.mean([o[3] for o in run if o[:2] == at]) for at in {o[:2] for o in run}}
        rows += [
            {"step": s, "prompt": text(p), "completion": f"{part}{s}-{i}", "good_reward": r}
            | {"advantage": r - mean[s, p]}
            for s, p, i, r in run
        ]
    file = read(write(tmp_path / "a.jsonl", rows))
    assert groups(file.log) == true_groups([o for o in RUN if o[0] == 1] + again)
    assert "restarts: 288 completions" in " ".join(file.notes)
    grouped = [
        row
        for run in (RUN, again)
        for row in lists(
            lambda s, p, group: {
                "step": s,
                "question": text(p),
                "samples": [{"reward": r} for _, r in group],
            },
            run,
        )
    ]
    log = read(write(tmp_path / "b.jsonl", grouped)).log
    assert groups(log) == true_groups([o for o in RUN if o[0] == 1] + again)


@pytest.mark.parametrize(
    "form",
    [
        lambda s, p, i: {"data": {"prompt": text(p), "response": f"{s}-{i}"}},
        lambda s, p, i: {
            "messages": [
                {"role": "user", "content": text(p)},
                {"role": "assistant", "content": f"{s}-{i}"},
            ]
        },
    ],
)
def test_copies_within_objects_count_once(form, tmp_path):
    rows = rows_of(lambda s, p, i, r: form(s, p, i) | {"step": s, "reward": r})
    file = read(write(tmp_path / "a.jsonl", rows + rows[-len(rows) // 3 :]))
    assert groups(file.log) == true_groups()
    assert "144 completions are in the log several times" in " ".join(file.notes)


def test_files_without_the_prompt_are_left_out(tmp_path):
    write(tmp_path / "1.jsonl", [one for one in ROWS if one["step"] < 3])
    others = [one for one in ROWS if one["step"] == 3]
    write(tmp_path / "2.jsonl", [{"ask": one.pop("prompt")} | one for one in map(dict, others)])
    file = read(tmp_path)
    assert groups(file.log) == true_groups([one for one in RUN if one[0] < 3])
    assert "2.jsonl: there is no prompt in it, it was left out" in " ".join(file.notes)


def test_a_header_that_is_repeated(tmp_path):
    path = tmp_path / "a.csv"
    rows = rows_of(lambda s, p, i, r: [s, text(p), r, json.dumps([s, i])])
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        for start in range(0, len(rows), 100):
            table.writerow(["step", "prompt", "accuracy_reward", "tokens"])
            table.writerows(rows[start : start + 100])
    file = read(path, "--reward accuracy_reward")
    assert groups(file.log) == true_groups()
    assert "lines that repeat the header were left out" in " ".join(file.notes)
