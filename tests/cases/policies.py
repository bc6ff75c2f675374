"""Small policies, prompts and a reward that no symmetry simplifies."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from tests.oracles import policies as oracles


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Recurrent(jrft.Policy):
    """A recurrent network that gives only what a policy must."""

    vocab_size: int
    length: int
    eos: int | None = None
    width: int = 4

    def init(self, key):
        shapes = {
            "start": (self.width,),
            "read": (self.vocab_size, self.width),
            "mix": (self.width, self.width),
            "write": (self.width, self.vocab_size),
        }
        keys = jax.random.split(key, len(shapes))
        drawn = zip(shapes.items(), keys, strict=True)
        return {name: jax.random.normal(k, shape, jnp.float32) for (name, shape), k in drawn}

    def prefill(self, params, prompt):
        def read(state, token):
            _, new = self.step(params, state, jnp.maximum(token, 0))
            return jnp.where(token < 0, state, new), None

        state, _ = jax.lax.scan(read, params["start"], prompt)
        return state @ params["write"], state

    def step(self, params, cache, token):
        state = jnp.tanh(cache @ params["mix"] + params["read"][token])
        return state @ params["write"], state


SIZES = {"max_prompt": 4, "width": 8, "depth": 1, "heads": 2}

POLICIES = {
    "tabular": jrft.tabular_policy(3, 3),
    "tabular with end": jrft.tabular_policy(3, 3, eos=1),
    "transformer": dataclasses.replace(jrft.transformer(3, 3, **SIZES), hidden=12),
    "transformer with end": jrft.transformer(3, 3, **SIZES, eos=1),
    "recurrent": Recurrent(3, 3),
    "recurrent with end": Recurrent(3, 3, eos=0),
    "restricted recurrent": jrft.restricted_policy(Recurrent(5, 3, eos=0), tokens=[4, 0, 2]),
}
PROMPT = np.array([-1, 2, 0], np.int32)


def reward(prompt, completion):
    """A reward that differs between all distinct completions; jax.numpy or NumPy arrays."""
    jax_or_numpy = jnp if isinstance(completion, jax.Array) else np
    weighted = completion[0] + 2.7 * completion[1] + 0.3 * completion[2]
    return jax_or_numpy.sin(weighted) + 0.1 * (prompt * prompt).sum()


@functools.cache
def _float32_params(policy, seed):
    with jax.enable_x64(False):
        return jax.tree.map(np.asarray, policy.init(jax.random.key(seed)))


def init(policy, seed=0, dtype=np.float32):
    """Parameters, the same in every mode; float64 for use inside `jax.enable_x64(True)`."""
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), _float32_params(policy, seed))


@jax.jit
def forced_log_probs(policy, params, prompt, completions):
    """Log-probabilities of all tokens by teacher forcing, float[completions, length]."""
    return jax.vmap(policy.log_probs, (None, None, 0))(params, prompt, completions)


@jax.jit
def tree_log_probs(policy, params, prompt):
    return policy.tree_log_probs(params, prompt)


def next_logits(policy, params, prompt):
    """The oracle's logits of a tabular policy or a transformer."""
    if isinstance(policy, type(POLICIES["tabular"])):
        return oracles.tabular_logits(params, policy.vocab_size, policy.length)
    return oracles.transformer_logits(params, policy, prompt)


def distinct(policy):
    return oracles.distinct_completions(policy.vocab_size, policy.length, policy.eos)


def leaf_of(policy, completion):
    """The leaf of the prefix tree that stands for a padded completion: it goes on with token 0."""
    index = 0
    for token in completion:
        index = index * policy.vocab_size + max(int(token), 0)
    return index
