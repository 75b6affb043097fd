"""What Meta's products share: vectors from outside, the handshake, the errors of the Graph API."""

import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.contracts.channel import Reach, in_turn
from deskwire.families import meta
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    PayloadError,
    PermanentError,
    SignatureError,
    TemporaryError,
)
from deskwire.model.secret import Secrets
from deskwire.verification.rule import Context
from deskwire.web.request import Request, from_gateway
from deskwire.web.rest import Answer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def posted(body, signature, name="x-hub-signature-256"):
    return Request(method="POST", endpoint="e", body=body, headers={name: signature}, received_at=NOW)


def verify(request, secret):
    return meta.SIGNATURE.verify(request, Secrets({"app_secret": secret}), Context(NOW, None))


# The published example of this very header (name, prefix, algorithm, encoding), from the documentation of the
# platform that Meta's scheme has in common with: "Testing the webhook payload validation",
# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. Meta publishes none, and its
# official Python SDK (facebook-business) has no webhook verification.
PUBLISHED = (
    "It's a Secret to Everybody",
    b"Hello, World!",
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
)


def test_the_published_vector_of_this_header_verifies():
    secret, body, signature = PUBLISHED
    assert verify(posted(body, signature), secret) == {}
    with pytest.raises(SignatureError):
        verify(posted(body + b"!", signature), secret)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_vector_signed_by_openssl_verifies_in_the_form_that_meta_sends():
    body = rb'{"t":"Z\u00fcrich \u0040shop a\/b \ud83d\udc4d"}'
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "an invented secret"], input=body, capture_output=True, check=True
    )
    signature = "sha256=" + made.stdout.decode().rpartition("= ")[2].strip()
    assert verify(posted(body, signature), "an invented secret") == {}
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    with pytest.raises(SignatureError):  # a body parsed and written again is another body
        verify(posted(again, signature), "an invented secret")


def test_the_older_signature_is_never_looked_at():
    import hashlib
    import hmac

    sha1 = "sha1=" + hmac.new(b"s", b"{}", hashlib.sha1).hexdigest()
    for name in ("x-hub-signature", "x-hub-signature-256"):
        with pytest.raises(SignatureError):
            verify(posted(b"{}", sha1, name), "s")


def asked(mode="subscribe", token="right", challenge="1158201444", **more):
    query = {"hub.mode": (mode,), "hub.verify_token": (token,), "hub.challenge": (challenge,), **more}
    return Request(method="GET", endpoint="e", body=b"", query=query, received_at=NOW)


SECRETS = Secrets({"verify_token": ["right", "next"]})


@pytest.mark.parametrize("token", ["right", "next"])
def test_the_challenge_goes_back_as_it_is_in_plain_text(token):
    response = meta.handshake(asked(token=token), SECRETS)
    assert (response.status, response.body) == (200, "1158201444")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("typed", ["a+b c", "a b c", "a+b+c"])
@pytest.mark.parametrize("travelling", ["a+b%20c", "a%2Bb+c", "a+b+c", "a%20b%20c"])
def test_a_verify_token_with_plus_signs_and_blanks_is_known(typed, travelling):
    event = {
        "requestContext": {"http": {"method": "GET"}},
        "rawQueryString": f"hub.mode=subscribe&hub.verify_token={travelling}&hub.challenge=7",
    }
    assert meta.handshake(from_gateway(event), Secrets({"verify_token": typed})).body == "7"
    with pytest.raises(SignatureError):
        meta.handshake(from_gateway(event), Secrets({"verify_token": "abc"}))


@pytest.mark.parametrize(
    "request_",
    [
        asked(token="wrong"),
        asked(token=""),
        asked(mode="unsubscribe"),
        asked(challenge=""),
        asked(challenge="<script>alert(1)</script> "),
        asked(challenge="1\r\nset-cookie: a=b"),
        asked(challenge="9" * 257),
        asked(challenge="é"),
        asked(**{"hub.verify_token": ("wrong", "right")}),
        asked(**{"hub.challenge": ("1", "2")}),
    ],
)
def test_a_wrong_handshake_is_refused(request_):
    with pytest.raises(SignatureError):
        meta.handshake(request_, SECRETS)


