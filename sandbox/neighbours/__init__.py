"""What every played neighbour is made of."""
