"""BottleCRM: the real one, and its books."""
