"""The one Optax loop."""
