"""The texts that we write into tickets: customers' messages with their origin, and our own notes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from deskwire.care.measure import cut
from deskwire.care.private import NAMES
from deskwire.contracts.terms import Unit
from deskwire.model.events import MOST_STARS, Attachment, Author, Event, Kind
from deskwire.model.tickets import AgentReply, Change, Earlier

from .decide import Undelivered
from .spoken import Writer, labels, visible
from .table import moment
from .thread import Clock

ACK = "ack"  # prefix of the keys of acknowledgements
INVITE = "invite"  # of invitations to continue in private
BESIDE = "beside"  # of the public line beside a private answer
THANKS = "thanks"  # of thanks for a rating
AUTOMATIC = (f"{ACK}/", f"{INVITE}/", f"{BESIDE}/", f"{THANKS}/")
REASON = 300  # characters of a platform's reason
SUBJECT = 80  # characters of an earlier ticket's subject
MOST_OPEN, LAST = 5, 3  # earlier tickets that a note names: those still open, and the others
NAME = 120  # characters of a person's name
JOINERS = "\u200c\u200d"  # needed within emoji and Persian words
LATE = timedelta(minutes=2)  # platforms' clocks and batches differ by less


def when(moment: datetime | None) -> str:
    """Return a time as agents read it: `2026-11-21 08:00 UTC`."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def line(text: str) -> str:
    """Return text as one line, without control, invisible and direction-changing characters."""
    shown = " ".join(text.split())
    kept = (sign for sign in shown if sign in JOINERS or unicodedata.category(sign)[0] != "C")
    return " ".join("".join(kept).split())


def called(author: Author) -> str:
    """Return the person's name or handle, fit for a heading; "" if neither is visible."""
    return next((cut(line(name), NAME, Unit.CHARACTERS) for name in (author.name, author.handle) if visible(name)), "")


def who(author: Author | None) -> str:
    """Return a name for an author."""
    if author is None:
        return "somebody the platform does not name"
    return called(author) or line(author.id)


def subject(event: Event, author: Author | None, title: str) -> str:
    """Return a ticket's subject: the channel, the author and the beginning of the message, on one line."""
    words = line(event.subject or event.text)
    return f"[{title}] {who(author)}: {words[:80]}{'…' if len(words) > 80 else ''}"


def body(
    event: Event,
    title: str,
    *,
    latest: int,
    unfetched: tuple[str, ...] = (),
    before: str = "",
    answers: str = "",
    judged: str = "",
) -> str:
    """Return a message's text for the ticket: the words, then a line with the channel, and one for each fact.

    The author and the time are fields of the `Entry`.

    `latest`: the time of the newest message filed so far (Unix seconds); an older one is marked as late. `unfetched`:
    lines for attachments that could not be fetched. `before`: the earlier text of an edited message, or when a deleted
    one was written. `answers`: the line about the message it replies to; `judged`: the line about its judgement.
    """
    text = event.text
    if event.kind is Kind.EDIT:
        text = f"(edited) {text}" + (f"\n\nBefore: {before}" if before else "")
    elif event.kind is Kind.DELETION:
        text = "(The customer deleted a message" + (f" of {before}" if before else "") + ".)"
    elif event.own:
        text = f"(Written by us on the platform, outside this ticket.)\n\n{text}"
    about = title
    if event.occurred_at and latest and event.occurred_at.timestamp() < latest - LATE.total_seconds():
        about += " · arrived late: written before what stands above"
    lines = [answers, *facts(event), cut(line(judged), REASON, Unit.CHARACTERS)]
    return "\n".join([text, *unfetched, "", about, *filter(None, lines)])


def in_reply_to(event: Event, answered: Event) -> str:
    """Return the line that names the message to which another one replies.

    It gives the time and quotes nothing: a quotation would survive the deletion of the original.
    """
    own = answered.author is not None and event.author is not None and answered.author.id in event.author_ids
    whose = "our message" if answered.own else "their own message" if own else "a message"
    return _in_reply_to(whose, answered.occurred_at)


