"""The operator's commands: audit, replay, erase and others. Imported by the command line only."""
