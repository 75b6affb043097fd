"""Build the ticket to open, and for each message an entry with its attachments."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from deskwire.care.measure import cut
from deskwire.care.opinion import opinion_in
from deskwire.care.triage import Hints, triage
from deskwire.contracts.actions import owns_uploads
from deskwire.contracts.channel import Media, MediaHosts
from deskwire.contracts.helpdesk import Abilities, Updates
from deskwire.contracts.terms import Unit
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, Author, Event, Kind, Visibility
from deskwire.model.keys import compose, digest
from deskwire.model.notices import PLACE, Notice, Purpose, is_incident
from deskwire.model.tickets import Change, Customer, Entry, File, Ticket
from deskwire.ports import Archive, Clock
from deskwire.timing import COPIED_FOR, FETCH_WITHIN
from deskwire.web import media
from deskwire.web.rest import Call

from . import wording
from .decide import Pending
from .ledger import Ledger
from .recorded import Recorded
from .table import seconds
from .thread import Thread
from .turn import Turn, is_inbound

GIVE_UP = timedelta(days=1)  # for which a step of its own is retried: an attachment, a history, hiding
AGAIN = (60, 3600)  # least and most seconds between two tries; between them, as long as it has been missing
MARGIN = 1500  # bytes reserved for the lines around a customer's text
ENOUGH = timedelta(seconds=5)  # of fetching, after which an update takes no further message
ENOUGH_BYTES = 20 * 1024 * 1024  # of attachments, likewise: all are in memory, in ten threads side by side
SUSPECTED = "suspected-spam"  # the tag of a ticket whose first message may be spam
INCIDENTS = Customer(external_id="deskwire-incidents", name="Deskwire incidents", channel="deskwire")
JUDGED = frozenset({Kind.MESSAGE, Kind.EDIT})
FETCHED = frozenset({"image", "audio", "video", "file", "sticker"})


@dataclass(frozen=True, slots=True)
class Entries:
    """Builds the tickets and entries that a turn files."""

    archive: Archive
    clock: Clock
    ledger: Ledger

    def ticket(self, turn: Turn, item: Pending, follow_up_of: str) -> Ticket:
        entry = self.entry(turn, item)
        if follow_up_of:  # in the text as well: a helpdesk may link only closed tickets
            entry = dataclasses.replace(entry, body=f"{entry.body}\n{wording.continues(follow_up_of)}")
        event = item.event
        thread, notice = turn.thread, item.message.notice
        if turn.came_from and thread.earlier:
            went_on = wording.continues_from(turn.came_from, thread.earlier[-1].ticket)
            entry = dataclasses.replace(entry, body=f"{entry.body}\n{went_on}")
        hints = assess(turn, event)
        return Ticket(
            key=compose("open", thread.filing_key),
            thread=thread.filing_key,
            reference=turn.reference,
            subject=_subject(turn, item),
            customer=self.customer(turn, item),
            entries=(entry,),
            priority=notice.priority if notice else hints.priority,
            tags=("deskwire", PLACE, notice.tag) if notice else _tags(turn, event, hints),
            fields=turn.connection.fields,
            follow_up_of=follow_up_of,
        )

    def customer(self, turn: Turn, item: Pending) -> Customer:
        """Return the requester of a ticket with this message."""
        event = item.event
        if is_incident(turn.thread.key):
            return INCIDENTS
        author = turn.author(event) if event and not event.own else None
        thread = turn.before if event or turn.first is None else turn.first
        return customer(thread, event, author, proved=turn.channel.proves_authors)

    def change(self, turn: Turn, item: Pending) -> Change:
        """Return what a message changes in its ticket beyond what earlier messages changed."""
        thread = turn.thread
        if not isinstance(turn.helpdesk, Updates):
            return Change()
        asked = _asked(turn, item)
        higher = asked.raises(thread.priority or Hints().priority)
        return dataclasses.replace(asked, priority=asked.priority if higher else "", tags=asked.missing(thread.tags))

    def entry(self, turn: Turn, item: Pending) -> Entry:
        message, event = item.message, item.event
        if message.notice is not None:
            return self._noticed(turn, item, message.notice)
        if event is None:
            files, lines = self._kept(turn, message)
            body = "\n".join([message.note, *lines])
            change = self.change(turn, item)
            return Entry(key=message.key, body=body, written_at=turn.now, public=False, files=files, change=change)
        if event.kind is Kind.UNDELIVERED:
            words = wording.undelivered(event.text, turn.channel.title, item.undelivered)
            return Entry(key=message.key, body=words, written_at=event.occurred_at, public=False)
        if follows(item):
            return self.following(turn, item) or self._without_file(turn, item, "it is not to be had")
        files, lines = self._files(turn, item)
        text, whole = _words(turn, item, event, lines)
        return Entry(
            key=message.key,
            body=text,
            written_at=event.occurred_at,
            public=is_inbound(event) or (event.kind is Kind.EDIT and not event.own),
            files=(*files, *whole),
            author=wording.who(turn.author(event)),
            contact=turn.thread.contact,
            shared=bool(turn.thread.ticket) and event.visibility is Visibility.PUBLIC,
            change=self.change(turn, item) if turn.thread.ticket else Change(),
        )

    def _noticed(self, turn: Turn, item: Pending, notice: Notice) -> Entry:
        """Return the entry for an incident's notice. For an update, the message's `note` says whether it was sent."""
        body = item.message.note or notice.words
        opens = notice.purpose is Purpose.OPENED and not turn.thread.ticket
        abilities = turn.helpdesk.abilities
        if item.doubtful and not (abilities.find_open if opens else abilities.find_append):
            body += f"\n\n{wording.repeated(turn.helpdesk.title)}"
        change = Change() if opens else self.change(turn, item)
        return Entry(key=item.message.key, body=body, written_at=turn.now, public=opens, change=change)

    def entries(self, turn: Turn, group: list[Pending]) -> list[Entry]:
        """Return the entries of a group, or of its first messages if their attachments take enough time or memory."""
        began = self.clock()
        entries: list[Entry] = []
        for item in group:
            size = sum(len(file.data) for entry in entries for file in entry.files)
            if entries and (size >= ENOUGH_BYTES or self.clock() - began > ENOUGH):
                break
            entries.append(self.entry(turn, item))
        return entries

    def _files(self, turn: Turn, item: Pending) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """Return the fetched attachments, and a line for each that was not fetched.

        One that cannot be fetched now follows in an entry of its own: that is recorded first, and any later attempt
        relies on the record.
        """
        files: list[File] = []
        lines: list[str] = []
        until = self.clock() + FETCH_WITHIN
        for following, attachment in _separate(item):
            if not self._fetchable(turn, attachment):
                lines += [f"{attachment.line()} {attachment.url}".strip()] if attachment.url else []
                continue
            if item.doubtful and self._goes_on(turn, following):
                lines.append(wording.follows(attachment))
                continue
            try:
                self._in_time(until)
                files.append(self._fetched(turn, attachment))
            except (PermanentError, ConfigurationError) as error:
                lines.append(wording.unfetched(attachment, str(error)))
            except TemporaryError as error:
                turn.begun.update(
                    each.message.key for each in item.members
                )  # so that the next attempt asks what this one wrote down
                self.ledger.record(turn.thread.key, following)
                self._later(turn, following, error)
                lines.append(wording.follows(attachment))
        return tuple(files), tuple(lines)

    def _kept(self, turn: Turn, note: Recorded) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """Return a note's files, and a line for each that no longer exists.

        Raises `TemporaryError` if the archive cannot be read; that says nothing about the helpdesk.
        """
        files: list[File] = []
        lines: list[str] = []
        for each in note.files if turn.helpdesk.abilities.attachments else ():
            try:
                files.append(File(each.name, each.type or media.UNKNOWN, self.archive.fetch(each.place)))
            except PermanentError:
                lines.append(wording.uncopied(each.name))
            except TemporaryError as error:
                # Without the right to list the bucket, S3 answers 403, not 404, for a missing object.
                # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
                if turn.now - datetime.fromisoformat(note.received_at) < COPIED_FOR:
                    raise error.retold(ambiguous=False, concerns=Concern.TICKET) from None
                lines.append(wording.uncopied(each.name))
        return tuple(files), tuple(lines)

    def _in_time(self, until: datetime) -> None:
        if self.clock() >= until:
            raise TemporaryError("the attachments take too long", concerns=Concern.HOST)

    def _fetchable(self, turn: Turn, attachment: Attachment) -> bool:
        if attachment.kind not in FETCHED or not turn.helpdesk.abilities.attachments:
            return False
        by_address = bool(attachment.url) and isinstance(turn.channel, MediaHosts)
        return by_address or isinstance(turn.channel, Media) or owns_uploads(turn.channel)

    def _fetched(self, turn: Turn, attachment: Attachment) -> File:
        """Return the attachment with its content and a safe name."""
        if isinstance(turn.channel, Media):
            file = turn.channel.fetch(attachment, turn.outside)
            return media.called(file, file.name or attachment.name)
        if attachment.url and isinstance(turn.channel, MediaHosts):
            file = turn.outside.fetch(Call("GET", attachment.url))
            return media.called(file, attachment.name or file.name)
        data = self.archive.fetch(f"incoming/{attachment.id}")
        file = File("", attachment.type or media.UNKNOWN, data)
        return media.called(file, attachment.name or attachment.id)

    def _goes_on(self, turn: Turn, following: Recorded) -> bool:
        """Return whether an earlier attempt left this attachment to follow; if it is still open, have it fetched."""
        known = self.ledger.message(turn.thread.key, following.key)
        if known is not None and not known.done:
            turn.missing.setdefault(known.key, seconds(turn.now))
        return known is not None

    def resume(self, turn: Turn, item: Pending) -> None:
        """Have the attachments fetched that an earlier attempt, which filed the text, left to follow."""
        for following, _ in () if follows(item) else _separate(item):
            self._goes_on(turn, following)

    def _later(self, turn: Turn, following: Recorded, error: TemporaryError) -> None:
        turn.missing[following.key] = later(turn, following, error)

    def following(self, turn: Turn, item: Pending) -> Entry | None:
        """Return an attachment's entry; with its link if it can never be fetched, None if it cannot be yet."""
        (_, attachment), *_ = _separate(item)
        try:
            return self._alone(turn, item, wording.attached(attachment), (self._fetched(turn, attachment),))
        except (PermanentError, ConfigurationError) as error:
            return self._without_file(turn, item, str(error))
        except TemporaryError as error:
            if seconds(turn.now) - item.message.recorded_at // 1000 > GIVE_UP.total_seconds():
                return self._without_file(turn, item, str(error))
            self._later(turn, item.message, error)
            return None

    def _without_file(self, turn: Turn, item: Pending, reason: str) -> Entry:
        (_, attachment), *_ = _separate(item)
        return self._alone(turn, item, wording.never_had(attachment, reason), ())

    def _alone(self, turn: Turn, item: Pending, words: str, files: tuple[File, ...]) -> Entry:
        event = item.event
        written_at = event.occurred_at if event else None
        if item.doubtful and not turn.helpdesk.abilities.find_append:
            words += f"\n\n{wording.repeated(turn.helpdesk.title)}"
        return Entry(
            key=item.message.key,
            body=f"{words}\n\n{turn.channel.title} · {wording.when(written_at)}",
            written_at=written_at,
            public=event is not None and not event.own,
            files=files,
            author=wording.who(turn.author(event) if event else None),
            contact=turn.thread.contact,
        )


