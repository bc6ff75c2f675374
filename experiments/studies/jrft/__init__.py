"""Studies of `jrft`."""
