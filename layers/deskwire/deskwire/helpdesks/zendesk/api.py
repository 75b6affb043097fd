"""How Zendesk's API is asked: address, credentials, pages, refusals."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of
from deskwire.families.lists import known, listed, words
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, TemporaryError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # anything wider could send the token elsewhere
PAGE = 100
MINUTE = 60
PAGES = 5  # of the newest comments or audits: what is looked for is among the last 500


@dataclass(frozen=True, slots=True)
class Api:
    """One connection's address and credentials."""

    reach: Reach

    def _base(self) -> str:
        subdomain = self.reach.settings.get("subdomain", "")
        if not SUBDOMAIN.fullmatch(subdomain):
            raise ConfigurationError("“subdomain” is not the plain part before .zendesk.com")
        return f"https://{subdomain}.zendesk.com/api/v2/"

    def _authorization(self) -> str:
        if self.reach.secrets.has("oauth_token"):
            return f"Bearer {self.reach.secrets.one('oauth_token').reveal()}"
        email = self.reach.settings.get("email", "")
        if not email:
            raise ConfigurationError("“email” is missing: the API token is used with its agent's e-mail address")
        pair = f"{email}/token:{self.reach.secrets.one('api_token').reveal()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def ask(self, method: str, path: str, payload: object = None, *, key: str = "", safe: bool = False) -> Answer:
        """Send a request and return whatever came."""
        headers = {"Authorization": self._authorization(), "Accept": "application/json"}
        url = self._base() + path
        if payload is None:
            return self.reach.http(Call(method, url, headers))
        if key:
            headers["Idempotency-Key"] = key
        call = Call.json(method, url, payload, headers=headers, timeout=30)
        return self.reach.http(Call(method, url, call.headers, call.body, call.timeout, safe=safe or bool(key)))

    def upload(self, file: File) -> Answer:
        """Upload a file (one never used is gone after an hour, so that it may arrive twice)."""
        headers = {"Authorization": self._authorization(), "Content-Type": file.type or "application/octet-stream"}
        url = f"{self._base()}uploads.json?filename={quote(file.name, safe='')}"
        return self.reach.http(Call("POST", url, headers, file.data, 60, safe=True))

    def download(self, url: str) -> File:
        """Return the file of a comment. Zendesk wants our credentials where attachments are private."""
        ours = url.startswith(self._base().partition("/api/")[0] + "/")
        headers = {"Authorization": self._authorization()} if ours else {}
        return self.reach.fetch(Call("GET", url, headers, timeout=20))

    def checked(self, answer: Answer, what: str) -> Answer:
        """Return an answer that says yes; raise for any other."""
        if answer.status == 404 and (b"help desk" in answer.body or not answer.body.lstrip().startswith(b"{")):
            # “There is no help desk configured at this address” must not be taken for a deleted ticket.
            raise ConfigurationError(f"{what}: HTTP 404: there is no Zendesk under this “subdomain”")
        if answer.status == 409:
            # Somebody changed the ticket meanwhile (perhaps our own first attempt): look, then try again.
            raise TemporaryError(f"{what}: HTTP 409", after=30, ambiguous=True, concerns=Concern.TICKET)
        return checked(answer, what=what, secret_hint="“api_token” and “email”, or “oauth_token”")  # noqa: S106

    def updated(self, answer: Answer, what: str) -> Answer:
        """Return an answer to an update of one ticket that says yes; raise for any other."""
        try:
            return self.checked(answer, what)
        except TemporaryError as error:
            # The account's limits count by the minute: who has to wait longer met the ticket's own (30 in 10 minutes,
            # agents and other apps included), see /api-reference/introduction/rate-limits/.
            of_ticket = answer.status == 429 and (error.after or 0) > MINUTE
            raise error.retold(concerns=Concern.TICKET) if of_ticket else error from None

    def ticket(self, number: str) -> Node:
        """Return a ticket as it is now. Raises `TicketGone` for a deleted one."""
        answer = self.ask("GET", f"tickets/{number}.json")
        if answer.status == 404 and error_of(answer) == "RecordNotFound":
            raise TicketGone("deleted")
        return self.checked(answer, "looking at a ticket").node()["ticket"]

    def comments(self, ticket: str) -> int:
        """Return about how many comments a ticket has."""
        answer = self.ask("GET", f"tickets/{ticket}/comments/count.json")
        number = self.checked(answer, "counting a ticket's comments").node()["count"]["value"].raw
        return number if isinstance(number, int) else 0

    def newest(self, ticket: str, what: str, staff: dict[str, str] | None = None) -> Iterator[Node]:
        """Yield a ticket's audits or comments, the newest first; `staff` is filled with its agents' names by id."""
        query = f"sort=-created_at&page%5Bsize%5D={PAGE}"
        if what == "comments":
            query += "&include=users&include_inline_images=true"
        cursor = ""
        for _ in range(PAGES):
            answer = self.ask("GET", f"tickets/{ticket}/{what}.json?{query}{cursor}")
            if answer.status == 404 and error_of(answer) == "RecordNotFound":
                raise TicketGone("deleted")
            body = self.checked(answer, f"reading a ticket's {what}").node()
            if staff is not None:
                asked = f"reading a ticket's {what}"
                for user in known(listed(body["users"], asked), asked, self.reach):
                    if words(user["role"], asked, self.reach) in {"agent", "admin"}:
                        staff[id_of(user["id"])] = user["name"].text("")
            yield from listed(body[what], f"reading a ticket's {what}")
            after = body["meta"]["after_cursor"].text("")
            if body["meta"]["has_more"].raw is not True or not after:
                return
            cursor = f"&page%5Bafter%5D={quote(after, safe='')}"

    def bot(self) -> str:
        """Return the user id of our own agent."""
        return self.reach.settings.get("bot_user_id", "") or self.cached("me", 86_400, self._me)

    def _me(self) -> str:
        answer = self.checked(self.ask("GET", "users/me.json"), "asking who we are")
        number = id_of(answer.node()["user"]["id"])
        if not number:
            raise ConfigurationError("Zendesk does not say whose token this is: set “bot_user_id”")
        return number

    def kept(self, name: str, value: str = "", seconds: float = 0) -> str:
        """Return what this process keeps under `name`, else keep `value` (an empty one is not kept)."""
        return self.reach.remember(f"zendesk/{self.reach.account}/{name}", lambda: (value, seconds if value else 0.0))

    def cached(self, name: str, seconds: float, make: Callable[[], str]) -> str:
        """Return what is kept under `name`, else what `make` gives (asking outside `remember`, which has a lock)."""
        return self.kept(name) or self.kept(name, make(), seconds)


def error_of(answer: Answer) -> str:
    """Return the name of an error, or nothing."""
    try:
        return read(answer.body)["error"].text("")
    except PayloadError:
        return ""
