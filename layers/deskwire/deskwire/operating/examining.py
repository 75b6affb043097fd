"""Test a helpdesk by a round trip: check what can be read, then open a marked test ticket, read it back, clean up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from deskwire.contracts.connector import Reach
from deskwire.contracts.helpdesk import Closes, Helpdesk, PollsTickets, Redacts, TicketGone
from deskwire.contracts.registration import Site, State
from deskwire.conversation.registrations import check_registration
from deskwire.model.errors import ConfigurationError, DeskwireError, PermanentError, TemporaryError
from deskwire.model.tickets import Customer, Entry, Filed, Sought, Ticket

SUBJECT = "Deskwire test: please ignore"
TAG = "deskwire-test"
WORDS = "This is a test of the connection, made by `deskwire doctor`. Ünïcødé 😀 <b>no markup</b>."
NOTE = "A note of the same test, for agents only."
CUSTOMER = Customer(external_id="deskwire-doctor", name="Deskwire Test", channel="doctor")
LOOKS = 4  # for what was just written: some helpdesks' indexes lag


class UnexpectedError(DeskwireError):
    """The helpdesk does not behave as its connector declares."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step and its result: True, False, or None if it was skipped. `mend` says what to do."""

    name: str
    good: bool | None
    said: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Tests one helpdesk. `run` is this test's id; `pause` sleeps for seconds between two reads."""

    helpdesk: Helpdesk
    reach: Reach
    run: str
    site: Site = field(default_factory=Site)
    pause: Callable[[float], None] = lambda _seconds: None

    def read(self) -> Iterator[Step]:
        """Yield the steps that change nothing. Continue with `write` only if none of them failed."""
        try:
            findings = check_registration(self.helpdesk, self.site, self.reach)
        except DeskwireError as error:
            findings = []
            yield Step("webhook and rights", good=False, said=str(error), mend=_mend(error))
        for each in findings:
            good = {State.RIGHT: True, State.UNKNOWN: None, State.LIMITED: None}.get(each.state, False)
            mend = "" if good else each.remedy or "`deskwire apply` sets it right"
            yield Step(each.what, good, each.text.removeprefix(f"{each.what}: "), mend)
        if self.helpdesk.abilities.find_open:
            yield _step("sign in and look for a ticket", self._nothing)
        if isinstance(self.helpdesk, PollsTickets):
            polls = self.helpdesk
            yield _step("look for agents' answers", lambda: f"from {polls.poll('', self.reach).cursor or 'now'} on")

    def write(self) -> Iterator[Step]:
        """Yield the steps of the round trip. A test ticket that was opened is closed, whatever fails in between."""
        opened: list[Filed] = []
        yield _step("open a ticket", lambda: self._open(opened))
        if not opened:
            return
        (filed,) = opened
        places = dict(filed.entries)
        yield _step("add a message and a note", lambda: self._append(filed, places))
        if self.helpdesk.abilities.find_open:
            yield _step("find the ticket by its key", lambda: self._found(self._sought("open"), filed))
        if self.helpdesk.abilities.find_append:
            sought = self._sought("message", filed.ticket)
            yield _step("find the message by its key", lambda: self._found(sought, filed))
        yield _step("read answers, and take none of ours for one", lambda: self._replies(filed))
        if isinstance(self.helpdesk, Redacts):
            redacts = self.helpdesk
            yield _step("take the words out again", lambda: self._redact(redacts, filed, places))
        yield self._closed(filed)

    # ------------------------------------------------------------------------------------------------ the steps

    def _key(self, what: str) -> str:
        return f"doctor/{self.run}/{what}"

    def _sought(self, what: str, ticket: str = "") -> Sought:
        since = self.reach.now - timedelta(minutes=5)
        return Sought(key=self._key(what), ticket=ticket, thread=self._key(""), customer=CUSTOMER, since=since)

    def _entry(self, what: str, body: str, contact: str = "", *, public: bool = True) -> Entry:
        return Entry(
            key=self._key(what), body=body, written_at=self.reach.now, public=public, author=CUSTOMER.name,
            contact=contact,
        )  # fmt: skip

    def _nothing(self) -> str:
        found = self.helpdesk.find(self._sought("nothing"), self.reach)
        if found is not None:
            raise UnexpectedError(f"it finds ticket {found.ticket} for a key that was never used")
        return "signed in; there is none, as it should be"

    def _open(self, opened: list[Filed]) -> str:
        ticket = Ticket(
            key=self._key("open"), thread=self._key(""), reference="TEST-00000", subject=SUBJECT, customer=CUSTOMER,
            entries=(self._entry("first", WORDS),), priority="low", tags=(TAG,),
        )  # fmt: skip
        opened.append(self.helpdesk.open(ticket, self.reach))
        return f"ticket {opened[0].ticket}"

    def _append(self, filed: Filed, places: dict[str, str]) -> str:
        """Add the entries one by one: not every helpdesk takes several at once."""
        message = self._entry("message", WORDS, filed.contact)
        for entry in (message, self._entry("note", NOTE, filed.contact, public=False)):
            places.update(self.helpdesk.append(filed.ticket, self._key(""), [entry], self.reach).entries)
        return f"both are in ticket {filed.ticket}"

    def _found(self, sought: Sought, filed: Filed) -> str:
        for look in range(LOOKS):
            if look:
                self.pause(2.0**look)
            found = self.helpdesk.find(sought, self.reach)
            if found is None:
                continue
            if found.ticket != filed.ticket:
                raise UnexpectedError(f"it finds ticket {found.ticket} instead of {filed.ticket}")
            return f"ticket {found.ticket}"
        raise UnexpectedError("it is not found: after doubt it would be written a second time")

    def _replies(self, filed: Filed) -> str:
        if self.helpdesk.abilities.tells:
            return "answers are told, not read"
        if ours := self.helpdesk.replies(filed.ticket, "", self.reach):
            raise UnexpectedError(f"{len(ours)} of our own messages would be sent to the customer as agents' answers")
        return "there is none, as it should be"

    def _redact(self, redacts: Redacts, filed: Filed, places: dict[str, str]) -> str:
        ids = [place for key, place in places.items() if key != self._key("note")]
        gone = [redacts.redact(filed.ticket, place, self.reach) for place in ids]
        return f"{sum(gone)} of {len(gone)} messages"

    def _closed(self, filed: Filed) -> Step:
        if not isinstance(self.helpdesk, Closes):
            words = f"close ticket {filed.ticket} (“{SUBJECT}”) by hand"
            return Step("close the ticket", None, f"{self.helpdesk.title} cannot be told to", words)
        closes = self.helpdesk

        def close() -> str:
            closes.close(filed.ticket, self.reach)
            return f"ticket {filed.ticket} is solved"

        return _step("close the ticket", close)


def _step(name: str, act: Callable[[], str]) -> Step:
    try:
        return Step(name, good=True, said=act())
    except (DeskwireError, TicketGone) as error:
        return Step(name, good=False, said=str(error), mend=_mend(error))


def _mend(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return "mend what it names, then run this again"
    if isinstance(error, TemporaryError):
        return "see the helpdesk's status page; run this again in some minutes"
    if isinstance(error, PermanentError):
        return "compare required fields, rights and the plan with the helpdesk's page in docs/helpdesks/"
    return "report it with the helpdesk's version: its connector has to be mended"
