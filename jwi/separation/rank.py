"""Separation rank of a network with product aggregation, exact: over a finite field."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, PyTree, UInt32
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.networks.modular_product import ModularProductNetwork
from jwi.separation.finite_field import rank_modulo
from jwi.separation.partition import checked_subset, values_on_grid
from jwi.separation.sample_size import first_sufficient, least_slack, sample_sizes
from jwi.walks.counts import count_walks

# The two largest primes whose residues multiply within uint32.
PRIMES = (65521, 65519)


class SeparationRank(NamedTuple):
    """What `separation_rank` found.

    Attributes:
        rank: the separation rank.
        sample_size: m, how many assignments of each side it took.
        primes: the moduli; the rank is the largest over them.
    """

    rank: int
    sample_size: int
    primes: tuple[int, ...]


def separation_rank(
    key: Array,
    graph: GraphsTuple,
    subset: ArrayLike,
    *,
    depth: int | np.integer,
    input_width: int | np.integer,
    hidden_width: int | np.integer,
    target: int | np.integer | None = None,
    params: PyTree | None = None,
    primes: tuple[int, ...] = PRIMES,
    error_probability: float = 1e-9,
    max_bytes: int = 2**30,
) -> SeparationRank:
    """Separation rank sep(f; I) of a product-aggregation network with integer weights; on the host.

    f is evaluated modulo a prime p on a grid of uniformly random assignments, X_I by row and
    X_{I^c} by column. The rank of these m × m values over the finite field is never above sep(f; I)
    over the real numbers. m doubles until the rank is so far below m that the sample has caught all
    of it.

    How it can be too low [derived]. By the lemma of Schwartz and Zippel each further row, and each
    further column, raises the rank with probability ≥ 1 − d/p until f's rank modulo p is reached; d
    is f's degree in one side's features, the number of walks of length L from there. Stopping at a
    rank ≤ m − s that is too low therefore takes s failures among m trials, on one of the sides; s
    is such that the probability of this is at most `error_probability` for each prime, over all m.
    Then there is f's rank modulo p, which is sep(f; I) unless p divides all minors of that size of
    f's matrix of coefficients: for given weights, true of finitely many primes. How many is not
    bounded here; a second prime guards against it, since the largest rank over the primes counts.

    Args:
        key: for the assignments and, where `params` is not given, for the weights.
        graph: of n vertices, masked or not; its features play no part.
        subset: bool[n], the set I.
        depth: L, the number of layers.
        input_width: Dx, the number of features a vertex.
        hidden_width: Dh, the width of the layers.
        target: the vertex t whose prediction is meant; None for the prediction over the graph.
        params: integer weights, of the form that `ModularProductNetwork(Dh, L).init` returns;
            None for uniformly random ones from 0 to 2^32 − 1.
        primes: the moduli, up to 65521.
        error_probability: of the sample, see above.
        max_bytes: memory for the matrix and its elimination; m × m takes 28 m² bytes.

    Returns:
        The rank, and how it was found.

    Raises:
        ValueError: for arguments out of range; for a prime that is not above the degrees; for a
            rank that takes more memory than `max_bytes`.
        OverflowError: for more than 2^63 − 1 walks of length L from one vertex.

    References:
        Razin, Verbin, Cohen, "On the Ability of Graph Neural Networks to Model Interactions Between
        Vertices", 2023: networks of Section 3, separation rank of Section 2.

    Example:
        >>> import jwi
        >>> path, inside = jwi.from_edges([0, 1], [1, 2], num_vertices=3), [True, False, False]
        >>> separation_rank(
        ...     jax.random.key(0), path, inside, depth=2, input_width=3, hidden_width=3
        ... )
        SeparationRank(rank=21, sample_size=64, primes=(65521, 65519))
    """
    inside = checked_subset(subset, info_of(graph).num_vertices)
    layers = checked_integer("depth", depth, "the number of layers", low=1)
    width = checked_integer("input_width", input_width, "the number of features a vertex", low=1)
    hidden = checked_integer("hidden_width", hidden_width, "the width of the layers", low=1)
    walks = count_walks(graph, layers, target)
    degree = max(sum(walks[inside].tolist()), sum(walks[~inside].tolist()))
    _check_primes(primes, degree)
    if not 0 < error_probability < 1:
        raise ValueError(f"error_probability is {error_probability}: pass one between 0 and 1")
    graph = graph._replace(nodes=jnp.zeros((len(inside), width), jnp.uint32))
    weights_key, *prime_keys = jax.random.split(key, 1 + len(primes))
    weights = _integer_weights(weights_key, ModularProductNetwork(hidden, layers), graph, params)
    sizes = sample_sizes(max_bytes)
    place = None if target is None else jnp.int32(target)
    rank = 0
    for prime, prime_key in zip(primes, prime_keys, strict=True):
        network = ModularProductNetwork(hidden, layers, prime=prime)
        residues = jax.tree.map(partial(_residues, prime=prime), weights)
        rank_of_sample = partial(
            _rank_of_sample, prime_key, network, residues, graph, jnp.asarray(inside), place
        )
        slack = partial(least_slack, degree / prime, error_probability / len(sizes))
        found, size = first_sufficient(rank_of_sample, slack, sizes)
        rank, sizes = max(rank, found), [larger for larger in sizes if larger >= size]
    return SeparationRank(rank, sizes[0], primes)


def _rank_of_sample(
    key: Array,
    network: ModularProductNetwork,
    weights: PyTree[UInt32[Array, "_ _"]],
    graph: GraphsTuple,
    inside: Bool[Array, " n"],
    target: Int32[Array, ""] | None,
    size: int,
) -> int:
    """Rank of the values of f on random assignments, modulo the network's prime."""
    shape = (2, size, *graph.nodes.shape)
    rows, columns = jax.random.randint(key, shape, 0, network.prime, jnp.uint32)
    # Compiled apart, so that all networks share the sampling and the elimination.
    values = _values(network, weights, graph, inside, target, rows, columns)
    return int(rank_modulo(values, network.prime))


