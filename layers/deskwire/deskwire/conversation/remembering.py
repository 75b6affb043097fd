"""Look up the customer's earlier tickets once for each conversation, note them in its first ticket, and judge by them.

The helpdesk is asked just before that ticket is opened, for `HISTORY_WITHIN` at most. If it does not answer in time, or
an earlier attempt may have opened the ticket already, the ticket is opened without the note, and the lookup follows as
a step of its own, retried for a day: see `Recorded.recalls`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from deskwire.contracts.connector import Reach
from deskwire.contracts.helpdesk import History
from deskwire.model.errors import DeskwireError, TemporaryError
from deskwire.model.keys import compose, digest
from deskwire.model.tickets import MOST_EARLIER, Customer, Earlier
from deskwire.model.values import replace
from deskwire.ports import Clock
from deskwire.timing import HISTORY_WITHIN
from deskwire.web.rest import Answer, Call, Transport

from . import wording
from .decide import Pending, Plan, end
from .entries import GIVE_UP, Entries, later
from .recorded import HISTORY, Outcome, Recorded
from .table import moment
from .thread import Past
from .turn import Turn

OVER = "its ticket is another's now"
LOOKUP = 1  # requests for a customer new to the helpdesk, as most are here; a known one costs another


@dataclass(frozen=True, slots=True)
class Remembering:
    """Looks up a customer's earlier tickets."""

    entries: Entries
    clock: Clock

    def before(self, turn: Turn, item: Pending) -> str | None:
        """Return the note on the customer's earlier tickets before a ticket is opened; "" if there are none.

        None if they are not known yet. What is found is recorded first, so that a repeated request has the same bytes.
        """
        customer = self._sought(turn, item)
        if customer is None:
            return _own(turn)
        if item.doubtful or turn.before.attempts:
            return None
        hurried = replace(turn.inside, http=_within(turn.inside.http, self.clock, HISTORY_WITHIN))
        try:
            found = self._asked(turn, customer, hurried)
        except DeskwireError:  # the error will show where it matters: in opening the ticket, or in the later step
            return None
        self._remember(turn, found)
        if turn.thread.past != turn.before.past:
            self.entries.ledger.remember(turn.thread)
        return _noted(found)

    def leave(self, turn: Turn, item: Pending, noted: str | None) -> None:
        """Add the note to the ticket opened just now, or the step that looks the earlier tickets up.

        A worker may have opened the ticket and stopped before this: `Thread.recall` says so.
        """
        customer = self._sought(turn, item)
        if noted is None and customer is None:
            noted = _own(turn)
        if noted == "":
            turn.recall(None)
            return
        of = "" if customer is None else digest(customer.external_id)
        key = compose(HISTORY, turn.thread.filing_key)
        turn.recall(Recorded(key=key, note=noted or "", by=of, received_at=turn.now.isoformat()))

    def step(self, turn: Turn, item: Pending) -> Pending | None:
        """Look up the earlier tickets, and return the note with its text; None if there are none, or not known yet."""
        message = item.message
        customer = self._sought(turn, item)
        asked = message.key == compose(HISTORY, turn.thread.filing_key)
        if not asked or customer is None or digest(customer.external_id) != message.by:
            turn.outcomes.append(end(message, Outcome.SUPPRESSED, OVER))
            return None
        try:
            found = self._asked(turn, customer, turn.inside)
        except TemporaryError as error:
            if self.clock() - moment(message.recorded_at // 1000) < GIVE_UP:
                turn.missing[message.key] = later(turn, message, error)
            else:
                turn.outcomes.append(end(message, Outcome.SUPPRESSED, f"no earlier tickets were told: {error}"))
            return None
        except DeskwireError as error:
            turn.outcomes.append(end(message, Outcome.REFUSED, f"earlier tickets cannot be looked up: {error}"))
            return None
        self._remember(turn, found)
        words = _noted(found)
        if not words:
            turn.outcomes.append(end(message, Outcome.SUPPRESSED, "no earlier tickets"))
            return None
        return dataclasses.replace(item, message=dataclasses.replace(message, note=words))

    def _sought(self, turn: Turn, item: Pending) -> Customer | None:
        """Return the customer to look up, with the addresses that the policy lets us search by; None: do not look up.

        A customer whose identity is not proved is a person of this conversation alone, without tickets elsewhere. A
        follow-up names the ticket before it, which has the note.
        """
        rules = turn.connection.policy.history
        if not _told(turn) or turn.thread.customer() is None:
            return None
        customer = self.entries.customer(turn, item)
        return replace(
            customer,
            email=customer.email if "email" in rules.also_by else "",
            phone=customer.phone if "phone" in rules.also_by else "",
        )

    def _asked(self, turn: Turn, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        """Return the customer's earlier tickets in the helpdesk, without the present one."""
        if not isinstance(turn.helpdesk, History):
            return ()
        found = turn.helpdesk.history(customer, reach)[:MOST_EARLIER]
        return [each for each in found if each.ticket != turn.thread.ticket]

    def _remember(self, turn: Turn, found: Sequence[Earlier]) -> None:
        if found:
            turn.remember(Past(len(found), sum(each.complaint for each in found)))


def lookups(turn: Turn, plan: Plan) -> int:
    """Return the approximate number of requests in this turn to look up earlier tickets."""
    if not _told(turn):
        return 0
    fresh = not (turn.thread.ticket or turn.before.attempts) and not any(item.doubtful for item in plan.file[:1])
    return LOOKUP * (fresh + sum(item.message.recalls for item in plan.file))


def _told(turn: Turn) -> bool:
    """Return whether the helpdesk is asked for the customer's earlier tickets in this conversation."""
    asks = turn.connection.policy.history.on and isinstance(turn.helpdesk, History)
    return asks and turn.channel.proves_authors and not turn.thread.epoch


def _noted(found: Sequence[Earlier]) -> str:
    return wording.earlier(found, more=len(found) == MOST_EARLIER)


def _own(turn: Turn) -> str:
    """Return the note on earlier tickets of this conversation, which our table knows; "" if there are none.

    It needs at least two: a follow-up names the one before it anyway.
    """
    known = turn.thread.earlier
    if not turn.connection.policy.history.on or turn.came_from or len(known) < 2:
        return ""
    return _noted(
        [
            Earlier(
                ticket=each.ticket,
                subject="in this conversation",
                open=False,
                outcome="solved" if each.solved else "",
                at=moment(each.opened_at),
                complaint=each.complaint,
            )
            for each in reversed(known)
        ]
    )


def _within(http: Transport, clock: Clock, span: timedelta) -> Transport:
    """Return a transport whose calls together take no longer than the span."""
    until = clock() + span

    def ask(call: Call) -> Answer:
        left = (until - clock()).total_seconds()
        if left <= 0:
            raise TemporaryError("looking for earlier tickets takes too long")
        return http(replace(call, timeout=min(call.timeout, left)))

    return ask
