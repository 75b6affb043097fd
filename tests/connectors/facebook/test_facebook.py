"""Facebook Page: the traps of its webhooks, by name."""

import json
import pathlib
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.facebook import Facebook
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Unreadable, Visibility
from deskwire.model.secret import Secrets
from deskwire.registry import channel
from deskwire.verification.rule import Context
from deskwire.web.request import Request, from_gateway

PAGE, POST = "410000000000001", "410000000000001_122200000000501"
ROOT = "122200000000501_993300000000077"
EVENTS = pathlib.Path(__file__).parents[3] / "events" / "facebook"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def delivery(*values, field="feed", page=PAGE, time=1788221104):
    changes = [{"field": field, "value": value} for value in values]
    return parsed({"object": "page", "entry": [{"id": page, "time": time, "changes": changes}]})


def parsed(body):
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    return list(Facebook().parse(request))


def comment(**more):
    value = {
        "item": "comment",
        "verb": "add",
        "from": {"id": "7", "name": "Marta"},
        "post_id": POST,
        "parent_id": POST,
        "comment_id": ROOT,
        "created_time": 1788221101,
        "message": "Hello",
    }
    return {name: kept for name, kept in (value | more).items() if kept is not None}


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
    assert Facebook.verification.verify(request, secrets, Context(NOW, None)) == {}


def test_a_reply_belongs_to_the_thread_of_the_root_comment():
    first, second = delivery(comment(), comment(parent_id=ROOT, comment_id="122200000000501_88"))
    assert first.thread == second.thread == ROOT
    assert second.reply_to == ROOT


def test_a_comment_under_one_photo_of_a_post_opens_a_thread_of_its_own():
    photo = f"{PAGE}_122200000000777"
    first, second = delivery(
        comment(parent_id=photo, comment_id="122200000000777_91"),
        comment(parent_id=photo, comment_id="122200000000777_92"),
    )
    assert (first.thread, second.thread) == ("122200000000777_91", "122200000000777_92")
    (answer,) = delivery(comment(parent_id="122200000000777_91", comment_id="122200000000777_93"))
    assert answer.thread == first.thread


@pytest.mark.parametrize("item", ["album", "photo", "video", "event", "note", "link"])
def test_what_the_page_keeps_and_nobody_wrote_is_no_message(item):
    value = {"item": item, "verb": "add", f"{item}_id": "55", "from": {"id": PAGE}, "created_time": 1788221101}
    (event,) = delivery({**value, "message": "Summer"})
    assert event.kind is Kind.OTHER
    (event,) = delivery({**value, "from": {"id": "7"}})
    assert event.kind is Kind.OTHER


@pytest.mark.parametrize("item", ["album", "comment", "post"])
def test_what_somebody_wrote_without_any_id_is_parked(item):
    (found,) = delivery({"item": item, "verb": "add", "from": {"id": "7"}, "message": "Hello"})
    assert isinstance(found, Unreadable)


def test_an_edit_has_another_key_and_points_at_the_original():
    added, edited, other = delivery(
        comment(), comment(verb="edited", message="Hullo"), comment(verb="edit", message="Hallo")
    )
    assert edited.kind is other.kind is Kind.EDIT
    assert edited.original == other.original == added.key
    assert len({added.key, edited.key, other.key}) == 3
    assert (again := delivery(comment(verb="edited", message="Hullo"), time=1788229999)[0]).key == edited.key
    assert again.occurred_at > edited.occurred_at  # the notification's time, there is no other


@pytest.mark.parametrize("verb", ["remove", "delete"])
def test_both_words_for_a_removal_are_one_event(verb):
    (event,) = delivery(comment(verb=verb, message=None))
    assert (event.kind, event.verb, event.thread) == (Kind.DELETION, "delete", ROOT)


def test_several_anonymous_authors_are_not_one_person():
    one, other = delivery(comment(**{"from": None}), comment(**{"from": None}, comment_id="122200000000501_88"))
    assert one.author is other.author is None
    assert not one.complete
    assert one.thread != other.thread


def test_ids_as_numbers_and_without_the_posts_are_the_same_object():
    plain, number, short = (
        delivery(comment(comment_id=value))[0].key for value in (ROOT, 993300000000077, "993300000000077")
    )
    assert plain == number == short
    (reply,) = delivery(comment(parent_id="993300000000077", comment_id="993300000000081"))
    assert reply.thread == ROOT
    (top,) = delivery(comment(parent_id="122200000000501"))
    assert top.thread == ROOT


def test_a_page_given_as_a_number_knows_its_own_comments():
    (event,) = delivery(comment(**{"from": {"id": int(PAGE), "name": "Us"}}), page=int(PAGE))
    assert event.own
    assert event.account == PAGE


