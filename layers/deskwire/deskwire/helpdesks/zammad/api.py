"""How Zammad's REST API is asked: the token, its errors, and what every caller needs of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.tickets import File
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

OWN = "deskwire"  # the tag that every ticket of ours has
HOUR = 3600.0
DAY = 86_400.0
# The ids of state types are those of the installation's seeds and have no address of their own to be read from:
# https://docs.zammad.org/en/latest/api/ticket/states.html shows all but 2 (“open”) beside their names.
KINDS = {1: "new", 2: "open", 3: "pending", 4: "pending", 5: "closed", 6: "merged", 7: "removed"}
# What a 422 says of the set-up and not of the message: an unknown group or attribute, one that became mandatory. The
# reason of some is hidden from all but administrators (“Error ID …: Please contact your administrator.”).
MISCONFIGURED = re.compile(rb"No lookup value found|Error ID |required|Invalid value for param")
TAKEN = re.compile(rb"already (?:exists|used|taken)|been taken|Object already exists", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class States:
    """The states of a Zammad: the kind of each by id, and the one that a follow-up sets."""

    kinds: Mapping[str, str]
    follow_up: int


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one Zammad, for one call of the connector."""

    reach: Reach
    most: ClassVar[int] = 200  # tickets on a page of a search

    def ask(
        self, method: str, path: str, payload: object = None, *, timeout: float = 15.0, safe: bool = False
    ) -> Answer:
        """Return whatever status came."""
        url = f"{self.base}/{path}"
        headers = {**self.authorization, "Accept": "application/json"}
        if payload is None:
            return self.reach.http(Call(method, url, headers, timeout=timeout))
        call = Call.json(method, url, payload, headers=headers, timeout=timeout)
        return self.reach.http(Call(method, url, call.headers, call.body, timeout, safe=safe))

    @property
    def base(self) -> str:
        """Where the API is, without a slash at its end."""
        return f"{address_of(self.reach.settings, 'https://support.example.com')}/api/v1"

    @property
    def authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Token token={self.reach.secrets.one('token').reveal()}"}

    def file(self, attachment: Attachment) -> File:
        """Return a file of an article's. Raises `PermanentError` for one that is not under our own address."""
        if not attachment.url.startswith(f"{self.base}/ticket_attachment/"):
            raise PermanentError("the attachment is none of this Zammad's")
        host = urlsplit(self.base).hostname or ""
        return self.reach.fetch(Call("GET", attachment.url, self.authorization), [host])

    def checked(self, answer: Answer, what: str) -> Answer:
        """Return an answer that says yes; raise for any other what happens next.

        403 is about a group that our agent may not use, or the token's permissions; both are a person's to mend.
        """
        error = error_of(answer)
        if answer.status == 403 and error.startswith("Maintenance mode"):
            raise TemporaryError(f"{what}: Zammad is in maintenance mode", after=60)
        if answer.status == 404 and answer.body.lstrip().startswith(b"<"):
            raise ConfigurationError(f"{what}: HTTP 404: there is no Zammad at this “address”")
        if answer.status == 422 and TAKEN.search(error.encode()):
            raise TemporaryError(f"{what}: made by another at this moment", after=2, concerns=Concern.MESSAGE)
        if answer.status == 422 and MISCONFIGURED.search(error.encode()):
            raise ConfigurationError(
                f"{what}: HTTP 422: Zammad's log has the reason; look for a “group” or “fields” that do not exist and "
                "for mandatory attributes (docs/helpdesks/zammad.md)"
            )
        return checked(answer, what=what, secret_hint="“token”, its permissions and its agent's groups")  # noqa: S106

    def rows(self, answer: Answer, what: str) -> list[Node]:
        """Return the objects of an answer that is a list."""
        found = self.checked(answer, what).node()
        if not isinstance(found.raw, list):
            raise TemporaryError(f"{what}: the answer is no list", ambiguous=True)
        return found.rows()

    def ticket(self, number: str) -> Node:
        """Return a ticket as it is now. Raises `TicketGone` for a deleted one."""
        what = "looking at a ticket"
        answer = self.ask("GET", f"tickets/{number}")
        self.readable(answer)
        shown = self.checked(answer, what).node()
        if id_of(shown["id"]) != number or not id_of(shown["state_id"]):
            raise TemporaryError(f"{what}: the answer is another", concerns=Concern.TICKET)
        return shown

    def readable(self, answer: Answer) -> None:
        """Raise `TicketGone` where the answer says that there is no such ticket, or that it is not for our agent.

        That is a ticket which was moved to a group without our agent, as long as it sees others of ours: else the agent
        lost its groups, and no ticket was moved. “Not authorized” is all that is said of either
        (app/controllers/application_controller/handles_errors.rb).
        """
        if answer.status == 404 and error_of(answer).startswith("Couldn't find Ticket"):
            raise TicketGone("deleted")
        if _unauthorized(answer):
            ours = {"ticket.tags": {"operator": "contains one", "value": OWN}}
            if self.search(ours, "looking for our tickets", newest=1):
                raise TicketGone("inaccessible")

    def writable(self, answer: Answer, ticket: str) -> None:
        """Raise `TicketGone` where our agent may only read a ticket, since it was moved to another group."""
        if _unauthorized(answer):
            shown = self.checked(self.ask("GET", f"tickets/{ticket}?expand=true"), "looking at a ticket").node()
            if shown["group"].text("") not in {"", self.reach.settings.get("group", "")}:
                raise TicketGone("inaccessible")

    def articles(self, ticket: str) -> list[Node]:
        """Return all articles of a ticket; there is no way to ask for the newer ones only. Raises `TicketGone`."""
        answer = self.ask("GET", f"ticket_articles/by_ticket/{ticket}")
        self.readable(answer)
        return self.rows(answer, "reading a ticket")

    def search(
        self, condition: Mapping[str, Any], what: str, page: int = 1, *, newest: int = 0, changed: bool = False
    ) -> list[Node]:
        """Return a page of the tickets that meet a condition, by id, by their last change, or so many of the latest.

        With a condition and no query Zammad asks its database (app/models/concerns/can_search.rb). The documentation
        has the condition in no example of a search; triggers and overviews are made of the same.
        """
        asked = {"condition": condition, "expand": True, "page": page, "per_page": newest or self.most}
        by = "updated_at" if newest or changed else "id"
        order = {"sort_by": by, "order_by": "desc" if newest else "asc"}
        return self.rows(self.ask("POST", "tickets/search", {**asked, **order}, safe=True), what)

    def merged_into(self, ticket: str) -> str:
        """Return the ticket that this one was merged into: its parent. A merge moves all other links along."""
        query = urlencode({"link_object": "Ticket", "link_object_value": ticket})
        shown = self.checked(self.ask("GET", f"links?{query}"), "reading a merge").node()
        links = [each for each in shown["links"].items() if each["link_object"].text("") == "Ticket"]
        parents = [id_of(each["link_object_value"]) for each in links if each["link_type"].text("") == "parent"]
        found = next(filter(None, parents), "")
        if not found:
            raise TemporaryError("reading a merge: the answer names no parent", concerns=Concern.TICKET)
        return found

    def states(self) -> States:
        """Return the states, which administrators may rename and add to."""

        def look() -> str:
            rows = self.rows(self.ask("GET", "ticket_states"), "reading the states")
            known = [
                f"{id_of(row['id'])}={KINDS.get(row['state_type_id'].number(0), 'open')}"
                for row in rows
                if id_of(row["id"])
            ]
            opens = [id_of(row["id"]) for row in rows if row["default_follow_up"].raw is True and id_of(row["id"])]
            opens += [id_of(row["id"]) for row in rows if row["state_type_id"].number(0) == 2 and id_of(row["id"])]
            if not opens:
                raise TemporaryError("reading the states: the answer has none that is open")
            return f"{opens[0]} {' '.join(known)}"

        first, *known = self.cached("states", HOUR, look).split()
        return States(dict(each.split("=", 1) for each in known), int(first))

    def bot(self) -> str:
        """Return the user id of our own agent."""
        return self.reach.settings.get("bot_user_id", "") or self.cached("me", DAY, self._me)

    def _me(self) -> str:
        number = id_of(self.checked(self.ask("GET", "users/me"), "asking who we are").node()["id"])
        if not number:
            raise TemporaryError("asking who we are: the answer does not say")
        return number

    def cached(self, name: str, seconds: float, make: Callable[[], str]) -> str:
        """Return what is kept under `name`, else what `make` gives (asking outside `remember`, which has a lock)."""
        name = f"zammad/{self.reach.account}/{name}"
        found = self.reach.remember(name, lambda: ("", 0.0))
        return found or self._kept(name, make(), seconds)

    def _kept(self, name: str, value: str, seconds: float) -> str:
        return self.reach.remember(name, lambda: (value, seconds))


def _unauthorized(answer: Answer) -> bool:
    return answer.status == 403 and error_of(answer) == "Not authorized"


def error_of(answer: Answer) -> str:
    """Return what an error says, in English whatever the agent's language is, or nothing."""
    if answer.status < 400:
        return ""
    try:
        return read(answer.body)["error"].text("")
    except PayloadError:
        return ""
