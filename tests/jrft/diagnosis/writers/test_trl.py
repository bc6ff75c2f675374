"""The log that TRL writes is read rightly."""

import math
from collections import defaultdict
from types import SimpleNamespace

import pytest

from tests.jrft.diagnosis.small_run import check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, texts, trainer

pytestmark = pytest.mark.slow


def test_trl(tmp_path):
    pandas = pytest.importorskip("pandas")
    made = cut(
        *("trl", "trainer/grpo_trainer.py", "log"),
        of="GRPOTrainer",
        **{"math": math, "pd": pandas, "is_rich_available": bool},
        strip_images_from_messages=lambda messages: messages,
    )
    (tmp_path / "completions").mkdir()
    for step, ones in OF_STEP.items():
        prompts, answers, _ = texts(ones)
        logs = {
            "prompt": [[{"role": "user", "content": text}] for text in prompts],
            "completion": [[{"role": "assistant", "content": text}] for text in answers],
            "rewards": {
                "even_reward": [math.nan if p % 2 else r for _, p, _, r in ones],
                "odd_reward": [r if p % 2 else math.nan for _, p, _, r in ones],
            },
            "extra": {"answer": [str(p % 3) for _, p, _, _ in ones]},
            "advantages": [0.0] * len(ones),
            "images": [],
        }
        one = trainer(
            made,
            model=SimpleNamespace(training=True),
            _metrics={"train": defaultdict(list)},
            accelerator=SimpleNamespace(is_main_process=True),
            args=SimpleNamespace(report_to=[], output_dir=str(tmp_path)),
            state=SimpleNamespace(global_step=step),
            **{"log_completions": True, "_logs": logs},
        )
        one.log({})
    file = read(tmp_path / "completions")
    assert set(file.columns.reward) == {"even_reward", "odd_reward"}
    check(file)
