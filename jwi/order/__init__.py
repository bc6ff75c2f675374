"""Removal orders: rankings of edge ids, first removed first. `METHODS` is the table of them.

A method is a file and a line. Two edits add one, here called `new-score`:

1. Write `jwi/order/new_score.py`. The first line of its docstring says which edges go first: help
   and documentation show it. The file defines the function `new_score_order`, with the formula and
   its source in the docstring, and beside it `ORDER = Order("new score", …)`, see `entry`.
2. Append the line `"new-score": "new_score",` to `METHODS`.

From there it is `jwi.new_score_order`, `jwi.ORDERS["new-score"]`, `jwi prune --method new-score`, a
method of the sparsification study, and a row of the benchmark `sparsifiers`. The tests of all
orders take it in. Two of them ask for what no table can give: an oracle of its own, such as a line
in `DEFINITIONS` of `tests/jwi/order/test_scores.py`, and a row in `docs/prune.md`.

Nothing here imports JAX: a file is loaded when one of its names is first asked for.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jwi._lazy import lazy_names

if TYPE_CHECKING:  # Editors and type checkers see the functions that are listed here.
    from jwi.order.adamic_adar import adamic_adar_order as adamic_adar_order
    from jwi.order.disparity import disparity_order as disparity_order
    from jwi.order.dspar import dspar_order as dspar_order
    from jwi.order.entry import Order as Order
    from jwi.order.entry import RankingOptions as RankingOptions
    from jwi.order.feature_cosine import feature_cosine_order as feature_cosine_order
    from jwi.order.forman import forman_order as forman_order
    from jwi.order.inverse_degree import inverse_degree_order as inverse_degree_order
    from jwi.order.inverse_forman import inverse_forman_order as inverse_forman_order
    from jwi.order.jaccard import jaccard_order as jaccard_order
    from jwi.order.k_neighbor import k_neighbor_order as k_neighbor_order
    from jwi.order.local_degree import local_degree_order as local_degree_order
    from jwi.order.local_similarity import local_similarity_order as local_similarity_order
    from jwi.order.magnitude import magnitude_order as magnitude_order
    from jwi.order.metric_backbone import metric_backbone_order as metric_backbone_order
    from jwi.order.noise_corrected import noise_corrected_order as noise_corrected_order
    from jwi.order.proxy_delete import proxy_delete_order as proxy_delete_order
    from jwi.order.random import random_order as random_order
    from jwi.order.rank_degree import rank_degree_order as rank_degree_order
    from jwi.order.resistance.exact import effective_resistances as effective_resistances
    from jwi.order.resistance.exact import (
        effective_resistances_estimate as effective_resistances_estimate,
    )
    from jwi.order.selection import lightest_first as lightest_first
    from jwi.order.spanning_forest import spanning_forest_order as spanning_forest_order
    from jwi.order.spectral import spectral_order as spectral_order
    from jwi.order.t_spanner import t_spanner_order as t_spanner_order
    from jwi.order.teddy import teddy_order as teddy_order
    from jwi.order.wis.addition import walk_index_addition_order as walk_index_addition_order
    from jwi.order.wis.any_depth import walk_index_order as walk_index_order
    from jwi.order.wis.chunked import chunked_walk_index_order as chunked_walk_index_order
    from jwi.order.wis.depth_2 import one_walk_index_order as one_walk_index_order
    from jwi.order.wis.depth_2_traced import (
        one_walk_index_order_with_rounds as one_walk_index_order_with_rounds,
    )
    from jwi.order.wis.log_share import log_share_order as log_share_order
    from jwi.order.wis.partitions import partition_walk_index_order as partition_walk_index_order

    ORDERS: dict[str, Order]
    """The order of each method, by its name on the command line."""

# Name of the method: its file. Figures color curves by their place here, so append.
METHODS = {
    "one-walk-index": "wis.depth_2",
    "walk-index": "wis.any_depth",
    "random": "random",
    "spectral": "spectral",
    "local-degree": "local_degree",
    "local-similarity": "local_similarity",
    "dspar": "dspar",
    "inverse-degree": "inverse_degree",
    "teddy": "teddy",
    "k-neighbor": "k_neighbor",
    "forman": "forman",
    "inverse-forman": "inverse_forman",
    "jaccard": "jaccard",
    "adamic-adar": "adamic_adar",
    "spanning-forest": "spanning_forest",
    "t-spanner": "t_spanner",
    "rank-degree": "rank_degree",
    "feature-cosine": "feature_cosine",
    "disparity": "disparity",
    "noise-corrected": "noise_corrected",
    "metric-backbone": "metric_backbone",
    "log-share": "wis.log_share",
    "proxy-delete": "proxy_delete",
}
# Public names besides the methods' functions. An order here needs more than a graph.
_OTHERS = {
    "Order": "entry",
    "RankingOptions": "entry",
    "chunked_walk_index_order": "wis.chunked",
    "effective_resistances": "resistance.exact",
    "effective_resistances_estimate": "resistance.exact",
    "lightest_first": "selection",
    "magnitude_order": "magnitude",
    "one_walk_index_order_with_rounds": "wis.depth_2_traced",
    "partition_walk_index_order": "wis.partitions",
    "walk_index_addition_order": "wis.addition",
}
_FILES = _OTHERS | {f"{name.replace('-', '_')}_order": file for name, file in METHODS.items()}
__all__ = sorted([*_FILES, "ORDERS"])


_loaded, _ = lazy_names(__name__, _FILES)


def __getattr__(name: str) -> Any:
    if name != "ORDERS":
        return _loaded(name)
    # Found at once the next time.
    globals()[name] = orders = {method: order_of(method) for method in METHODS}
    return orders


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def order_of(method: str) -> "Order":
    """The entry of one method. `ORDERS` has them all, but loads all files, and so JAX.

    Raises:
        ValueError: If there is no such method.

    Example:
        >>> order_of("dspar").label
        'DSpar'
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}: pass one of {', '.join(METHODS)}")
    return import_module(f"{__name__}.{METHODS[method]}").ORDER


def summaries() -> dict[str, str]:
    """One line about each method: the first line of its file, read as text.

    Example:
        >>> summaries()["random"]
        'Random removal: the baseline of every sparsifier'
    """
    lines = {}
    for method, file in METHODS.items():
        path = Path(__file__).parent / f"{file.replace('.', '/')}.py"
        with path.open(encoding="utf-8") as text:
            lines[method] = text.readline().strip().strip('"').rstrip(".")
    return lines
