"""C3 to C8: only the genuine gets in (H8 for helpdesks: their own webhooks)."""

import ast
import base64
import dataclasses
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from deskwire.contracts.channel import newest
from deskwire.model.errors import ConfigurationError, DeskwireError, SignatureError
from deskwire.model.events import Event, Kind
from deskwire.model.secret import Secrets
from deskwire.timing import REMEMBERED
from deskwire.verification.hmac import HmacHeader
from tests.conformance import world

OTHER = "quiteAnotherInventedValue000"  # base64, as some rules want it


def verified(capture, request=None, secrets=None, *, later=timedelta(0)):
    original = capture.arrived
    values = world.secret_values(capture.connector) if secrets is None else secrets
    return world.rule_of(capture).verify(
        request or original,
        Secrets(values),
        world.context(capture.connector, original.received_at + later),
    )


def with_header(request, name, value):
    headers = {key: text for key, text in request.headers.items() if key != name}
    return dataclasses.replace(request, headers=headers if value is None else {**headers, name: value})


def changed_headers(request, names):
    """Yield (what was done, request) for each way a signature's header goes wrong."""
    for name in names:
        value = request.header(name)
        yield f"{name} missing", with_header(request, name, None)
        for what, other in {
            "empty": "",
            "blank": " ",
            "garbled": value[:-4] + value[-4:][::-1] + "A",
            "cut": value[: len(value) // 2],
            "doubled": f"{value},{value}",
            "not ASCII": value[:-1] + "é",
            "of wide digits": value.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)}),
            "not encodable": value[:-1] + "\udcff",
        }.items():
            if other != value:
                yield f"{name} {what}", with_header(request, name, other)


def weaker(capture):
    """Yield the request as signed with a weaker algorithm by someone who even has the secret."""
    rule, request = world.rule_of(capture), capture.arrived
    if isinstance(rule, HmacHeader):
        secrets = Secrets(world.secret_values(capture.connector))
        for algorithm in ("sha1", "md5"):
            other = dataclasses.replace(rule, algorithm=algorithm)
            signed = other.sign(request, secrets, request.received_at)
            yield algorithm, signed
            if rule.prefix:
                named = dataclasses.replace(other, prefix=f"{algorithm}=")
                yield f"{algorithm}=", named.sign(request, secrets, request.received_at)
        if rule.header.endswith("-256"):  # Meta sends the old SHA-1 header too
            body = hmac.digest(secrets.one(rule.secret).encode(), request.body, "sha1").hex()
            bare = with_header(request, rule.header.lower(), None)
            yield (
                "the old header",
                with_header(bare, rule.header.lower().removesuffix("-256"), f"sha1={body}"),
            )
    for name in rule.headers:
        scheme, _, token = request.header(name).rpartition(" ")
        if token.count(".") == 2:  # a JSON Web Token
            payload = token.split(".")[1]
            for algorithm in ("none", "HS256"):
                text = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
                head = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
                mac = hmac.digest(b"key", f"{head}.{payload}".encode(), hashlib.sha256)
                tail = "" if algorithm == "none" else base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
                yield algorithm, with_header(request, name, f"{scheme} {head}.{payload}.{tail}")


def refused(capture, request, what, **options):
    """Check that a request is refused as a forgery: a stranger's must not call a person."""
    try:
        verified(capture, request, **options)
    except SignatureError:
        return
    except ConfigurationError:
        pytest.fail(f"{what}: a stranger's forgery calls a person")
    pytest.fail(f"{what}: let in")


@pytest.mark.rule("C3.genuine")
def test_a_genuine_request_is_let_in(genuine):
    verified(genuine)


@pytest.mark.rule("C3.rotation")
def test_a_genuine_request_is_let_in_during_a_rotation(genuine):
    names = world.rule_of(genuine).names()
    values = world.secret_values(genuine.connector)
    for name in names:
        rotated = {**values, name: [OTHER, *values[name]]}
        verified(genuine, secrets=rotated)
        verified(genuine, secrets={**values, name: [*values[name], OTHER]})


@pytest.mark.rule("C3.signs")
def test_the_rule_signs_as_the_platform_does(genuine):
    """What `sign` makes, `verify` takes: so the sandbox may play the platform with it."""
    request = genuine.arrived
    bare = dataclasses.replace(
        request,
        headers={name: value for name, value in request.headers.items() if name not in world.rule_of(genuine).headers},
    )
    secrets = Secrets(world.secret_values(genuine.connector))
    signed = world.rule_of(genuine).sign(bare, secrets, request.received_at)
    verified(genuine, signed)


