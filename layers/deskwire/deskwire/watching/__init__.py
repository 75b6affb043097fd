"""Read the table's stream: count figures, open incidents, archive, and publish outcomes on a bus."""
