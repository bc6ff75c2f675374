"""The transformer policy in PyTorch, with the same weights, as a user of PyTorch would write it.

Teacher forcing of completions in batches, and autograd. PyTorch is imported here alone.
"""

from typing import Any

import jax
import numpy as np
import torch

import jrft
from jrft.policies.transformers import Transformer


class TorchDecoder:
    """A policy's network and the gradient of its expected reward by enumeration."""

    def __init__(self, policy: Transformer, params: Any) -> None:
        self.policy = policy
        self.weights = jax.tree.map(
            lambda leaf: torch.from_numpy(np.array(leaf)).requires_grad_(), params["params"]
        )

    def policy_gradient(self, prompt: np.ndarray, rewards: np.ndarray, block: int) -> list[Any]:
        """Gradient of the sum of p(y | x) r(x, y) over all completions, `block` at a time."""
        leaves = jax.tree.leaves(self.weights)
        for leaf in leaves:
            leaf.grad = None
        completions = np.asarray(jrft.all_completions(self.policy.vocab_size, self.policy.length))
        start = np.concatenate([[self.policy.vocab_size], prompt])
        for first in range(0, len(completions), block):
            chosen = torch.from_numpy(completions[first : first + block].astype(np.int64))
            tokens = torch.cat([torch.from_numpy(start).expand(len(chosen), -1), chosen], 1)
            logits = self._logits(tokens[:, :-1])[:, -self.policy.length :]
            log_probs = torch.log_softmax(logits, -1).gather(2, chosen[:, :, None])[:, :, 0]
            part = torch.from_numpy(np.array(rewards[first : first + block]))
            (log_probs.sum(1).exp() * part).sum().backward()
        return [leaf.grad for leaf in leaves]

    def _logits(self, tokens: torch.Tensor) -> torch.Tensor:
        weights = self.weights
        x = weights["embed"]["embedding"][tokens]
        for layer in range(self.policy.depth):
            block = weights[f"blocks_{layer}"]
            normed = _rms_norm(x, block["attention_norm"])
            q, k, v = torch.einsum("btd,dnhc->nbhtc", normed, block["qkv"])
            attended = torch.nn.functional.scaled_dot_product_attention(
                _rotate(q), _rotate(k), v, is_causal=True
            )
            x = x + torch.einsum("bhtc,hcd->btd", attended, block["out"]["kernel"])
            hidden = _rms_norm(x, block["mlp_norm"]) @ block["up"]["kernel"]
            x = x + torch.nn.functional.gelu(hidden, approximate="tanh") @ block["down"]["kernel"]
        return _rms_norm(x, weights["norm"]) @ weights["head"]["kernel"]


def _rms_norm(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.nn.functional.rms_norm(x, x.shape[-1:], weights["scale"], eps=1e-6)


def _rotate(x: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    frequency = 10_000.0 ** (-torch.arange(half) / half)
    angle = torch.arange(x.shape[-2])[:, None] * frequency
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)
