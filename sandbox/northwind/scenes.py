"""What people do on the platforms: each scene is one customer's conversation, or what a stranger sends."""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.neighbours.sender import Forgery
from sandbox.northwind import strangers
from sandbox.northwind.company import FORM, LOCATION, REYKJAVIK, SUVA
from sandbox.northwind.notes import Happening, Intruder, Talk, Unreadable
from sandbox.northwind.script import Script
from sandbox.northwind.words import EMAILS
from sandbox.platforms.meta import played as played_meta
from sandbox.platforms.x.played import ACCOUNT, HANDLE
from sandbox.platforms.x.played import Person as Poster

OFFICES = (REYKJAVIK, SUVA)


class Scenes(Script):
    """The scenes. Each is called once for each time it happens."""

    # ------------------------------------------------------------------------------------------ Messenger

    def _messenger(self, office: str, *, ack: bool = True, why: str = "") -> tuple[played_meta.Person, Talk]:
        who = self.company.meta.person(next(self._names))
        talk = self._talk("messenger", office, who.psid(office), f"messenger {who.psid(office)}", ack=ack, why=why)
        talk.office = office
        return who, talk

    def _writes(self, who: played_meta.Person, talk: Talk, **more: Any) -> Happening:
        text, marker = self._marked(more.pop("words", "any"))
        told = self.company.meta.writes(who, talk.account, text, **more)
        happening = self._happened(talk, told.id, text=text, marker=marker)
        self._send("meta", told.entry, happening)
        return happening

    def _chat(self, office: str = "") -> None:
        who, talk = self._messenger(office or self._random.choice(OFFICES))
        self._writes(who, talk)
        for pause in (3.0, 7.5)[: self._random.choice((0, 1, 1, 2))]:
            self._later(pause, lambda: self._writes(who, talk))
        if self._random.random() < 0.5:
            self._answer_later(talk)
            if self._random.random() < 0.4:
                self._later(11, lambda: self._reads(who, talk))

    def _chat_closed(self) -> None:
        """Write to the office that is closed now."""
        self._chat(SUVA if 8 <= self.company.clock.now().hour < 20 else REYKJAVIK)

    def _reads(self, who: played_meta.Person, talk: Talk) -> None:
        told = self.company.meta.reads(who, talk.account)
        item = told.entry["messaging"][0]
        receipt = self._happened(talk, f"{talk.thread}:{item['read']['watermark']}", "read", files=False)
        self._send("meta", told.entry, receipt)

    def _picture_talk(self) -> None:
        """A sticker, a place, a voice note, a picture: none has words, each is a line in the ticket."""
        meta = self.company.meta
        who, talk = self._messenger(self._random.choice(OFFICES))
        marker = f"NW-{next(self._numbers)}"
        kinds: list[tuple[dict[str, Any], str]] = [
            (meta.sticker(), ""), (meta.location(64.146582, -21.942635, f"Café {marker}"), marker),
            (meta.voice(), ""), (meta.image(), ""),
        ]  # fmt: skip
        for number, (attachment, mark) in enumerate([kinds[1], *self._random.sample([kinds[0], *kinds[2:]], 2)]):

            def one(attachment: dict[str, Any] = attachment, mark: str = mark) -> None:
                told = meta.writes(who, talk.account, attachments=[attachment])
                text = f"Café {mark}" if mark else ""
                self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=mark))

            self._later(number * 2.5, one)

    def _album(self) -> None:
        """Four pictures within milliseconds, each a message and a delivery of its own."""
        who, talk = self._messenger(self._random.choice(OFFICES))
        for _ in range(4):
            text, marker = self._marked("Picture of the torn tent, {}")
            told = self.company.meta.writes(who, talk.account, text, attachments=[self.company.meta.image()])
            self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))

    def _two_pages(self) -> None:
        """One body with messages to both offices and a comment."""
        meta, told = self.company.meta, []
        happenings = []
        for office in OFFICES:
            who, talk = self._messenger(office)
            text, marker = self._marked()
            written = meta.writes(who, office, text)
            told.append(written.entry)
            happenings.append(self._happened(talk, written.id, text=text, marker=marker))
        commented, happening = self._commented(REYKJAVIK)
        number = self.company.sender.together(self.company.routes["meta"], [*told, commented])
        for each in (*happenings, happening):
            each.deliveries.append(number)
        self._again(number, [*happenings, happening])

    def _opts_out(self) -> None:
        who, talk = self._messenger(self._random.choice(OFFICES), ack=False, why="opted out")
        told = self.company.meta.writes(who, talk.account, "STOP")
        self._send("meta", told.entry, self._happened(talk, told.id, text="STOP"))
        self._later(4, lambda: self._writes(who, talk))

    def _standby(self) -> None:
        """Another app has the conversation: it is filed, and nothing is said automatically."""
        who, talk = self._messenger(self._random.choice(OFFICES), ack=False, why="another app answers")
        self._writes(who, talk, standby=True)

    def _edit_and_unsend(self) -> None:
        who, talk = self._messenger(self._random.choice(OFFICES))
        first, second = self._writes(who, talk), self._writes(who, talk, words="Please forget number {}")

        def change() -> None:
            text, marker = self._marked("I meant number {}")
            told = self.company.meta.rewrites(first.object_id, text)
            self._send("meta", told.entry, self._happened(talk, told.id, "edit", text, marker))

        def unsend() -> None:
            told = self.company.meta.unsends(second.object_id)
            second.shown = False
            self._send("meta", told.entry, self._happened(talk, told.id, "delete", files=None))

        self._later(5, change)
        self._later(8, unsend)
        self._later(9, lambda: self._likes(talk, first))

    def _likes(self, talk: Talk, about: Happening) -> None:
        told = self.company.meta.likes(about.object_id)
        self._send("meta", told.entry, self._happened(talk, told.id, "react", files=False))

    def _colleague_in_inbox(self) -> None:
        """A colleague answers in Meta's own inbox: the ticket must know."""
        who, talk = self._messenger(self._random.choice(OFFICES))
        self._writes(who, talk)

        def colleague() -> None:
            text, marker = self._marked("We have found it in Kópavogur, {}")
            told = self.company.meta.answers(who, talk.account, text)
            self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker, own=True))

        self._later(6, colleague)

    def _late(self) -> None:
        """The platform delivers an older message after a newer one."""
        who, talk = self._messenger(self._random.choice(OFFICES))
        text, marker = self._marked("This one was written first, {}")
        told = self.company.meta.writes(who, talk.account, text)
        entry = copy.deepcopy(told.entry)
        entry["messaging"][0]["timestamp"] -= 600_000
        late = self._happened(talk, told.id, text=text, marker=marker, late=True)
        late.at -= timedelta(minutes=10)
        self._writes(who, talk)
        self._later(6, lambda: self._send("meta", entry, late))

    def _blocked(self) -> None:
        """The customer has blocked the page when the agent answers: the ticket must say so."""
        who, talk = self._messenger(self._random.choice(OFFICES))
        self._writes(who, talk)

        def block() -> None:
            self.company.meta.inboxes[(talk.account, talk.thread)].blocked = True
            self._answer(talk, reaches=False, noted=True)

        self._when_filed(talk, block)

    # ------------------------------------------------------------------------------------------ Facebook

    def _commented(self, page: str, **more: Any) -> tuple[dict[str, Any], Happening]:
        meta = self.company.meta
        who = meta.person(next(self._names))
        post = meta.posts(page, "The autumn range is here.")
        text, marker = self._marked()
        told = meta.comments(who, post.id, text, **more)
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        return told.entry, self._happened(talk, told.id, text=text, marker=marker)

    def _comment(self) -> None:
        page = self._random.choice(OFFICES)
        entry, happening = self._commented(page)
        self._send("meta", entry, happening)
        talk = happening.talk
        if talk is None:
            return
        if self._random.random() < 0.5:
            self._later(4, lambda: self._comments_again(talk, happening.object_id))
        if self._random.random() < 0.4:
            self._answer_later(talk)
        if self._random.random() < 0.3:
            self._later(2, lambda: self._reacts(talk, happening.object_id))

    def _comments_again(self, talk: Talk, root: str) -> None:
        meta = self.company.meta
        text, marker = self._marked()
        told = meta.comments(meta.person(next(self._names)), root, text)
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))

    def _reacts(self, talk: Talk, on: str) -> None:
        meta = self.company.meta
        told = meta.reacts(meta.person(next(self._names)), on)
        self._send("meta", told.entry, self._happened(talk, on, "react", files=False))

    def _comment_edited(self) -> None:
        entry, happening = self._commented(self._random.choice(OFFICES))
        self._send("meta", entry, happening)

        def edit() -> None:
            text, marker = self._marked("Sorry, the number is {}")
            told = self.company.meta.edits(happening.object_id, text)
            self._send("meta", told.entry, self._happened(happening.talk, told.id, "edit", text, marker))

        self._later(5, edit)

    def _comment_removed(self) -> None:
        entry, happening = self._commented(self._random.choice(OFFICES))
        self._send("meta", entry, happening)

        def remove() -> None:
            told = self.company.meta.removes(happening.object_id)
            happening.shown = False
            self._send("meta", told.entry, self._happened(happening.talk, told.id, "delete", files=None))

        self._later(5, remove)

    def _in_public(self, page: str, told: played_meta.Told, text: str, marker: str) -> Talk:
        """Deliver what begins a public conversation; return that."""
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))
        return talk

    def _visitor(self) -> None:
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.visits(meta.person(next(self._names)), page, text)
        talk = self._in_public(page, told, text, marker)
        if self._random.random() < 0.5:
            self._answer_later(talk)

    def _recommendation(self) -> None:
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.recommends(meta.person(next(self._names)), page, text, positive=self._random.random() < 0.3)
        self._in_public(page, told, text, marker)

    def _mention_elsewhere(self) -> None:
        """Named in a comment elsewhere: the webhook has no author, the words are fetched."""
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.mentions(meta.person(next(self._names)), page, text)
        self._in_public(page, told, text, marker)

    def _private_answer(self) -> None:
        """The agent answers a public comment privately; what the customer then writes privately is the same thread."""
        meta, page = self.company.meta, self._random.choice(OFFICES)
        who, post = meta.person(next(self._names)), meta.posts(page, "Ask us anything.")
        text, marker = self._marked()
        told = meta.comments(who, post.id, text)
        talk = self._in_public(page, told, text, marker)

        def answered() -> None:
            self._answer(talk, private=f"messenger {who.psid(page)}")
            self._later(1.0, arrived)

        def arrived() -> None:
            has_it = bool(meta.sent[who.psid(page)])
            self._later(2.5 if has_it else 1.0, privately if has_it else arrived)

        def privately() -> None:
            words, mark = self._marked("Thank you, my address is Street {}")
            written = meta.writes(who, page, words)
            self._send(
                "meta", written.entry, self._happened(talk, written.id, text=words, marker=mark, channel="messenger")
            )

        self._when_filed(talk, answered)

    # ------------------------------------------------------------------------------------------ X

    def _poster(self) -> Poster:
        name = next(self._names)
        return self.company.x.person(f"user{next(self._numbers)}", name)

    def _posted(self) -> tuple[Poster, Talk, str]:
        x, who = self.company.x, self._poster()
        text, marker = self._marked()
        bodies = x.writes(who, f"@{HANDLE} {text}"[:270])
        post = next(reversed(x.posts.values()))
        talk = self._talk("x", ACCOUNT, post.conversation, f"x {post.conversation}", ack=True)
        happening = self._happened(talk, post.id, text=text, marker=marker)
        for body in bodies:
            self._send("x", body, happening)
        return who, talk, post.id

    def _post(self) -> None:
        _, talk, _ = self._posted()
        if self._random.random() < 0.4:
            self._answer_later(talk)

    def _collapsed(self) -> None:
        """A reply to our own post that names us and quotes it fires three deliveries: one event."""
        x, who = self.company.x, self._poster()
        own = x.writes(x.care, "The Reykjavík shop opens at eight today.")
        mine = next(reversed(x.posts.values()))
        self._send("x", own[0], self._happened(None, mine.id, channel="x", account=ACCOUNT, files=None, own=True))
        text, marker = self._marked()
        bodies = x.writes(who, f"@{HANDLE} {text}"[:270], reply_to=mine.id, quote_of=mine.id)
        post = next(reversed(x.posts.values()))
        talk = self._talk("x", ACCOUNT, post.conversation, f"x {post.conversation}", ack=True)
        happening = self._happened(talk, post.id, text=text, marker=marker)
        for body in bodies:
            self._send("x", body, happening)

    def _posts_again(self, who: Poster, talk: Talk, post: str) -> None:
        """Let somebody answer a post of the conversation, and name us again."""
        text, marker = self._marked()
        bodies = self.company.x.writes(who, f"@{HANDLE} {text}"[:270], reply_to=post)
        happening = self._happened(talk, next(reversed(self.company.x.posts)), text=text, marker=marker)
        for body in bodies:
            self._send("x", body, happening)

    def _whispering(self) -> tuple[Poster, Talk]:
        who = self._poster()
        return who, self._talk("x", ACCOUNT, f"dm-{who.id}", f"x dm-{who.id}", ack=True)

    def _whispers(self, who: Poster, talk: Talk) -> None:
        text, marker = self._marked()
        bodies = self.company.x.whispers(who, text)
        happening = self._happened(talk, self.company.x.whispered[-1].id, text=text, marker=marker)
        for body in bodies:
            self._send("x", body, happening)

    def _direct(self) -> None:
        who, talk = self._whispering()
        self._whispers(who, talk)
        if self._random.random() < 0.5:
            self._later(5, lambda: self._whispers(who, talk))
        if self._random.random() < 0.5:
            self._answer_later(talk)

    def _own_post(self) -> None:
        x = self.company.x
        bodies = x.writes(x.care, f"Number {next(self._numbers)} of our opening hours.")
        post = next(reversed(x.posts.values()))
        self._send("x", bodies[0], self._happened(None, post.id, channel="x", account=ACCOUNT, files=False, own=True))

    # ------------------------------------------------------------------------------------------ Google, the form

    def _reviewed(self) -> Happening:
        text, marker = self._marked()
        note = self.company.google.review(LOCATION, self._random.randint(1, 5), text, next(self._names))
        name = note["review"]
        talk = self._talk("google", LOCATION, name, f"google {name}", ack=False, why="the one reply is the owner's")
        happening = self._happened(talk, name, text=text, marker=marker)
        self._send("google", note, happening)
        return happening

    def _review(self) -> None:
        talk = self._reviewed().talk
        if talk is None:
            return
        if self._random.random() < 0.5:
            self._answer_later(talk)

    def _review_changed(self) -> None:
        happening = self._reviewed()

        def change() -> None:
            text, marker = self._marked("Changed my mind, see {}")
            note = self.company.google.change(happening.object_id, 2, text)
            self._send("google", note, self._happened(happening.talk, happening.object_id, "edit", text, marker))

        if happening.talk is not None:
            self._when_filed(happening.talk, change)  # before, the first notification would fetch the changed words

    def _filled(self) -> tuple[dict[str, str], Happening]:
        text, marker = self._marked()
        email, submission = f"{self._random.choice(EMAILS)}.{next(self._numbers)}@example.com", str(uuid.uuid4())
        form = {
            "schema": "form.submitted/1", "form_id": FORM, "submission_id": submission, "email": email,
            "name": next(self._names), "message": text, "website": "",
        }  # fmt: skip
        talk = self._talk("webform", FORM, submission, f"mail {email}", ack=True)
        return form, self._happened(talk, submission, text=text, marker=marker)

    def _form(self) -> None:
        form, happening = self._filled()
        self._send("webform", form, happening)
        if self._random.random() < 0.5 and happening.talk is not None:
            self._answer_later(happening.talk)

    def _form_twice(self) -> None:
        """The visitor presses the button twice."""
        form, happening = self._filled()
        self._send("webform", form, happening)
        self._later(0.3, lambda: self._send("webform", form, happening))

    # ------------------------------------------------------------------------------------------ what goes wrong

    def _unreadable(self) -> None:
        """Genuine, and nonsense: parked, and answered 2xx."""
        sender, routes = self.company.sender, self.company.routes
        number = next(self._numbers)
        route, channel, body = self._random.choice((
            ("meta", "messenger", f'{{"object": "page", "entry": [{{"id": "NW-{number}"'),
            ("x", "x", f'["NW-{number}"]'),
            ("meta", "facebook", f'{{"object": "page", "NW-{number}": 1}}'),
        ))  # fmt: skip
        self.notes.unreadable.append(Unreadable(channel, sender.raw(routes[route], body.encode())))

    def _partly_unreadable(self) -> None:
        """One good message and one that cannot be read in one body."""
        who, talk = self._messenger(self._random.choice(OFFICES))
        text, marker = self._marked()
        told = self.company.meta.writes(who, talk.account, text)
        happening = self._happened(talk, told.id, text=text, marker=marker)
        bad = copy.deepcopy(told.entry)
        name = f"NW-{next(self._numbers)}"
        bad["messaging"][0]["message"] = {"mid": {"odd": name}, "text": 7}
        number = self.company.sender.together(self.company.routes["meta"], [told.entry, bad])
        happening.deliveries.append(number)
        self.notes.unreadable.append(Unreadable("messenger", number, name))

    def _nothing(self) -> None:
        """The dashboard's test button: recorded, and nothing comes of it."""
        told = self.company.meta.test_button()
        self.company.sender.together(self.company.routes["meta"], [told.entry])

    def _forged(self, number: int) -> None:
        """What a stranger sends: another secret, a changed byte, no signature."""
        sender, routes, meta = self.company.sender, self.company.routes, self.company.meta
        marker = f"NW-{next(self._numbers)}"
        name = ("meta", "x", "webform", "google")[number % 4]
        kinds = [*Forgery] if name in {"meta", "x"} else [Forgery.WRONG_SECRET, Forgery.MISSING_HEADER]
        forgery = kinds[number // 4 % len(kinds)]
        fragment: Any = {"type": "NEW_REVIEW", "location": LOCATION, "review": f"{LOCATION}/reviews/{marker}"}
        if name == "meta":
            fragment = meta.writes(meta.person("Mallory Example"), SUVA, f"Send the refund to {marker}").entry
        elif name == "x":
            fragment = strangers.mention(f"@{HANDLE} refund {marker}")
        elif name == "webform":
            fragment = strangers.form(f"Refund {marker}")
        channel = "messenger" if name == "meta" else name
        told = sender.forge(routes[name], [fragment], forgery)
        self.notes.intruders.append(Intruder(channel, str(forgery), marker, told))

    def _stale_signal(self) -> None:
        """A webhook of the helpdesk, captured and sent again an hour later."""
        if self.company.desk.name != "zendesk":
            return
        marker = f"{next(self._numbers)}"
        status = strangers.replay_zendesk(self.company, marker, datetime.now(UTC) - timedelta(hours=1))
        self.notes.intruders.append(Intruder("zendesk", "signed an hour ago", marker, status=status))
