"""The command line `jrft`.

`jrft diagnose ROLLOUTS… [--report report.html] [--json out.json] [--fail-if-dead 0.5]`
`jrft conformance OUT.npz [--group-size 3] [--epsilon 1e-4] [--clip 0.2] [--force]`
`jrft stats MODEL PROMPTS.jsonl --reward match --samples 10 -o log.jsonl`

Exit codes: 0 fine; 1 the share of prompts without a useful gradient reaches `--fail-if-dead`;
2 the input or the arguments cannot be read; 130 interrupted (Ctrl-C).
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from jrft.cli.arguments import parser
from jrft.cli.checks import check

OK, DEAD, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: The words after `jrft`; None for the words of the process.
    """
    parsed = parser().parse_args(arguments)
    try:
        # Before anything heavy is imported.
        check(parsed)
        return import_module(f"jrft.cli.{parsed.command}").run(parsed)
    except KeyboardInterrupt:
        print("jrft: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        print(f"jrft: {error}", file=sys.stderr)
        return BAD_INPUT
