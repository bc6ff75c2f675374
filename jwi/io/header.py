"""The names of columns: which of them are the ends of edges."""

import re
from collections.abc import Sequence
from typing import NamedTuple

# Words that tell the two ends of an edge apart: the first one is where it starts.
_PAIRS = {
    *(("source", "target"), ("source", "destination"), ("source", "dest"), ("from", "to")),
    *(("src", "dst"), ("src", "dest"), ("src", "tgt"), ("src", "target"), ("source", "sink")),
    *(("head", "tail"), ("subject", "object"), ("sender", "receiver"), ("sender", "recipient")),
    *(
        ("origin", "destination"),
        ("orig", "dest"),
        ("origin", "dest"),
        ("start", "end"),
        ("begin", "end"),
    ),
    *(("u", "v"), ("i", "j"), ("s", "t"), ("x", "y"), ("a", "b"), ("0", "1"), ("1", "2")),
    *(("first", "second"), ("row", "col"), ("row", "column"), ("in", "out"), ("out", "in")),
    *(("follower", "followee"), ("follower", "following"), ("citing", "cited")),
    *(("parent", "child"), ("caller", "callee"), ("ego", "alter"), ("trustor", "trustee")),
    *(("cites", "cited"), ("payer", "payee"), ("buyer", "seller"), ("pre", "post")),
    *(("lender", "borrower"), ("manager", "employee"), ("employer", "employee")),
    *(("rater", "ratee"), ("node", "neighbor"), ("vertex", "neighbor")),
    *(("fromnodeid", "tonodeid"), ("fromnode", "tonode"), ("fromid", "toid")),
    *(("sourceid", "targetid"), ("sourcenode", "targetnode"), ("srcid", "dstid")),
    *(("fbus", "tbus"), ("giver", "taker"), ("winner", "loser")),
    *(("supplier", "customer"), ("donor", "recipient"), ("emitter", "receiver"), ("who", "whom")),
    *(("exporter", "importer"), ("home", "away"), ("debtor", "creditor"), ("inviter", "invitee")),
    *(("o", "d"), ("org", "dest"), ("white", "black"), ("pickup", "dropoff")),
    *(("initiator", "responder"), ("influencer", "influenced"), ("predator", "prey")),
    *(("tf", "target"), ("regulator", "target"), ("tf", "gene"), ("von", "nach"), ("de", "para")),
    *(("caller", "receiver"), ("sender", "addressee"), ("reporter", "partner"), ("sub", "obj")),
    *(("ancestor", "descendant"), ("superclass", "subclass"), ("prerequisite", "course")),
    *(("upstream", "downstream"), ("cause", "effect"), ("donor", "acceptor"), ("init", "term")),
    *(("attacker", "target"), ("attacker", "victim"), ("attacker", "defender")),
    *(("supervisor", "subordinate"), ("husband", "wife"), ("presynaptic", "postsynaptic")),
    *(("dep", "arr"), ("departure", "arrival"), ("pulocation", "dolocation"), ("p", "q")),
    *(("m", "n"), ("sponsor", "cosponsor"), ("module", "imports"), ("package", "depends")),
    *(("url", "link"), ("speaker", "listener"), ("poster", "replier"), ("quelle", "senke")),
    *(("origine", "destinazione"), ("origine", "destination"), ("źródło", "cel")),
    *(("源", "目标"), ("源节点", "目标节点"), ("起点", "终点"), ("始点", "終点")),
    *(("ソース", "ターゲット"), ("출발", "도착"), ("출발지", "도착지")),
    *(("источник", "цель"), ("откуда", "куда"), ("πηγή", "στόχος"), ("المصدر", "الهدف")),
    *(("origen", "destino"), ("origem", "destino"), ("quelle", "ziel"), ("author", "coauthor")),
}
# Who does something and whom it is done to, as in `voter,votee` and `inviter,invited`.
_DOES, _IS_DONE_TO = re.compile(r"(\w{3,}?)(?:e?r|or)"), re.compile(r"(\w{3,}?)(?:ee?|e?d)")
# Such pairs are of times and of places as well, beside a pair of ends.
_OF_OTHERS = {("start", "end"), ("begin", "end"), ("x", "y")}
# What comes after two names that are no ends then.
_SERIES = {("1", "2"): "3", ("0", "1"): "2", ("a", "b"): "c", ("x", "y"): "z", ("p", "q"): "r"}
# Kinds of vertices: two different ones are the sides of a bipartite graph.
_KINDS = {
    *("left", "right", "user", "item", "movie", "film", "product", "book", "artist", "song"),
    *("track", "customer", "client", "author", "paper", "document", "doc", "word", "term", "page"),
    *("tag", "group", "event", "reader", "reviewer", "business", "actor", "person", "gene"),
    *("disease", "drug", "student", "course", "query", "url", "playlist", "member", "team"),
    *("host", "guest", "parasite", "plant", "pollinator", "teacher", "pupil", "school"),
    *("company", "director", "shop", "store", "game", "player", "patient", "site", "species"),
}
# What one vertex is to another of its kind, as in `user,friend` and `id,parent_id`.
_ROLES = {
    *("friend", "parent", "child", "neighbor", "follower", "followee"),
    *("following", "manager", "boss", "supervisor", "trustee", "cited", "citing", "citation"),
    *("reference", "partner", "contact", "spouse", "successor", "predecessor", "peer", "mother"),
    *(
        "father",
        "superior",
        "linked",
        "related",
        "similar",
        "coauthor",
        "adjacent",
        "next",
        "previous",
    ),
    *("dependency", "prerequisite", "synonym", "antonym", "duplicate", "follows", "knows", "cites"),
}
_OF_ONE_KIND = {"user", "person", "member", "paper", "author", "employee", "account", "page"}
_OF_ONE_KIND |= {"article", "product", "item", "node", "vertex", "city", "station", "patent"}
_OF_ONE_KIND |= {"task", "package", "module", "word", "gene", "protein", "question", "company"}
# Words that say nothing of which end a column is.
_COMMON = {"id", "ids", "node", "vertex", "name", "key", "no", "nr", "num", "index", "idx"}
# Columns of attributes, of which there may be one for each end.
_ATTRIBUTES = {
    *("weight", "score", "time", "date", "value", "lat", "lon", "count", "distance", "type"),
    *(
        "degree",
        "pos",
        "position",
        "coord",
        "x",
        "y",
        "z",
        "color",
        "size",
        "label",
        "timestamp",
        "rating",
    ),
}
_ROWS = {"", "id", "index", "idx", "row", "nr", "no", "num", "number", "key", "n", "#", "rowid"}
_EDGES = {"edge", "edges", "link", "row", "line", "record", "interaction", "relationship", "rel"}
_WEIGHTS = ("weight", "weights", "w", "value", "score", "combined_score", "rating", "strength")


