"""A thread that waits because the helpdesk is left alone has not failed: it goes on as soon as others do.

And one that has much to do does it in several turns: a worker has a minute.
"""

import re
from contextlib import contextmanager

import pytest

from deskwire.model.errors import Concern, TemporaryError
from deskwire.model.tickets import File
from deskwire.web.rest import Answer
from sandbox.neighbours.neighbour import broken, throttled


def test_a_message_and_an_agents_answer_that_are_held_up_together_count_as_no_failure(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.faults.add(throttled(30), times=1)
    company.deliver(company.message("Is anybody there?"))
    company.work()  # refused: from now on everybody leaves the helpdesk alone
    failed = company.thread()["attempts"]
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    held = company.thread()
    assert len(held["pending"]) == 2
    assert held["attempts"] == failed
    company.later(40)
    assert "It is on its way." in company.graph.sent[-1]["message"]["text"]
    assert not company.thread()["pending"]


def _sending(company, minutes, fault):
    """Have the platform do so with what is sent to it in these minutes."""
    graph, until = company.graph, company.now().timestamp() + minutes * 60

    def sends(call):
        failing = call.method == "POST" and company.now().timestamp() < until
        return fault(graph, call) if failing else graph(call)

    company.graph = sends
    return graph


def _takes_and_does_not_say_so(graph, call):
    graph(call)
    raise TemporaryError("the answer was lost", ambiguous=True)


def _acknowledgements(company):
    """Return how each acknowledgement ended: the state and the reason."""
    return [
        (found["state"], found["reason"]) for (_, sk), found in company.table.items.items() if sk.startswith("S#ack")
    ]


def test_who_writes_while_the_platforms_answers_are_lost_is_acknowledged_once_and_at_last(company):
    graph = _sending(company, 10, _takes_and_does_not_say_so)
    customers = [f"249000000000{number:05}" for number in range(20)]
    for customer in customers:
        company.deliver(company.message("Where is my parcel?", customer=customer))
        company.work()
        company.later(30)
    for _ in range(10):
        company.later(60)
    assert sorted(sent["recipient"]["id"] for sent in graph.sent) == customers
    states = [state for state, _ in _acknowledgements(company)]
    assert states.count("sent") + states.count("unknown") == 20
    assert states.count("unknown") < 8  # three until it is left alone, and each that then tries it again


def test_who_cannot_be_acknowledged_within_the_hour_is_not_and_that_is_counted_once_with_its_reason(company):
    graph = _sending(company, 80, lambda *_: _down(None))
    for number in range(4):
        company.deliver(company.message("Where is my parcel?", customer=f"249000000000{number:05}"))
        company.work()
    for _ in range(100):
        company.later(60)
    assert graph.sent == []
    assert _acknowledgements(company) == [("refused", "not acknowledged: late")] * 4
    assert company.counted("AcknowledgementsSuppressed") == 4
    assert sum('"reason":"late"' in line for line in company.lines) == 4
    assert set(company.outcomes().values()) == {"filed"}


def test_so_it_is_counted_while_the_helpdesk_is_down_as_well(company):
    _sending(company, 80, lambda *_: _down(None))
    direct, company._direct = company._direct, _down
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    for _ in range(100):
        company.later(60)
    assert _acknowledgements(company) == [("refused", "not acknowledged: late")]
    assert company.counted("AcknowledgementsSuppressed") == 1
    company._direct = direct
    company.later(400)
    assert set(company.outcomes().values()) == {"filed"}
    assert company.counted("AcknowledgementsSuppressed") == 1


def _one_turn(company):
    """Have the next letter worked on."""
    return company.conversation.handle(company.mailbox.take().body)


def _in_doubt(company, texts):
    """Have messages whose filing may have happened, in a ticket that much was done to."""
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    for number in range(520):
        company.zendesk.agent_replies(ticket.id, f"note {number}", public=False)
    direct, company._direct = company._direct, _down
    for text in texts:
        company.tick(2)
        company.deliver(company.message(text))
        company.work()
    company._direct = lambda call: _lost(call) if call.method == "PUT" else direct(call)
    company.later(400)
    company._direct = direct
    company.tick(700)


def _down(call):
    raise TemporaryError("down")


def _lost(call):
    raise TemporaryError("timeout", ambiguous=True)


def test_what_is_in_doubt_is_looked_for_a_little_at_a_time_and_filed_once_and_in_order(company):
    texts = [f"message {number}" for number in range(35)]
    _in_doubt(company, texts)
    assert len(company.thread()["pending"]) - len(company.thread()["clean"]) > 30
    company.sweep()
    turns = 0
    while company.mailbox.letters:
        before = len(company.http_calls)
        _one_turn(company)
        assert len(company.http_calls) - before < 60
        turns += 1
    assert turns > 5
    assert set(company.outcomes().values()) == {"filed"}
    said = "\n".join(company.comments()[521:])
    assert [line for line in said.splitlines() if line.startswith("message ")] == texts


def test_a_helpdesk_that_is_slow_gets_what_waited_in_several_turns(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    direct, company._direct = company._direct, _down
    for number in range(6):
        company.tick(2)
        company.deliver(company.message(f"{number}" * 20_000))
        company.work()

    def slow(call):
        company.tick(9)
        return direct(call)

    company._direct = slow
    company.tick(400)
    company.sweep()
    turns = 0
    while company.mailbox.letters:
        began = company.now()
        _one_turn(company)
        assert (company.now() - began).total_seconds() < 45
        turns += 1
    assert turns > 1
    assert set(company.outcomes().values()) == {"filed"}
    assert re.findall(r"(\d)\1{19999}", "".join(company.comments())) == list("012345")


def _picture(number):
    return {"type": "image", "payload": {"url": f"https://scontent.xx.fbcdn.net/{number}.jpg"}}


def _fetching(company, seconds, *, size=1, fails=False):
    """Have each attachment take so long; return the addresses that were asked for."""
    asked = []

    def fetch(call, hosts):
        asked.append(call.url)
        company.tick(seconds)
        if fails:
            raise TemporaryError("the attachment could not be fetched in time")
        return File("picture.jpg", "image/jpeg", b"." * size)

    object.__setattr__(company.directory, "fetch", fetch)
    return asked


def _worked_on(company):
    """Work until nothing is pending; return the seconds of each turn."""
    spans = []
    for _ in range(20):
        while company.mailbox.letters:
            began = company.now()
            _one_turn(company)
            spans.append((company.now() - began).total_seconds())
        if not (company.thread()["pending"] or company.thread()["missing"]):
            break
        company.tick(6000)
        company.sweep()
    return spans


@pytest.mark.parametrize("fails", [False, True])
def test_a_message_with_many_slow_pictures_is_filed_in_the_end_with_what_could_be_had(company, fails):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    _fetching(company, 10, fails=fails)
    company.deliver(company.message("look", attachments=[_picture(number) for number in range(6)]))
    assert max(_worked_on(company)) < 45
    assert set(company.outcomes().values()) == {"filed"}
    written = "\n".join(company.comments())
    assert written.count("follows as soon as it can be fetched") == (6 if fails else 4)
    assert written.count("belongs to an earlier message") == (0 if fails else 4)
    assert written.count("of an earlier message could not be fetched") == (6 if fails else 0)


def _with_pictures_wait(company, messages):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    direct, company._direct = company._direct, _down
    for number in range(messages):
        company.tick(2)
        company.deliver(company.message(f"look at number {number}", attachments=[_picture(number)]))
        company.work()
    company._direct = direct
    company.tick(400)
    company.sweep()


def test_messages_with_a_slow_picture_each_are_filed_with_them_all_in_several_turns(company):
    _with_pictures_wait(company, 6)
    asked = _fetching(company, 10)
    spans = _worked_on(company)
    assert max(spans) < 45
    assert sum(spans) == 60
    assert len(asked) == 6
    assert re.findall(r"look at number (\d)", "".join(company.comments())) == list("012345")
    assert "could not be fetched" not in "".join(company.comments())


def test_what_is_in_memory_at_once_has_a_limit(company):
    _with_pictures_wait(company, 6)
    asked = _fetching(company, 0, size=11 * 1024 * 1024)
    before = len([call for call in company.http_calls if " PUT " in call])
    assert _worked_on(company) == [0]
    assert len(asked) == 6
    assert len([call for call in company.http_calls if " PUT " in call]) == before + 3
    assert re.findall(r"look at number (\d)", "".join(company.comments())) == list("012345")


class Crash(BaseException):
    """The worker is gone."""


def test_what_is_left_to_the_next_turn_goes_into_the_follow_up_that_it_belongs_in(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    direct, company._direct = company._direct, _down
    company.tick(14 * 86_400 - 1000)  # it is nearly too old to go on
    for number in range(6):  # more than one update takes
        company.deliver(company.message(f"{number}" * 8000))
        company.work()

    def die(call):
        direct(call)
        raise Crash

    company._direct = die
    company.tick(400)
    company.sweep()
    with pytest.raises(Crash):
        company.work()
    company._direct = direct
    company.tick(1000)
    company.sweep()
    _one_turn(company)
    assert len(company.thread()["pending"]) == 1
    assert len(company.zendesk.tickets) == 1
    company.work()
    second = company.zendesk.tickets[1]
    assert "5" * 8000 in company.zendesk.comments(second.id)[0].words
    assert re.findall(r"(\d)\1{7999}", "".join(company.comments())) == list("012345")


def test_a_right_that_goes_missing_after_the_words_were_filed_files_them_once(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.solve(ticket.id)
    company.tick(60)
    direct = company._direct
    puts = []

    def without_the_right_to_open(call):
        puts.append(call) if call.method == "PUT" else None
        return Answer(403) if len(puts) == 2 and call.method == "PUT" else direct(call)

    company._direct = without_the_right_to_open  # the comment is added, the change of the status is not
    company.deliver(company.message("It is still not here"))
    company.work()
    assert len(company.comments()) == 2
    company._direct = direct
    company.later(700)
    assert company.counted("ConfigurationErrors") == 1
    assert not company.thread()["pending"]
    assert len(company.comments()) == 2
    assert ticket.status == "open"


def test_a_right_that_goes_missing_before_anything_was_filed_asks_for_nothing(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.tick(60)
    company.zendesk.faults.add(broken(403, {}), method="PUT", path=f"/api/v2/tickets/{ticket.id}.json", times=1)
    company.deliver(company.message("It is still not here"))
    company.work()
    asked = len(company.http_calls)
    company.later(700)
    assert len(company.comments()) == 2
    assert not [call for call in company.http_calls[asked:] if "audits" in call]


@contextmanager
def throttled_secrets(company, entry):
    """Have Secrets Manager refuse an entry for now."""
    known = company.directory.secrets

    def secrets(name):
        if name == entry:
            raise TemporaryError(f"the secret “{name}” cannot be read now", concerns=Concern.MESSAGE)
        return known(name)

    object.__setattr__(company.directory, "secrets", secrets)
    yield
    object.__setattr__(company.directory, "secrets", known)


@pytest.mark.parametrize("entry", ["page", "zendesk"])
def test_a_message_outlasts_a_throttled_secrets_manager(company, entry):
    with throttled_secrets(company, entry):
        company.deliver(company.message("Where is my parcel?"))
        company.work()
        company.later(10)
        assert company.thread()["attempts"] == 2
        assert company.thread()["unfiled"]
        assert company.zendesk.tickets == []
    company.later(20)
    assert list(company.outcomes().values()) == ["filed"]
    assert company.thread()["attempts"] == 0
    company.telemetry.flush()
    assert company.counted("Postponed") == 2
    assert company.counted("ConfigurationErrors") == 0
