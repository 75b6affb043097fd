"""The embedded AWS, and our template deployed on it."""
