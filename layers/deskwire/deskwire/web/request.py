"""HTTP requests and responses of receive, independent of API Gateway's formats."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from deskwire.model.errors import PayloadError
from deskwire.model.values import dataclass, field, replace

SETTING = "setting."  # the facts that are settings of the endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request. The body is the bytes as sent.

    Header names are lower-case; API Gateway joins repeated headers with commas. `query` holds every value of each name,
    percent-decoded exactly once (`+` stays `+`). `facts` are the findings of verification (who signed, whether the
    captcha was checked). `received_at` is UTC.
    """

    method: str
    endpoint: str
    body: bytes
    action: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""  # address of the peer
    url: str = ""  # scheme, host and path as the sender used them (some rules sign it)
    received_at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """Return a header's value, or ""."""
        return self.headers.get(name.lower(), "")

    def parameter(self, name: str) -> str:
        """Return a query parameter's value if it is given exactly once, else ""."""
        values = self.query.get(name, ())
        return values[0] if len(values) == 1 else ""

    @property
    def settings(self) -> dict[str, str]:
        """The endpoint's settings."""
        return {name.removeprefix(SETTING): each for name, each in self.facts.items() if name.startswith(SETTING)}

    def at(self, settings: Mapping[str, str]) -> Request:
        """Return the request with an endpoint's settings among its facts."""
        facts = {f"{SETTING}{name}": value for name, value in settings.items()}
        return replace(self, facts=facts) if facts or self.facts else self

    def __repr__(self) -> str:
        return f"Request({self.method} {self.endpoint}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/plain; charset=utf-8"})

    @staticmethod
    def json(status: int, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        """Return a JSON response."""
        return Response(status, json.dumps(payload), {"content-type": "application/json", **(headers or {})})

    def to_gateway(self) -> dict[str, Any]:
        """Return the response in API Gateway's format."""
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.body, "isBase64Encoded": False}


def neighbourhood(source: str) -> str:
    """Return the network by which a peer is counted: IPv6 by its /64, which usually belongs to one customer."""
    import ipaddress

    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _query(event: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in (event.get("rawQueryString") or "").split("&"):
        if pair:
            name, _, value = pair.partition("=")
            name, value = unquote(name), unquote(value)
            found[name] = (*found.get(name, ()), value)
    return found


def from_gateway(event: Mapping[str, Any]) -> Request:
    """Return the request in an API Gateway HTTP API event (payload 2.0; a function URL's is the same).

    Raises `PayloadError` if the event or its base64 is malformed. Source of the format: AWS, "Working with AWS Lambda
    proxy integrations for HTTP APIs".
    """
    try:
        context = event["requestContext"]["http"]
        text = event.get("body") or ""
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        parameters = event.get("pathParameters") or {}
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        milliseconds = event["requestContext"].get("timeEpoch")
        moment = datetime.now(UTC) if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
        return Request(
            method=context["method"].upper(),
            endpoint=parameters.get("endpoint", ""),
            action=parameters.get("action", ""),
            headers=headers,
            query=_query(event),
            body=body,
            source=context.get("sourceIp", ""),
            url=f"https://{event['requestContext'].get('domainName', '')}{event.get('rawPath', '')}",
            received_at=moment,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError):  # the latter two: of a time
        msg = "not an HTTP API request, or its base64 is broken"
        raise PayloadError(msg) from None
