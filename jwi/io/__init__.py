"""Graph files in and out."""

from jwi.io.graph_file import FORMATS, GraphFile, check_same_format, read_graph

__all__ = ["FORMATS", "GraphFile", "check_same_format", "read_graph"]
