"""`deskwire capture`: makes a signed capture and its expected result from a body."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from deskwire import registry
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.errors import PayloadError, SignatureError
from deskwire.model.events import Unreadable
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.verification.rule import Context
from deskwire.web.request import from_gateway

from .parsing import find, header, nobody, read, request_of, setting, settings_beside
from .terminal import UserError, console

if TYPE_CHECKING:
    import argparse

    from deskwire.contracts.connector import Connector
    from deskwire.web.request import Request

NO_CAPTURES = {"secrets", "settings", "outside", "needed"}


def run(args: argparse.Namespace) -> int:
    """Write events/NAME/WHAT.json and tests/expected/NAME/WHAT.json, and say what was read."""
    root, connector, what = Path(args.root), find(args.connector), args.what
    if not registry.NAME.fullmatch(what.replace("-", "_").lower()) or what in NO_CAPTURES:
        raise UserError(f"“{what}” is no name of a capture: say what happened, like text or photo-again", status=2)
    files = {kind: root / kind / connector.name / f"{what}.json" for kind in ("events", "tests/expected")}
    there = [path for path in files.values() if path.exists()]
    if there and not args.force:
        raise UserError(f"{there[0]} is there already: give --force to replace it", status=2)
    folder = root / "events" / connector.name
    settings = settings_beside(folder) | dict(map(setting, args.setting))
    request = _arrived(args.file, dict(map(header, args.header)), connector.name).at(settings)
    try:
        capture = captured(connector, request, _secrets(folder, connector))
        result = expected(connector, capture, _secrets(folder, connector), settings)
    except SignatureError as error:
        raise UserError(f"{connector.name}'s rule cannot sign it by itself ({error}): capture a signed one") from error
    for path, document in zip(files.values(), (capture, result), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    _tell(root, list(files.values()), result)
    return 0


def _arrived(file: str, headers: Mapping[str, str], name: str) -> Request:
    try:
        request = request_of(read(file), headers, name)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", status=2) from error
    except PayloadError as error:
        raise UserError(f"{file}: {error}", status=2) from error
    return replace(request, endpoint=name, received_at=datetime.now(UTC).replace(microsecond=0))


def _secrets(folder: Path, connector: Connector) -> Secrets:
    path = folder / "secrets.json"
    if not path.exists():
        names = ", ".join(f'"{name}": "invented-…"' for name in connector.verification.names())
        raise UserError(f"{path} is missing: write the invented secrets to sign with there, {{{names}}}", status=2)
    return Secrets(json.loads(path.read_text(encoding="utf-8")))


def captured(connector: Connector, request: Request, secrets: Secrets) -> dict[str, Any]:
    """Return a request in API Gateway's form, signed as by the platform at the time it was received."""
    signed = connector.verification.sign(request, secrets, request.received_at)
    side = "helpdesks" if isinstance(connector, Helpdesk) else "channels"
    path = f"/{side}/{request.endpoint}"
    try:
        body, encoded = signed.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(signed.body).decode(), True
    pairs = [f"{quote(name)}={quote(value)}" for name, values in signed.query.items() for value in values]
    return {
        "version": "2.0",
        "routeKey": f"ANY /{side}/{{endpoint}}",
        "rawPath": path,
        "rawQueryString": "&".join(pairs),
        "headers": {"host": "hooks.example.org", **signed.headers},
        "pathParameters": {"endpoint": request.endpoint},
        "requestContext": {
            "domainName": "hooks.example.org",
            "http": {"method": request.method, "path": path, "sourceIp": signed.source or "203.0.113.7"},
            "timeEpoch": int(request.received_at.timestamp() * 1000),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def expected(
    connector: Connector, capture: Mapping[str, Any], secrets: Secrets, settings: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a capture becomes, in the form of tests/expected. Raises `SignatureError` if it is refused."""
    request = from_gateway(capture).at(settings)
    context = Context(now=request.received_at, http=nobody, settings=settings)
    facts = connector.verification.verify(request, secrets, context)
    request = connector.verification.cleared(replace(request, facts={**request.facts, **facts}))
    try:
        found = list(connector.parse(request))
    except PayloadError:
        return {"error": "PayloadError"}
    events = [event for event in found if not isinstance(event, Unreadable)]
    result = {"events": [event.to_json() for event in events], "unreadable": len(found) - len(events)}
    answer = connector.acknowledged(request, events)
    return result if answer is None else result | {"response": {"status": answer.status, "body": answer.body}}


def _line(event: Mapping[str, Any]) -> str:
    """Return an event, or a helpdesk's signal, in a line."""
    if "about" in event:
        return f"{event['about']} {event['object_id']} of ticket {event['ticket']}"
    return f"{event['kind']} {event['object_id']} in {event['thread']}: {event['text']}"


def _tell(root: Path, files: list[Path], result: Mapping[str, Any]) -> None:
    out = console()
    for path in files:
        out.print(path.relative_to(root) if path.is_relative_to(root) else path)
    for event in result.get("events", []):
        out.print(f"  {_line(event)}", markup=False)
    if result.get("unreadable"):
        out.print(f"  {result['unreadable']} fragments that cannot be read")
    if "error" in result:
        out.print("  cannot be read: it is parked whole")
    out.print("Compare this with the vendor's pages; it is what the connector says today.")
