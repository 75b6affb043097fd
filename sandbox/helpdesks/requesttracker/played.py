"""A private, real Request Tracker 5: its own database, port and configuration, gone when it is stopped.

It needs Debian's packages (`available()` tells, `INSTALL` is the line that installs them) and no root. The
system's own Request Tracker, which the packages set up, stays untouched; several private ones run side by side.

    with RequestTracker(directory, webhook_address="http://127.0.0.1:8080/helpdesks/rt") as tracker:
        tracker.agent_replies("1", "On its way")
"""

from __future__ import annotations

import base64
import fcntl
import functools
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.neighbour import free_port

INSTALL = (
    "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
    "request-tracker5 rt5-db-sqlite rt5-standalone"
)

PRODUCT = Path("/usr/share/request-tracker5")
SETUP = Path("/usr/sbin/rt-setup-database-5")
SERVER = PRODUCT / "libexec" / "rt-server"
HERE = Path(__file__).parent
INITIALDATA = HERE.parents[2] / "docs" / "request-tracker" / "initialdata"
CACHE = HERE.parents[2] / ".sandbox" / "request-tracker"  # a database that only has to be copied
START_LIMIT = 90.0  # seconds until the first answer
STOP_LIMIT = 10.0  # seconds from the polite signal to the other one

# Ends the server's process group when the pipe on its standard input closes: also when Python is killed.
LAUNCH = 'exec 3<&0; (cat <&3 >/dev/null; kill -TERM 0) & exec "$@" 3<&- </dev/null'


class RequestTrackerError(DeskError):
    """The private Request Tracker could not be started, or refused what a test asked of it."""


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


def _run(what: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=START_LIMIT)
    if done.returncode:
        msg = f"{what} failed: {(done.stderr or done.stdout)[-2000:]}"
        raise RequestTrackerError(msg)
    return done.stdout


def _make_home(home: Path) -> None:
    for name in ("var", "mason", "sessions"):
        (home / name).mkdir(parents=True, exist_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _database(cache: Path, progress: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """Return a database with users, rights, fields and scrip, and what was made; made once per version."""
    ingredients = [
        PRODUCT / "lib/RT/Generated.pm",
        PRODUCT / "etc/schema.SQLite",
        HERE / "bootstrap.pl",
        HERE / "site_config.pm",
        INITIALDATA,
    ]
    version = hashlib.sha256(b"\0".join(path.read_bytes() for path in ingredients)).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready = cache / version
    with _locked(cache / "lock"):
        if not (ready / "facts.json").exists():
            shutil.rmtree(ready, ignore_errors=True)
            _make_home(ready)
            environment = _environment(ready)
            progress("creating Request Tracker's database")
            _run("creating the database", [str(SETUP), "--action", "init", "--dba-password", ""], environment)
            progress("creating its users, rights, fields and scrip")
            facts = _run("the bootstrap", ["perl", str(HERE / "bootstrap.pl"), str(INITIALDATA)], environment)
            json.loads(facts)
            (ready / "facts.json").write_text(facts)
    return ready / "rt.sqlite", json.loads((ready / "facts.json").read_text())


class RequestTracker:
    """One private instance under `directory`; a context manager. `progress` receives a line per step.

    `webhook_address` is where the shipped scrip posts to (none: it is silent); `deliver_to` changes it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        webhook_address: str = "",
        webhook_secret: str = "",
        workers: int = 2,
        progress: Callable[[str], None] = lambda _line: None,
        cache: Path | None = None,
    ) -> None:
        """Take the settings; nothing is started before `start` (or `with`)."""
        self.home = directory
        self.webhook_address = webhook_address
        self.webhook_secret = webhook_secret or secrets.token_hex(24)
        self.address = ""
        self.bot = self.bot_id = self.bot_token = self.agent_token = ""
        self._port = 0
        self._workers = workers
        self._progress = progress
        self._cache = cache or CACHE
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # ------------------------------------------------------------------------------------------ running

    def start(self) -> None:
        """Start it and wait until it answers. Raises `RequestTrackerError` naming what went wrong."""
        if not available():
            msg = f"Request Tracker 5 is not installed. On Debian 12 or newer: {INSTALL}"
            raise RequestTrackerError(msg)
        _make_home(self.home)
        template, facts = _database(self._cache, self._progress)
        database = self.home / "rt.sqlite"
        if not database.exists():
            shutil.copyfile(template, database)
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

    def stop(self) -> None:
        """End the server and its workers; the files stay."""
        server, self._server = self._server, None
        if server is None:
            return
        if server.stdin:
            server.stdin.close()
        _signal_group(server, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_LIMIT)
        _signal_group(server, signal.SIGKILL)  # whatever of the group is left
        server.wait()

    @property
    def log(self) -> Path:
        """Where the server writes its warnings."""
        return self.home / "server.log"

    def environment(self) -> dict[str, str]:
        """Return the environment in which Perl programs work on this instance."""
        return _environment(self.home, port=self._port, webhook=self.webhook_address, secret=self.webhook_secret)

    def _serve(self) -> None:
        port = self._port or free_port()  # the same one again: others know the address
        self.address = f"http://127.0.0.1:{port}"
        self._port = port
        self._progress(f"starting Request Tracker on {self.address}")
        options = ["--server", "Starlet", "--host", "127.0.0.1", "--port", str(port)]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                ["/bin/sh", "-c", LAUNCH, "sh", str(SERVER), *options, "--max-workers", str(self._workers)],
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        started = told = time.monotonic()
        while True:
            try:
                self.call("GET", "rt")
            except (OSError, RequestTrackerError) as error:
                problem = str(error)
            else:
                self._progress(f"Request Tracker answers after {time.monotonic() - started:.1f} s")
                return
            now = time.monotonic()
            if self._server is None or self._server.poll() is not None or now - started > START_LIMIT:
                end = self.log.read_text(errors="replace")[-1500:]
                msg = f"Request Tracker did not start within {now - started:.0f} s ({problem}): {end}"
                raise RequestTrackerError(msg)
            if now - told > 2:
                told = now
                self._progress(f"waiting for Request Tracker, {now - started:.0f} s")
            time.sleep(0.1)

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
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                msg = f"{method} {path}: {error.code} {error.read()[:500].decode(errors='replace')}"
            raise RequestTrackerError(msg) from None
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
            raise RequestTrackerError(msg)

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


def _signal_group(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(server.pid, number)
    except ProcessLookupError:
        return
