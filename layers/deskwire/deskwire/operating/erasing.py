"""Erase a person: their words, files, names and aliases, wherever Deskwire keeps them.

The bare key of each message stays for some weeks, because platforms repeat deliveries for days, and an unknown message
would be filed again. A certificate that names nobody stays for good.

Every step is idempotent, and unfinished work can be found again: the helpdesk and the archive are emptied first, then
the message's own item, through which both are found. So a second run continues where the first one stopped.
A thread is taken as `converse` takes it (`Ledger.take`), so that nothing is filed while it is erased.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deskwire import registry
from deskwire.contracts.actions import owns_uploads
from deskwire.contracts.connector import Reach
from deskwire.contracts.helpdesk import Helpdesk, Redacts, TicketGone
from deskwire.conversation import wording
from deskwire.conversation.directory import Directory
from deskwire.conversation.entries import customer
from deskwire.conversation.ledger import UNENDED, Busy, Ledger, Moved
from deskwire.conversation.mirroring import beginning, shelf
from deskwire.conversation.recorded import ERASED, Outcome, Recorded, recorded
from deskwire.conversation.table import (
    LINK,
    person_digest,
    person_item,
    reference_item,
    seconds,
    survey_item,
    thread_item,
    ticket_item,
)
from deskwire.conversation.thread import Thread
from deskwire.conversation.timers import without_reminders
from deskwire.letters import archived_as, content_in, content_of, read_letter
from deskwire.model.errors import ConfigurationError, DeskwireError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Event, Visibility
from deskwire.model.keys import ADD, compose, digest
from deskwire.model.mirrors import mirror_thread
from deskwire.model.reference import reference
from deskwire.model.tickets import Entry, Sought
from deskwire.ports import (
    Absent,
    Clock,
    Conflict,
    Delete,
    Equals,
    Found,
    Item,
    Key,
    Lacks,
    Pile,
    Update,
    WholeArchive,
    WholeTable,
)
from deskwire.ports.outbox import box
from deskwire.timing import KEEP_SECONDS
from deskwire.transcripts import keys

from .replaying import parked

SOUGHT = (
    "pk", "sk", "event", "author", "channel", "alias_of", "member", "by", "thread", "used_by",
)  # fmt: skip
SLICE = 20  # messages of one thread erased in one go: the thread is held for 150 seconds at most
COUNTS = ("messages", "notes", "threads", "aliases", "redacted", "not_redacted", "files", "parked", "dead", "keys")


@dataclass(frozen=True, slots=True)
class Person:
    """A person on a channel; `author` may be spelt in any way that the channel treats as the same."""

    channel: str
    author: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "author", registry.identity(self.channel, self.author))

    @property
    def digest(self) -> str:
        """The person's id on the certificate: made by scrypt, because an address could be guessed from a plain hash."""
        return _costly(compose(self.channel, self.author))

    @property
    def certificate(self) -> tuple[str, str]:
        """The key of the certificate."""
        return (f"X#erased/{self.digest}", "CERTIFICATE")

    def wrote(self, event: Event | None) -> bool:
        """Return whether they wrote this."""
        author = event.author if event is not None and not event.own else None
        return author is not None and event is not None and self.bears(event.channel, author.id)

    def bears(self, channel: str, author: str) -> bool:
        """Return whether this id is theirs."""
        return bool(author) and channel == self.channel and registry.identity(channel, author) == self.author

    def __repr__(self) -> str:
        return f"Person({self.digest[:8]})"


def _place(item: Item) -> Key:
    return item["pk"], item["sk"]


@functools.lru_cache(maxsize=8)
def _costly(key: str) -> str:
    return hashlib.scrypt(key.encode(), salt=b"deskwire erase", n=4096, r=8, p=1, dklen=20).hex()


