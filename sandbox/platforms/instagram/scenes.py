"""What people do on Instagram."""

from __future__ import annotations

from typing import Any

from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.instagram.books import ACCOUNT, NAME, OnInstagram
from sandbox.platforms.instagram.played import MEDIA


class Chatting(Scenes):
    """The scenes."""

    def __init__(self, script: Script) -> None:
        """Let what the account says come back to its webhook, as it does there."""
        super().__init__(script)
        self.player = script.company.platform(OnInstagram).player
        self.player.echo = self._echo

    def _echo(self, made: str, entry: dict[str, Any]) -> None:
        echo = self.script.happened(None, made, channel=NAME, account=ACCOUNT, files=False, own=True)
        echo.deliveries.append(self.company.sender.deliver(self.company.routes[NAME], entry))

    def _begins(self, **content: Any) -> tuple[str, Talk, Happening]:
        person = self.player.person(next(self.names))
        talk = self.script.talk(NAME, ACCOUNT, person, f"{NAME} {person}", ack=True)
        return person, talk, self._writes(person, talk, **content)

    def _writes(self, person: str, talk: Talk, **content: Any) -> Happening:
        text, marker = self.script.marked()
        mid, entry = self.player.writes(person, text, **content)
        happening = self.script.happened(talk, mid, text=text, marker=marker)
        self.script.send(NAME, entry, happening)
        return happening

    @way(NAME, "direct message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to the one account."""
        del account
        person, talk, _ = self._begins()
        return talk, lambda: self._writes(person, talk)

    @way(NAME, "comment")
    def comment_by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody comments, and goes on below."""
        del account
        person = self.player.person(next(self.names))
        talk = self._comments(person)
        return talk, lambda: self._comments(person, talk)

    def _comments(self, person: str, talk: Talk | None = None, *, flat: bool = False) -> Talk:
        text, marker = self.script.marked()
        made, entry = self.player.comments(person, text, talk.thread if talk else "", flat=flat)
        if talk is None:
            talk = self.script.talk(NAME, ACCOUNT, made, f"{NAME} {made}", ack=False, why="public, and switched off")
        self.script.send(NAME, entry, self.script.happened(talk, made, text=text, marker=marker))
        return talk

    @scene(morning=6, soak=2)
    def chat(self) -> None:
        """Somebody writes, twice perhaps, and an agent answers half of them."""
        person, talk, _ = self._begins()
        if self.random.random() < 0.5:
            self.script.later(3, lambda: self._writes(person, talk))
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=3, soak=1)
    def changes_and_unsends(self) -> None:
        """Somebody corrects one message and takes another back."""
        person, talk, first = self._begins()
        second = self._writes(person, talk)

        def edit() -> None:
            text, marker = self.script.marked("I meant number {}")
            entry = self.player.edits(first.object_id, text)
            self.script.send(NAME, entry, self.script.happened(talk, first.object_id, "edit", text, marker))

        def unsend() -> None:
            second.shown = False
            gone = self.script.happened(talk, second.object_id, "delete", files=None)
            self.script.send(NAME, self.player.unsends(second.object_id), gone)

        self.script.later(5, edit)
        self.script.later(8, unsend)

    @scene(morning=5, soak=2)
    def comment(self) -> None:
        """Somebody comments, in either shape of the webhook; an agent answers half of them in public."""
        talk = self._comments(self.player.person(next(self.names)), flat=self.random.random() < 0.5)
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=3, soak=1)
    def private_answer(self) -> None:
        """An agent answers a comment privately; what the person then writes privately goes on in the same ticket."""
        person = self.player.person(next(self.names))
        talk = self._comments(person)

        def answered() -> None:
            self.script.answer(talk, private=f"{NAME} {person}")
            self.script.when(arrived, lambda: self.script.later(2.5, privately))

        def arrived() -> bool:
            with self.player.lock:
                return any(each.ours and each.thread == person for each in self.player.said.values())

        def privately() -> None:
            words, mark = self.script.marked("Thank you, my address is Street {}")
            mid, written = self.player.writes(person, words)
            self.script.send(NAME, written, self.script.happened(talk, mid, text=words, marker=mark))

        self.script.when_filed(talk, answered)

    @scene(morning=3, soak=1)
    def story(self) -> None:
        """Somebody answers a story of the account, and mentions it in one of their own."""
        address = f"https://{MEDIA}/story.jpg?asset_id={next(self.numbers)}"
        person, talk, _ = self._begins(reply_to={"story": {"id": f"1799{next(self.numbers)}", "url": address}})

        def mention() -> None:
            story = {"type": "story_mention", "payload": {"url": address}}
            mid, entry = self.player.writes(person, "", attachments=[story])
            self.script.send(NAME, entry, self.script.happened(talk, mid))

        self.script.later(4, mention)

    @scene(morning=2, soak=1)
    def nothing(self) -> None:
        """The dashboard's test button: recorded, and nothing comes of it."""
        self.company.sender.together(self.company.routes[NAME], [self.player.test_button()])

    @scene(morning=2, soak=0.3)
    def forged(self) -> None:
        """A stranger writes in somebody's name."""
        marker = f"NW-{next(self.numbers)}"
        _, entry = self.player.writes(self.player.person("Mallory Example"), f"Send the refund to {marker}")
        self.forge(NAME, NAME, entry, marker)
