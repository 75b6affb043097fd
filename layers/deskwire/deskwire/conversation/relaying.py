"""Send agents' answers to the customer, each at most once; if one is not sent, the ticket says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deskwire.care.measure import cut
from deskwire.care.triage import matters
from deskwire.contracts.channel import Replies
from deskwire.contracts.helpdesk import GivesFiles, TicketGone
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Visibility
from deskwire.model.keys import compose, digest
from deskwire.model.notices import is_incident
from deskwire.model.sending import Outgoing
from deskwire.model.signals import Signal
from deskwire.model.tickets import AgentReply
from deskwire.ports import LendingArchive
from deskwire.telemetry import Telemetry
from deskwire.timing import STOP_AFTER
from deskwire.web.media import safe_name

from . import wording
from .decide import Plan, end
from .decide_reply import PATIENCE, TYPING, Attempt, Case, Send, Skip, Tell, Wait, decide_reply
from .guarding import beside
from .ledger import UNENDED, Ledger
from .linking import Linking
from .mirroring import copied, shelf
from .recorded import Kept, Outcome, Recorded
from .sending import Sending
from .spoken import Spoken, Writer, addressed, spoken
from .table import moment, seconds
from .thread import outgoing
from .turn import Turn


@dataclass(frozen=True, slots=True)
class Relaying:
    """Relays the answers behind a turn's signals."""

    ledger: Ledger
    archive: LendingArchive
    telemetry: Telemetry
    sending: Sending
    linking: Linking

    def relay(self, turn: Turn, plan: Plan) -> None:
        """Send the agents' new replies to the customer."""
        for signal in plan.relay:
            if turn.full:
                return
            try:
                count = self._relay_ticket(turn, signal)
            except (PermanentError, TicketGone) as error:
                turn.outcomes.append(end(signal, Outcome.REFUSED, f"its answers cannot be read: {error}"))
                continue
            if count is None:
                return
            outcome = (
                end(signal, Outcome.FILED, f"answers: {count}")
                if count
                else end(signal, Outcome.MERGED, "no new answer")
            )
            turn.outcomes.append(outcome)

    def _relay_ticket(self, turn: Turn, signal: Recorded) -> int | None:
        """Relay the new replies of a signalled ticket; return how many, or None if one has to wait (and all after it).

        A reply's age is measured when the helpdesk signalled it: since then it may have been unreachable for long.
        """
        told = signal.signal
        ticket = told.ticket if told is not None else turn.thread.ticket
        count = 0
        for reply in _replies(turn, ticket, told):
            case = self._case(turn, ticket, reply, datetime.fromisoformat(signal.received_at))
            if decide_reply(case) == Skip(ours=False):
                continue
            late = count > 0 and self.ledger.clock() - turn.now > STOP_AFTER
            if late or turn.full or not self._reply(turn, case):
                return None  # the next turn continues with this reply, in order
            count += 1
            if not turn.away:
                turn.pass_reply(reply.id, ticket)
        return count

    def _case(self, turn: Turn, ticket: str, reply: AgentReply, signalled_at: datetime) -> Case:
        """Return a reply with what the decision depends on, except the record of earlier attempts."""
        said, thread = spoken(reply.text), turn.thread
        visibility, held = _meant(turn, said)
        to, text = None, said.text
        apart = visibility is Visibility.PRIVATE and thread.visibility is Visibility.PUBLIC
        if apart and len(thread.writers) > 1:
            to, text = addressed(text, thread.writers)
        permit = self._permit(turn, visibility, to)
        link = apart and isinstance(permit, Refusal) and turn.connection.policy.private.link is not None
        if link:
            permit = self._permit_for_all(turn, automatic=False)  # like a saved reply: a person causes it
        return Case(
            reply=reply,
            ticket=turn.known(ticket),
            signalled_at=signalled_at,
            thread=thread,
            visibility=visibility,
            permit=permit,
            now=turn.now,
            text=text,
            files=isinstance(permit, Permit) and any(_may_go(turn, permit, each) for each in reply.attachments),
            unsure=said.unsure,
            matters=held,
            to=to,
            link=link,
            offered=thread.offered_until > seconds(turn.now),
            repeated=_key(turn, reply) in turn.relayed,
        )

    def _reply(self, turn: Turn, case: Case) -> bool:
        """Carry out the decision about one reply; return False if the reply has to wait."""
        key = _key(turn, case.reply)
        if not case.repeated:
            turn.relayed.add(key)
            record = self.ledger.sent(turn.thread.key, key) or {}
            case = replace(case, state=record.get("state", ""), first_at=int(record.get("first_at", 0)))
            if case.state == "sent":  # by a worker that stopped before it updated the thread
                sent_at = int(record.get("done_at", 0)) // 1000
                turn.answer(sent_at, known=sent_at <= turn.before.answered_at)
                self._tell_of_link(turn, case, key)
        decision = decide_reply(case)
        if isinstance(decision, Send):
            private = case.visibility is Visibility.PRIVATE
            message = outgoing(turn.thread, key=key, text=case.text, automatic=False, private=private, to=case.to)
            send = self._post_link if case.link else self._send
            attempt = send(turn, case, message, decision.permit)
            if attempt is None:
                return True
            decision = decide_reply(replace(case, attempt=attempt))
        if isinstance(decision, Wait):
            turn.settle(key, "failed", (), decision.reason)
        elif isinstance(decision, Tell):
            if decision.audience:
                turn.warn(TYPING)
            self._tell(turn, key, case.reply, decision, case.text)
        return not isinstance(decision, Wait)

    def _send(self, turn: Turn, case: Case, message: Outgoing, permit: Permit) -> Attempt | None:
        """Send a reply with its files; return None if it was sent, else how the attempt ended.

        Raises `TemporaryError` and `ConfigurationError` if a file cannot be loaded yet: then nothing has begun.
        """
        reply = case.reply
        files, kept, left = self._files(turn, case, message.key, permit)
        if not message.text.strip() and not files:
            return Attempt(state="refused", reason=f"{wording.WORDLESS} ({'; '.join(left)})")
        message = replace(message, attachments=files)
        turn.intended.append(message.key)
        first = self.ledger.intend(
            turn.thread, send=message.key, text=message.text, copied=self._copied(turn, case, kept)
        )
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        if state != "sent" or sent is None:
            return Attempt(state=state, reason=reason)
        turn.settle(message.key, state, sent.ids, "")
        turn.answer(seconds(turn.now))
        self.telemetry.count("Replies")
        if sent.elsewhere:
            turn.add_reports(self.ledger.lead(sent.elsewhere, turn.thread.key, message.key, sent.ids))
        if left:
            self._note(turn, message.key, reply, wording.not_sent_along(left))
        if message.private_reply and turn.connection.policy.private.beside:
            self._say_beside(turn, message)
        return None

    def _post_link(self, turn: Turn, case: Case, answer: Outgoing, permit: Permit) -> Attempt | None:
        """Post a public one-time link in place of a private answer, which stays in the ticket."""
        link = turn.connection.policy.private.link
        if link is None:
            return Attempt(state="refused", reason=f"{turn.channel.title} has no private answers")
        try:
            message = self.linking.message(turn, link, answer.key, case.to, permit)
        except ConfigurationError as error:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "misconfigured", channel=turn.channel.name, reason=str(error))
            return Attempt(state="refused", reason=str(error))
        turn.intended.append(message.key)
        first = self.ledger.intend(turn.thread, send=message.key, text=message.text)
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        if state != "sent" or sent is None:
            return Attempt(state=state, reason=reason)
        turn.settle(message.key, state, sent.ids, "")
        turn.answer(seconds(turn.now))
        self.telemetry.count("LinksPosted")
        self._tell_of_link(turn, case, message.key)
        return None

    def _tell_of_link(self, turn: Turn, case: Case, key: str) -> None:
        """Note on the ticket, once, that a link was posted in place of the answer; not if the answer was sent."""
        until = self.linking.good_until(turn, key) if case.link else 0
        if not until:
            return
        turn.offer(until)
        if self.ledger.message(turn.thread.key, compose("note", key)) is None:
            left = [each.name or each.line() for each in case.reply.attachments]
            self._note(turn, key, case.reply, wording.link_posted(turn.channel.title, moment(until), left))

    def _copied(self, turn: Turn, case: Case, files: Sequence[Kept]) -> dict[str, Any]:
        """Return the fields of a reply's record for the mirror and the archive, if there are any."""
        keeps = turn.connection.policy.archive == "words" and turn.channel.terms.keeps_words is None
        said = {"said": case.text} if keeps and case.text else {}
        where = f"{turn.definition.name}, ticket {case.reply.ticket}"
        names = [each.name for each in files]
        return said | copied(turn, wording.mirrored(case.reply, case.text, names, where, turn.channel.title), files)

    def _say_beside(self, turn: Turn, answer: Outgoing) -> None:
        """Post a public line, once in a conversation, that a private answer was sent. A failure does not matter."""
        thread, policy = turn.thread, turn.connection.policy
        permit = self._permit_for_all(turn, automatic=True)
        words = beside(policy, thread.language, thread.reference, turn.now)
        if isinstance(permit, Refusal) or not words:
            return
        key, text = compose(wording.BESIDE, thread.filing_key), cut(words, permit.limit.most, permit.limit.unit)
        message = replace(outgoing(thread, key=key, text=text, automatic=True), reply_to=answer.reply_to)
        turn.intended.append(key)
        try:
            first = self.ledger.intend(thread, send=key, text=text)
        except TemporaryError:  # the intent may have been noted; the answer was sent, so do not delay it
            turn.settle(key, "unknown", (), UNENDED)
            return
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        # It is not retried: later it would no longer be beside the answer.
        turn.settle(key, "refused" if state == "failed" else state, sent.ids if sent else (), reason)

    def _files(
        self, turn: Turn, case: Case, key: str, permit: Permit
    ) -> tuple[tuple[Attachment, ...], list[Kept], list[str]]:
        """Return the files to send, each with its address; their places in the archive; the other names with reasons.

        A file that the helpdesk cannot provide yet delays the reply for `PATIENCE`, like a failing platform.
        """
        folder = f"{shelf(turn.thread.key) if turn.mirror else 'lent'}/{digest(key)}"
        files: list[Attachment] = []
        kept: list[Kept] = []
        left: list[str] = []
        for number, attachment in enumerate(case.reply.attachments):
            name = attachment.name or attachment.line()
            try:
                file = self._lent(turn, attachment, f"{folder}/{number}", permit)
            except PermanentError as error:
                left.append(f"{name} ({error})")
            except (TemporaryError, ConfigurationError) as error:
                if turn.now - case.signalled_at < timedelta(seconds=PATIENCE):
                    raise
                left.append(f"{name} ({error})")
            else:
                files.append(file)
                kept.append(Kept(f"{folder}/{number}/{file.name}", file.type))
        return tuple(files), kept, left

    def _lent(self, turn: Turn, attachment: Attachment, place: str, permit: Permit) -> Attachment:
        """Return an attachment with an address from which the platform can download it.

        If the helpdesk does not state its type, the loaded file's type counts. Raises `PermanentError` for a file that
        cannot be sent, and the errors of loading it from the helpdesk.
        """
        helpdesk = turn.helpdesk
        if not permit.files:
            raise PermanentError(f"{turn.channel.title} takes no files through its interface")
        if not isinstance(helpdesk, GivesFiles):
            raise PermanentError(f"{helpdesk.title} hands over no files")
        if attachment.type and (refusal := permit.refuses(attachment.kind, attachment.type)):
            raise PermanentError(refusal)
        file = helpdesk.file(attachment, turn.inside)
        if not attachment.type:
            attachment = replace(attachment, kind=AttachmentKind.of(file.type), type=file.type)
        if refusal := permit.refuses(attachment.kind, attachment.type, len(file.data)):
            raise PermanentError(refusal)
        file = replace(file, name=safe_name(attachment.name or file.name), type=attachment.type)
        address = self.archive.lend(f"{place}/{file.name}", file)
        return replace(attachment, name=file.name, url=address, size=len(file.data))

    def _permit(self, turn: Turn, visibility: Visibility, to: Writer | None) -> Permit | Refusal:
        thread = turn.thread
        if is_incident(thread.key):
            return Refusal(wording.NOBODYS)
        if turn.mirrors:
            return Refusal(_mirrors(turn))
        if not isinstance(turn.channel, Replies):
            return Refusal(f"{turn.channel.title} takes no answers through its interface")
        wrote_at = to.at if to is not None else thread.last_inbound
        last = moment(wrote_at) if wrote_at else None
        terms = turn.channel.terms
        private_reply = visibility is Visibility.PRIVATE and thread.visibility is Visibility.PUBLIC
        if private_reply and terms.private_reply is None:
            return Refusal(f"{turn.channel.title} has no private answers")
        return terms.permit(
            visibility, automatic=False, last_inbound=last, now=turn.now, private_reply=private_reply,
            kind=thread.thread_kind,
        )  # fmt: skip

    def _permit_for_all(self, turn: Turn, *, automatic: bool) -> Permit | Refusal:
        """Return the permit for a public text of ours, or the refusal."""
        thread = turn.thread
        return turn.channel.terms.permit(
            Visibility.PUBLIC, automatic=automatic, last_inbound=moment(thread.last_inbound), now=turn.now,
            kind=thread.thread_kind,
        )  # fmt: skip

    def _tell(self, turn: Turn, key: str, reply: AgentReply, tell: Tell, text: str) -> None:
        """Add a note to the reply's own ticket: it was not sent, or may not have been."""
        turn.settle(key, tell.state, (), tell.reason)
        if turn.mirrors:
            self._note(turn, key, reply, wording.in_a_mirror(_mirrors(turn), text))
            self.telemetry.count("AnswersInMirror")
            return
        if reply.withheld and tell.reason == reply.withheld:
            # The note is enough: in most cases (a merge, an automatic comment) no person has to act.
            self._note(turn, key, reply, wording.withheld(tell.reason, text))
            self.telemetry.count("Withheld")
            return
        told = wording.held_back(tell.reason) if tell.held else wording.undeliverable(tell.reason, text, tell.detail)
        words = wording.uncertain(text) if tell.state == "unknown" else told
        self._note(turn, key, reply, words)
        self.telemetry.count("Unanswerable")
        self.telemetry.log("ERROR", "an answer did not go out", channel=turn.channel.name, reason=tell.reason)

    def _note(self, turn: Turn, key: str, reply: AgentReply, words: str) -> None:
        turn.note(key, words, reply.ticket)


