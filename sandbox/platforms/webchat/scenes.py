"""What visitors of the company's site do: they chat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.offices import OFFICES, closed_office
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.webchat.books import CHATS, NAME, OnOurChat
from sandbox.platforms.webchat.played import Visitor, message


class Chatting(Scenes):
    """The scenes."""

    forgeries = (Forgery.WRONG_SECRET, Forgery.MISSING_HEADER)  # what a browser posts is not signed

    def __init__(self, script: Script) -> None:
        """Take the site."""
        super().__init__(script)
        self.place = script.company.platform(OnOurChat)

    def _begins(self, office: str = "") -> tuple[Visitor, Talk]:
        office = office or self.random.choice(OFFICES)
        visitor = self.place.visitor(office)
        headers = {
            "origin": visitor.origin, "content-type": "application/json", "authorization": f"Bearer {visitor.token}"
        }  # fmt: skip
        self.company.routes[visitor.id] = replace(self.company.routes[NAME], headers=headers)
        talk = self.script.talk(NAME, visitor.chat, visitor.id, f"chat {visitor.id}", ack=True)
        talk.office = office
        return visitor, talk

    def _posts(self, talk: Talk, content: dict[str, Any], **told: str) -> None:
        happening = self.script.happened(talk, f"{talk.thread}.{content['id']}", **told)
        self.script.send(talk.thread, content, happening)

    def _writes(self, talk: Talk) -> None:
        text, marker = self.script.marked()
        self._posts(talk, message(text, locale="en"), text=text, marker=marker)

    @way(NAME, "chat on the website")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """A visitor writes in a chat."""
        _, talk = self._begins(next(office for office, chat in CHATS.items() if chat == account))
        self._writes(talk)
        return talk, lambda: self._writes(talk)

    @scene(morning=10, soak=6)
    def chat(self) -> None:
        """Somebody writes, goes on, and an agent answers half of them."""
        _, talk = self._begins()
        self._writes(talk)
        self.script.turns(talk, lambda: self._writes(talk))

    @scene(morning=3, soak=1)
    def reload(self) -> None:
        """The network is lost after a message was sent: the page, loaded again, sends it once more."""
        _, talk = self._begins()
        text, marker = self.script.marked()
        content = message(text, locale="en")
        told = self.script.happened(talk, f"{talk.thread}.{content['id']}", text=text, marker=marker)
        for after in (0.0, 0.5, 1.0):
            self.script.later(after, lambda: self.script.send(talk.thread, content, told))
        self.script.later(2.0, lambda: self._writes(talk))
        self.script.answer_later(talk)

    @scene(morning=2, soak=0.5)
    def closed(self) -> None:
        """Nobody is there, so the page asks for an address, and the visitor gives one."""
        _, talk = self._begins(closed_office(self.company.clock.now()))
        self._writes(talk)
        name = next(self.names)
        contact = {
            "schema": "chat.contact/1", "id": message("")["id"], "name": name,
            "email": f"visitor.{next(self.numbers)}@example.com",
        }  # fmt: skip
        self.script.later(1.0, lambda: self._posts(talk, contact))

    @scene(morning=3, soak=0.3)
    def forged(self) -> None:
        """A message under a session that nobody gave out."""
        marker = f"NW-{next(self.numbers)}"
        self.forge(NAME, NAME, message(f"Refund {marker}"), marker)
