"""How BottleCRM's REST API is asked: the token, ids, who we are, and what its refusals say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.lists import listed
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass, field
from deskwire.web.multipart import multipart
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked, not_there

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOUR = 3600.0
DAY = 86_400.0
HINT = "the “token”: is it revoked or expired, and has it the scopes of docs/helpdesks/bottlecrm.md?"
MERGES = 10  # one after the other, that are followed


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket as BottleCRM shows it; `merged_at` is when the one that was asked for was merged into it."""

    node: Node
    merged_at: datetime | None = None

    @property
    def id(self) -> str:
        return required(self.case["id"], "looking at the ticket")

    @property
    def case(self) -> Node:
        return self.node["cases_obj"]

    @property
    def comments(self) -> list[Node]:
        """All comments, public and internal, the oldest first (BottleCRM gives them in no order)."""
        rows = [*self.node["comments"].rows(), *self.node["internal_notes"].rows()]
        return sorted(rows, key=lambda row: row["commented_on"].text(""))

    @property
    def files(self) -> list[Node]:
        """All files, the oldest first."""
        return sorted(self.node["attachments"].rows(), key=lambda row: row["created_at"].text(""))


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one BottleCRM, for one call of the connector."""

    reach: Reach
    known: dict[str, str] = field(default_factory=dict)  # what was asked for in this call

    @property
    def address(self) -> str:
        """Where the API is, without a slash at its end."""
        return address_of(self.reach.settings, "https://crm.example.com (where /api/ is)")

    @property
    def host(self) -> str:
        """The name of its host."""
        return urlsplit(self.address).hostname or ""

    @property
    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.reach.secrets.one('token').reveal()}"}

    def ask(self, method: str, path: str, payload: object = None, *, file: tuple[str, File] | None = None) -> Answer:
        """Return whatever status came; `file` is sent as a form, under a name.

        Raises `ConfigurationError` where tickets are switched off, which is a 404 as well.
        """
        url, headers = f"{self.address}/api/{path}", {**self.credentials, "Accept": "application/json"}
        if file is not None:
            name, given = file
            parts = [(f'name="case_attachment"; filename="{name}"', given.type, given.data)]
            headers["Content-Type"], body = multipart(parts)
            answer = self.reach.http(Call(method, url, headers, body, timeout=60.0))
        elif payload is None:
            answer = self.reach.http(Call(method, url, headers, timeout=20.0))
        else:
            answer = self.reach.http(Call.json(method, url, payload, headers=headers, timeout=30.0))
        if answer.status == 404 and errors_of(answer)["code"].text("") == "module_off":
            raise ConfigurationError(f"{path.partition('?')[0]}: this module is switched off in BottleCRM (Settings)")
        return answer

    def get(self, path: str, what: str, **query: str) -> Node:
        """Return the JSON of a GET."""
        full = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return checked(self.ask("GET", full), what=what, secret_hint=HINT).node()

    def send(self, method: str, path: str, payload: object, what: str) -> Node:
        """Return the answer to a change of a ticket. Raises `TicketGone` where there is no such ticket."""
        return self.taken(self.ask(method, path, payload), what)

    def taken(self, answer: Answer, what: str) -> Node:
        """Return an answer that speaks of a ticket. Raises `TicketGone` where there is no such ticket."""
        if not_there(answer) and "detail" in errors_of(answer):
            raise TicketGone("deleted")
        return checked(answer, what=what, secret_hint=HINT).node()

    def ticket(self, number: str, what: str) -> Shown:
        """Return a ticket that is still itself. Raises `TicketGone` for one that was deleted or merged."""
        found = self.followed(number, what)
        if found.id != number:
            raise TicketGone("merged", into=found.id, at=found.merged_at or self.reach.now)
        return found

    def followed(self, number: str, what: str) -> Shown:
        """Return a ticket, or the one that it was merged into. Raises `TicketGone` for one that was deleted."""
        asked, before = named(number), ""
        node = self.send("GET", f"cases/{asked}/", None, what)
        for _ in range(MERGES):
            if not node["redirect_to"]:
                break
            asked, before = required(node["redirect_to"], what), asked
            node = self.send("GET", f"cases/{asked}/", None, what)
        shown = Shown(node)
        if required(shown.case["id"], what) != asked:
            raise TemporaryError(f"{what}: the answer is about another ticket")
        if not shown.case["is_active"].truth(default=True):
            raise TicketGone("deleted")
        for part in ("comments", "internal_notes", "attachments"):
            listed(node[part], what)
        sources = node["merged_from_cases"].rows()
        moments = [row["merged_at"].iso() for row in sources if before and row["id"].any_id() == before]
        return Shown(node, moments[0] if moments else None)

    # ------------------------------------------------------------------------------------------ who is who

    @property
    def me(self) -> str:
        """The id of our own profile, under which our comments stand."""
        return self._myself("id")

    @property
    def user(self) -> str:
        """The id of our own user, under which our files and activities stand."""
        return self._myself("user")

    def _myself(self, which: str) -> str:
        def look() -> str:
            what = "asking who we are"
            profile = self.get("profile/", what)["user_obj"]
            both = {"id": required(profile["id"], what), "user": required(profile["user_details"]["id"], what)}
            return json.dumps(both)

        return str(json.loads(self.kept("me", look, DAY))[which])

    def user_of(self, profile: str) -> str:
        """Return the id of a colleague's user, or an empty string: files name one, comments the profile."""

        def look() -> str:
            rows = listed(self.get("users/get-teams-and-users/", "asking who is who")["profiles"], "asking who is who")
            return next((row["user_details"]["id"].any_id() for row in rows if row["id"].any_id() == profile), "")

        return self.kept(f"user/{profile}", look, HOUR)

    def tag(self, name: str) -> str:
        """Return the id of a tag, which is made where there is none; empty where BottleCRM takes no such name."""

        def look() -> str:
            what, same = "looking for a tag", " ".join(name.split()).casefold()
            for row in listed(self.get("tags/", what)["tags"], what):
                if same in {row["name"].text("").casefold(), row["slug"].text("")}:
                    return required(row["id"], what)
            answer = self.ask("POST", "tags/", {"name": " ".join(name.split())})
            if answer.status == 400:  # too long, or no letter in it
                return ""
            if answer.status == 500:  # another made it at this moment
                raise TemporaryError("making a tag: HTTP 500", after=2, concerns=Concern.TICKET)
            return required(checked(answer, what="making a tag", secret_hint=HINT).node()["tag"]["id"], what)

        return self.kept(f"tag/{name}", look, HOUR)

    def kept(self, name: str, make: Callable[[], str], seconds: float) -> str:
        """Return what is kept under a name, in this call and in this process."""
        if name not in self.known:
            self.known[name] = self.reach.remember(f"bottlecrm/{self.reach.account}/{name}", lambda: (make(), seconds))
        return self.known[name]


def errors_of(answer: Answer) -> Node:
    """Return what a refusal says; nothing where it is a page."""
    try:
        return read(answer.body)
    except PayloadError:
        return Node({})


def named(text: str) -> str:
    """Return an id, once checked: it becomes a part of an address. Raises `PermanentError` for any other."""
    if not ID.fullmatch(text):
        raise PermanentError("the id is none of BottleCRM's")
    return text


def id_of(node: Node) -> str:
    """Return an id in an answer, or nothing."""
    found = node.text("")
    return found if ID.fullmatch(found) else ""


def required(node: Node, what: str) -> str:
    """Return an id in the answer to `what`. Raises `TemporaryError` (ambiguous) where there is none."""
    found = id_of(node)
    if not found:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return found
