"""The promises, checked from the outside: by the helpdesk's books, the platform's, and what we answered to whom.

Our own table is asked for two things only: that nothing is left without an outcome, and that what was not sent says so.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import zlib
from collections import Counter
from datetime import timedelta
from itertools import pairwise

from deskwire.operating import transcripts
from deskwire.operating.auditing import audit
from deskwire.transcripts.chain import END
from deskwire.watching.archiving import draft_of

from .world import ACKNOWLEDGED, ASK, POLICY, START, URGENT, ticket_of

REACHED = timedelta(days=6.5)  # after their last words a customer can still be answered, on every channel
BEFORE = re.compile(r"Before: .*?(?=\n\n|\Z)", re.DOTALL)  # an edit quotes what stood there before
TOKEN = re.compile(r"w\d+w")
SAID = "said to the customer automatically"
EARLIER = "Earlier tickets of this customer"  # a note that quotes the subjects of other tickets
UNCERTAIN = "may stand here twice"
FORGOTTEN = "reaches nobody any more"
MISPLACED = "This was NOT sent to the customer"  # in a ticket that is a copy
NOTED = re.compile(r"NOT delivered|unknown whether this answer")


def broken(world):
    """Return what is wrong, in words; nothing when all promises hold."""
    found = [*world.stuck, *_liveness(world), *_outcomes(world), *_audited(world), *_in_no_log(world)]
    books = [(kept, [_own(words) for words in kept.words]) for kept in world.desk.books()]
    for customer in world.customers:
        found += _filed_once(world, customer, books)
        found += _attached_once(world, customer)
        found += _in_order(customer, books)
        found += _acknowledged_once(world, customer)
        found += _redacted(world, customer)
        found += _forgotten(world, customer)
    found += _replies(world, _everywhere(world))
    found += _strangers(world)
    found += _mistaken(world)
    found += _told_of(world, books)
    found += _apart(world, books)
    found += _echoes(world, books)
    found += _urgent(books)
    found += _answered(world, books)
    found += _remembered(world)
    if world.mirror is not None:
        found += _copied(world)
    found += _archived(world)
    return found


def _everywhere(world):
    """Return the tickets of all helpdesks."""
    return [(kept, [_own(words) for words in kept.words]) for desk in world.desks.values() for kept in desk.books()]


def _copied(world):
    """What stands in the helpdesk stands in its mirror: once, in its order, and nothing that was to be forgotten."""
    seen = world.in_the_mirror()
    books = [(kept, [_own(words) for words in kept.words]) for kept in seen.desk.books()]
    found = []
    for customer in seen.customers:
        found += _filed_once(seen, customer, books, since=customer.said_before_the_mirror)
        found += _attached_once(seen, customer)
        found += _in_order(customer, books)
        found += _redacted(seen, customer)
        found += _forgotten(seen, customer)
    found += [*_told_of(seen, books), *_apart(seen, books), *_echoes(seen, books), *_urgent(books), *_remembered(seen)]
    found += [*_answers_copied(world), *_answers_misplaced(world), *_answers_forgotten(world)]
    return [f"MIRROR: {each}" for each in found]


def _answers_copied(world):
    """An answer that was sent stands in the helpdesk that it was not written in, once; no other does."""
    primary = {
        token: desk for desk in world.desks for token, ticket, _ in world.replied if _has(world.desks[desk], ticket)
    }
    for token, desk in primary.items():
        other = next(each for name, each in world.desks.items() if name != desk)
        times = sum(token in text for kept in other.books() for text in kept.words if MISPLACED not in text)
        unsure = any(token in text and NOTED.search(text) for kept, words in _everywhere(world) for text in words)
        readers = [customer for customer in world.customers if any(token in text for text in customer.got())]
        erased = any(customer.erasing is not None for customer in readers)
        if readers and not times and not unsure and not erased:
            yield f"LOST: the answer {token} was sent and is not copied"
        if not readers and times:
            yield f"the answer {token} was not sent, and is copied"
        if times > 1 and (other.asks or not world.gate.happened):
            yield f"DOUBLED: the answer {token} is copied {times} times"


def _has(desk, ticket):
    return any(kept.id == ticket for kept in desk.books())


def _answers_misplaced(world):
    """An answer that was written in a copy reaches nobody, and its agent is told once."""
    for token in world.misplaced:
        if any(token in text for customer in world.customers for text in customer.got()):
            yield f"REPLY: {token} was written in a copy and was sent"
        told = sum(token in text and MISPLACED in text for _, words in _everywhere(world) for text in words)
        asks = all(desk.asks for desk in world.desks.values())
        if not told or (told > 1 and (asks or not world.gate.happened)):
            yield f"REPLY: {told} notes say that {token} was written in a copy"


def _own(words):
    """Return an entry without what it quotes."""
    return "" if EARLIER in words else BEFORE.sub("", words)


def _remembered(world):
    """A ticket has one note on its customer's earlier tickets at most."""
    for kept in world.desk.books():
        notes = [text for text in kept.words if EARLIER in text]
        if len(notes) > 1 and not world.merges:
            yield f"NOTED: ticket {kept.id} has {len(notes)} notes on earlier tickets"


