"""The whole company on your machine: embedded AWS, platforms and helpdesks that behave like the real ones."""
