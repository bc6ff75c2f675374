"""Language models as policies: GPT-2, the Llama family, T5, and a speller."""

from jrft.policies.pretrained.gpt2 import GPT2Config
from jrft.policies.pretrained.language_models import LanguageModel, language_model
from jrft.policies.pretrained.llama import LlamaConfig, RotaryStretch
from jrft.policies.pretrained.load import Pretrained, from_pretrained, save_pretrained
from jrft.policies.pretrained.sharding import param_shardings
from jrft.policies.pretrained.smollm import smollm2
from jrft.policies.pretrained.spellers import Speller, speller
from jrft.policies.pretrained.t5 import T5Config
from jrft.policies.pretrained.tokenizer import Tokenizer, load_tokenizer, pad_prompts

__all__ = [
    "GPT2Config",
    "LanguageModel",
    "LlamaConfig",
    "Pretrained",
    "RotaryStretch",
    "Speller",
    "T5Config",
    "Tokenizer",
    "from_pretrained",
    "language_model",
    "load_tokenizer",
    "pad_prompts",
    "param_shardings",
    "save_pretrained",
    "smollm2",
    "speller",
]
