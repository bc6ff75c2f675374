"""Compiled loops that XLA calls on CPUs; nothing else in the package touches memory by address."""
