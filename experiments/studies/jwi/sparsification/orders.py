"""The orders of removal by the study's names of the methods, and how figures show each.

All orders of `jwi.ORDERS` are methods. The study has two more: UGS, which trains its order, and
2-WIS under a name of its own, so that a file of results can hold it beside 1-WIS.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

import jwi

# By name: the order that it is, and the depth of the network that it is for.
_NAMED_BY_DEPTH = {"two-walk-index": ("walk-index", 3)}
LABELS: dict[str, str] = {
    "ugs": "UGS",
    "two-walk-index": "2-WIS",
    **{name: order.label for name, order in jwi.ORDERS.items()},
}
# Okabe and Ito's palette, told apart by color-blind readers, too, and gray; then dashed, dotted, ….
_PALETTE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#999999",
    "#cc79a7", "#0072b2", "#d55e00", "#000000",
)  # fmt: skip
_DASHES = ("-", "--", ":", "-.")


class Line(NamedTuple):
    """How a figure shows a method.

    Attributes:
        label: Its name.
        color: Of the line, its band and its marks.
        style: Of the line, as Matplotlib calls it.
    """

    label: str
    color: str
    style: str


def line_of(method: str) -> Line:
    """How figures show a method: by its place in the table, so that one method is one line.

    Example:
        >>> line_of("one-walk-index")
        Line(label='1-WIS', color='#009e73', style='-')
    """
    turn, place = divmod(list(LABELS).index(method), len(_PALETTE))
    return Line(LABELS[method], _PALETTE[place], _DASHES[turn])


def check_methods(methods: tuple[str, ...]) -> None:
    """Refuses names that are no methods.

    Raises:
        ValueError: If there is one.
    """
    for method in methods:
        if method not in LABELS:
            raise ValueError(f"methods has {method!r}: pass names among {', '.join(LABELS)}")


def untrained_orders(method: str, graph: Any, keys: jax.Array, depth: int = 3) -> np.ndarray:
    """Removal orders of R runs.

    Random orders are new for each run, the others are one for all.

    Args:
        method: Any but UGS, which trains its order.
        graph: The whole graph, of E edges.
        keys: R keys.
        depth: Of the network. An order that is for networks of one depth takes its own.

    Returns:
        int32[R, E], edge ids, first removed first.

    Raises:
        ValueError: If there is no such method.
    """
    if method == "ugs":
        raise ValueError("method is 'ugs': it has no order without training, see ugs_orders")
    check_methods((method,))
    name, depth = _NAMED_BY_DEPTH.get(method, (method, depth))
    order = jwi.ORDERS[name]
    if order.depths:
        depth = order.depths[0]
    if order.is_random:
        return np.stack([order.rank(graph, jwi.RankingOptions(depth, None, key)) for key in keys])
    ranking = order.rank(graph, jwi.RankingOptions(depth))
    return np.broadcast_to(ranking, (len(keys), len(ranking)))
