"""What became of a conversation, as cards that a person reads: from the table, the sender's and others' books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cli.terminal import UserError
from cli.thread import Conversation, look
from deskwire import registry
from deskwire.aws.table import DynamoTable
from deskwire.conversation.recorded import Recorded
from deskwire.conversation.table import moment
from deskwire.model.events import Event
from deskwire.model.keys import decompose
from deskwire.ports import Item
from sandbox.neighbours.desk import By, Comment
from sandbox.neighbours.platform import Spoken
from sandbox.neighbours.sender import State

if TYPE_CHECKING:
    from sandbox.northwind.company import Company
    from sandbox.northwind.notes import Happening, Talk

WRITTEN = ("customer", "company")  # by whom a conversation begins
OURS = "own: sent by us"  # the reason of an echo
MAIL = "mail "  # the places that the embedded AWS's SES keeps


@dataclass(frozen=True, slots=True)
class Step:
    """Something that became of a card. `state` is good, waiting or bad, for whoever cannot read all of it."""

    text: str
    at: str = ""
    state: str = "good"


UNWRITTEN = Step("not recorded yet", state="waiting")
SHORT = 12  # characters of an id that stands for a name
SOON = timedelta(minutes=5)  # in which a message is written down, unless it never will be


@dataclass(slots=True)
class Card:
    """What somebody said, and what became of it. `by`: customer, company, acknowledgement, agent, note, machine."""

    by: str
    name: str
    text: str
    at: str
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """A conversation. `unwritten`: some of it is not in the table, whose stream therefore does not tell of it."""

    key: str
    channel: str
    title: str
    name: str
    ticket: str
    state: str
    at: str
    cards: list[Card]
    unwritten: bool = False
    goes_on: bool = False

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class Teller:
    """Tells stories of a company that runs."""

    def __init__(self, company: Company) -> None:
        """Read nothing yet."""
        self._company = company
        self._table = DynamoTable(company.stack.client("dynamodb"), company.stack.deployed.table)

    def story(self, key: str, talk: Talk | None, machine: Sequence[Card]) -> Story | None:
        """Return the conversation of a thread as it is now; None where nothing is known of one.

        `talk` is what the sandbox itself knows of it, `machine` the cards of what its workers went through.
        """
        try:
            found: Conversation | None = look(self._table, key)
        except UserError:
            found = None
        if found is None and talk is None:
            return None
        comments = self._comments(found)
        spoken = list(self._spoken(talk)) if talk else []
        cards = [*machine, *self._customer(found, talk), *_acknowledgements(found, spoken)]
        cards += [*_agents(found, comments, spoken), *_notes(comments)]
        cards.sort(key=lambda card: card.at)
        channel = talk.channel if talk else decompose(key)[0]
        name = next((card.name for card in cards if card.by == "customer" and card.name), "")
        return Story(
            key=found.thread.key if found else key, channel=registry.channel(channel).title, name=name,
            title=next((card.text for card in cards if card.by in WRITTEN), ""),
            ticket=found.thread.ticket if found else "", state=_state(found), cards=cards,
            at=cards[-1].at if cards else "", unwritten=any(UNWRITTEN in card.steps for card in cards),
        )  # fmt: skip

    def _comments(self, found: Conversation | None) -> list[Comment]:
        tickets = {message.ticket for message, _ in found.messages} | {found.thread.ticket} if found else set()
        kept = [ticket for ticket in self._company.desk.tickets() if ticket.id in tickets] if tickets - {""} else []
        return [comment for ticket in kept for comment in ticket.comments]

    def _spoken(self, talk: Talk) -> Iterator[Spoken]:
        """Yield what the customer could read of the company's, from the platform's own books."""
        if talk.place.startswith(MAIL):
            for mail in self._company.mails:
                if talk.place.removeprefix(MAIL) in mail["To"]:
                    yield Spoken(talk.place, mail["BodyText"], datetime.fromtimestamp(mail["Timestamp"], UTC))
        for platform in self._company.platforms.values():
            if talk.channel in platform.channels:
                yield from platform.said(talk.place)

    def _customer(self, found: Conversation | None, talk: Talk | None) -> Iterator[Card]:
        """Yield what the customer wrote: what the table has, with its delivery; then what is not there yet."""
        told = list(talk.said) if talk else []
        for message, row in found.messages if found else ():
            event = message.event
            if event is None or (event.own and message.reason == OURS):
                continue
            happening = next((each for each in told if each.identity == _identity(event)), None)
            if happening is not None:
                told.remove(happening)
            profile = found.thread.author if found else {}
            card = _customers(message, row, event, self._delivered(happening), profile)
            if not event.text and happening is not None and happening.text:
                card.text = happening.text  # the table has the words once they were fetched
            yield card
        for each in told:
            if each.text:
                recent = self._company.clock.now() - each.at < SOON
                steps = [*self._delivered(each), *([UNWRITTEN] if recent and not each.own else [])]
                yield Card("customer", "", each.text, _iso(each.at), steps)

    def _delivered(self, happening: Happening | None) -> list[Step]:
        steps = []
        for number in happening.deliveries if happening else ():
            try:
                delivery = self._company.sender.delivery(number, timeout=0)
            except KeyError:
                continue
            for each in delivery.attempts:
                good = 200 <= each.status < 300
                said = f"webhook answered {each.status}" if each.status else "webhook not answered"
                more = "" if good else "; the platform sends it again"
                at = _iso(self._company.real(each.at))
                steps.append(Step(f"{said} in {each.seconds:.2f} s{more}", at, "good" if good else "waiting"))
            if delivery.state is State.GIVEN_UP:
                steps.append(Step("the platform gave up", state="bad"))
        return steps


def _identity(event: Event) -> tuple[str, str, str, str]:
    return (event.channel, event.account, event.object_id, str(event.verb))


def _customers(message: Recorded, row: Item, event: Event, delivered: list[Step], profile: Mapping[str, str]) -> Card:
    author = event.author
    known = profile.get("name", "") if author and profile.get("id") == author.id else ""  # looked up since
    name = (author.name or known or author.handle or _short(author.id)) if author else ""
    text = event.text or f"[{event.kind}]"
    written = _milliseconds(row.get("recorded_at", 0))
    steps = [*delivered, *([Step("recorded", written)] if written else []), _outcome(message, row)]
    at = event.occurred_at
    by = "company" if event.own else "customer"  # what the company wrote past the helpdesk
    return Card(by, name, text, _iso(at) if at else written, steps)


def _outcome(message: Recorded, row: Item) -> Step:
    if not message.done:
        return Step("waits for its outcome", state="waiting")
    where = f" in ticket {message.ticket}" if message.ticket else ""
    why = f": {message.reason}" if message.reason else ""
    state = "bad" if message.state in {"refused", "dead"} else "good"
    return Step(f"{message.state}{where}{why}", _milliseconds(row.get("done_at", 0)), state)


def _acknowledgements(found: Conversation | None, spoken: Sequence[Spoken]) -> Iterator[Card]:
    texts = [each for each in spoken if each.automatic]
    for row in found.sent if found else ():
        if not row["sk"].startswith("S#ack/"):
            continue
        said = texts.pop(0) if texts else None
        at = _sent_at(row)
        yield Card("acknowledgement", "", said.text if said else "", at, [_sent(row)])
    for each in texts:
        yield Card("acknowledgement", "", each.text, _iso(each.at), [Step("arrived", _iso(each.at))])


def _agents(found: Conversation | None, comments: Sequence[Comment], spoken: Sequence[Spoken]) -> Iterator[Card]:
    """Yield what agents wrote: whether it was sent, and whether it arrived."""
    sent = [row for row in found.sent if row["sk"].startswith("S#reply/")] if found else []
    rows = {decompose(row["sk"][2:])[-1]: row for row in sent}
    ids = {comment.id for comment in comments}
    others = [row for reply, row in rows.items() if reply not in ids]  # answers may have ids of their own
    arrived = [each for each in spoken if not each.automatic]
    for comment in comments:
        if comment.by is not By.AGENT:
            continue
        steps = [Step("internal: nobody else sees it")]
        if comment.public:
            row = rows.get(comment.id) or (others.pop(0) if others else None)
            steps = [Step("the customer has it", _iso(each.at)) for each in arrived if _holds(each.text, comment.text)]
            steps.append(_sent(row) if row is not None else Step("waits to be sent", state="waiting"))
            steps.sort(key=lambda step: step.at)
        yield Card("agent", "", comment.text, _iso(comment.at), steps)


def _notes(comments: Sequence[Comment]) -> Iterator[Card]:
    for comment in comments:
        if comment.by is By.NOTE:
            yield Card("note", "", comment.text, _iso(comment.at))


SENT = {
    "sending": ("is being sent", "waiting"), "sent": ("sent", "good"), "failed": ("not sent; tried again", "waiting"),
    "refused": ("not sent", "bad"), "unknown": ("may have arrived; never sent twice", "bad"),
}  # fmt: skip


def _sent(row: Item) -> Step:
    text, state = SENT.get(str(row.get("state")), (str(row.get("state")), "bad"))
    why = f": {row['reason']}" if row.get("reason") else ""
    return Step(f"{text}{why}", _sent_at(row), state)


def _sent_at(row: Item) -> str:
    return _milliseconds(row.get("done_at", 0)) or (_iso(moment(row["begun_at"])) if row.get("begun_at") else "")


def _state(found: Conversation | None) -> str:
    """Say how a conversation stands, in words."""
    if found is None:
        return "on its way"
    thread = found.thread
    waiting = len(thread.pending) + thread.waiting
    if thread.lease_owner:
        return "a worker has it"
    if waiting and thread.due_at:
        tried = f" after {thread.attempts} attempts" if thread.attempts > 1 else ""
        return f"waits{tried}, next at {moment(thread.due_at):%H:%M:%S} UTC"
    return "waits" if waiting else "done"


def _holds(text: str, words: str) -> bool:
    return " ".join(words.split()) in " ".join(text.split())


def _short(identity: str) -> str:
    return identity if len(identity) <= SHORT else f"{identity[:SHORT]}…"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(stamp: int) -> str:
    return _iso(datetime.fromtimestamp(stamp / 1000, UTC)) if stamp else ""
