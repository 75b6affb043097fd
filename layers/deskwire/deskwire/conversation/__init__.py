"""Turn each event into its outcome: record, decide, perform, finish; one thread at a time."""
