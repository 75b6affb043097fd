"""A private, real BottleCRM: its own database, port and files, gone when it is stopped.

It runs in an environment of its own (`available()` tells whether it is there, `INSTALL` is the line that makes it).

    with BottleCRM(directory) as desk:
        desk.agent_replies(ticket, "On its way")
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deskwire.web.multipart import TEXT, multipart
from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.neighbour import free_port
from sandbox.neighbours.real import CACHE, Program, Real, opened, prepared, run

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSTALL = "make .venv/tools/bottlecrm/.stamp, with a Python 3.12 or newer"
PYTHON = ROOT / ".venv" / "tools" / "bottlecrm" / "bin" / "python"
LOCKED = ROOT / "requirements" / "bottlecrm.txt"
PARTS = ("site_settings.py", "site_run.py")


def available() -> bool:
    """Tell whether its environment is there."""
    return PYTHON.exists()


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "DJANGO_SETTINGS_MODULE": "site_settings",
        "SECRET_KEY": "of a sandbox that nobody else on earth reaches",
        "SANDBOX_HELPDESK_HOME": str(home),
    }


class BottleCRM(Real):
    """One private instance under `directory`; a context manager. `progress` receives a line per step."""

    def __init__(self, directory: Path, *, progress: Callable[[str], None] = lambda _line: None) -> None:
        """Take the settings; nothing is started before `start` (or `with`)."""
        super().__init__(directory, progress)
        self.token = self.profile = self.agent_token = self.webhook_secret = ""

    def start(self) -> None:
        """Start it and wait until it answers. Raises `DeskError` naming what went wrong."""
        if not available():
            msg = f"BottleCRM is not installed: {INSTALL}"
            raise DeskError(msg)
        ingredients = [LOCKED.read_bytes(), *((HERE / name).read_bytes() for name in PARTS)]
        template = prepared(CACHE / "bottlecrm", ingredients, self._prepare)
        shutil.copytree(template, self.home, dirs_exist_ok=True)
        made = json.loads((self.home / "made.json").read_text())
        self.token, self.profile = made["deskwire"]["token"], made["deskwire"]["id"]
        self.agent_token, self.webhook_secret = made["agent"]["token"], made["webhook"]["secret"]
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._progress(f"starting BottleCRM on {self.address}")
        self.program = Program(
            [str(PYTHON), str(HERE / "site_run.py"), "serve", str(port)],
            environment=_environment(self.home),
            log=self.home / "wsgi.log",
            directory=self.home,  # where its settings write logs
        )
        self.program.answered("BottleCRM", lambda: self.call("GET", "profile/"), self._progress)

    def _prepare(self, home: Path) -> None:
        self._progress("creating BottleCRM's database")
        command = [str(PYTHON), str(HERE / "site_run.py"), "prepare"]
        (home / "made.json").write_text(run("creating the database", command, _environment(home), home))

    # ------------------------------------------------------------------------------------------ asking

    def call(self, method: str, path: str, payload: object = None, *, token: str = "") -> Any:
        """Return the JSON answer of the REST API; as the agent, or with another `token`."""
        data = None if payload is None else json.dumps(payload).encode()
        return self._sent(method, path, data, "application/json", token)

    def ticket(self, ticket: str) -> dict[str, Any]:
        """Return the ticket with its comments, as the API shows it to an agent, a merged one too."""
        found: dict[str, Any] = self.call("GET", f"cases/{ticket}/?show_merged=true")
        return found

    def mails(self) -> str:
        """Return all mail that it sent so far."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.home / "mail").glob("*")))

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the webhooks that it sent so far, each with its headers and body."""
        found = self.home / "webhooks.jsonl"
        return [json.loads(line) for line in found.read_text().splitlines()] if found.exists() else []

    def _sent(self, method: str, path: str, data: bytes | None, kind: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token or self.agent_token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.address}/api/{path}", data, headers, method=method)  # noqa: S310
        body = opened(request)
        return json.loads(body) if body else None

    # ------------------------------------------------------------------------------------------ the agent

    def agent_replies(
        self, ticket: str, text: str, *, public: bool = True, file: tuple[str, str, bytes] | None = None
    ) -> str:
        """Answer as the agent, with a file (name, type, bytes), as the web pages do; return the comment's id."""
        before = {row["id"] for row in self._comments(ticket)}
        if file is None:
            self.call("POST", f"cases/{ticket}/", {"comment": text, "is_internal": not public})
        else:
            name, kind, data = file
            internal = "false" if public else "true"
            parts = [('name="comment"', TEXT, text.encode()), ('name="is_internal"', TEXT, internal.encode())]
            parts.append((f'name="case_attachment"; filename="{name}"', kind, data))
            form, body = multipart(parts)
            self._sent("POST", f"cases/{ticket}/", body, form)
        # Deskwire may write at the same moment.
        made = [row for row in self._comments(ticket) if row["id"] not in before and row["comment"] == text]
        return str(made[-1]["id"])

    def agent_sets(self, ticket: str, **fields: object) -> None:
        """Change the ticket as the agent."""
        self.call("PATCH", f"cases/{ticket}/", fields)

    def agent_merges(self, ticket: str, into: str) -> None:
        """Merge `ticket` into another one."""
        self.call("POST", f"cases/{ticket}/merge/{into}/", {})

    def agent_opens(self, subject: str, text: str = "…", **more: object) -> str:
        """Open a ticket that has nothing to do with Deskwire; return its id."""
        payload = {"name": subject, "status": "New", "priority": "Normal", "description": text, **more}
        return str(self.call("POST", "cases/", payload)["id"])

    def agent_adds_contact(self, **fields: str) -> str:
        """Add a contact; return its id."""
        return str(self.call("POST", "contacts/", {"first_name": "Maria", "last_name": "Kos", **fields})["id"])

    def _comments(self, ticket: str) -> list[dict[str, Any]]:
        shown = self.ticket(ticket)
        return [*shown["comments"], *shown["internal_notes"]]