def test_a_handshake_without_a_stored_token_is_a_mistake_of_ours():
    with pytest.raises(ConfigurationError):
        meta.handshake(asked(), Secrets({"app_secret": "x"}))


def test_nothing_else_is_a_handshake():
    request = asked()
    assert meta.handshake(Request(method="GET", endpoint="e", body=b"", received_at=NOW), SECRETS) is None
    post = Request(method="POST", endpoint="e", body=b"", query=request.query, received_at=NOW)
    assert meta.handshake(post, SECRETS) is None


@given(st.text(max_size=300))
def test_only_printable_ascii_without_spaces_is_ever_reflected(challenge):
    try:
        response = meta.handshake(asked(challenge=challenge), SECRETS)
    except SignatureError:
        return
    assert response.body == challenge
    assert all("!" <= character <= "~" for character in challenge)


def refused(code, subcode=None, status=400, headers=None, *, transient=False):
    error = {"message": "Marta's words", "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    if transient:
        error["is_transient"] = True
    return Answer(status, headers or {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        *((refused(190, subcode), ConfigurationError) for subcode in (458, 459, 460, 463, 464, 467, 492)),
        (refused(102), ConfigurationError),
        (refused(1705), ConfigurationError),
        (refused(10), ConfigurationError),
        (refused(200), ConfigurationError),
        (refused(299, status=403), ConfigurationError),
        (refused(368), ConfigurationError),
        (refused(10, 1893063), ConfigurationError),
        (refused(10, 2018278), PermanentError),
        *((refused(10, code), PermanentError) for code in (2018300, 2018065, 2018108, 2534022)),
        (refused(3), ConfigurationError),
        *((refused(100, code), PermanentError) for code in (2018001, 2018109)),
        (refused(200, 1545041, status=403), PermanentError),
        (refused(10900), PermanentError),
        (refused(4242), PermanentError),
        (refused(2022), ConfigurationError),
        (refused(4242, status=403), ConfigurationError),
        (refused(1200, 2018024), TemporaryError),
        (refused(10, 2018321), TemporaryError),
        (refused(4242, transient=True), TemporaryError),
        (refused(-1, transient=True), TemporaryError),
        (refused(551), PermanentError),
        (refused(100), PermanentError),
        (refused(100, 2018001), PermanentError),
        (refused(100, status=200), PermanentError),
        *((refused(code), TemporaryError) for code in (4, 17, 32, 613, 80001)),
        (refused(32, status=403), TemporaryError),
        (refused(1, status=500), TemporaryError),
        (refused(2, status=200), TemporaryError),
        (refused(9999, status=500), TemporaryError),
        (refused(9999, status=429), TemporaryError),
        (refused(9999, status=401), ConfigurationError),
        (Answer(200, {}, b"<html>"), TemporaryError),
        (Answer(502, {}, b"<html>"), TemporaryError),
    ],
)
def test_each_error_of_the_graph_api_says_what_happens_next(answer, kind):
    with pytest.raises(kind) as caught:
        meta.settled(answer, what="trying")
    assert type(caught.value) is kind
    assert "Marta" not in str(caught.value)


@pytest.mark.parametrize("answer", [refused(1200), refused(10, 2018321), refused(4242, transient=True)])
def test_what_passes_by_itself_holds_up_this_message_alone(answer):
    with pytest.raises(TemporaryError) as caught:
        meta.settled(answer, what="trying")
    assert (caught.value.concerns, caught.value.ambiguous) == (Concern.MESSAGE, False)


def test_each_code_of_the_table_has_a_source_or_says_that_it_was_only_seen():
    assert all(source.startswith("https://") or source == meta.SEEN for _, source in meta.CLASSES.values())


def test_a_closed_window_is_told_to_the_agent_in_words():
    for code in (2018278, 2018065, 2534022):
        with pytest.raises(PermanentError, match=rf"^sending: the window .* is closed: .*24 hours.*error 10/{code}\)$"):
            meta.settled(refused(10, code), what="sending")


def test_each_refusal_of_the_table_is_told_in_words():
    told = {key for key, (kind, _) in meta.CLASSES.items() if kind is meta.Class.REFUSED}
    assert told <= meta.MEANINGS.keys()
    assert {(code, 0) for code, _ in meta.MEANINGS.keys() - told} <= told  # further subcodes of those alone


@pytest.mark.parametrize(("code", "subcode", "words"), [(551, 1545041, "blocked it"), (4242, None, "does not know")])
def test_a_refusal_without_words_of_its_own_has_those_of_its_code_or_says_that_it_is_unknown(code, subcode, words):
    with pytest.raises(PermanentError, match=words):
        meta.settled(refused(code, subcode), what="sending")


def test_an_exhausted_budget_says_when_to_come_back():
    usage = {"1": [{"type": "pages", "estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 12}]}
    headers = {"x-business-use-case-usage": json.dumps(usage)}
    with pytest.raises(TemporaryError) as caught:
        meta.settled(refused(80001, headers=headers), what="trying")
    assert (caught.value.after, caught.value.ambiguous) == (720, False)


@pytest.mark.parametrize("usage", ["", "{", "[]", '{"1": 7}', '{"1": [{"estimated_time_to_regain_access": "x"}]}'])
def test_a_budget_in_another_shape_breaks_nothing(usage):
    with pytest.raises(TemporaryError) as caught:
        meta.settled(refused(4, headers={"x-business-use-case-usage": usage}), what="trying")
    assert caught.value.after is None


def test_the_token_travels_in_a_header_and_ids_cannot_leave_their_place():
    reach = Reach("1", {}, Secrets({"page_token": "EAAinvented"}), None, NOW, None, None)
    call = meta.page_request("GET", ("../me?x=1#", "comments"), None, reach, fields="id")
    assert call.url == "https://graph.facebook.com/v26.0/..%2Fme%3Fx%3D1%23/comments?fields=id"
    assert call.headers["Authorization"] == "Bearer EAAinvented"
    assert "EAAinvented" not in call.url + repr(call)


def test_a_later_part_that_fails_says_how_much_went_out():
    def fail(error):
        raise error

    with pytest.raises(PermanentError, match="only 1 of 2 parts were sent"):
        in_turn([lambda: "m1", lambda: fail(PermanentError("no"))])
    with pytest.raises(TemporaryError) as caught:
        in_turn([lambda: "m1", lambda: fail(TemporaryError("later", after=3))])
    assert (caught.value.after, caught.value.ambiguous) == (3, True)
    with pytest.raises(TemporaryError) as caught:
        in_turn([lambda: fail(TemporaryError("later"))])
    assert not caught.value.ambiguous


def test_a_delivery_about_another_kind_of_object_is_read_when_asked_for():
    body = json.dumps({"object": "instagram", "entry": [{"id": "1", "messaging": [{"mid": "m"}]}]}).encode()
    request = Request(method="POST", endpoint="meta", body=body, received_at=datetime(2026, 11, 2, tzinfo=UTC))

    def read_one(entry, update, name):
        return [(entry["id"].text(), update["mid"].text(), name)]

    assert list(meta.updates(request, "instagram", ("messaging",), read_one)) == [("1", "m", "messaging")]
    with pytest.raises(PayloadError, match="page"):
        list(meta.updates(request, "page", ("messaging",), read_one))


def test_a_login_of_its_own_has_its_host_and_its_token():
    reach = Reach("1", {}, Secrets({"instagram_token": "IGinvented"}), None, NOW, None, None)
    login = meta.Login("https://graph.instagram.com", "instagram_token")
    call = meta.graph_request(login, "GET", ("me",), None, reach, fields="id")
    assert call.url == f"https://graph.instagram.com/{meta.VERSION}/me?fields=id"
    assert call.headers["Authorization"] == "Bearer IGinvented"


def test_a_dead_token_is_named_as_the_connection_has_it():
    dead = Answer(400, {}, b'{"error": {"code": 190}}')
    with pytest.raises(ConfigurationError, match="“instagram_token”"):
        meta.settled(dead, what="asking", token="instagram_token")


def test_instagrams_rate_is_a_rate():
    with pytest.raises(TemporaryError):
        meta.settled(Answer(400, {}, b'{"error": {"code": 80002}}'), what="asking")
