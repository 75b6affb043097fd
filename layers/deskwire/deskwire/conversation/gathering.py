"""Read what a decision needs: the pending messages, and the messages they refer to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from deskwire.care.survey import Rating
from deskwire.configuration import Connection
from deskwire.contracts.channel import Fetches
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.events import Event, Kind
from deskwire.model.keys import digest
from deskwire.ports import Clock
from deskwire.timing import STOP_AFTER

from . import wording
from .aside import set_aside
from .decide import MOST, Pending, Undelivered
from .entries import assess
from .ledger import UNDELIVERED, Ledger, text_digest
from .mirroring import ENDED
from .recorded import ERASED, Outcome, Recorded
from .routing import NOT_SENT_BY_US
from .surveys import rating_of
from .thread import Thread
from .turn import Turn

ELSEWHERE = "a report on what was sent in another thread, where it goes on"
NO_HELPDESK = "its helpdesk was removed"


@dataclass(frozen=True, slots=True)
class Gathering:
    """Reads a turn's messages."""

    ledger: Ledger
    clock: Clock

    def read(self, thread: Thread, fresh: Recorded | None) -> tuple[list[Recorded], TemporaryError | None]:
        """Return the pending messages, or none and the error if they cannot be read."""
        found: list[Recorded] = []
        try:
            for key in thread.pending[:MOST]:
                message = fresh if fresh is not None and fresh.key == key else self.ledger.message(thread.key, key)
                found.append(message or Recorded(key=key, state=Outcome.DEAD, reason="its record is gone"))
        except TemporaryError as error:
            return [], error
        return found, None

    def gather(self, turn: Turn, messages: list[Recorded], doubtful: set[str]) -> tuple[list[Pending], list[Recorded]]:
        """Return the messages of this turn with everything looked up, and those already filed.

        A turn handles one channel. A message of another one is left for the next turn, with all that follow it. Signals
        and notes for helpdesks that this turn does not handle are left as well.
        """
        items: list[Pending] = []
        done: list[Recorded] = []
        for message in messages:
            if items and self.clock() - turn.now > STOP_AFTER:  # where words must be fetched
                break
            if origin(turn.thread, message) != place(turn.connection):
                if message.event is not None and not message.done:
                    break
            elif message.done:
                done.append(message)
                turn.settled.add(message.key)
            elif about(turn.own, message) in turn.others:
                continue
            else:
                items.append(self._looked_up(turn, message, doubtful=message.key in doubtful))
        return items, done

    def _looked_up(self, turn: Turn, message: Recorded, *, doubtful: bool) -> Pending:
        """Return a pending message with everything looked up that the decision needs."""
        if about(turn.own, message) not in {"", turn.definition.name}:
            return Pending(message=message, aside=NO_HELPDESK)
        if turn.mirrors and message.signal is None and not turn.connection.mirrors_into(turn.definition.name):
            return Pending(message=message, aside=ENDED)  # whether it was filed does not matter any more
        # A worker may have read the text before it was erased, and recorded it here afterwards.
        if turn.mirrors and message.since is not None and self.ledger.is_erased(turn.thread.mirrors, message):
            return Pending(message=message, aside=ERASED, doubtful=doubtful)
        report = message.event is not None and message.event.kind is Kind.UNDELIVERED
        look = self._reported if report else self._known
        return look(turn, message, doubtful=doubtful)

    def _known(self, turn: Turn, message: Recorded, *, doubtful: bool) -> Pending:
        """Return a pending message with its text, echo and original looked up."""
        event = message.event
        if event is not None and not event.complete and isinstance(turn.channel, Fetches):
            completed = self._completed(turn, turn.channel, message, event)
            if isinstance(completed, Pending):
                return completed
            message, event = completed, completed.event
        pending = Pending(message=message, doubtful=doubtful)
        if event is None:
            return pending
        if event.own and event.kind is not Kind.ATTACHMENT:
            return dataclasses.replace(pending, echo=self._is_echo(turn, event))
        if event.kind is Kind.MESSAGE:
            return self._said(turn, pending, event)
        if event.kind not in {Kind.EDIT, Kind.DELETION, Kind.ATTACHMENT}:
            return pending
        return self._with_original(turn, pending, event)

    def _said(self, turn: Turn, pending: Pending, event: Event) -> Pending:
        """Return a customer's message with its rating, the line about what it answers, or why it gets no ticket."""
        if (rating := _rating(turn, event)) is not None:
            return dataclasses.replace(pending, rating=rating)
        pending = dataclasses.replace(pending, answers=self._answers(turn, event))
        return set_aside(turn, pending, event)

    def _completed(self, turn: Turn, channel: Fetches, message: Recorded, event: Event) -> Recorded | Pending:
        """Return the message with its text fetched, or a pending message that says why there is none."""
        try:
            completed = channel.complete(event, turn.outside)
        except PermanentError as error:
            return Pending(message=message, refused=f"its words cannot be fetched: {error}")
        if completed is None:
            return Pending(message=message, gone=True)
        if completed.kind is not event.kind and (completed.dismissed or completed.kind is Kind.UNDELIVERED):
            return self._turned(turn, dataclasses.replace(message, event=completed, by="completed"), completed)
        twin = completed.key != event.key and not self.ledger.mark(turn.thread.key, completed.key, event.key)
        message = dataclasses.replace(message, event=completed, by="completed")
        return Pending(message=message, twin=True) if twin else message

    def _turned(self, turn: Turn, message: Recorded, event: Event) -> Pending:
        """Return what turned out to be no message: a report on what was sent, or what needs nothing.

        A report goes on in the thread of what was sent, as one does that its delivery tells to be one (`routing.py`).
        """
        if reason := event.dismissed:
            return Pending(message=message, aside=reason)
        thread_key = "" if turn.mirrors else self.ledger.reported(event)
        if thread_key == turn.thread.key:
            return self._reported(turn, message, doubtful=False)
        return Pending(message=message, aside=ELSEWHERE if thread_key else NOT_SENT_BY_US, elsewhere=thread_key)

    def _with_original(self, turn: Turn, pending: Pending, event: Event) -> Pending:
        """Return an edit, a deletion or an attachment with the message that it is about, if we have it."""
        earlier = self.ledger.about(turn.thread.key, event)
        original = next((each for each in earlier if each.key == event.original), None)
        if original is None:  # or its key is too long to be found among the others
            original = self.ledger.message(turn.thread.key, event.original)
        withdrawn = event.kind is not Kind.DELETION and any(_is_deletion(each) for each in earlier)
        if event.kind is Kind.DELETION and original is None:
            self.ledger.withdraw(turn.thread.key, event)
        return dataclasses.replace(pending, original=original, earlier=tuple(earlier), withdrawn=withdrawn)

    def _answers(self, turn: Turn, event: Event) -> str:
        """Return the line about the message that this one replies to; "" if unknown or the customer's last one."""
        if event.reply_to in {"", event.thread, turn.thread.reply_to}:
            return ""
        answered = dataclasses.replace(event, object_id=event.reply_to)
        message = self.ledger.message(turn.thread.key, answered.original)
        if message is not None and message.event is not None:
            return wording.in_reply_to(event, message.event)
        key = self.ledger.origin(answered).get("key", "")
        known = self.ledger.sent(turn.thread.conversation, key) if key else None
        return wording.in_reply_to_ours(int(known.get("begun_at", 0))) if known else ""

    def _reported(self, turn: Turn, message: Recorded, *, doubtful: bool) -> Pending:
        """Return a delivery report with the message it is about; a further report about one message is a `twin`."""
        key = str(self.ledger.origin(message.event).get("key", "")) if message.event is not None else ""
        known = (self.ledger.sent(turn.thread.conversation, key) if key else None) or {}
        if not turn.mirrors and (key in turn.undelivered or known.get("state") == UNDELIVERED):
            return Pending(message=message, twin=True)
        turn.undelivered |= {key} - {""}
        what = Undelivered("" if turn.mirrors else key, tuple(known.get("ids", ())), int(known.get("begun_at", 0)))
        return Pending(message=message, doubtful=doubtful, undelivered=what)

    def _is_echo(self, turn: Turn, event: Event) -> bool:
        """Return whether this is the echo of a message that we sent, or were sending when a worker crashed."""
        if turn.mirrors:  # a mirror gets only filed messages, and echoes are not filed
            return False
        if self.ledger.sent_by_us(turn.thread.key, event):
            return True
        for key in turn.thread.sending:
            known = self.ledger.sent(turn.thread.key, key)
            said = event.echo_of == digest(key)
            if known is not None and (said or known.get("text") == text_digest(event.text)):
                turn.settle(key, "sent", (event.object_id,), "seen by its echo")
                return True
        return False


