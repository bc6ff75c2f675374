"""A Llama of PyTorch transformers, of the sizes of one of ours, with random weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import transformers

import jrft


def functions(
    config: jrft.LlamaConfig,
    dtype: str,
    prompts: np.ndarray,
    rows: np.ndarray,
    new_tokens: int,
    *,
    num_samples: int,
    top_k: int,
) -> dict[str, Callable[[], Any]]:
    """The tasks of the benchmark, by name: one stream, groups, and a training step.

    Args:
        config: Sizes.
        dtype: Of weights and products, "float32" or "bfloat16".
        prompts: int32[B, P].
        rows: int32[B, T], texts to train on.
        new_tokens: Tokens of a completion.
        num_samples: Completions of a prompt in the groups.
        top_k: Tokens that the groups are drawn from.
    """
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config.to_json()))
    model = model.to(getattr(torch, dtype)).eval()
    prompt, text = (torch.as_tensor(np.array(tokens)).long() for tokens in (prompts, rows))

    def generate(num: int, top_k: int) -> Any:
        with torch.inference_mode():
            return model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=True,
                max_new_tokens=new_tokens,
                num_return_sequences=num,
                top_k=top_k,
                eos_token_id=None,
                pad_token_id=0,
            )

    def train() -> None:
        model.zero_grad()
        model(text, labels=text).loss.backward()

    return {
        "one stream": partial(generate, 1, 0),
        "groups": partial(generate, num_samples, top_k),
        "training step": train,
    }