def _meant(turn: Turn, said: Spoken) -> tuple[Visibility, tuple[str, ...]]:
    """Return an answer's visibility, and the private matters that hold back a public one."""
    thread, rules = turn.thread, turn.connection.policy.private
    if said.private:
        return Visibility.PRIVATE, ()
    if said.public or thread.visibility is Visibility.PRIVATE:
        return thread.visibility, ()
    found = matters(said.text, turn.connection.policy)
    if rules.move.moves(thread.channel, thread.tags, found):
        return Visibility.PRIVATE, ()
    return Visibility.PUBLIC, found if rules.hold else ()


def _mirrors(turn: Turn) -> str:
    """Return why nothing is sent from a mirror."""
    first = turn.first
    return wording.of_a_mirror(first.helpdesk, first.ticket) if first is not None else wording.COPY


def _may_go(turn: Turn, permit: Permit, attachment: Attachment) -> bool:
    """Return whether an attachment can be sent, judged by its stated type before it is loaded."""
    if not isinstance(turn.helpdesk, GivesFiles):
        return False
    return not permit.refuses(attachment.kind, attachment.type) if attachment.type else bool(permit.files)


def _replies(turn: Turn, ticket: str, told: Signal | None) -> Sequence[AgentReply]:
    """Return the answer in a signal, or else the ticket's public replies after the last one handled.

    Internal notes are skipped, without being judged. Raises `PermanentError` if a signal holds an answer though this
    helpdesk's answers are to be read.
    """
    if told is None or told.answer is None:
        after = turn.thread.last_reply if ticket == turn.thread.last_ticket and not turn.away else ""
        return [each for each in turn.helpdesk.replies(ticket, after, turn.inside) if each.public]
    if not turn.helpdesk.abilities.tells:
        raise PermanentError(f"{turn.helpdesk.title} does not tell answers, they are read")
    return (told.answer,) if told.answer.public else ()


def _key(turn: Turn, reply: AgentReply) -> str:
    """Return the key of a reply, the same on whichever ticket it was read."""
    return compose("reply", turn.definition.name, reply.id)
