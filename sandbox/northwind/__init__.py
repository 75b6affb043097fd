"""A made-up company, its customers and its books."""
