"""Signature Version 4 in the standard library: a request's headers, and the form of a browser's upload to S3.

Proven byte-equal to botocore's signer by `tests/library/aws/test_signing.py`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

from deskwire.model.values import dataclass, field

ALGORITHM = "AWS4-HMAC-SHA256"

# Headers that a proxy or the transport may change on the way; botocore signs none of them.
UNSIGNED = frozenset({
    "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})  # fmt: skip
# What `sign` itself decides; a value given by the caller is dropped, so that signing twice is harmless.
OWN = frozenset({"authorization", "date", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key pair, with the session token of temporary credentials."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """A signature's service, region and time (aware, UTC)."""

    service: str
    region: str
    at: datetime

    @property
    def stamp(self) -> str:
        """The moment as AWS writes it, `20261121T081500Z`."""
        # Many times as fast as `strftime`, and every request of `receive` is signed.
        at = self.at
        return f"{at.year:04}{at.month:02}{at.day:02}T{at.hour:02}{at.minute:02}{at.second:02}Z"

    def place(self, stamp: str) -> str:
        """Return the credential scope of a stamp, `20261121/eu-west-1/sqs/aws4_request`."""
        return f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"

    def __str__(self) -> str:
        """The credential scope."""
        return self.place(self.stamp)


def sign(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, scope: Scope
) -> dict[str, str]:
    """Return the headers to send: the given ones, the date, the token and the Authorization.

    The URL must be percent-encoded as it is sent. S3 differs from the other services in two rules: its path
    is encoded once and not normalised, and the body's digest travels as a header of its own.
    """
    digest = sha256(body).hexdigest()
    sent = {name: value for name, value in headers.items() if name.lower() not in OWN}
    stamp = scope.stamp
    place = scope.place(stamp)
    sent["X-Amz-Date"] = stamp
    if credentials.token:
        sent["X-Amz-Security-Token"] = credentials.token
    if scope.service == "s3":
        sent["X-Amz-Content-SHA256"] = digest
    canonical, names = canonical_headers(sent, url)
    path, query = canonical_target(url, normalise=scope.service != "s3")
    request = f"{method.upper()}\n{path}\n{query}\n{canonical}\n{names}\n{digest}"
    text = f"{ALGORITHM}\n{stamp}\n{place}\n{sha256(request.encode()).hexdigest()}"
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{place}, SignedHeaders={names}, "
        f"Signature={signature(text, credentials, place)}"
    )
    return sent


def signature(text: str, credentials: Credentials, place: str) -> str:
    """Return the hexadecimal signature of a text under a credential scope (`str(scope)`)."""
    return hmac.digest(_key(credentials.secret_key, place), text.encode(), "sha256").hex()


@lru_cache(maxsize=16)
def _key(secret: str, place: str) -> bytes:
    """Return the key derived for this day, region and service: the same all day long."""
    key = f"AWS4{secret}".encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_headers(headers: Mapping[str, str], url: str) -> tuple[str, str]:
    """Return the block of canonical headers, with a newline at its end, and the list of their names."""
    order, names = _signed(tuple(headers))
    lines = []
    for lower, given in order:
        value = ",".join([" ".join(headers[name].split()) for name in given]) if given else host_of(url)
        lines.append(f"{lower}:{value}\n")
    return "".join(lines), names


@lru_cache(maxsize=64)
def _signed(names: tuple[str, ...]) -> tuple[list[tuple[str, list[str]]], str]:
    """Return the signed names in order, each with its spellings in the given headers, and the list of them."""
    spelled: dict[str, list[str]] = {}
    for name in names:
        if name.lower() not in UNSIGNED:
            spelled.setdefault(name.lower(), []).append(name)
    spelled.setdefault("host", [])
    return sorted(spelled.items()), ";".join(sorted(name.strip() for name in spelled))


@lru_cache(maxsize=64)
def canonical_target(url: str, *, normalise: bool) -> tuple[str, str]:
    """Return the path and the query of a URL as they are signed."""
    parts = urlsplit(url)
    path = quote(normalised(parts.path), safe="/~") if normalise else parts.path
    return path, canonical_query(parts.query)


def canonical_query(query: str) -> str:
    """Return the query's pairs in the order of their encoded names, then values."""
    pairs = (pair.partition("=") for pair in query.split("&")) if query else ()
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))


def normalised(path: str) -> str:
    """Return the path without empty, `.` and `..` segments (RFC 3986 §5.2.4, and AWS collapses slashes)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    if not path:
        return "/"
    return ("/" if path[0] == "/" else "") + "/".join(kept) + ("/" if path[-1] == "/" and kept else "")


@lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """Return the Host header of a URL: lower case, without user, without the scheme's default port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in {None, default} else f"{host}:{parts.port}"


def presign_post(
    fields: Mapping[str, str],
    conditions: Sequence[object],
    credentials: Credentials,
    scope: Scope,
    *,
    seconds: int,
) -> dict[str, str]:
    """Return the fields of a form that may be posted to S3 within a number of seconds.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
    """
    signed = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{credentials.access_key}/{scope}",
        "x-amz-date": scope.stamp,
    }
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    policy = {
        "expiration": (scope.at + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [*conditions, *({name: value} for name, value in signed.items())],
    }
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    return {**fields, **signed, "policy": encoded, "x-amz-signature": signature(encoded, credentials, str(scope))}
