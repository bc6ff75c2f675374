"""The log that Atropos writes is read rightly."""

import asyncio
import json
import warnings
from types import SimpleNamespace

import pytest

from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, check
from tests.jrft.diagnosis.test_doubtful_logs import read
from tests.jrft.diagnosis.writers.cutting import OF_STEP, cut, trainer

pytestmark = pytest.mark.slow


def test_atropos(tmp_path):
    made = cut(
        *("atroposlib", "envs/base.py", "handle_send_to_api"),
        of="BaseEnv",
        warnings=warnings,
    )
    path = tmp_path / "groups.jsonl"
    config = SimpleNamespace(
        **{"group_size": GROUP, "ensure_scores_are_not_same": False, "include_messages": True},
        data_path_to_save_groups=str(path),
    )

    async def nothing(*_):
        return None

    with path.open("w") as file:
        writer = SimpleNamespace(write=lambda group: file.write(json.dumps(group) + "\n"))
        one = trainer(
            made,
            **{"config": config, "completion_lengths": [], "max_token_len": 99},
            **{"add_rollouts_for_wandb": nothing, "jsonl_writer": writer},
        )
        for ones in OF_STEP.values():
            for prompt in range(PROMPTS):
                group = [one for one in ones if one[1] == prompt]
                chats = [
                    [
                        {"role": "user", "content": f"What is {p} + 1?"},
                        {"role": "assistant", "content": f"{s}-{i}"},
                    ]
                    for s, p, i, _ in group
                ]
                scored = {
                    "tokens": [[7, p, s, i] for s, p, i, _ in group],
                    "masks": [[-100, -100, s, i] for s, _, i, _ in group],
                    "scores": [r for *_, r in group],
                    "messages": chats,
                }
                asyncio.run(one.handle_send_to_api(scored, do_send_to_api=False))
    check(read(path), steps=False)
