"""What readers of several formats refuse, in the same words."""

from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Vertices are int32 in a graph.
_MAX_VERTICES = 2**31 - 1
# Vertices that an entry makes plausible, and how many entries any file is believed to need: one
# wrong number would else fill the memory with vertices that do not exist.
_MAX_VERTICES_AN_ENTRY = 100_000
_FEWEST_ENTRIES = 100


def check_num_vertices(path: Path, what: str, num_vertices: int, num_entries: int) -> None:
    """Raises for more vertices than entries make plausible; call it before any is made.

    Args:
        path: the file, for the message.
        what: where it says how many vertices there are.
        num_vertices: how many.
        num_entries: how many edges it lists, or can list.

    Raises:
        ValueError: for more vertices than a graph can have, or than so few edges can need.
    """
    most = most_vertices(num_entries)
    if num_vertices > most:
        raise ValueError(
            f"{path}: {what} makes {num_vertices:,} vertices, too many for its edges (at most"
            f" {most:,}): number the vertices without gaps"
        )


def most_vertices(num_entries: int) -> int:
    """How many vertices a file of so many edges is believed to have."""
    return min(_MAX_VERTICES, _MAX_VERTICES_AN_ENTRY * max(_FEWEST_ENTRIES, num_entries))


def base_notes(smallest: int) -> tuple[str, ...]:
    """A note on arrays whose vertices may be counted from 1.

    Args:
        smallest: The smallest vertex with an edge.
    """
    if smallest != 1:
        return ()
    return ("vertex 0 has no edge: if vertices are counted from 1, subtract 1 from all",)


def text_start(path: Path, content: bytes) -> int:
    """Where the text of a file begins: after a byte order mark.

    Raises:
        ValueError: for UTF-16 text.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError(f"{path} is UTF-16 text: convert it with iconv -f utf-16 -t utf-8")
    return len(BYTE_ORDER_MARK) if content.startswith(BYTE_ORDER_MARK) else 0


def printable(raw: bytes) -> str:
    """Text for a message: short, and without control characters."""
    shown = "".join(c if c.isprintable() else " " for c in raw.decode("utf-8", "replace")).strip()
    return shown if len(shown) <= 60 else shown[:57] + "…"


def reason(error: Exception) -> str:
    """What an error of another library says, in one line; its type if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
