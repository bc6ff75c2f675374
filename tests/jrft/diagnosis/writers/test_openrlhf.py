"""The log that OpenRLHF writes is read rightly."""

import json
from types import SimpleNamespace

import pytest

from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import cut, trainer

pytestmark = pytest.mark.slow


def test_openrlhf(tmp_path):
    wandb = pytest.importorskip("wandb")
    made = cut("openrlhf", "utils/logging_utils.py", "log_train", of="WandbLogger", Dict=dict)
    logged = {}
    one = trainer(
        made,
        samples_table=wandb.Table(columns=["global_step", "text", "reward"]),
        handle=SimpleNamespace(Table=wandb.Table, log=logged.update),
    )
    for step in range(40):  # it logs one sample a step
        one.log_train(step, {"generated_samples": [f"What is {step} + 1? 5", 1.0]})
    path = tmp_path / "samples.table.json"
    path.write_text(json.dumps(logged["train/generated_samples"]._to_table_json()))
    with pytest.raises(ValueError, match="--prompt NAME"):
        read(path)
