"""Compares recorded exchanges with the API description (OpenAPI 3) that a vendor publishes.

    python tools/described.py oas.yaml webhooks.yaml tests/exchanges/zendesk --ending .json

Each argument is a file or a folder: what has `paths` is a description, what has `steps` an exchange (see
tests/conformance/README.md). Descriptions are the vendors' own and large: fetched when needed, never committed.

Of each request: that its method and path are described; its query's and its body's names, types and required members;
nothing read-only. Of each answer: that a success has a described status, and the body's names and types. Not of an
answer that members are missing: a recorded one holds what the connector reads. Status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match

METHODS = ("get", "put", "post", "delete", "patch")
COMPOSED = ("allOf", "anyOf", "oneOf")
REQUEST, ANSWER = "request", "answer"
NEVER: dict[str, Any] = {"not": {}}
HIDDEN = {REQUEST: "readOnly", ANSWER: "writeOnly"}


class Loader(yaml.CSafeLoader):
    """Reads YAML as JSON has it: a date is its text, and so is a lone “=”."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [(tag, pattern) for tag, pattern in rules if not tag.endswith((":timestamp", ":value"))]
        for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True)
class Operation:
    """One method of one path of a description."""

    description: Description
    path: str
    said: Mapping[str, Any]
    shared: list[Any]

    def parameters(self) -> dict[str, dict[str, Any]]:
        """Return the query's parameters by name."""
        every = [self.description.followed(each) for each in [*self.shared, *self.said.get("parameters", [])]]
        return {each["name"]: each for each in every if each.get("in") == "query" and "name" in each}

    def request_schema(self) -> tuple[str, Any]:
        """Return the media type and the schema of the body."""
        return self._content(self.said.get("requestBody", {}))

    def answer_schema(self, status: int) -> tuple[bool, Any]:
        """Return whether the status is described, and its body's schema."""
        answers = {str(name).upper(): said for name, said in self.said.get("responses", {}).items()}
        for name in (str(status), f"{status // 100}XX", "DEFAULT"):
            if name in answers:
                return True, self._content(answers[name])[1]
        return False, None

    def _content(self, said: Any) -> tuple[str, Any]:  # noqa: ANN401 - somebody's JSON
        content = self.description.followed(said).get("content", {})
        for kind in sorted(content, key=lambda kind: "json" not in kind):
            return kind, content[kind].get("schema")
        return "", None


class Description:
    """One API description, its paths as patterns."""

    def __init__(self, root: Mapping[str, Any], ending: str) -> None:
        if not str(root.get("openapi", "")).startswith("3"):
            raise SystemExit("a description of OpenAPI 3 is wanted (“openapi: 3…”); convert Swagger 2 first")
        self.root = root
        self._paths: list[tuple[int, re.Pattern[str], str, Mapping[str, Any]]] = []
        for server in root.get("servers") or [{"url": "/"}]:
            for path, item in root["paths"].items():
                whole = server["url"].rstrip("/") + path
                pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(whole if "//" in whole else f"//[^/]+{whole}"))
                pattern = pattern.replace(re.escape("//[^/]+"), "https?://[^/]+")
                fixed = len(re.sub(r"\{[^/]+?\}", "", whole))  # `/users/me` before `/users/{id}`
                self._paths.append((fixed, re.compile(pattern + f"({re.escape(ending)})?"), path, item))
        self._paths.sort(key=lambda each: -each[0])
        self._schemas = {way: Schemas(self, way) for way in HIDDEN}

    def followed(self, said: Any) -> Any:  # noqa: ANN401 - somebody's JSON
        """Return what a reference names; nothing where it names nothing, as some published ones do."""
        while isinstance(said, Mapping) and "$ref" in said:
            found: Any = self.root
            for part in said["$ref"].removeprefix("#/").split("/"):
                found = found.get(unquote(part).replace("~1", "/").replace("~0", "~"), {})
            said = found
        return said

    def operation(self, method: str, address: str) -> Operation | str:
        """Return what is described at an address, “method” where the path is and the method is not, else “path”."""
        found = "path"
        for _, pattern, path, item in self._paths:
            if pattern.fullmatch(address):
                item = self.followed(item)  # noqa: PLW2901 - the same one
                if said := item.get(method.lower()):
                    return Operation(self, path, said, item.get("parameters", []))
                found = "method"
        return found

    def faults(self, way: str, schema: Any, value: Any) -> Iterator[str]:  # noqa: ANN401 - somebody's JSON
        """Yield in what a value of a request or an answer differs from its schema."""
        schemas = self._schemas[way]
        document = {**schemas.sealed(schema), "$defs": schemas.made}
        found = list(Draft202012Validator(document, format_checker=FormatChecker()).iter_errors(value))
        yield from dict.fromkeys(line for error in found for line in lines(error, schemas))


