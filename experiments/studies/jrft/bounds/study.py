"""A prompt's policy gradient is bounded by its reward std: the paper's bound and sharper ones.

Claim: Razin et al. (ICLR 2024), Theorem 1: ‖∇V‖ ≤ 6 · L · γ · STD^(2/3), for every prompt by itself
  and not for a batch. Derived here: ‖∇V‖ ≤ √λ_max(F) · STD ≤ √(L/2) · γ · STD, and for PPO's
  expected gradient √(L/2) · γ · √(STD² + (V − V_old)²).

Command: python -m experiments jrft_bounds

Cost: see ``seconds`` in the result file; some minutes on 2 cores, most of it to compile.

Expected: no violation in any case, random, trained, or trained to come as close to a bound as it
  can; there √(L/2) · γ · STD is attained. In a batch with a large mean gradient, prompts with none.
"""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jrft
from experiments.engine.loop import fit, from_loss
from experiments.output.record import Record
from jrft.bounds.bounds import gradient_bounds
from jrft.expected import expected_ppo_sequence_gradient

BOUNDS = {
    "theorem": "6 · L · γ · STD^(2/3), the paper's",
    "certificate": "√(L/2) · γ · STD",
    "fisher": "√λ_max(F) · STD",
    "ppo": "PPO: √(L/2) · γ · √(STD² + (V − V_old)²)",
}
KINDS = {
    "random": ("#999999", "random"),
    "trained": ("#0072b2", "trained"),
    "adversarial": ("#d55e00", "trained to attain it"),
}
# What float64 leaves of an equality.
_ROUNDING = 1e-9
_SMALLEST_STD_SHOWN = 1e-7


@dataclass(frozen=True)
class Config:
    """Exact gradients and bounds of random and trained policies."""

    families: tuple[str, ...] = ("unigram", "table with end", "transformer", "transformer with end")
    """Tables and transformers; "transformer" is the one whose batch is looked at."""
    vocab_size: int = 4
    length: int = 3
    width: int = 16
    num_random: int = 96
    """Random policies, prompts and rewards of each family."""
    num_seeds: int = 4
    """Training runs of each transformer, and a quarter of those that try to attain the bound."""
    num_prompts: int = 8
    """Prompts of a training run; every other one rewards what pretraining never shows."""
    num_habits: int = 4
    """Completions that pretraining makes equally likely for each prompt."""
    num_stages: int = 5
    """Times a run is looked at, in pretraining and in finetuning each."""
    pretrain_steps: int = 60
    """Of each stage; Adam."""
    finetune_steps: int = 40
    """Of each stage; gradient ascent on the exact expected reward."""
    pretrain_rate: float = 0.01
    finetune_rate: float = 0.3
    adversarial_steps: int = 150
    """Of each stage; Adam."""
    seed: int = 0


SMOKE = Config(
    families=("unigram", "transformer"),
    vocab_size=3, length=2, width=4, num_random=6, num_seeds=1, num_prompts=4, num_habits=2,
    num_stages=2, pretrain_steps=10, finetune_steps=5, adversarial_steps=40,
)  # fmt: skip


@jax.tree_util.register_static
@dataclass(frozen=True)
class Unigram(jrft.Policy):
    """Draws every token from one distribution: its certificate can be attained, with γ = 1."""

    vocab_size: int
    length: int
    eos: int | None = None

    def init(self, key: jax.Array) -> jax.Array:
        """Random logits."""
        return jax.random.normal(key, (self.vocab_size,))

    def prefill(self, params: jax.Array, prompt: jax.Array) -> tuple[jax.Array, tuple[()]]:
        """The logits; nothing is remembered."""
        return params, ()

    def step(
        self, params: jax.Array, cache: tuple[()], token: jax.Array
    ) -> tuple[jax.Array, tuple[()]]:
        """The logits; nothing is remembered."""
        return params, cache


class Cases(NamedTuple):
    """Policies of one family, each with a prompt; the leading axis is that of the cases."""

    params: Any
    old_params: Any
    prompt: jax.Array
    rewards: jax.Array


