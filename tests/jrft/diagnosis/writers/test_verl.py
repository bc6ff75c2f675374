"""The log that veRL writes is read rightly."""

import pytest

from tests.jrft.diagnosis.small_run import check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, texts

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("file", "of"),
    [
        ("trainer/ppo/ray_trainer.py", "RayPPOTrainer"),
        ("trainer/ppo/v1/trainer_base.py", "PPOTrainer"),
    ],
)
def test_verl(file, of, tmp_path, capsys):
    made = cut("verl", file, "_write_generations", of=of)
    for step, ones in OF_STEP.items():
        prompts, answers, rewards = texts(ones)
        ids = [f"{step}f{i}_0" for i in range(len(ones))]
        extra = {"uid": ids, "acc": [bool(r) for r in rewards], "request_id": ids, "short": [1]}
        right = [str(p + 1) for _, p, _, _ in ones]
        made._write_generations(prompts, answers, right, rewards, extra, str(tmp_path), step)
    check(read(tmp_path))
