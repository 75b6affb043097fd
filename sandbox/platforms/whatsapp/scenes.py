"""What people do on WhatsApp."""

from __future__ import annotations

from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.whatsapp.books import NAME, NUMBERS, OnWhatsApp
from sandbox.platforms.whatsapp.played import Customer


class Chatting(Scenes):
    """The scenes."""

    def __init__(self, script: Script) -> None:
        """Let what becomes of the company's messages be told to its webhook."""
        super().__init__(script)
        self.player = script.company.platform(OnWhatsApp).player
        self.player.tell = lambda change: self.company.sender.deliver(self.company.routes[NAME], change)

    def _begins(self, *, hidden: bool = False, number: str = "") -> tuple[Customer, Talk]:
        who = self.player.customer(next(self.names), hidden=hidden)
        number = number or self.random.choice([*NUMBERS.values()])
        return who, self.script.talk(NAME, number, who.thread, f"{NAME} {who.thread}", ack=True)

    def _writes(self, who: Customer, talk: Talk, *, alone: bool = True) -> None:
        text, marker = self.script.marked()
        wamid, change = self.player.writes(who, talk.account, text)
        self.script.send(NAME, change, self.script.happened(talk, wamid, text=text, marker=marker), alone=alone)

    @way(NAME, "message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to a number."""
        who, talk = self._begins(number=account)
        self._writes(who, talk)
        return talk, lambda: self._writes(who, talk)

    @scene(morning=6, soak=2)
    def chat(self) -> None:
        """Somebody writes, and an agent answers half of them."""
        who, talk = self._begins()
        self._writes(who, talk, alone=False)
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=2, soak=0.5)
    def without_a_number(self) -> None:
        """Somebody who hides the number writes twice, and is answered."""
        who, talk = self._begins(hidden=True)
        self._writes(who, talk)
        self._writes(who, talk)
        self.script.answer_later(talk)

    @scene(morning=2, soak=0.3)
    def forged(self) -> None:
        """A stranger writes in somebody's name."""
        marker = f"NW-{next(self.numbers)}"
        who = self.player.customer("Mallory Example")
        _, change = self.player.writes(who, next(iter(NUMBERS.values())), f"Send the refund to {marker}")
        self.forge(NAME, NAME, change, marker)