def in_reply_to_ours(sent_at: int) -> str:
    """Return the line for a reply to a message of ours, sent at this time (Unix seconds, 0: unknown)."""
    return _in_reply_to("our message", moment(sent_at) if sent_at else None)


def _in_reply_to(whose: str, at: datetime | None) -> str:
    return f"In reply to: {whose} of {when(at)}" if at else f"In reply to: {whose}"


def facts(event: Event) -> list[str]:
    """Return a line for each fact, in the order given. Line breaks are removed, so no value can forge another line."""
    own = [f"Rating: {event.stars} of {MOST_STARS}"] if event.stars else []
    own += [f"Suspected spam: {line(event.suspicion)}"] if event.suspicion else []
    return own + [f"{line(label)}: {line(value)}" for label, value in event.facts.items()]


def undeliverable(reason: str, text: str, detail: str = "") -> str:
    """Return the note for an agent whose answer was not sent."""
    more = f"{detail}\n" if detail else ""
    return (
        f"This answer was NOT delivered to the customer.\nWhy: {reason}.\n{more}"
        f"What you can do: answer by another way the customer has given, or on the platform itself.\n\n> {text[:300]}"
    )


def withheld(reason: str, text: str) -> str:
    """Return the note about a comment in a colleague's name that was not taken for their answer."""
    return (
        f"This was NOT sent to the customer.\nWhy: {reason}.\n"
        f"If the customer is to read it, write it here as a new answer.\n\n> {text[:300]}"
    )


def undelivered(reason: str, title: str, what: Undelivered) -> str:
    """Return the note about a sent text that the platform later reported as not delivered."""
    automatic = {
        ACK: "The automatic acknowledgement",
        INVITE: "The invitation to go on in private",
        BESIDE: "The line in public",
    }
    sent = automatic.get(what.key.partition("/")[0], "An answer")
    at = f" (sent {when(moment(what.sent_at))})" if what.sent_at else ""
    return (
        f"{sent}{at} was NOT delivered to the customer: {title} took it and reported this later.\n"
        f"Why: {cut(line(reason), REASON, Unit.CHARACTERS) or 'it gave no reason'}.\n"
        "What you can do: answer by another way the customer has given, or on the platform itself."
    )


def overtaken(*, private: bool) -> str:
    """Return the reason why an answer was not sent: its audience changed after it was written."""
    if private:
        return (
            "somebody else has begun to write in this conversation, and it would have gone to them. If it is for them, "
            "please say it again"
        )
    return (
        "it was written in a private conversation, which has gone on in public since, and everybody would have read "
        "it. If everybody may read it, please say it again"
    )


PERHAPS_PRIVATE = (
    "it may be meant for the customer alone, and everybody would have read it. For a private answer begin it with "
    "“#private” and a space; if everybody may read it, please say it again without that word, or with “#public” "
    "spelt so"
)


NOBODYS = "this is the ticket of an incident and of no customer. `deskwire incident say` tells everybody in it"


def holds_private(kinds: Sequence[str]) -> str:
    """Return the reason why an answer with private matters was held back: their kinds, never their content."""
    return f"it holds {listed(kinds)}, and everybody would have read it"


def held_back(reason: str) -> str:
    """Return the note about an answer held back for private matters. It quotes nothing."""
    return (
        f"This answer was NOT published.\nWhy: {reason}.\n"
        "What you can do: if everybody may read it, say it again and begin with “#public” and a space; if it is for "
        "the customer alone, begin with “#private” and a space."
    )


def hidden(kinds: Sequence[str], title: str) -> str:
    """Return the note about a customer's message that was hidden."""
    return (
        f"A message of the customer's was hidden on {title}: it holds {listed(kinds)}. They still see it themselves. "
        "To show it again, do so on the platform."
    )


def shown(title: str) -> str:
    """Return the note about a message shown again after its writer removed the private matters."""
    return f"The customer's message is shown again on {title}: they took out what was private."