def families(config: Config) -> dict[str, jrft.Policy]:
    """The policies. All have the same vocabulary and length."""
    size, length = config.vocab_size, config.length
    network = partial(
        jrft.transformer, size, length, max_prompt=2, width=config.width, depth=1, heads=2
    )
    known = {
        "unigram": Unigram(size, length),
        "table with end": jrft.tabular_policy(size, length, eos=0),
        "transformer": network(),
        "transformer with end": network(eos=0),
    }
    unknown = set(config.families) - set(known)
    if unknown or "transformer" not in config.families:
        raise ValueError(
            f"families is {config.families}: pass names of {', '.join(known)}, transformer included"
        )
    return {name: known[name] for name in config.families}


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Measures gradients and bounds of all cases.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not needed: nothing is resumed.
    """
    del directory
    columns: dict[str, list[Any]] = {}
    batch = {}
    for number, (name, policy) in enumerate(families(config).items()):
        key = jax.random.fold_in(jax.random.key(config.seed), number)
        random_key, train_key, measure_key = jax.random.split(key, 3)
        groups = {"random": random_cases(random_key, policy, config)}
        if "transformer" in name:
            task = draw_task(train_key, policy, config)
            snapshots = train(train_key, policy, config, task)
            groups["trained"] = _cases_of_runs(snapshots, task)
            if name == "transformer":
                batch = batch_of_prompts(policy, snapshots[config.num_stages], task)
        else:
            groups["adversarial"] = adversarial_cases(train_key, policy, config)
        merged = jax.tree.map(lambda *parts: jnp.concatenate(parts), *groups.values())
        found = measure(measure_key, policy, merged)
        kinds = [kind for kind, cases in groups.items() for _ in range(len(cases.rewards))]
        rows: dict[str, Any] = {"family": [name] * len(kinds), "kind": kinds, **found}
        columns = {
            column: columns.get(column, []) + list(values) for column, values in rows.items()
        }
    return {"cases": columns, "batch": batch}


def random_cases(key: jax.Array, policy: jrft.Policy, config: Config) -> Cases:
    """Policies of all degrees of certainty, random prompts, rewards of three kinds in [−1, 1]."""
    first = jnp.asarray(_first_leaf(policy))

    def draw(key: jax.Array, number: jax.Array) -> Cases:
        keys = jax.random.split(key, 6)
        # Larger weights make surer policies, up to certainty.
        scale = jnp.exp(jax.random.uniform(keys[0], (), minval=-1.0, maxval=1.5))
        params = jax.tree.map(lambda leaf: scale * leaf, policy.init(keys[1]))
        uniform = jax.random.uniform(keys[2], first.shape, minval=-1.0, maxval=1.0)[first]
        rewards = jnp.stack([uniform, jnp.sign(uniform), 2.0 * (uniform == uniform.max()) - 1])
        prompt = jax.random.randint(keys[3], (2,), 0, policy.vocab_size)
        return Cases(params, _moved(keys[4], params), prompt, rewards[number % 3])

    keys = jax.random.split(key, config.num_random)
    return jax.jit(jax.vmap(draw))(keys, jnp.arange(config.num_random))


def _first_leaf(policy: jrft.Policy) -> np.ndarray:
    """The first leaf of the prefix tree that shows the completion of each."""
    completions = jrft.all_completions(policy.vocab_size, policy.length, policy.eos)
    _, first, inverse = np.unique(
        np.asarray(completions), axis=0, return_index=True, return_inverse=True
    )
    return first[inverse.reshape(-1)]


class Task(NamedTuple):
    """What the prompts of each run are pretrained on and rewarded for.

    Attributes:
        prompts: int32[R, B, 2].
        habits: float[R, B, K^L], the distribution over completions to pretrain on.
        rewards: float[R, B, K^L], 1 for one completion, else −1; with even prompts it is one of the
            habits, with odd ones it is not.
    """

    prompts: jax.Array
    habits: jax.Array
    rewards: jax.Array


def draw_task(key: jax.Array, policy: jrft.Policy, config: Config) -> Task:
    """The paper's controlled task (Section 4.2) with completions for labels."""
    first = _first_leaf(policy)
    leaves = np.unique(first)
    pairs = np.stack(np.meshgrid(*2 * [np.arange(policy.vocab_size)]), axis=-1).reshape(-1, 2)

    def draw(key: jax.Array) -> Task:
        prompt_key, habit_key = jax.random.split(key)
        prompts = jax.random.permutation(prompt_key, jnp.asarray(pairs))[: config.num_prompts]
        keys = jax.random.split(habit_key, config.num_prompts)
        drawn = jax.vmap(lambda key: jax.random.permutation(key, jnp.asarray(leaves)))(keys)
        zeros = jnp.zeros((config.num_prompts, len(first)))
        rows = jnp.arange(config.num_prompts)
        habits = zeros.at[rows[:, None], drawn[:, : config.num_habits]].set(1 / config.num_habits)
        target = drawn[rows, jnp.where(rows % 2 == 0, 0, config.num_habits)]
        # Every leaf that shows the target is rewarded.
        same = jnp.asarray(first)[None] == target[:, None]
        return Task(prompts.astype(jnp.int32), habits, 2.0 * same - 1)

    return jax.vmap(draw)(jax.random.split(key, config.num_seeds))


