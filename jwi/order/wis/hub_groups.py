"""Groups of a hub's edges whose removal lowers the hub's walk index by the same amount.

When an edge goes at a hub, a vertex of very many edges, the signatures of all its others become
stale. But which of two edges goes first does not depend on the hub if they change it by the same:
adding signatures keeps their order. At depth 3 the edges of one hub that are in equally many
triangles do so, and are a group. It is ordered by the rests of their signatures: the changes
of all vertices except the hub, which stay as they are when the hub changes. Only the first edge of
a group competes with others. (Derived.)

Groups are for edges in few triangles. Rests of many are stale nearly as often as signatures, since
hubs are among the third vertices.

A group is a heap of members, the edges at hubs, by the rests' codes.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int64
from numba import njit

from jwi.order.wis.heap import Heap, delete, insert, sift
from jwi.order.wis.queue import has_key, set_key, set_least_key
from jwi.order.wis.triangulation import Triangulation, find_signature, index_without

MOST_TRIANGLES = 3
"""Of an edge in a group."""

# Codes of a rest: two for the other end, two for each third vertex.
_KEY = 2 + 2 * MOST_TRIANGLES


class HubGroups(NamedTuple):
    """The groups.

    Attributes:
        hub: int32[E], the hub at which an edge is in a group if it is in few triangles, −1 if it is
            at no hub.
        member_of: int32[E], the edge as a member, −1 if it is at no hub.
        edge_of: int32[members], the edge.
        first: int64[n], the group at a hub of edges in no triangle, before the groups of edges in
            one, two, …; −1 if there is none.
        starts: int64[groups], where the members of each group start.
        sizes: int64[groups], how many members it has.
        members: int32[groups · members], the heaps of all groups.
        place_of: int32[members], the place in its group, −1 if it is in none.
        keys: int64[members, key], all codes of the members' rests, and their edges.
    """

    hub: np.ndarray
    member_of: np.ndarray
    edge_of: np.ndarray
    first: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    members: np.ndarray
    place_of: np.ndarray
    keys: np.ndarray


def hub_groups(edges: np.ndarray, degree: np.ndarray, hub_degree: int) -> HubGroups:
    """Groups without edges.

    Args:
        edges: int32[E, 2].
        degree: int64[n].
        hub_degree: From which degree on a vertex is a hub. An edge between two of them is in a
            group at the one of more edges.
    """
    ends = degree[edges]
    hub = np.where(ends[:, 0] >= ends[:, 1], edges[:, 0], edges[:, 1]).astype(np.int32)
    hub[ends.max(axis=1, initial=0) < hub_degree] = -1
    edge_of = np.flatnonzero(hub >= 0).astype(np.int32)
    member_of = np.full(len(edges), -1, np.int32)
    member_of[edge_of] = np.arange(len(edge_of), dtype=np.int32)
    # Edges lose triangles and change groups, so each group has room for all edges of its hub.
    hubs, room = np.unique(hub[edge_of], return_counts=True)
    room = np.repeat(room, MOST_TRIANGLES + 1)
    first = np.full(len(degree), -1, np.int64)
    first[hubs] = (MOST_TRIANGLES + 1) * np.arange(len(hubs))
    return HubGroups(
        hub,
        member_of,
        edge_of,
        first,
        starts=np.cumsum(room) - room,
        sizes=np.zeros(len(room), np.int64),
        members=np.empty(room.sum(), np.int32),
        place_of=np.full(len(edge_of), -1, np.int32),
        keys=np.empty((len(edge_of), _KEY + 1), np.int64),
    )


def bounds_of_items(
    groups: HubGroups, graph: Triangulation, bounds: np.ndarray
) -> Int64[np.ndarray, " items"]:
    """The bounds of edges that are in no group, then the bounds of groups.

    Args:
        groups: The groups.
        graph: The graph.
        bounds: int64[E], upper bounds of the lowest values of edges' signatures.

    Returns:
        The bounds; −1 for edges in a group, for which the group waits, and for empty groups.
    """
    grouped = (groups.hub >= 0) & (graph.triangles <= MOST_TRIANGLES)
    of_group = np.full(len(groups.starts), -1, np.int64)
    members = groups.first[groups.hub[grouped]] + graph.triangles[grouped]
    np.maximum.at(of_group, members, bounds[grouped])
    return np.append(np.where(grouped, -1, bounds), of_group)


@njit(cache=True)
@no_type_check
def is_grouped(hub, triangles, edge):
    """Whether an edge is in a group."""
    return hub[edge] >= 0 and triangles[edge] <= MOST_TRIANGLES


@njit(cache=True)
@no_type_check
def heap_of(groups, group):
    """The heap of a group, which shares the memory of all."""
    return Heap(
        groups.sizes[group : group + 1],
        groups.members[groups.starts[group] :],
        groups.place_of,
        groups.keys,
    )


@njit(cache=True)
@no_type_check
def join(groups, graph, edge):
    """Puts an edge into its group; its rest is found when it comes to the top."""
    hub, member, triangles = groups.hub[edge], groups.member_of[edge], graph.triangles[edge]
    other = graph.edges[edge, 0] + graph.edges[edge, 1] - hub
    # A key that is too small is safe: the rest is found before the edge can be the first.
    set_least_key(groups.keys, member, index_without(graph, other, triangles))
    insert(heap_of(groups, groups.first[hub] + triangles), member)


@njit(cache=True)
@no_type_check
def leave(groups, group, edge):
    """Takes an edge out of a group."""
    delete(heap_of(groups, group), groups.member_of[edge])


@njit(cache=True)
@no_type_check
def first_edge(groups, graph, scratch, group):
    """The edge of a group that goes first; −1 if the group is empty."""
    heap = heap_of(groups, group)
    while heap.size[0] > 0:
        member = heap.items[0]
        edge = groups.edge_of[member]
        codes = find_signature(graph, scratch, edge, groups.hub[edge])
        if has_key(heap.keys, member, codes, edge):
            return edge
        # Its rest was stale, and has grown. Its place is further down.
        set_key(heap.keys, member, codes, edge)
        sift(heap, member)
    return -1
