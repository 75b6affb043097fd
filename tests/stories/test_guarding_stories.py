"""Stories of private matters that customers write in public: flagged, hidden, and the talk goes on in private."""

from __future__ import annotations

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, connection_key, item
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.operating.erasing import Eraser, Person
from deskwire.ports import Put
from deskwire.ports.memory import MemoryPile
from sandbox.neighbours.neighbour import broken

from .conftest import PAGE, POLICY, SECRETS
from .test_held_up_stories import throttled_secrets

COMMENT = "122200000000501_993300000000077"
SAID = "Where is it? My card is 4242 4242 4242 4242"
INVITE = {
    "private": {"en": "Please go on here, where only we read it.", "pl": "Prosimy pisać tutaj."},
    "public": {"en": "We have written to you."},
}
HIDING, SHOWING = {"is_hidden": True}, {"is_hidden": False}


@pytest.fixture
def guarded(company):
    """Give the company rules for private matters."""

    def rules(**private):
        for known in company.definitions:
            if getattr(known, "policy", None):
                policy = Policy.model_validate({**POLICY, "private": private})
                company.table.put(Put(item(known.model_copy(update={"policy": policy}))))
        return company

    return rules


def hidings(company):
    return [sent for sent in company.graph.sent if "is_hidden" in sent]


def invitations(company):
    return [sent for sent in company.graph.sent if "is_hidden" not in sent]


def commented(company, text=SAID, **more):
    company.deliver(company.comment(text, **more))
    company.work()


def test_without_a_rule_it_is_flagged_and_nothing_is_done_on_the_platform(company):
    commented(company)
    assert {"sensitive-in-public", "private-card"} <= set(company.zendesk.tickets[0].tags)
    assert "In public: a card number" in company.comments()[0]
    assert company.graph.sent == []


def test_a_comment_with_a_card_number_is_hidden_once_and_the_ticket_says_so(guarded):
    company = guarded(hide=True)
    commented(company)
    assert hidings(company) == [HIDING]
    assert any(call.endswith(f"/{COMMENT}") for call in company.http_calls)
    note = company.comments()[-1]
    assert "was hidden on Facebook Page: it holds a card number" in note
    assert "4242" not in note
    assert "4242" not in str(company.lines)
    company.deliver(company.comment(SAID))
    company.later(86_400)
    assert hidings(company) == [HIDING]
    assert sum("was hidden" in words for words in company.comments()) == 1


def test_who_is_erased_leaves_no_trace_of_what_was_hidden(guarded):
    company = guarded(hide=True)
    commented(company, author="71")
    Eraser(
        table=company.table, archive=company.archive, parked=MemoryPile([]), dead=MemoryPile([]),
        directory=company.directory, clock=company.now, owner=lambda: "eraser",
    ).erase(Person("facebook", "71"))  # fmt: skip
    assert [each["guarded"] for each in company.table.items.values() if "guarded" in each] == [{}]


def test_a_comment_without_private_matters_is_left_alone(guarded):
    company = guarded(hide=True, invite=INVITE)
    commented(company, "Where is my parcel 4471?")
    assert company.graph.sent == []


def test_only_the_kinds_that_the_policy_names_are_hidden(guarded):
    company = guarded(hide=True, kinds=["phone"])
    commented(company)
    assert company.graph.sent == []
    commented(company, "call me on +354 555 0199", comment="8")
    assert hidings(company) == [HIDING]


def test_a_private_message_is_not_hidden(guarded):
    company = guarded(hide=True, invite=INVITE)
    company.deliver(company.message(SAID))
    company.work()
    assert hidings(company) == []


@pytest.mark.parametrize(
    "fault", [TemporaryError("down"), TemporaryError("lost", ambiguous=True), ConfigurationError("no right")], ids=str
)
def test_what_cannot_be_hidden_now_is_filed_all_the_same_and_hidden_later(guarded, fault):
    company = guarded(hide=True)
    company.graph.next = [fault]
    company.deliver(company.comment(SAID))
    assert company.work() == ["filed"]
    assert len(company.zendesk.tickets) == 1
    company.later(1000)
    assert hidings(company)[-1] == HIDING
    assert sum("was hidden" in words for words in company.comments()) == 1


def test_what_can_never_be_hidden_is_told_and_not_tried_again(guarded):
    company = guarded(hide=True)
    company.graph.next = [PermanentError("it is gone")]
    commented(company)
    assert "could NOT be hidden on Facebook Page" in company.comments()[-1]
    company.later(90_000)
    assert hidings(company) == []


def test_what_was_hidden_before_there_is_a_ticket_is_noted_on_the_one_that_is_opened_later(guarded):
    company = guarded(hide=True)
    company.zendesk.faults.add(
        broken(422, {"error": "RecordInvalid"}), method="POST", path="/api/v2/tickets.json", times=1
    )
    company.deliver(company.comment(SAID))
    assert company.work() == ["refused"]
    assert (hidings(company), company.zendesk.tickets) == ([HIDING], [])
    company.later(60)
    commented(company, "Nobody answers", comment="8", parent=COMMENT)
    assert len(company.zendesk.tickets) == 1
    assert sum("was hidden on Facebook Page" in words for words in company.comments()) == 1


