"""Wrong addresses, wrong endpoints, wrong methods, lying headers, handshakes asked of by strangers."""

from __future__ import annotations

import base64
import dataclasses
import hmac

from tests.conformance import world

from .attack import Attack, request_attack, with_header, with_headers
from .edge import KINDS, SIGNED, arriving, genuine, secrets_of, signed, way

# -------------------------------------------------------------------------------------------------- addresses

NAMES = {
    "that nobody made": "nobody",
    "that is empty": "",
    "in upper case": "META",
    "with a capital": "Meta",
    "with a dot": "meta.",
    "with a dash": "meta-",
    "with a space": "meta ",
    "with a slash": "meta/",
    "one level up": "../meta",
    "one level up, encoded": "%2e%2e%2fmeta",
    "here": "./meta",
    "percent-encoded": "%6deta",
    "with an encoded slash": "meta%2f",
    "with a NUL": "meta\x00",
    "with a line break": "meta\r\nx: y",
    "with a parameter": "meta;x=1",
    "with a fragment": "meta#x",
    "with a query": "meta?endpoint=meta",
    "in wide letters": "\uff4deta",
    "with a combining mark": "meta\u0301",
    "with a long s": "meta\u017f",
    "with a lone surrogate": "meta\udcff",
    "that is a key of the table": "E#meta",
    "that is another item's": "../../C#x",
    "of two joined": "meta,x",
    "of a list": "['meta']",
    "of Python's own": "__class__",
    "of 10,000 characters": "m" * 10_000,
    "of JSON": '{"S": "meta"}',
    "of a template": "{{meta}}",
    "of markup": "<script>alert(1)</script>",
    "of a query language": "meta' OR '1'='1",
}
ADDRESSES = [
    *(
        Attack(
            "address",
            "meta",
            f"an endpoint {name}",
            404,
            lambda given=given: arriving("meta", genuine("meta")) | {"pathParameters": {"endpoint": given}},
        )
        for name, given in NAMES.items()
    ),
    *(
        Attack(
            "address",
            kind,
            "on the other side",
            404,
            lambda kind=kind: (
                arriving(kind, genuine(kind))
                | {"routeKey": f"ANY /{'channels' if KINDS[kind][0] == 'helpdesks' else 'helpdesks'}/{{endpoint}}"}
            ),
        )
        for kind in KINDS
    ),
    *(
        Attack(
            "address",
            kind,
            "where pages are",
            404,
            lambda kind=kind: arriving(kind, genuine(kind)) | {"routeKey": "ANY /pages/{endpoint}"},
        )
        for kind in KINDS
        if kind != "form"
    ),
    *(
        Attack(
            "address",
            "zendesk",
            f"the path {path}",
            404,
            lambda path=path: arriving("zendesk", genuine("zendesk")) | {"routeKey": "$default", "rawPath": path},
        )
        for path in (
            "//helpdesks/zendesk",
            "/Helpdesks/zendesk",
            "/./helpdesks/zendesk",
            "/channels/../helpdesks/zendesk",
            "/helpdesks%2fzendesk",
            "helpdesks/zendesk/",
            "/x/helpdesks/zendesk",
            "",
        )
    ),
    *(
        Attack(
            "address",
            kind,
            f"the action {action or '(empty)'}",
            404,
            lambda kind=kind, action=action: (
                arriving(kind, genuine(kind)) | {"pathParameters": {"endpoint": kind, "action": action}}
            ),
        )
        for kind in (*SIGNED, "google", "form")
        for action in ("admin", "uploads/", "UPLOADS", "..", "presign")
    ),
    *(
        Attack(
            "address",
            kind,
            "the action uploads, which it does not have",
            404,
            lambda kind=kind: (
                arriving(kind, genuine(kind)) | {"pathParameters": {"endpoint": kind, "action": "uploads"}}
            ),
        )
        for kind in (*SIGNED, "google")
    ),
    *(
        Attack(
            "address",
            "meta",
            f"another endpoint in {where}",
            404,
            lambda change=change: (
                arriving("meta", genuine("meta")) | {"pathParameters": {"endpoint": "nobody"}} | change
            ),
        )
        for where, change in {
            "the query": {"rawQueryString": "endpoint=meta&pathParameters[endpoint]=meta"},
            "the query's parameters": {"queryStringParameters": {"endpoint": "meta"}},
            "the raw path": {"rawPath": "/channels/meta"},
            "stage variables": {"stageVariables": {"endpoint": "meta"}},
        }.items()
    ),
]

# ---------------------------------------------------------------------------- genuine, but for another endpoint

