"""What is written into Salesforce, contacts, cases, comments and files, and the agents' answers among the comments."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deskwire.care.measure import split
from deskwire.contracts.channel import filled
from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.terms import Unit
from deskwire.families.lists import known
from deskwire.families.lists import words as told
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import AgentReply, Change, Entry, File, Ticket
from deskwire.model.values import replace
from deskwire.web.reading import Node
from deskwire.web.rest import Answer

from .api import GONE, VERSION, Api, codes, full, id_of, settled, unreferring
from .files import along

KEY: Final = "Deskwire_Key__c"  # of cases: text, unique, an external id
TAGS: Final = "Deskwire_Tags__c"  # of cases: long text
PERSON: Final = "Deskwire_Id__c"  # of contacts: text, unique, an external id
PRIORITIES: Final = {"low": "Low", "normal": "Medium", "high": "High", "urgent": "High"}
KNOWN: Final = {"Low": "low", "Medium": "normal", "High": "high"}
COMMENT_BYTES: Final = 4000
PIECE_BYTES: Final = COMMENT_BYTES - 60  # the mark stands below each piece
# The limit counts HTML's entities, of up to six bytes, where the org encodes a text: which ones it does, no page says.
# So what is too long is cut into smaller pieces. https://help.salesforce.com/s/articleView?id=000382141&type=1
SIZES: Final = (PIECE_BYTES, PIECE_BYTES // 2, PIECE_BYTES // 6)
TOO_LONG: Final = "STRING_TOO_LONG"
LATEST: Final = 500  # comments of a case that are looked at
ADDRESS: Final = re.compile(r"\A[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
MARK: Final = re.compile(r"dw-[0-9a-f]{32}(?:-[0-9]{1,3})?\s*")
STAFF: Final = "Standard"  # `UserType` of a colleague; those of portals, guests and processes are others


def marker(key: str) -> str:
    """Return what stands for a key in Salesforce: nothing to escape, and saying nothing."""
    return f"dw-{digest(key)[:32]}"


def opened(api: Api, ticket: Ticket) -> tuple[str, bool]:
    """Return the case with this key, and whether it was there already; its contact is made where there is none.

    One request: the contact is created, which fails harmlessly where its unique id is taken (so a name that agents
    corrected stays), and the case is upserted by its key and names the contact by that id.
    """
    what, customer = "opening a case", ticket.customer
    person = marker(customer.external_id)
    name = unreferring(" ".join((customer.name or customer.handle or customer.channel).split()))[:80]
    contact: dict[str, Any] = {"LastName": name, PERSON: person}
    case = {
        "Subject": unreferring(" ".join(ticket.subject.split()))[:255] or ticket.reference or "-",
        "Description": unreferring(introduction(ticket)),
        "Priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
        TAGS: _joined(ticket.tags),
        "Contact": {PERSON: person},
        "SuppliedName": name,
        **filled({
            "Origin": api.reach.settings.get("origin", ""),
            "SuppliedEmail": customer.email if ADDRESS.fullmatch(customer.email) and len(customer.email) <= 80 else "",
            "SuppliedPhone": unreferring(customer.phone) if len(customer.phone) < 40 else "",
            "ParentId": full(ticket.follow_up_of),
        }),
    }  # fmt: skip
    at = f"/services/data/{VERSION}/sobjects"
    requests = [
        {"method": "POST", "url": f"{at}/Contact", "referenceId": "contact", "body": contact},
        {"method": "PATCH", "url": f"{at}/Case/{KEY}/{marker(ticket.key)}", "referenceId": "case", "body": case},
    ]
    met, made = api.composite(requests, what)
    if case.pop("ParentId", "") and GONE.intersection(codes(made)):  # deleted; the description names it
        met, made = api.composite(requests, what)
    if not (met.status == 400 and "DUPLICATE_VALUE" in codes(met)):
        settled(_field_there(met, what), "making a contact")
    body = settled(_field_there(made, what), what).node()
    number = id_of(body["id"])
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return number, body["created"].raw is not True


def _field_there(answer: Answer, what: str) -> Answer:
    """Return the answer to an upsert or create. No record can be missing there, so a 404 speaks of the field."""
    if answer.status == 404:
        raise ConfigurationError(f"{what}: HTTP 404: a field is missing or hidden: see docs/helpdesks/salesforce.md")
    return answer


def introduction(ticket: Ticket) -> str:
    """Return what an agent needs to know beside the customer's words."""
    customer = ticket.customer
    facts = {
        "Customer": " · ".join(each for each in (customer.name, customer.handle) if each),
        "E-mail": customer.email,
        "Phone": customer.phone,
        "Channel": customer.channel,
        "Reference": ticket.reference,
        "Follow-up of": ticket.follow_up_of,
        **ticket.fields,
    }
    return "\n".join(f"{name}: {' '.join(value.split())[:500]}" for name, value in facts.items() if value)[:30_000]


