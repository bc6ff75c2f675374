from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jrft.tasks.relabeling import changed_labels, correct_label_rewards


def test_changed_labels():
    labels = jnp.arange(200) % 10
    draw = partial(changed_labels, labels=labels, num_classes=10)
    task = draw(jax.random.key(0), num_habits=4, share_changed=0.25)
    habits, targets, changed = map(np.asarray, task)
    assert habits.sum(axis=1).tolist() == [4] * 10
    assert habits.diagonal().all()
    assert changed.sum() == 50
    np.testing.assert_array_equal(targets[~changed], labels[~changed])
    assert not habits[labels[changed], targets[changed]].any()
    # All labels outside the set are drawn, and all inside but the class's own.
    assert len(set(targets[changed & (labels == 0)])) > 1
    others = [draw(jax.random.key(seed), num_habits=4).habits for seed in range(40)]
    assert np.array(others).any(axis=0).all()
    with pytest.raises(ValueError, match="num_habits is 10: pass a number between 1 and 9"):
        draw(jax.random.key(0), num_habits=10)
    with pytest.raises(ValueError, match=r"share_changed is 1.5: pass a share in \[0, 1\]"):
        draw(jax.random.key(0), share_changed=1.5)


def test_rewards_of_wrong_labels():
    rewards = correct_label_rewards(jnp.int32(2), 4, wrong=0.5)
    assert rewards.tolist() == [0.5, 0.5, 1.0, 0.5]