CONFUSION = [
    *(
        Attack(
            "another's endpoint",
            kind,
            f"a genuine delivery of {kind} sent to {other}",
            401 if (KINDS[kind][0] == KINDS[other][0]) else 404,
            lambda kind=kind, other=other: (
                arriving(kind, genuine(kind))
                | {"pathParameters": {"endpoint": other}}
                | ({"routeKey": f"ANY /{way(other)}/{{endpoint}}"} if KINDS[kind][0] == KINDS[other][0] else {})
            ),
        )
        for kind in KINDS
        for other in KINDS
        if kind != other
    ),
    *(
        Attack(
            "another's endpoint",
            kind,
            "a genuine delivery sent to the endpoint of another app",
            401,
            lambda kind=kind: arriving(kind, genuine(kind)) | {"pathParameters": {"endpoint": f"{kind}-b"}},
        )
        for kind in KINDS
    ),
    *(
        Attack(
            "another's endpoint",
            kind,
            "signed by another app, sent to ours",
            401,
            lambda kind=kind: arriving(kind, signed(kind, secrets=secrets_of(kind, other=True))),
        )
        for kind in SIGNED
    ),
    *(
        Attack(
            "another's endpoint",
            kind,
            "to the other app's endpoint, with our name in every header",
            401,
            lambda kind=kind: (
                arriving(kind, with_headers(genuine(kind), x_deskwire_endpoint=kind, x_endpoint=kind))
                | {"pathParameters": {"endpoint": f"{kind}-b"}}
            ),
        )
        for kind in KINDS
    ),
]

# --------------------------------------------------------------------------------------------- methods, headers

OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "x-original-method")
SPOOFS = {
    "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "x-forwarded-host": "evil.example",
    "forwarded": "for=127.0.0.1;host=evil.example", "x-original-url": "/channels/meta",
    "x-rewrite-url": "/channels/meta",
    "host": "evil.example", "x-amzn-trace-id": "Root=1", "x-amz-security-token": "t", "x-amz-content-sha256": "u",
    "authorization": "Basic YWRtaW46YWRtaW4=", "cookie": "session=admin", "x-api-key": "admin", "x-admin": "true",
    "transfer-encoding": "chunked", "expect": "100-continue", "te": "trailers", "x-deskwire-verified": "true",
}  # fmt: skip


def _method(kind, method, **headers):
    return dataclasses.replace(with_headers(genuine(kind), **headers), method=method)


def _unsigned(kind):
    """Return a delivery that nobody signed."""
    names = ("x-hub-signature-256", "x-twitter-webhooks-signature", "x-zendesk-webhook-signature", "x-rt-signature",
             "authorization", "origin")  # fmt: skip
    request = genuine(kind)
    return dataclasses.replace(
        request, headers={name: text for name, text in request.headers.items() if name not in names}
    )


