"""Store incidents in the table: each scope's incident, its members and its updates.

A scope is counted as one: a connection, a group of connections, or the whole company. It has one open incident at
most; the scope's item names it, and changes in one transaction with the incident's own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deskwire.care.incident import LANGUAGE
from deskwire.care.languages import Language, among
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose, digest
from deskwire.model.notices import PLACE, Notice, Purpose, incident_thread
from deskwire.ports import Absent, AbsentOr, Conflict, Equals, Item, Key, Put, Table, Update

from .table import DAY, moment, person_digest

INCIDENTS = "INCIDENTS"  # the partition of all incidents
SCOPES = "I#SCOPES"
KEPT = 400 * DAY  # an incident is kept as long as figures are
MEMBERS_KEPT = 35 * DAY


class Incident(BaseModel):
    """A rise of complaints beyond chance. Times are whole seconds since 1970.

    `topic`: what it is about, "" for all trouble. `began_at`: when the rise began. `channel`, `account`: the connection
    through which its ticket is opened. `closed_by`: `calm`, or the person who closed it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    sk: str
    scope: str
    topic: str = ""
    reason: str = ""
    customers: int = 0  # number of affected customers when it was opened
    priority: str = "high"
    channel: str
    account: str
    began_at: int
    opened_at: int
    state: Literal["open", "closed"] = "open"
    closed_at: int = 0
    closed_by: str = ""
    updates: int = 0

    @property
    def id(self) -> str:
        """The incident's id: the day and five characters."""
        return self.sk

    @property
    def about(self) -> str:
        """The topic in words."""
        if self.topic.startswith(LANGUAGE):
            return f"trouble in the {self.topic}"
        return f"“{self.topic}”" if self.topic else "all trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A filed message that reports trouble, without its text. `by`: a digest of the customer; `at`: when received."""

    id: str
    at: int
    channel: str
    account: str
    thread: str
    by: str
    topics: tuple[str, ...]
    language: str = ""


def written(event: Event | None, topics: Sequence[str] | None) -> str:
    """Return a filed message's trouble as JSON for `watch`; "" if it is not a customer's report of trouble."""
    if event is None or topics is None or event.kind is not Kind.MESSAGE or event.own:
        return ""
    by = person_digest(event.channel, event.author.id) if event.author else digest(event.thread_key)[:32]
    return json.dumps({"by": by, "topics": list(topics)}, ensure_ascii=False)


def language_of(topics: Iterable[str]) -> str:
    """Return the language among a message's topics, "" if none."""
    return next((each.removeprefix(LANGUAGE) for each in topics if each.startswith(LANGUAGE)), "")


# ---------------------------------------------------------------- keys of the items


def incident_item(identifier: str) -> Key:
    """Return the key of an incident."""
    return (INCIDENTS, identifier)


def scope_item(scope: str) -> Key:
    """Return the key of a scope's item, with its open incident and when the last one ended."""
    return (SCOPES, scope)


def member_item(identifier: str, thread_key: str) -> Key:
    """Return the key of an incident's member."""
    return (f"I#{identifier}", f"T#{thread_key}")


def update_item(identifier: str, number: int) -> Key:
    """Return the key of an incident's update."""
    return (f"I#{identifier}", f"U#{number:04}")


def update_key(identifier: str, number: int) -> str:
    """Return the key under which an update is sent into a thread."""
    return compose("update", identifier, str(number))


# ---------------------------------------------------------------- what happens to an incident


def new_identifier(scope: str, at: int) -> str:
    """Return the id of an incident opened now."""
    return f"{moment(at):%Y%m%d}-{digest(compose(scope, str(at)))[:5]}"


def open_incident(table: Table, incident: Incident, connections: Collection[str]) -> bool:
    """Open an incident, unless its scope has an open one; return whether it was opened."""
    pk, sk = incident_item(incident.id)
    item = {"pk": pk, **incident.model_dump(), "sk": sk, "expires": incident.opened_at + KEPT}
    named = {"incident": incident.id, "topic": incident.topic, "connections": sorted(connections)}
    try:
        table.transact(
            [
                Put(item, when=[("pk", Absent())]),
                Update(scope_item(incident.scope), set=named, when=[("incident", AbsentOr(""))]),
            ]
        )
    except Conflict:
        return False
    return True


def close_incident(table: Table, incident: Incident, at: int, by: str) -> bool:
    """Close an incident; return False if it was closed already."""
    try:
        table.transact(
            [
                Update(
                    incident_item(incident.id),
                    set={"state": "closed", "closed_at": at, "closed_by": by},
                    when=[("state", Equals("open"))],
                ),
                Update(
                    scope_item(incident.scope),
                    set={"incident": "", "ended": at},
                    when=[("incident", Equals(incident.id))],
                ),
            ]
        )
    except Conflict:
        return False
    return True


def incident_of(table: Table, identifier: str) -> Incident | None:
    """Return an incident, or None."""
    item = table.get(incident_item(identifier)) if identifier else None
    return None if item is None else Incident.model_validate(item)


def scopes(table: Table) -> list[Item]:
    """Return the scopes that have, or had, an incident."""
    return table.query(SCOPES)


def open_topics(scopes: Iterable[Item], connection: str) -> tuple[str, ...]:
    """Return the topics of the open incidents that include a connection."""
    return tuple(
        str(each["topic"])
        for each in scopes
        if each.get("incident") and (not each["connections"] or connection in each["connections"])
    )


# ---------------------------------------------------------------- notices


def opening(incident: Incident) -> Notice:
    """Return the notice that opens an incident's ticket."""
    return Notice(
        incident=incident.id,
        purpose=Purpose.OPENED,
        channel=incident.channel,
        account=incident.account,
        thread=incident_thread(incident.id),
        subject=f"[Deskwire] Incident {incident.id}: {incident.about}",
        words=(
            f"Many customers have the same trouble: {incident.reason}.\n"
            f"Incident {incident.id}, about {incident.about}, since {_when(incident.began_at)}. Each of their tickets "
            f"has the tag {PLACE}-{incident.id} and a note, and so will those that follow.\n"
            f"To tell all of them: deskwire incident say {incident.id} --text en=…\n"
            f"It ends by itself after two quiet hours, or by: deskwire incident close {incident.id}"
        ),
        priority=incident.priority,
    )


def noted(incident: Incident, number: int, words: str) -> Notice:
    """Return a note for the incident's own ticket."""
    return Notice(
        incident=incident.id,
        purpose=Purpose.NOTE,
        number=number,
        channel=incident.channel,
        account=incident.account,
        thread=incident_thread(incident.id),
        words=words,
    )


def joined(incident: Incident, channel: str, account: str, thread_key: str) -> Notice:
    """Return the notice that a member's ticket belongs to the incident."""
    return Notice(
        incident=incident.id,
        purpose=Purpose.JOINED,
        channel=channel,
        account=account,
        thread=thread_key,
        words=(
            f"This belongs to the incident {incident.id}, about {incident.about}, since {_when(incident.began_at)}. "
            f"Its own ticket has the tag {PLACE}-{incident.id} too, and is named after it."
        ),
    )


def language_for(notice: Notice) -> str:
    """Return the language of an update for a member: their own, a related one, or the default."""
    own = Language(notice.language) if notice.language else None
    return among(own, notice.texts) or among(Language(notice.default), notice.texts) or notice.default


def _when(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"


def seconds_of(text: str) -> int:
    """Return a stored time as whole seconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp())
