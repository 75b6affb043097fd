"""A planted outage in a soak: a dozen customers write of one trouble, and an operator tells them what is new.

It is played between two spells of the helpdesk, while workers die. What must come of it: one incident, about the
service that they name, found before the last of them wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from sandbox.northwind.books import Books, Promise
from sandbox.northwind.history import put_usual_trouble
from sandbox.northwind.morning import OUTAGE_SCENE, tell_members
from sandbox.northwind.traffic import Traffic

BEGIN = 0.34  # part of the messages after which the outage begins: the helpdesk works, and most of the backlog is filed
CUSTOMERS = 12  # who write of it
PAUSE = 1.0  # seconds between two of them
USUAL_TROUBLE = 50_000  # customers an hour with any trouble: a soak is a very busy company's
LOOKS = 180  # for the incident, a second or more apart: the helpdesk may fail meanwhile, and then nothing is counted
PATIENCE = 600.0  # seconds for the operator's words


class Drill:
    """Plays it beside `traffic`; `company` must have incidents watched for."""

    def __init__(self, traffic: Traffic) -> None:
        """Take the soak's script as it is."""
        self._traffic = traffic
        self._play = next(each.play for each in traffic.scenes if getattr(each.play, "__name__", "") == OUTAGE_SCENE)
        self._operator: threading.Thread | None = None

    def remember(self) -> None:
        """Have so much trouble of no one service be usual that the soak's other messages are no rise."""
        put_usual_trouble(self._traffic.company.table, "company", USUAL_TROUBLE, datetime.now(UTC))

    def move(self, part: float) -> None:
        """Begin it when its time has come; `part` of the messages are written."""
        if self._operator is not None or part < BEGIN:
            return
        for number in range(CUSTOMERS):
            self._traffic.later(number * PAUSE, self._play)
        company = self._traffic.company
        self._operator = threading.Thread(target=tell_members, args=(company, LOOKS), daemon=True, name="operator")
        self._operator.start()

    def end(self) -> None:
        """Wait until the operator has said what is new."""
        if self._operator is not None:
            self._operator.join(PATIENCE)

    def promise(self, books: Books) -> Promise:
        """Return what was promised of the outage, from the incidents in the table."""
        promise = Promise("A planted outage is one incident, and its customers hear of it", len(books.incidents))
        promise.broken += self._faults(books)
        return promise

    def _faults(self, books: Books) -> Iterator[str]:
        if len(books.incidents) != 1:
            yield f"{len(books.incidents)} incidents: {', '.join(each.about for each, _ in books.incidents) or 'none'}"
        for found, members in books.incidents:
            if found.customers > CUSTOMERS:
                yield f"{found.about} was found only when {found.customers} customers had written of it"
            if len(members) < CUSTOMERS:
                yield f"{found.about} has {len(members)} of {CUSTOMERS} customers linked"
            if not found.updates:
                yield f"nobody was told what is new about {found.about}"
