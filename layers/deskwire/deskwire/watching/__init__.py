"""Looks across threads: what the table's stream says becomes figures and, where wanted, events on a bus."""
