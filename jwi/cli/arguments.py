"""The arguments of `jwi`. Imports nothing heavy, so that help takes no time."""

import argparse
from pathlib import Path

from jwi.io import FORMATS
from jwi.order import METHODS, summaries

_EXIT_CODES = (
    "Exit codes: 0 fine; 2 the input or the arguments cannot be read; 130 interrupted (Ctrl-C)."
)
_FORMATS = "\n".join(
    [
        "Formats (--format), by suffix, also with .gz, .bz2, .xz, .zst or .zip after it:",
        *(
            f"  {name:<11}{entry.meaning}\n{' ' * 13}{' '.join(entry.suffixes)}"
            for name, entry in FORMATS.items()
        ),
        "  - is the standard input. graphml and below need networkx: pip install networkx",
    ]
)
DEFAULT_DEPTH = 2
DEFAULT_METHOD = "log-share"


def parser() -> argparse.ArgumentParser:
    """The parser. It sets `command` to the command's name."""
    whole = argparse.ArgumentParser(
        prog="jwi", description="Graph files pruned, measured and described.", epilog=_EXIT_CODES
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_prune(commands)
    _add_walk_index(commands)
    _add_info(commands)
    return whole


class _Version(argparse.Action):
    """Prints the version. argparse needs it when the parser is built: that is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        import jwi

        print(f"jwi {jwi.__version__}")
        parser.exit()


def _add_prune(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    methods = "\n".join(f"  {name:<18}{summary}" for name, summary in summaries().items())
    command = commands.add_parser(
        "prune",
        help="remove the edges that a graph neural network can best spare",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Removes edges from a graph, and writes it in the format it came in: kept\n"
        "rows, attributes and self-loops as they were, in edge lists and Matrix Market comments,\n"
        "too; networkx writes its formats in its own way. Weights stay, and count with --weights.",
        epilog=f"Methods:\n{methods}\n"
        "  UGS is not among them: it needs a network to be trained; see jwi.magnitude_order.\n\n"
        f"{_FORMATS}\n\n{_EXIT_CODES}",
    )
    _add_graph(command)
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="the file, or - for stdout"
    )
    amount = command.add_mutually_exclusive_group()
    amount.add_argument("--keep", type=float, metavar="SHARE", help="share of the edges that stays")
    amount.add_argument("--keep-edges", type=int, metavar="N", help="how many edges stay")
    amount.add_argument("--num-removed", type=int, metavar="N", help="how many edges go")
    command.add_argument(
        "--method",
        type=_method,
        default=DEFAULT_METHOD,
        metavar="METHOD",
        help=f"see below (default {DEFAULT_METHOD})",
    )
    command.add_argument(
        "--depth",
        type=int,
        metavar="L",
        help=f"depth of the network (default {DEFAULT_DEPTH}); for methods without a depth, that"
        " of the walk index that is reported",
    )
    command.add_argument("--seed", type=_seed, default=0, help="of random methods (default 0)")
    command.add_argument(
        "--weights",
        action="store_true",
        help="use the weights of the file: conductances for spectral; for Walk Index"
        " Sparsification, of edges that tie the lightest goes first",
    )
    command.add_argument(
        "--memory",
        type=_size,
        metavar="SIZE",
        help="hold edges on the disk of OUT, and use no more memory, for instance 6G; for"
        " one-walk-index, log-share, random, local-degree, dspar and inverse-degree of an edge list"
        " of integers, Parquet, or .npy",
    )
    _add_constraints(command)
    _add_outputs(command)
    _add_json(command)


def _add_constraints(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("edges that stay")
    group.add_argument(
        "--protect", type=Path, metavar="FILE", help="the edges of a file, the two ends a row"
    )
    group.add_argument(
        "--keep-connected",
        action="store_true",
        help="a spanning forest, so that no connected component falls apart",
    )
    group.add_argument("--min-degree", type=int, metavar="K", help="edges that a vertex keeps")
    group.add_argument(
        "--max-degree",
        type=int,
        metavar="K",
        help="edges that a vertex keeps at most; without an amount, only these edges go",
    )


def _add_outputs(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("further output")
    group.add_argument(
        "--removed", type=Path, metavar="FILE", help="also write the removed edges, in their order"
    )
    group.add_argument(
        "--scores",
        type=Path,
        metavar="FILE",
        help="also write all edges, each with its place in the order: 1 goes first",
    )
    group.add_argument(
        "--rows",
        type=Path,
        metavar="FILE",
        help="also write which entries of the file stay, numbered from 0 (.npy or text)",
    )
    group.add_argument(
        "--mask", type=Path, metavar="FILE", help="the same, as 1 or 0 for each entry"
    )
    group.add_argument("--force", action="store_true", help="overwrite files that exist")


def _add_walk_index(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "walk-index",
        help="how strongly a network can model interaction across a set of vertices",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Counts the walks that start on the boundary of a set of vertices: the walk\n"
        "index of the set, exact. Without --vertices or --partition: of each vertex alone.",
        epilog=f"{_FORMATS}\n\n{_EXIT_CODES}",
    )
    _add_graph(command)
    length = command.add_mutually_exclusive_group(required=True)
    length.add_argument("--length", type=int, metavar="STEPS", help="of the walks")
    length.add_argument("--depth", type=int, metavar="L", help="of the network: walks of L − 1")
    sets = command.add_mutually_exclusive_group()
    sets.add_argument(
        "--vertices",
        metavar="A,B,…",
        help="the vertices of one set; --vertices=-1,2 if the first begins with a minus",
    )
    sets.add_argument(
        "--partition", type=Path, metavar="FILE", help="rows of a vertex and the set it is in"
    )
    sets.add_argument(
        "--own",
        action="store_true",
        help="of each vertex alone, for the prediction at itself: what Walk Index Sparsification"
        " protects",
    )
    command.add_argument(
        "--target", metavar="VERTEX", help="for the prediction at this vertex, not over the graph"
    )
    _add_json(command)


def _add_info(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "info",
        help="the contents of a file, and how it was understood",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Describes the contents of a graph file, and how it was understood.",
        epilog=f"{_FORMATS}\n\n{_EXIT_CODES}",
    )
    _add_graph(command)
    _add_json(command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print the report as JSON")


def _add_graph(command: argparse.ArgumentParser) -> None:
    command.add_argument("graph", type=Path, metavar="GRAPH", help="the file, see below")
    group = command.add_argument_group("reading (guessed if not given)")
    group.add_argument("--format", metavar="NAME", help="edge-list, npz, mtx, graphml, …")
    direction = group.add_mutually_exclusive_group()
    direction.add_argument(
        "--directed",
        action="store_const",
        const=True,
        default=None,
        help="edges can be walked one way only",
    )
    direction.add_argument(
        "--undirected", action="store_const", const=False, dest="directed", help="or both ways"
    )
    group.add_argument(
        "--labels", action="store_true", help="an edge list names vertices by strings"
    )
    group.add_argument(
        "--separator",
        choices=("comma", "semicolon", "tab", "pipe", "blank"),
        help="between the columns of an edge list",
    )
    group.add_argument(
        "--columns",
        type=lambda text: tuple(text.split(",")),
        metavar="A,B[,W]",
        help="the ends of edges, and the weight: columns of an edge list by name, or by number"
        " from 1",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the first row of an edge list names its columns",
    )
    group.add_argument(
        "--comment",
        metavar="CHARS",
        help="lines that begin with one of these are comments; '' for none",
    )
    group.add_argument("--encoding", metavar="NAME", help="of text, for instance latin-1 or utf-16")
    group.add_argument(
        "--bipartite",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the same id on the left and on the right of an edge list is two vertices",
    )


def _method(text: str) -> str:
    if text.lower() == "ugs":
        raise argparse.ArgumentTypeError(
            "ugs ranks edges by masks that are trained with a network, and here is none: train them"
            " in Python, and rank them with jwi.magnitude_order"
        )
    if text not in METHODS:
        raise argparse.ArgumentTypeError(f"{text!r} is no method: pass one of {', '.join(METHODS)}")
    return text


def _size(text: str) -> int:
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = text[:-1], units.get(text[-1:].upper())
    if unit is None or not number.isdecimal():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size: pass a number and K, M or G, say 6G"
        )
    return int(number) * unit


def _seed(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not -(2**63) <= int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no integer of 64 bits: pass one, say 0")
    return int(text)
