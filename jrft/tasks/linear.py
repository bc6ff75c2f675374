"""Classification over orthonormal inputs: the gradient flows of RFT and SFT, and their times.

One output token, logits W x linear in the parameters W, inputs x orthonormal, reward 1 for the
right label and −1 for every other (Razin et al., ICLR 2024, Section 4.3). Gradient flow on the sum
of all inputs' objectives moves the logits of each input by themselves, u̇ = ∇_u (objective of the
input), so every function here treats one input; for the mean over n inputs, times are n-fold.

Derived: RFT's field is 2·p(y*) times SFT's. Both trace one curve of logits, at different speeds.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft._checks import check_at_least


def sft_flow(logits: ArrayLike, target: ArrayLike) -> Float[Array, " K"]:
    """Velocity of one input's logits under supervised finetuning: ∇_u log p(y*) = e_{y*} − p.

    Args:
        logits: Float[K], u.
        target: Integer in 0 … K−1, y*.

    Returns:
        Float[K], which sums to 0. A target outside 0 … K−1 gives NaN.

    Raises:
        ValueError: If `logits` is not a vector of two or more, or `target` is not one integer.

    Example:
        >>> import jax.numpy as jnp
        >>> from jrft.tasks.linear import sft_flow
        >>> sft_flow(jnp.zeros(4), 1).tolist()
        [-0.25, 0.75, -0.25, -0.25]
    """
    logits, target = _check(logits, target)
    return _indicator(logits, target) - jax.nn.softmax(logits)


def rft_flow(logits: ArrayLike, target: ArrayLike) -> Float[Array, " K"]:
    """Velocity of one input's logits under reinforcement finetuning with perfect exploration.

    ∇_u V = 2·p(y*)·(e_{y*} − p), for V = 2·p(y*) − 1.

    Args:
        logits: Float[K], u.
        target: Integer in 0 … K−1, y*.

    Returns:
        Float[K], which sums to 0. A target outside 0 … K−1 gives NaN.

    Raises:
        ValueError: As `sft_flow`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jrft.tasks.linear import rft_flow
        >>> rft_flow(jnp.zeros(4), 1).tolist()
        [-0.125, 0.375, -0.125, -0.125]
    """
    logits, target = _check(logits, target)
    indicator, probs = _indicator(logits, target), jax.nn.softmax(logits)
    return 2 * jnp.sum(indicator * probs) * (indicator - probs)


def margin(logits: ArrayLike, target: ArrayLike) -> Float[Array, ""]:
    """How much larger the target's logit is than all others; the input is right when positive.

    Args:
        logits: Float[K].
        target: Integer in 0 … K−1.

    Returns:
        Float[]. A target outside 0 … K−1 gives NaN.

    Raises:
        ValueError: As `sft_flow`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jrft.tasks.linear import margin
        >>> float(margin(jnp.array([0.5, 2.0, 1.0]), 2))
        -1.0
    """
    logits, target = _check(logits, target)
    indicator = _indicator(logits, target)
    others = jnp.where(indicator == 1, -jnp.inf, logits)
    return jnp.sum(indicator * logits) - jnp.max(others)


def sft_time(initial_margin: ArrayLike, num_labels: int) -> Float[Array, "..."]:
    """Time until SFT's flow gives the right label, if all wrong labels start equally likely.

    t = ((K − 1)(−u₀) + 1 − e^{u₀}) / K, u₀ < 0 the initial margin (derived; the paper states
    O(ln 1/STD)).

    Args:
        initial_margin: Float[...], u₀; every number of it is an input.
        num_labels: K.

    Returns:
        Float[...], 0 where the margin is not negative.

    Raises:
        ValueError: If `num_labels` is below 2.

    Example:
        >>> from jrft.tasks.linear import sft_time
        >>> round(float(sft_time(-10.0, 2)), 4)
        5.5
    """
    behind, others = _start(initial_margin, num_labels)
    return (others * behind - jnp.expm1(-behind)) / num_labels


def rft_time(initial_margin: ArrayLike, num_labels: int) -> Float[Array, "..."]:
    """Time until RFT's flow gives the right label, if all wrong labels start equally likely.

    t = (1 − e^{u₀} + 2(K − 1)(−u₀) + (K − 1)²(e^{−u₀} − 1)) / 2K, u₀ < 0 the initial margin; for
    K = 2 that is −(u₀ + sinh u₀) / 2 (derived; the paper states Ω(1/STD²)). As STD → 0,
    t · STD² → 2(K − 1)/K.

    Args:
        initial_margin: Float[...], u₀; every number of it is an input.
        num_labels: K.

    Returns:
        Float[...], 0 where the margin is not negative.

    Raises:
        ValueError: If `num_labels` is below 2.

    Example:
        >>> from jrft.tasks.linear import rft_time
        >>> round(float(rft_time(-10.0, 2)), 1)
        5511.6
    """
    behind, others = _start(initial_margin, num_labels)
    growth = others**2 * jnp.expm1(behind)
    return (growth + 2 * others * behind - jnp.expm1(-behind)) / (2 * num_labels)


def rft_time_lower_bound(target_prob: ArrayLike, num_labels: int) -> Float[Array, "..."]:
    """No start of that probability is classified correctly by RFT's flow before this time.

    t ≥ (1/p₀ − K) / 4 ≥ (1 − p₀)/STD² − K/4, since ṗ = 2p²‖e_{y*} − p‖² ≤ 4p², and the right label
    is the likeliest at p ≥ 1/K only (derived).

    Args:
        target_prob: Float[...] in (0, 1), p₀, the target's initial probability.
        num_labels: K.

    Returns:
        Float[...], 0 at the least.

    Raises:
        ValueError: If `num_labels` is below 2.

    Example:
        >>> from jrft.tasks.linear import rft_time_lower_bound
        >>> float(rft_time_lower_bound(0.0625, 4))
        3.0
    """
    _check_labels(num_labels)
    return jnp.maximum((1 / jnp.asarray(target_prob) - num_labels) / 4, 0)


def sft_time_upper_bound(target_prob: ArrayLike, num_labels: int) -> Float[Array, "..."]:
    """Every start of that probability is classified correctly by SFT's flow at this time.

    t ≤ 4(K − 1)/K · ln(1/(2p₀)) ≤ 8(K − 1)/K · ln(√2/STD), since d ln p/dt = ‖e_{y*} − p‖² ≥
    (1 − p)²·K/(K − 1), and the right label is the likeliest from p = 1/2 on (derived).

    Args:
        target_prob: Float[...] in (0, 1), p₀, the target's initial probability.
        num_labels: K.

    Returns:
        Float[...], 0 at the least.

    Raises:
        ValueError: If `num_labels` is below 2.

    Example:
        >>> from jrft.tasks.linear import sft_time_upper_bound
        >>> round(float(sft_time_upper_bound(0.01, 2)), 3)
        7.824
    """
    _check_labels(num_labels)
    factor = 4 * (num_labels - 1) / num_labels
    return jnp.maximum(-factor * jnp.log(2 * jnp.asarray(target_prob)), 0)


def _indicator(logits: Float[Array, " K"], target: Int[Array, ""]) -> Float[Array, " K"]:
    """e_{y*}; NaN if there is no such label."""
    known = (target >= 0) & (target < logits.size)
    return jnp.where(known, jax.nn.one_hot(target, logits.size, dtype=logits.dtype), jnp.nan)


def _start(initial_margin: ArrayLike, num_labels: int) -> tuple[Float[Array, "..."], int]:
    _check_labels(num_labels)
    return jnp.maximum(-jnp.asarray(initial_margin, float), 0), num_labels - 1


def _check_labels(num_labels: int) -> None:
    check_at_least(2, num_labels=num_labels)


def _check(logits: ArrayLike, target: ArrayLike) -> tuple[Float[Array, " K"], Int[Array, ""]]:
    logits, target = jnp.asarray(logits, float), jnp.asarray(target)
    if logits.ndim != 1 or logits.size < 2:
        raise ValueError(
            f"logits has shape {list(logits.shape)}: pass float[K], one input, K at least 2; "
            "jax.vmap maps over inputs"
        )
    if target.ndim != 0 or not jnp.issubdtype(target.dtype, jnp.integer):
        raise ValueError(
            f"target is {target.dtype}{list(target.shape)}: pass one integer label; jax.vmap maps "
            "over inputs"
        )
    return logits, target
