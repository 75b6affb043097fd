"""The balance and the promises, from what others keep: the table, the queues, the platforms, the helpdesk.

Nothing here asks Deskwire's own counters. What must have happened is the script's (`sandbox.ledger`), what was
delivered and how it was answered is the sender's.
"""

from __future__ import annotations

import hashlib
import json
import re
import statistics
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote

from boto3.dynamodb.types import TypeDeserializer

from deskwire import registry
from deskwire.conversation.incidents import Incident, member_item
from deskwire.operating.incidents import listed
from deskwire.ports import SHARDS
from sandbox.neighbours.desk import By, Comment, Ticket
from sandbox.neighbours.platform import Spoken
from sandbox.neighbours.sender import State
from sandbox.northwind.company import Company
from sandbox.northwind.notes import EARLIER, MARKER, Happening, Identity, Talk
from sandbox.northwind.offices import is_open
from sandbox.northwind.script import Script

SECOND_KEY = "the key of a completed event"  # under which an event is known as well
SOON = timedelta(hours=1)  # within which what is still to be done is due: no retry waits longer
ENDED = {"filed", "merged", "suppressed", "refused", "dead"}
DISMISSED = {"read", "react"}  # what was done there ends in `receive`: counted, without an item
AS_ALWAYS = 60.0  # seconds from a delivery to its acknowledgement that have nothing to do with the helpdesk
NEWS = "works again"  # stands in what everybody in an incident is told
ASKED = "How satisfied are you"  # in what the customer of a solved ticket is asked
OURS = (NEWS, ASKED)  # in what Deskwire says without a reference
SHOWN = 5  # offending items named for each promise


@dataclass(frozen=True, slots=True)
class Kept:
    """One event in the table."""

    identity: Identity
    state: str
    reason: str


@dataclass(slots=True)
class Row:
    """One channel's figures."""

    deliveries: int = 0
    events: int = 0
    tickets: int = 0
    comments: int = 0
    acknowledgements: int = 0
    duplicates: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    parked: int = 0
    refused: int = 0


class Finding(NamedTuple):
    """Something that was looked at: its name, what is wrong with it (empty: nothing), the happenings it is about."""

    name: str
    fault: str = ""
    about: Sequence[Happening] = ()


@dataclass(slots=True)
class Promise:
    """One promise: how much was looked at, and what broke it."""

    words: str
    checked: int = 0
    broken: list[str] = field(default_factory=list)


def spoken(company: Company) -> list[Spoken]:
    """Return everything the company said to customers, from the platforms' own books."""
    found = [each for platform in company.platforms.values() for each in platform.spoken()]
    for mail in company.mails:
        at = datetime.fromtimestamp(mail["Timestamp"], UTC)
        found += [Spoken(f"mail {recipient}", mail["BodyText"], at) for recipient in mail["To"]]
    return found


def kept(company: Company) -> tuple[list[Kept], list[str], dict[str, str]]:
    """Return the events in the table, the threads with something left to do, and how each acknowledgement ended."""
    client, read = company.stack.client("dynamodb"), TypeDeserializer().deserialize
    events: list[Kept] = []
    busy: list[str] = []
    acknowledgements: dict[str, str] = {}
    for page in client.get_paginator("scan").paginate(TableName=company.stack.deployed.table):
        for raw in page["Items"]:
            item = {name: read(value) for name, value in raw.items()}
            if item["sk"] == "THREAD" and (item.get("pending") or item.get("lease_owner")):
                busy.append(item["pk"])
            if item["sk"].startswith("S#ack/"):
                acknowledgements[item["pk"][2:]] = f"{item['state']}: {item.get('reason', '')}"
            identity = _identity(item)
            if identity is not None and item["state"] != "moved" and item.get("reason") != SECOND_KEY:
                events.append(Kept(identity, item["state"], item.get("reason", "")))
    return events, busy, acknowledgements


def incidents(company: Company) -> list[tuple[Incident, set[str]]]:
    """Return each incident, and the keys of its members' threads."""
    table = company.table
    return [(each, {item["member"] for item in table.query(*member_item(each.id, ""))}) for each in listed(table)]


def due(company: Company) -> int:
    """Return how many threads have something left to do; a look at the index, and no walk through the table.

    What is due in hours reminds an agent of a customer who waits, and is nothing that is left.
    """
    client, found = company.stack.client("dynamodb"), 0
    soon = str(int((datetime.now(UTC) + SOON).timestamp()))
    for shard in range(SHARDS):
        for page in client.get_paginator("query").paginate(
            TableName=company.stack.deployed.table, IndexName="due", Select="COUNT",
            KeyConditionExpression="due_shard = :shard AND due_at <= :soon",
            ExpressionAttributeValues={":shard": {"S": str(shard)}, ":soon": {"N": soon}},
        ):  # fmt: skip
            found += page["Count"]
    return found


