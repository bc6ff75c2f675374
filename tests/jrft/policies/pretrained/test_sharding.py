"""A language model whose prompts and parameters are split over eight devices."""

import jax
import jax.numpy as jnp
import pytest

import jrft
from tests.cases.devices import on_devices

PROGRAM = """
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
import jrft

config = jrft.LlamaConfig(
    vocab_size=16, width=8, depth=2, heads=4, key_heads=2, channels=4, hidden=12
)
policy = jrft.language_model(config, length=3, eos=1)
params = policy.init(jax.random.key(0))
prompts = jrft.pad_prompts([[i % 16] * (1 + i % 3) for i in range(8)])
rewards = jnp.sin(jnp.arange(8 * 4.0)).reshape(8, 4)

@jax.jit
def gradient(key, params, prompts):
    def draw(key, prompt):
        return jrft.sample(key, policy, params, prompt, 4)

    drawn = jax.vmap(draw)(jax.random.split(key, 8), prompts)

    def objective(params):
        def of_prompt(prompt, completions, rewards):
            by_row = jax.vmap(policy.log_probs, (None, None, 0))
            return by_row(params, prompt, completions).sum(1) @ rewards

        return jax.vmap(of_prompt)(prompts, drawn.completions, rewards).mean()

    return drawn, jax.grad(objective)(params)

expected = gradient(jax.random.key(1), params, prompts)
devices = np.array(jax.devices()).reshape(4, 2)
mesh = Mesh(devices, ("prompts", "model"), axis_types=(AxisType.Auto,) * 2)
split = jax.device_put(params, jrft.param_shardings(params, mesh, "model"))
table = split["params"]["tokens"]
assert {shard.data.shape for shard in table.addressable_shards} == {(8, 8)}, table.sharding
rows = jax.device_put(prompts, NamedSharding(mesh, PartitionSpec("prompts")))
drawn, found = gradient(jax.random.key(1), split, rows)
assert len(drawn.completions.sharding.device_set) == 8
np.testing.assert_array_equal(drawn.completions, expected[0].completions)
np.testing.assert_allclose(drawn.log_probs, expected[0].log_probs, atol=1e-5)
jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, expected[1])
"""


def test_samples_and_gradients_do_not_depend_on_the_devices():
    on_devices(8, PROGRAM)


def test_what_cannot_be_divided_is_copied_and_other_axes_are_refused():
    mesh = jax.sharding.AbstractMesh((2, 3), ("prompts", "model"))
    shapes = {"even": jnp.ones((6, 9, 10)), "odd": jnp.ones((4, 5)), "one": jnp.ones(())}
    specs = {
        name: sharding.spec
        for name, sharding in jrft.param_shardings(shapes, mesh, "model").items()
    }
    partition = jax.sharding.PartitionSpec
    assert specs == {
        "even": partition(None, "model", None),
        "odd": partition(None, None),
        "one": partition(),
    }
    with pytest.raises(
        ValueError, match="axis is 'data': pass an axis of the mesh, prompts, model"
    ):
        jrft.param_shardings(shapes, mesh, "data")
    explicit = jax.sharding.AbstractMesh(
        (2,), ("model",), axis_types=(jax.sharding.AxisType.Explicit,)
    )
    with pytest.raises(
        ValueError, match=r"make it with axis_types=\(jax.sharding.AxisType.Auto,\)"
    ):
        jrft.param_shardings(shapes, explicit, "model")
