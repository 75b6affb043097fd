"""Incidents for an operator: list them, send updates to their members, close one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deskwire.conversation import incidents
from deskwire.conversation.incidents import Incident, language_for
from deskwire.conversation.recorded import MOVED
from deskwire.conversation.table import message_item, seconds, sent_item, thread_item
from deskwire.letters import notices
from deskwire.model.notices import Notice, Purpose
from deskwire.ports import Absent, Clock, Equals, Item, Mailbox, Put, Table, Update

TOLD, WAITS = "told", "not yet"


class UnknownIncidentError(LookupError):
    """There is no incident of this id, or no such update of it."""


@dataclass(frozen=True, slots=True)
class Saying:
    """An update of an incident: its number, and the number of conversations it is for."""

    number: int
    conversations: int
    languages: Mapping[str, int]  # how many get the text of each language


def listed(table: Table) -> list[Incident]:
    """Return all stored incidents, oldest first."""
    return [Incident.model_validate(each) for each in table.query(incidents.INCIDENTS)]


def found(table: Table, identifier: str) -> Incident:
    """Return an incident. Raises `UnknownIncidentError`."""
    incident = incidents.incident_of(table, identifier)
    if incident is None:
        raise UnknownIncidentError(f"there is no incident “{identifier}”: deskwire incident list")
    return incident


def members(table: Table, incident: Incident) -> list[Item]:
    """Return an incident's conversations, one for each customer, so that nobody gets an update twice."""
    rows = sorted(table.query(*incidents.member_item(incident.id, "")), key=lambda each: (each["at"], each["sk"]))
    return list({each["by"]: each for each in reversed(rows)}.values())[::-1]


def say(
    table: Table,
    mailbox: Mailbox,
    clock: Clock,
    identifier: str,
    texts: Mapping[str, str],
    default: str,
    *,
    dry_run: bool = False,
) -> Saying:
    """Send an update to every member of an incident; `texts` by language, `default` for all other languages.

    Raises `UnknownIncidentError`; `Conflict` if another update is sent at the same moment: then nothing was sent.
    """
    incident = found(table, identifier)
    number = incident.updates + 1
    if dry_run:
        given = _updates(table, incident, number, texts, default)
        return _saying(number, given)
    pk, sk = incidents.update_item(incident.id, number)
    update = {"pk": pk, "sk": sk, "texts": json.dumps(dict(texts), ensure_ascii=False), "default": default}
    at = seconds(clock())
    known = Equals(incident.updates)
    table.transact(
        [
            Update(incidents.incident_item(incident.id), set={"updates": number}, when=[("updates", known)]),
            Put({**update, "at": at, "expires": at + incidents.MEMBERS_KEPT}, when=[("pk", Absent())]),
        ]
    )
    return again(table, mailbox, clock, identifier, number)


def again(table: Table, mailbox: Mailbox, clock: Clock, identifier: str, number: int) -> Saying:
    """Send an update's letters again: members who have it do not get it again, those who joined since do.

    Raises `UnknownIncidentError`.
    """
    incident = found(table, identifier)
    item = table.get(incidents.update_item(incident.id, number))
    if item is None:
        raise UnknownIncidentError(f"the incident {incident.id} has no update {number}")
    texts = json.loads(item["texts"])
    given = _updates(table, incident, number, texts, item["default"])
    saying = _saying(number, given)
    quoted = "\n\n".join(f"{tag}: {text}" for tag, text in texts.items())
    note = incidents.noted(incident, number, f"Update {number} for everybody in this incident:\n\n{quoted}")
    mailbox.send(notices([*given, note], clock().isoformat()))
    return saying


def close(table: Table, clock: Clock, identifier: str, by: str) -> bool:
    """Close an incident; return whether it was open. Raises `UnknownIncidentError`."""
    return incidents.close_incident(table, found(table, identifier), seconds(clock()), by)


def report(table: Table, identifier: str, number: int) -> Counter[str]:
    """Return the number of conversations in which an update was sent (`TOLD`), waits (`WAITS`), or failed, by reason.

    Raises `UnknownIncidentError`.
    """
    incident = found(table, identifier)
    item = table.get(incidents.update_item(incident.id, number))
    if item is None:
        raise UnknownIncidentError(f"the incident {incident.id} has no update {number}")
    given = _updates(table, incident, number, json.loads(item["texts"]), item["default"])
    return Counter(_became(table, each) for each in given)


def _updates(table: Table, incident: Incident, number: int, texts: Mapping[str, str], default: str) -> list[Notice]:
    return [
        Notice(
            incident=incident.id,
            purpose=Purpose.UPDATE,
            number=number,
            channel=each["channel"],
            account=each["account"],
            thread=each["member"],
            texts=texts,
            default=default,
            language=each.get("language", ""),
        )
        for each in members(table, incident)
    ]


def _saying(number: int, given: Sequence[Notice]) -> Saying:
    return Saying(number, len(given), Counter(language_for(each) for each in given))


def _became(table: Table, notice: Notice) -> str:
    """Return the state of an update in one conversation, in words."""
    thread_key = notice.thread
    message = table.get(message_item(thread_key, notice.key))
    if message is not None and message["state"] == MOVED:
        thread_key = str((table.get(thread_item(thread_key)) or {}).get("alias_of", thread_key))
        message = table.get(message_item(thread_key, notice.key))
    sent = table.get(sent_item(thread_key, incidents.update_key(notice.incident, notice.number))) or {}
    if sent.get("state") == "sent":
        return TOLD
    if sent.get("state") in {"refused", "unknown", "undelivered"}:
        return str(sent.get("reason") or sent["state"])
    if message is not None and message.get("done_at"):
        return str(message.get("reason") or message["state"])
    return WAITS