class Schemas:
    """A description's schemas as JSON Schema 2020-12 for one way, closed to members that are not described.

    Closed is an object where it is used, not where it is defined: definitions are composed of each other.
    """

    def __init__(self, description: Description, way: str) -> None:
        self.made: dict[str, Any] = {}  # by reference, filled as they are used
        self._description = description
        self._way = way

    def sealed(self, said: Any) -> dict[str, Any]:  # noqa: ANN401 - somebody's JSON
        """Return a schema where it is used: what it does not name is a fault, unless it names nothing."""
        open_ended = not self._names(said, ())
        return self.schema(said) | ({} if open_ended else {"unevaluatedProperties": False})

    def _names(self, said: Any, seen: tuple[int, ...]) -> bool:  # noqa: ANN401 - somebody's JSON
        """Return whether a schema lists members and allows no others."""
        said = self._description.followed(said)
        if not isinstance(said, Mapping) or id(said) in seen or said.get("additionalProperties"):
            return False
        parts = [part for word in COMPOSED for part in said.get(word, [])]
        return bool(said.get("properties")) or any(self._names(part, (*seen, id(said))) for part in parts)

    def schema(self, said: Any) -> dict[str, Any]:  # noqa: ANN401 - somebody's JSON
        """Return one schema, itself open, what lies in it closed."""
        if not isinstance(said, Mapping):
            return {}
        if "$ref" in said:
            name = re.sub(r"\W", "_", said["$ref"])
            if name not in self.made:
                self.made[name] = {}  # one that refers to itself
                self.made[name] = self.schema(self._description.followed(said))
            return {"$ref": f"#/$defs/{name}"}
        kept = ("type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
                "minItems", "maxItems")  # fmt: skip
        made = {word: said[word] for word in kept if word in said}
        if said.get("format") in {"uri", "url"}:
            del made["format"]  # recorded ones are made up, and may be relative
        for word in COMPOSED:  # one of several is often true of two: any will do
            if said.get(word):
                made.setdefault("allOf" if word == "allOf" else "anyOf", []).extend(map(self.schema, said[word]))
        if "items" in said:
            made["items"] = self.sealed(said["items"])
        if isinstance(others := said.get("additionalProperties"), Mapping | bool):
            made["additionalProperties"] = self.sealed(others) if isinstance(others, Mapping) else others
        hidden = self._hidden(said)
        members = said.get("properties", {}).items()
        made["properties"] = {name: NEVER if name in hidden else self.sealed(each) for name, each in members}
        if self._way == REQUEST:
            made["required"] = [name for name in said.get("required", []) if name not in hidden]
        return self._nullable(made) if said.get("nullable") else made

    def names(self, made: Mapping[str, Any], seen: tuple[str, ...] = ()) -> set[str]:
        """Return each member that a schema made here lists, itself or in its parts."""
        if (name := made.get("$ref", "").rpartition("/")[2]) and name not in seen:
            return self.names(self.made[name], (*seen, name))
        parts = [part for word in COMPOSED for part in made.get(word, [])]
        return {*made.get("properties", {})}.union(*(self.names(part, seen) for part in parts))

    def _hidden(self, said: Any, seen: tuple[int, ...] = ()) -> set[str]:  # noqa: ANN401 - somebody's JSON
        """Return the members of a schema and its parts that are for the other direction only."""
        said = self._description.followed(said)
        if not isinstance(said, Mapping) or id(said) in seen:
            return set()
        parts = [part for word in COMPOSED for part in said.get(word, [])]
        members = {name: self._description.followed(each) for name, each in said.get("properties", {}).items()}
        own = {name for name, each in members.items() if isinstance(each, Mapping) and each.get(HIDDEN[self._way])}
        return own.union(*(self._hidden(part, (*seen, id(said))) for part in parts))

    @staticmethod
    def _nullable(made: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [made, {"type": "null"}]}


def lines(error: ValidationError, schemas: Schemas) -> list[str]:
    """Return a fault in words: where, and what."""
    where = ".".join("[]" if isinstance(part, int) else str(part) for part in error.absolute_path) or "the whole"
    if error.validator in {"unevaluatedProperties", "additionalProperties"}:
        # A part that has a fault of its own leaves all its members unevaluated: those are described all the same.
        return [f"{where}.{name}: not described" for name in sorted(set(error.instance) - schemas.names(error.schema))]
    if error.validator == "anyOf" and error.context and (closest := best_match(error.context)):
        return lines(closest, schemas)
    if error.schema == NEVER:
        return [f"{where}: not in this direction (read-only or write-only)"]
    if error.validator == "required":
        return [f"{where}: {error.message}"]
    said = {"type": "{value} is described as {wanted}", "enum": "{value} is none of {wanted}"}
    shown = json.dumps(error.instance, ensure_ascii=False)[:60]
    words = said.get(str(error.validator), "{value} is not as {rule} says: {wanted}")
    return [f"{where}: " + words.format(value=shown, wanted=error.validator_value, rule=error.validator)]