def not_hidden(kinds: Sequence[str], title: str, reason: str) -> str:
    """Return the note about a message that could not be hidden."""
    why = cut(line(reason), REASON, Unit.CHARACTERS)
    return (
        f"A message of the customer's holds {listed(kinds)} in public and could NOT be hidden on {title}.\n"
        f"Why: {why}.\nPlease look at it there."
    )


def listed(kinds: Sequence[str]) -> str:
    """Return kinds of private matters in words: “a card number, a telephone number”."""
    return ", ".join(NAMES[kind] for kind in kinds)


LINK_WAITS = (
    "it is for the customer alone, and the one-time link that was posted before is still good. It stays in this "
    "ticket; whoever comes by the link gets a ticket of their own, which is named here"
)
LINK_USED = "This visitor came by a one-time link that somebody else had used before. It links this ticket to no other."


def link_posted(title: str, until: datetime, left: Sequence[str]) -> str:
    """Return the note about an answer that stays in the ticket because a one-time link was posted in its place."""
    files = f" Its files were not sent, either: {', '.join(left)}." if left else ""
    return (
        f"This answer is for the customer alone, and {title} takes no private answer here. It was NOT sent: a one-time "
        f"link to a private conversation was posted in public in its place, good until {when(until)}.{files}\n"
        "Whoever comes by the link gets a ticket of their own, which is named here. Anybody may open a public link: "
        "make sure that it is the customer before you say there what you said here."
    )


def came_by(name: str, title: str, ticket: str) -> str:
    """Return the note on the ticket of a visitor who came by a one-time link; parameters are "" if unknown."""
    whose = f"{line(name)}'s message" if name else "a message"
    where = f" on {title}" if title else ""
    there = f" (ticket #{ticket})" if ticket else ""
    waits = " What the agent meant for that customer stands in that ticket, and was not sent." if ticket else ""
    return (
        f"This visitor came by the one-time link under {whose}{where}{there}. It is NOT proved that it is the same "
        f"person: the link stood in public, and anybody may open it.{waits}"
    )


def link_used(ticket: str, name: str) -> str:
    """Return the note on the public conversation's ticket that a visitor came by its link."""
    return (
        f"Somebody came by the one-time link and wrote: ticket #{ticket}. It is NOT proved that it is "
        f"{line(name) if name else 'the customer'}."
    )


COPY = "this ticket is a copy, for the move to this helpdesk: nothing that is written here reaches the customer"


def of_a_mirror(helpdesk: str, ticket: str) -> str:
    """Return the reason why an answer in a mirror is not sent, and where to answer instead."""
    return f"{COPY}. Please answer in {helpdesk}, ticket {ticket}" if ticket else COPY


def in_a_mirror(reason: str, text: str) -> str:
    """Return the note for an agent who answered in a mirror."""
    return f"This was NOT sent to the customer.\nWhy: {reason}.\n\n> {text[:300]}"


def mirrored(reply: AgentReply, text: str, files: Sequence[str], where: str, title: str) -> str:
    """Return the note for a mirror about an answer that was sent."""
    by = f" by {line(reply.author)}" if reply.author else ""
    attached = f"\n\nAttached: {line(', '.join(files))}" if files else ""
    return f"{text.strip()}{attached}\n\nAnswered{by} in {where} · {title} · {when(reply.written_at)}"


def uncopied(name: str) -> str:
    """Return the line for an answer's file that had expired before it was copied."""
    return f"The file {line(name)} is not here: it could not be copied in time."


WORDLESS = "it has no words, and pictures and other files are not sent. Please write a text, with a link"
TO_WHOM = "several people write in this conversation, and it does not name the one whom it is for"
QUOTES = "it seems to quote this ticket or the head of a mail. Please say it again without that"


def not_sent_along(left: Sequence[str]) -> str:
    """Return the note about an answer sent without some of its files, each given with the reason."""
    return f"The text was sent, these attachments were not: {'; '.join(left)}. Please send a link."


