"""Reward logs in."""
