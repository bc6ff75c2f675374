"""Edges at a hub, in groups of such that change it alike.

When an edge goes at a hub, a vertex of very many edges, the signatures of all the others there
become stale. But which of two edges goes first does not depend on the hub if they change it by the
same: adding signatures keeps their order. At depth 3 such are the edges at a hub that are in
equally many triangles, a group. It is ordered by what its edges do to all other vertices, the rest
of their signatures, which the hub's changes leave alone; and only the first edge of a group
competes with others. (Derived.)

Groups are for edges in few triangles. Rests of many are stale nearly as often as signatures, since
hubs are among the third vertices.

A group is a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986) of members, which are the
edges at hubs. Their keys are as those of an `EdgeQueue`, whose functions of keys serve here too.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.queue import goes_before

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
        first: int64[n], the group at a hub of edges in no triangle, before those of edges in one,
            two, …; −1 if there is none.
        top: int32[groups], the first member of each, −1 if empty.
        child: int32[members], the first one below a member in the heap, −1 if none.
        sibling: int32[members], the next one below the same member, −1 if none.
        previous: int32[members], the sibling before it, or the one above the first.
        edge_of: int32[members], the edge.
        keys: int64[members, key], all codes of their rests.
    """

    hub: np.ndarray
    member_of: np.ndarray
    first: np.ndarray
    top: np.ndarray
    child: np.ndarray
    sibling: np.ndarray
    previous: np.ndarray
    edge_of: np.ndarray
    keys: np.ndarray


def hub_groups(edges: np.ndarray, degree: np.ndarray, hub_degree: int) -> HubGroups:
    """Groups without edges.

    Args:
        edges: int32[E, 2].
        degree: int64[n].
        hub_degree: from which degree on a vertex is a hub. An edge between two of them is in a
            group at the one of more edges.
    """
    ends = degree[edges]
    hub = np.where(ends[:, 0] >= ends[:, 1], edges[:, 0], edges[:, 1]).astype(np.int32)
    hub[ends.max(axis=1, initial=0) < hub_degree] = -1
    edge_of = np.flatnonzero(hub >= 0).astype(np.int32)
    member_of = np.full(len(edges), -1, np.int32)
    member_of[edge_of] = np.arange(len(edge_of), dtype=np.int32)
    hubs = np.unique(hub[edge_of])
    first = np.full(len(degree), -1, np.int64)
    first[hubs] = (MOST_TRIANGLES + 1) * np.arange(len(hubs))
    return HubGroups(
        hub,
        member_of,
        first,
        top=np.full((MOST_TRIANGLES + 1) * len(hubs), -1, np.int32),
        child=np.full(len(edge_of), -1, np.int32),
        sibling=np.full(len(edge_of), -1, np.int32),
        previous=np.full(len(edge_of), -1, np.int32),
        edge_of=edge_of,
        keys=np.empty((len(edge_of), _KEY), np.int64),
    )


@njit(cache=True)
@no_type_check
def join(groups, group, member):
    """Puts a member, whose key is set, into a group."""
    groups.child[member] = groups.sibling[member] = groups.previous[member] = -1
    groups.top[group] = _link(groups, groups.top[group], member)


@njit(cache=True)
@no_type_check
def leave(groups, group, member):
    """Takes a member out of its group."""
    child, sibling, previous = groups.child, groups.sibling, groups.previous
    below = _merged(groups, child[member])
    if groups.top[group] == member:
        groups.top[group] = below
        return
    before, after = previous[member], sibling[member]
    if child[before] == member:
        child[before] = after
    else:
        sibling[before] = after
    if after >= 0:
        previous[after] = before
    groups.top[group] = _link(groups, groups.top[group], below)


@njit(cache=True)
@no_type_check
def _link(groups, one, other):
    """The first member of two heaps, which become one; −1 stands for an empty heap."""
    if one < 0 or other < 0:
        return max(one, other)
    if goes_before(groups.keys, groups.edge_of, other, one):
        one, other = other, one
    first = groups.child[one]
    groups.sibling[other], groups.previous[other] = first, one
    if first >= 0:
        groups.previous[first] = other
    groups.child[one] = other
    return one


@njit(cache=True)
@no_type_check
def _merged(groups, member):
    """The first member of one heap of a member and its siblings; −1 if there is none."""
    sibling = groups.sibling
    # In pairs from left to right, then all pairs from right to left.
    pairs = np.int32(-1)
    while member >= 0:
        other = sibling[member]
        upcoming = sibling[other] if other >= 0 else np.int32(-1)
        pair = _link(groups, member, other)
        sibling[pair] = pairs
        pairs, member = pair, upcoming
    whole = np.int32(-1)
    while pairs >= 0:
        pair, pairs = pairs, sibling[pairs]
        sibling[pair] = -1
        whole = _link(groups, whole, pair)
    if whole >= 0:
        groups.previous[whole] = groups.sibling[whole] = -1
    return whole
