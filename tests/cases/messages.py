"""Small graphs for the tests of message passing and of the networks, and a gradient check."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jwi.graph.graph import Edges, from_edges, with_edge_mask

# Vertices of random graphs: few enough to be laid out as a table, and so many that a list is used.
TABLE, LIST = 9, 30


def random_graph(seed, *, n=TABLE, num_edges=16, num_features=3, undirected=True):
    """A graph some of whose edges are removed, one vertex of which is isolated."""
    rng = np.random.default_rng(seed)
    pairs = np.array([(i, j) for i in range(n - 1) for j in range(n - 1) if i < j])
    ends = rng.permuted(rng.permutation(pairs)[:num_edges], axis=1)
    graph = from_edges(
        ends[:, 0],
        ends[:, 1],
        n,
        nodes=rng.normal(size=(n, num_features)).astype(np.float32),
        undirected=undirected,
    )
    return with_edge_mask(graph, rng.random(num_edges) < 0.7)


def pad_arcs(graph, count, vertex):
    """The same graph with `count` more arcs that are not there, all loops at one vertex."""
    end = jnp.full(count, vertex, jnp.int32)
    return graph._replace(
        senders=jnp.append(graph.senders, end),
        receivers=jnp.append(graph.receivers, end),
        edges=Edges(
            id=jnp.append(graph.edges.id, jnp.full(count, -1, jnp.int32)),
            mask=jnp.append(graph.edges.mask, jnp.zeros(count, bool)),
        ),
    )


def relabel(graph, new_label, arc_values=None):
    """The same graph with vertex v called new_label[v], and the values of its arcs, sorted."""
    senders, receivers = (
        new_label[np.asarray(graph.senders)],
        new_label[np.asarray(graph.receivers)],
    )
    order = np.lexsort((senders, receivers))
    edges = Edges(id=graph.edges.id[order], mask=graph.edges.mask[order])
    relabeled = graph._replace(
        nodes=graph.nodes[np.argsort(new_label)],
        senders=jnp.asarray(senders[order], jnp.int32),
        receivers=jnp.asarray(receivers[order], jnp.int32),
        edges=edges,
    )
    return relabeled, None if arc_values is None else arc_values[order]


def kept_arcs(graph):
    """(arc, sender, receiver) of the arcs that are there, as Python integers."""
    mask = np.asarray(graph.edges.mask)
    ends = zip(graph.senders.tolist(), graph.receivers.tolist(), strict=True)
    return [(a, j, i) for a, (j, i) in enumerate(ends) if mask[a]]


def dense_adjacency(graph, weight=None):
    """float64[n, n] with entry [i, j] the weight of arc j → i."""
    n = len(graph.nodes)
    adjacency = np.zeros((n, n))
    for a, j, i in kept_arcs(graph):
        adjacency[i, j] += 1.0 if weight is None else float(weight[a])
    return adjacency


def arc_weights(graph, seed):
    """A weight for each arc, of either sign, padding too."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=len(graph.senders)), jnp.float32)


def random_variables(module, *arguments, seed=7):
    """Variables for a network, none of them at a special value such as a zero bias."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        # Statistics are positive, as variances are.
        low = 0.5 if path[0].key == "batch_stats" else -1.5
        return jnp.asarray(rng.uniform(low, 1.5, leaf.shape), leaf.dtype)

    # Only the shapes come from `init`: nothing is compiled.
    shapes = jax.eval_shape(module.init, jax.random.key(0), *arguments)
    return jax.tree.map_with_path(draw, shapes)


def to_float64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def assert_gradient_is_the_slope(loss, *arguments):
    """The gradient of a loss along a random direction against central differences, in float64."""
    with jax.enable_x64(True):
        arguments = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), arguments)
        flat, unravel = ravel_pytree(arguments)
        direction = jnp.asarray(np.random.default_rng(0).normal(size=flat.shape))
        every = tuple(range(len(arguments)))
        loss = jax.jit(loss)
        gradient, _ = ravel_pytree(jax.jit(jax.grad(loss, argnums=every))(*arguments))
        step = 1e-6 * direction
        slope = (loss(*unravel(flat + step)) - loss(*unravel(flat - step))) / 2e-6
        np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-6)
