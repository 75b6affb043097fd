"""The domain as frozen values; it imports nothing else of the library."""
