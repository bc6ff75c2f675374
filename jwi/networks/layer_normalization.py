"""Layer normalization, in one pass over memory on CPUs."""

import math
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.messages.cpu import layer_norm_loops as kernels
from jwi.messages.cpu.xla_handlers import by_platform


class LayerNorm(nn.Module):
    """`flax.linen.LayerNorm` over the last axis, faster in training; with its parameters.

    x ↦ (x − mean) / √(variance + ε) · scale + bias. On CPUs it and its gradient are compiled loops
    (the benchmark ``message_passing`` has their speed). It is differentiable to any order in
    reverse mode. As with Flax's, mean and variance are of float32 at the least, and the output is
    of the parameters' and x's common type.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016, equation 4.

    Attributes:
        epsilon: ε; 1e-5 as in PyTorch, where Flax's layer has 1e-6.
        floor: Smaller entries of x are raised to it before, in the same pass: 0 for the layer of
            relu(x).

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
        out, _, _ = _layer_norm(settings, rows, scale.astype(dtype), bias.astype(dtype))
        return out.reshape(x.shape).astype(out_dtype)


class _Settings(NamedTuple):
    """Attributes of a layer."""

    epsilon: float
    floor: float


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer_norm(
    settings: _Settings, x: Float[Array, "n d"], scale: Float[Array, " d"], bias: Float[Array, " d"]
) -> tuple[Array, Array, Array]:
    """The layer, and each row's mean and 1 / √(variance + ε), for `_gradients` alone."""
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
    """Cotangents of x, scale and bias. Mean and factor are x's and say nothing that x does not."""
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
    centred = x - mean[:, None]
    factor = jax.lax.rsqrt((centred * centred).mean(axis=1) + epsilon)
    return [centred * factor[:, None] * scale[None] + bias[None], mean, factor]


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
    # The cotangent of the normalized x, without its parts along ones and along the normalized x, to
    # which normalization is blind.
    along_ones = slope.mean(axis=1, keepdims=True)
    along_normalized = (slope * normalized).mean(axis=1, keepdims=True)
    raised_bar = factor[:, None] * (slope - along_ones - normalized * along_normalized)
    x_bar = jnp.where(x <= floor, 0, raised_bar)
    return [x_bar, (cotangent * normalized).sum(axis=0), cotangent.sum(axis=0)]


_forward_pass = by_platform(_plain_forward, kernels.forward, kernels.normalize)
_backward_pass = by_platform(_plain_gradients, kernels.gradients, kernels.pull_back)


def _layer_norm_forward(settings, x, scale, bias):  # type: ignore[no-untyped-def]
    out, mean, factor = _layer_norm(settings, x, scale, bias)
    return (out, mean, factor), (x, scale, mean, factor)


def _layer_norm_backward(settings, residuals, cotangents):  # type: ignore[no-untyped-def]
    # Nothing but `_gradients` reads mean and factor, and it has no cotangents for them.
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
