"""What people do at Google: they review."""

from __future__ import annotations

from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.google.books import LOCATION, OnGoogle


class Reviewing(Scenes):
    """The scenes."""

    forgeries = (Forgery.WRONG_SECRET, Forgery.MISSING_HEADER)  # a push's body is not signed

    def __init__(self, script: Script) -> None:
        """Play on the company's Google."""
        super().__init__(script)
        self.google = script.company.platform(OnGoogle).player

    def _reviewed(self) -> Happening:
        text, marker = self.script.marked()
        note = self.google.review(LOCATION, self.random.randint(1, 5), text, next(self.names))
        name = note["review"]
        talk = self.script.talk(
            "google", LOCATION, name, f"google {name}", ack=False, why="the one reply is the owner's"
        )
        happening = self.script.happened(talk, name, text=text, marker=marker)
        self.script.send("google", note, happening)
        return happening

    @way("google", "review")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody reviews the one location, and changes the review."""
        del account
        happening = self._reviewed()
        assert happening.talk is not None  # noqa: S101 - it began one
        return happening.talk, lambda: self._changed(happening)

    @scene(morning=12, soak=8)
    def review(self) -> None:
        talk = self._reviewed().talk
        if talk is None:
            return
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    def _changed(self, happening: Happening, words: str = "any") -> None:
        text, marker = self.script.marked(words)
        note = self.google.change(happening.object_id, 2, text)
        told = self.script.happened(happening.talk, happening.object_id, "edit", text, marker)
        self.script.send("google", note, told)

    @scene(morning=4, soak=3)
    def review_changed(self) -> None:
        happening = self._reviewed()

        if happening.talk is not None:  # before it is filed, the first notification would fetch the changed words
            self.script.when_filed(happening.talk, lambda: self._changed(happening, "Changed my mind, see {}"))

    @scene(morning=4, soak=0.375)
    def forged(self) -> None:
        """A notification that Google never sent."""
        marker = f"NW-{next(self.numbers)}"
        fragment = {"type": "NEW_REVIEW", "location": LOCATION, "review": f"{LOCATION}/reviews/{marker}"}
        self.forge("google", "google", fragment, marker)
