"""How django-helpdesk's REST interface is asked: address, credentials, pages, and what its refusals say."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import NUMBER, id_of, numbered
from deskwire.families.lists import known, listed
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import ConfigurationError, PayloadError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass
from deskwire.web.media import safe_name
from deskwire.web.multipart import TEXT, multipart
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

HINT = "the “token”, or “user” and “password”"
PAGE = 100  # follow-ups
MERGES = 10  # one after the other, that are followed
HOUR = 3600.0
PATIENCE = 30.0  # seconds: a request for a ticket loads all tickets (TicketViewSet.get_queryset)
OF_ACCOUNT = ("queue", "priority", "custom_")  # fields of a new ticket that a company's set-up decides on


@dataclass(frozen=True, slots=True)
class Page:
    """Follow-ups by their ids, and how many there are on all pages."""

    rows: Mapping[int, Node]
    count: int

    @property
    def newest(self) -> int:
        """The highest id, 0 where there is none."""
        return max(self.rows, default=0)


@dataclass(frozen=True, slots=True)
class Api:
    """The interface of one django-helpdesk."""

    reach: Reach

    @property
    def user(self) -> str:
        """The id of our own user, which the interface never tells."""
        found = self.reach.settings.get("user_id", "")
        if not NUMBER.fullmatch(found):
            raise ConfigurationError(
                "“user_id” is not the number of Deskwire's user (in the address of its admin page)"
            )
        return found

    @property
    def host(self) -> str:
        """The name of the site's host."""
        return urlsplit(self._address).hostname or ""

    @property
    def origin(self) -> str:
        """The site's address without a path."""
        return f"https://{urlsplit(self._address).netloc}"

    def ask(
        self, method: str, path: str, payload: object = None, *, file: tuple[File, Mapping[str, str]] | None = None
    ) -> Answer:
        """Return whatever status came. `file` is sent as a form, with its fields."""
        url = f"{self._address}/api/{path}"
        headers = {"Authorization": self._credentials(), "Accept": "application/json"}
        if file is not None:
            headers["Content-Type"], body = form(*file)
            return self.reach.http(Call(method, url, headers, body, timeout=60.0))
        if payload is None:
            return self.reach.http(Call(method, url, headers, timeout=PATIENCE))
        return self.reach.http(Call.json(method, url, payload, headers=headers, timeout=PATIENCE))

    def ticket(self, number: str, what: str) -> Node:
        """Return a ticket with its follow-ups. Raises `TicketGone` for one that is not there (any more)."""
        answer = self.ask("GET", f"tickets/{numbered(number)}/")
        if answer.status == 404 and "detail" in refused(answer):  # a wrong address is answered by a page
            raise TicketGone("deleted")
        return checked(answer, what=what, secret_hint=HINT).node()

    def followed(self, number: str, what: str) -> Node:
        """Return a ticket, or the one that it was merged into. Raises `TicketGone` for one that was deleted."""
        shown = self.ticket(number, what)
        for _ in range(MERGES):
            into = shown["merged_to"].any_id()
            if not into:
                break
            shown = self.ticket(into, what)
        return shown

    def send(self, method: str, path: str, payload: object, what: str) -> Node:
        """Return the answer to a change. Raises `TicketGone` where it says that there is no such ticket."""
        answer = self.ask(method, path, payload)
        if answer.status == 400 and "ticket" in refused(answer):
            raise TicketGone("deleted")
        return checked(answer, what=what, secret_hint=HINT).node()

    def recent(self, what: str) -> Iterator[Page]:
        """Yield all follow-ups of all tickets in pages, from that end of the list on at which the newest are.

        It is in the order of their dates (models.py, FollowUp.Meta), which no page promises, and which an administrator
        may change: so it is looked at which end that is, and a page is in no order.
        """
        page = self._page("last", what)
        pages = -(-page.count // PAGE)
        if pages > 1 and self._begins_with_the_newest(page, what):
            for number in range(1, pages + 1):
                yield self._page(str(number), what)
            return
        yield page
        for number in range(pages - 1, 0, -1):
            yield self._page(str(number), what)

    def _begins_with_the_newest(self, last: Page, what: str) -> bool:
        def look() -> tuple[str, float]:
            return "first" if self._page("1", what).newest > last.newest else "last", HOUR

        return self.reach.remember(f"djangohelpdesk/{self.reach.account}/newest", look) == "first"

    def _page(self, number: str, what: str) -> Page:
        answer = self.ask("GET", f"followups/?page={number}&page_size={PAGE}")
        shown = checked(answer, what=what, secret_hint=HINT).node()
        rows = {int(id_of(row["id"])): row for row in known(listed(shown["results"], what), what, self.reach)}
        return Page(rows, shown["count"].number())

    @property
    def _address(self) -> str:
        return address_of(self.reach.settings, "https://desk.example.com/helpdesk (without /api)")

    def _credentials(self) -> str:
        secrets = self.reach.secrets
        if secrets.has("token"):
            return f"Token {secrets.one('token').reveal()}"
        both = f"{self.reach.settings.get('user', '')}:{secrets.one('password').reveal()}"
        return f"Basic {base64.b64encode(both.encode()).decode()}"


def form(file: File, fields: Mapping[str, str]) -> tuple[str, bytes]:
    """Return a content type and body with the fields and the file."""
    parts = [(f'name="{name}"', TEXT, value.encode()) for name, value in fields.items()]
    return multipart([*parts, (f'name="file"; filename="{safe_name(file.name)}"', file.type, file.data)])


def refused(answer: Answer) -> set[str]:
    """Return the names in a refusal: of the fields that it speaks of, or `detail`."""
    try:
        return {name for name, _ in read(answer.body).object().members()}
    except PayloadError:
        return set()
