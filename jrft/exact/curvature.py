"""Curvature of one prompt without a matrix: the Hessian of V, and the Fisher information F.

F(x; θ) = E_{y~p_θ(·|x)}[∇ log p_θ(y | x) ∇ log p_θ(y | x)ᵀ], over all completions. F is the Hessian
of KL(p_θ ‖ p_θ') at θ' = θ, so it measures how far a step moves the distribution.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_probability, check_prompt
from jrft._numerics import precise
from jrft.exact.eigenvalues import EigenvalueInterval, largest_eigenvalue
from jrft.exact.expectations import exact_log_probs, value_of_table
from jrft.exact.fold import MEMORY_BUDGET
from jrft.policies.devices import own_copies, whole
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards


def exact_fisher_vector_product(
    policy: Policy, params: Params, prompt: Prompt, vector: Params
) -> Params:
    """The Fisher information of one prompt times a vector, F(x; θ) v.

    One Jacobian–vector and one vector–Jacobian product of the prefix tree, for natural gradients
    and trust regions.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        vector: The vector v, a pytree like `params`.

    Returns:
        A pytree like `params`.

    Raises:
        ValueError: If the prompt is malformed or there are too many completions to enumerate.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> v = jnp.array([[1.0, 0.0]])
        >>> exact_fisher_vector_product(policy, jnp.zeros((1, 2)), [], v).tolist()
        [[0.25, -0.25]]
    """
    prompt = check_prompt(policy, prompt)
    vector = own_copies(vector, params, prompt)
    return _fisher_vector(policy, params, prompt, vector)


def largest_fisher_eigenvalue(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    *,
    num_steps: int = 32,
    failure_probability: float = 1e-6,
) -> EigenvalueInterval:
    """An interval around the largest eigenvalue of the Fisher information of one prompt.

    Uses Lanczos and keeps `num_steps` vectors like `params`. More steps make the interval narrower;
    as many steps as there are parameters or distinct completions make it exact.

    Args:
        key: A JAX random key, for the start of Lanczos.
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        num_steps: The number of products with F; static.
        failure_probability: The probability, over the random start, that `upper` is below
            the eigenvalue.

    Returns:
        `EigenvalueInterval`.

    Raises:
        ValueError: If an argument is malformed or there are too many completions to enumerate.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform = jnp.zeros((1, 2))
        >>> lower, upper = largest_fisher_eigenvalue(jax.random.key(0), policy, uniform, [])
        >>> round(float(lower), 5), round(float(upper), 5)
        (0.5, 0.5)
    """
    prompt = check_prompt(policy, prompt)
    check_at_least(1, num_steps=num_steps)
    check_probability(failure_probability=failure_probability)
    return _largest_eigenvalue(key, policy, params, prompt, num_steps, float(failure_probability))


def exact_hessian_vector_product(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    vector: Params,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Params:
    """Hessian of the expected reward of one prompt times a vector, ∇²_θ V(x; θ) v.

    Forward-over-reverse differentiation, without a matrix in memory. At a point where the gradient
    vanishes, the curvature distinguishes a plateau from a saddle.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        vector: The vector v, a pytree like `params`.
        memory_budget: As in `exact_value`; the product takes two to three times as much.

    Returns:
        A pytree like `params`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: As `exact_value`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params, v = jnp.log(jnp.array([[3.0, 1.0]])), jnp.array([[1.0, 0.0]])
        >>> product = jrft.exact_hessian_vector_product(
        ...     policy, params, [], jnp.array([1.0, 0.0]), v
        ... )
        >>> product.round(4).tolist()
        [[-0.09..., 0.09...]]
    """
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    params, vector = own_copies((params, vector), prompt, rewards)
    return _hessian_vector(policy, params, prompt, rewards, vector, memory_budget)


class LinearizedLogProbs(NamedTuple):
    """The log-probabilities of all completions, and their derivatives in two directions.

    Attributes:
        log_probs: Float[K^length], as `jrft.exact_log_probs`.
        push: A pytree v like the parameters ↦ float[K^length], ∇ log p(y) · v for every y.
        pull: Float[K^length] ↦ a pytree like the parameters, Σ_y w(y) ∇ log p(y).
    """

    log_probs: Float[Array, " completions"]
    push: Callable[[Params], Float[Array, " completions"]]
    pull: Callable[[Float[Array, " completions"]], Params]

    def fisher_product(self, vector: Params) -> Params:
        """F(x; θ) v."""
        return self.pull(jnp.exp(self.log_probs) * self.push(vector))


def linearized_log_probs(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"]
) -> LinearizedLogProbs:
    """Evaluates the prefix tree once, for any number of products with its derivative."""
    params = own_copies(params, prompt)
    log_probs, push = jax.linearize(lambda p: exact_log_probs(policy, p, prompt), params)
    transposed = jax.linear_transpose(push, params)
    return LinearizedLogProbs(log_probs, push, lambda weights: transposed(whole(weights))[0])


def fisher_interval(
    key: PRNGKeyArray,
    linearized: LinearizedLogProbs,
    params: Params,
    *,
    num_steps: int,
    failure_probability: float,
) -> EigenvalueInterval:
    """`largest_fisher_eigenvalue` from log-probabilities that were linearized at `params`."""
    flat, unravel = ravel_pytree(params)
    return largest_eigenvalue(
        key,
        lambda vector: ravel_pytree(linearized.fisher_product(unravel(vector)))[0],
        flat,
        num_steps=num_steps,
        failure_probability=failure_probability,
    )


@jax.jit
@precise
def _fisher_vector(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], vector: Params
) -> Params:
    return linearized_log_probs(policy, params, prompt).fisher_product(vector)


@functools.partial(jax.jit, static_argnames=("num_steps", "failure_probability"))
@precise
def _largest_eigenvalue(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    num_steps: int,
    failure_probability: float,
) -> EigenvalueInterval:
    linearized = linearized_log_probs(policy, params, prompt)
    return fisher_interval(
        key, linearized, params, num_steps=num_steps, failure_probability=failure_probability
    )


@functools.partial(jax.jit, static_argnames="memory_budget")
@precise
def _hessian_vector(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    vector: Params,
    memory_budget: int,
) -> Params:
    def gradient(params: Params) -> Params:
        return jax.grad(value_of_table, argnums=1)(policy, params, prompt, rewards, memory_budget)

    return jax.jvp(gradient, (params,), (vector,))[1]
