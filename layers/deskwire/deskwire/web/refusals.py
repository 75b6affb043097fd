"""Read from a vendor's refusal how long to wait, and its machine-readable codes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

LONGEST_WAIT = 86_400.0  # seconds; who names more is asked again tomorrow
CODE = re.compile(r"(?![0-9]{11})[A-Za-z0-9_.:-]{1,64}")  # no code has so many digits; a person's number has


def wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the headers (by lower-case name) ask us to wait, None if they do not say.

    `Retry-After` is seconds or a date (RFC 9110 §10.2.3), the others are seconds or a Unix time, as the magnitude
    shows: Zendesk's `ratelimit-reset` is seconds, X's `x-rate-limit-reset` is a Unix time.
    """
    now = _date(headers.get("date", "")) or time.time()
    given = headers.get("retry-after", "").strip()
    if "," in given and _date(given) is None:  # a proxy joined two of them
        given = max((part.strip() for part in given.split(",")), key=lambda part: (len(part), part))
    if given and (moment := _date(given)) is not None:
        return _bounded(moment - now)
    if (
        headers.get("x-user-limit-24hour-remaining", "").strip() == "0"
    ):  # X: the day's budget is spent, not the quarter's
        given = given or headers.get("x-user-limit-24hour-reset", "").strip()
    resets = ("x-ratelimit-reset-after", "ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
    for text in (given, *(headers.get(name, "").strip() for name in resets)):
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
            seconds = float(text)
            if seconds > 1e12:  # milliseconds
                seconds /= 1000
            return _bounded(seconds - now if seconds > 1e9 else seconds)
    return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _date(text: str) -> float | None:
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def vendor_code(body: bytes) -> str:
    """Return the codes in a vendor's JSON error (`OAuthException/190/463`), or ""."""
    try:
        found: Any = json.loads(body) if len(body) < 65_536 else None
    except (ValueError, RecursionError):
        return ""
    if isinstance(found, dict) and isinstance(found.get("errors"), list | dict) and "error" not in found:
        found = found["errors"]
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    if isinstance(found, list):
        found = next(iter(found), None)
    if not isinstance(found, dict):
        return ""
    names = ("type", "error", "status", "errorType", "code", "error_subcode", "subcode")
    values = (found.get(name) for name in names)
    codes = [str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool)]
    return "/".join(dict.fromkeys(code for code in codes if CODE.fullmatch(code)))
