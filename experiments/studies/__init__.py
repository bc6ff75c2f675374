"""One claim a study."""
