"""Instagram, played."""