def _identity(item: dict[str, Any]) -> Identity | None:
    """Return which event's outcome an item is, also where its words were not kept; None for signals and the rest."""
    if not item["sk"].startswith("M#") or item["sk"].startswith(("M#note/", "M#incident/")):
        return None
    if "event" in item:
        told = json.loads(zlib.decompress(bytes(item["event"])))
        if "helpdesk" in told:
            return None
        return (told["channel"], told["account"], told["object_id"], told["verb"])
    parts = [unquote(part) for part in item["sk"][2:].split("/")]
    if len(parts) != 5 or parts[0] in registry.helpdesk_names():
        return None
    return (parts[0], parts[1], parts[2], parts[3])


def parked(company: Company) -> list[dict[str, Any]]:
    """Return what is in the parked queue (and leave it there)."""
    client = company.stack.client("sqs")
    found: dict[str, dict[str, Any]] = {}
    while True:
        answer = client.receive_message(
            QueueUrl=company.stack.deployed.parked, MaxNumberOfMessages=10, VisibilityTimeout=30, WaitTimeSeconds=0
        )
        if not answer.get("Messages"):
            return list(found.values())
        for message in answer["Messages"]:
            found[message["MessageId"]] = json.loads(message["Body"])


class Books:
    """Everything read once, after the script; `promises` and `rows` are what it says."""

    def __init__(self, company: Company, script: Script) -> None:
        """Read all books."""
        self.company = company
        self.script = script
        self.notes = script.notes
        self.deliveries = {each.number: each for each in company.sender.deliveries}
        self.tickets: list[Ticket] = company.desk.tickets()
        self.kept, self.busy, self._acks = kept(company)
        self.incidents = incidents(company)
        self.parked = parked(company)
        self.spoken = spoken(company)
        self.logs = company.logs()
        self._by_identity: dict[Identity, list[Kept]] = defaultdict(list)
        for each in self.kept:
            self._by_identity[each.identity].append(each)
        self._places: dict[str, list[tuple[Ticket, int, int, Comment]]] = defaultdict(list)
        for ticket in self.tickets:
            for number, comment in enumerate(ticket.comments):
                if EARLIER in comment.text:
                    continue
                words = comment.text.split("\n\nBefore: ")[0]  # an edited message also quotes what it was
                for found in MARKER.finditer(words):
                    self._places[found[0]].append((ticket, number, found.start(), comment))
        self.told: dict[Identity, list[Happening]] = defaultdict(list)
        for happening in self.notes.happenings:
            if script.taken(happening):
                self.told[happening.identity].append(happening)
        self.meanwhile = 0  # acknowledged while the helpdesk was down
        self.remarks: list[str] = []  # what broke no promise, but a person should know
        self.promises = [*self._promises()]

    @property
    def kept_promises(self) -> bool:
        """Whether all of them are."""
        return not any(promise.broken for promise in self.promises)

    @property
    def channels(self) -> list[str]:
        """The channels that took part, or could have."""
        return [name for platform in self.company.platforms.values() for name in platform.channels]

    # ------------------------------------------------------------------------------------------ the promises

    def _promises(self) -> Iterator[Promise]:
        for words, check in (
            (
                "Nothing is lost: every event of a delivery answered 2xx has one outcome, is parked, or needs nothing",
                self._lost,
            ),
            ("Nothing is doubled: each message once, one ticket a conversation, nothing nobody wrote", self._doubled),
            ("In order: what came in order stands in the ticket in order", self._ordered),
            ("Words arrive unharmed: emoji, right-to-left, markup", self._unharmed),
            ("Acknowledged once where it should be, never where it may not", self._acknowledged),
            ("A helpdesk that is down keeps no customer waiting for the acknowledgement", self._meanwhile),
            ("In the words of the hour: open or closed, by the office that was written to", self._hours),
            ("An agent's public answer arrives once; a note never; what cannot go out is told", self._answered),
            ("Only the genuine gets in: forged and stale requests left nothing", self._genuine),
            ("An incident is one ticket, everybody in it linked once and told its update once", self._of_incidents),
            ("No secret and no customer's word is in a log", self._silent),
        ):
            yield self.promise(words, check())

    def promise(self, words: str, found: Iterable[Finding]) -> Promise:
        """Return a promise by what was found where it was looked at."""
        promise = Promise(words)
        for name, fault, about in found:
            promise.checked += 1
            if fault:
                seen = "".join(self._history(each) for each in about if len(promise.broken) < SHOWN)
                promise.broken.append(f"{name}: {fault}{seen}")
        return promise

    def tickets_of(self, talk: Talk) -> list[Ticket]:
        """Return the tickets that hold a customer's words of a conversation."""
        found = {place[0].id: place[0] for said in talk.said for place in self._places.get(said.marker, [])}
        return list(found.values())

    def _lost(self) -> Iterator[Finding]:
        for identity, happenings in self.told.items():
            found = self._by_identity.get(identity, [])
            fault = ""
            wanted = 0 if identity[3] in DISMISSED else len(happenings)
            if len(found) != wanted:
                fault = f"{len(found)} outcomes for {len(happenings)} events, {wanted} expected"
            elif open_ := [each.state for each in found if each.state not in ENDED]:
                fault = f"still {open_[0]}"
            elif (
                happenings[0].files is True
                and happenings[0].shown
                and (bad := [each for each in found if each.state not in {"filed", "merged"}])
            ):
                fault = f"{bad[0].state} ({bad[0].reason}), but belongs into a ticket"
            elif happenings[0].files is False and (bad := [each for each in found if each.state == "filed"]):
                fault = "filed, but does not belong into a ticket"
            yield Finding(" ".join(identity), fault, happenings)
        bodies = Counter((letter["delivery"], "fragment" in letter) for letter in self.parked)
        for unreadable in self.notes.unreadable:
            delivery = self.deliveries[unreadable.delivery]
            letters = bodies[(hashlib.sha256(delivery.body).hexdigest(), bool(unreadable.part))]
            state = delivery.state is State.TAKEN
            fault = "" if letters >= 1 and state else f"{letters} letters parked, the delivery was {delivery.state}"
            yield Finding(f"unreadable delivery {unreadable.delivery}", fault)
        for thread in self.busy:
            yield Finding(thread, "the thread still has something to do")
        for delivery in self.deliveries.values():
            if delivery.state in {State.GIVEN_UP, State.WAITING}:
                statuses = [attempt.status for attempt in delivery.attempts]
                self.remarks.append(f"delivery {delivery.number} was never taken: answered {statuses}")

    def _doubled(self) -> Iterator[Finding]:
        for happening in self._distinct():
            if not happening.marker or not happening.files:
                continue
            places = self._places.get(happening.marker, [])
            least = 1 if happening.shown else 0
            fault = "" if least <= len(places) <= 1 else f"{len(places)} times in tickets"
            yield Finding(f"{happening.channel} {happening.marker}", fault, [happening])
        for talk in self.notes.talks:
            tickets = {place[0].id for said in talk.said for place in self._places.get(said.marker, [])}
            told = any(each.marker and each.shown and self.script.taken(each) for each in talk.said)
            fault = "" if len(tickets) == 1 or not told else f"its messages are in the tickets {sorted(tickets)}"
            if fault and self._parted(talk):
                self.remarks.append(
                    f"{talk.place}: {fault}, for the platform did not tell where its private answer went"
                )
                fault = ""
            yield Finding(f"{talk.channel} {talk.thread}", fault, talk.said)
        known = {happening.identity for happening in self.notes.happenings}
        tests = {account for platform in self.company.platforms.values() for account in platform.test_accounts}
        for each in self.kept:
            if each.identity not in known and each.identity[1] not in tests:
                yield Finding(" ".join(each.identity), "in the table, but nobody told of it")
        owned = {place[0].id for happening in self.notes.happenings for place in self._places.get(happening.marker, [])}
        # Of a conversation whose only words were deleted, the ticket says just that.
        silent = sum(not any(each.marker and each.shown for each in talk.said) for talk in self.notes.talks)
        strangers = [ticket.id for ticket in self.tickets if ticket.id not in owned and not _of_an_incident(ticket)]
        fault = (
            "" if len(strangers) <= silent else f"{len(strangers)} hold no customer's words, {silent} may: {strangers}"
        )
        yield Finding("tickets", fault)

    def _ordered(self) -> Iterator[Finding]:
        for talk in self.notes.talks:
            shown = [each for each in talk.said if each.marker and len(self._places.get(each.marker, [])) == 1]
            for one, other in ((a, b) for a in shown for b in shown if a.at < b.at and _have_an_order(a, b)):
                first, second = (self._places[each.marker][0] for each in (one, other))
                if first[0].id != second[0].id:
                    continue
                came = self._arrived(one)
                # A promise only where the platform kept the order: the one was answered before the other was sent.
                inverted = first[1:3] > second[1:3] and came is not None and came[1] < self._sent(other)
                yield Finding(
                    f"{talk.channel} {one.marker}", f"stands after {other.marker}" if inverted else "", (one, other)
                )

    def _unharmed(self) -> Iterator[Finding]:
        for happening in self._distinct():
            places = self._places.get(happening.marker, []) if happening.marker else []
            if len(places) != 1 or not happening.shown or not happening.files:
                continue
            words = places[0][3].text.replace("\u2060", "")  # put after an @, so that no agent is mentioned
            same = _same(self.company.desk.kept(happening.text)) in _same(words)
            yield Finding(
                f"{happening.channel} {happening.marker}", "" if same else "the words were changed", [happening]
            )

    def _acknowledged(self) -> Iterator[Finding]:
        automatic = Counter(each.place for each in self.spoken if each.automatic)
        for talk in self.notes.talks:
            if not any(self.script.taken(each) for each in talk.said):
                continue
            wanted = 1 if talk.acknowledged else 0
            found = automatic[talk.place]
            why = f" ({talk.why})" if talk.why else ""
            ended = self._acks.get(talk.key, "nothing was tried")
            if found < wanted and ended.startswith("unknown"):
                self.remarks.append(f"{talk.place}: an acknowledgement was lost and not repeated ({ended})")
                found = wanted  # at most once is the promise: what may have arrived is not sent again
            fault = "" if found == wanted else f"{found} acknowledgements instead of {wanted}{why}; {ended}"
            others = [each for each in self.spoken if each.place == talk.place and talk.says not in each.text]
            yield Finding(
                talk.place, fault or (f"“{talk.says}” was not said" if talk.says and others else ""), talk.said
            )
        places = {talk.place for talk in self.notes.talks}
        places |= {place for talk in self.notes.talks for place in (talk.aside, *self._parted(talk))}
        for place in automatic.keys() - places:
            yield Finding(place, "acknowledged, though nobody wrote there")

    def _meanwhile(self) -> Iterator[Finding]:
        """Who first wrote while the helpdesk was down is acknowledged before it is back, or as soon as always."""
        moments = self._moments()
        for talk in self.notes.talks:
            came = self._first(talk)
            if not talk.acknowledged or came is None or talk.place not in moments:  # missing ones are named above
                continue
            for began, ended in self.notes.outages:
                if began <= came <= ended:
                    waited = moments[talk.place] > max(ended, came + timedelta(seconds=AS_ALWAYS))
                    self.meanwhile += moments[talk.place] <= ended
                    yield Finding(talk.place, "acknowledged after the outage only" if waited else "", talk.said)

    def _hours(self) -> Iterator[Finding]:
        offices = {talk.place: talk.office for talk in self.notes.talks if talk.office}
        for each in self.spoken:
            office = offices.get(each.place)
            if office is None or not each.automatic:
                continue
            edge = timedelta(seconds=5)  # a text decided just before the hour is sent just after
            wanted = {is_open(office, moment) for moment in (each.at - edge, each.at)}
            closed = bool(re.search(r"\d{4}-\d\d-\d\d", each.text))  # only the closed text names a day
            yield Finding(each.place, "" if (not closed) in wanted else "the words of the other hours")

    def _answered(self) -> Iterator[Finding]:
        places: dict[str, list[str]] = defaultdict(list)
        for each in self.spoken:
            for marker in MARKER.findall(each.text):
                places[marker].append(each.place)
            if not MARKER.search(each.text) and not each.automatic and not any(words in each.text for words in OURS):
                yield Finding(each.place, "a text that nobody wrote")
        for answer in self.notes.answers:
            found = places.get(answer.marker, [])
            wanted = [answer.place] if answer.reaches else []
            fault = "" if found == wanted else f"said at {found or 'no place'} instead of {wanted or 'nowhere'}"
            if fault and answer.reaches and not found and self._noted(answer.marker):
                self.remarks.append(f"{answer.marker}: whether it arrived is unknown, and the ticket says so")
                fault = ""  # at most once is the promise: a worker that dies while sending is not made up for
            if not fault and answer.noted and not self._noted(answer.marker):
                fault = "it did not go out, and the ticket does not say so"
            yield Finding(f"{answer.talk.channel} {answer.marker}", fault, answer.talk.said)

    def _parted(self, talk: Talk) -> set[str]:
        """Return where a conversation goes on by itself: a private answer of which the ticket says that it is unknown.

        Only the platform's answer, which was lost, would have told in which inbox the customer writes back.
        """
        return {each.place for each in talk.answers if each.place != talk.place and self._noted(each.marker)}

    def _noted(self, marker: str) -> bool:
        return any(comment.by is By.NOTE for _, _, _, comment in self._places.get(marker, []))

    def _of_incidents(self) -> Iterator[Finding]:
        """Each incident by its members' tickets and the platforms' books: once at most is the promise of an update."""
        texts = Counter(comment.text for ticket in self.tickets for comment in ticket.comments)
        heard_of = sum(NEWS in each.text for each in self.spoken)
        for found, members in self.incidents:
            incident = found.id
            opened = sum(count for text, count in texts.items() if "Many customers" in text and incident in text)
            yield Finding(f"incident {incident}", "" if opened == 1 else f"{opened} tickets")
            yield Finding(f"incident {incident}", "nobody was told" if found.updates and not heard_of else "")
            for talk in (each for each in self.notes.talks if each.key in members):
                own = self.tickets_of(talk)
                if not own:  # their only words were deleted
                    continue
                notes = [comment.text for ticket in own for comment in ticket.comments]
                linked = sum("This belongs to the incident" in text and incident in text for text in notes)
                heard = sum(NEWS in each.text for each in self.spoken if each.place == talk.place)
                fault = "" if linked == 1 else f"linked {linked} times"
                if heard > 1:
                    fault = f"told {heard} times"
                yield Finding(f"{incident} {talk.place}", fault, talk.said)

    def _genuine(self) -> Iterator[Finding]:
        everywhere = " ".join(" ".join(each.identity) for each in self.kept)
        everywhere += " ".join(comment.text for ticket in self.tickets for comment in ticket.comments)
        everywhere += json.dumps(self.parked)
        for intruder in self.notes.intruders:
            delivery = self.deliveries.get(intruder.delivery)
            statuses = [attempt.status for attempt in delivery.attempts] if delivery else [intruder.status]
            fault = "" if statuses == [401] else f"answered {statuses}"
            if intruder.marker in everywhere:
                fault = "it left something"
            yield Finding(f"{intruder.channel}, {intruder.what}", fault)

    def _silent(self) -> Iterator[Finding]:
        secrets = {
            value
            for values in self.company.secrets.values()
            for given in values.values()
            for value in ([given] if isinstance(given, str) else given)
        }
        for value in sorted(secrets):
            yield Finding(f"secret {value[:6]}…", "in a log" if value in self.logs else "")
        words = {each.marker for each in self.notes.happenings if each.marker}
        words |= {answer.marker for answer in self.notes.answers}
        found = set(MARKER.findall(self.logs))
        for marker in sorted(words):
            yield Finding(marker, "in a log" if marker in found else "")

    # ------------------------------------------------------------------------------------------ figures

    def _distinct(self) -> Iterator[Happening]:
        for happenings in self.told.values():
            yield from happenings

    def _arrived(self, happening: Happening) -> tuple[datetime, datetime] | None:
        """Return when the first delivery that was taken was sent and answered, in real time."""
        times = [
            (self.company.real(attempt.at), self.company.real(attempt.at) + timedelta(seconds=attempt.seconds))
            for delivery in self.script.delivered(happening)
            for attempt in delivery.attempts
            if 200 <= attempt.status < 300
        ]
        return min(times, default=None)

    def _sent(self, happening: Happening) -> datetime:
        return min(
            self.company.real(attempt.at)
            for delivery in self.script.delivered(happening)
            for attempt in delivery.attempts
        )

    def rows(self) -> dict[str, Row]:
        """Return each channel's figures."""
        rows = {name: Row() for name in self.channels}
        self._of_the_deliveries(rows)
        for each in self.kept:
            if each.state == "suppressed" and each.identity[0] in rows:
                rows[each.identity[0]].suppressed[each.reason or "?"] += 1
        self._of_the_helpdesk(rows)
        channels = {talk.place: talk.channel for talk in self.notes.talks}
        for said in self.spoken:
            if said.automatic and said.place in channels:
                rows[channels[said.place]].acknowledgements += 1
        return rows

    def _of_the_deliveries(self, rows: dict[str, Row]) -> None:
        counted: dict[str, set[int]] = defaultdict(set)
        occurrences: Counter[str] = Counter()
        for happening in self.notes.happenings:
            for delivery in self.script.delivered(happening):
                counted[happening.channel].add(delivery.number)
                occurrences[happening.channel] += delivery.state is State.TAKEN
        for unreadable in self.notes.unreadable:
            counted[unreadable.channel].add(unreadable.delivery)
            rows[unreadable.channel].parked += 1
        for intruder in self.notes.intruders:
            if intruder.delivery:
                counted[intruder.channel].add(intruder.delivery)
                rows[intruder.channel].refused += 1
        distinct = Counter(identity[0] for identity, told in self.told.items() for _ in told)
        for name, row in rows.items():
            row.deliveries, row.events = len(counted[name]), occurrences[name]
            row.duplicates = occurrences[name] - distinct[name]

    def _of_the_helpdesk(self, rows: dict[str, Row]) -> None:
        seen: set[str] = set()
        for happening in self._distinct():
            for ticket, _, _, _ in self._places.get(happening.marker, [])[:1] if happening.marker else []:
                if ticket.id not in seen and happening.talk is not None:
                    seen.add(ticket.id)
                    row = rows[happening.talk.channel]
                    row.tickets += 1
                    row.comments += sum(comment.by is not By.AGENT for comment in ticket.comments)

    def to_ticket(self) -> list[float]:
        """Return the seconds from a message's first delivery that was taken until it stood in a ticket."""
        return [seconds for _, _, seconds in self.filed()]

    def filed(self) -> Iterator[tuple[Happening, datetime, float]]:
        """Yield each message in a ticket with when it was delivered, and the seconds until it stood there."""
        for happening in self._distinct():
            places = self._places.get(happening.marker, []) if happening.marker else []
            came = self._arrived(happening)
            if len(places) == 1 and came is not None:
                yield happening, came[0], (places[0][3].at - came[0]).total_seconds()

    def to_acknowledgement(self) -> list[float]:
        """Return the seconds from a conversation's first delivery until its acknowledgement."""
        moments = self._moments()
        return [
            (moments[talk.place] - came).total_seconds()
            for talk in self.notes.talks
            if talk.acknowledged and talk.place in moments and (came := self._first(talk)) is not None
        ]

    def _moments(self) -> dict[str, datetime]:
        """Return when each place was acknowledged."""
        return {each.place: each.at for each in self.spoken if each.automatic}

    def _first(self, talk: Talk) -> datetime | None:
        """Return when the first message of a conversation that was taken was sent."""
        return min((at[0] for said in talk.said if said.files and (at := self._arrived(said))), default=None)

    def _history(self, happening: Happening) -> str:
        """Return what a person needs to look for the reason."""
        lines = [f"\n           {happening.verb} {happening.marker} at {happening.at:%H:%M:%S}, {happening.object_id}"]
        if happening.talk is not None:
            lines.append(f"in {happening.talk.key}")
        lines += [f"in ticket {ticket.id} at {comment.at:%H:%M:%S}" for ticket, _, _, comment in
                  self._places.get(happening.marker, [])]  # fmt: skip
        for delivery in self.script.delivered(happening):
            times = [
                f"{each.status} at {self.company.real(each.at):%H:%M:%S} after {each.seconds:.1f} s"
                for each in delivery.attempts
            ]
            lines.append(f"delivery {delivery.number}: {', '.join(times) or 'not sent'}")
        lines += [f"kept as {each.state} {each.reason}" for each in self._by_identity.get(happening.identity, [])]
        return "; ".join(lines)


def _have_an_order(one: Happening, other: Happening) -> bool:
    """Return whether two things that a customer said must stand in their order: an edit only with what it edits.

    An edit may travel under the id of the comment that began the conversation, and a message under one that is an alias
    of it (decision 25): these are two groups of the queue, and either may be taken first.
    """
    return one.object_id == other.object_id or "edit" not in {one.verb, other.verb}


def _of_an_incident(ticket: Ticket) -> bool:
    """Tell whether a ticket is an incident's own."""
    return any("Many customers have the same trouble" in comment.text for comment in ticket.comments)


def median_and_p95(seconds: Iterable[float]) -> tuple[float, float]:
    """Return both (nought for nothing)."""
    found = sorted(seconds)
    if not found:
        return 0.0, 0.0
    return statistics.median(found), found[min(len(found) - 1, int(len(found) * 0.95))]


def _same(text: str) -> str:
    """Return the words with the white space that HTML does not keep made alike."""
    return " ".join(text.split())
