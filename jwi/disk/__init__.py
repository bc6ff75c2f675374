"""Graphs with more edges than memory: vertices in memory, edges in files that leave no trace."""
