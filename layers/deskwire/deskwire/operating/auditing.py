"""Check that every event has exactly one outcome, and list those that have none, with what to do about them.

This scans the whole table, so only an operator's command does it. `sweep` counts the same strays at no cost: a thread
that was taken is in the index of due threads until it is finished (`Ledger.take`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deskwire.configuration import connection_key
from deskwire.conversation.recorded import ASIDE, MOVED, RECORDED, recorded
from deskwire.conversation.table import message_item, seconds
from deskwire.letters import copy, distinct, letter_of, notices, routed, timer
from deskwire.model.keys import digest
from deskwire.model.mirrors import ENDS, is_mirror, is_to_be_copied, mirror_thread
from deskwire.model.notices import Notice
from deskwire.model.signals import Signal
from deskwire.ports import Archive, Item, Key, Letter, Mailbox, Table, WholeTable
from deskwire.timing import DELIVERED_WITHIN, GIVE_UP, OVERDUE_AFTER

ATTRIBUTES = (
    "pk", "sk", "state", "reason", "kind", "note", "by", "recorded_at", "begun_at", "done_at", "at", "mirror",
)  # fmt: skip

OVERDUE, FORSAKEN, UNTAKEN, NOWHERE, TOO_OLD, UNSURE, UNCOPIED = (
    "overdue", "forsaken", "not taken", "moved nowhere", "waits too long", "sending", "not mirrored",
)  # fmt: skip
ADVICE = {
    OVERDUE: "sweep wakes it and no worker finishes it: look for the thread's digest in converse's log",
    FORSAKEN: "its worker died and nothing wakes it: run `deskwire audit --mend`",
    UNTAKEN: "recorded, and never begun: replay it if `deskwire dead` lists it, else run `deskwire audit --mend`",
    NOWHERE: "it did not arrive in the thread it was moved to: run `deskwire audit --mend`",
    TOO_OLD: "it was to be given up by now: look for the thread's digest in converse's log",
    UNCOPIED: "it was filed, and not copied into the second helpdesk: run `deskwire audit --mend`",
    UNSURE: "its sending was begun and never ended: look in the channel whether it went out, and tell the agent",
}


UNENDED = frozenset({OVERDUE, FORSAKEN, UNTAKEN, TOO_OLD})
DISCARDED = "X#discarded"  # the partition of what an operator discarded, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """An event without an outcome, or a text that may or may not have been sent."""

    connection: str
    age: int  # seconds
    state: str
    thread: str
    key: str

    @property
    def event(self) -> str:
        """The digest that logs use for it."""
        return digest(self.key)[:12]

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The table's events within a span of time, by outcome."""

    since: datetime
    until: datetime
    outcomes: Mapping[str, int]  # how many events ended how
    moved: int  # these go on in another thread, and are counted there
    waiting: int  # without an outcome yet, and somebody is to go on with them
    notes: int  # of ours, on their way into a ticket or there
    discarded: int  # parked or dead, and an operator said why not
    mirrored: Mapping[str, int] = field(default_factory=dict)  # of the events, how their copies in a mirror ended
    aside: Mapping[str, int] = field(default_factory=dict)  # of the suppressed, what got no ticket by policy: by reason
    strays: Sequence[Stray] = ()

    @property
    def events(self) -> int:
        """The number of recorded events: each has an outcome, waits for one, or is a stray."""
        without = [each for each in self.strays if each.state in UNENDED and not is_mirror(each.thread)]
        return sum(self.outcomes.values()) + self.waiting + len(without)


