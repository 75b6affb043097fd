"""Code shared by several connectors, such as the products of one vendor."""
