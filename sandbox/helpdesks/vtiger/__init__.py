"""Vtiger, played."""
