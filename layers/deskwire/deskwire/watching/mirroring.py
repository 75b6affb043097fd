"""Schedule copies of filed messages into a second helpdesk, as the outcome in the stream's record asks.

`watch` reads no words: its letter names the item, and `converse` copies it. The letter is sent at least once; the
mirror deduplicates it by its key, as every message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deskwire.letters import copy, distinct
from deskwire.model.mirrors import is_to_be_copied
from deskwire.ports import Letter, Mailbox
from deskwire.telemetry import Telemetry

from .records import each_read


@dataclass(frozen=True, slots=True)
class MirrorWatch:
    """Sends the letters for mirrors."""

    mailbox: Mailbox
    telemetry: Telemetry

    def watch(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Send a letter for each item to be copied. Raises `TemporaryError`; the batch is then redelivered."""
        found = [each for _, each in each_read(records, copy_of, self.telemetry) if each is not None]
        # Records of one transaction have no order, so sort by when the messages were recorded.
        letters = distinct(letter for _, letter in sorted(found, key=lambda each: each[0]))
        if letters:
            self.mailbox.send(letters)


def copy_of(record: Mapping[str, Any]) -> tuple[int, Letter] | None:
    """Return when an item was recorded and the letter to copy it, if a stream's record asks for that; else None."""
    change = record["dynamodb"]
    pk, sk = (str(change["Keys"][name]["S"]) for name in ("pk", "sk"))
    new, old = change.get("NewImage") or {}, change.get("OldImage") or {}
    if "mirror" not in new or not is_to_be_copied(sk, _state(new)) or _state(old) == _state(new):
        return None
    at = new.get("recorded_at") or new.get("done_at") or {"N": "0"}
    return int(at["N"]), copy(str(new["mirror"]["S"]), pk[2:], sk)


def _state(image: Mapping[str, Any]) -> str:
    return str(image.get("state", {}).get("S", ""))
