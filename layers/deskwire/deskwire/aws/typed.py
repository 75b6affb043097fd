"""DynamoDB's typed values, for the types that Deskwire stores: strings, integers, booleans, bytes, null, lists, maps.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def encode(value: object) -> dict[str, Any]:
    """Return a value as DynamoDB's JSON. Raises `TypeError` for a type that Deskwire does not store."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": base64.b64encode(value).decode()}
        case list() | tuple():
            return {"L": [encode(element) for element in value]}
        case Mapping():
            return {"M": encode_item(value)}
    raise TypeError(f"{type(value).__name__} is not kept in the table")


def decode(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the table's values are of any kept type
    """Return the value in DynamoDB's JSON. Raises `TypeError` for a type that Deskwire does not store."""
    ((kind, given),) = value.items()
    match kind:
        case "NULL":
            return None
        case "BOOL" | "S":
            return given
        case "N":
            return int(given)
        case "B":
            return base64.b64decode(given)
        case "L":
            return [decode(element) for element in given]
        case "M":
            return decode_item(given)
    raise TypeError(f"DynamoDB's {kind} is not kept in the table")


def encode_item(item: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Return an item (or key, or an expression's values) as DynamoDB's JSON."""
    return {name: encode(value) for name, value in item.items()}


def decode_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the item in DynamoDB's JSON."""
    return {name: decode(value) for name, value in item.items()}
