"""Stories of deliveries: what receive answers to whom, and what it keeps."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
import sys

import pytest

from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secrets
from deskwire.registry import channel
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event

SECRET = Secrets({"app_secret": "invented-app-secret"})


@pytest.fixture
def event(company):
    """Return a genuine delivery as API Gateway hands it over."""
    body = json.dumps({"object": "page", "entry": [company.message("Góðan dag 👩‍👩‍👧")]}).encode()
    request = Request(method="POST", endpoint="meta", body=body, received_at=company.now())
    return gateway_event(channel("messenger").verification.sign(request, SECRET, company.now()))


def answered(company, event):
    return company.receiver.handle(event)


def test_an_unknown_endpoint_is_not_told_from_one_of_the_other_side(company, event):
    unknown = answered(company, event | {"pathParameters": {"endpoint": "nobody"}})
    other_side = answered(company, event | {"pathParameters": {"endpoint": "desk"}})
    assert unknown == other_side
    assert unknown["statusCode"] == 404


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "CONNECT"])
def test_a_wrong_method_is_refused(company, event, method):
    event["requestContext"]["http"]["method"] = method
    assert answered(company, event)["statusCode"] == 405


def test_a_base64_body_is_the_same_body(company, event):
    event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
    assert answered(company, event)["statusCode"] == 200
    assert company.work() == ["filed"]


def test_broken_base64_is_a_bad_request(company, event):
    assert answered(company, event | {"body": "!!!", "isBase64Encoded": True})["statusCode"] == 400


def test_the_case_of_a_header_does_not_matter(company, event):
    event["headers"] = {name.upper(): value for name, value in event["headers"].items()}
    assert answered(company, event)["statusCode"] == 200


def test_a_repeated_signature_is_refused(company, event):
    signature = event["headers"]["x-hub-signature-256"]
    event["headers"]["x-hub-signature-256"] = f"{signature},{signature}"
    assert answered(company, event)["statusCode"] == 401


@pytest.mark.parametrize(("secret", "counted"), [("invented-app-secret", "TooLarge"), ("a stranger's", "Rejected")])
def test_a_body_over_the_platforms_maximum_is_refused_and_rings_only_when_it_is_genuine(company, secret, counted):
    body = b"x" * (channel("messenger").terms.body_limit.value + 1)
    request = Request(method="POST", endpoint="meta", body=body, received_at=company.now())
    signed = channel("messenger").verification.sign(request, Secrets({"app_secret": secret}), company.now())
    assert company.receiver.handle(gateway_event(signed))["statusCode"] == 413
    assert {name: company.counted(name) for name in ("TooLarge", "Rejected")} == {
        "TooLarge": int(counted == "TooLarge"), "Rejected": int(counted == "Rejected")
    }  # fmt: skip
    assert not company.mailbox.letters


@pytest.mark.parametrize(("days", "status"), [(28, 200), (30, 401), (400, 401)])
def test_a_delivery_replayed_after_the_memory_of_outcomes_is_refused(company, days, status):
    told = company.message("Please forget this")
    assert company.deliver(told) == 200
    company.work()
    company.tick(days * 86_400)
    assert company.deliver(told) == status
    assert "filed" not in company.work()
    assert company.parked.bodies == []
    assert len(company.zendesk.tickets) == 1


def test_a_queue_that_refuses_gives_503_so_that_the_platform_sends_again(company, event):
    class Refusing:
        def send(self, letters):
            raise TemporaryError("SQS is not there")

    receiver = dataclasses.replace(company.receiver, mailbox=Refusing())
    assert receiver.handle(event)["statusCode"] == 503
    assert answered(company, event)["statusCode"] == 200


def test_a_missing_secret_lets_nobody_in(company, event):
    class Nothing:
        def endpoint(self, name):
            return company.endpoint(name)

        def secrets(self, name):
            return Secrets({})

    receiver = dataclasses.replace(company.receiver, endpoints=Nothing())
    assert receiver.handle(event)["statusCode"] == 503
    assert not company.mailbox.letters


def test_the_handshake_is_answered_only_with_the_right_token(company, event):
    def asked(token):
        event["rawQueryString"] = f"hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444"
        event["requestContext"]["http"]["method"] = "GET"
        return answered(company, event)

    right = asked("invented-verify")
    assert (right["statusCode"], right["body"]) == (200, "1158201444")
    assert asked("another")["statusCode"] in {401, 403}


def test_a_genuine_delivery_that_is_no_json_is_parked_whole_and_answered(company):
    request = Request(method="POST", endpoint="meta", body=b"\xff{ not json", received_at=company.now())
    signed = channel("messenger").verification.sign(request, SECRET, company.now())
    assert answered(company, gateway_event(signed))["statusCode"] == 200
    (parked,) = company.parked.bodies
    kept = json.loads(parked)
    assert base64.b64decode(kept["body"]) == request.body
    assert kept["reason"]
    assert not company.mailbox.letters


def test_what_is_too_large_for_a_letter_goes_to_the_archive_and_arrives(company, event):
    entry = company.message("x" * 150_000 + " the end")
    assert company.deliver(entry) == 200
    assert len(company.mailbox.letters[0].body) < 100_000
    assert company.archive.objects
    assert company.work() == ["filed"]


def test_letters_are_ascii_whatever_was_written(company):
    company.deliver(company.message("emoji 👩‍👩‍👧, noncharacter \ufffe, العربية"))
    assert company.mailbox.letters[0].body.isascii()
    company.work()
    assert "العربية" in company.comments()[0]


def test_no_log_line_holds_the_words_the_person_or_a_secret(company):
    company.deliver(company.message("MARKER-WORDS", customer="MARKER-PERSON"))
    company.deliver(company.message("MARKER-WORDS"), secret="MARKER-SECRET")
    company.work()
    assert company.lines
    assert not any("MARKER" in line or "invented-" in line for line in company.lines)


def test_receive_loads_the_standard_library_and_our_own_modules_alone():
    code = (
        "import sys, os; before = set(sys.modules)\n"
        "os.environ.update(AWS_REGION='eu-west-1', DESKWIRE_TABLE='t', DESKWIRE_MAILBOX='m', DESKWIRE_PARKED='p',"
        " DESKWIRE_ARCHIVE='a')\n"
        "from deskwire.runtime import receiver; receiver()\n"
        "from deskwire import registry\n"
        "for name in registry.channel_names(): registry.channel(name)\n"
        "for name in registry.helpdesk_names(): registry.helpdesk(name)\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    path = "layers/deskwire"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    ).stdout.split()
    foreign = [name for name in found if name not in sys.stdlib_module_names and name != "deskwire"]
    assert foreign == []


def test_a_custom_domains_base_path_does_not_change_the_side(company, event):
    assert answered(company, event | {"rawPath": "/hooks/v1/channels/meta"})["statusCode"] == 200
    route = {"routeKey": "ANY /helpdesks/{endpoint}", "rawPath": "/channels/meta"}
    assert answered(company, event | route)["statusCode"] == 404
    assert answered(company, event | {"routeKey": "$default"})["statusCode"] == 200


def test_a_platform_is_not_served_where_pages_are_whose_rate_would_hold_it_up(company, event):
    pages = {"routeKey": "ANY /pages/{endpoint}", "rawPath": "/pages/meta"}
    assert answered(company, event | pages)["statusCode"] == 404
    assert answered(company, event | pages | {"pathParameters": {"endpoint": "desk"}})["statusCode"] == 404
    assert not company.mailbox.letters
