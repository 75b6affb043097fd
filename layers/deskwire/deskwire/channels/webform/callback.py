"""“Call me back”: a telephone number, the time that the visitor wishes, and their consent to the call.

The form asks for it where the endpoint's setting `callback_consent` has the words to agree to. The number is checked
with `phonenumbers` (its package phonenumberslite: 3 MB in the layer instead of 23), imported when somebody asks to be
called and not before: see docs/decisions/0039-telephone-numbers.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from deskwire.model.errors import ConfigurationError
from deskwire.model.values import dataclass

if TYPE_CHECKING:
    from deskwire.families.forms import Form

SETTINGS: Final = {
    "callback_consent": "visitors may ask to be called: the words they agree to, one text a line (optional, else off)",
    "callback_region": "the country of numbers that begin without +, two letters such as IS (optional)",
    "callback_zone": "the time zone in which agents read the wished time, Atlantic/Reykjavik (optional, else UTC)",
}
LONGEST: Final = 40  # characters, of the number and of the time
FURTHEST: Final = timedelta(days=90)
AS_SOON_AS_POSSIBLE: Final = "as soon as possible"


@dataclass(frozen=True, slots=True)
class Callback:
    """A call that a visitor asks for: the number in E.164, when, and what the agent reads."""

    number: str
    at: datetime | None
    facts: Mapping[str, str]

    @property
    def words(self) -> str:
        """A line for who leaves the message empty."""
        return f"[asks to be called: {self.facts['Call back at']}]"


def asked(form: Form, settings: Mapping[str, str], now: datetime) -> Callback | None:
    """Return the call that a form asks for; None when it asks for none, or wrongly, which is then among its problems.

    `phone` is the number, `call_at` a time in ISO 8601 (without an offset, in `callback_zone`), `consent.call` the
    words that the page showed and the visitor agreed to. Raises `ConfigurationError` for a wrong setting.
    """
    phone, wished = form.text("phone").strip(), form.text("call_at").strip()
    agreed = " ".join(form.node["consent"]["call"].text("").split())
    texts = [" ".join(line.split()) for line in settings.get("callback_consent", "").splitlines() if line.strip()]
    if not phone and not wished and not (agreed and texts):
        return None
    if not texts:
        form.problems["phone" if phone else "call_at"] = "is not asked for by this form"
        return None
    before = len(form.problems)
    number, shown = _number(form, phone, settings.get("callback_region", ""))
    at, when = _time(form, wished, settings.get("callback_zone") or "UTC", now)
    if not agreed:
        form.problems["consent"] = "to the call is missing"
    elif agreed not in texts:
        form.problems["consent"] = "to the call has other words than the form's"
    if len(form.problems) > before:
        return None
    facts = {
        "Telephone": shown,
        "Call back at": when,
        "Consent to the call": f"“{agreed}”, given on {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return Callback(number, at, facts)


def _number(form: Form, phone: str, region: str) -> tuple[str, str]:
    """Return the number in E.164 and as an agent reads it, with its country."""
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType

    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError("the endpoint's setting “callback_region” is no country's two letters")
    if not phone:
        form.problems["phone"] = "is missing"
        return "", ""
    try:
        found = phonenumbers.parse(phone, region or None) if len(phone) <= LONGEST else None
    except phonenumbers.NumberParseException as error:
        abroad = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        form.problems["phone"] = "needs + and the country's code" if abroad else "is not a telephone number"
        return "", ""
    if found is None or not phonenumbers.is_valid_number(found):
        form.problems["phone"] = "is not a telephone number"
        return "", ""
    # Numbers that cost the caller: a stranger would let the company's agents call their own.
    costly = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER}
    if phonenumbers.number_type(found) in costly:
        form.problems["phone"] = "is a number that costs extra to call"
        return "", ""
    country = phonenumbers.region_code_for_number(found) or "?"
    shown = phonenumbers.format_number(found, PhoneNumberFormat.INTERNATIONAL)
    return phonenumbers.format_number(found, PhoneNumberFormat.E164), f"{shown} ({country})"


def _time(form: Form, wished: str, zone: str, now: datetime) -> tuple[datetime | None, str]:
    """Return the wished time in UTC and as an agent reads it; none is as soon as possible."""
    from zoneinfo import ZoneInfo

    try:
        here = ZoneInfo(zone)
    except (KeyError, OSError, ValueError):  # not found, a folder, or no name at all
        raise ConfigurationError("the endpoint's setting “callback_zone” is no time zone") from None
    if not wished:
        return None, AS_SOON_AS_POSSIBLE
    try:
        found = datetime.fromisoformat(wished if len(wished) <= LONGEST else "")
        at = (found if found.tzinfo else found.replace(tzinfo=here)).astimezone(UTC)
        local = at.astimezone(here)
    except (ValueError, OverflowError):
        form.problems["call_at"] = "is not a time such as 2026-12-01T10:30"
        return None, ""
    if at < now:
        form.problems["call_at"] = "is in the past"
    elif at - now > FURTHEST:
        form.problems["call_at"] = f"is more than {FURTHEST.days} days ahead"
    exact = "" if zone == "UTC" else f" ({at:%Y-%m-%d %H:%M} UTC)"
    return at, f"{local:%A} {local:%Y-%m-%d %H:%M} {zone}{exact}"
