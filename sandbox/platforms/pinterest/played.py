"""Pinterest, played: an ad account with a lead form, and its subscriptions to leads.

https://github.com/pinterest/api-description (5.23.0). What a lead looks like beyond its ids is unconfirmed: here it is
what `Sealed.sign` makes of the answers.
"""

from __future__ import annotations

import base64
import html
import itertools
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.neighbours.oauth2 import Login

HOST, LOGIN_HOST = "api.pinterest.com", "www.pinterest.com"
FORM, AD = "612004417790015533", "880015522034"
# The form's questions, as the interface names them; the last one is the advertiser's own.
QUESTIONS: tuple[dict[str, str], ...] = (
    {"question_type": "FULL_NAME"},
    {"question_type": "EMAIL"},
    {"question_type": "CUSTOM", "custom_question_label": "What would you like to know?"},
)
LARGEST = 250  # rows a page
CLIENT = {"client_id": "demo-app-31", "client_secret": "demo-secret-31-pinterest"}
ACCESS, REFRESH = timedelta(days=30), timedelta(days=60)
HOOKS = ("https://", "http://127.0.0.1:")  # the latter is the sandbox's own address


def refused(status: int, code: int, message: str) -> Reply:
    """Return a refusal."""
    return Reply.json(status, {"code": code, "message": message})


def paged(asked: Asked, found: Sequence[Mapping[str, Any]]) -> Reply:
    """Return the page of a list that is asked for."""
    size, start = (asked.query.get(name, [""])[0] for name in ("page_size", "bookmark"))
    if not (size or "25").isdecimal() or not 0 < int(size or 25) <= LARGEST or not (start or "0").isdecimal():
        return refused(400, 1, "Parameters are invalid.")
    first, last = int(start or 0), int(start or 0) + int(size or 25)
    return Reply.json(200, {"items": found[first:last], "bookmark": str(last) if last < len(found) else None})


