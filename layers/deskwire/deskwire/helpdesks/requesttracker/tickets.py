"""What is written into Request Tracker: tickets, their customers and messages, and the fields that keep the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.files import with_fewer
from deskwire.families.ids import numbered
from deskwire.families.introducing import introduction
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import Change, Customer, Entry, File, Ticket
from deskwire.web.rest import Answer, checked, not_there

from .api import DENIED, HINT, HOUR, DeniedError, Tracker, message_of, quoted, stored_name, values_of

THREAD = "Deskwire Thread"
OPENING = "Deskwire Opening"
MESSAGE = "Deskwire Message"
REFERENCE = "Deskwire Reference"
TAGS = "Deskwire Tags"

# RT's labels by default are Low 0, Medium 50, High 100 (RT_Config, %PriorityAsString).
PRIORITIES = {"low": 0, "normal": 50, "high": 100, "urgent": 100}
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
FIELD = re.compile(r"\s*([a-z_]+)\s*=\s*([^,=]{1,200}?)\s*")


def marker(key: str) -> str:
    """Return what stands for a key in RT: itself and a digest (RT takes `aB` and `Ab` for the same value)."""
    return f"{key} {digest(key)[:16]}" if len(key) <= 200 else digest(key)  # a value holds 255 characters


def user_name(customer: Customer) -> str:
    """Return the RT user's name for a customer.

    A colon, a comma, an @ or digits alone mean something else to RT as a requestor, and case is ignored: a name that is
    not plainly safe is replaced by a digest of it.
    """
    if PLAIN_NAME.fullmatch(customer.external_id):
        return customer.external_id
    channel = re.sub(r"[^a-z0-9]", "", customer.channel.lower()) or "customer"
    return f"{channel}-{digest(customer.external_id)[:32]}"


def prepared(tracker: Tracker) -> None:
    """Make sure that the custom fields exist: RT ignores unknown ones in silence, and nothing could be found."""

    def look() -> tuple[str, float]:
        wanted = '[{"field":"Name","operator":"LIKE","value":"Deskwire "}]'
        rows = tracker.get("customfields", what="reading the custom fields", query=wanted, fields="Name,LookupType")
        found = {(row["Name"].text(""), row["LookupType"].text("")) for row in rows["items"].items()}
        ticket = "RT::Queue-RT::Ticket"
        if not {(THREAD, ticket), (OPENING, ticket), (MESSAGE, f"{ticket}-RT::Transaction")} <= found:
            raise ConfigurationError(
                "Request Tracker has no custom fields “Deskwire …”, or our user may not see them:"
                " load docs/request-tracker/initialdata"
            )
        return "yes", HOUR

    tracker.kept("fields", look)


def requestor_of(tracker: Tracker, customer: Customer) -> str:
    """Return the user name of a customer, once that user exists: a taken name is the same customer."""
    name = user_name(customer)

    def make() -> tuple[str, float]:
        user = {
            "Name": name,
            "RealName": line(customer.name, 120),
            "NickName": line(customer.handle, 16),
            "MobilePhone": line(customer.phone, 30),
            "Privileged": 0,
        }
        what = "creating the customer"
        answer = tracker.ask("POST", "user", {key: value for key, value in user.items() if value != ""}, what=what)
        if not (answer.status == 400 and message_of(answer) == "Name in use"):
            checked(answer, what=what, secret_hint=HINT)
        return name, HOUR

    return tracker.kept(f"user/{name}", make)


def created(tracker: Tracker, ticket: Ticket, requestor: str, public: Sequence[Entry]) -> str:
    """Return the number of the ticket made with its public entries; asked again within the hour, the same one."""

    def create() -> tuple[str, float]:
        more = {"Follow-up of": f"#{ticket.follow_up_of}" if ticket.follow_up_of else ""}
        what = "opening a ticket"
        words = "\n\n".join([introduction(ticket, line, more), "\n".join(spoken(entry) for entry in public)])
        fields = {
            "Queue": tracker.reach.settings.get("queue", "General"),
            "Subject": line(ticket.subject) or line(ticket.reference) or "-",
            "Requestor": requestor,
            "Priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
            "Content": words,
            "ContentType": "text/plain",
            "CustomFields": {
                **fields_of(ticket, tracker.reach),
                THREAD: marker(ticket.key),
                # On create RT takes no fields of the transaction: these are the keys of its words.
                OPENING: [marker(entry.key) for entry in public],
                REFERENCE: ticket.reference,
                TAGS: list(ticket.tags),
            },
        }

        def send(files: Sequence[File], left_out: Sequence[File]) -> Answer:
            content = {"Content": f"{words}{_lines(left_out)}"}
            return tracker.ask("POST", "ticket", fields | content, what=what, files=files)

        answer = checked(
            with_fewer([file for entry in public for file in entry.files], send), what=what, secret_hint=HINT
        )
        return answer.node()["id"].identifier(), HOUR

    return tracker.kept(f"opened/{digest(ticket.key)}", create)


def settled(tracker: Tracker, opened: str, requestor: str, ticket: Ticket) -> str:
    """Return the ticket that stands, after RT's silence was checked: the requestor is there, nobody was faster."""
    shown = tracker.get(f"ticket/{numbered(opened)}", what="checking the new ticket")
    # RT drops a requestor it cannot make sense of and says nothing.
    names = {row["id"].identifier("").lower() for row in shown["Requestor"].items()}
    if requestor not in names:
        change = {"Requestor": requestor}
        tracker.send("PUT", f"ticket/{opened}", change, what="setting the requestor")
    if marker(ticket.key) in values_of(shown, THREAD):
        return opened
    # The value was taken: another attempt was faster, and RT left it off ours (UniqueValues) in silence.
    standing = next((other for other in tickets_of(tracker, ticket.key) if other != opened), None)
    if standing is None:
        raise ConfigurationError(f"the custom field “{THREAD}” does not apply to the queue: apply it globally")
    tracker.send("PUT", f"ticket/{opened}", {"Status": "deleted"}, what="removing a doubled ticket")
    after = tracker.get(f"ticket/{opened}", what="checking the doubled ticket")
    if after["Status"].text("") != "deleted":  # the PUT answers 200 without DeleteTicket too
        tracker.send("PUT", f"ticket/{opened}", {"MergeInto": standing}, what="merging a doubled ticket")
    return standing


