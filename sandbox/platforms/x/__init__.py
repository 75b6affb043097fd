"""X, played by its documentation."""
