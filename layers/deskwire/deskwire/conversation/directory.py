"""Look up connections and helpdesks with their connectors, secrets and health, cached for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from deskwire import registry
from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, connection_key, helpdesk_key
from deskwire.contracts.channel import Channel, Mail, Reach, Remember
from deskwire.contracts.connector import Show, not_given
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.contracts.terms import Figure
from deskwire.model.errors import ConfigurationError
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import File
from deskwire.ports import Clock, Item, Key, Table
from deskwire.ports.outbox import TableOutbox
from deskwire.telemetry import Telemetry
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, Call, Transport

from .figures import waits_item
from .health import Cache, Neighbours
from .incidents import SCOPES, open_topics, scopes
from .tokens import SharedTokens

MINUTE = timedelta(seconds=60)

Value = TypeVar("Value")


def reporting(telemetry: Telemetry) -> Callable[[str, str, Node], None]:
    """Return a function that counts and logs a row that a connector skipped: see `Reach.left_out`."""

    def report(connection: str, what: str, node: Node) -> None:
        telemetry.count("LeftOut")
        telemetry.log("ERROR", "left out of an answer", connection=connection, reason=f"{what}: {node.path}")

    return report


def _unreported(*_: object) -> None: ...


class Remembered:
    """Values that this process keeps as long as they are valid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, str]] = {}
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, owner: str) -> Remember:
        """Return the `Remember` of one connection."""
        return lambda name, make: self._value(compose(owner, name), make)

    def _value(self, key: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return the kept value; make it if there is none. One thread at a time makes a value, other keys go on."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            found = self._kept.get(key)
            if found and self._clock() < found[0]:
                return found[1]
            value, good_for = make()
            with self._lock:
                now = self._clock()
                if good_for > 0:
                    self._kept[key] = (now + timedelta(seconds=good_for), value)
                for old in [each for each, (until, _) in self._kept.items() if until <= now]:
                    del self._kept[old]
                    self._making.pop(old, None)
            return value


def connections_of(table: Table) -> list[Connection]:
    """Return the connections that `deskwire apply` has stored."""
    keys = (table.get(INDEX_KEY) or {}).get("keys", ())
    items = [table.get((pk, sk)) for pk, sk in keys if sk == "CONNECTION"]
    return [Connection.read(item["definition"]) for item in items if item is not None]


@dataclass(frozen=True, slots=True)
class Directory:
    """The configuration, and what is needed to use it."""

    table: Table
    clock: Clock
    secrets: Callable[[str], Secrets]
    http: Transport
    mail: Mail
    fetch: Callable[[Call, Collection[str]], File] = not_given  # see `media.fetch`
    aws: Callable[..., Answer] = not_given  # see `aws.transport.SignedTransport`
    original: Callable[[str], bytes] = not_given  # reads an object of the archive
    left_out: Callable[[str, str, Node], None] = _unreported  # the connection's name, what was asked, the place
    pause: Callable[[float], None] = time.sleep  # seconds, for another worker to end
    neighbours: Neighbours = field(init=False)
    _connections: Cache[Connection | None] = field(init=False)
    _helpdesks: Cache[HelpdeskConnection] = field(init=False)
    _scopes: Cache[list[Item]] = field(init=False)
    _waits: Cache[Mapping[str, int]] = field(init=False)
    _remembered: Remembered = field(init=False)
    _tokens: SharedTokens = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_connections", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_helpdesks", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_scopes", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_waits", Cache(self.clock, MINUTE))
        object.__setattr__(self, "neighbours", Neighbours(self.table, self.clock))
        object.__setattr__(self, "_remembered", Remembered(self.clock))
        object.__setattr__(self, "_tokens", SharedTokens(self.table, self.clock, self.pause))

    def connection(self, channel: str, account: str) -> Connection | None:
        """Return the connection of an account, or None."""
        key = connection_key(channel, account)

        def look() -> Connection | None:
            text = self._definition(key)
            return Connection.read(text) if text else None

        return self._connections.get(key[0], look)

    def helpdesk(self, name: str) -> HelpdeskConnection:
        """Return a helpdesk's definition. Raises `ConfigurationError` when there is none."""

        def look() -> HelpdeskConnection:
            text = self._definition(helpdesk_key(name))
            if not text:
                raise ConfigurationError(f"there is no helpdesk “{name}”: run `deskwire apply`")
            return HelpdeskConnection.read(text)

        return self._helpdesks.get(name, look)

    def has_helpdesk(self, name: str) -> bool:
        """Return whether there is a helpdesk of this name."""
        try:
            self.helpdesk(name)
        except ConfigurationError:
            return False
        return True

    def incidents(self, connection: Connection) -> tuple[str, ...]:
        """Return the topics of the open incidents that include a connection; none if its policy has no text."""
        texts = connection.policy.incident
        if not (texts.private or texts.public):
            return ()
        return open_topics(self._scopes.get(SCOPES, lambda: scopes(self.table)), connection.name)

    def usual_waits(self, connection: Connection) -> Mapping[str, int]:
        """Return the usual wait in seconds by hour (see `watching.waits`); empty if no text of the policy states it."""
        if not connection.policy.says_usual_wait:
            return {}
        key = waits_item(connection.channel, connection.account)
        return self._waits.get(key[0], lambda: (self.table.get(key) or {}).get("promises", {}))

    def _definition(self, key: Key) -> str:
        item = self.table.get(key)
        return str(item["definition"]) if item else ""

    def channel_of(self, connection: Connection) -> tuple[Channel, Reach]:
        """Return a connection's connector and its `Reach`."""
        connector = registry.channel(connection.channel)
        owner = compose("channel", connection.name)
        self.neighbours.limits.declare(connection.key[0], _value(connector.terms.at_once) or 0)
        reach = self._reach(connector, connection.account, connection, owner)
        place = f"originals/{connection.endpoint}"  # stored by a rule of AWS that knows the endpoint only
        return connector, replace(
            reach, outbox=self._outbox(connection), original=lambda name: self.original(f"{place}/{name}")
        )

    def _outbox(self, connection: Connection) -> Show:
        """Return the outbox, limited to a connection's threads."""

        def show(outgoing: Outgoing) -> str:
            thread_key = compose(connection.channel, connection.account, outgoing.thread)
            outbox = TableOutbox(self.table, self.clock)
            return outbox.put(
                thread_key, outgoing.key, outgoing.text, automatic=outgoing.automatic, closed=outgoing.closed,
                offers=outgoing.offers,
            )  # fmt: skip

        return show

    def helpdesk_of(self, definition: HelpdeskConnection) -> tuple[Helpdesk, Reach]:
        """Return a helpdesk's connector and its `Reach`."""
        connector = registry.helpdesk(definition.connector)
        reach = self._reach(connector, definition.name, definition, compose("helpdesk", definition.name))
        declared = (_value(connector.terms.at_once), definition.at_once)
        at_once = min((each for each in declared if each), default=0)
        self.neighbours.limits.declare(definition.key[0], at_once, _value(connector.terms.pace))
        return connector, replace(
            reach,
            http=self.neighbours.paced(
                definition.key[0], self.http, connector.abilities.rate, connector.abilities.left
            ),
        )

    def _reach(
        self, connector: Channel | Helpdesk, account: str, definition: Connection | HelpdeskConnection, owner: str
    ) -> Reach:
        own = tuple(getattr(connector, "media_hosts", ()))
        secrets = self.secrets(definition.secret) if definition.secret else Secrets({})
        return Reach(
            account=account,
            settings=definition.settings,
            secrets=secrets,
            http=self.http,
            now=self.clock(),
            mail=self.mail,
            remember=self._remembered.of(owner),
            tokens=self._tokens.of(owner, secrets),
            aws=partial(self.aws, connector.aws_services),
            left_out=partial(self.left_out, definition.name),
            fetch=lambda call, hosts=(): self.fetch(call, (*own, *hosts)),
        )


def _value(figure: Figure[Value] | None) -> Value | None:
    return None if figure is None else figure.value
