"""Zendesk, played by its documentation."""
