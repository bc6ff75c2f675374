"""The command line ``jrft``.

``jrft diagnose ROLLOUTS… [--report report.html] [--json out.json] [--fail-if-dead 0.5]``
``jrft conformance OUT.npz [--group-size 3] [--epsilon 1e-4] [--clip 0.2] [--force]``

Exit codes: 0 fine; 1 the share of prompts without a useful gradient reaches ``--fail-if-dead``;
2 the input or the arguments cannot be read.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jrft.diagnosis.diagnosis import Diagnosis, diagnose_log
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.readers import Progress, RewardFile, read_rewards
from jrft.diagnosis.report.export import as_dict
from jrft.diagnosis.report.html import html_report
from jrft.diagnosis.report.text import text_report
from jrft.expected.conformance import conformance_arrays

OK, DEAD, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (ValueError, OSError) as error:
        print(f"jrft: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jrft", description="Reward logs, diagnosed; exact gradients to test a trainer with."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_diagnose(commands)
    _add_conformance(commands)
    return parser


def _add_diagnose(commands: Any) -> None:
    command = commands.add_parser(
        "diagnose",
        help="which prompts get no gradient, how sure that is, why, and what to do",
        description="Reads rewards that were logged during reinforcement finetuning and tells "
        "which prompts get no gradient, how sure that is, why, and what to do.",
        epilog="Exit codes: 0 fine; 1 the share of dead prompts reaches --fail-if-dead; 2 the "
        "input or the arguments cannot be read.",
    )
    command.add_argument(
        "paths",
        nargs="+",
        metavar="ROLLOUTS",
        help="files or directories: .jsonl, .csv, .tsv (also .gz), .parquet, .npy, .npz",
    )
    _add_columns(command)
    _add_judgement(command)
    command.add_argument("--report", type=Path, help="write an HTML page")
    command.add_argument("--json", type=Path, help="write everything as JSON")
    command.add_argument(
        "--fail-if-dead",
        type=float,
        metavar="SHARE",
        help="exit with 1 if this share of the prompts, or more, gives no useful gradient",
    )
    command.set_defaults(run=_diagnose)


def _add_conformance(commands: Any) -> None:
    command = commands.add_parser(
        "conformance",
        help="arrays to test another trainer's policy gradient with",
        description="Writes tabular policies, rewards, and the exact expectations of the gradients "
        "of REINFORCE, RLOO, GRPO and PPO, to test another trainer's gradient with. What each "
        "array is, and an example in PyTorch: docs/conformance.md.",
        epilog="Exit codes: 0 fine; 2 bad arguments, or the file exists.",
    )
    command.add_argument("path", type=Path, metavar="OUT.npz", help="the file to write")
    command.add_argument("--force", action="store_true", help="overwrite a file that exists")
    command.add_argument(
        "--group-size", type=int, default=3, help="completions of one group (default 3)"
    )
    command.add_argument(
        "--epsilon", type=float, default=1e-4, help="added to a group's std (default 1e-4)"
    )
    command.add_argument("--clip", type=float, default=0.2, help="PPO's clip (default 0.2)")
    command.add_argument(
        "--seed", type=int, default=0, help="of the policies and rewards (default 0)"
    )
    command.set_defaults(run=_conformance)


def _add_columns(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("columns (guessed if not given)")
    group.add_argument("--prompt", metavar="NAME", help="the prompt, or its id")
    group.add_argument(
        "--reward",
        action="append",
        default=[],
        type=_weighted,
        metavar="NAME[=WEIGHT]",
        help="the reward; several are added up with their weights",
    )
    group.add_argument("--outcome", metavar="NAME", help="1 where the task is solved, 0 where not")
    group.add_argument("--step", metavar="NAME", help="the training step")
    group.add_argument(
        "--skip-bad-rows", action="store_true", help="leave out rows that cannot be read"
    )


def _add_judgement(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("judgement")
    group.add_argument(
        "--range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="smallest and largest reward"
    )
    group.add_argument(
        "--threshold",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="a std below this share of the range is low (default 0.1)",
    )
    group.add_argument(
        "--level", type=float, default=0.9, help="probability of the intervals (default 0.9)"
    )
    group.add_argument(
        "--confidence",
        type=float,
        default=0.9,
        help="probability at which a prompt is called low in std, or learnable; groups of few "
        "rewards need more (default 0.9)",
    )


def _weighted(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        return name, float(weight or 1)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"the weight of {name!r} is {weight!r}, no number"
        ) from None


def _diagnose(parsed: argparse.Namespace) -> int:
    if parsed.fail_if_dead is not None and not 0 < parsed.fail_if_dead <= 1:
        raise ValueError(f"--fail-if-dead is {parsed.fail_if_dead}: pass a share in (0, 1].")
    # Said before a large log is read, not after.
    for option, path in (("--report", parsed.report), ("--json", parsed.json)):
        if path is not None and not path.parent.is_dir():
            raise ValueError(
                f"{option} {path}: there is no directory {path.parent}, make it first."
            )
    columns = Columns(
        prompt=parsed.prompt, reward=dict(parsed.reward), outcome=parsed.outcome, step=parsed.step
    )
    file = read_rewards(
        parsed.paths,
        columns=columns,
        skip_bad_rows=parsed.skip_bad_rows,
        progress=_progress_bar() if sys.stderr.isatty() else None,
    )
    diagnosis = diagnose_log(
        file.log,
        reward_range=None if parsed.range is None else tuple(parsed.range),
        threshold=parsed.threshold,
        level=parsed.level,
        confidence=parsed.confidence,
    )
    print(_source(parsed.paths, file) + "\n")
    print(text_report(diagnosis), end="")
    _write(parsed, diagnosis, _source(parsed.paths, file))
    if parsed.fail_if_dead is not None and diagnosis.dead_share >= parsed.fail_if_dead:
        print(
            f"jrft: {diagnosis.dead_share:.1%} of the prompts give no useful gradient, "
            f"{parsed.fail_if_dead:.1%} were allowed.",
            file=sys.stderr,
        )
        return DEAD
    return OK


def _conformance(parsed: argparse.Namespace) -> int:
    path = parsed.path
    if path.suffix != ".npz":
        raise ValueError(f"{path} does not end in .npz: name the file so.")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no directory {path.parent}, make it first.")
    if path.exists() and not parsed.force:
        raise ValueError(f"{path} exists: add --force to overwrite it.")
    arrays = conformance_arrays(
        group_size=parsed.group_size, epsilon=parsed.epsilon, clip=parsed.clip, seed=parsed.seed
    )
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    _write_atomically(path, file.getvalue())
    print(f"wrote {path}: {len(arrays)} arrays, told in docs/conformance.md")
    return OK


def _source(paths: Sequence[str], file: RewardFile) -> str:
    parts = [", ".join(paths), file.columns.described(), *file.notes]
    if file.num_skipped:
        parts.append(f"{file.num_skipped:,} bad rows left out")
    return " · ".join(part for part in parts if part)


def _write(parsed: argparse.Namespace, diagnosis: Diagnosis, source: str) -> None:
    if parsed.json is not None:
        text = json.dumps(as_dict(diagnosis), allow_nan=False)
        _write_atomically(parsed.json, text.encode())
        print(f"\nwrote {parsed.json}")
    if parsed.report is not None:
        _write_atomically(parsed.report, html_report(diagnosis, source=source).encode())
        print(f"\nwrote {parsed.report}")


def _write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the file and moves it into place: an interrupt leaves the old file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _progress_bar() -> Progress:
    last = 0.0

    def show(share: float) -> None:
        nonlocal last
        if share < 1 and time.monotonic() - last < 0.2:
            return
        last = time.monotonic()
        filled = "█" * int(30 * share)
        end = "\r" + " " * 50 + "\r" if share >= 1 else ""
        print(f"\rreading {filled:<30} {share:4.0%}{end}", end="", file=sys.stderr, flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())
