"""The log that tinker-cookbook writes is read rightly."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, STEPS, TRUE
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, trainer

pytestmark = pytest.mark.slow


def test_tinker_cookbook(tmp_path):
    _, summaries = cut(
        *("tinker_cookbook", "rl/rollout_logging.py", "_json_safe", "serialize_rollout_summaries"),
        safezip=partial(zip, strict=True),
    )
    store = cut(
        *("tinker_cookbook", "stores/training_store.py", "write_rollouts"),
        of="TrainingRunStore",
    )

    def write_bytes(path, data):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    run = trainer(
        store,
        storage=SimpleNamespace(write=write_bytes),
        _path=lambda folder, file: tmp_path / folder / file,
        _iter_dir=lambda iteration: f"iteration_{iteration:06d}",
        _rollout_filename=lambda name: f"{name}_rollout_summaries.jsonl",
        _rollout_cache={},
    )
    # Groups stand in another order in each batch: their number names no prompt.
    for step, ones in OF_STEP.items():
        order = np.random.default_rng(step).permutation(PROMPTS).tolist()
        groups = []
        for prompt in order:
            rewards = [r for _, p, _, r in ones if p == prompt]
            transition = SimpleNamespace(
                ob=SimpleNamespace(length=9),
                ac=SimpleNamespace(tokens=[1, 2]),
                **{"reward": 0.0, "episode_done": True, "metrics": {}, "logs": {"problem": prompt}},
            )
            trajectory = SimpleNamespace(transitions=[transition], final_ob=transition.ob)
            group = SimpleNamespace(
                get_total_rewards=lambda rewards=rewards: rewards,
                trajectories_G=[trajectory] * GROUP,
                final_rewards_G=rewards,
                metrics_G=[{"correct": r} for r in rewards],
            )
            groups.append(group)
        records = summaries(
            split="train", iteration=step, trajectory_groups_P=groups, taglist_P=[["math"]] * 10
        )
        run.write_rollouts(step, records)
    with pytest.raises(ValueError, match="--prompt NAME"):
        read(tmp_path)
    file = read(tmp_path, "--prompt iteration --prompt group_idx")
    assert len(file.prompts) == PROMPTS * STEPS
    assert sorted(file.log.rewards) == sorted(r for *_, r in TRUE)
    np.testing.assert_array_equal(np.bincount(file.log.prompts), GROUP)
