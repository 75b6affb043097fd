"""How Freshdesk's API is asked: address, credentials, forms with files, lists in pages, refusals."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of
from deskwire.families.lists import listed
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, TemporaryError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass
from deskwire.web.media import safe_name
from deskwire.web.multipart import TEXT, multipart
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # anything wider could send the key elsewhere
FIELD = re.compile(r"[a-z][a-z0-9_]{0,60}")  # as Freshdesk names a field of its own or a custom one
PAGE = 100  # the most that a page may have; 30 unless asked for
PAGES = 20
MINE = 86_400.0  # seconds for which we remember who we are
# Fields of a request that a message fills. An error about any other (a custom field that is mandatory there, one that
# is missing) speaks of the account's set-up, and would refuse every message.
OF_MESSAGE = frozenset(
    {"attachments", "body", "description", "name", "subject", "tags", "unique_external_id", "user_id"}
)
OF_FORM = frozenset({"missing_field", "invalid_field", "invalid_value", "datatype_mismatch"})


@dataclass(frozen=True, slots=True)
class Api:
    """One connection's address and credentials."""

    reach: Reach

    def ask(
        self, method: str, path: str, payload: Mapping[str, Any] | None = None, files: Sequence[File] = ()
    ) -> Answer:
        """Send a request and return whatever came."""
        subdomain = self.reach.settings.get("subdomain", "")
        if not SUBDOMAIN.fullmatch(subdomain):
            raise ConfigurationError("“subdomain” is not the plain part before .freshdesk.com")
        url = f"https://{subdomain}.freshdesk.com/api/v2/{path}"
        pair = f"{self.reach.secrets.one('api_key').reveal()}:X"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Accept": "application/json"}
        if files:
            headers["Content-Type"], body = multipart([*fields(payload or {}), *map(attached, files)])
            return self.reach.http(Call(method, url, headers, body, timeout=60))
        if payload is None:
            return self.reach.http(Call(method, url, headers))
        return self.reach.http(Call.json(method, url, payload, headers=headers, timeout=20))

    def get(self, path: str, what: str, **query: object) -> Node:
        """Return the JSON of a GET."""
        return self.checked(self.ask("GET", f"{path}?{urlencode(query)}" if query else path), what).node()

    def send(self, method: str, path: str, payload: Mapping[str, Any], what: str, files: Sequence[File] = ()) -> Node:
        """Return the JSON of an answer to a change of one ticket. Raises `TicketGone` where it is gone."""
        answer = self.ask(method, path, payload, files)
        if answer.status == 404 and not is_page(answer):
            raise TicketGone("deleted")
        return self.checked(answer, what).node()

    def checked(self, answer: Answer, what: str) -> Answer:
        """Return an answer that says yes; raise for any other (docs/helpdesks/freshdesk.md has the table)."""
        if answer.status == 404 and is_page(answer):
            raise ConfigurationError(f"{what}: HTTP 404: there is no Freshdesk under this “subdomain”")
        if answer.status == 415:
            raise ConfigurationError(f"{what}: HTTP 415: this interface takes other formats now")
        refused = refusals(answer) if answer.status in {400, 409} else {}
        if answer.status == 409 or "duplicate_value" in refused.values():
            # Another worker made the same contact at this moment. Which of the two statuses it is, is unconfirmed.
            raise TemporaryError(f"{what}: HTTP {answer.status}", after=5, ambiguous=True, concerns=Concern.TICKET)
        for field, code in refused.items():
            if field not in OF_MESSAGE and code in OF_FORM:
                raise ConfigurationError(f"{what}: {code} for the field “{field}”: see docs/helpdesks/freshdesk.md")
        return checked(answer, what=what, secret_hint="“api_key”")  # noqa: S106 - its name

    def ticket(self, number: str, *, archive: bool = True) -> Node:
        """Return a ticket as it is now. Raises `TicketGone` for one deleted or archived, or in the spam.

        Unconfirmed: how an archived ticket (closed for 120 days) answers under its old address. A redirection to the
        archive and a 404 are both understood; `archive` says whether the archive is asked about the latter.
        """
        what = "looking at a ticket"
        answer = self.ask("GET", f"tickets/{number}")
        if 300 <= answer.status < 400 and "/tickets/archived/" in answer.headers.get("location", ""):
            raise TicketGone("closed")
        if answer.status == 404 and not is_page(answer):
            archived = archive and self.ask("GET", f"tickets/archived/{number}").status == 200
            raise TicketGone("closed" if archived else "deleted")
        shown = self.checked(answer, what).node().object()
        if shown["deleted"].raw is True or shown["spam"].raw is True:
            raise TicketGone("deleted")
        return shown

    def conversations(self, number: str) -> Iterator[Node]:
        """Yield a ticket's notes and replies, the oldest first. Raises `TicketGone`."""
        for page in range(1, PAGES + 1):
            answer = self.ask("GET", f"tickets/{number}/conversations?per_page={PAGE}&page={page}")
            if answer.status == 404 and not is_page(answer):
                raise TicketGone("deleted")
            rows = listed(self.checked(answer, "reading a ticket").node(), "reading a ticket")
            yield from rows
            if len(rows) < PAGE:
                return

    def me(self) -> str:
        """Return the id of Deskwire's own agent."""
        return self.reach.settings.get("bot_user_id", "") or self.kept("me", MINE, self._me)

    def _me(self) -> str:
        number = id_of(self.get("agents/me", "asking who we are")["id"])
        if not number:
            raise ConfigurationError("Freshdesk does not say whose key this is: set “bot_user_id”")
        return number

    def kept(self, name: str, seconds: float, make: Callable[[], str]) -> str:
        """Return what this process keeps under a name, else what `make` gives (an empty text is not kept)."""
        name = f"freshdesk/{self.reach.account}/{name}"
        known = self.reach.remember(name, lambda: ("", 0.0))
        if known:
            return known
        made = make()
        return self.reach.remember(name, lambda: (made, seconds if made else 0.0))


def fields(payload: Mapping[str, Any]) -> Iterator[tuple[str, str, bytes]]:
    """Yield a request's fields as a form has them: `tags[]`, `custom_fields[cf_x]`."""
    for name, value in payload.items():
        inside = value.items() if isinstance(value, Mapping) else ()
        rows = [(f"{name}[]", each) for each in value] if isinstance(value, list) else [(name, value)]
        for place, each in [(f"{name}[{key}]", each) for key, each in inside] or rows:
            text = json.dumps(each) if isinstance(each, bool) else str(each)
            yield f'name="{place}"', TEXT, text.encode()


def attached(file: File) -> tuple[str, str, bytes]:
    """Return a file as a part of a form."""
    return f'name="attachments[]"; filename="{safe_name(file.name)}"', file.type, file.data


def refusals(answer: Answer) -> dict[str, str]:
    """Return the codes of a refusal by the fields they are about; what is not written as documented is left out."""
    try:
        rows = read(answer.body)["errors"].rows()
    except PayloadError:
        return {}
    named = {row["field"].text(""): row["code"].text("") for row in rows}
    return {field: code for field, code in named.items() if FIELD.fullmatch(field) and FIELD.fullmatch(code)}


def is_page(answer: Answer) -> bool:
    """Return whether a page stands where the API answers with JSON or nothing."""
    return answer.body.lstrip().startswith(b"<")
