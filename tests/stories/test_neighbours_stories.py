"""One's trouble is its own: a ticket, a picture's host or a channel that cannot now holds up nobody else."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, item
from deskwire.contracts.channel import Page
from deskwire.contracts.helpdesk import Signals
from deskwire.contracts.terms import Figure
from deskwire.model.errors import Concern, PermanentError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.tickets import File
from deskwire.ports import Put
from deskwire.registry import channel, helpdesk
from deskwire.web.rest import Answer
from sandbox.neighbours.neighbour import broken, throttled

from .conftest import START

OTHER = "24900000000000002"


def _asked(company, customer=OTHER):
    """Have another customer ask for their parcel; return whether it is in a ticket at once."""
    company.deliver(company.message("Where is my parcel?", customer=customer))
    company.work()
    return any("Where is my parcel?" in words for words in company.comments())


def test_a_channel_that_fails_for_a_minute_leaves_three_answers_unknown_and_gets_all_the_others(company):
    company.zendesk.requests_per_minute = company.zendesk.updates_per_minute = 100_000
    customers = [f"249000000000{number:05}" for number in range(50)]
    for customer in customers:
        company.deliver(company.message("Where is my parcel?", customer=customer))
    company.work()
    for number, ticket in enumerate(company.zendesk.tickets):
        company.zendesk.agent_replies(ticket.id, f"answer {number}")
        company.signalled(ticket.id, f"INVOCATION-{number}")
    graph, down_until = company.graph, company.now().timestamp() + 60

    def failing(call):
        down = call.method == "POST" and company.now().timestamp() < down_until
        return Answer(503, {}, b"") if down else type(graph).__call__(graph, call)

    company.graph = failing
    company.work()
    for _ in range(20):
        company.later(15)
    answers = [found["state"] for (_, sk), found in company.table.items.items() if sk.startswith("S#reply")]
    assert answers.count("unknown") <= 3
    assert answers.count("sent") == 50 - answers.count("unknown")
    assert len([sent for sent in graph.sent if "answer" in sent["message"]["text"]]) == answers.count("sent")


@pytest.mark.parametrize("fault", [throttled(571), broken(409)])
def test_one_tickets_limit_or_conflict_holds_up_its_thread_alone(company, fault):
    company.deliver(company.message("first"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.tick(60)
    company.zendesk.faults.add(fault, method="PUT", path=f"/api/v2/tickets/{ticket.id}.json", times=1)
    company.deliver(company.message("second"))
    company.work()
    company.tick(20)
    assert _asked(company)
    assert not any("second" in words for words in company.comments())
    company.later(1000)
    assert any("second" in words for words in company.comments())


def test_a_ticket_full_of_comments_gets_a_follow_up_in_which_the_thread_goes_on(company, monkeypatch):
    monkeypatch.setattr("sandbox.helpdesks.zendesk.account.COMMENTS_LIMIT", 3)
    monkeypatch.setattr("deskwire.helpdesks.zendesk.FULL", 3)
    for number in range(5):
        company.deliver(company.message(f"message {number}"))
        company.work()
        company.tick(60)
    first, second = (
        [comment.words for comment in company.zendesk.comments(each.id)] for each in company.zendesk.tickets
    )
    assert [words.split("\n")[0] for words in first] == ["message 0", "message 1", "message 2"]
    assert [words.split("\n")[0] for words in second] == ["message 3", "message 4"]
    assert set(company.outcomes().values()) == {"filed"}
    ticket = company.zendesk.tickets[1].id
    company.zendesk.agent_replies(ticket, "It left today.")
    company.signalled(ticket)
    company.work()
    assert company.graph.sent[-1]["message"]["text"] == "It left today."


def test_an_accounts_limit_holds_up_everybody(company):
    company.deliver(company.message("first"))
    company.work()
    company.zendesk.faults.add(throttled(40), times=1)
    company.deliver(company.message("second"))
    company.work()
    assert not _asked(company)
    company.later(60)
    assert any("Where is my parcel?" in words for words in company.comments())


PICTURE = [{"type": "image", "payload": {"url": "https://scontent.xx.fbcdn.net/v/a.jpg?oe=1"}}]
BUSY = TemporaryError("fetching an attachment: HTTP 429", after=3600, concerns=Concern.HOST)
FAILING = TemporaryError("fetching an attachment: HTTP 503", concerns=Concern.HOST)
HAD = File("a.jpg", "image/jpeg", b"...")


class Crash(BaseException):
    """The worker is gone."""


def _pictures(company, *answers):
    """Have the pictures' host answer so, one after the other, the last one for ever; return the tries."""
    left, tries = list(answers), []

    def fetch(*_):
        tries.append(company.now())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, File):
            return answer
        raise answer

    object.__setattr__(company.directory, "fetch", fetch)
    return tries


def _files(company):
    return [file for ticket in company.zendesk.tickets for each in company.zendesk.comments(ticket.id)
            for file in each.files]  # fmt: skip


