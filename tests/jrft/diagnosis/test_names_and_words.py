"""What names of files and words in cells say: splits, steps, runs, verdicts, encodings."""

import json

import numpy as np
import pytest

from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import PROMPTS, TRUE, check, row, write
from tests.jrft.diagnosis.test_doubtful_logs import read

ROWS = [row(*one) | {"step": one[0]} for one in TRUE]
PLAIN = [row(*one) for one in TRUE]
OTHERS = [one | {"reward": 1 - one["reward"], "completion": "!"} for one in PLAIN]
HALF = len(PLAIN) // 2


@pytest.mark.parametrize(
    ("column", "train", "other"),
    [
        ("stage", "train", "eval"),
        ("type", "training", "validation"),
        ("mode", "rollout", "eval"),
        ("phase", "TRAIN", "VAL"),
        ("anything", "train", "test"),
        ("meta.split", "train", "dev"),
        ("is_test", 0, 1),
        ("train", True, False),
        ("eval", None, True),
    ],
)
def test_columns_that_say_a_split(column, train, other, tmp_path):
    def said(value):
        stem, _, leaf = column.rpartition(".")
        return {stem: {leaf: value}} if stem else {column: value}

    rows = [one | said(train) for one in ROWS]
    rows += [row(9, 0, i, 1.0) | {"step": 2} | said(other) for i in range(5)]
    path = write(tmp_path / "a.jsonl", rows)
    assert f"By column {column}, rows of several splits" in " ".join(read(path).notes)
    check(read_rewards([path], split="train"))
    assert len(read_rewards([path], split="eval" if other != "test" else "test").prompts) == 1


def test_columns_that_say_no_split(tmp_path):
    rows = [one | {"type": "abc"[i % 3], "mode": "greedy"} for i, one in enumerate(ROWS)]
    file = read(write(tmp_path / "a.jsonl", rows))
    check(file)
    assert not file.notes


@pytest.mark.parametrize(
    "name",
    [
        "step={}/part-0.jsonl",
        "global_step={}/a.jsonl",
        "day=3/step={}/a.jsonl",
        "epoch_0/step_{}/a.jsonl",
        "checkpoint-{}/a.jsonl",
        "update_{}.jsonl",
        "epoch{}.jsonl",
        "iter_{}/rank_0.jsonl",
    ],
)
def test_steps_in_names(name, tmp_path):
    write(tmp_path / name.format(1), PLAIN[:HALF])
    write(tmp_path / name.format(2), PLAIN[HALF:])
    check(read_rewards([tmp_path]))


def test_steps_in_names_that_begin_anew_in_each_epoch(tmp_path):
    for epoch in (0, 1):
        for step in (0, 1):
            rows = [one | {"completion": f"{epoch}{step}{i}"} for i, one in enumerate(PLAIN[:HALF])]
            write(tmp_path / f"epoch_{epoch}" / f"step_{step}.jsonl", rows)
    file = read_rewards([tmp_path])
    assert sorted(set(file.log.steps)) == [0, 1, 2, 3]
    assert "begin anew in each epoch" in " ".join(file.notes)


@pytest.mark.parametrize("names", [("a/log", "b/log"), ("run_1", "run_2"), ("lr3", "base")])
def test_runs_without_steps_stop(names, tmp_path):
    for name, rows in zip(names, (PLAIN, OTHERS), strict=True):
        write(tmp_path / f"{name}.jsonl", rows)
    with pytest.raises(ValueError, match=r"hold the same prompts, .* pass one of them if these"):
        read_rewards([tmp_path])
    check(read(tmp_path / f"{names[0]}.jsonl"), steps=False)
    assert len(read(tmp_path, "--trust-columns").log.rewards) == 2 * len(PLAIN)


def test_parts_without_steps_are_one_run(tmp_path):
    for kind, said in (("rank_{}/log", False), ("worker{}", False), ("log.{}", True)):
        for part in (0, 1):
            rows = PLAIN[:HALF] if part == 0 else PLAIN[HALF:]
            write(tmp_path / kind / f"{kind.format(part)}.jsonl", rows)
        file = read_rewards([tmp_path / kind])
        check(file, steps=False)
        assert ("they were read as parts of one run" in " ".join(file.notes)) == said


def test_machines_that_log_all_steps_are_no_restart(tmp_path):
    for rank in (0, 1):
        write(tmp_path / f"rank_{rank}.jsonl", ROWS[rank::2])
    check(read_rewards([tmp_path]))


