"""A real Request Tracker 5, started for a while."""
