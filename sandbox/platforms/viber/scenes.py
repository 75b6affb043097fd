"""What people do on Viber."""

from __future__ import annotations

from typing import Any

from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Scenes, scene, way
from sandbox.northwind.script import Script
from sandbox.platforms.viber.books import BOTS, ENDPOINTS, NAME, OnViber
from sandbox.platforms.viber.played import Person

ROUTES = {bot: ENDPOINTS[office] for office, bot in BOTS.items()}


class Chatting(Scenes):
    """The scenes."""

    def __init__(self, script: Script) -> None:
        """Let what becomes of the bots' messages be told to their webhooks."""
        super().__init__(script)
        self.player = script.company.platform(OnViber).player
        self.player.tell = self._report

    def _deliver(self, bot: str, told: dict[str, Any]) -> int:
        return self.company.sender.deliver(self.company.routes[ROUTES[bot]], told)

    def _report(self, bot: str, told: dict[str, Any]) -> None:
        number = self._deliver(bot, told)
        if told["event"] == "failed":  # a note on the ticket, unless the answer that named the message was lost
            failed = self.script.happened(
                None, str(told["message_token"]), "failed", channel=NAME, account=bot, files=None
            )
            failed.deliveries.append(number)

    def _begins(self, bot: str = "") -> tuple[Person, Talk]:
        bot = bot or self.random.choice([*ROUTES])
        person = self.player.person(bot, next(self.names))
        return person, self.script.talk(NAME, bot, person.id, f"{NAME} {person.id}", ack=True)

    def _writes(self, person: Person, talk: Talk, *, picture: bool = False) -> None:
        text, marker = self.script.marked()
        token, told = self.player.writes(talk.account, person, text, picture=picture)
        happening = self.script.happened(talk, str(token), text=text, marker=marker)
        self.script.send(ROUTES[talk.account], told, happening)

    def _hears(self, person: Person) -> bool:
        return any(each.ours and each.person == person.id for each in list(self.player.messages))

    @way(NAME, "message")
    def by_hand(self, account: str) -> tuple[Talk, Step]:
        """Somebody writes to a bot."""
        person, talk = self._begins(account)
        self._writes(person, talk)
        return talk, lambda: self._writes(person, talk)

    @scene(morning=6, soak=2)
    def chat(self) -> None:
        """Somebody opens the chat and writes, twice perhaps, and an agent answers half of them."""
        person, talk = self._begins()
        self._deliver(talk.account, self.player.opens(person))
        self._writes(person, talk, picture=self.random.random() < 0.3)
        if self.random.random() < 0.5:
            self.script.later(3, lambda: self._writes(person, talk))
        if self.random.random() < 0.5:
            self.script.answer_later(talk)

    @scene(morning=2, soak=0.3)
    def leaves(self) -> None:
        """Somebody writes, is acknowledged and leaves the bot: the ticket says that the answer cannot be sent."""
        person, talk = self._begins()
        self._writes(person, talk)

        def left() -> None:
            self._deliver(talk.account, self.player.leaves(person))
            self.script.answer(talk, reaches=False, noted=True)

        self.script.when_filed(talk, lambda: self.script.when(lambda: self._hears(person), left))

    @scene(morning=2, soak=0.3)
    def shows_nothing(self) -> None:
        """Somebody's device shows no answer, which comes as `failed` after it was taken."""
        person, talk = self._begins()
        self._writes(person, talk)

        def answered() -> None:
            person.old = True
            self.script.answer(talk, reaches=False)

        self.script.when_filed(talk, lambda: self.script.when(lambda: self._hears(person), answered))

    @scene(morning=2, soak=0.3)
    def forged(self) -> None:
        """A stranger writes in somebody's name."""
        marker = f"NW-{next(self.numbers)}"
        bot = next(iter(ROUTES))
        person = self.player.person(bot, "Mallory Example")
        _, told = self.player.writes(bot, person, f"Send the refund to {marker}")
        self.forge(NAME, ROUTES[bot], told, marker)

    @scene(morning=1, soak=0.1)
    def token_that_is_none(self) -> None:
        """Viber sends a message whose token lost its last digits: it is parked and not filed twice."""
        bot = next(iter(ROUTES))
        token = f"5.7413118{next(self.numbers)}e18"
        body = f'{{"event":"message","message_token":{token},"sender":{{"id":"x"}},"message":{{"type":"text"}}}}'
        self.nonsense(NAME, ROUTES[bot], body)
