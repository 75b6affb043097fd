"""Wakes what is due, polls what cannot push, says how things stand."""