def _archived(world):
    """Each message and each answer is one line of a chain that is whole, whose words can be read until erased."""
    if not world.archives:
        return
    table, blocks = world.table.memory, world.blocks.memory
    verified = transcripts.verify(table, blocks, since=None, now=world.now())
    if verified.broken:
        yield f"ARCHIVE: {verified.broken}"
    lines = [json.loads(raw) for data in blocks.objects.values() for raw in data.splitlines()]
    counts = Counter(line["id"] for line in lines if line["kind"] != END)
    wanted = {draft.id for record in world.stream.stream if (draft := draft_of(record)) is not None}
    if set(counts) != wanted or max(counts.values(), default=1) > 1:
        yield f"ARCHIVE: {len(wanted)} lines are wanted, and these are there so often: {sorted(counts.values())}"
    yield from _archived_words(world, table, blocks)


def _archived_words(world, table, blocks):
    search = transcripts.Search(table=table, blocks=blocks, words=())
    read = " ".join(str(match.words.get("text")) for match in search.run(START, world.now()))
    if search.seen["unreadable"]:
        yield f"ARCHIVE: {search.seen['unreadable']} lines cannot be opened"
    for customer in world.customers:
        back = {id(each.about) for each in customer.said if each.kind == "deletion"}
        sayings = [each for each in customer.said if each.token and each.taken]
        for said in sayings if customer.certificate or not customer.erasing else ():
            gone = id(said) in back or id(said.about) in back
            before = customer.erasing is not None and customer.known and said.taken_at < customer.erasing
            # Whose delivery died may have left it in the mailbox before the erasure.
            after = customer.erased is None or said.begun_at > customer.erased
            if said.token in read and (gone or before):
                yield f"ARCHIVE: {customer.name}'s {said.token} can still be read"
            if said.token not in read and after and not gone:
                yield f"ARCHIVE: {customer.name}'s {said.token} cannot be read"
    heard = " ".join(text for customer in world.customers for text in customer.got())
    for token, _, _ in world.replied:
        if token in heard and token not in read and not any(customer.erasing for customer in world.customers):
            yield f"ARCHIVE: the answer {token} cannot be read"


def stuck(world):
    """Return what is wrong as soon as nothing is left to be done: who waits then waits for ever."""
    found = [*_liveness(world), *_outcomes(world), *(_replies(world, _everywhere(world)) if world.desk.asks else ())]
    return [f"{each} (before anybody wrote again)" for each in found]


def _urgent(books):
    """A ticket that urgent words stand in is an urgent one, whichever message they came with."""
    for kept, words in books:
        asked = any(URGENT in text for number, text in enumerate(words) if number not in kept.by_agent)
        if asked and not (kept.urgent or kept.closed or kept.merged):
            yield f"ticket {kept.id} holds urgent words and is not urgent"


def _answered(world, books):
    """An answer is said automatically once, and its ticket tells of it, once where the desk can be asked."""
    for customer in world.customers:
        heard = [text for _, text in customer.heard() if ASK in text]
        if len(heard) > 1:
            yield f"ANSWER: {customer.name} was answered automatically {len(heard)} times"
        told = sum(SAID in text for kept, words in books for text in words if kept.id == ticket_of(customer))
        if heard and not told:
            yield f"ANSWER: no ticket tells what was said to {customer.name} automatically"
        if told > 1 and world.desk.asks:
            yield f"ANSWER: the ticket tells {told} times what was said to {customer.name} automatically"


