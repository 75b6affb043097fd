"""Receives deliveries: not built yet."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return what Lambda's caller takes for "nothing to do"."""
    return {"statusCode": 200, "body": ""}
