"""The log that verifiers and prime-rl writes is read rightly."""

import pytest

from tests.jrft.diagnosis.small_run import TRUE, check
from tests.jrft.diagnosis.test_doubtful_logs import read

pytestmark = pytest.mark.slow


def test_verifiers_and_prime_rl(tmp_path):
    """Both write episodes by the same function."""
    pytest.importorskip("verifiers")
    from verifiers.v1.episode import Episode, TrainRunInfo, TrainWorkInfo
    from verifiers.v1.utils.trace_store import write_episode

    for step, prompt, _, reward in TRUE:
        task = {"type": "Sum", "key": f"sum-{prompt}", "data": {"idx": prompt, "prompt": "…"}}
        trace = {
            "task": task,
            "agent": {"name": "solver", "config": {}},
            "rewards": {
                "correct": {"score": reward, "weight": 1.0},
                "form": {"score": 1.0, "weight": 0.2},
            },
            "metrics": {"num_turns": 1.0},
        }
        episode = Episode.model_validate({"task": task, "traces": [trace], "ok": True})
        episode.run = TrainRunInfo(id="r", work=TrainWorkInfo(step=step))
        folder = tmp_path / f"step_{step}"
        folder.mkdir(exist_ok=True)
        write_episode(folder, episode)
    check(read(tmp_path), shift=0.2)
