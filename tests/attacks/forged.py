"""Forged signatures and stamps: every way to be nearly genuine. All are 401 and leave nothing."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from datetime import timedelta

from deskwire.model.secret import Secrets

from .attack import request_attack, with_header
from .edge import ELSEWHERE, SIGNED, STAMPED, genuine, rule_of, secrets_of, signed

# What is done to a genuine signature, which is given with its prefix (Zendesk's has none).
SIGNATURES = {
    "missing": lambda value: None,
    "empty": lambda value: "",
    "blank": lambda value: " ",
    "a tab": lambda value: "\t",
    "one character short": lambda value: value[:-1],
    "half of it": lambda value: value[: len(value) // 2],
    "its first eight characters": lambda value: value[:8],
    "one character long": lambda value: value + "0",
    "twice in a row": lambda value: value + value,
    "sent in two headers, both good": lambda value: f"{value},{value}",
    "sent in two headers, the good one first": lambda value: f"{value},sha256={'0' * 64}",
    "sent in two headers, the good one last": lambda value: f"sha256={'0' * 64},{value}",
    "with a space before": lambda value: f" {value}",
    "with a space after": lambda value: f"{value} ",
    "with a line break after": lambda value: f"{value}\n",
    "with a NUL after": lambda value: f"{value}\x00",
    "with a non-breaking space after": lambda value: f"{value}\u00a0",
    "with a zero-width space within": lambda value: f"{value[:-8]}\u200b{value[-8:]}",
    "in quotes": lambda value: f'"{value}"',
    "as v1=": lambda value: f"v1={value}",
    "in upper case": lambda value: value.upper() if value.upper() != value else value.lower(),
    "with its case turned": lambda value: value.swapcase(),
    "backwards": lambda value: value[::-1],
    "with one character another": lambda value: ("0" if value[0] != "0" else "1") + value[1:],
    "with its last character another": lambda value: value[:-2] + ("A" if value[-2] != "A" else "B") + value[-1],
    "in wide digits": lambda value: value.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789abcdefA"}),
    "in Arabic digits": lambda value: value.translate({0x30 + digit: 0x660 + digit for digit in range(10)}) + "\u0660",
    "with a Cyrillic a": lambda value: value.replace("a", "\u0430") + "\u0430",
    "with a lone surrogate": lambda value: value[:-1] + "\udcff",
    "percent-encoded": lambda value: "".join(f"%{ord(character):02x}" for character in value),
    "in base64 once more": lambda value: base64.b64encode(value.encode()).decode(),
    "the word null": lambda value: "null",
    "the word undefined": lambda value: "undefined",
    "nothing but zeros": lambda value: value.partition("=")[0] + "=" + "0" * 64,
    "the prefix alone": lambda value: "sha256=",
    "of 8 kB": lambda value: "sha256=" + "a" * 8192,
    "a wildcard": lambda value: "*",
    "a list in JSON": lambda value: json.dumps([value]),
}


def _named(algorithm, kind):
    """Return the genuine signature under the name of another algorithm."""
    rule, request = rule_of(kind), genuine(kind)
    value = request.header(rule.header)
    return with_header(request, rule.header.lower(), f"{algorithm}={value.removeprefix(rule.prefix)}")


def _mac(kind, content=None, *, key=None, algorithm="sha256", prefix=None, encoding=None):
    """Return the genuine request with a signature made otherwise."""
    rule, request = rule_of(kind), genuine(kind)
    secret = secrets_of(kind).one(rule.secret).encode() if key is None else key
    stamp = request.header(rule.timestamp_header).encode() if rule.timestamp_header else b""
    own = rule.signed.encode().replace(b"{timestamp}", stamp).replace(b"{body}", request.body)
    made = hmac.digest(secret, own if content is None else content(stamp, request.body), algorithm)
    text = made.hex() if (encoding or rule.encoding) == "hex" else base64.b64encode(made).decode()
    return with_header(request, rule.header.lower(), (rule.prefix if prefix is None else prefix) + text)


def _bare(kind):
    rule = rule_of(kind)
    return with_header(genuine(kind), rule.header.lower(), None), genuine(kind).header(rule.header)


def _elsewhere(kind, place):
    """Return the request with its genuine signature in another place."""
    request, value = _bare(kind)
    match place:
        case "query":
            return dataclasses.replace(request, query={rule_of(kind).header: (value,)})
        case "body":
            return dataclasses.replace(request, body=json.dumps({"signature": value}).encode())
        case _:
            return with_header(request, place, value)


def _other(encoding):
    return "base64" if encoding == "hex" else "hex"


FORGERIES = {
    "HMAC-SHA1 under the right secret": lambda kind: _mac(kind, algorithm="sha1"),
    "HMAC-SHA1, and called so": lambda kind: _mac(kind, algorithm="sha1", prefix="sha1="),
    "HMAC-MD5, and called so": lambda kind: _mac(kind, algorithm="md5", prefix="md5="),
    "HMAC-SHA512, and called so": lambda kind: _mac(kind, algorithm="sha512", prefix="sha512="),
    "HMAC-SHA3-256 under the same name": lambda kind: _mac(kind, algorithm="sha3_256"),
    "the genuine one, called sha1": lambda kind: _named("sha1", kind),
    "the genuine one, called none": lambda kind: _named("none", kind),
    "the genuine one, called SHA256": lambda kind: _named("SHA256", kind),
    "in the other encoding": lambda kind: _mac(kind, encoding=_other(rule_of(kind).encoding)),
    "under an empty secret": lambda kind: _mac(kind, key=b""),
    "under another secret": lambda kind: _mac(kind, key=ELSEWHERE.encode()),
    "under the secret's name": lambda kind: _mac(kind, key=rule_of(kind).secret.encode()),
    "under the secret in upper case": lambda kind: _mac(
        kind, key=secrets_of(kind).one(rule_of(kind).secret).reveal().upper().encode() + b"X"
    ),
    "under the secret and a line break": lambda kind: _mac(
        kind, key=secrets_of(kind).one(rule_of(kind).secret).encode() + b"\n"
    ),
    "under the secret's digest": lambda kind: _mac(
        kind, key=hashlib.sha256(secrets_of(kind).one(rule_of(kind).secret).encode()).digest()
    ),
    "under the secret as a list in JSON": lambda kind: _mac(
        kind, key=json.dumps([secret.reveal() for secret in secrets_of(kind).every(rule_of(kind).secret)]).encode()
    ),
    "of an empty body": lambda kind: _mac(kind, lambda stamp, body: b""),
    "of another body": lambda kind: _mac(kind, lambda stamp, body: body.replace(b"1", b"2")),
    "of the body written anew by a JSON library": lambda kind: _mac(
        kind, lambda stamp, body: json.dumps(json.loads(body), sort_keys=True, indent=1).encode()
    ),
    "of the body in base64": lambda kind: _mac(kind, lambda stamp, body: base64.b64encode(body)),
    "of the body's digest": lambda kind: _mac(kind, lambda stamp, body: hashlib.sha256(body).digest()),
    "of address and body": lambda kind: _mac(
        kind, lambda stamp, body: b"https://hooks.example.org/channels/" + kind.encode() + body
    ),
    "of the body backwards": lambda kind: _mac(kind, lambda stamp, body: body[::-1]),
    "a plain SHA-256 of secret and body": lambda kind: with_header(
        genuine(kind), rule_of(kind).header.lower(),
        rule_of(kind).prefix + hashlib.sha256(
            secrets_of(kind).one(rule_of(kind).secret).encode() + genuine(kind).body
        ).hexdigest(),
    ),
    "in X-Signature": lambda kind: _elsewhere(kind, "x-signature"),
    "in X-Hub-Signature": lambda kind: _elsewhere(kind, "x-hub-signature"),
    "in Authorization": lambda kind: _elsewhere(kind, "authorization"),
    "in a header with underscores": lambda kind: _elsewhere(kind, rule_of(kind).header.lower().replace("-", "_")),
    "in the query": lambda kind: _elsewhere(kind, "query"),
    "in the body": lambda kind: _elsewhere(kind, "body"),
    "genuine, the body with a space more": lambda kind: dataclasses.replace(
        genuine(kind), body=genuine(kind).body + b" "
    ),
    "genuine, the body with a line break more": lambda kind: dataclasses.replace(
        genuine(kind), body=genuine(kind).body + b"\r\n"
    ),
    "genuine, the body behind a byte order mark": lambda kind: dataclasses.replace(
        genuine(kind), body=b"\xef\xbb\xbf" + genuine(kind).body
    ),
    "genuine, the body in UTF-16": lambda kind: dataclasses.replace(
        genuine(kind), body=genuine(kind).body.decode().encode("utf-16")
    ),
    "genuine, the body's escapes resolved or made": lambda kind: dataclasses.replace(
        genuine(kind), body=genuine(kind).body.replace(b"i", b"\\u0069")
    ),
    "genuine, the body's first byte another": lambda kind: dataclasses.replace(
        genuine(kind), body=b"[" + genuine(kind).body[1:]
    ),
    "genuine, the body empty": lambda kind: dataclasses.replace(genuine(kind), body=b""),
}  # fmt: skip


def _stamped(kind, stamp, *, sign=True):
    """Return the request with another stamp, signed with it unless said otherwise."""
    rule, request = rule_of(kind), genuine(kind)
    secret = secrets_of(kind).one(rule.secret)
    header, name = rule.header.lower(), rule.timestamp_header.lower()
    if sign and stamp is not None:
        request = with_header(request, header, rule._signature(secret, stamp, request.body))
    return with_header(request, name, stamp)


def _shifted(kind, seconds):
    """Return the request as signed some seconds from now, in the platform's own way of writing it."""
    request = genuine(kind)
    return signed(kind, now=request.received_at.replace(microsecond=0) + timedelta(seconds=seconds))


