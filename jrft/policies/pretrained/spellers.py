"""A small pretrained encoder–decoder that spells English words into phonemes."""

import dataclasses
from typing import NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_settings
from jrft.policies.policy import Params, Policy
from jrft.policies.pretrained.wheels import Wheel, cached_member

_WHEEL = Wheel(
    "g2p-en==2.1.0",
    "2a7aabf1fc7f270fcc3349881407988c9245173c2413debbe5432f4a4f31319f",
    "checkpoint20.npz",
)

_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_CONSONANTS = (
    "B",
    "CH",
    "D",
    "DH",
    "F",
    "G",
    "HH",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
)
_STRESSED = [f"{vowel}{stress}" for vowel in _VOWELS for stress in "012"]

PHONEMES = ("<pad>", "<unk>", "<s>", "</s>", *sorted(["UW", *_STRESSED, *_CONSONANTS]))
"""The tokens of completions: phonemes of the ARPAbet, vowels with their stress."""

LETTERS = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")
"""The tokens of prompts."""

_START, _END = PHONEMES.index("<s>"), PHONEMES.index("</s>")


class PretrainedSpeller(NamedTuple):
    """The speller with its weights.

    Attributes:
        policy: The policy.
        params: Its parameters, 834 890 numbers.
    """

    policy: "Speller"
    params: Params


@final
@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Speller(Policy):
    """Two recurrent networks (GRU): one reads the letters, one writes the phonemes.

    Example:
        >>> import jax, jrft
        >>> policy = Speller(length=5)
        >>> prompt = policy.encode("hello")
        >>> params = policy.init(jax.random.key(0))
        >>> jrft.sample(jax.random.key(1), policy, params, prompt, 3).completions.shape
        (3, 5)
    """

    length: int
    vocab_size: int = len(PHONEMES)
    eos: int | None = _END
    width: int = 256

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def prompt_vocab_size(self) -> int:
        """The number of letters, with three signs of their own: start, end, and unknown."""
        return len(LETTERS)

    def init(self, key: PRNGKeyArray) -> Params:
        """Random parameters, under the names of the checkpoint."""
        width, gates = self.width, 3 * self.width
        shapes = {"fc_w": (self.vocab_size, width), "fc_b": (self.vocab_size,)}
        for part, tokens in (("enc", len(LETTERS)), ("dec", self.vocab_size)):
            shapes[f"{part}_emb"] = (tokens, width)
            shapes |= {f"{part}_w_ih": (gates, width), f"{part}_w_hh": (gates, width)}
            shapes |= {f"{part}_b_ih": (gates,), f"{part}_b_hh": (gates,)}
        keys = jax.random.split(key, len(shapes))
        drawn = zip(shapes.items(), keys, strict=True)
        return {name: jax.random.normal(k, shape) / width**0.5 for (name, shape), k in drawn}

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Float[Array, " width"]]:
        """Read the letters; the cache is the state of the network that writes."""

        def read(state: Array, letter: Array) -> tuple[Array, None]:
            after = _gru(params, "enc", state, jnp.maximum(letter, 0))
            return jnp.where(letter < 0, state, after), None

        empty = jnp.zeros(params["enc_w_hh"].shape[1], params["enc_w_hh"].dtype)
        state, _ = jax.lax.scan(read, empty, prompt)
        return self.step(params, state, jnp.int32(_START))

    def step(
        self, params: Params, cache: Float[Array, " width"], token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Float[Array, " width"]]:
        """Read one phoneme."""
        state = _gru(params, "dec", cache, token)
        return params["fc_w"] @ state + params["fc_b"], state

    def encode(self, word: str) -> Int[np.ndarray, " P"]:
        """The prompt for a word, int32[letters + 1]. Other characters than letters are unknown."""
        known = {letter: i for i, letter in enumerate(LETTERS)}
        letters = [known.get(letter, known["<unk>"]) for letter in word.lower()]
        return np.array([*letters, known["</s>"]], np.int32)

    def decode(self, tokens: Int[np.ndarray, " length"]) -> str:
        """The phonemes of a completion, without its end."""
        return " ".join(PHONEMES[token] for token in tokens if token >= 0 and token != _END)


def speller(length: int = 20) -> PretrainedSpeller:
    """A pretrained model of 834 890 parameters that spells English words into phonemes.

    A word has one to three right pronunciations, so an expected reward of being right is a sum of
    at most three probabilities, which teacher forcing gives exactly.
    The weights come from the wheel `g2p-en` 2.1.0 (Apache-2.0), which pip downloads once.

    Args:
        length: Phonemes of a completion, the end of sequence counted.

    Raises:
        ValueError: If the wheel cannot be downloaded.

    References:
        K. Park and J. Kim, g2pE: a simple Python module for English grapheme to phoneme
        conversion, 2019, https://github.com/Kyubyong/g2p.
    """
    with np.load(cached_member(_WHEEL)) as arrays:
        params = {name: jnp.asarray(arrays[name], jnp.float32) for name in arrays.files}
    return PretrainedSpeller(Speller(length, width=params["fc_w"].shape[1]), params)


def _gru(params: Params, part: str, state: Array, token: Array) -> Array:
    """One step of a gated recurrent unit, in the order reset, update, new."""
    read = params[f"{part}_emb"][token] @ params[f"{part}_w_ih"].T + params[f"{part}_b_ih"]
    kept = state @ params[f"{part}_w_hh"].T + params[f"{part}_b_hh"]
    reset, update, new = jnp.split(read, 3)
    reset_kept, update_kept, new_kept = jnp.split(kept, 3)
    share = jax.nn.sigmoid(update + update_kept)
    candidate = jnp.tanh(new + jax.nn.sigmoid(reset + reset_kept) * new_kept)
    return (1 - share) * candidate + share * state
