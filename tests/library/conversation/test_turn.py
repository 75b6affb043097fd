"""A turn holds the thread as it was and as it will be; what is written is the difference."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskwire.conversation.decide import Plan
from deskwire.conversation.thread import Said, Thread, Writer, outgoing
from deskwire.conversation.turn import Turn
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.tickets import Filed

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ALWAYS = {
    *("pending", "missing", "timers", "clean", "sending", "attempts"),
    *("ticket", "epoch", "acknowledged_at", "acknowledgements"),
}


def turn_of(**thread):
    return Turn(
        thread=Thread(pk="T#messenger/41/9", **thread), connection=None, definition=None, channel=None, outside=None,
        helpdesk=None, inside=None, now=NOW,
    )  # fmt: skip


def message(**more):
    return Event(
        channel="messenger", account="41", kind=Kind.MESSAGE, object_id="m", verb=ADD, thread="9",
        visibility=Visibility.PRIVATE, text="Hello", occurred_at=NOW, **more,
    )  # fmt: skip


def test_what_did_not_change_is_not_written():
    assert turn_of(ticket="7", last_inbound=5).closing(Plan()).keys() == ALWAYS


def test_what_changed_is_written():
    turn = turn_of()
    turn.receive(message(author=Author("9", name="Kim")), NOW.isoformat())
    turn.open(Filed("7", {}, contact="c-1"))
    written = turn.closing(Plan())
    assert (written["ticket"], written["contact"], written["reply_to"]) == ("7", "c-1", "m")
    assert written["author"] == {"id": "9", "name": "Kim"}
    assert written["last_inbound"] == int(NOW.timestamp())


def test_a_profile_keeps_what_a_later_event_omits():
    turn = turn_of(author={"id": "9", "name": "Kim"})
    turn.introduce(Author("9", email="kim@example.com"))
    assert turn.thread.author == {"id": "9", "name": "Kim", "email": "kim@example.com"}


def test_an_acknowledgement_that_surely_was_not_sent_is_taken_back_in_the_table_too():
    turn = turn_of(acknowledged_at=3, acknowledgements=(3,))
    turn.acknowledge(sent=False)  # its intent, with the time of now, is in the table already
    written = turn.closing(Plan())
    assert (written["acknowledged_at"], written["acknowledgements"]) == (3, [3])


@pytest.mark.parametrize("follow_up", [False, True])
def test_an_answer_that_surely_was_not_said_leaves_the_earlier_one_as_this_turn_did(follow_up):
    earlier = Said("hours", "en", "ack/1", "asked", told=True)
    turn = turn_of(ticket="7", said=earlier)
    turn.saying = Said("price", "en", "ack/2")  # its intent is in the table already
    turn.answered(earlier._replace(state="over"))
    if follow_up:
        turn.follow_up()
    turn.acknowledge(sent=False)
    assert turn.closing(Plan())["said"] == (None if follow_up else ["hours", "en", "ack/1", "over", True])


def test_the_thread_as_it_was_stays_as_it_was():
    turn = turn_of(last_written=5)
    turn.follow_up()
    assert (turn.before.epoch, turn.thread.epoch) == (0, 1)


def test_a_ticket_before_an_erasure_is_held_against_nobody():
    assert [turn_of(epoch=1).thread.again, turn_of(epoch=1, erased={"d": 5}).thread.again] == [1, 0]
    turn = turn_of(ticket="7", epoch=1, erased={"d": 5})
    turn.follow_up()
    assert turn.thread.again == 1


def test_a_field_that_no_thread_has_is_refused():
    with pytest.raises(ValueError, match="no tikcet"):
        turn_of()._become(tikcet="7")


@pytest.mark.parametrize(
    "to", [None, Writer("9", "Kim", "c1", 1), Writer("8", "Bob", "c2", 2)], ids=["all", "her", "him"]
)
def test_a_private_answer_in_a_public_thread_is_a_private_reply(to):
    public = turn_of(author={"id": "9"}, visibility=Visibility.PUBLIC).thread
    given = {"key": "k", "text": "Hi", "automatic": False, "private": True, "to": to}
    assert outgoing(public, **given).private_reply
    assert not outgoing(turn_of(author={"id": "9"}).thread, **given).private_reply
