"""Stories of an upgrade: what 0.1.0 left on the mailbox and in the table goes on with the code as it is now."""

import json
from datetime import datetime

import pytest

from deskwire.letters import VERSION
from deskwire.model.errors import PayloadError
from deskwire.operating.auditing import audit, mend
from deskwire.ports import Letter, Put
from tests.library.letters.test_released import archive_of, recording

OLD = "0.1.0"


def letters(*names):
    found = {each["name"]: each for each in recording(OLD, "letters")}
    return [Letter(found[name]["group"], found[name]["dedupe"], found[name]["body"]) for name in names]


def restored(company):
    """Put what 0.1.0 had in the table and the archive where the company has it, and go on a minute later."""
    (moment,) = (each for each in recording(OLD, "items") if each["name"] == "at the end")
    for row in moment["rows"]:
        company.table.put(Put(row))
    latest = max(row.get("recorded_at", 0) for row in moment["rows"]) // 1000
    company.tick(latest - int(company.now().timestamp()) + 60)
    company.archive.__dict__.update(archive_of(OLD).__dict__)


def test_an_old_letter_is_filed_and_answered_once(company):
    company.mailbox.send(letters("message", "message with raw"))
    assert company.work().count("filed") == 2
    assert len(company.zendesk.tickets) == 1
    assert "Hvar er pöntunin mín?" in company.comments()[0]
    company.mailbox.send(letters("message"))
    company.tick(600)
    assert set(company.work()) <= {"duplicate", "woken"}
    assert len(company.comments()) == 2


def test_an_old_letter_with_details_yields_its_facts(company):
    company.mailbox.send(letters("postback with referral", "facebook: comment-on-ad"))
    company.work()
    words = "\n".join(company.comments())
    assert "Referral: spring" in words
    assert "Link: https://www.facebook.com/410000000000001/posts/122200000000999" in words


def test_an_old_rating_still_sets_the_priority(company):
    company.mailbox.send(letters("facebook: stars-without-words-and-a-comment"))
    company.work()
    assert [ticket.priority for ticket in company.zendesk.tickets] == ["high"]
    assert "Rating: 2 of 5" in company.comments()[0]


def test_an_old_large_letter_finds_its_words_in_the_archive(company):
    company.archive.__dict__.update(archive_of(OLD).__dict__)
    company.mailbox.send(letters("large: event and raw in the archive", "large: raw in the archive"))
    assert company.work().count("filed") == 2


def test_an_old_state_still_calls_a_person(company):
    company.mailbox.send(letters("state with attention"))
    company.work()
    assert any("Meta's policy: block" in line for line in company.lines)


def test_what_was_recorded_and_forsaken_goes_on_after_the_upgrade(company):
    restored(company)
    company.tick(3600)
    found = audit(company.table, since=datetime.fromtimestamp(0, company.now().tzinfo), now=company.now())
    assert mend(company.table, company.mailbox, company.archive, found.strays, company.now())
    company.work()
    states = {key: state for key, state in company.outcomes().items() if "m_forsaken" in key}
    assert set(states.values()) == {"filed"}
    assert any("Recorded and forsaken" in words for words in company.comments())


def test_an_edit_finds_the_old_wording_of_a_stored_message(company):
    restored(company)
    who = {"sender": {"id": "24900000000000018"}, "recipient": {"id": "410000000000001"}}
    stamp = int(company.now().timestamp() * 1000)
    edit = {
        **who,
        "timestamp": stamp,
        "message_edit": {"mid": "m_stop", "text": "GO ON"},
    }
    company.deliver({"id": "410000000000001", "time": stamp, "messaging": [edit]})
    assert company.work()[0] == "filed"
    assert any("GO ON" in words and "Before: STOP" in words for words in company.comments())


def test_a_letter_of_a_newer_version_comes_again_and_is_never_misread(company):
    (letter,) = letters("message")
    newer = Letter(letter.group, letter.dedupe, json.dumps({**json.loads(letter.body), "v": VERSION + 1}))
    company.mailbox.send([newer])
    with pytest.raises(PayloadError, match="deploy the newer code"):  # so it comes again, and is a dead letter at last
        company.work()
    assert company.zendesk.tickets == []
    assert not company.outcomes()
