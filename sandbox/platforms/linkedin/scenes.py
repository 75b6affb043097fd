"""What people do on LinkedIn."""

from __future__ import annotations

from typing import Any

from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.linkedin.books import NAME, PAGES, OnLinkedIn
from sandbox.platforms.linkedin.played import Post

SILENT = "LinkedIn forbids automated posting"


class Commenting(Scenes):
    """The scenes."""

    def __init__(self, script: Script) -> None:
        """Let what a page says be notified as well, as it is there."""
        super().__init__(script)
        self.player = script.company.platform(OnLinkedIn).player
        # Counted in `receive` and not kept: a notification does not say what the page's own comment answers.
        self.player.echo = self._deliver

    def _deliver(self, notice: dict[str, Any]) -> None:
        self.company.sender.deliver(self.company.routes[NAME], notice)

    def _member(self) -> str:
        return f"urn:li:person:m{next(self.numbers)}Invented"

    def _post(self, page: str = PAGES[0]) -> Post:
        return self.player.publishes(page, f"Northwind's news number {next(self.numbers)}")

    def _written(self, post: Post, who: str, talk: Talk | None = None, below: str = "") -> tuple[Happening, Any]:
        """Let somebody comment; return what happened, and the notification, which is still to be sent.

        Without a conversation it begins one, which is named by the comment.
        """
        text, marker = self.script.marked()
        notice = self.player.writes(post, who, text, below)
        number = next(reversed(self.player.comments))
        place = f"{NAME} {post.activity}:{who.rpartition(':')[2]}"
        talk = talk or self.script.talk(NAME, post.owner, number, place, ack=False, why=SILENT)
        return self.script.happened(talk, number, text=text, marker=marker), notice

    def _begins(self, post: Post, who: str) -> tuple[Talk, Happening]:
        happening, notice = self._written(post, who)
        self.script.send(NAME, notice, happening)
        assert happening.talk is not None  # noqa: S101 - it began one
        return happening.talk, happening

    def _goes_on(self, talk: Talk, post: Post, who: str, below: str = "") -> Happening:
        happening, notice = self._written(post, who, talk, below)
        self.script.send(NAME, notice, happening)
        return happening

    @way(NAME, "comment")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """A member comments on a post of a page, and goes on below it."""
        post, who = self._post(account), self._member()
        talk, first = self._begins(post, who)
        return talk, lambda: self._goes_on(talk, post, who, first.object_id)

    @scene(morning=7, soak=3)
    def comment(self) -> None:
        """Somebody comments; an agent answers half of them."""
        talk, _ = self._begins(self._post(self.random.choice(PAGES)), self._member())
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=4, soak=2)
    def conversation(self) -> None:
        """An agent answers, the customer replies below that, and is answered again: one ticket."""
        post, who = self._post(), self._member()
        talk, first = self._begins(post, who)

        def answered() -> bool:
            with self.player.lock:
                return any(each.ours and each.below == first.object_id for each in self.player.comments.values())

        def goes_on() -> None:
            self._goes_on(talk, post, who, first.object_id)
            self.script.answer_later(talk)

        def answer() -> None:
            self.script.answer(talk)
            self.script.when(answered, goes_on)

        self.script.when_filed(talk, answer)

    @scene(morning=3, soak=1)
    def edit_and_delete(self) -> None:
        """Somebody corrects one comment and takes another back; that notification names nobody."""
        post, who = self._post(), self._member()
        talk, first = self._begins(post, who)
        second = self._goes_on(talk, post, who)

        def edit() -> None:
            text, marker = self.script.marked("I meant number {}")
            notice = self.player.rewrites(first.object_id, text)
            self.script.send(NAME, notice, self.script.happened(talk, first.object_id, "edit", text, marker))

        def delete() -> None:
            second.shown = False
            gone = self.script.happened(talk, second.object_id, "delete", files=None)
            self.script.send(NAME, self.player.deletes(second.object_id), gone)

        self.script.later(5, edit)
        self.script.later(8, delete)

    @scene(morning=4, soak=1)
    def mention(self) -> None:
        """A member mentions a page in a post of theirs, and an agent comments there."""
        who = self._member()
        text, marker = self.script.marked()
        notice = self.player.mentions(PAGES[1], who, text)
        share = str(notice["generatedActivity"])
        number = share.rpartition(":")[2]
        place = f"{NAME} {number}:{who.rpartition(':')[2]}"
        talk = self.script.talk(NAME, PAGES[1], number, place, ack=False, why=SILENT)
        self.script.send(NAME, notice, self.script.happened(talk, share, text=text, marker=marker))
        self.script.answer_later(talk)

    @scene(morning=3, soak=1)
    def batch(self) -> None:
        """One body tells of two pages: comments and likes."""
        told, happenings = [], []
        for page in PAGES:
            post, who = self._post(page), self._member()
            happening, notice = self._written(post, who)
            told += [notice, self.player.likes(post, who)]
            liked = self.script.happened(
                None, f"urn:li:activity:{post.activity}", "react", channel=NAME, account=page, files=False
            )
            happenings += [happening, liked]
        number = self.company.sender.together(self.company.routes[NAME], told)
        for each in happenings:
            each.deliveries.append(number)
        self.script.again(number, happenings)

    @scene(morning=3, soak=1)
    def wordless(self) -> None:
        """A notification comes without the words: they are asked for."""
        post, who = self._post(), self._member()
        text, marker = self.script.marked()
        notice = self.player.writes(post, who, text, words=False)
        number = next(reversed(self.player.comments))
        place = f"{post.activity}:{who.rpartition(':')[2]}"
        talk = self.script.talk(NAME, post.owner, number, f"{NAME} {place}", ack=False, why=SILENT)
        self.script.send(NAME, notice, self.script.happened(talk, number, text=text, marker=marker))
        self.script.answer_later(talk)

    @scene(morning=2, soak=0.15)
    def unreadable(self) -> None:
        """Genuine, and nonsense."""
        self.nonsense(NAME, NAME, f'["NW-{next(self.numbers)}"]')

    @scene(morning=3, soak=0.375)
    def forged(self) -> None:
        """A comment that LinkedIn never notified of."""
        marker = f"NW-{next(self.numbers)}"
        notice = self.player.writes(self._post(), self._member(), f"Send the refund to {marker}")
        self.forge(NAME, NAME, notice, marker)
