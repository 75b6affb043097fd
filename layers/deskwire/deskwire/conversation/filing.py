"""Into the ticket: open it, extend it, and after doubt ask before anything is repeated."""

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
MOST_ASKED = 5  # messages of one turn that may be in the ticket: to look for one takes up to half a dozen requests


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
        """File what the plan says, or as much as a turn has time for; the rest stays pending.

        Raises `TemporaryError` and `ConfigurationError`; what was done stays noted.
        """
        if turn.away:
            self._elsewhere(turn, self._without_found(turn, plan.file))
            return
        # What is found counts as filed: the deletion or erasure after it takes it out again.
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
        """Leave the ticket, and return what is still to be filed now; where the next one is elsewhere, nothing is."""
        if not items:
            if more:
                turn.leave_unfiled()  # the rest belongs into the follow-up all the same
            return items
        turn.follow_up()
        return [] if turn.leaves else self._without_found(turn, items)

    def _recall(self, turn: Turn, plan: Plan) -> None:
        """Add the note on earlier tickets where the worker that opened this one did not live to do so."""
        if turn.thread.recall and plan.file:
            self._remembering.leave(turn, plan.file[0], None)

    def _without_found(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """Return what is still to be filed, after asking about what may have been.

        To be asked for each ticket that it may have gone to: the one it was, its survivor, its follow-up.
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
        """Look for a ticket that an earlier attempt may have opened, with one of these."""
        item = next(item for item in items if item.doubtful)
        found = self._found(turn, item, compose("open", turn.thread.filing_key), "")
        if found is not None:
            turn.move(found.ticket)
            turn.begin(_case(turn, item))
            self._remembering.leave(turn, item, None)
            self.opened(turn)

    def _found_entry(self, turn: Turn, item: Pending) -> Filed | None:
        """Look for a message in the ticket that it may be in."""
        ticket = item.message.ticket or turn.thread.ticket
        asks = ticket and turn.helpdesk.abilities.find_append
        return self._found(turn, item, item.filed_as or item.message.key, ticket) if asks else None

    def _found(self, turn: Turn, item: Pending, key: str, ticket: str) -> Filed | None:
        """Ask what a key became; a helpdesk that refuses to tell leaves it open, and repeating is the lesser evil."""
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
        """Note what is about to be filed in one entry: an attempt after doubt asks for that entry alone."""
        if joined != turn.thread.joined:
            self.entries.ledger.unite(turn.thread, joined)
            turn.unite(joined)

    def _refuse(self, turn: Turn, item: Pending, error: PermanentError, follow_up_of: str = "") -> None:
        """End what the helpdesk never takes. Of an album, each part may be taken by itself."""
        if not item.parts:
            turn.outcomes.append(end(item.message, Outcome.REFUSED, f"the helpdesk does not take it: {error}"))
            return
        parts = {each.message.key for each in item.parts}
        self._unite(turn, {key: first for key, first in turn.thread.joined.items() if key not in parts})
        self._append(turn, item.members, follow_up_of=follow_up_of)

    def _elsewhere(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """Write notes on answers into the earlier tickets that these stand in; return what is for the present one."""
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
                left.append(item)  # better in another ticket, and if it has one to itself, than nowhere
            else:
                turn.file([_filed(item.message, filed)])
        return left

    def _open(self, turn: Turn, item: Pending, *, follow_up_of: str = "") -> None:
        """Open the ticket with one message: so a repeated request has the same bytes, whatever came since."""
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
        """Note where a ticket is opened, unless the thread says so: after a move an attempt in doubt is looked for."""
        if turn.thread.opens_in not in {"", turn.definition.name}:
            turn.opens_in(turn.definition.name)
            self.entries.ledger.head(turn.thread)

    def _introduce(self, turn: Turn, item: Pending) -> None:
        """Ask the platform for the customer's name, once, where the event has none."""
        event = item.event
        known = turn.first.customer() if turn.first is not None else None
        if known is not None and (not turn.thread.author or turn.thread.is_of([known.id])):  # asked about before
            turn.introduce(known)
        author = turn.author(event) if event is not None and not event.own else None
        if author is not None and not visible(author.name) and isinstance(turn.channel, Profiles):
            turn.introduce(turn.channel.profile(author, turn.outside))

    def _append(self, turn: Turn, items: Sequence[Pending], *, follow_up_of: str = "") -> None:
        """Extend the ticket, or open one. Where the first message is refused, the next one may be taken."""
        if not items:
            return
        first = items[0].message
        if not turn.thread.ticket and not (
            items[0].event or begins(items[0]) or first.ticket or turn.mirrors
        ):  # what it is about was refused; of a mirror, it was filed before there was one
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
        """Add what follows its message, each as an entry of its own; what cannot be had yet stays missing."""
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
        """Note that these are in the ticket; a deletion once the words are out of it, too.

        A deletion whose words could not be taken out now stays pending: it is found then, and they are. So does a
        message whose change of the ticket could not be made.
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
                # A visitor may type any address: what was answered automatically to it is no answer that was lost.
                reason = AUTOMATIC if item.undelivered.key.startswith(wording.AUTOMATIC) else ""
                turn.file([_filed(message, filed, reason), *(_with(each.message, filed) for each in item.parts)])
                if item.undelivered.key and item.event is not None:
                    turn.settle(item.undelivered.key, UNDELIVERED, item.undelivered.ids, item.event.text)

    def _gone(self, turn: Turn, group: list[Pending], gone: TicketGone) -> None:
        """Follow a merged ticket; open another for a closed, full, inaccessible or deleted one."""
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
        """Take a deleted message's words out of the ticket that they are in, where the helpdesk can."""
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
        """Raise the ticket's priority and add tags, as a customer's words ask, unless that is `made` already.

        Each is asked for once: agents may set it back. Raises `TemporaryError` where the message can be found again.
        """
        helpdesk, change = turn.helpdesk, self.entries.change(turn, item)
        if not change or not isinstance(helpdesk, Updates):
            return
        if not made:
            try:
                helpdesk.update(turn.thread.ticket, change, turn.inside)
            except TicketGone:  # the next words open another, with hints of their own
                return
            except DeskwireError as error:
                if isinstance(error, TemporaryError) and turn.helpdesk.abilities.find_append:
                    raise
                turn.note(compose("change", item.message.key), wording.unchanged(change, str(error)))
            turn.count_update()
        turn.change(change)

    def _solve(self, turn: Turn, item: Pending) -> None:
        """Solve the ticket where a note asks for that, unless the customer or an agent has gone on since.

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
        """Return what a deletion takes back: also what was filed a moment ago, in this very turn."""
        filed = [each for each in turn.outcomes if each.event is not None and each.event.object_id == event.object_id]
        original = [item.original] if item.original is not None else []
        return list({each.key: each for each in (*original, *item.earlier, *filed)}.values())


def _case(turn: Turn, item: Pending) -> Case | None:
    """Return as what a ticket opened with this message is counted; None for an incident's own."""
    if item.event is None:
        return None
    hints = assess(turn, item.event)
    since = seconds(datetime.fromisoformat(item.message.received_at))
    return Case(since, hints.language, hints.priority, hints.kind)


def _without_needless(turn: Turn, group: Sequence[Pending]) -> list[Pending]:
    """End what a closed ticket alone needed, and return the rest: an incident's note opens no other ticket."""
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
    """Return the keys of all messages that these are made of."""
    return [each.message.key for item in items for each in item.members]


def _still_joined(turn: Turn, handled: Sequence[Pending], filing: Sequence[Pending]) -> dict[str, str]:
    """Return what stays noted of earlier attempts: of messages that this turn does not handle, unless the first message
    of their album is filed now, without them.
    """  # noqa: D205 - one sentence
    gone, anew = set(_keys(handled)), set(_keys(filing))
    return {key: first for key, first in turn.thread.joined.items() if key not in gone and first not in anew}


def _joined(items: Sequence[Pending]) -> dict[str, str]:
    """Return the key of the first message of its album, by the key of each other one."""
    return {each.message.key: item.message.key for item in items for each in item.parts}


def _with(message: Recorded, filed: Filed) -> Recorded:
    """Return a further part of an album. The entry is its first message's: what takes it out takes all of it out."""
    return end(message, Outcome.FILED, "in one entry with the first of its album", ticket=filed.ticket)


def _filed(message: Recorded, filed: Filed, reason: str = "") -> Recorded:
    return end(message, Outcome.FILED, reason, ticket=filed.ticket, entry=filed.entries.get(message.key, ""))
