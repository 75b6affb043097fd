"""What a busy morning with an outage brought to light."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deskwire.contracts.helpdesk import Abilities
from deskwire.conversation.decide import Pending, Plan, decide
from deskwire.conversation.directory import Directory
from deskwire.conversation.recorded import Recorded
from deskwire.conversation.thread import Thread
from deskwire.conversation.turn import Turn
from deskwire.model.errors import TemporaryError
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.secret import Secrets
from deskwire.ports.memory import MemoryTable

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAN = Abilities(native_key=False, find_open=True, find_append=True, several=True)


def pending(name, *, own=False, at=NOW):
    event = Event(
        channel="messenger", account="41", kind=Kind.MESSAGE, object_id=name, verb=ADD, thread="9",
        visibility=Visibility.PRIVATE, text="Hello", occurred_at=at, own=own,
    )  # fmt: skip
    return Pending(message=Recorded(key=event.key, event=event, received_at=NOW.isoformat()))


def test_a_colleagues_words_elsewhere_wait_for_the_ticket_that_the_customers_message_opens():
    colleague, customer = pending("c", own=True, at=NOW - timedelta(minutes=1)), pending("m")
    plan = decide(Thread(pk="T#messenger/41/9"), [colleague, customer], CAN, timedelta(days=14), NOW)
    assert plan.file == (customer, colleague)


def directory():
    return Directory(
        table=MemoryTable(), clock=lambda: NOW, secrets=lambda _: Secrets({}), http=lambda _: None, mail=lambda **_: ""
    )


def left_alone(directory):
    try:
        directory.neighbours.admit("H#desk")
    except TemporaryError as error:
        return error.after
    return 0


def test_ten_calls_that_fail_side_by_side_are_one_outage():
    calm, busy = directory(), directory()
    for _ in range(3):
        calm.neighbours.failed("H#desk", TemporaryError("down"))
    for _ in range(10):
        busy.neighbours.failed("H#desk", TemporaryError("down"))
    assert left_alone(busy) == left_alone(calm) == 2


def test_a_time_that_the_helpdesk_names_itself_always_counts():
    busy = directory()
    for _ in range(3):
        busy.neighbours.failed("H#desk", TemporaryError("down"))
    busy.neighbours.failed("H#desk", TemporaryError("too many", after=30))
    assert left_alone(busy) == 30


def turn(*sending):
    return Turn(
        thread=Thread(pk="T#messenger/41/9", ticket="7", sending=sending), connection=None, definition=None,
        channel=None,
        outside=None, helpdesk=None, inside=None, now=NOW,
    )  # fmt: skip


def test_the_echo_of_what_nobody_knows_to_be_sent_can_still_tell():
    first = turn()
    first.sent += [("ack/1", "unknown", (), "no answer"), ("reply/2", "sent", ("m_2",), "")]
    assert first.closing(Plan())["sending"] == ["ack/1"]


def test_it_can_tell_after_other_messages_too_and_once():
    between, told = turn("ack/1"), turn("ack/1")
    assert between.closing(Plan())["sending"] == ["ack/1"]
    told.sent.append(("ack/1", "sent", ("m_1",), "seen by its echo"))
    assert told.closing(Plan())["sending"] == []
