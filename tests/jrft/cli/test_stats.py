"""`jrft stats` on a tiny random model, whose log `jrft diagnose` reads."""

import json
import re

import jax
import pytest

import jrft
from jrft.cli import main, stats

tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")

WORDS = ["<end>", "yes", "no", "maybe", "is", "it", "so"]
ROWS = [
    {"prompt": "is it so", "answer": "yes"},
    {"prompt": "so", "answer": ["no", "maybe"]},
    {"prompt": "it is", "answer": "yes"},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a model of seven words."""
    folder = tmp_path_factory.mktemp("model")
    config = jrft.LlamaConfig(
        vocab_size=len(WORDS), width=8, depth=1, heads=2, key_heads=1, channels=4, hidden=12,
        max_positions=64,
    )  # fmt: skip
    policy = jrft.language_model(config, length=2, eos=0)
    words = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<end>")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    params = policy.init(jax.random.key(0))
    jrft.save_pretrained(folder, policy, params, jrft.Tokenizer(tokenizer))
    return folder


@pytest.fixture
def call(model, tmp_path, monkeypatch):
    """Runs the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def run(*words, reward="match"):
        arguments = ["--reward", reward, "--samples", "4", "--length", "2", "-o", "log.jsonl"]
        return main(["stats", str(model), str(prompts), *arguments, *words])

    return run


def log(tmp_path):
    return [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]


def test_it_samples_scores_and_logs(call, tmp_path, capsys):
    assert call() == 0
    rows = log(tmp_path)
    assert sorted(row["prompt_id"] for row in rows) == [i for i in range(3) for _ in range(4)]
    for row in rows:
        answers = ROWS[row["prompt_id"]]["answer"]
        answers = answers if isinstance(answers, list) else [answers]
        assert row["reward"] == float(row["completion"].strip() in answers)
        assert set(row["completion"].split()) <= set(WORDS)
    assert "3 prompts, mean reward" in capsys.readouterr().out
    assert main(["diagnose", "log.jsonl"]) == 0
    assert "prompt: prompt_id, reward: reward" in capsys.readouterr().out


def test_it_goes_on_where_it_stopped(call, tmp_path, capsys):
    assert call() == 0
    whole = (tmp_path / "log.jsonl").read_text()
    lines = whole.splitlines(keepends=True)
    # Interrupted while it wrote the second prompt's third row.
    (tmp_path / "log.jsonl").write_text("".join(lines[:6]) + lines[6][:10])
    assert call() == 0
    assert "1 of 3 prompts are there, going on" in capsys.readouterr().out
    assert (tmp_path / "log.jsonl").read_text() == whole
    assert call("--seed", "1") == 2
    assert "made with other arguments" in capsys.readouterr().err


def test_many_prompts_are_read_part_by_part(call, tmp_path, capsys, monkeypatch):
    rows = [{"prompt": " ".join(["is"] * (1 + i % 3)), "answer": "no"} for i in range(7)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("--batch", "1", "-o", "whole.jsonl") == 0
    monkeypatch.setattr("jrft.cli.stats._BATCHES", 2)
    sizes, original = [], stats.sample_many

    def counted(key, policy, params, prompts, **settings):
        sizes.append(len(prompts))
        return original(key, policy, params, prompts, **settings)

    monkeypatch.setattr("jrft.cli.stats.sample_many", counted)
    assert call("--batch", "1") == 0
    assert sizes == [2, 2, 2, 1]
    in_parts = (tmp_path / "log.jsonl").read_text()
    by_prompt = sorted(in_parts.splitlines())
    assert by_prompt == sorted((tmp_path / "whole.jsonl").read_text().splitlines())
    # Interrupted in the second part.
    (tmp_path / "log.jsonl").write_text("".join(in_parts.splitlines(keepends=True)[:14]))
    capsys.readouterr()
    assert call("--batch", "1") == 0
    assert "3 of 7 prompts are there" in capsys.readouterr().out
    assert sizes[4:] == [1, 2, 1]
    assert (tmp_path / "log.jsonl").read_text() == in_parts


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "row 1 of .*prompts.jsonl: its prompt is empty: leave the row out"),
        ([{"role": "user"}], "row 1 of .*prompts.jsonl: the checkpoint has no chat template"),
        ("is " * 70, "row 1 of .*prompts.jsonl: prompt has 96 tokens, padding counted: pass at"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_told_before_any_is_sampled(
    call, tmp_path, capsys, prompt, message
):
    rows = [{"prompt": "is it", "answer": "no"}, {"prompt": prompt, "answer": "no"}]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call() == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "log.jsonl").exists()


def test_a_file_that_is_no_text_is_refused(call, tmp_path, capsys):
    (tmp_path / "prompts.jsonl").write_bytes(b'{"prompt": "\xff"}\n')
    assert call() == 2
    assert "prompts.jsonl is no text in UTF-8" in capsys.readouterr().err


def test_rewards_of_ones_own(call, tmp_path, capsys):
    (tmp_path / "own_reward.py").write_text(
        "def fails_on_so(row, text):\n"
        "    return {'is it so': len(text), 'so': float('nan')}[row['prompt']]\n"
    )
    assert call(reward="own_reward:fails_on_so") == 0
    rows = log(tmp_path)
    assert all(row["reward"] == len(row["completion"]) for row in rows if row["prompt_id"] == 0)
    # NaN and an exception are missing rewards, never zeros.
    assert all(row["reward"] is None for row in rows if row["prompt_id"] > 0)
    assert "8 rewards are missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reward", "message"),
    [("rouge", "pass match, contains, or module:function"), ("no_such:f", "cannot be imported")],
)
def test_unknown_rewards_are_refused(call, capsys, reward, message):
    assert call(reward=reward) == 2
    assert message in capsys.readouterr().err


