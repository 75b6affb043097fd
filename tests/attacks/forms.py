"""The web form, where anybody may write: origins, captchas, rates, and fields made to hurt."""

from __future__ import annotations

import dataclasses
import json

from .attack import request_attack, with_header
from .edge import genuine

BODY = json.loads(genuine("form").body)
ALLOWED = "https://shop.example.org"
PASSED = {"success": True, "hostname": "shop.example.org", "action": "contact", "error-codes": []}


def form(*without, **changes):
    body = {name: value for name, value in {**BODY, **changes}.items() if name not in without}
    return dataclasses.replace(genuine("form"), body=json.dumps(body).encode())


def upload(**changes):
    body = {
        "schema": "upload.requested/1", "form_id": BODY["form_id"], "name": "invoice.pdf", "type": "application/pdf",
        "size": 1000, "cf-turnstile-response": BODY["cf-turnstile-response"], **changes,
    }  # fmt: skip
    return dataclasses.replace(genuine("form"), action="uploads", body=json.dumps(body).encode())


ORIGINS = {
    "none": None,
    "empty": "",
    "null": "null",
    "another site": "https://evil.example",
    "over http": "http://shop.example.org",
    "with a slash": "https://shop.example.org/",
    "with a path": "https://shop.example.org/form",
    "with a port": "https://shop.example.org:443",
    "below ours": "https://evil.shop.example.org",
    "ending in ours": "https://evilshop.example.org",
    "beginning with ours": "https://shop.example.org.evil.example",
    "with a user": "https://shop.example.org@evil.example",
    "in upper case": "HTTPS://SHOP.EXAMPLE.ORG",
    "two": f"{ALLOWED}, https://evil.example",
    "two with a space, as the setting has them": f"{ALLOWED} https://www.example.org:8443",
    "a wildcard": "*",
    "with a line break": f"{ALLOWED}\r\nx: y",
    "with a dot": "https://shop.example.org.",
    "in Cyrillic letters": "https://sh\u043ep.example.org",
}
TYPES = {
    "none": None,
    "text/plain, which needs no preflight": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data; boundary=x",
    "JSON in UTF-16": "application/json; charset=utf-16",
    "two": "application/json, text/plain",
    "two, the other way round": "text/plain, application/json",
    "nearly JSON": "application/jsonx",
    "JSON behind text": "text/plain; application/json",
    "a patch": "application/merge-patch+json",
}
TOKENS = {
    "none": None,
    "empty": "",
    "null": None,
    "a number": 1,
    "a list": ["token"],
    "an object": {"token": "t"},
    "true": True,
    "with a line break": "to\nken",
    "with a NUL": "to\x00ken",
    "not ASCII": "t\u00f6ken",
    "of 3,000 characters": "t" * 3_000,
    "with a lone surrogate": "token\ud800",
}
ANSWERS = {
    "says no": {"success": False, "error-codes": ["invalid-input-response"]},
    "says that it was used": {"success": False, "error-codes": ["timeout-or-duplicate"]},
    "says nothing": {},
    "says yes in words": {**PASSED, "success": "true"},
    "says 1": {**PASSED, "success": 1},
    "names another site": {**PASSED, "hostname": "evil.example"},
    "names a site below ours": {**PASSED, "hostname": "evil.shop.example.org"},
    "names the site with a port": {**PASSED, "hostname": "shop.example.org:443"},
    "names no site": {"success": True, "action": "contact"},
    "names a list of sites": {**PASSED, "hostname": ["shop.example.org"]},
    "names another widget": {**PASSED, "action": "login"},
    "names no widget": {"success": True, "hostname": "shop.example.org"},
}
FIELDS = {
    "an e-mail address with a header in it": {"email": "a@b.example\r\nBcc: all@evil.example"},
    "an e-mail address with a line break after": {"email": "a@b.example\n"},
    "two e-mail addresses": {"email": "a@b.example,c@d.example"},
    "an e-mail address with a name": {"email": "Marta <a@b.example>"},
    "an e-mail address in quotes": {"email": '"a b"@b.example'},
    "an e-mail address at an IP address": {"email": "a@[127.0.0.1]"},
    "an e-mail address at localhost": {"email": "root@localhost"},
    "an e-mail address that is not ASCII": {"email": "\u00e4@b.example"},
    "an e-mail address of 300 characters": {"email": "a@" + "b" * 60 + ".example" * 30},
    "an e-mail address that is a list": {"email": ["a@b.example"]},
    "an e-mail address with markup": {"email": "<script>@b.example"},
    "no e-mail address": {"email": None},
    "a name with a line break": {"name": "Marta\r\nBcc: all@evil.example"},
    "a name with a separator of lines": {"name": "Marta\u2028Bcc: x"},
    "a name of 300 characters": {"name": "M" * 300},
    "an e-mail address that is an object": {"email": {"$ne": ""}},
    "a subject with a line break": {"subject": "Hello\nBcc: all@evil.example"},
    "a subject of 10,000 characters": {"subject": "s" * 10_000},
    "no message": {"message": ""},
    "a message of blanks": {"message": " \n\t "},
    "a message of 20,001 characters": {"message": "m" * 20_001},
    "a message that is a number": {"message": 7},
    "a form with a slash": {"form_id": "../contact"},
    "a form of 65 characters": {"form_id": "f" * 65},
    "a form with a line break": {"form_id": "contact\n"},
    "a form that is not ASCII": {"form_id": "cont\u0430ct"},
    "no form": {"form_id": None},
    "a submission in upper case": {"submission_id": "0B3C1D52-6C1E-4B7E-9C55-3F1E2D4C5B6A"},
    "a submission that is no UUID": {"submission_id": "1"},
    "a submission with a line break": {"submission_id": BODY["submission_id"] + "\n"},
    "another schema": {"schema": "form.submitted/2"},
    "the schema of uploads": {"schema": "upload.requested/1"},
    "an upload of another prefix": {"uploads": [{"id": "../../raw/secret", "name": "a", "type": "text/plain"}]},
    "an upload with a slash": {"uploads": [{"id": "parked/0123456789", "name": "a", "type": "text/plain"}]},
    "an upload of a short id": {"uploads": [{"id": "a", "name": "a", "type": "text/plain"}]},
    "an upload by its address": {"uploads": [{"url": "http://169.254.169.254/", "name": "a", "type": "text/plain"}]},
    "six uploads": {"uploads": [{"id": "0123456789", "name": "a", "type": "text/plain"}] * 6},
    "an upload with a header in its type": {"uploads": [{"id": "0123456789", "name": "a", "type": "a/b\r\nX: y"}]},
    "uploads that are an object": {"uploads": {"id": "0123456789"}},
    "uploads nested": {"uploads": [[{"id": "0123456789"}]]},
    "a field of JavaScript's own": {"fields": [{"name": "__proto__", "value": "x"}]},
    "a field with markup": {"fields": [{"name": "<b>", "value": "x"}]},
    "a field in upper case": {"fields": [{"name": "Order", "value": "x"}]},
    "a field of 2,000 characters": {"fields": [{"name": "order", "value": "x" * 2_000}]},
    "21 fields": {"fields": [{"name": f"field_{number}", "value": "x"} for number in range(21)]},
    "fields that are an object": {"fields": {"order": "7"}},
}
UPLOADS = {
    "of HTML": {"type": "text/html"},
    "of SVG": {"type": "image/svg+xml"},
    "of JavaScript": {"type": "application/javascript"},
    "of a program": {"type": "application/x-msdownload"},
    "of no type": {"type": ""},
    "of two types": {"type": "image/png, text/html"},
    "of a type with a line break": {"type": "image/png\r\nx: y"},
    "of a type in upper case": {"type": "IMAGE/PNG"},
    "of nothing": {"size": 0},
    "of less than nothing": {"size": -1},
    "of a byte too many": {"size": 10 * 1024 * 1024 + 1},
    "of 10\u00b9\u2078 bytes": {"size": 10**18},
    "of no size": {"size": None},
    "without a name": {"name": ""},
    "named as a directory": {"name": "../../"},
    "named by dots": {"name": ".."},
    "named by invisible characters": {"name": "\u202e\u200b\u2066"},
    "named by a list": {"name": ["a"]},
    "to a form with a slash": {"form_id": "a/b"},
    "of another schema": {"schema": "form.submitted/1"},
}