def train(key: jax.Array, policy: jrft.Policy, config: Config, task: Task) -> list[Any]:
    """Parameters [R, …] of all runs after each stage of pretraining, then of finetuning."""
    keys = jax.random.split(key, config.num_seeds)
    params = jax.vmap(policy.init)(keys)
    snapshots = [params]
    for loss, optimizer, num_steps, description in (
        (_pretraining_loss, optax.adam(config.pretrain_rate), config.pretrain_steps, "pretraining"),
        (_finetuning_loss, optax.sgd(config.finetune_rate), config.finetune_steps, "finetuning"),
    ):
        gradient_fn = from_loss(partial(loss, policy))
        for _ in range(config.num_stages):
            trained = fit(
                keys, snapshots[-1], gradient_fn, optimizer, task,
                num_steps=num_steps, log_every=num_steps, run_axes=0, description=description,
            )  # fmt: skip
            snapshots.append(trained.params)
    return snapshots


def _pretraining_loss(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, task: Task
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """Cross-entropy to the habits, mean over prompts."""
    del key
    by_prompt = jax.vmap(jrft.exact_log_probs, in_axes=(None, None, 0))
    log_probs = by_prompt(policy, params, task.prompts)
    losses = -jnp.sum(jnp.where(task.habits > 0, task.habits * log_probs, 0), axis=1)
    return losses.mean(), (model_state, {})


def _finetuning_loss(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, task: Task
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """The negative of the exact expected reward, mean over prompts."""
    del key
    values = jax.vmap(jrft.exact_value, (None, None, 0, 0))(
        policy, params, task.prompts, task.rewards
    )
    return -values.mean(), (model_state, {})


def _cases_of_runs(snapshots: list[Any], task: Task) -> Cases:
    """A case for every snapshot, run and prompt; the parameters before it are the old ones."""
    runs, prompts = task.rewards.shape[:2]

    def flat(*leaves: jax.Array) -> jax.Array:
        stacked = jnp.repeat(jnp.stack(leaves)[:, :, None], prompts, axis=2)
        return stacked.reshape(-1, *leaves[0].shape[1:])

    def tiled(leaf: jax.Array) -> jax.Array:
        flat_leaf = leaf.reshape(runs * prompts, -1)
        return jnp.tile(flat_leaf, (len(snapshots), 1))

    old = jax.tree.map(flat, *[snapshots[0], *snapshots[:-1]])
    return Cases(jax.tree.map(flat, *snapshots), old, tiled(task.prompts), tiled(task.rewards))


def adversarial_cases(key: jax.Array, policy: jrft.Policy, config: Config) -> Cases:
    """Policies and rewards that gradient ascent on ‖∇V‖ / STD brings towards the bound."""
    count = policy.vocab_size**policy.length
    keys = jax.random.split(key, 4 * config.num_seeds)

    def draw(key: jax.Array) -> dict[str, Any]:
        policy_key, reward_key = jax.random.split(key)
        rewards = jax.random.normal(reward_key, (count,))
        return {"policy": policy.init(policy_key), "rewards": rewards}

    params, stages = jax.vmap(draw)(keys), []
    gradient_fn = from_loss(partial(_slackness, policy))
    optimizer = optax.adam(0.03)
    for _ in range(config.num_stages):
        trained = fit(
            keys, params, gradient_fn, optimizer, None, num_steps=config.adversarial_steps,
            log_every=config.adversarial_steps, run_axes=0, description="towards the bound",
        )  # fmt: skip
        params = trained.params
        moved = jax.vmap(_moved)(keys, params["policy"])
        prompt = jnp.zeros((len(keys), 2), jnp.int32)
        stages.append(Cases(params["policy"], moved, prompt, jnp.tanh(params["rewards"])))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *stages)


def _slackness(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, data: None
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """−log of ‖∇V‖ / STD; γ is 1 for the families this is for."""
    del key, data
    problem = policy, params["policy"], jnp.zeros(2, jnp.int32), jnp.tanh(params["rewards"])
    norm = optax.tree.norm(jrft.exact_policy_gradient(*problem))
    return jnp.log(jrft.exact_reward_std(*problem)) - jnp.log(norm), (model_state, {})


def _moved(key: jax.Array, params: Any) -> Any:
    """Parameters nearby."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + 0.2 * jax.random.normal(key, leaf.shape, leaf.dtype)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, moved)


def measure(key: jax.Array, policy: jrft.Policy, cases: Cases) -> dict[str, np.ndarray]:
    """Gradients and bounds in float64: by name, float[cases].

    ``tightness/B`` is the gradient's norm over bound B, and ``violated/B`` whether it is beyond it.
    """
    with jax.enable_x64(True):
        exact = jax.tree.map(
            lambda leaf: leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
            cases,
        )
        keys = jax.random.split(key, len(cases.rewards))
        return jax.tree.map(np.asarray, _measure(policy, keys, exact))


@jax.jit
def _measure(policy: jrft.Policy, keys: jax.Array, cases: Cases) -> dict[str, jax.Array]:
    def of_one(key_and_case: tuple[jax.Array, Cases]) -> dict[str, jax.Array]:
        key, case = key_and_case
        old_value = jrft.exact_value(policy, case.old_params, case.prompt, case.rewards)
        found = gradient_bounds(
            key, policy, case.params, case.prompt, case.rewards, old_value=old_value, num_steps=24
        )
        ppo, _ = expected_ppo_sequence_gradient(
            policy, case.params, case.old_params, case.prompt, case.rewards - old_value
        )
        norms = dict.fromkeys(BOUNDS, found.gradient_norm) | {"ppo": optax.tree.norm(ppo)}
        numbers = {name: getattr(found, name) for name in ("reward_std", "value")}
        numbers["norm_over_gamma"] = found.gradient_norm / found.jacobian_norm
        for name, norm in norms.items():
            bound = getattr(found, name)
            numbers[f"tightness/{name}"] = jnp.where(bound > 0, norm / bound, 0)
            numbers[f"violated/{name}"] = norm > bound * (1 + _ROUNDING)
        return numbers

    # A smaller last batch would be compiled for itself.
    return jax.lax.map(of_one, (keys, cases), batch_size=math.gcd(len(keys), 32))


def batch_of_prompts(policy: jrft.Policy, params: Any, task: Task) -> dict[str, Any]:
    """The first run's batch: gradient norm and reward std of each prompt, and of the batch."""
    mine = jax.tree.map(lambda leaf: leaf[0], params)
    problem = policy, mine, task.prompts[0], task.rewards[0]
    gradients = jax.vmap(jrft.exact_policy_gradient, (None, None, 0, 0))(*problem)
    stds = jax.vmap(jrft.exact_reward_std, (None, None, 0, 0))(*problem)
    values = jax.vmap(jrft.exact_value, (None, None, 0, 0))(*problem)
    return {
        "gradient_norm": jax.vmap(optax.tree.norm)(gradients),
        "reward_std": stds,
        "value": values,
        "norm_of_mean_gradient": optax.tree.norm(
            jax.tree.map(lambda leaf: leaf.mean(axis=0), gradients)
        ),
        # By the law of total variance.
        "batch_reward_std": jnp.sqrt(jnp.mean(stds**2) + jnp.var(values)),
    }


def figure(record: Record) -> Figure:
    """Gradient norm over γ against reward std with the bounds; one batch, prompt by prompt.

    Cases whose reward std is below 1e-7 are in the table only.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), dpi=160, layout="constrained")
    _draw_bounds(axes[0], record)
    _draw_batch(axes[1], record.results["batch"])
    return figure


def _draw_bounds(axis: Axes, record: Record) -> None:
    length, cases = record.config["length"], _columns(record)
    for kind, (color, label) in KINDS.items():
        chosen = cases["kind"] == kind
        x, y = cases["reward_std"][chosen], cases["norm_over_gamma"][chosen]
        axis.scatter(x, y, s=7, alpha=0.5, color=color, label=label, linewidths=0, rasterized=True)
    std = np.geomspace(_SMALLEST_STD_SHOWN, 1, 50)
    axis.plot(std, 6 * length * std ** (2 / 3), "--", color="black", label="paper's bound")
    axis.plot(std, np.sqrt(length / 2) * std, color="black", label="certificate")
    # Some policies are as good as certain: they would squeeze all others into a corner.
    lowest = cases["norm_over_gamma"][cases["reward_std"] >= std[0]].min()
    axis.set(xscale="log", yscale="log", xlabel="reward std of the prompt", ylabel="‖∇V‖ / γ")
    axis.set(xlim=(std[0], 2), ylim=(lowest / 3, 12 * length))
    axis.legend(fontsize="small")


def _draw_batch(axis: Axes, batch: dict[str, Any]) -> None:
    norms = np.array(batch["gradient_norm"])
    places = np.arange(1, len(norms) + 1)
    rewarded = {"reward on a habit": (0, "#0072b2"), "reward outside of the habits": (1, "#d55e00")}
    for label, (first, color) in rewarded.items():
        axis.scatter(places[first::2], norms[first::2], color=color, label=label)
    mean = batch["norm_of_mean_gradient"]
    axis.axhline(mean, color="black", linestyle="--", label="mean gradient of the batch")
    axis.set(yscale="log", xlabel="prompt of one batch", ylabel="‖∇V‖", xticks=places)
    axis.legend(fontsize="small")


def _columns(record: Record) -> dict[str, np.ndarray]:
    return {name: np.array(column) for name, column in record.results["cases"].items()}


def table(record: Record) -> list[list[str]]:
    """For each bound and kind of policies: cases, violations, and how tight the bound is."""
    cases = _columns(record)
    rows = [["bound, policies", "cases", "violations", "tightness: min", "median", "max"]]
    for name, label in BOUNDS.items():
        for kind, (_, kind_label) in KINDS.items():
            chosen = cases["kind"] == kind
            tightness = cases[f"tightness/{name}"][chosen]
            numbers = np.min(tightness), np.median(tightness), np.max(tightness)
            violations = int(cases[f"violated/{name}"][chosen].sum())
            counts = [str(chosen.sum()), str(violations)]
            rows.append([f"{label}, {kind_label}", *counts, *(f"{x:.2g}" for x in numbers)])
    return rows


def summary(record: Record) -> str:
    """Violations, the tightest cases, and the batch whose prompts differ."""
    cases, batch = _columns(record), record.results["batch"]
    violations = sum(int(cases[f"violated/{name}"].sum()) for name in BOUNDS)
    largest = {name: cases[f"tightness/{name}"].max() for name in BOUNDS}
    norms = np.array(batch["gradient_norm"])
    dead = int(norms.argmin())
    return (
        f"{violations} violations in {len(cases['kind'])} cases of {len(BOUNDS)} bounds; at most "
        f"{largest['theorem']:.3f} of the paper's bound and {largest['certificate']:.6f} of the "
        f"certificate is attained. In one batch the mean gradient has norm "
        f"{batch['norm_of_mean_gradient']:.2g} and the rewards std "
        f"{batch['batch_reward_std']:.2g}, while a prompt of std "
        f"{batch['reward_std'][dead]:.2g} has a gradient of norm {norms[dead]:.2g}."
    )
