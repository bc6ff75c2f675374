"""The log that Weights & Biases writes is read rightly."""

import json

import pytest

from tests.jrft.diagnosis.small_run import check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, texts

pytestmark = pytest.mark.slow


def test_weights_and_biases(tmp_path):
    wandb = pytest.importorskip("wandb")
    table = wandb.Table(columns=["step", "prompt", "completion", "reward"])
    for step, ones in OF_STEP.items():
        for prompt, answer, reward in zip(*texts(ones), strict=True):
            table.add_data(step, prompt, answer, reward)
    path = tmp_path / "completions.table.json"
    path.write_text(json.dumps(table._to_table_json()))
    check(read(path))
