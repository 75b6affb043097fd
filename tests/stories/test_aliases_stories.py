"""Stories of a conversation that the platform names by two ids: a phone number, and an id that hides it."""

import dataclasses

import pytest

from deskwire.conversation.ledger import Ledger
from deskwire.dismissing import dismiss
from deskwire.letters import letter_of
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import compose
from tests.stories.conftest import PAGE

PHONE, HIDDEN = "3545550100", "IS.900000000000001"
NEW_PHONE = "3545550199"


def said(company, text, number, thread, *aliases):
    """Put a message on the mailbox as receive does."""
    event = Event(
        channel="messenger", account=PAGE, kind=Kind.MESSAGE, object_id=f"m_{number}", verb="add", thread=thread,
        visibility=Visibility.PRIVATE, author=Author(thread, name="Marta"), text=text, occurred_at=company.now(),
        aliases=aliases,
    )  # fmt: skip
    letter = letter_of(event, "meta", "channels", company.now().isoformat(), company.archive)
    company.mailbox.send([letter])
    return event, letter


def renamed(company, number, thread, *aliases, account=PAGE):
    """Put on the mailbox what receive makes of a changed number, if it is not dismissed there; return the letters."""
    event = Event(
        channel="messenger", account=account, kind=Kind.STATE, object_id=f"s_{number}", verb="changed", thread=thread,
        visibility=Visibility.PRIVATE, text="[changed]", aliases=aliases, occurred_at=company.now(),
        author=Author(aliases[0] if aliases else thread),
    )  # fmt: skip
    letters = [
        letter_of(each, "meta", "channels", company.now().isoformat(), company.archive)
        for each in dismiss([event], company.conversation.telemetry)
    ]
    company.mailbox.send(letters)
    return letters


def filed(company):
    return sum(state == "filed" for state in company.outcomes().values())


def test_who_writes_under_a_new_id_goes_on_in_the_thread_that_has_begun(company):
    said(company, "Where is my parcel?", 1, PHONE)
    company.work()
    said(company, "It is number 7.", 2, HIDDEN, PHONE)
    company.work()
    said(company, "Hello?", 3, HIDDEN)  # the platform does not name the phone any more
    company.work()
    (ticket,) = company.zendesk.tickets
    assert len(company.zendesk.comments(ticket.id)) == 3
    assert company.thread(PHONE)["thread"] == HIDDEN  # and is answered by the id that they have now


def test_a_new_conversation_is_found_under_each_of_its_ids(company):
    said(company, "Where is my parcel?", 1, HIDDEN, PHONE)
    company.work()
    said(company, "It is number 7.", 2, PHONE)
    company.work()
    (ticket,) = company.zendesk.tickets
    assert len(company.zendesk.comments(ticket.id)) == 2


def test_two_conversations_that_have_both_begun_stay_apart(company):
    for number, thread in enumerate((PHONE, HIDDEN)):
        said(company, "Hello", number, thread)
    company.work()
    said(company, "It is me", 3, HIDDEN, PHONE)
    company.work()
    assert [len(company.zendesk.comments(ticket.id)) for ticket in company.zendesk.tickets] == [1, 2]


def test_a_redelivery_is_one_message_under_whichever_id_it_comes(company):
    _, letter = said(company, "Where is my parcel?", 1, HIDDEN, PHONE)
    company.work()
    company.tick(600)
    said(company, "Where is my parcel?", 1, PHONE, HIDDEN)
    company.mailbox.send([letter])
    company.work()
    assert len(company.comments()) == 1


def test_two_workers_that_begin_the_two_ids_at_once_make_one_thread(company):
    said(company, "Where is my parcel?", 1, HIDDEN, PHONE)
    said(company, "It is number 7.", 2, PHONE, HIDDEN)
    one, other = company.mailbox.take(), company.mailbox.take()
    transact, racing = company.table.transact, []

    def raced(writes):
        if not racing:  # when the first is about to begin, the second begins
            racing.append(True)
            company.conversation.handle(other.body)
        return transact(writes)

    company.table.transact = raced
    assert company.conversation.handle(one.body) == "routed"  # into the other's thread, and not given back
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert len(company.comments()) == 2


