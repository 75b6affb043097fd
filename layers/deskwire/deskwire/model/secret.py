"""Secret values that are masked wherever they could be shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeGuard

from .errors import ConfigurationError


class Secret:
    """One secret value. `str`, `repr` and formatting give a mask; `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep `value`. Raises `ConfigurationError` if it is empty."""
        if not value:
            msg = "a secret is empty"
            raise ConfigurationError(msg)
        self._value = value

    def reveal(self) -> str:
        """Return the value itself: for headers and signatures only."""
        return self._value

    def encode(self) -> bytes:
        """Return the value as UTF-8 bytes."""
        return self._value.encode()

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        msg = "a secret is not written anywhere"
        raise TypeError(msg)


def _valid(value: object) -> tuple[object, ...]:
    """Return a name's valid values; none for anything but a string or a list."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple) else ()


def _usable(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


class Secrets:
    """The named secrets of one endpoint or connection.

    Each name holds the values valid now: one, or during a rotation two (the current one first).
    """

    __slots__ = ("_entry", "_values")

    def __init__(self, values: Mapping[str, str | Sequence[str]], *, entry: str = "") -> None:
        """Take `values` by name; `entry` is the name of the stored secret, for error messages."""
        self._entry = entry
        self._values = {name: _valid(value) for name, value in values.items()}

    def every(self, name: str) -> tuple[Secret, ...]:
        """Return all valid values of `name`, the current one first. Raises `ConfigurationError` if there are none."""
        values = [value for value in self._values.get(name, ()) if _usable(value)]
        if not values or len(values) != len(self._values[name]):
            where = f" in the secret “{self._entry}”" if self._entry else ""
            msg = f"“{name}” is missing or empty{where}: store it there"
            raise ConfigurationError(msg)
        return tuple(Secret(value) for value in values)

    def one(self, name: str) -> Secret:
        """Return the current value of `name`. Raises `ConfigurationError` if there is none."""
        return self.every(name)[0]

    @property
    def entry(self) -> str:
        """The name of the stored secret."""
        return self._entry

    def has(self, name: str) -> bool:
        """Return whether a value of this name is stored."""
        return bool(self._values.get(name))

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def __reduce__(self) -> NoReturn:
        msg = "secrets are not written anywhere"
        raise TypeError(msg)


def secrets_from_json(text: str, *, entry: str) -> Secrets:
    """Return the secrets in a secret of Secrets Manager: a JSON object of strings or lists of strings.

    Raises `ConfigurationError`, which names the secret and quotes nothing of it.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        msg = f"the secret “{entry}” is no JSON object"
        raise ConfigurationError(msg)
    return Secrets(values, entry=entry)
