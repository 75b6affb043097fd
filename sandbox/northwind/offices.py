"""Northwind's two offices. Their hours complement each other, so that at any moment one is open and one is closed.

Reykjavík is open 08:00-20:00, Suva 20:00-08:00 by Reykjavík's clock; neither place has daylight saving. Each is a
policy of `northwind.yaml`.
"""

from __future__ import annotations

from datetime import datetime

REYKJAVIK, SUVA = OFFICES = ("reykjavik", "suva")


def is_open(office: str, moment: datetime) -> bool:
    """Return whether an office is open at a time in UTC, which is Reykjavík's."""
    return (8 <= moment.hour < 20) == (office == REYKJAVIK)


def open_office(moment: datetime) -> str:
    """Return the office that is open."""
    return REYKJAVIK if is_open(REYKJAVIK, moment) else SUVA


def closed_office(moment: datetime) -> str:
    """Return the office that is closed."""
    return SUVA if is_open(REYKJAVIK, moment) else REYKJAVIK
