"""X, Google and the web form in the company of the stories: genuine deliveries that hold marked values."""

from __future__ import annotations

import json

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.web.rest import Answer
from tests.conformance import world
from tests.stories.conftest import POLICY

from .edge import KINDS, arriving, genuine, secrets_of, settings_of, signed

KIND_NAMES = ("x", "google", "form")
LOCATION = "accounts/104422338811223344556/locations/9001112223334445556"
ACCOUNTS = {"x": "900000000000000010", "google": LOCATION, "form": "contact-nl"}
ELSEWHERE = {
    "x": {"consumer_key": "invented-consumer-key", "access_token": "invented-x-token",
          "access_token_secret": "invented-x-token-secret"},
    "google": {"client_id": "invented-client", "client_secret": "invented-client-secret",
               "refresh_token": "invented-refresh-token"},
    "form": {},
}  # fmt: skip
GOOGLE_TOKEN = "invented-access-token-of-google"
HIDDEN = (
    # What signs Google's pushes is Google's own; whom it signs for is no secret.
    *(value for kind in ("x", "form") for values in world.secret_values(KINDS[kind][2]).values() for value in values),
    *(value for secrets in ELSEWHERE.values() for value in secrets.values()),
    GOOGLE_TOKEN,
)


class Roads:
    """The company with three channels more, and what lies beyond them."""

    def __init__(self, company, *, words, name, author, email):
        self.company = company
        self.words, self.name, self.author, self.email = words, name, author, email
        self.gossip = None  # what every vendor but the helpdesk answers instead
        self.captcha = True  # whether visitors solve it
        self.sent = []
        self._before = company.http, company.secrets
        for kind in KIND_NAMES:
            side, connectors, name, _ = KINDS[kind]
            settings = {"sender": "Northwind <help@northwind.example>"} if kind == "form" else {}
            for definition in (
                Endpoint(name=kind, side=side, connectors=connectors, secret=kind, settings=settings_of(kind)),
                Connection(
                    name=f"{kind}-account", channel=name, account=ACCOUNTS[kind], endpoint=kind, secret=kind,
                    helpdesk="acme", settings=settings,
                    policy=Policy.model_validate(POLICY | {"acknowledge": {"private": True, "public": True}}),
                ),
            ):  # fmt: skip
                company.table.put(Put(item(definition)))
        company.secrets = self.secrets
        for owner in (company.directory, company.receiver):
            object.__setattr__(owner, "http", self.http)
        object.__setattr__(company.directory, "secrets", self.secrets)

    def secrets(self, name):
        if name not in KIND_NAMES:
            return self._before[1](name)
        return Secrets({**world.secret_values(KINDS[name][2]), **ELSEWHERE[name]}, entry=name)

    def http(self, call):
        host = call.url.split("/")[2]
        if host == "challenges.cloudflare.com" and not self.captcha:
            return Answer(200, {}, b'{"success": false, "error-codes": ["invalid-input-response"]}')
        if host in {"www.googleapis.com", "challenges.cloudflare.com"}:
            name = "google" if "googleapis" in host else "webform"
            return world.Outside(world.load(world.EVENTS / name / "outside.json"))(call)
        if host not in {"oauth2.googleapis.com", "mybusiness.googleapis.com", "api.x.com"}:
            return self._before[0](call)
        self.sent.append((call.method, call.url, call.body.decode()))
        if self.gossip is not None:
            return self.gossip
        return Answer(200, {}, json.dumps(self._answer(host, call)).encode())

    def _answer(self, host, call):
        if host == "oauth2.googleapis.com":
            return {"access_token": GOOGLE_TOKEN, "expires_in": 3600}
        if host == "api.x.com":
            user = {"id": self.author, "name": self.name, "username": "rosa_m"}
            return {"data": user if call.method == "GET" else {"id": "77", "dm_event_id": "78"}}
        at = "2026-11-02T08:59:00Z"
        return {
            "name": f"{LOCATION}/reviews/AbFvOqDemo123", "starRating": "ONE", "comment": self.words,
            "reviewer": {"displayName": self.name}, "createTime": at, "updateTime": at,
        }  # fmt: skip

    def body(self, kind):
        """Return the platform's delivery with our values in the place of the captured ones."""
        text = genuine(kind).body.decode()
        if kind == "x":
            text = text.replace("2026-09-01T", f"{self.company.now():%Y-%m-%d}T")  # an old one is refused as a replay
            text = text.replace("@NorthwindCare my parcel 4471 is lost", self.words)
            return text.replace("900000000000000777", self.author).replace("Rosa M.", self.name).encode()
        if kind == "google":
            return text.encode()  # which brings no words and nobody's name
        told = json.loads(text) | {"name": self.name, "email": self.email, "subject": self.words, "message": self.words}
        return json.dumps(told | {"fields": [{"name": "order_ref", "value": self.words}]}).encode()

    def delivers(self, kind, body=None, *, secrets=None):
        """Let one delivery come; return the answer's status."""
        now = self.company.now()
        body = self.body(kind) if body is None else body
        request = signed(kind, body, secrets=secrets or secrets_of(kind), now=now, received_at=now)
        return self.company.receiver.handle(arriving(kind, request))["statusCode"]
