"""A Zendesk on loopback that behaves as its documentation says: strict, limited, and bad on demand.

    with Zendesk(subdomain="acme", webhook_url=f"{api}/helpdesks/acme-zendesk", signing_secret="…") as zendesk:
        hosts = {zendesk.host: zendesk.address}          # for DESKWIRE_SANDBOX
        zendesk.agent_replies(88_001, "On its way 🚚")    # calls the webhook
        zendesk.tickets, zendesk.comments(88_001)        # the books
        zendesk.merge(88_001, into=88_002)

In a browser: `/agent/tickets`. Not confirmed by Zendesk's own pages, and played as clients of it were written: the
bodies of the 409 and of a key used for another request, how a merge stands in the audits, the webhook's delays.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote

from sandbox.helpdesks.zendesk import pages
from sandbox.helpdesks.zendesk.account import (
    Account,
    Comment,
    Refused,
    Stored,
    Ticket,
    User,
    count,
    invalid,
    missing,
    stamp,
)
from sandbox.helpdesks.zendesk.administered import Administered
from sandbox.helpdesks.zendesk.webhooks import Webhook
from sandbox.neighbours.neighbour import Asked, Clock, Fault, Reply, route, wait_until

__all__ = ["Comment", "Ticket", "User", "Webhook", "Zendesk", "edge_throttled"]

KEY_HOURS = 2
KEY_LIMIT = 255
PAGE = 100
API = {"via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}, "metadata": {"system": {}}}
WEB = {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}


def edge_throttled() -> Fault:
    """Return the other 429: of the edge in front of the API, without Retry-After and with a body of its own."""
    detail = {"detail": "Rate limited by Zendesk edge protection", "status": "429", "title": "Automated response"}
    return Fault(instead=Reply.json(429, detail))


class Zendesk(Administered):
    """One account, its API and its agents' pages."""

    name: ClassVar[str] = "zendesk"

    def __init__(  # noqa: PLR0913 - by name only, each with its default
        self,
        clock: Clock | None = None,
        *,
        subdomain: str = "acme",
        email: str = "deskwire@acme.example",
        api_token: str = "invented-zendesk-token",  # noqa: S107 - invented
        oauth_token: str = "invented-zendesk-oauth",  # noqa: S107 - invented
        requests_per_minute: int = 700,
        updates_per_minute: int = 100,
        webhook_url: str = "",
        signing_secret: str = "invented-zendesk-signing",  # noqa: S107 - invented
        status_secret: str = "",
        webhook_events: bool = False,
        webhook_twice_every: int = 0,
        port: int = 0,
        seed: int = 1,
    ) -> None:
        """Play the account `subdomain`; without a `webhook_url` nobody is told of agents' answers (see `connect`).

        With a `status_secret` a second webhook, signed with that, is subscribed to changes of the status alone. 700
        requests and 100 updates a minute are the Enterprise plan's; the High Volume add-on has 2,500 and 300.
        """
        super().__init__(clock, port=port, seed=seed, signing_secret=signing_secret)
        self.host = f"{subdomain}.zendesk.com"
        self.account = Account(self.clock, subdomain, updates_per_minute)
        self.bot = self.account.person("Deskwire", "agent", email)
        self.agent = self.account.person("Agnes Example", "agent", "agnes@acme.example")
        self.webhook: Webhook | None = None
        self.statuses: Webhook | None = None
        self.administrator = True  # whether our token may see webhooks and triggers
        self.agent_workspace = True  # without it the newer redaction is refused
        self._api_token = api_token
        self._oauth_token = oauth_token
        self._status_secret = status_secret
        self._events = webhook_events
        self._twice_every = webhook_twice_every
        self.requests_per_minute = requests_per_minute
        self._asked: deque[datetime] = deque()
        self._keys: dict[str, tuple[str, Reply, datetime]] = {}
        if webhook_url:
            self.connect(webhook_url)

    def connect(self, webhook_url: str) -> None:
        """Call this address from now on when an agent answers."""
        self.webhook = Webhook(
            webhook_url, self._secret, self.clock, account="7744", events=self._events, twice_every=self._twice_every
        )
        if self._status_secret:
            self.statuses = Webhook(webhook_url, self._status_secret, self.clock, account="7744", events=True)

    def stop(self) -> None:
        """Close the port, end the webhook's thread."""
        super().stop()
        for webhook in (self.webhook, self.statuses):
            if webhook is not None:
                webhook.stop()
        self.webhook = self.statuses = None

    # ------------------------------------------------------------------------------------- books and people

    @property
    def tickets(self) -> list[Ticket]:
        """Every ticket there is, deleted ones left out."""
        with self.lock:
            return [ticket for ticket in self.account.tickets.values() if not ticket.deleted]

    def comments(self, ticket: int) -> list[Comment]:
        """Return a ticket's comments, the oldest first."""
        with self.lock:
            return list(self.account.tickets[ticket].comments)

    def author(self, comment: Comment) -> User:
        """Return who wrote a comment."""
        return self.account.users[comment.author_id]

    def agent_replies(  # noqa: PLR0913 - by name only, each with its default
        self,
        ticket: int,
        text: str,
        *,
        public: bool = True,
        html: str = "",
        agent: User | None = None,
        files: Sequence[tuple[str, str, bytes]] = (),
        status: str = "",
        shown: Mapping[str, Any] = MappingProxyType({"via": WEB}),
    ) -> Comment:
        """Let an agent write (`html` in place of `text`; `files` are name, type, bytes); the webhook is called.

        `shown` is what the API says of how it was written: `via`, `metadata`, `type`.
        """
        by = agent or self.agent
        lines = escape(text.replace("\r\n", "\n"), quote=False).replace("\n", "<br>")  # as the agents' editor sends
        with self.lock:
            tokens = [self._store(*file).token for file in files]
            given: dict[str, Any] = {"comment": {"html_body": html or f"<p>{lines}</p>", "public": public}}
            given["comment"]["uploads"] = tokens
            given |= {"status": status} if status else {}
            before = self.account.ticket(ticket).status
            found, _ = self.account.update(ticket, by, given)
            comment = found.comments[-1]
            comment.shown = dict(shown)
        self._tell(found, comment)
        self._tell_status(found, before)
        return comment

    def solve(self, ticket: int) -> None:
        """Let the agent solve a ticket."""
        self._by_agent(ticket, {"status": "solved"})

    def close(self, ticket: int) -> None:
        """Let an automation close a ticket, for ever."""
        self._by_agent(ticket, {"status": "closed"})

    def delete(self, ticket: int) -> None:
        """Let an agent delete a ticket (softly: the API does not find it any more)."""
        with self.lock:
            self.account.tickets[ticket].deleted = True

    def merge(self, ticket: int, into: int, *, told: str = "via", public: bool = False) -> None:
        """Merge a ticket into another: it is closed, with a private comment.

        `public`: the agent lets the other's requester see the comment there, which quotes the last one of this ticket.
        `told`: whether the audit names the target (`via`), or only the comment does (`comment`).
        """
        with self.lock:
            source = self.account.ticket(ticket)
            self.account.ticket(into)
            words = f"This request was closed and merged into request #{into} “{self.account.tickets[into].subject}”."
            given: dict[str, Any] = {"status": "closed", "comment": {"body": words, "public": False}}
            if told == "via":
                via = {"from": {}, "to": {"ticket_id": into}, "rel": "merge"}
                given["via"] = {"channel": "web", "source": via}
            source.tags.append("closed_by_merge")
            last = next((each.words for each in reversed(source.comments) if each.public), "")
            self.account.update(ticket, self.agent, given)
        if not public:
            return
        words = (
            f"Request #{ticket} was closed and merged into this request. Last comment in request #{ticket}:\n\n{last}"
        )
        via = {"channel": "web", "source": {"from": {"ticket_id": ticket}, "to": {}, "rel": "merge"}}
        self.agent_replies(into, words, shown={"via": via})

    def merge_users(self, user: int, into: int) -> None:
        """Merge a customer into another: the id dies, the tickets go over."""
        with self.lock:
            del self.account.users[user]
            for ticket in self.account.tickets.values():
                ticket.requester_id = into if ticket.requester_id == user else ticket.requester_id

    def settle(self, seconds: float = 20.0) -> bool:
        """Wait until the webhook told everything; whether it did."""
        told = [webhook for webhook in (self.webhook, self.statuses) if webhook is not None]
        return all(wait_until(webhook.settled, seconds) for webhook in told)

    def _by_agent(self, ticket: int, given: dict[str, Any]) -> None:
        with self.lock:
            before = self.account.ticket(ticket).status
            found, _ = self.account.update(ticket, self.agent, given)
        self._tell_status(found, before)

    def _tell_status(self, ticket: Ticket, before: str) -> None:
        if self.statuses is not None and ticket.status != before:
            self.statuses.tell_status(ticket, before)

    def _tell(self, ticket: Ticket, comment: Comment) -> None:
        author = self.account.users[comment.author_id]
        # The trigger's conditions as the connector's set-up asks: public, by an agent who is not Deskwire's.
        wanted = comment.public and author.role != "end-user" and author is not self.bot
        if self.webhook is not None and (self._events or wanted):
            self.webhook.tell(ticket, comment, author)

    def _store(self, name: str, kind: str, data: bytes) -> Stored:
        number = self.account.number("file")
        token = hashlib.sha256(f"{number}".encode()).hexdigest()[:24]
        stored = Stored(number, token, name, kind, data, self.clock.now())
        self.account.files[token] = stored
        return stored

    # ------------------------------------------------------------------------------------------------ rules

    def authorize(self, asked: Asked) -> Reply | None:
        """Ask for this account's host, and for the API token with its agent's e-mail, or the OAuth token."""
        host = asked.header("host")
        if host != self.host and not host.startswith("127.0.0.1:"):
            return Reply.html("<h1>There is no help desk configured at this address</h1>", 404)
        pair = f"{self.bot.email}/token:{self._api_token}".encode()
        allowed = (f"Basic {base64.b64encode(pair).decode()}", f"Bearer {self._oauth_token}")
        given = asked.header("authorization").encode()
        if any(hmac.compare_digest(given, wanted.encode()) for wanted in allowed):
            return None
        return Reply.json(401, {"error": "Couldn't authenticate you"})

    def admit(self, asked: Asked) -> Reply | None:
        """Count the requests of a minute against the plan."""
        try:
            count(self._asked, asked.at, self.requests_per_minute, 60.0)
        except Refused as refused:
            return refused.reply
        self._asked.append(asked.at)
        return None

    def decorate(self, asked: Asked, reply: Reply) -> Reply:
        """Add the rate limit's headers to the API's answers."""
        if not asked.path.startswith("/api/"):
            return reply
        left = max(0, self.requests_per_minute - len(self._asked))
        limits = {"x-rate-limit": str(self.requests_per_minute), "x-rate-limit-remaining": str(left)}
        return Reply(reply.status, reply.body, {**reply.headers, **limits})

    def unknown(self, asked: Asked) -> Reply:
        """Answer as Zendesk does for what its API does not have."""
        del asked
        return Reply.json(404, {"error": "InvalidEndpoint", "description": "Not found"})

    def _answered(self, act: Callable[[], Reply]) -> Reply:
        try:
            return act()
        except Refused as refused:
            return refused.reply

    # ---------------------------------------------------------------------------------------------- users

    @route("POST", "/api/v2/organization_memberships.json")
    def join(self, asked: Asked) -> Reply:
        """Make a user a member of an organization; the first one is their own."""
        given = (asked.json() or {}).get("organization_membership") or {}
        user, organization = self.account.users.get(given.get("user_id", 0)), given.get("organization_id")
        if user is None or organization not in self.account.records.organizations:
            return missing().reply
        if organization in user.organizations:
            return invalid("user_id", "User: has already been taken", "DuplicateValue").reply
        user.organizations.append(organization)
        shown = {"id": self.account.number("user"), "user_id": user.id, "organization_id": organization,
                 "default": organization == user.organizations[0] or None}  # fmt: skip
        return Reply.json(201, {"organization_membership": shown})

    @route("POST", "/api/v2/users/create_or_update.json")
    @route("POST", "/api/v2/users/create_or_update")
    def create_or_update(self, asked: Asked) -> Reply:
        """Make or find a user by external id (whatever its case) or e-mail."""
        given = (asked.json() or {}).get("user")
        if not isinstance(given, dict) or not given.get("name"):
            return invalid("name", "Name: is too short (minimum is 1 characters)", "ValueTooShort").reply
        wanted, email = given.get("external_id"), given.get("email")
        for user in self.account.users.values():
            same = wanted and (user.external_id or "").lower() == wanted.lower()
            if same or (email and user.email == email):
                user.name, user.external_id = given["name"], wanted or user.external_id
                user.details = given.get("details", user.details)
                return Reply.json(200, {"user": user.to_json()})
        made = self.account.person(given["name"], "end-user", email, wanted)
        made.details = given.get("details", "")
        return Reply.json(201, {"user": made.to_json()}, {"location": f"/api/v2/users/{made.id}.json"})

    @route("GET", "/api/v2/users/me.json")
    def me(self, asked: Asked) -> Reply:
        """Show whose credentials these are."""
        del asked
        return Reply.json(200, {"user": self.bot.to_json()})

    @route("GET", "/api/v2/users/search.json")
    def search_users(self, asked: Asked) -> Reply:
        """Find users by external id, or by `email:"…"` in a query (whatever the case of either)."""
        wanted = (asked.parameter("external_id") or asked.parameter("query").partition(":")[2].strip('"')).lower()
        name = "external_id" if asked.parameter("external_id") else asked.parameter("query").partition(":")[0]
        found = [user for user in self.account.users.values() if (user.to_json().get(name) or "").lower() == wanted]
        return self._page(asked, "users", [user.to_json() for user in found])

    @route("GET", "/api/v2/users/{user}/tickets/requested.json")
    def requested(self, asked: Asked, user: str) -> Reply:
        """List the tickets of one requester."""
        found = [ticket for ticket in self.tickets if str(ticket.requester_id) == user]
        return self._page(asked, "tickets", [ticket.to_json() for ticket in found])

    # -------------------------------------------------------------------------------------------- tickets

    @route("POST", "/api/v2/tickets.json")
    @route("POST", "/api/v2/tickets")
    def create(self, asked: Asked) -> Reply:
        """Create a ticket, once for each Idempotency-Key of the last two hours."""
        key = asked.header("idempotency-key")
        if len(key) > KEY_LIMIT:
            return Reply.json(400, {"error": "IdempotentRequestError", "description": "The key is too long"})
        sent, kept = hashlib.sha256(asked.body).hexdigest(), self._keys.get(key)
        if key and kept is not None and self.clock.now() - kept[2] < timedelta(hours=KEY_HOURS):
            if kept[0] != sent:
                description = "Request parameters do not match those of the request that used this key first"
                return Reply.json(400, {"error": "IdempotentRequestError", "description": description})
            return Reply(kept[1].status, kept[1].body, {**kept[1].headers, "x-idempotency-lookup": "hit"})
        reply = self._answered(lambda: self._created(asked))
        if key and reply.status == 201:
            self._keys[key] = (sent, reply, self.clock.now())
        return Reply(reply.status, reply.body, {**reply.headers, "x-idempotency-lookup": "miss"}) if key else reply

    def _created(self, asked: Asked) -> Reply:
        given = (asked.json() or {}).get("ticket")
        if not isinstance(given, dict):
            raise Refused(400, {"error": {"title": "Invalid attribute", "message": "ticket is missing"}})
        ticket, audit = self.account.create(self.bot, given)
        self._tell(ticket, ticket.comments[-1])
        headers = {"location": f"{self.account.base}/api/v2/tickets/{ticket.id}.json"}
        return Reply.json(201, {"ticket": ticket.to_json(), "audit": audit}, headers)

    @route("PUT", "/api/v2/tickets/{ticket}.json")
    def update(self, asked: Asked, ticket: str) -> Reply:
        """Update a ticket: every time, however often it is asked."""

        def act() -> Reply:
            given = (asked.json() or {}).get("ticket")
            if not isinstance(given, dict):
                raise Refused(400, {"error": {"title": "Invalid attribute", "message": "ticket is missing"}})
            found, audit = self.account.update(int(ticket), self.bot, given, limited=True)
            if given.get("comment"):
                self._tell(found, found.comments[-1])
            return Reply.json(200, {"ticket": found.to_json(), "audit": audit})

        return self._answered(act)

    @route("GET", "/api/v2/tickets.json")
    def list_tickets(self, asked: Asked) -> Reply:
        """List tickets, from the store: one just made is there."""
        wanted = asked.parameter("external_id")
        found = [ticket for ticket in self.tickets if not wanted or ticket.external_id == wanted]
        return self._page(asked, "tickets", [ticket.to_json() for ticket in found])

    @route("GET", "/api/v2/tickets/{ticket}.json")
    def show(self, asked: Asked, ticket: str) -> Reply:
        """Show a ticket."""
        del asked
        return self._answered(lambda: Reply.json(200, {"ticket": self.account.ticket(int(ticket)).to_json()}))

    @route("GET", "/api/v2/tickets/{ticket}/audits.json")
    def audits(self, asked: Asked, ticket: str) -> Reply:
        """List a ticket's audits."""
        return self._answered(lambda: self._page(asked, "audits", self.account.ticket(int(ticket)).audits))

    @route("GET", "/api/v2/tickets/{ticket}/comments.json")
    def list_comments(self, asked: Asked, ticket: str) -> Reply:
        """List a ticket's comments, with their authors where asked for."""

        def act() -> Reply:
            shown = [self._comment(comment) for comment in self.account.ticket(int(ticket)).comments]
            return self._page(asked, "comments", shown)

        return self._answered(act)

    @route("GET", "/api/v2/tickets/{ticket}/comments/count.json")
    def count_comments(self, asked: Asked, ticket: str) -> Reply:
        """Count a ticket's comments."""
        del asked

        def act() -> Reply:
            number = len(self.account.ticket(int(ticket)).comments)
            return Reply.json(200, {"count": {"value": number, "refreshed_at": stamp(self.clock.now())}})

        return self._answered(act)

    def _comment(self, comment: Comment) -> dict[str, Any]:
        event = self.account.comment_event(comment)
        return {**event, "created_at": stamp(comment.created_at), **(comment.shown or API)}

    def _page(self, asked: Asked, name: str, rows: list[dict[str, Any]]) -> Reply:
        """Answer with a page by cursor where `page[size]` is given, else by offset."""
        newest_first = asked.parameter("sort").startswith("-") or asked.parameter("sort_order") == "desc"
        rows = rows[::-1] if newest_first else list(rows)
        size = min(PAGE, int(asked.parameter("page[size]", "0") or 0))
        if not size:
            payload: dict[str, Any] = {name: rows[:PAGE], "count": len(rows), "next_page": None}
        else:
            start = int(base64.b64decode(asked.parameter("page[after]") or "MA==").decode())
            more = start + size < len(rows)
            after = base64.b64encode(str(start + size).encode()).decode() if more else None
            link = (
                f"{self.account.base}{asked.path}?page[size]={size}&page[after]={quote(after or '')}" if more else None
            )
            payload = {name: rows[start : start + size], "meta": {"has_more": more, "after_cursor": after}}
            payload["links"] = {"next": link, "prev": None}
        if asked.parameter("include") == "users":
            ids = {row["author_id"] for row in payload[name]}
            payload["users"] = [user.to_json() for user in self.account.users.values() if user.id in ids]
        return Reply.json(200, payload)

    # ---------------------------------------------------------------------------------- files, redaction

    @route("POST", "/api/v2/uploads.json")
    def upload(self, asked: Asked) -> Reply:
        """Take a file of at most 50 MB; its token lives 60 minutes and is used once."""
        name, kind = asked.parameter("filename"), asked.header("content-type")
        if not name or not kind:
            return invalid("filename", "Filename and Content-Type are needed").reply
        if len(asked.body) > 50 * 1024 * 1024:
            return Reply.json(413, {"error": "AttachmentTooLarge", "description": "Maximum allowed is 50 MB"})
        stored = self._store(name, kind, asked.body)
        attachment = stored.to_json(self.account.base)
        expires = stamp(stored.uploaded_at + timedelta(hours=1))
        upload = {"token": stored.token, "expires_at": expires, "attachment": attachment, "attachments": [attachment]}
        return Reply.json(201, {"upload": upload})

    @route("GET", "/attachments/token/{token}/", public=True)
    def attachment(self, asked: Asked, token: str) -> Reply:
        """Give a file to whoever knows its token."""
        del asked
        found = self.account.files.get(token)
        if found is None:
            return missing().reply
        return Reply(200, found.data, {"content-type": found.type, "content-security-policy": "sandbox"})

    @route("PUT", "/api/v2/comment_redactions/{comment}.json")
    def redact(self, asked: Asked, comment: str) -> Reply:
        """Replace what is between `<redact>` tags, also in closed tickets."""

        def act() -> Reply:
            given = asked.json() or {}
            if not self.agent_workspace:
                raise Refused(403, {"error": "Forbidden", "description": "Agent Workspace is not enabled"})
            found = self._found(int(given.get("ticket_id", 0)), comment)
            self.account.redact(found, str(given.get("html_body") or ""), given.get("external_attachment_urls", []))
            return Reply.json(200, {"comment": self._comment(found)})

        return self._answered(act)

    @route("PUT", "/api/v2/tickets/{ticket}/comments/{comment}/redact.json")
    def redact_text(self, asked: Asked, ticket: str, comment: str) -> Reply:
        """Replace each occurrence of a text, not in closed tickets."""

        def act() -> Reply:
            found = self._found(int(ticket), comment)
            if self.account.ticket(int(ticket)).status == "closed":
                raise invalid("status", "Status: closed prevents ticket update")
            self.account.redact_text(found, str((asked.json() or {}).get("text") or ""))
            return Reply.json(200, {"comment": self._comment(found)})

        return self._answered(act)

    def _found(self, ticket: int, comment: str) -> Comment:
        for made in self.account.ticket(ticket).comments:
            if str(made.id) == comment:
                return made
        raise missing()

    # ------------------------------------------------------------------------------------- agents' pages

    @route("GET", "/", public=True)
    @route("GET", "/agent/tickets", public=True)
    def page_of_tickets(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        return Reply.html(pages.tickets(self.account))

    @route("GET", "/agent/tickets/{ticket}", public=True)
    def page_of_ticket(self, asked: Asked, ticket: str) -> Reply:
        """Show one ticket to a person, with a box to answer in."""
        del asked
        found = self.account.tickets.get(int(ticket)) if ticket.isdecimal() else None
        return Reply.html(pages.ticket(self.account, found, self.bot)) if found else Reply.html("no such ticket", 404)

    @route("POST", "/agent/tickets/{ticket}", public=True)
    def answer_on_page(self, asked: Asked, ticket: str) -> Reply:
        """Take what a person wrote into the box."""
        form = asked.form()

        def act() -> Reply:
            if form.get("text", "").strip():
                public = form.get("kind") != "note"
                self.agent_replies(int(ticket), form["text"], public=public, status=form.get("status", ""))
            return Reply(303, b"", {"location": f"/agent/tickets/{ticket}"})

        return self._answered(act)