def left_behind(attachments: Sequence[Attachment]) -> str:
    """Return the line that names the attachments of an answer."""
    names = ", ".join(each.name or each.line() for each in attachments)
    return f"Attached: {names}." if names else ""


def begin_with(writers: Sequence[Writer]) -> str:
    """Return the line that explains how a private answer names its addressee."""
    return "Please begin it with " + " or ".join(f"“#private {line(name)}: …”" for name in labels(writers)) + "."


def uncertain(text: str) -> str:
    """Return the note for an agent when it is unknown whether the answer was sent."""
    return (
        "It is unknown whether this answer reached the customer: the platform did not confirm it, and cannot be "
        "asked. It was not sent again, so that nobody reads it twice. Please look on the platform itself."
        f"\n\n> {text[:300]}"
    )


def update_told(text: str, incident: str, number: int) -> str:
    """Return the note about an incident's update that was sent to the customer."""
    return f"The customer was told about the incident {incident} (update {number}):\n\n> {text[:1000]}"


def update_untold(incident: str, number: int, reason: str) -> str:
    """Return the note about an incident's update that was not sent, or may not have been."""
    why = cut(line(reason), REASON, Unit.CHARACTERS)
    return f"The customer was NOT told about the incident {incident} (update {number}): {why}."


def unchanged(change: Change, reason: str) -> str:
    """Return the note about changes of a ticket that could not be made."""
    asked = [f"priority {change.priority}"] if change.priority else []
    asked += [f"tag {tag}" for tag in change.tags]
    asked += [f"group {change.group}"] if change.group else []
    asked += [f"assignee {change.assignee}"] if change.assignee else []
    asked += [f"satisfaction {change.satisfaction}"] if change.satisfaction else []
    return (
        f"A message of the customer's, or a rule of yours, asks for: {', '.join(asked)}. It could NOT be set.\n"
        f"Why: {cut(line(reason), REASON, Unit.CHARACTERS)}.\nPlease set it by hand."
    )


def forgotten() -> str:
    """Return the note for an agent on a ticket whose customer was erased."""
    return (
        "The customer of this ticket asked to be forgotten, and Deskwire has forgotten them. What you write here "
        "reaches nobody any more. Whoever writes again gets a new ticket."
    )


def continues(ticket: str) -> str:
    """Return the line that names the earlier ticket of a conversation."""
    return f"Follow-up of ticket #{ticket}"


def continues_from(helpdesk: str, ticket: str) -> str:
    """Return the line that names a conversation's last ticket in another helpdesk."""
    return f"This conversation goes on from {helpdesk}, ticket {ticket}"


def earlier(tickets: Sequence[Earlier], *, more: bool) -> str:
    """Return the note on a customer's earlier tickets: the open ones, then the last others with their outcome.

    "" if there are none. `tickets` are newest first; `more`: there may be further ones.
    """
    if not tickets:
        return ""
    still = [each for each in tickets if each.open]
    over = [each for each in tickets if not each.open]
    complaints = sum(each.complaint for each in tickets)
    number = f"{'at least ' if more else ''}{len(tickets)}{_counts(len(still), complaints)}"
    lines = [_earlier("Open", each) for each in still[:MOST_OPEN]] + [_earlier("Before", each) for each in over[:LAST]]
    return "\n".join([f"Earlier tickets of this customer: {number}", *lines])


def _counts(still: int, complaints: int) -> str:
    counted = {"open": still, "with a complaint": complaints}
    said = ", ".join(f"{number} {what}" for what, number in counted.items() if number)
    return f" ({said})" if said else ""


def _earlier(which: str, each: Earlier) -> str:
    about = cut(line(each.subject), SUBJECT, Unit.CHARACTERS) or "without a subject"
    said = [f"{which}: #{line(each.number or each.ticket)} {about}", line(each.outcome)[:40]]
    said += ["complaint"] if each.complaint else []
    said += [f"{each.at:%Y-%m-%d}"] if each.at else []
    return " · ".join(filter(None, said))


