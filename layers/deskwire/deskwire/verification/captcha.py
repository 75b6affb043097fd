"""The rule for a public web form: the page's origin, and a captcha's token in the body.

There is no signature; the body is whatever the visitor's browser sent. The token is checked with its provider
immediately, because it is valid once, for minutes. Only if the provider cannot be reached (no answer, a 5xx) is the
request accepted without, with the fact `captcha: unavailable`: the channel then sends nothing automatic. Any other
answer but a clear yes is a refusal, because a stranger could craft a token that provokes it. Turnstile:
https://developers.cloudflare.com/turnstile/get-started/server-side-validation/ hCaptcha: https://docs.hcaptcha.com
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deskwire.model.errors import ConfigurationError, PayloadError, SignatureError, TemporaryError
from deskwire.model.values import dataclass, replace
from deskwire.web.reading import Node, read
from deskwire.web.rest import Call

from .rule import UNAVAILABLE, Context, Verification

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

PASSED = "passed"
TIMEOUT = 2.0  # seconds; a visitor waits
# Not `sitekey-secret-mismatch`: a token of another site brings it about, and a stranger must ring nobody.
OURS_TO_MEND = frozenset({"missing-input-secret", "invalid-input-secret"})
# No provider documents its alphabet. Seen are base64url with dots, and `XXXX.DUMMY.TOKEN.XXXX` of Turnstile's tests.
TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]+")
# Where the browser tells hCaptcha no referrer (in-app browsers, privacy settings); the words are seen, not documented.
UNNAMED = frozenset({"", "not-provided"})
# As browsers write it: in lower case, with a port only where it is not the scheme's own, and `null` never allowed.
# https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
ORIGIN = re.compile(r"(?:https://[a-z0-9.-]+(?::(?!443$)[0-9]{1,5})?|http://[a-z0-9.-]+(?::(?!80$)[0-9]{1,5})?)")
JSON_TYPE = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
PLAYED_ORIGIN = "https://shop.example.org"  # of the sandbox's visitors
SAME_CHECK = uuid.UUID("6f1a3f0e-5a0c-4d36-9b53-0f3f2f2c1d5a")  # the namespace of our idempotency keys


@dataclass(frozen=True, slots=True)
class Provider:
    """A captcha service: the address of its check, the field of its tokens, and their greatest length."""

    url: str
    field: str
    longest: int
    actions: bool  # whether the answer names the widget's action
    idempotent: bool  # whether the same check may be asked again
    sitekey: bool = False  # whether it is told the site key, and may leave out the hostname


PROVIDERS: Mapping[str, Provider] = {
    "turnstile": Provider(
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "cf-turnstile-response",
        longest=2048,
        actions=True,
        idempotent=True,
    ),
    # The length is ours: hCaptcha names none, its tokens are some thousand characters.
    "hcaptcha": Provider(
        "https://api.hcaptcha.com/siteverify",
        "h-captcha-response",
        longest=16384,
        actions=False,
        idempotent=False,
        sitekey=True,
    ),
}
TOKEN_FIELDS = tuple(provider.field for provider in PROVIDERS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Captcha(Verification):
    """An allowed page, and a captcha solved on it.

    The endpoint's settings: `origins` (exact, separated by spaces), `captcha` (`turnstile` or `hcaptcha`),
    `captcha_sitekey` (hCaptcha), optionally `captcha_action` (Turnstile) and `captcha_down`: with `refuse`, nothing is
    accepted while the provider cannot be reached.
    """

    secret: str = "captcha_secret"  # noqa: S105 - its name
    action: str = "contact"  # what the page's widget is called, where no setting says otherwise

    @property
    def headers(self) -> tuple[str, ...]:
        """The page's origin and the media type: a form-encoded or text/plain post is sent without preflight."""
        return ("origin", "content-type")

    def names(self) -> tuple[str, ...]:
        """Return the provider's secret key."""
        return (self.secret,)

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return an unknown provider, a missing site key, and origins that no browser sends."""
        found: dict[str, str] = {}
        name = settings.get("captcha", "")
        provider = PROVIDERS.get(name)
        if name.strip() and provider is None:
            found["captcha"] = f"there is no captcha “{name}”: say one of {', '.join(PROVIDERS)}"
        if provider is not None and provider.sitekey and not settings.get("captcha_sitekey", "").strip():
            found["captcha_sitekey"] = f"{name} judges a token by it: say the widget's site key"
        found |= odd_origins(settings)
        if settings.get("captcha_down", "accept") not in {"accept", "refuse"}:
            found["captcha_down"] = "say accept or refuse"
        return found

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check origin, media type and token; return `captcha`: `passed` or `unavailable`."""
        provider = PROVIDERS.get(context.settings.get("captcha", ""))
        if provider is None:
            raise ConfigurationError(f"the endpoint's setting “captcha” must be one of {', '.join(PROVIDERS)}")
        keys = secrets.every(self.secret)
        origin = allowed_origin(request, context.settings)
        if not origin:
            raise SignatureError("the page's origin is not among the endpoint's “origins”")
        if not JSON_TYPE.fullmatch(request.header("content-type")):
            raise SignatureError("the body is not sent as application/json")
        token = _token(request.body, provider)
        refusal: SignatureError | None = None
        for key in keys:  # during a rotation the provider knows only one of them, and says so in different ways
            result = self._asked(provider, key, token, request.body, context)
            if result is None:
                if context.settings.get("captcha_down", "accept") == "refuse":
                    raise TemporaryError("the captcha's provider cannot be reached")
                return {"captcha": UNAVAILABLE}
            if _codes(result) & OURS_TO_MEND:
                continue
            refusal = self._refusal(result, provider, origin, context.settings)
            if refusal is None:
                return {"captcha": PASSED}
        raise refusal or ConfigurationError(
            f"the captcha's provider does not know “{self.secret}”: store the right one"
        )

    def _asked(self, provider: Provider, key: Secret, token: str, body: bytes, context: Context) -> Node | None:
        """Return the provider's answer about the token; None if it cannot be reached.

        Raises `SignatureError` if the answer cannot be read.
        """
        fields = {"secret": key.reveal(), "response": token}
        if provider.idempotent:
            # Of the whole body: the very same request, sent again after a lost answer, passes again; nothing else
            # does with a token that was used.
            fields["idempotency_key"] = str(uuid.uuid5(SAME_CHECK, hashlib.sha256(body).hexdigest()))
        if provider.sitekey:
            fields["sitekey"] = context.settings.get("captcha_sitekey", "")
            if not fields["sitekey"]:
                raise ConfigurationError("the endpoint's setting “captcha_sitekey” is missing: the widget's site key")
        try:
            # A form: Turnstile takes JSON as well, hCaptcha does not.
            answer = context.http(Call.form("POST", provider.url, fields, timeout=TIMEOUT))
        except TemporaryError:
            return None
        if answer.status >= 500:
            return None
        try:
            result = read(answer.body).object()
            codes = _codes(result)
        except PayloadError:
            raise SignatureError(f"the captcha's provider answered {answer.status}, and no result") from None
        return None if "internal-error" in codes and answer.status < 400 else result

    def _refusal(
        self, result: Node, provider: Provider, origin: str, settings: Mapping[str, str]
    ) -> SignatureError | None:
        """Return why the token is refused, None if it is valid."""
        try:
            passed = result["success"].truth(default=False)
            hostname, action = result["hostname"].text(""), result["action"].text("")
            unnamed = provider.sitekey and hostname in UNNAMED
        except PayloadError as error:
            return SignatureError(f"the provider's answer cannot be used: {error}")
        if not passed:
            return SignatureError("the captcha's token is wrong, too old or was used")
        if not unnamed and hostname != urlsplit(origin).hostname:
            return SignatureError("the captcha was solved on another site than the page's")
        wanted = settings.get("captcha_action") or self.action
        if provider.actions and action != wanted:
            return SignatureError(f"the captcha's action is not “{wanted}”: set it on the widget")
        return None

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Put a token into the body that the sandbox's provider accepts (`played_token`)."""
        headers = {"origin": PLAYED_ORIGIN, "content-type": "application/json", **request.headers}
        body = request.body
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if isinstance(document, dict):
            field = next((name for name in TOKEN_FIELDS if name in document), TOKEN_FIELDS[0])
            hostname = urlsplit(headers["origin"]).hostname or ""
            document[field] = played_token(secrets.one(self.secret), hostname, self.action, now)
            body = json.dumps(document, ensure_ascii=False).encode()
        return replace(request, headers=headers, body=body)