def test_a_rollout_of_several_prompts_is_a_step(tmp_path):
    rows = [
        {"rollout_id": s, "index": i, "prompt": f"q{p}", "response": f"{s}{p}{i}"} | {"reward": r}
        for s, p, i, r in TRUE
    ]
    check(read(write(tmp_path / "a.jsonl", rows)))
    named = [one | {"rollout_id": i} for i, one in enumerate(rows)]
    file = read(write(tmp_path / "b.jsonl", named))
    assert file.log.steps is None


@pytest.mark.parametrize(
    "words", ["correct incorrect", "PASS FAIL", "yes no", "solved unsolved", "1,0 0,0"]
)
def test_words_and_commas_are_rewards(words, tmp_path):
    good, bad = words.split()
    rows = [one | {"reward": good if one["reward"] else bad} for one in ROWS]
    file = read(write(tmp_path / "a.jsonl", rows))
    check(file)
    said = "decimal points" if "," in words else f"{bad} as 0"
    assert said in " ".join(file.notes)
    named = [{"verdict" if k == "reward" else k: v for k, v in one.items()} for one in rows]
    path = write(tmp_path / "b.jsonl", named)
    if "," not in words:
        with pytest.raises(ValueError, match="--reward verdict"):
            read(path)
    check(read(path, "--reward verdict"))


def test_another_number_is_no_reward_beside_a_verdict(tmp_path):
    rows = [
        {"when": s, "query": f"q{p}", "completion": f"{s}{p}{i}", "advantage": 0.0}
        | {"my_reward": "pass" if r else "fail"}
        for s, p, i, r in TRUE
    ]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=r"\(--reward my_reward\)"):
        read(path)
    check(read(path, "--reward my_reward --step when"))


def test_decimal_commas_in_a_table(tmp_path):
    lines = [f"{s};q{p};{r / 4:.2f}".replace(".", ",") for s, p, _, r in TRUE]
    path = tmp_path / "a.csv"
    path.write_text("step;prompt;reward\n" + "\n".join(lines))
    check(read(path), scale=0.25)


@pytest.mark.parametrize(("good", "bad"), [("half", "none at all"), ("1,000", "2,000")])
def test_words_that_are_no_rewards(good, bad, tmp_path):
    rows = [one | {"reward": good if one["reward"] else bad} for one in ROWS]
    with pytest.raises(ValueError, match=f"reward holds '{bad}', '{good}', which are no numbers"):
        read(write(tmp_path / "a.jsonl", rows))


def test_an_unknown_word_names_its_line(tmp_path):
    rows = [one | {"reward": "correct" if one["reward"] else "wrong"} for one in ROWS]
    rows[7]["reward"] = "timeout"
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=r"line 8: reward is 'timeout'.*known words are correct"):
        read(path)
    assert read_rewards([path], skip_bad_rows=True).num_skipped == 1


ENCODINGS = ("latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_encodings(encoding, kind, tmp_path):
    rows = [{"step": s, "prompt": f"Größe {p}?", "reward": r} for s, p, _, r in TRUE]
    content = {
        "csv": "step,prompt,reward\n"
        + "".join(",".join(map(str, o.values())) + "\n" for o in rows),
        "jsonl": "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows),
        "json": json.dumps(rows, ensure_ascii=False),
    }[kind]
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content.encode(encoding))
    file = read(path)
    check(file)
    assert file.prompts[0] == "Größe 0?"
    one_byte = encoding in ("latin-1", "cp1252")
    assert ("it was read as Windows-1252" in " ".join(file.notes)) == one_byte


@pytest.mark.parametrize(
    "name", ["exact_match", "math_verify", "is_correct", "acc", "pass", "correctness", "em"]
)
def test_names_of_outcomes(name, tmp_path):
    rows = [
        {"step": s, "prompt": f"q{p}", name: r, "completion": f"{s}{p}{i}"} for s, p, i, r in TRUE
    ]
    check(read(write(tmp_path / "a.jsonl", rows)))
    both = [one | {"reward": 0.5 * one[name] + 0.1 * (i % 3)} for i, one in enumerate(rows)]
    log = read(write(tmp_path / "b.jsonl", both)).log
    np.testing.assert_array_equal(log.outcomes, [r for *_, r in TRUE])


