"""Northwind, the sample company: its platforms, its helpdesk and the deployed template, all on this machine.

    with Company(progress=print) as northwind:
        meta = northwind.platform(OnMeta).player
        told = meta.writes(meta.person("Marta Lindqvist"), PAGES[REYKJAVIK], "Hello")
        northwind.sender.deliver(northwind.routes["meta"], told.entry)
        …
        northwind.desk.tickets()

It is on every platform that has a folder in `sandbox/platforms`, and files into one of `sandbox/helpdesks`. Its
policies are `northwind.yaml`; each folder adds its endpoints and connections, and the whole is applied with the
operator's own command.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import yaml

from deskwire.aws.table import DynamoTable
from deskwire.settings import ENDPOINTS
from sandbox.cloud.stack import REGION, ROOT, WORK, Stack, StackError, say_nothing
from sandbox.neighbours import desk, platform
from sandbox.neighbours.desk import DEFAULT, WEBHOOK
from sandbox.neighbours.machines import Machines
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform
from sandbox.neighbours.sender import Route, Sender
from sandbox.neighbours.shared import shared
from sandbox.northwind.offices import REYKJAVIK, SUVA

SENDER = "help@northwind.example"
SECOND = "second"  # the other helpdesk in deskwire.yaml, and its secret
MODEL = "eu.amazon.nova-micro-v1:0"  # of Amazon Bedrock, played
RULES = Path(__file__).parent / "northwind.yaml"
PROMPT = [{"kinds": ["urgent"], "minutes": 1, "hours": "always"}]  # so that somebody who looks on sees it run out
P = TypeVar("P", bound=Platform)


class Company:
    """Everything of Northwind, as a context manager; leaving it ends every child.

    `speed` is how fast the platforms' clock of retries and the queue's memory run: 30 makes five minutes ten seconds.
    Times within messages are real. `helpdesk` names a folder of `sandbox/helpdesks`, `only` those of
    `sandbox/platforms` that are played (all, by default). With `live` the library's sources are run, not a copy.
    """

    def __init__(
        self,
        *,
        helpdesk: str = DEFAULT,
        only: Collection[str] = (),
        progress: Callable[[str], None] = say_nothing,
        directory: Path | None = None,
        speed: float = 1.0,
        change: Callable[[dict[str, Any]], None] | None = None,
        live: bool = False,
    ) -> None:
        """Start nothing yet."""
        self.progress = progress
        self.speed = speed
        self.clock = Clock()
        self._directory = directory or WORK / "company"
        self._change = change
        self._live = live
        self._incidents: dict[str, Any] | None = None
        self._clocks: list[dict[str, Any]] = []
        self._archives = False
        self._copies = False
        self._admitted: dict[str, Mapping[str, Any]] = {}
        self._children = contextlib.ExitStack()
        self.platforms = {name: kind(self.clock) for name, kind in platform.kinds().items() if name in (only or {name})}
        self.helpdesk = helpdesk
        self.desk = self._desk(helpdesk)
        self.second: desk.Desk | None = None
        self.stack: Stack
        self.sender: Sender
        self.routes: dict[str, Route] = {}
        self.rules = self._directory / "deskwire.yaml"
        self.secrets: dict[str, Mapping[str, Any]] = {}
        self._shared: dict[str, str] = {}  # addresses of AWS's other services, and of hosts that several platforms play

    def platform(self, kind: type[P]) -> P:
        """Return the company's place on a platform, with its type."""
        return next(each for each in self.platforms.values() if isinstance(each, kind))

    def _desk(self, name: str) -> desk.Desk:
        return desk.kinds()[name](self.clock, self._directory / name, self.progress)

    def watching(self, groups: Mapping[str, Collection[str]] | None = None) -> Self:
        """Have incidents watched for, once it is started; `groups` of connections are counted together."""
        self._incidents = {"priority": "high"} | ({"groups": {k: [*v] for k, v in groups.items()}} if groups else {})
        return self

    def hurrying(self) -> Self:
        """Have urgent messages answered within a minute by the Reykjavík office, once it is started."""
        self._clocks = PROMPT
        return self

    def archiving(self) -> Self:
        """Have conversations archived, once it is started."""
        self._archives = True
        return self

    def moving_to(self, helpdesk: str) -> Self:
        """Have a second helpdesk beside the first; nothing goes into it but while the company is `copying`."""
        self.second = self._desk(helpdesk)
        return self

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
        # More at once than the default, as a company does whose account allows it: here minutes are seconds.
        parameters = {"FromAddress": SENDER, "OutcomesBus": "default", "HelpdeskConcurrency": "10"}
        for each in self.platforms.values():
            each.start(children)
            parameters |= each.parameters
        parameters["UploadOrigins"] = ",".join(origin for each in self.platforms.values() for origin in each.origins)
        self._shared = shared(self.platforms.values(), children)
        machines = children.enter_context(Machines(MODEL, clock=self.clock)).address
        self._shared |= {f"{service}.{REGION}.amazonaws.com": machines for service in ("bedrock-runtime", "comprehend")}
        parameters |= {"ClassifierModels": f"arn:aws:bedrock:*::foundation-model/{MODEL}", "Comprehend": "on"}
        if self._archives:
            parameters["TranscriptDays"] = "400"
        for helpdesk in self._desks:
            children.enter_context(helpdesk)
        self.stack = children.enter_context(
            Stack(
                sandbox_hosts=self.hosts,
                parameters=parameters,
                dedupe_seconds=300 / self.speed,
                progress=self.progress,
                directory=self._directory / "stack",
                change=self._change,
                live=self._live,
            )
        )
        for each in self.platforms.values():
            each.attach(self.stack)
        self._store_secrets()
        api = self.stack.deployed.api
        self.desk.connect(f"{api}/helpdesks/{WEBHOOK}")
        for each in self.platforms.values():
            each.open(children, api, self.stack.endpoint)
            self.routes |= each.routes()
        self._apply("--address", api)
        self._wire_began = datetime.now(UTC)
        self.sender = children.enter_context(Sender(api, clock=Clock(self._wire_began, speed=self.speed), workers=6))

    @property
    def hosts(self) -> dict[str, str]:
        """Which loopback address plays which host (DESKWIRE_SANDBOX)."""
        played = {host: address for each in self.platforms.values() for host, address in each.hosts.items()}
        return played | self._shared | {each.host: each.address for each in self._desks}

    @property
    def _desks(self) -> list[desk.Desk]:
        return [each for each in (self.desk, self.second) if each is not None]

    def _store_secrets(self) -> None:
        client = self.stack.client("secretsmanager")
        for each in self.platforms.values():
            self.secrets |= each.secrets
        self.secrets |= self.desk.secrets
        if self.second is not None:
            self.secrets[SECOND] = self.second.secrets["desk"]
        rules = self.configuration()
        of_endpoints = {each.get("secret") for each in rules["endpoints"].values()}
        of_accounts = {each.get("secret") for kind in ("helpdesks", "connections") for each in rules[kind].values()}
        for folder, names in ((ENDPOINTS, of_endpoints), ("", of_accounts)):
            for name in sorted(names & self.secrets.keys()):
                entry = f"{self.stack.deployed.secrets_prefix}{folder}{name}"
                client.create_secret(Name=entry, SecretString=json.dumps(self.secrets[name]))
        self.stack.client("sesv2").create_email_identity(EmailIdentity=SENDER)

    def _apply(self, *arguments: str) -> None:
        """Apply the rules with the operator's own command; the platforms check the addresses meanwhile."""
        self.rules.parent.mkdir(parents=True, exist_ok=True)
        self.rules.write_text(
            yaml.safe_dump(self.configuration(), allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        self.progress("applying Northwind's deskwire.yaml")
        run = self._command("apply", str(self.rules), "--yes", "--stack", "deskwire", *arguments)
        if run.returncode != 0:
            raise StackError(f"`deskwire apply` refused {self.rules}:\n{run.stdout[-1500:]}{run.stderr[-1500:]}")

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={
                **os.environ, **self.stack.environment,
                "PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}",
                "DESKWIRE_SANDBOX": json.dumps(self.hosts),
            },
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    def command(self, name: str, *arguments: str) -> str:
        """Return what the operator's command says, whatever its exit status."""
        return self._command(name, "--stack", "deskwire", *arguments).stdout

    def configuration(self) -> dict[str, Any]:
        """Return deskwire.yaml: the company's policies, and what each folder adds."""
        rules: dict[str, Any] = yaml.safe_load(RULES.read_text(encoding="utf-8"))
        rules |= {"helpdesks": {"desk": self.desk.rules}, "endpoints": {}, "connections": {}}
        if self.second is not None:
            rules["helpdesks"][SECOND] = {**self.second.rules, "secret": SECOND}
        if self._copies:
            rules["defaults"]["mirror"] = SECOND
        if self._incidents is not None:
            rules["incidents"] = self._incidents
        if self._clocks:
            rules["policies"][REYKJAVIK]["answer_within"] = self._clocks
            rules["policies"][SUVA]["answer_within"] = []
        if self._archives:
            rules["policies"][REYKJAVIK]["archive"] = "words"  # the others are like it
        if WEBHOOK in self.secrets:
            settings = {"settings": dict(self.desk.webhook)} if self.desk.webhook else {}
            rules["endpoints"][WEBHOOK] = {"helpdesk": "desk", "secret": WEBHOOK, **settings}
        for each in self.platforms.values():
            for section, entries in each.rules.items():
                rules[section] |= entries
        rules["connections"] |= self._admitted
        return rules

    def admit(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Give each account (of a channel) that has no connection one like the company's own there."""
        known = self.configuration()["connections"]
        models = {each["channel"]: each for each in reversed(known.values())}
        missing = set(accounts) - {(each["channel"], each["account"]) for each in known.values()}
        for channel, account in sorted(missing):
            name = f"captured-{len(self._admitted) + 1}"
            self._admitted[name] = {**models[channel], "account": account}
        if missing:
            self._apply_now()

    @contextlib.contextmanager
    def copying(self) -> Iterator[None]:
        """Have everything that is filed copied into the second helpdesk."""
        self._copies = True
        self._apply_now()
        try:
            yield
        finally:
            self._copies = False
            self._apply_now()

    def _apply_now(self) -> None:
        """Apply the rules again, for the functions' next call; platforms are left as they are."""
        self._apply("--no-platforms")
        self.stack.renew()  # for a minute functions remember what they read

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

    @property
    def table(self) -> DynamoTable:
        """The deployed table."""
        return DynamoTable(self.stack.client("dynamodb"), self.stack.deployed.table)

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