def tickets_of(tracker: Tracker, key: str) -> list[str]:
    """Return the tickets opened under a key or with a message of it, oldest first.

    Also those merged away (EffectiveId asks for them); deleted ones RT never lists.
    """
    value = quoted(marker(key))
    rows = tracker.get(
        "tickets",
        what="looking for the ticket",
        query=f"EffectiveId > 0 AND ('CF.{{{THREAD}}}' = {value} OR 'CF.{{{OPENING}}}' = {value})",
        orderby="id",
    )
    return [row["id"].identifier() for row in rows["items"].items()]


@contextmanager
def within_reach(tracker: Tracker, ticket: str) -> Iterator[None]:
    """Raise `TicketGone` in place of a denial, where the ticket was moved out of our queue, in which we see others."""
    try:
        yield
    except DeniedError:
        queue = f"Queue = {quoted(tracker.reach.settings.get('queue', 'General'))}"
        ours = f"{queue} AND 'CF.{{{THREAD}}}' IS NOT NULL"
        if not _any(tracker, f"id = {ticket} AND {queue}") and _any(tracker, ours):
            raise TicketGone("inaccessible") from None
        raise


def _any(tracker: Tracker, query: str) -> bool:
    shown = tracker.get("tickets", what="looking for our tickets", query=query, per_page="1")
    return bool(shown["items"].rows())


def written(tracker: Tracker, ticket: str, entry: Entry) -> str:
    """Write an entry and return its transaction. Raises `TicketGone`: the ticket was shredded, or is out of reach."""
    what = "adding to a ticket"
    path = f"ticket/{ticket}/{'correspond' if entry.public else 'comment'}"

    def send(files: Sequence[File], left_out: Sequence[File]) -> Answer:
        message: dict[str, object] = {
            "Content": f"{spoken(entry)}{_lines(left_out)}",
            "ContentType": "text/plain",
            "TxnCustomFields": {MESSAGE: marker(entry.key)},
        }
        if entry.public:
            # RT's own scrip opens a solved or deleted ticket on correspondence; this opens it without the scrip, and a
            # stalled one too. Where it has nothing to do, RT says so in a 201.
            message["Status"] = "open"
        return tracker.ask("POST", path, message, what=what, files=files)

    with within_reach(tracker, ticket):
        answer = with_fewer(entry.files, send)
    # To a ticket that was shredded RT answers just this.
    unrecorded = answer.status == 400 and message_of(answer) == "Message could not be recorded"
    if unrecorded and not_there(tracker.ask("GET", f"ticket/{ticket}", what="looking at the ticket")):
        raise TicketGone("deleted")
    checked(answer, what=what, secret_hint=HINT)
    place = re.search(r"/transaction/([0-9]{1,18})$", answer.headers.get("location", ""))
    if answer.status != 201 or place is None:
        raise TemporaryError(f"{what}: the answer names no transaction", ambiguous=True)
    try:
        name_dropped(tracker, ticket, f"id > {place[1]}", [entry])
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=True) from None
    return place[1]


