"""Zammad, played."""
