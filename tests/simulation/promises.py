"""The promises, checked from the outside: by the helpdesk's books, the platform's, and what we answered to whom.

Our own table is asked for two things only: that nothing is left without an outcome, and that what was not sent says so.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from .world import ACKNOWLEDGED, POLICY, START

BEFORE = re.compile(r"Before: .*?(?=\n\n|\Z)", re.DOTALL)  # an edit quotes what stood there before
TOKEN = re.compile(r"w\d+w")
UNCERTAIN = "may stand here twice"
NOTED = re.compile(r"NOT delivered|unknown whether this answer")


def broken(world):
    """Return what is wrong, in words; nothing when all promises hold."""
    found = [*_liveness(world), *_outcomes(world), *_in_no_log(world)]
    books = [(kept, [BEFORE.sub("", words) for words in kept.words]) for kept in world.desk.books()]
    for customer in world.customers:
        found += _filed_once(world, customer, books)
        found += _in_order(customer, books)
        found += _acknowledged_once(world, customer)
        found += _redacted(world, customer)
    found += _replies(world, books)
    return found


def _liveness(world):
    if world.endless:
        yield "the world never gets quiet"
    for letter in world.mailbox.dead:
        yield f"a dead letter: {letter.body[:120]}"


def _outcomes(world):
    for (pk, sk), item in world.table.memory.items.items():
        if sk == "THREAD" and pk.startswith("T#"):
            if item.get("pending"):
                yield f"{pk} is quiet with {len(item['pending'])} messages pending"
            if "lease_owner" in item and not item.get("alias_of"):
                yield f"{pk} was never let go of"
        if sk.startswith("M#"):
            if item["state"] == "recorded":
                yield f"{sk} has no outcome"
            if item["state"] in {"suppressed", "refused", "dead"} and not item["reason"]:
                yield f"{sk} is {item['state']} without a reason"


def _refused(world, said, customer):
    """Tell whether our table says, with a reason, that this is in no ticket."""
    for (pk, sk), item in world.table.memory.items.items():
        if pk == f"T#{customer.thread}" and sk.startswith("M#") and said.name in sk:
            if item["state"] in {"refused", "suppressed"} and item["reason"]:
                return True
    return False


def _filed_once(world, customer, books):
    """1 and 2: each message that we took is in a ticket, once; a thread has one ticket."""
    written = Counter()
    places = {}
    for kept, words in books:
        for position, text in enumerate(words):
            if position in kept.by_agent:
                continue
            for token in TOKEN.findall(text):
                written[token] += 1
                places.setdefault(token, kept)
    doubted = {token for kept, words in books for text in words if UNCERTAIN in text for token in TOKEN.findall(text)}
    for said in customer.said:
        if not said.token:
            continue
        times = written[said.token]
        gone = any(each.kind == "deletion" and each.about is said for each in customer.said)
        if times == 0 and said.taken and not gone and not _refused(world, said, customer):
            yield f"LOST: {customer.name}'s {said.token} was taken and is in no ticket"
        if times == 0 and not said.taken and not said.deliveries:
            continue
        if times > 1 and (world.desk.asks or not world.gate.happened or said.token not in doubted):
            yield f"DOUBLED: {customer.name}'s {said.token} is in the tickets {times} times"
    tickets = {places[said.token].id for said in customer.said if said.token in places}
    merged = {kept.id for kept, _ in books if kept.merged}
    if len(tickets - merged) > 1 + world.closings + len(merged) and world.desk.asks:
        yield f"DOUBLED: {customer.name} has the tickets {sorted(tickets)}"
    empty = [kept.id for kept, words in books if not any(TOKEN.search(text) for text in words)]
    for ticket in empty if world.desk.asks else ():
        gone = any(each.kind == "deletion" for each in customer.said)
        if not gone:
            yield f"DOUBLED: ticket {ticket} was opened for nothing"


def _in_order(customer, books):
    """3: in the customer's order; what comes late says so."""
    order = [said.token for said in customer.said if said.kind == "message"]
    place = {said.token: number for number, said in enumerate(s for s in customer.said if s.kind == "message")}
    moments = {said.token: said.at for said in customer.said}
    for kept, words in books:
        latest = -1
        for position, text in enumerate(words):
            if position in kept.by_agent:
                continue
            for token in TOKEN.findall(text):
                if token not in place:
                    continue
                late = "arrived late" in text or UNCERTAIN in text
                near = latest >= 0 and moments[order[latest]] - moments[token] <= timedelta(minutes=2)
                if place[token] < latest and not late and not near:
                    yield f"ORDER: {token} stands after {order[latest]} in ticket {kept.id}"
                latest = max(latest, place[token])


def _acknowledged_once(world, customer):
    """4: at most once in a quiet period; if never, then because it was begun and nobody knows, or a rule forbade it."""
    times = _acknowledgements(world, customer)
    for first, second in zip(times, times[1:], strict=False):
        if second - first < POLICY.quiet:
            yield f"ACK: {customer.name} was acknowledged at {first:%H:%M:%S} and again at {second:%H:%M:%S}"
    if not times and customer.expects and any(said.taken and said.kind == "message" for said in customer.said):
        begun = [
            item["state"]
            for (pk, sk), item in world.table.memory.items.items()
            if pk == f"T#{customer.thread}" and sk.startswith("S#ack")
        ]
        if not world.gate.happened or not begun:
            yield f"ACK: {customer.name} was never acknowledged (noted: {begun})"


def _acknowledgements(world, customer):
    from .world import PAGE

    if customer.channel == "messenger":
        inbox = world.meta.inboxes.get((PAGE, customer.person.psid(PAGE)))
        said = inbox.messages if inbox else []
        return [each.at for each in said if each.outgoing and each.text.startswith(ACKNOWLEDGED)]
    return [
        each.at
        for each in world.meta.things.values()
        if each.parent == customer.root and each.author.id == PAGE and each.text.startswith(ACKNOWLEDGED)
    ]


def _redacted(world, customer):
    """A message that was taken back says so, and its words are gone where the helpdesk can do that."""
    if world.desk.connector != "zendesk":
        return
    for said in customer.said:
        if said.kind == "deletion" and said.taken and said.about.taken:
            for kept in world.desk.books():
                if any(said.about.token in words for words in kept.words):
                    yield f"KEPT: {said.about.token} was taken back and still stands in ticket {kept.id}"


def _replies(world, books):
    """5: an agent's answer goes out at most once; if not, the ticket says so. In the agents' order."""
    reads = [customer.got() for customer in world.customers]  # of merged tickets several customers may be told
    notes = [text for _, words in books for text in words if NOTED.search(text)]
    last = {}
    for token, ticket in world.replied:
        told = [text for text in notes if token in text]
        sent = []
        for read in reads:
            found = [number for number, text in enumerate(read) if token in text]
            sent += found
            if len(found) > 1:
                yield f"REPLY: {token} was sent {len(found)} times"
        if not sent and not told:
            yield f"REPLY: {token} was neither sent nor is it noted on the ticket"
        if sent and any("NOT delivered" in text for text in told):
            yield f"REPLY: {token} was sent, and the ticket says that it was not"
        if len(told) > 1 and world.desk.asks:
            yield f"REPLY: the ticket has {len(told)} notes about {token}"
        if sent and sent[0] < last.get(ticket, -1):
            yield f"REPLY: {token} was sent before an earlier one"
        if sent:
            last[ticket] = sent[0]


def _in_no_log(world):
    for line in world.lines:
        if TOKEN.search(line) or "invented-" in line:
            yield f"LOGGED: {line[:200]}"


__all__ = ["START", "broken"]
