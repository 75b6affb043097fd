"""What a connector of either side declares and does."""
