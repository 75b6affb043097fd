"""LinkedIn, played: pages, their posts and members' posts, comments in two levels, notifications, tokens.

What happens there returns the notification to deliver. A poll gets it without the words, as the sample of LinkedIn's
page shows it. https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api
"""

from __future__ import annotations

import hashlib
import hmac
import html
import itertools
import json
import re
import secrets as random
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.neighbours.oauth2 import Login

HOSTS = ("api.linkedin.com", "www.linkedin.com")
# Every five minutes for eight hours.
# https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications
SCHEDULE: tuple[float, ...] = (300.0,) * 96
BATCH = 10
LONGEST = 1250  # UTF-16 units
VERSION = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])")
TAKEN = frozenset({"actor", "object", "message", "parentComment"})
COMMENT = re.compile(r"urn:li:comment:\((urn:li:activity:[0-9]+|urn:li:share:[0-9]+),([0-9]+)\)")
RANGE = re.compile(r"\(end:([0-9]+),start:([0-9]+)\)")


@dataclass(frozen=True, slots=True)
class Post:
    """A post: one thing with two names."""

    activity: str
    share: str
    owner: str
    text: str


@dataclass(slots=True)
class Comment:
    """A comment on a post, maybe below another; `ours`: a page wrote it through the API."""

    number: str
    post: Post
    owner: str
    text: str
    at: datetime
    below: str = ""
    ours: bool = False
    gone: bool = False

    @property
    def urn(self) -> str:
        """The comment's name."""
        return f"urn:li:comment:(urn:li:activity:{self.post.activity},{self.number})"


