"""Find connectors by name: each module in `channels/` or `helpdesks/` is one. There is no list to maintain."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from deskwire import channels as _channels
from deskwire import helpdesks as _helpdesks
from deskwire.contracts.channel import Channel
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.errors import ConfigurationError

if TYPE_CHECKING:
    from types import ModuleType

Connector = TypeVar("Connector", Channel, Helpdesk)
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _load(package: ModuleType, name: str, base: type[Connector]) -> Connector:
    module = _module(f"{package.__name__}.{name}") if NAME.fullmatch(name) else None
    if module is None:
        msg = f"there is no {base.__name__.lower()} “{name}”; there are {', '.join(_names(package))}"
        raise ConfigurationError(msg)
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
            return value()
    msg = f"{module.__name__} holds no {base.__name__}"
    raise ConfigurationError(msg)


def _module(path: str) -> ModuleType | None:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:  # a module that the connector imports is missing
            raise
        return None


def _names(package: ModuleType) -> tuple[str, ...]:
    import pkgutil  # imported on demand: it imports `inspect`, and most callers know the name

    return tuple(sorted(found.name for found in pkgutil.iter_modules(package.__path__)))


def channel_names() -> tuple[str, ...]:
    """Return the names of all channels, sorted; imports none."""
    return _names(_channels)


def helpdesk_names() -> tuple[str, ...]:
    """Return the names of all helpdesks, sorted; imports none."""
    return _names(_helpdesks)


@cache
def channel(name: str) -> Channel:
    """Return the channel connector of this name. Raises `ConfigurationError` if there is none."""
    return _load(_channels, name, Channel)


def identity(channel_name: str, author: str) -> str:
    """Return an author's id as the channel's events spell it; unchanged if the channel was removed."""
    try:
        return channel(channel_name).identity(author)
    except ConfigurationError:
        return author.strip()


@cache
def helpdesk(name: str) -> Helpdesk:
    """Return the helpdesk connector of this name. Raises `ConfigurationError` if there is none."""
    return _load(_helpdesks, name, Helpdesk)  # type: ignore[type-abstract]
