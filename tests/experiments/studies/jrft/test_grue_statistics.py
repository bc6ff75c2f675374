"""The statistics of GRUE's rewards, end to end on tiny random checkpoints and made-up rows."""

import dataclasses
import json

import jax
import numpy as np
import pytest

import jrft
from experiments.output.record import Record, make_record
from experiments.studies.jrft.grue import metrics
from experiments.studies.jrft.grue.examples import Example
from experiments.studies.jrft.grue.tasks import TASKS
from experiments.studies.jrft.grue_statistics import findings, sampling, study
from experiments.studies.jrft.grue_statistics.models import Characters, Model, as_read, prompt_of
from experiments.studies.jrft.grue_statistics.models import load as load_model
from tests.cases.language_models import tiny_checkpoint

# Its reward needs no package beside scikit-learn.
IMDB = dataclasses.replace(study.SMOKE, tasks=("imdb",))


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = study.run(IMDB, tmp_path_factory.mktemp("smoke"))
    return make_record("jrft_grue_statistics", IMDB, results, 1.0)


def test_the_smoke_run(record):
    of_task = record.results["tasks"]["imdb"]
    rewards = np.array(of_task["rewards"], float)
    assert rewards.shape == (4, 3)
    assert ((rewards > 0) & (rewards < 1)).all()
    assert of_task["failures"] == 0
    assert len(study.table(record)) == 2
    assert "IMDB (sentiment (logistic regression))" in study.summary(record)
    assert len(study.figure(record).axes) == 2


def test_an_interrupted_run_goes_on_with_the_next_input(record, tmp_path, monkeypatch):
    whole = sampling.rewards_of(IMDB, "imdb", tmp_path)
    path = tmp_path / "imdb.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:20])
    again = sampling.rewards_of(IMDB, "imdb", tmp_path)
    np.testing.assert_array_equal(again["rewards"], whole["rewards"])
    assert len(path.read_text().splitlines()) == 4
    # Nothing is left to do: no model is loaded.
    monkeypatch.setattr(sampling, "load", None)
    np.testing.assert_array_equal(
        sampling.rewards_of(IMDB, "imdb", tmp_path)["rewards"], whole["rewards"]
    )


def test_missing_rewards_are_told_and_a_reward_that_always_fails_stops(tmp_path, monkeypatch):
    def sometimes(texts, labels):
        return lambda example, text: 1 / (len(text) % 3)

    monkeypatch.setattr(metrics, "positive_sentiment", sometimes)
    results = study.run(IMDB, tmp_path / "some")
    of_task = results["tasks"]["imdb"]
    assert of_task["failures"] == np.isnan(of_task["rewards"]).sum()

    def never(texts, labels):
        return lambda example, text: float("nan")

    monkeypatch.setattr(metrics, "positive_sentiment", never)
    with pytest.raises(ValueError, match=r"imdb fails on every input \(the reward is NaN\)"):
        study.run(IMDB, tmp_path / "none")


def test_prompts_are_cut_where_the_task_says():
    model = Model(None, None, Characters())
    example = Example("abcdefgh")
    assert model.tokenizer.decode(prompt_of(model, TASKS["imdb"], example, 3)) == "abc"
    assert model.tokenizer.decode(prompt_of(model, TASKS["dailydialog"], example, 3)) == "fgh"
    assert len(prompt_of(model, TASKS["imdb"], Example("a" * 99), 512)) == 64


def test_chat_models_get_instructions_as_messages():
    class Chat(Characters):
        chat_template = "there is one"

        @staticmethod
        def chat(messages):
            return messages

    model = Model(None, None, Chat())
    cut = prompt_of(model, TASKS["commongen"], Example("abcdefgh"), 3)
    assert cut == [{"role": "user", "content": "abc"}]
    assert prompt_of(model, TASKS["imdb"], Example("ab"), 3).tolist() == [97, 98]


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_checkpoints_of_the_papers_models_run_end_to_end(kind, tmp_path):
    tiny_checkpoint(kind, tmp_path / kind)
    config = dataclasses.replace(IMDB, model=str(tmp_path / kind))
    of_task = study.run(config, tmp_path / "out")["tasks"]["imdb"]
    assert np.isfinite(of_task["rewards"]).all()


def test_unknown_names_are_refused(tmp_path):
    for changed, message in (
        ({"data": "hub"}, "data is 'hub': pass 'public' or 'made-up'"),
        ({"tasks": ("squad",)}, "tasks have 'squad': pass names among narrativeqa"),
    ):
        with pytest.raises(ValueError, match=message):
            study.run(dataclasses.replace(IMDB, **changed), tmp_path)


def test_shares_of_a_made_up_record():
    rewards = [[0.0, 0.0], [0.5, 0.5], [0.0, 1.0], [None, 0.0]]
    of_task = {"rewards": rewards, "prob_low_std": [0.9, 0.9, 0.0], "posterior_mean": [0, 0.5, 0.5]}
    config = {"low_std": 0.05, "low_mean": 0.2}
    record = Record("made up", config, {"tasks": {"imdb": of_task}}, {})
    mean, std = findings.moments(record, "imdb")
    assert mean.tolist() == [0, 0.5, 0.5]
    assert std.tolist() == pytest.approx([0, 0, np.sqrt(0.5)])
    found = findings.shares(record, "imdb")
    assert [share for share, _ in found.values()] == pytest.approx([2 / 3, 1 / 3, 0.6, 0.3])
    assert found["plug-in, low std"][1] > 0.3
    assert json.dumps(findings.summary_of(record, "imdb")["tenth"])


def test_a_checkpoint_without_a_tokenizer_is_refused(tmp_path):
    pytest.importorskip("safetensors", reason="the extra lm is not installed")
    sizes = jrft.GPT2Config(vocab_size=5, max_positions=8, width=8, depth=1, heads=2)
    policy = jrft.language_model(sizes, length=2, eos=1)
    jrft.save_pretrained(tmp_path, policy, policy.init(jax.random.key(0)))
    with pytest.raises(ValueError, match="which has no tokenizer: pass a folder that has one"):
        load_model(str(tmp_path), 2)


def test_a_reward_of_prompt_and_completion_reads_what_the_model_reads():
    model = load_model("tiny", length=4)
    example = Example("a review that is long", ("reference",))
    for name, text in (("imdb", "a rev"), ("commongen", example.prompt)):
        prompt = prompt_of(model, TASKS[name], example, max_prompt=5)
        assert as_read(model, TASKS[name], example, prompt) == Example(text, ("reference",))
