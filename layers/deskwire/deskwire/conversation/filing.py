"""Into the ticket: open it, extend it, and after doubt ask before anything is repeated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from deskwire.care.measure import cut
from deskwire.care.triage import triage
from deskwire.contracts.channel import Media, MediaHosts, Profiles, Uploads
from deskwire.contracts.helpdesk import Abilities, Redacts, TicketGone
from deskwire.contracts.terms import Unit
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import compose
from deskwire.model.tickets import Customer, Entry, File, Filed, Ticket
from deskwire.ports import Archive, Clock
from deskwire.timing import LONG
from deskwire.web import media

from . import wording
from .decide import Pending, Plan, end
from .recorded import Outcome, Recorded
from .table import seconds
from .thread import Thread
from .turn import Turn, is_inbound

MEDIA_ATTEMPTS = 3  # after which a message is filed without its attachment, and says so
MARGIN = 1500  # bytes that the lines around a customer's words may take
MOST_ASKED = 5  # messages of one turn that may be in the ticket: to look for one takes up to half a dozen requests
FETCHING = timedelta(seconds=20)  # for the attachments of one message
ENOUGH = timedelta(seconds=5)  # of fetching, after which an update takes in no other message
ENOUGH_BYTES = 20 * 1024 * 1024  # of attachments, the same: they are all in memory, in ten threads side by side
FETCHED = frozenset({"image", "audio", "video", "file", "sticker"})


@dataclass(frozen=True, slots=True)
class Filing:
    """Files the messages of a turn. `fetch` gets an attachment by its address (see `media.fetch`)."""

    archive: Archive
    clock: Clock
    fetch: Callable[[str, tuple[str, ...]], File]
    opened: Callable[[Turn], None]  # called right after a ticket was opened

    def file(self, turn: Turn, plan: Plan) -> None:
        """File what the plan says, or as much as a turn has time for; the rest stays pending.

        Raises `TemporaryError` and `ConfigurationError`; what was done stays noted.
        """
        # What is found counts as filed: the deletion or erasure after it takes it out again.
        doubted = plan.doubted[:MOST_ASKED]
        needless = {item.message.key: ended for item, ended in doubted}
        left = self._without_found(turn, [item for item, _ in doubted])
        turn.outcomes += [needless[item.message.key] for item in left]
        first = _first(plan.file, MOST_ASKED - len(doubted))
        items = self._without_found(turn, first)
        previous = turn.thread.ticket
        if plan.follow_up and not items and len(first) < len(plan.file):
            turn.changes.pop("filed_at", None)  # the rest belongs into the follow-up all the same
        if plan.follow_up and items:
            self._follow_up(turn)
            items = self._without_found(turn, items)
        items = self._elsewhere(turn, items)
        self._append(turn, items, follow_up_of="" if previous == turn.thread.ticket else previous)

    def _follow_up(self, turn: Turn) -> None:
        turn.thread = turn.thread.model_copy(update={"ticket": "", "epoch": turn.thread.epoch + 1})

    def _without_found(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """Return what is still to be filed, after asking about what may have been.

        To be asked for each ticket that it may have gone to: the one it was, its survivor, its follow-up.
        """
        thread, helpdesk = turn.thread, turn.helpdesk
        if not any(item.doubtful for item in items):
            return list(items)
        if not thread.ticket and helpdesk.abilities.find_open:
            found = self._found(turn, compose("open", thread.filing_key), "")
            if found is not None:
                turn.thread = thread.model_copy(update={"ticket": found.ticket})
                self.opened(turn)
        left: list[Pending] = []
        for item in items:
            found, ticket = None, item.message.ticket or turn.thread.ticket
            if item.doubtful and ticket and helpdesk.abilities.find_append:
                found = self._found(turn, item.message.key, ticket)
            if found is None:
                left.append(item)
            else:
                self._filed(turn, [item], found)
        return left

    def _found(self, turn: Turn, key: str, ticket: str) -> Filed | None:
        """Ask what a key became; a helpdesk that refuses to tell leaves it open, and repeating is the lesser evil."""
        try:
            return turn.helpdesk.find(key, ticket, turn.thread.filing_key, turn.inside)
        except (PermanentError, TicketGone):
            return None

    def _elsewhere(self, turn: Turn, items: Sequence[Pending]) -> list[Pending]:
        """Write notes on answers into the earlier tickets that these stand in; return what is for the present one."""
        left: list[Pending] = []
        for item in items:
            ticket = item.message.ticket
            if ticket in {"", turn.thread.ticket}:
                left.append(item)
                continue
            try:
                filed = turn.helpdesk.append(ticket, turn.thread.filing_key, [self._entry(turn, item)], turn.inside)
            except TemporaryError as error:
                turn.blame(error, [item.message.key])
                raise
            except (PermanentError, TicketGone):
                left.append(item)  # better in another ticket, and if it has one to itself, than nowhere
            else:
                turn.filed([_filed(item.message, filed)])
        return left

    def _open(self, turn: Turn, item: Pending, *, follow_up_of: str = "") -> None:
        """Open the ticket with one message: so a repeated request has the same bytes, whatever came since."""
        self._introduce(turn, item)
        ticket = self._ticket(turn, item, follow_up_of)
        try:
            filed = turn.helpdesk.open(ticket, turn.inside)
        except TemporaryError as error:
            turn.blame(error, [item.message.key])
            raise
        except PermanentError as error:
            turn.outcomes.append(end(item.message, Outcome.REFUSED, f"the helpdesk does not take it: {error}"))
            return
        turn.thread = turn.thread.model_copy(update={"ticket": filed.ticket, "contact": filed.contact})
        turn.changes |= {"updates": [], "contact": filed.contact}
        self._filed(turn, [item], filed)
        self.opened(turn)

    def _introduce(self, turn: Turn, item: Pending) -> None:
        """Ask the platform for the customer's name, once, where the event brought none."""
        event = item.event
        author = turn.author(event) if event is not None and not event.own else None
        if author is not None and not author.name and isinstance(turn.channel, Profiles):
            turn.introduce(turn.channel.profile(author, turn.outside))

    def _append(self, turn: Turn, items: Sequence[Pending], *, follow_up_of: str = "") -> None:
        """Extend the ticket, or open one. Where the first message is refused, the next one may be taken."""
        if not items:
            return
        if not turn.thread.ticket:
            self._open(turn, items[0], follow_up_of=follow_up_of)
            self._append(turn, items[1:], follow_up_of=follow_up_of)
            return
        for group in _groups(items, turn.helpdesk.abilities):
            self._append_group(turn, group)

    def _append_group(self, turn: Turn, group: list[Pending]) -> None:
        if turn.outcomes and self.clock() - turn.now > LONG:
            return
        entries = self._entries(turn, group)
        group, rest = group[: len(entries)], group[len(entries) :]
        self._append_entries(turn, group, entries)
        del entries  # and their attachments
        if rest:
            self._append(turn, rest)

    def _append_entries(self, turn: Turn, group: list[Pending], entries: list[Entry]) -> None:
        keys = [item.message.key for item in group]
        thread = turn.thread
        try:
            filed = turn.helpdesk.append(thread.ticket, thread.filing_key, entries, turn.inside)
        except TicketGone as gone:
            self._gone(turn, group, gone)
            return
        except TemporaryError as error:
            turn.blame(error, keys)
            raise
        except PermanentError as error:
            if len(group) > 1:
                for item in group:
                    self._append_group(turn, [item])
                return
            turn.outcomes.append(end(group[0].message, Outcome.REFUSED, f"the helpdesk does not take it: {error}"))
            return
        turn.updated()
        self._remap(turn, filed.ticket)
        self._filed(turn, group, filed)

    def _filed(self, turn: Turn, items: Sequence[Pending], filed: Filed) -> None:
        """Note that these are in the ticket; a deletion once the words are out of it, too.

        A deletion whose words could not be taken out now stays pending: it is found then, and they are.
        """
        for item in items:
            try:
                self._redact(turn, item)
            except (TemporaryError, ConfigurationError) as error:
                turn.trouble = turn.trouble or error
                turn.begun.add(item.message.key)
            else:
                turn.filed([_filed(item.message, filed)])

    def _gone(self, turn: Turn, group: list[Pending], gone: TicketGone) -> None:
        """Follow a merged ticket; open another for a closed or deleted one."""
        if gone.state == "merged" and gone.into and gone.into != turn.thread.ticket:
            self._remap(turn, gone.into)
            turn.changes["joined_at"] = seconds(gone.at) if gone.at else 0
            self._append(turn, self._without_found(turn, group))
            return
        previous = turn.thread.ticket if gone.state == "closed" else ""
        self._follow_up(turn)
        self._append(turn, self._without_found(turn, group), follow_up_of=previous)

    def _remap(self, turn: Turn, ticket: str) -> None:
        if ticket and ticket != turn.thread.ticket:
            turn.thread = turn.thread.model_copy(update={"ticket": ticket})
            turn.remapped = True

    def _redact(self, turn: Turn, item: Pending) -> None:
        """Take a deleted message's words out of the ticket that they are in, where the helpdesk can."""
        event = item.event
        if event is None or event.kind is not Kind.DELETION or not isinstance(turn.helpdesk, Redacts):
            return
        # What it takes back may have been filed a moment ago, in this very turn.
        filed = [each for each in turn.outcomes if each.event is not None and each.event.object_id == event.object_id]
        for each in {each.key: each for each in (item.original, *item.earlier, *filed) if each is not None}.values():
            if not each.entry or each.key == item.message.key:
                continue
            try:
                turn.helpdesk.redact(each.ticket or turn.thread.ticket, each.entry, turn.inside)
            except (PermanentError, TicketGone):
                continue  # the note about the deletion stands in the ticket

    def _ticket(self, turn: Turn, item: Pending, follow_up_of: str) -> Ticket:
        entry = self._entry(turn, item)
        event, policy = item.event, turn.connection.policy
        thread = turn.thread
        rating = event.details.get("rating", "") if event else ""
        hints = triage(
            event.text if event else "",
            rating=int(rating) if rating.isdecimal() else None,
            words=policy.priority_words,
            sensitive_words=policy.sensitive_words,
        )
        tags = ("deskwire", turn.channel.name, thread.visibility, *turn.connection.tags)
        if hints.sensitive:
            tags = (*tags, "sensitive" if thread.visibility is Visibility.PRIVATE else "sensitive-in-public")
        return Ticket(
            key=compose("open", thread.filing_key),
            thread=thread.filing_key,
            reference=thread.reference,
            subject=wording.subject(event, turn.author(event), turn.channel.title) if event else turn.channel.title,
            customer=customer(thread, event, turn.author(event) if event and not event.own else None),
            entries=(entry,),
            priority=hints.priority,
            tags=tuple(str(tag) for tag in tags),
            fields=turn.connection.fields,
            follow_up_of=follow_up_of,
        )

    def _entry(self, turn: Turn, item: Pending) -> Entry:
        message, event = item.message, item.event
        if event is None:
            return Entry(key=message.key, body=message.note, written_at=turn.now, public=False)
        files, lines = self._files(turn, event)
        before = ""
        if item.original is not None and item.original.event is not None:
            original = item.original.event
            before = wording.when(original.occurred_at) if event.kind is Kind.DELETION else original.text
        text = wording.body(event, turn.channel.title, latest=turn.thread.last_written, unfetched=lines, before=before)
        most = turn.helpdesk.abilities.entry_bytes - MARGIN
        if len(text.encode()) > most:  # nothing is lost: the whole goes along as a file
            files = (*files, File("message.txt", "text/plain", text.encode()))
            text = cut(text, most, Unit.BYTES)
        if not turn.thread.ticket:
            text = f"{text}\nReference: {turn.thread.reference}"
        abilities = turn.helpdesk.abilities
        if item.doubtful and not (abilities.find_append if turn.thread.ticket else abilities.find_open):
            text += f"\n\n{wording.repeated(turn.helpdesk.title)}"
        public = is_inbound(event) or (event.kind is Kind.EDIT and not event.own)
        return Entry(
            key=message.key,
            body=text,
            written_at=event.occurred_at,
            public=public,
            files=files,
            author=wording.who(turn.author(event)),
            contact=turn.thread.contact,
            shared=bool(turn.thread.ticket) and event.visibility is Visibility.PUBLIC,
        )

    def _entries(self, turn: Turn, group: list[Pending]) -> list[Entry]:
        """Return the entries of a group, or of its first messages when attachments take enough time or memory."""
        began = self.clock()
        entries: list[Entry] = []
        for item in group:
            size = sum(len(file.data) for entry in entries for file in entry.files)
            if entries and (size >= ENOUGH_BYTES or self.clock() - began > ENOUGH):
                break
            entries.append(self._entry(turn, item))
        return entries

    def _files(self, turn: Turn, event: Event) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """Return the attachments' bytes, and a line for each that could not be had."""
        files: list[File] = []
        lines: list[str] = []
        until = self.clock() + FETCHING
        for attachment in event.attachments:
            if attachment.kind not in FETCHED or not turn.helpdesk.abilities.attachments:
                lines += [f"{attachment.line()} {attachment.url}".strip()] if attachment.url else []
                continue
            try:
                self._in_time(until)
                if isinstance(turn.channel, Media):
                    files.append(turn.channel.fetch(attachment, turn.outside))
                elif attachment.url and isinstance(turn.channel, MediaHosts):
                    file = self.fetch(attachment.url, turn.channel.media_hosts)
                    files.append(dataclasses.replace(file, name=media.safe_name(attachment.name or file.name)))
                elif isinstance(turn.channel, Uploads):
                    data = self.archive.fetch(f"incoming/{attachment.id}")
                    name = media.safe_name(attachment.name or attachment.id)
                    files.append(File(name, attachment.type or "application/octet-stream", data))
                else:
                    lines.append(f"{attachment.line()} {attachment.url}".strip())
            except (PermanentError, ConfigurationError) as error:
                lines.append(f"{attachment.line()} could not be fetched: {error}")
            except TemporaryError as error:
                if turn.thread.attempts < MEDIA_ATTEMPTS:
                    turn.blame(TemporaryError(str(error), after=error.after))
                    raise turn.trouble or error from None
                lines.append(f"{attachment.line()} could not be fetched in {MEDIA_ATTEMPTS} attempts")
        return tuple(files), tuple(lines)

    def _in_time(self, until: datetime) -> None:
        if self.clock() >= until:
            raise TemporaryError("the attachments take too long")


