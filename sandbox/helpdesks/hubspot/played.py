"""HubSpot, played: contacts, tickets and notes of the CRM over its API, and agents who fill in the reply.

Strict where the pages are: the token, known properties, stages of the pipeline, unique values, types of associations,
65,536 characters in a note, 190 requests in 10 seconds, hidden files without their scope. Unconfirmed, and played as
the connector's comments have it: what a taken unique value answers, that a merged ticket's id leads to the other, how a
property lists its files, and where their signed links lead.
"""

from __future__ import annotations

import html
import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import unquote

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

LONGEST = 65_536
MADE = {"createdAt": "2026-10-01T09:00:00.000Z", "updatedAt": "2026-10-01T09:00:00.000Z", "archived": False}
PIPELINE = {
    "id": "0",
    "label": "Support Pipeline",
    "displayOrder": 0,
    "stages": [
        {"id": "1", "label": "New", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}, **MADE},
        {"id": "2", "label": "Waiting on contact", "displayOrder": 1, "metadata": {"ticketState": "OPEN"}, **MADE},
        {"id": "4", "label": "Closed", "displayOrder": 3, "metadata": {"ticketState": "CLOSED"}, **MADE},
    ],
    **MADE,
}
TYPES = {("tickets", "contacts"): 16, ("notes", "tickets"): 228, ("notes", "contacts"): 202}
PROPERTIES = {
    "contacts": {"deskwire_id", "lastname", "email"},
    "tickets": {"subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "deskwire_key"},
    "notes": {"hs_timestamp", "hs_note_body"},
}
SIGNED = "f.hubspotusercontent-na1.net"  # the host of signed links; invented, as no page names one
LINK_SECONDS = 3600
UNIQUE = {"contacts": "deskwire_id", "tickets": "deskwire_key"}

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """An error as HubSpot reports it."""

    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(message)
        self.status, self.category, self.message = status, category, message

    def reply(self) -> Reply:
        """Return the answer."""
        told = {"status": "error", "category": self.category, "message": self.message}
        return Reply.json(self.status, {**told, "correlationId": "1b0c0e9a-5f0e-4a37-b9b4-6a1f7f4b2d10"})


class HubSpot(Neighbour):
    """One account with a private app. `records` are its contacts, tickets and notes by kind and id."""

    name: ClassVar[str] = "hubspot"

    def __init__(self, token: str, *, clock: Clock | None = None, port: int = 0, most: int = 190) -> None:
        """Play an account whose private app has this token and may ask `most` times in 10 seconds."""
        super().__init__(clock, port=port)
        self.records: dict[str, dict[str, Row]] = {"contacts": {}, "tickets": {}, "notes": {}}
        self.associations: set[tuple[str, str, str, str]] = set()  # kind and id, kind and id
        self.history: dict[str, list[Row]] = {}  # of the tickets' reply, the newest first
        self.put: dict[str, list[Row]] = {}  # of the tickets' files, the same
        self.files: dict[str, tuple[str, str, bytes]] = {}  # name, media type and bytes by id
        self.sees_hidden = True  # whether the app has the scope for files on records
        self.merged: dict[str, str] = {}
        self.listed: dict[str, datetime] = {}  # ticket -> from when on the search has it; the others at once
        self.most = most
        self.notes_each = 10_000  # that a record may have
        self._token = token
        self._numbers = itertools.count(1001)
        self._events = itertools.count(100)
        self._recent: deque[datetime] = deque()

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the token of the private app."""
        if asked.header("authorization") != f"Bearer {self._token}":
            return Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.").reply()
        return None

    def admit(self, asked: Asked) -> Reply | None:
        """Keep the burst limit of a private app."""
        while self._recent and (asked.at - self._recent[0]).total_seconds() >= 10:
            self._recent.popleft()
        if len(self._recent) < self.most:
            self._recent.append(asked.at)
            return None
        told = {"status": "error", "message": "You have reached your ten_secondly_rolling limit."}
        return Reply.json(429, {**told, "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"})

    # --------------------------------------------------------------------------------------------- people

    def agent_replies(self, ticket: str, text: str, *, source: str = "CRM_UI", by: str = "userId:3300") -> Row:
        """Let an agent fill in the ticket's reply; returns the event that a webhook tells of it."""
        with self.lock:
            self.records["tickets"][ticket]["properties"]["deskwire_reply"] = text
            now = self._touch("tickets", ticket)
            told = {"value": text, "timestamp": now, "sourceType": source, "sourceId": by}
            self.history.setdefault(ticket, []).insert(0, told)
            return {
                "eventId": next(self._events), "subscriptionId": 77, "portalId": 44120, "appId": 9001,
                "occurredAt": int(datetime.fromisoformat(now).timestamp() * 1000), "attemptNumber": 0,
                "subscriptionType": "ticket.propertyChange", "objectId": int(ticket),
                "propertyName": "deskwire_reply", "propertyValue": text, "changeSource": source,
            }  # fmt: skip

    def agent_attaches(
        self, ticket: str, *files: tuple[str, str, bytes], source: str = "CRM_UI", kept: tuple[str, ...] = ()
    ) -> list[str]:
        """Let an agent put files (name, media type, bytes) into the ticket's property, beside those `kept`."""
        with self.lock:
            numbers = []
            for file in files:
                numbers.append(str(next(self._numbers)))
                self.files[numbers[-1]] = file
            value = ";".join([*kept, *numbers])
            told = {"value": value, "timestamp": self._touch("tickets", ticket), "sourceType": source}
            self.put.setdefault(ticket, []).insert(0, {**told, "sourceId": "userId:3300"})
            return numbers

    def agent_notes(self, ticket: str, text: str) -> Row:
        """Let an agent write a note on a ticket."""
        with self.lock:
            row = self._made("notes", {"hs_note_body": f"<p>{html.escape(text)}</p>", "hs_timestamp": self._now()})
            self._associate("notes", row["id"], "tickets", ticket)
            return row

    def close(self, ticket: str) -> None:
        """Let an agent close a ticket."""
        with self.lock:
            self.records["tickets"][ticket]["properties"] |= {"hs_pipeline_stage": "4", "closed_date": self._now()}
            self._touch("tickets", ticket)

    def agent_sets(self, ticket: str, **properties: str) -> None:
        """Let an agent change a ticket: its stage, or who has it (`hubspot_owner_id`; empty: nobody)."""
        with self.lock:
            self.records["tickets"][ticket]["properties"].update(properties)
            self._touch("tickets", ticket)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge a ticket into another; its notes move along."""
        with self.lock:
            del self.records["tickets"][ticket]
            self.merged[ticket] = into
            moved = {pair for pair in self.associations if pair[:2] == ("tickets", ticket)}
            for _, _, kind, other in moved:
                self._associate("tickets", into, kind, other)
            self._touch("tickets", into)

    def remove(self, ticket: str) -> None:
        """Let an agent delete a ticket."""
        with self.lock:
            del self.records["tickets"][ticket]

    def notes(self, ticket: str) -> list[Row]:
        """Return the notes of a ticket, the oldest first."""
        return [self.records["notes"][number] for number in self._notes_of("tickets", ticket)]

    def _notes_of(self, kind: str, number: str) -> list[str]:
        linked = {to for *mine, other, to in self.associations if (mine, other) == ([kind, number], "notes")}
        return [each for each in self.records["notes"] if each in linked]

    def _has_room(self, links: Iterable[Mapping[str, Any]]) -> None:
        for link in links:
            named = link["types"][0]["associationTypeId"]
            kind = next((other for (_, other), each in TYPES.items() if each == named), "")
            if len(self._notes_of(kind, link["to"]["id"])) >= self.notes_each:
                raise Refused(400, "VALIDATION_ERROR", "One or more associations are not valid")

    # ------------------------------------------------------------------------------------------------ API

    @route("GET", "/crm/v3/pipelines/tickets")
    def pipelines(self, asked: Asked) -> Reply:
        """Return the one pipeline."""
        del asked
        return Reply.json(200, {"results": [PIPELINE]})

    @route("GET", "/crm/v4/associations/{source}/{target}/labels")
    def labels(self, asked: Asked, source: str, target: str) -> Reply:
        """Return the types of association between two kinds of record."""
        del asked
        rows = [
            {"category": "USER_DEFINED", "typeId": 36, "label": "Reported by"},
            {"category": "HUBSPOT_DEFINED", "typeId": TYPES[source, target], "label": None},
        ]
        return Reply.json(200, {"results": rows})

    @route("POST", "/crm/v3/objects/contacts/batch/upsert")
    def upsert(self, asked: Asked) -> Reply:
        """Make or find contacts by their unique id."""
        made = []
        try:
            for each in asked.json()["inputs"]:
                self._check("contacts", each["properties"])
                if each["idProperty"] != "deskwire_id":
                    raise Refused(400, "VALIDATION_ERROR", f"Property {each['idProperty']} is not unique")  # noqa: TRY301
                known = self._by("contacts", each["id"])
                row = known or self._made("contacts", each["properties"])
                made.append({**row, "new": known is None})
        except Refused as refused:
            return refused.reply()
        return self._batch(made)

    @route("GET", "/crm/v3/objects/contacts/{value}")
    def contact(self, asked: Asked, value: str) -> Reply:
        """Return a contact by a unique value, with the tickets that it is associated with."""
        unique = asked.parameter("idProperty")
        rows = self.records["contacts"].values()
        row = next((each for each in rows if each["properties"].get(unique) == unquote(value)), None)
        if row is None:
            return Refused(404, "OBJECT_NOT_FOUND", "Object not found. objectId is usually numeric.").reply()
        numbers = sorted(
            other for *mine, kind, other in self.associations if (mine, kind) == (["contacts", row["id"]], "tickets")
        )
        told = [{"id": number, "type": "contact_to_ticket"} for number in numbers if number in self.records["tickets"]]
        return Reply.json(200, {**row, **({"associations": {"tickets": {"results": told}}} if told else {})})

    @route("POST", "/crm/v3/objects/tickets/batch/read")
    def read_tickets(self, asked: Asked) -> Reply:
        """Return tickets by their ids."""
        given = asked.json()
        if missing := {"inputs", "properties", "propertiesWithHistory"} - given.keys():
            return Refused(400, "VALIDATION_ERROR", f"Some required fields were not set: {sorted(missing)}").reply()
        rows = [self.records["tickets"].get(each["id"]) for each in given["inputs"]]
        shown = [
            {**row, "properties": {name: {"createdate": row["createdAt"], **row["properties"]}.get(name)
                                   for name in given["properties"]}}
            for row in rows if row
        ]  # fmt: skip
        return self._batch(shown)

    @route("POST", "/crm/v3/objects/tickets")
    def create(self, asked: Asked) -> Reply:
        """Create a ticket."""
        given = asked.json()
        try:
            self._check("tickets", given["properties"])
            if known := self._by("tickets", given["properties"].get("deskwire_key", "")):
                text = f"Cannot set PropertyValueCoordinates. {known['id']} already has that value."
                return Refused(400, "VALIDATION_ERROR", text).reply()
            row = self._made("tickets", given["properties"])
            self._linked("tickets", row["id"], given.get("associations") or ())
        except Refused as refused:
            return refused.reply()
        return Reply.json(201, row)

    @route("GET", "/crm/v3/objects/tickets/{number}")
    def show(self, asked: Asked, number: str) -> Reply:
        """Return a ticket, by its id or its unique key."""
        row = self.records["tickets"].get(self.merged.get(number, number))
        if asked.parameter("idProperty"):
            row = self._by("tickets", number)
        if row is None:
            return Refused(404, "OBJECT_NOT_FOUND", "Object not found. objectId is usually numeric.").reply()
        asked_for = asked.parameter("properties").split(",")
        shown = {name: value for name, value in row["properties"].items() if name in asked_for}
        more: Row = {}
        kept = {"deskwire_reply": self.history, "deskwire_files": self.put}
        histories = {
            name: rows[:20]
            for name in asked.parameter("propertiesWithHistory").split(",")
            if (rows := kept.get(name, {}).get(row["id"], []))
        }
        more = {"propertiesWithHistory": histories} if histories else {}
        return Reply.json(200, {**row, "properties": shown, **more})

    @route("PATCH", "/crm/v3/objects/tickets/{number}")
    def change(self, asked: Asked, number: str) -> Reply:
        """Change a ticket's properties."""
        given = asked.json()["properties"]
        row = self.records["tickets"].get(number)
        if row is None:
            return Refused(404, "OBJECT_NOT_FOUND", "Object not found. objectId is usually numeric.").reply()
        try:
            self._check("tickets", row["properties"] | given)
        except Refused as refused:
            return refused.reply()
        row["properties"] |= given
        self._touch("tickets", number)
        return Reply.json(200, row)

    @route("POST", "/crm/v3/objects/notes")
    def note(self, asked: Asked) -> Reply:
        """Create a note on a ticket."""
        given = asked.json()
        try:
            self._check("notes", given["properties"])
            self._has_room(given.get("associations") or ())
            row = self._made("notes", given["properties"])
            self._linked("notes", row["id"], given.get("associations") or ())
        except Refused as refused:
            return refused.reply()
        return Reply.json(201, row)

    @route("GET", "/crm/v3/limits/associations/records/{kind}/0-46")
    def limits(self, asked: Asked, kind: str) -> Reply:
        """Return how many notes a record of this kind may have."""
        del asked, kind
        samples: Row = {"atLimitFromRecordSamples": [], "nearLimitFromRecordSamples": []}
        told = {**samples, "limit": self.notes_each, "totalRecordsAtLimit": 0, "totalRecordsNearLimit": 0}
        return Reply.json(200, told)

    @route("GET", "/crm/v4/objects/{kind}/{number}/associations/notes")
    def associated(self, asked: Asked, kind: str, number: str) -> Reply:
        """Return the ids of a record's notes, by the page."""
        size, start = int(asked.parameter("limit", "500")), int(asked.parameter("after", "0"))
        numbers = self._notes_of(kind, number)
        rows = [{"toObjectId": int(each), "associationTypes": []} for each in numbers[start : start + size]]
        more = {"paging": {"next": {"after": str(start + size)}}} if len(numbers) > start + size else {}
        return Reply.json(200, {"results": rows, **more})

    @route("POST", "/crm/v3/objects/notes/batch/read")
    def read(self, asked: Asked) -> Reply:
        """Return notes by their ids."""
        given = asked.json()
        if missing := {"inputs", "properties", "propertiesWithHistory"} - given.keys():
            return Refused(400, "VALIDATION_ERROR", f"Some required fields were not set: {sorted(missing)}").reply()
        if len(given["inputs"]) > 100:
            return Refused(400, "VALIDATION_ERROR", "Too many inputs").reply()
        found = [self.records["notes"].get(each["id"]) for each in given["inputs"]]
        return self._batch([row for row in found if row])

    @route("POST", "/crm/v3/objects/tickets/search")
    def search(self, asked: Asked) -> Reply:
        """Return the tickets that meet the filters, the one that was changed first at the top."""
        given = asked.json()
        if missing := {"after", "filterGroups", "limit", "properties", "sorts"} - given.keys():
            return Refused(400, "VALIDATION_ERROR", f"Some required fields were not set: {sorted(missing)}").reply()
        (group,) = given["filterGroups"]
        now = self.clock.now()
        listed = [row for row in self.records["tickets"].values() if now >= self.listed.get(row["id"], now)]
        found = [row for row in listed if all(meets(row, each) for each in group["filters"])]
        found.sort(key=lambda row: row["updatedAt"])
        size, start = min(int(given.get("limit", 10)), 100), int(given.get("after", 0))
        known = [{**row["properties"], "hs_lastmodifieddate": row["updatedAt"]} for row in found[start : start + size]]
        rows = [
            {**row, "properties": {name: told.get(name) for name in given["properties"]}}
            for row, told in zip(found[start : start + size], known, strict=True)
        ]
        more = {"paging": {"next": {"after": str(start + size)}}} if len(found) > start + size else {}
        return Reply.json(200, {"total": len(found), "results": rows, **more})

    @route("GET", "/files/v3/files/{number}")
    def file(self, asked: Asked, number: str) -> Reply:
        """Return what a file is."""
        del asked
        if number not in self.files or not self.sees_hidden:
            return Refused(404, "OBJECT_NOT_FOUND", "File not found").reply()
        return Reply.json(200, {**self._described(number), "access": "HIDDEN_PRIVATE", "archived": False})

    @route("GET", "/files/v3/files/{number}/signed-url")
    def signed(self, asked: Asked, number: str) -> Reply:
        """Return a link to a file, good for an hour."""
        if number not in self.files or not self.sees_hidden:
            return Refused(404, "OBJECT_NOT_FOUND", "File not found").reply()
        until = int(asked.at.timestamp()) + LINK_SECONDS
        told = {"expiresAt": datetime.fromtimestamp(until, UTC).isoformat(), **self._described(number)}
        return Reply.json(200, {**told, "url": f"https://{SIGNED}/hubfs/44120/{number}?Expires={until}"})

    @route("GET", "/hubfs/44120/{number}", public=True)
    def linked(self, asked: Asked, number: str) -> Reply:
        """Return a file's bytes to whoever has a link to it. A token is refused: it does not belong there."""
        late = asked.at.timestamp() > int(asked.parameter("Expires", "0"))
        if asked.header("authorization") or late or number not in self.files:
            return Reply(403)
        _, kind, data = self.files[number]
        return Reply(200, data, {"content-type": kind})

    def _described(self, number: str) -> Row:
        name, kind, data = self.files[number]
        stem, _, ending = name.rpartition(".")
        group = "IMG" if kind.startswith("image/") else "DOCUMENT"
        return {"id": number, "name": stem or name, "extension": ending, "type": group, "size": len(data)}

    @route("GET", "/tickets", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        shown = "".join(
            f"<h2>{number} {html.escape(row['properties']['subject'])}</h2>"
            f"<p>{html.escape(row['properties'].get('content', ''))}</p>"
            + "".join(f"<div>{note['properties']['hs_note_body']}</div>" for note in self.notes(number))
            for number, row in reversed(self.records["tickets"].items())
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>HubSpot</title>{shown}</html>')

    # --------------------------------------------------------------------------------------------- its rules

    def _batch(self, rows: list[Row]) -> Reply:
        now = self._now()
        return Reply.json(200, {"status": "COMPLETE", "results": rows, "startedAt": now, "completedAt": now})

    def _now(self) -> str:
        moment = self.clock.now().astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

    def _touch(self, kind: str, number: str) -> str:
        self.records[kind][number]["updatedAt"] = self._now()
        return str(self.records[kind][number]["updatedAt"])

    def _by(self, kind: str, value: str) -> Row | None:
        rows = self.records[kind].values()
        return next((row for row in rows if value and row["properties"].get(UNIQUE[kind]) == value), None)

    def _check(self, kind: str, given: Mapping[str, str]) -> None:
        known = PROPERTIES[kind] | {"deskwire_reply", "closed_date"}
        for name, value in given.items():
            if name not in known:
                raise Refused(400, "VALIDATION_ERROR", f'Property "{name}" does not exist (PROPERTY_DOESNT_EXIST)')
            if not isinstance(value, str):
                raise Refused(400, "VALIDATION_ERROR", f"Invalid input JSON: {name} is no text")
        if kind == "tickets" and not given.get("subject"):
            raise Refused(400, "VALIDATION_ERROR", "Error creating TICKET. Some required properties were not set.")
        stages = [each["id"] for each in PIPELINE["stages"]]  # type: ignore[attr-defined]
        if kind == "tickets" and given.get("hs_pipeline_stage") not in stages:
            raise Refused(400, "VALIDATION_ERROR", "hs_pipeline_stage was not one of the allowed options")
        if kind == "notes" and not given.get("hs_timestamp"):
            raise Refused(400, "VALIDATION_ERROR", "hs_timestamp is required")
        if len(given.get("hs_note_body", "")) > LONGEST:
            raise Refused(400, "VALIDATION_ERROR", f"hs_note_body exceeds {LONGEST} characters")

    def _made(self, kind: str, properties: Mapping[str, str]) -> Row:
        number, now = str(next(self._numbers)), self._now()
        row = {"id": number, "properties": dict(properties), "createdAt": now, "updatedAt": now, "archived": False}
        self.records[kind][number] = row
        return row

    def _linked(self, kind: str, number: str, given: Any) -> None:
        for each in given:
            (told,) = each["types"]
            pairs = {named: other for (mine, other), named in TYPES.items() if mine == kind}
            other = pairs.get(told["associationTypeId"], "")
            if told["associationCategory"] != "HUBSPOT_DEFINED" or each["to"]["id"] not in self.records.get(other, {}):
                raise Refused(400, "VALIDATION_ERROR", "associations are not valid")
            self._associate(kind, number, other, each["to"]["id"])

    def _associate(self, kind: str, number: str, other: str, target: str) -> None:
        self.associations |= {(kind, number, other, target), (other, target, kind, number)}


def meets(row: Row, given: Mapping[str, str]) -> bool:
    """Return whether a ticket meets a filter."""
    if given["operator"] == "HAS_PROPERTY":
        return given["propertyName"] in row["properties"]
    if (given["operator"], given["propertyName"]) == ("GT", "hs_lastmodifieddate"):
        return datetime.fromisoformat(row["updatedAt"]).timestamp() * 1000 > int(given["value"])
    raise ValueError(given)
