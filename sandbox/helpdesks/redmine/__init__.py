"""Redmine: the real one, and its books."""
