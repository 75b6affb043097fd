"""Store a conversation in the table: record a message, take the thread, note intents, finish. Each step is one call.

Taking a thread sets a lease. The mailbox gives a thread to one worker at a time; the lease covers the case in which
that fails (a worker that outlives its visibility time-out). A message that is recorded but not finished may have had
its effect, unless the worker that released the thread listed it as `clean`: certainly not begun.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from deskwire.configuration import copies_shard, helpdesk_key
from deskwire.letters import content_in, event_in, stored
from deskwire.model.errors import Concern, TemporaryError
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose, decompose, digest
from deskwire.model.mirrors import ENDS
from deskwire.model.notices import Notice
from deskwire.model.signals import Signal
from deskwire.ports import (
    SHARDS,
    Absent,
    AbsentOr,
    AtMost,
    Clock,
    Condition,
    Conflict,
    Equals,
    Fewer,
    Item,
    Lacks,
    Present,
    Put,
    Table,
    Update,
    When,
)
from deskwire.timing import EARLY_SECONDS, GIVE_UP, KEEP_SECONDS, LEASE_SECONDS, NET_SECONDS

from .recorded import ERASED, MOVED, RECORDED, Outcome, Recorded, kept, recorded
from .table import (
    DAY,
    echo_item,
    link_item,
    message_item,
    moment,
    origin_item,
    person_item,
    reference_item,
    seconds,
    sent_item,
    survey_item,
    thread_item,
    ticket_item,
    unfiled_item,
)
from .thread import Thread
from .timers import with_retry

MOST_PENDING = 100  # messages on a thread's list
MOST_EARLY = 100  # signals kept of a ticket that is unknown so far, and may never be ours
MOST_RACES = 3  # tries, if other workers count for the same person or join the same conversation at that moment
MOST_MOVES = 5  # links followed from a thread to the one it continues in
UNDELIVERED = "undelivered"  # the state of a sent text that the platform later reports as not delivered
UNENDED = "its worker ended before the platform's answer was noted"


class Busy(TemporaryError):  # noqa: N818 - an answer, not an error
    """Another worker has the thread."""


class Signalled(Exception):  # noqa: N818 - a signal
    """The helpdesk signalled something of the ticket before the way back from it was noted (see `Ledger.whose`).

    `told`: the signals that hold an answer's words or a status. `look`: others came as well, so answers are to be read.
    """

    def __init__(self, told: Sequence[Signal], *, look: bool) -> None:
        super().__init__("the ticket was signalled")
        self.told = told
        self.look = look


class Reported(Exception):  # noqa: N818 - an answer
    """The platform reported on a sent text before its id was noted (see `Ledger.reported`)."""

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__("the platform reported on what was sent")
        self.events = events


class Full(Exception):  # noqa: N818 - an answer
    """The thread's list of pending messages is full; `aside` messages were put aside before."""

    def __init__(self, aside: int) -> None:
        super().__init__("the thread's list is full")
        self.aside = aside