@partial(jax.jit, static_argnames="network")
def _values(
    network: ModularProductNetwork,
    weights: PyTree[UInt32[Array, "_ _"]],
    graph: GraphsTuple,
    inside: Bool[Array, " n"],
    target: Int32[Array, ""] | None,
    rows: UInt32[Array, "m n d"],
    columns: UInt32[Array, "m n d"],
) -> UInt32[Array, "m m"]:
    """The values of f on the grid; compiled once for all weights, masks, subsets and targets."""

    def predict(features: UInt32[Array, "n d"]) -> UInt32[Array, ""]:
        featured = graph._replace(nodes=features)
        if target is None:
            of_graph: Any = network.apply(weights, featured, method="graph_prediction")
            return of_graph[0]
        of_vertices: Any = network.apply(weights, featured)
        return of_vertices[target, 0]

    return values_on_grid(predict, inside, rows, columns)


def _integer_weights(
    key: Array, network: ModularProductNetwork, graph: GraphsTuple, params: PyTree | None
) -> PyTree[np.ndarray]:
    """The weights as integers: those given, or random ones."""
    expected = jax.eval_shape(network.init, key, graph)
    leaves, structure = jax.tree.flatten(expected)
    if params is None:
        keys = jax.random.split(key, len(leaves))
        drawn = [
            np.asarray(jax.random.bits(key, leaf.shape, jnp.uint32))
            for key, leaf in zip(keys, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, drawn)
    weights = jax.tree.map(np.asarray, params)
    shapes = jax.tree.map(np.shape, weights)
    integers = all(np.issubdtype(w.dtype, np.integer) for w in jax.tree.leaves(weights))
    if not integers or shapes != jax.tree.map(np.shape, expected):
        raise ValueError(
            f"params has shapes {shapes}, {'' if integers else 'not '}all integers: pass integer"
            f" weights of shapes {jax.tree.map(np.shape, expected)}"
        )
    return weights


def _residues(weight: np.ndarray, prime: int) -> UInt32[Array, "_ _"]:
    return jnp.asarray((weight % prime).astype(np.uint32))


def _check_primes(primes: tuple[int, ...], degree: int) -> None:
    if not primes or min(primes) <= degree:
        raise ValueError(
            f"primes is {primes} and the prediction is of degree {degree} in the features of a"
            f" side: pass primes above that and up to {PRIMES[0]}, or take fewer layers or edges"
        )
