"""The page of `make sandbox`: write as a customer, answer as an agent, see what becomes of it, let things go wrong."""
