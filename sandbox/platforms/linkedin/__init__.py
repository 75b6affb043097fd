"""LinkedIn's pages, played by its documentation."""