def _apart(world, books):
    """Nobody's words in another's ticket, unless an agent merged them."""
    whose = {said.token: customer for customer in world.customers for said in customer.said if said.token}
    survivors = {kept.merged for kept, _ in books}
    for kept, words in books:
        people = {whose[token] for text in words for token in TOKEN.findall(text) if token in whose}
        if len(people) > 1 and kept.id not in survivors and not world.merges:
            yield f"MIXED: ticket {kept.id} holds the words of {', '.join(sorted(map(str, people)))}"


def _liveness(world):
    if world.endless:
        yield "the world never gets quiet"
    for letter in world.mailbox.dead:
        yield f"a dead letter: {letter.body[:120]}"


def _outcomes(world):
    for (pk, sk), item in world.table.memory.items.items():
        if sk == "THREAD" and pk.startswith("T#"):
            if item.get("pending") or item.get("waiting"):
                behind = item.get("waiting", 0)
                yield f"{pk} is quiet with {len(item['pending'])} messages pending and {behind} behind them"
            if "lease_owner" in item and not item.get("alias_of"):
                yield f"{pk} was never let go of"
        if sk == "UNFILED" and "due_shard" in item and not world.table.memory.items[(pk, "THREAD")].get("pending"):
            yield f"{pk} has nothing pending, and waits for {item['due_shard']}"
        if sk.startswith("M#") and pk.startswith("T#"):
            if item["state"] == "recorded":
                yield f"{sk} has no outcome"
            if item["state"] in {"suppressed", "refused", "dead"} and not item["reason"]:
                yield f"{sk} is {item['state']} without a reason"


def _audited(world):
    """What `deskwire audit` says an hour later: every event has its outcome."""
    found = audit(world.table.memory, since=START - timedelta(days=1), now=world.now() + timedelta(hours=1))
    for stray in found.strays:
        yield f"AUDIT: {stray.key} is astray: {stray.state}"


def _filed_once(world, customer, books, since=0):
    """1 and 2: each message that we took is in a ticket, once; a thread has one ticket."""
    texts = [
        (kept.id, text) for kept, words in books for number, text in enumerate(words) if number not in kept.by_agent
    ]
    written = Counter(token for _, text in texts for token in TOKEN.findall(text))
    doubted = {token for _, text in texts if UNCERTAIN in text for token in TOKEN.findall(text)}
    for said in [each for each in customer.said[since:] if each.token and each.deliveries]:
        times = written[said.token]
        gone = any(each.kind == "deletion" and each.about in {said, said.about} for each in customer.said)
        gone = gone or (customer.erased is not None and said.taken and said.begun_at <= customer.erased)
        if not said.taken:
            yield f"REFUSED: {customer.name}'s {said.token} was never taken"
        if times == 0 and said.taken and not gone:
            yield f"LOST: {customer.name}'s {said.token} was taken and is in no ticket"
        declared = not world.desk.asks and bool(world.gate.happened) and said.token in doubted
        if times > 1 and not declared:
            yield f"DOUBLED: {customer.name}'s {said.token} is in the tickets {times} times"
    if world.desk.asks:
        yield from _one_ticket(world, customer, books, texts)


def _attached_once(world, customer):
    """1 and 2 of what is attached."""
    shown = [said for said in customer.said if said.picture and said.taken]
    files = Counter(world.desk.files()) if shown else {}
    for said in shown:
        times = files[said.picture]
        if times == 0:
            yield f"LOST: the picture of {customer.name}'s {said.token} is in no ticket"
        if times > 1:
            yield f"DOUBLED: the picture of {customer.name}'s {said.token} is in the tickets {times} times"


def _one_ticket(world, customer, books, texts):
    """One for each time that an agent closed the last one and the customer went on."""
    own = {said.token for said in customer.said}
    tickets = {ticket for ticket, text in texts if own & set(TOKEN.findall(text))}
    into = {kept.id: kept.merged for kept, _ in books if kept.merged}
    while any(ticket in into for ticket in tickets):
        tickets = {into.get(ticket, ticket) for ticket in tickets}
    if len(tickets) > 1 + world.closings + customer.erasures + customer.apart:
        yield f"DOUBLED: {customer.name} has the tickets {sorted(tickets)}"
    took_back = any(each.kind == "deletion" or someone.erased for someone in world.customers for each in someone.said)
    for kept, words in books:
        if not took_back and not any(TOKEN.search(text) for text in words):
            yield f"DOUBLED: ticket {kept.id} was opened for nothing"