@dataclass
class _Walk:
    """The state of one scan: counts, and the keys of items to check individually."""

    outcomes: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    mirrored: Counter[str] = field(default_factory=Counter)
    notes: int = 0
    discarded: int = 0
    unended: list[Key] = field(default_factory=list)
    moved: list[Key] = field(default_factory=list)
    sending: list[Key] = field(default_factory=list)
    copied: dict[Key, Key] = field(default_factory=dict)  # by where the copy is to be: of what
    copies: set[Key] = field(default_factory=set)

    def see(self, item: Item, since: int) -> None:
        """Count one item; `since` in Unix seconds."""
        key = (item["pk"], item["sk"])
        if key[0] == DISCARDED:
            self.discarded += item.get("at", 0) >= since
        elif key[1].startswith("S#"):
            self.copy(key, item, since)
            if item.get("state") == "sending" and item.get("begun_at", 0) >= since:
                self.sending.append(key)
        elif key[1].startswith("M#"):
            self.copy(key, item, since)
            if item.get("recorded_at", 0) >= since * 1000:
                self.message(key, item)

    def copy(self, key: Key, item: Item, since: int) -> None:
        """Note where an item is to be copied, or that it is a copy."""
        if is_mirror(key[0][2:]):
            self.copies.add(key)
        elif "mirror" not in item or not is_to_be_copied(key[1], item.get("state", "")):
            return
        elif item.get("done_at", 0) >= since * 1000:
            mirror = mirror_thread(item["mirror"], key[0][2:])
            self.copied[message_item(mirror, key[1][2:])] = key

    def message(self, key: Key, item: Item) -> None:
        """Count one message. A mirror's copy was counted in its conversation."""
        if is_mirror(key[0][2:]) and item["state"] != RECORDED:
            if not item.get("note"):
                self.mirrored[item["state"]] += 1
        elif item["state"] == RECORDED:
            self.unended.append(key)
        elif item.get("note"):
            self.notes += 1
        elif not item.get("by") or "kind" in item:  # else the second key of an event that turned out to be another
            if item["state"] == MOVED:
                self.moved.append(key)
            else:
                self.outcomes[item["state"]] += 1
                if str(item.get("reason", "")).startswith(f"{ASIDE}: "):
                    self.aside[item["reason"]] += 1


def audit(table: WholeTable, *, since: datetime, now: datetime) -> Audit:
    """Return what became of every event recorded since `since`."""
    walk = _Walk()
    for item in table.scan(ATTRIBUTES):
        walk.see(item, seconds(since))
    strays: list[Stray] = []
    waiting = 0
    for key in walk.unended:
        found = table.get(key)  # again: the walk took its time, and others went on
        if found is None:
            continue
        if found["state"] != RECORDED:
            walk.message(key, found)
        elif state := _unended(_thread(table, key[0]), found, now):
            strays.append(_stray(table, state, found, now))
        elif found.get("note"):
            walk.notes += 1
        elif is_mirror(key[0][2:]):
            walk.mirrored[RECORDED] += 1
        else:
            waiting += 1
    for state, keys, astray in ((NOWHERE, walk.moved, _nowhere), (UNSURE, walk.sending, _unsure)):
        rows = [row for key in keys if (row := table.get(key)) and astray(table, row, now)]
        strays += [_stray(table, state, row, now) for row in rows]
    strays += _uncopied(table, {place: key for place, key in walk.copied.items() if place not in walk.copies}, now)
    strays.sort(key=lambda each: -each.age)
    return Audit(since=since, until=now, outcomes=dict(sorted(walk.outcomes.items())), moved=len(walk.moved),
                 waiting=waiting, notes=walk.notes, discarded=walk.discarded, strays=strays,
                 mirrored=dict(sorted(walk.mirrored.items())), aside=dict(sorted(walk.aside.items())))  # fmt: skip


def _thread(table: Table, pk: str) -> Item:
    return table.get((pk, "THREAD")) or {}


def _age(item: Item, now: datetime) -> int:
    began = item["recorded_at"] // 1000 if "recorded_at" in item else item.get("begun_at", 0)
    return seconds(now) - int(began)


def _unended(thread: Item, item: Item, now: datetime) -> str:
    """Return why a recorded message without an outcome is a stray; "" if it waits as it should."""
    age, here = _age(item, now), seconds(now)
    if age > (GIVE_UP + OVERDUE_AFTER).total_seconds():
        return TOO_OLD
    if thread.get("lease_until", 0) > here:
        return ""
    if item["sk"][2:] not in (*thread.get("pending", []), *thread.get("missing", [])) and not _aside(thread, item):
        return UNTAKEN if age > DELIVERED_WITHIN.total_seconds() else ""
    if "due_at" not in thread:
        return FORSAKEN if age > DELIVERED_WITHIN.total_seconds() else ""
    return OVERDUE if here - thread["due_at"] > OVERDUE_AFTER.total_seconds() else ""


