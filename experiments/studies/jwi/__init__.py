"""Studies of `jwi`."""