class Moved(Exception):  # noqa: N818 - an answer
    """The thread continues in another."""

    def __init__(self, thread_key: str) -> None:
        super().__init__("the thread goes on in another")
        self.thread_key = thread_key


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and writes one conversation's items. `owner` names this worker."""

    table: Table
    clock: Clock
    owner: str

    def record(self, thread_key: str, message: Recorded, *, raw: bytes = b"", raw_at: str = "") -> Recorded | None:
        """Write a message before anything is done about it; return the existing record if there is one."""
        more: dict[str, Any] = {"recorded_at": self._milliseconds()}
        if message.done:
            more |= self._ended()
        if raw:
            more["raw"] = raw
        if raw_at:
            more["raw_at"] = raw_at
        try:
            self.table.put(Put(message.item(thread_key, **more), when=[("pk", Absent())]))
        except Conflict as conflict:
            return recorded(conflict.item) if conflict.item else None
        return None

    def take(
        self, thread_key: str, event: Event | Notice | None, key: str, begins: Mapping[str, Any] = MappingProxyType({})
    ) -> Thread:
        """Take the thread, with `key` among its pending messages (empty: none to add).

        `begins` are fields of a new thread. Raises `Busy` if another worker has it, `Moved` if it continues in another,
        `Full` if its list takes no more.
        """
        try:
            return self._take(thread_key, event, key, begins)
        except Conflict as conflict:
            item = conflict.item or {}
            if item.get("alias_of"):
                raise Moved(item["alias_of"]) from None
            if key in item.get("pending", []):
                try:
                    return self._take(thread_key, event, "")
                except Conflict:
                    pass
            elif item.get("lease_until", 0) <= seconds(self.clock()):
                raise Full(item.get("aside", 0)) from None
            raise Busy("another worker has the thread", after=LEASE_SECONDS, concerns=Concern.TICKET) from None

    def _take(
        self, thread_key: str, event: Event | Notice | None, key: str, begins: Mapping[str, Any] = MappingProxyType({})
    ) -> Thread:
        now = seconds(self.clock())
        # A taken thread is due: if this worker and its letter are lost, sweep wakes it. The time replaces any timer,
        # as a reminder may lie days ahead.
        due: dict[str, Any] = {"due_at": now + NET_SECONDS, "due_shard": str(shard(thread_key))}
        initial: dict[str, Any] = {"created_at": now, **begins}
        if event is not None:
            initial |= {
                "channel": event.channel,
                "account": event.account,
                "thread": event.thread,
                "visibility": str(event.visibility),
            }
        item = self.table.update(
            Update(
                thread_item(thread_key),
                set={"lease_owner": self.owner, "lease_until": now + LEASE_SECONDS, "clean": [], **due},
                initial=initial,
                copy={"was_clean": "clean"},
                append={"pending": key} if key else {},
                add={"version": 1},
                when=[
                    ("lease_until", AtMost(now)),
                    ("alias_of", Absent()),
                    *(_takes(key) if key else ()),
                ],
            )
        )
        return Thread.model_validate(item)

    def thread(self, thread_key: str) -> Thread | None:
        """Return a thread without taking it, or None."""
        item = self.table.get(thread_item(thread_key)) if thread_key else None
        return Thread.model_validate(item) if item else None

    def original(self, thread_key: str, item: str) -> Recorded | None:
        """Return the item that a mirror copies: a message, or a sent text as a note; None if it no longer exists."""
        found = self.table.get((thread_item(thread_key)[0], item))
        if not found:
            return None
        if item.startswith("S#"):
            at = moment(int(found.get("done_at", 0)) // 1000).isoformat()
            return Recorded(key=item[2:], note=str(found.get("words", "")), files=kept(found), received_at=at)
        known = recorded(found)
        return replace(
            known, state=RECORDED, reason="", ticket="", entry="", by="", recorded_at=0, trouble="", mirror=""
        )

    def is_erased(self, thread_key: str, message: Recorded) -> bool:
        """Return whether the conversation's item behind this copy in a mirror was erased."""
        items = ENDS if message.event is None else ("M#",)
        found = (self.original(thread_key, item + message.key) for item in items)
        return any(each is not None and each.wordless for each in found)

    def message(self, thread_key: str, key: str) -> Recorded | None:
        """Return a message of the thread, or None."""
        item = self.table.get(message_item(thread_key, key))
        return recorded(item) if item else None

    def about(self, thread_key: str, event: Event) -> list[Recorded]:
        """Return the records of the object that an event is about: the message and its edits."""
        pk, prefix = message_item(thread_key, compose(event.channel, event.account, event.object_id) + "/")
        return [recorded(item) for item in self.table.query(pk, prefix)]

    def withdraw(self, thread_key: str, event: Event) -> None:
        """Record a deleted message that has not been received yet as not to be filed."""
        reason = "taken back before it came"
        self.record(thread_key, Recorded(key=event.original, state=Outcome.SUPPRESSED, reason=reason, by=event.key))

    def origin(self, event: Event) -> Item:
        """Return the `thread` and the `key` of the text we sent under an event's platform id; empty if none."""
        item = self.table.get(origin_item(compose(event.channel, event.account), event.object_id)) or {}
        return item if "thread" in item else {}

    def sent_by_us(self, thread_key: str, event: Event) -> bool:
        """Return whether an event is the echo of something we sent."""
        return bool(self.origin(event)) or self.table.get(echo_item(thread_key, event.object_id)) is not None

    def reported(self, event: Event) -> str:
        """Return the key of the thread that a delivery report is about; "" if we sent nothing of this id, so far.

        A platform may report before the sending worker has noted the id. The report is then kept under that id, and
        that worker gets it when it notes the id (`Reported`).
        """
        mark = {"report": stored(event), **self._expires()}
        place = compose(event.channel, event.account)
        try:
            self.table.update(Update(origin_item(place, event.object_id), set=mark, when=[("thread", Absent())]))
        except Conflict as conflict:
            return str((conflict.item or {})["thread"])
        return ""

    def sent(self, thread_key: str, key: str) -> Item | None:
        """Return the record of a sent text, or None."""
        return self.table.get(sent_item(thread_key, key))

    def begun(self, thread_key: str, key: str) -> bool:
        """Return whether a text was being sent when its worker stopped."""
        known = self.sent(thread_key, key)
        return known is not None and known["state"] == "sending"

    def opted_out(self, channel: str, author: str) -> bool:
        """Return whether the person has opted out of automatic answers."""
        item = self.table.get(person_item(channel, author))
        return bool(item and item.get("opted_out"))

    def set_opt_out(self, channel: str, author: str, *, opted_out: bool) -> None:
        """Record whether the person has opted out of automatic answers."""
        self.table.update(
            Update(
                person_item(channel, author),
                set={"opted_out": opted_out, "opted_at": seconds(self.clock()), "channel": channel},
            )
        )

    def spend(self, channel: str, author: str, key: str, most: int) -> bool:
        """Count an automatic answer to this person for the message `key`; return False if `most` a day are used up.

        One message counts once, however often it is tried.
        """
        place = person_item(channel, author)
        for _ in range(MOST_RACES):
            known = self.table.get(place) or {}
            now = seconds(self.clock())
            spent = {name: at for name, at in known.get("automatic", {}).items() if now - at < DAY}
            if digest(key) in spent:
                return True
            if len(spent) >= most:
                return False
            count = int(known.get("automatic_count", 0))
            change = Update(
                place,
                set={
                    "automatic": {**spent, digest(key): now},
                    "automatic_count": count + 1,
                    "channel": channel,
                    "expires": now + 2 * DAY,
                },
                when=[("automatic_count", Equals(count) if count else Absent())],
            )
            try:
                self.table.update(change)
            except Conflict:
                continue  # another thread of the person counted meanwhile
            return True
        return False

    def claim_survey(self, channel: str, author: str, key: str, period: int) -> bool:
        """Claim a person's period (seconds) for the survey with this key; False if another survey has it."""
        now = seconds(self.clock())
        claimed = Update(
            survey_item(channel, author),
            set={"asked_at": now, "asked_by": digest(key), "expires": now + period + DAY},
            when=[("asked_at", AtMost(now - period))],
        )
        try:
            self.table.update(claimed)
        except Conflict as conflict:
            return (conflict.item or {}).get("asked_by") == digest(key)
        return True

    def whose(self, signal: Signal) -> str:
        """Return the thread of a signal's ticket. If the ticket is unknown, mark it as signalled and return "".

        An agent may answer, or set a status, before the worker that opened the ticket has noted the way back: that
        worker then gets what was signalled (`Signalled`). An answer's words and a status are kept for it for a day.
        """
        key = ticket_item(signal.account, signal.ticket)
        known = self.table.get(key) or {}  # a read costs a fifth of a refused write
        if thread_key := known.get("thread"):
            return str(thread_key)
        if _is_kept(signal) and len(known.get("early_keys", ())) < MOST_EARLY:
            update = Update(
                key,
                set={"told": True, "expires": seconds(self.clock()) + EARLY_SECONDS},
                append={"early": base64.b64encode(stored(signal)).decode(), "early_keys": signal.key},
                when=[("thread", Absent()), ("early_keys", Lacks(signal.key))],
            )
        else:
            update = Update(key, set={"told": True, "look": True, **self._expires()}, when=[("thread", Absent())])
        try:
            self.table.update(update)
        except Conflict as conflict:
            return str((conflict.item or {}).get("thread", ""))
        return ""

    def intend(
        self,
        thread: Thread,
        *,
        opened: Thread | None = None,
        added: Sequence[Recorded] = (),
        send: str = "",
        text: str = "",
        copied: Mapping[str, Any] = MappingProxyType({}),
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> bool:
        """Note an opened ticket, the intent to send a text, or both.

        `more` are fields of the thread that change with the text. `copied` goes into the text's record: the `mirror`
        into which to copy it once it was sent, with its `words` and `files`; and what was `said`, for the archive.
        `added` may hold signals of answers that are in the ticket already.
        Return False if the text may have been sent before: then nothing was noted of it. Raises `Signalled`.
        """
        changes, writes = self._opening(thread, opened, added) if opened is not None else ({}, [])
        if send:
            changes |= more
            writes.append(self._sending(thread, send, text, copied))
        here = Update(
            thread_item(thread.key),
            set=changes,
            append={"sending": send} if send else {},
            when=[("lease_owner", Equals(self.owner))],
        )
        try:
            if changes:
                self._write([*writes, here])
            else:  # first the thread's list, then the record: a listed text without a record was certainly not sent
                self._update([here, *writes])
        except Conflict:
            known = self.sent(thread.key, send) if send else None
            if known is not None:  # written by this worker if AWS's client had to repeat the request
                return known.get("owner") == self.owner
            raise self._prevented("" if opened is None else opened.helpdesk, opened or thread) from None
        return True

    def offer(self, token: str, thread_key: str, until: int) -> None:
        """Note a one-time link of a public thread, valid `until` (Unix seconds), unless it is noted already."""
        pk, sk = link_item(token)
        with suppress(Conflict):
            self.table.put(Put({"pk": pk, "sk": sk, "thread": thread_key, "expires": until}, when=[("pk", Absent())]))

    def offered(self, token: str) -> int:
        """Return until when a one-time link is valid (Unix seconds); 0 if there is none."""
        return int((self.table.get(link_item(token)) or {}).get("expires", 0))

    def come(self, token: str, thread_key: str, now: datetime) -> tuple[str, bool] | None:
        """Use a one-time link in a thread; return the link's public thread, and whether this thread used it first.

        None if the link does not exist or has expired.
        """
        used = Update(
            link_item(token),
            set={"used_by": digest(thread_key)},
            when=[("used_by", AbsentOr(digest(thread_key))), ("thread", Present())],
        )
        try:
            found, first = self.table.update(used), True
        except Conflict as conflict:
            found, first = conflict.item or {}, False
        if not found.get("thread") or found.get("expires", 0) <= seconds(now):
            return None
        return str(found["thread"]), first

    def unite(self, thread: Thread, joined: Mapping[str, str]) -> None:
        """Note which messages are about to be filed in one entry, and under which key. Raises `Busy`."""
        self._note(thread, {"joined": dict(joined)})

    def remember(self, thread: Thread) -> None:
        """Note the customer's past before a ticket is opened whose content depends on it. Raises `Busy`."""
        self._note(thread, {"past": thread.past and list(thread.past)})

    def head(self, thread: Thread) -> None:
        """Note in which helpdesk a ticket is about to be opened. Raises `Busy`."""
        self._note(thread, {"opens_in": thread.opens_in})

    def _note(self, thread: Thread, changes: Mapping[str, Any]) -> None:
        noted = Update(thread_item(thread.key), set=changes, when=[("lease_owner", Equals(self.owner))])
        try:
            self.table.update(noted)
        except Conflict:
            raise Busy("another worker took the thread", concerns=Concern.TICKET) from None

    def _write(self, writes: Sequence[Put | Update]) -> None:
        """Write all or nothing. A transaction costs twice as much, so a single write is a plain one."""
        if len(writes) == 1 and isinstance(writes[0], Update):
            self.table.update(writes[0])
        else:
            self.table.transact(writes)

    def _update(self, writes: Sequence[Put | Update]) -> None:
        """Write one after the other; each must be right without those after it."""
        for each in writes:
            self._write([each])

    def _opening(
        self, thread: Thread, opened: Thread, added: Sequence[Recorded]
    ) -> tuple[dict[str, Any], list[Put | Update]]:
        """Return the thread's fields for the `opened` ticket, and the writes still to make for its way back."""
        now, helpdesk = seconds(self.clock()), opened.helpdesk
        changes: dict[str, Any] = {
            "ticket": opened.ticket,
            "epoch": opened.epoch,
            "opened_at": now,
            "case": opened.case and list(opened.case),
            "helpdesk": helpdesk,
            "recall": True,
        }
        ways, told = self._ways_back(opened, helpdesk, added), _about(opened.ticket, added)
        if not told:
            # Written before the thread: the ticket exists, and its thread will find it again if this worker stops.
            for way in ways:
                self._note_way(way, helpdesk, opened)
            return changes, []
        # No other worker adds to it while the lease is ours.
        changes["pending"] = [*thread.pending, *(each.key for each in added if each.signal is not None)]
        return changes, [*ways, *(Put(each.item(thread.key, recorded_at=self._milliseconds())) for each in told)]

    def _note_way(self, way: Update, helpdesk: str, opened: Thread) -> None:
        try:
            self.table.update(way)
        except Conflict:
            raise self._prevented(helpdesk, opened) from None

    def _sending(self, thread: Thread, key: str, text: str, copied: Mapping[str, Any]) -> Update:
        """Return the write of the intent to send a text; it fails if the text may have been sent before."""
        now = seconds(self.clock())
        return Update(
            sent_item(thread.key, key),
            set={"state": "sending", "text": text_digest(text), "begun_at": now, "owner": self.owner, **copied},
            initial={"first_at": now},
            when=[("state", AbsentOr("failed"))],
        )

    def _ways_back(self, thread: Thread, helpdesk: str, added: Sequence[Recorded]) -> list[Update]:
        target = {"thread": thread.key, "helpdesk": helpdesk}
        counted = {"figures": thread.case.encode({})} if thread.case else {}
        known = _about(thread.ticket, added)
        early = [each.key for each in known if each.signal is not None and _is_kept(each.signal)]
        told: list[tuple[str, Condition]] = [("early_keys", Equals(early) if early else Absent())]
        if len(early) == len(known):  # no look for answers is ahead
            told.append(("look", Absent()))
        way = Update(
            ticket_item(helpdesk, thread.ticket),
            initial=target,
            remove=["told", "early", "early_keys", "look", "expires"],
            when=told if known else [("told", Absent())],
        )
        if thread.mirrors:  # the reference is the conversation's own
            return [way]
        reference = reference_item(thread.reference)
        return [way, Update(reference, initial={**target, "ticket": thread.ticket, **counted})]

    def _prevented(self, helpdesk: str, thread: Thread) -> Exception:
        """Return why a write was refused; `helpdesk` is the one to whose ticket it noted the way back, "" if none."""
        item = self.table.get(ticket_item(helpdesk, thread.ticket)) if helpdesk else None
        if not item or "told" not in item:
            return Busy("another worker took the thread", concerns=Concern.TICKET)
        found = [content_in(base64.b64decode(each)) for each in item.get("early", ())]
        told = [each for each in found if isinstance(each, Signal)]
        return Signalled(told, look="look" in item or not told)

    def finish(
        self,
        thread: Thread,
        *,
        outcomes: Sequence[Recorded],
        changes: dict[str, Any],
        added: Sequence[Recorded] = (),
        sent: Sequence[tuple[str, str, tuple[str, ...], str]] = (),
        back: str = "",
        answered_at: int = 0,
    ) -> None:
        """Write a turn's results and release the thread, in one step.

        `added`: notes and signals of ours. `back`: the helpdesk whose ticket still needs its way back. `sent`: (key,
        state, platform ids, reason) of each text. `answered_at`: when the last agent's answer before this turn was
        sent. `changes`: the thread's fields; without a timer the thread leaves the index of due threads. Raises `Busy`
        if the lease was lost, `Signalled` and `Reported`: then only what was sent is written.
        """
        changes = _waited(thread, changes)
        origins = self._origins(thread, sent, added)
        sendings = self._sendings(thread, sent, answered_at)
        settled, unsettled = _apart(origins, sendings)
        others: list[Put | Update] = [
            *(Put(each.item(thread.key, recorded_at=self._milliseconds())) for each in added),
            *unsettled,
            *(self._ways_back(thread, back, added) if back else ()),
            *self._unfiled(thread, changes),
        ]
        try:
            self._update(settled)
            self._end(thread, outcomes, others, changes)
        except Conflict:
            reports = [item["report"] for each in origins if "report" in (item := self.table.get(each.key) or {})]
            if reports:
                raise Reported([event_in(report) for report in reports]) from None
            raise self._prevented(back, thread) from None

    def _end(
        self, thread: Thread, outcomes: Sequence[Recorded], others: Sequence[Put | Update], changes: dict[str, Any]
    ) -> None:
        """Write the outcomes and the others, and release the thread, in one step.

        If one message ended, none is pending and nothing else is to be written, that step is a plain write of the
        thread, which holds the outcome; the message's own write follows. If this worker stops between the two,
        `conclude` makes up for it when the letter is redelivered; no other letter of this thread comes before that.
        """
        last = [self._outcome(thread, message) for message in outcomes]
        plain = len(last) == 1 and not (last[0].remove or "event" in last[0].set)
        if others or not plain or thread.waiting or _after(thread, changes).pending:
            self._write([*last, *others, self._release(thread, changes)])
        else:
            self._commit(thread, changes, {"key": outcomes[0].key, **last[0].set})

    def _commit(self, thread: Thread, changes: dict[str, Any], ended: Mapping[str, Any]) -> None:
        """Release the thread with its message's outcome, then write that outcome to the message."""
        try:
            self.table.update(self._release(thread, {**changes, "ended": ended}))
        except Conflict as conflict:
            if (conflict.item or {}).get("ended") != ended:  # else AWS's client had to repeat the request
                raise
        self._concluded(thread, ended, [("done_at", Absent())])

    def conclude(self, thread: Thread) -> None:
        """Write the outcome that the thread holds to its message, if a worker stopped before it did."""
        if thread.ended:  # the message's record may have expired by now
            self._concluded(thread, thread.ended, [("pk", Present()), ("done_at", Absent())])

    def _concluded(self, thread: Thread, ended: Mapping[str, Any], when: When) -> None:
        fields = {name: value for name, value in ended.items() if name != "key"}
        with suppress(Conflict):  # written already
            self.table.update(Update(message_item(thread.key, ended["key"]), set=fields, when=when))

    def _outcome(self, thread: Thread, message: Recorded) -> Update:
        """Return the write of a message's outcome; it removes text that may not be kept."""
        fields: dict[str, Any] = {
            "state": message.state,
            "reason": message.reason,
            "ticket": message.ticket,
            "entry": message.entry,
        }
        if message.trouble:
            fields["trouble"] = message.trouble
        if message.mirror:
            fields |= {"mirror": message.mirror, **({"quotes": list(message.quotes)} if message.quotes else {})}
        if message.figures:
            fields["figures"] = message.figures
        words = ("event", "raw", "raw_at", "note", "files") if message.reason == ERASED or _told(message) else ()
        if message.event is not None and message.by == "completed" and not words:
            fields |= {"event": message.item(thread.key)["event"]}
        fields |= self._ended(message.keep_until)
        return Update(message_item(thread.key, message.key), set=fields, remove=words)

    def _unfiled(self, thread: Thread, changes: Mapping[str, Any]) -> list[Update]:
        """Return the write that shows sweep how long a helpdesk's oldest message has waited, if that changed.

        It is an entry in the index of due threads, in a shard of the helpdesk's own, dated when that message was
        received; copies for a mirror are in another shard, as no customer waits for them.
        Nothing is written for a thread whose messages are filed at the first attempt.
        """
        if "unfiled" not in changes:
            return []
        key = unfiled_item(thread.key)
        if changes["unfiled"] is None:
            return [Update(key, set=self._expires(), remove=["due_at", "due_shard"])]
        helpdesk, since = changes["unfiled"]
        shown = {"due_at": since, "due_shard": copies_shard(helpdesk) if thread.mirrors else helpdesk_key(helpdesk)[0]}
        # By then the message is dead. This also removes an entry left behind by an earlier version.
        return [Update(key, set={**shown, "expires": since + int((GIVE_UP + timedelta(days=1)).total_seconds())})]

    def _release(self, thread: Thread, changes: dict[str, Any]) -> Update:
        """Return the write that changes the thread and ends the lease; without a timer the thread leaves the index."""
        set_, remove = dict(changes), ["was_clean", "lease_owner", "lease_until"]
        if "ended" not in changes:
            remove.append("ended")
        if "last_inbound" in changes or "filed_at" in changes:
            remove.append("expires")  # an erased customer has written again
        elif thread.expires and _after(thread, changes).pending:
            set_ = self._expires() | set_  # messages of an erased customer still wait to be filed
        timers = set_["timers"] = with_retry(thread, set_.pop("timers", None), set_.pop("due_at", 0))
        due_at = min(timers.values(), default=0)
        if due_at:
            set_ |= {"due_at": due_at, "due_shard": str(shard(thread.key))}
        else:
            remove += ["due_at", "due_shard"]
        return Update(thread_item(thread.key), set=set_, remove=remove, when=[("lease_owner", Equals(self.owner))])

    def _origins(
        self, thread: Thread, sent: Sequence[tuple[str, str, tuple[str, ...], str]], added: Sequence[Recorded]
    ) -> list[Update]:
        """Return the writes that lead from platform ids to this thread; each fails if a report not `added` waits there.

        Two answers may have one id: if their words are the same, or if one replaces the other on the platform.
        """
        place = compose(thread.channel, thread.account)
        known = {each.event.object_id for each in added if each.event and each.event.kind is Kind.UNDELIVERED}
        keys = {platform_id: key for key, _, ids, _ in sent for platform_id in ids}
        return [
            Update(
                origin_item(place, platform_id),
                set={"thread": thread.key, "key": key, **self._expires()},
                remove=["report"],
                when=[] if platform_id in known else [("report", Absent())],
            )
            for platform_id, key in keys.items()
        ]

    def _sendings(
        self, thread: Thread, sent: Sequence[tuple[str, str, tuple[str, ...], str]], answered_at: int
    ) -> list[Update]:
        """Return the writes of how each sending ended."""
        writes: list[Update] = []
        for key, state, ids, reason in sent:
            ended: dict[str, Any] = {"state": state, "ids": list(ids), "reason": reason, **self._ended()}
            if state == "sent" and answered_at < thread.opened_at:  # an answer sent now is the ticket's first
                since = thread.case.since if thread.case else thread.opened_at
                ended |= {"ticket": thread.ticket, "first_after": seconds(self.clock()) - since}
            if state == "sent" and thread.case:
                ended["figures"] = thread.case.encode({})
            # `said` is for the archive only, which reads it from the stream when it is removed.
            writes.append(Update(sent_item(thread.key, key), set=ended, remove=["said"]))
        return writes

    def move(self, thread_key: str, message: Recorded) -> None:
        """Record that a message was moved to the thread in which this one continues."""
        ended = {"state": MOVED, **self._ended(message.keep_until)}
        self.table.update(Update(message_item(thread_key, message.key), set=ended, when=[]))

    def lead(self, elsewhere: str, thread_key: str, key: str = "", ids: Sequence[str] = ()) -> list[Event]:
        """Make the thread `elsewhere` continue in this one unless it has begun, and lead these `ids` to this thread.

        Return the platform's reports on them that were received already.
        """
        place = compose(*decompose(elsewhere)[:2])
        origin = {"thread": thread_key, "key": key, **self._expires()}
        items = [self.table.update(Update(origin_item(place, platform_id), set=origin)) for platform_id in ids]
        reports = [event_in(item["report"]) for item in items if "report" in item]
        with suppress(Conflict):  # it has begun
            self.table.put(self._alias(elsewhere, thread_key))
        return reports

    def join(self, thread_key: str, others: Sequence[str]) -> None:
        """Make the threads of a conversation with several ids one: the thread that has begun, else this one.

        Threads that have both begun stay apart, as each has its ticket. If another worker joins them at the same time,
        read again at once: a letter that fails is redelivered only minutes later. Raises `Busy` after `MOST_RACES`.
        """
        for last in (*[False] * (MOST_RACES - 1), True):
            try:
                self._join(thread_key, others)
            except Busy:
                if last:
                    raise
            else:
                return

    def _join(self, thread_key: str, others: Sequence[str]) -> None:
        items = {key: self.table.get(thread_item(key)) for key in others}
        if all(_goes_on(item) == thread_key for item in items.values()):
            return
        here = self.table.get(thread_item(thread_key))
        new = [key for key, item in items.items() if item is None]
        if _goes_on(here):
            self._lead_all(new, self._home(thread_key))  # `take` raises `Moved` for this one
            return
        begun = self._begun(items, thread_key)
        if here is not None or begun == thread_key:
            self._lead_here(thread_key, new)
            return
        self._lead_all((thread_key, *new), begun)

    def _begun(self, items: Mapping[str, Item | None], otherwise: str) -> str:
        """Return the thread in which the first of these that has begun continues, else `otherwise`."""
        return next((self._home(key) for key, item in items.items() if item), otherwise)

    def _lead_here(self, thread_key: str, others: Sequence[str]) -> None:
        """Make threads that have not begun continue in this one. Raises `Busy`.

        This thread begins in the same transaction, so two workers can never link two threads to each other.
        """
        if not others:
            return
        begin = Update(
            thread_item(thread_key), initial={"created_at": seconds(self.clock())}, when=[("alias_of", Absent())]
        )
        try:
            self.table.transact([begin, *(self._alias(key, thread_key) for key in others)])
        except Conflict:
            raise Busy("another worker joined the same conversation", after=1) from None

    def _lead_all(self, others: Sequence[str], thread_key: str) -> None:
        """Make these threads continue in that one; skip it if it is among them."""
        for key in others:
            if key != thread_key:
                self.lead(key, thread_key)

    def _home(self, thread_key: str) -> str:
        """Return the thread at the end of the links from this one."""
        for _ in range(MOST_MOVES):
            item = self.table.get(thread_item(thread_key))
            if not item or not item.get("alias_of"):
                break
            thread_key = str(item["alias_of"])
        return thread_key

    def _alias(self, elsewhere: str, thread_key: str) -> Put:
        pk, sk = thread_item(elsewhere)
        return Put({"pk": pk, "sk": sk, "alias_of": thread_key}, when=[("pk", Absent())])

    def mark(self, thread_key: str, key: str, by: str) -> bool:
        """Claim for the message `by` the key of its completed event; False if another message has it."""
        message = Recorded(key=key, state=Outcome.MERGED, reason="the key of a completed event", by=by)
        existing = self.record(thread_key, message)
        return existing is None or existing.by == by

    def _milliseconds(self) -> int:
        return int(self.clock().timestamp() * 1000)

    def _ended(self, keep_until: int = 0) -> dict[str, int]:
        expires = self._expires()["expires"]
        return {"done_at": self._milliseconds(), "expires": min(expires, keep_until or expires)}

    def _expires(self) -> dict[str, int]:
        return {"expires": seconds(self.clock()) + KEEP_SECONDS}


def shard(thread_key: str) -> int:
    """Return the shard of the index of due threads that a thread is in."""
    return hashlib.sha256(thread_key.encode()).digest()[0] % SHARDS


def _apart(origins: Sequence[Update], sendings: Sequence[Update]) -> tuple[list[Update], list[Update]]:
    """Return the writes about sent texts that are right whatever becomes of the turn, and separately the others.

    A text that was sent stays sent. But a write that removes a report waiting at an id must not come before that
    report is pending.
    """
    # Two results for one sending would be a bug, which a transaction refuses and plain writes would hide.
    sent = len({each.key for each in sendings if each.set["state"] == "sent"}) == len(sendings)
    settled = [*(sendings if sent else ()), *(each for each in origins if sent and each.when)]
    return settled, [each for each in (*origins, *sendings) if each not in settled]


def _takes(key: str) -> When:
    """Return the condition on which a thread's list takes a message: it has room, and no message waits aside."""
    return [("pending", Lacks(key)), ("pending", Fewer(MOST_PENDING)), ("waiting", AtMost(0))]


def _after(thread: Thread, changes: Mapping[str, Any]) -> Thread:
    """Return the thread after these changes."""
    return thread.model_copy(update=changes)


def _waited(thread: Thread, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes; if nothing is pending any more, they also end the wait for the helpdesk."""
    over = thread.unfiled is not None and not _after(thread, changes).pending
    return {**changes, "unfiled": None} if over else changes


def _is_kept(signal: Signal) -> bool:
    """Return whether a signal says what no look at the ticket would: an answer's words, how the ticket stands."""
    return signal.answer is not None or signal.stands


def _about(ticket: str, added: Sequence[Recorded]) -> list[Recorded]:
    """Return those that are signals of this ticket."""
    return [each for each in added if each.signal is not None and each.signal.ticket == ticket]


def _goes_on(item: Item | None) -> str:
    """Return the thread in which this one continues; "" if it has not begun or does not continue in another."""
    return str((item or {}).get("alias_of", ""))


def _told(message: Recorded) -> bool:
    """Return whether this signal holds an agent's words, which are not needed once they are relayed."""
    return message.signal is not None and message.signal.answer is not None


def text_digest(text: str) -> str:
    """Return a short digest by which an echo of a text is recognised."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:32]
