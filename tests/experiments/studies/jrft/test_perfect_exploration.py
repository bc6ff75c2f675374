from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments.data.stsb import ScoredPairs, SentenceSimilarity
from experiments.output.record import make_record
from experiments.studies.jrft.controlled_task import task as tasks
from experiments.studies.jrft.perfect_exploration import study
from experiments.studies.jrft.perfect_exploration.settings import settings

# The whole path in few steps.
SHORT = study.Config(
    variants=("adam",),
    pretrain_epochs=2,
    finetune_epochs=2,
    batch_size=8,
    learning_rate=1e-3,
    pretrain_learning_rate=1e-3,
    log_every_epochs=1,
    num_seeds=1,
)
RESNET18 = replace(SHORT, network="resnet18", dataset="mnist-embedded", num_train=10, width=2)
BERT_MINI = replace(SHORT, network="bert-mini", num_train=10, width=8, vocab_size=9, num_tokens=8)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    # 64-bit mode draws other numbers from a key; bounds are for these. SHORT runs in either mode.
    with jax.enable_x64(False):
        return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


@pytest.mark.parametrize("variant", study.SMOKE.variants)
def test_the_smoke_run_shows_what_the_study_shows(results, variant):
    rft, sft = results[variant]["rft"], results[variant]["sft"]
    # The same checkpoint; large std on unchanged inputs, small on changed ones.
    for name in rft:
        if not name.endswith("/loss_gradient_norm"):
            np.testing.assert_allclose(rft[name][0], sft[name][0], rtol=1e-6)
    start = study.SMOKE.high_reward if variant == "high-reward" else -1
    np.testing.assert_allclose(rft["changed/reward"][0], start, atol=0.02)
    assert (rft["unchanged/reward_std"][0] > 0.6).all()
    assert (rft["changed/reward_std"][0] < 0.1).all()
    assert (rft["unchanged/reward"][-1] > 0.9).all()
    # RFT is behind SFT where the std was small.
    assert (sft["changed/accuracy"][-1] > rft["changed/accuracy"][-1] + 0.3).all()


def test_high_initial_reward_changes_what_is_rewarded_but_not_sft(results):
    plain, high = (results[variant]["sft"] for variant in ("adam", "high-reward"))
    np.testing.assert_array_equal(plain["total/accuracy"], high["total/accuracy"])
    # A wrong label earns 0.5 in place of −1, a right one 1: p → 0.5 + 0.5 p in place of −1 + 2 p.
    expected = 0.5 + 0.25 * (plain["changed/reward"] + 1)
    np.testing.assert_allclose(high["changed/reward"], expected, atol=1e-6)
    np.testing.assert_array_equal(plain["unchanged/reward"], high["unchanged/reward"])


def test_what_people_see(results):
    record = make_record("jrft_perfect_exploration", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 1 + 3 * 2 * 3
    assert "SFT reaches" in study.summary(record)
    assert len(study.figure(record).axes) == 9


@pytest.mark.slow  # to compile once more
def test_a_run_is_a_function_of_its_configuration(results, tmp_path):
    again = study.run(replace(study.SMOKE, variants=("adam",)), tmp_path)
    jax.tree.map(np.testing.assert_array_equal, again["adam"], results["adam"])


@pytest.fixture
def pairs(monkeypatch):
    """A data set of pairs of sentences, of scores from 0 to 5, that needs no download."""
    sentences = [f"{one} {two}" for one in "abcde" for two in "fgh"]
    scored = ScoredPairs(
        list(zip(sentences, reversed(sentences), strict=True)), np.arange(15, dtype=np.float32) % 6
    )
    data = SentenceSimilarity("made", scored, scored, scored)
    monkeypatch.setitem(tasks.PAIR_SETS, "stsb", lambda: data)


@pytest.mark.slow  # to compile
@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("config", [RESNET18, BERT_MINI], ids=lambda config: config.network)
def test_other_networks_take_the_same_path(config, tmp_path):
    results = study.run(config, tmp_path)
    assert results["epochs"].tolist() == [0, 1, 2]
    rft, sft = results["adam"]["rft"], results["adam"]["sft"]
    for name in rft:
        assert rft[name].shape == (3, 1)
        assert np.isfinite(rft[name]).all()
        assert np.isfinite(sft[name]).all()
    # From one checkpoint, to a lower loss.
    np.testing.assert_allclose(rft["total/reward"][0], sft["total/reward"][0], rtol=1e-5)
    assert (rft["total/reward"][-1] > rft["total/reward"][0]).all()
    # A tenth of the inputs changed.
    of_splits = 0.1 * rft["changed/reward"] + 0.9 * rft["unchanged/reward"]
    np.testing.assert_allclose(rft["total/reward"], of_splits, rtol=1e-5)
    assert results["settings"]["width"] == config.width
    assert results["settings"]["num_habits"] == (3 if config.network == "bert-mini" else 5)


def test_a_network_reads_data_of_its_kind(tmp_path):
    with pytest.raises(ValueError, match="is not for network='bert-mini': pass one of stsb"):
        study.run(replace(study.SMOKE, network="bert-mini"), tmp_path)
    with pytest.raises(ValueError, match="dataset='stsb' is not for network='resnet18'"):
        study.run(replace(RESNET18, dataset="stsb"), tmp_path)


def test_none_stands_for_the_protocol():
    paper = settings("resnet18", "paper", learning_rate=None, width=16)
    assert (paper.learning_rate, paper.width, paper.num_train) == (1e-4, 16, 10_000)
    assert settings("resnet18", "reduced").num_train < 10_000
    assert settings("mlp", "reduced") == settings("mlp", "paper")
