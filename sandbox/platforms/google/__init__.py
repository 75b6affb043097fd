"""Google's reviews, played by its documentation."""
