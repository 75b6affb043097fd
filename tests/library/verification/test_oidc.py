"""Google's OpenID Connect tokens: each check on its own, the keys' rotation, and google-auth as a witness."""

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import crypt, exceptions
from google.auth import jwt as google_jwt
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.model.errors import ConfigurationError, SignatureError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.verification.oidc import OidcBearer, json_web_key, made_token
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULE = OidcBearer(
    issuers=("https://accounts.google.com", "accounts.google.com"),
    keys_url="https://www.googleapis.com/oauth2/v3/certs",
)
SETTINGS = {
    "audience": "https://hooks.example.org/channels/google",
    "service_account": "push@acme.iam.gserviceaccount.com",
}
KEY, NEXT, STRANGER = (rsa.generate_private_key(65537, 2048) for _ in range(3))


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


SECRETS = Secrets({**SETTINGS, "signing_key": pem(KEY)})
REQUEST = Request(method="POST", endpoint="google", body=b"{}", received_at=NOW)


class Certs:
    """Google's published keys."""

    def __init__(self, *keys, headers=None, status=200):
        self.keys, self.status, self.asked = keys, status, 0
        self.headers = {"cache-control": "public, max-age=21600"} if headers is None else headers

    def __call__(self, call):
        assert (call.method, call.url) == ("GET", RULE.keys_url)
        self.asked += 1
        return Answer(
            self.status,
            self.headers,
            json.dumps({"keys": [json_web_key(key.public_key()) for key in self.keys]}).encode(),
        )


def context(certs=None, now=NOW, cache=None, **changed):
    return Context(now, certs or Certs(KEY), {**SETTINGS, **changed}, {} if cache is None else cache)


def claims(**changed):
    issued = int(NOW.timestamp())
    return {
        "aud": SETTINGS["audience"], "azp": "1137", "email": SETTINGS["service_account"], "email_verified": True,
        "exp": issued + 3600, "iat": issued, "iss": "https://accounts.google.com", "sub": "1137", **changed,
    }  # fmt: skip


def bearing(token):
    return dataclasses.replace(REQUEST, headers={"authorization": f"Bearer {token}"})


def token(key=KEY, header=None, **changed):
    named = {"alg": "RS256", "kid": json_web_key(key.public_key())["kid"], "typ": "JWT"}
    found = {name: value for name, value in claims(**changed).items() if value is not None}
    return made_token(key, named if header is None else header, found)


def verify(token, where=None):
    return RULE.verify(bearing(token), Secrets({}), where or context())


def test_a_token_as_google_makes_it_is_let_in():
    assert verify(token()) == {}
    assert verify(token(iss="accounts.google.com")) == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"iss": "https://accounts.google.com.attacker.example"}, "issuer"),
        ({"iss": None}, "iss"),
        ({"aud": "https://hooks.example.org/channels/other"}, "audience"),
        ({"aud": [SETTINGS["audience"], "x"]}, "aud"),
        ({"email": "thief@attacker.iam.gserviceaccount.com"}, "service_account"),
        ({"email": None}, "email"),
        ({"email_verified": False}, "service_account"),
        ({"email_verified": "true"}, "email_verified"),
        ({"email_verified": None}, "email_verified"),
        ({"exp": int(NOW.timestamp()) - 61}, "expired"),
        ({"exp": None}, "from when"),
        ({"exp": -1}, "expired"),
        ({"exp": 10**20}, "from when"),
        ({"exp": "never"}, "from when"),
        ({"iat": int(NOW.timestamp()) + 120, "exp": int(NOW.timestamp()) + 900}, "future"),
        ({"iat": None}, "from when"),
        ({"exp": int(NOW.timestamp()) + 90_000}, "longer than a day"),
    ],
)
def test_each_wrong_claim_is_refused(wrong, says):
    with pytest.raises(SignatureError, match=says):
        verify(token(**wrong))


def test_another_key_under_the_published_name_is_refused():
    header = {"alg": "RS256", "kid": json_web_key(KEY.public_key())["kid"]}
    with pytest.raises(SignatureError, match="signature does not match"):
        verify(token(STRANGER, header))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS384", "PS256", "ES256", "rs256", "", None])
def test_only_rs256_is_taken(algorithm):
    header = {"alg": algorithm, "kid": json_web_key(KEY.public_key())["kid"]}
    with pytest.raises(SignatureError):
        verify(token(header=header))


def test_a_critical_extension_that_we_do_not_know_is_refused():
    header = {"alg": "RS256", "kid": json_web_key(KEY.public_key())["kid"], "crit": ["exp"]}
    with pytest.raises(SignatureError):
        verify(token(header=header))


@pytest.mark.parametrize(
    "value",
    ["{0}", "bearer {0}", "Bearer  {0}", "Bearer {0} ", "Bearer {0},Bearer {0}", "Bearer {0}.", "Basic {0}",
     "Bearer a.b.c", "Bearer ..", "Bearer {0}\n"],
)  # fmt: skip
def test_a_header_of_another_shape_is_refused(value):
    request = dataclasses.replace(REQUEST, headers={"authorization": value.format(token())})
    with pytest.raises(SignatureError):
        RULE.verify(request, Secrets({}), context())


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_token_changed_in_any_place_is_refused(data):
    good = token()
    place = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.sampled_from("ABCDwxyz0189-_."))
    changed = good[:place] + letter + good[place + 1 :]
    # The last letter of a part carries bits that base64 drops: the same bytes are the same token.
    same = [base64.urlsafe_b64decode(part + "==") for part in good.split(".")]
    try:
        if [base64.urlsafe_b64decode(part + "==") for part in changed.split(".")] == same and changed.split(".")[
            :2
        ] == good.split(".")[:2]:
            return
    except ValueError:
        pass
    with pytest.raises(SignatureError):
        verify(changed)