def later(turn: Turn, following: Recorded, error: TemporaryError) -> int:
    """Return when to try again (Unix seconds): after as long as it has been missing, or when the other side says."""
    age = seconds(turn.now) - following.recorded_at // 1000 if following.recorded_at else 0
    return seconds(turn.now) + pause(age, error)


def pause(age: int, error: TemporaryError) -> int:
    """Return the seconds until the next try for an attachment that has been missing for `age` seconds."""
    least, most = AGAIN
    return max(min(max(age, least), most), ceil(error.after or 0))


def follows(item: Pending) -> bool:
    """Return whether this is an attachment filed separately from its message."""
    return item.event is not None and item.event.kind is Kind.ATTACHMENT


def apart(items: Sequence[Pending]) -> tuple[list[Pending], list[Pending]]:
    """Return the messages, and separately what follows filed messages: attachments and the note on earlier tickets."""
    words: list[Pending] = []
    following: list[Pending] = []
    for item in items:
        (following if follows(item) or item.message.recalls else words).append(item)
    return words, following


def _before(item: Pending, event: Event) -> str:
    """Return the earlier wording of an edited message, or when a deleted one was written."""
    original = item.original.event if item.original is not None else None
    if original is None:
        return ""
    return wording.when(original.occurred_at) if event.kind is Kind.DELETION else original.text