def name_dropped(tracker: Tracker, ticket: str, among: str, entries: Sequence[Entry]) -> None:
    """Write a comment with the files of entries that RT dropped or cut, although it answered with success.

    So it does with what is longer than $MaxAttachmentSize where $DropLongAttachments or $TruncateLongAttachments are
    set; a transaction of its own says so (lib/RT/Record.pm, _EncodeLOB). `among` says where that one is.
    """
    files = [file for entry in entries for file in entry.files if file.data]
    if not files:
        return
    rows = tracker.get(
        "transactions",
        what="looking for dropped files",
        query=f"ObjectType = 'RT::Ticket' AND {among} AND Creator = {quoted(tracker.user)}"
        " AND (Type = 'AttachmentDrop' OR Type = 'AttachmentTruncate')",
        orderby="id",
        per_page="100",
        fields="Data,OldValue",
    )
    dropped = {told for row in rows["items"].items() for told in (row["Data"].text(""), row["OldValue"].any_id())}
    lost = [file for file in files if dropped & {stored_name(file.name), str(len(file.data))}]
    if lost:
        key, words = f"{entries[0].key} files", _lines(lost).strip()
        written(tracker, ticket, Entry(key=key, body=words, written_at=None, public=False))


def closed(tracker: Tracker, ticket: str) -> None:
    """Resolve the ticket. Raises `TicketGone`; RT says 200 to what our user may not change, and why in words."""
    what = "closing a ticket"
    answer = tracker.ask("PUT", f"ticket/{ticket}", {"Status": "resolved"}, what=what)
    if not_there(answer):
        raise TicketGone("deleted")
    if any(DENIED in each.text("") for each in checked(answer, what=what, secret_hint=HINT).node().rows()):
        raise tracker.denied(what)


def changed(tracker: Tracker, ticket: str, change: Change) -> None:
    """Look at the ticket, and update it where it has a lower priority, lacks a tag or is another's.

    A group is a queue here. A custom field of several values is replaced as a whole. RT says 200 to what our user may
    not change, and why in words. Raises `TicketGone`.
    """
    path, what = f"ticket/{ticket}", "changing a ticket"
    with within_reach(tracker, ticket):
        answer = tracker.ask("GET", path, what=what)
    if not_there(answer):
        raise TicketGone("deleted")
    shown = checked(answer, what=what, secret_hint=HINT).node()
    asked: dict[str, object] = {}
    wanted = PRIORITIES.get(change.priority, 0)
    if wanted > int(numbered(shown["Priority"].identifier())):
        asked["Priority"] = wanted
    present = values_of(shown, TAGS)
    if missing := change.missing(present):
        asked["CustomFields"] = {TAGS: [*present, *missing]}
    # https://docs.bestpractical.com/rt/5.0.5/RT/REST2.html: what a ticket is updated with
    whose = {"Queue": (change.group, "Name"), "Owner": (change.assignee, "id")}
    asked |= {name: value for name, (value, at) in whose.items() if value and shown[name][at].text("") != value}
    if not asked:
        return
    told = tracker.send("PUT", path, asked, what=what).node()
    if any(DENIED in each.text("") for each in told.items()):
        raise tracker.denied(what)


def fields_of(ticket: Ticket, reach: Reach) -> dict[str, str]:
    """Return the company's own fields of a ticket. Raises `ConfigurationError` for a setting that cannot be read."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in reach.settings.get("fields", "").split(","))):
        match = FIELD.fullmatch(part)
        if not match:
            raise ConfigurationError("“fields” is not written as `rating=Rating, permalink=Source`")
        if ticket.fields.get(match[1]):
            found[match[2]] = ticket.fields[match[1]]
    return found


def spoken(entry: Entry) -> str:
    """Return the text of an entry: who and when, then the words. It ends in a newline: Perl takes "0" for nothing."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    empty = [f"[empty file: {line(file.name)}]" for file in entry.files if not file.data]
    return "\n".join([*([f"{head}:", ""] if head else []), entry.body, *empty, ""])


def line(text: str, most: int = 180) -> str:
    """Return text as one short line."""
    return " ".join(text.split())[:most]


def _lines(left_out: Sequence[File]) -> str:
    """Return a line for each file that RT, or a proxy before it, did not take."""
    return "".join(
        f"[Request Tracker did not take the file {line(file.name)}, {len(file.data)} bytes]\n" for file in left_out
    )
