"""Turn deliveries into letters on the mailbox."""
