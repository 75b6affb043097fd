"""A Meta app, played: its webhooks, the accounts that it is subscribed to, its login dialog, and what tokens are worth.

https://developers.facebook.com/docs/graph-api/reference/app/subscriptions/, …/page/subscribed_apps, …/debug_token and
https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow. Meta checks a webhook's
address before it takes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sandbox.neighbours.callback import accepted
from sandbox.neighbours.neighbour import Asked, Reply

LONG = 60 * 86_400  # seconds that a person's long-lived token lives


def refusal(code: int, text: str, status: int = 400) -> Reply:
    """Return an error in Graph's shape."""
    inner = {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": "AInventedTrace"}
    return Reply.json(status, {"error": inner})


@dataclass(slots=True)
class Granted:
    """What a token is worth; an end of None is never."""

    scopes: Sequence[str]
    valid: bool = True
    ends: datetime | None = None
    consent_ends: datetime | None = None


@dataclass(slots=True)
class App:
    """One app. `checks` asks a webhook's address for the challenge."""

    number: str
    secret: str
    scopes: Sequence[str]
    checks: Callable[[str, str], bool] = accepted
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # by object
    subscribed: dict[str, list[str]] = field(default_factory=dict)  # account to fields
    granted: dict[str, Granted] = field(default_factory=dict)  # tokens that differ from the usual
    pages: Callable[[], Sequence[Mapping[str, Any]]] = list  # what `/me/accounts` shows
    _codes: set[str] = field(default_factory=set)
    _people: set[str] = field(default_factory=set)  # persons' tokens
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def token(self) -> str:
        """The app's own token."""
        return f"{self.number}|{self.secret}"

    def of(self, token: str) -> Granted:
        """Return what a token is worth."""
        return self.granted.setdefault(token, Granted(self.scopes))

    # ------------------------------------------------------------------------------------------ the interface

    def subscriptions(self, asked: Asked, number: str) -> Reply:
        """Show or set the app's webhooks, to the app alone."""
        if number != self.number or bearer(asked) != self.token:
            return refusal(190, "Invalid OAuth access token signature.")
        if asked.method == "GET":
            data = [{"object": name, **webhook, "active": True} for name, webhook in self.webhooks.items()]
            return Reply.json(200, {"data": data})
        form = asked.form()
        if not self.checks(form.get("callback_url", ""), form.get("verify_token", "")):
            return refusal(
                2200, "(#2200) Callback verification failed with the following errors: HTTP Status Code = 403"
            )
        fields = [{"name": name, "version": "v26.0"} for name in form["fields"].split(",")]
        self.webhooks[form["object"]] = {"callback_url": form["callback_url"], "fields": fields}
        return Reply.json(200, {"success": True})

    def subscribed_apps(self, asked: Asked, account: str) -> Reply:
        """Show or set what an account gives the app; the list is replaced."""
        if asked.method == "POST":
            fields = asked.parameter("subscribed_fields") or asked.form().get("subscribed_fields", "")
            if not fields:
                return refusal(100, "(#100) Param subscribed_fields must be a non-empty array")
            self.subscribed[account] = fields.split(",")
            return Reply.json(200, {"success": True})
        given = self.subscribed.get(account)
        shown = {"id": self.number, "name": "Northwind Care", "link": "https://northwind.example"}
        return Reply.json(200, {"data": [] if given is None else [{**shown, "subscribed_fields": given}]})

    def debug(self, asked: Asked, known: Callable[[str], bool]) -> Reply:
        """Tell what a token is worth, to the app or to the token itself."""
        token = asked.parameter("input_token")
        if bearer(asked) not in {self.token, token}:
            return refusal(190, "Invalid OAuth access token signature.")
        worth = self.of(token)
        valid = worth.valid and (known(token) or token in self._people)
        data = {
            "app_id": self.number, "type": "PAGE", "application": "Northwind Care", "is_valid": valid,
            "expires_at": stamp(worth.ends), "data_access_expires_at": stamp(worth.consent_ends),
            "scopes": [*worth.scopes],
        }  # fmt: skip
        return Reply.json(200, {"data": data})

    def dialog(self, asked: Asked) -> Reply:
        """Let the person consent at once, and lead them back with a code."""
        if asked.parameter("client_id") != self.number or asked.parameter("response_type", "code") != "code":
            return refusal(101, "Error validating application. Invalid application ID.")
        code = f"AQ{next(self._numbers)}inventedcode"
        self._codes.add(code)
        back = {"code": code, "state": asked.parameter("state")}
        return Reply(302, b"", {"location": f"{asked.parameter('redirect_uri')}?{urlencode(back)}"})

    def exchange(self, asked: Asked) -> Reply:
        """Give a person's token for a code (once), or a long-lived one for that."""
        if (asked.parameter("client_id"), asked.parameter("client_secret")) != (self.number, self.secret):
            return refusal(1, "Error validating client secret.")
        if asked.parameter("grant_type") == "fb_exchange_token":
            if asked.parameter("fb_exchange_token") not in self._people:
                return refusal(190, "Invalid OAuth access token.")
        elif asked.parameter("code") not in self._codes or not asked.parameter("redirect_uri"):
            return refusal(100, "This authorization code has been used.")
        self._codes.discard(asked.parameter("code"))
        token = f"EAAperson{next(self._numbers)}Example"
        self._people.add(token)
        return Reply.json(200, {"access_token": token, "token_type": "bearer", "expires_in": LONG})

    def accounts(self, asked: Asked) -> Reply:
        """Show a person's pages, each with its own token; a cursor is the number of the next one."""
        if bearer(asked) not in self._people:
            return refusal(190, "Invalid OAuth access token.")
        first, size, pages = int(asked.parameter("after", "0")), int(asked.parameter("limit", "25")), [*self.pages()]
        paging: dict[str, object] = {"cursors": {"before": str(first), "after": str(first + size)}}
        if first + size < len(pages):
            paging["next"] = f"https://graph.facebook.com/v25.0/me/accounts?after={first + size}"
        return Reply.json(200, {"data": pages[first : first + size], "paging": paging})


def bearer(asked: Asked) -> str:
    """Return the token that a request carries."""
    return asked.header("authorization").removeprefix("Bearer ") or asked.parameter("access_token")


def stamp(moment: datetime | None) -> int:
    """Return a time as `debug_token` writes it; 0 is never."""
    return 0 if moment is None else int(moment.timestamp())
