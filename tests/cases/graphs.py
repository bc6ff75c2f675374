"""Graphs that several tests share."""

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import jwi

# Few vertices, so that ties, triangles, duplicates, loops and isolated vertices are frequent.
NUM_VERTICES = 6
PAIRS = st.lists(
    st.tuples(st.integers(0, NUM_VERTICES - 1), st.integers(0, NUM_VERTICES - 1)), max_size=20
)


def from_pairs(pairs, *, undirected=True):
    senders, receivers = ([pair[side] for pair in pairs] for side in (0, 1))
    return jwi.from_edges(senders, receivers, NUM_VERTICES, undirected=undirected)


def complete_digraph(num_vertices):
    tails, heads = np.nonzero(~np.eye(num_vertices, dtype=bool))
    return jwi.from_edges(tails, heads, num_vertices, undirected=False)


def padded(graph, num_arcs):
    """The graph with arcs of id −1 at the end, switched off, from vertex 0 to vertex 0."""
    edges = graph.edges._replace(
        id=jnp.pad(graph.edges.id, (0, num_arcs), constant_values=-1),
        mask=jnp.pad(graph.edges.mask, (0, num_arcs)),
    )
    return graph._replace(
        edges=edges,
        senders=jnp.pad(graph.senders, (0, num_arcs)),
        receivers=jnp.pad(graph.receivers, (0, num_arcs)),
    )
