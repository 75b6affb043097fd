"""Forged OpenID Connect tokens (Google's pushes): all are 401 and leave nothing."""

from __future__ import annotations

import base64
import functools
import hmac
import json

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from deskwire.verification.oidc import json_web_key, made_token

from .attack import request_attack, with_header
from .edge import genuine, secrets_of, settings_of

NOW = int(genuine("google").received_at.timestamp())


@functools.cache
def issuer():
    """Return the key that the played issuer publishes."""
    return load_pem_private_key(secrets_of("google").one("signing_key").encode(), None)


@functools.cache
def thief():
    """Return a key of somebody else."""
    return rsa.generate_private_key(65537, 2048)


def header(**more):
    return {"alg": "RS256", "kid": json_web_key(issuer().public_key())["kid"], "typ": "JWT", **more}


def claims(*without, **more):
    settings = settings_of("google")
    made = {
        "aud": settings["audience"], "email": settings["service_account"], "email_verified": True, "sub": "1",
        "iss": "https://accounts.google.com", "iat": NOW - 10, "exp": NOW + 3590, **more,
    }  # fmt: skip
    return {name: value for name, value in made.items() if name not in without}


def bearer(text):
    return with_header(genuine("google"), "authorization", text)


def token(head=None, told=None, key=None):
    return "Bearer " + made_token(key or issuer(), head or header(), told or claims())


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def raw(head, told):
    """Return a token of any two parts, with the thief's signature."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    text = f"{part(head)}.{part(told)}"
    return f"Bearer {text}.{part(thief().sign(text.encode(), PKCS1v15(), SHA256()))}"


def with_public_key_as_secret():
    """The classic: HS256 with the public key, which everybody knows, as the secret."""
    text = f"{part(header(alg='HS256'))}.{part(claims())}"
    pem = issuer().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"Bearer {text}.{part(hmac.digest(pem, text.encode(), 'sha256'))}"


def swapped_claims():
    """Other claims under the signature of good ones."""
    good = token().removeprefix("Bearer ").split(".")
    return f"Bearer {good[0]}.{part(claims(email='thief@evil.example'))}.{good[2]}"


def own():
    return json_web_key(thief().public_key())


def with_signature(change):
    head, told, signature = token().removeprefix("Bearer ").split(".")
    return f"Bearer {head}.{told}.{change(signature)}"


TOKENS = {
    "none": lambda: "",
    "Basic": lambda: "Basic " + base64.b64encode(b"user:password").decode(),
    "without its scheme": lambda: token().removeprefix("Bearer "),
    "with its scheme in lower case": lambda: token().replace("Bearer", "bearer"),
    "with two spaces": lambda: token().replace("Bearer ", "Bearer  "),
    "with a space after": lambda: token() + " ",
    "with a line break after": lambda: token() + "\n",
    "twice": lambda: f"{token()}, {token()}",
    "of two parts": lambda: ".".join(token().split(".")[:2]),
    "of four parts": lambda: token() + ".e30",
    "without a signature": lambda: ".".join(token().split(".")[:2]) + ".",
    "with half a signature": lambda: with_signature(lambda signature: signature[: len(signature) // 2]),
    "with a signature of zeros": lambda: with_signature(lambda signature: "A" * len(signature)),
    "with the signature of one": lambda: with_signature(lambda signature: "A" * (len(signature) - 2) + "AQ"),
    "with one character of the signature changed": lambda: with_signature(
        lambda signature: ("A" if signature[0] != "A" else "B") + signature[1:]
    ),
    "with padding": lambda: with_signature(lambda signature: signature + "=="),
    "in ordinary base64": lambda: with_signature(lambda signature: "+/" + signature[2:]),
    "not ASCII": lambda: token()[:-1] + "é",
    "of 20 kB": lambda: "Bearer " + "A" * 20_000 + ".B.C",
    "of alg none": lambda: raw(header(alg="none"), claims()).rpartition(".")[0] + ".",
    "of alg none with a signature": lambda: raw(header(alg="none"), claims()),
    "of alg None in another case": lambda: raw(header(alg="nOnE"), claims()),
    "of HS256 with the public key as the secret": with_public_key_as_secret,
    "of RS512": lambda: token(header(alg="RS512")),
    "of PS256": lambda: token(header(alg="PS256")),
    "of ES256": lambda: token(header(alg="ES256")),
    "of no alg": lambda: token({"kid": header()["kid"]}),
    "of an alg that is a list": lambda: token(header(alg=["RS256"])),
    "with a critical extension": lambda: token(header(crit=["exp"])),
    "without a kid": lambda: token({"alg": "RS256"}),
    "with a kid that is a number": lambda: token(header(kid=0)),
    "with a kid that is a path": lambda: token(header(kid="../../../dev/null")),
    "with a kid that is a query": lambda: token(header(kid="' OR 1=1 --")),
    "with a kid that nobody publishes": lambda: token(header(kid="0" * 40)),
    "with a kid of 600 characters": lambda: token(header(kid="k" * 600)),
    "signed by another key under the issuer's kid": lambda: token(key=thief()),
    "that brings its own key (jwk)": lambda: token(header(jwk=own()), key=thief()),
    "that brings its own key and its kid": lambda: token(header(jwk=own(), kid=own()["kid"]), key=thief()),
    "that names its own keys (jku)": lambda: token(header(jku="https://evil.example/keys"), key=thief()),
    "that names its own certificate (x5u)": lambda: token(header(x5u="https://evil.example/x"), key=thief()),
    "with other claims under a good signature": swapped_claims,
    "with claims that are no JSON": lambda: raw(header(), b"{"),
    "with claims that are a list": lambda: raw(header(), [claims()]),
    "with a claim named twice": lambda: raw(header(), json.dumps(claims())[:-1].encode() + b', "aud": "x"}'),
    "with claims nested a thousand deep": lambda: raw(header(), b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}"),
    "with a header nested a thousand deep": lambda: raw(b"[" * 700 + b"]" * 700, claims()),
    "expired a minute ago": lambda: token(told=claims(iat=NOW - 3600, exp=NOW - 60)),
    "expired a year ago": lambda: token(told=claims(iat=NOW - 31_536_000, exp=NOW - 31_532_400)),
    "of two minutes from now": lambda: token(told=claims(iat=NOW + 120)),
    "that holds two days": lambda: token(told=claims(exp=NOW + 172_800)),
    "that holds for ever": lambda: token(told=claims(exp=10**18)),
    "without an end": lambda: token(told=claims("exp")),
    "without a beginning": lambda: token(told=claims("iat")),
    "with an end that is a word": lambda: token(told=claims(exp="never")),
    "with an end that is true": lambda: token(told=claims(exp=True)),
    "for another audience": lambda: token(told=claims(aud="https://evil.example/")),
    "for an audience that begins alike": lambda: token(told=claims(aud=settings_of("google")["audience"] + "/x")),
    "for the audience in upper case": lambda: token(told=claims(aud=settings_of("google")["audience"].upper())),
    "for a list of audiences": lambda: token(told=claims(aud=[settings_of("google")["audience"]])),
    "for no audience": lambda: token(told=claims("aud")),
    "of another account": lambda: token(told=claims(email="thief@evil.example")),
    "of the account in upper case": lambda: token(told=claims(email=settings_of("google")["service_account"].upper())),
    "of no account": lambda: token(told=claims("email")),
    "of an account that is not verified": lambda: token(told=claims(email_verified=False)),
    "of an account verified in words": lambda: token(told=claims(email_verified="true")),
    "of an account nobody speaks about": lambda: token(told=claims("email_verified")),
    "of another issuer": lambda: token(told=claims(iss="https://accounts.evil.example")),
    "of an issuer over http": lambda: token(told=claims(iss="http://accounts.google.com")),
    "of an issuer with a slash more": lambda: token(told=claims(iss="https://accounts.google.com/")),
    "of no issuer": lambda: token(told=claims("iss")),
}

ATTACKS = [
    request_attack("token", "google", f"a token {name}", 401, lambda make=make: bearer(make()))
    for name, make in TOKENS.items()
]
