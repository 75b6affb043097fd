"""Read WhatsApp's notices about the account, a number or a template: they are counted, and some raise an alarm.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/account_update and beside
it account_alerts, account_review_update, message_template_status_update, phone_number_quality_update and others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deskwire.families import meta
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, fragment

from .content import nodes, when
from .errors import explained

ALARMING: Final = frozenset({
    "ACCOUNT_DELETED", "ACCOUNT_RESTRICTION", "ACCOUNT_VIOLATION", "DISABLED_UPDATE", "PARTNER_REMOVED",
    "PARTNER_APP_UNINSTALLED", "ACCOUNT_OFFBOARDED", "REJECTED", "FLAGGED", "DOWNGRADE", "PAUSED", "DISABLED",
    "PENDING_DELETION", "LOCKED", "LIMIT_EXCEEDED", "CRITICAL", "WARNING", "RESTRICTED", "DISABLE", "RED",
})  # fmt: skip
# Entries without a time, so their own fields tell them apart.
LISTED: Final = ("calls", "user_preferences")
APART: Final = ("id", "wa_id", "event", "status", "value", "timestamp")
SAYS: Final = ("event", "decision", "alert_severity", "current_limit", "new_quality_score")
KNOWN: Final = ("account", "business", "message_template", "phone_number", "template", "error", "security")


@dataclass(frozen=True, slots=True)
class Notice:
    """One change of an entry, at position `at`."""

    channel: str
    entry: Node
    at: int

    def account(self, change: Node) -> Iterator[Event]:
        """Yield a notice about the account, a number or a template, or of an unknown kind."""
        name, value = change["field"].text("")[:60] or "nothing", change["value"]
        alert = value["alert_info"]
        said = [value[part].text("") or alert[part].text("") for part in SAYS]
        loud = any(part.upper() in ALARMING for part in said)
        about = [value[part].text("") for part in ("message_template_name", "display_phone_number", "phone_number")]
        reasons = (
            value["reason"], value["rejection_reason"], alert["alert_description"], value["ban_info"]["waba_ban_state"],
            value["violation_info"]["violation_type"], value["restriction_info"][0]["restriction_type"],
        )  # fmt: skip
        why = [reason for each in reasons if (reason := each.text("")) not in {"", "NONE"}]
        parts = (next(filter(None, given), "") for given in (about, said, why))
        text = " ".join(filter(None, (name, *parts)))
        number = value["metadata"]["phone_number_id"].any_id() or value["recipient"]["phone_number_id"].any_id()
        rows = [row for part in LISTED for row in nodes(value[part])]
        apart = "".join(f" {row[field].any_id()}" for row in rows for field in APART)
        yield self._told(change, number, name, f"[{text}]", f"WhatsApp: {text}" if loud else "", apart)

    def problem(self, error: Node, number: str) -> Iterator[Event]:
        """Yield an error that concerns no single message; it raises an alarm."""
        text = explained(error.object())
        yield self._told(error, number, "error", text, f"WhatsApp reports: {text}")

    def _told(self, node: Node, number: str, name: str, text: str, attention: str, apart: str = "") -> Event:
        account = number or self.entry["id"].any_id() or "unknown"
        return Event(
            channel=self.channel,
            account=account,
            kind=Kind.STATE if name.startswith(KNOWN) or attention else Kind.OTHER,
            object_id=f"{self.entry['time'].any_id()}.{self.at}:{meta.mark(text + apart)}",
            verb=name,
            thread=account,
            visibility=Visibility.PRIVATE,
            text=text,
            occurred_at=when(self.entry["time"]),
            attention=attention,
            raw=fragment(node),
        )
