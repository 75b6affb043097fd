"""`deskwire send-capture`: have the running sandbox deliver a captured webhook, freshly signed."""

from __future__ import annotations

import http.client
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deskwire import registry

from .parsing import DELIVERIES, event_of
from .terminal import UserError, console

if TYPE_CHECKING:
    import argparse

ENVIRONMENT = Path(".sandbox") / "environment"  # written by `make sandbox`
VARIABLES = ("DESKWIRE_CONTROL", "DESKWIRE_CONTROL_TOKEN")
WAIT = 120.0  # seconds: until the sandbox knows what came of it


def run(args: argparse.Namespace) -> int:
    """Deliver each file and print the result; return 1 if one was refused."""
    address, token = _running()
    failed = False
    for name in args.files:
        found = _ask(address, token, _connector(args.connector, name), _capture(name))
        failed = failed or not 200 <= found["status"] < 300
        _tell(name, found)
    return 1 if failed else 0


def _running() -> tuple[str, str]:
    """Return the running sandbox's address and token. Raises `UserError`."""
    known = {name: os.environ.get(name, "") for name in VARIABLES}
    if not all(known.values()) and ENVIRONMENT.exists():
        words = shlex.split(ENVIRONMENT.read_text(encoding="utf-8"))
        known = dict(word.split("=", 1) for word in words if "=" in word)
    if not all(known.get(name) for name in VARIABLES):
        raise UserError("no sandbox runs in this checkout: start one with `make sandbox`, in another terminal")
    return known[VARIABLES[0]], known[VARIABLES[1]]


def _connector(given: str, file: str) -> str:
    name: str = given or Path(file).resolve().parent.name
    if name not in {*registry.channel_names(), *registry.helpdesk_names()}:
        raise UserError(f"whose capture is {file}? Give --connector, or a file of events/<connector>/", status=2)
    return name


def _capture(file: str) -> dict[str, Any]:
    try:
        found = event_of(Path(file).read_bytes())
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", status=2) from error
    if found is None:
        raise UserError(f"{file} is no captured event of API Gateway's (a JSON object with requestContext)", status=2)
    if found["requestContext"]["http"].get("method") not in DELIVERIES:
        raise UserError(f"{file} is no delivery, but a handshake: these are played when the sandbox starts", status=2)
    return found


def _ask(address: str, token: str, connector: str, capture: dict[str, Any]) -> dict[str, Any]:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=WAIT)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        connection.request("POST", f"/captures/{connector}", json.dumps(capture).encode(), headers)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except OSError as error:
        raise UserError("the sandbox does not answer: is `make sandbox` still running?") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise UserError(str(found.get("error", answer.status)))
    return found


def _tell(name: str, found: dict[str, Any]) -> None:
    out = console()
    out.print(f"{name}: answered {found['status']}")
    for event in found["events"]:
        ticket = f", ticket {event['ticket']}" if event["ticket"] else ""
        reason = f" ({event['reason']})" if event["reason"] else ""
        out.print(f"  {event['kind']} {event['id']}: {event['outcome']}{reason}{ticket}")
    if found["events"]:
        out.print(f"  tickets: {found['tickets']}")
