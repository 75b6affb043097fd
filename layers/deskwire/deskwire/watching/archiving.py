"""Write conversations to the archive: each message with an outcome and each sent text becomes one line, exactly once.

Lambda delivers a record of the table's stream at least once. Writing the block's object is what commits its lines: it
extends the chain, and only one worker can write it. Then, in one transaction, the table's note of the chain's end
moves on and each line gets a token. A worker reads that note before it looks for tokens, and follows the chain from
there: blocks written by others since are read, so their lines are known even if their tokens are not written yet.
The key and the salt that open a line's words are in the table before the block is in the archive.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deskwire.configuration import Connection, connection_key
from deskwire.conversation.table import seconds
from deskwire.letters import content_in
from deskwire.model.errors import DeskwireError, TemporaryError, where
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose, decompose, digest
from deskwire.model.mirrors import is_mirror
from deskwire.ports import Absent, Blocks, Clock, Conflict, Delete, Equals, Key, Put, Table, Update
from deskwire.telemetry import Telemetry
from deskwire.timing import KEEP_SECONDS
from deskwire.transcripts.chain import (
    END,
    FIRST,
    HEAD,
    VERSION,
    Broken,
    Link,
    end_of_day,
    extended,
    followed,
    lines_of,
    oldest_kept,
)
from deskwire.transcripts.keys import NONCE, Keys, conversation, person, salt_item

from .records import each_read

# A line's fields, beside those of the chain: the columns of the Athena table in the template.
FIELDS = ("v", "id", "object", "kind", "own", "visibility", "at", "received_at", "outcome", "reason", "ticket",
          "channel", "account", "connection", "conversation", "person", "words", "withheld")  # fmt: skip
MOST = 90  # lines of one block: their tokens and the chain's end stay below the hundred writes of a transaction
RACES = 8  # tries, if other workers write the next block
TOKEN_SECONDS = 3 * 86_400  # a stream keeps its records for one day
UNENDED = frozenset({"", "recorded", "moved"})
SENT = frozenset({"sent", "unknown"})  # it reached the customer, or may have
# The kinds of sent texts, by the prefix of their keys.
SAID = {"ack": "acknowledgement", "reply": "answer", "invite": "invitation", "beside": "pointer", "update": "update"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A line to be archived, as read from a stream's record. `words` are sealed under the key of `owner`.

    `about`: the object that was written, edited or deleted, the same for all lines about it.
    """

    id: str
    about: str
    said: Mapping[str, Any]
    channel: str
    account: str
    thread: str  # the thread's key
    owner: str
    written: int  # when it was recorded (Unix seconds)
    words: Mapping[str, Any] = field(default_factory=dict, repr=False)
    keep_until: int = 0  # Unix seconds: the platform's terms forbid keeping the words longer; 0: as long as the line

    @property
    def deletes(self) -> bool:
        """Whether it is a deletion."""
        return bool(self.said["kind"] == Kind.DELETION)


def draft_of(record: Mapping[str, Any]) -> Draft | None:
    """Return the line to archive for a stream's record, None if there is none.

    Raises `KeyError`, `ValueError`, `TypeError` for a record of another shape, `PayloadError` for an event written by a
    newer version.
    """
    change = record["dynamodb"]
    pk, sk = (str(change["Keys"][name]["S"]) for name in ("pk", "sk"))
    new, old = change.get("NewImage") or {}, change.get("OldImage") or {}
    if not pk.startswith("T#") or is_mirror(pk[2:]):  # a mirror's messages are archived with their conversation
        return None
    state, before = _text(new, "state"), _text(old, "state")
    if sk.startswith("M#") and "event" in new and state not in UNENDED and before in UNENDED:
        return _message(pk[2:], sk[2:], new)
    if sk.startswith("S#") and state in SENT and before not in SENT:
        return _sent(pk[2:], sk[2:], new, _text(old, "said"))
    return None


def _message(thread_key: str, key: str, new: Mapping[str, Any]) -> Draft | None:
    event = content_in(base64.b64decode(new["event"]["B"]))
    if not isinstance(event, Event):
        return None
    received_at = _text(new, "received_at")
    said = {
        "kind": str(event.kind),
        "own": event.own,
        "visibility": str(event.visibility),
        "at": event.occurred_at.isoformat() if event.occurred_at else received_at,
        "received_at": received_at,
        "outcome": _text(new, "state"),
        "reason": _text(new, "reason"),
        "ticket": _text(new, "ticket"),
    }
    author = None if event.own else event.author
    return Draft(
        id=_digest("line", thread_key, "M", key),
        about=_digest("object", thread_key, event.object_id),
        said=said,
        channel=event.channel,
        account=event.account,
        thread=thread_key,
        owner=person(event.channel, author.id) if author else conversation(thread_key),
        written=_number(new, "recorded_at") // 1000,
        words=_words(event),
        keep_until=_number(new, "keep_until"),
    )


