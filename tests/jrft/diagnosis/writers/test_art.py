"""The log that ART writes is read rightly."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import PROMPTS, check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut

pytestmark = pytest.mark.slow


def test_art(tmp_path):
    pytest.importorskip("pyarrow")

    class Choice:
        """A message that the model wrote."""

        def __init__(self, text):
            self.text = text

        def to_dict(self):
            return {"finish_reason": "stop", "message": {"role": "assistant", "content": self.text}}

    def cast(_, value):
        return value

    _, made = cut(
        *("art", "utils/trajectory_logging.py", "_flatten_message"),
        "write_trajectory_groups_parquet",
        **{"Choice": Choice, "Choices": int, "Trajectory": SimpleNamespace, "cast": cast},
    )
    folder = tmp_path / "trajectories" / "train"
    folder.mkdir(parents=True)
    for step, ones in OF_STEP.items():
        groups = [
            SimpleNamespace(
                **{"metadata": {}, "metrics": {}, "logs": []},
                trajectories=[
                    SimpleNamespace(
                        reward=r,
                        metrics={"n": 1.0},
                        metadata={"scenario": p},
                        **{"tools": None, "logs": []},
                        messages_and_choices=[
                            {"role": "system", "content": "Answer."},
                            {"role": "user", "content": f"What is {p} + 1?"},
                            Choice(f"{step}-{i}"),
                        ],
                    )
                    for _, p, i, r in ones
                    if p == prompt
                ],
            )
            for prompt in np.random.default_rng(step).permutation(PROMPTS).tolist()
        ]
        made(groups, folder / f"{step:04d}.parquet")
    check(read(tmp_path / "trajectories"))
