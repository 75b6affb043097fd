"""The scenarios: short stories, each told in a world whose plan decides what goes wrong.

Every one ends with the same epilogue, in which nothing goes wrong any more: the customer writes once more and an agent
answers. So a thread that was left in a state from which it cannot go on shows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import timedelta

from deskwire import registry
from deskwire.care.waits import bucket
from deskwire.contracts.terms import Figure, Pace
from deskwire.conversation import ledger, overflow
from deskwire.conversation.figures import waits_item
from deskwire.conversation.health import PATIENCE
from deskwire.model.errors import TemporaryError
from deskwire.model.events import Visibility
from deskwire.watching.facts import Case, first_answer_in
from deskwire.watching.watcher import case_item
from deskwire.web.rest import Answer
from deskwire.web.wire import Reply
from sandbox.neighbours.neighbour import broken, throttled
from sandbox.platforms.webchat.played import CHAT

from . import promises
from .people import PAGE, PICTURES, TWIN
from .ports import KINDS, MOST_RECEIVED
from .world import (
    ASK,
    GRAPH,
    MONTH,
    URGENT,
    X_API,
    World,
    assignee_of,
    erase,
    misread,
    replay,
    replay_dead,
    reporting,
    say,
    stands,
    status_of,
    ticket_of,
)

SCENARIOS = {}
ASKED, PHONE = "Please tell us the number.", "+354 555 0100"
CARD, INVITED = "4242 4242 4242 4242", "Please go on in private."


def scenario(*, desks=("zendesk",), channels=("messenger",), short=False, visibility=360, kinds=()):
    """Register a scenario: for which desks and channels, whether pairs of misfortunes are tried as well."""

    def register(tell):
        for desk in desks:
            for channel in channels:
                name = f"{tell.__name__} ({channel}, {desk})".replace("_", " ")
                SCENARIOS[name] = Scenario(name, tell, desk, channel, short, visibility, kinds)
        return tell

    return register


class Scenario:
    """One story with its cast."""

    def __init__(self, name, tell, desk, channel, short, visibility, kinds):
        self.name = name
        self.tell = tell
        self.desk = desk
        self.channel = channel
        self.short = short
        self.visibility = visibility
        self.kinds = kinds
        self.first = (desk, channel) == ("zendesk", "messenger")  # its pairs are a part of the default run
        self.mirrors = World.mirrors_into.__name__ in tell.__code__.co_names

    def __repr__(self):
        return self.name


ALL = ("zendesk", "requesttracker", "logbook")
BOTH = ("messenger", "facebook")
BROKEN = "The app is not working, I cannot log in!"
NEWS = "The app works again."
X = ("x", "x in public")


def epilogue(world):
    """Nothing goes wrong any more; everybody can still talk."""
    world.gate.open = False
    world.down.clear()
    world.plans.clear()
    for errand in world.errands:
        world.operator(errand)
    world.stopped = False
    world.quiet()
    if len(world.gate.happened) >= MOST_RECEIVED:  # so many deaths may kill a letter; the alarm calls somebody
        world.operator(replay_dead)
        world.quiet()
    world.stuck += promises.stuck(world)
    for customer in world.customers:
        if customer.said:
            world.run(30)
            customer.writes("and thank you")
    world.quiet()
    tickets = [kept.id for kept in world.desk.books() if not kept.closed and not kept.merged]
    moved = [customer for customer in world.customers if customer.desk != "desk"]
    if moved or not world.desk.asks:  # a ticket whose birth nobody heard of stays unknown: the next one says so
        tickets = [ticket for customer in world.customers if (ticket := ticket_of(customer))]
    for ticket in tickets:
        world.agent_replies(ticket, "you are welcome", desk="mirror" if _is_moved(ticket, moved) else "desk")
    world.quiet()


def _is_moved(ticket, moved):
    return any(ticket == kept.id for customer in moved for kept in customer.tickets())


@scenario(desks=ALL, channels=BOTH, short=True)
@scenario(channels=(*X, "whatsapp", "webchat"), short=True)
@scenario(desks=("vtiger",))
def first_message(world, marta):
    marta.writes()
    world.quiet()


@scenario(desks=ALL, short=True)
def follow_up(world, marta):
    marta.writes()
    world.run(1)
    marta.writes("it is number 4471")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def follow_up_after_a_while(world, marta):
    marta.writes()
    world.run(400)
    marta.writes("it is number 4471")
    world.run(400)
    marta.writes("hello?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), short=True)
@scenario(desks=("vtiger",))
def angrier_message(world, marta):
    marta.writes()
    world.run(1)
    marta.writes(f"my {URGENT} will write to you")
    world.run(60)
    marta.writes(f"my {URGENT}, I said")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), channels=("whatsapp",), short=True)
def changed_number(world, marta):
    marta.writes()
    world.run(60)
    marta.changes_number()
    world.run(5)
    marta.writes("it is number 4471")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), channels=("whatsapp",), short=True)
def hidden_number(world, marta):
    """The first message names her by both ids, the later ones by the other alone."""
    marta.writes()
    world.run(3600)  # whatever dies, the ticket is there by then
    marta.hides_number()
    marta.writes("it is number 4471")
    world.agent_replies(ticket_of(marta))
    world.quiet()


QUESTION = "When are you open on weekdays?"
HOURS = {
    "questions": ["When are you open?", "What are your opening hours on weekdays?", QUESTION],
    "answer": {"en": "Thank you for asking: we are open from nine to five."},
    "visibility": ["private", "public"],
}
GLAD = "thank you so much, your team is amazing and so helpful!"


@scenario(desks=("zendesk", "requesttracker", "logbook"), channels=("messenger",))
@scenario(channels=("facebook",))
def answered_at_night(world, marta):
    """The customer says yes, so the ticket is solved; what they write later opens it again."""
    world.declares(hours=HOURS)
    marta.writes(QUESTION)
    world.run(60)
    assert any(ASK in text for _, text in marta.heard()) or world.gate.happened, "ANSWER: nothing was said"
    marta.agrees()
    world.quiet()
    solves = world.desk.asks  # the logbook can neither be asked nor solve a ticket
    assert status_of(marta) == "solved" or world.gate.happened or not solves, "ANSWER: a yes does not solve the ticket"


@scenario(desks=("zendesk", "requesttracker"))
def answered_at_night_and_not_enough(world, marta):
    world.declares(hours=HOURS)
    marta.writes(QUESTION)
    world.run(1)
    marta.writes("and on Christmas?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def praise_without_a_ticket(world, marta):
    """The words stand in the ticket that a later message opens."""
    world.rules(judging={"thanks": {"private": {"en": "Thank you!"}}, "praise": {"ticket": "none"}})
    marta.writes(GLAD)
    world.run(60)
    marta.writes("where is my parcel?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def praise_that_is_solved(world, marta):
    world.rules(judging={"thanks": {"private": {"en": "Thank you!"}}, "praise": {"ticket": "solved"}})
    marta.writes(GLAD)
    world.quiet()
    assert status_of(marta) == "solved", "PRAISE: its ticket is not solved"


ASKED_FOR = {"on": True, "thanks": {"en": "Noted, thanks."}}
HOW_SATISFIED = "How satisfied are you"


def solved(world, customer):
    """Have a customer's ticket solved, by a yes to an automatic answer, and let the question come."""
    customer.writes(QUESTION)
    world.run(60)
    customer.agrees()
    world.quiet()


