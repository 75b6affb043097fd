"""What is to be done about private matters in public, for every situation that makes a difference."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskwire.conversation.guarding import concerns, watched
from deskwire.conversation.thread import HIDDEN, HIDE, INVITE, LEFT, SHOW, SHOWN, Guard, Thread
from deskwire.model.events import Author, Event, Kind, Visibility

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
POSSIBLE = (HIDE, INVITE)
CARD = ("card",)


def event_of(kind=Kind.MESSAGE, **more):
    given = {
        "channel": "facebook", "account": "41", "kind": kind, "object_id": "c1", "thread": "c1", "verb": "add",
        "visibility": Visibility.PUBLIC, "author": Author("9", "Marta"), "text": "words", "raw": {},
    }  # fmt: skip
    return Event(**{**given, **more})


def guard_of(*todo, object_id="c1"):
    return Guard(object_id, ("facebook", "41"), "9", "Marta", 0, 0, CARD, "en", todo)


CASES = {
    # What comes, the private matters in it, what is still to be done, what became of it before: what is to be done, and
    # what is known of it then.
    "a message with a card number": (Kind.MESSAGE, CARD, (), "", POSSIBLE, ""),
    "a message without": (Kind.MESSAGE, (), (), "", (), ""),
    "the same message again while it waits": (Kind.MESSAGE, CARD, (HIDE,), "", (HIDE,), ""),
    "the same message again once it is hidden": (Kind.MESSAGE, CARD, (), HIDDEN, (), HIDDEN),
    "the same message again once it was refused": (Kind.MESSAGE, CARD, (), LEFT, (), LEFT),
    "the same message again once it is shown": (Kind.MESSAGE, CARD, (), SHOWN, (), SHOWN),
    "an edit that brings one": (Kind.EDIT, CARD, (), "", POSSIBLE, ""),
    "an edit that takes it out before it was hidden": (Kind.EDIT, (), (HIDE,), "", (), SHOWN),
    "an edit that takes it out of what is hidden": (Kind.EDIT, (), (), HIDDEN, (SHOW,), HIDDEN),
    "the same edit again": (Kind.EDIT, (), (SHOW,), HIDDEN, (SHOW,), HIDDEN),
    "an edit that brings another before it was shown": (Kind.EDIT, CARD, (SHOW,), HIDDEN, (), HIDDEN),
    "an edit that brings another after": (Kind.EDIT, CARD, (), SHOWN, POSSIBLE, SHOWN),
    "an edit of what could not be hidden": (Kind.EDIT, CARD, (), LEFT, (), LEFT),
    "an edit of what was never private": (Kind.EDIT, (), (), "", (), ""),
    "a deletion of what waits": (Kind.DELETION, (), (HIDE,), "", (), LEFT),
    "a deletion of what is hidden": (Kind.DELETION, (), (), HIDDEN, (), LEFT),
    "a deletion of what was never private": (Kind.DELETION, (), (), "", (), ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_to_be_done(name):
    kind, kinds, waiting, known, todo, became = CASES[name]
    guards = (guard_of(*waiting),) if waiting else ()
    thread = Thread(pk="T#facebook/41/c1", guards=guards, guarded={"c1": known} if known else {})
    found, guarded = watched(thread, event_of(kind), kinds, POSSIBLE, NOW)
    assert tuple(each for guard in found for each in guard.todo) == todo
    assert guarded.get("c1", "") == became


def test_other_messages_of_the_thread_stay_as_they_are():
    other = guard_of(HIDE, object_id="c0")
    thread = Thread(pk="T#facebook/41/c1", guards=(other,), guarded={"c9": HIDDEN})
    found, guarded = watched(thread, event_of(), CARD, POSSIBLE, NOW)
    assert other in found
    assert guarded == {"c9": HIDDEN}


def test_of_a_long_thread_the_latest_are_known():
    thread = Thread(pk="T#facebook/41/c1", guarded={f"c{number}": HIDDEN for number in range(2, 22)})
    _, guarded = watched(thread, event_of(Kind.DELETION, object_id="c5"), (), (), NOW)
    assert (len(guarded), guarded["c5"]) == (20, LEFT)


def test_nothing_is_done_where_nothing_can_be():
    thread = Thread(pk="T#facebook/41/c1")
    assert watched(thread, event_of(), CARD, (), NOW) == ((), {})


def test_only_what_customers_write_in_public_is_guarded():
    assert concerns(event_of())
    assert not concerns(event_of(own=True))
    assert not concerns(event_of(visibility=Visibility.PRIVATE))


def test_a_guard_survives_the_table():
    thread = Thread(pk="T#facebook/41/c1", guards=(guard_of(HIDE, INVITE),))
    assert Thread.model_validate(thread.model_dump(mode="json")) == thread