def standing(api: Api, key: str) -> str:
    """Return the case with this key, or an empty string."""
    soql = f"SELECT Id FROM Case WHERE {KEY} = '{marker(key)}'"  # noqa: S608 - letters and digits
    return next((id_of(row["Id"]) for row in api.rows(soql, "looking for a case")), "")


def look(api: Api, number: str) -> Node:
    """Return a case as it is now. Raises `TicketGone` for one that was merged or deleted.

    A case that lost a merge is deleted, or kept, as the org has set; `MasterRecordId` names the other in both cases.
    When that was is not told; the change of the record is no earlier.
    """
    fields = f"Id, IsClosed, ClosedDate, IsDeleted, MasterRecordId, LastModifiedDate, Priority, {TAGS}"
    soql = f"SELECT {fields} FROM Case WHERE Id = '{number}'"  # noqa: S608 - letters and digits
    rows = api.rows(soql, "looking at a case", deleted=True)
    if not rows:
        raise TicketGone("deleted")
    shown = rows[0]
    if master := id_of(shown["MasterRecordId"]):
        raise TicketGone("merged", master, shown["LastModifiedDate"].iso())
    if shown["IsDeleted"].raw is True:
        raise TicketGone("deleted")
    if id_of(shown["Id"]) != number:
        raise TemporaryError("looking at a case: the answer is another's", concerns=Concern.TICKET)
    return shown


def awake(api: Api, number: str) -> None:
    """Look at a case, and open it again if it is closed. Raises `TicketGone`, also for one closed too long ago."""
    shown = look(api, number)
    if shown["IsClosed"].raw is not True:
        return
    if not api.reach.reopens(shown["ClosedDate"].iso()):
        raise TicketGone("closed")
    status = api.reach.settings.get("open_status", "") or "New"
    api.change(number, {"Status": status}, "opening a case again")


def added(api: Api, case: str, entry: Entry) -> str:
    """Add an entry's files, then its words: as a comment, or several where it is long, all or none of them.

    Returns the id of the last comment, which bears the key: what bears it is whole. An attempt that breaks off between
    the two leaves files that the next one adds again.
    """
    written = False
    try:
        for file in entry.files:
            _uploaded(api, case, file)
            written = True
        for size in SIZES:
            try:
                return api.create(_words(entry, case, size), "adding to a case")[-1]
            except PermanentError as error:  # all or none: nothing of it should be there
                if error.code != TOO_LONG or size == SIZES[-1]:
                    raise
                written = True
        raise AssertionError  # pragma: no cover - the last size returns or raises
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=error.ambiguous or written) from None


def _words(entry: Entry, case: str, size: int) -> list[dict[str, Any]]:
    """Return an entry's words as comments with so many bytes of them at most."""
    texts = pieces(entry, size)
    marks = [*(f"{marker(entry.key)}-{number}" for number in range(1, len(texts))), marker(entry.key)]
    return [
        {
            "attributes": {"type": "CaseComment"},
            "ParentId": case,
            "CommentBody": f"{text}\n{mark}",
            "IsPublished": entry.public,
        }
        for text, mark in zip(texts, marks, strict=True)
    ]


def _uploaded(api: Api, case: str, file: File) -> None:
    """Add a file to a case, as Base64: 37.5 MB of it go into a request, which is more than is ever fetched."""
    what = "adding a file to a case"
    payload = {
        "Title": file.name[:255] or "file",
        "PathOnClient": file.name[:500] or "file",
        "VersionData": base64.b64encode(file.data).decode(),
        "FirstPublishLocationId": case,
    }
    if not id_of(api.write("POST", "sobjects/ContentVersion", payload, what).node()["id"]):
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True, concerns=Concern.TICKET)


