"""Pinterest, played: an ad account whose lead form people fill in."""
