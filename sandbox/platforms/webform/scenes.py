"""What visitors of the company's site do: they fill in the form."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from deskwire.channels.webform import thread_of
from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.words import EMAILS
from sandbox.platforms.webform.books import CONSENT, FORM


class Visiting(Scenes):
    """The scenes."""

    forgeries = (Forgery.WRONG_SECRET, Forgery.MISSING_HEADER)  # a form's body is not signed

    def _filled(self) -> tuple[dict[str, str], Happening]:
        text, marker = self.script.marked()
        email, submission = f"{self.random.choice(EMAILS)}.{next(self.numbers)}@example.com", str(uuid.uuid4())
        form = {
            "schema": "form.submitted/1", "form_id": FORM, "submission_id": submission, "email": email,
            "name": next(self.names), "message": text, "leave_empty": "",
        }  # fmt: skip
        talk = self.script.talk("webform", FORM, thread_of(submission, email), f"mail {email}", ack=True)
        return form, self.script.happened(talk, submission, text=text, marker=marker)

    @way("webform", "form on the website")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """A visitor fills in the one form, and sends the same one again with other words."""
        del account
        form, happening = self._filled()
        self.script.send("webform", form, happening)
        assert happening.talk is not None  # noqa: S101 - it began one
        talk = happening.talk
        return talk, lambda: self._again(talk, form)

    def _again(self, talk: Talk, form: dict[str, str]) -> None:
        text, marker = self.script.marked()
        happening = self.script.happened(talk, form["submission_id"], text=text, marker=marker)
        self.script.send("webform", form | {"message": text}, happening)

    @scene(morning=18, soak=14)
    def form(self) -> None:
        form, happening = self._filled()
        self.script.send("webform", form, happening)
        if self.random.random() < 0.5 and happening.talk is not None:
            self.script.answer_later(happening.talk)

    @scene(morning=4, soak=2)
    def form_twice(self) -> None:
        """The visitor presses the button twice."""
        form, happening = self._filled()
        self.script.send("webform", form, happening)
        self.script.later(0.3, lambda: self.script.send("webform", form, happening))

    @scene(morning=2, soak=0.5)
    def call_back(self) -> None:
        """The visitor wants to be called, half of them at a certain time; the colleagues who call write nothing."""
        form, happening = self._filled()
        call: dict[str, Any] = {"phone": "555 0123", "consent": {"call": CONSENT}}
        if self.random.random() < 0.5:
            call["call_at"] = (self.company.clock.now() + timedelta(days=1)).isoformat()
        self.script.send("webform", form | call, happening)

    @scene(morning=4, soak=0.375)
    def forged(self) -> None:
        """A form that no visitor filled in, without a solved captcha."""
        marker = f"NW-{next(self.numbers)}"
        form = {
            "schema": "form.submitted/1", "form_id": FORM, "submission_id": str(uuid.uuid4()),
            "email": "mallory@example.com", "message": f"Refund {marker}", "leave_empty": "",
        }  # fmt: skip
        self.forge("webform", "webform", form, marker)
