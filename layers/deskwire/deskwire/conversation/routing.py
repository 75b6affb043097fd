"""Routes letters: a helpdesk's signal to its ticket's thread; an event without a connection to its end."""

from __future__ import annotations

from dataclasses import dataclass

from deskwire.letters import Envelope
from deskwire.model.events import Event
from deskwire.ports import Mailbox
from deskwire.telemetry import Telemetry

from .decide import dismissed, end
from .directory import Directory
from .ledger import Ledger
from .recorded import Outcome, Recorded

ROUTED = "routed"
NOT_OURS = "not a ticket of ours, so far"
NOT_THEIRS = "the account does not belong to the endpoint that signed"


@dataclass(frozen=True, slots=True)
class Routing:
    """Finds the thread of each letter."""

    mailbox: Mailbox
    directory: Directory
    telemetry: Telemetry

    def route(self, ledger: Ledger, envelope: Envelope) -> str:
        """Forward a helpdesk's signal to its ticket's thread; return what became of it."""
        event = envelope.event
        reason = dismissed(event) or ("own" if event.own else "")
        thread_key = "" if reason else ledger.whose(event.account, event.thread)
        if thread_key:
            self.mailbox.send([envelope.forwarded(thread_key)])
            return ROUTED
        message = end(message_of(envelope), Outcome.SUPPRESSED, reason or NOT_OURS)
        ledger.record(event.thread_key, message)
        self.telemetry.count("Suppressed")
        return str(message.state)

    def checked(self, message: Recorded, event: Event, envelope: Envelope) -> Recorded:
        """Return the message, ended at once when it is not for us or needs nothing."""
        connection = self.directory.connection(event.channel, event.account)
        if connection is None:
            return end(message, Outcome.REFUSED, "no connection for this account: add it to deskwire.yaml")
        if connection.endpoint != envelope.endpoint:
            return end(message, Outcome.REFUSED, NOT_THEIRS)
        if event.attention:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "a person must act", channel=event.channel, reason=event.attention)
        reason = dismissed(event)
        return end(message, Outcome.SUPPRESSED, reason) if reason else message


def message_of(envelope: Envelope) -> Recorded:
    """Return the message to record for a letter."""
    return Recorded(
        key=envelope.event.key, event=envelope.event, endpoint=envelope.endpoint, received_at=envelope.received_at
    )
