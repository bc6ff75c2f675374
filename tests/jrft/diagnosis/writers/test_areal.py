"""The log that AReaL writes is read rightly."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, trainer

pytestmark = pytest.mark.slow


def test_areal(tmp_path):
    class File:
        def __init__(self, path, mode):
            self.file = Path(path).open(mode)  # noqa: SIM115

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            self.file.close()

        async def write(self, text):
            self.file.write(text)

    async def makedirs(path, exist_ok):
        Path(path).mkdir(parents=True, exist_ok=exist_ok)

    files = SimpleNamespace(open=File, os=SimpleNamespace(makedirs=makedirs))
    made = cut(
        *("areal", "infra/workflow_executor.py", "_dump_trajectory"),
        of="WorkflowExecutor",
        **{"aiofiles": files, "RTensor": SimpleNamespace(localize=lambda trajectory: trajectory)},
    )
    one = trainer(
        made,
        _get_dump_dir=lambda is_eval: str(tmp_path / "rollout"),
        _get_tokenizer=lambda: SimpleNamespace(decode=lambda ids, **_: " ".join(map(str, ids))),
    )
    for step, ones in OF_STEP.items():
        for prompt in range(PROMPTS):
            group = [one for one in ones if one[1] == prompt]
            tokens = np.array([[7, 8, prompt, 100 + step, 200 + i] for _, _, i, _ in group])
            trajectory = {
                "input_ids": tokens,
                "rewards": np.array([r for *_, r in group]),
                "loss_mask": np.array([[0, 0, 0, 1, 1]] * GROUP),
                "attention_mask": np.ones_like(tokens),
                "versions": np.full((GROUP, 5), step),
            }
            done = asyncio.run(one._dump_trajectory(trajectory, step * PROMPTS + prompt, False))
            assert done == (True, "")
    check(read(tmp_path / "rollout"))
