"""Read YAML with the line of each value, so that a fault can state its place.

Scalars are read as YAML 1.2's core schema has them, as editors do: `no` and `NO` are words, `2026-12-24` and `09:00`
are texts, `0123` is no octal number. Keys are always texts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .terminal import UserError

Place = tuple[str, ...]  # the keys and list positions that lead to a value
MOST_NODES = 100_000  # aliases can blow a small file up
SCALARS = {
    "null": re.compile(r"~|null|Null|NULL|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?(?:0|[1-9][0-9]*)"),
    "float": re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"),
}
TAG = "tag:yaml.org,2002:"
MOVED = {  # names of earlier versions
    "reopen_days": "it stands in `closed_tickets` of the policy now",
    "answer_within_minutes": "it is a rule of `answer_within` now, which is given too: [{minutes: 60}]",
}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A fault that a person has to correct: its place, and what is wrong, in plain words."""

    line: int
    where: str
    reason: str

    def text(self, file: str) -> str:
        """Return the fault in the format of compilers, so that editors can jump to it."""
        return f"{file}:{self.line}: {self.where + ': ' if self.where else ''}{self.reason}"


@dataclass(slots=True)
class Document:
    """A file's data, the line of each place in it, and its faults as YAML."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: set[Fault] = field(default_factory=set)

    def place(self, location: Iterable[int | str]) -> Place:
        """Return the place nearest to a location, skipping parts that are not in the file (a union's branch)."""
        found: Place = ()
        for step in location:
            if (*found, str(step)) in self.lines:
                found = (*found, str(step))
        return found

    def line(self, location: Iterable[int | str]) -> int:
        """Return the line of the place nearest to a location."""
        return self.lines.get(self.place(location), 1)

    def at(self, location: Iterable[int | str]) -> Any:
        """Return the value at a place, None if there is none."""
        value = self.data
        for step in location:
            if isinstance(value, Mapping):
                value = value.get(str(step))
            elif isinstance(value, list) and str(step).isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    def complain(self, location: Iterable[int | str], reason: str) -> None:
        """Add a fault."""
        steps = tuple(map(str, location))
        self.faults.add(Fault(self.line(steps), ".".join(steps), reason))


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars only by the patterns above."""


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern in SCALARS.items():
    _Loader.add_implicit_resolver(TAG + _name, re.compile(rf"(?:{_pattern.pattern})\Z"), None)


def read(path: Path) -> Document:
    """Return a file's data and its faults as YAML. Raises `UserError` if there is no file."""
    document = Document()
    text = ""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        node = yaml.compose(text, Loader=_Loader)
    except FileNotFoundError:
        raise UserError(
            f"{path}: No such file: name yours, or begin with a copy of deskwire.example.yaml", status=2
        ) from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}", status=2) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        document.faults.add(Fault(line, "", "the file is not UTF-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        document.faults.add(Fault(mark.line + 1 if mark else 1, "", f"this is not YAML: {reason}"))
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        document.faults.add(Fault(line, "", "there is a control character here"))
    except RecursionError:
        document.faults.add(Fault(1, "", "the file is nested too deeply"))
    else:
        if node is None:
            document.faults.add(Fault(1, "", "the file is empty"))
        else:
            document.lines[()] = node.start_mark.line + 1
            document.data = _Builder(document).value(node, ())
    return document


class _Builder:
    """Turns YAML nodes into plain values."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, place: Place) -> Any:
        self._count += 1
        if id(node) in self._open:
            self._complain(node, place, "this contains itself")
            return None
        if self._count > MOST_NODES:
            if self._count == MOST_NODES + 1:
                self._complain(node, place, "the file is too large")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return dict(self._pairs(node, place))
            if isinstance(node, yaml.SequenceNode):
                return [self._item(child, (*place, str(number))) for number, child in enumerate(node.value)]
            return self._scalar(node, place)
        finally:
            self._open.discard(id(node))

    def _complain(self, node: yaml.Node, place: Place, reason: str) -> None:
        self._document.faults.add(Fault(node.start_mark.line + 1, ".".join(place), reason))

    def _item(self, node: yaml.Node, place: Place) -> Any:
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        return self.value(node, place)

    def _pairs(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, place, "a key must be a text")
                continue
            name, line = key.value, key.start_mark.line + 1
            here = (*place, name)
            if name == "<<":
                self._complain(key, place, "merging with << is not read here: a policy may begin with `like: NAME`")
                continue
            if name in seen:
                self._complain(key, here, f"is given twice; first in line {seen[name]}")
                continue
            seen[name] = line
            self._document.lines.setdefault(here, line)
            yield name, self.value(child, here)

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text = str(node.value)
        match node.tag.removeprefix(TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text) if len(text) < 1000 else text
            case "float":
                return float(text)
        self._complain(node, place, f"YAML's tags ({node.tag}) are not read here")
        return None


def choice(given: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the existing names, the most similar first, or its new place."""
    if given in MOVED:
        return MOVED[given]
    names = sorted(known)
    if not names:
        return "there is none"
    near = difflib.get_close_matches(given, names, n=1)
    return f"did you mean “{near[0]}”? There are {', '.join(names)}" if near else f"there are {', '.join(names)}"
