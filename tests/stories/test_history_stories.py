"""A customer's earlier tickets stand in the new one, and weigh; who cannot tell them now holds nothing up."""

import pytest

from deskwire.conversation.limits import Limits
from deskwire.model.errors import TemporaryError
from deskwire.web.rest import Answer
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock, Reply
from tests.stories.conftest import CUSTOMER, POLICY, START, Company

DAY = 86_400


def says(company, text, **more):
    assert company.deliver(company.message(text, **more)) == 200
    return company.work()


def before(company, subject, *, external_id="", status="solved", tags=()):
    """Let there be an earlier ticket of the customer's, opened by something else than us."""
    account = company.zendesk.account
    known = external_id or f"messenger-{CUSTOMER}"
    person = next((each for each in account.users.values() if each.external_id == known), None)
    person = person or account.person("Marta", "end-user", None, known)
    ticket, _ = account.create(company.zendesk.agent, {
        "subject": subject, "comment": {"body": subject}, "requester_id": person.id, "tags": list(tags),
    })  # fmt: skip
    ticket.status = status
    return ticket


def newest(company):
    return max(company.zendesk.tickets, key=lambda each: each.id)


def notes(company, ticket=None):
    return [each.words for each in company.zendesk.comments((ticket or newest(company)).id) if not each.public]


def lookups(company):
    return [each for each in company.http_calls if "/users/search" in each or "/tickets/requested" in each]


@pytest.fixture
def failing(company):
    """The company, whose Zendesk answers no lookup of people (`failing.append(0)` ends that)."""
    fault, over, http = [Reply.json(503, {})], [], company.http

    def asked(call):
        if "/users/search" in call.url and not over:
            company.http_calls.append(f"lookup {call.timeout:.0f}")
            if isinstance(fault[0], Exception):
                raise fault[0]
            return Answer(fault[0].status, {}, fault[0].body)
        return http(call)

    object.__setattr__(company.directory, "http", asked)
    company.fault, company.over = fault, over
    return company


def test_earlier_tickets_stand_in_the_new_one_as_one_note(company):
    before(company, "Broken cup", tags=["deskwire", "complaint"])
    before(company, "Where is my invoice?", status="closed")
    waiting = before(company, "Wrong size", status="open")
    before(company, "Somebody else's", external_id="messenger-24900000000000099")
    says(company, "Hello, where is my parcel?")
    (note,) = notes(company)
    assert note == (
        "Earlier tickets of this customer: 3 (1 open, 1 with a complaint)\n"
        f"Open: #{waiting.id} Wrong size · open · 2026-11-02\n"
        f"Before: #{waiting.id - 1} Where is my invoice? · closed · 2026-11-02\n"
        f"Before: #{waiting.id - 2} Broken cup · solved · complaint · 2026-11-02"
    )


def test_who_has_no_earlier_ticket_gets_no_note_and_is_looked_up_once(company):
    before(company, "Somebody else's", external_id="messenger-24900000000000099")
    says(company, "Hello, where is my parcel?")
    says(company, "It is number 4471.")
    assert notes(company) == []
    assert len(lookups(company)) == 1


def test_a_customer_with_a_past_is_looked_up_once_too(company):
    before(company, "Broken cup")
    for text in ("Hello", "Are you there?", "I wait."):
        says(company, text)
    assert len(lookups(company)) == 2  # who it is, and their tickets
    assert len(notes(company)) == 1


@pytest.fixture
def counted(monkeypatch):
    """What the turns counted against the helpdesk's pace, and how many requests were really made of it."""
    spent, spend = [], Limits.spend

    def spending(self, neighbour, count, pace=None):
        spent.extend([count] if neighbour.startswith("H#") else [])
        return spend(self, neighbour, count, pace)

    monkeypatch.setattr(Limits, "spend", spending)
    return lambda company: (sum(spent), sum("zendesk" in call or "lookup" in call for call in company.http_calls))


def test_the_lookup_of_a_new_customer_counts_as_the_one_request_that_it_is(company, counted):
    says(company, "Hello")
    assert counted(company) == (3, 3)  # who it is; the customer, the ticket


def test_the_second_request_for_a_known_customer_is_not_foreseen(company, counted):
    before(company, "Broken cup")
    says(company, "Hello")
    assert counted(company) == (4, 5)  # who it is, their tickets; the customer, the ticket; the note


def test_a_lookup_that_is_made_as_a_step_of_its_own_is_counted_too(failing, counted):
    before(failing, "Broken cup")
    says(failing, "Hello")
    spent, made = counted(failing)
    failing.over.append(0)
    failing.later(120)
    assert len(notes(failing)) == 1
    assert (counted(failing)[0] - spent, counted(failing)[1] - made) == (2, 3)


def test_a_conversation_that_is_not_looked_up_counts_no_lookup(counted):
    with Zendesk(Clock(START, held=True)) as zendesk:
        company = Company(zendesk.clock, zendesk, {**POLICY, "history": {"on": False}})
        says(company, "Hello")
        assert counted(company) == (2, 2)
        company.close()


def test_no_more_than_the_last_three_are_named_and_a_subject_cannot_pose_as_a_line(company):
    for number in range(30):
        before(company, f"Question {number}\nOpen: #1 all is well · solved")
    says(company, "Hello")
    (note,) = notes(company)
    head, *lines = note.split("\n")
    assert head == "Earlier tickets of this customer: at least 25"
    assert [line.split(" Open:")[0][-12:] for line in lines] == [" Question 29", " Question 28", " Question 27"]


