"""Batches of prompts give each prompt what it gets alone."""

import chex
import jax
import numpy as np
import pytest

import jrft
from tests.cases.policies import POLICIES, init

POLICY = POLICIES["recurrent with end"]
PROMPTS = {0: [1], 3: [0, 1, 2], 4: [], 8: [2, 2], 9: [1, 0, 2, 1, 1]}


def drawn(prompts, key, **settings):
    return dict(jrft.sample_many(key, POLICY, init(POLICY), prompts, 6, **settings))


def test_a_prompt_gets_the_same_whatever_stands_beside_it(key):
    together = drawn(PROMPTS, key, batch_size=2, multiple=4)
    assert set(together) == set(PROMPTS)
    for number, prompt in PROMPTS.items():
        alone = drawn({number: prompt}, key, batch_size=2, multiple=4)[number]
        chex.assert_trees_all_equal(together[number], alone)
        plain = jrft.sample(jax.random.fold_in(key, number), POLICY, init(POLICY), prompt, 6)
        np.testing.assert_array_equal(together[number].completions, plain.completions)


def test_few_shapes_are_compiled(key):
    traces = []

    def counted(*arguments, **settings):
        traces.append(None)
        return original(*arguments, **settings)

    from jrft.sampled import many_prompts

    original = many_prompts.sample
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_prompts, "sample", counted)
        many_prompts._draw.clear_cache()
        drawn(PROMPTS, key, batch_size=2, multiple=4)
        # Lengths 0, 4 and 8.
        assert len(traces) == 3
        drawn({5: [2, 1], 7: []}, key, batch_size=2, multiple=4)
        assert len(traces) == 3


def test_wrong_numbers_are_refused(key):
    with pytest.raises(ValueError, match="batch_size is 0"):
        drawn(PROMPTS, key, batch_size=0)
    with pytest.raises(ValueError, match="token 5"):
        drawn({0: [5]}, key)
