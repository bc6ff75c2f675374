"""Normalization layers: batch normalization, and layer normalization in one pass over memory."""

import math
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.messages.cpu import layer_norm_loops as loops
from jwi.messages.cpu.xla_handlers import by_platform
from jwi.messages.one_type import of_one_type


def batch_norm(*, axis_name: str | None = None) -> nn.BatchNorm:
    """Normalizes each feature over the vertices, and over samples if these are vmapped.

    The running averages are the collection `batch_stats`: pass `mutable=["batch_stats"]` to `apply`
    when training.

    Args:
        axis_name: Name of the vmapped axis of samples that share statistics, if there is one.

    Returns:
        A module Float[n, d] → Float[n, d], which `normalize` calls.

    Example:
        >>> batch_norm(axis_name="samples").axis_name
        'samples'
    """
    # The two-pass variance: the one-pass form cancels if features are large.
    return nn.BatchNorm(momentum=0.9, epsilon=1e-5, use_fast_variance=False, axis_name=axis_name)


def normalize(norm: nn.Module, x: Float[Array, "n d"], *, train: bool) -> Float[Array, "n d"]:
    """Applies a normalization layer.

    Args:
        norm: An `nn.BatchNorm`, or a layer that is the same in training and prediction.
        x: Features of the vertices.
        train: Whether batch normalization computes its statistics from x; otherwise it uses its
            running averages.

    Returns:
        Float[n, d].

    Example:
        >>> x = jnp.array([[1.0, 3.0]])
        >>> layer = nn.BatchNorm(use_scale=False, use_bias=False)
        >>> layer = layer.bind(layer.init(jax.random.key(0), x, True))
        >>> bool(jnp.allclose(normalize(layer, x, train=False), x, atol=1e-4))
        True
    """
    if isinstance(norm, nn.BatchNorm):
        return norm(x, use_running_average=not train)
    return norm(x)


class LayerNorm(nn.Module):
    """`flax.linen.LayerNorm` over the last axis with the same parameters, faster in training.

    x ↦ (x − mean) / √(variance + ε) · scale + bias. On CPUs the layer and its gradient are compiled
    loops (the benchmark `message_passing` measures them). The layer is differentiable to any order
    in reverse mode. As in Flax, mean and variance are at least float32, and the output has the
    common type of the parameters and x.

    References:
        Ba, Kiros and Hinton, "Layer normalization", 2016: equation 4.

    Attributes:
        epsilon: The number ε; 1e-5 as in PyTorch, where Flax has 1e-6.
        floor: Entries of x below this number are raised to it first, in the same pass: with 0 the
            layer normalizes relu(x).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> layer = LayerNorm()
        >>> x = jnp.array([[1.0, 3.0], [5.0, 5.0]])
        >>> params = layer.init(jax.random.key(0), x)
        >>> layer.apply(params, x).round(3).tolist()
        [[-1.0, 1.0], [0.0, 0.0]]
    """

    epsilon: float = 1e-5
    floor: float = -math.inf

    @nn.compact
    def __call__(self, x: Float[Array, "*rows d"]) -> Float[Array, "*rows d"]:
        """Apply the layer."""
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        out_dtype = jnp.result_type(x, scale, bias)
        dtype = jnp.result_type(out_dtype, jnp.float32)
        rows = x.reshape(-1, x.shape[-1]).astype(dtype)
        settings = _Settings(self.epsilon, self.floor)
        arrays = of_one_type(rows, scale.astype(dtype), bias.astype(dtype))
        out, _, _ = _layer_norm(settings, *arrays)
        return out.reshape(x.shape).astype(out_dtype)