def test_a_past_weighs_in_the_judgement(company):
    says(company, "The invoice is not right", customer="24900000000000099")
    assert newest(company).priority == "normal"
    before(company, "Broken cup", tags=["complaint"])
    says(company, "The invoice is not right")
    ticket = newest(company)
    assert (ticket.priority, ticket.tags[-2:]) == ("high", ["hot", "complaint"])
    assert "complained before" in company.zendesk.comments(ticket.id)[0].words


def test_a_lookup_that_fails_holds_up_nothing_and_the_note_follows(failing):
    company = failing
    before(company, "Broken cup")
    says(company, "Hello, where is my parcel?")
    assert newest(company).subject.endswith("parcel?")
    assert notes(company) == []
    assert len(company.graph.sent) == 1, "the customer was not acknowledged"
    assert company.later(65) == ["woken"]
    assert notes(company) == []
    company.over.append(0)
    company.later(200)
    assert [each.split("\n")[0] for each in notes(company)] == ["Earlier tickets of this customer: 1"]
    company.later(DAY)
    assert len(notes(company)) == 1


def test_before_the_ticket_a_lookup_gets_two_seconds_and_afterwards_all_it_needs(failing):
    failing.fault[0] = TemporaryError("no answer in time", ambiguous=True)
    before(failing, "Broken cup")
    says(failing, "Hello, where is my parcel?")
    assert [each for each in failing.http_calls if each.startswith("lookup")] == ["lookup 2", "lookup 10"]
    assert newest(failing).subject.endswith("parcel?")


def test_lookups_that_fail_say_nothing_of_the_account(failing):
    """Else some slow searches would hold up every ticket."""
    for number in range(8):
        says(failing, "Hello", customer=f"2490000000000010{number}")
    assert len(failing.zendesk.tickets) == 8


def test_a_history_that_is_never_to_be_had_is_left_out_after_a_day(failing):
    says(failing, "Hello")
    for _ in range(30):
        failing.later(3600)
    assert notes(failing) == []
    assert failing.thread()["missing"] == []
    (key,) = [key for key in failing.outcomes() if key.startswith("history/")] or [None]
    assert key is None or failing.outcomes()[key] == "suppressed"


def test_a_right_that_is_missing_calls_a_person_and_the_ticket_stands(failing):
    failing.fault[0] = Reply.json(403, {"error": "Forbidden"})
    says(failing, "Hello")
    assert newest(failing).subject.endswith("Hello")
    (item,) = [each for (_, sk), each in failing.table.items.items() if sk.startswith("M#history/")]
    assert (item["state"], item["reason"][:34]) == ("refused", "earlier tickets cannot be looked up"[:34])


def test_it_can_be_switched_off():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk, {**POLICY, "history": {"on": False}})
        before(company, "Broken cup")
        says(company, "Hello")
        assert (lookups(company), notes(company)) == ([], [])
        company.close()


def test_an_address_is_looked_for_only_where_the_company_wants_it():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk, {**POLICY, "history": {"also_by": ["email"]}})
        says(company, "Hello")
        assert len(lookups(company)) == 1, "Messenger gives no address"
        company.close()


def test_a_worker_that_dies_after_opening_leaves_one_note(company):
    before(company, "Broken cup")
    company.deliver(company.message("Hello"))
    letter = company.dies_at()
    company.tick(200)
    company.conversation.handle(letter.body)
    company.work()
    company.later(1000)
    opened = [each for each in company.zendesk.tickets if each.subject.endswith("Hello")]
    assert len(opened) == 1
    assert len(notes(company, opened[0])) == 1


def test_later_tickets_of_a_conversation_are_not_looked_up_but_known(company):
    """A follow-up names the ticket before; from the third on, our own table tells of those before that."""
    tickets = []
    for text in ("My cup is broken, this is unacceptable!", "My invoice is not right", "Hello"):
        says(company, text)
        tickets.append(newest(company))
        company.zendesk.solve(tickets[-1].id)
        company.tick(20 * DAY)
    assert len(lookups(company)) == 1
    first, second, third = tickets
    assert [notes(company, each) for each in (first, second)] == [[], []]
    assert second.priority == "high", "the complaint before does not weigh"
    (note,) = notes(company, third)
    assert note == (
        "Earlier tickets of this customer: 2 (2 with a complaint)\n"
        f"Before: #{second.id} in this conversation · complaint · 2026-11-22\n"
        f"Before: #{first.id} in this conversation · complaint · 2026-11-02"
    )


def test_in_a_public_thread_only_the_requesters_tickets_are_told(failing):
    """The lookup is tried again when somebody else has written last: it is not their ticket."""
    company = failing
    before(company, "Bob's own", external_id="facebook-7300000000000022")
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    said = company.comment("Mine, too", comment="993300000000078", author="7300000000000022", name="Bob")
    said["changes"][0]["value"]["parent_id"] = "122200000000501_993300000000077"
    company.deliver(said)
    company.work()
    company.over.append(0)
    company.later(200)
    (ticket,) = [each for each in company.zendesk.tickets if "parcel" in each.subject]
    assert any("Mine, too" in words for words in company.comments())
    assert notes(company, ticket) == []
    (item,) = [each for (_, sk), each in company.table.items.items() if sk.startswith("M#history/")]
    assert item["state"] == "suppressed"
