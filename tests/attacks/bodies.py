"""Bodies made to hurt: encodings, bombs, sizes. Unsigned nothing is read; what is signed is parked at worst."""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import zlib

from .attack import Attack, request_attack, with_header, with_headers
from .edge import KINDS, arriving, connector_of, genuine, signed

HMACS = ("meta", "x", "zendesk", "rt")


@functools.cache
def bomb():
    """Return 50 MB of nothing, packed."""
    return gzip.compress(b"\x00" * 50_000_000, 1)[:60_000]


# --------------------------------------------------------------------- what API Gateway hands over, made wrong


def _gateway(kind, **changes):
    return lambda: arriving(kind, genuine(kind)) | changes


def _encoded(kind, change):
    return lambda: arriving(kind, genuine(kind)) | {
        "body": change(base64.b64encode(genuine(kind).body).decode()), "isBase64Encoded": True,
    }  # fmt: skip


BROKEN = {
    "plain text marked as base64": lambda text: '{"object": "page"}',
    "base64 with a character too many": lambda text: text + "A",
    "base64 without its padding": lambda text: text.rstrip("=")[:-1],
    "base64 in lines": lambda text: "\n".join(text[at : at + 20] for at in range(0, len(text), 20)),
    "base64 with spaces": lambda text: text[:8] + " " + text[8:],
    "base64 of the URL alphabet": lambda text: "-_" + text[2:],
    "base64 with something after its end": lambda text: text.rstrip("=") + "====",
    "base64 in wide letters": lambda text: text[:-4] + "\uff21\uff21\uff21\uff21",
    "base64 behind data:": lambda text: "data:application/json;base64," + text,
}
ENCODINGS = [
    *(
        Attack("encoding", kind, name, 400, _encoded(kind, change))
        for kind in ("meta", "form", "zendesk")
        for name, change in BROKEN.items()
    ),
    *(
        Attack(
            "encoding",
            kind,
            "base64 not marked as such",
            401,
            lambda kind=kind: (
                arriving(kind, genuine(kind))
                | {
                    "body": base64.b64encode(genuine(kind).body).decode(),
                }
            ),
        )
        for kind in HMACS
    ),
    *(
        Attack(
            "encoding", kind, "base64 twice", 401, _encoded(kind, lambda text: base64.b64encode(text.encode()).decode())
        )
        for kind in HMACS
    ),
    *(Attack("encoding", kind, "no body at all", 401, _gateway(kind, body=None)) for kind in (*HMACS, "form")),
    *(
        Attack("encoding", kind, "a body with a lone surrogate", 400, _gateway(kind, body='{"a": "\ud800"}'))
        for kind in KINDS
    ),
    Attack("encoding", "meta", "no request context", 400, _gateway("meta", requestContext={})),
    Attack(
        "encoding",
        "meta",
        "a time beyond all time",
        400,
        lambda: (
            arriving("meta", genuine("meta"))
            | {
                "requestContext": arriving("meta", genuine("meta"))["requestContext"] | {"timeEpoch": 10**20},
            }
        ),
    ),
    # A signature holds for the bytes that travel: what is unpacked is another body.
    *(
        request_attack(
            "encoding",
            kind,
            f"packed with {name}, signed before",
            401,
            lambda kind=kind, pack=pack, name=name: with_header(
                dataclasses.replace(genuine(kind), body=pack(genuine(kind).body)), "content-encoding", name
            ),
        )
        for kind in HMACS
        for name, pack in (("gzip", gzip.compress), ("deflate", zlib.compress))
    ),
    # Signed as packed it is genuine: not unpacked (no bomb), but kept for a person.
    *(
        request_attack(
            "encoding",
            kind,
            f"packed with {name}, signed as packed",
            200,
            lambda kind=kind, pack=pack, name=name: with_header(
                signed(kind, pack(genuine(kind).body)), "content-encoding", name
            ),
            effects={"parked": 1},
        )
        for kind in HMACS
        for name, pack in (("gzip", gzip.compress), ("deflate", zlib.compress))
    ),
    *(
        request_attack(
            "encoding",
            kind,
            "a bomb of 50 MB in 50 kB, marked as gzip",
            401,
            lambda kind=kind: with_headers(
                dataclasses.replace(genuine(kind), body=bomb()),
                content_encoding="gzip",
            ),
        )
        for kind in (*HMACS, "form")
    ),
    # Pub/Sub signs who pushes and not what: the body is not unpacked, and kept for a person.
    request_attack(
        "encoding",
        "google",
        "a bomb of 50 MB in 50 kB, marked as gzip",
        200,
        lambda: with_headers(dataclasses.replace(genuine("google"), body=bomb()), content_encoding="gzip"),
        effects={"parked": 1},
    ),
]

# --------------------------------------------------------------------------------------------------- JSON bombs