def test_a_busy_host_of_pictures_holds_up_no_other_customer(company):
    _pictures(company, BUSY)
    company.deliver(company.message("look at this", attachments=PICTURE))
    company.work()
    company.tick(30)
    assert _asked(company)


def test_a_host_of_pictures_that_fails_three_times_is_not_the_helpdesks_failure(company):
    _pictures(company, FAILING)
    for number in range(3):
        company.deliver(company.message("look", customer=f"2490000000000001{number}", attachments=PICTURE))
        company.work()
    assert _asked(company)


def test_words_are_filed_at_once_and_their_picture_follows_when_its_host_has_time(company):
    tries = _pictures(company, BUSY, HAD)
    company.deliver(company.message("My cellar is under water, see", attachments=PICTURE))
    company.work()
    (words,) = company.comments()
    assert "My cellar is under water, see" in words
    assert f"[image] follows as soon as it can be fetched {PICTURE[0]['payload']['url']}" in words
    for _ in range(70):
        company.later(60)
    assert len(tries) == 2
    first, second = company.comments()
    assert first == words
    assert "[image] that belongs to an earlier message" in second
    assert len(_files(company)) == 1
    assert set(company.outcomes().values()) == {"filed"}
    assert company.thread()["timers"].keys() == {"window"}


def test_a_picture_that_is_not_fetched_stands_in_the_ticket_with_its_link(company):
    _pictures(company, PermanentError("the attachment is larger than allowed"))
    company.deliver(company.message("see the damage", attachments=PICTURE))
    company.work()
    (words,) = company.comments()
    assert "larger than allowed" in words
    assert PICTURE[0]["payload"]["url"] in words


@pytest.mark.parametrize("status", [301, 302, 307, 402, 405, 410, 423, 401, 403])
def test_what_speaks_of_the_helpdesks_account_waits_and_is_filed_once_it_is_mended(company, status):
    company.zendesk.faults.add(broken(status, {"error": "AccountSuspended"}), method="POST")
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.later(400)
    assert set(company.outcomes().values()) == {"recorded"}
    assert company.counted("ConfigurationErrors")
    company.zendesk.faults.clear()
    company.later(400)
    company.later(400)
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.zendesk.tickets) == 1


def test_a_customer_writes_on_while_a_picture_is_missing(company):
    tries = _pictures(company, BUSY, HAD)
    company.deliver(company.message("look at this", attachments=PICTURE))
    company.work()
    company.tick(60)
    company.deliver(company.message("Is anybody there?"))
    company.work()
    assert "Is anybody there?" in company.comments()[-1]
    assert len(tries) == 1
    company.later(3700)
    assert len(_files(company)) == 1


def test_a_picture_that_is_never_to_be_had_becomes_its_link(company):
    tries = _pictures(company, FAILING)
    company.deliver(company.message("look at this", attachments=PICTURE))
    company.work()
    for _ in range(60):
        company.later(1800)
    assert 10 < len(tries) < 40
    assert "could not be fetched" in company.comments()[-1]
    assert PICTURE[0]["payload"]["url"] in company.comments()[-1]
    assert len(company.comments()) == 2
    assert company.thread()["timers"].keys() == {"window"}


def test_a_picture_that_was_taken_back_meanwhile_is_not_filed(company):
    _pictures(company, BUSY, HAD)
    said = company.message("look at this", mid="m_picture", attachments=PICTURE)
    company.deliver(said)
    company.work()
    gone = company.message("", mid="m_picture")
    gone["messaging"][0]["message"] = {"mid": "m_picture", "is_deleted": True}
    company.deliver(gone)
    company.work()
    company.later(4000)
    assert not _files(company)
    assert company.thread()["timers"].keys() == {"window"}


@pytest.mark.parametrize("when", ["words", "picture"])
@pytest.mark.parametrize("done", [True, False])
def test_a_worker_that_dies_over_a_picture_files_it_once(company, when, done):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    _pictures(company, BUSY, HAD)
    direct = company._direct

    def die(call):
        if call.method == "PUT":
            company._direct = direct
            if done:
                direct(call)
            raise Crash
        return direct(call)

    if when == "words":
        company._direct = die
    company.deliver(company.message("look at this", attachments=PICTURE))
    if when == "words":
        with pytest.raises(Crash):
            company.work()
    else:
        company.work()
        company._direct = die
        with pytest.raises(Crash):
            company.later(3700)
    for _ in range(10):
        company.later(1000)
    assert len([words for words in company.comments() if "look at this" in words]) == 1
    assert len(_files(company)) == 1
    assert set(company.outcomes().values()) == {"filed"}
    assert company.thread()["timers"].keys() == {"window"}