def test_prompts_that_are_none_are_refused(call, tmp_path, capsys):
    (tmp_path / "prompts.jsonl").write_text('{"question": "so?"}\n')
    assert call() == 2
    assert 'prompts.jsonl:1: no "prompt"' in capsys.readouterr().err


def test_completions_are_cut_at_stops_and_end_no_earlier_than_asked(call, tmp_path):
    assert call("--stop", "no", "--stop", "it", "--min-length", "2") == 0
    cut = [row["completion"] for row in log(tmp_path)]
    assert call("--min-length", "2", "-o", "whole.jsonl") == 0
    lines = (tmp_path / "whole.jsonl").read_text().splitlines()
    whole = [json.loads(line)["completion"] for line in lines]
    assert all(len(text.split()) == 2 for text in whole)
    assert any("no" in text or "it" in text for text in whole)
    assert cut == [text.split("no")[0].split("it")[0] for text in whole]


def test_too_little_memory_says_what_to_lower(call, capsys, monkeypatch):
    def exhausted(*_, **__):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

    monkeypatch.setattr("jrft.cli.stats.sample_many", exhausted)
    assert call("--batch", "3") == 2
    message = capsys.readouterr().err
    assert "lower --batch, which is 3, --samples, which is 4, or --length, which is 2" in message


@pytest.mark.parametrize("text", ["my notes\n", "my notes", '{"a": 1}\n', "[1, 2]\n"])
def test_a_file_that_is_no_log_stays(call, tmp_path, capsys, text):
    (tmp_path / "log.jsonl").write_text(text)
    assert call() == 2
    assert "log.jsonl is no log of jrft stats: pass another --output" in capsys.readouterr().err
    assert (tmp_path / "log.jsonl").read_text() == text


def test_a_log_of_other_prompts_or_another_number_of_samples_stays(call, tmp_path, capsys):
    assert call() == 0
    whole = (tmp_path / "log.jsonl").read_text()
    assert call("--samples", "2") == 2
    changed = [ROWS[0] | {"answer": "no"}, *ROWS[1:]]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))
    assert call() == 2
    assert capsys.readouterr().err.count("made with other arguments or prompts") == 2
    assert (tmp_path / "log.jsonl").read_text() == whole


def test_a_mended_reward_scores_prompts_that_had_none(call, tmp_path, capsys):
    # The text has a line separator, which is no end of a row.
    row = {"prompt": "is\u2028it", "answer": None}
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    assert call() == 2
    assert "--reward is match, which gave no number" in capsys.readouterr().err
    (tmp_path / "own_limit.py").write_text(
        "def f(row, text):\n    return float('inf')\nnumber = 3\n"
    )
    assert call("-o", "other.jsonl", reward="own_limit:f") == 2
    assert "the reward is inf" in capsys.readouterr().err
    assert call("-o", "third.jsonl", reward="own_limit:number") == 2
    assert "--reward is own_limit:number, of type int: pass a function" in capsys.readouterr().err
    assert call() == 2
    assert "are there" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--stop", ""), "--stop is empty"),
        (("--batch", "0"), "--batch is 0: pass at least 1"),
        (("--samples", "0"), "--samples is 0: pass at least 1"),
        (("--length", "-1"), "--length is -1: pass at least 1"),
    ],
)
def test_wrong_arguments_are_refused(call, capsys, words, message):
    assert call(*words) == 2
    assert message in capsys.readouterr().err
