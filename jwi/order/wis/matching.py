"""Removing edges at one level of 1-WIS: greedy matchings of the vertices of one degree."""

from heapq import heappop, heappush
from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.arcs import close_up
from jwi.order.wis.sorting import sort_by_id

BELOW, HERE, ABOVE = 0, 1, 2  # Where a vertex's degree is, seen from the level.


class DegreeGraph(NamedTuple):
    """A graph that loses edges.

    Attributes:
        edges: int32[E, 2].
        starts: int64[n], where the arcs at each vertex start.
        ends: int64[n], where they end.
        neighbors: int32[2E], the other end of each arc, n if it is removed.
        ids: int32[2E], its edge, rising at each vertex.
        gone: bool[E], which edges are removed.
        degree: int32[n].
        side: uint8[n + 1], where each vertex is, seen from the level; one byte, to stay in cache.
    """

    edges: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    neighbors: np.ndarray
    ids: np.ndarray
    gone: np.ndarray
    degree: np.ndarray
    side: np.ndarray


class Room(NamedTuple):
    """Memory for one level.

    Attributes:
        here: int32[n], the vertices of the level.
        below: int32[n], the vertices that have left it.
        keys: int64[E], edges to sort, as id · 2^32 + anything.
        scratch: int64[E], for the sorting.
        first: int32[n], all −1 before and after.
        offer: int64[n], the place of a vertex's lowest edge within the level.
        wanted: int32[n], the neighbor there.
        stack: int32[n].
    """

    here: np.ndarray
    below: np.ndarray
    keys: np.ndarray
    scratch: np.ndarray
    first: np.ndarray
    offer: np.ndarray
    wanted: np.ndarray
    stack: np.ndarray


@njit(cache=True)
@no_type_check
def make_room(num_vertices, num_edges):
    """Room for all levels."""
    return Room(
        here=np.empty(num_vertices, np.int32),
        below=np.empty(num_vertices, np.int32),
        keys=np.empty(num_edges, np.int64),
        scratch=np.empty(num_edges, np.int64),
        first=np.full(num_vertices, np.int32(-1)),
        offer=np.empty(num_vertices, np.int64),
        wanted=np.empty(num_vertices, np.int32),
        stack=np.empty(num_vertices, np.int32),
    )


@njit(cache=True)
@no_type_check
def look(graph, room, num_here):
    """Finds the edges to vertices above the level, as id · 2^32 + place; returns how many.

    And for each vertex of the level its lowest edge to another, or to one that may come down to it.
    """
    starts, ends, neighbors, side = graph.starts, graph.ends, graph.neighbors, graph.side
    count = 0
    for vertex in room.here[:num_here]:
        close_up(graph, vertex)
        # Edges to vertices below go at a lower level. Ids rise, so the first of the others is the
        # lowest.
        best = starts[vertex]
        while best < ends[vertex] and side[neighbors[best]] == BELOW:
            best += 1
        for place in range(best, ends[vertex]):
            if side[neighbors[place]] == ABOVE:
                room.keys[count] = (np.int64(graph.ids[place]) << 32) | place
                count += 1
        room.offer[vertex] = best
        room.wanted[vertex] = neighbors[best] if best < ends[vertex] else len(graph.degree)
    return count


