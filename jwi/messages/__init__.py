"""Message passing along the arcs of a masked graph."""

from jwi.messages.message_passing import in_degree, neighbor_product, neighbor_sum

__all__ = [
    "in_degree",
    "neighbor_product",
    "neighbor_sum",
]