def surveys(world):
    """Declare that customers are asked how satisfied they are; a note on earlier tickets would quote their words."""
    world.declares(hours=HOURS)
    world.rules(
        answering={"ask": {"private": {"en": ASK}}, "confirmed": "solve"}, survey=ASKED_FOR, history={"on": False}
    )


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=("whatsapp", "webchat"))
def survey(world, marta):
    """They are asked once, and press a button; what they press opens nothing."""
    surveys(world)
    solved(world, marta)
    asked = any(HOW_SATISFIED in text for text in marta.got())
    if asked:
        marta.rates()
        world.quiet()
    world.stuck += promises.surveyed(world, [marta], HOW_SATISFIED, rated=asked)
    assert status_of(marta) == "solved" or world.gate.happened, "SURVEY: a rating opens the ticket"


@scenario()
def survey_answered_in_words(world, marta):
    surveys(world)
    solved(world, marta)
    if any(HOW_SATISFIED in text for text in marta.got()):
        marta.writes("2, nobody called me back")
        world.quiet()
    world.stuck += promises.surveyed(world, [marta], HOW_SATISFIED)


@scenario()
def survey_in_an_outage(world, marta):
    """The platform is down when it is time to ask, and the helpdesk when it is answered."""
    surveys(world)
    marta.writes(QUESTION)
    world.run(60)
    marta.agrees()
    world.run(600)
    world.down[GRAPH] = TemporaryError("connection refused", ambiguous=False)
    world.run(2 * 3600)
    world.down.clear()
    world.quiet()
    if any(HOW_SATISFIED in text for text in marta.got()):
        world.outage()
        marta.rates("1")
        world.run(1800)
        world.recovery()
        world.quiet()
    world.stuck += promises.surveyed(world, [marta], HOW_SATISFIED)


@scenario()
def survey_of_one_person_in_two_threads(world, marta):
    """Both tickets are solved in one hour; she is asked about one of them."""
    surveys(world)
    again = world.customer("Marta of the other page", page=TWIN, person=marta.person)
    for each in (marta, again):
        each.writes(QUESTION)
    world.run(60)
    for each in (marta, again):
        each.agrees()
    world.quiet()
    world.stuck += promises.surveyed(world, [marta, again], HOW_SATISFIED)


@scenario()
def survey_that_comes_too_late(world, marta):
    """They go on before it is time to ask."""
    surveys(world)
    marta.writes(QUESTION)
    world.run(60)
    marta.agrees()
    world.run(1200)
    marta.writes("and at Christmas?")
    world.quiet()
    assert not any(HOW_SATISFIED in text for text in marta.got()), "SURVEY: asked about an open ticket"


@scenario(channels=("whatsapp",), short=True)
def changed_number_twice_before_the_first_message(world, marta):
    marta.changes_number()
    marta.changes_number(after=5)
    world.run(60)
    marta.writes()
    marta.writes("it is number 4471")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def album(world, marta):
    world.deliver(*(marta.says(f"picture {number}") for number in range(3)))
    for number in range(2):
        marta.writes(f"and {number}")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), kinds=(*KINDS, "slow"))
def album_that_is_one_thing(world, marta):
    """The platform names it, so it is one entry, whatever happens to whoever files it."""
    with named_albums():
        world.gate.open = False
        marta.writes()
        world.quiet()
        world.gate.open = True
        for number in range(2):
            marta.writes(f"picture {number}")
        world.run(60)
        marta.writes("picture 3")
        world.quiet()


@contextlib.contextmanager
def named_albums():
    """Let Messenger name the album that each picture is of."""
    kind = type(registry.channel("messenger"))
    parse = kind.parse

    def read(connector, request):
        for each in parse(connector, request):
            shown = "picture" in getattr(each, "text", "")
            yield dataclasses.replace(each, group="album") if shown else each

    kind.parse = read
    try:
        yield
    finally:
        kind.parse = parse


@scenario()
def album_in_an_outage(world, marta):
    marta.writes()
    world.quiet()
    world.outage()
    for number in range(3):
        marta.writes(f"picture {number}")
        world.run(1)
    world.run(60)
    world.recovery()
    world.quiet()


@scenario()
def flood_in_an_outage(world, marta):
    """More than the thread's list takes, here two messages; the others lie on pages of two."""
    with narrow():
        marta.writes()
        world.quiet()
        world.outage()
        said = [marta.writes(f"number {number}") for number in range(6)]
        marta.again(said[5])
        world.run(60)
        world.recovery()
        world.run(20)
        marta.again(said[3])
        marta.writes("and now?")
        world.quiet()


@contextlib.contextmanager
def narrow():
    """Let threads take up fewer messages than a scenario has."""
    before = ledger.MOST_PENDING, overflow.PAGE, overflow.MOST
    ledger.MOST_PENDING = overflow.PAGE = overflow.MOST = 2
    try:
        yield
    finally:
        ledger.MOST_PENDING, overflow.PAGE, overflow.MOST = before


@scenario(kinds=(*KINDS, "slow"))
def one_call_at_once_and_one_message_a_minute(world, marta):
    """Whoever finds no place, or no room in the minute, goes on later; a dead worker's place is free again soon."""
    with limited(world):
        marta.writes()
        world.customer("Jón").writes()
        world.quiet()


@contextlib.contextmanager
def limited(world):
    """Let the helpdesk take one call at once, and the platform one message a minute."""
    desk, channel = (type(each) for each in (registry.helpdesk(world.desk.connector), registry.channel("messenger")))
    before = desk.terms, channel.terms
    desk.terms = dataclasses.replace(desk.terms, at_once=Figure(1, "", world.now().date()))
    pace = Figure(Pace("messages", 1, timedelta(minutes=1)), "", world.now().date())
    private = dataclasses.replace(channel.terms.sending[Visibility.PRIVATE], pace=pace)
    channel.terms = dataclasses.replace(channel.terms, sending={Visibility.PRIVATE: private})
    try:
        yield
    finally:
        desk.terms, channel.terms = before


@scenario(channels=BOTH)
def two_customers_in_one_delivery(world, marta):
    other = world.customer("Jón")
    world.deliver(marta.says(), other.says("and mine?"))
    world.quiet()


@scenario(channels=("messenger", "webchat"), short=True)
def redelivery(world, marta):
    said = marta.writes()
    marta.again(said)
    marta.again(said, after=3)
    marta.again(said, after=400)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), channels=BOTH)
def edit(world, marta):
    said = marta.writes()
    world.run(20)
    marta.edits(said)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), channels=("facebook",), kinds=(*KINDS, "slow"))
def card_number_in_public(world, marta):
    """It is hidden whatever happens, and its writer is invited once to go on in private."""
    _guarded(world, marta, {"public": {"en": INVITED}})


