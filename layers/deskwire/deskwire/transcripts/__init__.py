"""The archive of conversations: its lines, the chain that they form, and the keys by which words are read."""
