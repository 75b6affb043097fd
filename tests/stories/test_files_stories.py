"""Files of agents' answers: they reach the customer beside the text, or the ticket says which did not, and why."""

from __future__ import annotations

import pytest

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.tickets import File
from deskwire.web.rest import Answer

PLAN = ("plan.png", "image/png", b"png")


class Shelf:
    """Where the helpdesk's files lie: gives them out, or raises what it is told to."""

    def __init__(self):
        self.trouble = None
        self.calls = []

    def __call__(self, call, hosts):
        self.calls.append((call, hosts))
        if self.trouble is not None:
            raise self.trouble
        return File("from-the-address", self.type, self.data)

    data = b"png"
    type = "application/octet-stream"


@pytest.fixture
def shelf(company):
    shelf = Shelf()
    object.__setattr__(company.directory, "fetch", shelf)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.graph.sent.clear()
    return shelf


def answers(company, text, *files):
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, text, files=files)
    company.signalled(ticket.id)
    company.work()


def sent(company):
    return [each["message"].get("text") or each["message"]["attachment"] for each in company.graph.sent]


def notes(company):
    return [comment for comment in company.comments() if "NOT" in comment or "were not" in comment]


def test_a_file_goes_out_after_the_text(company, shelf):
    answers(company, "Here is the plan.", PLAN)
    text, picture = sent(company)
    assert text == "Here is the plan."
    assert picture["type"] == "image"
    assert picture["payload"]["url"].startswith("https://archive.example/lent/")
    assert picture["payload"]["url"].endswith("/0/plan.png")
    assert notes(company) == []
    (_, hosts), *_ = shelf.calls
    assert hosts == ("zendesk.com", "zdusercontent.com")


def test_a_picture_alone_goes_out(company, shelf):
    answers(company, " ", PLAN)
    assert [each["type"] for each in sent(company)] == ["image"]
    assert company.thread()["answered_at"]
    assert notes(company) == []


def test_a_file_of_which_the_helpdesk_says_no_type_goes_as_what_was_loaded(company, shelf):
    shelf.type = "image/png"
    answers(company, " ", ("plan.png", "", b"png"))
    assert [each["type"] for each in sent(company)] == ["image"]


def test_a_file_that_turns_out_to_be_what_the_platform_does_not_take_is_noted(company, shelf):
    shelf.type = "application/zip"
    answers(company, "Here is the rest.", ("all", "", b"zip"))
    assert sent(company) == ["Here is the rest."]
    (note,) = notes(company)
    assert "all (files of the type application/zip cannot be sent here)" in note


def test_what_the_platform_does_not_take_is_noted_with_the_reason(company, shelf):
    answers(company, "Here is all of it.", PLAN, ("all.zip", "application/zip", b"zip"))
    assert len(sent(company)) == 2
    (note,) = notes(company)
    assert "all.zip (files of the type application/zip cannot be sent here)" in note
    assert "plan.png" not in note


def test_a_file_that_is_too_large_is_noted(company, shelf):
    shelf.data = b"x" * 8_000_001
    answers(company, "Here is the plan.", PLAN)
    assert sent(company) == ["Here is the plan."]
    assert "plan.png (it is larger than the 8 MB that can be sent here)" in notes(company)[0]


def test_a_file_that_is_gone_is_noted(company, shelf):
    shelf.trouble = PermanentError("HTTP 404")
    answers(company, "Here is the plan.", PLAN)
    assert sent(company) == ["Here is the plan."]
    assert "plan.png (HTTP 404)" in notes(company)[0]


def test_a_file_that_cannot_be_had_for_now_is_waited_for(company, shelf):
    shelf.trouble = TemporaryError("HTTP 503")
    answers(company, "Here is the plan.", PLAN)
    assert sent(company) == []
    shelf.trouble = None
    for _ in range(3):
        company.later(60)
    assert len(sent(company)) == 2
    assert notes(company) == []


@pytest.mark.parametrize("trouble", [TemporaryError("HTTP 503"), ConfigurationError("HTTP 403")])
def test_words_wait_for_their_file_no_longer_than_a_quarter_of_an_hour(company, shelf, trouble):
    shelf.trouble = trouble
    answers(company, "Here is the plan.", PLAN)
    assert sent(company) == []
    for _ in range(40):
        company.later(60)
    assert sent(company) == ["Here is the plan."]
    assert f"plan.png ({trouble})" in notes(company)[0]


def test_a_picture_of_which_nobody_knows_whether_it_arrived_is_not_sent_again(company, shelf):
    company.graph.next = [None, TemporaryError("the line was cut", ambiguous=True)]
    answers(company, "Here is the plan.", PLAN)
    for _ in range(5):
        company.later(60)
    assert len(sent(company)) == 2
    assert any("unknown whether this answer reached" in comment for comment in company.comments())


def test_a_picture_that_the_platform_refuses_is_told_to_the_agent(company, shelf):
    refusal = Answer(400, {}, b'{"error": {"code": 100, "message": "Failed to fetch the file from the url"}}')
    company.graph.next = [None, refusal]
    answers(company, "Here is the plan.", PLAN)
    assert sent(company) == ["Here is the plan."]
    assert "only 1 of 2 parts were sent" in notes(company)[0]


def test_what_an_entry_cannot_hold_is_measured_in_bytes_and_whole_in_a_file(company):
    company.deliver(company.message("é" * 40_000))
    company.work()
    (ticket,) = company.zendesk.tickets
    (comment,) = company.zendesk.comments(ticket.id)
    assert "é" * 20_000 in comment.words
    assert len(comment.files) == 1