@scenario(channels=("facebook",), short=True)
def card_number_in_public_and_a_private_reply(world, marta):
    _guarded(world, marta, {"private": {"en": INVITED}})


def _guarded(world, marta, invite):
    world.rules(private={"hide": True, "invite": invite})
    said = marta.writes(f"my card is {CARD}")
    world.run(60)
    again = marta.writes(f"it is {CARD}, I said")
    world.quiet()
    world.stuck += promises.guarded(world, (said, again), INVITED)


@scenario(desks=("zendesk", "requesttracker"), channels=("facebook",))
def private_answer_with_a_line_in_public_beside_it(world, marta):
    world.rules(private={"beside": {"en": INVITED}})
    marta.writes()
    world.quiet()
    world.says(ticket_of(marta), f"#private {ASKED}")
    world.quiet()
    world.stuck += [*promises.said_once(world, ASKED), *promises.said_once(world, INVITED)]


@scenario(channels=("x in public",))
def a_link_in_the_place_of_a_private_answer(world, marta):
    """It is posted once, the agent's words never; somebody comes by it, and both tickets name each other."""
    says = {"en": INVITED}
    page = {"page": "https://shop.example.org/chat", "channel": "webchat", "account": CHAT, "says": says}
    world.rules(private={"link": page})
    marta.writes()
    world.quiet()
    world.says(ticket_of(marta), f"#private {ASKED}")
    world.quiet()
    vera = world.customer("Vera", channel="webchat")
    vera.link = promises.link_in(marta)
    vera.writes("It is me")
    world.quiet()
    world.stuck += promises.linked(world, marta, vera, ASKED)


@scenario(desks=("zendesk", "requesttracker"), channels=("facebook",), short=True)
def answer_with_a_telephone_number(world, marta):
    """It is held back; said again with the word for everybody, it is sent."""
    marta.writes()
    world.quiet()
    world.says(ticket_of(marta), f"call {PHONE}")
    world.quiet()
    world.stuck += promises.held_back(world, PHONE)
    world.says(ticket_of(marta), f"#public call {PHONE}")
    world.quiet()
    world.stuck += promises.said_once(world, f"call {PHONE}")


@scenario(desks=("zendesk", "requesttracker"), channels=BOTH)
def deletion(world, marta):
    said = marta.writes()
    world.run(20)
    marta.writes("something else")
    world.run(20)
    marta.unsends(said)
    world.quiet()


@scenario()
def deletion_at_once(world, marta):
    marta.writes()
    said = marta.writes("my telephone is 555-0199")
    marta.unsends(said)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def out_of_order_arrival(world, marta):
    marta.writes(after=600)
    world.run(1)
    marta.writes("the second is first")
    world.run(1)
    marta.writes("the third is second", after=2)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def out_of_order_by_minutes(world, marta):
    """So late that the ticket has to say it."""
    marta.writes(after=600)
    world.run(300)
    marta.writes("the second is first")
    world.quiet()


