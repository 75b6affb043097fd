"""Messenger: the traps of its webhooks and of the Send API, by name."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.messenger import Messenger
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import digest
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer

PAGE, PERSON = "410000000000001", "24900000000000017"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def parsed(*items, name="messaging", page=PAGE):
    body = {"object": "page", "entry": [{"id": page, "time": 1788221104882, name: list(items)}]}
    return list(
        Messenger().parse(Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW))
    )


def item(sender=PERSON, recipient=PAGE, timestamp=1788221104511, **content):
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": timestamp, **content}


def test_a_vector_from_outside_verifies_on_this_channel():
    """The published example of the header, see test_meta.py."""
    request = Request(
        method="POST",
        endpoint="e",
        body=b"Hello, World!",
        received_at=NOW,
        headers={"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    )
    secrets = Secrets({"app_secret": "It's a Secret to Everybody"})
    assert Messenger.verification.verify(request, secrets, Context(NOW, None)) == {}


def test_an_echo_is_our_own_and_in_the_customers_thread():
    (event,) = parsed(item(PAGE, PERSON, message={"mid": "m1", "is_echo": True, "text": "Hi", "metadata": "token"}))
    assert event.own
    assert event.thread == PERSON
    assert event.echo_of == "token"


def test_a_message_that_comes_as_a_change_is_read_as_any_other():
    said = item(timestamp="1788221104", message={"mid": "m1", "text": "Hi"})
    (event,) = parsed({"field": "messages", "value": said}, name="changes")
    (usual,) = parsed(said)
    assert event == usual
    (heard,) = parsed({"field": "standby", "value": said}, name="changes")
    assert heard.no_automatic_reply == "standby"


@pytest.mark.parametrize("changes", [{"field": "feed"}, ["?"], [{"field": "feed", "value": {"sender": {"id": "1"}}}]])
def test_changes_that_are_no_messages_cost_none(changes):
    body = {"object": "page", "entry": [{"id": PAGE, "changes": changes, "messaging": [item(message={"mid": "m1"})]}]}
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    assert [event.object_id for event in Messenger().parse(request) if isinstance(event, Event)] == ["m1"]


def test_what_a_customer_calls_metadata_is_not_taken_for_ours():
    (event,) = parsed(item(message={"mid": "m1", "text": "Hi", "metadata": "token", "app_id": 7}))
    assert not event.own
    assert (event.echo_of, event.facts) == ("", {})


def test_nothing_in_standby_may_be_answered_automatically():
    (event,) = parsed(item(message={"mid": "m1", "text": "Hi"}), name="standby")
    assert event.no_automatic_reply == "standby"
    (event,) = parsed(item(message={"mid": "m1", "text": "Hi"}))
    assert event.no_automatic_reply == ""


def test_edits_are_counted_by_their_number_written_as_text_or_not():
    added, one, also_one, two = parsed(
        item(message={"mid": "m1", "text": "a"}),
        *(item(message_edit={"mid": "m1", "text": "b", "num_edit": number}) for number in ("1", 1, "2")),
    )
    assert one.key == also_one.key != two.key
    assert one.original == added.key


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_unsent_message_is_a_deletion_of_the_original(flag):
    added, gone = parsed(
        item(message={"mid": "m1", "text": "a"}), item(message={"mid": "m1", "is_deleted": flag, "text": "a"})
    )
    assert gone.kind is Kind.DELETION
    assert gone.original == added.key


@pytest.mark.parametrize("flag", [False, "false", None])
def test_a_message_that_is_not_deleted_is_a_message(flag):
    (event,) = parsed(item(message={"mid": "m1", "is_deleted": flag, "text": "a"}))
    assert event.kind is Kind.MESSAGE


@pytest.mark.parametrize(
    "kind",
    ["image", "audio", "video", "file", "reel", "ig_reel", "post", "ig_post", "fallback", "template", "location",
     "appointment_booking", "sticker", "hologram"],
)  # fmt: skip
def test_every_kind_of_attachment_is_a_line_of_text(kind):
    (event,) = parsed(item(message={"mid": "m1", "attachments": [{"type": kind, "payload": {}}]}))
    assert event.kind is Kind.MESSAGE
    assert event.text.startswith("[")
    assert len(event.attachments) == 1


def test_a_sticker_that_comes_twice_is_one_and_two_stickers_are_two():
    def sticker(kind, number):
        return {"type": kind, "payload": {"url": f"https://x.fbcdn.net/{number}", "sticker_id": number}}

    (event,) = parsed(
        item(message={"mid": "m", "attachments": [sticker("image", 7), sticker("sticker", 7), sticker("sticker", 8)]})
    )
    assert [(str(each.kind), each.id) for each in event.attachments] == [("sticker", "7"), ("sticker", "8")]


def test_a_message_with_words_keeps_them_beside_a_sticker():
    attachments = [{"type": "image", "payload": {"url": "https://x.fbcdn.net/1"}}]
    (event,) = parsed(item(message={"mid": "m", "text": "look", "attachments": attachments}))
    assert event.text == "look"


def test_a_postback_without_mid_survives_its_redelivery_only():
    press = item(postback={"title": "Get Started", "payload": "GO"})
    one, again, other = (parsed(each)[0].key for each in (press, press, {**press, "timestamp": press["timestamp"] + 1}))
    assert one == again != other


def test_each_delivered_message_has_a_receipt_of_its_own():
    receipts = parsed(item(delivery={"mids": ["m1", "m2", "m1"], "watermark": 5}))
    assert [(event.verb, event.object_id) for event in receipts] == [("delivered", "m1"), ("delivered", "m2")]


def test_a_receipt_without_a_time_has_its_watermarks():
    (event,) = parsed(item(timestamp=None, delivery={"watermark": 1788221300000}))
    assert event.occurred_at == datetime(2026, 9, 1, 0, 8, 20, tzinfo=UTC)


def test_a_message_without_a_time_has_none():
    (event,) = parsed(item(timestamp=None, message={"mid": "m1", "text": "a"}))
    assert event.occurred_at is None


@pytest.mark.parametrize("where", [{"lat": 1e400, "long": 2}, {"lat": "1", "long": 2}, {"lat": 10**400, "long": 1}, {}])
def test_a_place_nowhere_on_earth_is_still_a_location(where):
    body = json.dumps(
        item(message={"mid": "m1", "attachments": [{"type": "location", "payload": {"coordinates": where}}]})
    ).replace("Infinity", "1" + "0" * 300)
    (event,) = parsed(json.loads(body))
    assert event.text == "[location]"


def test_one_bad_item_does_not_stop_the_rest():
    found = parsed(item(message={"text": "no id"}), item(message={"mid": "m1", "text": "a"}))
    assert [type(each) for each in found] == [Unreadable, Event]


def reach(*answers, calls=None):
    script = list(answers)

    def http(call):
        if calls is not None:
            calls.append(json.loads(call.body) if call.body else call.url)
        answer = script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, {}, json.dumps(answer).encode())

    return Reach(PAGE, {}, Secrets({"page_token": "EAAinvented"}), http, NOW, None, None)


def outgoing(**more):
    fields = {"key": "k", "account": PAGE, "thread": PERSON, "visibility": Visibility.PRIVATE, "text": "Hello"}
    return Outgoing(**{**fields, "automatic": False, **more})


def permit(age, *, automatic=False):
    return Messenger.terms.permit(
        Visibility.PRIVATE, automatic=automatic, last_inbound=NOW - timedelta(hours=age), now=NOW
    )


@pytest.mark.parametrize(
    ("age", "automatic", "kind", "tag"),
    [
        (23, False, Permit, ""),
        (23, True, Permit, ""),
        (25, False, Permit, "HUMAN_AGENT"),
        (25, True, Refusal, None),
        (7 * 24 + 1, False, Refusal, None),
    ],
)
def test_only_a_person_may_answer_after_a_day(age, automatic, kind, tag):
    found = permit(age, automatic=automatic)
    assert isinstance(found, kind)
    assert getattr(found, "tag", None) == tag


def test_the_tag_for_people_is_never_on_an_automatic_message():
    with pytest.raises(PermanentError):
        Messenger().send(outgoing(automatic=True), permit(25), reach())


def test_within_a_day_there_is_no_tag_even_for_a_person():
    calls = []
    Messenger().send(outgoing(), permit(1), reach({"message_id": "m1"}, calls=calls))
    assert calls[0]["messaging_type"] == "RESPONSE"
    assert "tag" not in calls[0]


def test_every_part_carries_the_mark_by_which_its_echo_is_known():
    calls = []
    text = "One sentence. " * 300
    sent = Messenger().send(
        outgoing(text=text),
        permit(1),
        reach({"message_id": "m1"}, {"message_id": "m2"}, {"message_id": "m3"}, calls=calls),
    )
    assert sent.ids == ("m1", "m2", "m3")
    assert {call["message"]["metadata"] for call in calls} == {digest("k")}
    assert " ".join(call["message"]["text"] for call in calls).split() == text.split()
    assert all(len(call["message"]["text"].encode("utf-16-le")) <= 4000 for call in calls)


def test_a_part_lost_on_the_way_leaves_the_whole_in_doubt():
    with pytest.raises(TemporaryError) as caught:
        Messenger().send(outgoing(text="One sentence. " * 200), permit(1),
                         reach({"message_id": "m1"}, TemporaryError("refused")))  # fmt: skip
    assert caught.value.ambiguous


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment(AttachmentKind.FILE, ""),
        Attachment(AttachmentKind.LOCATION, "https://files.example.org/"),
        Attachment(AttachmentKind.STICKER),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_leaves(attachment):
    calls = []
    with pytest.raises(PermanentError):
        Messenger().send(outgoing(attachments=(attachment,)), permit(1), reach(calls=calls))
    assert calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 100}},
        {"error": {"code": 190}},
        {"error": {"code": 4}},
        TemporaryError("no answer"),
        ConfigurationError("no token"),
        {},
        [],
        {"first_name": ["7"]},
    ],
)
def test_a_name_that_is_not_told_fails_nothing(answer):
    assert Messenger().profile(Author(PERSON), reach(answer)) == Author(PERSON)


def test_half_a_name_is_a_name():
    assert Messenger().profile(Author(PERSON), reach({"first_name": "Marta"})).name == "Marta"
