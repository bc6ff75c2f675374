"""Trees that are cut to fit a budget of memory give the numbers of whole ones."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft.exact import expectations as exact
from tests.cases import policies as cases

TABLE = np.random.default_rng(0).uniform(-1, 1, 27)


@jax.jit(static_argnames="memory_budget")
def all_exact(policy, params, prompt, vector, memory_budget):
    """Everything that is exact, within a budget."""
    problem, budget = (policy, params, prompt), {"memory_budget": memory_budget}
    value, gradient = jax.value_and_grad(jrft.exact_value, argnums=1)(*problem, TABLE, **budget)
    return {
        "value": value,
        "gradient": gradient,
        "std": jrft.exact_reward_std(*problem, TABLE, **budget),
        "log_probs": jrft.exact_log_probs(*problem, **budget),
        "distribution": jrft.exact_reward_distribution(*problem, TABLE, **budget),
        "entropy": jrft.exact_entropy(*problem, **budget),
        "kl": jrft.exact_kl(policy, params, vector, prompt, **budget),
        "curvature": jrft.exact_hessian_vector_product(*problem, TABLE, vector, **budget),
    }


def smallest_budget(policy, params):
    """What the error asks for."""
    with pytest.raises(ValueError, match="memory_budget is 1 bytes") as error:
        jrft.exact_kl(policy, params, params, cases.PROMPT, memory_budget=1)
    return int(re.search(r"least (\d+)", str(error.value))[1])


@pytest.mark.parametrize(
    ("name", "budgets"),
    [
        ("tabular with end", (1, 2)),
        pytest.param("transformer with end", (1,), marks=pytest.mark.slow),
        ("recurrent with end", (1,)),
    ],
)
def test_a_cut_tree_gives_the_numbers_of_the_whole_one(name, budgets):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        vector = jax.tree.map(lambda x: 0.3 * x + 0.1, params)
        arguments = policy, params, cases.PROMPT, vector
        least = smallest_budget(policy, params)
        whole = all_exact(*arguments, memory_budget=2**31)
        for budget in budgets:
            cut = all_exact(*arguments, memory_budget=budget * least)
            chex.assert_trees_all_close(cut, whole, rtol=1e-11, atol=1e-13)


def test_the_gradient_stays_within_its_budget():
    policy = jrft.transformer(8, 4, max_prompt=2, width=16, depth=2, heads=2)
    params = policy.init(jax.random.key(0))
    prompt, rewards = jnp.array([1, 2]), jnp.zeros(8**4)

    def bytes_taken(budget):
        arguments = policy, params, prompt, rewards, budget
        compiled = exact._policy_gradient.lower(*arguments).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert bytes_taken(2**31) > 1_500_000
    assert bytes_taken(500_000) <= 500_000


def test_a_cut_tree_is_vmapped_over_prompts_and_traced_once():
    policy = cases.POLICIES["recurrent with end"]
    params = cases.init(policy)
    budget = smallest_budget(policy, params)
    prompts = jnp.array([[-1, 2, 0], [1, 1, 2]])

    @jax.jit
    @chex.assert_max_traces(1)
    def values(params, prompts):
        return jax.vmap(
            lambda prompt: jrft.exact_value(policy, params, prompt, TABLE, memory_budget=budget)
        )(prompts)

    values(params, prompts)
    expected = [jrft.exact_value(policy, params, prompt, TABLE) for prompt in prompts]
    np.testing.assert_allclose(values(params, prompts), expected, rtol=1e-5)


def test_a_budget_of_nothing_is_refused():
    policy = jrft.tabular_policy(2, 2)
    with pytest.raises(ValueError, match="memory_budget is 0: pass at least 1"):
        jrft.exact_entropy(policy, jnp.zeros((3, 2)), [], memory_budget=0)
