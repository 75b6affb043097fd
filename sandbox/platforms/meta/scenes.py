"""What people do on Facebook and Messenger."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from sandbox.northwind.notes import Happening, Step, Talk, Unreadable
from sandbox.northwind.offices import OFFICES, REYKJAVIK, closed_office
from sandbox.northwind.scenes import scene, way
from sandbox.platforms.meta.books import PAGES
from sandbox.platforms.meta.cases import Cases
from sandbox.platforms.meta.played import Person


class OnFacebook(Cases):
    """The scenes."""

    # ------------------------------------------------------------------------------------------ Messenger

    @way("messenger", "private message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to a page privately."""
        who, talk = self._messenger(next(office for office, page in PAGES.items() if page == account))
        self._writes(who, talk)
        return talk, lambda: self._writes(who, talk)

    @scene(morning=26)
    def chat(self, office: str = "") -> None:
        who, talk = self._messenger(office or self._office())
        self._writes(who, talk)
        for pause in (3.0, 7.5)[: self.random.choice((0, 1, 1, 2))]:
            self.script.later(pause, lambda: self._writes(who, talk))
        if self.random.random() < 0.5:
            self.script.answer_later(talk)
            if self.random.random() < 0.4:
                self.script.later(11, lambda: self._reads(who, talk))

    @scene(morning=12)
    def chat_closed(self) -> None:
        """Write to the office that is closed now."""
        self.chat(closed_office(self.company.clock.now()))

    def _reads(self, who: Person, talk: Talk) -> None:
        told = self.meta.reads(who, talk.account)
        item = told.entry["messaging"][0]
        receipt = self.script.happened(talk, f"{talk.thread}:{item['read']['watermark']}", "read", files=False)
        self.script.send("meta", told.entry, receipt)

    @scene(morning=5, soak=2)
    def picture_talk(self) -> None:
        """A sticker, a place, a voice note, a picture: none has words, each is a line in the ticket."""
        meta = self.meta
        who, talk = self._messenger(self._office())
        marker = f"NW-{next(self.numbers)}"
        kinds: list[tuple[dict[str, Any], str]] = [
            (meta.sticker(), ""), (meta.location(64.146582, -21.942635, f"Café {marker}"), marker),
            (meta.voice(), ""), (meta.image(), ""),
        ]  # fmt: skip
        for number, (attachment, mark) in enumerate([kinds[1], *self.random.sample([kinds[0], *kinds[2:]], 2)]):

            def one(attachment: dict[str, Any] = attachment, mark: str = mark) -> None:
                told = meta.writes(who, talk.account, attachments=[attachment])
                text = f"Café {mark}" if mark else ""
                self.script.send("meta", told.entry, self.script.happened(talk, told.id, text=text, marker=mark))

            self.script.later(number * 2.5, one)

    @scene(morning=3, soak=1)
    def album(self) -> None:
        """Four pictures within milliseconds, each a message and a delivery of its own."""
        who, talk = self._messenger(self._office())
        for _ in range(4):
            text, marker = self.script.marked("Picture of the torn tent, {}")
            told = self.meta.writes(who, talk.account, text, attachments=[self.meta.image()])
            self.script.send("meta", told.entry, self.script.happened(talk, told.id, text=text, marker=marker))

    @scene(morning=4, soak=2)
    def two_pages(self) -> None:
        """One body with messages to both offices and a comment."""
        meta, told = self.meta, []
        happenings = []
        for office in OFFICES:
            who, talk = self._messenger(office)
            text, marker = self.script.marked()
            written = meta.writes(who, talk.account, text)
            told.append(written.entry)
            happenings.append(self.script.happened(talk, written.id, text=text, marker=marker))
        commented, happening = self._commented(PAGES[REYKJAVIK])
        number = self.company.sender.together(self.company.routes["meta"], [*told, commented])
        for each in (*happenings, happening):
            each.deliveries.append(number)
        self.script.again(number, [*happenings, happening])

    @scene(morning=4, soak=1)
    def opts_out(self) -> None:
        who, talk = self._messenger(self._office(), ack=False, why="opted out")
        told = self.meta.writes(who, talk.account, "STOP")
        self.script.send("meta", told.entry, self.script.happened(talk, told.id, text="STOP"))
        self.script.later(4, lambda: self._writes(who, talk))

    @scene(morning=3, soak=1)
    def standby(self) -> None:
        """Another app has the conversation: it is filed, and nothing is said automatically."""
        who, talk = self._messenger(self._office(), ack=False, why="another app answers")
        self._writes(who, talk, standby=True)

    @scene(morning=4, soak=4)
    def edit_and_unsend(self) -> None:
        who, talk = self._messenger(self._office())
        first, second = self._writes(who, talk), self._writes(who, talk, words="Please forget number {}")

        def change() -> None:
            text, marker = self.script.marked("I meant number {}")
            told = self.meta.rewrites(first.object_id, text)
            self.script.send("meta", told.entry, self.script.happened(talk, told.id, "edit", text, marker))

        def unsend() -> None:
            told = self.meta.unsends(second.object_id)
            second.shown = False
            self.script.send("meta", told.entry, self.script.happened(talk, told.id, "delete", files=None))

        self.script.later(5, change)
        self.script.later(8, unsend)
        self.script.later(9, lambda: self._likes(talk, first))

    def _likes(self, talk: Talk, about: Happening) -> None:
        told = self.meta.likes(about.object_id)
        self.script.send("meta", told.entry, self.script.happened(talk, told.id, "react", files=False))

    @scene(morning=3, soak=1)
    def colleague_in_inbox(self) -> None:
        """A colleague answers in Meta's own inbox: the ticket must know."""
        who, talk = self._messenger(self._office())
        self._writes(who, talk)

        def colleague() -> None:
            text, marker = self.script.marked("We have found it in Kópavogur, {}")
            told = self.meta.answers(who, talk.account, text)
            self.script.send(
                "meta", told.entry, self.script.happened(talk, told.id, text=text, marker=marker, own=True)
            )

        self.script.later(6, colleague)

    @scene(morning=2, soak=1)
    def late(self) -> None:
        """The platform delivers an older message after a newer one."""
        who, talk = self._messenger(self._office())
        text, marker = self.script.marked("This one was written first, {}")
        told = self.meta.writes(who, talk.account, text)
        entry = copy.deepcopy(told.entry)
        entry["messaging"][0]["timestamp"] -= 600_000
        late = self.script.happened(talk, told.id, text=text, marker=marker, late=True)
        late.at -= timedelta(minutes=10)
        self._writes(who, talk)
        self.script.later(6, lambda: self.script.send("meta", entry, late))

    @scene(morning=2, soak=1)
    def blocked(self) -> None:
        """The customer has blocked the page when the agent answers: the ticket must say so."""
        who, talk = self._messenger(self._office())
        self._writes(who, talk)

        def block() -> None:
            self.meta.inboxes[(talk.account, talk.thread)].blocked = True
            self.script.answer(talk, reaches=False, noted=True)

        def acknowledged() -> bool:  # whoever blocked the page before is not
            return bool(self.meta.sent[talk.thread])

        self.script.when_filed(talk, lambda: self.script.when(acknowledged, block))

    @scene(soak=22)
    def long_chat(self) -> None:
        who, talk = self._messenger(self._office())
        self._writes(who, talk)
        self.script.turns(talk, lambda: self._writes(who, talk))

    @way("facebook", "comment")
    def comment_by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody comments on a page's post, and goes on below."""
        who = self.meta.person(next(self.names))
        entry, happening = self._commented(account, who)
        self.script.send("meta", entry, happening)
        assert happening.talk is not None  # noqa: S101 - it began one
        talk = happening.talk
        return talk, lambda: self._comments_again(talk, happening.object_id, who)

    @scene(morning=18)
    def comment(self) -> None:
        page = self._page()
        entry, happening = self._commented(page)
        self.script.send("meta", entry, happening)
        talk = happening.talk
        if talk is None:
            return
        if self.random.random() < 0.5:
            self.script.later(4, lambda: self._comments_again(talk, happening.object_id))
        if self.random.random() < 0.4:
            self.script.answer_later(talk)
        if self.random.random() < 0.3:
            self.script.later(2, lambda: self._reacts(talk, happening.object_id))

    def _comments_again(self, talk: Talk, root: str, who: Person | None = None) -> None:
        meta = self.meta
        text, marker = self.script.marked()
        told = meta.comments(who or meta.person(next(self.names)), root, text)
        self.script.send("meta", told.entry, self.script.happened(talk, told.id, text=text, marker=marker))

    def _reacts(self, talk: Talk, on: str) -> None:
        meta = self.meta
        told = meta.reacts(meta.person(next(self.names)), on)
        self.script.send("meta", told.entry, self.script.happened(talk, on, "react", files=False))

    @scene(morning=4, soak=3)
    def comment_edited(self) -> None:
        entry, happening = self._commented(self._page())
        self.script.send("meta", entry, happening)

        def edit() -> None:
            text, marker = self.script.marked("Sorry, the number is {}")
            told = self.meta.edits(happening.object_id, text)
            self.script.send("meta", told.entry, self.script.happened(happening.talk, told.id, "edit", text, marker))

        self.script.later(5, edit)

    @scene(morning=3, soak=2)
    def comment_removed(self) -> None:
        entry, happening = self._commented(self._page())
        self.script.send("meta", entry, happening)

        def remove() -> None:
            told = self.meta.removes(happening.object_id)
            happening.shown = False
            self.script.send("meta", told.entry, self.script.happened(happening.talk, told.id, "delete", files=None))

        self.script.later(5, remove)

    @scene(morning=4, soak=4)
    def visitor(self) -> None:
        meta, page = self.meta, self._page()
        text, marker = self.script.marked()
        told = meta.visits(meta.person(next(self.names)), page, text)
        talk = self._in_public(page, told, text, marker)
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=5, soak=4)
    def recommendation(self) -> None:
        meta, page = self.meta, self._page()
        text, marker = self.script.marked()
        told = meta.recommends(meta.person(next(self.names)), page, text, positive=self.random.random() < 0.3)
        self._in_public(page, told, text, marker)

    @scene(morning=3, soak=2)
    def mention_elsewhere(self) -> None:
        """Named in a comment elsewhere: the webhook has no author, the words are fetched."""
        meta, page = self.meta, self._page()
        text, marker = self.script.marked()
        told = meta.mentions(meta.person(next(self.names)), page, text)
        self._in_public(page, told, text, marker)

    @scene(morning=3, soak=2)
    def private_answer(self) -> None:
        """The agent answers a public comment privately; what the customer then writes privately is the same thread."""
        meta, page = self.meta, self._page()
        who, post = meta.person(next(self.names)), meta.posts(page, "Ask us anything.")
        text, marker = self.script.marked()
        told = meta.comments(who, post.id, text)
        talk = self._in_public(page, told, text, marker)

        def answered() -> None:
            self.script.answer(talk, private=f"messenger {who.psid(page)}")
            self.script.when(lambda: bool(meta.sent[who.psid(page)]), lambda: self.script.later(2.5, privately))

        def privately() -> None:
            words, mark = self.script.marked("Thank you, my address is Street {}")
            written = meta.writes(who, page, words)
            self.script.send(
                "meta",
                written.entry,
                self.script.happened(talk, written.id, text=words, marker=mark, channel="messenger"),
            )

        self.script.when_filed(talk, answered)

    @scene(soak=11)
    def long_comments(self) -> None:
        entry, happening = self._commented(self._page())
        self.script.send("meta", entry, happening)
        talk = happening.talk
        if talk is not None:
            self.script.turns(talk, lambda: self._comments_again(talk, happening.object_id))

    @scene(morning=2, soak=0.5)
    def partly_unreadable(self) -> None:
        """One good message and one that cannot be read in one body."""
        who, talk = self._messenger(self._office())
        text, marker = self.script.marked()
        told = self.meta.writes(who, talk.account, text)
        happening = self.script.happened(talk, told.id, text=text, marker=marker)
        bad = copy.deepcopy(told.entry)
        name = f"NW-{next(self.numbers)}"
        bad["messaging"][0]["message"] = {"mid": {"odd": name}, "text": 7}
        number = self.company.sender.together(self.company.routes["meta"], [told.entry, bad])
        happening.deliveries.append(number)
        self.script.notes.unreadable.append(Unreadable("messenger", number, name))

    @scene(morning=6, soak=1)
    def nothing(self) -> None:
        """The dashboard's test button: recorded, and nothing comes of it."""
        told = self.meta.test_button()
        self.company.sender.together(self.company.routes["meta"], [told.entry])

    @scene(morning=3, soak=0.35)
    def unreadable(self) -> None:
        """Genuine, and nonsense."""
        number = next(self.numbers)
        channel, body = self.random.choice((
            ("messenger", f'{{"object": "page", "entry": [{{"id": "NW-{number}"'),
            ("facebook", f'{{"object": "page", "NW-{number}": 1}}'),
        ))  # fmt: skip
        self.nonsense(channel, "meta", body)

    @scene(morning=5, soak=0.375)
    def forged(self) -> None:
        """A stranger writes in somebody's name."""
        marker = f"NW-{next(self.numbers)}"
        told = self.meta.writes(self.meta.person("Mallory Example"), self._page(), f"Send the refund to {marker}")
        self.forge("messenger", "meta", told.entry, marker)