@scenario(desks=ALL, channels=BOTH, short=True)
@scenario(channels=(*X, "webchat"), short=True)
@scenario(desks=("vtiger",))
def agents_reply(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    world.agent_replies(ticket_of(marta))
    world.quiet()


@scenario(desks=("hotline",), channels=BOTH, short=True)
def answers_in_a_desk_that_tells_them(world, marta):
    """One is signalled twice, under two ids of the signal: the id of the answer is what counts.

    They come in the order in which the desk delivers them, so it has time to repeat the first.
    """
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    ticket = ticket_of(marta)
    world.agent_replies(ticket)
    world.run(30)
    world.agent_replies(ticket, "and the number is 4471")
    last = world.deliveries[-1]
    told = json.loads(last.body)
    world._signals(json.dumps({**told, "call": 1000}).encode(), last.headers)
    world.quiet()


@scenario(desks=("hotline",), kinds=(*KINDS, "slow", "late"))
def an_answer_told_as_soon_as_the_ticket_is_seen(world, marta):
    """It comes before our own notes say whose ticket it is, and its words come once."""
    world.hasty[marta] = None, world.agent_replies
    marta.writes()
    world.quiet()


@scenario(desks=("hotline",), short=True)
def solved_and_reopened(world, marta):
    """A status changes nothing about what is filed; the thread knows the last one."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    ticket = ticket_of(marta)
    world._signals(*world.desk.becomes(ticket, "solved"))
    world.quiet()
    assert status_of(marta) == "solved", "STATUS: a solved ticket is not known as solved"
    marta.writes("hello?")
    world.quiet()
    assert status_of(marta) == "reopened", "STATUS: the customer's words did not open the ticket again"


@scenario(desks=("hotline",), short=True)
def assigned_and_released(world, marta):
    """Who has a ticket changes nothing about what is filed; the thread knows the last one, however late it is told."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    ticket, begun = ticket_of(marta), world.now()
    earlier = world.desk.becomes(ticket, agent="Agnes", at=begun)
    world._signals(*world.desk.becomes(ticket, "solved", agent="Boris", at=begun + timedelta(seconds=2)))
    world.quiet()
    world._signals(*earlier)
    world.quiet()
    assert (assignee_of(marta), status_of(marta)) == ("Boris", "solved"), "STATUS: a late signal won, or one was lost"
    marta.writes("hello?")
    world.quiet()
    assert (assignee_of(marta), status_of(marta)) == ("Boris", "reopened"), "STATUS: the customer took it off its agent"
    world._signals(*world.desk.becomes(ticket, agent="", at=begun + timedelta(seconds=4)))
    world.quiet()
    assert assignee_of(marta) == "", "STATUS: a released ticket is still somebody's"


def failing(world, marta, *, after):
    """Let the platform report, `after` seconds, that an answer to her was not delivered, in the ways it may tell."""
    seen = set()

    def fails():
        with world.meta.lock:
            inbox = next(inbox for (_, psid), inbox in world.meta.inboxes.items() if psid == marta.author)
            mids = [each.mid for each in inbox.messages if each.outgoing and "on its way" in each.text]
        for mid in set(mids) - seen:
            seen.add(mid)
            stamp = int(world.now().timestamp() * 1000)
            people = {"sender": {"id": marta.author}, "recipient": {"id": PAGE}}
            item = {**people, "timestamp": stamp, "failed": {"mid": mid}}
            world._delivered([{"id": PAGE, "time": stamp, "messaging": [item]}], ())

    world.later(after, fails)


def reported(world, marta, *, after):
    with reporting():
        world.gate.open = False
        marta.writes()
        world.quiet()
        world.gate.open = True
        world.agent_replies(ticket_of(marta))
        failing(world, marta, after=after)
        world.quiet()
        notes = [text for kept in world.desk.books() for text in kept.words if "reported this later" in text]
        assert len(notes) <= 1, "REPORT: a failure that was reported later is noted more than once"
        assert notes or world.gate.happened, "REPORT: a failure that was reported later is nowhere"


@scenario(desks=("zendesk", "requesttracker"))
def an_answer_that_failed_later(world, marta):
    """The report names no thread, only the platform's id of what was sent."""
    reported(world, marta, after=60)


@scenario(desks=("zendesk", "requesttracker"))
def two_replies_and_a_question(world, marta):
    marta.writes()
    world.run(30)
    ticket = ticket_of(marta)
    if ticket:
        world.agent_replies(ticket)
        world.agent_replies(ticket, "and the number is 4471")
    marta.writes("hello?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), channels=(*BOTH, *X), kinds=(*KINDS, "slow", "late"))
def a_reply_as_soon_as_the_ticket_is_seen(world, marta):
    """The agent is faster than our own notes."""
    world.hasty[marta] = None, world.agent_replies
    marta.writes()
    world.quiet()


@scenario(desks=("zendesk", "hotline"), kinds=(*KINDS, "slow", "late"))
def solved_as_soon_as_the_ticket_is_seen(world, marta):
    """An agent answers and solves the ticket before our own notes say whose it is."""

    def acts(ticket):
        world.agent_replies(ticket)
        world._signals(*world.desk.becomes(ticket, "solved"))

    world.hasty[marta] = None, acts
    marta.writes()
    world.quiet()
    # A desk that cannot be asked after doubt may have opened another ticket, which nobody solved.
    known = world.desk.asks or len(marta.tickets()) == 1
    assert status_of(marta) == "solved" or not known, "STATUS: a ticket solved at once is not known as solved"


@scenario()
def reply_out_of_the_window(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.run(8 * 86_400)
    world.gate.open = True
    world.agent_replies(ticket_of(marta))
    world.quiet()


@scenario()
@scenario(channels=X)
def acknowledgement_after_the_quiet_period(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.run(13 * 3600)
    world.gate.open = True
    marta.writes("are you there?")
    world.quiet()


@scenario(desks=ALL, channels=("whatsapp",))
def reminded_of_a_window_that_closes(world, marta):
    world.rules(window_note_minutes=60)
    marta.writes()
    world.quiet()
    world.stuck += promises.reminders(world, "takes one until", 1)


@scenario(desks=ALL)
def reminded_of_an_answer_that_is_due(world, marta):
    world.rules(answer_within=[{"minutes": 60}])
    marta.writes()
    world.run(1800)
    marta.writes("are you there?")
    world.quiet()
    world.stuck += promises.reminders(world, "It is due within", 1)
    world.stuck += promises.reminders(world, "should have been answered", 1)


@scenario(desks=("zendesk", "requesttracker"))
def answered_before_it_was_due(world, marta):
    world.rules(answer_within=[{"minutes": 240}])
    marta.writes()
    world.run(3600)  # whatever dies, the ticket is there by then
    world.agent_replies(ticket_of(marta))
    world.quiet()
    world.stuck += promises.reminders(world, "should have been answered", 0)


@scenario(desks=ALL)
def hot_and_never_answered(world, marta):
    """It escalates once, and the people on call are told."""
    world.rules(
        answer_within=[{"kinds": ["hot"], "minutes": 20, "hours": "always"}],
        escalation={"call": "hot", "priority": "urgent"},
    )
    world.watches()
    marta.writes(URGENT)
    world.quiet()
    world.stuck += promises.reminders(world, "should have been answered", 1)
    world.stuck += promises.called(world)


@scenario(channels=BOTH)
def acknowledgement_out_of_its_time(world, marta):
    """What was written long ago is filed, and not acknowledged."""
    marta.expects = False
    marta.writes(after=13 * 3600)
    world.quiet()
    world.stuck += promises.silence(marta)


@scenario(channels=BOTH)
def acknowledgement_to_who_said_stop(world, marta):
    marta.expects = False
    marta.stops()
    world.quiet()
    marta.writes()
    world.quiet()
    world.stuck += promises.silence(marta)


@scenario(channels=BOTH)
@scenario(channels=X)
def closed_ticket(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.close(ticket_of(marta))
    world.gate.open = True
    marta.writes("another thing")
    world.run(30)
    marta.writes("and more of it")
    world.quiet()


@scenario()
def closed_ticket_then_a_long_outage(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.close(ticket_of(marta))
    world.gate.open = True
    marta.writes("another thing")
    world.run(10)
    world.outage()
    world.run(3 * 3600)
    world.recovery()
    world.quiet()


@scenario()
def deleted_ticket(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.delete(ticket_of(marta))
    world.gate.open = True
    marta.writes("another thing")
    world.quiet()


def two_tickets(world, marta):
    """Let her and somebody else write; return their tickets."""
    other = world.customer("Jón")
    marta.writes()
    other.writes("and mine?")
    world.quiet()
    return ticket_of(marta), ticket_of(other)


@scenario(desks=("zendesk", "requesttracker"))
def merged_ticket(world, marta):
    world.gate.open = False
    one, two = two_tickets(world, marta)
    world.merge(one, two)
    world.gate.open = True
    marta.writes("it came!")
    world.quiet()


@scenario()
def merged_into_a_ticket_of_somebody_else(world, marta):
    """What agents answered there before was for others; what they answer from then on is for her as well."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.others.append(next(world.tokens))
    foreign = world.desk.foreign(f"{world.others[0]} here is your invoice")
    world.told(foreign)
    world.run(30)
    world.merge(ticket_of(marta), foreign)
    world.gate.open = True
    world.run(30)
    marta.writes("hello?")
    world.run(60)
    world.agent_replies(foreign)
    world.quiet()


@scenario(desks=("requesttracker",))
def answers_before_and_after_a_merge(world, marta):
    """What stood in the merged ticket stands in the survivor from then on, the answers among it."""
    world.gate.open = False
    one, two = two_tickets(world, marta)
    world.gate.open = True
    world.agent_replies(one)
    world.run(60)
    world.merge(one, two)
    marta.writes("thank you, and the other one?")
    world.run(60)
    world.agent_replies(two, "that as well")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def outage_and_recovery(world, marta):
    world.outage()
    other = world.customer("Jón")
    marta.writes()
    world.run(20)
    marta.writes("hello?")
    other.writes("mine is late")
    world.run(130)
    assert marta.got() or world.gate.happened, "customers are acknowledged during an outage"
    marta.writes("is anybody there?")
    world.run(20)
    world.recovery()
    world.quiet()


@scenario()
def reply_that_waited_while_its_ticket_was_closed(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    ticket = ticket_of(marta)
    world.agent_replies(ticket)
    marta.writes("hello?")
    world.stopped = True
    world.run(25 * 3600)
    world.stopped = False
    world.close(ticket)
    world.quiet()


@scenario()
def lost_answer_then_a_long_outage(world, marta):
    """Whatever was lost must be asked for when Zendesk's key is forgotten."""
    marta.writes()
    world.run(3)
    world.outage(TemporaryError("no answer", ambiguous=True))
    world.run(2 * 3600 + 300)
    world.recovery()
    world.quiet()


@scenario()
def rate_limit(world, marta):
    world.down[world.desk.host] = Answer(429, {"retry-after": "30"}, b'{"error": "APIRateLimitExceeded"}')
    marta.writes()
    world.run(20)
    marta.writes("hello?")
    world.run(20)
    world.down.clear()
    world.quiet()


@scenario()
def token_expired_and_rotated(world, marta):
    marta.writes()
    world.run(30)
    good = world.secrets["desk"]["api_token"]
    world.secrets["desk"]["api_token"] = "expired-zendesk-token"
    world.new_containers()
    marta.writes("hello?")
    world.run(120)
    world.secrets["desk"]["api_token"] = good
    world.quiet()


@scenario(channels=BOTH)
def page_token_expired_and_rotated(world, marta):
    """Nothing can be said meanwhile: neither that we have it, nor what an agent answers."""
    good = world.secrets["page"]["page_token"]
    world.secrets["page"]["page_token"] = "expired-page-token"
    world.new_containers()
    marta.writes()
    world.run(60)
    world.agent_replies(ticket_of(marta)) if ticket_of(marta) else None
    world.run(60)
    world.secrets["page"]["page_token"] = good
    world.quiet()


@scenario(channels=BOTH, desks=("zendesk", "requesttracker"))
@scenario(channels=X)
def platform_down_for_a_while(world, marta):
    """What surely was not sent is sent later: the acknowledgement, and what an agent answers."""
    host = X_API if marta.endpoint == "x" else GRAPH
    world.down[host] = TemporaryError("connection refused", ambiguous=False)
    marta.writes()
    world.run(60)
    if ticket := ticket_of(marta):
        world.agent_replies(ticket)
        world.run(20)
    world.down[host] = Answer(429, {"retry-after": "30"}, b'{"error": {"code": 4}}')
    world.run(40)
    world.recovery()
    world.quiet()


@scenario(channels=("messenger", "x"))
def platform_down_for_too_long(world, marta):
    """An acknowledgement would come too late, and what is noted of it says that none is sent."""
    host = X_API if marta.endpoint == "x" else GRAPH
    world.down[host] = TemporaryError("connection refused", ambiguous=False)
    marta.expects = False
    world.gate.open = False
    marta.writes()
    world.run(3500)
    world.gate.open = True
    world.run(500)
    world.recovery()
    world.quiet()
    ended = promises.acknowledging(world, marta)
    allowed = (["refused"], ["unknown"]) if world.gate.happened else (["refused"],)  # whose worker dies cannot know
    assert ended in allowed, f"ACK: so late, it is {ended}"


@scenario(channels=("x in public",))
def own_post_that_comes_after_the_first_reply_to_it(world, marta):
    """It answers nobody: whom the platform takes no acknowledgement for meanwhile is acknowledged afterwards."""
    marta.under, body = world.posts("The shop opens at eight today.")
    world.down[X_API] = TemporaryError("connection refused", ambiguous=False)
    marta.writes()
    world.run(20)
    world.notify(body, "x")
    world.run(60)
    world.recovery()
    world.quiet()
    ended = promises.acknowledging(world, marta)
    assert marta.got() or "unknown" in ended, f"ACK: her words are older than no answer, and still: {ended}"


@scenario(visibility=45, kinds=("slow", "late", "paused"), desks=("zendesk", "requesttracker"), channels=BOTH)
@scenario(visibility=45, kinds=("slow", "late", "paused"), channels=X)
def two_workers_on_one_thread(world, marta):
    """The mailbox hands a letter to a second worker while the first is still at it."""
    marta.writes()
    world.run(2)
    marta.writes("hello?")
    world.quiet()


@scenario(visibility=45, kinds=("slow", "late", "paused"), desks=("zendesk", "requesttracker"))
def two_workers_on_one_reply(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    world.agent_replies(ticket_of(marta))
    world.quiet()


@scenario(visibility=45, kinds=("slow", "late", "paused"))
def two_workers_and_an_outage(world, marta):
    """The second worker leaves something pending, of which the first does not know."""
    world.later(100, lambda: marta.writes("hello?"))
    world.later(140, world.outage)
    world.later(500, world.recovery)
    marta.writes()
    world.run(600)
    world.quiet()


@scenario(kinds=("slow", "late"))
def sweep_racing_converse(world, marta):
    world.outage()
    marta.writes()
    world.run(50)
    world.recovery()
    world.run(9)
    marta.writes("hello?")
    world.run(1)
    marta.writes("hello??")
    world.quiet()


@scenario()
def parked_delivery_replayed_after_a_fix(world, marta):
    """What could not be read is parked and answered; once mended it is replayed, and some of it was there."""
    with misread("a new kind of thing"):
        said, unread = marta.says(), marta.says("a new kind of thing")
        unread.parked = True
        world.deliver(said, unread)
        world.run(60)
    assert world.parked.bodies or world.gate.happened
    marta.writes("hello?")
    world.operator(replay)
    world.quiet()
    assert not world.parked.bodies


@scenario(kinds=(*KINDS, "slow", "late"), desks=("zendesk", "requesttracker"), channels=BOTH)
@scenario(kinds=(*KINDS, "slow", "late"), channels=X)
def erase_during_delivery(world, marta):
    """She is erased while what she wrote is on its way, and while somebody else writes; then it is told once more."""
    world.gate.open = False
    first = marta.writes("my telephone is 555-0199")
    other = world.customer("Jón")
    other.writes()
    world.quiet()
    world.stopped = True
    marta.writes("and my address is Hafnarstræti 1")
    other.writes("hello?")
    world.run(5)
    world.stopped = False
    world.gate.open = True
    world.later(0, lambda: world.operator(erase(marta)))
    marta.again(first, after=400)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def erase_what_is_in_doubt(world, marta):
    """A worker dies while it files her first message; before it is looked at again she is erased."""
    world.later(200, lambda: world.operator(erase(marta)))
    marta.writes()
    world.quiet()


@scenario()
def erase_what_is_parked(world, marta):
    """What nobody could read was answered and parked; she is erased before it is mended."""
    marta.writes()
    world.quiet()
    with misread("a new kind of thing"):
        marta.writes("a new kind of thing")
        world.quiet()
    world.operator(erase(marta))
    world.quiet()


@scenario()
def erase_what_is_dead(world, marta):
    """Her letter killed a worker too often; she is erased before anybody looks at it."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    marta.writes("my telephone is 555-0199")
    world.stopped = True
    world.run(5)
    for message in world.mailbox.queue:
        message.received = MOST_RECEIVED
    world.stopped = False
    world.quiet()
    world.gate.open = True
    world.operator(erase(marta))
    world.quiet()


@scenario()
def one_person_on_two_pages(world, marta):
    """The platform happens to know her by the same id there."""
    again = world.customer("Marta of the other page", page=TWIN, person=marta.person)
    marta.writes()
    again.writes("and for my children?")
    world.quiet()


def months_later(world, marta, *, ttl_lag):
    """Tell of somebody who comes back when the table has just forgotten what she wrote, or is about to."""
    world.table.ttl_lag = ttl_lag
    world.gate.open = False
    said = marta.writes()
    world.quiet()
    world.agent_replies(ticket_of(marta))
    world.run(MONTH)
    world.closings += 1  # so long after her last word another ticket is opened
    world.gate.open = True
    if marta.edits_reach_us:
        marta.edits(said)
    world.run(5)
    marta.writes("another thing")
    world.run(30)
    world.agent_replies(ticket_of(marta))
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=("facebook", "x"))
def back_when_all_is_forgotten(world, marta):
    months_later(world, marta, ttl_lag=0)


def a_month_ago(world, marta):
    """Let her have written once, before anything goes wrong; return that ticket. Her next word opens another."""
    world.gate.open = False
    marta.writes()
    world.run(MONTH)
    world.closings += 1
    return ticket_of(marta)


def one_ticket_a_month(world, marta):
    """Let her write now and in a month, before anything goes wrong; return the tickets of both."""
    first = a_month_ago(world, marta)
    marta.writes("another thing")
    world.run(60)
    return first, ticket_of(marta)


@scenario(desks=("zendesk", "requesttracker"))
def two_tickets_of_one_customer_merged(world, marta):
    """The one of last month into today's, and an agent answers there."""
    first, second = one_ticket_a_month(world, marta)
    world.merge(first, second)
    world.gate.open = True
    world.agent_replies(second)
    world.told(first)
    world.quiet()


@scenario()
def answers_in_two_tickets_one_of_which_is_deleted(world, marta):
    """While the helpdesk is down: what is told of the one that is gone ends, the other's answer is brought."""
    first, second = one_ticket_a_month(world, marta)
    world.gate.open = True
    world.outage(TemporaryError("no answer", ambiguous=False))
    world.told(first)
    world.run(5)
    world.agent_replies(second)
    world.delete(first)
    world.run(60)
    world.recovery()
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def two_tickets_in_turn_for_months(world, marta):
    """What an agent answered is not brought again when an earlier ticket was answered since, and all is forgotten."""
    first, second = one_ticket_a_month(world, marta)
    world.agent_replies(second)
    for _ in range(4):
        world.run(8 * 86_400)
        marta.writes("and?")
    world.agent_replies(first, "about the old thing")
    world.run(60)
    world.gate.open = True
    world.agent_replies(second)
    world.quiet()


@scenario()
def back_when_all_is_about_to_be_forgotten(world, marta):
    months_later(world, marta, ttl_lag=2 * 86_400)


@scenario(desks=("zendesk", "requesttracker"))
def follow_up_then_a_busy_helpdesk(world, marta):
    """Whoever opened it may have died, and nobody can be asked about it for a while."""
    a_month_ago(world, marta)
    world.gate.open = True
    marta.writes("another thing")
    world.run(3)
    world.outage(Answer(429, {"retry-after": "30"}, b'{"error": "APIRateLimitExceeded"}'))
    world.run(1200)
    world.recovery()
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def written_long_before_it_came(world, marta):
    """Half a month in the platform's pipes, after a longer silence."""
    marta.expects = False
    a_month_ago(world, marta)
    marta.writes("another thing", after=16 * 86_400)
    world.run(1)
    marta.writes("and more of it", after=16 * 86_400)
    world.run(16 * 86_400 - 60)
    world.gate.open = True
    world.run(300)
    world.quiet()


@scenario()
def answered_in_the_ticket_before(world, marta):
    """Too late for the platform; the note stands where the agent wrote."""
    first = a_month_ago(world, marta)
    world.gate.open = True
    world.agent_replies(first)
    marta.writes("another thing", after=1)
    world.quiet()


def while_a_follow_up_was_to_be_opened(world, marta, *, closed):
    """Let her take back what was to open it, and an agent answer in the ticket before, which is then `closed`."""
    first = a_month_ago(world, marta)
    world.gate.open = True
    world.outage(TemporaryError("no answer", ambiguous=False))
    said = marta.writes("another thing")
    world.run(20)
    marta.unsends(said)
    world.agent_replies(first)
    if closed:
        world.close(first)
    world.run(60)
    world.recovery()
    world.quiet()


@scenario()
def taken_back_while_a_follow_up_was_to_be_opened(world, marta):
    """Then there is no present ticket, and the note on an answer belongs to the one before."""
    while_a_follow_up_was_to_be_opened(world, marta, closed=False)


@scenario()
def answered_and_closed_while_a_follow_up_was_to_be_opened(world, marta):
    """The note on the answer can stand neither there nor in a present ticket: it gets one."""
    while_a_follow_up_was_to_be_opened(world, marta, closed=True)


@scenario(desks=("zendesk", "requesttracker"))
def back_when_the_erasure_is_forgotten(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.operator(erase(marta))
    world.gate.open = True
    world.run(MONTH)
    marta.writes("another thing")
    world.quiet()


@scenario(desks=("requesttracker",))
@scenario(desks=("vtiger",))
def agents_reply_found_by_polling(world, marta):
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    world.agent_replies(ticket_of(marta), told=False)
    world.quiet()


@scenario()
def nobody_works_for_two_hours(world, marta):
    marta.writes()
    world.run(5)
    world.stopped = True
    world.run(2 * 3600)
    world.stopped = False
    world.run(400)
    marta.writes("is anybody there?")
    world.quiet()


@scenario()
def edited_and_taken_back(world, marta):
    said = marta.writes()
    world.run(10)
    marta.edits(said)
    world.run(10)
    marta.unsends(said)
    world.quiet()


@scenario()
def edit_that_came_after_all_was_taken_back(world, marta):
    said = marta.writes()
    marta.edits(said, after=60)
    marta.unsends(said, after=10)
    world.quiet()


@scenario()
def taken_back_in_the_second_it_was_written(world, marta):
    """The deletion overtakes its message, but not by much."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    said = marta.says("my telephone is 555-0199")
    world.gate.open = True
    marta.unsends(said)
    world.deliver(said, after=1)
    world.quiet()


@scenario()
def taken_back_before_it_came(world, marta):
    marta.writes()
    world.run(5)
    said = marta.writes("my telephone is 555-0199", after=60)
    marta.unsends(said)
    world.quiet()


@scenario(kinds=("before", "lost", "broken"))
def platform_that_fails_while_agents_answer(world, marta):
    """It says 503 and not what became of the message: a few answers stay in doubt, all others are delivered."""
    world.gate.open = False
    customers = [marta, *(world.customer(name) for name in ("Jón", "Zoë", "Anna", "Samir", "Kofi", "Mei"))]
    for each in customers:
        each.writes()
    world.quiet()
    world.gate.open = True
    world.down[GRAPH] = Answer(503, {}, b"")
    world.in_doubt = 2 * (PATIENCE - 1) + 1  # two containers count for themselves until one of them is sure
    answers = [world.agent_replies(ticket_of(each)) for each in customers]
    world.run(90)
    world.recovery()
    world.quiet()
    missing = [token for token in answers if not any(token in text for each in customers for text in each.got())]
    assert len(missing) <= world.in_doubt or world.gate.happened, f"REPLY: {missing} were not delivered"


def held_up(world, marta, fault):
    """Let Zendesk refuse the next update of her ticket for a while, and somebody else write meanwhile."""
    other = world.customer("Jón")
    world.gate.open = False
    marta.writes()
    other.writes("and mine?")
    world.quiet()
    world.gate.open = True
    world.desk.zendesk.faults.add(fault, method="PUT", path=f"/api/v2/tickets/{ticket_of(marta)}.json", times=1)
    marta.writes("hello?")
    world.run(5)
    said = other.writes("and the invoice?")
    world.run(20)
    assert stands(world, said) or world.gate.happened, "HELD UP: one ticket's trouble is another customer's"
    world.quiet()


@scenario()
def a_tickets_own_limit(world, marta):
    """Zendesk counts the updates of one ticket: that thread waits, and nobody else."""
    held_up(world, marta, throttled(571))


@scenario()
def a_tickets_own_conflict(world, marta):
    held_up(world, marta, broken(409, {"error": "UpdateConflict"}))


def pictures(world, marta, status, headers):
    """Let the pictures' host be busy while she and others write: words are filed at once, each file later, once."""
    others = [world.customer(name) for name in ("Jón", "Zoë")]
    world.down[PICTURES] = Reply(status, headers, b"")
    said = [marta.shows("my cellar is under water, see")]
    world.run(5)
    said += [each.shows() for each in others]
    world.run(5)
    said.append(marta.writes("is anybody there?"))
    world.run(50)
    for each in said:
        assert stands(world, each) or world.gate.happened, f"HELD UP: the words of {each.token} wait for a picture"
    world.recovery()
    world.quiet()


@scenario()
def pictures_of_a_busy_host(world, marta):
    pictures(world, marta, 429, {"retry-after": "3600"})


@scenario()
def pictures_of_a_failing_host(world, marta):
    pictures(world, marta, 503, {})


@scenario(short=True)
def a_picture_that_is_there(world, marta):
    marta.shows()
    world.quiet()


@scenario(short=True)
def a_picture_without_a_look_back(world, marta):
    """No note on earlier tickets follows, so our echo is alone in its turn."""
    world.rules(history={"on": False})
    marta.shows()
    world.quiet()


@scenario(desks=("zendesk", "logbook"), kinds=("before", "lost", "refused"))
def an_incident_with_an_update(world, marta):
    """The fourth of them opens it; Zoë writes while it is open; everybody is told once; it closes by itself."""
    world.watches()
    world.rules(incident={"private": {"en": "Thank you, we know of it: {reference}"}})
    first = [world.customer(name) for name in ("Jón", "Ana", "Besa")]
    world.gate.open = False
    for each in first:
        each.writes(BROKEN)
        world.run(120)
    world.gate.open = True
    marta.writes(BROKEN)
    world.run(1800)  # whatever dies, all of them are linked by then
    zoe = world.customer("Zoë")
    zoe.writes(BROKEN)
    world.run(1800)
    world.operator(say(NEWS))
    world.run(4 * 3600)
    world.looks = True
    world.quiet()
    world.stuck += promises.incident(world, [*first, marta, zoe], NEWS)


@scenario(kinds=("before", "lost", "refused"))
def a_usual_wait(world, marta):
    """It is noted from the figures, or not at all; what she is told is what was noted."""
    world.watches()
    said = {"private": {"en": "Thank you, we have it: {reference} {usual_wait}"}, "public": {"en": "Thank you."}}
    world.rules(texts=said)
    for days in range(7, 40, 2):
        before = int(world.now().timestamp()) - days * 86_400
        pk, sk = case_item(Case("messenger", PAGE, before, "en", "normal", "question"))
        world.table.memory.items[pk, sk] = {"pk": pk, "sk": sk, "tickets": 2, first_answer_in(bucket(600)): 2}
    world.notes_waits()
    marta.writes("Where is my parcel?")
    world.run(60)
    noted = world.table.memory.items.get(waits_item("messenger", PAGE), {"promises": {}})["promises"]
    told = [text for _, text in marta.heard() if "Usually answered within 15 minutes." in text]
    if noted and not told and not world.gate.happened:
        world.stuck.append("USUAL WAIT: it was noted and is not told")
    if told and not noted:
        world.stuck.append("USUAL WAIT: it is told and was never noted")


OTHER = {"zendesk": "requesttracker", "requesttracker": "zendesk"}  # into which its tickets are copied
DEATHS = ("before", "after", "lost")


@scenario(desks=("zendesk", "requesttracker"))
@scenario(channels=("facebook",))
def copied_with_an_answer(world, marta):
    """What she writes and what is answered, one after the other."""
    world.mirrors_into(OTHER[world.desk.connector])
    marta.writes()
    world.run(1)
    marta.writes("it is number 4471")
    world.run(30)
    if ticket := ticket_of(marta):
        world.agent_replies(ticket)
    world.quiet()


@scenario()
def copied_from_an_answer_on(world, marta):
    """The mirror begins when she has her ticket, so the first thing in it is what an agent wrote."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.mirrors_into("requesttracker")
    marta.said_before_the_mirror = len(marta.said)
    world.gate.open = True
    world.agent_replies(ticket_of(marta))
    world.quiet()


@scenario()
def copied_into_another_account(world, marta):
    """Both helpdesks are of one product, and take the same keys."""
    world.mirrors_into("zendesk")
    marta.writes()
    world.run(30)
    marta.writes("it is number 4471")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def copied_into_a_desk_that_cannot_be_asked(world, marta):
    world.mirrors_into("logbook")
    marta.writes()
    world.run(30)
    if ticket := ticket_of(marta):
        world.agent_replies(ticket)
    world.quiet()


@scenario(kinds=("before", "lost", "slow"))
def mirror_down_and_slow(world, marta):
    """Nobody notices; afterwards all of it is there."""
    world.mirrors_into("requesttracker")
    other = world.customer("Jón")
    world.outage(desk="mirror")
    marta.writes()
    world.run(20)
    said = [other.writes("mine is late"), marta.writes("hello?")]
    world.run(130)
    for each in said:
        assert stands(world, each) or world.gate.happened, f"HELD UP: {each.token} waits for the mirror"
    assert (marta.got() and other.got()) or world.gate.happened, "HELD UP: an acknowledgement waits for the mirror"
    if ticket := ticket_of(marta):
        token = world.agent_replies(ticket)
        world.run(20)
        sent = any(token in text for text in marta.got())
        assert sent or world.gate.happened, "HELD UP: an answer waits for the mirror"
    world.recovery()
    world.quiet()


@scenario()
def filed_at_once_after_an_outage_and_copied(world, marta):
    """What waited for the helpdesk reaches the mirror in the customer's order."""
    world.mirrors_into("requesttracker")
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.outage()
    for words in ("it is number 4471", "hello?", "is anybody there?"):
        marta.writes(words)
        world.run(20)
    world.gate.open = True
    world.recovery()
    world.quiet()


@scenario(visibility=45, kinds=("slow", "late", "paused"), desks=("zendesk", "requesttracker"))
def two_workers_on_one_mirror(world, marta):
    """The mailbox hands the mirror's letter to a second worker while the first is still at it."""
    world.mirrors_into(OTHER[world.desk.connector])
    marta.writes()
    world.run(2)
    marta.writes("hello?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), kinds=DEATHS)
def stream_delivered_again(world, marta):
    """Batches of the stream come again, at once and when the mailbox has forgotten their letters."""
    world.mirrors_into(OTHER[world.desk.connector])
    marta.writes()
    world.run(20)
    world.watched_again()
    world.run(400)
    marta.writes("hello?")
    if ticket := ticket_of(marta):
        world.agent_replies(ticket)
    world.run(400)
    world.watched_again()
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), kinds=DEATHS)
def moved_with_a_ticket_in_flight(world, marta):
    """She keeps her ticket, and it is copied as before; who writes first after the move is in the new helpdesk."""
    world.mirrors_into(OTHER[world.desk.connector])
    marta.writes()
    world.run(400)  # whatever dies, the ticket is there by then
    marta.writes("it is number 4471")
    world.connections(helpdesk="nova", mirror="acme")
    world.run(61)
    jon = world.customer("Jón")
    jon.desk = "mirror"
    jon.writes("and mine?")
    marta.writes("hello?")
    world.run(400)
    for customer in (marta, jon):
        if ticket := ticket_of(customer):
            world.agent_replies(ticket, desk=customer.desk)
    world.quiet()


def after_the_move(world, marta):
    """Find out whose ticket is no copy, and let her write there once more."""
    world.run(800)
    thread = world.table.memory.items.get((f"T#{marta.thread}", "THREAD"), {})
    marta.desk = "mirror" if thread.get("helpdesk") == "nova" else "desk"
    marta.writes("hello?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def moved_while_a_ticket_may_have_been_opened(world, marta):
    """Whoever opened it may have died, and its key is forgotten; the new helpdesk knows nothing of it."""
    world.mirrors_into(OTHER[world.desk.connector])
    marta.writes()
    world.run(3)
    world.stopped = True
    world.run(2 * 3600 + 300)
    world.stopped = False
    world.connections(helpdesk="nova", mirror="acme")
    after_the_move(world, marta)


@scenario()
def moved_while_a_ticket_could_not_be_opened(world, marta):
    """It was surely not opened, so it is opened in the new helpdesk, where somebody may die over it, too."""
    world.mirrors_into("requesttracker")
    world.gate.open = False
    world.outage()
    marta.writes()
    world.run(10)
    world.gate.open = True
    world.connections(helpdesk="nova", mirror="acme")
    world.run(120)
    world.recovery()
    after_the_move(world, marta)


@scenario(desks=("zendesk", "requesttracker"))
def answered_in_the_mirror(world, marta):
    """It reaches nobody, and its agent is told so."""
    world.mirrors_into(OTHER[world.desk.connector])
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.gate.open = True
    (copy,) = world.mirror.books()
    world.agent_replies(copy.id, desk="mirror", misplaced=True)
    world.run(5)
    marta.writes("hello?")
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), kinds=DEATHS)
@scenario(channels=("facebook",), kinds=DEATHS)
def edited_and_taken_back_in_both(world, marta):
    world.mirrors_into(OTHER[world.desk.connector])
    said = marta.writes()
    world.run(20)
    marta.edits(said)
    world.run(20)
    marta.writes("something else")
    world.run(20)
    marta.unsends(said)
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"))
def erased_while_it_is_copied(world, marta):
    """Her words are on their way to the mirror, or in it, when she is erased."""
    world.mirrors_into("zendesk")
    world.gate.open = False
    marta.writes("my telephone is 555-0199")
    other = world.customer("Jón")
    other.writes()
    world.quiet()
    if ticket := ticket_of(marta):
        world.agent_replies(ticket)
    world.quiet()
    world.stopped = True
    marta.writes("and my address is Hafnarstræti 1")
    other.writes("hello?")
    world.run(5)
    world.stopped = False
    world.gate.open = True
    world.later(0, lambda: world.operator(erase(marta)))
    world.quiet()


@scenario(desks=("zendesk", "requesttracker"), kinds=DEATHS)
def erased_while_the_mirror_is_down(world, marta):
    """What waits for it is never filed there."""
    world.mirrors_into("zendesk")
    marta.writes()
    world.run(20)
    world.outage(desk="mirror")
    marta.writes("my telephone is 555-0199")
    world.run(60)
    world.operator(erase(marta))
    world.run(60)
    world.recovery()
    world.quiet()


@scenario(kinds=(*KINDS, "slow", "late"))
def erased_as_the_mirror_begins(world, marta):
    """The first thing in it is what an agent wrote; whoever is slow over it has read the words before they go."""
    world.gate.open = False
    marta.writes()
    world.quiet()
    world.mirrors_into("zendesk")
    marta.said_before_the_mirror = len(marta.said)
    world.watching = False
    world.agent_replies(ticket_of(marta))
    world.quiet()
    world.watching = world.gate.open = True
    world.later(40, lambda: world.operator(erase(marta)))
    world.quiet()


@scenario(kinds=(*KINDS, "slow", "late"))
def archived(world, marta):
    """She and another write, over midnight; an agent answers."""
    world.keeps()
    marta.writes()
    world.quiet()
    world.agent_replies(ticket_of(marta))
    world.run(14.99 * 3600)
    world.customer("Jón").writes()
    world.run(120)
    marta.writes("and the other one?")
    world.quiet()


@scenario(kinds=(*KINDS, "slow", "late"))
def archived_again(world, marta):
    """The stream's reader loses its place, twice: the second time while other words are on their way."""
    world.keeps()
    marta.writes()
    world.customer("Jón").writes()
    world.quiet()
    world.archives_again()
    world.agent_replies(ticket_of(marta))
    world.run(86_400)
    world.archives_again()
    marta.writes("and the other one?")
    world.quiet()


@scenario(kinds=(*KINDS, "slow", "late"))
def archived_and_taken_back(world, marta):
    """She edits what she wrote and takes it back; something else stays."""
    world.keeps()
    said = marta.writes()
    marta.writes("another thing")
    world.run(10)
    marta.edits(said)
    world.run(10)
    marta.unsends(said)
    world.quiet()


@scenario(kinds=(*DEATHS, "slow", "late"))
def archived_and_erased(world, marta):
    """She is erased while what she wrote is on its way into the archive, and while somebody else writes."""
    world.keeps()
    other = world.customer("Jón")
    marta.writes("my telephone is 555-0199")
    world.quiet()
    world.agent_replies(ticket_of(marta))
    world.run(5)
    marta.writes("and my address is Hafnarstræti 1")
    other.writes()
    world.later(0, lambda: world.operator(erase(marta)))
    world.quiet()


def play(told, plan=(), *, seed=None, end=True):
    """Tell one scenario in a new world under a plan, with the epilogue; return the world."""
    world = World(plan, desk=told.desk, visibility=told.visibility, seed=seed)
    customer = world.customer("Marta", told.channel)
    told.tell(world, customer)
    if end:
        epilogue(world)
    return world
