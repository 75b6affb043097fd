"""Writes what happened in conversations into the archive: each message that has its outcome, and what was sent, once.

Lambda delivers a record of the table's stream at least once. The block's object is the step that counts: it is
written where the chain ends, and by one worker alone. Then, in one transaction, the table's note of the chain's end
moves on and each line gets a token. A worker reads that note before it looks for tokens, and walks the chain from
there: every block that others wrote since is taken in, so its lines are known, whether their tokens are there or not.

What opens a line's words, its key and its salt, is in the table before the block is in the archive.
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

# The fields of a line, beside those of the chain: the columns of the table in the template.
FIELDS = ("v", "id", "object", "kind", "own", "visibility", "at", "received_at", "outcome", "reason", "ticket",
          "channel", "account", "connection", "conversation", "person", "words", "withheld")  # fmt: skip
MOST = 90  # lines of one block: their tokens and the chain's end are below the hundred writes of a transaction
RACES = 8  # with other workers for the next block
TOKEN_SECONDS = 3 * 86_400  # a stream keeps its records for one day
UNENDED = frozenset({"", "recorded", "moved"})
SENT = frozenset({"sent", "unknown"})  # it reached the customer, or may have
# What was sent, by how its key begins.
SAID = {"ack": "acknowledgement", "reply": "answer", "invite": "invitation", "beside": "pointer", "update": "update"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a record of the stream tells, before it is a line. `words` are sealed under the key of `owner`.

    `about` is the object that was written, edited or deleted: the same for all lines about it.
    """

    id: str
    about: str
    said: Mapping[str, Any]
    channel: str
    account: str
    thread: str  # its key
    owner: str
    written: int  # seconds since 1970, when it was recorded
    words: Mapping[str, Any] = field(default_factory=dict, repr=False)
    keep_until: int = 0  # seconds since 1970: the platform lets nobody keep the words longer; 0: as long as the line

    @property
    def deletes(self) -> bool:
        """Whether what it is about was taken back."""
        return bool(self.said["kind"] == Kind.DELETION)


def draft_of(record: Mapping[str, Any]) -> Draft | None:
    """Return what a stream's record tells that is to be archived, None for nothing.

    Raises `KeyError`, `ValueError`, `TypeError` for a record of another shape, `PayloadError` for an event that a newer
    version wrote.
    """
    change = record["dynamodb"]
    pk, sk = (str(change["Keys"][name]["S"]) for name in ("pk", "sk"))
    new, old = change.get("NewImage") or {}, change.get("OldImage") or {}
    if not pk.startswith("T#") or is_mirror(pk[2:]):  # what a mirror says was said in its conversation
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
    """Return what is personal in an event: who wrote what."""
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
    """Return what was sent into a thread; only of an agent's answer the record holds the words."""
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
    """Return an id made of what happened: the same for each redelivery of its record."""
    return digest(compose(*what))[:32]


def token_item(about: str, line: str) -> Key:
    """Return where it is noted that a line is in the chain."""
    return (f"Z#{about}", f"LINE#{line}")


def gone_item(about: str) -> Key:
    """Return where it is noted that an object was deleted."""
    return (f"Z#{about}", "GONE")


def _text(image: Mapping[str, Any], name: str) -> str:
    ((kind, value),) = (image.get(name) or {"S": ""}).items()
    return str(value) if kind in {"S", "N"} else ""


def _number(image: Mapping[str, Any], name: str) -> int:
    return int(image[name]["N"]) if name in image else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiver:
    """Everything the function `archive` works with. `days`: how long its lines are kept."""

    table: Table
    blocks: Blocks
    clock: Clock
    telemetry: Telemetry
    days: int
    random: Callable[[int], bytes] = secrets.token_bytes

    def archive(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Write a batch of the stream; return the sequence number from which on it must be redelivered, or ""."""
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
        link = self._end()  # before the tokens are looked for
        lines = list(self._lines(drafts))
        self._write(link, lines)
        self.telemetry.count("ArchivedLines", len(lines))

    # ---------------------------------------------------------------- lines

    def _lines(self, drafts: Iterable[Draft]) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of what the company wants archived, as far as they are not known to be in the chain."""
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
        talk = keys.key(conversation(draft.thread), draft.written, now)
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
            "conversation": talk.name if talk is not None else "",
            "person": key.name if key is not None and draft.owner != conversation(draft.thread) else "",
            "words": sealed,
            "withheld": withheld,
        }

    def _forget(self, draft: Draft, known: Iterable[str]) -> None:
        """Destroy the salts of what was written of an object, and note that no more of it is to be archived."""
        pk, sk = gone_item(draft.about)
        until = seconds(self.clock()) + KEEP_SECONDS  # by then what still waits to be filed is dead
        salts = [Delete((pk, each)) for each in known if each.startswith(salt_item("", "")[1])]
        noted = Put({"pk": pk, "sk": sk, "expires": until})
        for start in range(0, max(1, len(salts)), MOST):
            self.table.transact([noted, *salts[start : start + MOST]])

    # ---------------------------------------------------------------- the chain

    def _end(self) -> Link:
        """Return the end of the chain as the table knows it; it may be some blocks behind.

        The day on which a chain begins is noted first: two workers who begin it agree on its first block.
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
        """Note that lines are kept for another time from now on, and which ones the time before has left."""
        kept = {"days": self.days, "kept_from": oldest_kept(row, self.clock())}
        with contextlib.suppress(Conflict):  # another worker has
            self.table.update(Update(HEAD, set=kept, when=[("days", Equals(int(row["days"])))]))

    def _write(self, link: Link, lines: Sequence[Mapping[str, Any]]) -> None:
        """Put the lines behind that end of the chain, in as many blocks as they need.

        A block of another worker may hold any of the lines that are left, not those of the next block alone. Raises
        `TemporaryError`, and `Broken` where a stranger's block is.
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
        """Note a block that another worker wrote; return the chain's end with it, and the ids of its lines."""
        name = link.next_block
        block = list(followed(link, name, lines_of(self.blocks.fetch(name))))
        self._note(link, block[-1][0], [line for _, line in block])
        return block[-1][0], {str(line["id"]) for _, line in block}

    def _note(self, link: Link, end: Link, lines: Sequence[Mapping[str, Any]]) -> None:
        """Note in one step where the chain ends now, and that these lines are in it; unless another worker has."""
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