def test_after_a_day_of_failures_the_agents_are_told(guarded):
    company = guarded(hide=True)
    company.graph.next = [TemporaryError("down") for _ in range(200)]
    commented(company)
    for _ in range(60):
        company.later(1800)
    assert "could NOT be hidden" in company.comments()[-1]
    assert not any("due_shard" in found for found in company.table.items.values())


def test_a_helpdesk_that_is_down_delays_no_hiding_and_the_note_follows(guarded):
    company = guarded(hide=True)
    direct, company._direct = company._direct, _down
    commented(company)
    assert hidings(company) == [HIDING]
    company._direct = direct
    company.later(400)
    company.later(400)
    assert "was hidden" in company.comments()[-1]
    assert hidings(company) == [HIDING]


def _down(call):
    raise TemporaryError("down")


def test_a_comment_is_shown_again_when_its_writer_takes_the_number_out(guarded):
    company = guarded(hide=True)
    commented(company)
    _edited(company, "Where is it?")
    assert hidings(company) == [HIDING, SHOWING]
    assert "shown again on Facebook Page" in company.comments()[-1]


def _edited(company, text):
    entry = company.comment(text)
    entry["changes"][0]["value"]["verb"] = "edited"
    company.deliver(entry)
    company.work()


def test_it_is_shown_later_where_that_fails_and_hidden_again_with_another_number(guarded):
    company = guarded(hide=True)
    commented(company)
    company.graph.next = [TemporaryError("down")]
    _edited(company, "Where is it?")
    company.later(1000)
    assert hidings(company) == [HIDING, SHOWING]
    _edited(company, "my phone is +354 555 0199")
    assert hidings(company) == [HIDING, SHOWING, HIDING]


def test_it_stays_hidden_where_another_number_comes_before_it_was_shown(guarded):
    company = guarded(hide=True)
    commented(company)
    company.graph.next = [TemporaryError("down")]
    _edited(company, "Where is it?")
    _edited(company, "my phone is +354 555 0199")
    company.later(4000)
    assert hidings(company) == [HIDING]


def test_what_was_taken_back_is_not_hidden_any_more(guarded):
    company = guarded(hide=True)
    company.graph.next = [TemporaryError("down")]
    commented(company)
    removed = company.comment("")
    removed["changes"][0]["value"] |= {"verb": "remove"}
    del removed["changes"][0]["value"]["message"]
    company.deliver(removed)
    company.work()
    company.later(4000)
    assert hidings(company) == []


def test_a_number_that_an_edit_brings_is_hidden(guarded):
    company = guarded(hide=True)
    commented(company, "Where is it?")
    _edited(company, SAID)
    assert hidings(company) == [HIDING]


def test_the_writer_is_invited_once_and_the_talk_goes_on_in_the_same_ticket(guarded):
    company = guarded(hide=True, invite=INVITE)
    commented(company)
    (invited,) = invitations(company)
    assert invited["recipient"] == {"comment_id": COMMENT}
    assert invited["message"]["text"] == "Please go on here, where only we read it."
    commented(company, f"{SAID}, again", comment="8", parent=COMMENT)
    assert len(invitations(company)) == 1
    assert hidings(company) == [HIDING, HIDING]
    company.deliver(company.message("It is 4471"))
    company.work()
    assert len(company.zendesk.tickets) == 1


def test_an_answer_to_the_invitation_is_filed_although_the_posts_connection_cannot_be_used_now(guarded, monkeypatch):
    company = guarded(hide=True, invite=INVITE)
    monkeypatch.setitem(SECRETS, "feed", SECRETS["page"])
    key = connection_key("facebook", PAGE)
    feed = Connection.read(company.table.items[key]["definition"]).model_copy(update={"secret": "feed"})
    company.table.put(Put(item(feed)))
    company.graph.next = [TemporaryError("down")]
    commented(company)
    assert hidings(company) == []
    with throttled_secrets(company, "feed"):
        company.tick(60)
        company.deliver(company.message("Here I am"))
        assert company.work() == ["routed", "filed"]
    company.later(1000)
    assert hidings(company) == [HIDING]
    assert len(company.zendesk.tickets) == 1


def test_the_invitation_is_in_the_writers_language(guarded):
    company = guarded(invite=INVITE)
    commented(company, "Dzień dobry, proszę o zwrot, moja karta to 4242 4242 4242 4242, dziękuję")
    assert invitations(company)[0]["message"]["text"] == "Prosimy pisać tutaj."


def test_where_no_private_reply_is_taken_everybody_reads_the_line(guarded):
    company = guarded(invite=INVITE)
    company.graph.next = [PermanentError("activity already replied to")]
    commented(company)
    (invited,) = invitations(company)
    assert invited["message"] == "We have written to you."


def test_a_lost_answer_is_no_second_invitation(guarded):
    company = guarded(invite=INVITE)
    company.graph.next = [TemporaryError("lost", ambiguous=True)]
    commented(company)
    company.later(2000)
    commented(company, f"{SAID}, again", comment="8", parent=COMMENT)
    assert len(invitations(company)) == 1


def test_who_opted_out_is_not_invited(guarded):
    company = guarded(invite=INVITE)
    commented(company, "stop", comment="8")
    commented(company)
    assert invitations(company) == []


def test_the_companys_own_words_are_not_hidden(guarded):
    company = guarded(hide=True, invite=INVITE)
    commented(company, "Call us: +354 555 0100", author=PAGE, name="Northwind")
    assert company.graph.sent == []
