"""Finetuning by every method, many runs at a time."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.batches import epochs
from experiments.engine.loop import Fit, Host, fit
from experiments.engine.phases import BatchFn, GradientFn, Phase
from experiments.studies.jrft.grue_speller import gradients
from experiments.studies.jrft.grue_speller.config import Config
from experiments.studies.jrft.grue_speller.data import Split, Study
from experiments.studies.jrft.grue_speller.rewards import success

# The learning rate is part of their states, so that runs of many rates are one program.
OPTIMIZERS = {
    "adam": optax.inject_hyperparams(optax.adam, static_args=("b1", "b2", "eps", "eps_root"))(
        learning_rate=0.0
    ),
    "sgd": optax.inject_hyperparams(optax.sgd, static_args=("momentum", "nesterov"))(
        learning_rate=0.0
    ),
}


class Method(NamedTuple):
    """A way to finetune.

    Attributes:
        label: In figures.
        gradient: For the one loop.
        optimizer: A name among `OPTIMIZERS`.
        updates_per_draw: Updates from one batch; 1 but for PPO.
    """

    label: str
    gradient: GradientFn
    optimizer: str = "adam"
    updates_per_draw: int = 1


def methods(config: Config, policy: jrft.Policy) -> dict[str, Method]:
    """The methods that the study compares, by name."""

    def sampled(name: str) -> GradientFn:
        return gradients.sampled_rft(policy, jrft.ESTIMATORS[name], config.num_samples)

    n, exact, sft = config.num_samples, gradients.exact_rft(policy), gradients.sft(policy)
    ppo = gradients.ppo_rft(policy, n, config.updates_per_draw, config.clip)
    known = {
        "sft": Method("SFT", sft),
        "exact": Method("RFT, exact gradient", exact),
        "grpo": Method(f"GRPO, {n} samples", sampled("grpo")),
        "rloo": Method(f"RLOO, {n} samples", sampled("rloo")),
        "ppo": Method(f"PPO, {n} samples", ppo, updates_per_draw=config.updates_per_draw),
        "sft-sgd": Method("SFT, SGD", sft, "sgd"),
        "exact-sgd": Method("RFT, exact gradient, SGD", exact, "sgd"),
    }
    unknown = set(config.methods) - set(known)
    if unknown or not {"sft", "exact"} <= set(config.methods):
        raise ValueError(
            f"methods are {', '.join(config.methods)}: pass sft, exact and others among "
            f"{', '.join(known)}"
        )
    return {name: known[name] for name in config.methods}


class Runs(NamedTuple):
    """R runs.

    Attributes:
        rates: The learning rate of each.
        words: The words of each, along a leading axis R.
        start: Parameters along a leading axis R; None for the pretrained ones.
        state: State of the gradient along a leading axis R, if it has one; PPO's is made here.
    """

    rates: Sequence[float]
    words: Split
    start: Any = None
    state: Any = None


@final
class Finetuning:
    """Runs of one study, with checkpoints in one directory."""

    def __init__(self, config: Config, study: Study, directory: Path) -> None:
        self._config, self._study, self._directory = config, study, directory
        self.methods = methods(config, study.policy)
        self._evaluate = partial(_evaluate, study.policy)

    def tune(self, name: str, method: Method) -> np.ndarray:
        """Expected reward of the tuning words after a short run of every rate on them, float[R]."""
        config = self._config
        rates = config.rates_of(method.optimizer)
        runs = Runs(rates, repeated(self._study.tuning, len(rates)))
        steps = config.tuning_steps
        ended = self.run(f"tune-{name}", method, runs, steps, steps)
        return np.asarray(ended.history["train"][-1].mean(axis=-1))

    def of_seeds(self, name: str, method: Method, rate: float, num_seeds: int) -> Fit:
        """Runs of the first seeds from the pretrained speller, at one rate."""
        config = self._config
        words = jax.tree.map(lambda leaf: leaf[:num_seeds], self._study.splits)
        runs = Runs([rate] * num_seeds, words)
        return self.run(name, method, runs, config.num_steps, config.log_every)

    def run(
        self,
        name: str,
        method: Method,
        runs: Runs,
        num_steps: int,
        log_every: int,
        *,
        keep_parameters: bool = False,
    ) -> Fit:
        """R runs at a time.

        Args:
            name: Of the checkpoints.
            method: The way to finetune.
            runs: What differs between the runs, and what they share.
            num_steps: Updates.
            log_every: Updates between two rows of the history.
            keep_parameters: Log `parameters/NAME`, [rows, R, ...] each, and nothing else.

        Returns:
            The runs. The history has `train` and `test`, float[rows, R, words], the expected
            rewards.
        """
        config, num_runs = self._config, len(runs.rates)
        num_words = runs.words.train.prompts.shape[1]
        start = runs.start
        if start is None:
            start = repeated(self._study.params, num_runs)
        optimizer = OPTIMIZERS[method.optimizer]
        states: Any = jax.vmap(optimizer.init)(start)
        rates = {"learning_rate": jnp.asarray(runs.rates, jnp.float32)}
        state = runs.state
        if method.updates_per_draw > 1:
            size = min(config.batch_size, num_words)
            drawn = gradients.before_ppo(self._study.policy, size, config.num_samples)
            state = repeated(drawn, num_runs)
        phase = Phase(
            f"{method.label} ({name})",
            method.gradient,
            optimizer,
            num_steps,
            log_every,
            batch_fn=_batches(num_words, config.batch_size, method.updates_per_draw),
            evaluate=_parameters if keep_parameters else self._evaluate,
        )
        # Parameters of all rows are large: they are saved once.
        rows = phase.num_rows if keep_parameters else None
        return fit(
            jax.vmap(jax.random.key)(jnp.arange(num_runs)),
            start,
            phase,
            runs.words,
            model_state=state,
            opt_state=states._replace(hyperparams=states.hyperparams | rates),
            run_axes=0,
            host=Host(self._directory / name, rows_per_chunk=rows),
        )


def repeated(tree: Any, num_runs: int) -> Any:
    """The same arrays for every run, along a leading axis."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_runs, *leaf.shape)), tree)


def _parameters(params: Any, state: Any, words: Split) -> dict[str, jax.Array]:
    del state, words
    return {f"parameters/{name}": leaf for name, leaf in params.items()}


@cache
def _batches(num_words: int, batch_size: int, updates_per_draw: int) -> BatchFn:
    batches, _ = epochs(batch_size, num_words)
    return lambda key, step, data: batches(key, step // updates_per_draw, data.train)


def _evaluate(policy: jrft.Policy, params: Any, state: Any, words: Split) -> dict[str, jax.Array]:
    del state
    return {name: success(policy, params, part) for name, part in words._asdict().items()}
