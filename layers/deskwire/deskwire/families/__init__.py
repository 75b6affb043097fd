"""What the products of one vendor share."""
