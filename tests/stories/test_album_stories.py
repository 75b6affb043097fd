"""An album is one thing: several pictures that the customer sent as one are one entry of the ticket."""

from __future__ import annotations

import dataclasses

import pytest

from deskwire.channels.messenger import Messenger
from deskwire.conversation.albums import COMPLETE
from sandbox.neighbours.neighbour import broken, cut_after

WAIT = COMPLETE.total_seconds() + 2


class Crash(BaseException):
    """The worker is gone."""


@pytest.fixture
def albums(monkeypatch):
    """Let Messenger name a group, as Telegram and LINE do: of each message that says “picture”."""
    parse = Messenger.parse

    def read(self, request):
        return [
            dataclasses.replace(each, group="album") if each.text.startswith("picture") else each
            for each in parse(self, request)
        ]

    monkeypatch.setattr(Messenger, "parse", read)


def shows(company, *numbers):
    for number in numbers:
        company.deliver(company.message(f"picture {number}"))
    company.work()


def words(company):
    """Return what each entry says in its first lines."""
    return [[line for line in each.splitlines() if line.startswith(("picture", "and"))] for each in company.comments()]


def test_an_album_is_one_entry_and_is_acknowledged_at_once(company, albums):
    shows(company, 1, 2, 3)
    assert company.zendesk.tickets == []
    assert len(company.graph.sent) == 1
    company.later(WAIT)
    assert words(company) == [["picture 1", "picture 2", "picture 3"]]
    assert set(company.outcomes().values()) == {"filed"}
    assert company.thread()["joined"] == {}


def test_the_next_message_says_that_it_is_complete(company, albums):
    shows(company, 1, 2)
    company.deliver(company.message("and where is it?"))
    company.work()
    assert words(company) == [["picture 1", "picture 2"], ["and where is it?"]]


def test_a_picture_that_comes_late_is_an_entry_of_its_own(company, albums):
    shows(company, 1, 2)
    company.later(WAIT)
    shows(company, 3)
    company.later(WAIT)
    assert words(company) == [["picture 1", "picture 2"], ["picture 3"]]


@pytest.mark.parametrize("opened", [False, True])
def test_an_album_whose_answer_was_lost_is_filed_once(company, albums, opened):
    if opened:
        company.deliver(company.message("and where is it?"))
        company.work()
    company.zendesk.faults.add(cut_after(), method="PUT" if opened else "POST", times=1)
    shows(company, 1, 2, 3)
    company.later(WAIT)
    for _ in range(3):
        company.later(400)
    assert words(company)[-1] == ["picture 1", "picture 2", "picture 3"]
    assert len(words(company)) == 1 + opened
    assert set(company.outcomes().values()) == {"filed"}


def test_a_picture_that_comes_while_the_others_are_in_doubt_stands_once_and_by_itself(company, albums):
    company.deliver(company.message("and where is it?"))
    company.work()
    direct = company._direct

    def die(call):
        direct(call)
        raise Crash

    shows(company, 1, 2)
    company._direct = die
    with pytest.raises(Crash):
        company.later(WAIT)
    company._direct = direct
    company.tick(400)
    shows(company, 3)
    company.later(WAIT)
    company.later(400)
    assert words(company)[1:] == [["picture 1", "picture 2"], ["picture 3"]]


def test_of_an_album_that_the_helpdesk_refuses_each_part_is_tried_by_itself(company, albums):
    company.deliver(company.message("and where is it?"))
    company.work()
    company.zendesk.faults.add(broken(422, {"error": "too large"}), method="PUT", times=2)
    shows(company, 1, 2)
    company.later(WAIT)
    assert words(company)[1:] == [["picture 1"], ["picture 2"]]
    assert company.thread()["joined"] == {}
    assert set(company.outcomes().values()) == {"filed"}


def test_an_album_costs_one_write_more_than_what_is_filed_together_anyway(company, albums):
    company.deliver(company.message("and where is it?"))
    company.work()
    shows(company, 1, 2)
    company.tick(60)
    company.sweep()
    before = len(company.table.calls)
    company.work()
    taken, united = 1, 1
    assert company.table.calls[before:].count("update") == taken + united
    assert words(company)[1:] == [["picture 1", "picture 2"]]
