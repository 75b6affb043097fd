"""Explain pydantic's errors in words for the file's author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deskwire.configuration import NAME

from . import company
from .document import Document, Place, choice

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"  # of care.texts.Tag
KINDS = {
    "string_type": "must be a text: put it in quotes",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "tuple_type": "must be a list: [one, another]",
    "list_type": "must be a list: [one, another]",
    "dict_type": "must hold names with values, each on a line of its own: `name: value`",
    "mapping_type": "must hold names with values, each on a line of its own: `name: value`",
    "model_type": "must hold names with values, each on a line of its own: `name: value`",
    "model_attributes_type": "must hold names with values, each on a line of its own: `name: value`",
    "date_from_datetime_parsing": "is no date: write it like 2026-12-24",
    "date_parsing": "is no date: write it like 2026-12-24",
}
SHALLOW = {"literal_error", "string_type", "model_type", "model_attributes_type", "dict_type", "mapping_type"}
PATTERNS = {
    NAME: "is no name: use lower-case letters, digits and hyphens, 63 at most",
    LANGUAGE: "is no language: write it like pl, sr-Latn or pt-BR",
    company.SECRET_NAME: "is no name of a secret: use letters, digits and /_+=.@-",
}


def faults(document: Document, error: ValidationError) -> Iterator[tuple[Place, str, tuple[int | str, ...]]]:
    """Yield (place, reason, pydantic's own location) of each fault."""
    found: list[tuple[Place, str, ErrorDetails]] = []
    for each in error.errors(include_url=False, include_input=False):
        place = document.place(each["loc"])
        if each["type"] in {"missing", "extra_forbidden"}:
            place = document.place(each["loc"][:-1])
        found.append((place, each["type"], each))
    for place, kind, each in found:
        # A value that fits no branch of a choice is reported once a branch: the one that looked deepest is meant.
        deeper = any(other[: len(place)] == place and other != place for other, _, _ in found)
        if kind in SHALLOW and (deeper or (kind != "literal_error" and _also(found, place, "literal_error"))):
            continue
        at = place if kind != "extra_forbidden" else (*place, str(each["loc"][-1]))
        yield at, _reason(kind, each), each["loc"]


def _also(found: Sequence[tuple[Place, str, object]], place: Place, kind: str) -> bool:
    return any(other == place and what == kind for other, what, _ in found)


def _reason(kind: str, error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if kind in KINDS:
        return KINDS[kind]
    match kind:
        case "missing":
            return f"“{error['loc'][-1]}” is missing"
        case "extra_forbidden":
            name = str(error["loc"][-1])
            return f"there is no “{name}” here: {choice(name, _names(error['loc'][:-1]))}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return PATTERNS.get(str(context["pattern"]), "is not written as it must be")
        case "literal_error":
            return f"must be {str(context['expected']).replace(chr(39), '')}" + _or_blocks(error["loc"])
        case "string_too_long":
            return f"is longer than {context['max_length']} characters"
    words = error["msg"].removeprefix("Input should be ")
    return f"must be {words}" if words != error["msg"] else words[:1].lower() + words[1:]


def _or_blocks(location: Sequence[int | str]) -> str:
    return ", or the blocks of each weekday" if "week" in location else ""


def _names(location: Sequence[int | str]) -> list[str]:
    """Return the names that the schema allows at a place of the file."""
    schema = company.schema()
    nodes: list[Mapping[str, Any]] = [schema]
    for step in location:
        stepped = [inner for node in nodes for inner in _step(schema, node, str(step))]
        nodes = stepped or nodes  # a branch of a choice is no step of the schema
    return sorted({name for node in nodes for each in _open(schema, node) for name in each.get("properties", {})})


def _open(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema node's alternatives, following references and choices."""
    if "$ref" in node:
        yield from _open(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _open(schema, branch)
    yield node


def _step(schema: Mapping[str, Any], node: Mapping[str, Any], step: str) -> Iterator[Mapping[str, Any]]:
    for each in _open(schema, node):
        if step in each.get("properties", {}):
            yield each["properties"][step]
        elif isinstance(each.get("additionalProperties"), Mapping):
            yield each["additionalProperties"]
        yield from each.get("patternProperties", {}).values()
        if isinstance(each.get("items"), Mapping) and step.isdigit():
            yield each["items"]
