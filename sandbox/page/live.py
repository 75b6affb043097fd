"""Follows every conversation of the company, and tells whoever listens how each stands now."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.page.stories import Card, Story, Teller
from sandbox.page.stream import Change, Stream

if TYPE_CHECKING:
    from sandbox.northwind.company import Company
    from sandbox.northwind.notes import Notes
    from sandbox.page.dictated import Dictated
    from sandbox.page.switches import Switches

LOOK = 0.25  # seconds between two looks at the table's stream
ALIVE = 10.0  # seconds after which a connection that has nothing to tell says that it is there
MOST = 60  # conversations shown, the latest
KILLED = "This worker was killed in the middle of its turn. Its letter is redelivered once its lease has ended."
FOLLOWED = "Another worker took over, and checks what the one that died may have done."


@dataclass(slots=True)
class _Shown:
    """A story as it was told last."""

    version: int
    story: Story


class Live:
    """Reads the table's stream in a thread of its own, from `start` to `stop`."""

    def __init__(self, company: Company, script: Dictated, switches: Switches, notes: Sequence[Notes]) -> None:
        """Know what earlier scripts wrote down; look at nothing yet."""
        self._company, self._script, self._switches = company, script, switches
        self._notes = [*notes, script.notes]
        self._teller = Teller(company)
        self._machine: dict[str, list[Card]] = {}
        self._held: dict[str, str] = {}  # thread to the worker that has it
        self._shown: dict[str, _Shown] = {}
        self._changed = threading.Condition()
        self._version = 0
        self._trouble = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="live")
        self._thread.start()

    def stop(self) -> None:
        """Let everybody who listens go, and look no more."""
        self._ended.set()
        self.again()
        if self._thread is not None:
            self._thread.join(5)

    def ticket(self, key: str) -> str:
        """Return the ticket of a conversation as shown, or an empty string."""
        shown = self._shown.get(key)
        return shown.story.ticket if shown else ""

    def events(self) -> Iterator[bytes]:
        """Yield what there is, and then what changes, as server-sent events."""
        seen = -1

        def something() -> bool:
            return self._version > seen or self._ended.is_set()

        while not self._ended.is_set():
            with self._changed:
                self._changed.wait_for(something, ALIVE)
                newer = [each for each in self._shown.values() if each.version > seen]
                changed, seen = self._version > seen, self._version
            latest = sorted(newer, key=lambda each: each.version)[-MOST:]
            said = {
                "stories": [each.story.told() for each in latest], "trouble": self._trouble,
                "on": {each.id: self._switches.on(each.id) for each in self._switches.all},
                "alive": self._company.stack.alive,
            }  # fmt: skip
            yield f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode() if changed else b": here\n\n"

    def again(self) -> None:
        """Tell how the switches stand."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def tell(self, keys: Iterable[str]) -> None:
        """Tell of these conversations what is new."""
        talks = {talk.key: talk for notes in self._notes for talk in list(notes.talks)}
        for key in sorted(keys):
            story = self._teller.story(key, talks.get(key), self._machine.get(key, ()))
            if story is None:
                continue
            story.goes_on = self._script.may_go_on(key)
            story.name = self._script.names_given.get(key) or story.name
            with self._changed:
                known = self._shown.get(key)
                if known is None or known.story != story:
                    self._version += 1
                    self._shown[key] = _Shown(self._version, story)
                    self._changed.notify_all()

    def _watch(self) -> None:
        stream = Stream(self._company.stack)
        while not self._ended.wait(LOOK):
            try:
                self._look(stream)
            except (BotoCoreError, ClientError, OSError):  # the embedded AWS has ended: the page says so
                self.again()
            except Exception as error:  # noqa: BLE001 - a mistake of the sandbox's own is shown, and the page goes on
                self._trouble = f"The page made a mistake ({error!r}). What is shown may be old."
                self.again()

    def _look(self, stream: Stream) -> None:
        changes = stream.read()
        for change in changes:
            self._hear(change)
        changed = {change.thread for change in changes}
        changed |= {key for key, shown in list(self._shown.items()) if shown.story.unwritten}
        if self._switches.died():
            held = [key for key, owner in self._held.items() if owner]
            for key in held:
                self._happened(key, KILLED, datetime.now(UTC))
            changed |= {*held}
            self.again()
        self.tell(changed)

    def _hear(self, change: Change) -> None:
        """Note who holds a thread, and that one died who held it."""
        if change.owner and change.owner != change.before:
            self._switches.taken()
            if change.before:
                self._happened(change.thread, FOLLOWED, change.at)
        if change.owner or change.before:
            self._held[change.thread] = change.owner

    def _happened(self, key: str, text: str, at: datetime) -> None:
        moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._machine.setdefault(key, []).append(Card("machine", "", text, moment))
