"""Graph files in and out."""

from jwi.io.formats import FORMATS
from jwi.io.graph_file import GraphFile, read_graph, read_rows_of_names

__all__ = ["FORMATS", "GraphFile", "read_graph", "read_rows_of_names"]
