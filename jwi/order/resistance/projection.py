"""Random projection: effective resistances of large graphs, estimated."""

from typing import no_type_check

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Array, Float64, Key
from numba import njit
from scipy.sparse.linalg import LinearOperator, cg

_BLOCK = 32  # Probes at a time: the signs of an edge are the bits of one integer.
# Below the noise of any affordable number of probes; 1e-6 changed no error in its third digit.
_TOLERANCE = 1e-3
_MOST_STEPS = 100_000


def projected_resistances(
    key: Key[Array, ""], edges: np.ndarray, conductance: np.ndarray, num_probes: int
) -> Float64[np.ndarray, " E"]:
    """Estimates the effective resistances of edges that are in cycles.

    With Q of k columns of random signs, Z = L⁺ Bᵀ W^½ Q / √k gives R_uv = E‖Z_u − Z_v‖² (Spielman
    and Srivastava). Here two steps of a random walk are exact, and only the rest is estimated so
    (derived). With degrees d and P = D⁻¹ A,

        R_uv = 1/d_u + 1/d_v − 2 w / (d_u d_v) + E‖(P Z)_u − (P Z)_v‖²,

    since L⁺ is D^−½ (I + S + S (I − S)⁺ S) D^−½ between vectors that sum to 0, S = D^−½ A D^−½. The
    last term, and its error, is small unless both degrees are.

    Estimates are held within `resistance_bounds`.

    Args:
        key: A JAX random key.
        edges: int32[E, 2], none of them a bridge, each vertex from 0 to the last at one of them.
        conductance: float64[E].
        num_probes: k.

    Raises:
        ArithmeticError: If conjugate gradients do not converge.
    """
    if len(edges) == 0:
        return np.zeros(0)
    n = int(edges.max()) + 1
    adjacency = _adjacency(edges, conductance, n)
    degree = np.bincount(edges.ravel(), np.repeat(conductance, 2), n)
    squares = np.zeros(len(edges))
    for block, start in enumerate(range(0, num_probes, _BLOCK)):
        width = min(_BLOCK, num_probes - start)
        signs = jax.random.bits(jax.random.fold_in(key, block), (len(edges),), jnp.uint32)
        currents = _currents(edges, np.sqrt(conductance), np.asarray(signs), n, width)
        walked = adjacency @ _potentials(adjacency, degree, currents) / degree[:, None]
        _add_squared_differences(edges, walked, squares)
    u, v = degree[edges].T
    estimate = 1 / u + 1 / v - 2 * conductance / (u * v) + squares / num_probes
    return estimate.clip(*resistance_bounds(u, v, conductance))


def resistance_bounds(
    u: Float64[np.ndarray, " E"], v: Float64[np.ndarray, " E"], conductance: np.ndarray
) -> tuple[Float64[np.ndarray, " E"], Float64[np.ndarray, " E"]]:
    """Bounds on the resistances of edges that are in cycles.

    1 / (w + s) ≤ R ≤ 1 / w, with s = (d_u − w)(d_v − w) / (d_u + d_v − 2 w). R would be the lower
    bound if all other vertices were one, and the upper bound if there were none.

    Args:
        u: The sums d_u of conductances at one end of each edge.
        v: The sums d_v at the other end.
        conductance: float64[E], w.

    Example:
        >>> one, three = np.array([1.0]), np.array([3.0])
        >>> [bound.tolist() for bound in resistance_bounds(three, three, one)]
        [[0.5], [1.0]]
    """
    there, back = u - conductance, v - conductance
    # Rounding may leave nothing of both beside a large w.
    shunt = there * back / np.maximum(there + back, np.finfo(np.float64).tiny)
    return 1 / (conductance + shunt), 1 / conductance


def _adjacency(edges: np.ndarray, conductance: np.ndarray, n: int) -> scipy.sparse.csr_array:
    """float32[n, n], symmetric."""
    rows, columns = np.append(edges, edges[:, ::-1], axis=0).T
    values = np.tile(conductance.astype(np.float32), 2)
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


def _potentials(
    adjacency: scipy.sparse.csr_array, degree: np.ndarray, currents: np.ndarray
) -> np.ndarray:
    """Solves L X = currents, float32[n, k], for all columns at once.

    L is singular, but the currents into each component sum to 0, so that conjugate gradients
    converge, to potentials that only differ by constants.
    """
    degree = degree.astype(np.float32)[:, None]

    def laplacian(x: np.ndarray) -> np.ndarray:
        x = x.reshape(currents.shape)
        return (degree * x - adjacency @ x).ravel()

    def jacobi(x: np.ndarray) -> np.ndarray:
        return (x.reshape(currents.shape) / degree).ravel()

    shape = (currents.size, currents.size)
    potentials, failed = cg(
        LinearOperator(shape, laplacian, dtype=np.float32),
        currents.ravel(),
        rtol=_TOLERANCE,
        maxiter=_MOST_STEPS,
        M=LinearOperator(shape, jacobi, dtype=np.float32),
    )
    if failed:
        raise ArithmeticError(
            f"effective_resistances_estimate: conjugate gradients did not converge in"
            f" {_MOST_STEPS} steps: take weights of more similar size, or jwi.effective_resistances"
        )
    return potentials.reshape(currents.shape)


@njit(cache=True)
@no_type_check
def _currents(edges, roots, signs, num_vertices, width):
    """Bᵀ W^½ Q, float32[n, width], for the square roots of the weights and signs uint32[M]."""
    currents = np.zeros((num_vertices, width), np.float32)
    # A current enters at one end of each edge and leaves at the other, so that columns sum to 0.
    for edge in range(len(edges)):
        u, v = edges[edge]
        for probe in range(width):
            current = roots[edge] if (signs[edge] >> probe) & 1 else -roots[edge]
            currents[u, probe] += current
            currents[v, probe] -= current
    return currents


@njit(cache=True)
@no_type_check
def _add_squared_differences(edges, values, sums):
    """Adds ‖values_u − values_v‖² for each edge."""
    # Compiled, since the differences of all edges at a time would not fit into memory.
    for edge in range(len(edges)):
        u, v = edges[edge]
        for column in range(values.shape[1]):
            sums[edge] += (values[u, column] - values[v, column]) ** 2
