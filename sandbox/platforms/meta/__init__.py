"""Meta's Graph, played by its documentation."""