def test_a_thread_of_before_timers_had_names_goes_on(company):
    direct = company._direct
    company._direct = lambda _: Answer(503, {}, b"")
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company._direct = direct
    assert company.thread()["timers"]["retry"] == company.thread()["due_at"]
    del company.thread()["timers"], company.thread()["missing"]
    company.later(100)
    assert any("Where is my parcel?" in words for words in company.comments())


def test_a_look_that_hangs_holds_up_no_other_look_and_no_message(company, monkeypatch):
    accounts = [f"4200000000000{number:02}" for number in range(4)]
    pages = [
        Connection(name=f"x-{each}", channel="x", account=each, endpoint="meta", secret="page", helpdesk="acme")
        for each in accounts
    ]
    for page in pages:
        company.table.put(Put(item(page)))
    index = company.table.get(INDEX_KEY)
    company.table.put(Put({**index, "keys": [list(each.key) for each in pages] + index["keys"]}))
    looks = {}

    def poll(_cursor, reach):
        began = company.now()
        if reach.account == accounts[0]:
            company.tick(50)
        looks.setdefault(reach.account, []).append((began - START).total_seconds())
        return Page((), "next")

    monkeypatch.setattr(channel("x"), "poll", poll, raising=False)
    began = company.now()
    assert company.sweep()["polls"] == 4
    assert company.now() == began  # sweep only asks for the looks
    letters = {}
    while (letter := company.mailbox.take()) is not None:
        letters[letter.group] = letter
    assert len(letters) == 4  # each in a group of its own: the mailbox gives them to workers side by side
    slow, *others = letters.values()
    for letter in others:
        company.conversation.handle(letter.body)
    assert [looks[each] for each in accounts[1:]] == [[0]] * 3
    assert company.conversation.handle(slow.body) == "polled"


def test_a_look_that_dies_before_its_cursor_moved_is_made_again_and_filed_once(company, monkeypatch):
    page = Connection(name="x", channel="x", account="42", endpoint="meta", secret="page", helpdesk="acme")
    company.table.put(Put(item(page)))
    index = company.table.get(INDEX_KEY)
    company.table.put(Put({**index, "keys": [*index["keys"], list(page.key)]}))
    said = Event(
        channel="x", account="42", kind=Kind.MESSAGE, object_id="1", verb=ADD, thread="9", text="Where is my parcel?",
        visibility=Visibility.PRIVATE, author=Author("9"), occurred_at=START,
    )  # fmt: skip
    monkeypatch.setattr(channel("x"), "poll", lambda *_: Page((said,), "next"), raising=False)
    put = company.table.put

    def die(write):
        if write.item["sk"] == "CURSOR":
            raise Crash
        return put(write)

    monkeypatch.setattr(company.table, "put", die)
    company.sweep()
    with pytest.raises(Crash):
        company.work()
    monkeypatch.setattr(company.table, "put", put)
    company.work()  # its events are on the mailbox all the same
    company.later(400)
    assert len([words for words in company.comments() if "Where is my parcel?" in words]) == 1
    assert company.table.items[(page.key[0], "CURSOR")]["cursor"] == "next"


def test_an_acknowledgement_that_is_not_sent_counts_once_however_often_its_message_is_tried(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    direct = company._direct
    company._direct = lambda _: Answer(503, {}, b"")
    for number in range(2):
        company.deliver(company.message(f"hello? {number}"))
        company.work()
    for _ in range(10):
        company.later(400)
    company._direct = direct
    company.later(400)
    company.sweep()
    assert company.counted("AcknowledgementsSuppressed") == 2


def test_a_helpdesk_is_looked_at_no_more_often_than_its_terms_say(company, monkeypatch):
    desk = next(each for each in company.definitions if isinstance(each, HelpdeskConnection))
    company.table.put(Put(item(desk.model_copy(update={"poll": True}))))
    looks, kind = [], helpdesk("zendesk")
    every = Figure(timedelta(minutes=5), "https://example.com", START.date())
    monkeypatch.setattr(kind, "poll", lambda *_: looks.append(company.now()) or Signals((), "next"), raising=False)
    monkeypatch.setattr(kind, "terms", dataclasses.replace(kind.terms, every=every))
    for _ in range(11):
        company.later(60)
    assert len(looks) == 3


def test_a_platform_is_looked_at_no_more_often_than_its_terms_say(company, monkeypatch):
    page = Connection(name="x", channel="x", account="42", endpoint="meta", secret="page", helpdesk="acme")
    company.table.put(Put(item(page)))
    index = company.table.get(INDEX_KEY)
    company.table.put(Put({**index, "keys": [*index["keys"], list(page.key)]}))
    looks = []
    kind = channel("x")
    every = Figure(timedelta(minutes=5), "https://example.com", START.date())
    monkeypatch.setattr(kind, "poll", lambda *_: looks.append(company.now()) or Page((), "next"), raising=False)
    monkeypatch.setattr(kind, "terms", dataclasses.replace(kind.terms, every=every))
    for _ in range(11):
        company.later(60)
    assert len(looks) == 3