def allowed_origin(request: Request, settings: Mapping[str, str]) -> str:
    """Return the request's origin if it is exactly one of the settings' `origins`, else "".

    Raises `ConfigurationError` if the settings have none.
    """
    origins = settings.get("origins", "").split()
    if not origins:
        raise ConfigurationError("the endpoint's setting “origins” is missing: list the pages' origins")
    origin = request.header("origin")
    return origin if origin in origins else ""


def odd_origins(settings: Mapping[str, str]) -> dict[str, str]:
    """Return under `origins` the first of the settings' origins that no browser sends."""
    odd = [each for each in settings.get("origins", "").split() if not ORIGIN.fullmatch(each)]
    said = "is no origin: write it as browsers do, https://www.example.org without a path"
    return {"origins": f"“{odd[0]}” {said}"} if odd else {}


def _codes(result: Node) -> set[str]:
    return {code.text() for code in result["error-codes"].items()}


def _token(body: bytes, provider: Provider) -> str:
    try:
        token = read(body)[provider.field].text()
    except PayloadError:
        raise SignatureError("the body carries no captcha's token") from None
    if len(token) > provider.longest or not TOKEN.fullmatch(token):
        raise SignatureError("the captcha's token is no token")
    return token


def played_token(secret: Secret, hostname: str, action: str, now: datetime) -> str:
    """Return a token for a played provider: what was solved, where and when, signed with the provider's secret."""
    solved = {"hostname": hostname, "action": action, "at": now.timestamp(), "nonce": uuid.uuid4().hex}
    content = base64.urlsafe_b64encode(json.dumps(solved).encode()).decode()
    return f"played.{content}.{hmac.digest(secret.encode(), content.encode(), 'sha256').hex()}"
