"""Route letters: a helpdesk's signal to its ticket's thread; an event without a connection ends as refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deskwire.letters import Envelope
from deskwire.model.events import Event, Kind
from deskwire.model.notices import Notice
from deskwire.model.signals import Signal
from deskwire.ports import Mailbox
from deskwire.telemetry import Telemetry

from .decide import SENT_BY_US, end
from .directory import Directory
from .ledger import Ledger
from .recorded import Outcome, Recorded

ROUTED = "routed"
NOT_OURS = "not a ticket of ours, so far"
NOT_SENT_BY_US = "a report on something that we did not send, so far"
NOT_THEIRS = "the account does not belong to the endpoint that signed"


@dataclass(frozen=True, slots=True)
class Routing:
    """Finds each letter's thread."""

    mailbox: Mailbox
    directory: Directory
    telemetry: Telemetry

    def route(self, ledger: Ledger, envelope: Envelope, signal: Signal) -> str:
        """Forward a helpdesk's signal to its ticket's thread; return `routed`, or its outcome if it has no thread."""
        reason = signal.dismissed  # set in letters of an earlier version
        thread_key = "" if reason else ledger.whose(signal)
        if thread_key:
            self.mailbox.send([envelope.forwarded(thread_key)])
            return ROUTED
        message = end(message_of(envelope), Outcome.SUPPRESSED, reason or NOT_OURS)
        ledger.record(signal.thread_key, message)
        self.telemetry.count("Suppressed")
        return str(message.state)

    def check(self, message: Recorded, event: Event, envelope: Envelope) -> Recorded:
        """Return the message, with an outcome already if it is not for us or needs nothing."""
        connection = self.directory.connection(event.channel, event.account)
        if connection is None:
            return end(message, Outcome.REFUSED, "no connection for this account: add it to deskwire.yaml")
        if connection.endpoint != envelope.endpoint:
            return end(message, Outcome.REFUSED, NOT_THEIRS)
        reason = event.dismissed  # set in letters of an earlier version
        if reason and event.attention:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "a person must act", channel=event.channel, reason=event.attention)
        return end(message, Outcome.SUPPRESSED, reason) if reason else message

    def trace(self, ledger: Ledger, message: Recorded, event: Event, envelope: Envelope) -> Recorded | None:
        """Return the message, with an outcome already if it is our echo, or a report on something we did not send.

        None if it reports on a text that was sent into another thread: the letter is forwarded there.
        """
        if event.own and ledger.origin(event):
            return end(message, Outcome.SUPPRESSED, SENT_BY_US)
        if event.kind is not Kind.UNDELIVERED or envelope.thread:
            return message
        thread_key = ledger.reported(event)
        if not thread_key:
            self.telemetry.count("UnknownReports")
            return end(message, Outcome.SUPPRESSED, NOT_SENT_BY_US)
        if thread_key == event.thread_key:
            return message
        self.mailbox.send([envelope.forwarded(thread_key)])
        return None


def message_of(envelope: Envelope) -> Recorded:
    """Return the message to record for a letter."""
    content = envelope.content
    message = Recorded(key=content.key, endpoint=envelope.endpoint, received_at=envelope.received_at)
    if isinstance(content, Notice):
        return replace(message, notice=content)
    return replace(message, signal=content) if isinstance(content, Signal) else replace(message, event=content)