def _in_order(customer, books):
    """3: in the customer's order; what comes late says so."""
    order = [said.token for said in customer.said if said.kind == "message"]
    place = {said.token: number for number, said in enumerate(s for s in customer.said if s.kind == "message")}
    whole = {said.token: said for said in customer.said}
    for kept, words in books:
        latest = -1
        for position, text in enumerate(words):
            if position in kept.by_agent:
                continue
            for token in TOKEN.findall(text):
                if token not in place:
                    continue
                late = "arrived late" in text or UNCERTAIN in text
                if place[token] < latest and not late and not _crossed(whole[token], whole[order[latest]]):
                    yield f"ORDER: {token} stands after {order[latest]} in ticket {kept.id}"
                latest = max(latest, place[token])


def _crossed(said, later):
    """Tell whether something came so shortly after what was said later that nobody could have filed it before."""
    if later.at - said.at > timedelta(minutes=2):
        return False
    crossed = said.accepted is not None and later.first is not None and said.accepted > later.first
    return said.parked or crossed


def _acknowledged_once(world, customer):
    """4: at most once in a quiet period; if never, then because it was begun and nobody knows, or a rule forbade it."""
    times = acknowledgements(customer)
    again = [(first, second) for first, second in pairwise(times) if second - first < POLICY.quiet]
    for first, second in again[customer.apart :]:
        yield f"ACK: {customer.name} was acknowledged at {first:%H:%M:%S} and again at {second:%H:%M:%S}"
    if not times and customer.expects and any(said.taken and said.kind == "message" for said in customer.said):
        begun = acknowledging(world, customer)
        if not world.gate.happened or not begun:
            yield f"ACK: {customer.name} was never acknowledged (noted: {begun})"


def acknowledging(world, customer):
    """Return how each acknowledgement that was begun ended."""
    return [
        item["state"]
        for (pk, sk), item in world.table.memory.items.items()
        if pk == f"T#{customer.thread}" and sk.startswith("S#ack")
    ]


def reminders(world, words, most):
    """Return what is wrong with the notes that say this: there are `most` where nothing went wrong, and never more.

    Where a desk cannot be asked whether it has a note, one may stand there twice; and of whom nobody knows whether the
    answer reached them, they may still wait.
    """
    said = [text for kept in world.desk.books() for text in kept.words]
    texts = [text for text in said if words in text]
    doubled = 0 if world.desk.asks else len(world.gate.happened)
    unsure = sum("unknown whether this answer" in text for text in said)
    if len(texts) > most + doubled + unsure or (not world.gate.happened and len(texts) < most):
        yield f"REMINDER: {len(texts)} notes say “{words}”"


def called(world):
    """Return what is wrong with the line to the people on call: there is one, and a second only after a misfortune."""
    lines = [each for each in world.pager.all if "answer overdue" in each]
    if not lines or len(lines) > 1 + len(world.gate.happened):
        yield f"ESCALATION: the people on call were told {len(lines)} times"


def incident(world, members, news):
    """Return what is wrong with the one incident that these are the members of, and were told this once."""
    kept = [each for (pk, _), each in world.table.memory.items.items() if pk == "INCIDENTS"]
    if len(kept) != 1 or kept[0]["state"] != "closed":
        yield f"INCIDENT: there are {[each['state'] for each in kept]}"
    texts = [text for book in world.desk.books() for text in book.words]
    for words in ("Many customers have the same trouble", "is over: two hours"):
        yield from _once(world, sum(words in text for text in texts), f"“{words}”")
    counted = sum(
        number
        for (pk, sk), each in world.table.memory.items.items()
        if pk.startswith("Q#") and sk.startswith("H#")
        for name, number in each.items()
        if name[:1] == "n" and name[3:] == " "
    )
    if counted != len(members):
        yield f"INCIDENT: {len(members)} customers were counted as {counted}"
    told = {"bus": [each for each in world.bus.all if "Incident" in each["DetailType"]], "pager": world.pager.all}
    for what, said in told.items():
        if len(said) < 2 or (not world.gate.happened and len(said) > 2):
            yield f"INCIDENT: the {what} was told {len(said)} times"
    for customer in members:
        yield from _member(world, customer, news)
    if not world.gate.happened and not any("we know of it" in text for text in members[-1].got()):
        yield f"INCIDENT: {members[-1].name} was not told that it is known"