def _words(event: Event) -> dict[str, Any]:
    """Return the personal data in an event: the author and the content."""
    author = event.author
    named = {} if author is None else {"id": author.id, "name": author.name, "handle": author.handle,
                                       "email": author.email, "phone": author.phone}  # fmt: skip
    words = {
        "text": event.text,
        "subject": event.subject,
        "author": {name: value for name, value in named.items() if value},
        "attachments": [{"name": each.name, "type": each.type or str(each.kind)} for each in event.attachments],
        "facts": dict(event.facts),
    }
    return {name: value for name, value in words.items() if value}


def _sent(thread_key: str, key: str, new: Mapping[str, Any], text: str) -> Draft:
    """Return the line of a sent text; only the record of an agent's answer holds its words."""
    channel, account = [*decompose(thread_key), "", ""][:2]
    written = _number(new, "begun_at") or _number(new, "done_at") // 1000
    said = {
        "kind": SAID.get(key.partition("/")[0], "text"),
        "own": True,
        "visibility": "",
        "at": datetime.fromtimestamp(written, tz=UTC).isoformat(),
        "received_at": "",
        "outcome": _text(new, "state"),
        "reason": _text(new, "reason"),
        "ticket": _text(new, "ticket"),
    }
    return Draft(
        id=_digest("line", thread_key, "S", key),
        about=_digest("sent", thread_key, key),
        said=said,
        channel=channel,
        account=account,
        thread=thread_key,
        owner=conversation(thread_key),
        written=written,
        words={"text": text} if text else {},
    )


def _digest(*what: str) -> str:
    """Return an id that is the same for each redelivery of a record."""
    return digest(compose(*what))[:32]


def token_item(about: str, line: str) -> Key:
    """Return the key of the token that says that a line is in the chain."""
    return (f"Z#{about}", f"LINE#{line}")


def gone_item(about: str) -> Key:
    """Return the key of the note that an object was deleted."""
    return (f"Z#{about}", "GONE")


def _text(image: Mapping[str, Any], name: str) -> str:
    ((kind, value),) = (image.get(name) or {"S": ""}).items()
    return str(value) if kind in {"S", "N"} else ""


