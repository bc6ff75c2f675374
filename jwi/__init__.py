"""How strongly graph neural networks can model interactions between vertices."""
