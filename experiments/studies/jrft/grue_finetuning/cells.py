"""One cell: a task and a method. Finished cells are kept, and a stopped one goes on."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.engine.batches import epochs
from experiments.engine.loop import Fit, Host, fit
from experiments.engine.phases import Phase
from experiments.output import record
from experiments.studies.jrft.grue.tasks import Task, task_of
from experiments.studies.jrft.grue_finetuning import gradients
from experiments.studies.jrft.grue_finetuning.config import METHODS, Config
from experiments.studies.jrft.grue_finetuning.drawing import Draw, Refresh, Rewards, Sampler
from experiments.studies.jrft.grue_finetuning.gradients import PPOState, Texts
from experiments.studies.jrft.grue_finetuning.inputs import Inputs, load_inputs
from experiments.studies.jrft.grue_finetuning.predictions import new_head
from experiments.studies.jrft.grue_statistics.models import Model, load

GROUPS = ("std", "mean", "again")
"""Independent groups of samples before finetuning: for the std, for the mean, and a second mean."""

_OF_START = ("model", "data", "num_inputs", "num_measured", "max_prompt", "length", "dtype", "seed")
_MAX_NORM = 0.5  # of PPO's gradient


@final
class Cells:
    """The cells of one task."""

    def __init__(self, config: Config, name: str, directory: Path) -> None:
        """Nothing is loaded until a cell needs it.

        Args:
            config: The configuration.
            name: Of the task.
            directory: Where finished cells and checkpoints are kept.
        """
        self._config, self._name, self._directory = config, name, directory
        self._task = task_of(name)

    def start(self) -> dict[str, Any]:
        """Rewards before finetuning, float[inputs, num_measured] for each of `GROUPS`."""
        fields = {name: getattr(self._config, name) for name in _OF_START}
        config = replace(Config(), **fields, tasks=(self._name,), methods=())
        return self._kept("start", config, lambda directory: self._start())

    def method(self, method: str) -> dict[str, Any]:
        """A method's history, and rewards after it, float[inputs, num_measured]."""
        config = replace(self._config, tasks=(self._name,), methods=(method,))
        return self._kept(method, config, lambda directory: self._finetune(method, directory))

    def _kept(
        self, what: str, config: Config, make: Callable[[Path], dict[str, Any]]
    ) -> dict[str, Any]:
        """The results of a finished cell, or those that `make` makes."""
        name = f"{self._name}-{what}-{record.fingerprint(config)}"
        finished = self._directory / f"{name}.json"
        if finished.exists():
            return record.read(finished).results
        checkpoints, start = self._directory / name, time.monotonic()
        resumed = checkpoints.exists()
        made = make(checkpoints)
        seconds = time.monotonic() - start
        cell = record.make_record(name, config, made, seconds, resumed=resumed)
        record.write(cell, self._directory)
        shutil.rmtree(checkpoints, ignore_errors=True)
        return cell.results

    @cached_property
    def _model(self) -> Model:
        config = self._config
        length = min(config.length, self._task.sampling.length)
        # One layer is compiled for all, which takes a gradient a seventh of the time to trace.
        model = load(config.model, length, dtype=config.dtype, scan=True)
        if config.lora_rank:
            policy: Any = jrft.lora(model.policy, model.params, rank=config.lora_rank)
            key = jax.random.key(config.seed)
            model = Model(policy, policy.init(key), model.tokenizer)
        return model

    @cached_property
    def _inputs(self) -> Inputs:
        return load_inputs(self._config, self._name, self._model)

    @cached_property
    def _sampler(self) -> Sampler:
        batch_size = min(self._config.batch_size, len(self._inputs.prompts))
        sampling = self._task.sampling
        return Sampler(self._model.tokenizer, self._inputs, sampling, batch_size)

    def _start(self) -> dict[str, Any]:
        found = {group: self._measure(i, self._model.params) for i, group in enumerate(GROUPS)}
        failures = [failure for each in found.values() for failure in each.failures]
        return {
            **{group: each.values.round(4) for group, each in found.items()},
            "reward": self._task.reward_name(),
            "failures": len(failures),
            "first_failure": next(iter(failures), ""),
            "prompt": self._inputs.examples[0].prompt[:400],
            "completion": found["std"].completion,
        }

    def _measure(self, number: int, params: Any) -> Rewards:
        """Rewards of one group, drawn with the key of that number."""
        key = jax.random.fold_in(jax.random.key(self._config.seed), number)
        return self._sampler.measure(key, self._model.policy, params, self._config.num_measured)

    def _finetune(self, method: str, directory: Path) -> dict[str, Any]:
        config, params, extra = self._config, self._model.params, {}
        failures: list[str] = []
        if method == "sft":
            labeled = np.flatnonzero((self._inputs.labels >= 0).any(axis=1))
            run = self._sft(labeled, config.num_steps, directory / "sft")
        else:
            if config.sft_steps:
                labeled = self._labeled()
                first = self._sft(labeled, config.sft_steps, directory / "sft-first")
                params = first.params["policy"]
                handed = self._measure(len(GROUPS), params)
                extra = {"labeled": labeled, "at_hand_over": handed.values.round(4)}
            run, failures = self._rft(method, params, directory / "rft")
        after = self._measure(len(GROUPS) + 1, run.params["policy"])
        missing = int(np.sum(run.history.get("missing", 0)))
        return extra | {
            "after": after.values.round(4),
            "steps": run.log_steps,
            "history": run.history,
            "failures": missing + len(after.failures),
            "first_failure": next(iter([*failures, *after.failures]), ""),
            "completion": after.completion,
        }

    def _labeled(self) -> np.ndarray:
        """Inputs whose labels SFT before RFT sees."""
        config = self._config
        order = np.random.default_rng(config.seed).permutation(len(self._inputs.labels))
        if config.label_choice == "low-std":
            settings = jrft.DiagnosisSettings(threshold=config.low_std)
            rewards = np.array(self.start()["std"], float)
            known = np.flatnonzero(np.isfinite(rewards).sum(axis=1) >= 2)
            found = jrft.diagnose(rewards[known], reward_range=(0, 1), settings=settings)
            order = known[np.argsort(-found.posterior.prob_low_std, kind="stable")]
        labeled = order[(self._inputs.labels[order] >= 0).any(axis=1)]
        return labeled[: max(1, round(config.label_share * len(order)))]

    def _sft(self, labeled: np.ndarray, num_steps: int, directory: Path) -> Fit:
        config, task = self._config, self._task
        if not len(labeled):
            raise ValueError(f"num_inputs is {config.num_inputs}: no input has a label, pass more")
        prompts, labels = (
            jnp.asarray(each[labeled]) for each in (self._inputs.prompts, self._inputs.labels)
        )
        # As many completions as in an update of RFT, whose batch has several of each input.
        batches, _ = epochs(config.batch_size * config.num_samples, len(labeled))
        zeros, tokens = jnp.zeros((len(labeled), 1)), jnp.zeros((len(labeled), 1, labels.shape[1]))
        data = Texts(
            self._model.policy, prompts, labels[:, None], zeros[:, 0], zeros, zeros, *[tokens] * 3
        )

        def batch_fn(key: jax.Array, step: jax.Array, data: Texts) -> Texts:
            batch = batches(key, step, data._replace(policy=None))
            return batch.data._replace(policy=data.policy, weights=batch.weights)

        decay = num_steps if task.sft.schedule == "cosine" else None
        rate = task.sft.rate if config.rate is None else config.rate
        phase = Phase(
            f"{task.title}, SFT", gradients.sft,
            gradients.optimizer(rate, task.sft.weight_decay, None, decay),
            num_steps, log_every=1, batch_fn=batch_fn,
        )  # fmt: skip
        # Checkpoints of all weights are large.
        host = Host(directory, rows_per_chunk=1, chunks_per_checkpoint=config.steps_per_checkpoint)
        start = {"policy": self._model.params}
        return fit(jax.random.key(config.seed), start, phase, data, host=host)

    def _rft(self, method: str, params: Any, directory: Path) -> tuple[Fit, list[str]]:
        config, ppo, policy = self._config, method == "ppo", self._model.policy
        rate, coefficient, target, bonus = _settings(config, self._task, method)
        updates = config.updates_per_draw if ppo else 1
        start, state = {"policy": params}, None
        gradient = gradients.policy_gradient(config.temperature, bonus)
        if ppo:
            start["head"] = new_head(policy)
            state = PPOState(jnp.int32(0), jnp.array(coefficient, float))
            gradient = gradients.ppo(config.temperature, bonus, target, updates)
        refresh = Refresh(
            self._sampler, Draw(config.num_samples, config.temperature),
            None if ppo else jrft.ESTIMATORS[method], start, updates, [],
        )  # fmt: skip
        phase = Phase(
            f"{self._task.title}, {METHODS[method]}", gradient,
            gradients.optimizer(rate, 0.0, _MAX_NORM if ppo else None, None),
            config.num_steps, log_every=updates,
        )  # fmt: skip
        host = Host(
            directory, rows_per_chunk=1, refresh=refresh.next_batch,
            chunks_per_checkpoint=config.steps_per_checkpoint // updates,
        )  # fmt: skip
        key, data = jax.random.key(config.seed), refresh.empty(policy)
        run = fit(key, start, phase, data, model_state=state, host=host)
        return run, refresh.failures


def _settings(config: Config, task: Task, method: str) -> list[float]:
    """Rate, coefficient and target of KL, and entropy bonus: the task's where none are given."""
    paper = task.ppo
    rate, coefficient, target = paper.rate, paper.kl_coefficient, paper.kl_target
    if config.sft_steps and task.ppo_after_sft is not None:
        rate, coefficient, target = task.ppo_after_sft
    bonus = paper.entropy_bonus if method == "ppo" else 0.0
    given = config.rate, config.kl_coefficient, config.kl_target, config.entropy_bonus
    default = rate, coefficient, target, bonus
    return [one if other is None else other for one, other in zip(default, given, strict=True)]
