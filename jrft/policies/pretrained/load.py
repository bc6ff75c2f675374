"""Language models from checkpoints, and checkpoints from language models."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jrft._files import write_atomically
from jrft.policies.low_rank import LowRank
from jrft.policies.policy import Params, Policy
from jrft.policies.pretrained.gguf_file import read_gguf
from jrft.policies.pretrained.gpt2 import GPT2Config
from jrft.policies.pretrained.json_settings import read_json
from jrft.policies.pretrained.language_models import LanguageModel, language_model
from jrft.policies.pretrained.llama import LlamaConfig
from jrft.policies.pretrained.packages import package
from jrft.policies.pretrained.safetensors_files import INDEX, SafetensorsFiles
from jrft.policies.pretrained.t5 import T5Config
from jrft.policies.pretrained.tokenizer import Tokenizer, load_tokenizer
from jrft.policies.pretrained.weights import params_from, tensors_of

ARCHITECTURES: dict[str, Any] = {
    "gpt2": GPT2Config,
    "llama": LlamaConfig,
    "mistral": LlamaConfig,
    "qwen2": LlamaConfig,
    "qwen3": LlamaConfig,
    "t5": T5Config,
    "mt5": T5Config,
}
"""The configurations by `model_type` of config.json."""


class Pretrained(NamedTuple):
    """A language model with its weights.

    Attributes:
        policy: The policy.
        params: Its parameters.
        tokenizer: Its tokenizer; None if the checkpoint has none.
    """

    policy: LanguageModel
    params: Params
    tokenizer: Tokenizer | None


def from_pretrained(
    path_or_name: str | Path,
    *,
    length: int,
    eos: int | None = None,
    dtype: str | None = None,
    param_dtype: str = "float32",
    remat: bool = False,
    scan: bool = False,
) -> Pretrained:
    """A language model from a checkpoint: GPT-2, T5, or one of the Llama family.

    Reads `config.json` and safetensors of a folder in the form of Hugging Face, or a GGUF file.
    Nothing is unpickled.

    Args:
        path_or_name: A folder, a .gguf file, or a name on the Hugging Face hub, from which it is
            downloaded if `huggingface_hub` is installed.
        length: Tokens of a completion, the end of sequence counted.
        eos: The token that ends a completion; the checkpoint's if None. Of several, the one that is
            the tokenizer's own.
        dtype: As in `jrft.language_model`.
        param_dtype: The type to keep the parameters in: "float32" or "bfloat16".
        remat: As in `jrft.language_model`.
        scan: As in `jrft.language_model`.

    Returns:
        The policy, its parameters and its tokenizer.

    Raises:
        ValueError: If there is no such checkpoint, a file of it is damaged, it needs what is not
            implemented, its weights are pickles or quantized, or it names several ends of a
            sequence. The message names the file.
        ImportError: If a package that reads the checkpoint is not installed.

    Example:
        >>> jrft.from_pretrained("no/such-model", length=8)  # doctest: +SKIP
        Traceback (most recent call last):
        ValueError: path_or_name is 'no/such-model': no such folder, and ...
    """
    if param_dtype not in ("float32", "bfloat16", "float64"):
        raise ValueError(f"param_dtype is {param_dtype!r}: pass 'float32' or 'bfloat16'")
    path = Path(path_or_name)
    if path.suffix == ".gguf":
        folder, settings = path, path
        config, tensors, tokenizer = read_gguf(path)
        tokenizer = tokenizer or load_tokenizer(path.parent, missing_is_none=True)
    else:
        folder = path if path.is_dir() else _download(str(path_or_name))
        settings = folder / "config.json"
        config, tensors = _read_config(settings), SafetensorsFiles(folder)
        tokenizer = load_tokenizer(folder, missing_is_none=True)
    with _named(settings):
        sizes = _sizes(config, tensors)
        start = _start_token(config)
        eos = _end_token(config, tokenizer) if eos is None else eos
    policy = language_model(
        sizes, length=length, eos=eos, start=start, dtype=dtype, remat=remat, scan=scan
    )
    with _named(folder):
        params = params_from(policy, tensors, param_dtype)
    return Pretrained(policy, params, tokenizer)


def save_pretrained(
    folder: str | Path, policy: Policy, params: Params, tokenizer: Tokenizer | None = None
) -> None:
    """Write a folder in the form of Hugging Face, which transformers loads as well.

    Args:
        folder: The folder; it is made if it does not exist.
        policy: A language model, or low-rank adapters of one (`jrft.lora`): the corrections are
            then added to its weights.
        params: Its parameters.
        tokenizer: Its tokenizer, if it is to be written too.

    Raises:
        ValueError: If the policy is of another kind, or the folder holds weights in several files
            already.
    """
    if isinstance(policy, LowRank):
        save_pretrained(folder, policy.policy, policy.merged(params), tokenizer)
        return
    if not isinstance(policy, LanguageModel):
        raise ValueError(
            f"policy is of type {type(policy).__name__}: pass a language model, or adapters of one"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / INDEX).exists():
        raise ValueError(f"folder is {str(folder)!r}, which has a {INDEX}: pass another folder")
    config = policy.config.to_json() | {
        "eos_token_id": policy.eos,
        "bos_token_id": policy.start,
        "pad_token_id": 0 if policy.eos is None else policy.eos,
    }
    if policy.config.to_json().get("is_encoder_decoder"):
        config["pad_token_id"] = policy.config.decoder_start
    config["dtype"] = jax.tree.leaves(params)[0].dtype.name
    safetensors = package("safetensors.numpy")
    content = safetensors.save(tensors_of(policy, params), {"format": "pt"})
    write_atomically(folder / "model.safetensors", content)
    write_atomically(folder / "config.json", json.dumps(config, indent=2).encode())
    if tokenizer is not None:
        for name, text in tokenizer.files().items():
            write_atomically(folder / name, text.encode())


def _read_config(file: Path) -> dict[str, Any]:
    if not file.exists():
        raise ValueError(
            f"path_or_name is {str(file.parent)!r}, which has no config.json: pass a folder with "
            "config.json and .safetensors files, or a .gguf file"
        )
    config = read_json(file)
    generation = file.with_name("generation_config.json")
    if config.get("eos_token_id") is None and generation.exists():
        config["eos_token_id"] = read_json(generation).get("eos_token_id")
    return config


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """Says where a setting or tensor is that cannot be used."""
    try:
        yield
    except ValueError as error:
        if str(source) in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error


def _sizes(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Any:
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ValueError(
            f"model_type is {kind!r}: pass a model of one of these, {', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[kind].from_json({**config, "has_head": "lm_head.weight" in tensors})


def _end_token(config: Mapping[str, Any], tokenizer: Tokenizer | None) -> int | None:
    found = config.get("eos_token_id")
    ends = found if isinstance(found, list) else [found]
    for end in ends:
        _check_token("eos_token_id", end, config)
    if len(ends) < 2:
        return ends[0] if ends else None
    own = None if tokenizer is None else tokenizer.id_of(tokenizer.special.get("eos_token"))
    if own not in ends:
        raise ValueError(
            f"eos is None, and eos_token_id is {ends}: pass as eos the one that ends a completion"
        )
    return own


def _start_token(config: Mapping[str, Any]) -> int | None:
    start = config.get("bos_token_id")
    # Small models keep the default of a larger vocabulary, and never begin with it.
    if type(start) is int and start >= config["vocab_size"]:
        return None
    _check_token("bos_token_id", start, config)
    return start


def _check_token(name: str, token: Any, config: Mapping[str, Any]) -> None:
    if token is not None and not (type(token) is int and 0 <= token < config["vocab_size"]):
        raise ValueError(
            f"{name} is {token!r}: pass a checkpoint where it is a token of 0 … "
            f"{config['vocab_size'] - 1}, or null"
        )


def _download(name: str) -> Path:
    files = "config.json, .safetensors files and tokenizer.json"
    remedy = f"put the model's {files} into a folder, and pass the folder"
    try:
        hub = import_module("huggingface_hub")
    except ImportError as error:
        raise ValueError(
            f"path_or_name is {name!r}: no such folder, and huggingface_hub is not installed to "
            f"look for it on the hub: {remedy}"
        ) from error
    wanted = ["*.json", "*.safetensors", "*.model", "*.jinja", "merges.txt"]
    try:
        return Path(hub.snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises what its own clients raise, of any kind
        raise ValueError(
            f"path_or_name is {name!r}: no such folder, and it was not had from the hub "
            f"({type(error).__name__}): {remedy}"
        ) from error
