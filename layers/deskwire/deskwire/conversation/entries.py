"""Builds the ticket to open, and an entry with its attachments for each message."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deskwire.care.measure import cut
from deskwire.care.triage import triage
from deskwire.contracts.actions import owns_uploads
from deskwire.contracts.channel import Media, MediaHosts
from deskwire.contracts.helpdesk import Abilities
from deskwire.contracts.terms import Unit
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import compose
from deskwire.model.tickets import Customer, Entry, File, Ticket
from deskwire.ports import Archive, Clock
from deskwire.timing import FETCH_WITHIN
from deskwire.web import media
from deskwire.web.rest import Call

from . import wording
from .decide import Pending
from .thread import Thread
from .turn import Turn, is_inbound

MEDIA_ATTEMPTS = 3  # after which a message is filed without its attachment, and says so
MARGIN = 1500  # bytes that the lines around a customer's words may take
ENOUGH = timedelta(seconds=5)  # of fetching, after which an update takes in no other message
ENOUGH_BYTES = 20 * 1024 * 1024  # of attachments, the same: they are all in memory, in ten threads side by side
FETCHED = frozenset({"image", "audio", "video", "file", "sticker"})


@dataclass(frozen=True, slots=True)
class Entries:
    """Builds what a turn files."""

    archive: Archive
    clock: Clock

    def ticket(self, turn: Turn, item: Pending, follow_up_of: str) -> Ticket:
        entry = self.entry(turn, item)
        event, policy = item.event, turn.connection.policy
        thread, before = turn.thread, turn.before
        hints = triage(
            event.text if event else "",
            stars=event.stars if event else 0,
            words=policy.priority_words,
            sensitive_words=policy.sensitive_words,
        )
        tags = ("deskwire", turn.channel.name, before.visibility, *turn.connection.tags)
        if hints.sensitive:
            tags = (*tags, "sensitive" if before.visibility is Visibility.PRIVATE else "sensitive-in-public")
        return Ticket(
            key=compose("open", thread.filing_key),
            thread=thread.filing_key,
            reference=thread.reference,
            subject=wording.subject(event, turn.author(event), turn.channel.title) if event else turn.channel.title,
            customer=customer(before, event, turn.author(event) if event and not event.own else None),
            entries=(entry,),
            priority=hints.priority,
            tags=tuple(str(tag) for tag in tags),
            fields=turn.connection.fields,
            follow_up_of=follow_up_of,
        )

    def entry(self, turn: Turn, item: Pending) -> Entry:
        message, event = item.message, item.event
        if event is None:
            return Entry(key=message.key, body=message.note, written_at=turn.now, public=False)
        if event.kind is Kind.UNDELIVERED:
            words = wording.undelivered(event.text, turn.channel.title, item.undelivered)
            return Entry(key=message.key, body=words, written_at=event.occurred_at, public=False)
        files, lines = self._files(turn, event)
        before = ""
        if item.original is not None and item.original.event is not None:
            original = item.original.event
            before = wording.when(original.occurred_at) if event.kind is Kind.DELETION else original.text
        text = wording.body(event, turn.channel.title, latest=turn.before.last_written, unfetched=lines, before=before)
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

    def entries(self, turn: Turn, group: list[Pending]) -> list[Entry]:
        """Return the entries of a group, or of its first messages when attachments take enough time or memory."""
        began = self.clock()
        entries: list[Entry] = []
        for item in group:
            size = sum(len(file.data) for entry in entries for file in entry.files)
            if entries and (size >= ENOUGH_BYTES or self.clock() - began > ENOUGH):
                break
            entries.append(self.entry(turn, item))
        return entries

    def _files(self, turn: Turn, event: Event) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """Return the attachments' bytes, and a line for each that could not be had."""
        files: list[File] = []
        lines: list[str] = []
        until = self.clock() + FETCH_WITHIN
        for attachment in event.attachments:
            if attachment.kind not in FETCHED or not turn.helpdesk.abilities.attachments:
                lines += [f"{attachment.line()} {attachment.url}".strip()] if attachment.url else []
                continue
            try:
                self._in_time(until)
                if isinstance(turn.channel, Media):
                    files.append(turn.channel.fetch(attachment, turn.outside))
                elif attachment.url and isinstance(turn.channel, MediaHosts):
                    file = turn.outside.fetch(Call("GET", attachment.url))
                    files.append(dataclasses.replace(file, name=media.safe_name(attachment.name or file.name)))
                elif attachment.id and owns_uploads(turn.channel):
                    data = self.archive.fetch(f"incoming/{attachment.id}")
                    name = media.safe_name(attachment.name or attachment.id)
                    files.append(File(name, attachment.type or "application/octet-stream", data))
                else:
                    lines.append(f"{attachment.line()} {attachment.url}".strip())
            except (PermanentError, ConfigurationError) as error:
                lines.append(f"{attachment.line()} could not be fetched: {error}")
            except TemporaryError as error:
                if turn.before.attempts < MEDIA_ATTEMPTS:
                    turn.blame(TemporaryError(str(error), after=error.after))
                    raise turn.trouble or error from None
                lines.append(f"{attachment.line()} could not be fetched in {MEDIA_ATTEMPTS} attempts")
        return tuple(files), tuple(lines)

    def _in_time(self, until: datetime) -> None:
        if self.clock() >= until:
            raise TemporaryError("the attachments take too long")


def groups(items: Sequence[Pending], abilities: Abilities) -> list[list[Pending]]:
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
