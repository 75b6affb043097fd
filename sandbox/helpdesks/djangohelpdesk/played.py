"""A private, real django-helpdesk: its own database, port and files, gone when it is stopped.

It runs in an environment of its own (`available()` tells whether it is there, `INSTALL` is the line that makes it).

    with DjangoHelpdesk(directory) as desk:
        desk.agent_replies("1", "On its way")
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deskwire.web.multipart import TEXT, multipart
from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.neighbour import free_port
from sandbox.neighbours.real import CACHE, Program, Real, opened, prepared, run

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSTALL = "make .venv/tools/djangohelpdesk/.stamp"
PYTHON = ROOT / ".venv" / "tools" / "djangohelpdesk" / "bin" / "python"
LOCKED = ROOT / "requirements" / "djangohelpdesk.txt"
PARTS = ("site_settings.py", "site_urls.py", "site_run.py")
PASSWORD = "sandbox-only"  # noqa: S105 - of a helpdesk on this machine


def available() -> bool:
    """Tell whether its environment is there."""
    return PYTHON.exists()


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "DJANGO_SETTINGS_MODULE": "site_settings",
        "SANDBOX_HELPDESK_HOME": str(home),
    }


class DjangoHelpdesk(Real):
    """One private instance under `directory`; a context manager. `progress` receives a line per step."""

    def __init__(self, directory: Path, *, progress: Callable[[str], None] = lambda _line: None) -> None:
        """Take the settings; nothing is started before `start` (or `with`)."""
        super().__init__(directory, progress)
        self.token = self.user_id = self.agent_token = self.agent_id = self.queue = ""
        self._browser: urllib.request.OpenerDirector | None = None
        self._cookies = http.cookiejar.CookieJar()

    def start(self) -> None:
        """Start it and wait until it answers. Raises `DeskError` naming what went wrong."""
        if not available():
            msg = f"django-helpdesk is not installed: {INSTALL}"
            raise DeskError(msg)
        ingredients = [LOCKED.read_bytes(), *((HERE / name).read_bytes() for name in PARTS)]
        template = prepared(CACHE / "django-helpdesk", ingredients, self._prepare)
        shutil.copytree(template, self.home, dirs_exist_ok=True)
        made = json.loads((self.home / "made.json").read_text())
        self.token, self.user_id = made["deskwire"]["token"], made["deskwire"]["id"]
        self.agent_token, self.agent_id = made["agent"]["token"], made["agent"]["id"]
        self.queue = made["queue"]
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._progress(f"starting django-helpdesk on {self.address}")
        self.program = Program(
            [str(PYTHON), str(HERE / "site_run.py"), "serve", str(port)],
            environment=_environment(self.home),
            log=self.home / "server.log",
        )
        self.program.answered("django-helpdesk", lambda: self.call("GET", "followups/"), self._progress)

    def _prepare(self, home: Path) -> None:
        self._progress("creating django-helpdesk's database")
        command = [str(PYTHON), str(HERE / "site_run.py"), "prepare"]
        (home / "made.json").write_text(run("creating the database", command, _environment(home)))

    # ------------------------------------------------------------------------------------------ asking

    def call(self, method: str, path: str, payload: object = None, *, token: str = "") -> Any:
        """Return the JSON answer of the REST interface; as the agent, or with another `token`."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.address}/api/{path}",
            method=method,
            data=None if payload is None else json.dumps(payload).encode(),
            headers={"Authorization": f"Token {token or self.agent_token}", "Content-Type": "application/json"},
        )
        body = opened(request)
        return json.loads(body) if body else None

    def ticket(self, ticket: str) -> dict[str, Any]:
        """Return the ticket with its follow-ups, as the interface shows it to an agent."""
        found: dict[str, Any] = self.call("GET", f"tickets/{ticket}/")
        return found

    def mails(self) -> str:
        """Return all mail that it sent so far."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.home / "mail").glob("*")))

    # ------------------------------------------------------------------------------------------ the agent

    def agent_replies(
        self, ticket: str, text: str, *, public: bool = True, files: Sequence[tuple[str, str, bytes]] = ()
    ) -> str:
        """Answer as the agent over the interface, with files (name, type, bytes); return the follow-up's id."""
        if not files:
            payload = {"ticket": int(ticket), "comment": text, "public": public}
            return str(self.call("POST", "followups/", payload)["id"])
        parts = [('name="ticket"', TEXT, ticket.encode()), ('name="comment"', TEXT, text.encode())]
        parts += [('name="public"', TEXT, b"true")] if public else []
        parts += [(f'name="attachments"; filename="{name}"', kind, data) for name, kind, data in files]
        kind, body = multipart(parts)
        headers = {"Authorization": f"Token {self.agent_token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.address}/api/followups/", body, headers)  # noqa: S310 - loopback
        return str(json.loads(opened(request))["id"])

    def agent_answers(
        self, ticket: str, text: str, *, status: int | None = None, public: bool = True, owner: int | None = None
    ) -> None:
        """Answer on the ticket's page, as agents do, and set a status or an owner there (0: none)."""
        shown = self.ticket(ticket)
        fields = {name: str(shown[name]) for name in ("title", "queue", "priority")}
        fields |= {"comment": text, "new_status": str(status or shown["status"])}
        fields |= {} if owner is None else {"owner": str(owner)}
        self.page(f"tickets/{ticket}/update/", {**fields, **({"public": "1"} if public else {})})

    def agent_merges(self, ticket: str, into: str) -> None:
        """Merge `ticket` into another one, on the page for it.

        Where the ticket has no submitter's address, version 2.6.1 answers with HTTP 500 after all of it is done.
        """
        with suppress(DeskError):
            self.page(f"tickets/merge?tickets={ticket}&tickets={into}", {"chosen_ticket": into})
        if str(self.ticket(ticket)["merged_to"]) != into:
            msg = f"ticket {ticket} was not merged into {into}"
            raise DeskError(msg)

    def agent_opens(self, subject: str, text: str = "…") -> str:
        """Open a ticket that has nothing to do with Deskwire; return its id."""
        payload = {"queue": int(self.queue), "title": subject, "description": text, "priority": 3}
        return str(self.call("POST", "tickets/", payload)["id"])

    def page(self, path: str, form: dict[str, str] | None = None) -> str:
        """Return a page as the agent sees it, after sending a form there."""
        if self._browser is None:
            cookies = urllib.request.HTTPCookieProcessor(self._cookies)
            self._browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
            self.page("admin/login/")  # which gives the first token against forged forms
            self.page("admin/login/", {"username": "agent", "password": PASSWORD, "next": "/admin/"})
        data = None if form is None else urlencode(form).encode()
        token = next((cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken"), "")
        headers = {"X-CSRFToken": token} if token else {}
        request = urllib.request.Request(f"{self.address}/{path}", data, headers)  # noqa: S310 - loopback
        return opened(request, self._browser).decode()
