"""Training and estimates on a mesh of all devices equal those on one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

import jrft
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss
from tests.devices.exact import EVERYWHERE, OVER_DEVICES, assert_close, mesh_of_all, placed


def loss(key, params, model_state, data):
    inputs, targets = data
    hidden = jnp.tanh(inputs @ params["up"])
    return jnp.mean((hidden @ params["down"] - targets) ** 2), (model_state, {})


def regression():
    """The phase of a small network, its parameters and 64 examples."""
    inputs = jax.random.normal(jax.random.key(0), (64, 4))
    data = inputs, jnp.sin(inputs.sum(axis=1))
    params = {
        "up": jax.random.normal(jax.random.key(1), (4, 16)),
        "down": jax.random.normal(jax.random.key(2), (16,)) / 4,
    }
    phase = Phase("on a mesh", from_loss(loss), optax.adam(0.03), num_steps=20, log_every=5)
    return phase, params, data


def by_columns(params, mesh):
    """The parameters of `regression`, each device with some of the hidden units."""
    return {
        "up": placed(params["up"], PartitionSpec(None, "devices"), mesh),
        "down": placed(params["down"], OVER_DEVICES, mesh),
    }


def check_fit():
    """Examples over devices; parameters and Adam's moments whole, or sharded by a rule."""
    phase, params, data = regression()
    alone = fit(jax.random.key(3), params, phase, data)
    mesh = mesh_of_all()
    over = placed(data, OVER_DEVICES, mesh)
    for start in (placed(params, EVERYWHERE, mesh), by_columns(params, mesh)):
        found = fit(jax.random.key(3), start, phase, over)
        assert_close(found.params, alone.params)
        assert_close(found.history, alone.history)
        # Parameters stay where they were.
        for name, before in start.items():
            after = found.params[name].sharding
            assert after.is_equivalent_to(before.sharding, before.ndim), after


def check_language_model():
    """Prompts over one axis of a mesh, a language model's parameters over the other."""
    config = jrft.LlamaConfig(
        vocab_size=16, width=8, depth=1, heads=2, key_heads=2, channels=4, hidden=8
    )
    policy = jrft.language_model(config, length=2, eos=1)
    params = policy.init(jax.random.key(0))
    data = jax.random.randint(jax.random.key(1), (8, 5), 2, 16)

    def loss(key, params, model_state, data):
        by_row = jax.vmap(policy.log_probs, (None, 0, 0))
        return -jnp.mean(by_row(params, data[:, :3], data[:, 3:])), (model_state, {})

    phase = Phase("language model", from_loss(loss), optax.sgd(0.1), num_steps=4, log_every=2)
    alone = fit(jax.random.key(2), params, phase, data)
    assert alone.history["loss"][-1] < alone.history["loss"][0]
    axes = (jax.sharding.AxisType.Auto,) * 2
    mesh = jax.make_mesh((jax.device_count() // 2, 2), ("prompts", "model"), axis_types=axes)
    split = jax.device_put(params, jrft.param_shardings(params, mesh, "model"))
    found = fit(jax.random.key(2), split, phase, placed(data, PartitionSpec("prompts"), mesh))
    assert_close(found.params, alone.params)
    assert_close(found.history, alone.history)
    table = found.params["params"]["tokens"]
    assert {shard.data.shape for shard in table.addressable_shards} == {(8, 8)}, table.sharding


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


def check_samples():
    """Prompts over one axis of a mesh, samples over the other: the same samples, once each."""
    policy = jrft.tabular_policy(3, 2)
    params = jnp.linspace(-1, 1, 12).reshape(4, 3)
    keys = jax.random.split(jax.random.key(0), 4)

    def reward(prompt, completion):
        return jnp.sum(completion).astype(float)

    def estimate(num_samples, block_size, key):
        gradient, info = jrft.rloo_gradient(
            key, policy, params, [], reward, num_samples=num_samples, block_size=block_size
        )
        problem = policy, params, [], info.samples, info.advantages
        each = jrft.per_sample_gradients(*problem)
        found = jrft.gradient_statistics(*problem, block_size=block_size)
        return info.samples.completions, gradient, each, found.standard_error

    axes = (jax.sharding.AxisType.Auto,) * 2
    mesh = jax.make_mesh((jax.device_count() // 4, 4), ("prompts", "samples"), axis_types=axes)

    def on_mesh(*sizes):
        with jax.set_mesh(mesh):
            many = jax.jit(jax.vmap(functools.partial(estimate, *sizes)))
            return many(placed(keys, PartitionSpec("prompts"), mesh))

    found = on_mesh(8, 4)
    expected = jax.jit(jax.vmap(functools.partial(estimate, 8, 4)))(keys)
    np.testing.assert_array_equal(found[0], expected[0])
    assert_close(found[1:], expected[1:])
    # A device holds its prompts' share of the samples.
    assert found[0].sharding.spec[:2] == ("prompts", "samples"), found[0].sharding
    for sizes in ((6, None), (8, 2)):
        with pytest.raises(ValueError, match="pass num_samples and block_size that the devices"):
            on_mesh(*sizes)


def main():
    check_fit()
    check_language_model()
    check_estimates()
    check_samples()