class Crash(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("begun", [False, True])
def test_a_crash_at_any_call_of_the_table_loses_and_doubles_nothing(company, begun):
    if begun:
        said(company, "Where is my parcel?", 0, PHONE)
        company.work()
    for number in range(1, 30):
        customer, hidden = (PHONE, HIDDEN) if begun and number == 1 else (f"{PHONE}{number}", f"{HIDDEN}{number}")
        said(company, f"crash {number}", number, hidden, customer)
        crashed = _crashing(company, number)
        said(company, f"after {number}", 100 + number, customer)
        company.work()
        for _ in range(4):
            company.later(400)
        for text in (f"crash {number}", f"after {number}"):
            assert sum(text == words.splitlines()[0] for words in company.comments()) == 1, number
        if not crashed:
            break
    else:
        pytest.fail("it never ended without a crash")
    mine = [key for key, item in company.table.items.items() if key[1] == "THREAD" and key[0].startswith("T#")
            and not item.get("alias_of")]  # fmt: skip
    assert len(company.zendesk.tickets) == len(mine) == number


def _crashing(company, at):
    """Work, and die before the table's call `at`; the letter comes again. Return whether it died."""
    calls = iter(range(1, 1000))
    letter = company.mailbox.take()
    real = {name: getattr(company.table, name) for name in ("get", "put", "update", "transact")}

    def dying(name):
        def call(*given):
            if next(calls) == at:
                raise Crash
            return real[name](*given)

        return call

    for name in real:
        setattr(company.table, name, dying(name))
    try:
        company.conversation.handle(letter.body)
    except Crash:
        crashed = True
    else:
        crashed = False
    for name, call in real.items():
        setattr(company.table, name, call)
    if crashed:
        company.tick(200)  # its lease has run out
        company.mailbox.send([dataclasses.replace(letter, dedupe=f"again {at}")])
    return crashed


def test_who_writes_from_a_changed_number_goes_on_in_their_thread(company):
    said(company, "Where is my parcel?", 1, PHONE)
    company.work()
    renamed(company, 1, PHONE, NEW_PHONE)
    company.work()
    said(company, "It is number 7.", 2, NEW_PHONE)
    company.work()
    (ticket,) = company.zendesk.tickets
    assert len(company.zendesk.comments(ticket.id)) == 2


def test_a_changed_number_alone_opens_no_ticket_and_is_a_redelivery_the_second_time(company):
    renamed(company, 1, PHONE, NEW_PHONE)
    assert company.work() == ["suppressed"]
    company.tick(600)
    renamed(company, 1, PHONE, NEW_PHONE)
    assert company.work() == ["duplicate"]
    assert not company.zendesk.tickets


def test_a_number_that_changes_again_leads_to_where_the_conversation_began(company):
    said(company, "Where is my parcel?", 1, HIDDEN, PHONE)
    company.work()
    renamed(company, 1, PHONE, NEW_PHONE)  # the phone itself leads to the hidden id
    company.work()
    said(company, "It is number 7.", 2, NEW_PHONE)
    company.work()
    (ticket,) = company.zendesk.tickets
    assert len(company.zendesk.comments(ticket.id)) == 2


def test_a_changed_number_at_an_account_that_is_not_ours_joins_nothing(company):
    renamed(company, 1, PHONE, NEW_PHONE, account="999")
    company.work()
    assert not [key for key, item in company.table.items.items() if "alias_of" in item]


def test_a_state_without_another_id_is_counted_where_it_arrives(company):
    assert renamed(company, 1, PHONE) == []


@pytest.mark.parametrize("joined", [[HIDDEN], [PHONE, HIDDEN]])
def test_a_thread_whose_home_is_gone_leads_there_and_the_home_never_to_itself(company, joined):
    """An erased thread is deleted once it expires; an id that leads to it may outlive it."""
    ledger = Ledger(company.table, company.now, "worker")
    phone, hidden, new = (compose("messenger", PAGE, thread) for thread in (PHONE, HIDDEN, NEW_PHONE))
    ledger.lead(phone, hidden)
    ledger.join(phone if joined == [HIDDEN] else new, [compose("messenger", PAGE, each) for each in joined])
    said(company, "Where is my parcel?", 1, PHONE, HIDDEN)
    company.work()
    assert filed(company) == 1


def _answered_after(company, *more):
    """Let somebody write, something more happen, and an agent answer what they saw of it; return what was sent."""
    said(company, "Where is my parcel?", 1, PHONE)
    company.work()
    for each in more:
        each()
        company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    return [each["recipient"]["id"] for each in company.graph.sent if "on its way" in str(each)]


def test_an_agent_answers_who_shows_or_hides_the_number_as_the_same_person(company):
    assert len(_answered_after(company, lambda: said(company, "It is number 7.", 2, HIDDEN, PHONE))) == 1


def test_an_answer_written_when_the_number_was_hidden_reaches_the_same_person(company):
    """The first message named both ids, the later ones name the other alone."""
    said(company, "Where is my parcel?", 1, PHONE, HIDDEN)
    company.work()
    said(company, "It is number 7.", 2, HIDDEN)
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    assert [each["recipient"]["id"] for each in company.graph.sent if "on its way" in str(each)] == [HIDDEN]
    assert company.thread(PHONE)["author"] == {"id": HIDDEN, "name": "Marta"}


def test_an_answer_written_before_somebody_else_wrote_does_not_reach_them(company):
    said(company, "Where is my parcel?", 1, PHONE, HIDDEN)
    company.work()
    event, _ = said(company, "It is number 7.", 2, PHONE)
    company.mailbox.take()
    other = dataclasses.replace(event, author=Author("another"), object_id="m_3")
    company.mailbox.send([letter_of(other, "meta", "channels", company.now().isoformat(), company.archive)])
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    assert not [each for each in company.graph.sent if "on its way" in str(each)]
    assert company.thread(PHONE)["author"]["id"] == "another"
    assert "known_as" not in company.thread(PHONE) or not company.thread(PHONE)["known_as"]


def test_an_agent_answers_the_same_person_after_a_changed_number(company):
    changed = lambda: renamed(company, 1, PHONE, NEW_PHONE)  # noqa: E731
    assert len(_answered_after(company, changed, lambda: said(company, "Hello?", 2, NEW_PHONE))) == 1


def test_who_opted_out_stays_so_under_every_id_and_a_changed_number(company):
    said(company, "STOP", 1, PHONE, HIDDEN)
    company.work()
    renamed(company, 1, PHONE, NEW_PHONE)
    company.work()
    for number, thread in enumerate((HIDDEN, NEW_PHONE), 2):
        company.tick(30 * 86_400)
        said(company, "Hello", number, thread)
        company.work()
    assert company.graph.sent == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_crash_while_a_number_changes_loses_and_doubles_nothing(company, begun):
    for number in range(1, 30):
        old, new = f"{PHONE}{number}", f"{NEW_PHONE}{number}"
        if begun:
            said(company, f"before {number}", number, old)
            company.work()
        renamed(company, number, old, new)
        crashed = _crashing(company, number)
        company.work()
        for _ in range(4):
            company.later(400)
        said(company, f"after {number}", 100 + number, new)
        company.work()
        assert sum(f"after {number}" == words.splitlines()[0] for words in company.comments()) == 1, number
        assert len(company.zendesk.tickets) == number
        if not crashed:
            break
    else:
        pytest.fail("it never ended without a crash")