@pytest.mark.rule("C4.body")
def test_a_body_changed_by_one_byte_is_refused(genuine):
    request = genuine.arrived
    for place in {0, len(request.body) // 2, len(request.body) - 1}:
        body = bytearray(request.body)
        body[place] ^= 1
        refused(genuine, dataclasses.replace(request, body=bytes(body)), f"byte {place} changed")
    for body in (request.body + b" ", request.body[:-1], b""):
        refused(genuine, dataclasses.replace(request, body=body), "longer, shorter or empty body")


@pytest.mark.rule("C4.header")
def test_a_header_missing_empty_garbled_doubled_or_not_ascii_is_refused(genuine):
    names = world.rule_of(genuine).headers
    if not names:
        pytest.skip("the proof is in the body: see the connector's own tests")
    for what, request in changed_headers(genuine.arrived, names):
        refused(genuine, request, what)


@pytest.mark.rule("C4.secret")
def test_another_secret_is_refused(genuine):
    values = world.secret_values(genuine.connector)
    for name in world.rule_of(genuine).names():
        refused(genuine, genuine.arrived, f"another {name}", secrets={**values, name: [OTHER]})


@pytest.mark.rule("C4.algorithm")
def test_a_weaker_algorithm_is_refused(genuine):
    for what, request in weaker(genuine):
        refused(genuine, request, what)


def signed_captures(connector):
    return [item for item in world.captures(connector) if item.expected is not None and item.signed]


@pytest.mark.rule("C5.age")
def test_a_stamp_too_old_or_too_far_ahead_is_refused(stamped_connector):
    found = signed_captures(stamped_connector)
    assert found
    for capture in found:
        for days in (1, -1):
            refused(capture, capture.arrived, f"{days} days later", later=timedelta(days=days))


@pytest.mark.rule("C5.memory")
def test_a_delivery_says_when_it_was_made_so_that_a_late_replay_is_refused(delivered_connector):
    """Where the rule signs no time, the signed body has to carry one: else a replay after a month is filed again."""
    connector = world.connectors()[delivered_connector]
    if connector.verification.stamped:
        pytest.skip("its rule signs the time")
    found = [item for item in signed_captures(delivered_connector) if "events" in item.expected]
    proven = False
    for capture in found:
        events = world.parsed(delivered_connector, capture.request)[0]
        if not any(getattr(event, "kind", None) in {Kind.MESSAGE, Kind.EDIT} for event in events):
            continue
        written = newest(event for event in events if isinstance(event, Event))
        made = connector.delivered_at(capture.request, events)
        if made is None and (written is None or capture.request.received_at - written > REMEMBERED):
            continue  # it says no time, or is a test of the platform's own dashboard
        assert made is not None
        assert abs(made - capture.request.received_at) < timedelta(days=7)
        proven = True
    assert proven


@pytest.mark.rule("C5.time")
def test_a_stamp_that_is_no_time_is_refused(stamped_connector):
    """Signed for real, so that only the stamp itself is wrong."""
    rule = world.connectors()[stamped_connector].verification
    if not isinstance(rule, HmacHeader):
        pytest.skip("its stamp lies inside a signed token: see the rule's own tests")
    secrets = Secrets(world.secret_values(stamped_connector))
    for capture in signed_captures(stamped_connector):
        request = capture.arrived
        for stamp in ("soon", "0", "-1", "1e9", "9" * 40, "١٢٣٤٥٦٧٨٩٠", "NaN", "2026-13-45T00:00:00Z"):
            signature = rule._signature(secrets.one(rule.secret), stamp, request.body)
            forged = with_header(request, rule.header.lower(), signature)
            refused(capture, with_header(forged, rule.timestamp_header.lower(), stamp), f"stamp {stamp}")


@pytest.mark.rule("C6.secret")
def test_without_a_secret_or_setting_nobody_is_let_in(genuine):
    values, names = world.secret_values(genuine.connector), world.rule_of(genuine).names()
    settings = world.endpoint_settings(genuine.connector)
    assert names or settings, "the rule needs neither a secret nor a setting: what does it check?"
    for name in names:
        for empty in ({}, {name: []}, {name: [""]}, {name: ["", *values[name]]}):
            secrets = {key: value for key, value in values.items() if key != name} | empty
            with pytest.raises(ConfigurationError):
                verified(genuine, secrets=secrets)
    request = genuine.arrived
    if not names:
        bare = dataclasses.replace(world.context(genuine.connector, request.received_at), settings={})
        with pytest.raises(ConfigurationError):
            world.rule_of(genuine).verify(request, Secrets(values), bare)


@pytest.mark.rule("C6.declared")
def test_the_secrets_of_the_rule_are_declared(connector):
    subject = world.connectors()[connector]
    assert set(subject.verification.names()) <= set(subject.endpoint_secrets)
    assert set(subject.verification.names()) <= set(world.secret_values(connector))
    assert all(text.strip() for text in subject.endpoint_secrets.values())


@pytest.mark.rule("C7.vector")
def test_a_vector_from_outside_is_verified_in_its_own_tests(delivered_channel):
    assert proofs(delivered_channel, "vector"), (
        f"tests/connectors/{delivered_channel}/ has no test with “vector” in its name"
    )


@pytest.mark.rule("H8.vector")
def test_a_vector_from_outside_is_verified_in_the_helpdesk_s_tests(delivered_helpdesk):
    assert proofs(delivered_helpdesk, "vector"), (
        f"tests/connectors/{delivered_helpdesk}/ has no test with “vector” in its name"
    )


def proofs(name, word):
    """Return the tests of a connector's own files whose name holds the word, as a part between underscores."""
    return [
        node.name
        for path in sorted((world.PROOFS / name).glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and word in node.name.split("_")
    ]


# ------------------------------------------------------------------------------------------------ handshakes


@pytest.mark.rule("C8.answered")
def test_a_handshake_is_answered(handshake):
    connector = world.connectors()[handshake.connector]
    response = connector.handshake(handshake.arrived, Secrets(world.secret_values(handshake.connector)))
    assert response is not None
    for name, wanted in handshake.expected["response"].items():
        given = getattr(response, name)
        if name == "headers":
            assert {key: given.get(key) for key in wanted} == wanted
        else:
            assert (json.loads(given) if isinstance(wanted, dict) else given) == wanted


@pytest.mark.rule("C8.captured")
def test_a_connector_with_a_handshake_has_captured_one_and_a_wrong_one(handshaking_connector):
    """Wrong: its capture is refused with an error or answered 4xx."""
    found = [item.expected for item in world.captures(handshaking_connector) if item.expected]
    answers = [item["response"]["status"] for item in found if set(item) == {"response"}]
    assert any(status < 300 for status in answers)
    assert any(status >= 400 for status in answers) or {"error": "SignatureError"} in found


@pytest.mark.rule("C8.delivery")
def test_a_delivery_is_no_handshake(genuine):
    connector = world.connectors()[genuine.connector]
    secrets = Secrets(world.secret_values(genuine.connector))
    assert connector.handshake(genuine.arrived, secrets) is None


@pytest.mark.rule("C8.shape")
def test_a_handshake_signs_nothing_of_another_shape(handshake):
    """Whatever a stranger asks to be signed as a challenge, the answer is no signature of a delivery."""
    connector = world.connectors()[handshake.connector]
    secrets = Secrets(world.secret_values(handshake.connector))
    request = handshake.arrived
    bodies = [item.arrived.body for item in world.captures(handshake.connector) if item.expected and item.signed]
    texts = [body.decode() for body in bodies] + ["{}", "[]", '{"a":1}', " {}", "null", "0", ""]
    for parameter in request.query:
        for text in texts:
            tried = dataclasses.replace(request, query={**request.query, parameter: (text,)})
            try:
                response = connector.handshake(tried, secrets)
            except DeskwireError:
                continue
            if response is None or not connector.verification.headers:
                continue
            forged = dataclasses.replace(request, method="POST", body=text.encode(), headers={})
            signed = connector.verification.sign(forged, secrets, request.received_at)
            for name in connector.verification.headers:
                value = signed.header(name)
                assert value not in response.body
                assert value.rpartition("=")[2] == "" or value.split("=", 1)[-1] not in response.body
                assert value not in response.headers.values()


@pytest.mark.rule("C8.another")
def test_a_handshake_under_another_secret_is_not_answered_alike(handshake):
    connector = world.connectors()[handshake.connector]
    values = world.secret_values(handshake.connector)
    if not values or handshake.expected["response"]["status"] >= 300 or handshake.arrived.method == "OPTIONS":
        pytest.skip("no secret takes part")
    right = connector.handshake(handshake.arrived, Secrets(values))
    try:
        other = connector.handshake(handshake.arrived, Secrets(dict.fromkeys(values, OTHER)))
    except SignatureError:
        return
    assert other is None or (other.status, other.body) != (right.status, right.body)


@pytest.mark.rule("C8.missing")
def test_a_handshake_without_its_secret_calls_a_person(handshake):
    connector = world.connectors()[handshake.connector]
    if (
        not connector.verification.names()
        or handshake.expected["response"]["status"] >= 300
        or handshake.arrived.method == "OPTIONS"
    ):
        pytest.skip("no secret takes part")
    with pytest.raises(ConfigurationError):
        connector.handshake(handshake.arrived, Secrets({}))
