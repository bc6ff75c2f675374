"""The examples of docs/language-models.md run, on a tiny model in the place of SmolLM2."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

import jrft
from tests.cases.language_models import tiny

PAGE = (Path(__file__).parents[4] / "docs" / "language-models.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def names():
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jrft, "smollm2", tiny, raising=False)
        # A width of 8 has no fifty likeliest tokens of 31.
        for block in BLOCKS:
            exec(compile(block.replace("top_k=50", "top_k=5"), "docs", "exec"), found)
    return found


def test_the_examples_run(names):
    assert len(BLOCKS) == 4
    p = float(names["value"])
    np.testing.assert_allclose(names["std"], np.sqrt(p * (1 - p)), rtol=1e-5)
    assert len(names["texts"]) == 4
    assert jax.tree.structure(names["weights"]) == jax.tree.structure(names["model"].params)
    assert names["error"] >= 0
    assert jax.tree.structure(names["gradient"]) == jax.tree.structure(names["adapters"])
