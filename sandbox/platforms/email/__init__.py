"""E-mail, by SES's documentation."""
