"""Exact quantities on a mesh of all devices equal those on one; `test_devices.py` runs this."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jrft

EVERYWHERE, OVER_DEVICES = PartitionSpec(), PartitionSpec("devices")

POLICY = jrft.transformer(4, 3, max_prompt=4, width=8, depth=1, heads=1)
PARAMS = POLICY.init(jax.random.key(0))
PROMPTS = jax.random.randint(jax.random.key(1), (16, 4), 0, 4)
TABLES = jax.random.uniform(jax.random.key(2), (16, 64))


def assert_close(found, expected):
    """Equal up to the order of float32's sums: 1e-5 of the largest entry."""
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max()),
        found,
        expected,
    )


def mesh_of_all(kind=AxisType.Auto):
    return jax.make_mesh((jax.device_count(),), ("devices",), axis_types=(kind,))


def placed(tree, spec, mesh):
    return jax.tree.map(lambda leaf: jax.device_put(leaf, NamedSharding(mesh, spec)), tree)


def gradient(params, prompt, table):
    return jrft.exact_policy_gradient(POLICY, params, prompt, table)


def sharded_by_rule(params, mesh):
    """The rule of a user: an array's first axis that the devices divide is spread over them."""

    def place(leaf):
        axes = [i for i, size in enumerate(leaf.shape) if size % mesh.size == 0][:1]
        spec = PartitionSpec(*("devices" if i in axes else None for i in range(leaf.ndim)))
        return placed(leaf, spec, mesh)

    return jax.tree.map(place, params)


def check_table_over_devices():
    """A table of rewards that is spread over the devices leaves the gradient right.

    Without a word XLA's partitioner made the embedding's gradient wrong by 30 % on 8 devices.
    """
    expected = gradient(PARAMS, PROMPTS[0], TABLES[0])
    for kind, function in ((AxisType.Auto, jax.jit(gradient)), (AxisType.Explicit, gradient)):
        mesh = mesh_of_all(kind)
        params, table = placed(PARAMS, EVERYWHERE, mesh), placed(TABLES[0], OVER_DEVICES, mesh)
        assert_close(function(params, PROMPTS[0], table), expected)


def check_prompts_over_devices():
    """Prompts and their tables over devices, parameters whole or sharded by a rule."""
    mesh = mesh_of_all()
    many = jax.jit(jax.vmap(gradient, (None, 0, 0)))
    expected = many(PARAMS, PROMPTS, TABLES)
    prompts = placed(PROMPTS, OVER_DEVICES, mesh)
    whole, within = placed(PARAMS, EVERYWHERE, mesh), PartitionSpec(None, "devices")
    assert_close(many(whole, prompts, placed(TABLES, within, mesh)), expected)
    tables = placed(TABLES, OVER_DEVICES, mesh)
    assert_close(many(sharded_by_rule(PARAMS, mesh), prompts, tables), expected)
    std = jax.jit(jax.vmap(functools.partial(jrft.exact_reward_std, POLICY), (None, 0, 0)))
    assert_close(std(whole, prompts, tables), std(PARAMS, PROMPTS, TABLES))


def check_subtrees():
    """Prompts over one axis of a mesh, subtrees over the other, also where neither divides."""
    axes = (AxisType.Auto,) * 2
    mesh = jax.make_mesh((jax.device_count() // 4, 4), ("prompts", "subtrees"), axis_types=axes)
    policy = jrft.tabular_policy(3, 4)
    params = jax.random.normal(jax.random.key(0), (40, 3))
    tables = jnp.concatenate([TABLES[:4], TABLES[4:8, :17]], axis=1)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def found(params, table):
        problem = policy, params, []
        # One tree would fit the budget, two are larger.
        gradient = jrft.exact_policy_gradient(*problem, table)
        std = jrft.exact_reward_std(*problem, table, memory_budget=4_000)
        return gradient, std, jrft.exact_log_probs(*problem, memory_budget=4_000)

    alone = found.lower(params, tables).compile()
    with jax.set_mesh(mesh):
        placed_there = (
            placed(params, EVERYWHERE, mesh),
            placed(tables, PartitionSpec("prompts"), mesh),
        )
        compiled = found.lower(*placed_there).compile()
        assert_close(compiled(*placed_there), alone(params, tables))
    # One of four devices has 3 of the 9 subtrees, or 7 of the 27, and half of the prompts.
    flops = [program.cost_analysis()["flops"] for program in (compiled, alone)]
    assert flops[0] < flops[1] / 3, flops


def check_shard_map():
    """Under `shard_map` a prompt's gradient is its own, not the sum over the devices."""
    policy = jrft.tabular_policy(2, 2)
    params = jnp.linspace(-1, 1, 6).reshape(3, 2)
    tables, label = TABLES[:, :4], jnp.array([0, 1])
    vector = jnp.arange(6.0).reshape(3, 2)
    functions = (
        lambda params, table: jrft.exact_policy_gradient(policy, params, [], table),
        lambda params, table: jrft.expected_ppo_gradient(policy, params, params, [], table)[0],
        lambda params, table: jrft.std_gain(policy, params, [], table, label),
        lambda params, table: jrft.exact_hessian_vector_product(policy, params, [], table, vector),
        lambda params, table: jrft.exact_fisher_vector_product(
            policy, params + table[0], [], vector
        ),
    )
    for function in functions:
        many = jax.vmap(function, (None, 0))
        spread = jax.shard_map(
            many, mesh=mesh_of_all(), in_specs=(EVERYWHERE, OVER_DEVICES), out_specs=OVER_DEVICES
        )
        assert_close(jax.jit(spread)(params, tables), many(params, tables))


def check_sampled_under_shard_map():
    """So is an estimate of it, in blocks and at once, and so are its statistics."""
    policy = jrft.tabular_policy(2, 2)
    params = jnp.linspace(-1, 1, 6).reshape(3, 2)
    keys = jax.random.split(jax.random.key(3), 16)

    def reward(prompt, completion):
        return completion[0] + 0.5 * completion[1]

    def estimate(block_size, params, key):
        gradient, info = jrft.rloo_gradient(
            key, policy, params, [], reward, num_samples=8, block_size=block_size
        )
        samples, advantages = info.samples, info.advantages
        found = jrft.gradient_statistics(
            policy, params, [], samples, advantages, block_size=block_size
        )
        each = jrft.per_sample_gradients(policy, params, [], samples, advantages)
        ppo, _ = jrft.ppo_gradient_from(policy, params, [], samples, info.rewards, advantages)
        bounds = jrft.estimate_bounds_from(
            key, policy, params, [], samples, info.rewards, num_groups=4, num_steps=2
        )
        norms = jrft.jacobian_norms(policy, params, [], samples.completions[0])
        return gradient, found.standard_error, each, ppo, bounds, norms

    for block_size in (None, 3):
        many = jax.vmap(functools.partial(estimate, block_size), (None, 0))
        spread = jax.shard_map(
            many, mesh=mesh_of_all(), in_specs=(EVERYWHERE, OVER_DEVICES), out_specs=OVER_DEVICES
        )
        assert_close(jax.jit(spread)(params, keys), many(params, keys))


def main():
    check_table_over_devices()
    check_prompts_over_devices()
    check_subtrees()
    check_shard_map()
    check_sampled_under_shard_map()
