"""The script of a busy morning at Northwind: who writes where, what the platforms do with it, what the agents answer.

Everything that happens is written down in `Notes` as it happens, under the platforms' own ids; nothing is asked of
Deskwire. The same seed gives the same morning, but for the times.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sandbox import meta as played_meta
from sandbox import strangers
from sandbox.company import FORM, LOCATION, REYKJAVIK, SUVA, Company
from sandbox.desks import Ticket
from sandbox.ledger import Answer, Happening, Intruder, Notes, Step, Talk, Unreadable
from sandbox.neighbour import broken, cut_after, throttled
from sandbox.sender import Forgery, State
from sandbox.words import EMAILS, NAMES, sentences
from sandbox.x import ACCOUNT, HANDLE
from sandbox.x import Person as Poster

OFFICES = (REYKJAVIK, SUVA)
SECONDS = 42.0  # of the script; what comes later by design (redeliveries, answers) takes some more
OUTAGE = 6.0  # seconds without a helpdesk


class Morning:
    """Plays it. `progress` gets how much of the script is done, 0 to 1."""

    def __init__(self, company: Company, *, seed: int = 1, scale: float = 1.0) -> None:
        """Take the company as it runs; `scale` makes the morning shorter for a test."""
        self.company = company
        self.notes = Notes()
        self._random = random.Random(seed)
        self._scale = scale
        self._numbers = itertools.count(10001)
        self._answers = itertools.count(101)
        self._words = sentences(self._random)
        self._names: Iterator[str] = itertools.cycle(NAMES)
        self._agenda: list[tuple[float, int, Step]] = []
        self._order = itertools.count()
        self._started = 0.0
        self._looked, self._seen = 0.0, list[Ticket]()
        self._lock = threading.Lock()
        self._echoing()

    # ------------------------------------------------------------------------------------------ the run

    def play(self, tick: Callable[[float], None]) -> None:
        """Play the whole script; `tick` is called several times a second with the part that is done."""
        scenes = [*self._scenes()]
        self._random.shuffle(scenes)
        scenes.sort(key=lambda scene: scene is not self._troubles)
        span = SECONDS * self._scale
        for number, scene in enumerate(scenes):
            self._at(span * number / len(scenes), scene)
        self._started = time.monotonic()
        played, least = 0, len(self._agenda)
        while self._agenda:
            due, _, step = self._agenda[0]
            wait = due - (time.monotonic() - self._started)
            if wait > 0:
                tick(min(0.99, played / max(least, played + len(self._agenda))))
                time.sleep(min(wait, 0.2))
                continue
            heapq.heappop(self._agenda)
            step()
            played += 1

    def _at(self, seconds: float, step: Step) -> None:
        heapq.heappush(self._agenda, (seconds, next(self._order), step))

    def _later(self, seconds: float, step: Step) -> None:
        self._at(time.monotonic() - self._started + seconds, step)

    def _many(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def _scenes(self) -> Iterator[Step]:
        for scene, count in (
            (self._chat, 26), (self._chat_closed, 12), (self._picture_talk, 5), (self._album, 3), (self._two_pages, 4),
            (self._opts_out, 4), (self._standby, 3), (self._edit_and_unsend, 4), (self._colleague_in_inbox, 3),
            (self._comment, 18), (self._comment_edited, 4), (self._comment_removed, 3), (self._visitor, 4),
            (self._recommendation, 5), (self._mention_elsewhere, 3), (self._private_answer, 3),
            (self._post, 14), (self._collapsed, 5), (self._direct, 8), (self._own_post, 3),
            (self._review, 12), (self._review_changed, 4), (self._form, 18), (self._form_twice, 4),
            (self._late, 2), (self._unreadable, 5), (self._partly_unreadable, 2), (self._blocked, 2),
            (self._nothing, 6),
        ):  # fmt: skip
            for _ in range(self._many(count)):
                yield scene
        for number in range(self._many(18)):
            yield partial(self._forged, number)
        yield self._stale_signal
        yield self._troubles

    # ------------------------------------------------------------------------------------------ writing down

    def _marked(self, kind: str = "any") -> tuple[str, str]:
        """Return a customer's words and the number in them that occurs nowhere else."""
        marker = f"NW-{next(self._numbers)}"
        return next(self._words).format(marker) if kind == "any" else kind.format(marker), marker

    def _talk(self, channel: str, account: str, thread: str, place: str, *, ack: bool, why: str = "") -> Talk:
        talk = Talk(channel, account, thread, place, ack, why)
        self.notes.talks.append(talk)
        return talk

    def _happened(
        self, talk: Talk | None, object_id: str, verb: str = "add", text: str = "", marker: str = "", **more: Any
    ) -> Happening:
        channel = more.pop("channel", talk.channel if talk else "")
        account = more.pop("account", talk.account if talk else "")
        happening = Happening(channel, account, object_id, verb, talk, self.company.clock.now(), text, marker, **more)
        with self._lock:
            self.notes.happenings.append(happening)
            if talk is not None:
                talk.said.append(happening)
        return happening

    def _send(self, route: str, fragment: Any, *told: Happening, alone: bool = True) -> int:
        sender, to = self.company.sender, self.company.routes[route]
        number = sender.together(to, [fragment]) if alone else sender.deliver(to, fragment)
        for each in told:
            each.deliveries.append(number)
        if self._random.random() < 0.12:
            self._again(number, told)
        return number

    def _again(self, number: int, told: Sequence[Happening]) -> None:
        """Let the platform send it once more: at once, seconds later, or when the queue has forgotten it."""
        after = self._random.choice((0.0, 0.0, 60.0, 400.0))

        def repeat() -> None:
            again = self.company.sender.repeat(number, after=after)
            for each in told:
                each.deliveries.append(again)

        self._later(0.1, repeat)

    def _echoing(self) -> None:
        """What the page says through the API comes back to its webhook, as it does on Meta's platforms."""

        def echo(entry: dict[str, Any]) -> None:
            page = entry["id"]
            if "messaging" in entry:
                item = entry["messaging"][0]
                happening = Happening(
                    "messenger", page, item["message"]["mid"], "add", None, self.company.clock.now(), files=False,
                    own=True,
                )  # fmt: skip
            else:
                value = entry["changes"][0]["value"]
                happening = Happening(
                    "facebook", page, value["comment_id"], "add", None, self.company.clock.now(), files=False, own=True
                )
            with self._lock:
                self.notes.happenings.append(happening)
            happening.deliveries.append(self.company.sender.deliver(self.company.routes["meta"], entry))

        self.company.meta.echo = echo

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

    def _visitor(self) -> None:
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.visits(meta.person(next(self._names)), page, text)
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))
        if self._random.random() < 0.5:
            self._answer_later(talk)

    def _recommendation(self) -> None:
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.recommends(meta.person(next(self._names)), page, text, positive=self._random.random() < 0.3)
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))

    def _mention_elsewhere(self) -> None:
        """Named in a comment elsewhere: the webhook has no author, the words are fetched."""
        meta, page = self.company.meta, self._random.choice(OFFICES)
        text, marker = self._marked()
        told = meta.mentions(meta.person(next(self._names)), page, text)
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))

    def _private_answer(self) -> None:
        """The agent answers a public comment privately; what the customer then writes privately is the same thread."""
        meta, page = self.company.meta, self._random.choice(OFFICES)
        who, post = meta.person(next(self._names)), meta.posts(page, "Ask us anything.")
        text, marker = self._marked()
        told = meta.comments(who, post.id, text)
        talk = self._talk("facebook", page, told.id, f"facebook {told.id}", ack=False, why="public, and switched off")
        self._send("meta", told.entry, self._happened(talk, told.id, text=text, marker=marker))

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

    def _post(self) -> None:
        x, who = self.company.x, self._poster()
        text, marker = self._marked()
        bodies = x.writes(who, f"@{HANDLE} {text}"[:270])
        post = next(reversed(x.posts.values()))
        talk = self._talk("x", ACCOUNT, post.conversation, f"x {post.conversation}", ack=True)
        happening = self._happened(talk, post.id, text=text, marker=marker)
        for body in bodies:
            self._send("x", body, happening)
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

    def _direct(self) -> None:
        x, who = self.company.x, self._poster()
        talk = self._talk("x", ACCOUNT, f"dm-{who.id}", f"x dm-{who.id}", ack=True)

        def write() -> None:
            text, marker = self._marked()
            bodies = x.whispers(who, text)
            happening = self._happened(talk, x.whispered[-1].id, text=text, marker=marker)
            for body in bodies:
                self._send("x", body, happening)

        write()
        if self._random.random() < 0.5:
            self._later(5, write)
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

    def _troubles(self) -> None:
        """The neighbours' bad moments: lost answers, refusals, and an outage of the helpdesk."""
        meta, x = self.company.meta, self.company.x
        x.faults.add(cut_after(), method="POST", path="/2/tweets", times=1)
        meta.faults.add(cut_after(), method="POST", path="/{version}/{page}/messages", times=2)
        if self.company.desk.name != "zendesk":
            return
        zendesk = self.company.desk.zendesk  # type: ignore[attr-defined]

        def lost() -> None:
            zendesk.faults.add(cut_after(), method="POST", path="/api/v2/tickets.json", times=3)
            zendesk.faults.add(cut_after(), method="PUT", path="/api/v2/tickets/{ticket}.json", times=2)
            zendesk.faults.add(throttled(2), times=4)

        def down() -> None:
            began = datetime.now(UTC)
            zendesk.faults.add(broken(503))

            def up() -> None:
                zendesk.faults.clear()
                self.notes.outages.append((began, datetime.now(UTC)))

            self._later(OUTAGE * self._scale, up)

        self._later(6 * self._scale, lost)
        self._later(18 * self._scale, down)

    # ------------------------------------------------------------------------------------------ the agents

    def _when_filed(self, talk: Talk, step: Step, tries: int = 150) -> None:
        """Do something once the conversation's first message stands in a ticket (the agents look every second)."""

        def look() -> None:
            ticket = self._find(talk)
            if ticket:
                talk.ticket = ticket
                step()
            elif tries:
                self._when_filed(talk, step, tries - 1)

        self._later(1.0, look)

    def _find(self, talk: Talk) -> str:
        first = talk.first
        if first is None or not first.marker:
            return ""
        for ticket in self._tickets():
            if any(first.marker in comment.text for comment in ticket.comments):
                return ticket.id
        return ""

    def _tickets(self) -> list[Ticket]:
        now = time.monotonic()
        if now - self._looked > 0.8:
            self._looked, self._seen = now, self.company.desk.tickets()
        return self._seen

    def _answer_later(self, talk: Talk) -> None:
        self._later(2.0, lambda: self._when_filed(talk, lambda: self._answer(talk)))

    def _answer(self, talk: Talk, *, private: str = "", reaches: bool = True, noted: bool = False) -> None:
        """Let an agent note something and answer."""
        desk = self.company.desk
        if self._random.random() < 0.4:
            marker = f"NOTE-{next(self._answers)}"
            text = f"Look at the order first, {marker}."
            note = Answer(marker, text, talk, talk.place, reaches=False)
            note.comment = desk.reply(talk.ticket, text, public=False)
            self.notes.answers.append(note)
        marker = f"ANS-{next(self._answers)}"
        text = self._random.choice((
            f"Your parcel is on its way 🚚 ({marker}).", f"Pakkinn þinn er á leiðinni, {marker}.",
            f"طردك في الطريق، {marker}.", f"We sent a new one today: {marker} & sorry <again>!",
        ))  # fmt: skip
        answer = Answer(marker, text, talk, private or talk.place, reaches, noted)
        self.notes.answers.append(answer)
        talk.answers.append(answer)
        answer.at = datetime.now(UTC)
        answer.comment = desk.reply(talk.ticket, f"#private {text}" if private else text)

    # ------------------------------------------------------------------------------------------ what is known after

    def delivered(self, happening: Happening) -> list[Any]:
        """Return the deliveries that told of it, as the sender's books have them, each once."""
        found = {}
        for number in happening.deliveries:
            delivery = self.company.sender.delivery(number)
            found[delivery.number] = delivery
        return list(found.values())

    def taken(self, happening: Happening) -> bool:
        """Tell whether a delivery that told of it was answered with 2xx."""
        return any(delivery.state is State.TAKEN for delivery in self.delivered(happening))