def pieces(entry: Entry, size: int = PIECE_BYTES) -> list[str]:
    """Return an entry's words, in pieces of which each is one comment (the limit is one of bytes).

    Above them stands who wrote and when, as all comments are one user's.
    """
    who = entry.author[: size // 20] if entry.public else "Deskwire"
    when = f"{entry.written_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if entry.written_at else ""
    head = " · ".join(part for part in (who, when) if part)
    head = f"{head}:\n" if head else ""
    first, *others = split(entry.body, size - len(head.encode()), Unit.BYTES) or ["-"]
    return [head + first, *others]


def found(api: Api, case: str, key: str) -> str:
    """Return the id of the case's comment that bears a key, or an empty string."""
    mark = marker(key)
    return next((id_of(row["Id"]) for row in _comments(api, case) if _last(row["CommentBody"].text("")) == mark), "")


def _comments(api: Api, case: str, only: str = "") -> list[Node]:
    """Return the latest comments of a case, the newest first."""
    soql = (
        "SELECT Id, CommentBody, CreatedDate, CreatedById, SystemModstamp FROM CaseComment "  # noqa: S608 - letters and digits
        f"WHERE ParentId = '{case}'{only} ORDER BY CreatedDate DESC, Id DESC LIMIT {LATEST}"
    )
    return api.rows(soql, "reading the comments of a case")


def _last(text: str) -> str:
    return text.rstrip().rpartition("\n")[2].strip()


def answers(api: Api, case: str, after: str) -> list[AgentReply]:
    """Return the published comments that are not ours, the oldest first, those after that one, with their files.

    An older one that was changed after that one was written may have been published since then, and is returned again.
    """
    what = "reading the comments of a case"
    latest = _comments(api, case, " AND IsPublished = true")
    published = known(reversed(latest), what, api.reach, "Id", id_of)
    rows, read = published, set[str]()
    numbers = [id_of(row["Id"]) for row in rows]
    if full(after) in numbers:
        place = numbers.index(full(after))
        read_at = rows[place]["CreatedDate"].iso()
        late = [row for row in rows[:place] if _changed_since(row, read_at)]
        read = {*numbers[: place + 1]} - {id_of(row["Id"]) for row in late}
        rows = [*late, *rows[place + 1 :]]
    rows = [row for row in rows if not MARK.fullmatch(_last(row["CommentBody"].text("")))]
    if not rows:
        return []
    people = _users(api, {id_of(row["CreatedById"]) for row in rows} - {""})
    files = along(api, case, published, cut=len(published) >= LATEST, read=read)
    replies: list[AgentReply] = []
    for row in rows:
        at, before = row["CreatedDate"].iso(), replies[-1].order if replies else 0
        reply = _reply(api, row, people, case, order=before if at is None else milliseconds(at))
        if reply is not None:
            replies.append(replace(reply, attachments=tuple(files.get(reply.id, ()))))
    return replies


def _changed_since(row: Node, moment: datetime | None) -> bool:
    changed = row["SystemModstamp"].iso()
    return changed is not None and moment is not None and changed > moment


def _users(api: Api, ids: set[str]) -> dict[str, Node]:
    if not ids:
        return {}
    listed = ", ".join(f"'{each}'" for each in sorted(ids))
    soql = f"SELECT Id, Name, UserType FROM User WHERE Id IN ({listed})"  # noqa: S608 - letters and digits
    return {id_of(row["Id"]): row for row in api.rows(soql, "reading who wrote")}


def _reply(api: Api, row: Node, people: dict[str, Node], case: str, *, order: int) -> AgentReply | None:
    words, by = told(row["CommentBody"], "reading the comments of a case", api.reach), id_of(row["CreatedById"])
    if not words.strip():
        return None
    user = people.get(by, Node({}, "user"))
    kind = user["UserType"].text("")
    withheld = "" if kind == STAFF else f"the author is no colleague ({kind[:40] or 'no user at all'})"
    if by == api.me():
        withheld = "written under Deskwire's own user, by something else than Deskwire"
    return AgentReply(
        id=id_of(row["Id"]),
        order=order,
        ticket=case,
        text=words,
        author=user["Name"].text("")[:100],
        written_at=row["CreatedDate"].iso(),
        withheld=withheld,
    )


def milliseconds(moment: datetime) -> int:
    """Return a time as milliseconds since 1970."""
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _joined(tags: Sequence[str]) -> str:
    return unreferring("; ".join(tags))[:1000]


def raised(shown: Node, change: Change) -> dict[str, str]:
    """Return the fields that the change alters in a case as it is, none where all of it is so already."""
    priority, tags = shown["Priority"].text(""), shown[TAGS].text("")
    current = [each.strip() for each in tags.split(";") if each.strip()]
    wanted = PRIORITIES.get(change.priority, "")
    # A value of the company's own is none that we know the rank of: it stays.
    raises = wanted not in {"", priority} and change.raises(KNOWN.get(priority, priority))
    missing = change.missing(current)
    return filled({
        "Priority": wanted if raises else "",
        TAGS: _joined([*current, *missing]) if missing else "",
    })  # fmt: skip