@njit(cache=True)
@no_type_check
def match_with_above(graph, room, num_crossing, level, num_here, order, count):
    """Removes edges between vertices of the level and higher ones while there are any.

    A heap holds, for every vertex above the level, its lowest edge to a vertex of the level, by
    falling degree and rising id. Where the neighbor has left the level meanwhile, the next edge
    takes the place. Vertices that come down to the level join `here`.
    """
    edges, starts, ends, neighbors, ids, gone, degree, side = graph
    nobody = len(degree)
    crossing = room.keys[:num_crossing]
    sort_by_id(crossing, room.scratch, len(edges))

    # The edges of each higher vertex as a linked list; `first` is −1 again when all are offered.
    following = np.empty(num_crossing, np.int32)
    upper, lower = np.empty(num_crossing, np.int32), np.empty(num_crossing, np.int32)
    for rank in range(num_crossing - 1, -1, -1):
        edge, vertex = crossing[rank] >> 32, neighbors[crossing[rank] & 0xFFFFFFFF]
        upper[rank], lower[rank] = vertex, edges[edge, 0] + edges[edge, 1] - vertex
        following[rank] = room.first[vertex]
        room.first[vertex] = rank
    heap = [np.int64(0) for _ in range(0)]
    for rank in range(num_crossing):
        vertex = upper[rank]
        if room.first[vertex] == rank:
            room.first[vertex] = -1
            heappush(heap, _entry(degree[vertex], rank))

    num_below = 0
    while len(heap) > 0:
        rank = heappop(heap) & 0xFFFFFFFF
        vertex = upper[rank]
        while True:
            # A lower end that has lost an edge since is below the level: this edge goes later.
            if side[lower[rank]] == HERE:
                edge, place = crossing[rank] >> 32, crossing[rank] & 0xFFFFFFFF
                order[count] = edge
                count += 1
                gone[edge] = True
                opposite = _place_of(edge, ids, starts[vertex], ends[vertex])
                neighbors[place] = neighbors[opposite] = nobody
                room.below[num_below] = lower[rank]
                num_below += 1
                degree[lower[rank]] -= 1
                side[lower[rank]] = BELOW
                degree[vertex] -= 1
                if degree[vertex] == level:
                    # Its other edges to the level are no crossing edges any more: they are matched
                    # within the level, where the offer is looked for from its first arc on.
                    room.here[num_here] = vertex
                    num_here += 1
                    side[vertex] = HERE
                    room.offer[vertex], room.wanted[vertex] = starts[vertex] - 1, nobody
                    break
            rank = following[rank]
            while rank >= 0 and side[lower[rank]] != HERE:
                rank = following[rank]
            if rank < 0:
                break
            # Going on with this vertex while it is first saves a push and a pop.
            entry = _entry(degree[vertex], rank)
            if len(heap) > 0 and heap[0] < entry:
                heappush(heap, entry)
                break
    return count, num_here, num_below


@njit(cache=True)
@no_type_check
def _entry(degree, rank):
    """Orders a heap by falling degree, then rising rank."""
    return (np.int64(0x7FFFFFFF - degree) << 32) | rank


@njit(cache=True)
@no_type_check
def _place_of(edge, ids, start, end):
    """Where an edge is among rising ids."""
    while start < end:
        middle = (start + end) // 2
        if ids[middle] < edge:
            start = middle + 1
        else:
            end = middle
    return start


@njit(cache=True)
@no_type_check
def match_one_another(graph, room, num_here, num_below, order, count):
    """Removes edges between two vertices of the level while there are any, by rising id.

    An edge goes when it is the lowest one at both ends; the stack follows lowest edges until one
    is. That gives the same matching as taking edges by rising id.
    """
    degree, side, neighbors = graph.degree, graph.side, graph.neighbors
    offer, wanted, stack = room.offer, room.wanted, room.stack
    num_matched = 0
    for vertex in room.here[:num_here]:
        stack[0] = vertex
        size = 1
        # Ids fall from each offer on the stack to the next, so the stack ends.
        while size > 0:
            one = stack[size - 1]
            if side[one] != HERE or not _find_partner(graph, room, one):
                size -= 1
                continue
            other = wanted[one]
            _find_partner(graph, room, other)
            if wanted[other] != one:
                stack[size] = other
                size += 1
                continue
            edge = graph.ids[offer[one]]
            graph.gone[edge] = True
            room.keys[num_matched] = np.int64(edge) << 32
            num_matched += 1
            neighbors[offer[one]] = neighbors[offer[other]] = len(degree)
            room.below[num_below], room.below[num_below + 1] = one, other
            num_below += 2
            degree[one] -= 1
            degree[other] -= 1
            side[one] = side[other] = BELOW
            size -= 1
    # They were found in any order, and go by rising id.
    sort_by_id(room.keys[:num_matched], room.scratch, len(graph.edges))
    for place in range(num_matched):
        order[count + place] = room.keys[place] >> 32
    return count + num_matched, num_below


@njit(cache=True)
@no_type_check
def _find_partner(graph, room, vertex):
    """Moves a vertex's offer on to its lowest edge within the level; False if there is none."""
    if graph.side[room.wanted[vertex]] == HERE:
        return True
    for place in range(room.offer[vertex] + 1, graph.ends[vertex]):
        if graph.side[graph.neighbors[place]] == HERE:
            room.offer[vertex], room.wanted[vertex] = place, graph.neighbors[place]
            return True
    room.offer[vertex] = graph.ends[vertex]
    return False