class Pinterest(Neighbour):
    """One ad account, which a token of its owner opens, and the app in whose name that token is got."""

    name: ClassVar[str] = "pinterest"

    def __init__(self, account: str, token: str, key: str, *, clock: Clock | None = None) -> None:
        """Play the account; `key` is what its next subscription's leads are sealed with."""
        super().__init__(clock)
        self.account = account
        self.key = key
        self.leads: list[dict[str, Any]] = []
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.tell: Callable[[dict[str, Any]], object] | None = None  # is given a lead that the interface made
        self.client = dict(CLIENT)
        self.login = Login(self.client, self.clock)
        # What the person who signs in may see: each ad account's name, and their roles in it.
        self.shown: dict[str, tuple[str, list[str]]] = {account: ("Northwind", ["OWNER"])}
        self.refreshes = True  # whether the app gets refresh tokens
        self._tokens = {token: datetime.max.replace(tzinfo=self.clock.now().tzinfo)}
        self._refreshing: dict[str, datetime] = {}
        self._numbers = itertools.count(1029384756001)
        self._ids = itertools.count(8078432025948590001)

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the owner's token."""
        until = self._tokens.get(asked.header("authorization").removeprefix("Bearer "))
        known = until is not None and until > self.clock.now()
        return None if known else refused(401, 2, "Authentication failed.")

    def consents(self) -> str:
        """Return a refresh token, as the consent of the ad account's owner gives it."""
        token = f"pinr.{random.token_hex(16)}"
        self._refreshing[token] = self.clock.now() + REFRESH
        return token

    def expire(self) -> None:
        """Void every access token."""
        with self.lock:
            self._tokens.clear()

    # ------------------------------------------------------------------------------------------------- the sign-in

    @route("GET", "/oauth/", public=True)
    def dialog(self, asked: Asked) -> Reply:
        """Let a person sign in."""
        return self.login.page(asked)

    @route("POST", "/v5/oauth/token", public=True)
    def token(self, asked: Asked) -> Reply:
        """Give tokens for a code or a refresh token; the latter is replaced at each use."""
        fields, now = asked.form(), self.clock.now()
        app = f"{self.client['client_id']}:{self.client['client_secret']}"
        if asked.header("authorization") != f"Basic {base64.b64encode(app.encode()).decode()}":
            return refused(401, 2, "Authentication failed.")
        scope: str | None = "ads:read ads:write"
        if fields.get("grant_type") == "authorization_code":
            scope = self.login.taken(fields)
        elif self._refreshing.pop(fields.get("refresh_token", ""), now) <= now:
            scope = None
        if scope is None:
            return refused(401, 2, "Authentication failed.")
        access = f"pina_{random.token_hex(16)}"
        self._tokens[access] = now + ACCESS
        told: dict[str, Any] = {
            "access_token": access, "response_type": fields["grant_type"], "token_type": "bearer", "scope": scope,
            "expires_in": int(ACCESS.total_seconds()),
        }  # fmt: skip
        # `continuous_refresh` is for apps from before 2025-09-25, as this one is; the other kind is no longer given.
        if self.refreshes and (fields["grant_type"] == "refresh_token" or fields.get("continuous_refresh") == "true"):
            told |= {"refresh_token": self.consents(), "refresh_token_expires_in": int(REFRESH.total_seconds())}
        return Reply.json(200, told)

    @route("GET", "/v5/ad_accounts")
    def accounts(self, asked: Asked) -> Reply:
        """List the ad accounts that the person has access to."""
        rows = [{"id": number, "name": name, "permissions": roles} for number, (name, roles) in self.shown.items()]
        return paged(asked, rows)

    # ------------------------------------------------------------------------------------- subscriptions and leads

    def submits(self, answers: Sequence[str], *, test: bool = False) -> dict[str, Any]:
        """Let somebody answer the form's questions in their order; return the lead before it is sealed.

        A test names no advertisement (an assumption: no source says what it looks like).
        """
        with self.lock:
            told = [{**question, "answer": answer} for question, answer in zip(QUESTIONS, answers, strict=True)]
            ids = {"advertiser_id": self.account, "lead_form_id": FORM, **({} if test else {"ad_id": AD})}
            lead = {**ids, "lead_id": str(next(self._numbers)), "answers": told}
            self.leads.append(lead)
        return lead

    @route("GET", "/v5/ad_accounts/{account}/leads/subscriptions")
    def listed(self, asked: Asked, account: str) -> Reply:
        """List the subscriptions, a page at a time."""
        if account != self.account:
            return refused(403, 29, "You are not permitted to access that resource.")
        return paged(asked, list(self.subscriptions.values()))

    @route("POST", "/v5/ad_accounts/{account}/leads/subscriptions")
    def subscribe(self, asked: Asked, account: str) -> Reply:
        """Make the one subscription of the ad account, or of a form. How a second one is refused is unconfirmed."""
        body = asked.json()
        url, form = (body.get("webhook_url"), body.get("lead_form_id")) if isinstance(body, dict) else (None, None)
        if account != self.account:
            return refused(403, 29, "You are not permitted to access that resource.")
        if not isinstance(url, str) or not url.startswith(HOOKS) or form not in {None, FORM}:
            return refused(400, 1, "Parameters are invalid.")
        if any(each["lead_form_id"] == form for each in self.subscriptions.values()):
            return refused(400, 4, "There is a subscription already.")
        made = {
            "id": str(next(self._ids)), "ad_account_id": account, "user_account_id": "730044120902",
            "lead_form_id": form, "webhook_url": url, "api_version": "v5", "cryptographic_algorithm": "AES-256-GCM",
            "cryptographic_key": self.key, "created_time": int(self.clock.now().timestamp() * 1000),
        }  # fmt: skip
        self.subscriptions[str(made["id"])] = made
        return Reply.json(200, made)

    @route("DELETE", "/v5/ad_accounts/{account}/leads/subscriptions/{subscription}")
    def unsubscribe(self, asked: Asked, account: str, subscription: str) -> Reply:
        """End a subscription."""
        del asked
        if account != self.account or self.subscriptions.pop(subscription, None) is None:
            return refused(404, 50, "Subscription not found.")
        return Reply(204)

    @route("POST", "/v5/ad_accounts/{account}/lead_forms/{form}/test")
    def test(self, asked: Asked, account: str, form: str) -> Reply:
        """Make a lead of answers in the order of the questions, for the subscription that gets the form's leads."""
        body = asked.json()
        answers = body.get("answers") if isinstance(body, dict) else None
        if account != self.account or form != FORM:
            return refused(404, 50, "Lead form not found.")
        if (
            not isinstance(answers, list)
            or len(answers) != len(QUESTIONS)
            or not all(isinstance(a, str) for a in answers)
        ):
            return refused(400, 1, "Parameters are invalid.")
        found = [each for each in self.subscriptions.values() if each["lead_form_id"] in {None, form}]
        if not found:
            return refused(404, 50, "Subscription not found.")
        lead = self.submits(answers, test=True)
        if self.tell is not None:
            self.tell(lead)
        return Reply.json(200, {"subscription_id": found[0]["id"]})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show the leads to a person, as Ads Manager does."""
        del asked
        lines = (" · ".join(answer["answer"] for answer in lead["answers"]) for lead in self.leads)
        shown = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        return Reply.html(f'<!doctype html><html lang="en"><title>Pinterest lead ads</title>{shown}</html>')
