"""Removal orders: rankings of edge ids, first removed first."""

from jwi.order.local_degree import local_degree_order
from jwi.order.local_similarity import local_similarity_order
from jwi.order.magnitude import magnitude_order
from jwi.order.random import random_order
from jwi.order.resistance.exact import effective_resistances, effective_resistances_estimate
from jwi.order.spectral import spectral_order
from jwi.order.wis.addition import walk_index_addition_order
from jwi.order.wis.any_depth import walk_index_order
from jwi.order.wis.chunked import chunked_walk_index_order
from jwi.order.wis.depth_2 import one_walk_index_order
from jwi.order.wis.depth_2_traced import one_walk_index_order_with_rounds
from jwi.order.wis.partitions import partition_walk_index_order

__all__ = [
    "chunked_walk_index_order",
    "effective_resistances",
    "effective_resistances_estimate",
    "local_degree_order",
    "local_similarity_order",
    "magnitude_order",
    "one_walk_index_order",
    "one_walk_index_order_with_rounds",
    "partition_walk_index_order",
    "random_order",
    "spectral_order",
    "walk_index_addition_order",
    "walk_index_order",
]
