"""`deskwire.yaml` as written: its entries, each policy expanded, and the place of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from deskwire import registry
from deskwire.care.answers import Answer
from deskwire.care.policy import Link, Policy
from deskwire.contracts.channel import Channel
from deskwire.contracts.helpdesk import Helpdesk

from . import wording
from .company import Company, ConnectionEntry, EndpointEntry, HelpdeskEntry, IncidentsEntry
from .document import Document, Place, choice
from .needs import Need

Found: TypeAlias = Iterator[tuple[Place, str]]
Entry = TypeVar("Entry", bound=BaseModel)
NAMED = ("policies", "answers", "helpdesks", "endpoints", "connections")


def channel(name: str) -> Channel | None:
    """Return a channel, or None."""
    return registry.channel(name) if name in registry.channel_names() else None


def helpdesk(name: str) -> Helpdesk | None:
    """Return a helpdesk's connector, or None."""
    return registry.helpdesk(name) if name in registry.helpdesk_names() else None


def _without_nothing(value: Any) -> Any:
    """Remove empty values: `settings:` with nothing below it counts as absent."""
    if isinstance(value, dict):
        return {name: _without_nothing(inner) for name, inner in value.items() if inner is not None}
    return [_without_nothing(inner) for inner in value] if isinstance(value, list) else value