@dataclass(frozen=True, slots=True)
class Traces:
    """The items in which a person was found."""

    aliases: frozenset[str]  # keys of threads that go on in one of theirs
    threads: frozenset[str]  # keys of threads with words of theirs, or that know them as the customer
    names: frozenset[str]  # their id and addresses, by which bodies are searched that nobody could read
    counted: frozenset[Key] = frozenset()  # the items in which they are counted for incidents, or are a member of one
    links: Mapping[str, frozenset[Key]] = field(default_factory=dict)  # one-time links, by the thread posted in
    used: frozenset[Key] = frozenset()  # one-time links that they came by


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an erasure would remove now: numbers of each kind, and the tickets that a person must handle."""

    conversations: int
    aliases: int
    messages: int  # with the company's own, where it talked with this person alone
    notes: int
    files: int
    parked: int
    dead: int
    wishes: int
    keys: int  # of the archive of conversations: what this person wrote can be read there
    tickets: tuple[str, ...]

    def __bool__(self) -> bool:
        """Return whether anything was found."""
        return any(asdict(self).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Erases persons. `owner` returns a new lease owner for each thread."""

    table: WholeTable
    archive: WholeArchive
    parked: Pile
    dead: Pile
    directory: Directory
    clock: Clock
    owner: Callable[[], str]

    def find(self, person: Person) -> Traces:
        """Scan the table and return where the person is. This reads the whole table, but erasing is rare."""
        known, wrote, names, aliases, counted = set(), set(), {person.author}, [], set()
        links: list[Item] = []
        by = person_digest(person.channel, person.author)
        for item in self.table.scan(SOUGHT):
            if "member" in item and item.get("by") == by:
                counted.add((item["pk"], item["sk"]))
            key = item["pk"][2:]
            if item["sk"] == LINK:
                links.append(item)
            if item["sk"] == "THREAD" and item.get("alias_of"):
                aliases.append((key, item["alias_of"]))
            author = item.get("author") or {}
            if item["sk"] == "THREAD" and person.bears(item.get("channel", ""), author.get("id", "")):
                known.add(key)
                names |= _addresses(author)
            elif "event" in item and (author := _author(item["event"], person)):
                wrote.add(key)
                names |= _addresses(author)
        led = frozenset(alias for alias, thread in aliases if thread in known)
        threads = frozenset(known | wrote) - led
        posted = {key: frozenset(_place(each) for each in links if each.get("thread") == key) for key in threads}
        came = {digest(key) for key in threads | led}
        used = frozenset(_place(each) for each in links if each.get("used_by") in came)
        return Traces(led, threads, frozenset(names), frozenset(counted), posted, used)

    def certificate(self, person: Person) -> Item | None:
        """Return the certificate of an erasure, which may be unfinished, or None."""
        return self.table.get(person.certificate)

    def preview(self, person: Person) -> Preview:
        """Return what an erasure would find; change nothing. Of many dead letters only the first are seen."""
        traces = self.find(person)
        files = set(self._mentioning(traces.names))
        tickets: set[str] = set()
        messages = notes = 0
        for key in sorted(traces.aliases | traces.threads):
            item = self.table.get(thread_item(key)) or {}
            thread = None if item.get("alias_of") else Thread.model_validate(item or {"pk": thread_item(key)[0]})
            alone, theirs = self._theirs(person, thread, key)
            written = [message for message, _ in theirs if message.content is not None]
            messages, notes = messages + len(written), notes + len(theirs) - len(written)
            names = {name for message, row in theirs for name in _archived(message, row)}
            files |= {name for name in names if name in self.archive.names(name)}
            files |= set(self._shelf(key)) if alone else set()
            if thread is not None:
                numbers = _standing_in(thread, [row for _, row in theirs], alone=alone)
                tickets |= {f"{self._helpdesk(thread)}/{number}" for number in numbers}
        return Preview(
            conversations=len(traces.threads), aliases=len(traces.aliases), messages=messages, notes=notes,
            files=len(files), tickets=tuple(sorted(tickets)),
            parked=_counted(self.parked, lambda each: self._names(each, traces.names)),
            dead=_counted(self.dead, lambda each: self._dead_event(person, traces, each) is not None),
            wishes=int(self.table.get(person_item(person.channel, person.author)) is not None),
            keys=int(bool(keys.name_of(self.table, keys.person(person.channel, person.author)))),
        )  # fmt: skip

    def erase(self, person: Person) -> Item:
        """Erase the person and return the certificate: counts, dates, and what is left for a person to do.

        Its `complete` is false if something could not be done now: run it again. Raises `TemporaryError`.
        """
        now = seconds(self.clock())
        start = Update(person.certificate, set={"complete": False, "run_at": now},
                       initial={"begun_at": now, "by_hand": [], **dict.fromkeys(COUNTS, 0)})  # fmt: skip
        self.table.update(start)
        traces = self.find(person)
        again: set[str] = set()
        left = [*sorted(traces.aliases), *sorted(traces.threads)]  # a thread leads to its aliases, so it is last
        begins: dict[str, Mapping[str, Any]] = {}
        for key in left:
            links = traces.links.get(key, frozenset())
            try:
                mirrors = self._thread(person, key, begins.get(key, {}), led=key in traces.aliases, links=links)
                left += [each for each in mirrors if each not in left]
                begins |= mirrors
            except (Busy, Moved, Conflict):
                again.add("a conversation is being worked on: run it again in three minutes")
            except (TemporaryError, ConfigurationError) as error:
                again.add(f"a helpdesk could not be asked, run it again: {error}")
        for place in sorted(traces.counted | traces.used):
            self.table.transact([Delete(place)])
        self._parked(person, traces.names)
        self._dead(person, traces)
        self._archive(person, traces.names)
        self._destroy(person, keys.person(person.channel, person.author))  # last: nothing more is sealed under it
        own = (person_item(person.channel, person.author), survey_item(person.channel, person.author))
        self.table.transact([Delete(key) for key in own])
        end = {"complete": not again, "again": sorted(again), "ended_at": seconds(self.clock())}
        return self.table.update(Update(person.certificate, set=end))

    def _count(self, person: Person, what: str, number: int = 1) -> None:
        self.table.update(Update(person.certificate, add={what: number}))

    def _destroy(self, person: Person, owner: str) -> None:
        """Destroy a key of the archive of conversations, and so erase the words under it."""
        counted = Update(person.certificate, add={"keys": 1})
        keys.destroy(self.table, owner, seconds(self.clock()), [counted])

    # ---------------------------------------------------------------- a conversation

    def _thread(
        self, person: Person, key: str, begins: Mapping[str, Any], *, led: bool, links: frozenset[Key]
    ) -> dict[str, Mapping[str, Any]]:
        """Erase a thread with the links posted in it; return its mirrors, each with the fields it `begins` with.

        A copy may be on its way to a mirror that does not exist yet, or whose worker died as it began.
        """
        item = self.table.get(thread_item(key)) or {}
        if item.get("alias_of"):  # nobody works on it
            if (home := self._home(person, key)) is not None:
                self._bar_echoes(home, key)
            self._slice(person, None, key, most=None)
            if led:
                self.table.transact([Delete(thread_item(key)), Update(person.certificate, add={"aliases": 1})])
            return {}
        left = True
        mirrors: dict[str, Mapping[str, Any]] = {}
        while left:
            ledger = Ledger(self.table, self.clock, self.owner())
            thread = ledger.take(key, None, "", begins)
            ledger.conclude(thread)
            mirrors = {mirror_thread(each, key): beginning(each, key, thread) for each in self._mirrored(thread)}
            left = self._held(person, ledger, thread, links)
        return mirrors

    def _held(self, person: Person, ledger: Ledger, thread: Thread, links: frozenset[Key]) -> bool:
        """Erase some messages of a thread that we have taken; return whether some are left."""
        erased = {**thread.erased, person_digest(person.channel, person.author): seconds(self.clock())}
        # First of all: what is still on its way to this thread is not filed any more (`decide`).
        mine = [("lease_owner", Equals(ledger.owner))]
        self.table.update(Update(thread_item(thread.key), set={"erased": erased}, when=mine))
        gone: set[str] = set()
        changes: dict[str, Any] = {}
        trouble: DeskwireError | None = None
        left = False
        try:
            if self._theirs(person, thread, thread.key)[0]:
                self._bar_echoes(thread, thread.key)  # before it is looked for what has come
            alone, left = self._slice(person, thread, thread.key, most=SLICE, gone=gone)
            if not left:
                self._tickets(person, thread, alone=alone)
                if alone:  # else a link may be somebody else's
                    self._remove_ways(thread, links)
                    self._remove_answers(person, thread)
                    self._destroy(person, keys.conversation(thread.key))
                changes = self._forgotten(person, thread, alone=alone)
        except (TemporaryError, ConfigurationError) as error:
            trouble = error
        pending = [key for key in thread.pending if key not in gone]
        missing = [key for key in thread.missing if key not in gone]
        clean = [key for key in thread.was_clean if key in {*pending, *missing}]
        changes |= {"pending": pending, "missing": missing, "clean": clean}
        if pending or thread.waiting:
            changes["due_at"] = seconds(self.clock())  # sweep has somebody go on with what is others'
        # Of what a dead worker began to send nobody will ask again.
        unended = [
            (key, "unknown", (), UNENDED) for key in thread.sending if not left and ledger.begun(thread.key, key)
        ]
        ledger.finish(thread, outcomes=[], changes=changes, sent=unended)
        if trouble is not None:
            raise trouble
        if not left:
            self._count(person, "threads")
        return left

    def _slice(
        self, person: Person, thread: Thread | None, key: str, *, most: int | None, gone: set[str] | None = None
    ) -> tuple[bool, bool]:
        """Erase some messages; return whether the conversation is only with this person, and whether some are left."""
        alone, theirs = self._theirs(person, thread, key)
        for message, row in theirs[:most]:
            self._message(person, thread, message, row)
            if gone is not None:
                gone.add(message.key)
        return alone, most is not None and len(theirs) > most

    def _theirs(self, person: Person, thread: Thread | None, key: str) -> tuple[bool, list[tuple[Recorded, Item]]]:
        """Return whether a conversation is only with this person, and its messages to erase."""
        rows = [row for row in self.table.query(f"T#{key}", "M#") if "event" in row or row.get("note")]
        messages = [(recorded(row), row) for row in rows]
        if thread is None:
            alone = self._home(person, key) is not None
        else:
            alone = _alone(person, thread, [message for message, _ in messages])
        return alone, [(message, row) for message, row in messages if alone or person.wrote(message.event)]

    def _home(self, person: Person, alias: str) -> Thread | None:
        """Return the conversation that an alias leads to; None if it is not only with this person."""
        home = str((self.table.get(thread_item(alias)) or {}).get("alias_of", ""))
        item = (self.table.get(thread_item(home)) if home else None) or {}
        if not item or item.get("alias_of"):
            return None
        thread = Thread.model_validate(item)
        return thread if self._theirs(person, thread, home)[0] else None

    def _bar_echoes(self, thread: Thread, key: str) -> None:
        """Record the bare keys of the echoes of a thread's sent texts in the thread or alias `key`.

        An echo that a platform delivers later, or that a worker is about to record, is then a redelivery.
        """
        ledger = Ledger(self.table, self.clock, self.owner())
        for row in self.table.query(f"T#{thread.key}", "S#"):
            for identifier in row.get("ids", ()):
                echo = compose(thread.channel, thread.account, identifier, ADD, "")
                ledger.record(key, Recorded(key=echo, state=Outcome.SUPPRESSED, reason=ERASED, by=row["sk"]))

    def _message(self, person: Person, thread: Thread | None, message: Recorded, row: Item) -> None:
        """Erase one message: first in the helpdesk and the archive, then its item, with the count in the same write."""
        counts = {"notes" if message.content is None else "messages": 1}
        ticket, entry = self._stands(thread, message) if thread is not None else ("", "")
        if thread is not None and entry:
            counts["redacted" if self._redacted(thread, ticket, entry) else "not_redacted"] = 1
        if files := sum(self.archive.remove(name) for name in _archived(message, row)):
            counts["files"] = files
        now = seconds(self.clock())
        ended: Mapping[str, Any] = {}
        if not message.done:
            ended = {"state": str(Outcome.SUPPRESSED), "reason": ERASED, "done_at": now * 1000, "ticket": ticket}
        bare = Update(
            (row["pk"], row["sk"]),
            set={"erased": True, **ended},
            initial={"expires": now + KEEP_SECONDS},
            remove=("event", "raw", "raw_at", "note", "files", "trouble", "opinion", "figures"),
            when=[("erased", Absent())],
        )
        self.table.transact([bare, Update(person.certificate, add=counts)])

    def _stands(self, thread: Thread, message: Recorded) -> tuple[str, str]:
        """Return the ticket and the entry of a message, if there are any.

        The helpdesk is asked if a worker may have filed it and stopped before it was recorded. Raises its errors.
        """
        if message.done:
            return (message.ticket or thread.ticket, message.entry) if message.state == Outcome.FILED else ("", "")
        if message.key in thread.was_clean or not self._helpdesk(thread):
            return "", ""
        helpdesk, inside = self._asking(thread)
        ticket = message.ticket or thread.ticket
        try:
            if not ticket and helpdesk.abilities.find_open:
                opened = helpdesk.find(_sought(thread, compose("open", thread.filing_key), "", message), inside)
                ticket = opened.ticket if opened is not None else ""
            if not ticket or not helpdesk.abilities.find_append:
                return ticket, ""
            found = helpdesk.find(_sought(thread, message.key, ticket, message), inside)
        except (PermanentError, TicketGone):
            return ticket, ""
        return (found.ticket, found.entries.get(message.key, "")) if found is not None else (ticket, "")

    def _redacted(self, thread: Thread, ticket: str, entry: str) -> bool:
        """Ask the helpdesk to redact an entry; return whether it is gone. Raises if it cannot be asked now."""
        helpdesk, inside = self._asking(thread)
        if not isinstance(helpdesk, Redacts):
            return False
        try:
            return helpdesk.redact(ticket, entry, inside)
        except (PermanentError, TicketGone):
            return False

    def _asking(self, thread: Thread) -> tuple[Helpdesk, Reach]:
        """Return the thread's helpdesk. Raises `TemporaryError` while it is left alone, `ConfigurationError`."""
        definition = self.directory.helpdesk(self._helpdesk(thread))
        self.directory.neighbours.admit(definition.key[0])
        return self.directory.helpdesk_of(definition)

    def _helpdesk(self, thread: Thread) -> str:
        """Return the helpdesk of a thread, even if the worker that opened its ticket stopped before it was recorded."""
        connection = self.directory.connection(thread.channel, thread.account)
        return thread.helpdesk or thread.opens_in or (connection.helpdesk if connection is not None else "")

    def _tickets(self, person: Person, thread: Thread, *, alone: bool) -> None:
        """Cut the ways back from the tickets, and list them on the certificate: their subject and requester remain."""
        rows = [row for row in self.table.query(f"T#{thread.key}", "M#") if row.get("erased")]
        named = (self.table.get(person.certificate) or {}).get("by_hand", ())
        for ticket in sorted(_standing_in(thread, rows, alone=alone)):
            cut = self._cut(thread, ticket, named) if alone else []
            self._name(person, f"{self._helpdesk(thread)}/{ticket}", cut)

    def _cut(self, thread: Thread, ticket: str, named: Sequence[str]) -> list[Delete]:
        """Note on a ticket not `named` yet that it is cut off; return the write that cuts its way back."""
        helpdesk = self._helpdesk(thread)
        back = ticket_item(helpdesk, ticket)
        target = (self.table.get(back) or {}).get("thread", "")
        if target in {"", thread.key} and f"{helpdesk}/{ticket}" not in named:
            self._tell(thread, ticket)
        return [Delete(back)] if target == thread.key else []

    def _name(self, person: Person, name: str, cut: Sequence[Delete]) -> None:
        """Name a ticket on the certificate, and cut its way back in the same write."""
        told = Update(person.certificate, append={"by_hand": name}, when=[("by_hand", Lacks(name))])
        try:
            self.table.transact([*cut, told])
        except Conflict:  # it is named already
            if cut:
                self.table.transact(cut)

    def _remove_ways(self, thread: Thread, links: frozenset[Key]) -> None:
        """Remove the thread's outbox, references and one-time links."""
        shown = [(row["pk"], row["sk"]) for row in self.table.query(box(thread.key))]
        ours = [reference_item(reference(thread.key, epoch)) for epoch in range(thread.epoch + 1)]
        gone = [Delete(key) for key in (*shown, *ours, *sorted(links))]
        for start in range(0, len(gone), 50):
            self.table.transact(gone[start : start + 50])

    def _mirrored(self, thread: Thread) -> list[str]:
        """Return the helpdesks into which a conversation is copied.

        A worker may have sent an answer to be copied, and stopped before it recorded that in the thread.
        """
        named = [row["mirror"] for row in self.table.query(f"T#{thread.key}", "S#") if "mirror" in row]
        return [*dict.fromkeys([*thread.mirrored, *named])]

    def _remove_answers(self, person: Person, thread: Thread) -> None:
        """Remove the words and the files of agents' answers, which were kept for a mirror."""
        for name in self._shelf(thread.conversation):
            if self.archive.remove(name):
                self._count(person, "files")
        for row in self.table.query(f"T#{thread.key}", "S#"):
            if "words" in row:
                self.table.update(Update(_place(row), set={"erased": True}, remove=("words", "files")))

    def _shelf(self, key: str) -> list[str]:
        """Return the names of a conversation's files that were kept for a mirror."""
        return list(self.archive.names(f"{shelf(key)}/"))

    def _tell(self, thread: Thread, ticket: str) -> None:
        """Note on a ticket, before its way back is cut, that answers there no longer reach the customer."""
        helpdesk, inside = self._asking(thread)
        note = Entry(
            key=compose("erased", self._helpdesk(thread), ticket),
            body=wording.forgotten(),
            written_at=None,
            public=False,
        )
        try:
            told = helpdesk.abilities.find_append and helpdesk.find(_sought(thread, note.key, ticket), inside)
            if not told:
                helpdesk.append(ticket, thread.filing_key, [note], inside)
        except (PermanentError, TicketGone):
            return  # nobody writes there any more

    def _forgotten(self, person: Person, thread: Thread, *, alone: bool) -> dict[str, Any]:
        """Return the fields to clear in the thread's own item."""
        changes: dict[str, Any] = {}
        if alone or any(person.bears(thread.channel, each) for each in thread.ids):
            changes = {"author": {}, "known_as": [], "context": {}, "contact": "", "language": "", "past": None}
        if thread.writers:
            left = [asdict(each) for each in thread.writers if not alone and not person.bears(thread.channel, each.id)]
            changes["writers"] = left
        if thread.guards:
            others = [each for each in thread.guards if not alone and not person.bears(each.place[0], each.writer)]
            changes["guards"] = thread.model_copy(update={"guards": tuple(others)}).model_dump(mode="json")["guards"]
        if alone:  # who writes again begins anew; who does not is gone with the last key
            changes |= {"timers": without_reminders(thread), "ticket": "", "epoch": thread.epoch + 1, "reply_to": "",
                        "said": None, "survey": None, "clock": None, "kept": [], "earlier": [], "guarded": {},
                        "recall": False, "priority": "", "tags": [], "case": None, "offered_until": 0,
                        "expires": seconds(self.clock()) + KEEP_SECONDS}  # fmt: skip
        return changes

    # ---------------------------------------------------------------- queues and archive

    def _parked(self, person: Person, names: Iterable[str]) -> None:
        """Remove parked deliveries that name the person; they are unreadable, so a search for the name must do."""
        lying = self.parked.look()
        try:
            for found in lying:
                if self._names(found, names):
                    self.parked.remove(found)
                    self._count(person, "parked")
        finally:
            self.parked.put_back(lying)

    def _names(self, lying: Found, names: Iterable[str]) -> bool:
        """Return whether a parked delivery names the person."""
        try:
            delivery = parked(lying, self.archive)
        except PayloadError:
            return mentioned(lying.body, names)
        return mentioned(delivery.body.decode("utf-8", "replace") + json.dumps(delivery.fragment), names)

    def _dead(self, person: Person, traces: Traces) -> None:
        """Remove dead letters with the person's words; their events end as erased."""
        more = True
        while more:  # of a FIFO group only the first are shown
            more = False
            lying = self.dead.look()
            try:
                for found in lying:
                    if self._dead_one(person, traces, found):
                        more = True
            finally:
                self.dead.put_back(lying)

    def _dead_event(self, person: Person, traces: Traces, lying: Found) -> tuple[dict[str, Any], Event] | None:
        """Return a dead letter's data and its event if it is to be erased."""
        try:
            data = read_letter(lying.body)
            event = content_of(data, self.archive) if "event" in data else None
        except PayloadError:
            return None
        if not isinstance(event, Event):
            return None
        theirs = event.own and event.visibility is Visibility.PRIVATE and event.thread_key in traces.threads
        return (data, event) if theirs or person.wrote(event) else None

    def _dead_one(self, person: Person, traces: Traces, found: Found) -> bool:
        meant = self._dead_event(person, traces, found)
        if meant is None:
            return False
        data, event = meant
        ended = Recorded(key=event.key, state=Outcome.SUPPRESSED, reason=ERASED, endpoint=str(data["endpoint"]),
                         received_at=str(data["received_at"]))  # fmt: skip
        Ledger(self.table, self.clock, self.owner()).record(data.get("thread") or event.thread_key, ended)
        for name in (data.get("raw_at"), data.get("event_at")):
            if name:
                self._count(person, "files", int(self.archive.remove(str(name))))
        self.dead.remove(found)
        self._count(person, "dead")
        return True

    def _archive(self, person: Person, names: Iterable[str]) -> None:
        for name in self._mentioning(names):
            if self.archive.remove(name):
                self._count(person, "files")

    def _mentioning(self, names: Iterable[str]) -> Iterator[str]:
        """Yield large objects of the archive that name the person: their message's record may have expired."""
        for prefix in ("raw/", "parked/"):
            for name in list(self.archive.names(prefix)):
                try:
                    text = self.archive.fetch(name).decode("utf-8", "replace")
                except PermanentError:
                    continue
                if mentioned(_unpacked(text) if prefix == "parked/" else text, names):
                    yield name


