"""The archive of conversations: the chain of its lines, and the keys that decrypt their words."""