def _written(kind, moment):
    return str(int(moment.timestamp())) if rule_of(kind).timestamp_format == "epoch" else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


STAMPS = {
    "missing": lambda kind: _stamped(kind, None),
    "empty": lambda kind: _stamped(kind, ""),
    "not the one that was signed": lambda kind: _stamped(
        kind, _written(kind, genuine(kind).received_at + timedelta(seconds=1)), sign=False
    ),
    "302 seconds old": lambda kind: _shifted(kind, -302),
    "302 seconds ahead": lambda kind: _shifted(kind, 302),
    "a day old": lambda kind: _shifted(kind, -86_400),
    "a day ahead": lambda kind: _shifted(kind, 86_400),
    "a year old": lambda kind: _shifted(kind, -31_536_000),
    "0": lambda kind: _stamped(kind, "0"),
    "negative": lambda kind: _stamped(kind, "-1795295681"),
    "of twenty digits": lambda kind: _stamped(kind, "1" + "0" * 19),
    "of a thousand digits": lambda kind: _stamped(kind, "1" * 1000),
    "in milliseconds": lambda kind: _stamped(kind, f"{genuine(kind).received_at.timestamp() * 1000:.0f}"),
    "NaN": lambda kind: _stamped(kind, "NaN"),
    "Infinity": lambda kind: _stamped(kind, "Infinity"),
    "1e9": lambda kind: _stamped(kind, "1e9"),
    "a fraction": lambda kind: _stamped(kind, f"{genuine(kind).received_at.timestamp():.3f}"),
    "hexadecimal": lambda kind: _stamped(kind, hex(int(genuine(kind).received_at.timestamp()))),
    "with underscores": lambda kind: _stamped(kind, "1_795_295_681"),
    "the word now": lambda kind: _stamped(kind, "now"),
    "not ASCII": lambda kind: _stamped(kind, "\u0661\u0667\u0669\u0665\u0662\u0669\u0665\u0666\u0668\u0661"),
    "sent twice": lambda kind: _stamped(kind, ",".join([_written(kind, genuine(kind).received_at)] * 2)),
    "with a space before": lambda kind: _stamped(kind, " " + _written(kind, genuine(kind).received_at), sign=False),
    "without an offset": lambda kind: _stamped(kind, f"{genuine(kind).received_at:%Y-%m-%dT%H:%M:%S}"),
    "a date alone": lambda kind: _stamped(kind, f"{genuine(kind).received_at:%Y-%m-%d}"),
    "the end of all time": lambda kind: _stamped(kind, "9999-12-31T23:59:59-23:59"),
    "the beginning of all time": lambda kind: _stamped(kind, "0001-01-01T00:00:00+23:59"),
}


def _two_secrets_wrong():
    """A rotation lets two secrets in, and no third."""
    return signed("meta", secrets=Secrets({"app_secret": [ELSEWHERE, "and another"]}))


ATTACKS = [
    *(
        request_attack("signature", kind, name, 401, lambda kind=kind, change=change: with_header(
            genuine(kind), rule_of(kind).header.lower(), change(genuine(kind).header(rule_of(kind).header))
        ))
        for kind in SIGNED
        for name, change in SIGNATURES.items()
    ),
    *(
        request_attack("signature", kind, name, 401, lambda kind=kind, make=make: make(kind))
        for kind in SIGNED
        for name, make in FORGERIES.items()
    ),
    *(
        request_attack("stamp", kind, name, 401, lambda kind=kind, make=make: make(kind))
        for kind in STAMPED
        for name, make in STAMPS.items()
    ),
    request_attack("signature", "meta", "under two secrets that are not stored", 401, _two_secrets_wrong),
]  # fmt: skip
