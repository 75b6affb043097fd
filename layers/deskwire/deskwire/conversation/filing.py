"""File messages in the ticket: open it or append to it, and after doubt look before anything is repeated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from deskwire.contracts.channel import Profiles
from deskwire.contracts.helpdesk import Closes, Redacts, TicketGone, Updates
from deskwire.model.errors import ConfigurationError, DeskwireError, PermanentError, TemporaryError
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose
from deskwire.model.tickets import Entry, Filed, Sought
from deskwire.model.values import replace
from deskwire.ports import Clock
from deskwire.timing import STOP_AFTER

from . import wording
from .case import Case
from .decide import Pending, Plan, begins, end
from .entries import Entries, apart, assess, groups
from .incidents import written
from .ledger import UNDELIVERED
from .recorded import AUTOMATIC, Outcome, Recorded
from .remembering import Remembering
from .spoken import visible
from .table import seconds
from .turn import Turn

CONTINUED = frozenset({"closed", "full", "inaccessible"})  # states of a ticket whose follow-up names it
MOST_ASKED = 5  # doubtful messages looked for in one turn: each takes up to half a dozen requests


@dataclass(frozen=True, slots=True)
class Filing:
    """Files the messages of a turn."""

    entries: Entries
    clock: Clock
    opened: Callable[[Turn], None]  # called right after a ticket was opened

    @property
    def _remembering(self) -> Remembering:
        return Remembering(self.entries, self.clock)

    def file(self, turn: Turn, plan: Plan) -> None:
        """File the plan's messages, or as many as a turn has time for; the rest stay pending.

        Raises `TemporaryError` and `ConfigurationError`; the turn keeps what was done by then.
        """
        if turn.away:
            self._elsewhere(turn, self._without_found(turn, plan.file))
            return
        # A message that is found counts as filed: the deletion or erasure after it takes it out again.
        self._recall(turn, plan)
        doubted = plan.doubted[:MOST_ASKED]
        needless = {item.message.key: ended for item, ended in doubted}
        left = self._without_found(turn, [item for item, _ in doubted])
        turn.outcomes += [needless[item.message.key] for item in left]
        first = _first(plan.file, MOST_ASKED - len(doubted))
        items = self._without_found(turn, first)
        previous = turn.thread.ticket
        if plan.follow_up:
            items = self._followed_up(turn, items, more=len(first) < len(plan.file))
        words, following = apart(items)
        words = self._elsewhere(turn, words)
        self._unite(turn, _still_joined(turn, first, words) | _joined(plan.file))
        self._append(turn, words, follow_up_of="" if previous == turn.thread.ticket else previous)
        self._attach(turn, following)

    def _followed_up(self, turn: Turn, items: list[Pending], *, more: bool) -> list[Pending]:
        """Leave the ticket, and return what is still to be filed; nothing if the next ticket is in another helpdesk."""
        if not items:
            if more:
                turn.leave_unfiled()  # the rest still belongs in the follow-up
            return items
        turn.follow_up()
        return [] if turn.leaves else self._without_found(turn, items)

    def _recall(self, turn: Turn, plan: Plan) -> None:
        """Add the note on earlier tickets if the worker that opened this ticket stopped before it did."""
        if turn.thread.recall and plan.file:
            self._remembering.leave(turn, plan.file[0], None)

    def _without_found(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """Look for the doubtful items in the ticket, record those found as filed, and return the others.

        Call it for each ticket that they may be in: the present one, the one it was merged into, its follow-up.
        """
        if not any(item.doubtful for item in items):
            return list(items)
        if not (turn.thread.ticket or turn.away) and turn.helpdesk.abilities.find_open:
            self._find_ticket(turn, items)
        left: list[Pending] = []
        for item in items:
            found = self._found_entry(turn, item) if item.doubtful else None
            if found is None:
                left.append(item)
            else:
                self.entries.resume(turn, item)
                self._filed(turn, [item], found)
        return left

    def _find_ticket(self, turn: Turn, items: Sequence[Pending]) -> None:
        """Look for a ticket that an earlier attempt may have opened with one of these items."""
        item = next(item for item in items if item.doubtful)
        found = self._found(turn, item, compose("open", turn.thread.filing_key), "")
        if found is not None:
            turn.move(found.ticket)
            turn.begin(_case(turn, item))
            self._remembering.leave(turn, item, None)
            self.opened(turn)

    def _found_entry(self, turn: Turn, item: Pending) -> Filed | None:
        """Return where a message is in its ticket; None if it is not there or the helpdesk cannot be asked."""
        ticket = item.message.ticket or turn.thread.ticket
        asks = ticket and turn.helpdesk.abilities.find_append
        return self._found(turn, item, item.filed_as or item.message.key, ticket) if asks else None

    def _found(self, turn: Turn, item: Pending, key: str, ticket: str) -> Filed | None:
        """Ask the helpdesk for a key. If it refuses, return None: filing twice is better than not at all."""
        sought = Sought(
            key=key,
            ticket=ticket,
            thread=turn.thread.filing_key,
            customer=self.entries.customer(turn, item),
            since=item.message.since,
        )
        try:
            return turn.helpdesk.find(sought, turn.inside)
        except (PermanentError, TicketGone):
            return None

    def _unite(self, turn: Turn, joined: Mapping[str, str]) -> None:
        """Note what is about to be filed in one entry: after doubt, an attempt looks for that entry only."""
        if joined != turn.thread.joined:
            self.entries.ledger.unite(turn.thread, joined)
            turn.unite(joined)

    def _refuse(self, turn: Turn, item: Pending, error: PermanentError, follow_up_of: str = "") -> None:
        """End a message that the helpdesk refuses. For an album, try each part by itself."""
        if not item.parts:
            turn.outcomes.append(end(item.message, Outcome.REFUSED, f"the helpdesk does not take it: {error}"))
            return
        parts = {each.message.key for each in item.parts}
        self._unite(turn, {key: first for key, first in turn.thread.joined.items() if key not in parts})
        self._append(turn, item.members, follow_up_of=follow_up_of)

    def _elsewhere(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """File items that belong to earlier tickets there; return those for the present ticket."""
        left: list[Pending] = []
        for item in items:
            ticket = item.message.ticket
            if not turn.away and ticket in {"", turn.thread.ticket}:
                left.append(item)
                continue
            try:
                filed = turn.helpdesk.append(
                    ticket, turn.thread.filing_key, [self.entries.entry(turn, item)], turn.inside
                )
            except (TemporaryError, ConfigurationError) as error:
                turn.blame(error, [item.message.key])
                raise
            except (PermanentError, TicketGone) as error:
                if item.message.reminder:
                    turn.outcomes.append(end(item.message, Outcome.SUPPRESSED, "its ticket is closed"))
                    continue
                if turn.away:
                    turn.outcomes.append(end(item.message, Outcome.REFUSED, f"the helpdesk does not take it: {error}"))
                    continue
                left.append(item)  # better in the present ticket, even if it opens one, than nowhere
            else:
                turn.file([_filed(item.message, filed)])
        return left

    def _open(self, turn: Turn, item: Pending, *, follow_up_of: str = "") -> None:
        """Open the ticket with one message only, so that a repeated request has the same bytes."""
        self._head(turn)
        self._introduce(turn, item)
        noted = self._remembering.before(turn, item)
        ticket = self.entries.ticket(turn, item, follow_up_of)
        try:
            filed = turn.helpdesk.open(ticket, turn.inside)
        except (TemporaryError, ConfigurationError) as error:
            turn.blame(error, _keys([item]))
            raise
        except PermanentError as error:
            self._refuse(turn, item, error, follow_up_of)
            return
        turn.open(filed, _case(turn, item))
        self._remembering.leave(turn, item, noted)
        self._filed(turn, [item], replace(filed, changed=True))
        self.opened(turn)

    def _head(self, turn: Turn) -> None:
        """Note in which helpdesk a ticket is opened, if that changed: after doubt, the ticket is looked for there."""
        if turn.thread.opens_in not in {"", turn.definition.name}:
            turn.opens_in(turn.definition.name)
            self.entries.ledger.head(turn.thread)

    def _introduce(self, turn: Turn, item: Pending) -> None:
        """Ask the platform for the customer's name, once, if the event has none."""
        event = item.event
        known = turn.first.customer() if turn.first is not None else None
        if known is not None and (not turn.thread.author or turn.thread.is_of([known.id])):  # asked about before
            turn.introduce(known)
        author = turn.author(event) if event is not None and not event.own else None
        if author is not None and not visible(author.name) and isinstance(turn.channel, Profiles):
            turn.introduce(turn.channel.profile(author, turn.outside))

    def _append(self, turn: Turn, items: Sequence[Pending], *, follow_up_of: str = "") -> None:
        """Append to the ticket, or open one. If the first message is refused, the next one opens it."""
        if not items:
            return
        first = items[0].message
        if not turn.thread.ticket and not (
            items[0].event or begins(items[0]) or first.ticket or turn.mirrors
        ):  # the message it is about was refused; in a mirror, it was filed before the mirror began
            turn.outcomes.append(end(first, Outcome.SUPPRESSED, "a note without a ticket"))
            self._append(turn, items[1:], follow_up_of=follow_up_of)
            return
        if not turn.thread.ticket:
            self._open(turn, items[0], follow_up_of=follow_up_of)
            self._append(turn, items[1:], follow_up_of=follow_up_of)
            return
        for group in groups(items, turn.helpdesk.abilities):
            self._append_group(turn, group)

    def _append_group(self, turn: Turn, group: list[Pending]) -> None:
        moved = turn.leaves and not turn.thread.ticket
        if moved or (turn.outcomes and self.clock() - turn.now > STOP_AFTER):
            return
        entries = self.entries.entries(turn, group)
        group, rest = group[: len(entries)], group[len(entries) :]
        self._append_entries(turn, group, entries)
        del entries  # and their attachments
        if rest:
            self._append(turn, rest)

    def _attach(self, turn: Turn, items: Sequence[Pending]) -> None:
        """Add attachments and notes that follow their message, an entry each; those not available yet stay missing."""
        for number, item in enumerate(items):
            if not turn.thread.ticket or (number and self.clock() - turn.now > STOP_AFTER):
                return
            if item.message.recalls:
                noted = self._remembering.step(turn, item)
                if noted is not None:
                    self._append_entries(turn, [noted], [self.entries.entry(turn, noted)])
                continue
            entry = self.entries.following(turn, item)
            if entry is not None:
                self._append_entries(turn, [item], [entry])

    def _append_entries(self, turn: Turn, group: list[Pending], entries: list[Entry]) -> None:
        thread = turn.thread
        try:
            filed = turn.helpdesk.append(thread.ticket, thread.filing_key, entries, turn.inside)
        except TicketGone as gone:
            self._gone(turn, group, gone)
            return
        except (TemporaryError, ConfigurationError) as error:
            turn.blame(error, _keys(group))
            raise
        except PermanentError as error:
            if len(group) > 1:
                for item in group:
                    self._append_group(turn, [item])
                return
            self._refuse(turn, group[0], error)
            return
        turn.count_update()
        self._remap(turn, filed.ticket)
        self._filed(turn, group, filed)

    def _filed(self, turn: Turn, items: Sequence[Pending], filed: Filed) -> None:
        """Record that these are in the ticket, after redacting, changing and solving it as they ask.

        If the deleted words could not be redacted now, or the ticket not be changed, the message stays pending in
        doubt: the next turn finds its entry and does the rest.
        """
        for item in items:
            try:
                self._redact(turn, item)
                self._change(turn, item, made=filed.changed)
                self._solve(turn, item)
            except (TemporaryError, ConfigurationError) as error:
                turn.trouble = turn.trouble or error
                turn.begun.update(_keys([item]))
            else:
                trouble = "" if turn.mirrors else written(item.event, assess(turn, item.event).trouble)
                message = dataclasses.replace(item.message, trouble=trouble)
                # A visitor may type any address: an automatic text that it bounces is not a lost answer.
                reason = AUTOMATIC if item.undelivered.key.startswith(wording.AUTOMATIC) else ""
                turn.file([_filed(message, filed, reason), *(_with(each.message, filed) for each in item.parts)])
                if item.undelivered.key and item.event is not None:
                    turn.settle(item.undelivered.key, UNDELIVERED, item.undelivered.ids, item.event.text)

    def _gone(self, turn: Turn, group: list[Pending], gone: TicketGone) -> None:
        """Follow a merged ticket; open another one for a closed, full, inaccessible or deleted ticket."""
        if gone.state == "merged" and gone.into and gone.into != turn.thread.ticket:
            self._remap(turn, gone.into)
            turn.join(gone.at)
            self._append(turn, self._without_found(turn, group))
            return
        group = _without_needless(turn, group)
        if not group:
            return
        previous = turn.thread.ticket if gone.state in CONTINUED else ""
        turn.follow_up()
        if turn.leaves:
            return
        self._append(turn, self._without_found(turn, group), follow_up_of=previous)

    def _remap(self, turn: Turn, ticket: str) -> None:
        if ticket and ticket != turn.thread.ticket:
            turn.move(ticket)
            turn.remapped = True

    def _redact(self, turn: Turn, item: Pending) -> None:
        """Redact a deleted message in its ticket, if the helpdesk can."""
        event = item.event
        if event is None or event.kind is not Kind.DELETION or not isinstance(turn.helpdesk, Redacts):
            return
        for each in self._taken_back(turn, item, event):
            if not each.entry or each.key == item.message.key:
                continue
            try:
                turn.helpdesk.redact(each.ticket or turn.thread.ticket, each.entry, turn.inside)
            except (PermanentError, TicketGone):
                continue  # the note about the deletion stands in the ticket

    def _change(self, turn: Turn, item: Pending, *, made: bool) -> None:
        """Raise the ticket's priority and add tags as the message asks, unless the change was `made` already.

        Each change is made once, as agents may set it back. Raises `TemporaryError` if the message can be found again.
        """
        helpdesk, change = turn.helpdesk, self.entries.change(turn, item)
        if not change or not isinstance(helpdesk, Updates):
            return
        if not made:
            try:
                helpdesk.update(turn.thread.ticket, change, turn.inside)
            except TicketGone:  # the next message opens another, with hints of its own
                return
            except DeskwireError as error:
                if isinstance(error, TemporaryError) and turn.helpdesk.abilities.find_append:
                    raise
                turn.note(compose("change", item.message.key), wording.unchanged(change, str(error)))
            turn.count_update()
        turn.change(change)

    def _solve(self, turn: Turn, item: Pending) -> None:
        """Solve the ticket if a note asks for it, unless the customer or an agent has written since.

        Raises `TemporaryError` and `ConfigurationError`.
        """
        wanted, helpdesk = item.message.solves, turn.helpdesk
        if wanted != turn.thread.reply_to or not wanted or turn.thread.answered_at > turn.thread.rested_at:
            return
        if not isinstance(helpdesk, Closes):
            return
        try:
            helpdesk.close(turn.thread.ticket, turn.inside)
        except (TicketGone, PermanentError) as error:
            turn.note(compose("solve", item.message.key), wording.unsolved(str(error)))
        else:
            turn.solve(item.message.key)

    def _taken_back(self, turn: Turn, item: Pending, event: Event) -> list[Recorded]:
        """Return the records that a deletion takes back, including those filed in this turn."""
        filed = [each for each in turn.outcomes if each.event is not None and each.event.object_id == event.object_id]
        original = [item.original] if item.original is not None else []
        return list({each.key: each for each in (*original, *item.earlier, *filed)}.values())


