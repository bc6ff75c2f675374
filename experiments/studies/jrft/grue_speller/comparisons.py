"""SFT before RFT, heuristics, and a graded reward."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.studies.jrft.grue_speller import gradients
from experiments.studies.jrft.grue_speller.config import Config
from experiments.studies.jrft.grue_speller.data import Study
from experiments.studies.jrft.grue_speller.finetuning import Finetuning, Method, Runs, repeated
from experiments.studies.jrft.grue_speller.rewards import (
    closeness,
    sampled_moments,
    with_entropy,
)

# Samples of a word that measure the mean and the std of a graded reward.
_MEASURING_SAMPLES = 32


def sft_first(
    config: Config, study: Study, finetuning: Finetuning, rates: dict[str, float]
) -> dict[str, Any]:
    """SFT on every share of labels, for every number of steps, and RFT after each.

    Returns:
        Expected rewards of the training words by seed, steps and share: `at_hand_over` and
        `at_end`, float[seeds, steps, shares, words].
    """
    table = finetuning.methods
    unit = config.sft_steps[0]
    rows = np.array(config.sft_steps) // unit
    found: dict[str, list[np.ndarray]] = {"at_hand_over": [], "at_end": []}
    for seed in range(config.num_sft_first_seeds):
        words = jax.tree.map(lambda leaf, seed=seed: leaf[seed], study.splits)
        labeled = _labeled(config, words, seed)
        runs = Runs([rates["sft"]] * len(config.label_shares), labeled)
        path = finetuning.run(
            f"sft-first-{seed}", table["sft"], runs, config.sft_steps[-1], unit,
            keep_parameters=True,
        ).history  # fmt: skip
        handed = {
            name.removeprefix("parameters/"): jnp.asarray(kept[rows]).reshape(-1, *kept.shape[2:])
            for name, kept in path.items()
            if name.startswith("parameters/")
        }
        cells = len(rows) * len(config.label_shares)
        after = finetuning.run(
            f"rft-after-{seed}", table["exact"],
            Runs([rates["exact"]] * cells, repeated(words, cells), handed),
            config.rft_steps_after, config.rft_steps_after,
        ).history["train"]  # fmt: skip
        for name, row in (("at_hand_over", 0), ("at_end", -1)):
            found[name].append(after[row].reshape(len(rows), len(config.label_shares), -1))
    return {name: np.stack(parts).round(4) for name, parts in found.items()}


def _labeled(config: Config, words: Any, seed: int) -> Any:
    """The words, a run a share; SFT sees random words of that share, repeated to fill the pool."""
    num_words = len(words.train.prompts)
    order = np.random.default_rng(seed).permutation(num_words)
    pools = np.stack(
        [
            np.resize(order[: max(1, round(share * num_words))], num_words)
            for share in config.label_shares
        ]
    )
    train = jax.tree.map(lambda leaf: leaf[pools], words.train)
    return words._replace(train=train, test=repeated(words.test, len(pools)))


def heuristics(
    config: Config, study: Study, finetuning: Finetuning, rates: dict[str, float]
) -> dict[str, np.ndarray]:
    """Expected rewards of the training words after RFT with a heuristic, float[seeds, words].

    Rewards are those of the policy itself: a temperature and a bonus serve training alone.
    """
    exact, seeds = finetuning.methods["exact"], config.num_heuristic_seeds
    found = {}
    for factor in config.rate_factors:
        runs = finetuning.of_seeds(f"rate-{factor:g}", exact, factor * rates["exact"], seeds)
        found[f"learning rate × {factor:g}"] = runs
    for temperature in config.temperatures:
        warped = jrft.warped_policy(study.policy, temperature=temperature)
        method = Method(f"temperature {temperature:g}", gradients.exact_rft(warped))
        runs = finetuning.of_seeds(f"temperature-{temperature:g}", method, rates["exact"], seeds)
        found[method.label] = runs
    for bonus in config.entropy_bonuses:
        gradient = gradients.sampled_rft(
            study.policy, jrft.ESTIMATORS["rloo"], config.num_samples, with_entropy(bonus)
        )
        method = Method(f"entropy bonus {bonus:g}, RLOO", gradient)
        runs = finetuning.of_seeds(f"entropy-{bonus:g}", method, rates["rloo"], seeds)
        found[method.label] = runs
    return {name: runs.history["train"][-1].round(4) for name, runs in found.items()}


def graded(
    config: Config, study: Study, finetuning: Finetuning, rate: float, right_alone: Any
) -> dict[str, np.ndarray]:
    """RLOO on 1 minus the phoneme error rate.

    Args:
        config: The configuration.
        study: The speller and its words.
        finetuning: It makes the runs.
        rate: RLOO's learning rate.
        right_alone: Parameters after RLOO on being right, along a leading axis of seeds.

    Returns:
        Of the training words, float[seeds, words]: the exact probability of being right before and
        after; and the graded reward, from samples: its mean and std before, its mean after, and its
        mean after RLOO on being right.
    """
    policy, seeds = study.policy, config.num_graded_seeds
    gradient = gradients.sampled_rft(policy, jrft.ESTIMATORS["rloo"], config.num_samples, closeness)
    method = Method("RLOO, graded reward", gradient)
    runs = finetuning.of_seeds("graded", method, rate, seeds)

    @jax.jit
    def moments(key: jax.Array, params: Any, words: Any) -> tuple[jax.Array, jax.Array]:
        return sampled_moments(key, policy, params, words, closeness, _MEASURING_SAMPLES)

    names = "before", "std_before", "after", "after_right"
    found: dict[str, list[Any]] = {name: [] for name in names}
    for seed in range(seeds):
        words = jax.tree.map(lambda leaf, seed=seed: leaf[seed], study.splits.train)
        keys = jax.random.split(jax.random.key(seed), 3)
        of_run = [
            jax.tree.map(lambda leaf, seed=seed: leaf[seed], params)
            for params in (runs.params, right_alone)
        ]
        mean, std = moments(keys[0], study.params, words)
        found["before"].append(mean)
        found["std_before"].append(std)
        found["after"].append(moments(keys[1], of_run[0], words)[0])
        found["after_right"].append(moments(keys[2], of_run[1], words)[0])
    history = runs.history["train"]
    return {name: np.stack(parts).round(4) for name, parts in found.items()} | {
        "right_before": history[0],
        "right_after": history[-1].round(4),
    }
