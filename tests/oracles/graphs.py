"""Slow oracles on graphs, in Python integers and straight from the definitions.

A graph is its number of vertices n and a set of arcs (u, v), without self-loops; edges are a list,
whose places are the edge ids.
"""

Arcs = set[tuple[int, int]]


def arcs_of(edges, undirected: bool) -> Arcs:
    """Arcs of a list of edges."""
    arcs = {(int(u), int(v)) for u, v in edges}
    return arcs | {(v, u) for u, v in arcs} if undirected else arcs


def walks_from(n: int, arcs: Arcs, start: int, length: int) -> list[int]:
    """How many walks of a length lead from `start` to each vertex: walks them all, depth first."""
    ends = [0] * n
    stack = [(start, length)]
    while stack:
        vertex, steps = stack.pop()
        if steps == 0:
            ends[vertex] += 1
        else:
            stack += [(v, steps - 1) for v in range(n) if v == vertex or (vertex, v) in arcs]
    return ends


def boundary(n: int, arcs: Arcs, subset: set[int]) -> set[int]:
    """C_I, both halves of its definition."""
    outside = set(range(n)) - subset
    inner = {v for v in subset if any((u, v) in arcs for u in outside)}
    outer = {v for v in outside if any((u, v) in arcs for u in subset)}
    return inner | outer


def walk_index(n: int, arcs: Arcs, subset: set[int], length: int, target: int | None) -> int:
    """WI_length(I), or WI_{length, target}(I)."""
    ends = [walks_from(n, arcs, i, length) for i in boundary(n, arcs, subset)]
    return sum(sum(row) if target is None else row[target] for row in ends)


def matrix_power(n: int, arcs: Arcs, exponent: int) -> list[list[int]]:
    """A^exponent, A with self-loops."""
    a = [[int(i == j or (i, j) in arcs) for j in range(n)] for i in range(n)]
    power = [[int(i == j) for j in range(n)] for i in range(n)]
    for _ in range(exponent):
        power = [[sum(power[i][k] * a[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
    return power


def sorted_walk_indices(n: int, arcs: Arcs, depth: int) -> list[int]:
    """(WI_{L−1, t}({t}))_t, sorted: what Algorithm 1 compares."""
    power = matrix_power(n, arcs, depth - 1)
    return sorted(sum(power[i][t] for i in boundary(n, arcs, {t})) for t in range(n))


def algorithm_1(n: int, edges, depth: int, *, undirected: bool) -> list[int]:
    """The order of (L − 1)-WIS: tries every edge at every step."""
    left, order = list(range(len(edges))), []
    while left:
        scores = {
            e: sorted_walk_indices(
                n, arcs_of([edges[f] for f in left if f != e], undirected), depth
            )
            for e in left
        }
        best = max(left, key=lambda e: (scores[e], -e))
        left.remove(best)
        order.append(best)
    return order


def algorithm_2(n: int, edges) -> list[int]:
    """The order of 1-WIS: looks at all degrees at every step."""
    degree = [0] * n
    for edge in edges:
        for vertex in edge:
            degree[vertex] += 1
    left, order = set(range(len(edges))), []
    while left:
        best = max(left, key=lambda e: (*sorted(degree[v] for v in edges[e]), -e))
        left.remove(best)
        order.append(best)
        for vertex in edges[best]:
            degree[vertex] -= 1
    return order
