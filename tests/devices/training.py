"""Training and estimates on a mesh of all devices equal those on one."""

import jax
import jax.numpy as jnp
import optax
from jax.sharding import PartitionSpec

import jrft
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss
from tests.devices.exact import EVERYWHERE, OVER_DEVICES, assert_close, mesh_of_all, placed


def loss(key, params, model_state, data):
    inputs, targets = data
    hidden = jnp.tanh(inputs @ params["up"])
    return jnp.mean((hidden @ params["down"] - targets) ** 2), (model_state, {})


def check_fit():
    """Examples over devices; parameters and Adam's moments whole, or sharded by a rule."""
    inputs = jax.random.normal(jax.random.key(0), (64, 4))
    data = inputs, jnp.sin(inputs.sum(axis=1))
    params = {
        "up": jax.random.normal(jax.random.key(1), (4, 16)),
        "down": jax.random.normal(jax.random.key(2), (16,)) / 4,
    }
    phase = Phase("on a mesh", from_loss(loss), optax.adam(0.03), num_steps=20, log_every=5)
    alone = fit(jax.random.key(3), params, phase, data)
    mesh = mesh_of_all()
    over = placed(data, OVER_DEVICES, mesh)
    columns = PartitionSpec(None, "devices")
    rule = {
        "up": placed(params["up"], columns, mesh),
        "down": placed(params["down"], OVER_DEVICES, mesh),
    }
    for start in (placed(params, EVERYWHERE, mesh), rule):
        found = fit(jax.random.key(3), start, phase, over)
        assert_close(found.params, alone.params)
        assert_close(found.history, alone.history)
        # Parameters stay where they were.
        for name, before in start.items():
            after = found.params[name].sharding
            assert after.is_equivalent_to(before.sharding, before.ndim), after


def check_estimates():
    """Prompts and their keys over devices: the same samples, so the same gradients."""
    policy = jrft.tabular_policy(3, 2)
    params = jnp.linspace(-1, 1, 12).reshape(4, 3)
    keys = jax.random.split(jax.random.key(0), 8)

    def reward(prompt, completion):
        return jnp.sum(completion).astype(float)

    def estimate(key):
        gradient, _ = jrft.grpo_gradient(key, policy, params, [], reward, num_samples=4)
        return gradient

    many = jax.jit(jax.vmap(estimate))
    assert_close(many(placed(keys, OVER_DEVICES, mesh_of_all())), many(keys))


def main():
    check_fit()
    check_estimates()
