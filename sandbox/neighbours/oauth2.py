"""OAuth 2.0's authorization code, as a platform plays it: a login page that consents at once, and codes good once.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1 and https://www.rfc-editor.org/rfc/rfc7636#section-4
"""

from __future__ import annotations

import hashlib
import re
import secrets as random
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from .neighbour import Asked, Clock, Reply


@dataclass(frozen=True, slots=True)
class _Code:
    redirect: str
    challenge: str
    scope: str
    until: datetime


@dataclass(slots=True)
class Login:
    """The login page of one app. `refusal` is the error that the person is led back with instead of a code.

    `withheld` are scopes that the person does not consent to. A code lives for `lives`.
    """

    client: Mapping[str, str]  # client_id and client_secret
    clock: Clock
    lives: timedelta = timedelta(minutes=10)
    refusal: str = ""
    withheld: frozenset[str] = frozenset()
    _codes: dict[str, _Code] = field(default_factory=dict)

    def page(self, asked: Asked) -> Reply:
        """Lead the person back, with a code or a refusal."""
        given = {name: asked.parameter(name) for name in ("client_id", "redirect_uri", "response_type", "scope")}
        if given["client_id"] != self.client["client_id"] or given["response_type"] != "code" or "" in given.values():
            return Reply.html("<!doctype html><title>Access blocked</title>", 400)
        if asked.parameter("code_challenge") and asked.parameter("code_challenge_method") != "S256":
            return Reply.html("<!doctype html><title>Access blocked</title>", 400)
        back = {"state": asked.parameter("state")}
        if self.refusal:
            back |= {"error": self.refusal, "error_description": "as the platform words it"}
        else:
            scope = " ".join(each for each in re.split(r"[\s,]+", given["scope"]) if each not in self.withheld)
            until = self.clock.now() + self.lives
            back["code"] = f"4/0A{random.token_urlsafe(16)}"
            self._codes[back["code"]] = _Code(given["redirect_uri"], asked.parameter("code_challenge"), scope, until)
        return Reply(302, b"", {"location": f"{given['redirect_uri']}?{urlencode(back)}"})

    def taken(self, fields: Mapping[str, str]) -> str | None:
        """Return the scopes of a code that is exchanged, once; None when it is none, or not for this."""
        found = self._codes.pop(fields.get("code", ""), None)
        if found is None or found.until < self.clock.now() or found.redirect != fields.get("redirect_uri"):
            return None
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if found.challenge and found.challenge != urlsafe_b64encode(digest).decode().rstrip("="):
            return None
        return found.scope
