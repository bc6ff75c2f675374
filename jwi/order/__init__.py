"""Removal orders: rankings of edge ids, first removed first."""

from jwi.order.one_walk_index import one_walk_index_order
from jwi.order.random import random_order
from jwi.order.walk_index import walk_index_order

__all__ = ["one_walk_index_order", "random_order", "walk_index_order"]
