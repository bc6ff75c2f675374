"""Walk Index Sparsification: one file a depth."""
