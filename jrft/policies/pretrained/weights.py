"""Parameters of a language model from the named tensors of a checkpoint, and back."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jrft.policies.policy import Params
from jrft.policies.pretrained.language_models import LanguageModel

_PREFIXES = ("transformer.", "model.")
"""Some checkpoints leave these out."""


def params_from(policy: LanguageModel, tensors: Mapping[str, Any], dtype: str) -> Params:
    """Parameters of a policy from the tensors of a checkpoint.

    Args:
        policy: The policy.
        tensors: Arrays by their names in the checkpoint; each is asked for once.
        dtype: The type to keep them in.

    Raises:
        ValueError: If a tensor is missing, or has another shape than the configuration says.
    """
    shapes = jax.eval_shape(policy.init, jax.random.key(0))

    def load(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> jax.Array:
        per_layer = _paths(policy, path, leaf)
        shape = leaf.shape[1:] if _stacked(policy, path) else leaf.shape
        arrays = [_tensor(policy, tensors, each, shape) for each in per_layer]
        stacked = np.stack(arrays) if _stacked(policy, path) else arrays[0]
        return jnp.asarray(stacked, dtype)

    return jax.tree_util.tree_map_with_path(load, shapes)


def tensors_of(policy: LanguageModel, params: Params) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint, by name, from the parameters of a policy."""
    tensors = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        value = np.asarray(leaf)
        rows = value if _stacked(policy, path) else value[None]
        for each, row in zip(_paths(policy, path, leaf), rows, strict=True):
            name, transposed = policy.config.tensor_name(each)
            tensors[name] = np.ascontiguousarray(row.T if transposed else row)
    return tensors


def _tensor(
    policy: LanguageModel,
    tensors: Mapping[str, Any],
    path: tuple[str, ...],
    shape: tuple[int, ...],
) -> np.ndarray:
    name, transposed = policy.config.tensor_name(path)
    short = next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)
    found = name if name in tensors else short
    if found not in tensors:
        raise ValueError(
            f"there is no tensor {name!r}: pass the checkpoint with the configuration that was "
            "saved with it"
        )
    value = np.asarray(tensors[found])
    value = value.T if transposed else value
    if value.shape != shape:
        raise ValueError(
            f"tensor {found!r} has shape {list(value.shape)}, its configuration says "
            f"{list(shape)}: pass the checkpoint with the configuration that was saved with it"
        )
    return value


def _names(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(entry.key for entry in path)[1:]  # flax puts all below "params"


def _is_of_a_layer(path: tuple[Any, ...]) -> bool:
    return "layers" in _names(path) or "prompt_keys" in _names(path)


def _stacked(policy: LanguageModel, path: tuple[Any, ...]) -> bool:
    return policy.settings.scan and _is_of_a_layer(path)


def _paths(policy: LanguageModel, path: tuple[Any, ...], leaf: Any) -> list[tuple[str, ...]]:
    """The paths of one leaf's layers, the number of the layer in the place of the stack."""
    names = _names(path)
    if not _stacked(policy, path):
        return [names]
    place = len(names) - 1 - names[::-1].index("layers")
    return [(*names[:place], str(i), *names[place + 1 :]) for i in range(leaf.shape[0])]
