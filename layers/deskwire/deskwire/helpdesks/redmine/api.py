"""How Redmine's REST API is asked: the key, the names that a company gave, and what its refusals say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from urllib.parse import quote, urlencode, urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of, numbered, required_id
from deskwire.families.lists import flag, known, listed
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.tickets import PRIORITIES, File
from deskwire.model.values import dataclass, field
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

PROJECT = re.compile(r"[a-z0-9_-]{1,100}")
HOUR = 3600.0
DAY = 86_400.0
HINT = "the “api_key”, and the rights of its user"
PAGE = "see docs/helpdesks/redmine.md"


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one Redmine, for one call of the connector."""

    reach: Reach
    known: dict[str, str] = field(default_factory=dict)  # what was asked for in this call

    def ask(self, method: str, path: str, payload: object = None, *, data: bytes | None = None) -> Answer:
        """Return whatever status came; `data` is sent as it is."""
        url = f"{self.address}/{path}"
        headers = {"X-Redmine-API-Key": self.key, "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
            return self.reach.http(Call(method, url, headers, data, timeout=60.0))
        if payload is None:
            return self.reach.http(Call(method, url, headers, timeout=20.0))
        return self.reach.http(Call.json(method, url, payload, headers=headers, timeout=30.0))

    def get(self, path: str, what: str, **query: str) -> Node:
        """Return the JSON of a GET."""
        full = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return checked(self.ask("GET", full), what=what, secret_hint=HINT).node()

    def issue(self, number: str, what: str) -> Node:
        """Return an issue with its journals. Raises `TicketGone` for one that is not there (any more)."""
        answer = self.ask("GET", f"issues/{numbered(number)}.json?include=journals,attachments,allowed_statuses")
        if _missing(answer):
            raise TicketGone("deleted")
        if answer.status == 403 and self._sees_tickets():  # invisible, or in an archived project
            raise TicketGone("inaccessible")
        shown = checked(answer, what=what, secret_hint=HINT).node()["issue"].object()
        required_id(shown["id"], what)
        return shown

    def change(self, issue: Node, fields: dict[str, object], what: str) -> None:
        """Change an issue as it was shown. Redmine answers without a word, also where our user may not do it."""
        answer = self.ask("PUT", f"issues/{required_id(issue['id'], what)}.json", {"issue": fields})
        if _missing(answer):
            raise TicketGone("deleted")
        if answer.status == 403 or _reasoned(answer):  # 403: in a closed project, or without a right to edit
            self.moved(issue)
        self.refused(answer, what)
        checked(answer, what=what, secret_hint=HINT)
        if answer.body.strip():  # 204, or 200 with nothing
            raise TemporaryError(f"{what}: the answer is none of Redmine's", ambiguous=True)

    def refused(self, answer: Answer, what: str) -> None:
        """Raise `ConfigurationError` where a refusal names reasons: what we write is always valid as such."""
        if _reasoned(answer):
            raise ConfigurationError(f"{what}: a field is mandatory that Deskwire does not fill, or a workflow: {PAGE}")

    def moved(self, issue: Node) -> None:
        """Raise `TicketGone` for an issue, which took nothing, in another project than new ones go to.

        What one project does not let us do concerns its issues alone.
        """
        if issue["project"]["id"].any_id() not in {"", self.project[1]}:
            raise TicketGone("inaccessible")

    def _sees_tickets(self) -> bool:
        """Return whether our user sees issues of ours where new ones go: what it does not see was moved from there."""
        query = {"project_id": self.project[0], "status_id": "*", "description": "~[dw-", "limit": "1"}
        return bool(self.get("issues.json", "looking for our tickets", **query)["issues"].rows())

    def upload(self, file: File) -> str:
        """Store a file and return its token; empty where Redmine does not take it (size, type)."""
        answer = self.ask("POST", "uploads.json", data=file.data)
        if answer.status == 413 or (answer.status == 422 and errors_of(answer)):
            return ""
        return checked(answer, what="storing a file", secret_hint=HINT).node()["upload"]["token"].identifier()

    # ------------------------------------------------------------------------------------------ what is there

    @property
    def address(self) -> str:
        """Where Redmine is."""
        return address_of(self.reach.settings, "https://redmine.example.com")

    @property
    def host(self) -> str:
        """The name of its host."""
        return urlsplit(self.address).hostname or ""

    @property
    def key(self) -> str:
        return self.reach.secrets.one("api_key").reveal()

    @property
    def user(self) -> str:
        """The id of our own user."""

        def look() -> str:
            return required_id(self.get("users/current.json", "asking who we are")["user"]["id"], "asking who we are")

        return self._kept("me", look, DAY)

    @property
    def project(self) -> tuple[str, str]:
        """The identifier and the number of the project, once it is known to exist."""
        name = self.reach.settings.get("project", "")
        if not PROJECT.fullmatch(name):
            raise ConfigurationError("“project” is not the identifier of the project that new tickets go to")

        def look() -> str:
            answer = self.ask("GET", f"projects/{name}.json")
            if answer.status == 404:
                raise ConfigurationError(f"Redmine has no project “{name}” that its user may see: {PAGE}")
            what = "looking at the project"
            return required_id(checked(answer, what=what, secret_hint=HINT).node()["project"]["id"], what)

        return name, self._kept(f"project/{name}", look, HOUR)

    def open_status(self, allowed: Collection[int] | None) -> int | None:
        """Return the status that opens an issue again: the setting's, else the first that is not closed.

        `allowed`: the statuses that the workflow lets it have, where Redmine tells them. None where no open one is.
        """
        given = self.reach.settings.get("reopened_status", "")
        wanted = [int(numbered(given))] if given else []
        wanted += [number for number, closed in self.statuses().items() if not closed]
        if allowed is None:
            return next(iter(wanted), 1)
        return next((number for number in wanted if number in allowed), None)

    def version_closed(self, number: str) -> bool:
        """Return whether a version is closed, whose issues Redmine opens no more."""
        answer = self.ask("GET", f"versions/{numbered(number)}.json")  # 403 for one of a project that our user has not
        return answer.status == 200 and answer.node()["version"]["status"].text("") == "closed"

    def statuses(self) -> dict[int, bool]:
        """Return whether each status is a closed one, by its id."""

        def look() -> str:
            what = "reading the statuses"
            rows = listed(self.get("issue_statuses.json", what)["issue_statuses"], what)
            statuses = known(rows, what, self.reach)
            return json.dumps({id_of(row["id"]): bool(flag(row["is_closed"], what, self.reach)) for row in statuses})

        return {int(number): closed for number, closed in json.loads(self._kept("statuses", look, HOUR)).items()}

    def priorities(self) -> dict[str, int]:
        """Return the id of Redmine's priority for each of ours: the default one, and those around it.

        Their names are a company's own; their order is that of the list.
        """

        def look() -> str:
            rows = list(
                self.get("enumerations/issue_priorities.json", "reading the priorities")["issue_priorities"].items()
            )
            ids = [row["id"].number() for row in rows]
            if not ids:
                raise TemporaryError("reading the priorities: there are none")
            middle = next((place for place, row in enumerate(rows) if row["is_default"].truth(default=False)), 0)
            return json.dumps({"all": ids, "middle": middle})

        kept = json.loads(self._kept("priorities", look, HOUR))
        ids, middle = kept["all"], kept["middle"]
        places = [min(max(middle + step, 0), len(ids) - 1) for step in (-1, 0, 1, 2)]
        return {name: ids[place] for name, place in zip(PRIORITIES, places, strict=True)}

    def rank(self, priority: int) -> int:
        """Return a priority's place among ours, -1 below all."""
        known = list(self.priorities().values())
        return known.index(priority) if priority in known else (len(known) if priority > max(known) else -1)

    def _kept(self, name: str, make: Callable[[], str], seconds: float) -> str:
        if name not in self.known:
            self.known[name] = self.reach.remember(f"redmine/{self.reach.account}/{name}", lambda: (make(), seconds))
        return self.known[name]


def errors_of(answer: Answer) -> list[Node]:
    """Return the reasons in a refusal."""
    try:
        return read(answer.body)["errors"].rows()
    except PayloadError:
        return []


def _reasoned(answer: Answer) -> bool:
    """Return whether this is a refusal that names reasons."""
    return answer.status == 422 and any(reason.text("") for reason in errors_of(answer))


def _missing(answer: Answer) -> bool:
    """Return whether there is no such issue: Redmine says so without a word, and a wrong address by a page."""
    return answer.status == 404 and not answer.body.lstrip().startswith(b"<")
