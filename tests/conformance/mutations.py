"""Wrong bodies made from right ones: fields away, fields more, other types, other kinds, other words."""

import base64
import binascii
import copy
import json
import re

ENUMERATED = re.compile(r"[a-z][a-z_.-]{2,40}")
OTHERS = {
    "null": None,
    "truth": True,
    "zero": 0,
    "negative": -1,
    "huge": 10**400,
    "fraction": 0.5,
    "empty text": "",
    "text": "unheard_of",
    "number in text": "12345678901234567890123",
    "empty list": [],
    "list": [None, 1, "a", {}, []],
    "empty object": {},
    "object": {"id": {"id": []}, "text": 1},
}


def odd(value):
    """Return what a platform may write in place of a value some day, by name."""
    found = {"null": None, "object": {}, "list": [], "truth": True}
    if isinstance(value, bool):
        found |= {"truth": "yes", "number": int(value)}
    elif isinstance(value, int | float):
        found |= {"fraction": value + 0.5, "text": str(value), "huge": 10**40}
    elif isinstance(value, str):
        found |= {"number": 7, "fraction": 0.5, "half a character": "\ud83d", "in a list": [value]}
    elif isinstance(value, list):
        found |= {"nothing in it": [None], "by number": {str(number): each for number, each in enumerate(value)}}
    else:
        found |= {"text": "x", "in a list": [value]}
    return found


def named(path):
    """Return a place as a name without positions: `entry.messaging.message.mid`."""
    return ".".join(step for step in path if isinstance(step, str))


def inner(value):
    """Return the JSON object inside a base64 text (Pub/Sub wraps so), or None."""
    if not isinstance(value, str) or len(value) < 16:
        return None
    try:
        found = json.loads(base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error):
        return None
    return found if isinstance(found, dict) else None


def opened(document):
    """Return the document with every base64 object in it as an object, and remember where."""
    if isinstance(document, dict):
        return {name: opened(value) for name, value in document.items()}
    if isinstance(document, list):
        return [opened(value) for value in document]
    found = inner(document)
    return document if found is None else Wrapped(opened(found))


class Wrapped(dict):
    """An object that travels as base64."""


def closed(document):
    if isinstance(document, Wrapped):
        plain = {name: closed(value) for name, value in document.items()}
        return base64.b64encode(json.dumps(plain).encode()).decode()
    if isinstance(document, dict):
        return {name: closed(value) for name, value in document.items()}
    if isinstance(document, list):
        return [closed(value) for value in document]
    return document


def body(document) -> bytes:
    return json.dumps(closed(document)).encode()


def places(document, path=()):
    """Yield the path of every member and element."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, value in pairs:
        yield (*path, step)
        yield from places(value, (*path, step))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def replaced(document, path, value):
    """Return the document with another value at a place; what lies beside the way there is shared, not copied."""
    if not path:
        return value
    changed = copy.copy(document)
    changed[path[0]] = replaced(document[path[0]], path[1:], value) if path[1:] else value
    return changed


def without(document, path):
    inside = copy.copy(at(document, path[:-1]))
    del inside[path[-1]]
    return replaced(document, path[:-1], inside)


class Unseen:
    """Tells the places of documents that no earlier one had.

    A place is known by its field names: the second element of a list is read by the same code as the first.
    """

    def __init__(self):
        self._names = set()

    def places(self, document, within=()):
        """Yield those of the document; places `within` something else are others."""
        for path in places(document):
            if (name := (within, named(path))) not in self._names:
                self._names.add(name)
                yield path


def more(document):
    """Return the document with an unknown field in every object."""
    if isinstance(document, dict):
        added = {name: more(value) for name, value in document.items()}
        added["deskwire_never_heard_of"] = {"new": [1, "two", None], "id": "0"}
        return Wrapped(added) if isinstance(document, Wrapped) else added
    if isinstance(document, list):
        return [more(value) for value in document]
    return document


def texts(document, wanted):
    """Return the places whose text is `wanted`."""
    return [path for path in places(document) if at(document, path) == wanted]


def kinds(document):
    """Return the places that hold a word of the platform's own (a kind, a state, an event's name)."""
    return [
        path
        for path in places(document)
        if isinstance(at(document, path), str) and ENUMERATED.fullmatch(at(document, path))
    ]
