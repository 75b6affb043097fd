"""OAuth 1.0a: sign a request for an app and a user by HMAC-SHA1 (RFC 5849; X's "Creating a signature").

https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from deskwire.model.values import dataclass

if TYPE_CHECKING:
    from deskwire.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """The four values of an app and a user."""

    consumer_key: Secret
    consumer_secret: Secret
    token: Secret
    token_secret: Secret


def authorization(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    nonce: str,
    timestamp: int,
    fields: tuple[tuple[str, str], ...] = (),
) -> str:
    """Return the Authorization header of a request.

    The query's parameters and a form body's `fields` are signed; a JSON body is not (RFC 5849 §3.4.1.3).
    `nonce` must be unique for each `timestamp` (Unix seconds).
    """
    parameters = {
        "oauth_consumer_key": credentials.consumer_key.reveal(),
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        "oauth_token": credentials.token.reveal(),
        "oauth_version": "1.0",
    }
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in (*parameters.items(), *query, *fields))
    signed = "&".join((
        method.upper(),
        _encoded(f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path or '/'}"),
        _encoded("&".join(f"{name}={value}" for name, value in pairs)),
    ))  # fmt: skip
    key = f"{_encoded(credentials.consumer_secret.reveal())}&{_encoded(credentials.token_secret.reveal())}"
    signature = base64.b64encode(hmac.digest(key.encode(), signed.encode(), "sha1")).decode()
    header = {**parameters, "oauth_signature": signature}
    return "OAuth " + ", ".join(f'{name}="{_encoded(value)}"' for name, value in sorted(header.items()))


def _encoded(text: str) -> str:
    """Return `text` percent-encoded as in RFC 5849 §3.6: all but the unreserved characters."""
    return quote(text, safe="-._~")
