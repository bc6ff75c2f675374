"""The Fisher information of a policy's completions of one prompt, without its matrix.

F(x; θ) = E_{y~p_θ(·|x)}[∇ log p_θ(y | x) ∇ log p_θ(y | x)ᵀ], over all completions. As the Hessian
of KL(p_θ ‖ p_θ') at θ' = θ it measures how far a step moves the distribution.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_probability, check_prompt
from jrft.exact.eigenvalues import EigenvalueInterval, largest_eigenvalue
from jrft.exact.expectations import exact_log_probs
from jrft.policies.policy import Params, Policy, Prompt


def exact_fisher_vector_product(
    policy: Policy, params: Params, prompt: Prompt, vector: Params
) -> Params:
    """The Fisher information of one prompt times a vector, F(x; θ) v.

    One Jacobian–vector and one vector–Jacobian product of the prefix tree: what natural gradients
    and trust regions need.

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        vector: v, a pytree like `params`.

    Returns:
        A pytree like `params`.

    Raises:
        ValueError: if the prompt is malformed or there are too many completions to enumerate.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> v = jnp.array([[1.0, 0.0]])
        >>> exact_fisher_vector_product(policy, jnp.zeros((1, 2)), [], v).tolist()
        [[0.25, -0.25]]
    """
    return _fisher_vector(params, vector, policy, check_prompt(policy, prompt))


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

    By Lanczos; `num_steps` vectors like `params` are kept. Where the interval is wide, more steps
    make it narrower, and as many as there are parameters or distinct completions make it exact.

    Args:
        key: of the random start.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        num_steps: products with F; static.
        failure_probability: that `upper` is below the eigenvalue, over the random start.

    Returns:
        `EigenvalueInterval`.

    Raises:
        ValueError: if an argument is malformed or there are too many completions to enumerate.

    Examples:
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
    return _largest_eigenvalue(params, policy, prompt, key, num_steps, float(failure_probability))


class LinearizedLogProbs(NamedTuple):
    """The log-probabilities of all completions, and their derivatives in two directions.

    Attributes:
        log_probs: float[K^length], as `jrft.exact_log_probs`.
        push: a pytree v like the parameters ↦ float[K^length], ∇ log p(y) · v for every y.
        pull: float[K^length] ↦ a pytree like the parameters, Σ_y w(y) ∇ log p(y).
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
    """One evaluation of the prefix tree for any number of products with its derivative."""
    log_probs, push = jax.linearize(lambda p: exact_log_probs(policy, p, prompt), params)
    transposed = jax.linear_transpose(push, params)
    return LinearizedLogProbs(log_probs, push, lambda weights: transposed(weights)[0])


def fisher_interval(
    key: PRNGKeyArray,
    linearized: LinearizedLogProbs,
    params: Params,
    *,
    num_steps: int,
    failure_probability: float,
) -> EigenvalueInterval:
    """`largest_fisher_eigenvalue` from what was linearised at `params`."""
    flat, unravel = ravel_pytree(params)
    return largest_eigenvalue(
        key,
        lambda vector: ravel_pytree(linearized.fisher_product(unravel(vector)))[0],
        flat,
        num_steps=num_steps,
        failure_probability=failure_probability,
    )


@jax.jit
def _fisher_vector(
    params: Params, vector: Params, policy: Policy, prompt: Int[Array, " prompt"]
) -> Params:
    return linearized_log_probs(policy, params, prompt).fisher_product(vector)


@functools.partial(jax.jit, static_argnames=("num_steps", "failure_probability"))
def _largest_eigenvalue(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    key: PRNGKeyArray,
    num_steps: int,
    failure_probability: float,
) -> EigenvalueInterval:
    linearized = linearized_log_probs(policy, params, prompt)
    return fisher_interval(
        key, linearized, params, num_steps=num_steps, failure_probability=failure_probability
    )
