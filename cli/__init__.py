"""The operator's command, `deskwire`."""
