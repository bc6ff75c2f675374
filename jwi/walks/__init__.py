"""Walks counted: exactly, under jit, and in logarithms."""

from jwi.walks.closed import closed_walks
from jwi.walks.counts import boundary, count_walks, walk_index
from jwi.walks.logarithms import log_count_walks, log_walk_index
from jwi.walks.partitions import own_walk_indices, walk_indices
from jwi.walks.traced import count_walks_with_overflow, walk_index_with_overflow

__all__ = [
    "boundary",
    "closed_walks",
    "count_walks",
    "count_walks_with_overflow",
    "log_count_walks",
    "log_walk_index",
    "own_walk_indices",
    "walk_index",
    "walk_index_with_overflow",
    "walk_indices",
]