METHODS = [
    *(
        request_attack("method", kind, method, 405, lambda kind=kind, method=method: _method(kind, method))
        for kind in KINDS
        for method in ("DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "HEAD", "GET")
    ),
    *(
        request_attack("method", kind, "OPTIONS", 405, lambda kind=kind: _method(kind, "OPTIONS"))
        for kind in KINDS
        if kind != "form"
    ),
    *(
        request_attack(
            "method",
            kind,
            f"GET with {name}: POST",
            405,
            lambda kind=kind, name=name: with_header(_method(kind, "GET"), name, "POST"),
        )
        for kind in KINDS
        for name in OVERRIDES
    ),
    *(
        request_attack(
            "method",
            kind,
            "GET with _method=POST",
            405,
            lambda kind=kind: dataclasses.replace(_method(kind, "GET"), query={"_method": ("POST",)}),
        )
        for kind in KINDS
    ),
    *(
        request_attack("method", kind, "of 10,000 letters", 405, lambda kind=kind: _method(kind, "P" * 10_000))
        for kind in ("meta", "form")
    ),
]
HEADERS = [
    request_attack(
        "header",
        kind,
        f"unsigned, with {name}: {value}",
        401,
        lambda kind=kind, name=name, value=value: with_header(_unsigned(kind), name, value),
    )
    for kind in KINDS
    for name, value in SPOOFS.items()
]

# --------------------------------------------------------------------------------------------------- handshakes

VERIFY = secrets_of("meta").one("verify_token").reveal()


def _asked(kind, method="GET", **query):
    values = {name.replace("__", "."): value if isinstance(value, tuple) else (value,) for name, value in query.items()}
    return dataclasses.replace(genuine(kind), method=method, query=values, body=b"", headers={})


def _hub(mode="subscribe", token=VERIFY, challenge="1158201444", **more):
    given = {"hub__mode": mode, "hub__verify_token": token, "hub__challenge": challenge, **more}
    return _asked("meta", **{name: value for name, value in given.items() if value is not None})


HUBS = {
    "another token": {"token": "guess"},
    "no token": {"token": None},
    "an empty token": {"token": ""},
    "the token in upper case": {"token": VERIFY.upper()},
    "the token with a space after": {"token": VERIFY + " "},
    "the token without its last character": {"token": VERIFY[:-1]},
    "the token and a NUL": {"token": VERIFY + "\x00"},
    "the token twice": {"token": (VERIFY, VERIFY)},
    "a wrong and the right token": {"token": ("guess", VERIFY)},
    "the token in wide letters": {"token": VERIFY.translate({ord("n"): 0xFF4E})},
    "the app secret for a token": {"token": secrets_of("meta").one("app_secret").reveal()},
    "another mode": {"mode": "unsubscribe"},
    "two modes": {"mode": ("subscribe", "subscribe")},
    "an empty mode": {"mode": ""},
    "markup for a challenge, without the token": {"token": "guess", "challenge": "<script>alert(1)</script>"},
    "no challenge": {"challenge": None},
    "an empty challenge": {"challenge": ""},
    "a challenge with a space": {"challenge": "1 2"},
    "a challenge with a line break": {"challenge": "1\r\nset-cookie: x=y"},
    "a challenge of 257 characters": {"challenge": "1" * 257},
    "a challenge that is not ASCII": {"challenge": "\u0661"},
    "two challenges": {"challenge": ("1", "2")},
}
TOKEN = "NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE"
CRCS = {
    "a delivery's body": world.load(world.EVENTS / "x" / "mention.json")["body"],
    "an empty object": "{}",
    "a small object": '{"for_user_id":"1"}',
    "a list": "[1,2,3,4,5,6,7,8,9]",
    "text in quotes": '"aaaaaaaaaaaaaaaaaaaa"',
    "an object behind a letter": 'a{"for_user_id":"1"}',
    "fifteen characters": "a" * 15,
    "129 characters": "a" * 129,
    "a megabyte": "a" * 9_000,
    "nothing": "",
    "spaces": " " * 20,
    "a space after": TOKEN + " ",
    "a line break after": TOKEN + "\n",
    "a NUL after": TOKEN + "\x00",
    "letters that are not ASCII": "\u0430" * 20,
    "wide digits": "\uff11" * 20,
    "percent signs": "%7B%22a%22%3A1%7D%20%20",
    "dots": "eyJhbGciOiJ.eyJhbGciOiJ",
    "colons": "timestamp:1234567890",
    "two tokens": (TOKEN, TOKEN),
}


def _replayed_handshake(token):
    """Return what a stranger makes of an answered CRC: the token as a body, under the signature that we gave."""
    secret = secrets_of("x").one("consumer_secret").encode()
    signature = base64.b64encode(hmac.digest(secret, token.encode(), "sha256")).decode()
    return with_header(
        dataclasses.replace(genuine("x"), body=token.encode()), "x-twitter-webhooks-signature", f"sha256={signature}"
    )


HANDSHAKES = [
    *(
        request_attack("handshake", "meta", name, 401, lambda change=change: _hub(**change))
        for name, change in HUBS.items()
    ),
    request_attack(
        "handshake",
        "meta",
        "markup for a challenge, with the token: plain text, never sniffed",
        200,
        lambda: _hub(challenge="<script>alert(1)</script>"),
    ),
    *(
        request_attack(
            "handshake",
            "meta",
            f"by {method}",
            status,
            lambda method=method: dataclasses.replace(_hub(), method=method),
        )
        for method, status in (("POST", 401), ("PUT", 401), ("HEAD", 405), ("OPTIONS", 405))
    ),
    *(
        request_attack(
            "handshake", kind, "as Meta does it", 405, lambda kind=kind: dataclasses.replace(_hub(), endpoint=kind)
        )
        for kind in KINDS
        if kind != "meta"
    ),
    request_attack(
        "handshake", "meta", "at another app's endpoint", 401, lambda: dataclasses.replace(_hub(), endpoint="meta-b")
    ),
    *(
        request_attack("handshake", "x", f"to sign {name}", 401, lambda token=token: _asked("x", crc_token=token))
        for name, token in CRCS.items()
    ),
    *(
        request_attack(
            "handshake", "x", f"by {method}", status, lambda method=method: _asked("x", method, crc_token=TOKEN)
        )
        for method, status in (("POST", 401), ("PUT", 401), ("HEAD", 405), ("OPTIONS", 405))
    ),
    *(
        request_attack(
            "handshake",
            kind,
            "as X does it",
            405,
            lambda kind=kind: dataclasses.replace(_asked("x", crc_token=TOKEN), endpoint=kind),
        )
        for kind in KINDS
        if kind != "x"
    ),
    *(
        request_attack(
            "handshake",
            "x",
            f"the signature of an answered handshake, used for a delivery of {name}",
            401,
            lambda token=token: _replayed_handshake(token),
        )
        for name, token in {"a token": TOKEN, "digits": "1234567890123456", "the longest token": "e" * 128}.items()
    ),
]

ATTACKS = [*ADDRESSES, *CONFUSION, *METHODS, *HEADERS, *HANDSHAKES]
