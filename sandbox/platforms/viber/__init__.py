"""Viber, played by its documentation."""
