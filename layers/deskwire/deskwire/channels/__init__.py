"""The channel connectors, one module each; a module is found by its name."""
