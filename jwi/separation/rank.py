"""Exact separation rank of a network with product aggregation, over a finite field."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, PyTree, UInt32
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.networks.modular_product import LARGEST_PRIME, ModularProductNetwork
from jwi.separation.bounds import NetworkShape, checked_shape
from jwi.separation.partition import (
    checked_subset,
    first_sufficient,
    least_slack,
    sample_sizes,
    values_on_grid,
)
from jwi.walks.counts import count_walks


class RankSampling(NamedTuple):
    """Settings of `separation_rank`: how it samples, and how much memory it may take.

    Attributes:
        primes: The moduli, up to 65521, since the network computes modulo p in uint32.
        error_probability: Upper bound on the probability, for each prime, that the sample misses a
            part of the rank.
        max_bytes: Memory for the matrix of values and its elimination, in bytes; m assignments a
            side take 64 m².
    """

    primes: tuple[int, ...] = (LARGEST_PRIME, 65519)
    error_probability: float = 1e-9
    max_bytes: int = 2**30


DEFAULT_SAMPLING = RankSampling()


class SeparationRank(NamedTuple):
    """Result of `separation_rank`.

    Attributes:
        rank: The separation rank.
        sample_size: Number m of assignments a side that were enough.
        primes: The moduli; the rank is the largest over them.
    """

    rank: int
    sample_size: int
    primes: tuple[int, ...]


def separation_rank(
    key: Array,
    graph: GraphsTuple,
    subset: ArrayLike,
    shape: NetworkShape,
    *,
    target: int | np.integer | None = None,
    params: PyTree | None = None,
    sampling: RankSampling = DEFAULT_SAMPLING,
) -> SeparationRank:
    """Separation rank sep(f; I) of a product-aggregation network with integer weights; on the host.

    f is evaluated modulo a prime p on a grid of uniformly random assignments, X_I by row and
    X_{I^c} by column. The rank of these m × m values over the finite field is never above sep(f; I)
    over the real numbers. m doubles until m exceeds the rank by so much that the sample has the
    whole rank.

    How the rank can be too low [derived]. By the lemma of Schwartz and Zippel each further row, and
    each further column, raises the rank with probability ≥ 1 − d/p until the rank of f modulo p is
    reached. Here d is the degree of f in the features of one side, the number of walks of length L
    from there. So a rank ≤ m − s that is too low takes s failures among m trials, on one of the
    sides. s is chosen such that the probability of this is at most `error_probability` for each
    prime, over all m. The rank of f modulo p equals sep(f; I) unless p divides all minors of that
    size of f's matrix of coefficients, which is true of finitely many primes for given weights.
    Their number is not bounded here. A second prime guards against them, since the largest rank
    over the primes is returned.

    Args:
        key: Random key for the assignments and, without `params`, for the weights.
        graph: Graph of n vertices, masked or not; its features are not used.
        subset: The set I, bool[n].
        shape: Depth and widths of the network.
        target: The vertex t whose prediction is meant; None for the prediction over the graph.
        params: Integer weights with the structure of `ModularProductNetwork(Dh, L).init`; None for
            uniformly random ones from 0 to 2^32 − 1.
        sampling: Primes, error probability and memory.

    Returns:
        The rank, and how it was found.

    Raises:
        ValueError: For arguments out of range; for a prime that is not above the degrees; for a
            rank that takes more memory than `max_bytes`.
        OverflowError: For more than 2^63 − 1 walks of length L from one vertex.

    References:
        Razin, Verbin and Cohen, "On the ability of graph neural networks to model interactions
        between vertices", NeurIPS 2023: separation rank of Section 2, networks of Section 3.

    Example:
        >>> import jwi
        >>> path, inside = jwi.from_edges([0, 1], [1, 2], num_vertices=3), [True, False, False]
        >>> separation_rank(jax.random.key(0), path, inside, NetworkShape(2, 3, 3))
        SeparationRank(rank=21, sample_size=64, primes=(65521, 65519))
    """
    inside = checked_subset(subset, info_of(graph).num_vertices)
    depth, input_width, hidden_width = checked_shape(shape)
    walks = count_walks(graph, depth, target)
    degree = max(sum(walks[inside].tolist()), sum(walks[~inside].tolist()))
    _check(sampling, degree)
    graph = graph._replace(nodes=jnp.zeros((len(inside), input_width), jnp.uint32))
    weights_key, *prime_keys = jax.random.split(key, 1 + len(sampling.primes))
    network = ModularProductNetwork(hidden_width, depth)
    weights = _integer_weights(weights_key, network, graph, params)
    sizes = sample_sizes(sampling.max_bytes)
    place = None if target is None else jnp.int32(target)
    rank = 0
    for prime, prime_key in zip(sampling.primes, prime_keys, strict=True):
        residues = jax.tree.map(partial(_residues, prime=prime), weights)
        modular = network.clone(prime=prime)
        rank_of_sample = partial(
            _rank_of_sample, prime_key, modular, residues, graph, jnp.asarray(inside), place
        )
        slack = partial(least_slack, degree / prime, sampling.error_probability / len(sizes))
        found, size = first_sufficient(rank_of_sample, slack, sizes)
        # The next prime starts at the size that this one needed.
        rank, sizes = max(rank, found), [larger for larger in sizes if larger >= size]
    return SeparationRank(rank, sizes[0], sampling.primes)


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
    values = _values(network, weights, graph, inside, target, rows, columns)
    return rank_modulo(np.asarray(values), network.prime)


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


def rank_modulo(matrix: UInt32[np.ndarray, "rows columns"], prime: int) -> int:
    """Rank of a matrix over the integers modulo a prime, exact, by FLINT.

    Example:
        >>> matrix = np.array([[1, 2], [3, 1]], np.uint32)
        >>> rank_modulo(matrix, prime=5), rank_modulo(matrix, prime=7)
        (1, 2)
    """
    # Imported here: of everything in this package only exact ranks need FLINT.
    from flint import nmod_mat

    rows, columns = matrix.shape
    return int(nmod_mat(rows, columns, matrix.ravel().tolist(), prime).rank())


def _integer_weights(
    key: Array, network: ModularProductNetwork, graph: GraphsTuple, params: PyTree | None
) -> PyTree[np.ndarray]:
    """The weights as integers: the given ones, or random ones."""
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


def _check(sampling: RankSampling, degree: int) -> None:
    primes, error_probability, _ = sampling
    if not primes or min(primes) <= degree:
        raise ValueError(
            f"primes is {primes} and the prediction is of degree {degree} in the features of a"
            f" side: pass primes above that and up to {LARGEST_PRIME}, or take fewer layers or"
            " edges"
        )
    if not 0 < error_probability < 1:
        raise ValueError(f"error_probability is {error_probability}: pass one between 0 and 1")
