"""Language models as policies, whatever their architecture."""

import dataclasses
from collections.abc import Callable
from typing import Any, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_settings
from jrft._numerics import LARGE_VOCABULARY, in_blocks
from jrft.completions import PAD
from jrft.policies.policy import Params, Policy
from jrft.policies.pretrained.layers import Settings
from jrft.policies.pretrained.network import Cache

BLOCK = 16
"""With a large vocabulary, logits are computed so many positions at a time."""


@final
@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class LanguageModel(Policy):
    """A language model of a known architecture. See `jrft.from_pretrained`.

    Attributes:
        vocab_size: K, the number of tokens, of prompts and completions alike.
        length: Tokens of a completion.
        eos: The token that ends a completion; None if every completion has `length` tokens.
        config: The sizes, `GPT2Config`, `LlamaConfig` or `T5Config`.
        start: The token that an empty prompt is read as.
        settings: How it is computed.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> config = jrft.GPT2Config(vocab_size=8, max_positions=16, width=8, depth=1, heads=2)
        >>> policy = jrft.language_model(config, length=3, eos=0)
        >>> params = policy.init(jax.random.key(0))
        >>> jax.jit(policy.log_probs)(params, jnp.array([-1, 3]), jnp.array([5, 0, -1])).shape
        (3,)
    """

    vocab_size: int
    length: int
    eos: int | None
    config: Any
    start: int
    settings: Settings

    def __post_init__(self) -> None:
        check_settings(self)
        if not 0 <= self.start < self.vocab_size:
            raise ValueError(f"start is {self.start}: pass a token of 0 … {self.vocab_size - 1}")

    @property
    def cache_axes(self) -> Cache:
        """All completions of a prompt share the prompt's keys and values."""
        shared: Any = None
        own: Any = 0
        return Cache(shared, own, visible=shared, size=own)

    def init(self, key: PRNGKeyArray) -> Params:
        """Random parameters, by the initial values of `flax.linen`."""
        return _init(self, key)

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Read the prompt.

        Raises:
            ValueError: If prompt and completion have more tokens than the model has positions.
        """
        hidden_1xD, cache = self._read_prompt(params, prompt)
        return self._apply(params, "logits", hidden_1xD)[0], cache

    def step(
        self, params: Params, cache: Cache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Read one token; the cache has room for length − 1."""
        hidden_1xD, cache = self._apply(params, "step", cache, token)
        return self._apply(params, "logits", hidden_1xD)[0], cache

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """The prompt in one pass, which all its completions share, and the completion in one."""
        return self.logits_of(params, self.hidden_states(params, prompt, completion))

    def map_logits(
        self,
        params: Params,
        prompt: Int[Array, " prompt"],
        completion: Int[Array, " length"],
        function: Callable[[Float[Array, " K"], Int[Array, ""]], Any],
    ) -> Any:
        """A function of every row of logits.

        With a large vocabulary, few positions at a time: their logits are computed a second time
        for the gradient, and never kept.
        """
        if self.vocab_size < LARGE_VOCABULARY or self.length <= BLOCK:
            return super().map_logits(params, prompt, completion, function)

        @jax.checkpoint
        def of_block(block: tuple[Array, Array]) -> Any:
            hidden_TxD, position_T = block
            return jax.vmap(function)(self.logits_of(params, hidden_TxD), position_T)

        hidden_TxD = self.hidden_states(params, prompt, completion)
        rows = hidden_TxD, jnp.arange(self.length, dtype=jnp.int32)
        mapped = jax.lax.map(of_block, in_blocks(rows, BLOCK))
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[: self.length], mapped)

    def hidden_states(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length D"]:
        """The values after the last layer that each token of a completion is predicted from.

        `logits_of` makes logits of them, and a head of one's own may read them, too: a value
        function, say. The prompt is read in one pass, which all its completions share.
        """
        hidden_1xD, cache = self._read_prompt(params, prompt)
        if self.length == 1:
            return hidden_1xD
        return jnp.concatenate([hidden_1xD, self._apply(params, "extend", cache, completion[:-1])])

    def logits_of(self, params: Params, hidden: Float[Array, "T D"]) -> Float[Array, "T K"]:
        """The logits of values after the last layer."""
        return self._apply(params, "logits", hidden)

    def _read_prompt(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, "1 D"], Cache]:
        self.config.check_size(prompt.size, self.length)
        if not prompt.size:
            prompt = jnp.full(1, self.start, jnp.int32)
        else:
            last = jnp.where(prompt[-1] == PAD, self.start, prompt[-1])
            prompt = prompt.at[-1].set(last.astype(prompt.dtype))
        return self._apply(params, "prompt", prompt, self.length)

    def _apply(self, params: Params, method: str, *args: Any) -> Any:
        return self.config.network(self.settings).apply(params, *args, method=method)


@jax.jit
def _init(policy: LanguageModel, key: PRNGKeyArray) -> Params:
    def everything(network: Any, token: Int[Array, " 1"]) -> Array:
        return network.logits(network.prompt(token, 1)[0])

    network = policy.config.network(policy.settings)
    return network.init(key, jnp.zeros(1, jnp.int32), method=everything)


def language_model(
    config: Any,
    *,
    length: int,
    eos: int | None,
    start: int | None = None,
    dtype: str | None = None,
    remat: bool = False,
    scan: bool = False,
) -> LanguageModel:
    """A language model without weights, of a configuration.

    Args:
        config: A `GPT2Config`, `LlamaConfig` or `T5Config`.
        length: Tokens of a completion, the end of sequence counted.
        eos: The token that ends a completion; None if every completion has `length` tokens.
        start: The token that an empty prompt is read as; `eos`, or else 0, if not given.
        dtype: "bfloat16" rounds the factors of matrix products; sums, norms, softmax and
            log-probabilities stay float32. None keeps the type of the parameters.
        remat: Whether layers are computed a second time for the gradient, which saves memory.
        scan: Whether one layer is compiled for all. It compiles faster, and runs slower on CPUs.

    Returns:
        The policy. Equal arguments give equal policies.

    Raises:
        ValueError: If a setting is out of its range.

    Example:
        >>> import jax, jrft
        >>> config = jrft.LlamaConfig(
        ...     vocab_size=8, width=8, depth=2, heads=2, key_heads=1, channels=4, hidden=12
        ... )
        >>> policy = jrft.language_model(config, length=2, eos=0, dtype="bfloat16")
        >>> params = policy.init(jax.random.key(0))
        >>> jrft.sample(jax.random.key(1), policy, params, [3, 1], 4).completions.shape
        (4, 2)
    """
    if dtype not in (None, "float32", "bfloat16"):
        raise ValueError(f"dtype is {dtype!r}: pass 'float32', 'bfloat16' or None")
    if start is None:
        start = 0 if eos is None else eos
    return LanguageModel(
        config.vocab_size, length, eos, config, start, Settings(dtype, remat, scan)
    )
