"""Serves the page, on loopback only: it takes what a person writes and switches, and tells what becomes of it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlencode

from deskwire import registry
from sandbox.cloud.stack import StackError
from sandbox.neighbours.neighbour import Asked, Neighbour, Reply, free_port, route
from sandbox.page.dictated import Dictated
from sandbox.page.front import AWS, BEFORE, Front
from sandbox.page.live import Live
from sandbox.page.switches import Switches

if TYPE_CHECKING:
    from sandbox.northwind.company import Company
    from sandbox.northwind.notes import Notes

PAGE = Path(__file__).with_name("page.html")
PORT = 8765  # unless something else has it
LONGEST = 5000  # characters that a person may write at once
LOG = 200_000  # bytes of the functions' log that are shown
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


class Page(Neighbour):
    """The page of a company that runs. `notes` are what earlier scripts wrote down, `report` what they came to."""

    name: ClassVar[str] = "page"

    def __init__(
        self, company: Company, notes: Sequence[Notes] = (), *, report: str = "", port: int | None = None
    ) -> None:
        """Take the company as it runs; look at nothing yet."""
        super().__init__(port=_free(PORT) if port is None else port)
        self._company = company
        self.script = Dictated(company)
        self.switches = Switches(company)
        self.live = Live(company, self.script, self.switches, notes)
        self._front = Front(company.stack.deployed.archive, {AWS: company.stack.endpoint})
        self._report = report
        self._links = list(self._found())
        text = PAGE.read_text(encoding="utf-8")
        self._page = Reply(200, text.encode(), {
            "content-type": "text/html; charset=utf-8", "content-security-policy": _policy(text),
            "referrer-policy": "same-origin", "cache-control": "no-store",
        })  # fmt: skip

    def start(self) -> Self:
        super().start()
        self.live.start()
        return self

    def stop(self) -> None:
        self.live.stop()
        super().stop()

    # ------------------------------------------------------------------------------------------ who may ask

    def authorize(self, asked: Asked) -> Reply | None:
        """Let in this machine's own browser, on this page alone: no other site's page may ask, or guess a name."""
        del asked
        return None

    def serve(self, asked: Asked) -> Reply | None:
        host = asked.header("host")
        foreign = asked.header("origin") not in ("", f"http://{host}")
        if host.rpartition(":")[0] not in LOOPBACK or (foreign and asked.method != "GET"):
            return Reply.json(403, {"error": "only the sandbox's own page may ask"})
        if asked.path.startswith(BEFORE):  # without the lock: neighbours may be slow
            query = urlencode(asked.query, doseq=True)
            return self._front.pass_on(asked, query)
        return super().serve(asked)

    # ------------------------------------------------------------------------------------------ what it shows

    @route("GET", "/")
    def page(self, asked: Asked) -> Reply:
        """Return the page."""
        del asked
        return self._page

    @route("GET", "/state")
    def state(self, asked: Asked) -> Reply:
        """Return what can be written, switched and looked at."""
        del asked
        rules = self._company.configuration()["connections"]
        ways = [
            {
                "id": number, "channel": registry.channel(each.channel).title, "title": each.title,
                "accounts": {rule["account"]: name for name, rule in rules.items() if rule["channel"] == each.channel},
            }
            for number, each in enumerate(self.script.ways)
        ]  # fmt: skip
        switches = [
            {"id": each.id, "title": each.title, "hint": each.hint, "real": each.real} for each in self.switches.all
        ]
        desk = registry.helpdesk(self._company.helpdesk).title
        minute = round(60 / self._company.speed)  # as the sandbox runs it
        shown = {"ways": ways, "switches": switches, "links": self._links, "desk": desk, "minute": minute}
        return Reply.json(200, shown)

    @route("GET", "/log")
    def log(self, asked: Asked) -> Reply:
        """Return the end of the functions' log."""
        del asked
        return _plain(self._company.stack.logs()[-LOG:])

    @route("GET", "/report")
    def report(self, asked: Asked) -> Reply:
        """Return what the scripts before came to: each promise, with what was looked at."""
        del asked
        return _plain(self._report)

    @route("GET", "/rules")
    def rules(self, asked: Asked) -> Reply:
        """Return deskwire.yaml as it was applied; it holds no secret."""
        del asked
        return _plain(self._company.rules.read_text(encoding="utf-8"))

    @route("GET", "/events")
    def events(self, asked: Asked) -> Reply:
        """Return what happens, as it happens."""
        del asked
        headers = {"content-type": "text/event-stream", "cache-control": "no-store"}
        return Reply(200, headers=headers, stream=self.live.events())

    def _found(self) -> Iterator[dict[str, str]]:
        """Yield what else there is to look at."""
        company = self._company
        address, _, remark = company.desk.page.partition(" ")
        # A real helpdesk writes its own addresses into its pages; it stays where it is.
        shown = self._front.shown(address, company.helpdesk) if company.desk.player else address
        yield {"title": f"Tickets in {registry.helpdesk(company.helpdesk).title}", "href": shown, "remark": remark}
        for name, platform in company.platforms.items():
            self._front.shown(platform.player.address, name)  # pages may load things from it
            for title, place in platform.pages:
                yield {"title": title, "href": self._front.shown(place, name), "remark": ""}
        api = self._front.shown(f"{company.stack.deployed.api}/channels/", AWS)
        yield {"title": "Webhooks are posted to", "href": "", "remark": f"{api}{{endpoint}}"}
        mail = f"{company.stack.endpoint}/_ministack/ses/messages"
        yield {"title": "Mail that was sent", "href": self._front.shown(mail, AWS), "remark": "JSON"}
        if self._report:
            yield {
                "title": "What the morning came to",
                "href": "/report",
                "remark": "each promise, and the special cases",
            }
        yield {"title": "The functions' log", "href": "/log", "remark": ""}
        yield {"title": "deskwire.yaml, as applied", "href": "/rules", "remark": ""}

    # ------------------------------------------------------------------------------------------ what a person does

    @route("POST", "/say")
    def say(self, asked: Asked) -> Reply:
        """Let a customer write: in a new conversation of a way, or on in one that was begun here."""
        given = _fields(asked, "text")
        if isinstance(given, Reply):
            return given
        text, key = given["text"], given.get("key", "")
        if key and not self.script.may_go_on(key):
            return _refused("This customer wrote from elsewhere: begin a conversation of your own.")
        if key:
            self.script.go_on(key, text)
        else:
            ways = self.script.ways
            number = given.get("way", "")
            if not number.isdecimal() or int(number) >= len(ways):
                return _refused("Choose where to write.")
            talk = self.script.begin(ways[int(number)], given.get("account", ""), given.get("name") or "Guest", text)
            key = talk.key
        self.live.tell({key})
        return Reply.json(200, {"key": key})

    @route("POST", "/answer")
    def answer(self, asked: Asked) -> Reply:
        """Let an agent answer in a conversation's ticket, or note something."""
        given = _fields(asked, "text", "key")
        if isinstance(given, Reply):
            return given
        ticket = self.live.ticket(given["key"])
        if not ticket:
            return _refused("There is no ticket yet to answer in.")
        self._company.desk.reply(ticket, given["text"], public=given.get("public") != "no")
        self.live.tell({given["key"]})
        return Reply.json(200, {})

    @route("POST", "/switch")
    def switch(self, asked: Asked) -> Reply:
        """Switch a misfortune on or off."""
        given = _fields(asked, "id")
        if isinstance(given, Reply):
            return given
        try:
            self.switches.turn(given["id"], on=given.get("on") == "yes")
        except LookupError as error:
            return _refused(f"{error}.")
        self.live.again()
        return Reply.json(200, {})

    @route("POST", "/minute")
    def minute(self, asked: Asked) -> Reply:
        """Run sweep now, which wakes what is due."""
        del asked
        try:
            self._company.stack.sweep()
        except StackError:
            return _refused("sweep failed; the functions' log says why.")
        return Reply.json(200, {})


def _free(port: int) -> int:
    """Return the port, or another one where something listens on it."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port


def _policy(page: str) -> str:
    """Return a policy that allows the page's own script and style, and nothing from elsewhere."""
    found = {
        kind: base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
        for kind in ("script", "style")
        if (match := re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL))
    }
    hashes = "; ".join(f"{kind}-src 'sha256-{digest}'" for kind, digest in found.items())
    return f"default-src 'none'; {hashes}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"


def _fields(asked: Asked, *needed: str) -> dict[str, str] | Reply:
    """Return what a form sent, as texts, or what is wrong with it."""
    given = asked.json()
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        return _refused("That was not understood.")
    fields = {name: value.strip() for name, value in given.items()}
    if not all(fields.get(name) for name in needed):
        return _refused("Write something first.")
    return fields if len(fields.get("text", "")) <= LONGEST else _refused(f"That is longer than {LONGEST} characters.")


def _refused(words: str) -> Reply:
    return Reply.json(400, {"error": words})


def _plain(text: str) -> Reply:
    return Reply(200, text.encode(), {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"})
