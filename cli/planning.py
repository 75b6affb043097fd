"""Plan a file's changes in the table, by item and field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deskwire.configuration import INDEX_KEY, item
from deskwire.ports import Absent, Delete, Equals, Item, Key, Put, Table, Update

from .checking import Checked, Definition

KINDS = {"ENDPOINT": "endpoint", "HELPDESK": "helpdesk", "CONNECTION": "connection", "INCIDENTS": "section"}
MOST = 99  # a transaction of DynamoDB takes 100 items, one of them is the index


@dataclass(frozen=True, slots=True)
class Field:
    """One value that changes: its path, the old and the new one (None: absent)."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One item that is added, changed or removed."""

    action: str  # add, change, remove
    key: Key
    name: str
    definition: Definition | None
    fields: tuple[Field, ...]

    @property
    def kind(self) -> str:
        """The kind of definition: an endpoint, a helpdesk, a connection, or the section `incidents`."""
        return KINDS[self.key[1]]

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        fields = [{"field": each.name, "old": each.old, "new": each.new} for each in self.fields]
        return {"action": self.action, "kind": self.kind, "name": self.name, "key": list(self.key), "fields": fields}


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes to make; `version` is the index's when the table was read (None: never applied)."""

    changes: tuple[Change, ...]
    keys: tuple[Key, ...]
    version: int | None

    def writes(self) -> list[Put | Update | Delete]:
        """Return the transaction. It fails as a whole if another apply has happened since the table was read."""
        pk, sk = INDEX_KEY
        version = Absent() if self.version is None else Equals(self.version)
        index: Item = {"pk": pk, "sk": sk, "keys": [list(key) for key in self.keys], "version": (self.version or 0) + 1}
        return [Put(index, when=[("version", version)]), *map(_write, self.changes)]


def _write(change: Change) -> Update | Delete:
    if change.definition is None:
        return Delete(change.key)
    # An update: what others keep with the item (a poll's cursor) stays.
    written = item(change.definition)
    return Update(change.key, set={name: value for name, value in written.items() if name not in {"pk", "sk"}})


def plan(checked: Checked, table: Table) -> Plan:
    """Return the changes of the table for a file."""
    index = table.get(INDEX_KEY) or {}
    known: list[Key] = [(pk, sk) for pk, sk in index.get("keys", [])]
    wanted = {definition.key: definition for definition in checked.definitions}
    changes: list[Change] = []
    for key, definition in wanted.items():
        before, after = _definition(table.get(key)), json.loads(item(definition)["definition"])
        if before != after or key not in known:  # one that the index does not have was written by hand
            action = "change" if before else "add"
            changes.append(Change(action, key, definition.name, definition, tuple(fields(before, after))))
    for key in known:
        if key not in wanted:
            before = _definition(table.get(key))
            changes.append(Change("remove", key, str(before.get("name", key[0])), None, tuple(fields(before, {}))))
    return Plan(tuple(changes), tuple(wanted), index.get("version"))


def _definition(found: Item | None) -> dict[str, Any]:
    definition = json.loads(found["definition"]) if found and found.get("definition") else {}
    return definition if isinstance(definition, dict) else {}


def fields(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[Field]:
    """Yield each value that differs, by its path."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        path = f"{prefix}{name}"
        if isinstance(before, Mapping) or isinstance(after, Mapping):
            inner = (before if isinstance(before, Mapping) else {}, after if isinstance(after, Mapping) else {})
            yield from fields(*inner, f"{path}.")
            before, after = (None if isinstance(value, Mapping) else value for value in (before, after))
        if before != after:
            yield Field(path, before, after)


def shown(value: object) -> str:
    """Return a value in readable form."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def summary(changes: Sequence[Change]) -> str:
    """Return the number of changes of each kind, in words."""
    counts = [(word, sum(change.action == action for change in changes))
              for action, word in (("add", "to add"), ("change", "to change"), ("remove", "to remove"))]  # fmt: skip
    return ", ".join(f"{count} {word}" for word, count in counts if count)