def _case(turn: Turn, item: Pending) -> Case | None:
    """Return the case of a ticket opened with this message; None for an incident's own ticket."""
    if item.event is None:
        return None
    hints = assess(turn, item.event)
    since = seconds(datetime.fromisoformat(item.message.received_at))
    return Case(since, hints.language, hints.priority, hints.kind)


def _without_needless(turn: Turn, group: Sequence[Pending]) -> list[Pending]:
    """End the notes that only the closed ticket needed, and return the rest. An incident's note opens no ticket."""
    kept: list[Pending] = []
    opens = any(begins(item) for item in group)
    for item in group:
        if item.message.reminder or (item.message.notice is not None and not opens):
            turn.outcomes.append(end(item.message, Outcome.SUPPRESSED, "its ticket is closed"))
        else:
            kept.append(item)
    return kept


def _first(items: Sequence[Pending], most: int) -> list[Pending]:
    """Return the longest prefix with at most `most` doubtful items."""
    counted = accumulate(item.doubtful for item in items)
    return [item for item, doubtful in zip(items, counted, strict=True) if doubtful <= most]


def _keys(items: Sequence[Pending]) -> list[str]:
    """Return the keys of all messages in these items, of albums each part."""
    return [each.message.key for item in items for each in item.members]


def _still_joined(turn: Turn, handled: Sequence[Pending], filing: Sequence[Pending]) -> dict[str, str]:
    """Return the joined parts of earlier attempts that stay noted.

    These are messages that this turn does not handle, unless their album's first message is filed now without them.
    """
    gone, anew = set(_keys(handled)), set(_keys(filing))
    return {key: first for key, first in turn.thread.joined.items() if key not in gone and first not in anew}


def _joined(items: Sequence[Pending]) -> dict[str, str]:
    """Return for each further part of an album the key of its first message."""
    return {each.message.key: item.message.key for item in items for each in item.parts}


def _with(message: Recorded, filed: Filed) -> Recorded:
    """Return a further part of an album as filed. It has no entry of its own: redacting the first removes them all."""
    return end(message, Outcome.FILED, "in one entry with the first of its album", ticket=filed.ticket)


def _filed(message: Recorded, filed: Filed, reason: str = "") -> Recorded:
    return end(message, Outcome.FILED, reason, ticket=filed.ticket, entry=filed.entries.get(message.key, ""))