def _rating(turn: Turn, event: Event) -> Rating | None:
    """Return the rating in a message, or None. Praise beside the rating does not count as further words."""
    rating = None if turn.mirrors else rating_of(turn.thread, event, turn.connection.policy, turn.now)
    if rating is None or not rating.words:
        return rating
    return Rating(rating.stars) if assess(turn, event).praises else rating


def _is_deletion(message: Recorded) -> bool:
    """Return whether this message deletes another."""
    return message.event is not None and message.event.kind is Kind.DELETION


def place(at: Thread | Connection) -> tuple[str, str]:
    """Return the channel and the account."""
    return at.channel, at.account


def origin(thread: Thread, message: Recorded) -> tuple[str, str]:
    """Return the channel and the account of a message; for a note or a signal, those of the thread."""
    event = message.event
    return place(thread) if event is None else (event.channel, event.account)


def about(own: str, message: Recorded) -> str:
    """Return the helpdesk of the earlier ticket that this is about; "" if it is about `own`, the thread's helpdesk."""
    named = message.signal.account if message.signal is not None else message.helpdesk
    return "" if named == own else named


def first_origin(thread: Thread, messages: list[Recorded]) -> tuple[str, str]:
    """Return the channel and the account that a turn handles: those of the first message not yet filed, if any."""
    unfiled = [each for each in messages if not each.done] or messages
    return next((origin(thread, each) for each in unfiled if each.event is not None), place(thread))
