"""The table's stream, as `watch` gets it: which threads changed, and when a worker took one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.cloud.stack import Stack


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an item of a thread. `owner` is who holds the thread after it, `before` who held it before."""

    thread: str
    at: datetime
    owner: str = ""
    before: str = ""


class Stream:
    """Reads it from its beginning: MiniStack has one shard, and forgets nothing of a sandbox's day."""

    def __init__(self, stack: Stack) -> None:
        """Read nothing yet."""
        self._stack = stack
        self._next = ""

    @cached_property
    def _client(self) -> Any:
        return self._stack.client("dynamodbstreams")

    def _begin(self) -> str:
        table = self._stack.client("dynamodb").describe_table(TableName=self._stack.deployed.table)["Table"]
        arn = table["LatestStreamArn"]
        (shard, *_) = self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        return str(self._client.get_shard_iterator(**place)["ShardIterator"])

    def read(self) -> list[Change]:
        """Return what changed since the last time."""
        answer = self._client.get_records(ShardIterator=self._next or self._begin())
        self._next = answer["NextShardIterator"]
        found = (_change(record["dynamodb"]) for record in answer["Records"])
        return [each for each in found if each is not None]


def _change(record: dict[str, Any]) -> Change | None:
    pk, sk = record["Keys"]["pk"]["S"], record["Keys"]["sk"]["S"]
    if not pk.startswith("T#"):
        return None
    at = record["ApproximateCreationDateTime"]
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    owners = [record.get(image, {}).get("lease_owner", {}).get("S", "") for image in ("NewImage", "OldImage")]
    return Change(pk[2:], moment, *(owners if sk == "THREAD" else ()))
