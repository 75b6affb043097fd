"""How Request Tracker's REST 2 is asked: address, token, files, memory, and what its answers hide."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

from deskwire.contracts.channel import Reach
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, TemporaryError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass
from deskwire.web.multipart import multipart
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

HOUR = 3600.0
HINT = "the “token”"
DENIED = "Permission Denied"


class DeniedError(ConfigurationError):
    """Our user lacks a right, in general or in the queue that a ticket was moved to."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """REST 2 of one RT."""

    reach: Reach

    @property
    def user(self) -> str:
        return self.reach.settings.get("user", "deskwire")

    def ask(self, method: str, path: str, payload: object = None, *, what: str, files: Sequence[File] = ()) -> Answer:
        """Return the answer to one call, with the files that hold anything: RT refuses empty ones."""
        address = self.reach.settings.get("address", "").rstrip("/")
        if not address:
            raise ConfigurationError("the helpdesk's “address” is missing: https:// and the host of Request Tracker")
        headers = {"Authorization": f"token {self.reach.secrets.one('token').reveal()}", "Accept": "application/json"}
        url = f"{address}/REST/2.0/{path}"
        full = [file for file in files if file.data]
        if full:
            headers["Content-Type"], body = form(payload, full)
            call = Call(method, url, headers, body, timeout=60.0)
        elif payload is None:
            call = Call(method, url, headers)
        else:
            call = Call.json(method, url, payload, headers=headers, timeout=20.0)
        answer = self.reach.http(call)
        # With a session or a browser's User-Agent RT leads to its log-in page; a proxy in front may do so as well.
        if 300 <= answer.status < 400:
            raise ConfigurationError(f"{what}: Request Tracker asks to log in: check the address and the “token”")
        if answer.status == 409:  # unconfirmed: no page names it; where one comes, it is about what was asked for
            raise TemporaryError(f"{what}: HTTP 409", after=30, ambiguous=True, concerns=Concern.TICKET)
        # Rights show as 403 or as 400 with these words (our user's language is English).
        if answer.status == 403 or (answer.status == 400 and message_of(answer) == DENIED):
            raise self.denied(what)
        return answer

    def denied(self, what: str) -> DeniedError:
        """Return the error for a right that our user lacks."""
        return DeniedError(f"{what}: the user “{self.user}” lacks a right: see docs/helpdesks/requesttracker.md")

    def get(self, path: str, *, what: str, **query: str) -> Node:
        """Return the JSON of a GET."""
        full = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return checked(self.ask("GET", full, what=what), what=what, secret_hint=HINT).node()

    def send(self, method: str, path: str, payload: object, *, what: str, files: Sequence[File] = ()) -> Answer:
        """Return the answer to a change."""
        return checked(self.ask(method, path, payload, what=what, files=files), what=what, secret_hint=HINT)

    def kept(self, name: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return what is remembered of this RT under a name, or made now."""
        return self.reach.remember(f"requesttracker/{self.reach.account}/{name}", make)


def form(payload: object, files: Sequence[File]) -> tuple[str, bytes]:
    """Return a content type and body with the payload as `JSON` and the files.

    In JSON a file's name beyond ASCII gives HTTP 500, and as an RFC 2047 word it stays one when a ticket is created.
    """
    parts = [('name="JSON"', "application/json", json.dumps(payload).encode())]
    parts += [(f'name="Attachments"; filename="{stored_name(file.name)}"', file.type, file.data) for file in files]
    return multipart(parts)


def stored_name(name: str) -> str:
    """Return a file's name without what would break out of its header, or be decoded (`=?…`)."""
    return re.sub(r"[\x00-\x1f\x7f/\\\"]", "_", name).replace("=?", "=_").strip()[:120] or "file"


def quoted(value: str) -> str:
    """Return a value as TicketSQL's string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def message_of(answer: Answer) -> str:
    """Return what a refusal says, or nothing."""
    try:
        return read(answer.body)["message"].text("")
    except PayloadError:
        return ""


def values_of(row: Node, name: str) -> list[str]:
    """Return a custom field's values in a shown ticket or transaction."""
    fields = [field for field in row["CustomFields"].rows() if field["name"].text("") == name]
    return [found for field in fields for value in field["values"].rows() if (found := value.text(""))]
