"""Autoregressive policies."""

from jrft.policies.adapted import adapted_policy
from jrft.policies.low_rank import lora
from jrft.policies.policy import Policy
from jrft.policies.pretrained import *
from jrft.policies.pretrained import __all__ as _pretrained
from jrft.policies.restricted import restricted_policy
from jrft.policies.tabular import tabular_policy
from jrft.policies.transformers import transformer
from jrft.policies.warped import warped_policy

__all__ = [
    "Policy",
    "adapted_policy",
    "lora",
    "restricted_policy",
    "tabular_policy",
    "transformer",
    "warped_policy",
    *_pretrained,
]