def _number(image: Mapping[str, Any], name: str) -> int:
    return int(image[name]["N"]) if name in image else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiver:
    """The worker of the function `archive`. `days`: how long its lines are kept."""

    table: Table
    blocks: Blocks
    clock: Clock
    telemetry: Telemetry
    days: int
    random: Callable[[int], bytes] = secrets.token_bytes

    def archive(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Archive a batch of the stream; return the sequence number from which to redeliver it, or ""."""
        failed = ""
        try:
            drafts = [draft for _, draft in each_read(records, draft_of, self.telemetry) if draft is not None]
            if drafts:
                self._archive(drafts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are redelivered
            reason = str(error) if isinstance(error, (DeskwireError, Broken)) else where(error)
            self.telemetry.count("ArchiveErrors")
            self.telemetry.log("ERROR", "to be redelivered", error=type(error).__name__, reason=reason)
            failed = str(records[0]["dynamodb"]["SequenceNumber"])
        self.telemetry.flush()
        return failed

    def _archive(self, drafts: Sequence[Draft]) -> None:
        link = self._end()  # must be read before the tokens
        lines = list(self._lines(drafts))
        self._write(link, lines)
        self.telemetry.count("ArchivedLines", len(lines))

    # ---------------------------------------------------------------- lines

    def _lines(self, drafts: Iterable[Draft]) -> Iterator[Mapping[str, Any]]:
        """Yield the lines that the policies want archived and that are not known to be in the chain."""
        keys = Keys(table=self.table, days=self.days, random=self.random)
        connections: dict[tuple[str, str], Connection | None] = {}
        seen: set[str] = set()
        for draft in drafts:
            place = (draft.channel, draft.account)
            if place not in connections:
                row = self.table.get(connection_key(*place))
                connections[place] = Connection.read(row["definition"]) if row is not None else None
            connection = connections[place]
            if connection is None or connection.policy.archive == "none" or draft.id in seen:
                continue
            seen.add(draft.id)
            known = {row["sk"] for row in self.table.query(gone_item(draft.about)[0])}
            if draft.deletes:
                self._forget(draft, known)
            if token_item(draft.about, draft.id)[1] not in known:
                withheld = "deleted" if draft.deletes or gone_item(draft.about)[1] in known else ""
                if connection.policy.archive == "facts":
                    withheld = "policy"
                yield self._line(draft, keys, connection.name, withheld)

    def _line(self, draft: Draft, keys: Keys, connection: str, withheld: str) -> dict[str, Any]:
        now = seconds(self.clock())
        shared = keys.key(conversation(draft.thread), draft.written, now)
        key = keys.key(draft.owner, draft.written, now)
        sealed = ""
        if key is None:
            withheld = "erased"
        elif not withheld and 0 < draft.keep_until <= now:
            withheld = "terms"
        elif not withheld and draft.words:
            salt = keys.salt(draft.about, draft.id, draft.keep_until or keys.until(now))
            sealed = key.seal(draft.id, draft.words, salt, self.random(NONCE))
        return {
            "v": VERSION,
            "id": draft.id,
            "object": draft.about,
            **draft.said,
            "channel": draft.channel,
            "account": draft.account,
            "connection": connection,
            "conversation": shared.name if shared is not None else "",
            "person": key.name if key is not None and draft.owner != conversation(draft.thread) else "",
            "words": sealed,
            "withheld": withheld,
        }

    def _forget(self, draft: Draft, known: Iterable[str]) -> None:
        """Destroy the salts of all lines about a deleted object, and note that its words are not to be archived."""
        pk, sk = gone_item(draft.about)
        until = seconds(self.clock()) + KEEP_SECONDS  # by then, messages still waiting to be filed are dead
        salts = [Delete((pk, each)) for each in known if each.startswith(salt_item("", "")[1])]
        noted = Put({"pk": pk, "sk": sk, "expires": until})
        for start in range(0, max(1, len(salts)), MOST):
            self.table.transact([noted, *salts[start : start + MOST]])

    # ---------------------------------------------------------------- the chain

    def _end(self) -> Link:
        """Return the end of the chain as noted in the table; it may be some blocks behind.

        The day on which a chain begins is noted first, so that two workers that begin it agree on its first block.
        """
        pk, sk = HEAD
        row = self.table.get(HEAD)
        if row is None:
            today = f"{self.clock():%Y-%m-%d}"
            row = {"pk": pk, "sk": sk, "day": today, "number": 0, "hash": FIRST, "days": self.days, "began": today}
            try:
                self.table.put(Put(row, when=[("pk", Absent())]))
            except Conflict as conflict:
                row = conflict.item or row
        if int(row["days"]) != self.days:
            self._note_retention(row)
        return Link(str(row["day"]), int(row["number"]), str(row["hash"]))

    def _note_retention(self, row: Mapping[str, Any]) -> None:
        """Record the new retention, and from which day on lines exist under the old one."""
        kept = {"days": self.days, "kept_from": oldest_kept(row, self.clock())}
        with contextlib.suppress(Conflict):  # another worker has recorded it
            self.table.update(Update(HEAD, set=kept, when=[("days", Equals(int(row["days"])))]))

    def _write(self, link: Link, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append the lines to the chain, in as many blocks as they need.

        A block of another worker may hold any of the remaining lines, not only those of the next block. Raises
        `TemporaryError`, and `Broken` if a foreign block is in the chain.
        """
        left, lost = list(lines), 0
        while left:
            today = f"{self.clock():%Y-%m-%d}"
            ends_day = link.day < today
            wanted = [end_of_day(link, today)] if ends_day else left[:MOST]
            block, end = extended(link, wanted)
            if self.blocks.add(link.next_block, block):
                self._note(link, end, wanted)
                link, left = end, left if ends_day else left[MOST:]
                continue
            lost += 1
            if lost > RACES:
                raise TemporaryError("other workers extend the chain all the time")
            link, known = self._take_in(link)
            left = [line for line in left if line["id"] not in known]

    def _take_in(self, link: Link) -> tuple[Link, set[str]]:
        """Note a block written by another worker; return the chain's end after it, and the ids of its lines."""
        name = link.next_block
        block = list(followed(link, name, lines_of(self.blocks.fetch(name))))
        self._note(link, block[-1][0], [line for _, line in block])
        return block[-1][0], {str(line["id"]) for _, line in block}

    def _note(self, link: Link, end: Link, lines: Sequence[Mapping[str, Any]]) -> None:
        """Record the chain's end and the tokens of these lines in one step, unless another worker has."""
        expires = seconds(self.clock()) + TOKEN_SECONDS
        noted = Update(
            HEAD,
            set={"day": end.day, "number": end.number, "hash": end.hash},
            when=[("number", Equals(link.number))],
        )
        places = [token_item(str(line["object"]), str(line["id"])) for line in lines if line["kind"] != END]
        try:
            self.table.transact([noted, *(Put({"pk": pk, "sk": sk, "expires": expires}) for pk, sk in places)])
        except Conflict:
            return
