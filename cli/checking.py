"""Turn `deskwire.yaml` into the table's definitions, or into a list of all its faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from deskwire import registry
from deskwire.care.answers import Answer
from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, HelpdeskConnection, Incidents
from deskwire.contracts.channel import LINK_SECRET, serves_pages
from deskwire.settings import ENDPOINTS

from .checks import FAULTS, archived, hints
from .document import Fault, read
from .needs import Need
from .written import Found, Written

NO_ARCHIVE = (
    "archives nothing: this stack has no archive of conversations. Deploy it with its parameter TranscriptDays "
    "(docs/archive.md)"
)
Definition: TypeAlias = Endpoint | HelpdeskConnection | Connection | Incidents


@dataclass(frozen=True, slots=True)
class Checked:
    """The result for a file: its faults, or the definitions; the secrets it needs; hints about odd settings."""

    file: str
    faults: tuple[Fault, ...]
    hints: tuple[Fault, ...] = ()
    definitions: tuple[Definition, ...] = ()
    secrets: Mapping[str, Need] = field(default_factory=dict)
    archived: tuple[Fault, ...] = ()  # what holds only where the stack has an archive of conversations


def check(path: Path) -> Checked:
    """Check a file. Raises `UserError` if it cannot be read."""
    document = read(path)
    written = Written(document)
    found = [*written.shape(), *(each for faults in FAULTS for each in faults(written))]
    for place, reason in found:
        document.complain(place, reason)
    if document.faults:
        return Checked(str(path), tuple(sorted(document.faults)))

    def told(found: Found) -> tuple[Fault, ...]:
        return tuple(sorted({Fault(document.line(place), ".".join(place), text) for place, text in found}))

    unarchived = told((place, NO_ARCHIVE) for place in archived(written))
    return Checked(str(path), (), told(hints(written)), tuple(definitions(written)), secrets(written), unarchived)


def definitions(written: Written) -> Iterator[Definition]:
    """Yield the table's definitions from a file without faults."""
    for name in written.endpoints:
        yield _endpoint(written, name)
    yield from _helpdesks(written)
    if written.incidents is not None:
        yield Incidents(groups=written.incidents.groups, priority=written.incidents.priority)
    for name in written.connections:
        yield _connection(written, name)


def _endpoint(written: Written, name: str) -> Endpoint:
    """Return an endpoint with the accounts of its connections, where deliveries or pages need them."""
    entry = written.endpoints[name]
    connections = [each for each in written.connections.values() if each.endpoint == name]
    pages = [channel for channel in entry.channels if serves_pages(registry.channel(channel))]
    return Endpoint(
        name=name,
        side="helpdesks" if entry.helpdesk else "channels",
        connectors=entry.channels or (written.helpdesks[entry.helpdesk].connector,),
        secret=entry.secret or "",
        settings=entry.settings,
        helpdesk=entry.helpdesk,
        accounts={
            each.channel: each.account for each in connections if not registry.channel(each.channel).names_account
        },
        pages={
            channel: tuple(sorted(each.account for each in connections if each.channel == channel)) for channel in pages
        },
    )


def _helpdesks(written: Written) -> Iterator[HelpdeskConnection]:
    """Yield the helpdesks, each with the endpoint of its webhook, if it has one."""
    webhooks = {entry.helpdesk: name for name, entry in written.endpoints.items() if entry.helpdesk}
    for name, desk in written.helpdesks.items():
        yield HelpdeskConnection(
            name=name,
            connector=desk.connector,
            endpoint=webhooks.get(name, ""),
            secret=desk.secret or "",
            settings=desk.settings,
            poll=desk.poll,
            at_once=desk.at_once,
        )


def _connection(written: Written, name: str) -> Connection:
    """Return a connection with its helpdesk, its policy and its declared answers."""
    entry, found = written.connections[name], written.policy_of(name)
    return Connection(
        name=name,
        channel=entry.channel,
        account=entry.account,
        endpoint=entry.endpoint,
        secret=entry.secret or "",
        settings=entry.settings,
        helpdesk=written.helpdesk_of(entry),
        mirror=written.mirror_of(entry),
        tags=entry.tags,
        fields=entry.fields,
        policy=Policy() if found is None else _plain(found[1]),
        answers={} if found is None else _answers(written, entry.channel, found[1]),
    )


def _answers(written: Written, channel: str, policy: Policy) -> dict[str, Answer]:
    """Return the answers that may be given on a channel; none unless the policy asks “was that it?” after one."""
    asks = bool(policy.answering.ask.private or policy.answering.ask.public)
    return {name: each for name, each in written.answers.items() if asks and each.serves_channel(channel)}


def _plain(policy: Policy) -> Policy:
    """Return the policy without what only the file knows (`like`)."""
    return Policy.model_validate({name: getattr(policy, name) for name in policy.model_fields_set if name != "like"})


def secrets(written: Written) -> dict[str, Need]:
    """Return the members that each secret must have, by its name below the stack's prefix."""
    found: dict[str, Need] = {}
    for (section, *_), entry, _, need in written.connectors():
        if entry.secret is not None:
            name = f"{ENDPOINTS}{entry.secret}" if section == "endpoints" else entry.secret
            found[name] = found.get(name, Need((), frozenset())) | need
    for _, _, page in written.links():
        if page is not None and page.secret is not None:
            found[page.secret] |= Need(((LINK_SECRET,),), frozenset({LINK_SECRET}))
    return dict(sorted(found.items()))
