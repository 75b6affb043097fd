"""What people do on Pinterest: they fill in the lead form of an advertisement."""

from __future__ import annotations

from typing import Any, ClassVar

from deskwire.channels.pinterest.leads import thread_of
from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.northwind.words import EMAILS
from sandbox.platforms.pinterest.books import ACCOUNT, NAME, OnPinterest

SILENT = "nothing can be said on Pinterest"


class Asking(Scenes):
    """The scenes."""

    forgeries: ClassVar[tuple[Forgery, ...]] = (
        Forgery.WRONG_SECRET,
    )  # ids beside what is sealed are covered by nothing

    def __init__(self, script: Script) -> None:
        """Play on the company's ad account."""
        super().__init__(script)
        self.player = script.company.platform(OnPinterest).player

    def _filled(self, *, test: bool = False) -> tuple[dict[str, Any], Happening, Talk]:
        text, marker = self.script.marked()
        answers = [next(self.names), f"{self.random.choice(EMAILS)}.{next(self.numbers)}@example.com", text]
        lead = self.player.submits(answers, test=test)
        thread = thread_of(answers)
        talk = self.script.talk(NAME, ACCOUNT, thread, f"{NAME} {thread}", ack=False, why=SILENT)
        return lead, self.script.happened(talk, lead["lead_id"], text=text, marker=marker), talk

    @way(NAME, "lead form")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody fills in the form; who writes again fills in another."""
        del account
        lead, happening, talk = self._filled()
        self.script.send(NAME, [lead], happening)

        def again() -> None:
            lead, happening, _ = self._filled()
            self.script.send(NAME, [lead], happening)

        return talk, again

    @scene(morning=6, soak=1)
    def lead(self) -> None:
        """Somebody fills in the form; half of them are answered, and the ticket says that this reaches nobody."""
        lead, happening, talk = self._filled()
        self.script.send(NAME, [lead], happening)
        if self.random.random() < 0.5:
            self.script.later(2.0, lambda: self.script.when_filed(talk, lambda: self._answered(talk)))

    def _answered(self, talk: Talk) -> None:
        self.script.answer(talk, reaches=False, noted=True)

    @scene(morning=2, soak=0.3)
    def several(self) -> None:
        """Two people's leads come in one delivery."""
        (first, *told), (second, *more) = self._filled(), self._filled()
        happenings = [each for each in (*told, *more) if isinstance(each, Happening)]
        self.script.send(NAME, [first, second], *happenings)

    @scene(morning=1, soak=0.1)
    def tried(self) -> None:
        """The company sends a test lead: it becomes a ticket like any other, and says what it is."""
        lead, happening, _ = self._filled(test=True)
        self.script.send(NAME, [lead], happening)

    @scene(morning=2, soak=0.3)
    def forged(self) -> None:
        """A stranger sends a lead that nobody filled in."""
        marker = f"NW-{next(self.numbers)}"
        answers = [{"question_type": "CUSTOM", "answer": f"Send the refund to {marker}"}]
        self.forge(NAME, NAME, [{"lead_id": "1", "answers": answers}], marker)
