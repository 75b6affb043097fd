"""django-helpdesk: the real one, and its books."""
