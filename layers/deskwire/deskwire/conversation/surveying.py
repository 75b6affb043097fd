"""Ask a customer once how satisfied they are, and note their rating on the ticket.

The question is sent like an acknowledgement: its intent is noted first, and it is sent at most once. Before that, the
person's survey period is claimed, so that two threads of one person ask once. A rating becomes a private note, through
which it is counted; it does not reopen the ticket and is not acknowledged. Further words are filed as usual.
"""

from __future__ import annotations

from dataclasses import dataclass

from deskwire.care.acknowledge import worded
from deskwire.care.measure import cut
from deskwire.care.survey import Rating
from deskwire.contracts.channel import Offers, Replies
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.choices import Choice, Offer, question_of
from deskwire.model.events import Author, Event, Visibility
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import Change
from deskwire.model.values import replace
from deskwire.telemetry import Telemetry

from . import wording
from .acknowledging import unwelcome
from .aside import PRAISED
from .decide import Plan
from .gathering import place
from .ledger import Ledger
from .recorded import RATED, Recorded
from .sending import Sending
from .surveys import VALUES, is_asked, permit, rating_of, survey_key, too_late
from .table import DAY, seconds
from .thread import Asked, outgoing
from .turn import Turn

LONGEST_TITLE = 20  # characters of a choice's title that every platform takes


@dataclass(frozen=True, slots=True)
class Surveying:
    """Asks the customer of a turn, and handles their rating."""

    ledger: Ledger
    telemetry: Telemetry
    sending: Sending

    # ---------------------------------------------------------------- the answer

    def hear(self, turn: Turn, plan: Plan) -> None:
        """Note the ratings among a turn's messages on the ticket; the first one counts."""
        ended = [each.event for each in plan.ended if each.reason == RATED]
        going_on = [item.event for item in (*plan.file, *plan.heard) if item.rating is not None]
        for event in (*ended, *going_on):
            rating = rating_of(turn.before, event, turn.connection.policy, turn.now) if event is not None else None
            asked = turn.thread.survey
            if event is not None and asked is not None and rating is not None:
                self._rated(turn, asked, event, rating)

    def _rated(self, turn: Turn, asked: Asked, event: Event, rating: Rating) -> None:
        first, low = asked.state != "rated", turn.connection.policy.survey.low
        change = Change(tags=(f"rating-{rating.stars}",), satisfaction=str(rating.stars) if first else "")
        if rating.stars <= low.up_to:
            change |= Change(low.priority or "", low.tags)
        turn.added.append(
            Recorded(
                key=compose("note", "rating", event.key),
                note=wording.rated(rating.stars, event.text, before=asked.rating),
                received_at=turn.now.isoformat(),
                ticket=asked.ticket,
                helpdesk=asked.helpdesk,
                change=change,
                rating=rating.stars if first else 0,
                figures=asked.figures if first else "",
            )
        )
        turn.survey(asked._replace(state="rated", rating=rating.stars))
        if first:
            turn.counted.append("Ratings")
            self._thank(turn, asked)

    def _thank(self, turn: Turn, asked: Asked) -> None:
        """Thank for the rating, if the policy has a text. This is not retried."""
        policy, thread = turn.connection.policy, turn.thread
        wording_ = policy.survey.thanking(asked.language, policy.default_language)
        found = permit(turn.channel.terms, thread, turn.now)
        text = worded(wording_, thread.reference, policy, turn.now)[0] if wording_ is not None else None
        # A comment takes only one private reply, which was the question.
        if isinstance(found, Refusal) or not text or thread.visibility is Visibility.PUBLIC or not _here(turn):
            return
        text = cut(text, found.limit.most, found.limit.unit)
        message = outgoing(thread, key=compose(wording.THANKS, asked.key), text=text, automatic=True)
        turn.intended.append(message.key)
        first = self.ledger.intend(thread, send=message.key, text=text)
        state, sent, reason = self.sending.send(turn, message, found, first=first)
        turn.settle(message.key, "refused" if state == "failed" else state, sent.ids if sent else (), reason)

    # ---------------------------------------------------------------- the question

    def ask(self, turn: Turn, plan: Plan) -> None:
        """Ask, if the timer is due; if it fails, the timer tries again."""
        begun = turn.before.survey if turn.before.survey and turn.before.survey.state == "begun" else None
        if begun is not None:
            self._resume(turn, begun)
        elif is_asked(turn.before, turn.now) and _here(turn) and not _goes_on(turn, plan):
            self._ask(turn)

    def _ask(self, turn: Turn) -> None:
        thread = turn.thread
        found = self._leave(turn)
        asked = _asked(turn)
        if isinstance(found, Refusal):
            self.telemetry.count("SurveysNotAsked")
            self.telemetry.log("INFO", "not asked", channel=turn.channel.name, reason=found.reason)
            turn.survey(asked._replace(state="over"))
            return
        message = _question(turn, asked, found)
        turn.intended.append(asked.key)
        first = self.ledger.intend(thread, send=asked.key, text=message.text, more={"survey": list(asked)})
        self._send(turn, asked, message, found, first=first)

    def _resume(self, turn: Turn, asked: Asked) -> None:
        """Settle a question whose worker stopped before it noted the result; it is not sent again."""
        known = self.ledger.begun(turn.thread.key, asked.key)
        if turn.thread.survey is not None and turn.thread.survey.state == "rated":
            if known:
                turn.settle(asked.key, "sent", (), "the customer has answered")
            return
        found = permit(turn.channel.terms, turn.thread, turn.now)
        if known and isinstance(found, Permit) and _here(turn):
            self._send(turn, asked, _question(turn, asked, found), found, first=False)
            return
        if known:
            turn.settle(asked.key, "unknown", (), "its worker ended before the platform's answer was noted")
        turn.survey(asked._replace(state="asked"))

    def _send(self, turn: Turn, asked: Asked, message: Outgoing, found: Permit, *, first: bool) -> None:
        state, sent, reason = self.sending.send(turn, message, found, first=first)
        turn.settle(message.key, state, sent.ids if sent else (), reason)
        if sent is not None and sent.elsewhere:
            turn.add_reports(self.ledger.lead(sent.elsewhere, turn.thread.key, message.key, sent.ids))
        if state == "failed":
            turn.survey(turn.before.survey)
            return
        self.telemetry.count("SurveysAsked" if state == "sent" else "SurveysNotAsked")
        turn.survey(asked._replace(state="over" if state == "refused" else "asked"))

    def _leave(self, turn: Turn) -> Permit | Refusal:
        """Claim the person's period and return the permit to ask now, or the refusal."""
        thread, policy = turn.thread, turn.connection.policy
        author = thread.customer()
        if author is None or not isinstance(turn.channel, Replies):
            return Refusal("nobody can be asked here")
        if PRAISED in thread.tags:
            return Refusal("it was praise, which nobody had to answer")
        if too_late(thread, policy, turn.now):
            return Refusal("it could not be asked for a day")
        found = permit(turn.channel.terms, thread, turn.now)
        if isinstance(found, Refusal):
            return found
        if unwanted := unwelcome(self.ledger, turn, thread.channel, author, survey_key(thread)):
            return Refusal(str(unwanted))
        return found if self._claimed(turn, author) else Refusal("the person was asked in this period")

    def _claimed(self, turn: Turn, author: Author) -> bool:
        """Claim the period under each of the person's ids; return whether all are ours."""
        ids = (author.id,) if turn.channel.proves_authors else (author.email.casefold() or author.id,)
        days, key = turn.connection.policy.survey.period_days, survey_key(turn.thread)
        known = dict.fromkeys((*ids, *(turn.thread.ids if turn.channel.proves_authors else ())))
        return all(self.ledger.claim_survey(turn.thread.channel, each, key, days * DAY) for each in known)


