"""The words of the house as frozen values; they know no room of it."""
