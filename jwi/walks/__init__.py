"""Walks counted: exactly, under jit, and in logarithms."""

from typing import TYPE_CHECKING

from jwi._lazy import lazy_names

if TYPE_CHECKING:
    from jwi.walks.closed import closed_walks as closed_walks
    from jwi.walks.counts import count_walks as count_walks
    from jwi.walks.counts import walk_index as walk_index
    from jwi.walks.logarithms import log_count_walks as log_count_walks
    from jwi.walks.logarithms import log_walk_index as log_walk_index
    from jwi.walks.partitions import own_walk_indices as own_walk_indices
    from jwi.walks.partitions import walk_indices as walk_indices
    from jwi.walks.traced import boundary as boundary
    from jwi.walks.traced import count_walks_with_overflow as count_walks_with_overflow
    from jwi.walks.traced import walk_index_with_overflow as walk_index_with_overflow

_FILES = {
    "boundary": "traced",
    "closed_walks": "closed",
    "count_walks": "counts",
    "count_walks_with_overflow": "traced",
    "log_count_walks": "logarithms",
    "log_walk_index": "logarithms",
    "own_walk_indices": "partitions",
    "walk_index": "counts",
    "walk_index_with_overflow": "traced",
    "walk_indices": "partitions",
}
__all__ = sorted(_FILES)
__getattr__, __dir__ = lazy_names(__name__, _FILES)
