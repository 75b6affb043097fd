"""Turns a request into the event API Gateway would hand to `receive`: for captures, tests and the sandbox."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from deskwire.web.request import Request


def gateway_event(request: Request, *, side: str = "channels", encoded: bool = False) -> dict[str, Any]:
    """Return the HTTP API event (payload 2.0) of a request; `encoded` sends the body as base64, as AWS may do.

    `deskwire.web.request.from_gateway` is its inverse. A body that is no UTF-8 is always encoded.
    """
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        text, encoded = "", True
    path = f"/{side}/{request.endpoint}" + (f"/{request.action}" if request.action else "")
    parameters = {"endpoint": request.endpoint} | ({"action": request.action} if request.action else {})
    query = "&".join(f"{quote(name)}={quote(value)}" for name, values in request.query.items() for value in values)
    return {
        "version": "2.0",
        "routeKey": f"ANY /{side}/{{endpoint}}" + ("/{action}" if request.action else ""),
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "hooks.example.org", **request.headers},
        "queryStringParameters": {name: ",".join(values) for name, values in request.query.items()},
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "example",
            "domainName": "hooks.example.org",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source or "203.0.113.7",
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": "example",
            "stage": "$default",
            "timeEpoch": int(request.received_at.timestamp() * 1000),
        },
        "body": base64.b64encode(request.body).decode() if encoded else text,
        "isBase64Encoded": encoded,
    }