def _standing_in(thread: Thread, rows: Iterable[Item], *, alone: bool) -> set[str]:
    """Return the tickets with these messages, and the conversation's own if it is only with this person."""
    own = {thread.ticket} if alone else set()
    return {ticket for ticket in {*own, *(row.get("ticket", "") for row in rows)} if ticket}


def _counted(pile: Pile, meant: Callable[[Found], bool]) -> int:
    """Return how many of a pile's visible messages match, and put all back."""
    lying = pile.look()
    try:
        return sum(map(meant, lying))
    finally:
        pile.put_back(lying)


def mentioned(text: str, names: Iterable[str]) -> bool:
    """Return whether a text has one of these ids or addresses as a whole word."""
    return any(re.search(rf"(?<![\w.@+-]){re.escape(name)}(?![\w@-])", text, re.IGNORECASE) for name in names)


def _unpacked(text: str) -> str:
    """Return a parked delivery's original body, or the text itself if it is not a parked delivery."""
    try:
        content = json.loads(text)
        return base64.b64decode(content["body"]).decode("utf-8", "replace") + str(content.get("fragment", ""))
    except (KeyError, TypeError, ValueError):
        return text


def _addresses(author: Mapping[str, str]) -> set[str]:
    return {author[name] for name in ("id", "email", "phone") if author.get(name)}