class LinkedIn(Neighbour):
    """LinkedIn with some pages. `client` is the app that reads and answers there, with its administrator's consent."""

    name: ClassVar[str] = "linkedin"

    def __init__(
        self, client: Mapping[str, str], pages: Sequence[str], *, clock: Clock | None = None, port: int = 0
    ) -> None:
        """Take the app's `client_id`, `client_secret` and `refresh_token`, and the pages' URNs."""
        super().__init__(clock, port=port)
        self.client = dict(client)
        self.pages = tuple(pages)
        self.comments: dict[str, Comment] = {}
        self.posts: dict[str, Post] = {}
        self.notified: list[dict[str, Any]] = []
        self.echo: Callable[[dict[str, Any]], None] = lambda _notice: None
        self.throttled = False  # too many comments in this minute
        self.subscriptions: dict[str, str] = {}  # key to address
        # Whether the developer portal took an address. A person enters it there; here they do when it is first named.
        self.checks: Callable[[str], bool] = self.challenge
        self.login = Login(self.client, self.clock, lives=timedelta(minutes=30))
        self.refreshes = True  # whether LinkedIn gives this app refresh tokens
        self.administrator = "adm1nInvented"  # who signs in
        self.names: dict[str, str] = {}  # of pages
        self._refreshing = {self.client["refresh_token"]}
        self.consent_ends = self.clock.now() + timedelta(days=365)
        self._tokens: dict[str, datetime] = {}
        self._numbers = itertools.count(7_360_000_000_000_001_001)
        self._notices = itertools.count(900_000_500_001)

    # -------------------------------------------------------------------------------------------- tokens and limits

    @route("POST", "/oauth/v2/accessToken", public=True)
    def token(self, asked: Asked) -> Reply:
        """Give an access token of 60 days for a code, or for a refresh token, which stays the same."""
        fields, scope = asked.form(), None
        if any(fields.get(name) != self.client[name] for name in ("client_id", "client_secret")):
            return Reply.json(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        refresh = fields.get("refresh_token", "")
        if fields.get("grant_type") == "authorization_code":
            scope = self.login.taken(fields)
            if scope is None:
                return Reply.json(400, {"error": "invalid_request", "error_description": "authorization code expired"})
            refresh = f"AQX{random.token_hex(16)}" if self.refreshes else ""
            self._refreshing.add(refresh)
        elif fields.get("grant_type") != "refresh_token":
            return Reply.json(400, {"error": "unsupported_grant_type"})
        elif refresh not in self._refreshing:
            return Reply.json(400, {"error": "invalid_request", "error_description": "refresh token is invalid"})
        token = f"AQV{random.token_hex(16)}"
        self._tokens[token] = self.clock.now() + timedelta(days=60)
        told: dict[str, Any] = {"access_token": token, "expires_in": 5184000}
        if refresh:
            told |= {"refresh_token": refresh, "refresh_token_expires_in": 31536000}
        return Reply.json(200, told | ({"scope": scope.replace(" ", ",")} if scope else {}))

    @route("GET", "/oauth/v2/authorization", public=True)
    def dialog(self, asked: Asked) -> Reply:
        """Let a page's administrator sign in."""
        return self.login.page(asked)

    @route("GET", "/rest/organizationAcls")
    def administered(self, asked: Asked) -> Reply:
        """List the pages of the person whose token it is."""
        if (asked.parameter("q"), asked.parameter("role")) != ("roleAssignee", "ADMINISTRATOR"):
            return _error(400, "ILLEGAL_ARGUMENT")
        role = {
            "roleAssignee": f"urn:li:person:{self.administrator}",
            "role": "ADMINISTRATOR",
            "state": "APPROVED",
        }
        first, size = (int(asked.parameter(name, otherwise)) for name, otherwise in (("start", "0"), ("count", "10")))
        shown = [{**role, "organization": page} for page in [*self.pages][first : first + size]]
        return Reply.json(200, {"elements": shown, "paging": {"start": first, "count": size, "links": []}})

    @route("GET", "/rest/organizations/{number}")
    def organization(self, asked: Asked, number: str) -> Reply:
        """Show a page."""
        del asked
        name = self.names.get(f"urn:li:organization:{number}")
        return _error(404, "NOT_FOUND") if name is None else Reply.json(200, {"id": number, "localizedName": name})

    @route("POST", "/oauth/v2/introspectToken", public=True)
    def introspect(self, asked: Asked) -> Reply:
        """Tell when a token ends."""
        fields = asked.form()
        if any(fields.get(name) != self.client[name] for name in ("client_id", "client_secret")):
            return _error(401, "INVALID_CLIENT")
        token = fields.get("token", "")
        good = (token in self._refreshing or token in self._tokens) and self.consent_ends > self.clock.now()
        told = {"active": good, "status": "active" if good else "expired"}
        return Reply.json(200, {**told, "expires_at": int(self.consent_ends.timestamp()), "auth_type": "3L"})

    @route("GET", "/rest/eventSubscriptions/{key}")
    @route("PUT", "/rest/eventSubscriptions/{key}")
    def subscription(self, asked: Asked, key: str) -> Reply:
        """Show a page's subscription, or make one."""
        if asked.method == "PUT":
            url = str((asked.json() or {}).get("webhook", ""))
            if url not in self.subscriptions.values() and not self.checks(url):
                return _error(400, "INVALID_WEBHOOK")
            self.subscriptions[key] = url
            return Reply(204)
        if key not in self.subscriptions:
            return _error(404, "NOT_FOUND")
        ends = int(self.consent_ends.timestamp() * 1000)
        return Reply.json(200, {"webhook": self.subscriptions[key], "expiresAt": ends})

    def authorize(self, asked: Asked) -> Reply | None:
        """Ask for a token that still holds, and for the headers of every call."""
        until = self._tokens.get(asked.header("authorization").removeprefix("Bearer "))
        if until is None or until < self.clock.now():
            return _error(401, "INVALID_ACCESS_TOKEN")
        if not VERSION.fullmatch(asked.header("linkedin-version")):
            return _error(400, "VERSION_MISSING")
        if asked.header("x-restli-protocol-version") != "2.0.0":
            return _error(400, "ILLEGAL_ARGUMENT")
        return None

    def revoke(self) -> None:
        """Void every access token, as asking for other permissions does."""
        with self.lock:
            self._tokens.clear()

    def challenge(self, address: str) -> bool:
        """Check an address as when it is registered, and every two hours after; return whether it is accepted.

        LinkedIn waits for three seconds. Here it waits for as long as an emulated AWS on a busy machine may need.
        """
        code = str(uuid.uuid4())
        with urllib.request.urlopen(f"{address}?challengeCode={code}", timeout=60) as answer:  # noqa: S310 - loopback
            given, kind = json.loads(answer.read()), answer.headers.get_content_type()
        wanted = hmac.new(self.client["client_secret"].encode(), code.encode(), hashlib.sha256).hexdigest()
        return bool(kind == "application/json" and given == {"challengeCode": code, "challengeResponse": wanted})

    # ------------------------------------------------------------------------------------------------ what happens

    def publishes(self, owner: str, text: str) -> Post:
        """Let a page or a member post."""
        with self.lock:
            share, activity = str(next(self._numbers)), str(next(self._numbers))
            post = Post(activity, share, owner, text)
            self.posts |= {f"urn:li:share:{share}": post, f"urn:li:activity:{activity}": post}
            return post

    def writes(self, post: Post, owner: str, text: str, below: str = "", *, words: bool = True) -> dict[str, Any]:
        """Let somebody comment; return the notification, with the words or without."""
        with self.lock:
            made = self._comment(post, owner, text, below)
            notice = self._notice("ADMIN_COMMENT" if owner in self.pages else "COMMENT", made)
            return notice if words else _bare(notice)

    def rewrites(self, number: str, text: str) -> dict[str, Any]:
        """Let somebody change a comment."""
        with self.lock:
            self.comments[number].text = text
            return self._notice("COMMENT_EDIT", self.comments[number])

    def deletes(self, number: str) -> dict[str, Any]:
        """Let somebody take a comment back; the notification names nobody."""
        with self.lock:
            self.comments[number].gone = True
            return _bare(self._notice("COMMENT_DELETE", self.comments[number]))

    def mentions(self, page: str, owner: str, text: str) -> dict[str, Any]:
        """Let a member mention a page in a post of theirs."""
        with self.lock:
            post = self.publishes(owner, text)
            share = {"entity": f"urn:li:share:{post.share}", "owner": owner, "text": text}
            return self._told("SHARE_MENTION", page, post, f"urn:li:share:{post.share}", {"share": share}, source=False)

    def likes(self, post: Post, owner: str) -> dict[str, Any]:
        """Let somebody like a page's post."""
        with self.lock:
            return self._told("LIKE", post.owner, post, f"urn:li:like:({owner},urn:li:activity:{post.activity})", {})

    def _comment(self, post: Post, owner: str, text: str, below: str) -> Comment:
        root = self.comments[below].below or below if below else ""
        made = Comment(str(next(self._numbers)), post, owner, text, self.clock.now(), root)
        self.comments[made.number] = made
        return made

    def _notice(self, action: str, about: Comment) -> dict[str, Any]:
        activity = about.post.activity
        comment = {
            "owner": about.owner,
            "text": about.text,
            "entity": about.urn,
            "object": f"urn:li:activity:{activity}",
        }
        page = about.post.owner if about.post.owner in self.pages else about.owner
        short = f"urn:li:comment:(activity:{activity},{about.number})"
        return self._told(action, page, about.post, short, {"comment": comment})

    def _told(
        self, action: str, page: str, post: Post, generated: str, decorated: dict[str, Any], *, source: bool = True
    ) -> dict[str, Any]:
        notice: dict[str, Any] = {
            "notificationId": next(self._notices), "organizationalEntity": page, "action": action,
            "sourcePost": f"urn:li:activity:{post.activity}", "generatedActivity": generated,
            "lastModifiedAt": int(self.clock.now().timestamp() * 1000), "subscriber": "urn:li:person:adm1nInvented",
        }  # fmt: skip
        self.notified.append(notice)
        shown = {
            "owner": post.owner,
            "text": post.text,
            "entity": f"urn:li:share:{post.share}",
            "mediaCategory": "NONE",
        }
        more = {"decoratedSourcePost": shown} if source else {}
        return {**notice, **more, **({"decoratedGeneratedActivity": decorated} if decorated else {})}

    # ------------------------------------------------------------------------------------------------ the interface

    @route("GET", "/rest/socialActions/{urn}/comments/{number}")
    def read(self, asked: Asked, urn: str, number: str) -> Reply:
        """Return one comment of a post."""
        del asked
        found = self.comments.get(number)
        if found is None or found.gone or self.posts.get(urn) != found.post:
            return _error(404, "NOT_FOUND")
        return Reply.json(200, _shown(found))

    @route("GET", "/rest/socialActions/{urn}/comments")
    def listed(self, asked: Asked, urn: str) -> Reply:
        """Return the comments of a post, or below a comment."""
        start, count = (int(asked.parameter(name, given)) for name, given in (("start", "0"), ("count", "10")))
        post, root = self._place(urn)
        found = [each for each in self.comments.values() if each.post == post and each.below == root and not each.gone]
        paging = {"start": start, "count": count, "links": [], "total": len(found)}
        return Reply.json(200, {"paging": paging, "elements": [_shown(each) for each in found[start : start + count]]})

    @route("POST", "/rest/socialActions/{urn}/comments")
    def comment(self, asked: Asked, urn: str) -> Reply:
        """Take a page's comment, on a post or below a comment of the first level."""
        body = asked.json()
        if self.throttled:
            return _error(429, "TOO_MANY_REQUESTS", "Comment create throttled: creation rate limit exceeded for member")
        if not isinstance(body, dict) or not body.keys() <= TAKEN:
            return _error(403, "ACCESS_DENIED", "Unpermitted fields present in REQUEST_BODY")
        text = body["message"].get("text") if isinstance(body.get("message"), dict) else None
        if not isinstance(text, str) or not 0 < len(text.encode("utf-16-le")) // 2 <= LONGEST:
            return _error(400, "ILLEGAL_ARGUMENT")
        if body.get("actor") not in self.pages:
            return _error(403, "ACCESS_DENIED")
        post, root = self._place(urn)
        if post is None or (root and self.comments[root].gone):
            return _error(404, "NOT_FOUND")
        parent = body.get("parentComment", "")
        named = COMMENT.fullmatch(parent) if parent else None
        if self.posts.get(str(body.get("object"))) != post or (named[2] if named else "") != root:
            return _error(400, "ILLEGAL_ARGUMENT")
        made = self._comment(post, str(body["actor"]), text, root)
        made.ours = True
        self.echo(self._notice("ADMIN_COMMENT", made))
        return Reply.json(201, {**_shown(made), "commentUrn": made.urn}, {"x-restli-id": made.number})

    @route("GET", "/rest/posts/{urn}")
    def post(self, asked: Asked, urn: str) -> Reply:
        """Return a page's post; a member's is not shown."""
        del asked
        found = self.posts.get(urn)
        if found is None:
            return _error(404, "NOT_FOUND")
        if found.owner not in self.pages:
            return _error(403, "ACCESS_DENIED", f"member is unauthorized on {urn}")
        return Reply.json(200, {"id": urn, "author": found.owner, "commentary": found.text})

    @route("GET", "/rest/organizationalEntityNotifications")
    def notifications(self, asked: Asked) -> Reply:
        """Return what happened at a page within a time, without words."""
        wanted, within = asked.parameter("actions"), RANGE.fullmatch(asked.parameter("timeRange"))
        if asked.parameter("q") != "criteria" or not wanted.startswith("List(") or within is None:
            return _error(400, "ILLEGAL_ARGUMENT")
        start, count = (int(asked.parameter(name, given)) for name, given in (("start", "0"), ("count", "10")))
        page, actions = asked.parameter("organizationalEntity"), wanted[5:-1].split(",")
        found = [
            each for each in self.notified
            if each["organizationalEntity"] == page and each["action"] in actions
            and int(within[2]) <= each["lastModifiedAt"] <= int(within[1])
        ]  # fmt: skip
        return Reply.json(200, {"paging": {"start": start, "count": count}, "elements": found[start : start + count]})

    def _place(self, urn: str) -> tuple[Post | None, str]:
        """Return the post, and the number of the comment of the first level that a URN names."""
        named = COMMENT.fullmatch(urn)
        if named is None:
            return self.posts.get(urn), ""
        found = self.comments.get(named[2])
        return (None, "") if found is None or found.below else (found.post, found.number)

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every post with its comments to a person."""
        del asked
        parts = []
        for post in {id(post): post for post in self.posts.values()}.values():
            said = [each for each in self.comments.values() if each.post == post and not each.gone]
            lines = "".join(
                f'<p dir="auto" style="margin-left:{2 if each.below else 1}em"><b>{html.escape(each.owner)}</b> '
                f"{html.escape(each.text)}</p>"
                for root in said
                if not root.below
                for each in (root, *(other for other in said if other.below == root.number))
            )
            parts.append(f'<h2 dir="auto">{html.escape(post.text)}</h2>{lines}')
        return Reply.html(f'<!doctype html><html lang="en"><title>LinkedIn</title>{"".join(parts)}</html>')


def bundle(fragments: Sequence[Any]) -> bytes:
    """Return the body of one delivery."""
    told = {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": list(fragments)}
    return json.dumps(told, ensure_ascii=False).encode()


def _bare(notice: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in notice.items() if name != "decoratedGeneratedActivity"}


def _shown(found: Comment) -> dict[str, Any]:
    stamp = {"actor": found.owner, "time": int(found.at.timestamp() * 1000)}
    post = f"urn:li:activity:{found.post.activity}"
    parent = {"parentComment": f"urn:li:comment:({post},{found.below})"} if found.below else {}
    return {
        "id": found.number, "$URN": found.urn, "actor": found.owner, "object": post, "created": stamp,
        "lastModified": stamp, "message": {"attributes": [], "text": found.text}, **parent,
    }  # fmt: skip


def _error(status: int, code: str, message: str = "") -> Reply:
    return Reply.json(status, {"status": status, "code": code, "message": message or code.replace("_", " ").lower()})