class Ends(NamedTuple):
    """The columns of the ends of edges.

    Attributes:
        columns: Of the start and of the end, counted from 0.
        sides: Whether their names are two kinds of vertices.
    """

    columns: tuple[int, int]
    sides: bool


def ends_of(names: Sequence[str]) -> Ends | None:
    """The columns that are named like ends; None if there are none.

    Example:
        >>> ends_of(["Id", "Source", "Target", "Source Label"])
        Ends(columns=(1, 2), sides=False)
        >>> ends_of(["protein1", "protein2", "combined_score"]).columns
        (0, 1)
        >>> ends_of(["userId", "movieId", "rating"]).sides
        True
    """
    words = [_words(name) for name in names]
    # Names of few words are the plainest, the first pair of several wins.
    found = []
    for i, left in enumerate(words):
        for j in range(i + 1, len(words)):
            if not left or not words[j]:
                continue
            if left == words[j] and words.count(left) == 2 and not set(left) & _ATTRIBUTES:
                # As in `year,player,player`.
                found.append((5, Ends((i, j), sides=False)))
            common = [word for word in left if word in words[j]]
            pair = (_other(left, common), _other(words[j], common))
            if set(common) & _ATTRIBUTES:
                continue
            ends = [end for end, role in (pair, pair[::-1]) if role in _ROLES and _is_plain(end)]
            if ends:
                # In `index,user,friend` the user is the friend's other end, in `id,friend` the id.
                found.append((6 + (not _OF_ONE_KIND & set(ends)), Ends((i, j), sides=False)))
            # As in `x1,y1,x2,y2`, and in `w1,w2,w3` and `x,y,z`.
            placed = any(word.isdecimal() for word in common) and pair in _OF_OTHERS
            series = pair in _SERIES and [*common, _SERIES[pair]] in words
            if None in pair or placed or series:
                continue
            extra = sum(word not in _COMMON for word in common) + (pair in _OF_OTHERS)
            if _are_pair(*pair):
                found.append((extra, Ends((i, j), sides=False)))
            elif _are_pair(*pair[::-1]):
                found.append((extra, Ends((j, i), sides=False)))
            elif pair[0] != pair[1] and set(pair) <= _KINDS:
                found.append((10 + extra, Ends((i, j), sides=True)))
    return min(found, key=lambda ends: ends[0])[1] if found else None


