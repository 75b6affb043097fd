"""Read a batch's records independently: one that cannot be read stops no other."""

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
    """Yield each record with the reader's result.

    A record that cannot be read would be unreadable after a redelivery, too: it is counted, logged with its sequence
    number and skipped.
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
