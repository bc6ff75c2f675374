import jax
import numpy as np
import pytest

import jrft
from experiments.studies.jrft.controlled_task.sequences import Completions, shift_task


@pytest.mark.parametrize("graded", [True, False])
def test_shift_task(graded):
    """Label by label, written out."""
    vocab_size, length = 4, 2
    task = shift_task(vocab_size, length, 2, 1, graded=graded)
    assert task.inputs.shape == (64, 3)
    completions = [(a, b) for a in range(vocab_size) for b in range(vocab_size)]
    for i, (a, b, mark) in enumerate(np.asarray(task.inputs).tolist()):
        changed = mark == 3
        assert bool(task.changed[i]) == changed
        shift = 3 if changed else 0
        target = ((a + shift) % 4, (b + shift) % 4)
        assert completions[int(task.targets[i])] == target
        habits = {completions[c] for c in np.flatnonzero(task.habits[i])}
        assert habits == {(a, b), ((a + 1) % 4, (b + 1) % 4)}
        assert (target in habits) != changed
        for c, completion in enumerate(completions):
            right = [x == y for x, y in zip(completion, target, strict=True)]
            earned = sum(right) / 2 if graded else float(all(right))
            assert task.rewards[i, c] == 2 * earned - 1


def test_completions_are_those_of_the_policy():
    policy = jrft.transformer(3, 2, max_prompt=2, width=8, depth=1, heads=2)
    model = Completions(policy)
    prompts = np.array([[0, 1], [2, 2]])
    params = model.init(jax.random.key(0), prompts)
    apply = jax.jit(model.apply)
    found = apply(params, prompts)
    of_one = jax.jit(lambda prompt: jrft.exact_log_probs(policy, params, prompt))
    for row, prompt in zip(found, prompts, strict=True):
        np.testing.assert_allclose(row, of_one(prompt), rtol=1e-5)
    # At infinite temperature all completions are equally likely.
    np.testing.assert_allclose(apply(params, prompts, 1e9), np.log(1 / 9), rtol=1e-5)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="num_habits=4: pass at least 1 and less than"):
        shift_task(4, 2, 4, 1, graded=True)
    with pytest.raises(ValueError, match="num_changed_marks=5: pass 0 to"):
        shift_task(4, 2, 2, 5, graded=True)
