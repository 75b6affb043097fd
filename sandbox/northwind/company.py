"""Northwind, the sample company: its platforms, its helpdesk and the deployed template, all on this machine.

    with Company(progress=print) as northwind:
        marta = northwind.meta.person("Marta Lindqvist")
        northwind.sender.deliver(northwind.routes["meta"], northwind.meta.writes(marta, REYKJAVIK, "Hello").entry)
        …
        northwind.desk.tickets()

It has two offices whose hours complement each other (Reykjavík 08:00-20:00, Suva 20:00-08:00 by Reykjavík's clock;
neither place has daylight saving), so that at any moment one is open and one is closed. Its rules are `northwind.yaml`,
applied with the operator's own command.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deskwire.verification.captcha import PLAYED_ORIGIN
from sandbox.cloud.stack import ROOT, WORK, Stack, StackError, say_nothing
from sandbox.helpdesks.desks import Desk, TrackerDesk, ZendeskDesk
from sandbox.neighbours.neighbour import Clock, Neighbour
from sandbox.neighbours.sender import Route, Sender
from sandbox.platforms import captcha
from sandbox.platforms.captcha import Captchas, Site
from sandbox.platforms.google import played as google
from sandbox.platforms.google.played import Google
from sandbox.platforms.meta import played as meta
from sandbox.platforms.meta.played import Meta
from sandbox.platforms.webform.played import Shop
from sandbox.platforms.x import played as played_x
from sandbox.platforms.x.played import X

REYKJAVIK, SUVA = "410000000000001", "410000000000002"  # the pages of the two offices
LOCATION = "accounts/100000000000000000001/locations/200000000000000000002"
FORM = "contact"
SITEKEY = "1x00000000000000000000AA"
SENDER = "Northwind <help@northwind.example>"
AUDIENCE = "https://hooks.northwind.example/channels/google"
# X documents no retries, but a replay job, which brings back what was missed; a visitor's page tries again by itself.
REPLAY, PAGE = (300.0, 300.0), (30.0, 60.0, 120.0)
RULES = Path(__file__).parent / "northwind.yaml"
TRACKER = """helpdesks:
  desk:
    connector: requesttracker
    secret: desk
    poll: true
    settings:
      address: https://rt.northwind.example
      queue: General"""

# All invented. Each is a marker: the demonstration looks for them in the functions' logs.
SECRETS: Mapping[str, Mapping[str, Any]] = {
    "meta-app": {
        "app_secret": ["demo-app-secret-9f31", "demo-next-app-secret-44c0"],
        "verify_token": "demo-verify-71b2",
    },
    "x-app": {"consumer_secret": played_x.SECRETS["consumer_secret"]},
    "x-account": dict(played_x.SECRETS),
    "google-account": {
        "client_id": "demo-client-id-1b.apps.googleusercontent.com",
        "client_secret": "demo-client-secret-5d7e",
        "refresh_token": "1//demo-refresh-token-c2",
    },
    "turnstile": {"captcha_secret": "demo-captcha-secret-0a4b"},
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
        self.google = Google(SECRETS["google-account"], clock=self.clock)
        self.captchas = Captchas(Site(SITEKEY, SECRETS["turnstile"]["captcha_secret"]), clock=self.clock)
        self.desk: Desk
        self.stack: Stack
        self.shop: Shop
        self.sender: Sender
        self.routes: dict[str, Route] = {}
        self.rules = self._directory / "deskwire.yaml"
        self.secrets: dict[str, Mapping[str, Any]] = dict(SECRETS) | {
            f"page-{name}": {"page_token": self.meta.token(page)}
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
        self._apply(f"{PLAYED_ORIGIN} http://127.0.0.1:{place}")
        api = self.stack.deployed.api
        self.desk.connect(f"{api}/helpdesks/desk-webhook")
        self.shop = children.enter_context(
            Shop(
                f"{api}/channels/contact-form",
                self.captchas.address,
                SITEKEY,
                form=FORM,
                uploads=self.stack.endpoint,
                port=place,
            )
        )
        self._wire_began = datetime.now(UTC)
        self.sender = children.enter_context(Sender(api, clock=Clock(self._wire_began, speed=self.speed), workers=6))
        self._routes()

    def _desk(self) -> Desk:
        if self._kind == "rt":
            return TrackerDesk(self._directory / "request-tracker", self.progress)
        return ZendeskDesk(self.clock)

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

    def _apply(self, origins: str) -> None:
        """Apply the rules with the operator's own command."""
        text = RULES.read_text(encoding="utf-8").replace("@ORIGINS@", origins).replace("@AUDIENCE@", AUDIENCE)
        if self._kind == "rt":
            text = re.sub(r"(?s)helpdesks:.*?(?=\n\n)", TRACKER, text)
        self.rules.parent.mkdir(parents=True, exist_ok=True)
        self.rules.write_text(text, encoding="utf-8")
        self.progress("applying Northwind's deskwire.yaml")
        run = subprocess.run(
            [sys.executable, "-m", "cli", "apply", str(self.rules), "--yes", "--stack", "deskwire"],
            cwd=ROOT,
            env={**os.environ, **self.stack.environment, "PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise StackError(f"`deskwire apply` refused {self.rules}:\n{run.stdout[-1500:]}{run.stderr[-1500:]}")

    def _routes(self) -> None:
        meta_secrets = {"app_secret": SECRETS["meta-app"]["app_secret"]}
        self.routes = {
            "meta": Route.of_channel("messenger", "meta", meta_secrets, bundle=meta.bundle, most=50),
            "x": Route.of_channel("x", "x", SECRETS["x-app"], schedule=REPLAY),
            "google": self.google.subscription("google", AUDIENCE),
            "webform": Route.of_channel("webform", "contact-form", SECRETS["turnstile"], schedule=PAGE),
        }

    def subscribe(self) -> None:
        """Let the platforms check the addresses, as they do when these are entered. Raises `StackError`."""
        api = self.stack.deployed.api
        if not self.meta.subscribe(f"{api}/channels/meta", SECRETS["meta-app"]["verify_token"]):
            raise StackError(f"Meta's handshake was not answered; the log is {self.stack.log_file}")
        if not self.x.challenge(f"{api}/channels/x"):
            raise StackError(f"X's handshake was not answered; the log is {self.stack.log_file}")

    def logs(self) -> str:
        """Return what MiniStack wrote and what every function logged."""
        client, lines = self.stack.client("logs"), [self.stack.logs()]
        for group in client.describe_log_groups()["logGroups"]:
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                lines += [event["message"] for event in page["events"]]
        return "\n".join(lines)

    def real(self, moment: datetime) -> datetime:
        """Return a time of the sender's clock, which runs `speed` times as fast, in real time."""
        return self._wire_began + (moment - self._wire_began) / self.speed

    def mailbox(self) -> tuple[int, int]:
        """Return how many letters wait on the mailbox, and how many somebody has taken."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        asked = {"QueueUrl": self.stack.deployed.mailbox, "AttributeNames": names}
        found = self._sqs.get_queue_attributes(**asked)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    @cached_property
    def _sqs(self) -> Any:
        return self.stack.client("sqs")

    @property
    def mails(self) -> list[dict[str, Any]]:
        """What SES sent."""
        with urllib.request.urlopen(f"{self.stack.endpoint}/_ministack/ses/messages", timeout=10) as answer:  # noqa: S310
            found = json.load(answer)
        return [mail for mails in found["messages"].values() for mail in mails]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