class Written:
    """A file's entries by name. Faulty ones are left out; `shape` yields their faults."""

    def __init__(self, document: Document) -> None:
        self.document = document
        data = document.data if isinstance(document.data, dict) else {}
        self._raw: dict[str, Any] = {
            name: {} if part is None else _without_nothing(part) for name, part in data.items()
        }
        for name in NAMED:
            section = data.get(name)
            if isinstance(section, dict):
                self._raw[name] |= {entry: {} for entry, inner in section.items() if inner is None}
        self._likes: list[tuple[Place, str]] = []
        self._expand()
        self.helpdesks = self._valid("helpdesks", HelpdeskEntry)
        self.endpoints = self._valid("endpoints", EndpointEntry)
        self.connections = self._valid("connections", ConnectionEntry)
        self.policies = self._valid("policies", Policy)
        self.answers = self._valid("answers", Answer)
        self.incidents = self._incidents()

    def section(self, name: str) -> dict[str, Any]:
        """Return a section's entries as written, including faulty ones."""
        section = self._raw.get(name)
        return section if isinstance(section, dict) else {}

    def default(self, name: str) -> str:
        """Return a default for connections, "" if there is none."""
        value = self.section("defaults").get(name)
        return value if isinstance(value, str) else ""

    def helpdesk_of(self, entry: ConnectionEntry) -> str:
        """Return a connection's helpdesk."""
        return entry.helpdesk or self.default("helpdesk")

    def mirror_of(self, entry: ConnectionEntry) -> str:
        """Return the helpdesk into which a connection's tickets are copied, "" if none."""
        return self.default("mirror") if entry.mirror is None else entry.mirror

    def _valid(self, section: str, model: type[Entry]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for name, entry in self.section(section).items():
            try:
                found[name] = model.model_validate(entry)
            except ValidationError:
                continue
        return found

    def _incidents(self) -> IncidentsEntry | None:
        """Return the settings for incidents; None if there are none, or they are faulty."""
        if "incidents" not in self._raw:
            return None
        try:
            return IncidentsEntry.model_validate(self._raw["incidents"])
        except ValidationError:
            return None

    def _expand(self) -> None:
        """Complete each policy that is `like` another with the values it does not set itself."""
        policies = dict(self.section("policies"))
        connections = self.section("connections")
        for name, entry in policies.items():
            self._raw["policies"][name] = self._whole(policies, entry, ("policies", name))
        for name, entry in connections.items():
            if isinstance(entry, dict) and isinstance(entry.get("policy"), dict):
                whole = self._whole(policies, entry["policy"], ("connections", name, "policy"))
                connections[name] = entry | {"policy": whole}

    def _whole(self, policies: Mapping[str, Any], entry: Any, place: Place) -> Any:
        if not (isinstance(entry, dict) and isinstance(entry.get("like"), str)):
            return entry
        found: dict[str, Any] = {}
        passed = [place[-1]] if place[0] == "policies" else []
        while isinstance(entry, dict):
            found = {name: value for name, value in entry.items() if name != "like"} | found
            like = entry.get("like")
            if not isinstance(like, str):
                break
            if like in passed:
                self._likes.append(((*place, "like"), "the policy is like itself"))
                break
            if like not in policies:
                self._likes.append(((*place, "like"), f"there is no policy “{like}”: {choice(like, policies)}"))
                break
            passed.append(like)
            entry = policies[like]
        return found

    def shape(self) -> Found:
        """Yield the models' faults, and policies that are `like` an unknown one."""
        yield from self._likes
        if not isinstance(self.document.data, dict):
            if not self.document.faults:
                yield (), f"the file must hold {', '.join(Company.model_fields)}"
            return
        try:
            Company.model_validate(self._raw)
        except ValidationError as error:
            for place, reason, location in wording.faults(self.document, error):
                if not self._inherited(location):
                    yield place, reason

    def _inherited(self, location: tuple[int | str, ...]) -> bool:
        """Return whether a fault is in the policy that this one is `like`, where it is reported."""
        base, rest = location[:2], location[2:]
        if base[:1] == ("connections",) and rest[:1] == ("policy",):
            base, rest = location[:3], location[4:]  # behind the name of the choice's branch
        own = self.document.at(base)
        return isinstance(own, dict) and "like" in own and bool(rest) and rest[0] not in own

    def policy_of(self, name: str) -> tuple[Place, Policy] | None:
        """Return a connection's policy and its place; None if it has none, or a faulty one."""
        entry = self.connections[name]
        if entry.policy is not None and not isinstance(entry.policy, str):
            return ("connections", name, "policy"), entry.policy
        chosen = entry.policy or self.default("policy")
        return (("policies", chosen), self.policies[chosen]) if chosen in self.policies else None

    def stands(self, place: Place, *steps: str) -> Place:
        """Return the place of a policy's value: in the policy, or in the one that it is `like`."""
        own = self.document.at(place)
        while isinstance(own, dict) and steps[0] not in own and isinstance(own.get("like"), str):
            place = ("policies", own["like"])
            own = self.document.at(place)
        return self.document.place((*place, *steps))

    def links(self) -> Iterator[tuple[Place, Link, ConnectionEntry | None]]:
        """Yield each one-time link of a policy in use: its place, and the connection it leads to."""
        known = {(entry.channel, entry.account): entry for entry in self.connections.values()}
        for name in self.connections:
            found = self.policy_of(name)
            link = found[1].private.link if found is not None else None
            if found is not None and link is not None:
                yield self.stands(found[0], "private", "link"), link, known.get((link.channel, link.account))

    def connectors(self) -> Iterator[tuple[Place, EndpointEntry | HelpdeskEntry | ConnectionEntry, Need, Need]]:
        """Yield each entry with the settings and the secrets that its connectors need."""
        for name, endpoint in self.endpoints.items():
            sides: list[Channel | Helpdesk | None] = [channel(each) for each in endpoint.channels]
            if endpoint.helpdesk in self.helpdesks:
                sides = [helpdesk(self.helpdesks[endpoint.helpdesk].connector)]
            found = [each for each in sides if each is not None]
            if found and len(found) == len(sides):
                settings = Need.of(*(each.endpoint_settings for each in found))
                yield ("endpoints", name), endpoint, settings, Need.of(*(each.endpoint_secrets for each in found))
        for name, desk in self.helpdesks.items():
            connector = helpdesk(desk.connector)
            if connector is not None:
                settings = Need.of(connector.connection_settings)
                yield ("helpdesks", name), desk, settings, Need.of(connector.connection_secrets)
        for name, connection in self.connections.items():
            side = channel(connection.channel)
            if side is not None:
                settings = Need.of(side.connection_settings)
                yield ("connections", name), connection, settings, Need.of(side.connection_secrets)