def _author(event: bytes, person: Person) -> dict[str, str]:
    """Return an event's author if it is this person, else None."""
    found = content_in(event)
    if not isinstance(found, Event) or found.author is None or not person.wrote(found):
        return {}
    return asdict(found.author)


def _alone(person: Person, thread: Thread, messages: Sequence[Recorded]) -> bool:
    """Return whether a conversation is only with this person: then the company's words in it are erased as well."""
    customers = [m for m in messages if m.event is not None and m.event.author is not None and not m.event.own]
    theirs = [m for m in customers if person.wrote(m.event)]
    known = (thread.channel, thread.author.get("id")) == (person.channel, person.author)
    return len(theirs) == len(customers) and (known or bool(theirs))


def _sought(thread: Thread, key: str, ticket: str, message: Recorded | None = None) -> Sought:
    """Return what to look for in the helpdesk: this message's entry or a note of ours in the thread."""
    event = message.event if message is not None else None
    author = event.author if event is not None and not event.own else None
    proved = thread.channel not in registry.channel_names() or registry.channel(thread.channel).proves_authors
    return Sought(
        key=key,
        ticket=ticket,
        thread=thread.filing_key,
        customer=customer(thread, event, author, proved=proved),
        since=message.since if message is not None else None,
    )


def _archived(message: Recorded, row: Item) -> list[str]:
    """Return the names of a message's objects in the archive."""
    names = [row["raw_at"]] if row.get("raw_at") else []
    event = message.event
    if event is None:
        return names
    if name := archived_as(row["event"]):
        names.append(name)
    if event.stored:
        names.append(f"originals/{message.endpoint}/{event.stored}")
    if event.channel in registry.channel_names() and owns_uploads(registry.channel(event.channel)):
        names += [f"incoming/{attachment.id}" for attachment in event.attachments if attachment.id]
    return names