def _member(world, customer, news):
    """Linked once, told at most once, and the ticket says so."""
    notes = [text for book in customer.tickets() for text in book.words]
    for words in ("This belongs to the incident", "about the incident"):
        yield from _once(world, sum(words in text for text in notes), f"“{words}” in {customer.name}'s ticket")
    told = sum(news in text for text in customer.got())
    said = any("was told about the incident" in text for text in notes)
    if told > 1 or (not world.gate.happened and told != 1) or (said and not told):
        yield f"INCIDENT: {customer.name} was told {told} times"


def _once(world, times, what):
    """What stands in the books once; of a desk that cannot be asked, after a misfortune perhaps twice."""
    if times != 1 and (world.desk.asks or not world.gate.happened or not times):
        yield f"INCIDENT: {times} times {what}"


def guarded(world, said, invitation):
    """Return what is wrong with comments that hold private matters: all are hidden, and one invitation was sent."""
    for each in said:
        if each.taken and not world.meta.things[each.name].hidden:
            yield f"PRIVATE: {each.token} is not hidden"
    yield from said_once(world, invitation)


def said_once(world, words):
    """Return what is wrong with words of ours on Facebook and in Messenger: they stand there once, and never twice."""
    times = sum(texts.count(words) for texts in world.meta.sent.values())
    if times > 1 or (not world.gate.happened and times < 1):
        yield f"PRIVATE: “{words}” was sent {times} times"


def held_back(world, words):
    """Return what is wrong with an agent's answer that holds private matters: it is in public, or no note says so."""
    if any(words in text for texts in world.meta.sent.values() for text in texts):
        yield f"PRIVATE: “{words}” was published"
    notes = [text for kept in world.desk.books() for text in kept.words if "NOT published" in text]
    if not notes or any(words in text for text in notes):
        yield f"PRIVATE: {len(notes)} notes say that an answer was not published, or they repeat it"


def link_in(customer):
    """Return the token of the one-time link that stands in public, empty where none was posted."""
    found = [text.partition("#deskwire=")[2] for _, text in customer.heard() if "#deskwire=" in text]
    return found[0] if found else ""


def linked(world, customer, visitor, words):
    """Return what is wrong with a link in the place of a private answer: with its post, or the notes on both sides."""
    posted = sum("#deskwire=" in text for _, text in customer.heard())
    if posted > 1 or (not world.gate.happened and posted < 1):
        yield f"PRIVATE: {posted} links were posted"
    if any(words in text for text in (*customer.got(), *visitor.got())):
        yield "PRIVATE: an agent's private words were sent"
    here, there = ([text for kept in each.tickets() for text in kept.words] for each in (visitor, customer))
    came, used = (sum("came by the one-time link" in text for text in notes) for notes in (here, there))
    told = sum("It was NOT sent: a one-time link" in text for text in there)
    if posted and not told and visitor.link:
        yield "PRIVATE: no note says that a link was posted"
    if visitor.link and (not came or not used):
        yield f"PRIVATE: {came} and {used} notes link the two tickets"
    if max(came, used, told) > 1 and (world.desk.asks or not world.gate.happened):
        yield f"PRIVATE: a note stands twice ({came}, {used}, {told})"


def surveyed(world, customers, question, *, rated=False):
    """Return what is wrong with the question how satisfied a person is: it and each rating are there once."""
    times = sum(question in text for customer in customers for text in customer.got())
    if times > 1 or (not world.gate.happened and times < 1):
        yield f"SURVEY: asked {times} times"
    items = world.table.memory.items.items()
    counted = [item for (_, sk), item in items if sk.startswith("M#") and item.get("rating")]
    if len(counted) > 1 or (rated and len(counted) != 1):
        yield f"SURVEY: {len(counted)} ratings count"
    notes = sum("how satisfied they are, and gave" in text for book in world.desk.books() for text in book.words)
    if notes != len(counted) and (world.desk.asks or not world.gate.happened):
        yield f"SURVEY: {notes} notes on {len(counted)} ratings"
    begun = [item["state"] for (_, sk), item in items if sk.startswith("S#survey")]
    if "sending" in begun:
        yield "SURVEY: nobody noted what became of the question"
    thanks = sum("Noted, thanks." in text for customer in customers for text in customer.got())
    if thanks > len(counted):
        yield f"SURVEY: thanked {thanks} times"


