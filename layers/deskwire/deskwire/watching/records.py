"""Reads the records of a batch, each by itself: one that cannot be read stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from deskwire.model.errors import where
from deskwire.telemetry import Telemetry

Record = Mapping[str, Any]
Found = TypeVar("Found")
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)


def each_read(
    records: Sequence[Record], reader: Callable[[Record], Found], telemetry: Telemetry
) -> Iterator[tuple[Record, Found]]:
    """Yield each record with what the reader makes of it.

    One that cannot be read would not be readable after a redelivery either: it is counted, logged by its place in the
    stream and left.
    """
    for record in records:
        try:
            found = reader(record)
        except UNREADABLE as error:
            telemetry.count("UnreadableRecords")
            telemetry.log("ERROR", "a record cannot be read", delivery=_place(record), reason=where(error))
        else:
            yield record, found


def _place(record: Record) -> str:
    return str(record.get("dynamodb", {}).get("SequenceNumber", ""))
