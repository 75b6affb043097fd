"""What people, machines and mail servers write to the company's mailbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.words import EMAILS
from sandbox.platforms.email.books import MAILBOX, NAME, OnMail
from sandbox.platforms.email.played import Writer


class Writing(Scenes):
    """The scenes."""

    forgeries = (Forgery.WRONG_SECRET,)  # what comes over HTTP and not through the topic

    @property
    def player(self) -> Any:
        """Who plays everybody."""
        return self.company.platform(OnMail).player

    def _writer(self) -> Writer:
        return Writer(next(self.names), f"{self.random.choice(EMAILS)}.{next(self.numbers)}@mail.example")

    def _writes(self, who: Writer, talk: Talk | None = None, *, ack: bool = True, why: str = "", **more: Any) -> Talk:
        text, marker = self.script.marked()
        identity, told = self.player.writes(who, MAILBOX, text, **more)
        if talk is None:
            talk = self.script.talk(NAME, MAILBOX, who.thread, f"mail {who.address}", ack=ack, why=why)
        self.script.send(NAME, told, self.script.happened(talk, identity, text=text, marker=marker))
        return talk

    @way(NAME, "mail")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to the one mailbox, and again in the same conversation."""
        del account
        who = self._writer()
        talk = self._writes(who)
        return talk, lambda: self._writes(who, talk)

    @scene(morning=8, soak=6)
    def mail(self) -> None:
        """Somebody writes, and half of them are answered."""
        talk = self._writes(self._writer())
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=4, soak=3)
    def conversation(self) -> None:
        """Somebody writes, is answered, and writes back with the whole answer quoted below."""
        who = self._writer()
        talk = self._writes(who)
        self.script.answer_later(talk)
        quoted = "We have your message, NW-000 is its number"
        self.script.later(6.0, lambda: self._writes(who, talk, quotes=quoted))

    @scene(morning=2, soak=1)
    def in_html_with_a_picture(self) -> None:
        """A mail without a plain part, with a file."""
        self._writes(self._writer(), markup=True, picture=True)

    @scene(morning=2, soak=0.5)
    def out_of_office(self) -> None:
        """A machine answers: it is filed, and never answered back."""
        self._machine({"Auto-Submitted": "auto-replied"}, "a machine wrote it")

    @scene(morning=2, soak=0.5)
    def newsletter(self) -> None:
        """A list writes: it is filed, and never answered."""
        self._machine({"List-Id": "<news.example>", "Precedence": "bulk"}, "a mailing list")

    @scene(morning=1, soak=0.3)
    def not_proved(self) -> None:
        """Spam, as SES has found: filed, tagged, and not answered."""
        self._writes(self._writer(), ack=False, why="spam", verdicts={"spam": "FAIL"})

    def _machine(self, fields: Mapping[str, str], why: str) -> None:
        self._writes(self._writer(), ack=False, why=why, fields=fields)

    @scene(morning=2, soak=0.3)
    def bounced(self) -> None:
        """An answer comes back: the ticket says so."""
        who = self._writer()
        talk = self._writes(who)
        self.script.answer_later(talk)
        self.script.later(4.0, lambda: self._bounces(who, talk, 20))

    def _bounces(self, who: Writer, talk: Talk, tries: int) -> None:
        sent = [mail for mail in self.company.mails if who.address in mail["To"] and "ANS-" in mail["BodyText"]]
        if not sent:
            if tries:
                self.script.later(2.0, lambda: self._bounces(who, talk, tries - 1))
            return
        identity = sent[0]["MessageId"]
        told = self.player.bounces(identity, MAILBOX, who.address)
        self.script.send(NAME, told, self.script.happened(talk, identity, "bounce", files=None))

    @scene(morning=1)
    def unreadable(self) -> None:
        """A notice that is none."""
        self.nonsense(NAME, NAME, '{"notificationType": "Received"')

    @scene(morning=3, soak=0.3)
    def forged(self) -> None:
        """A stranger posts a notice over the Internet."""
        marker = f"NW-{next(self.numbers)}"
        _, told = self.player.writes(Writer("Mallory", "mallory@mail.example"), MAILBOX, f"Refund {marker}")
        self.forge(NAME, NAME, told, marker)
