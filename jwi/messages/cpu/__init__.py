"""Compiled loops that XLA calls on CPUs. Only this folder reads memory by address."""