def test_senders_of_older_apps_are_authors_too():
    (event,) = delivery(comment(**{"from": None}, sender_id=7, sender_name="Marta"))
    assert (event.author.id, event.author.name) == ("7", "Marta")


def test_a_writer_whose_id_stands_twice_keeps_their_name():
    (event,) = delivery(comment(**{"from": {"id": "7", "name": "Marta"}}, sender_id="7"))
    assert event.author == Author("7", "Marta")
    (event,) = delivery(comment(**{"from": {"id": "8", "name": "Jón"}}, sender_id="7"))
    assert event.author == Author("7")


@pytest.mark.parametrize("item", ["status", "photo", "video", "share"])
def test_the_pages_own_posts_are_own_even_without_an_author(item):
    (event,) = delivery({"item": item, "verb": "add", "post_id": POST, "created_time": 1788221101})
    assert event.own
    assert event.complete
    assert event.text == f"[{item}]"


def test_a_mention_of_a_photo_is_not_our_own_post():
    (event,) = delivery({"item": "photo", "verb": "add", "post_id": "5_6"}, field="mention")
    assert not event.own
    assert not event.complete


def test_a_mention_under_our_own_post_is_the_same_message_as_the_comment():
    (feed,), (mention,) = delivery(comment()), delivery(comment(**{"from": None}), field="mention")
    assert feed.key == mention.key
    assert feed.thread_key == mention.thread_key


def test_the_link_of_a_photo_is_the_photo_once():
    (event,) = delivery(
        {"item": "photo", "verb": "add", "post_id": POST, "from": {"id": "7"}, "link": "https://x.fbcdn.net/a.jpg",
         "photos": ["https://x.fbcdn.net/a.jpg", "https://x.fbcdn.net/b.jpg"]}
    )  # fmt: skip
    assert [(str(item.kind), item.url[-5:]) for item in event.attachments] == [("image", "a.jpg"), ("image", "b.jpg")]


def test_hiding_and_showing_again_are_told_apart_each_time():
    keys = [delivery(comment(verb="hide"), time=time)[0].key for time in (1, 2)]
    assert len(set(keys)) == 2


def test_messages_of_messenger_in_the_same_delivery_are_left_to_its_connector():
    message = {"sender": {"id": "1"}, "recipient": {"id": PAGE}, "timestamp": 1, "message": {"mid": "m", "text": "x"}}
    entry = {"id": PAGE, "time": 1, "messaging": [message], "standby": [message]}
    assert parsed({"object": "page", "entry": [entry]}) == []


def test_one_bad_entry_does_not_stop_the_rest():
    good = {"id": PAGE, "time": 1, "changes": [{"field": "feed", "value": comment()}]}
    found = parsed({"object": "page", "entry": [{"id": PAGE, "changes": 7}, 5, good]})
    assert [type(item) for item in found] == [Unreadable, Unreadable, Event]


@pytest.mark.parametrize("body", [{"object": "user", "entry": []}, {"object": "page"}, {"entry": []}])
def test_what_is_no_delivery_for_a_page_is_parked_whole(body):
    with pytest.raises(PayloadError):
        parsed(body)


@pytest.mark.parametrize(
    ("visibility", "age", "automatic", "allowed"),
    [
        (Visibility.PUBLIC, timedelta(days=300), False, True),
        (Visibility.PRIVATE, timedelta(days=6), True, True),
        (Visibility.PRIVATE, timedelta(days=8), False, False),
    ],
)
def test_a_private_reply_is_allowed_for_seven_days(visibility, age, automatic, allowed):
    privately = visibility is Visibility.PRIVATE
    permit = Facebook.terms.permit(
        visibility, automatic=automatic, last_inbound=NOW - age, now=NOW, private_reply=privately
    )
    assert isinstance(permit, Permit if allowed else Refusal)


def test_both_meta_channels_read_one_delivery_without_sharing_an_event():
    """One app has one address for the object `page`: an endpoint lists both connectors."""
    for name in ("facebook", "messenger"):
        for path in sorted((EVENTS.parent / name).glob("*.json")):
            captured = json.loads(path.read_text())
            if path.stem in {"secrets", "needed"} or captured["requestContext"]["http"]["method"] == "GET":
                continue
            keys = []
            for connector in ("facebook", "messenger"):
                try:
                    found = list(channel(connector).parse(from_gateway(captured)))
                except PayloadError:
                    found = []
                keys.append({item.key for item in found if isinstance(item, Event)})
            assert not (keys[0] and keys[1]), path.stem
