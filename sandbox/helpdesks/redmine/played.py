"""A private, real Redmine 5: its own database, port and files, gone when it is stopped.

It needs Debian's packages (`available()` tells, `INSTALL` is the line that installs them). The system's own Redmine
stays untouched; several private ones run side by side.

    with Redmine(directory) as redmine:
        redmine.agent_replies("1", "On its way")
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.neighbour import free_port
from sandbox.neighbours.real import CACHE, Program, Real, opened, prepared, run

INSTALL = (
    "echo redmine redmine/instances/default/dbconfig-install boolean false | debconf-set-selections; "
    "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redmine redmine-sqlite"
)
PRODUCT = Path("/usr/share/redmine")
SYSTEM = Path("/etc/redmine/default/database.yml")  # its Gemfile looks there for the driver that it is to load
HERE = Path(__file__).parent
DATABASE = """production:
  adapter: sqlite3
  database: {home}/redmine.sqlite
  encoding: utf8
  timeout: 60000
"""


def available() -> bool:
    """Tell whether the packages are installed, and may be used by this user (root, or a member of www-data)."""
    return (PRODUCT / "config.ru").exists() and os.access(SYSTEM, os.R_OK) and shutil.which("bundle") is not None


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "RAILS_ENV": "production",
        # A name below /usr/share/redmine/instances: its settings, logs and files are in that folder.
        "REDMINE_INSTANCE": "../" * 8 + str(home.resolve()).lstrip("/"),
    }


def _furnished(home: Path) -> None:
    for name in ("config", "log", "tmp", "files", "public/plugin_assets"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "config" / "database.yml").write_text(DATABASE.format(home=home.resolve()))
    (home / "config" / "secret_key.txt").write_text("5a" * 32)


class Redmine(Real):
    """One private instance under `directory`; a context manager. `progress` receives a line per step."""

    def __init__(self, directory: Path, *, progress: Callable[[str], None] = lambda _line: None) -> None:
        """Take the settings; nothing is started before `start` (or `with`)."""
        super().__init__(directory, progress)
        self.key = self.user_id = self.agent_key = self.project = ""
        self.statuses: dict[str, int] = {}

    def start(self) -> None:
        """Start it and wait until it answers. Raises `DeskError` naming what went wrong."""
        if not available():
            msg = f"Redmine is not installed. On Debian 12, as root: {INSTALL}"
            raise DeskError(msg)
        ingredients = [(PRODUCT / "lib/redmine/version.rb").read_bytes(), (HERE / "prepare.rb").read_bytes()]
        template = prepared(CACHE / "redmine", ingredients, self._prepare)
        _furnished(self.home)
        shutil.copyfile(template / "redmine.sqlite", self.home / "redmine.sqlite")
        with closing(sqlite3.connect(self.home / "redmine.sqlite")) as database:
            database.execute("pragma journal_mode = wal")  # stays so: else whoever reads waits for all who write
        made = json.loads((template / "made.json").read_text())
        self.key, self.user_id = made["deskwire"]["key"], str(made["deskwire"]["id"])
        self.agent_key, self.project, self.statuses = made["agent"]["key"], made["project"], made["statuses"]
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._progress(f"starting Redmine on {self.address}")
        self.program = Program(
            ["ruby", str(HERE / "serve.rb"), str(port)],
            environment=_environment(self.home),
            log=self.home / "server.log",
            directory=PRODUCT,
        )
        self.program.answered("Redmine", lambda: self.call("GET", "users/current.json"), self._progress)

    def _prepare(self, home: Path) -> None:
        self._progress("creating Redmine's database (half a minute, once)")
        _furnished(home)
        command = ["bundle", "exec", "bin/rails", "runner", str(HERE / "prepare.rb")]
        told = run("creating the database", command, _environment(home), PRODUCT)
        (home / "made.json").write_text(told.strip().splitlines()[-1])

    # ------------------------------------------------------------------------------------------ asking

    def call(self, method: str, path: str, payload: object = None, *, data: bytes | None = None, key: str = "") -> Any:
        """Return the JSON answer of the REST API; as the agent, or with another `key`. `data` is sent as it is."""
        body = data if data is not None else None if payload is None else json.dumps(payload).encode()
        headers = {
            "X-Redmine-API-Key": key or self.agent_key,
            "Content-Type": "application/json" if data is None else "application/octet-stream",
        }
        request = urllib.request.Request(f"{self.address}/{path}", body, headers, method=method)  # noqa: S310 - loopback
        answer = opened(request)
        return json.loads(answer) if answer.strip() else None

    def issue(self, issue: str) -> dict[str, Any]:
        """Return the issue with its journals and files, as the API shows it to an agent."""
        found: dict[str, Any] = self.call("GET", f"issues/{issue}.json?include=journals,attachments")["issue"]
        return found

    def page(self, issue: str) -> str:
        """Return the page of an issue, as anybody sees it."""
        return opened(urllib.request.Request(f"{self.address}/issues/{issue}")).decode()  # noqa: S310 - loopback

    def formats(self, formatting: str) -> None:
        """Let Redmine show texts as `textile` or `common_mark`."""
        with closing(sqlite3.connect(self.home / "redmine.sqlite", timeout=60)) as database, database:
            changed = (
                "update settings set value = ?, updated_on = datetime('now', '+1 day') where name = 'text_formatting'"
            )
            database.execute(changed, [formatting])

    # ------------------------------------------------------------------------------------------ the agent

    def agent_replies(
        self, issue: str, text: str, *, public: bool = True, files: Sequence[tuple[str, str, bytes]] = ()
    ) -> str:
        """Answer as the agent, with files (name, type, bytes); return the journal's id."""
        uploads = [
            {
                "token": self.call("POST", "uploads.json", data=data)["upload"]["token"],
                "filename": name,
                "content_type": kind,
            }
            for name, kind, data in files
        ]
        self.agent_sets(issue, notes=text, private_notes=not public, **({"uploads": uploads} if uploads else {}))
        with closing(sqlite3.connect(self.home / "redmine.sqlite", timeout=60)) as database:
            newest = database.execute("select max(id) from journals where journalized_id = ?", [issue]).fetchone()
        return str(newest[0])

    def agent_sets(self, issue: str, **fields: object) -> None:
        """Change an issue as the agent; a status by its name (`status="Closed"`)."""
        if "status" in fields:
            fields["status_id"] = self.statuses[str(fields.pop("status"))]
        self.call("PUT", f"issues/{issue}.json", {"issue": fields})

    def agent_opens(self, subject: str, text: str = "…") -> str:
        """Open an issue that has nothing to do with Deskwire; return its id."""
        payload = {"issue": {"project_id": self.project, "subject": subject, "description": text}}
        return str(self.call("POST", "issues.json", payload)["issue"]["id"])

    def moves(self, issue: str, *, public: bool = False, closed: bool = False) -> None:
        """Move an issue into another project, in which Deskwire's user has no role."""
        name = f"elsewhere-{issue}"
        with closing(sqlite3.connect(self.home / "redmine.sqlite", timeout=60)) as database, database:
            database.execute(
                "insert into projects (name, identifier, is_public, status, lft, rgt) "
                "select ?, ?, ?, ?, max(rgt) + 1, max(rgt) + 2 from projects",
                [name, name, public, 5 if closed else 1],
            )
            (number,) = database.execute("select id from projects where identifier = ?", [name]).fetchone()
            database.execute("insert into enabled_modules (project_id, name) values (?, 'issue_tracking')", [number])
            database.execute(
                "insert into projects_trackers (project_id, tracker_id) select ?, id from trackers", [number]
            )
            database.execute("update issues set project_id = ? where id = ?", [number, issue])

    def loses_its_role(self) -> None:
        """Take the role in the project from Deskwire's user, and make the project private."""
        with closing(sqlite3.connect(self.home / "redmine.sqlite", timeout=60)) as database, database:
            database.execute("update projects set is_public = 0 where identifier = ?", [self.project])
            roles = "delete from member_roles where member_id in (select id from members where user_id = ?)"
            database.execute(roles, [self.user_id])
            database.execute("delete from members where user_id = ?", [self.user_id])
