"""Text to tokens and back, as the checkpoint says."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsInt

import numpy as np
from jaxtyping import Int

from jrft.completions import PAD
from jrft.policies.pretrained.json_settings import read_json
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

    def chat(self, messages: Sequence[Any]) -> Int[np.ndarray, " P"]:
        """The prompt, int32[P], for the answer to messages such as {"role": …, "content": …}.

        Raises:
            ValueError: If the checkpoint has no chat template, or it does not take the messages.
            ImportError: If jinja2 is not installed.
        """
        if self.chat_template is None:
            raise ValueError("the checkpoint has no chat template: pass text to encode instead")
        _check_messages(messages)
        sandbox = package("jinja2.sandbox")
        environment = sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        try:
            template = environment.from_string(self.chat_template)
            text = template.render(messages=messages, add_generation_prompt=True, **self.special)
        except Exception as error:  # a template may do anything
            raise ValueError(
                f"messages do not fit the chat template ({error}): pass others, or the template's "
                "own form as text to encode"
            ) from error
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
        ValueError: If the folder has no tokenizer, or a file of it is damaged.
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
    model = _model(folder)
    # Files of transformers may say that texts are cut or padded: prompts here are not.
    model.no_truncation()
    model.no_padding()
    file = folder / "tokenizer_config.json"
    settings = read_json(file) if file.exists() else {}
    try:
        special, chat = _special(settings), _chat_template(folder, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is damaged ({type(error).__name__}: {error}): download or save it again"
        ) from error
    return Tokenizer(model, chat, special)


def _model(folder: Path) -> Any:
    file = folder / "tokenizer.json"
    # Of older forms transformers makes the new one.
    is_old = not file.exists()
    library = package("transformers" if is_old else "tokenizers")
    try:
        if is_old:
            return library.AutoTokenizer.from_pretrained(folder).backend_tokenizer
        return library.Tokenizer.from_file(str(file))
    except Exception as error:  # the libraries raise plain exceptions, and panics
        raise ValueError(
            f"{folder if is_old else file} has a tokenizer that cannot be read ({error}): download "
            "or save it again"
        ) from error


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    chat = file.read_text("utf-8") if file.exists() else settings.get("chat_template")
    if isinstance(chat, list):
        chat = {each["name"]: each["template"] for each in chat}.get("default")
    if not isinstance(chat, str | None):
        raise TypeError(f"chat_template is {chat!r}")
    return chat


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
    kinds = setting("tokenizer.ggml.token_type") or [1] * len(tokens)
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
            if not isinstance(special[name], str):
                raise TypeError(f"{name} is {token!r}")
    return special


def _check_messages(messages: Any) -> None:
    """Refuses what a template would read as no message or an empty one, without a word."""
    remedy = 'pass a list of messages such as {"role": "user", "content": "Hello"}'
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise ValueError(f"messages is {messages!r}: {remedy}")
    for message in messages:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise ValueError(f"messages has {message!r}: {remedy}")


def _refuse(message: str) -> None:
    raise ValueError(message)