def _here(turn: Turn) -> bool:
    """Return whether the turn handles the channel that the customer uses now."""
    return place(turn.thread) == place(turn.connection)


def _goes_on(turn: Turn, plan: Plan) -> bool:
    """Return whether messages are still to be handled: one of them could reopen the ticket."""
    done = {each.key for each in turn.outcomes if each.done} | turn.settled
    unread = any(key not in done for key in turn.before.pending) or turn.before.waiting
    return bool(turn.later or plan.heard or unread)


def _asked(turn: Turn) -> Asked:
    """Return the state of a survey about the present ticket that is about to be sent."""
    thread, policy = turn.thread, turn.connection.policy
    spoken = (thread.case.language if thread.case else "") or thread.context.get("language", "")
    language, _ = policy.survey.question(spoken, policy.default_language)
    figures = thread.case.encode({}) if thread.case else ""
    return Asked(survey_key(thread), seconds(turn.now), thread.ticket, turn.own, figures, language)


def _question(turn: Turn, asked: Asked, found: Permit) -> Outgoing:
    """Return the question to send: with buttons in a private conversation, if the channel has them."""
    thread, policy, channel = turn.thread, turn.connection.policy, turn.channel
    _, words = policy.survey.question(asked.language, policy.default_language)
    text = cut(worded(words, thread.reference, policy, turn.now)[0] or "", found.limit.most, found.limit.unit)
    message = outgoing(thread, key=asked.key, text=text, automatic=True, private=True)
    if not isinstance(channel, Offers) or message.private_reply:
        return message
    return replace(message, offers=_offers(asked.key))


def _offers(key: str) -> tuple[Offer, ...]:
    """Return the five choices, with titles that need no translation."""
    question = question_of(key)
    return tuple(Offer(Choice(question, value), f"{value} {'★' * int(value)}") for value in VALUES)