ATTACKS = [
    *(
        request_attack(
            "origin", "form", name, 401, lambda origin=origin: with_header(genuine("form"), "origin", origin)
        )
        for name, origin in ORIGINS.items()
    ),
    *(
        request_attack(
            "origin",
            "form",
            f"preflight: {name}",
            403,
            lambda origin=origin: dataclasses.replace(
                with_header(genuine("form"), "origin", origin), method="OPTIONS", body=b""
            ),
        )
        for name, origin in ORIGINS.items()
    ),
    *(
        request_attack(
            "media type", "form", name, 401, lambda kind=kind: with_header(genuine("form"), "content-type", kind)
        )
        for name, kind in TYPES.items()
    ),
    *(
        request_attack(
            "captcha", "form", f"a token: {name}", 401, lambda token=token: form(**{"cf-turnstile-response": token})
        )
        for name, token in TOKENS.items()
    ),
    request_attack("captcha", "form", "no token's field at all", 401, lambda: form("cf-turnstile-response")),
    request_attack(
        "captcha",
        "form",
        "a token in the field of another provider",
        401,
        lambda: form("cf-turnstile-response", **{"h-captcha-response": "token"}),
    ),
    request_attack(
        "captcha",
        "form",
        "a token in the query",
        401,
        lambda: dataclasses.replace(form("cf-turnstile-response"), query={"cf-turnstile-response": ("token",)}),
    ),
    request_attack(
        "captcha",
        "form",
        "a token nested",
        401,
        lambda: form("cf-turnstile-response", captcha={"cf-turnstile-response": "token"}),
    ),
    *(
        request_attack("captcha", "form", f"the provider {name}", 401, lambda: genuine("form"), captcha=answer)
        for name, answer in ANSWERS.items()
    ),
    *(
        request_attack("captcha", "form", f"for an upload, the provider {name}", 401, upload, captcha=answer)
        for name, answer in ANSWERS.items()
    ),
    *(
        request_attack("field", "form", name, 400, lambda change=change: form(**change))
        for name, change in FIELDS.items()
    ),
    *(
        request_attack("upload", "form", f"a file {name}", 400, lambda change=change: upload(**change))
        for name, change in UPLOADS.items()
    ),
    request_attack(
        "field",
        "form",
        "a filled honeypot: filed as suspected spam, never acknowledged",
        202,
        lambda: form(leave_empty="https://evil.example"),
        effects={"letters": 1},
    ),
    request_attack("rate", "form", "the 21st from one address", 429, lambda: form(message=""), before=20),
    *(
        request_attack(
            "rate",
            "form",
            f"the 21st from one address, with another {name} each time",
            429,
            lambda name=name: with_header(form(message=""), name, "198.51.100.77"),
            before=20,
        )
        for name in ("x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip")
    ),
    request_attack(
        "rate", "form", "the 21st upload from one address", 429, lambda: upload(type="text/html"), before=20
    ),
    request_attack(
        "rate",
        "form",
        "the 21st from one network of IPv6",
        429,
        lambda: dataclasses.replace(form(message=""), source="2001:db8:1:2:aaaa::1"),
        before=20,
    ),
    request_attack(
        "rate",
        "form",
        "the 21st from one address, without a captcha",
        429,
        lambda: form("cf-turnstile-response"),
        before=20,
    ),
]
