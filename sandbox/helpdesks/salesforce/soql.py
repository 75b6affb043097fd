"""As much of SOQL as one table, conditions joined by AND, an order and a limit need.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

QUERY = re.compile(
    r"SELECT (?P<fields>[\w., ]+) FROM (?P<table>\w+)(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>[\w., ]+?))?(?: LIMIT (?P<limit>\d+))?"
)
CONDITION = re.compile(
    r"(?P<field>[\w.]+) (?P<operator>=|!=|>=|IN) "
    r"(?:'(?P<text>(?:[^'\\]|\\.)*)'|\((?P<list>[^)]*)\)|(?P<word>null|true|false)|(?P<time>\d{4}-[\dTZ:.-]+))"
)

Row = Mapping[str, Any]


class SoqlError(Exception):
    """A query that Salesforce refuses: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    fields: list[str]
    table: str
    conditions: list[re.Match[str]]
    order: list[tuple[str, bool]]  # field, whether descending
    limit: int

    def names(self) -> set[str]:
        """Return every field that it names."""
        return {*self.fields, *(each["field"] for each in self.conditions), *(name for name, _ in self.order)}

    def run(self, rows: Iterable[Row], value: Callable[[Row, str], Any]) -> list[Row]:
        """Return the rows that meet it, in its order; `value` reads a field of a row."""
        found = [row for row in rows if all(_meets(value(row, each["field"]), each) for each in self.conditions)]
        for name, descending in reversed(self.order):
            found.sort(key=lambda row, name=name: value(row, name), reverse=descending)  # type: ignore[misc]
        return found[: self.limit]


def parsed(soql: str, tables: Mapping[str, set[str]]) -> Query:
    """Return a query of one of these tables, each with its fields. Raises `SoqlError`."""
    shape = QUERY.fullmatch(soql)
    if shape is None:
        raise SoqlError("MALFORMED_QUERY", "unexpected token")
    conditions: list[re.Match[str]] = []
    position, most = 0, len(shape["where"] or "")
    while most:
        found = CONDITION.match(shape["where"], position)
        if found is None:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token at {position}")
        conditions.append(found)
        position = found.end()
        if position == most:
            break
        if not shape["where"].startswith(" AND ", position):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token at {position}")
        position += len(" AND ")
    return _known(shape, conditions, tables)


def _known(shape: re.Match[str], conditions: list[re.Match[str]], tables: Mapping[str, set[str]]) -> Query:
    order = [(name.removesuffix(" DESC"), name.endswith(" DESC")) for name in (shape["order"] or "Id").split(", ")]
    limit = min(int(shape["limit"] or 2000), 2000)
    query = Query(shape["fields"].split(", "), shape["table"], conditions, order, limit)
    if query.table not in tables:
        raise SoqlError("INVALID_TYPE", f"sObject type '{query.table}' is not supported.")
    unknown = query.names() - tables[query.table]
    if unknown:
        raise SoqlError("INVALID_FIELD", f"No such column '{min(unknown)}' on entity '{query.table}'.")
    return query


def _meets(value: Any, condition: re.Match[str]) -> bool:
    operator = condition["operator"]
    if operator == "IN":
        return value in re.findall(r"'([^']*)'", condition["list"] or "")
    if condition["time"] is not None:
        if operator != ">=":
            raise SoqlError("MALFORMED_QUERY", "the sandbox plays >= for times alone")
        return bool(datetime.fromisoformat(value) >= datetime.fromisoformat(condition["time"]))
    words = {"null": None, "true": True, "false": False}
    text = condition["text"]
    wanted = words[condition["word"]] if text is None else re.sub(r"\\(.)", r"\1", text)
    return bool((value == wanted) is (operator == "="))
