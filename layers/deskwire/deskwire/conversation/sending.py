"""Send a text to the customer at most once; after doubt, ask the platform or rely on its idempotency."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from deskwire.contracts.channel import Asks, Replies
from deskwire.contracts.terms import Permit
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.sending import Outgoing, Sent
from deskwire.ports import Item
from deskwire.telemetry import Telemetry

from .health import CAREFUL, Neighbours
from .ledger import Ledger
from .table import moment
from .turn import Turn


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends a turn's texts."""

    ledger: Ledger
    neighbours: Neighbours
    telemetry: Telemetry

    def send(self, turn: Turn, message: Outgoing, permit: Permit, *, first: bool) -> tuple[str, Sent | None, str]:
        """Send a text once; return the state, what was sent, and the reason.

        States: `sent`; `failed` (certainly not sent, may be retried); `refused` (never to be sent); `unknown` (may have
        been sent).
        """
        channel = turn.channel
        if not first:
            return self._asked(turn, message, permit)
        if not isinstance(channel, Replies):
            return "refused", None, "this channel cannot send"
        try:
            with self._asking(turn, message, permit):
                return "sent", channel.send(message, permit, turn.outside), ""
        except TemporaryError as error:
            if not error.ambiguous:
                turn.postpone(error)
                return "failed", None, str(error)
            return self._asked(turn, message, permit)
        except PermanentError as error:
            return "refused", None, str(error)
        except ConfigurationError as error:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "misconfigured", channel=channel.name, reason=str(error))
            if error.ambiguous:
                return self._asked(turn, message, permit)
            turn.trouble = turn.trouble or error
            return "failed", None, str(error)

    def _asking(self, turn: Turn, message: Outgoing, permit: Permit) -> AbstractContextManager[None]:
        """Return the context for sending a message; each of its files counts as a message to the platform."""
        messages = 1 + len(message.attachments)
        return self.neighbours.asking(turn.connection.key[0], messages, pauses=CAREFUL, pace=permit.pace)

    def _asked(self, turn: Turn, message: Outgoing, permit: Permit) -> tuple[str, Sent | None, str]:
        """Return the state of a message that may have been sent, as recorded or as the platform says.

        It is sent again only if the platform recognises a repetition by our key (`Terms.idempotent`).
        """
        for key, state, ids, reason in turn.sent:  # an echo in this turn may have settled it
            if key == message.key and state != "failed":
                return state, _sent(ids), reason
        known = self.ledger.sent(turn.thread.key, message.key)
        if known is not None and known["state"] not in {"sending", "failed"}:
            return known["state"], _sent(known.get("ids", ())), known.get("reason", "")
        if (told := _told(turn, message, known)) is not None:
            return told
        if _harmless(turn, known):
            return self._again(turn, message, permit)
        return "unknown", None, "the platform did not say whether it took the message"

    def _again(self, turn: Turn, message: Outgoing, permit: Permit) -> tuple[str, Sent | None, str]:
        """Send a message again that may have been sent. If this fails, the first attempt may still have worked."""
        if not isinstance(turn.channel, Replies):
            return "unknown", None, "this channel cannot send"
        try:
            with self._asking(turn, message, permit):
                return "sent", turn.channel.send(message, permit, turn.outside), ""
        except (TemporaryError, PermanentError, ConfigurationError) as error:
            return "unknown", None, str(error)


def _told(turn: Turn, message: Outgoing, known: Item | None) -> tuple[str, Sent | None, str] | None:
    """Return what the platform says about a message; None if it cannot be asked or does not know it."""
    if not isinstance(turn.channel, Asks):
        return None
    since = turn.now - timedelta(hours=1) if known is None else moment(int(known.get("begun_at", 0)))
    try:
        found = turn.channel.sent(message, since, replace(turn.outside))
    except (TemporaryError, PermanentError, ConfigurationError) as error:
        return "unknown", None, str(error)
    return None if found is None else ("sent", found, "")


def _harmless(turn: Turn, known: Item | None) -> bool:
    """Return whether the platform still recognises a repetition by our key."""
    harmless = turn.channel.terms.idempotent
    first_at = turn.now if known is None else moment(int(known.get("first_at", 0)))
    return harmless is not None and turn.now - first_at < harmless.value


def _sent(ids: Sequence[str]) -> Sent | None:
    return Sent(tuple(ids)) if ids else None
