"""What people do on X."""

from __future__ import annotations

from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.x.books import OnX
from sandbox.platforms.x.played import ACCOUNT, HANDLE, Person


class Posting(Scenes):
    """The scenes."""

    def __init__(self, script: Script) -> None:
        """Play on the company's X."""
        super().__init__(script)
        self.x = script.company.platform(OnX).player

    def _poster(self) -> Person:
        name = next(self.names)
        return self.x.person(f"user{next(self.numbers)}", name)

    def _posted(self) -> tuple[Person, Talk, str]:
        x, who = self.x, self._poster()
        text, marker = self.script.marked()
        bodies = x.writes(who, f"@{HANDLE} {text}"[:270])
        post = next(reversed(x.posts.values()))
        talk = self.script.talk("x", ACCOUNT, post.conversation, f"x {post.conversation}", ack=True)
        happening = self.script.happened(talk, post.id, text=text, marker=marker)
        for body in bodies:
            self.script.send("x", body, happening)
        return who, talk, post.id

    @way("x", "post that names the company")
    def post_by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody posts, and goes on in the conversation."""
        del account
        who, talk, post = self._posted()
        return talk, lambda: self._posts_again(who, talk, post)

    @way("x", "direct message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes privately."""
        del account
        who, talk = self._whispering()
        self._whispers(who, talk)
        return talk, lambda: self._whispers(who, talk)

    @scene(morning=14, soak=6)
    def post(self) -> None:
        _, talk, _ = self._posted()
        if self.random.random() < 0.4:
            self.script.answer_later(talk)

    @scene(morning=5, soak=2)
    def collapsed(self) -> None:
        """A reply to our own post that names us and quotes it fires three deliveries: one event."""
        x, who = self.x, self._poster()
        own = x.writes(x.care, "The Reykjavík shop opens at eight today.")
        mine = next(reversed(x.posts.values()))
        self.script.send(
            "x", own[0], self.script.happened(None, mine.id, channel="x", account=ACCOUNT, files=None, own=True)
        )
        text, marker = self.script.marked()
        bodies = x.writes(who, f"@{HANDLE} {text}"[:270], reply_to=mine.id, quote_of=mine.id)
        post = next(reversed(x.posts.values()))
        talk = self.script.talk("x", ACCOUNT, post.conversation, f"x {post.conversation}", ack=True)
        happening = self.script.happened(talk, post.id, text=text, marker=marker)
        for body in bodies:
            self.script.send("x", body, happening)

    def _posts_again(self, who: Person, talk: Talk, post: str) -> None:
        """Let somebody answer a post of the conversation, and name us again."""
        text, marker = self.script.marked()
        bodies = self.x.writes(who, f"@{HANDLE} {text}"[:270], reply_to=post)
        happening = self.script.happened(talk, next(reversed(self.x.posts)), text=text, marker=marker)
        for body in bodies:
            self.script.send("x", body, happening)

    def _whispering(self) -> tuple[Person, Talk]:
        who = self._poster()
        return who, self.script.talk("x", ACCOUNT, f"dm-{who.id}", f"x dm-{who.id}", ack=True)

    def _whispers(self, who: Person, talk: Talk) -> None:
        text, marker = self.script.marked()
        bodies = self.x.whispers(who, text)
        happening = self.script.happened(talk, self.x.whispered[-1].id, text=text, marker=marker)
        for body in bodies:
            self.script.send("x", body, happening)

    @scene(morning=8)
    def direct(self) -> None:
        who, talk = self._whispering()
        self._whispers(who, talk)
        if self.random.random() < 0.5:
            self.script.later(5, lambda: self._whispers(who, talk))
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=3, soak=1)
    def own_post(self) -> None:
        x = self.x
        bodies = x.writes(x.care, f"Number {next(self.numbers)} of our opening hours.")
        post = next(reversed(x.posts.values()))
        self.script.send(
            "x", bodies[0], self.script.happened(None, post.id, channel="x", account=ACCOUNT, files=False, own=True)
        )

    @scene(soak=5)
    def long_posts(self) -> None:
        who, talk, post = self._posted()
        self.script.turns(talk, lambda: self._posts_again(who, talk, post))

    @scene(soak=7)
    def long_whispers(self) -> None:
        who, talk = self._whispering()
        self._whispers(who, talk)
        self.script.turns(talk, lambda: self._whispers(who, talk))

    @scene(morning=2, soak=0.15)
    def unreadable(self) -> None:
        """Genuine, and nonsense."""
        self.nonsense("x", "x", f'["NW-{next(self.numbers)}"]')

    @scene(morning=5, soak=0.375)
    def forged(self) -> None:
        """A post that X never delivered, in its shape."""
        marker = f"NW-{next(self.numbers)}"
        post = {
            "id": "2099999999999999999", "conversation_id": "2099999999999999999", "author_id": "66",
            "text": f"@{HANDLE} refund {marker}", "created_at": "2026-11-21T09:00:00.000Z",
            "edit_history_tweet_ids": ["2099999999999999999"],
        }  # fmt: skip
        data = {
            "event_uuid": "1", "filter": {"user_id": ACCOUNT}, "event_type": "post.mention.create", "tag": "care",
            "payload": post, "includes": {},
        }  # fmt: skip
        self.forge("x", "x", {"data": data}, marker)
