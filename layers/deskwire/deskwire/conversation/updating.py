"""Send an incident's updates to its members: each once, if the platform's terms and the policy allow it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deskwire.care.acknowledge import Reason
from deskwire.care.incident import SAID_WITHIN
from deskwire.care.measure import cut
from deskwire.contracts.channel import Replies
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.events import Visibility
from deskwire.model.notices import Notice
from deskwire.telemetry import Telemetry

from . import wording
from .acknowledging import unwelcome
from .decide import Pending, Plan
from .incidents import language_for, update_key
from .ledger import Ledger
from .mirroring import copied
from .sending import Sending
from .table import moment
from .thread import outgoing
from .turn import Turn

UNWELCOME = {
    Reason.OPTED_OUT: "they want no automatic answers",
    Reason.BUDGET: "this unproved address has had as many automatic answers today as the policy allows",
}
UNWANTED_IN_PUBLIC = "the conversation is public, and the policy says nothing automatic there (acknowledge.public)"
UNKNOWN = "nobody is known to tell it to"
TOO_LATE = "it could not be sent for hours, and would be no news any more"


@dataclass(frozen=True, slots=True)
class Updating:
    """Sends the updates that a turn is to file, and notes the result of each on the ticket."""

    ledger: Ledger
    telemetry: Telemetry
    sending: Sending

    def send(self, turn: Turn, plan: Plan) -> Plan:
        """Send the plan's updates; return the plan with the note about each, without those that have to wait."""
        file = [self._noted(turn, item) for item in plan.file]
        return replace(plan, file=tuple(item for item in file if item is not None))

    def _noted(self, turn: Turn, item: Pending) -> Pending | None:
        notice = item.message.notice
        if notice is None or not notice.texts:
            return item
        words = self._said(turn, item, notice)
        return replace(item, message=replace(item.message, note=words)) if words else None

    def _said(self, turn: Turn, item: Pending, notice: Notice) -> str:
        """Send an update and return the note about it; "" while it is to be tried again."""
        key = update_key(notice.incident, notice.number)
        text = notice.texts[language_for(notice)]
        permit = self._permit(turn, key)
        if isinstance(permit, Permit):
            text = cut(text, permit.limit.most, permit.limit.unit)
            state, reason = self._sent(turn, item, notice, text, permit)
        else:
            state, reason = self._refused(turn, key, permit.reason)
        if state == "failed":
            turn.waiting.add(item.message.key)
            return ""
        self.telemetry.count("IncidentUpdates" if state == "sent" else "IncidentUpdatesNotSent")
        if state == "sent":
            return wording.update_told(text, notice.incident, notice.number)
        return wording.update_untold(notice.incident, notice.number, reason)

    def _sent(self, turn: Turn, item: Pending, notice: Notice, text: str, permit: Permit) -> tuple[str, str]:
        """Send an update at most once; return the state and the reason."""
        key = update_key(notice.incident, notice.number)
        message = outgoing(turn.thread, key=key, text=text, automatic=True)
        turn.intended.append(key)
        note = wording.update_told(text, notice.incident, notice.number)
        first = self.ledger.intend(turn.thread, send=key, text=text, copied=copied(turn, note))
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        since = item.message.since
        if state == "failed" and since is not None and turn.now - since > SAID_WITHIN:
            state, reason = "refused", TOO_LATE
        turn.settle(key, state, sent.ids if sent else (), reason)
        return state, reason

    def _refused(self, turn: Turn, key: str, reason: str) -> tuple[str, str]:
        """Return the state and reason of an update that may not be sent now; an earlier attempt may have sent it."""
        known = self.ledger.sent(turn.thread.key, key) or {}
        state = known.get("state", "failed")
        if state in {"failed", "sending"}:
            state = "refused" if state == "failed" else "unknown"
            turn.settle(key, state, (), reason)
            return state, reason
        return str(state), str(known.get("reason", ""))

    def _permit(self, turn: Turn, key: str) -> Permit | Refusal:
        """Return the permit to send an automatic text in this thread now, or the refusal."""
        thread, channel = turn.thread, turn.channel
        author = thread.customer()
        if not isinstance(channel, Replies):
            return Refusal(f"{channel.title} takes no answers through its interface")
        if author is None:
            return Refusal(UNKNOWN)
        if thread.visibility is Visibility.PUBLIC and not turn.connection.policy.acknowledge.public:
            return Refusal(UNWANTED_IN_PUBLIC)
        permit = channel.terms.permit(
            thread.visibility,
            automatic=True,
            last_inbound=moment(thread.last_inbound) if thread.last_inbound else None,
            now=turn.now,
            kind=thread.thread_kind,
        )
        if isinstance(permit, Refusal):
            return permit
        unwanted = unwelcome(self.ledger, turn, thread.channel, author, key)
        return Refusal(UNWELCOME[unwanted]) if unwanted else permit
