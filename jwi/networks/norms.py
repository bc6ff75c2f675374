"""Normalization layers under one signature, for networks that take either."""

import flax.linen as nn

from jwi.networks.layer_normalization import LayerNorm


def batch_norm(*, train: bool, axis_name: str | None = None) -> nn.BatchNorm:
    """Normalization of each feature over the vertices, and over samples where those are vmapped.

    Its running averages are the collection `batch_stats`: pass `mutable=["batch_stats"]` to `apply`
    when training.

    Args:
        train: Whether the statistics are those of the call; otherwise the running averages.
        axis_name: Name of the vmapped axis of samples that share statistics, if there is one.

    Returns:
        A module Float[n, d] → Float[n, d].

    Example:
        >>> import functools
        >>> over_samples = functools.partial(batch_norm, axis_name="samples")
        >>> over_samples(train=True).axis_name
        'samples'
    """
    # The two-pass variance: the one-pass form cancels where features are large.
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=1e-5,
        use_fast_variance=False,
        axis_name=axis_name,
    )


def layer_norm(*, train: bool) -> LayerNorm:
    """Normalization of each vertex over its features; the same in training and prediction.

    Args:
        train: Without effect.

    Returns:
        A module Float[n, d] → Float[n, d].

    Example:
        >>> layer_norm(train=True).epsilon
        1e-05
    """
    del train
    return LayerNorm()
