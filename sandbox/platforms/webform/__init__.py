"""A page with the contact form, and its visitors."""
