"""Models of the Llama family from GGUF files, the form of llama.cpp."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from jrft.policies.pretrained.tokenizer import Tokenizer, tokenizer_from_gguf

_TENSORS = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
"""Names of tensors, Hugging Face's and GGUF's."""

_SETTINGS = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "intermediate_size": "feed_forward_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "rope_theta": "rope.freq_base",
    "max_position_embeddings": "context_length",
}
"""Settings of config.json, and their names in GGUF after the architecture's."""

_KNOWN = ("llama", "qwen2", "qwen3")


def read_gguf(path: Path) -> tuple[dict[str, Any], Mapping[str, np.ndarray], Tokenizer | None]:
    """The configuration as in config.json, the tensors by Hugging Face's names, the tokenizer.

    Args:
        path: A GGUF file. Quantized tensors are turned into float32.

    Raises:
        ValueError: If there is no such file, it is damaged, or its architecture is not known.
        ImportError: If the package gguf is not installed.
    """
    if not path.exists():
        raise ValueError(f"path_or_name is {str(path)!r}: no such file: pass an existing one")
    try:
        gguf = import_module("gguf")
    except ImportError as error:
        raise ImportError("gguf is not installed: pip install 'jwi-jrft[lm]'") from error
    try:
        reader = gguf.GGUFReader(path)
        settings = {name: field.contents() for name, field in reader.fields.items()}
        tokenizer = tokenizer_from_gguf(settings.get)
    except ImportError:
        raise
    except Exception as error:  # the readers check nothing themselves
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}): download it again"
        ) from error
    kind = settings.get("general.architecture")
    if kind not in _KNOWN:
        raise ValueError(
            f"general.architecture is {kind!r} in {path}: pass a model of one of these, "
            f"{', '.join(_KNOWN)}"
        )
    tensors = _Tensors(reader.tensors, gguf.quants.dequantize)
    if "model.embed_tokens.weight" not in tensors:
        raise ValueError(f"{path} has no tensor token_embd.weight: download it again")
    config = _config(settings, kind)
    scaled = settings.get(f"{kind}.rope.scaling.type") not in (None, "none")
    if scaled or tensors.has("rope_freqs"):
        raise ValueError(
            f"{path} stretches its rotary positions, which GGUF tells in part only: pass the "
            "model's folder with config.json and .safetensors files"
        )
    config["vocab_size"] = len(tensors["model.embed_tokens.weight"])
    config["tie_word_embeddings"] = not tensors.has("output")
    if kind == "llama":
        heads = config.get("num_attention_heads")
        tensors.rotated = {"q": heads, "k": config.get("num_key_value_heads", heads)}
    return config, tensors, tokenizer


def _config(settings: Mapping[str, Any], kind: str) -> dict[str, Any]:
    config = {name: settings.get(f"{kind}.{theirs}") for name, theirs in _SETTINGS.items()}
    ends = {
        "eos_token_id": settings.get("tokenizer.ggml.eos_token_id"),
        "bos_token_id": settings.get("tokenizer.ggml.bos_token_id"),
    }
    given = {name: value for name, value in config.items() if value is not None}
    return given | ends | {"model_type": kind}


class _Tensors(Mapping[str, np.ndarray]):
    """Tensors of a GGUF file as float32, by Hugging Face's names, read when asked for."""

    def __init__(self, tensors: list[Any], dequantize: Callable[..., np.ndarray]) -> None:
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._dequantize = dequantize
        self.rotated: dict[str, Any] = {}

    def has(self, name: str) -> bool:
        """Whether the file has a tensor of GGUF's name."""
        return f"{name}.weight" in self._tensors

    def __getitem__(self, name: str) -> np.ndarray:
        tensor = self._tensors[_gguf_name(name)]
        try:
            value = self._dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        except Exception as error:  # there are many quantizations, and the reader knows most
            raise ValueError(
                f"tensor {tensor.name!r} is {tensor.tensor_type.name}, which gguf cannot turn into "
                "numbers: pass the file in a common quantization such as Q8_0"
            ) from error
        heads = self.rotated.get(name.split(".")[-2].removesuffix("_proj"))
        if heads is not None and len(value) % (2 * heads) == 0:
            # Here, channels that are rotated together are neighbors; there, they stand half a head
            # apart.
            pairs = value.reshape(heads, -1, 2, *value.shape[1:])
            value = pairs.swapaxes(1, 2).reshape(value.shape)
        return value

    def __contains__(self, name: object) -> bool:
        return _gguf_name(str(name)) in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def _gguf_name(name: str) -> str:
    name, kind = name.rsplit(".", 1)
    if not name.startswith("model.layers."):
        return f"{_TENSORS.get(name, name)}.{kind}"
    layer, part = name.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{_TENSORS.get(part, part)}.{kind}"