@dataclass
class Comparison:
    """All that is found, each fault with the exchanges that show it."""

    descriptions: list[Description]
    faults: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    described: int = 0
    elsewhere: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def step(self, name: str, step: Mapping[str, Any]) -> None:
        """Compare one request and its answer."""
        request, answer = step["request"], step["answer"]
        parts = urlsplit(request["url"])
        address = f"{parts.scheme}://{parts.netloc}{parts.path}"
        found: Operation | str = "path"
        for description in self.descriptions:
            found = description.operation(request["method"], address)
            if isinstance(found, Operation):
                break
        if isinstance(found, str):
            self.elsewhere[f"{request['method']} {address}: the {found} is not described"].add(name)
            return
        self.described += 1
        shown = f"{request['method']} {found.path}"
        for fault in [*query_faults(found, parts.query), *request_faults(found, request)]:
            self.faults[f"{shown} {REQUEST}: {fault}"].add(name)
        for fault in answer_faults(found, answer):
            self.faults[f"{shown} {answer.get('status')} {ANSWER}: {fault}"].add(name)


def query_faults(operation: Operation, query: str) -> Iterator[str]:
    """Yield what differs in a query."""
    known = operation.parameters()
    given = dict(parse_qsl(query, keep_blank_values=True))
    yield from (f"?{name}= is missing" for name, said in known.items() if said.get("required") and name not in given)
    for name, value in given.items():
        base = name.partition("[")[0]  # page[size]= of an object `page`, ids[]= of an array
        said = known.get(name) or known.get(base) or known.get(f"{base}[]")
        if said is None:
            yield f"?{name}= is not described"
        elif said is known.get(name):
            schema = operation.description.followed(said.get("schema", {}))
            found = list(operation.description.faults(ANSWER, schema, of_text(value, schema)))
            yield from (f"?{name}= {fault}" for fault in found)


def of_text(text: str, schema: Mapping[str, Any]) -> object:
    """Return a query's or a form's value as what its schema wants, if it can be read as that."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "array" in kinds:
        return [of_text(part, schema.get("items", {})) for part in text.split(",")]
    if "integer" in kinds and re.fullmatch(r"-?\d+", text):
        return int(text)
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    if "object" in kinds or not kind:
        return read(text)
    return text


def read(text: str) -> Any:  # noqa: ANN401 - somebody's JSON
    """Return JSON, or the text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def request_faults(operation: Operation, request: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in a request's body. One that is recorded as text or as a pattern is not looked at."""
    kind, schema = operation.request_schema()
    body = request.get("body")
    if isinstance(body, str) and "json" in kind:
        body = read(body)
    if not isinstance(body, dict | list) or not body:
        return
    if not kind:
        yield "has a body, and none is described"
    elif "json" in kind:
        yield from operation.description.faults(REQUEST, schema, body)
    elif isinstance(body, dict):
        members = operation.description.followed(schema or {}).get("properties", {})
        typed = {name: of_text(str(value), members.get(name, {"type": "string"})) for name, value in body.items()}
        yield from operation.description.faults(REQUEST, schema, typed)


def answer_faults(operation: Operation, answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in an answer. Few descriptions name each status of an error."""
    status = answer.get("status")
    if status is None:  # none came
        return
    known, schema = operation.answer_schema(status)
    if not known and status < 400:
        yield "this status is not described"
    body = answer.get("body")
    body = read(body) if isinstance(body, str) else body
    if schema is not None and isinstance(body, dict | list):
        yield from operation.description.faults(ANSWER, schema, body)


def loaded(paths: list[Path], ending: str) -> tuple[list[Description], dict[str, Mapping[str, Any]]]:
    """Return the descriptions and the exchanges of all files and folders."""
    descriptions: list[Description] = []
    exchanges: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            if file.suffix not in {".json", ".yaml", ".yml"}:
                continue
            text = file.read_text(encoding="utf-8")
            data = json.loads(text) if file.suffix == ".json" else yaml.load(text, Loader)  # noqa: S506 - a safe one
            if isinstance(data, dict) and "paths" in data:
                descriptions.append(Description(data, ending))
            elif isinstance(data, dict) and "steps" in data:
                exchanges[f"{file.parent.name}/{file.stem}"] = data
    return descriptions, exchanges


def compared(descriptions: list[Description], exchanges: Mapping[str, Mapping[str, Any]]) -> Comparison:
    """Compare every step of every exchange; one that is no request (a mail, an original) is left out."""
    comparison = Comparison(descriptions)
    for name, exchange in exchanges.items():
        for step in exchange["steps"]:
            if "url" in step.get("request", {}):
                comparison.step(name, step)
    return comparison


def main() -> int:
    """Compare, print, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="descriptions and exchanges, files or folders")
    parser.add_argument("--ending", default="", help="an ending that addresses may have beyond the described (.json)")
    given = parser.parse_args()
    descriptions, exchanges = loaded(given.paths, given.ending)
    if not descriptions or not exchanges:
        raise SystemExit("nothing to compare: a description has `paths`, an exchange has `steps`")
    comparison = compared(descriptions, exchanges)
    for found in (comparison.faults, comparison.elsewhere):
        for fault, names in sorted(found.items()):
            some = ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            print(f"{fault}\n    {some}")
    print(f"\n{len(exchanges)} exchanges, {comparison.described} requests of described operations, "
          f"{len(comparison.faults)} differences, {len(comparison.elsewhere)} addresses not described")  # fmt: skip
    return 1 if comparison.faults or comparison.elsewhere else 0


if __name__ == "__main__":
    sys.exit(main())
