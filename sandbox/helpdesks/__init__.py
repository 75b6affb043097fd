"""The helpdesks: one folder each."""