def silence(customer):
    """Return what is wrong with somebody who is not to be acknowledged, as far as the story has been told."""
    return [f"ACK: {customer.name} was acknowledged at {at:%H:%M:%S}" for at in acknowledgements(customer)]


def acknowledgements(customer):
    """Return when a customer was acknowledged."""
    return [at for at, text in customer.heard() if text.startswith(ACKNOWLEDGED)]


def _echoes(world, books):
    """What we sent ourselves comes back from the platform, and is not taken for a colleague's words."""
    for kept, words in books:
        ours = [text for text in words if "Written by us on the platform" in text]
        if any(not any(post in text for post in world.posted) for text in ours):
            yield f"ECHO: ticket {kept.id} holds what we sent ourselves"


def _redacted(world, customer):
    """A message that was taken back says so, and its words are gone where the helpdesk can do that."""
    if world.desk.connector != "zendesk":
        return
    for said in customer.said:
        if said.kind == "deletion" and said.taken and said.about.taken:
            words = "".join(
                text
                for kept in world.desk.books()
                for number, text in enumerate(kept.words)
                if number not in kept.by_agent  # whose merging quotes the subject
                and EARLIER not in text  # which quotes it, too
            )
            for each in customer.said:
                if each.token and said.about in {each, each.about} and each.token in words:
                    yield f"KEPT: {each.token} was taken back and still stands in a ticket"


def _answers_forgotten(world):
    """What an agent answered to somebody who was erased stands in no record, and in no copy that can be redacted."""
    kept = "".join(_readable(value) for item in world.table.memory.items.values() for value in item.values())
    for desk in (each for each in world.desks.values() if each.connector == "zendesk"):
        kept += "".join(
            text for book in desk.books() for number, text in enumerate(book.words) if number not in book.by_agent
        )
    for customer in world.customers:
        for token, _, at in world.replied if customer.certificate and customer.known else ():
            if at < customer.erasing and token in kept and any(token in text for text in customer.got()):
                yield f"ERASED: the answer {token} to {customer.name} is still kept"


def _forgotten(world, customer):
    """Who was erased: no word of theirs from before is anywhere with us, nor in a ticket that could be redacted."""
    if customer.erasing is None:
        return
    if customer.certificate is None:
        yield f"ERASED: {customer.name}'s erasure never came to an end"
        return
    if not customer.known:
        return  # when it began, their very first message was still on its way: it is to be run again
    kept = "".join(_readable(value) for item in world.table.memory.items.values() for value in item.values())
    held = [*world.archive.memory.objects.values(), *world.parked.bodies, *(dead.body for dead in world.mailbox.dead)]
    kept += "".join(map(_readable, held))
    if world.desk.connector == "zendesk":
        kept += "".join(
            text for book in world.desk.books() for number, text in enumerate(book.words) if number not in book.by_agent
        )
    for said in customer.said:
        if said.token and said.taken and said.taken_at < customer.erasing and said.token in kept:
            yield f"ERASED: {customer.name}'s {said.token} is still kept"


def _told_of(world, books):
    """Where words cannot be taken out, each that stands there and was taken back has its note."""
    if world.desk.connector == "zendesk":
        return
    texts = [text for _, words in books for text in words]
    notes = sum("(The customer deleted a message" in text for text in texts)
    back = [
        said.about.token
        for customer in world.customers
        for said in customer.said
        if said.kind == "deletion" and said.taken and customer.erasing is None
    ]
    stand = {token for token in back if any(token in text for text in texts)}
    if notes < len(stand):
        yield f"KEPT: {', '.join(sorted(stand))} were taken back, and {notes} notes say so"


def _readable(value):
    """Return what is stored with all that is packed into it: compressed, or in base64 inside of JSON."""
    if isinstance(value, bytes):
        with contextlib.suppress(zlib.error):
            value = zlib.decompress(value)
        value = value.decode("utf-8", "replace")
    text = str(value)
    try:
        data = json.loads(text)
    except ValueError:
        return text
    inner = [data.get(name) for name in ("body", "raw")] if isinstance(data, dict) else []
    return text + "".join(_readable(base64.b64decode(each)) for each in inner if each)


