"""How HubSpot's CRM is asked: the token, its errors, pipelines and association types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of
from deskwire.families.lists import listed
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, TemporaryError
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, read
from deskwire.web.refusals import wait
from deskwire.web.rest import Answer, Call, checked

BASE = "https://api.hubapi.com"
HOUR = 3600.0
# https://developers.hubspot.com/docs/api-reference/error-handling: a lock lasts two seconds; an account that
# is moved to another data centre says when to come again, in up to a day.
LOCKED, MOVING = 423, 477
# What a 400 says of the set-up and not of the message; `error` of each is unconfirmed, so the words are looked at.
MISCONFIGURED = re.compile(rb"PROPERTY_DOESNT_EXIST|does not exist|INVALID_OPTION|was not one of the allowed options")
# https://developers.hubspot.com/docs/api-reference/crm-understanding-the-crm: the ids of HubSpot's kinds of record
KINDS = {"contacts": "0-1", "tickets": "0-5", "notes": "0-46"}
TAKEN = re.compile(rb"already has that value|CONFLICTING_UNIQUE_VALUE|DUPLICATE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one pipeline: its id, the one that tickets begin in, and those that are closed."""

    pipeline: str
    first: str
    closed: frozenset[str]

    def moved(self) -> dict[str, Any]:
        """Return the change that opens a ticket again."""
        return {"properties": {"hs_pipeline_stage": self.first}}


