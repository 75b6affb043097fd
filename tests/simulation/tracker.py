"""Request Tracker 5's REST 2 as far as the connector asks it, without sockets: no keys, but fields to be searched by.

What it does is what was seen on the real one (see the connector and its `test_requesttracker_real.py`): a
ticket's thread is unique and is left off in silence where it is taken; a merged ticket's id leads to the survivor; a
correspondence opens a resolved ticket.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from deskwire.helpdesks.requesttracker.tickets import MESSAGE, OPENING, TAGS, THREAD
from deskwire.web.rest import Answer

HOST = "rt.example"
BOT, AGENT = "deskwire", "agnes"
VALUE = re.compile(r"= '([^']*)'")


@dataclass
class Transaction:
    """One thing that happened to a ticket."""

    id: int
    ticket: int
    kind: str
    creator: str
    at: object
    words: str = ""
    key: str = ""
    target: int = 0


@dataclass
class Entry:
    """One ticket."""

    id: int
    subject: str
    requestor: str
    thread: str
    opening: list
    priority: int = 50
    tags: list = field(default_factory=list)
    status: str = "new"
    into: int = 0
    transactions: list = field(default_factory=list)


class Tracker:
    """The tickets, and the interface to them."""

    def __init__(self, now):
        self.tickets = {}
        self.users = {BOT: True, AGENT: True}
        self._now = now
        self._numbers = itertools.count(100)

    # ------------------------------------------------------------------------------------------ what people do

    def agent_replies(self, ticket, words):
        return self._add(self.tickets[ticket], "Correspond", AGENT, words).id

    def merge(self, ticket, into):
        self.tickets[ticket].into = into
        self._add(self.tickets[ticket], "AddLink", AGENT, "").target = into

    def survivor(self, ticket):
        return self.survivor(self.tickets[ticket].into) if self.tickets[ticket].into else ticket

    def live(self):
        return [each for each in self.tickets.values() if each.status != "deleted" and not each.into]

    def newest(self):
        return max((each.id for ticket in self.tickets.values() for each in ticket.transactions), default=0)

    def _add(self, ticket, kind, creator, words, key=""):
        made = Transaction(next(self._numbers), ticket.id, kind, creator, self._now(), words, key)
        ticket.transactions.append(made)
        return made

    def _all(self):
        every = [each for ticket in self.tickets.values() for each in ticket.transactions]
        return sorted(every, key=lambda each: each.id)

    # ------------------------------------------------------------------------------------------ the interface

    def serve(self, call):
        parts = urlsplit(call.url)
        path = unquote(parts.path).removeprefix("/REST/2.0/").split("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        given = json.loads(call.body) if call.body else {}
        if call.headers.get("Authorization") != "token invented-rt-token":
            return _answer(401, {"message": "Unauthorized"})
        return getattr(self, f"_{call.method.lower()}_{path[0]}")(path[1:], query, given)

    def _get_customfields(self, path, query, given):
        kinds = ((THREAD, ""), (OPENING, ""), (MESSAGE, "-RT::Transaction"))
        rows = [{"Name": name, "LookupType": f"RT::Queue-RT::Ticket{kind}"} for name, kind in kinds]
        return _answer(200, {"items": rows})

    def _post_user(self, path, query, given):
        if given["Name"] in self.users:
            return _answer(400, {"message": "Name in use"})
        self.users[given["Name"]] = False
        return _answer(201, {"id": given["Name"]})

    def _get_user(self, path, query, given):
        staff = self.users.get(path[0], False)
        return _answer(200, {"Privileged": int(staff), "RealName": path[0].title() if staff else ""})

    def _post_ticket(self, path, query, given):
        if path:
            return self._spoken(path, given)
        fields = given["CustomFields"]
        taken = any(each.thread == fields[THREAD] for each in self.tickets.values() if each.status != "deleted")
        ticket = Entry(
            next(self._numbers), given["Subject"], given["Requestor"], "" if taken else fields[THREAD], fields[OPENING],
            given.get("Priority", 50), fields.get(TAGS, []),
        )  # fmt: skip
        self.tickets[ticket.id] = ticket
        self._add(ticket, "Create", BOT, given["Content"])
        return _answer(201, {"id": ticket.id})

    def _spoken(self, path, given):
        ticket = self.tickets.get(int(path[0]))
        if ticket is None:
            return _answer(400, {"message": "Message could not be recorded"})
        ticket = self.tickets[self.survivor(ticket.id)]
        if given.get("Status") == "open":
            ticket.status = "open"
        kind = "Correspond" if path[1] == "correspond" else "Comment"
        made = self._add(ticket, kind, BOT, given["Content"], given["TxnCustomFields"][MESSAGE])
        where = f"https://{HOST}/REST/2.0/transaction/{made.id}"
        return _answer(201, [f"{kind} added"], {"location": where})

    def _get_ticket(self, path, query, given):
        found = self.tickets.get(int(path[0]))
        if found is None:
            return _answer(404, {"message": "Not found"})
        shown = self.tickets[self.survivor(found.id)]
        fields = [
            {"name": THREAD, "values": [shown.thread] if shown.thread else []},
            {"name": TAGS, "values": shown.tags},
        ]
        return _answer(200, {
            "id": shown.id, "EffectiveId": {"id": shown.id}, "Status": shown.status, "Priority": str(shown.priority),
            "Requestor": [{"id": shown.requestor}], "CustomFields": fields,
        })  # fmt: skip

    def _put_ticket(self, path, query, given):
        ticket = self.tickets[int(path[0])]
        live = self.tickets[self.survivor(ticket.id)]
        live.priority = given.get("Priority", live.priority)
        live.tags = given.get("CustomFields", {}).get(TAGS, live.tags)
        if "Status" in given:
            ticket.status = given["Status"]
        if "MergeInto" in given:
            ticket.into = int(given["MergeInto"])
        return _answer(200, ["done"])

    def _get_tickets(self, path, query, given):
        asked = query["query"]
        live = [each for each in self.tickets.values() if each.status != "deleted"]
        if "IS NOT NULL" in asked:
            wanted = {int(number) for number in re.findall(r"EffectiveId = (\d+)", asked)}
            rows = [
                {"id": each.id, "EffectiveId": {"id": self.survivor(each.id)}}
                for each in live
                if self.survivor(each.id) in wanted and each.thread
            ]
        elif numbers := re.findall(r"\bid = (\d+)", asked):
            some = [each for each in live if str(each.id) in numbers]
            rows = [{"id": each.id, "EffectiveId": {"id": self.survivor(each.id)}} for each in some]
        else:
            value = VALUE.search(asked)[1]
            rows = [{"id": each.id} for each in live if value == each.thread or value in each.opening]
        if "Requestor.Name" in asked:
            theirs = [each for each in live if each.requestor == value and not each.into]
            rows = [
                {"id": each.id, "Subject": each.subject, "Status": each.status, "Created": "2026-11-01T09:00:00Z",
                 "CustomFields": [{"name": TAGS, "values": each.tags}]}
                for each in reversed(theirs)
            ][: int(query["per_page"])]  # fmt: skip
        return _answer(200, {"items": rows})

    def _get_transactions(self, path, query, given):
        asked = query["query"]
        rows = self._all()
        if found := re.search(r"CF\.\{[^}]*\} = '([^']*)'", asked):
            rows = [each for each in rows if each.key == found[1]]
        if "Type = 'Correspond'" in asked:
            rows = [each for each in rows if each.kind == "Correspond"]
        if "Type = 'AddLink'" in asked:
            rows = [each for each in rows if each.kind == "AddLink"]
        if found := re.search(r"^[^(]*\bid > (\d+)", asked):
            rows = [each for each in rows if each.id > int(found[1])]
        if "Creator != " in asked:
            rows = [each for each in rows if each.creator != BOT]
        since = {
            int(ticket): int(number or 0)
            for ticket, number in re.findall(r"ObjectId = (\d+)(?: AND id > (\d+)\))?", asked)
        }
        if since:
            rows = [each for each in rows if each.ticket in since and each.id > since[each.ticket]]
        if query.get("order") == "DESC":
            rows = rows[::-1]
        rows = rows[: int(query.get("per_page", "20"))]
        return _answer(200, {"items": [_row(each) for each in rows]})

    def _get_transaction(self, path, query, given):
        found = next(each for each in self._all() if each.id == int(path[0]))
        if path[1:] == ["attachments"]:
            return _answer(200, {"items": [{"id": found.id, "Filename": "", "ContentType": "text/plain"}]})
        return _answer(200, {"id": found.id, "Object": {"id": self.survivor(found.ticket)}})

    def _get_attachment(self, path, query, given):
        found = next(each for each in self._all() if each.id == int(path[0]))
        return _answer(200, {"Content": base64.b64encode(found.words.encode()).decode()})


def _row(each):
    fields = [{"name": MESSAGE, "values": [each.key]}] if each.key else []
    created = each.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    target = f"fsck.com-rt://rt.example/ticket/{each.target}" if each.target else None
    return {
        "id": each.id,
        "ObjectId": str(each.ticket),
        "NewValue": target,
        "Creator": {"id": each.creator},
        "Created": created,
        "CustomFields": fields,
    }


def _answer(status, payload, headers=None):
    return Answer(status, {"content-type": "application/json", **(headers or {})}, json.dumps(payload).encode())
