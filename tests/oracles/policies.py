"""Slow oracles in float64 NumPy: every completion one by one, every prefix from scratch."""

import itertools

import numpy as np


def distinct_completions(vocab_size, length, eos=None):
    """Every completion once, as a padded tuple, in lexicographic order."""
    found = []
    for tokens in itertools.product(range(vocab_size), repeat=length):
        if eos in tokens:
            stop = tokens.index(eos) + 1
            tokens = tokens[:stop] + (-1,) * (length - stop)
        if tokens not in found:
            found.append(tokens)
    return found


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def completion_log_probs(next_logits, completion):
    """Log-probability of each token, from next_logits(prefix) → float[K]; 0 at padding."""
    return np.array(
        [
            0.0 if token == -1 else log_softmax(next_logits(completion[:t]))[token]
            for t, token in enumerate(completion)
        ]
    )


def probabilities(next_logits, completions):
    return np.array([np.exp(completion_log_probs(next_logits, y).sum()) for y in completions])


def tabular_logits(params, vocab_size, length):
    """next_logits of a table: rows by length of the prefix, then lexicographically."""
    prefixes = [
        prefix for t in range(length) for prefix in itertools.product(range(vocab_size), repeat=t)
    ]
    table = np.asarray(params, np.float64)
    return lambda prefix: table[prefixes.index(tuple(prefix))]


def transformer_logits(params, policy, prompt):
    """next_logits of the transformer, one prefix at a time and one head at a time."""
    weights = params["params"]
    start = [policy.vocab_size, *[int(token) for token in prompt if token >= 0]]
    return lambda prefix: _forward(weights, policy, [*start, *prefix])[-1]


def _forward(weights, policy, tokens):
    x = _array(weights["embed"]["embedding"])[tokens]
    for layer in range(policy.depth):
        block = weights[f"blocks_{layer}"]
        qkv = _array(block["qkv"])
        out = _array(block["out"]["kernel"])
        normed = _rms_norm(x, block["attention_norm"])
        attended = np.zeros_like(x)
        for head in range(policy.heads):
            q, k, v = (normed @ qkv[:, i, head] for i in range(3))
            attended += _head(_rotate(q), _rotate(k), v) @ out[head]
        x = x + attended
        hidden = _gelu(_rms_norm(x, block["mlp_norm"]) @ _array(block["up"]["kernel"]))
        x = x + hidden @ _array(block["down"]["kernel"])
    return _rms_norm(x, weights["norm"]) @ _array(weights["head"]["kernel"])


def _array(x):
    return np.asarray(x, np.float64)


def _rms_norm(x, weights):
    mean_square = np.mean(x**2, axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + 1e-6) * _array(weights["scale"])


def _rotate(x):
    """Each pair of channels (i, i + C/2) as a complex number, turned by position · frequency."""
    half = x.shape[1] // 2
    frequency = 10_000.0 ** (-np.arange(half) / half)
    pairs = (x[:, :half] + 1j * x[:, half:]) * np.exp(1j * np.outer(np.arange(len(x)), frequency))
    return np.concatenate([pairs.real, pairs.imag], axis=1)


def _head(q, k, v):
    rows = []
    for t in range(len(q)):
        scores = q[t] @ k[: t + 1].T / np.sqrt(q.shape[1])
        rows.append(np.exp(log_softmax(scores)) @ v[: t + 1])
    return np.array(rows)


def _gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