BOMBS = {
    "nothing": b"",
    "a brace": b"{",
    "null": b"null",
    "a list": b"[]",
    "text": b'"text"',
    "lists 30,000 deep": b"[" * 30_000,
    "lists 30,000 deep and closed": b"[" * 30_000 + b"]" * 30_000,
    "objects 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "objects 65 deep": b'{"a":' * 65 + b"1" + b"}" * 65,
    "a number of 5,000 digits": b'{"object": ' + b"9" * 5_000 + b"}",
    "a number of 60,000 digits": b'{"object": ' + b"9" * 60_000 + b"}",
    "a number beyond all numbers": b'{"object": 1e999999}',
    "an exponent of 4,000 digits": b'{"object": 1e' + b"9" * 4_000 + b"}",
    "NaN": b'{"object": NaN}',
    "minus Infinity": b'{"object": -Infinity}',
    "a key named twice": b'{"object": "page", "object": "page"}',
    "a key named twice, once escaped": b'{"object": "page", "\\u006fbject": "page"}',
    "10,000 empty objects": b'{"entry": ' + b"[" + b"{}," * 9_999 + b"{}]}",
    "5,000 keys": b"{" + b",".join(b'"key%d":0' % number for number in range(4_500)) + b"}",
    "keys of Python's own": b'{"__class__": {"__init__": {"__globals__": 1}}, "__proto__": {"object": "page"}}',
    "not UTF-8": b'{"object": "\xff\xfe"}',
    "UTF-16": '{"object": "page"}'.encode("utf-16"),
    "UTF-32 without a mark": '{"object": "page"}'.encode("utf-32-le"),
    "UTF-7": b"+AHsAIgBvAGIAagBlAGMAdAAiADoAIgBwAGEAZwBlACIAfQ- ",
    "two byte order marks": b'\xef\xbb\xbf\xef\xbb\xbf{"object": "page", "entry": []}',
    "over-long UTF-8": b'{"object": "\xc0\xaf"}',
    "something after its end": b'{"object": "page", "entry": []} {"more": 1}',
    "a comment": b'{"object": "page" /* hello */, "entry": []}',
    "single quotes": b"{'object': 'page', 'entry': []}",
    "XML with entities": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "a form": b"object=page&entry=1",
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93.",
    "YAML": b"!!python/object/apply:os.system ['id']",
    "NUL bytes": b"\x00" * 1_000,
}  # fmt: skip
BOMB_ATTACKS = [
    *(
        request_attack(
            "bomb",
            kind,
            f"{name}, not signed",
            401,
            lambda kind=kind, body=body: (
                dataclasses.replace(genuine(kind), body=body)
                if kind != "google"
                else with_header(dataclasses.replace(genuine(kind), body=body), "authorization", "Bearer a.b.c")
            ),
        )
        for kind in KINDS
        for name, body in BOMBS.items()
    ),
    *(
        request_attack(
            "bomb",
            kind,
            f"{name}, genuine",
            200,
            lambda kind=kind, body=body: signed(kind, body),
            effects={"parked": 1},
        )
        for kind in (*HMACS, "google")
        for name, body in BOMBS.items()
    ),
]

# -------------------------------------------------------------------------------------------------------- sizes


def _limit(kind):
    return connector_of(kind).terms.body_limit.value


def _of(size):
    return b'{"object":"' + b"x" * (size - 13) + b'"}'


SIZES = [
    *(
        request_attack(
            "size",
            kind,
            "a byte over the platform's largest, genuine",
            413,
            lambda kind=kind: signed(kind, _of(_limit(kind) + 1)),
        )
        for kind in (*HMACS, "form")
    ),
    *(
        request_attack(
            "size",
            kind,
            "a byte over the platform's largest, not signed",
            413,
            lambda kind=kind: dataclasses.replace(genuine(kind), body=_of(_limit(kind) + 1)),
        )
        for kind in (*HMACS, "form")
    ),
    *(
        request_attack(
            "size",
            kind,
            "just the largest, not signed",
            401,
            lambda kind=kind: dataclasses.replace(genuine(kind), body=_of(_limit(kind))),
        )
        for kind in (*HMACS, "form")
    ),
    *(
        request_attack(
            "size",
            kind,
            "over the largest, with a Content-Length that lies",
            413,
            lambda kind=kind: with_header(signed(kind, _of(_limit(kind) + 1)), "content-length", "10"),
        )
        for kind in HMACS
    ),
    *(
        Attack(
            "size",
            kind,
            "over the largest once unpacked from base64",
            413,
            lambda kind=kind: (
                arriving(kind, signed(kind, _of(_limit(kind) + 1)))
                | {"body": base64.b64encode(_of(_limit(kind) + 1)).decode(), "isBase64Encoded": True}
            ),
        )
        for kind in ("form", "rt")
    ),
]

ATTACKS = [*ENCODINGS, *BOMB_ATTACKS, *SIZES]