def _first(items: Sequence[Pending], most: int) -> list[Pending]:
    """Return what comes before there would be more than so many in doubt."""
    counted = accumulate(item.doubtful for item in items)
    return [item for item, doubtful in zip(items, counted, strict=True) if doubtful <= most]


def _groups(items: Sequence[Pending], abilities: Abilities) -> list[list[Pending]]:
    """Return the items as one update each, or together where the helpdesk takes several, within its bytes."""
    groups: list[list[Pending]] = []
    size = 0
    for item in items:
        words = item.event.text if item.event is not None else item.message.note
        size += len(words.encode()) + MARGIN
        if groups and abilities.several and size <= abilities.entry_bytes:
            groups[-1].append(item)
        else:
            groups.append([item])
            size = len(words.encode()) + MARGIN
    return groups


def _filed(message: Recorded, filed: Filed) -> Recorded:
    return end(message, Outcome.FILED, ticket=filed.ticket, entry=filed.entries.get(message.key, ""))


def customer(thread: Thread, event: Event | None, author: Author | None) -> Customer:
    """Return who the ticket is for. Somebody whom the platform does not name is a person of this thread alone."""
    author = author or thread.customer()
    channel = event.channel if event else thread.channel
    if author is None:
        external = f"{channel}-anonymous-{thread.reference}"
        return Customer(external_id=external, name=f"Unknown author ({channel})", channel=channel)
    return Customer(
        external_id=compose(channel, author.id).replace("/", "-", 1).replace(":", "%3A"),
        name=wording.called(author) or author.email or f"{channel} {author.id}",
        channel=channel,
        handle=author.handle,
        email=author.email,
        phone=author.phone,
    )
