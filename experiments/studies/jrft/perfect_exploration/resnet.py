"""ResNet18 for small images (He et al., CVPR 2016)."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


class ResNet18(nn.Module):
    """Four stages of two residual blocks, from images float[n, h, w] or float[n, h, w, colors].

    For small images: the first convolution is 3 × 3 of stride 1, and nothing is pooled after it.
    Deviation from the paper's network: group normalization (Wu and He, ECCV 2018) in place of
    batch normalization. With the latter, an input's logits and their gradient depend on the other
    inputs of its batch, while the theorem is about the gradient of one input.

    Attributes:
        num_classes: C, the number of logits.
        width: Channels of the first stage, doubled by each of the other three; even.
    """

    num_classes: int
    width: int = 64

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """Logits float[n, C]."""
        if self.width < 2 or self.width % 2:
            raise ValueError(
                f"width={self.width}: pass an even width, since half of it are the groups"
            )
        # Groups of 2 channels in the first stage and 16 in the last; 32 of them at width 64.
        num_groups = self.width // 2
        x = images[..., None] if images.ndim == 3 else images
        x = nn.relu(_normalized(_convolution(self.width, x), num_groups))
        for stage in range(4):
            for block in range(2):
                strides = 2 if stage > 0 and block == 0 else 1
                x = _Block(self.width * 2**stage, strides, num_groups)(x)
        return nn.Dense(self.num_classes)(jnp.mean(x, axis=(1, 2)))


class _Block(nn.Module):
    """Two 3 × 3 convolutions beside the identity; a projection where the shape changes."""

    channels: int
    strides: int
    num_groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = _convolution(self.channels, x, strides=self.strides)
        y = nn.relu(_normalized(y, self.num_groups))
        y = _normalized(_convolution(self.channels, y), self.num_groups)
        if x.shape != y.shape:
            x = _convolution(self.channels, x, size=1, strides=self.strides)
            x = _normalized(x, self.num_groups)
        return nn.relu(x + y)


def _convolution(channels: int, x: jax.Array, *, size: int = 3, strides: int = 1) -> jax.Array:
    """Without bias, which the normalization after it would undo."""
    return nn.Conv(
        channels,
        (size, size),
        strides,
        # As much on both sides, whatever the stride.
        padding=size // 2,
        use_bias=False,
        kernel_init=nn.initializers.he_normal(),
        conv_general_dilated=(
            convolve_by_products if jax.default_backend() == "cpu" else jax.lax.conv_general_dilated
        ),
    )(x)


def _normalized(x: jax.Array, num_groups: int) -> jax.Array:
    # The variance in two passes: in one, it cancels where the mean is large.
    return nn.GroupNorm(num_groups, epsilon=1e-5, use_fast_variance=False)(x)


def convolve_by_products(
    images: jax.Array, kernel: jax.Array, strides: Any, padding: Any, **defaults: Any
) -> jax.Array:
    """The convolution as one product of matrices, in place of `jax.lax.conv_general_dilated`.

    On CPUs, XLA's own convolution is ten times slower inside a loop, which training is, and slower
    still where kernels are vmapped.

    Args:
        images: float[n, h, w, channels].
        kernel: float[k, l, channels, outputs].
        strides: Of both axes.
        padding: Zeros before and after, of both axes.
        **defaults: Not looked at: what Flax says of dilation, groups and precision.

    Returns:
        float[n, h', w', outputs].
    """
    del defaults
    rows, columns, _, outputs = kernel.shape
    padded = jnp.pad(images, ((0, 0), *padding, (0, 0)))
    size = [
        (extent - reach) // stride + 1
        for extent, reach, stride in zip(padded.shape[1:3], (rows, columns), strides, strict=True)
    ]
    shifted = [
        padded[
            :,
            row : row + strides[0] * (size[0] - 1) + 1 : strides[0],
            column : column + strides[1] * (size[1] - 1) + 1 : strides[1],
        ]
        for row in range(rows)
        for column in range(columns)
    ]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(-1, outputs)
