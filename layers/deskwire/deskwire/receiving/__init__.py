"""A delivery becomes letters on the mailbox."""
