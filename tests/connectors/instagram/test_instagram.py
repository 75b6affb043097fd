"""Instagram: what its documentation promises, beyond the suite."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.instagram import Instagram
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Kind, Unreadable, Visibility
from deskwire.model.secret import Secrets
from deskwire.verification.rule import Context
from deskwire.web.request import Request

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ACCOUNT, PERSON = "17841490000000001", "1290000000000021"
VECTOR = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def read(body):
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    return list(Instagram().parse(request))


def entry(**content):
    return {"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1788221300500, **content}]}


def item(**content):
    return {"sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}, "timestamp": 1788221300111, **content}


@pytest.mark.parametrize(
    "stored", ["It's a Secret to Everybody", ["the App Secret", "It's a Secret to Everybody"]], ids=["one", "both"]
)
def test_a_vector_from_outside_verifies_under_the_apps_secret_or_instagrams(stored):
    """The published example of the header, see test_meta.py."""
    request = Request(
        method="POST", endpoint="e", body=b"Hello, World!", received_at=NOW, headers={"x-hub-signature-256": VECTOR}
    )
    assert Instagram.verification.verify(request, Secrets({"app_secret": stored}), Context(NOW, None)) == {}


def test_one_comment_in_either_shape_is_one_event():
    value = {"id": "18", "text": "Hi", "from": {"id": PERSON, "username": "lena"}, "media": {"id": "17"}}
    (changed,) = read(entry(changes=[{"field": "comments", "value": value}]))
    (flat,) = read(entry(field="comments", value=value))
    (listed,) = read(entry(field="comments", value=[value]))
    (older,) = read(entry(changes=[{"field": "comments", "value": {**value, "id": None, "comment_id": "18"}}]))
    assert changed.key == flat.key == listed.key == older.key
    assert flat.text == listed.text == "Hi"


def test_a_message_by_changes_has_the_key_of_one_by_messaging():
    (one,) = read(entry(messaging=[item(message={"mid": "m", "text": "Hi"})]))
    (other,) = read(entry(changes=[{"field": "messages", "value": item(message={"mid": "m", "text": "Hi"})}]))
    (flat,) = read(entry(field="messages", value=item(message={"mid": "m", "text": "Hi"})))
    assert (one.key, one.thread) == (other.key, other.thread) == (flat.key, flat.thread)


@pytest.mark.parametrize("odd", [7, "x", [], [1], {}, {"a": 1}, None, True, "", 1.5])
@pytest.mark.parametrize("field", ["from", "media", "parent_id", "created_time", "timestamp", "verb"])
def test_an_odd_secondary_field_of_a_comment_never_parks_the_words(field, odd):
    value = {"id": "18", "text": "The words", "from": {"id": PERSON}, field: odd}
    (found,) = read(entry(changes=[{"field": "comments", "value": value}]))
    assert isinstance(found, Event)
    assert found.text == "The words"


def test_a_reaction_and_an_edit_in_changes_need_no_wrapping():
    told = [
        {"field": "message_edit", "value": {"mid": "m", "text": "New", "num_edit": 2, "from": {"id": PERSON}}},
        {"field": "message_reactions", "value": {"mid": "m", "verb": "remove", "sender": {"id": PERSON}}},
        {"field": "message_reactions", "value": {"mid": "m", "reaction": "love", "sender": {"id": PERSON}}},
    ]
    edit, reaction, named = read(entry(changes=told))
    assert (named.kind, named.object_id, named.text) == (Kind.REACTION, "m", "[love]")
    assert (edit.kind, edit.thread, edit.text) == (Kind.EDIT, PERSON, "New")
    assert (reaction.kind, reaction.verb) == (Kind.REACTION, "unreact")


def test_an_edit_with_number_nought_is_none():
    (found,) = read(entry(messaging=[{"timestamp": 1, "message_edit": {"mid": "m", "num_edit": 0}}]))
    assert found.kind is Kind.STATE


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_unsend_points_at_its_message(flag):
    (added,) = read(entry(messaging=[item(message={"mid": "m", "text": "Hi"})]))
    (gone,) = read(entry(messaging=[item(message={"mid": "m", "is_deleted": flag})]))
    assert (gone.kind, gone.original) == (Kind.DELETION, added.key)


def test_our_own_comment_is_known_by_the_scoped_id_too():
    sender = {"id": "another", "username": "northwind", "self_ig_scoped_id": "1290000000000001"}
    (found,) = read(entry(changes=[{"field": "comments", "value": {"id": "18", "text": "Hi", "from": sender}}]))
    assert found.own


def test_a_customers_comment_that_repeats_their_scoped_id_is_not_our_own():
    sender = {"id": "232323232", "username": "test", "self_ig_scoped_id": "232323232"}
    (found,) = read(entry(changes=[{"field": "live_comments", "value": {"id": "18", "text": "Hi", "from": sender}}]))
    assert not found.own
    assert found.author.id == "232323232"


def test_the_test_button_is_no_customer_and_is_not_parked():
    for field in ("messages", "comments", "mentions", "story_insights"):
        body = entry(changes=[{"field": field, "value": {"message": {"mid": "random_mid", "text": "random_text"}}}])
        body["entry"][0]["id"] = "0"
        (found,) = read(body)
        assert (found.kind, found.facts) == (Kind.OTHER, {"Test": "yes"})


def test_a_bad_entry_does_not_stop_the_others():
    body = entry(messaging=[item(message={"text": "without an id"}), item(message={"mid": "m", "text": "Hi"})])
    body["entry"].insert(0, 7)
    assert [type(found) for found in read(body)] == [Unreadable, Unreadable, Event]


def test_a_pages_delivery_is_left_to_messenger():
    with pytest.raises(PayloadError):
        read(entry() | {"object": "page"})


def test_after_a_day_only_a_person_may_write():
    written = datetime(2026, 11, 26, 12, tzinfo=UTC)
    terms = Instagram.terms
    person = terms.permit(Visibility.PRIVATE, automatic=False, last_inbound=written, now=NOW)
    assert isinstance(person, Permit)
    assert person.tag == "HUMAN_AGENT"
    assert not isinstance(terms.permit(Visibility.PRIVATE, automatic=True, last_inbound=written, now=NOW), Permit)


def test_a_private_reply_has_a_week_even_for_what_no_person_wrote():
    given = {"automatic": True, "now": NOW, "private_reply": True}
    permit = Instagram.terms.permit(Visibility.PRIVATE, last_inbound=NOW - timedelta(days=6), **given)
    assert isinstance(permit, Permit)
    assert (permit.tag, permit.limit.pieces) == ("", 1)
    late = Instagram.terms.permit(Visibility.PRIVATE, last_inbound=NOW - timedelta(days=8), **given)
    assert isinstance(late, Refusal)


def test_a_live_comment_is_answered_privately_alone_and_not_for_long():
    given = {"automatic": False, "now": NOW, "kind": "live comment"}
    public = Instagram.terms.permit(Visibility.PUBLIC, last_inbound=NOW, **given)
    assert isinstance(public, Refusal)
    assert "a private reply only" in public.reason
    given["private_reply"] = True
    assert isinstance(Instagram.terms.permit(Visibility.PRIVATE, last_inbound=NOW, **given), Permit)
    late = Instagram.terms.permit(Visibility.PRIVATE, last_inbound=NOW - timedelta(days=2), **given)
    assert isinstance(late, Refusal)


def test_a_mention_is_answered_in_public_alone():
    given = {"automatic": False, "now": NOW, "last_inbound": NOW, "kind": "mention"}
    assert isinstance(Instagram.terms.permit(Visibility.PUBLIC, **given), Permit)
    private = Instagram.terms.permit(Visibility.PRIVATE, private_reply=True, **given)
    assert isinstance(private, Refusal)
    assert "own posts" in private.reason
