"""Serves the page, on loopback only: it takes what a person writes and switches, and tells what becomes of it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from deskwire import registry
from sandbox.cloud.stack import StackError
from sandbox.neighbours.neighbour import Asked, Neighbour, Reply, free_port, route
from sandbox.page.dictated import Dictated
from sandbox.page.front import AWS, BEFORE, Front
from sandbox.page.stories import Card, Story, Teller
from sandbox.page.stream import Change, Stream
from sandbox.page.switches import Switches

if TYPE_CHECKING:
    from sandbox.northwind.company import Company
    from sandbox.northwind.notes import Notes

PAGE = Path(__file__).with_name("page.html")
PORT = 8765  # unless something else has it
LOOK = 0.25  # seconds between two looks at the table's stream
ALIVE = 10.0  # seconds after which a connection that has nothing to tell says that it is there
MOST = 60  # conversations shown, the latest
LONGEST = 5000  # characters that a person may write at once
LOG = 200_000  # bytes of the functions' log that are shown
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
KILLED = "This worker was killed in the middle of its turn. Its letter is redelivered once its lease has ended."
FOLLOWED = "Another worker took over, and checks what the one that died may have done."


@dataclass(slots=True)
class _Shown:
    """A story as it was told last."""

    version: int
    story: Story


class Page(Neighbour):
    """The page of a company that runs. `notes` are what earlier scripts wrote down of it."""

    name: ClassVar[str] = "page"

    def __init__(self, company: Company, notes: Sequence[Notes] = (), *, port: int | None = None) -> None:
        """Take the company as it runs; look at nothing yet."""
        super().__init__(port=_free(PORT) if port is None else port)
        self._company = company
        self.script = Dictated(company)
        self.switches = Switches(company)
        self._notes = [*notes, self.script.notes]
        self._teller = Teller(company)
        self._front = Front(company.stack.deployed.archive, {AWS: company.stack.endpoint})
        self._machine: dict[str, list[Card]] = {}
        self._held: dict[str, str] = {}  # thread to the worker that has it
        self._shown: dict[str, _Shown] = {}
        self._changed = threading.Condition()
        self._version = 0
        self._ended = threading.Event()
        self._watching: threading.Thread | None = None
        self._links = list(self._found())
        text = PAGE.read_text(encoding="utf-8")
        self._page = Reply(200, text.encode(), {
            "content-type": "text/html; charset=utf-8", "content-security-policy": _policy(text),
            "referrer-policy": "same-origin", "cache-control": "no-store",
        })  # fmt: skip

    def start(self) -> Self:
        super().start()
        self._ended.clear()
        self._watching = threading.Thread(target=self._watch, daemon=True, name="page")
        self._watching.start()
        return self

    def stop(self) -> None:
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        if self._watching is not None:
            self._watching.join(5)
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
        return Reply(200, headers=headers, stream=self._told())

    def _told(self) -> Iterator[bytes]:
        seen = -1

        def something() -> bool:
            return self._version > seen or self._ended.is_set()

        while not self._ended.is_set():
            with self._changed:
                self._changed.wait_for(something, ALIVE)
                newer = sorted((each for each in self._shown.values() if each.version > seen), key=_age)
                told = [each.story.told() for each in newer[-MOST:]]
                changed, seen = self._version > seen, self._version
            on = {each.id: self.switches.on(each.id) for each in self.switches.all}
            said = {"stories": told, "on": on, "alive": self._company.stack.alive}
            yield f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode() if changed else b": here\n\n"

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
        self._tell({key})
        return Reply.json(200, {"key": key})

    @route("POST", "/answer")
    def answer(self, asked: Asked) -> Reply:
        """Let an agent answer in a conversation's ticket, or note something."""
        given = _fields(asked, "text", "key")
        if isinstance(given, Reply):
            return given
        shown = self._shown.get(given["key"])
        if shown is None or not shown.story.ticket:
            return _refused("There is no ticket yet to answer in.")
        self._company.desk.reply(shown.story.ticket, given["text"], public=given.get("public") != "no")
        self._tell({given["key"]})
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
        self._tell(set())
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

    # ------------------------------------------------------------------------------------------ what becomes of it

    def _watch(self) -> None:
        stream = Stream(self._company.stack)
        while not self._ended.wait(LOOK):
            with contextlib.suppress(BotoCoreError, ClientError, OSError):  # the embedded AWS ends before the page
                changes = stream.read()
                for change in changes:
                    self._hear(change)
                changed = {change.thread for change in changes}
                changed |= {key for key, shown in list(self._shown.items()) if shown.story.unwritten}
                if self.switches.died():
                    for key in [key for key, owner in self._held.items() if owner]:
                        self._happened(key, KILLED)
                        changed.add(key)
                if changed:
                    self._tell(changed)

    def _hear(self, change: Change) -> None:
        """Note who holds a thread, and that one died who held it."""
        if change.owner and change.owner != change.before:
            self.switches.taken()
            if change.before:
                self._happened(change.thread, FOLLOWED, change)
        if change.owner or change.before:
            self._held[change.thread] = change.owner

    def _happened(self, key: str, text: str, change: Change | None = None) -> None:
        at = (change.at if change else self.clock.now()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._machine.setdefault(key, []).append(Card("machine", "", text, at))

    def _tell(self, keys: set[str]) -> None:
        """Tell these conversations anew, to whoever listens, and how the switches stand."""
        talks = {talk.key: talk for notes in self._notes for talk in list(notes.talks)}
        for key in sorted(keys):
            story = self._teller.story(key, talks.get(key), self._machine.get(key, ()))
            if story is None:
                continue
            story.goes_on = self.script.may_go_on(key)
            story.name = self.script.names_given.get(key) or story.name
            known = self._shown.get(key)
            if known is None or known.story != story:
                with self._changed:
                    self._version += 1
                    self._shown[key] = _Shown(self._version, story)
        with self._changed:
            self._version += 1
            self._changed.notify_all()


def _age(shown: _Shown) -> int:
    return shown.version


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
