"""What becomes of a customer's ticket is counted once, in the hour in which they wrote, whoever tells it how often."""

import io

import pytest

from deskwire.care.waits import bucket
from deskwire.telemetry import Telemetry
from deskwire.watching.facts import first_answer_in, resolved_in
from deskwire.watching.watcher import Watcher
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.library.watching.conftest import Morning
from tests.simulation.ports import Gate, Table
from tests.stories.conftest import CUSTOMER, PAGE, START

HOUR = 3600
WROTE = "I was charged twice for order 4471 and nobody answers!"


class Counted(Morning):
    """The company with a stream, of which watch gets every record twice, the second time last first."""

    def status(self, number, current, previous):
        """Have Zendesk signal what became of the first ticket."""
        ticket = self.zendesk.tickets[0].id
        told = {"id": f"{current}-{number}", "time": self.now().isoformat()}
        changed = {"event": {"current": current, "previous": previous}, "detail": {"id": str(ticket)}}
        kind = {"type": "zen:event-type:ticket.status_changed", "subject": f"zen:ticket:{ticket}"}
        self.called({**told, **changed, **kind}, f"{current}-{number}")
        return self.work()

    def answers(self, number=1):
        ticket = self.zendesk.tickets[0].id
        self.zendesk.agent_replies(ticket, f"We are looking at it, {number}.")
        self.signalled(ticket, f"INVOCATION-{number}")
        self.work()
        return self.work()

    def figures(self, channel="messenger"):
        """Return the figures of all tickets by what they are, without those that are 0."""
        gate = Gate((), lambda _: None)
        gate.open = True
        table = Table(gate, self.now)
        table.memory.items |= {key: found for key, found in self.table.items.items() if key[0].startswith("C#")}
        watcher = Watcher(table=table, telemetry=Telemetry("test", stream=io.StringIO()))
        for records in (self.records, self.records[::-1]):
            assert watcher.watch(records) == ""
        return {
            sk: {name: number for name, number in found.items() if name not in {"pk", "sk", "expires"} and number}
            for (pk, sk), found in table.memory.items.items()
            if pk == f"F#{channel}/{PAGE}" and sk.startswith("C#")
        }


@pytest.fixture
def counted():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Counted(clock, zendesk)
        yield company
        company.close()


PLACE = "C#2026-11-02T09#en#high#complaint"


def test_a_ticket_is_answered_and_resolved_at_the_first_contact(counted):
    counted.deliver(counted.message(WROTE))
    counted.tick(5)  # until the worker has it: the customer waits since the delivery
    counted.work()
    counted.tick(2 * HOUR - 5)
    counted.answers()
    counted.tick(HOUR)
    counted.status(1, "SOLVED", "OPEN")
    assert counted.figures() == {
        PLACE: {
            "tickets": 1, "messages": 1, "answers": 1,
            "first_answers": 1, "first_answer_seconds": 2 * HOUR, first_answer_in(bucket(2 * HOUR)): 1,
            "solved": 1, "first_contact": 1,
            "resolved": 1, "resolution_seconds": 3 * HOUR, resolved_in(bucket(3 * HOUR)): 1,
        },
    }  # fmt: skip


def test_a_ticket_that_the_customer_opens_again_is_resolved_when_it_is_solved_at_last(counted):
    counted.deliver(counted.message(WROTE))
    counted.work()
    counted.tick(HOUR)
    counted.answers()
    counted.status(1, "SOLVED", "OPEN")
    counted.tick(HOUR)
    counted.deliver(counted.message("It is still not refunded."))
    counted.work()
    (known,) = counted.figures().values()
    assert (known["solved"], known["reopened"]) == (1, 1)
    assert not known.keys() & {"resolved", "first_contact", "resolution_seconds"}
    counted.status(2, "OPEN", "SOLVED")  # the helpdesk says so, too
    counted.tick(HOUR)
    counted.answers(2)
    counted.status(3, "SOLVED", "OPEN")
    (known,) = counted.figures().values()
    assert (known["messages"], known["answers"], known["first_answers"]) == (2, 2, 1)
    assert (known["resolved"], known["resolution_seconds"]) == (1, 3 * HOUR)
    assert known[resolved_in(bucket(3 * HOUR))] == 1
    assert resolved_in(bucket(HOUR)) not in known
    assert (known["solved"], known["reopened"], "first_contact" in known) == (1, 1, False)


def test_a_colleagues_answer_in_the_platforms_own_app_is_the_first_one(counted):
    counted.deliver(counted.message(WROTE))
    counted.work()
    counted.tick(600)
    counted.deliver(counted.message("I am looking into it.", own=True))
    counted.work()
    counted.tick(600)
    counted.answers()
    (known,) = counted.figures().values()
    assert (known["first_answers"], known["first_answer_seconds"], known["answers"]) == (1, 600, 2)


def test_what_is_raised_later_counts_as_what_it_was_when_it_was_opened(counted):
    counted.deliver(counted.message("Where do I find your shop?"))
    counted.work()
    counted.tick(3 * HOUR)
    counted.deliver(counted.message(WROTE))
    counted.work()
    (place,) = counted.figures()
    assert place == "C#2026-11-02T09#en#normal#question"


def test_an_answer_that_is_told_of_twice_is_one(counted):
    counted.deliver(counted.message(WROTE))
    counted.work()
    counted.tick(60)
    counted.answers()
    counted.thread(CUSTOMER)["last_reply"] = ""  # as where a helpdesk tells its answers, and this one again
    counted.signalled(counted.zendesk.tickets[0].id, "INVOCATION-AGAIN")
    counted.work()
    counted.work()
    assert counted.thread(CUSTOMER)["case"][4] == 1
    (known,) = counted.figures().values()
    assert known["answers"] == 1


def test_a_worker_that_dies_after_an_answer_leaves_one_counted(counted):
    counted.deliver(counted.message(WROTE))
    counted.work()
    counted.tick(60)
    ticket = counted.zendesk.tickets[0].id
    counted.zendesk.agent_replies(ticket, "We are looking at it.")
    counted.signalled(ticket)
    (letter,) = [counted.mailbox.take()]
    counted.conversation.handle(letter.body)  # forwarded to the thread
    letter = counted.dies_at()
    counted.tick(200)
    counted.conversation.handle(letter.body)
    counted.work()
    assert len(counted.graph.sent) == 2  # the acknowledgement and the answer
    assert counted.thread(CUSTOMER)["case"][4] == 1
    (known,) = counted.figures().values()
    assert (known["answers"], known["first_answers"]) == (1, 1)


def test_what_is_counted_holds_nothing_that_the_customer_wrote(counted):
    counted.deliver(counted.message(WROTE))
    counted.work()
    (key,) = [key for key in counted.table.items if key[1].startswith("M#")]
    told = [counted.thread(CUSTOMER)["case"], counted.table.items[key]["figures"]]
    assert told[0][1:4] == ["en", "high", "complaint"]
    assert not any(word in str(told) for word in ("charged", "4471", CUSTOMER))
