"""Freshdesk, played."""
