"""What Messenger and Instagram read alike of their inboxes."""

import json
from datetime import UTC, datetime

import pytest

from deskwire.channels.instagram import Instagram
from deskwire.channels.messenger import Messenger
from deskwire.families import meta_inbox
from deskwire.families.meta_reading import repeats
from deskwire.model.errors import PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Event, Unreadable
from deskwire.web.reading import Node
from deskwire.web.request import Request

ACCOUNT, PERSON = "41", "24"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture(params=[(Messenger, "page"), (Instagram, "instagram")], ids=["messenger", "instagram"])
def read(request):
    connector, kind = request.param

    def reading(**item):
        about = {"sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}, "timestamp": 1788221300111}
        entry = {"id": ACCOUNT, "time": 1788221300500, "messaging": [about | item]}
        body = json.dumps({"object": kind, "entry": [entry]}).encode()
        (found,) = connector().parse(Request(method="POST", endpoint="e", body=body, received_at=NOW))
        return found

    return reading


@pytest.mark.parametrize("odd", [7, "x", [], [1], {}, {"a": 1}, None, True, 1.5])
@pytest.mark.parametrize("field", ["attachments", "reply_to", "quick_reply", "referral", "metadata", "commands", "new"])
def test_an_odd_secondary_field_never_parks_the_words(read, field, odd):
    found = read(message={"mid": "m", "text": "The words", field: odd})
    assert isinstance(found, Event)
    assert found.text == "The words"


def test_the_words_themselves_are_never_guessed(read):
    assert isinstance(read(message={"mid": "m", "text": {"body": "Hi"}}), Unreadable)
    assert isinstance(read(message={"text": "of no message"}), Unreadable)
    assert isinstance(read(sender={}, message={"mid": "m", "text": "by nobody"}), Unreadable)


@pytest.mark.parametrize("ends", [(ACCOUNT, PERSON), (PERSON, ACCOUNT)])
def test_an_echo_belongs_to_the_person_whichever_way_its_ends_are_told(read, ends):
    sender, recipient = ({"id": end} for end in ends)
    found = read(sender=sender, recipient=recipient, message={"mid": "m", "text": "Hi", "is_echo": True})
    assert (found.own, found.thread) == (True, PERSON)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"quick_reply": {"payload": "SIZE_M"}}, "SIZE_M"),
        ({"referral": {"product": {"id": "77"}}}, "[a question about a product]"),
        ({"attachments": [{"type": "story_mention", "payload": {"url": "https://s.example"}}]},
         "[link: a story that mentions us]"),
        ({"attachments": [{"type": "template", "payload": {"product": {"elements": [{"title": "Tent"}]}}}]},
         "[link: Tent]"),
        ({"attachments": [{"type": "template", "payload": {"template_type": "button"}}]}, "[link: button]"),
        ({"attachments": [{"type": "hologram"}]}, "[file: hologram]"),
        ({"attachments": [{}]}, "[file: an attachment]"),
        ({}, "[an empty message]"),
    ],
)  # fmt: skip
def test_a_message_without_words_has_a_line(read, message, words):
    assert read(message={"mid": "m", **message}).text == words


def test_a_message_without_a_time_of_its_own_has_none(read):
    assert read(timestamp=None, message={"mid": "m", "text": "a"}).occurred_at is None


def test_what_cannot_be_sent_by_its_address_is_refused():
    picture = Attachment(AttachmentKind.IMAGE, "https://a.example/1.png")
    assert meta_inbox.sendable_by_address(picture)["attachment"]["type"] == "image"
    for wrong in (Attachment(AttachmentKind.IMAGE, ""), Attachment(AttachmentKind.LINK, "https://a")):
        with pytest.raises(PermanentError):
            meta_inbox.sendable_by_address(wrong)


@pytest.mark.parametrize(
    ("comment", "same"),
    [
        ({"text": "It  leaves today.", "timestamp": "2026-09-01T12:00:00+0000"}, True),
        ({"text": "It leaves today."}, True),
        ({"text": "It leaves today.", "timestamp": "2026-09-01T11:58:00+0000"}, False),
        ({"text": "It leaves.", "timestamp": "2026-09-01T12:00:00+0000"}, False),
        ({"text": 7}, False),
    ],
)
def test_our_comment_is_known_by_its_words_and_its_time(comment, same):
    assert repeats(Node(comment), "text", "It leaves today.", NOW) is same