def _aside(thread: Item, item: Item) -> bool:
    """Return whether a message waits on one of its thread's pages (see `overflow`)."""
    first = thread.get("aside", 0) - thread.get("waiting", 0)
    return bool(thread.get("waiting")) and item.get("aside", -1) >= first


def _nowhere(table: Table, item: Item, now: datetime) -> bool:
    """Return whether a moved message never arrived in the thread that continues its own."""
    if _age(item, now) <= DELIVERED_WITHIN.total_seconds():
        return False
    elsewhere = _thread(table, item["pk"]).get("alias_of")
    return not elsewhere or table.get(message_item(elsewhere, item["sk"][2:])) is None


def _unsure(table: Table, item: Item, now: datetime) -> bool:
    """Return whether a text's sending was begun, and no turn is going to find out whether it was sent."""
    thread = _thread(table, item["pk"])
    idle = thread.get("lease_until", 0) <= seconds(now) and not thread.get("pending") and not thread.get("missing")
    return item.get("state") == "sending" and idle and _age(item, now) > DELIVERED_WITHIN.total_seconds()


def _uncopied(table: Table, copied: Mapping[Key, Key], now: datetime) -> list[Stray]:
    """Return the filed messages that never arrived in their mirror."""
    strays = []
    for place, key in copied.items():
        item = table.get(key) if table.get(place) is None else None
        if item is None or item.get("erased") or _since_done(item, now) <= DELIVERED_WITHIN.total_seconds():
            continue
        strays.append(_stray(table, UNCOPIED, item, now))
    return strays


def _since_done(item: Item, now: datetime) -> int:
    return seconds(now) - int(item.get("done_at", 0)) // 1000


def _stray(table: Table, state: str, item: Item, now: datetime) -> Stray:
    thread_key, thread = item["pk"][2:], _thread(table, item["pk"])
    channel, account = thread.get("channel", ""), thread.get("account", "")
    if not account and "event" in item:
        content = recorded(item).content
        channel, account = (content.connector, content.account) if content else ("", "")
    definition = table.get(connection_key(channel, account)) if account else None
    return Stray(connection=definition["name"] if definition else f"{channel}/{account}", age=_age(item, now),
                 state=state, thread=thread_key, key=item["sk"][2:])  # fmt: skip


def mend(table: Table, mailbox: Mailbox, archive: Archive, strays: Sequence[Stray], now: datetime) -> int:
    """Put strays on the mailbox again; return the number of letters. This may be repeated: nothing is filed twice."""
    letters: list[Letter] = []
    for stray in strays:
        if stray.state == UNSURE:
            continue
        if stray.state == UNCOPIED:
            letters += _copies(table, stray)
            continue
        letter = timer(stray.thread, f"mended {seconds(now) // 60}")
        if stray.state in {UNTAKEN, NOWHERE}:
            item = table.get(message_item(stray.thread, stray.key))
            if item is None or "event" not in item:
                continue
            letter = again(stray.thread, item, archive)
        letters.append(letter)
    letters = distinct(letters)
    if letters:
        mailbox.send(letters)
    return len(letters)


def _copies(table: Table, stray: Stray) -> list[Letter]:
    """Return the letter that copies an item into its mirror; none if the item is gone by now."""
    found = {item: table.get((f"T#{stray.thread}", item)) or {} for item in (kind + stray.key for kind in ENDS)}
    return [copy(str(row["mirror"]), stray.thread, item) for item, row in found.items() if "mirror" in row]


def again(thread_key: str, item: Item, archive: Archive) -> Letter:
    """Return a letter for a recorded message, as it was received."""
    message = recorded(item)
    content = message.content
    if content is None:
        raise ValueError("a note of ours came by no letter")
    side = "helpdesks" if isinstance(content, Signal) else "channels"
    if isinstance(content, Notice):
        (letter,) = notices([content], message.received_at)
    else:
        letter = letter_of(content, message.endpoint, side, message.received_at, archive)
    if item["state"] == MOVED or thread_key == content.thread_key:
        return letter
    forwarded = routed(letter, thread_key, archive)
    return Letter(forwarded.group, letter.dedupe, forwarded.body)
