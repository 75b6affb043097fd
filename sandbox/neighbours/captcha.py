"""Turnstile and hCaptcha, played: both check tokens at their own path of one server.

A token is made by the widget's script (`/turnstile/v0/api.js`, for a browser), by `solve` (for a scripted visitor) or
by the connector's own rule. Either is checked as the documentation says: once, in its time, under the right secret.
https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
"""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from deskwire.model.secret import Secret
from deskwire.verification.captcha import PROVIDERS, played_token
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

HOSTS = ("challenges.cloudflare.com", "api.hcaptcha.com")
TURNSTILE_LIFE = 300  # seconds
HCAPTCHA_LIFE = 120  # seconds; said by others only
WIDGET = """
window.turnstile = {
  render(place, options) {
    const box = typeof place === "string" ? document.querySelector(place) : place;
    const solve = async () => {
      const query = new URLSearchParams({ sitekey: options.sitekey, action: options.action || "" });
      const answer = await fetch(new URL("challenge?" + query, "ADDRESS/turnstile/v0/"));
      box.textContent = "✓ played captcha";
      options.callback((await answer.json()).token);
    };
    box.solve = solve;
    solve();
    return box;
  },
  reset(box) { box.solve(); },
};
"""


@dataclass(frozen=True, slots=True)
class Site:
    """One widget: its public key and its secret."""

    sitekey: str
    secret: str


class Captchas(Neighbour):
    """The two providers. Times are the clock's; leave it real, because receive's own is."""

    name: ClassVar[str] = "captcha"

    def __init__(self, *sites: Site, clock: Clock | None = None, port: int = 0) -> None:
        """Know these widgets."""
        super().__init__(clock, port=port)
        self._sites = {site.secret: site for site in sites}
        self._used: dict[str, str] = {}  # token -> the idempotency key it was first checked with

    def authorize(self, asked: Asked) -> Reply | None:
        """Let anybody ask: the secret is in the body."""
        del asked
        return None

    def solve(self, sitekey: str, hostname: str, action: str = "contact") -> str:
        """Return a token as the widget of a page on `hostname` gets it."""
        site = next(site for site in self._sites.values() if site.sitekey == sitekey)
        return played_token(Secret(site.secret), hostname, action, self.clock.now())

    @route("POST", "/turnstile/v0/siteverify")
    def turnstile(self, asked: Asked) -> Reply:
        """Check a token of Turnstile's, sent as a form or as JSON."""
        fields = asked.json() if "json" in asked.header("content-type") else asked.form()
        if not isinstance(fields, dict):
            return _no("bad-request")
        longest = PROVIDERS["turnstile"].longest
        return self._checked(fields, TURNSTILE_LIFE, "timeout-or-duplicate", longest=longest)

    @route("POST", "/siteverify")
    def hcaptcha(self, asked: Asked) -> Reply:
        """Check a token of hCaptcha's; it does not read JSON."""
        fields = asked.form() if "x-www-form-urlencoded" in asked.header("content-type") else {}
        reply = self._checked({**fields, "idempotency_key": ""}, HCAPTCHA_LIFE, "invalid-or-already-seen-response")
        body = json.loads(reply.body)
        body.pop("action", None)
        return Reply.json(200, body)

    def _checked(self, fields: dict[str, Any], life: int, again: str, *, longest: int = 65536) -> Reply:
        secret, token = str(fields.get("secret", "")), str(fields.get("response", ""))
        if not secret or not token:
            return _no("missing-input-secret" if not secret else "missing-input-response")
        site = self._sites.get(secret)
        if site is None:
            return _no("invalid-input-secret")
        if fields.get("sitekey", site.sitekey) != site.sitekey:
            return _no("sitekey-secret-mismatch")
        solved = opened(secret, token) if len(token) <= longest else None
        if solved is None:
            return _no("invalid-input-response")
        check = str(fields.get("idempotency_key") or "")
        seen = self._used.get(token)
        if self.clock.now().timestamp() - solved["at"] > life or (seen is not None and (not check or seen != check)):
            return _no(again)
        self._used[token] = check
        moment = datetime.fromtimestamp(solved["at"], UTC).isoformat(timespec="milliseconds")
        return Reply.json(
            200,
            {
                "success": True,
                "challenge_ts": moment.replace("+00:00", "Z"),
                "hostname": solved["hostname"],
                "error-codes": [],
                "action": solved["action"],
                "cdata": "",
                "metadata": {"interactive": False},
            },
        )

    @route("GET", "/turnstile/v0/api.js")
    def script(self, asked: Asked) -> Reply:
        """Serve the widget's script: it is solved by itself."""
        del asked
        script = WIDGET.replace("ADDRESS", self.address).encode()
        return Reply(200, script, {"content-type": "text/javascript; charset=utf-8"})

    @route("GET", "/turnstile/v0/challenge")
    def challenge(self, asked: Asked) -> Reply:
        """Answer the widget with a token for the page that asks."""
        origin = asked.header("origin")
        token = self.solve(asked.parameter("sitekey"), urlsplit(origin).hostname or "", asked.parameter("action"))
        return Reply.json(200, {"token": token}, {"access-control-allow-origin": origin})


def _no(code: str) -> Reply:
    return Reply.json(200, {"success": False, "error-codes": [code], "messages": []})


def opened(secret: str, token: str) -> dict[str, Any] | None:
    """Return what a played token says; None when it was not made under this secret."""
    kind, _, rest = token.partition(".")
    content, _, mark = rest.partition(".")
    wanted = hmac.digest(secret.encode(), content.encode(), "sha256").hex()
    if kind != "played" or not hmac.compare_digest(mark.encode(), wanted.encode()):
        return None
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(content))
    return found
