"""Finds connections and helpdesks with their connectors, secrets and health; keeps them for a short while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from deskwire import registry
from deskwire.configuration import Connection, HelpdeskConnection, connection_key, helpdesk_key
from deskwire.contracts.channel import Channel, Mail, Reach, Remember
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.errors import ConfigurationError
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets
from deskwire.ports import Clock, Key, Table
from deskwire.web.rest import Transport

from .health import Cache, Neighbours

MINUTE = timedelta(seconds=60)


class Tokens:
    """Keeps access tokens as long as they are good."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, str]] = {}
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, owner: str) -> Remember:
        """Return the `Remember` of one connection."""
        return lambda name, make: self._value(compose(owner, name), make)

    def _value(self, key: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return what is kept; what is not is made by one thread at a time, while other keys go on."""
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


@dataclass(frozen=True, slots=True)
class Directory:
    """What is configured, with what is needed to use it."""

    table: Table
    clock: Clock
    secrets: Callable[[str], Secrets]
    http: Transport
    mail: Mail
    neighbours: Neighbours = field(init=False)
    _connections: Cache[Connection | None] = field(init=False)
    _helpdesks: Cache[HelpdeskConnection] = field(init=False)
    _tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_connections", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_helpdesks", Cache(self.clock, MINUTE))
        object.__setattr__(self, "neighbours", Neighbours(self.table, self.clock))
        object.__setattr__(self, "_tokens", Tokens(self.clock))

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

    def _definition(self, key: Key) -> str:
        item = self.table.get(key)
        return str(item["definition"]) if item else ""

    def channel_of(self, connection: Connection) -> tuple[Channel, Reach]:
        """Return a connection's connector and what it may use."""
        return registry.channel(connection.channel), self._reach(
            connection.account, connection.secret, connection.settings, compose("channel", connection.name)
        )

    def helpdesk_of(self, definition: HelpdeskConnection) -> tuple[Helpdesk, Reach]:
        """Return a helpdesk's connector and what it may use."""
        connector = registry.helpdesk(definition.connector)
        reach = self._reach(
            definition.name, definition.secret, definition.settings, compose("helpdesk", definition.name)
        )
        return connector, replace(
            reach, http=self.neighbours.counted(definition.name, connector.abilities.rate, self.http)
        )

    def _reach(self, account: str, secret: str, settings: dict[str, str], owner: str) -> Reach:
        return Reach(
            account=account,
            settings=settings,
            secrets=self.secrets(secret) if secret else Secrets({}),
            http=self.http,
            now=self.clock(),
            mail=self.mail,
            remember=self._tokens.of(owner),
        )
