"""Text to tokens and back, as the checkpoint says."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsInt

import numpy as np
from jaxtyping import Int

from jrft.completions import PAD
from jrft.policies.pretrained.packages import package


class Tokenizer:
    """The tokenizer of a checkpoint, with its chat template. See `load_tokenizer`."""

    def __init__(
        self, model: Any, chat_template: str | None = None, special: Mapping[str, str] | None = None
    ) -> None:
        """Wrap a `tokenizers.Tokenizer`."""
        self.model = model
        self.chat_template = chat_template
        self.special = dict(special or {})

    def encode(self, text: str) -> Int[np.ndarray, " P"]:
        """The tokens of a text, int32[P], with those that the tokenizer adds to every text."""
        return np.array(self.model.encode(text).ids, np.int32)

    def decode(self, tokens: Iterable[SupportsInt]) -> str:
        """The text of tokens, without padding (−1) and special tokens."""
        return self.model.decode([int(token) for token in tokens if token != PAD])

    def id_of(self, token: str | None) -> int | None:
        """The number of a token that is written like this; None if there is none."""
        return None if token is None else self.model.token_to_id(token)

    def chat(self, messages: Sequence[Mapping[str, str]]) -> Int[np.ndarray, " P"]:
        """The prompt, int32[P], for the answer to messages such as {"role": …, "content": …}.

        Raises:
            ValueError: If the checkpoint has no chat template.
            ImportError: If jinja2 is not installed.
        """
        if self.chat_template is None:
            raise ValueError("the checkpoint has no chat template: pass text to encode instead")
        sandbox = package("jinja2.sandbox")
        environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        template = environment.from_string(self.chat_template)
        text = template.render(messages=list(messages), add_generation_prompt=True, **self.special)
        # The template itself writes the special tokens.
        return np.array(self.model.encode(text, add_special_tokens=False).ids, np.int32)

    def files(self) -> dict[str, str]:
        """The files of a Hugging Face folder that hold this tokenizer, by name."""
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.special}
        if self.chat_template is not None:
            config["chat_template"] = self.chat_template
        return {
            "tokenizer.json": self.model.to_str(),
            "tokenizer_config.json": json.dumps(config, indent=2),
        }


def pad_prompts(
    prompts: Sequence[Sequence[int] | np.ndarray], multiple: int = 1
) -> Int[np.ndarray, "B P"]:
    """Prompts as one array, −1 pads on the left.

    Args:
        prompts: Tokens of each.
        multiple: The array is that wide or a multiple of it, so that few shapes are compiled.

    Returns:
        int32[B, P].

    Example:
        >>> pad_prompts([[5], [6, 7, 8]], multiple=4).tolist()
        [[-1, -1, -1, 5], [-1, 6, 7, 8]]
    """
    longest = max((len(prompt) for prompt in prompts), default=0)
    width = -(-longest // multiple) * multiple
    padded = np.full((len(prompts), width), PAD, np.int32)
    for row, prompt in zip(padded, prompts, strict=True):
        row[width - len(prompt) :] = prompt
    return padded


def load_tokenizer(folder: str | Path, *, missing_is_none: bool = False) -> Tokenizer | None:
    """The tokenizer of a checkpoint in the form of Hugging Face.

    Args:
        folder: A folder with tokenizer.json, or with what transformers makes one of.
        missing_is_none: Whether to return None, and not to raise, if there is no tokenizer.

    Raises:
        ValueError: If the folder has no tokenizer.
        ImportError: If a package that reads it is not installed.
    """
    folder = Path(folder)
    known = ("tokenizer.json", "spiece.model", "tokenizer.model", "vocab.json")
    if not any((folder / name).exists() for name in known):
        if missing_is_none:
            return None
        raise ValueError(
            f"folder is {str(folder)!r}, which has none of {', '.join(known)}: pass a folder with "
            "the tokenizer's files"
        )
    if (folder / known[0]).exists():
        model = package("tokenizers").Tokenizer.from_file(str(folder / known[0]))
    else:
        # These are older forms, which transformers knows how to turn into the new one.
        loaded = package("transformers").AutoTokenizer.from_pretrained(folder)
        model = loaded.backend_tokenizer
    # Files of transformers may say that texts are cut or padded: prompts here are not.
    model.no_truncation()
    model.no_padding()
    settings = _read(folder / "tokenizer_config.json")
    template = folder / "chat_template.jinja"
    chat = template.read_text() if template.exists() else settings.get("chat_template")
    if not isinstance(chat, str | None):
        chat = {each["name"]: each["template"] for each in chat}.get("default")
    return Tokenizer(model, chat, _special(settings))


def tokenizer_from_gguf(setting: Callable[[str], Any]) -> Tokenizer | None:
    """The tokenizer of a GGUF file.

    Args:
        setting: The file's metadata, by name.

    Returns:
        The tokenizer; None if the file has none, or one of an unknown kind.
    """
    tokens = setting("tokenizer.ggml.tokens")
    split = setting("tokenizer.ggml.pre")
    if setting("tokenizer.ggml.model") != "gpt2" or split not in _SPLITS:
        return None
    tokenizers = package("tokenizers")
    merges = [tuple(pair.split(" ")) for pair in setting("tokenizer.ggml.merges")]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    model = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    _split_words(tokenizers, model, split)
    model.decoder = tokenizers.decoders.ByteLevel()
    control = 3  # GGUF's number for tokens that stand for no text
    kinds = setting("tokenizer.ggml.token_type")
    model.add_special_tokens([t for t, kind in zip(tokens, kinds, strict=True) if kind == control])
    special = {}
    for name in ("bos", "eos"):
        token = setting(f"tokenizer.ggml.{name}_token_id")
        if token is not None:
            special[f"{name}_token"] = tokens[token]
    return Tokenizer(model, setting("tokenizer.chat_template"), special)


_DIGITS = {"qwen2": 1, "llama-bpe": 3}
"""Families whose words are split by a pattern, and the most digits of a word."""

_SPLITS = ("smollm", "gpt-2", "default", *_DIGITS)
"""GGUF's names of ways to split a text into words that are known here."""

_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,DIGITS}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _split_words(tokenizers: Any, model: Any, split: str) -> None:
    """Has the tokenizer split words as the family does, before it merges bytes."""
    pieces = tokenizers.pre_tokenizers
    steps = [pieces.ByteLevel(add_prefix_space=False, use_regex=split not in _DIGITS)]
    if split in _DIGITS:
        pattern = _PATTERN.replace("DIGITS", str(_DIGITS[split]))
        steps.insert(0, pieces.Split(tokenizers.Regex(pattern), "isolated"))
    elif split == "smollm":
        steps.insert(0, pieces.Digits(individual_digits=True))
    model.pre_tokenizer = pieces.Sequence(steps)
    if split == "qwen2":
        model.normalizer = tokenizers.normalizers.NFC()


def _special(settings: Mapping[str, Any]) -> dict[str, str]:
    special = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        token = settings.get(name)
        if token is not None:
            special[name] = token if isinstance(token, str) else token["content"]
    return special


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def _refuse(message: str) -> None:
    raise ValueError(f"messages do not fit the chat template ({message}): pass others")
