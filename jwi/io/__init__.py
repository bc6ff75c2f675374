"""Graph files in and out; see `jwi.io.formats` for the table of formats."""

from typing import TYPE_CHECKING

from jwi._lazy import lazy_names

if TYPE_CHECKING:
    from jwi.io.files import written as written
    from jwi.io.formats import FORMATS as FORMATS
    from jwi.io.graph_file import GraphFile as GraphFile
    from jwi.io.graph_file import read_graph as read_graph
    from jwi.io.graph_file import read_rows_of_names as read_rows_of_names

_FILES = {
    "FORMATS": "formats",
    "GraphFile": "graph_file",
    "read_graph": "graph_file",
    "read_rows_of_names": "graph_file",
    "written": "files",
}
__all__ = sorted(_FILES)
__getattr__, __dir__ = lazy_names(__name__, _FILES)
