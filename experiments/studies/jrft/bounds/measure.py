"""Exact gradients and bounds of cases."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.studies.jrft.bounds.cases import Cases
from experiments.studies.jrft.bounds.training import Task
from jrft.bounds.bounds import gradient_bounds
from jrft.expected import expected_ppo_sequence_gradient

BOUNDS = {
    "theorem": "6 · L · γ · STD^(2/3), the paper's",
    "certificate": "√(L/2) · γ · STD",
    "fisher": "√λ_max(F) · STD",
    "ppo": "PPO: √(L/2) · γ · √(STD² + (V − V_old)²)",
}

# Equal numbers may differ by this share in float64.
_ROUNDING = 1e-9


def measure(key: jax.Array, policy: jrft.Policy, cases: Cases) -> dict[str, np.ndarray]:
    """Gradients and bounds in float64: by name, float[cases].

    `tightness/B` is the gradient's norm over bound B, and `violated/B` whether it is beyond it.
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