class _Settings(NamedTuple):
    """Attributes of a `LayerNorm`."""

    epsilon: float
    floor: float


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer_norm(
    settings: _Settings, x: Float[Array, "n d"], scale: Float[Array, " d"], bias: Float[Array, " d"]
) -> tuple[Array, Array, Array]:
    """The output, and each row's mean and 1 / √(variance + ε), which only `_gradients` reads."""
    return tuple(_forward_pass(x, scale, bias, jnp.array(settings, x.dtype)))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradients(
    settings: _Settings,
    x: Float[Array, "n d"],
    scale: Float[Array, " d"],
    mean: Float[Array, " n"],
    factor: Float[Array, " n"],
    cotangent: Float[Array, "n d"],
) -> tuple[Array, Array, Array]:
    """Cotangents of x, scale and bias.

    Mean and factor are functions of x, passed so that they are not computed again: a derivative of
    this function treats them as part of x, and they have no cotangents of their own.
    """
    arrays = x, scale, mean, factor, cotangent
    return tuple(_backward_pass(*arrays, jnp.array(settings, x.dtype)))


def _plain_forward(
    x: Float[Array, "n d"],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
    settings: Float[Array, " 2"],
) -> list[Array]:
    epsilon, floor = settings
    x = jnp.where(x < floor, floor, x)
    mean = x.mean(axis=1)
    # Two passes, since the one-pass variance cancels where features are large.
    centered = x - mean[:, None]
    factor = jax.lax.rsqrt((centered * centered).mean(axis=1) + epsilon)
    return [centered * factor[:, None] * scale[None] + bias[None], mean, factor]


def _plain_gradients(
    x: Float[Array, "n d"],
    scale: Float[Array, " d"],
    mean: Float[Array, " n"],
    factor: Float[Array, " n"],
    cotangent: Float[Array, "n d"],
    settings: Float[Array, " 2"],
) -> list[Array]:
    _, floor = settings
    raised = jnp.where(x < floor, floor, x)
    normalized = (raised - mean[:, None]) * factor[:, None]
    slope = cotangent * scale[None]
    # Shifting or scaling a row does not change its normalization, so the cotangent has no component
    # along ones or along the normalized row.
    along_ones = slope.mean(axis=1, keepdims=True)
    along_normalized = (slope * normalized).mean(axis=1, keepdims=True)
    raised_bar = factor[:, None] * (slope - along_ones - normalized * along_normalized)
    x_bar = jnp.where(x <= floor, 0, raised_bar)
    return [x_bar, (cotangent * normalized).sum(axis=0), cotangent.sum(axis=0)]


_forward_pass = by_platform(_plain_forward, loops.forward, loops.normalize)
_backward_pass = by_platform(_plain_gradients, loops.gradients, loops.pull_back)


def _layer_norm_forward(settings, x, scale, bias):  # type: ignore[no-untyped-def]
    out, mean, factor = _layer_norm(settings, x, scale, bias)
    return (out, mean, factor), (x, scale, mean, factor)


def _layer_norm_backward(settings, residuals, cotangents):  # type: ignore[no-untyped-def]
    # Mean and factor, the other outputs, are read by `_gradients` only and have no cotangents.
    return _gradients(settings, *residuals, cotangents[0])


def _gradients_forward(settings, x, scale, mean, factor, cotangent):  # type: ignore[no-untyped-def]
    return _gradients(settings, x, scale, mean, factor, cotangent), (x, scale, cotangent)


def _gradients_backward(settings, arguments, cotangents):  # type: ignore[no-untyped-def]
    def gradients(x: Array, scale: Array, cotangent: Array) -> tuple[Array, ...]:
        numbers = jnp.array(settings, x.dtype)
        _, mean, factor = _plain_forward(x, scale, jnp.zeros_like(scale), numbers)
        return tuple(_plain_gradients(x, scale, mean, factor, cotangent, numbers))

    x_bar, scale_bar, cotangent_bar = jax.vjp(gradients, *arguments)[1](cotangents)
    return x_bar, scale_bar, None, None, cotangent_bar


_layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)
_gradients.defvjp(_gradients_forward, _gradients_backward)
