"""What the company's care is for on Facebook and Messenger: anger, haste, private matters, praise, an outage."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.northwind.notes import Case, Happening, Talk
from sandbox.northwind.offices import OFFICES, REYKJAVIK, closed_office
from sandbox.northwind.scenes import Scenes, scene
from sandbox.northwind.script import Script
from sandbox.platforms.meta.books import PAGES, OnMeta
from sandbox.platforms.meta.played import Person, Told

SLOW = 600  # seconds after which nobody waits any longer, also on a machine that is busy otherwise


class Cases(Scenes):
    """Their scenes, and how people write there."""

    def __init__(self, script: Script) -> None:
        """Let what a page says come back to its webhook, as it does on Meta's platforms."""
        super().__init__(script)
        self.meta = script.company.platform(OnMeta).player
        self.meta.echo = self._echo

    def _echo(self, entry: dict[str, Any]) -> None:
        if "messaging" in entry:
            channel, said = "messenger", entry["messaging"][0]["message"]["mid"]
        else:
            channel, said = "facebook", entry["changes"][0]["value"]["comment_id"]
        echo = self.script.happened(None, said, channel=channel, account=entry["id"], files=False, own=True)
        echo.deliveries.append(self.company.sender.deliver(self.company.routes["meta"], entry))

    def _office(self) -> str:
        return self.random.choice(OFFICES)

    def _page(self) -> str:
        return PAGES[self._office()]

    def _messenger(self, office: str, *, ack: bool = True, why: str = "") -> tuple[Person, Talk]:
        who, page = self.meta.person(next(self.names)), PAGES[office]
        talk = self.script.talk("messenger", page, who.psid(page), f"messenger {who.psid(page)}", ack=ack, why=why)
        talk.office = office
        return who, talk

    def _writes(self, who: Person, talk: Talk, **more: Any) -> Happening:
        text, marker = self.script.marked(more.pop("words", "any"))
        told = self.meta.writes(who, talk.account, text, **more)
        happening = self.script.happened(talk, told.id, text=text, marker=marker)
        self.script.send("meta", told.entry, happening)
        return happening

    def _says(self, who: Person, talk: Talk, text: str) -> None:
        """Write these words and no others, so without a number that occurs nowhere else."""
        told = self.meta.writes(who, talk.account, text)
        self.script.send("meta", told.entry, self.script.happened(talk, told.id))

    def _commented(self, page: str, who: Person | None = None) -> tuple[dict[str, Any], Happening]:
        meta = self.meta
        who = who or meta.person(next(self.names))
        post = meta.posts(page, "The autumn range is here.")
        text, marker = self.script.marked()
        told = meta.comments(who, post.id, text)
        talk = self.script.talk(
            "facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off"
        )
        return told.entry, self.script.happened(talk, told.id, text=text, marker=marker)

    def _in_public(self, page: str, told: Told, text: str, marker: str) -> Talk:
        """Deliver what begins a public conversation; return that."""
        talk = self.script.talk(
            "facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off"
        )
        self.script.send("meta", told.entry, self.script.happened(talk, told.id, text=text, marker=marker))
        return talk

    @scene(morning=1, early=True)
    def angry_after_calm(self) -> None:
        """Two ask what can wait and one praises; who writes after them is angry, and is to be read before them."""
        for number in (0, 1):
            self.script.later(number, lambda: self._case(Case.COLD, "Which colours does the tent of order {} come in?"))
        words = "Third time I write: order {} has still not arrived and nobody answers. I will call my lawyer."

        def praised() -> None:
            praise = "Thank you so much, order {} is here. Your team is amazing and so helpful!"
            _, talk = self._case(Case.PRAISE, praise, says="glad to hear")
            self.script.when_filed(talk, lambda: self._case(Case.HOT, words), SLOW)

        self.script.later(2, praised)

    @scene(morning=1, early=True)
    def waits_too_long(self) -> None:
        """What is urgent is answered by nobody: the minute that the policy gives runs out."""
        self._case(Case.OVERDUE, "Urgent: the gas stove from order {} leaks, somebody could get hurt!")

    def _case(self, case: Case, words: str, says: str = "") -> tuple[Person, Talk]:
        who, talk = self._messenger(REYKJAVIK)
        talk.case, talk.says = case, says
        self._writes(who, talk, words=words)
        return who, talk

    @scene(morning=1, early=True)
    def rates(self) -> None:
        """The agent answers and solves the ticket; the customer is asked how satisfied they are, presses a button."""
        if not self.company.desk.shows_state:
            return
        who, talk = self._case(Case.RATED, "Can I pay order {} by invoice?")

        def solved() -> None:
            self.script.answer(talk)
            # Not while something of the conversation is still to be done: then the question comes minutes later.
            self.script.later(10.0, lambda: self.company.desk.solve(talk.ticket))
            self.script.later(11.0, asked)

        def asked(tries: int = SLOW) -> None:
            if any(message.choices for message in self.meta.inboxes[talk.account, talk.thread].messages):
                told = self.meta.chooses(who, talk.account, "5")
                self.script.send("meta", told.entry, self.script.happened(talk, told.id, files=None))
            elif tries:
                self.script.later(1.0, lambda: asked(tries - 1))

        self.script.when_filed(talk, solved, SLOW)

    @scene(morning=1, early=True)
    def card_in_public(self) -> None:
        """A card number under a post: it is hidden, its writer invited, and all else is said in private.

        Later than the lost answers: of an invitation whose answer is lost, Meta does not say to which inbox it went.
        """
        self.script.later(12.0, self._shows_a_card)

    def _shows_a_card(self) -> None:
        meta, page = self.meta, PAGES[REYKJAVIK]
        who, post = meta.person(next(self.names)), meta.posts(page, "Tell us how your order went.")
        text, marker = self.script.marked("Please look at order {}, it was paid by the card 4111 1111 1111 1111")
        told = meta.comments(who, post.id, text)
        talk = self._in_public(page, told, text, marker)
        talk.case, talk.aside = Case.PRIVATE, f"messenger {who.psid(page)}"

        def invited(tries: int = SLOW) -> None:
            if meta.sent[who.psid(page)]:
                self.script.later(1.0, goes_on)
            elif tries:
                self.script.later(1.0, lambda: invited(tries - 1))

        def goes_on() -> None:
            words, mark = self.script.marked("Here I am. The order is {}")
            written = meta.writes(who, page, words)
            happening = self.script.happened(talk, written.id, text=words, marker=mark, channel="messenger")
            self.script.send("meta", written.entry, happening)
            answer = partial(self.script.answer, talk, private=talk.aside, moved=True)
            self.script.when_filed(talk, answer, SLOW, of=happening)

        self.script.later(1.0, invited)

    @scene(morning=1)
    def asks_at_night(self) -> None:
        """Ask the office that is closed what has a declared answer, and say that this was it."""
        who, talk = self._messenger(closed_office(self.company.clock.now()))
        talk.says = "by their own clock"
        self._says(who, talk, "What are your opening hours on weekdays?")
        self.script.later(8, lambda: self._says(who, talk, "Yes, thanks"))

    @scene(morning=1)
    def praises(self) -> None:
        who, talk = self._messenger(self._office())
        talk.says = "glad to hear"
        self._says(who, talk, "Thank you so much, your team is amazing and so helpful!")

    @scene(morning=9)
    def outage(self) -> None:
        """Write of trouble that many have: an incident opens, and everybody in it is told."""
        who, talk = self._messenger(REYKJAVIK)
        self._writes(who, talk, words="The app is not working since I ordered {}, I cannot log in!")