@pytest.mark.parametrize("missing", ["audience", "service_account"])
def test_without_its_settings_nobody_is_let_in(missing):
    with pytest.raises(ConfigurationError, match=missing):
        verify(token(), context(**{missing: ""}))


def test_the_keys_are_fetched_once_while_they_hold():
    certs, cache = Certs(KEY), {}
    for minutes in (0, 30, 50):
        verify(token(exp=int(NOW.timestamp()) + 86000), context(certs, NOW + timedelta(minutes=minutes), cache))
    assert certs.asked == 1
    verify(token(exp=int(NOW.timestamp()) + 86000), context(certs, NOW + timedelta(hours=6, seconds=1), cache))
    assert certs.asked == 2


def test_a_rotated_key_is_fetched_at_once():
    cache, later = {}, NOW + timedelta(minutes=2)
    verify(token(), context(Certs(KEY), cache=cache))
    certs = Certs(KEY, NEXT)
    verify(token(NEXT), context(certs, later, cache))
    verify(token(KEY), context(certs, later, cache))
    assert certs.asked == 1


def test_a_stranger_s_key_makes_us_ask_google_once_a_minute_at_most():
    certs, cache = Certs(KEY), {}
    verify(token(), context(certs, cache=cache))
    for seconds in range(0, 120, 5):
        with pytest.raises(SignatureError, match="does not publish"):
            verify(token(STRANGER), context(certs, NOW + timedelta(seconds=seconds), cache))
    assert certs.asked == 2


def test_a_withdrawn_key_is_refused_once_the_keys_are_fetched_again():
    cache = {}
    verify(token(exp=int(NOW.timestamp()) + 86000), context(Certs(KEY), cache=cache))
    with pytest.raises(SignatureError, match="does not publish"):
        verify(token(exp=int(NOW.timestamp()) + 86000), context(Certs(NEXT), NOW + timedelta(hours=7), cache))


@pytest.mark.parametrize("status", [500, 503, 429])
def test_when_google_s_keys_cannot_be_had_the_push_is_to_come_again(status):
    with pytest.raises(TemporaryError):
        verify(token(), context(Certs(KEY, status=status)))


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"keys": 7}', b'{"keys": [{"kty": "RSA", "kid": "a", "n": "!", "e": "AQAB"}]}']
)
def test_keys_that_cannot_be_read_let_nobody_in(body):
    with pytest.raises((TemporaryError, SignatureError)):
        verify(token(), context(lambda _: Answer(200, {}, body)))


def test_keys_of_other_kinds_and_weak_ones_are_passed_over():
    weak = rsa.generate_private_key(65537, 1024)
    other = {**json_web_key(NEXT.public_key()), "use": "enc"}
    keys = [{"kty": "EC", "kid": "e"}, other, *(json_web_key(key.public_key()) for key in (weak, KEY))]

    def certs(call):
        return Answer(200, {}, json.dumps({"keys": keys}).encode())

    assert verify(token(), context(certs)) == {}
    for key in (NEXT, weak):
        with pytest.raises(SignatureError, match="does not publish"):
            verify(token(key), context(certs))


def test_a_forger_s_flood_asks_google_for_nothing():
    """What can be told from the claims is told before any key is fetched."""
    certs = Certs(KEY)
    with pytest.raises(SignatureError):
        verify(token(STRANGER, email="thief@attacker.example"), context(certs))
    assert certs.asked == 0


def test_who_has_no_key_signs_as_a_stranger():
    with pytest.raises(SignatureError):
        RULE.verify(RULE.sign(REQUEST, Secrets({}), NOW), Secrets({}), context())


def test_signing_needs_an_rsa_key():
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ConfigurationError):
        RULE.sign(REQUEST, Secrets({**SETTINGS, "signing_key": key}), NOW)


# ------------------------------------------------------------------------------------------- google-auth, the witness


def witness(token, now, monkeypatch):
    """Return the claims if google-auth takes the token."""
    monkeypatch.setattr("google.auth._helpers.utcnow", lambda: now.replace(tzinfo=None))
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return google_jwt.decode(
        token, certs={json_web_key(KEY.public_key())["kid"]: public}, audience=SETTINGS["audience"]
    )


def test_google_auth_takes_what_we_sign(monkeypatch):
    signed = RULE.sign(REQUEST, SECRETS, NOW).header("authorization").removeprefix("Bearer ")
    assert witness(signed, NOW, monkeypatch)["email"] == SETTINGS["service_account"]


def test_we_take_what_google_auth_signs():
    signer = crypt.RSASigner.from_string(pem(KEY), json_web_key(KEY.public_key())["kid"])
    assert verify(google_jwt.encode(signer, claims()).decode()) == {}


@pytest.mark.parametrize(
    "wrong", [{"aud": "x"}, {"exp": int(NOW.timestamp()) - 3600}, {"iat": int(NOW.timestamp()) + 3600}]
)
def test_google_auth_refuses_what_we_refuse(wrong, monkeypatch):
    changed = token(**wrong)
    with pytest.raises(SignatureError):
        verify(changed)
    with pytest.raises((ValueError, exceptions.GoogleAuthError)):
        witness(changed, NOW, monkeypatch)