def _separate(item: Pending) -> list[tuple[Recorded, Attachment]]:
    """Return each attachment of a message with the record it gets if it is filed separately."""
    message, event = item.message, item.event
    if event is None:
        return []
    following = [
        dataclasses.replace(
            event, kind=Kind.ATTACHMENT, verb=f"attachment-{number}", version=event.version or event.verb,
            text="", subject="", attachments=(attachment,), raw={},
        )
        for number, attachment in enumerate(event.attachments)
    ]  # fmt: skip
    return [
        (
            Recorded(key=each.key, event=each, endpoint=message.endpoint, received_at=message.received_at),
            each.attachments[0],
        )
        for each in following
    ]


def groups(items: Sequence[Pending], abilities: Abilities) -> list[list[Pending]]:
    """Return the items in groups, one update each: several if the helpdesk allows it, up to its limit of bytes."""
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


def assess(turn: Turn, event: Event | None) -> Hints:
    """Return the triage's hints for a message; each is judged once in a turn."""
    if event is None:
        return Hints()
    again, public = turn.thread.again, event.visibility is Visibility.PUBLIC
    opinion = turn.opinions.get(event.key, "")
    said = (event.text, event.language, event.stars, again, public, opinion)
    if said not in turn.assessed:
        policy = turn.connection.policy
        turn.assessed[said] = triage(
            event.text,
            policy,
            hint=event.language,
            stars=event.stars,
            public=public,
            again=again,
            opinion=opinion_in(opinion),
        )
    return turn.assessed[said]


