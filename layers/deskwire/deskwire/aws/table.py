"""The table on DynamoDB, by boto3: each method is one call."""

from __future__ import annotations

import decimal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import Concern, ConfigurationError, TemporaryError
from deskwire.ports import (
    Absent,
    AbsentOr,
    AtMost,
    Condition,
    Conflict,
    Delete,
    Equals,
    Fewer,
    Item,
    Key,
    Lacks,
    Present,
    Put,
    Update,
)

from .denied import told

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OURS = Concern.MESSAGE  # our own table's trouble is no neighbour's
DENIED = frozenset({"AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"})
_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def encode(value: object) -> dict[str, Any]:
    """Return a plain value in DynamoDB's typed form."""
    return dict(_serializer.serialize(value))


def _plain(value: object) -> Any:  # noqa: ANN401 - any of the item's types
    match value:
        case decimal.Decimal():
            return int(value)
        case Binary():
            return bytes(value)  # type: ignore[call-overload] # it has __bytes__, its stub not
        case list():
            return [_plain(element) for element in value]
        case dict():
            return {name: _plain(element) for name, element in value.items()}
        case _:
            return value


def decode(item: dict[str, Any]) -> Item:
    """Return an item of DynamoDB's typed form as plain values."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


class _Expression:
    """Collects placeholders while an expression is written."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, dict[str, Any]] = {}

    def name(self, attribute: str) -> str:
        # A placeholder holds letters, digits and underscores alone; an attribute may have any name.
        plain = attribute.isascii() and attribute.isidentifier()
        placeholder = f"#{attribute}" if plain else f"#x{attribute.encode().hex()}"
        self.names[placeholder] = attribute
        return placeholder

    def value(self, value: object) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = encode(value)
        return placeholder

    def condition(self, attribute: str, condition: Condition) -> str:
        name = self.name(attribute)
        match condition:
            case Absent():
                return f"attribute_not_exists({name})"
            case Present():
                return f"attribute_exists({name})"
            case Equals(value):
                return f"{name} = {self.value(value)}"
            case AbsentOr(value):
                return f"(attribute_not_exists({name}) OR {name} = {self.value(value)})"
            case AtMost(value):
                return f"(attribute_not_exists({name}) OR {name} <= {self.value(value)})"
            case Lacks(value):
                return f"(attribute_not_exists({name}) OR NOT contains({name}, {self.value(value)}))"
            case Fewer(value):
                return f"(attribute_not_exists({name}) OR size({name}) < {self.value(value)})"

    def changes(self, update: Update) -> str:
        sets = [f"{self.name(name)} = {self.value(value)}" for name, value in update.set.items()]
        for target, source in update.copy.items():
            sets.append(f"{self.name(target)} = if_not_exists({self.name(source)}, {self.value([])})")
        for name, value in update.initial.items():
            sets.append(f"{self.name(name)} = if_not_exists({self.name(name)}, {self.value(value)})")
        for name, element in update.append.items():
            empty = f"if_not_exists({self.name(name)}, {self.value([])})"
            sets.append(f"{self.name(name)} = list_append({empty}, {self.value([element])})")
        parts = [f"SET {', '.join(sets)}"] if sets else []
        if update.remove:
            parts.append(f"REMOVE {', '.join(self.name(name) for name in update.remove)}")
        if update.add:
            parts.append(f"ADD {', '.join(f'{self.name(n)} {self.value(v)}' for n, v in update.add.items())}")
        return " ".join(parts)