def window_closes(closes: datetime | None, title: str, *, template: bool) -> str:
    """Return the note that the platform's window for answers closes soon."""
    after = "only a template that it has approved" if template else "no answer in this conversation"
    return (
        f"This customer still waits for an answer, and {title} takes one until {when(closes)}. After that it takes "
        f"{after}, until the customer writes again."
    )


def answer_due(clock: Clock, *, overdue: bool, by_hand: str = "") -> str:
    """Return the note that an answer is due soon or overdue. `by_hand`: to whom the agents are to assign it."""
    span = f"{clock.minutes // 60} h" if clock.minutes % 60 == 0 else f"{clock.minutes} min"
    span = span if clock.always else f"{span} of opening hours"
    who = "This customer" if not clock.hot else f"This customer (judged {clock.kind})"
    if not overdue:
        return f"{who} still waits for an answer. It is due within {span}, by {when(moment(clock.at))}."
    given = f"\nPlease give it to {line(by_hand)}: this helpdesk is not asked to." if by_hand else ""
    return f"{who} should have been answered within {span}, and still waits.{given}"


def answered(name: str, text: str, *, unsure: bool) -> str:
    """Return the note on an automatic answer."""
    sent = "It is unknown whether it reached the customer." if unsure else "The customer was asked whether that was it."
    return (
        f"The declared answer “{name}” was said to the customer automatically. {sent} Whatever they write but a yes is "
        f"for a person.\n\n> {text[:300]}"
    )


def confirmed(name: str, *, solves: bool) -> str:
    """Return the note on a customer's yes to an automatic answer."""
    after = " The ticket is solved by the policy, if the helpdesk can." if solves else ""
    return f"The customer says that the automatic answer “{name}” was what they needed.{after}"


def handed_over(name: str) -> str:
    """Return the note that an automatic answer was not enough for the customer."""
    return (
        f"The automatic answer “{name}” was not enough: the customer has written something else than a yes. Nothing "
        "more is said automatically; please answer."
    )


def rated(stars: int, text: str, *, before: int) -> str:
    """Return the note on a customer's rating; `before` is an earlier one about the same ticket, 0 for none."""
    again = f" They gave {before} before, which is what counts." if before else ""
    return f"The customer was asked how satisfied they are, and gave {stars} of 5.{again}\n\n> {line(text)[:1000]}"


def praised() -> str:
    """Return the note on a ticket that holds praise alone."""
    return "This is praise, and is solved by the policy, if the helpdesk can."


def unsolved(reason: str) -> str:
    """Return the note on a ticket that could not be solved."""
    return f"This ticket was to be solved, and could NOT be.\nWhy: {cut(line(reason), REASON, Unit.CHARACTERS)}."


def quoted(events: Sequence[Event]) -> str:
    """Return the lines that quote earlier messages without a ticket, one line each."""
    lines = [f"> {when(each.occurred_at)} {who(each.author)}: {line(each.text)[:REASON]}" for each in events]
    return "\n".join(["Before, without a ticket:", *lines])


def repeated(title: str) -> str:
    """Return the line for an entry that may be a duplicate because the helpdesk cannot be asked after doubt."""
    return f"(This may stand here twice: an earlier attempt was not confirmed, and {title} cannot be asked.)"


def follows(attachment: Attachment) -> str:
    """Return the line for an attachment that cannot be fetched yet, with its link."""
    return f"{attachment.line()} follows as soon as it can be fetched {attachment.url}".strip()


def unfetched(attachment: Attachment, reason: str) -> str:
    """Return the line for an attachment that could not be fetched, with its link: an agent may still see it."""
    return f"{attachment.line()} could not be fetched: {reason} {attachment.url}".strip()


def attached(attachment: Attachment) -> str:
    """Return the text of an entry with an attachment filed after its message."""
    return f"{attachment.line()} that belongs to an earlier message"


def never_had(attachment: Attachment, reason: str) -> str:
    """Return the text of an entry for an attachment that could never be fetched, with its link."""
    return f"{attachment.line()} of an earlier message could not be fetched: {reason}\n{attachment.url}".strip()