def test_rates_that_are_0_or_1_are_outcomes_of_completions(tmp_path):
    rows = [{"step": s, "prompt": f"q{p}", "pass@1": r} for s, p, _, r in TRUE]
    file = read(write(tmp_path / "a.jsonl", rows))
    check(file)
    assert "pass@1 is 0 or 1 in all rows" in " ".join(file.notes)
    rates = [one | {"pass@1": one["pass@1"] / 3} for one in rows]
    with pytest.raises(ValueError, match="means are not rewards"):
        read(write(tmp_path / "b.jsonl", rates))


def test_chats_with_examples(tmp_path):
    def chat(s, p, i):
        return [
            {"role": "user", "content": "1 + 1?"},
            {"role": "assistant", "content": "2"},
            {"role": "user", "content": f"What is {p} + 1?"},
            {"role": "assistant", "content": f"{s}-{i}"},
        ]

    rows = [{"step": s, "messages": chat(s, p, i), "reward": r} for s, p, i, r in TRUE]
    path = write(tmp_path / "a.jsonl", rows)
    file = read(path)
    check(file)
    assert file.columns.prompt == ("messages.context",)
    assert "The first answers in messages are always the same" in " ".join(file.notes)
    check(read(path, "--prompt messages.context"))
    # Turns of a model are no examples: its first answers differ.
    for one, (s, p, i, _) in zip(rows, TRUE, strict=True):
        one["messages"] = [*chat(s, p, i)[2:], {"role": "user", "content": "Sure?"}]
        one["messages"] += [{"role": "assistant", "content": "Yes."}]
    file = read(write(tmp_path / "b.jsonl", rows))
    assert file.columns.prompt == ("messages.prompt",)
    assert len(file.prompts) == PROMPTS


def test_documents_of_columns_and_of_groups(tmp_path):
    columns = {
        "step": [s for s, *_ in TRUE],
        "prompt": [f"q{p}" for _, p, *_ in TRUE],
        "reward": [r for *_, r in TRUE],
    }
    indexed = {name: dict(enumerate(values)) for name, values in columns.items()}
    rows = [dict(zip(columns, one, strict=True)) for one in zip(*columns.values(), strict=True)]
    for name, document in (("a", columns), ("b", indexed), ("c", [rows[:HALF], rows[HALF:]])):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document))
        check(read(path))
    by_prompt = {f"q{p}": [r for _, q, _, r in TRUE if p == q] for p in range(PROMPTS)}
    (tmp_path / "d.json").write_text(json.dumps(by_prompt))
    log = read(tmp_path / "d.json").log
    np.testing.assert_array_equal(np.bincount(log.prompts), 8)


def test_lists_in_cells_of_a_table(tmp_path):
    lines = [
        f'{s},q{p},"{[r for t, q, _, r in TRUE if (s, p) == (t, q)]}"'
        for s in (1, 2)
        for p in range(PROMPTS)
    ]
    path = tmp_path / "a.csv"
    path.write_text("step,prompt,rewards\n" + "\n".join(lines))
    check(read(path))


def test_columns_that_hold_a_group_are_not_added_up(tmp_path):
    rows = [
        {"step": s, "prompt": f"q{p}"}
        | {f"reward_{i}": r for t, q, i, r in TRUE if (s, p) == (t, q)}
        for s in (1, 2)
        for p in range(PROMPTS)
    ]
    with pytest.raises(ValueError, match="reward_0, reward_1, … look like the rewards of the"):
        read(write(tmp_path / "a.jsonl", rows))


def test_the_likely_prompt_is_named(tmp_path):
    rows = [{"step": s, "system": "Be nice.", "user": f"q{p}", "reward": r} for s, p, _, r in TRUE]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(ValueError, match=r"looks like the prompt: name it \(--prompt user\)"):
        read(path)
    check(read(path, "--prompt user"))


def test_terms_of_any_name_that_explain_the_advantages(tmp_path):
    rows = [
        {"step": s, "prompt": f"q{p}", "completion": f"{s}{p}{i}", "check": r, "form": i % 2}
        for s, p, i, r in TRUE
    ]
    for start in range(0, len(rows), 4):
        group = rows[start : start + 4]
        sums = np.array([one["check"] + one["form"] for one in group])
        for one, advantage in zip(group, sums - sums.mean(), strict=True):
            one["advantage"] = float(advantage)
    file = read(write(tmp_path / "a.jsonl", rows))
    assert set(file.columns.reward) == {"check", "form"}
    assert "as advantages rise with their sum" in " ".join(file.notes)
    others = [one | {"form": i % 3} for i, one in enumerate(rows)]
    with pytest.raises(ValueError, match="advantage is not explained by the sum of check, form"):
        read(write(tmp_path / "b.jsonl", others))
