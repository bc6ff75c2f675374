"""The examples of docs/diagnose.md run, on stand-ins for the trainers they extend."""

import dataclasses
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import jrft
from jrft.advantages import group_advantages, keep_mask
from jrft.diagnosis import diagnose
from jrft.diagnosis.log.readers import READERS
from jrft.sampled.rollouts import rollout_budget

PAGE = (Path(__file__).parents[3] / "docs" / "diagnose.md").read_text("utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.S)
PLAIN, HELPERS, TRL, TUNIX = (
    next(code for code in CODE if word in code)
    for word in ("diagnosis.labels", "keep_mask", "OutcomeGatedTrainer", "MaskedLearner")
)


@pytest.fixture(autouse=True)
def names_of_the_package(monkeypatch):
    for function in (diagnose, group_advantages, keep_mask, rollout_budget):
        monkeypatch.setattr(jrft, function.__name__, function, raising=False)


def module(monkeypatch, name, **contents):
    made = ModuleType(name)
    vars(made).update(contents)
    monkeypatch.setitem(sys.modules, name, made)


def run(code):
    names = {}
    exec(compile(code, "docs/diagnose.md", "exec"), names)
    return names


def test_the_table_of_files_names_every_reader():
    shown = [line for line in PAGE.splitlines() if line.startswith("| `.")]
    for reader in READERS:
        assert any(all(f"`{one}`" in line for one in reader.suffixes) for line in shown)


def test_diagnosing_arrays():
    diagnosis = run(PLAIN)["diagnosis"]
    assert diagnosis.batch.frac_reward_zero_std > 0.5
    assert np.mean(diagnosis.labels[200:300] == "learnable") > 0.9
    assert np.mean(diagnosis.labels[300:] == "too easy") > 0.9
    assert diagnosis.action(0) == "more rollouts"  # 0.0005 or 0.05?


def test_helpers():
    names = run(HELPERS)
    np.testing.assert_array_equal(names["keep"], [True, False])
    assert int(names["sizes"].sum()) == 48
    assert int(names["explored"].sum()) == 180


class Tensor(np.ndarray):
    """As much of a torch tensor as the example uses."""

    def cpu(self):
        return self

    def numpy(self):
        return np.array(self)

    def clamp(self, min):
        return np.maximum(self, min)

    def to(self, like):
        return self.astype(like.dtype)


def tensor(values):
    return np.asarray(values).view(Tensor)


class Trainer:
    """TRL's trainer, to the extent that the example extends it."""

    num_generations = 4
    reward_weights = tensor([1.0, 0.1])
    # The other process has 10 tokens that count.
    accelerator = SimpleNamespace(process_index=1, gather=lambda own: tensor([10, own]))

    def _calculate_rewards(self, scores):
        return tensor(scores)

    def _generate_and_score_completions(self, inputs):
        self._calculate_rewards(self.logged)
        return {
            "advantages": tensor(np.zeros(len(inputs), np.float32)),
            "completion_mask": tensor(np.ones((len(inputs), 5), np.int64)),
            "num_items_in_batch": tensor(80),
        }


def test_trl_example(monkeypatch):
    module(monkeypatch, "torch", from_numpy=tensor)
    module(monkeypatch, "trl", GRPOTrainer=Trainer)
    trainer = run(TRL)["OutcomeGatedTrainer"]()
    # Two processes of two groups: this is the second. Its first group differs in format alone,
    # its second in the outcome, and one score is missing.
    outcome = [0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, np.nan]
    form = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, np.nan]
    trainer.logged = np.stack([outcome, form], axis=1)
    batch = trainer._generate_and_score_completions(list(range(8)))
    np.testing.assert_array_equal(batch["advantages"][:4], 0)
    np.testing.assert_array_equal(batch["completion_mask"][:4], 0)
    assert batch["advantages"][4] > 1
    assert batch["advantages"].dtype == np.float32
    np.testing.assert_array_equal(batch["completion_mask"][4:, 0], [1, 1, 1, 0])
    assert batch["completion_mask"].dtype == np.int64
    # The default loss divides by the tokens that count, of all processes.
    assert batch["num_items_in_batch"] == 10 + 3 * 5


@dataclasses.dataclass(frozen=True)
class Example:
    """What tunix trains on, to the extent that the example looks at it."""

    advantages: np.ndarray
    completion_mask: np.ndarray

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


class Learner:
    """tunix's learner, to the extent that the example extends it."""

    def _generate_and_compute_advantage(self, advantages):
        return Example(advantages, np.ones((len(advantages), 5), bool))


def test_tunix_example(monkeypatch):
    registered = {}

    def register(name):
        return lambda function: registered.setdefault(name, function)

    registry = SimpleNamespace(register_advantage_estimator=register)
    module(monkeypatch, "tunix")
    module(monkeypatch, "tunix.rl", function_registry=registry)
    module(monkeypatch, "tunix.rl.grpo")
    grpo = {"GRPOConfig": SimpleNamespace, "GRPOLearner": Learner}
    module(monkeypatch, "tunix.rl.grpo.grpo_learner", **grpo)
    names = run(TUNIX)
    config = names["config"]
    estimator = registered[config.advantage_estimator]
    advantages = estimator(rewards=np.array([0.35] * 4 + [0, 0, 0, 1.0]), num_generations=4)
    np.testing.assert_array_equal(advantages[:4], 0)
    np.testing.assert_allclose(advantages[4:], [-0.5, -0.5, -0.5, 1.5], rtol=1e-5)
    # The KL penalty is on all tokens that are not masked: none of a dead group.
    learner = names["MaskedLearner"]()
    learner.num_generations = 4
    # An advantage of 0 in a group that is alive is no dead one.
    example = learner._generate_and_compute_advantage(np.array([0, 0, 0, 0, -1.0, 0, 0, 1.0]))
    np.testing.assert_array_equal(example.completion_mask[:4], 0)
    np.testing.assert_array_equal(example.completion_mask[4:], 1)
