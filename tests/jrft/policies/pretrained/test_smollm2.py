"""The numbers of docs/language-models.md, by the real model."""

import re

import numpy as np
import pytest

import jrft
from jrft._numerics import norm
from tests.jrft.policies.pretrained.test_docs import BLOCKS, PAGE


@pytest.mark.slow
def test_the_numbers_of_the_guide():
    pytest.importorskip("gguf")
    pytest.importorskip("tokenizers")
    try:
        jrft.smollm2(length=1)
    except ValueError as error:
        pytest.skip(f"the weights cannot be had: {error}")
    names = {}
    exec(compile(BLOCKS[0], "docs", "exec"), names)
    stated = re.search(r"probability ([\d.]+),.*?\n([\d.]+), and .* norm ([\d.]+)\.", PAGE, re.S)
    found = [names["value"], names["std"], norm(names["gradient"])]
    np.testing.assert_allclose(found, [float(x) for x in stated.groups()], rtol=5e-3)
