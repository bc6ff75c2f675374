"""The arguments of `jrft`. Imports no arrays, so that help takes no time."""

import argparse
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.readers import known_suffixes


def parser() -> argparse.ArgumentParser:
    """The parser. It sets `command` to the command's name."""
    whole = argparse.ArgumentParser(
        prog="jrft",
        description="Reward logs, diagnosed; exact gradients to test a trainer with.",
        epilog="Exit codes: 0 fine; 1 see the command; 2 bad input or arguments; 130 interrupted.",
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_diagnose(commands)
    _add_conformance(commands)
    _add_stats(commands)
    return whole


class _Version(argparse.Action):
    """Prints the version. argparse's own action needs it when the parser is built: that is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        import jrft

        print(f"jrft {jrft.__version__}")
        parser.exit()


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
        help=f"files, directories, or - for standard input: {known_suffixes()}",
    )
    _add_columns(command)
    _add_judgement(command)
    command.add_argument("--report", "--html", type=Path, help="write an HTML page")
    command.add_argument(
        "--ids", type=Path, metavar="DIR", help="write the prompts of each class, a file a class"
    )
    command.add_argument("--json", type=Path, help="write everything as JSON")
    command.add_argument(
        "--fail-if-dead",
        type=float,
        metavar="SHARE",
        help="exit with 1 if this share of the prompts, or more, gives no useful gradient",
    )


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


def _add_stats(commands: Any) -> None:
    command = commands.add_parser(
        "stats",
        help="sample a language model, score its completions, and log the rewards",
        description="Samples completions of every prompt from a language model, scores them, and "
        "writes a log for `jrft diagnose`. A run that stops goes on where it stopped.",
        epilog="Exit codes: 0 fine; 2 the model, the prompts or the arguments cannot be read.",
    )
    command.add_argument(
        "model",
        metavar="MODEL",
        help="a folder in the form of Hugging Face, a .gguf file, a name on the hub, or smollm2",
    )
    command.add_argument(
        "paths",
        nargs=1,
        metavar="PROMPTS.jsonl",
        help='an object a line: "prompt" is a text, or messages for the model\'s chat template',
    )
    command.add_argument(
        "--reward",
        required=True,
        metavar="NAME",
        help='match or contains (of "answer"), or module:function of the row and the completion',
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="LOG.jsonl", help="the log"
    )
    group = command.add_argument_group("sampling")
    group.add_argument("--samples", type=int, default=10, help="completions a prompt (default 10)")
    group.add_argument("--length", type=int, default=48, help="tokens of a completion (default 48)")
    group.add_argument("--temperature", type=float, default=1.0, help="default 1")
    group.add_argument("--top-k", type=int, metavar="K", help="keep the K likeliest tokens")
    group.add_argument("--top-p", type=float, metavar="P", help="keep the likeliest share P")
    group.add_argument(
        "--min-length", type=int, default=0, metavar="N", help="no end before N tokens (default 0)"
    )
    group.add_argument(
        "--eos", type=int, metavar="TOKEN", help="the token that ends a completion (the model's)"
    )
    group.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="cut a completion where this text begins; several may be given",
    )
    group.add_argument("--batch", type=int, default=8, help="prompts at a time (default 8)")
    group.add_argument("--dtype", choices=("float32", "bfloat16"), help="of matrix products")
    group.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")


def _add_columns(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("columns (guessed if not given)")
    group.add_argument(
        "--prompt",
        metavar="NAME",
        action="append",
        default=[],
        help="the prompt, or its id; a.b is field b of the objects in a; several name it together",
    )
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
        "--group-size",
        type=int,
        metavar="N",
        help="the N completions of a prompt follow each other, where no column names it",
    )
    group.add_argument(
        "--lists",
        choices=("sum", "last", "mean"),
        help="the reward of a completion whose row holds a list, of turns or tokens",
    )
    group.add_argument(
        "--clip", nargs=2, type=float, metavar=("LOW", "HIGH"), help="rewards beyond count as these"
    )
    group.add_argument(
        "--split",
        metavar="NAME",
        help="read one split only: by folders, names of files or a column",
    )
    group.add_argument("--last-steps", type=int, metavar="N", help="keep the last N steps only")
    group.add_argument(
        "--last-run",
        action="store_true",
        help="where the steps begin anew, keep the rows after the last beginning only",
    )
    group.add_argument(
        "--trust-columns",
        action="store_true",
        help="use the columns although they look doubtful (the message says why)",
    )
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
