"""The tasks of GRUE: what several studies share."""
