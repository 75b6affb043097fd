"""Read untrusted JSON with type checks: index freely, but values must be checked before they are used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from deskwire.model.errors import PayloadError

KINDS = {dict: "an object", list: "a list", str: "text", bool: "a truth value", int: "a number",
              float: "a number", type(None): "null"}  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOM = "\ufeff"
MILLISECONDS_FROM = 100_000_000_000  # seconds would mean the year 5138; milliseconds, 1973
MAX_DEPTH = 64
NAMED = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}")  # a field of ours to ask for; else it may be a person's id
_MISSING: Any = object()
WHOLE = re.compile(r"-?[0-9]{1,19}")  # 64 bits
NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


# Made once: `json.loads` with these hooks would make a decoder at each call.
_decode = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite).decode


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    msg = f"the JSON is nested deeper than {MAX_DEPTH} levels"
    raise PayloadError(msg)


def read(body: bytes | str) -> Node:
    """Return the JSON document in `body` as a `Node`.

    Odd values do not prevent reading the rest: a byte order mark is skipped, the last of duplicate keys counts (as in
    common readers), NaN and Infinity are null. Raises `PayloadError` for anything but UTF-8 JSON, for very long numbers
    and for deep nesting.
    """
    global _last  # noqa: PLW0603 - one body is read by each connector of its endpoint, and once is enough
    if body is _last[0]:
        return _last[1]
    try:
        text = body.decode().removeprefix(BOM) if isinstance(body, bytes) else body
        value = _decode(text)
    except RecursionError:
        msg = "the JSON is nested too deeply"
        raise PayloadError(msg) from None
    except UnicodeDecodeError:
        msg = "the body is not UTF-8"
        raise PayloadError(msg) from None
    except ValueError:  # its own message quotes the body
        msg = "the body is not JSON"
        raise PayloadError(msg) from None
    if text.count("{") + text.count("[") > MAX_DEPTH:  # with fewer it cannot be so deep
        _check_depth(value)
    found = Node(value, "body")
    _last = (body, found)
    return found


def clean(text: str) -> str:
    """Return `text` with lone surrogates and NUL, which nothing downstream accepts, replaced by U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Node:
    """A place in a document, which may be absent, and whose type is unknown until it is read.

    Read essential fields strictly: words, ids, and those that distinguish kinds of events. These methods raise
    `PayloadError` with the path; `exact` and `identifier` with a default allow only absence and null. Read all other
    fields tolerantly, so that an unimportant field never prevents reading the words: `text`, `number` and `truth` with
    a default return it for any unusable value, `rows` returns no rows, `epoch`, `iso` and `any_id` return None or "".
    """

    __slots__ = ("_parent", "_step", "_value")

    def __init__(self, value: object, step: str | int = "value", parent: Node | None = None) -> None:
        """Wrap `value`, found at the key or position `step` of `parent`; without one, `step` names the document."""
        self._value = value
        self._step = step
        self._parent = parent

    @property
    def raw(self) -> Any:  # noqa: ANN401 - the fragment as it came, for keeping
        """The unchecked JSON value (None if absent), only for storing."""
        return None if self._value is _MISSING else self._value

    @property
    def step(self) -> str | int:
        """The key or the position of this in its container."""
        return self._step

    @property
    def path(self) -> str:
        """The path in the document: `body.entry[0].id`."""
        if self._parent is None:
            return str(self._step)
        if isinstance(self._step, int):
            return f"{self._parent.path}[{self._step}]"
        return f"{self._parent.path}.{self._step if NAMED.fullmatch(self._step) else '*'}"

    def __getitem__(self, step: str | int) -> Node:
        """Return the child; it is absent if this is not a container or has no such child."""
        inside = self._value
        if isinstance(inside, dict):
            return Node(inside.get(step, _MISSING), step, self)
        if isinstance(inside, list) and isinstance(step, int) and -len(inside) <= step < len(inside):
            return Node(inside[step], step, self)
        return Node(_MISSING, step, self)

    def __contains__(self, key: str) -> bool:
        """Return whether this is an object with a value other than null under the key."""
        return isinstance(self._value, dict) and self._value.get(key) is not None

    def __bool__(self) -> bool:
        """Return whether this is present and not null."""
        return self._value is not _MISSING and self._value is not None

    def __repr__(self) -> str:
        return f"Node({self.path}: {self._kind()})"

    def _kind(self) -> str:
        return "nothing" if self._value is _MISSING else KINDS[type(self._value)]

    def _wrong(self, wanted: str) -> NoReturn:
        msg = f"{self.path} is {self._kind()}, not {wanted}"
        raise PayloadError(msg)

    def items(self) -> Iterator[Node]:
        """Yield the elements of a list; none if it is absent or null."""
        if isinstance(self._value, list):
            for number, value in enumerate(self._value):
                yield Node(value, number, self)
        elif self:
            self._wrong("a list")

    def rows(self) -> list[Node]:
        """Return the elements of an unimportant list; none if this is not a list."""
        return list(self.items()) if isinstance(self._value, list) else []

    def members(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of an object; none if it is absent or null."""
        if not self:
            return
        if not isinstance(self._value, dict):
            self._wrong("an object")
        for key, value in self._value.items():
            yield clean(key), Node(value, "*", self)

    def object(self) -> Node:
        """Return this after checking that it is an object."""
        if not isinstance(self._value, dict):
            self._wrong("an object")
        return self

    def text(self, default: str | None = None) -> str:
        """Return text (lone surrogates and NUL replaced); with a default, a number's digits as well."""
        if isinstance(self._value, str):
            return clean(self._value)
        if default is None:
            return self._wrong("text")
        if self._value is _MISSING:
            return default
        number = isinstance(self._value, int | float) and not isinstance(self._value, bool)
        return str(self._value) if number else default

    def exact(self, default: str) -> str:
        """Return text strictly: `default` if absent, an error for another type."""
        if isinstance(self._value, str):
            return clean(self._value)
        return self.text() if self else default

    def identifier(self, default: str | None = None) -> str:
        """Return an id as a string: text or a whole number, at most 512 printable characters.

        Ids make keys and threads, so another type is an error even with a default. An empty string counts as absent, as
        some serializers write it so.
        """
        found = self._value
        if default is not None and (found is _MISSING or found is None or found == ""):
            return default
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str):
            self._wrong("an id")
        if not found or len(found) > 512 or not found.isprintable():
            msg = f"{self.path} is no usable id (empty, over 512 characters or unprintable)"
            raise PayloadError(msg)
        return found

    def any_id(self) -> str:
        """Return an id on which no key and no thread depends, or "" if it is unusable."""
        try:
            return self.identifier("")
        except PayloadError:
            return ""

    def number(self, default: int | None = None) -> int:
        """Return a whole number; text of digits is accepted."""
        value = self._value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and WHOLE.fullmatch(value):
            return int(value)
        return self._wrong("a whole number") if default is None else default

    def fraction(self) -> float:
        """Return a number with or without a fraction."""
        if isinstance(self._value, int | float) and not isinstance(self._value, bool):
            try:
                return float(self._value)
            except OverflowError:
                pass
        return self._wrong("a number")

    def truth(self, default: bool | None = None) -> bool:  # noqa: FBT001
        """Return a boolean."""
        if isinstance(self._value, bool):
            return self._value
        return self._wrong("a truth value") if default is None else default

    def epoch(self) -> datetime | None:
        """Return a time given as seconds or milliseconds since 1970, in UTC; None if it is not one.

        The magnitude decides which, because platforms mix them within one family. Either may have a fraction.
        """
        value = self._value
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        try:
            # Half the work of `fromtimestamp` with a zone.
            if abs(value) < MILLISECONDS_FROM:
                return EPOCH + timedelta(seconds=value)
            return EPOCH + timedelta(milliseconds=value)
        except (OverflowError, ValueError):
            return None

    def iso(self) -> datetime | None:
        """Return a time given as ISO 8601 / RFC 3339 with its offset, in UTC; None if it is not one."""
        try:
            moment = datetime.fromisoformat(self.text(""))
            return None if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


_last: tuple[bytes | str | None, Node] = (None, Node(None))


def fragment(node: Node) -> Mapping[str, Any]:
    """Return the raw object at `node` for storing with its event; {} if it is not an object."""
    raw = node.raw
    return raw if isinstance(raw, dict) else {}