class DynamoTable:
    """The table. `client` is boto3's DynamoDB client."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Item | None:
        """Return the item as last written, or None."""
        answer = self._call("get_item", Key=_typed(key), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def put(self, put: Put) -> None:
        """Write. Raises `Conflict` with what is there."""
        self._call("put_item", **_put(put), ReturnValuesOnConditionCheckFailure="ALL_OLD")

    def update(self, update: Update) -> Item:
        """Change and return the whole item as it is now. Raises `Conflict` with what is there."""
        answer = self._call(
            "update_item",
            **_update(update),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return decode(answer["Attributes"])

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Do all of it or nothing. Raises `Conflict`."""
        self._call("transact_write_items", TransactItems=[self._action(write) for write in writes])

    def _action(self, write: Put | Update | Delete) -> dict[str, Any]:
        match write:
            case Put():
                return {"Put": {"TableName": self._name, **_put(write)}}
            case Update():
                return {"Update": {"TableName": self._name, **_update(write)}}
            case Delete(key):
                return {"Delete": {"TableName": self._name, "Key": _typed(key)}}

    def query(self, pk: str, prefix: str = "") -> list[Item]:
        """Return the items of one partition whose sort key begins so, in its order (several calls when long)."""
        found: list[Item] = []
        start: dict[str, Any] = {}
        while True:
            answer = self._call(
                "query",
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk",
                ExpressionAttributeValues={":pk": encode(pk)} | ({":prefix": encode(prefix)} if prefix else {}),
                ConsistentRead=True,
                **start,
            )
            found += [decode(item) for item in answer["Items"]]
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def scan(self, attributes: Sequence[str] = ()) -> Iterator[Item]:
        """Yield every item, with these attributes alone: for the operator, a call for each megabyte."""
        expression = _Expression()
        wanted = {"ProjectionExpression": ", ".join(expression.name(name) for name in attributes)} if attributes else {}
        start: dict[str, Any] = {}
        while True:
            answer = self._call("scan", ConsistentRead=True, **wanted, **_placeholders(expression), **start)
            for item in answer["Items"]:
                yield decode(item)
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def due(self, shard: str, until: int, limit: int) -> list[tuple[str, int]]:
        """Return (pk, due_at) of the entries of one shard that are due, earliest first."""
        answer = self._call(
            "query",
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :until",
            ExpressionAttributeValues={":shard": encode(shard), ":until": encode(until)},
            Limit=limit,
        )
        return [(item["pk"], item["due_at"]) for item in map(decode, answer["Items"])]

    def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        if operation != "transact_write_items":
            parameters["TableName"] = self._name
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        except ClientError as error:
            raise _translated(error, operation) from None
        except BotoCoreError as error:
            raise TemporaryError(
                f"DynamoDB {operation}: {type(error).__name__}", ambiguous=True, concerns=OURS
            ) from None
        return answer


def _typed(key: Key) -> dict[str, Any]:
    return {"pk": encode(key[0]), "sk": encode(key[1])}


def _conditions(write: Put | Update, expression: _Expression) -> dict[str, Any]:
    if not write.when:
        return {}
    return {"ConditionExpression": " AND ".join(expression.condition(*pair) for pair in write.when)}


def _placeholders(expression: _Expression) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if expression.names:
        found["ExpressionAttributeNames"] = expression.names
    if expression.values:
        found["ExpressionAttributeValues"] = expression.values
    return found


def _put(put: Put) -> dict[str, Any]:
    expression = _Expression()
    conditions = _conditions(put, expression)
    return {
        "Item": {name: encode(value) for name, value in put.item.items()},
        **conditions,
        **_placeholders(expression),
    }


def _update(update: Update) -> dict[str, Any]:
    expression = _Expression()
    changes = expression.changes(update)
    conditions = _conditions(update, expression)
    return {"Key": _typed(update.key), "UpdateExpression": changes, **conditions, **_placeholders(expression)}


def _translated(error: ClientError, operation: str) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        item = error.response.get("Item")
        return Conflict(decode(item) if item else None)  # type: ignore[arg-type]
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if "ConditionalCheckFailed" in reasons:
            return Conflict()
        return TemporaryError("DynamoDB: the transaction met another", concerns=OURS)
    if code in DENIED:
        return ConfigurationError(
            f"DynamoDB refuses {operation} ({told(error)}): look at the role's rights and the table"
        )
    return TemporaryError(f"DynamoDB {operation}: {code}", ambiguous=True, concerns=OURS)
