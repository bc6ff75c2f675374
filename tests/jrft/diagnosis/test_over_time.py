"""Runs of many steps: what is said of equal groups, and how right calls are under drift."""

import numpy as np
import pytest

from jrft.diagnosis import diagnose
from jrft.diagnosis.report.export import as_dict
from jrft.diagnosis.report.text import text_report


def of_steps(shares, prompts=40):
    """A run with this share of equal groups at each step."""
    rows, steps = [], []
    for step, share in enumerate(shares):
        equal = np.arange(prompts) < round(share * prompts)
        rows += [[0, 0, 0, 0] if is_equal else [0, 1, 0, 1] for is_equal in equal]
        steps += [step] * prompts
    ids = np.tile(np.arange(prompts), len(shares))
    return diagnose(np.array(rows, float), prompt_ids=ids, steps=steps)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.1, 0.5], "rose from 10% to 50% between the first and the last step."),
        ([0.5, 0.5, 0.1], "fell from 50% to 10% between the first and the last step."),
        (
            [0.2, 0.4] + [0.5] * 6 + [0.6, 0.8],
            "rose from 30% to 70% between the first and",
        ),
        ([0.2, 0.9, 0.2], "stayed at 20% over the run."),
    ],
)
def test_the_share_of_equal_groups_is_a_sentence(shares, said):
    text = " ".join(text_report(of_steps(shares)).split())
    assert f"The share of groups with equal rewards {said}" in text
    assert "The share of groups" not in text_report(diagnose([[0.0, 1.0], [1.0, 1.0]]))


def drifting(rng, prompts=300, visits=8, group=8):
    """Success at the last visit, and rewards of all visits, of prompts that walk."""
    logit = np.choose(
        rng.choice(3, prompts, p=[0.4, 0.4, 0.2]),
        [rng.normal(mean, 1.5, prompts) for mean in (-6.5, -1.0, 5.0)],
    )
    path = logit + np.cumsum(rng.normal(0, 0.5, (visits, prompts)), axis=0)
    success = 1 / (1 + np.exp(-path))
    rewards = (rng.random((visits, prompts, group)) < success[:, :, None]).astype(float)
    return success[-1], rewards.reshape(-1, group)


def test_equal_rewards_are_not_forgotten_where_other_prompts_change():
    called = right = 0  # The guide says these numbers.
    for seed in range(3):
        success, rewards = drifting(np.random.default_rng(seed))
        ids, steps = np.tile(np.arange(300), 8), np.repeat(np.arange(8), 300)
        diagnosis = diagnose(rewards, prompt_ids=ids, steps=steps)
        found = diagnosis.over_time
        assert found.discount < found.discount_if_equal
        assert as_dict(diagnosis)["over_time"]["discount_if_equal"] == found.discount_if_equal
        low = np.isin(diagnosis.labels, ["too hard", "too easy", "flat in the middle"])
        called += low.sum()
        right += (low & (np.sqrt(success * (1 - success)) < 0.1)).sum()
        learnable = diagnosis.labels == "learnable"
        assert np.mean(np.sqrt(success * (1 - success))[learnable] >= 0.1) > 0.95
        # A prompt with many rewards and no call says why.
        open_ = np.flatnonzero(diagnosis.labels == "too few samples")
        assert all("these 64 as" in diagnosis.reason(int(i)) for i in open_)
    assert abs(called - 83) <= 5
    assert right >= 0.9 * called
