"""Checks of arguments: each raises ValueError with the argument, its value and a remedy.

Values are checked only where they are known, that is, outside `jax.jit` and `jax.vmap`.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft.completions import PAD, after_end

_RESERVE = 2**20
"""Sums may exceed their largest term by this factor."""


@runtime_checkable
class Settings(Protocol):
    """The settings that all policies share; see `jrft.Policy`."""

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""

    @property
    def prompt_vocab_size(self) -> int:
        """The number of tokens of prompts."""

    @property
    def length(self) -> int:
        """The number of tokens of a completion."""

    @property
    def eos(self) -> int | None:
        """The token that ends a completion."""


def check_at_least(minimum: int, **settings: int) -> None:
    """Refuses settings below `minimum`."""
    for name, value in settings.items():
        if value < minimum:
            raise ValueError(f"{name} is {value}: pass at least {minimum}")


def check_not_negative(**numbers: ArrayLike) -> None:
    """Refuses numbers below 0, and NaN."""
    for name, value in numbers.items():
        if not isinstance(value, jax.core.Tracer) and not np.all(np.asarray(value) >= 0):
            raise ValueError(f"{name} is {np.min(np.asarray(value))}: pass a number of at least 0")


def check_probability(**probabilities: float) -> None:
    """Refuses numbers that are not strictly between 0 and 1."""
    for name, value in probabilities.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}: pass a number between 0 and 1")


def check_settings(policy: Settings) -> None:
    """Refuses a policy whose three shared settings contradict each other."""
    check_at_least(1, vocab_size=policy.vocab_size, length=policy.length)
    if policy.eos is not None and not 0 <= policy.eos < policy.vocab_size:
        raise ValueError(
            f"eos is {policy.eos}: pass a token of 0 … {policy.vocab_size - 1}, or None"
        )


def check_prompt(policy: Settings, prompt: ArrayLike | Sequence[int]) -> Int[Array, " prompt"]:
    """Returns a prompt as an int32 array."""
    tokens = jnp.asarray(prompt)
    if tokens.ndim != 1:
        raise ValueError(
            f"prompt has shape {list(tokens.shape)}: pass int[P], one prompt; jax.vmap maps over "
            "prompts"
        )
    if tokens.size == 0:
        return jnp.zeros(0, jnp.int32)
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(f"prompt has dtype {tokens.dtype}: pass integer token ids")
    if not isinstance(tokens, jax.core.Tracer):
        _check_prompt_tokens(np.asarray(tokens), policy.prompt_vocab_size)
    return tokens.astype(jnp.int32)


def check_completions(policy: Settings, completions: ArrayLike) -> Int[Array, "n length"]:
    """Returns sampled completions of one prompt as an int32 array."""
    tokens = jnp.asarray(completions)
    if tokens.ndim != 2 or tokens.shape[0] < 1 or tokens.shape[1] != policy.length:
        raise ValueError(
            f"samples.completions has shape {list(tokens.shape)}: pass int[n, {policy.length}] of "
            "one prompt, n at least 1"
        )
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(f"samples.completions has dtype {tokens.dtype}: pass integer token ids")
    if not isinstance(tokens, jax.core.Tracer):
        smallest = np.where(after_end(tokens, policy.eos), PAD, 0)
        values = np.asarray(tokens)
        wrong = np.argwhere((values < smallest) | (values >= policy.vocab_size))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                f"samples.completions has token {values[row, column]} at [{row}, {column}]: pass "
                f"tokens of 0 … {policy.vocab_size - 1}, and −1 after the end of sequence only"
            )
    return tokens.astype(jnp.int32)


def check_rewards(rewards: ArrayLike, count: int, name: str = "rewards") -> Float[Array, " n"]:
    """Returns one number per completion as a float vector; `name` is the argument's name."""
    values = as_floats(rewards, name)
    if values.shape != (count,):
        raise ValueError(
            f"{name} have shape {list(values.shape)}: pass float[{count}], one for each completion"
        )
    if not isinstance(values, jax.core.Tracer):
        wrong = np.flatnonzero(np.isnan(np.asarray(values)))
        if wrong.size:
            raise ValueError(
                f"{name} hold NaN at completion {wrong[0]} ({wrong.size} of {count}): pass a "
                "number for every completion"
            )
    return values


def as_floats(values: ArrayLike, name: str) -> Float[Array, "..."]:
    """Real numbers as floats, where they are within the range that sums and squares need.

    Raises:
        ValueError: A value is complex; a known value is infinite or so large that sums overflow;
            or the known values are so small that all of them would become 0.
    """
    if not any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(values)):
        # As NumPy's floats first: in 32-bit mode JAX cuts the upper half off an integer.
        given = np.asarray(values)
        values = given.astype(float) if given.dtype.kind in "biu" else given
        _check_range(values, name, smallest=True)
    array = jnp.asarray(values)
    if jnp.iscomplexobj(array):
        raise ValueError(f"{name} have dtype {array.dtype}: pass real numbers")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(float)
    if not isinstance(array, jax.core.Tracer):
        _check_range(np.asarray(array), name)
    return array


def _check_range(values: np.ndarray, name: str, *, smallest: bool = False) -> None:
    """Refuses known numbers that leave the range of JAX's floats, and sums of such numbers."""
    if values.dtype.kind not in "fV":  # V: bfloat16
        return
    largest = float(np.max(np.abs(values), initial=0, where=~np.isnan(values)))
    range_of = jnp.finfo(jnp.promote_types(jax.dtypes.canonicalize_dtype(values.dtype), "float32"))
    low, high = float(range_of.tiny), float(range_of.max) / _RESERVE
    if np.isinf(largest):
        raise ValueError(f"{name} hold infinite values: clip them")
    if largest > high or (smallest and 0 < largest < low):
        raise ValueError(
            f"{name} are of sizes up to {largest:.3g}, and {range_of.dtype} needs {low:.2g} to "
            f"{high:.2g}: scale them"
        )


def checked_block_size(block_size: int | None, num_samples: int) -> int:
    """Returns the number of samples of a block; None stands for all of them."""
    if block_size is None:
        return num_samples
    check_at_least(1, block_size=block_size)
    return min(block_size, num_samples)


def _check_prompt_tokens(tokens: np.ndarray, vocab_size: int) -> None:
    wrong = np.flatnonzero((tokens < PAD) | (tokens >= vocab_size))
    if wrong.size:
        raise ValueError(
            f"prompt has token {tokens[wrong[0]]} at position {wrong[0]}: pass tokens of "
            f"0 … {vocab_size - 1}, and −1 for padding on the left"
        )
    pads = np.flatnonzero(tokens == PAD)
    if pads.size and pads[-1] >= pads.size:
        raise ValueError(
            f"prompt has padding (−1) at position {pads[-1]}, right of a token: pass prompts that "
            "are padded on the left"
        )
