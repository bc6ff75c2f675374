"""Graph files in and out."""

from jwi.io.graph_file import FORMATS, GraphFile, check_same_format, read_graph, read_rows_of_names

__all__ = ["FORMATS", "GraphFile", "check_same_format", "read_graph", "read_rows_of_names"]
