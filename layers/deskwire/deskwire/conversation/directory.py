"""Finds connections and helpdesks with their connectors, secrets and health; keeps them for a short while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from deskwire import registry
from deskwire.channel import Channel, Mail, Reach, Remember
from deskwire.configuration import Connection, HelpdeskConnection, connection_key, helpdesk_key
from deskwire.errors import ConfigurationError, TemporaryError
from deskwire.helpdesk import Helpdesk
from deskwire.model import compose
from deskwire.ports import Clock, Key, Table, Update
from deskwire.rest import Transport
from deskwire.secret import Secrets

from .state import moment, seconds

MINUTE = timedelta(seconds=60)
LOOK = timedelta(seconds=5)  # how old what we know of a helpdesk's health may be
PATIENCE = 3  # failures in a row after which the helpdesk is left alone for a while
LONGEST = 60  # seconds it is left alone when it did not say how long

Kept = TypeVar("Kept")


class Cache(Generic[Kept]):
    """Keeps what was looked up for `span`; a thread waits for the one that looks up."""

    def __init__(self, clock: Clock, span: timedelta) -> None:
        self._clock = clock
        self._span = span
        self._kept: dict[str, tuple[datetime, Kept]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under `name`, or what `make` gives now."""
        with self._lock:
            found = self._kept.get(name)
            if found and self._clock() - found[0] < self._span:
                return found[1]
            made = make()
            self._kept[name] = (self._clock(), made)
            return made

    def forget(self, name: str) -> None:
        """Look up anew next time."""
        with self._lock:
            self._kept.pop(name, None)


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
    _connections: Cache[Connection | None] = field(init=False)
    _helpdesks: Cache[HelpdeskConnection] = field(init=False)
    _health: Cache[int] = field(init=False)
    _tokens: Tokens = field(init=False)
    _failures: dict[str, int] = field(init=False, default_factory=dict)
    _open: dict[str, int] = field(init=False, default_factory=dict)  # until when we said that it is left alone

    def __post_init__(self) -> None:
        object.__setattr__(self, "_connections", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_helpdesks", Cache(self.clock, MINUTE))
        object.__setattr__(self, "_health", Cache(self.clock, LOOK))
        object.__setattr__(self, "_tokens", Tokens(self.clock))

    def connection(self, channel: str, account: str) -> Connection | None:
        """Return the connection of an account, or None."""
        key = connection_key(channel, account)

        def look() -> Connection | None:
            text = self._definition(key)
            return Connection.model_validate_json(text) if text else None

        return self._connections.get(key[0], look)

    def helpdesk(self, name: str) -> HelpdeskConnection:
        """Return a helpdesk's definition. Raises `ConfigurationError` when there is none."""

        def look() -> HelpdeskConnection:
            text = self._definition(helpdesk_key(name))
            if not text:
                raise ConfigurationError(f"there is no helpdesk “{name}”: run `deskwire apply`")
            return HelpdeskConnection.model_validate_json(text)

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
        return registry.helpdesk(definition.connector), self._reach(
            definition.name, definition.secret, definition.settings, compose("helpdesk", definition.name)
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

    # ---------------------------------------------------------------- a helpdesk's health

    def admit(self, helpdesk: str) -> None:
        """Raise `TemporaryError` while the helpdesk is to be left alone."""

        def look() -> int:
            item = self.table.get(_health_key(helpdesk))
            return int(item.get("open_until", 0)) if item else 0

        until = self._health.get(helpdesk, look)
        left = until - seconds(self.clock())
        if left > 0:
            raise TemporaryError(f"the helpdesk {helpdesk} is left alone until {moment(until):%H:%M:%S}", after=left)

    def failed(self, helpdesk: str, error: TemporaryError) -> None:
        """Count a failure; after some in a row, or when it named a time, all workers leave it alone."""
        now = seconds(self.clock())
        if error.after is None and now < self._open.get(helpdesk, 0):
            return  # begun before all was stopped: ten calls side by side are not ten failures in a row
        failures = self._failures[helpdesk] = self._failures.get(helpdesk, 0) + 1
        if error.after is None and failures < PATIENCE:
            return
        pause = error.after if error.after is not None else min(2 ** (failures - PATIENCE + 1), LONGEST)
        until = self._open[helpdesk] = now + max(int(pause + 0.999), 1)
        self.table.update(Update(_health_key(helpdesk), set={"open_until": until, "failures": failures}))
        self._health.forget(helpdesk)

    def worked(self, helpdesk: str) -> None:
        """Note that the helpdesk answered."""
        self._failures.pop(helpdesk, None)


def _health_key(helpdesk: str) -> Key:
    return (helpdesk_key(helpdesk)[0], "HEALTH")
