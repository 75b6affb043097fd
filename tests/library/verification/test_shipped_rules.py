"""The rules a connector may choose from: each lets in the vendor's own example and nothing beside it."""

from __future__ import annotations

import base64
import dataclasses
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.secret import Secrets
from deskwire.verification.address import Address
from deskwire.verification.basic import Basic
from deskwire.verification.called import SignedCall
from deskwire.verification.ed25519 import Ed25519
from deskwire.verification.hmac import HmacHeader
from deskwire.verification.rule import Context
from deskwire.verification.stamped import Stamped
from deskwire.verification.standard import StandardWebhook
from deskwire.verification.token import Token
from deskwire.verification.url import SignedUrl
from deskwire.web.request import Request

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADDRESS = "https://mycompany.com/myapp.php?foo=1&bar=2"
# RFC 8032, 7.1, test 1
PRIVATE_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

RULES = {
    "token": (Token(header="X-Telegram-Bot-Api-Secret-Token", secret="s"), {"s": "invented"}, {"s": "zzz-not-it"}),
    "bearer": (Token(header="Authorization", secret="s", prefix="Bearer "), {"s": "invented"}, {"s": "zzz-not-it"}),
    "basic": (
        Basic(),
        {"webhook_user": "Aladdin", "webhook_password": "open sesame"},
        {"webhook_user": "Aladdin", "webhook_password": "open"},
    ),
    "address": (Address(secret="s"), {"s": "inv/ented+ é"}, {"s": "zzz-not-it"}),
    "standard": (
        StandardWebhook(secret="s"),
        {"s": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"s": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
    ),
    "stamped": (Stamped(header="TikTok-Signature", secret="s", signature="s"), {"s": "invented"}, {"s": "zzz-not-it"}),
    "hmac": (HmacHeader(header="X-Hub-Signature-256", secret="s", prefix="sha256="), {"s": "12345"}, {"s": "54321"}),
    "iso": (
        HmacHeader(
            header="X-Signature",
            secret="s",
            encoding="base64",
            signed="{timestamp}{body}",
            timestamp_header="X-Signature-Timestamp",
            timestamp_format="iso",
        ),
        {"s": "12345"},
        {"s": "54321"},
    ),
    "url": (SignedUrl(header="X-Twilio-Signature", secret="s"), {"s": "12345"}, {"s": "54321"}),
    "called": (
        SignedCall(header="X-HubSpot-Signature-v3", timestamp_header="X-HubSpot-Request-Timestamp", secret="s"),
        {"s": "12345"},
        {"s": "54321"},
    ),
    "ed25519": (
        Ed25519(header="X-Signature-Ed25519", timestamp_header="X-Signature-Timestamp"),
        {"public_key": PUBLIC_KEY, "private_key": PRIVATE_KEY},
        {"public_key": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
    ),
}
SIGN_THE_BODY = ("standard", "stamped", "hmac", "iso", "url", "called", "ed25519")
STAMPED = ("standard", "stamped", "iso", "called", "ed25519")
ONLY = pytest.mark.parametrize("name", RULES)


def context(now=NOW, address=ADDRESS):
    return Context(now, None, {"address": address})


def signed(name, **changes):
    rule, values, _ = RULES[name]
    request = Request(
        method="POST", endpoint="e", body=b"a=1&b=2", received_at=NOW, facts={"setting.address": ADDRESS}
    )  # fmt: skip
    return dataclasses.replace(rule.sign(request, Secrets(values), NOW), **changes)


def verified(name, request=None, values=None, **more):
    rule, right, _ = RULES[name]
    return rule.verify(request or signed(name), Secrets(right if values is None else values), context(**more))


@ONLY
def test_what_it_signs_it_lets_in(name):
    assert verified(name) == {}


@ONLY
def test_both_secrets_are_good_during_a_rotation(name):
    _, right, other = RULES[name]
    for pair in ((right, other), (other, right)):
        verified(name, values={key: [pair[0].get(key, right[key]), pair[1].get(key, right[key])] for key in right})


@ONLY
def test_another_secret_is_refused(name):
    with pytest.raises(SignatureError):
        verified(name, values=RULES[name][2])


@ONLY
def test_without_a_secret_nobody_is_let_in(name):
    for key in RULES[name][0].names():
        for empty in ({}, {key: []}, {key: ""}):
            rest = {other: value for other, value in RULES[name][1].items() if other != key}
            with pytest.raises(ConfigurationError):
                verified(name, values=rest | empty)


@ONLY
def test_a_header_missing_empty_garbled_doubled_or_not_ascii_is_refused(name):
    request = signed(name)
    for header in RULES[name][0].headers:
        value = request.headers[header]
        for wrong in ("", " ", value[:-1], value[: len(value) // 2], f"{value},{value}x", value[:-1] + "é", "\udcff"):
            with pytest.raises(SignatureError):
                verified(name, signed(name, headers={**request.headers, header: wrong}))
        rest = {each: value for each, value in request.headers.items() if each != header}
        with pytest.raises(SignatureError):
            verified(name, signed(name, headers=rest))


@pytest.mark.parametrize("name", SIGN_THE_BODY)
def test_another_body_is_refused(name):
    with pytest.raises(SignatureError):
        verified(name, signed(name, body=b"a=1&b=3"))


@pytest.mark.parametrize("name", STAMPED)
def test_a_stamp_too_old_or_too_far_ahead_is_refused(name):
    assert RULES[name][0].stamped
    for minutes in (6, -6):
        with pytest.raises(SignatureError, match="300 seconds"):
            verified(name, now=NOW + timedelta(minutes=minutes))
    verified(name, now=NOW + timedelta(minutes=4))


@ONLY
def test_no_message_tells_the_secret(name):
    for values in (RULES[name][2], {}):
        with pytest.raises((SignatureError, ConfigurationError)) as caught:
            verified(name, values=values)
        for secret in (*RULES[name][1].values(), *RULES[name][2].values()):
            assert secret not in f"{caught.value} {RULES[name][0]!r} {signed(name)!r}"


@pytest.mark.parametrize("name", ["bearer", "basic", "hmac"])
def test_what_stands_before_the_proof_belongs_to_it(name):
    request = signed(name)
    (header,) = RULES[name][0].headers
    value = request.headers[header]
    ahead = next(value[: value.index(mark) + 1] for mark in (" ", "=") if mark in value)
    for other in ("", "Token ", "Bearer ", "Basic ", "sha1=", ahead + ahead):
        if other != ahead:
            with pytest.raises(SignatureError):
                verified(name, signed(name, headers={**request.headers, header: other + value.removeprefix(ahead)}))


@pytest.mark.parametrize("name", STAMPED)
def test_a_stamp_is_the_one_that_was_signed_and_no_other_stands_beside_it(name):
    """The stamp is too old where another may be given: an attacker repeats what was genuine once."""
    request = signed(name)
    late = NOW + timedelta(minutes=6)
    (header,) = [each for each in RULES[name][0].headers if "time" in each or each == "tiktok-signature"]
    now = dataclasses.replace(signed(name), headers={})
    now = RULES[name][0].sign(now, Secrets(RULES[name][1]), late).headers[header]
    old = request.headers[header]
    for both in (f"{old},{now}", f"{now},{old}", f"{now.split(',')[0]},{old}", f"{old},{now.split(',')[0]}"):
        with pytest.raises(SignatureError):
            verified(name, signed(name, headers={**request.headers, header: both}), now=late)


@pytest.mark.parametrize("stamp", ["2026-11-21T12:00:00", "2026-11-21", "12:00:00Z", "1795262400", "now"])
def test_a_signed_stamp_without_date_time_and_offset_is_refused(stamp):
    """However genuine: a time without an offset is another one wherever it is read."""
    right = RULES["iso"][1]
    signature = base64.b64encode(hmac.digest(right["s"].encode(), stamp.encode() + b"a=1&b=2", "sha256")).decode()
    headers = {"x-signature": signature, "x-signature-timestamp": stamp}
    with pytest.raises(SignatureError, match="X-Signature-Timestamp"):
        verified("iso", signed("iso", headers=headers))


# ------------------------------------------------------------------------------- the vendors' own examples


def test_the_vector_of_rfc_7617_verifies():
    request = Request(
        method="POST", endpoint="e", body=b"", received_at=NOW, headers={"authorization": "Basic dGVzdDoxMjPCow=="}
    )
    assert Basic().verify(request, Secrets({"webhook_user": "test", "webhook_password": "123£"}), context()) == {}
    aladdin = signed("basic").headers["authorization"]
    assert aladdin == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    lower = signed("basic", headers={"authorization": aladdin.replace("Basic", "basic")})
    assert verified("basic", lower) == {}, "a scheme's case does not matter"


def test_the_vector_of_standard_webhooks_verifies():
    """https://github.com/standard-webhooks/standard-webhooks, its libraries' own test."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= "
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }  # fmt: skip
    request = Request(method="POST", endpoint="e", body=b'{"test": 2432232314}', received_at=NOW, headers=headers)
    now = datetime.fromtimestamp(1614265330, UTC)
    assert verified("standard", request, now=now) == {}


def test_the_vector_of_twilio_s_page_verifies():
    """https://www.twilio.com/docs/usage/security, “Validating signatures from Twilio”."""
    body = (
        b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    )  # fmt: skip
    headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    request = Request(method="POST", endpoint="e", body=body, received_at=NOW, headers=headers)
    assert verified("url", request) == {}
    with pytest.raises(SignatureError):
        verified("url", request, address=ADDRESS + "&baz=3")
    with pytest.raises(ConfigurationError):
        verified("url", request, address="")


def test_a_vector_of_openssl_verifies_in_tiktok_s_form():
    """printf '%s' '1633174587.{"a":1}' | openssl dgst -sha256 -hmac invented"""
    digest = "8c0b58acba2c57db7678961d45c424da08a0672298705c25b3ec584c02466e8d"
    headers = {"tiktok-signature": f"t=1633174587,s={digest}"}
    request = Request(method="POST", endpoint="e", body=b'{"a":1}', received_at=NOW, headers=headers)
    assert verified("stamped", request, now=datetime.fromtimestamp(1633174587, UTC)) == {}


def test_the_key_of_rfc_8032_verifies():
    """Section 7.1, test 1 is of an empty message; there is no stamp in it, so the key alone is the vector's."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(PRIVATE_KEY))
    assert key.public_key().public_bytes_raw().hex() == PUBLIC_KEY
    stamp = str(int(NOW.timestamp()))
    headers = {"x-signature-ed25519": key.sign(stamp.encode() + b"{}").hex(), "x-signature-timestamp": stamp}
    request = Request(method="POST", endpoint="e", body=b"{}", received_at=NOW, headers=headers)
    assert verified("ed25519", request) == {}


def test_a_secret_of_the_address_is_given_once_and_shown_to_no_connector():
    request = signed("address")
    for query in ({}, {"key": ("",)}, {"key": (*request.query["key"], "other")}):
        with pytest.raises(SignatureError):
            verified("address", signed("address", query=query))
    assert Address(secret="s").cleared(request).query == {}


def test_hubspot_s_own_vector_of_version_3_verifies():
    """https://github.com/HubSpot/hubspot-api-python/blob/master/tests/spec/utils/test_signature.py."""
    rule, _, _ = RULES["called"]
    stamp = "15000000"
    request = Request(
        method="POST",
        endpoint="e",
        body=b"{'example_field':'example_value'}",
        headers={
            "x-hubspot-signature-v3": "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
            "x-hubspot-request-timestamp": stamp,
        },
        received_at=NOW,
    )
    then = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    secrets = Secrets({"s": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"})
    assert rule.verify(request, secrets, context(then, "https://www.example.com/webhook_uri")) == {}
    with pytest.raises(SignatureError, match="does not match"):
        rule.verify(request, secrets, context(then, "https://www.example.com/other"))
    with pytest.raises(SignatureError, match="does not match"):
        rule.verify(
            dataclasses.replace(request, method="PUT"), secrets, context(then, "https://www.example.com/webhook_uri")
        )
    with pytest.raises(SignatureError, match="away from now"):
        rule.verify(request, secrets, context(then + timedelta(minutes=6), "https://www.example.com/webhook_uri"))


def test_an_address_that_is_signed_is_written_as_a_whole():
    rule, _, _ = RULES["called"]
    assert rule.faults({"address": "hooks.example.org/helpdesks/desk"}).keys() == {"address"}
    assert not rule.faults({"address": "https://hooks.example.org/helpdesks/desk"})
    assert not rule.faults({})  # missing is told by `endpoint_settings`
