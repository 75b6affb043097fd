"""Signals: what a helpdesk says happened in one of its tickets."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from deskwire.letters import content_in, event_in, stored
from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.signals import About, Assignee, Signal, Status, shown_as, signal_from_json, signal_of_event
from deskwire.model.tickets import AgentReply

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SIGNAL = Signal(helpdesk="zendesk", account="acme", object_id="7", ticket="88001", occurred_at=NOW)


def test_a_signal_reads_back_from_the_table():
    assert content_in(stored(SIGNAL)) == SIGNAL


def test_a_signal_is_no_event():
    with pytest.raises(PayloadError, match="a signal"):
        event_in(stored(SIGNAL))


def test_an_unknown_field_is_kept_and_written_again():
    read = signal_from_json({**SIGNAL.to_json(), "mood": "glad"})
    assert read == SIGNAL
    assert read.to_json()["mood"] == "glad"


def test_an_event_of_an_older_version_is_the_same_signal_with_the_same_key():
    told = {"kind": "ticket", "channel": "zendesk", "account": "acme", "object_id": "7", "verb": "add",
            "version": None, "thread": "88001", "text": "", "own": False, "occurred_at": NOW.isoformat()}  # fmt: skip
    assert signal_of_event(told) == SIGNAL
    assert SIGNAL.key == "zendesk/acme/7/add/"
    other = signal_of_event({**told, "kind": "other", "text": "user.created"})
    assert (other.about, other.dismissed) == (About.OTHER, "user.created")


@pytest.mark.parametrize("name", ["helpdesk", "object_id", "ticket"])
def test_a_signal_without_an_id_is_refused(name):
    with pytest.raises(PayloadError, match=name):
        Signal(**{"helpdesk": "zendesk", "object_id": "7", "ticket": "8", name: ""})


def test_a_time_that_is_not_in_utc_is_refused():
    with pytest.raises(PayloadError, match="UTC"):
        Signal(helpdesk="z", object_id="7", ticket="8", occurred_at=NOW.astimezone(timezone(timedelta(hours=1))))


@pytest.mark.parametrize("data", [{}, {"helpdesk": "z"}, {**SIGNAL.to_json(), "about": "joy"}])
def test_what_is_no_signal_is_refused(data):
    with pytest.raises(PayloadError):
        signal_from_json(data)


def test_our_own_doing_is_dismissed_and_a_ticket_to_look_at_is_not():
    assert SIGNAL.dismissed == ""
    assert Signal(helpdesk="z", object_id="7", ticket="8", own=True).dismissed == "own"
    assert Signal(helpdesk="z", object_id="7", ticket="8", about=About.OTHER).dismissed == "unknown kind"


def answer(**more):
    given = {"id": "9", "order": 9, "ticket": "88001", "text": "On its way", "author": "Agnes", "written_at": NOW}
    return AgentReply(**given | more)


def test_an_answer_with_its_files_reads_back():
    files = (Attachment(AttachmentKind.IMAGE, url="https://desk.example/1.png", name="1.png"),)
    told = Signal(helpdesk="z", object_id="7", ticket="88001", about=About.ANSWER, answer=answer(attachments=files))
    assert content_in(stored(told)) == told
    assert told.dismissed == ""


def test_an_internal_note_is_dismissed():
    note = Signal(helpdesk="z", object_id="7", ticket="88001", about=About.ANSWER, answer=answer(public=False))
    assert note.dismissed == "an internal note"


def test_a_status_reads_back():
    told = Signal(helpdesk="z", object_id="7", ticket="88001", about=About.STATUS, status=Status.SOLVED)
    assert content_in(stored(told)) == told


@pytest.mark.parametrize("about", [About.STATUS, About.TICKET])
@pytest.mark.parametrize("status", [None, Status.REOPENED])
def test_who_has_a_ticket_reads_back(about, status):
    told = Signal(
        helpdesk="z", object_id="7", ticket="8", about=about, status=status, assignee=Assignee("5", "Agnes 🌷")
    )
    assert content_in(stored(told)) == told
    assert signal_from_json({**told.to_json(), "assignee": {"id": ""}}).assignee == Assignee("")


@pytest.mark.parametrize("wrong", ["Agnes", {"name": "Agnes"}, [1], 7])
def test_an_assignee_of_another_shape_is_no_signal(wrong):
    told = Signal(helpdesk="z", object_id="7", ticket="8", about=About.STATUS, status=Status.SOLVED)
    with pytest.raises(PayloadError):
        signal_from_json({**told.to_json(), "assignee": wrong})


def test_a_look_says_who_has_a_ticket_and_no_name_of_nobody():
    assert shown_as(solved=True, agent="5", name="Agnes") == {
        "status": Status.SOLVED,
        "assignee": Assignee("5", "Agnes"),
    }
    assert shown_as(solved=False, agent="", name="-") == {"status": Status.REOPENED, "assignee": Assignee("")}


@pytest.mark.parametrize(
    "more",
    [{"about": About.ANSWER}, {"answer": answer()}, {"about": About.STATUS},
     {"about": About.OTHER, "status": Status.SOLVED}, {"about": About.OTHER, "assignee": Assignee("5")},
     {"about": About.ANSWER, "answer": answer(ticket="2")}, {"about": About.ANSWER, "answer": answer(id="")}],
)  # fmt: skip
def test_a_signal_holds_what_it_is_about_and_nothing_else(more):
    with pytest.raises(PayloadError):
        Signal(**{"helpdesk": "z", "object_id": "7", "ticket": "88001"} | more)