@dataclass(frozen=True, slots=True)
class Api:
    """The CRM of one account, for one call of the connector."""

    reach: Reach

    def ask(self, method: str, path: str, payload: object = None, *, safe: bool = False) -> Answer:
        """Return whatever status came."""
        headers = {
            "Authorization": f"Bearer {self.reach.secrets.one('access_token').reveal()}",
            "Accept": "application/json",
        }
        if payload is None:
            return self.reach.http(Call(method, f"{BASE}/{path}", headers))
        call = Call.json(method, f"{BASE}/{path}", payload, headers=headers)
        return self.reach.http(Call(method, call.url, call.headers, call.body, safe=safe))

    def checked(self, answer: Answer, what: str) -> Answer:
        """Return an answer that says yes; raise for any other what happens next."""
        if answer.status == 207:
            # A batch of which a part failed; of one input there is no other part.
            raise TemporaryError(f"{what}: HubSpot took only a part", ambiguous=True, concerns=Concern.TICKET)
        if answer.status == LOCKED:
            raise TemporaryError(f"{what}: HTTP 423", after=2, ambiguous=True, concerns=Concern.TICKET)
        if answer.status == MOVING:
            raise TemporaryError(f"{what}: HTTP 477: HubSpot moves the account", after=wait(answer.headers))
        if answer.status == 400 and MISCONFIGURED.search(answer.body):
            raise ConfigurationError(f"{what}: HTTP 400: a property or stage is missing: docs/helpdesks/hubspot.md")
        return checked(answer, what=what, secret_hint="“access_token” and the private app's scopes")  # noqa: S106

    def get(self, path: str, what: str) -> Node:
        """Return what is read."""
        return self.checked(self.ask("GET", path), what).node()

    def write(self, method: str, path: str, payload: object, what: str) -> Node:
        """Return the record that was written."""
        return self.checked(self.ask(method, path, payload), what).node()

    def ticket(self, number: str, *properties: str, history: str = "") -> Node:
        """Return a ticket as it is now. Raises `TicketGone` for one that is not there (any more)."""
        what = "looking at a ticket"
        asked = {"propertiesWithHistory": history} if history else {"properties": ",".join(properties)}
        answer = self.ask("GET", f"crm/v3/objects/tickets/{number}?{urlencode(asked)}")
        if not_found(answer):
            raise TicketGone("deleted")
        shown = self.checked(answer, what).node()
        if not id_of(shown["id"]):
            raise TemporaryError(f"{what}: the answer names none", concerns=Concern.TICKET)
        return shown

    def by_key(self, key: str) -> str:
        """Return the id of the ticket with a unique key, or an empty string: from the store, not the late index."""
        what = "looking for a ticket"
        answer = self.ask("GET", f"crm/v3/objects/tickets/{key}?idProperty=deskwire_key")
        if not_found(answer):
            return ""
        number = id_of(self.checked(answer, what).node()["id"])
        if not number:
            raise TemporaryError(f"{what}: the answer names none")
        return number

    def changed(self, since: int, key: str, after: str, *properties: str) -> tuple[list[Node], str]:
        """Return a page of our tickets that changed after a time, the oldest first, and the next one."""
        payload: dict[str, Any] = {
            "filterGroups": [
                {
                    "filters": [
                        {"propertyName": key, "operator": "HAS_PROPERTY"},
                        {"propertyName": "hs_lastmodifieddate", "operator": "GT", "value": str(since)},
                    ]
                }
            ],
            "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
            "properties": ["hs_lastmodifieddate", *properties],
            "limit": 100,
            # The description of the API wants it on the first page as well. What it says of `sorts` (texts) is not what
            # the guide shows (objects), which is what is written here.
            "after": after or "0",
        }
        answer = self.ask("POST", "crm/v3/objects/tickets/search", payload, safe=True)
        body = self.checked(answer, "polling").node()
        return listed(body["results"], "polling"), body["paging"]["next"]["after"].text("")

    def full(self, kind: str, number: str) -> bool:
        """Return whether a record has all the notes that it may have, a number that the account can make smaller.

        https://developers.hubspot.com/docs/api-reference/crm-limits-tracking-v3/guide. What a refusal says of it is on
        no page, so it is counted. Unconfirmed: that this limit is the account's own one, too.
        """
        answer = self.ask("GET", f"crm/v3/limits/associations/records/{KINDS[kind]}/{KINDS['notes']}")
        most = answer.node()["limit"].number(0) if answer.status == 200 else 0
        return 0 < most <= len(self._noted(kind, number))

    def _noted(self, kind: str, number: str) -> list[int]:
        """Return the ids of a record's notes, in no order."""
        numbers: list[int] = []
        after = ""
        for _ in range(20):
            query = urlencode({"limit": "500"} | ({"after": after} if after else {}))
            body = self.get(f"crm/v4/objects/{kind}/{number}/associations/notes?{query}", "reading a record's notes")
            numbers += [int(id_of(row["toObjectId"])) for row in body["results"].items() if id_of(row["toObjectId"])]
            after = body["paging"]["next"]["after"].text("")
            if not after:
                break
        return numbers

    def notes(self, ticket: str) -> list[Node]:
        """Return the notes of a ticket, the newest first."""
        what = "reading a ticket's notes"
        found: list[Node] = []
        numbers = sorted(self._noted("tickets", ticket), reverse=True)
        for start in range(0, len(numbers), 100):
            wanted = [{"id": str(number)} for number in numbers[start : start + 100]]
            # All three are required by the description of the API, the guide leaves the last one out.
            payload = {"inputs": wanted, "properties": ["hs_note_body"], "propertiesWithHistory": []}
            answer = self.ask("POST", "crm/v3/objects/notes/batch/read", payload, safe=True)
            found += self.checked(answer, what).node()["results"].items()
        return found

    def stages(self, pipeline: str = "") -> Stages:
        """Return the stages of a pipeline: of the one named, else of the setting's, else of the first."""
        wanted = pipeline or self.reach.settings.get("pipeline", "")

        def look() -> str:
            rows = list(self.get("crm/v3/pipelines/tickets", "reading the pipelines")["results"].items())
            rows.sort(key=lambda row: row["displayOrder"].number(0))
            found = next((row for row in rows if wanted in {"", row["id"].text("")}), None)
            if found is None:
                raise ConfigurationError("there is no ticket pipeline of the id that “pipeline” names")
            stages = sorted(found["stages"].rows(), key=lambda row: row["displayOrder"].number(0))
            closed = [row["id"].text("") for row in stages if row["metadata"]["ticketState"].text("") == "CLOSED"]
            opens = [each for row in stages if (each := row["id"].text("")) not in closed]
            if not opens or not found["id"].text(""):
                raise ConfigurationError("the ticket pipeline has no open stage")
            return " ".join([found["id"].text(""), opens[0], *closed])

        first, begins, *closed = self.cached(f"stages/{wanted}", look).split(" ")
        return Stages(first, begins, frozenset(closed))

    def closed(self) -> frozenset[str]:
        """Return the closed stages of all pipelines, each as `pipeline/stage`."""

        def look() -> str:
            rows = self.get("crm/v3/pipelines/tickets", "reading the pipelines")["results"].items()
            return " ".join(
                f"{row['id'].text('')}/{stage['id'].text('')}"
                for row in rows
                for stage in row["stages"].rows()
                if stage["metadata"]["ticketState"].text("") == "CLOSED"
            )

        return frozenset(self.cached("closed", look).split())

    def types(self, source: str, target: str) -> list[dict[str, Any]]:
        """Return the association between two kinds of record that HubSpot itself defines, without a label."""

        def look() -> str:
            what = "reading association types"
            rows = self.get(f"crm/v4/associations/{source}/{target}/labels", what)["results"].items()
            for row in rows:
                if row["category"].text("") == "HUBSPOT_DEFINED" and not row["label"].text(""):
                    return str(row["typeId"].number())
            raise TemporaryError(f"{what}: the answer has none")

        number = int(self.cached(f"types/{source}/{target}", look))
        return [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]

    def cached(self, name: str, make: Callable[[], str]) -> str:
        """Return what is kept under `name`, else what `make` gives (asking outside `remember`, which has a lock)."""
        name = f"hubspot/{self.reach.account}/{name}"
        found = self.reach.remember(name, lambda: ("", 0.0))
        return found or self._kept(name, make())

    def _kept(self, name: str, value: str) -> str:
        return self.reach.remember(name, lambda: (value, HOUR))


def associated(*pairs: tuple[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return associations with these records, each with its types, as a new record has them."""
    return [{"to": {"id": number}, "types": list(types)} for number, types in pairs if number]


def not_found(answer: Answer) -> bool:
    """Return whether an answer says that there is no such record, as opposed to no such address."""
    if answer.status != 404:
        return False
    try:
        body = read(answer.body)
    except PayloadError:
        return False
    return body["category"].text("") == "OBJECT_NOT_FOUND" or "resource not found" in body["message"].text("").lower()


def refused(answer: Answer) -> bool:
    """Return whether HubSpot refuses what was written, in its own words."""
    try:
        return answer.status == 400 and read(answer.body)["category"].text("") != ""
    except PayloadError:
        return False


def taken(answer: Answer) -> bool:
    """Return whether a unique value is taken. Status and words of it are unconfirmed: 409 or 400, and either text."""
    return answer.status == 409 or (answer.status == 400 and TAKEN.search(answer.body) is not None)
