"""The log that SkyRL writes is read rightly."""

from types import SimpleNamespace

import pytest

from tests.jrft.diagnosis.small_run import check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut

pytestmark = pytest.mark.slow


def test_skyrl(tmp_path):
    made = cut(
        *("skyrl", "train/utils/trainer_utils.py", "dump_per_dataset_eval_results"),
        sanitize_data_source=lambda name: name.replace("/", "_"),
    )
    for step, ones in OF_STEP.items():
        output = {
            "prompt_token_ids": [[7, p] for _, p, _, _ in ones],
            "response_ids": [[step, i] for _, _, i, _ in ones],
            "rewards": [[0.0, 0.0, r] for *_, r in ones],
            "stop_reasons": ["stop"] * len(ones),
        }
        folder = tmp_path / f"global_step_{step}_evals"
        folder.mkdir()
        words = SimpleNamespace(decode=lambda ids: " ".join(map(str, ids)))
        extras = [{"i": i} for i in range(len(ones))]
        names = ["gsm8k"] * len(ones)
        made(folder, words, output, names, names, extras, {"eval/all/avg_score": 0.5})
    with pytest.raises(ValueError, match="pass --lists sum"):
        read(tmp_path)
    check(read(tmp_path, "--lists sum"))