def _asked(turn: Turn, item: Pending) -> Change:
    """Return what a message, or a note of ours, asks to change in its ticket."""
    event, notice = item.event, item.message.notice
    if notice is not None:
        return Change(tags=(notice.tag,))
    if event is None:
        return item.message.change
    if event.own or event.kind not in JUDGED:
        return Change()
    hints = assess(turn, event)
    return Change(hints.priority, hints.tags)


def _subject(turn: Turn, item: Pending) -> str:
    """Return the subject of a ticket that this item opens."""
    if item.message.notice is not None:
        return item.message.notice.subject
    event = item.event
    return wording.subject(event, turn.author(event), turn.channel.title) if event else turn.channel.title


def _tags(turn: Turn, event: Event | None, hints: Hints) -> tuple[str, ...]:
    """Return the tags of a ticket that this event opens."""
    visibility = event.visibility if event is not None else turn.before.visibility
    tags = ["deskwire", turn.channel.name, str(visibility), *turn.connection.tags]
    if event is not None and event.suspicion:
        tags.append(SUSPECTED)
    return (*tags, *hints.tags)


def customer(thread: Thread, event: Event | None, author: Author | None, *, proved: bool) -> Customer:
    """Return the requester of the ticket.

    Without an author, or with one whose identity is not `proved`, the requester is a person of this thread alone:
    nobody may change another person's profile in the helpdesk by claiming to be them.
    """
    author = author or thread.customer()
    channel = event.channel if event else thread.channel
    if author is None:
        external = f"{channel}-anonymous-{thread.reference}"
        return Customer(external_id=external, name=f"Unknown author ({channel})", channel=channel)
    identity = author.id if proved else f"claimed-{digest(thread.key)[:32]}"
    return Customer(
        external_id=compose(channel, identity).replace("/", "-", 1).replace(":", "%3A"),
        name=wording.called(author) or author.email or f"{channel} {author.id}",
        channel=channel,
        handle=author.handle,
        email=author.email,
        phone=author.phone,
    )


def _words(turn: Turn, item: Pending, event: Event, unfetched: tuple[str, ...]) -> tuple[str, tuple[File, ...]]:
    """Return an entry's text, cut to the helpdesk's limit, and if it was cut the whole text as a file."""
    abilities, ticket = turn.helpdesk.abilities, turn.thread.ticket
    latest, before = turn.before.last_written, _before(item, event)
    text = wording.body(
        event,
        turn.channel.title,
        latest=latest,
        unfetched=unfetched,
        before=before,
        answers=item.answers,
        judged=assess(turn, event).line if event.kind in JUDGED and not event.own else "",
    )
    if item.message.key == turn.earlier_with:
        text = f"{turn.earlier}\n\n{text}"
    whole: tuple[File, ...] = ()
    most = abilities.entry_bytes - MARGIN
    if len(text.encode()) > most:
        whole = (File("message.txt", "text/plain", text.encode()),)
        text = cut(text, most, Unit.BYTES)
    if not ticket:
        text = f"{text}\nReference: {turn.reference}"
    if item.doubtful and not (abilities.find_append if ticket else abilities.find_open):
        text += f"\n\n{wording.repeated(turn.helpdesk.title)}"
    return text, whole
