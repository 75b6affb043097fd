"""Access to AWS: `light` (standard library) for receive, boto3 for everything behind the queue."""
