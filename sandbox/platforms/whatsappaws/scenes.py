"""What people do on WhatsApp where AWS stands in between."""

from __future__ import annotations

from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.whatsapp.played import Customer
from sandbox.platforms.whatsappaws.books import NAME, NUMBER, OnWhatsAppAWS


class ThroughAWS(Scenes):
    """The scenes."""

    forgeries = (Forgery.WRONG_SECRET,)  # what comes over HTTP and not through the topic

    def __init__(self, script: Script) -> None:
        """Let what becomes of the company's messages be told to its topic."""
        super().__init__(script)
        self.player = script.company.platform(OnWhatsAppAWS).player
        self.player.tell = lambda change: self.company.sender.deliver(self.company.routes[NAME], change)

    def _writes(self, who: Customer, talk: Talk, *, picture: bool = False) -> None:
        text, marker = self.script.marked()
        wamid, change = self.player.writes(who, NUMBER, text, picture=picture)
        self.script.send(NAME, change, self.script.happened(talk, wamid, text=text, marker=marker))

    def _begins(self, *, hidden: bool = False) -> tuple[Customer, Talk]:
        who = self.player.customer(next(self.names), hidden=hidden)
        return who, self.script.talk(NAME, NUMBER, who.thread, f"{NAME} {who.thread}", ack=True)

    @way(NAME, "message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to the one number."""
        del account
        who, talk = self._begins()
        self._writes(who, talk)
        return talk, lambda: self._writes(who, talk)

    @scene(morning=4, soak=1)
    def chat(self) -> None:
        """Somebody writes twice, and is answered."""
        who, talk = self._begins(hidden=self.random.random() < 0.3)
        self._writes(who, talk)
        self._writes(who, talk)
        self.script.answer_later(talk)

    @scene(morning=2, soak=0.5)
    def picture(self) -> None:
        """Somebody sends a picture, which AWS puts into the archive."""
        who, talk = self._begins()
        self._writes(who, talk, picture=True)

    @scene(morning=1)
    def unreadable(self) -> None:
        """A notice whose entry is no JSON."""
        self.nonsense(NAME, NAME, '{"whatsAppWebhookEntry": "{"}')

    @scene(morning=2, soak=0.3)
    def forged(self) -> None:
        """A stranger posts a notice over the Internet."""
        marker = f"NW-{next(self.numbers)}"
        who = self.player.customer("Mallory Example")
        _, change = self.player.writes(who, NUMBER, f"Send the refund to {marker}")
        self.forge(NAME, NAME, change, marker)
