"""Agents' answers: each is sent to the customer at most once, or the ticket says why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskwire.contracts.channel import Replies
from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import PermanentError
from deskwire.model.events import Visibility
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import AgentReply
from deskwire.telemetry import Telemetry
from deskwire.timing import KEEP_SECONDS, STOP_AFTER

from . import wording
from .decide import Plan, end
from .ledger import Ledger
from .recorded import Outcome, Recorded
from .sending import Sending
from .table import moment, seconds
from .thread import outgoing
from .turn import Turn

PRIVATELY = "#private"  # an agent's first word for an answer that only the customer shall read
RECENT = timedelta(days=1)
KNOWN = timedelta(seconds=KEEP_SECONDS) - RECENT  # how old an answer may be: what became of it is then forgotten
TYPING = 120  # seconds that an agent may have been writing without having seen what came meanwhile
PATIENCE = 900  # seconds for which an answer is tried that the platform cannot take now; then the agent is told


@dataclass(frozen=True, slots=True)
class Relaying:
    """Relays the answers that a turn's signals tell of."""

    ledger: Ledger
    telemetry: Telemetry
    sending: Sending

    def relay(self, turn: Turn, plan: Plan) -> None:
        """Bring the agents' new answers to the customer."""
        for signal in plan.relay:
            if turn.full:
                return
            try:
                brought = self._bring(turn, signal)
            except (PermanentError, TicketGone) as error:
                turn.outcomes.append(end(signal, Outcome.REFUSED, f"its answers cannot be read: {error}"))
                continue
            if brought is None:
                return
            outcome = (
                end(signal, Outcome.FILED, f"answers: {brought}")
                if brought
                else end(signal, Outcome.MERGED, "no new answer")
            )
            turn.outcomes.append(outcome)

    def _bring(self, turn: Turn, signal: Recorded) -> int | None:
        """Bring the new answers of the ticket that a signal tells of; return how many.

        None when one has to wait, and all after it. When we were told counts, long ago, perhaps, for the helpdesk could
        not be asked since.
        """
        ticket = signal.event.thread if signal.event is not None else turn.thread.ticket
        told_at = datetime.fromisoformat(signal.received_at)
        after = turn.thread.last_reply
        if ticket != turn.thread.last_ticket:
            after = ""
        brought = 0
        for reply in turn.helpdesk.replies(ticket, after, turn.inside):
            if not self._is_theirs(turn, ticket, reply, told_at):
                continue
            late = brought > 0 and self.ledger.clock() - turn.now > STOP_AFTER
            if late or turn.full or not self._reply(turn, reply):
                return None  # goes on with this one, in order
            brought += 1
            turn.pass_reply(reply.id, ticket)
        return brought

    def _is_theirs(self, turn: Turn, ticket: str, reply: AgentReply, told_at: datetime) -> bool:
        """Tell whether an answer is for this customer, and so young that it is known whether it was brought before."""
        if ticket != turn.thread.ticket:  # an earlier one, whose answers were brought when they were new
            return reply.written_at is not None and told_at - reply.written_at <= RECENT
        if reply.written_at is None:
            return True
        # What stood in another ticket before theirs was merged into it; if we were told of it, that was theirs as well.
        others = seconds(reply.written_at) < turn.thread.joined_at <= seconds(told_at)
        return not others and turn.now - reply.written_at <= KNOWN

    def _reply(self, turn: Turn, reply: AgentReply) -> bool:
        """Send one answer; False when it has to wait. Whatever becomes of it is noted, and told where it must be."""
        key = compose("reply", turn.definition.name, reply.id)
        if key in turn.relayed:
            return True  # of a ticket that another of theirs was merged into, it is read on both
        turn.relayed.add(key)
        text, private = _private(reply.text)
        thread = turn.thread
        message = outgoing(thread, key=key, text=text, automatic=False, private=private)
        permit = self._permit(turn, message)
        known = self.ledger.sent(thread.key, key)
        if known is not None and known["state"] not in {"sending", "failed"}:
            return True
        if isinstance(permit, Refusal):
            self._tell(turn, key, reply, "refused", permit.reason, text)
            return True
        if (known is None or known["state"] == "failed") and _overtaken(turn, message, reply):
            turn.warn(TYPING)
            self._tell(turn, key, reply, "refused", wording.overtaken(private=private), text)
            return True
        turn.intended.append(key)
        first = self.ledger.intend(turn.thread, send=key, text=text)
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        tried_at = int(known["first_at"]) if known else seconds(turn.now)
        if state == "failed" and seconds(turn.now) - tried_at < PATIENCE:
            turn.settle(key, state, (), reason)
            return False
        if state == "sent" and sent is not None:
            turn.settle(key, state, sent.ids, "")
            turn.answer()
            self.telemetry.count("Replies")
            if sent.elsewhere:
                self.ledger.lead(sent.elsewhere, thread.key)
            if reply.attachments:
                names = ", ".join(each.name or each.line() for each in reply.attachments)
                self._note(
                    turn, key, reply, f"The text was sent, its attachments were not: {names}. Please send a link."
                )
        elif state == "unknown":
            self._tell(turn, key, reply, "unknown", reason, text)
        else:
            self._tell(turn, key, reply, "refused", reason, text)
        return True

    def _permit(self, turn: Turn, message: Outgoing) -> Permit | Refusal:
        thread = turn.thread
        if not isinstance(turn.channel, Replies):
            return Refusal(f"{turn.channel.title} takes no answers through its interface")
        last = moment(thread.last_inbound) if thread.last_inbound else None
        # A private answer to a public message goes by the private rules where the channel has them.
        visibility = message.visibility
        if visibility is Visibility.PRIVATE and visibility not in turn.channel.terms.sending:
            return Refusal(f"{turn.channel.title} has no private answers")
        return turn.channel.terms.permit(visibility, automatic=False, last_inbound=last, now=turn.now)

    def _tell(self, turn: Turn, key: str, reply: AgentReply, state: str, reason: str, text: str) -> None:
        """Note an answer that did not go out, or of which nobody knows, on the ticket that it was written in."""
        turn.settle(key, state, (), reason)
        words = wording.uncertain(text) if state == "unknown" else wording.undeliverable(reason, text)
        self._note(turn, key, reply, words)
        self.telemetry.count("Unanswerable")
        self.telemetry.log("ERROR", "an answer did not go out", channel=turn.channel.name, reason=reason)

    def _note(self, turn: Turn, key: str, reply: AgentReply, words: str) -> None:
        note = Recorded(key=compose("note", key), note=words, received_at=turn.now.isoformat(), ticket=reply.ticket)
        turn.added.append(note)


def _overtaken(turn: Turn, message: Outgoing, reply: AgentReply) -> bool:
    """Tell whether an answer may have been written for somebody else than would read it now."""
    thread = turn.thread
    since = thread.other_at if message.visibility is Visibility.PRIVATE else thread.public_at
    return since > 0 and seconds(reply.written_at or turn.now) <= since + TYPING


def _private(text: str) -> tuple[str, bool]:
    """Return an agent's words, and whether only the customer shall read them."""
    stripped = text.strip()
    if stripped.lower().startswith(PRIVATELY):
        return stripped[len(PRIVATELY) :].lstrip(" :\n"), True
    return stripped, False
