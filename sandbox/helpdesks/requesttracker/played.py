"""A private, real Request Tracker 5: its own database, port and configuration, gone when it is stopped.

It needs Debian's packages (`available()` tells, `INSTALL` is the line that installs them) and no root. The
system's own Request Tracker, which the packages set up, stays untouched; several private ones run side by side.

    with RequestTracker(directory, webhook_address="http://127.0.0.1:8080/helpdesks/rt") as tracker:
        tracker.agent_replies("1", "On its way")
"""

from __future__ import annotations

import base64
import functools
import json
import os
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.neighbour import free_port
from sandbox.neighbours.real import CACHE, Program, Real, opened, prepared, run

INSTALL = (
    "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
    "request-tracker5 rt5-db-sqlite rt5-standalone"
)

PRODUCT = Path("/usr/share/request-tracker5")
SETUP = Path("/usr/sbin/rt-setup-database-5")
SERVER = PRODUCT / "libexec" / "rt-server"
PARTS = ("lib/RT/Generated.pm", "etc/schema.SQLite")  # of which a database of this version is made
HERE = Path(__file__).parent
INITIALDATA = HERE.parents[2] / "docs" / "request-tracker" / "initialdata"


@functools.cache
def available() -> bool:
    """Tell whether the packages are installed, with the SQLite driver and the web server used here."""
    perl = shutil.which("perl")
    if perl is None or not SERVER.exists() or not SETUP.exists():
        return False
    probe = [perl, f"-I{PRODUCT}/lib", "-MDBD::SQLite", "-MPlack::Handler::Starlet", "-e1"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _environment(home: Path, *, port: int = 0, webhook: str = "", secret: str = "") -> dict[str, str]:
    nothing = home / "no-site-config.d"
    nothing.mkdir(exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "RT_SITE_CONFIG": str(HERE / "site_config.pm"),
        "RT_SITE_CONFIG_DIR": str(nothing),  # else the system's own settings come on top
        "SANDBOX_RT_HOME": str(home),
        "SANDBOX_RT_PORT": str(port),
        "SANDBOX_RT_WEBHOOK": webhook,
        "SANDBOX_RT_SECRET": secret,
    }


def _furnished(home: Path) -> None:
    for name in ("var", "mason", "sessions"):
        (home / name).mkdir(parents=True, exist_ok=True)


class RequestTracker(Real):
    """One private instance under `directory`; a context manager. `progress` receives a line per step.

    `webhook_address` is where the shipped scrip posts to (none: it is silent); `deliver_to` changes it. `largest`: how
    many bytes an attachment may have, beyond which it is dropped (0: as RT is shipped).
    """

    def __init__(
        self,
        directory: Path,
        *,
        webhook_address: str = "",
        webhook_secret: str = "",
        workers: int = 2,
        largest: int = 0,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Take the settings; nothing is started before `start` (or `with`)."""
        super().__init__(directory, progress)
        self.webhook_address = webhook_address
        self.webhook_secret = webhook_secret or secrets.token_hex(24)
        self.bot = self.bot_id = self.bot_token = self.agent_token = ""
        self._port = 0
        self._workers = workers
        self._largest = largest

    # ------------------------------------------------------------------------------------------ running

    def start(self) -> None:
        """Start it and wait until it answers. Raises `DeskError` naming what went wrong."""
        if not available():
            msg = f"Request Tracker 5 is not installed. On Debian 12 or newer: {INSTALL}"
            raise DeskError(msg)
        ingredients = (*(PRODUCT / name for name in PARTS), HERE / "bootstrap.pl", HERE / "site_config.pm", INITIALDATA)
        template = prepared(CACHE / "request-tracker", (path.read_bytes() for path in ingredients), self._prepare)
        facts = json.loads((template / "facts.json").read_text())
        _furnished(self.home)
        database = self.home / "rt.sqlite"
        if not database.exists():
            shutil.copyfile(template / "rt.sqlite", database)
        self.bot, self.bot_id, self.bot_token = (
            "deskwire",
            facts["deskwire"]["id"],
            facts["deskwire"]["token"],
        )
        self.agent_token = facts["agent"]["token"]
        self._serve()

    def deliver_to(self, webhook_address: str) -> None:
        """Let the scrip post to another address: the server is started anew (two seconds), its data stay."""
        self.webhook_address = webhook_address
        self.stop()
        self._serve()

    @property
    def log(self) -> Path:
        """Where the server writes its warnings."""
        return self.home / "server.log"

    def environment(self) -> dict[str, str]:
        """Return the environment in which Perl programs work on this instance."""
        found = _environment(self.home, port=self._port, webhook=self.webhook_address, secret=self.webhook_secret)
        return found | ({"SANDBOX_RT_LARGEST": str(self._largest)} if self._largest else {})

    def _serve(self) -> None:
        port = self._port or free_port()  # the same one again: others know the address
        self.address = f"http://127.0.0.1:{port}"
        self._port = port
        self._progress(f"starting Request Tracker on {self.address}")
        options = ["--server", "Starlet", "--host", "127.0.0.1", "--port", str(port)]
        self.program = Program(
            [str(SERVER), *options, "--max-workers", str(self._workers)], environment=self.environment(), log=self.log
        )
        self.program.answered("Request Tracker", lambda: self.call("GET", "rt"), self._progress)

    def _prepare(self, home: Path) -> None:
        _furnished(home)
        environment = _environment(home)
        self._progress("creating Request Tracker's database")
        run("creating the database", [str(SETUP), "--action", "init", "--dba-password", ""], environment)
        self._progress("creating its users, rights, fields and scrip")
        bootstrap = ["perl", str(HERE / "bootstrap.pl"), str(INITIALDATA)]
        (home / "facts.json").write_text(run("the bootstrap", bootstrap, environment))

    # ------------------------------------------------------------------------------------------ asking

    def call(self, method: str, path: str, payload: object = None, *, token: str = "") -> Any:
        """Return the JSON answer of REST 2; as the agent, or with another `token`."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.address}/REST/2.0/{path}",
            method=method,
            data=None if payload is None else json.dumps(payload).encode(),
            headers={
                "Authorization": f"token {token or self.agent_token}",
                "Content-Type": "application/json",
            },
        )
        body = opened(request)
        return json.loads(body) if body else None

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.call("GET", f"{path}&per_page=100&page={page}")
            found += answer["items"]
            if page >= (answer.get("pages") or 1):
                return found
            page += 1

    def ticket(self, ticket: str) -> dict[str, Any]:
        """Return the ticket as RT shows it to an agent."""
        found: dict[str, Any] = self.call("GET", f"ticket/{ticket}")
        return found

    def tickets(self, query: str = "id > 0") -> list[dict[str, Any]]:
        """Return the tickets that a TicketSQL query finds, with the fields one looks at, oldest first."""
        fields = "Subject,Status,Requestor,CustomFields,Created"
        return self._pages(f"tickets?query={quote(query)}&orderby=id&fields={fields}")

    def history(self, ticket: str) -> list[dict[str, Any]]:
        """Return the ticket's transactions, oldest first, each with its `content` where it has one."""
        rows = self._pages(f"ticket/{ticket}/history?fields=Type,Creator,Created,OldValue,NewValue,Field")
        for row in rows:
            if row["Type"] in {"Create", "Correspond", "Comment"}:
                row["content"] = self.content(row["id"])
        return sorted(rows, key=lambda row: int(row["id"]))

    def content(self, transaction: str) -> str:
        """Return a transaction's first text."""
        for part in self._listed(transaction, "Filename,ContentType,Content"):
            if part["ContentType"].startswith("text/") and not part["Filename"]:
                return str(part["Content"])
        return ""

    def parts(self, transaction: str) -> list[dict[str, Any]]:
        """Return a transaction's MIME parts: `ContentType`, `Filename`, `data`."""
        found = self._listed(transaction, "Filename,ContentType")
        for part in found:
            content = self.call("GET", f"attachment/{part['id']}").get("Content") or ""
            part["data"] = base64.b64decode(content)
        return found

    def _listed(self, transaction: str, fields: str) -> list[dict[str, Any]]:
        return self._pages(f"transaction/{transaction}/attachments?fields={fields}")

    def mails(self) -> str:
        """Return all mail that RT sent so far."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.home / "var").glob("*.mbox")))

    # ------------------------------------------------------------------------------------------ the agent

    def agent_replies(
        self,
        ticket: str,
        text: str,
        *,
        html: bool = False,
        attachments: Sequence[tuple[str, str, bytes]] = (),
    ) -> str:
        """Answer the customer as the agent; returns the transaction's id. Attachments: name, type, bytes."""
        return self._write("correspond", ticket, text, html=html, attachments=attachments)

    def mail(self, text: str) -> None:
        """Hand a mail to RT's gateway, as a mail server does (its subject names the ticket: `[example.com #7]`)."""
        fields = urlencode({"queue": "General", "action": "correspond", "SessionType": "REST", "message": text})
        address = f"{self.address}/REST/1.0/NoAuth/mail-gateway"
        with urllib.request.urlopen(address, data=fields.encode(), timeout=60) as answer:  # noqa: S310 - loopback
            words = answer.read().decode(errors="replace")
        if not words.startswith("ok"):
            msg = f"Request Tracker refused a mail: {words[:300]}"
            raise DeskError(msg)

    def agent_notes(self, ticket: str, text: str) -> str:
        """Write an internal comment as the agent; returns the transaction's id."""
        return self._write("comment", ticket, text)

    def agent_sets(self, ticket: str, **fields: object) -> list[str]:
        """Change fields as the agent (`Status="resolved"`); returns RT's messages."""
        messages: list[str] = self.call("PUT", f"ticket/{ticket}", fields)
        return messages

    def agent_merges(self, ticket: str, into: str) -> list[str]:
        """Merge `ticket` into another one, as the agent."""
        return self.agent_sets(ticket, MergeInto=into)

    def agent_opens(self, subject: str, text: str = "…") -> str:
        """Open a ticket that has nothing to do with Deskwire; returns its id."""
        payload = {"Queue": "General", "Subject": subject, "Content": text, "ContentType": "text/plain"}
        return str(self.call("POST", "ticket", payload)["id"])

    def _write(
        self,
        action: str,
        ticket: str,
        text: str,
        *,
        html: bool = False,
        attachments: Sequence[tuple[str, str, bytes]] = (),
    ) -> str:
        self.call(
            "POST",
            f"ticket/{ticket}/{action}",
            {
                "Content": text,
                "ContentType": "text/html" if html else "text/plain",
                "Attachments": [
                    {"FileName": name, "FileType": kind, "FileContent": base64.b64encode(data).decode()}
                    for name, kind, data in attachments
                ],
            },
        )
        kind = action.capitalize()
        query = quote(f"ObjectType = 'RT::Ticket' AND TicketId = {ticket} AND Type = '{kind}'")
        newest = self.call("GET", f"transactions?query={query}&orderby=id&order=DESC&per_page=1")
        return str(newest["items"][0]["id"])

    # ------------------------------------------------------------------------------------------ the administrator

    def confine(self) -> None:
        """Give Deskwire's user its rights in the queue General alone, and make a queue Billing."""
        self._administer("confine.pl")

    def moves(self, ticket: str, queue: str) -> None:
        """Move a ticket to another queue."""
        self._administer("move.pl", ticket, queue)

    def _administer(self, script: str, *arguments: str) -> None:
        run(script, ["perl", str(HERE / script), *arguments], self.environment())
