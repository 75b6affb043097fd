"""The contracts of channels and helpdesks."""