def are_heads(names: list[str]) -> bool:
    """Whether two names may head columns: single letters and self-loops are vertices, too."""
    return names[0] != names[1] and any(len(name.strip(":")) > 1 for name in names)


def counts_rows(name: str) -> bool:
    """Whether a column is called like a number of the row or of the edge.

    Example:
        >>> [counts_rows(name) for name in ("", "edge_id", "Unnamed: 0", "from")]
        [True, True, True, False]
    """
    words = _words(name)
    if words[:1] == ["unnamed"] or name.strip().lower() in _ROWS:
        return True
    return len(words) > 1 and words[0] in _EDGES and all(word in _ROWS for word in words[1:])


def are_of_others(left: str, right: str) -> bool:
    """Whether two names are of ends, and of places or times as well.

    Example:
        >>> are_of_others("x", "y"), are_of_others("end", "start"), are_of_others("u", "v")
        (True, True, False)
    """
    pair = left.strip().lower(), right.strip().lower()
    return bool({pair, pair[::-1]} & _OF_OTHERS)


def is_id(name: str) -> bool:
    """Whether a column is called like an id, of whatever it may be.

    Example:
        >>> [is_id(name) for name in ("Id", "node_id", "name", "edge_id", "")]
        [True, True, True, False, False]
    """
    words = _words(name)
    return bool(words) and set(words) <= _COMMON | _OF_ONE_KIND


def is_attribute(name: str) -> bool:
    """Whether a column is called like an attribute of the edge, and not like an end.

    Example:
        >>> [is_attribute(name) for name in ("timestamp", "lat1", "edge weight", "author", "x")]
        [True, True, True, False, False]
    """
    words = [word for word in _words(name) if not word.isdecimal()]
    return bool(words) and words[-1] in _ATTRIBUTES - {"x", "y", "z"}


def weight_of(names: Sequence[str]) -> int | None:
    """The column that is called like a weight; None if there is none."""
    lower = [name.strip().lower().replace(" ", "_") for name in names]
    return next((lower.index(name) for name in _WEIGHTS if name in lower), None)


def _words(name: str) -> list[str]:
    """`FromNodeId`, `from_node_id` and `from node id` are the same three words."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    # In British names, too.
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"our\b", "or", parted.lower()))


def _are_pair(start: str | None, end: str | None) -> bool:
    """Whether two words tell the start of an edge from its end.

    Example:
        >>> _are_pair("from", "to"), _are_pair("voter", "votee"), _are_pair("inode", "jnode")
        (True, True, True)
        >>> _are_pair("uid", "iid")
        False
    """
    if start is None or end is None:
        return False
    if (start, end) in _PAIRS:
        return True
    does, done_to = _DOES.fullmatch(start), _IS_DONE_TO.fullmatch(end)
    if does and done_to and does[1] == done_to[1]:
        return True
    # As in `inode,jnode` and `statea,stateb`.
    letters = [(start[0], end[0])] * (start[1:] == end[1:])
    letters += [(start[-1], end[-1])] * (start[:-1] == end[:-1])
    return any(pair in _PAIRS - _OF_OTHERS for pair in letters)


def _is_plain(word: str | None) -> bool:
    """Whether a name beside a role is of a vertex itself."""
    return word is None or word in _COMMON | _OF_ONE_KIND


def _other(words: list[str], common: list[str]) -> str | None:
    """The one word of a name that is not common; None if there is none, or are several."""
    rest = [word for word in words if word not in common]
    plain = [word for word in rest if word not in _COMMON] if len(rest) > 1 else rest
    return plain[0] if len(plain) == 1 else None