def _replies(world, books):
    """5: an agent's answer goes out at most once; if not, the ticket says so. In the agents' order."""
    reads = [customer.got() for customer in world.customers]  # of merged tickets several customers may be told
    notes = [(kept.id, text) for kept, words in books for text in words if NOTED.search(text)]
    open_ = {kept.id for kept, _ in books if not kept.closed and not kept.merged}
    by_hand = {name for customer in world.customers for name in (customer.certificate or {}).get("by_hand", ())}
    forgotten = {  # a ticket that takes no note any more is named on the certificate
        kept.id
        for kept, words in books
        if any(FORGOTTEN in text for text in words) or ((kept.merged or kept.closed) and f"acme/{kept.id}" in by_hand)
    }
    # Two tickets of one customer made one: each brings what stands in both since then.
    joined = [len(own) > 1 and any(kept.merged for kept in own) for own in (c.tickets() for c in world.customers)]
    last = {}
    people = len(reads) if world.merges else 1  # an answer on a merged ticket goes to everybody in it
    for token, ticket, at in world.replied:
        told = [text for _, text in notes if token in text]
        if told and ticket in open_ and (ticket, told[0]) not in notes and not world.merges:
            yield f"REPLY: {token} stands in {ticket}, the note about it elsewhere"
        sent = False
        for whose, read in enumerate(reads):
            found = [number for number, text in enumerate(read) if token in text]
            sent = sent or bool(found)
            if len(found) > 1:
                yield f"REPLY: {token} was sent {len(found)} times"
            if found and found[0] < last.get((ticket, whose), -1) and not joined[whose]:
                yield f"REPLY: {token} was sent before an earlier one"
            if found:
                last[ticket, whose] = found[0]
        if not sent and ticket not in forgotten:
            yield from _unsent(world, token, ticket, at, told)
        if sent and any("NOT delivered" in text for text in told) and not world.merges:  # then it may be another's
            yield f"REPLY: {token} was sent, and the ticket says that it was not"
        if len(told) > people and world.desk.asks:
            yield f"REPLY: the ticket has {len(told)} notes about {token}"


def _unsent(world, token, ticket, at, told):
    """What was not sent is told, and has a reason outside of us."""
    # Of a desk that cannot be asked, a ticket whose birth nobody heard of stays unknown; the next one says so.
    unheard = not world.desk.asks and ticket not in {ticket_of(customer) for customer in world.customers}
    if not told and not unheard:
        yield f"REPLY: {token} was neither sent nor is it noted on the ticket"
    refused = any("NOT delivered" in text for text in told)
    if refused and not world.merges and not _lost(world, ticket, at):
        yield f"REPLY: {token} was not sent, and nothing stood against it"
    if told and not refused and not world.gate.happened and not world.in_doubt:
        yield f"REPLY: nobody knows whether {token} was sent, and nothing went wrong"


def _mistaken(world):
    """An answer reaches nobody but whose words stand in its ticket (of what was taken back nobody's do)."""
    if world.merges:
        return
    own = {customer: {kept.id for kept in customer.tickets()} for customer in world.customers}
    for token, ticket, _ in world.replied:
        if any(ticket in tickets for tickets in own.values()):
            for customer in [each for each, tickets in own.items() if ticket not in tickets]:
                if any(token in text for text in customer.got()):
                    yield f"REPLY: {token} on ticket {ticket} reached {customer}"


def _lost(world, ticket, at):
    """Tell whether nobody could be answered then: what they wrote is gone, or too long ago."""
    people = [customer for customer in world.customers if ticket in {kept.id for kept in customer.tickets()}]
    gone = any(said.kind == "deletion" for customer in people for said in customer.said)
    known = [said for customer in people for said in customer.said if said.taken and said.taken_at < at]
    last = max((said.at for said in known), default=None)
    return gone or last is None or at - last > REACHED


def _strangers(world):
    """What an agent answered to somebody else reaches nobody here, whatever is merged."""
    for customer in world.customers:
        for token in world.others:
            if any(token in text for text in customer.got()):
                yield f"REPLY: {customer.name} got {token}, which was for somebody else"


def _in_no_log(world):
    """No customer's word, name or number, and no secret."""
    told = {value for secret in world.secrets.values() for value in secret.values() if isinstance(value, str)}
    told |= {each for customer in world.customers for each in (customer.author, customer.name)}
    marked = re.compile("|".join([TOKEN.pattern, "invented-", *(rf"\b{re.escape(each)}\b" for each in sorted(told))]))
    for line in world.lines:
        if marked.search(line):
            yield f"LOGGED: {line[:200]}"


__all__ = ["START", "broken"]
