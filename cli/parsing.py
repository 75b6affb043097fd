"""`deskwire parse`: show how Deskwire parses a body. Standard library and connectors only, for a fast start."""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskwire import registry
from deskwire.model.errors import PayloadError, SignatureError, TemporaryError
from deskwire.model.events import Unreadable
from deskwire.model.secret import Secrets
from deskwire.verification.rule import Context
from deskwire.web.request import Request, from_gateway

from .terminal import UserError, complain, json_line

if TYPE_CHECKING:
    import argparse

    from deskwire.contracts.channel import Channel
    from deskwire.contracts.helpdesk import Helpdesk
    from deskwire.web.rest import Answer, Call

DELIVERIES = frozenset({"POST", "PUT"})


def run(args: argparse.Namespace) -> int:
    """Print each file's events as lines of JSON; return 1 if anything could not be read."""
    connector = find(args.connector)
    headers, settings = dict(map(header, args.header)), dict(map(setting, args.setting))
    failed = 0
    for name in args.files:
        known = settings_beside(Path(name).parent) | settings
        for line in lines(connector, name, headers, known, debug=getattr(args, "debug", False)):
            failed += "error" in line
            json_line(line)
    return 1 if failed else 0


def find(name: str) -> Channel | Helpdesk:
    """Return the connector of this name, of either side."""
    if name in registry.channel_names():
        return registry.channel(name)
    if name in registry.helpdesk_names():
        return registry.helpdesk(name)
    known = ", ".join((*registry.channel_names(), *registry.helpdesk_names()))
    raise UserError(f"there is no channel or helpdesk “{name}”; there are {known}", status=2)


def header(text: str) -> tuple[str, str]:
    """Return a header as (name in lower case, value)."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UserError(f"“{text}” is no header: write it like 'Name: value'", status=2)
    return name.strip().lower(), value.strip()


def setting(text: str) -> tuple[str, str]:
    """Return a setting of the endpoint as (name, value)."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"“{text}” is no setting: write it like name=value", status=2)
    return name, value


def settings_beside(folder: Path) -> dict[str, str]:
    """Return the settings for the captures of a folder: its settings.json, as in conformance."""
    path = folder / "settings.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def lines(
    connector: Channel | Helpdesk,
    name: str,
    headers: Mapping[str, str],
    settings: Mapping[str, str],
    *,
    debug: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the JSON object of each event in a file, and one with `error` and `file` for unreadable parts."""
    try:
        request = request_of(read(name), headers, connector.name).at(settings)
        if request.method not in DELIVERIES or request.action:
            complain(f"{name}: a {request.method} is no delivery, so no event comes of it")
            return
        request = _opened(connector, request, Path(name).parent)
        for found in list(connector.parse(request)):  # a body given up halfway is parked whole: no event of it counts
            yield {"error": found.reason, "file": name} if isinstance(found, Unreadable) else found.to_json()
    except (PayloadError, SignatureError) as error:
        yield {"error": str(error), "file": name}
    except OSError as error:
        yield {"error": error.strerror or type(error).__name__, "file": name}
    except Exception as error:  # noqa: BLE001 - a connector's own fault must not stop the other files
        if debug:
            traceback.print_exc()
        yield {"error": f"the connector {connector.name} failed with {type(error).__name__}", "file": name}


def _opened(connector: Channel | Helpdesk, request: Request, folder: Path) -> Request:
    """Return a sealed delivery as its connector sees it, decrypted with the secrets.json of the file's folder, if any.

    A body that is not sealed is sealed first.
    """
    rule, path = connector.verification, folder / "secrets.json"
    if not rule.opens or not path.is_file():
        return request
    secrets = Secrets(json.loads(path.read_text(encoding="utf-8")))
    if not request.url:
        request = rule.sign(request, secrets, request.received_at)
    facts = rule.verify(request, secrets, Context(request.received_at, nobody))
    return rule.cleared(dataclasses.replace(request, facts={**request.facts, **facts}))


def nobody(call: Call) -> Answer:
    """Raise `TemporaryError`: outside a deployment, rules have no network."""
    raise TemporaryError(f"its rule asks {call.method} {call.url} before it lets anybody in: capture a signed one")


def read(name: str) -> bytes:
    """Return a file's bytes; `-` is stdin."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def request_of(data: bytes, headers: Mapping[str, str], endpoint: str) -> Request:
    """Return the request in a captured event, or a POST with these bytes as its body.

    `endpoint` is used if the event names none.
    """
    captured = event_of(data)
    if captured is not None:
        request = from_gateway(captured)
        return dataclasses.replace(
            request, headers={**request.headers, **headers}, endpoint=request.endpoint or endpoint
        )
    kind = "application/json" if data.lstrip()[:1] in {b"{", b"["} else "application/octet-stream"
    return Request(
        method="POST",
        endpoint=endpoint,
        body=data,
        headers={"content-type": kind, **headers},
        received_at=datetime.now(UTC),
    )


def event_of(data: bytes) -> dict[str, Any] | None:
    """Return the API Gateway event in a file, None if it is a body. Raises `PayloadError` for payload 1.0."""
    if b'"requestContext"' not in data:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    context = found.get("requestContext") if isinstance(found, dict) else None
    if not isinstance(context, dict):
        return None
    if "http" not in context and "httpMethod" in found:
        raise PayloadError("an event of a REST API (payload 1.0); Deskwire's is an HTTP API: capture payload 2.0")
    return found if isinstance(context.get("http"), dict) else None
