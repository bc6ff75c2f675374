"""Language models from checkpoints, and checkpoints from language models."""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jrft._files import write_atomically
from jrft.policies.policy import Params
from jrft.policies.pretrained.gguf_file import read_gguf
from jrft.policies.pretrained.gpt2 import GPT2Config
from jrft.policies.pretrained.language_models import LanguageModel, language_model
from jrft.policies.pretrained.llama import LlamaConfig
from jrft.policies.pretrained.packages import package
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
        ValueError: If there is no such checkpoint, its architecture is not known, its weights are
            only there as pickles, or it names several ends of a sequence.
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
        config, tensors, tokenizer = read_gguf(path)
        tokenizer = tokenizer or load_tokenizer(path.parent, missing_is_none=True)
    else:
        folder = path if path.is_dir() else _download(str(path_or_name))
        config, tensors = _read_config(folder), _Safetensors(folder)
        tokenizer = load_tokenizer(folder, missing_is_none=True)
    sizes = _sizes(config, tensors)
    policy = language_model(
        sizes,
        length=length,
        eos=_end_token(config, tokenizer) if eos is None else eos,
        start=_start_token(config),
        dtype=dtype,
        remat=remat,
        scan=scan,
    )
    return Pretrained(policy, params_from(policy, tensors, param_dtype), tokenizer)


def save_pretrained(
    folder: str | Path, policy: LanguageModel, params: Params, tokenizer: Tokenizer | None = None
) -> None:
    """Write a folder in the form of Hugging Face, which transformers loads as well.

    Args:
        folder: The folder; it is made if it does not exist.
        policy: The policy.
        params: Its parameters; for adapters, pass `policy.policy` and `policy.merged(adapters)`.
        tokenizer: Its tokenizer, if it is to be written too.

    Raises:
        ValueError: If the folder holds weights in several files already.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _INDEX).exists():
        raise ValueError(f"folder is {str(folder)!r}, which has a {_INDEX}: pass another folder")
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


_INDEX = "model.safetensors.index.json"


class _Safetensors(Mapping[str, np.ndarray]):
    """Tensors of the .safetensors files of a folder, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._open = package("safetensors").safe_open
        self._files: dict[str, Path] = {}
        for file in _weight_files(folder):
            try:
                with self._open(file, framework="numpy") as tensors:
                    self._files |= dict.fromkeys(tensors.keys(), file)
            except Exception as error:  # safetensors has an exception of its own
                raise ValueError(
                    f"{file} is damaged ({error}): download or save it again"
                ) from error

    def __getitem__(self, name: str) -> np.ndarray:
        with self._open(self._files[name], framework="numpy") as tensors:
            return tensors.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _weight_files(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if index.exists():
        names = sorted(set(_read_json(index)["weight_map"].values()))
        files = [folder / Path(name).name for name in names]
    else:
        files = [folder / "model.safetensors"]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        pickled = " (its .bin files are pickles, which are not read)" * any(folder.glob("*.bin"))
        raise ValueError(
            f"path_or_name is {str(folder)!r}, which has no {missing[0]}{pickled}: pass a folder "
            "with all of the model's .safetensors files, as transformers' save_pretrained writes"
        )
    return files


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not file.exists():
        raise ValueError(
            f"path_or_name is {str(folder)!r}, which has no config.json: pass a folder with "
            "config.json and .safetensors files, or a .gguf file"
        )
    config = _read_json(file)
    generation = folder / "generation_config.json"
    if config.get("eos_token_id") is None and generation.exists():
        config["eos_token_id"] = _read_json(generation).get("eos_token_id")
    return config


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}): download or save it again") from error


def _sizes(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Any:
    kind = config.get("model_type")
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"model_type is {kind!r} in the checkpoint: pass a model of one of these, "
            f"{', '.join(ARCHITECTURES)}"
        )
    try:
        return ARCHITECTURES[kind].from_json({**config, "has_head": "lm_head.weight" in tensors})
    except KeyError as error:
        raise ValueError(
            f"the configuration of the checkpoint has no {error.args[0]}: pass one that was saved "
            "with its config.json"
        ) from error


def _end_token(config: Mapping[str, Any], tokenizer: Tokenizer | None) -> int | None:
    ends = config.get("eos_token_id")
    if not isinstance(ends, list):
        return ends
    own = None if tokenizer is None else tokenizer.id_of(tokenizer.special.get("eos_token"))
    if own in ends or len(ends) < 2:
        return own if own in ends else next(iter(ends), None)
    raise ValueError(
        f"eos is None, and the checkpoint has {ends}: pass the one that ends a completion"
    )


def _start_token(config: Mapping[str, Any]) -> int | None:
    start = config.get("bos_token_id")
    return start if isinstance(start, int) and 0 <= start < config["vocab_size"] else None


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
