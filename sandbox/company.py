"""Northwind, the sample company: its platforms, its helpdesk and the deployed template, all on this machine.

    with Company(progress=print) as northwind:
        marta = northwind.meta.person("Marta Lindqvist")
        northwind.sender.deliver(northwind.routes["meta"], northwind.meta.writes(marta, REYKJAVIK, "Hello").entry)
        …
        northwind.desk.tickets()

It has two offices whose hours complement each other (Reykjavík 08:00-20:00, Suva 20:00-08:00 by Reykjavík's clock; neither
place has daylight saving), so that at any moment one is open and one is closed. Its rules are `northwind.yaml`, applied with
the operator's own command.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deskwire.captcha import PLAYED_ORIGIN
from sandbox import captcha, google, meta
from sandbox import x as played_x
from sandbox.captcha import Captchas, Site
from sandbox.desks import Desk, TrackerDesk, ZendeskDesk
from sandbox.google import PUBSUB, Google
from sandbox.meta import Meta
from sandbox.neighbour import Clock, Neighbour
from sandbox.sender import ONCE, Route, Sender
from sandbox.stack import WORK, Stack, StackError, say_nothing
from sandbox.webform import Shop
from sandbox.x import X

REYKJAVIK, SUVA = "410000000000001", "410000000000002"  # the pages of the two offices
LOCATION = "accounts/100000000000000000001/locations/200000000000000000002"
FORM = "contact"
SITEKEY = "1x00000000000000000000AA"
SENDER = "Northwind <help@northwind.example>"
AUDIENCE = "https://hooks.northwind.example/channels/northwind-google"
RULES = Path(__file__).parent / "northwind.yaml"

# All invented. Each is a marker: the demonstration looks for them in the functions' logs.
SECRETS: Mapping[str, Mapping[str, Any]] = {
    "northwind-meta": {"app_secret": ["demo-app-secret-9f31", "demo-next-app-secret-44c0"], "verify_token": "demo-verify-71b2"},
    "northwind-x": {"consumer_secret": played_x.SECRETS["consumer_secret"]},
    "northwind-x-account": dict(played_x.SECRETS),
    "northwind-google-account": {
        "client_id": "demo-client-id-1b.apps.googleusercontent.com",
        "client_secret": "demo-client-secret-5d7e",
        "refresh_token": "1//demo-refresh-token-c2",
    },
    "northwind-form": {"captcha_secret": "demo-captcha-secret-0a4b"},
    "northwind-zendesk": {"api_token": "demo-zendesk-token-e6f1", "signing_secret": "demo-zendesk-signing-83d0"},
}  # fmt: skip


class Company:
    """Everything of Northwind, as a context manager; leaving it ends every child.

    `speed` is how fast the platforms' clock of retries and the queue's memory run: 30 makes five minutes ten seconds.
    Times within messages are real. `helpdesk` is `zendesk` (played) or `rt` (a real Request Tracker).
    """

    def __init__(
        self,
        *,
        helpdesk: str = "zendesk",
        progress: Callable[[str], None] = say_nothing,
        directory: Path | None = None,
        speed: float = 1.0,
        change: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Start nothing yet."""
        self.progress = progress
        self.speed = speed
        self.clock = Clock()
        self._kind = helpdesk
        self._directory = directory or WORK / "company"
        self._change = change
        self._children = contextlib.ExitStack()
        self.meta = Meta({REYKJAVIK: "Northwind Reykjavík", SUVA: "Northwind Suva"}, clock=self.clock)
        self.x = X(self.clock, strict=False)
        self.google = Google(SECRETS["northwind-google-account"], clock=self.clock)
        self.captchas = Captchas(Site(SITEKEY, SECRETS["northwind-form"]["captcha_secret"]), clock=self.clock)
        self.desk: Desk
        self.stack: Stack
        self.shop: Shop
        self.sender: Sender
        self.routes: dict[str, Route] = {}
        self.secrets: dict[str, Mapping[str, Any]] = dict(SECRETS) | {
            f"northwind-page-{name}": {"page_token": self.meta.token(page)}
            for name, page in (("reykjavik", REYKJAVIK), ("suva", SUVA))
        }

    def __enter__(self) -> Self:
        """Start the platforms, the helpdesk, the embedded AWS; store secrets, apply the rules."""
        with contextlib.ExitStack() as children:
            self._start(children)
            self._children = children.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all of it."""
        self._children.__exit__(kind, error, trace)

    def _start(self, children: contextlib.ExitStack) -> None:
        for neighbour in (self.meta, self.x, self.google, self.captchas):
            children.enter_context(neighbour)
        self.desk = children.enter_context(self._desk())
        self.secrets |= self.desk.secrets
        place = _free_port()
        self.stack = children.enter_context(
            Stack(
                sandbox_hosts=self.hosts,
                parameters={
                    "FromAddress": "help@northwind.example",
                    "UploadOrigins": f"{PLAYED_ORIGIN},http://127.0.0.1:{place}",
                },
                dedupe_seconds=300 / self.speed,
                progress=self.progress,
                directory=self._directory / "stack",
                change=self._change,
            )
        )
        self._store_secrets()
        self._apply(place)
        api = self.stack.deployed.api
        self.desk.connect(f"{api}/helpdesks/northwind-{self._kind}")
        self.shop = children.enter_context(
            Shop(
                f"{api}/channels/northwind-form", self.captchas.address, SITEKEY, form=FORM,
                uploads=self.stack.endpoint, port=place,
            )  # fmt: skip
        )
        self._wire_began = datetime.now(UTC)
        self.sender = children.enter_context(
            Sender(api, clock=Clock(self._wire_began, speed=self.speed), workers=6)
        )
        self._routes()

    def _desk(self) -> Desk:
        if self._kind == "rt":
            return TrackerDesk(self._directory / "request-tracker", self.progress)
        return ZendeskDesk(self.clock, SECRETS["northwind-zendesk"])

    @property
    def neighbours(self) -> dict[str, Neighbour]:
        """The played platforms by name."""
        return {"meta": self.meta, "x": self.x, "google": self.google, "captcha": self.captchas}

    @property
    def hosts(self) -> dict[str, str]:
        """Which loopback address plays which host (DESKWIRE_SANDBOX)."""
        return {
            **dict.fromkeys(meta.HOSTS, self.meta.address),
            **dict.fromkeys(google.HOSTS, self.google.address),
            **dict.fromkeys(captcha.HOSTS, self.captchas.address),
            "api.x.com": self.x.address,
            self.desk.host: self.desk.address,
        }

    def _store_secrets(self) -> None:
        client = self.stack.client("secretsmanager")
        for name, values in self.secrets.items():
            client.create_secret(Name=f"{self.stack.deployed.secrets_prefix}{name}", SecretString=json.dumps(values))
        self.stack.client("sesv2").create_email_identity(EmailIdentity="help@northwind.example")

    def _apply(self, place: int) -> None:
        """Apply the rules with the operator's own command, as an operator does."""
        from deskwire.care.policy import Policy
        from deskwire.configuration import INDEX_KEY, Connection, Endpoint, HelpdeskConnection, item
        from deskwire.aws.table import DynamoTable
        from deskwire.ports import Put
        texts = {
            "private": {
                "en": {"open": "Thank you for writing to {company}. We have your message under {reference} and answer today.",
                       "closed": "Thank you for writing to {company}. We have your message under {reference}; we are back on {opens_day} at {opens_at}."},
                "is": {"open": "Takk fyrir að skrifa {company}. Erindið er skráð undir {reference} og við svörum í dag.",
                       "closed": "Takk fyrir að skrifa {company}. Erindið er skráð undir {reference}; við opnum {opens_day} kl. {opens_at}."},
                "ar": {"open": "شكرًا لمراسلتك {company}. سجلنا رسالتك برقم {reference} وسنجيب اليوم.",
                       "closed": "شكرًا لمراسلتك {company}. سجلنا رسالتك برقم {reference} ونعود {opens_day} الساعة {opens_at}."},
                "he": {"open": "תודה שכתבת אל {company}. הפנייה נרשמה במספר {reference} ונענה היום.",
                       "closed": "תודה שכתבת אל {company}. הפנייה נרשמה במספר {reference}; נחזור {opens_day} בשעה {opens_at}."},
            },
            "public": {"en": "Thank you, we are looking at it. Your reference: {reference}"},
        }
        def policy(zone, **more):
            day = ["08:00-20:00"]
            week = {d: day for d in ("monday","tuesday","wednesday","thursday","friday","saturday","sunday")}
            return Policy.model_validate({"company": "Northwind", "texts": texts, "hours": {"time_zone": zone, "week": week}, **more})
        north, south = policy("Atlantic/Reykjavik"), policy("Pacific/Fiji")
        desk = f"northwind-{self._kind}"
        if self._kind == "zendesk":
            hd = HelpdeskConnection(name=desk, connector="zendesk", endpoint=desk, secret="northwind-zendesk", settings={"subdomain": "northwind", "email": "deskwire@northwind.example"})
            connectors = ("zendesk",)
        else:
            hd = HelpdeskConnection(name=desk, connector="requesttracker", endpoint=desk, secret="northwind-rt", settings={"address": "https://rt.northwind.example", "queue": "General"}, poll=True)
            connectors = ("requesttracker",)
        defs = [
            Endpoint(name="northwind-meta", side="channels", connectors=("facebook", "messenger"), secret="northwind-meta"),
            Endpoint(name="northwind-x", side="channels", connectors=("x",), secret="northwind-x"),
            Endpoint(name="northwind-google", side="channels", connectors=("google",), settings={"audience": AUDIENCE, "service_account": self.google.service_account}),
            Endpoint(name="northwind-form", side="channels", connectors=("webform",), secret="northwind-form", settings={"origins": f"{PLAYED_ORIGIN} http://127.0.0.1:{place}", "captcha": "turnstile", "address_rate": "5000", "form_rate": "5000"}),
            Endpoint(name=desk, side="helpdesks", connectors=connectors, secret=hd.secret, helpdesk=desk),
            hd,
        ]
        for name, page, pol in (("reykjavik", REYKJAVIK, north), ("suva", SUVA, south)):
            defs += [Connection(name=f"{name}-{c}", channel=c, account=page, endpoint="northwind-meta", secret=f"northwind-page-{name}", helpdesk=desk, tags=(name,), policy=pol) for c in ("facebook", "messenger")]
        defs += [
            Connection(name="x", channel="x", account=played_x.ACCOUNT, endpoint="northwind-x", secret="northwind-x-account", helpdesk=desk, policy=policy("Atlantic/Reykjavik", acknowledge={"public": True})),
            Connection(name="google", channel="google", account=LOCATION, endpoint="northwind-google", secret="northwind-google-account", helpdesk=desk, policy=north),
            Connection(name="form", channel="webform", account=FORM, endpoint="northwind-form", helpdesk=desk, policy=south, settings={"sender": SENDER}),
        ]
        table = DynamoTable(self.stack.client("dynamodb"), self.stack.deployed.table)
        for d in defs:
            table.put(Put(item(d)))
        table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(d.key) for d in defs]}))

    def _routes(self) -> None:
        meta_secrets = {"app_secret": SECRETS["northwind-meta"]["app_secret"]}
        self.routes = {
            "meta": Route.of_channel("messenger", "northwind-meta", meta_secrets, bundle=meta.bundle, most=50),
            "x": Route.of_channel("x", "northwind-x", SECRETS["northwind-x"], schedule=ONCE),
            "google": self.google.subscription("northwind-google", AUDIENCE),
            "webform": Route.of_channel("webform", "northwind-form", SECRETS["northwind-form"], schedule=ONCE),
        }
        assert self.routes["google"].schedule == PUBSUB

    def real(self, moment: datetime) -> datetime:
        """Return a time of the sender's clock, which runs `speed` times as fast, in real time."""
        return self._wire_began + (moment - self._wire_began) / self.speed

    @property
    def mails(self) -> list[dict[str, Any]]:
        """What SES sent."""
        import urllib.request

        with urllib.request.urlopen(f"{self.stack.endpoint}/_ministack/ses/messages", timeout=10) as answer:  # noqa: S310
            found = json.load(answer)
        return [mail for mails in found["messages"].values() for mail in mails]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_office(now: datetime) -> str:
    """Return the page of the office that is open."""
    return REYKJAVIK if 8 <= now.astimezone(UTC).hour < 20 else SUVA
