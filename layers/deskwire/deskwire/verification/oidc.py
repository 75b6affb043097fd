"""The rule for pushes with an OpenID Connect token: Google's Pub/Sub.

The token proves who pushed, not what: the body is not signed, its integrity depends on TLS. A token is valid for an
hour and used for many pushes, so it does not prevent replays; events' keys do. Without the check of the e-mail address,
any Google customer could get a token for our audience. Documentation:
https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, SignatureError, TemporaryError
from deskwire.model.values import dataclass, replace
from deskwire.web.reading import Node, read
from deskwire.web.rest import Call, checked

from .rule import Context, Verification

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request

TOKEN = re.compile(r"Bearer (([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{1,4096}))\.([A-Za-z0-9_-]{1,2048})")
SKEW = timedelta(seconds=60)  # between Google's clock and ours
LONGEST_LIFE = timedelta(days=1)  # Google's tokens live an hour
KEYS_AGAIN = timedelta(seconds=60)  # an unknown `kid` makes us ask again, but not more often than this
KEYS_KEPT = timedelta(hours=1)  # where the answer names no max-age
MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})")
SMALLEST_KEY = 2048  # bits


@dataclass(frozen=True, slots=True)
class _Keys:
    """Google's published keys by `kid`, when they were fetched and until when they are valid."""

    keys: Mapping[str, RSAPublicKey]
    fetched: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcBearer(Verification):
    """A token in `Authorization`, signed (RS256) with one of the issuer's published keys.

    The endpoint's settings `audience` and `service_account` are the required claims; there is no secret. `sign` is for
    the sandbox and tests, which pass a key of their own and the two settings as secrets.
    """

    issuers: tuple[str, ...]
    keys_url: str  # a JSON Web Key Set

    @property
    def headers(self) -> tuple[str, ...]:
        """The token's header."""
        return ("authorization",)

    def names(self) -> tuple[str, ...]:
        """Return nothing: there is no shared secret."""
        return ()

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check the claims, then the signature. Raises `TemporaryError` if the keys cannot be fetched."""
        del secrets
        audience, account = (_setting(context, name) for name in ("audience", "service_account"))
        found = TOKEN.fullmatch(request.header("authorization"))
        if found is None:
            raise SignatureError("Authorization carries no bearer token of three parts")
        signed, header, claims, signature = found.groups()
        try:
            kid = _key_id(read(_decoded(header)).object())
            self._check(read(_decoded(claims)).object(), audience, account, context.now)
        except PayloadError as error:
            raise SignatureError(f"the token cannot be read: {error}") from None
        _check_signature(self._key(kid, context), _decoded(signature), signed.encode())
        return {}

    def _check(self, claims: Node, audience: str, account: str, now: datetime) -> None:
        if claims["iss"].text() not in self.issuers:
            raise SignatureError("the token is of another issuer")
        if claims["aud"].text() != audience:
            raise SignatureError("the token is for another audience than the endpoint's setting “audience” names")
        if claims["email"].text() != account or not claims["email_verified"].truth():
            raise SignatureError("the token is of another account than the setting “service_account” names")
        issued, expires = claims["iat"].epoch(), claims["exp"].epoch()
        if issued is None or expires is None:
            raise SignatureError("the token does not say from when to when it holds")
        if expires <= now - SKEW:
            raise SignatureError("the token has expired")
        if issued > now + SKEW:
            raise SignatureError("the token was issued in the future")
        if expires - issued > LONGEST_LIFE:
            raise SignatureError("the token claims to hold longer than a day")

    def _key(self, kid: str, context: Context) -> RSAPublicKey:
        """Return the issuer's key of this name; fetch the keys again if that can help."""
        kept = context.cache.get(self.keys_url)
        if (
            not isinstance(kept, _Keys)
            or context.now >= kept.until
            or (kid not in kept.keys and context.now >= kept.fetched + KEYS_AGAIN)
        ):
            kept = self._fetched(context)
            context.cache[self.keys_url] = kept
        if kid not in kept.keys:
            raise SignatureError("the token is signed with a key that the issuer does not publish")
        return kept.keys[kid]

    def _fetched(self, context: Context) -> _Keys:
        try:
            answer = checked(context.http(Call("GET", self.keys_url, timeout=3.0)), what="fetching the issuer's keys")
        except PermanentError as error:  # a 404 of theirs is no reason to fail at ours: the push is repeated
            raise TemporaryError(str(error)) from None
        age = MAX_AGE.search(answer.headers.get("cache-control", ""))
        kept = timedelta(seconds=int(age[1])) if age else KEYS_KEPT
        until = context.now + min(max(kept, KEYS_AGAIN), LONGEST_LIFE)
        try:
            return _Keys(dict(_public_keys(answer.node())), context.now, until)
        except (PayloadError, SignatureError, ValueError):
            raise TemporaryError("the issuer's published keys cannot be read") from None

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add a token like Google's, signed with the played issuer's key (`signing_key`, PEM).

        Without these secrets it is a stranger's token: another key, for another audience.
        """
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if secrets.has("signing_key"):
            key = load_pem_private_key(secrets.one("signing_key").encode(), None)
        else:
            key = rsa.generate_private_key(65537, SMALLEST_KEY)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError("“signing_key” is no RSA key")
        audience, account = (
            secrets.one(name).reveal() if secrets.has(name) else "stranger" for name in ("audience", "service_account")
        )
        issued = int(now.timestamp())
        number = str(int(hashlib.sha256(account.encode()).hexdigest()[:16], 16))
        claims = {
            "aud": audience,
            "azp": number,
            "email": account,
            "email_verified": True,
            "exp": issued + 3600,
            "iat": issued,
            "iss": self.issuers[0],
            "sub": number,
        }
        header = {"alg": "RS256", "kid": json_web_key(key.public_key())["kid"], "typ": "JWT"}
        token = made_token(key, header, claims)
        return replace(request, headers={**request.headers, "authorization": f"Bearer {token}"})


def _setting(context: Context, name: str) -> str:
    value = context.settings.get(name, "")
    if not value:
        raise ConfigurationError(f"the endpoint's setting “{name}” is missing: nobody can be let in")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise SignatureError("a part of the token is not base64url") from None


def _key_id(header: Node) -> str:
    # The algorithm is ours to choose, never the token's: `none` and HS256 (with the public key as the secret) are
    # the classic ways in.
    if header["alg"].text() != "RS256" or header["crit"]:
        raise SignatureError("the token is not signed by RS256")
    return header["kid"].identifier()


def _public_keys(document: Node) -> list[tuple[str, RSAPublicKey]]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    found = []
    for key in document["keys"].items():
        if key["kty"].text("") != "RSA" or key["use"].text("sig") != "sig":
            continue
        modulus, exponent = (int.from_bytes(_decoded(key[name].text())) for name in ("n", "e"))
        if modulus.bit_length() < SMALLEST_KEY:
            continue
        found.append((key["kid"].identifier(), RSAPublicNumbers(exponent, modulus).public_key()))
    return found


def _check_signature(key: RSAPublicKey, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise SignatureError("the token's signature does not match") from None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def json_web_key(key: RSAPublicKey) -> dict[str, str]:
    """Return a public key as its issuer publishes it; its `kid` is derived from the key."""
    numbers = key.public_numbers()
    modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    return {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": hashlib.sha256(modulus).hexdigest()[:40],
        "n": _encoded(modulus),
        "e": _encoded(numbers.e.to_bytes(3)),
    }


def made_token(key: RSAPrivateKey, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return a token of these parts, signed by `key` whatever the header says: to play issuers and forgers."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"
