"""The log that ms-swift writes is read rightly."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest

from tests.jrft.diagnosis.small_run import check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, texts, trainer

pytestmark = pytest.mark.slow


def test_ms_swift(tmp_path):
    torch = SimpleNamespace(dtype=type(None), device=type(None))
    checked = cut(
        *("swift", "utils/utils.py", "check_json_format"),
        **{"torch": torch, "Sequence": Sequence, "Mapping": Mapping},
    )
    writer = cut(
        *("swift", "utils/io_utils.py", "JsonlWriter"),
        **{"check_json_format": checked, "is_master": lambda: True, "Queue": list},
    )
    version = SimpleNamespace(parse=lambda text: [int(part) for part in text.split(".")[:2]])
    made = cut(
        *("swift", "rlhf_trainers/grpo_trainer.py", "log"),
        of="GRPOTrainer",
        **{"version": version, "transformers": SimpleNamespace(__version__="5.0.0")},
    )
    for step, ones in OF_STEP.items():
        prompts, answers, rewards = texts(ones)
        logs = {
            "prompt": prompts,
            "completion": answers,
            "rewards": {"MathAccuracy": rewards},
            "advantages": [0.0] * len(ones),
            "solution": [str(p) for _, p, _, _ in ones],
        }
        one = trainer(
            made,
            model=SimpleNamespace(training=True),
            _metrics={"train": {}},
            accelerator=SimpleNamespace(is_main_process=True),
            args=SimpleNamespace(report_to=[], log_entropy=False),
            state=SimpleNamespace(global_step=step),
            jsonl_writer=writer(str(tmp_path / "completions.jsonl")),
            **{"log_completions": True, "_logs": logs},
        )
        one.log({})
    check(read(tmp_path / "completions.jsonl"))
