"""Effective resistances of edges."""
