"""Logs that the writers of released trainers made are read rightly.

Trainers need GPUs and servers, their writers do not. So each writer is cut out of the installed
package and run on the small run; what the rest of the trainer would hand to it is made here.

    pip install --no-deps verl trl ms-swift areal skyrl openpipe-art atroposlib tinker-cookbook
    pip install --no-deps openrlhf
    pip install wandb verifiers
    pytest tests/jrft/diagnosis/test_writers_of_trainers.py -m slow
"""

import ast
import asyncio
import dataclasses
import json
import logging
import math
import os
import shlex
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jrft.cli.arguments import parser
from jrft.cli.diagnose import _columns
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import GROUP, PROMPTS, STEPS, TRUE, check

pytestmark = pytest.mark.slow

OF_STEP = {step: [one for one in TRUE if one[0] == step] for step in range(1, STEPS + 1)}


class Base:
    """Stands for the class above a trainer: its `log` does nothing."""

    def log(self, *_: Any) -> None:
        """Takes what a trainer hands on."""


def source_of(package: str, file: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / file


def cut(package: str, file: str, *names: str, of: str | None = None, **known: Any) -> Any:
    """Functions and classes of a file of a package, compiled without the rest of it.

    Args:
        package: A name that can be imported, if all that it imports is there.
        file: The file in the package.
        names: What is cut out.
        of: The class whose methods these are: then a class with these methods alone is made.
        known: Names that the code uses.
    """
    path = source_of(package, file)
    body = ast.parse(path.read_text()).body
    if of is not None:
        (found,) = [node for node in body if isinstance(node, ast.ClassDef) and node.name == of]
        found.bases, found.keywords, found.decorator_list = [ast.Name("Base", ast.Load())], [], []
        found.body = [node for node in found.body if getattr(node, "name", "") in names]
        chosen: list[ast.stmt] = [found]
    else:
        chosen = [node for node in body if getattr(node, "name", "") in names]
    assert len(chosen) == (1 if of else len(names)), f"{path} has no {names}"
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    tree = ast.fix_missing_locations(ast.Module([future, *chosen], []))
    space = {"Base": Base, "json": json, "os": os, "np": np, "Path": Path, "logging": logging}
    space |= {"logger": logging.getLogger(package), "Any": Any, "dataclass": dataclasses.dataclass}
    space |= known
    exec(compile(tree, str(path), "exec"), space)
    made = [space[name] for name in ([of] if of else names)]
    return made[0] if len(made) == 1 else made


def trainer(made: Any, **attributes: Any) -> Any:
    """An object of a class that was cut out, short of its constructor."""
    one = made.__new__(made)
    for name, value in attributes.items():
        setattr(one, name, value)
    return one


def read(path: Path, options: str = "") -> Any:
    given = parser().parse_args(["diagnose", "x", *shlex.split(options)])
    return read_rewards(
        [path], columns=_columns(given), split=given.split, last_steps=given.last_steps
    )


def texts(ones: Sequence[Any]) -> tuple[list[str], list[str], list[float]]:
    """Prompts, answers and rewards of some completions."""
    return (
        [f"What is {p} + 1?" for _, p, _, _ in ones],
        [f"{s}-{p}-{i}" for s, p, i, _ in ones],
        [r for *_, r in ones],
    )


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


def test_tinker_cookbook(tmp_path):
    _, summaries = cut(
        *("tinker_cookbook", "rl/rollout_logging.py", "_json_safe", "serialize_rollout_summaries"),
        safezip=partial(zip, strict=True),
    )
    store = cut(
        *("tinker_cookbook", "stores/training_store.py", "write_rollouts"),
        of="TrainingRunStore",
    )

    def write_bytes(path, data):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    run = trainer(
        store,
        storage=SimpleNamespace(write=write_bytes),
        _path=lambda folder, file: tmp_path / folder / file,
        _iter_dir=lambda iteration: f"iteration_{iteration:06d}",
        _rollout_filename=lambda name: f"{name}_rollout_summaries.jsonl",
        _rollout_cache={},
    )
    # Groups stand in another order in each batch: their number names no prompt.
    for step, ones in OF_STEP.items():
        order = np.random.default_rng(step).permutation(PROMPTS).tolist()
        groups = []
        for prompt in order:
            rewards = [r for _, p, _, r in ones if p == prompt]
            transition = SimpleNamespace(
                ob=SimpleNamespace(length=9),
                ac=SimpleNamespace(tokens=[1, 2]),
                **{"reward": 0.0, "episode_done": True, "metrics": {}, "logs": {"problem": prompt}},
            )
            trajectory = SimpleNamespace(transitions=[transition], final_ob=transition.ob)
            group = SimpleNamespace(
                get_total_rewards=lambda rewards=rewards: rewards,
                trajectories_G=[trajectory] * GROUP,
                final_rewards_G=rewards,
                metrics_G=[{"correct": r} for r in rewards],
            )
            groups.append(group)
        records = summaries(
            split="train", iteration=step, trajectory_groups_P=groups, taglist_P=[["math"]] * 10
        )
        run.write_rollouts(step, records)
    with pytest.raises(ValueError, match="--prompt NAME"):
        read(tmp_path)
    file = read(tmp_path, "--prompt iteration --prompt group_idx")
    assert len(file.prompts) == PROMPTS * STEPS
    assert sorted(file.log.rewards) == sorted(r for *_, r in TRUE)
    np.testing.assert_array_equal(np.bincount(file.log.prompts), GROUP)


def test_weights_and_biases(tmp_path):
    wandb = pytest.importorskip("wandb")
    table = wandb.Table(columns=["step", "prompt", "completion", "reward"])
    for step, ones in OF_STEP.items():
        for prompt, answer, reward in zip(*texts(ones), strict=True):
            table.add_data(step, prompt, answer, reward)
    path = tmp_path / "completions.table.json"
    path.write_text(json.dumps(table._to_table_json()))
    check(read(path))


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


def test_versions_of_trainers_are_those_of_the_guide():
    """The guide names the versions: a newer one may write another form."""
    guide = (Path(__file__).parents[3] / "docs/diagnose.md").read_text()
    for name in ("verl", "trl", "ms-swift", "areal", "skyrl", "verifiers", "wandb"):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed")
        assert version in guide, name
