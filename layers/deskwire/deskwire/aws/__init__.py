"""AWS, spoken in two ways: `light` (standard library, for receive), boto3 for everything behind the queue."""
