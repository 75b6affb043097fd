"""What a customer sent as one is filed as one, and what may have been filed is asked for under one key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskwire.conversation.albums import COMPLETE
from deskwire.model.events import Attachment, AttachmentKind, Author, Kind

from .test_decide import NOW, pending, plan, thread

LATER = NOW + COMPLETE
DOUBT = {"doubtful": True}


def picture(number, **more):
    photo = Attachment(AttachmentKind.IMAGE, f"https://example.com/{number}.jpg")
    return pending(number, group="album", text=f"picture {number}", attachments=(photo,), **more)


def keys(filed):
    return [[each.message.key for each in item.members] for item in filed.file]


def numbers(filed):
    return [[each.message.event.object_id for each in item.members] for item in filed.file]


def test_the_pictures_of_an_album_are_filed_as_one_with_all_words_and_attachments():
    (item,) = plan(picture(1), picture(2), picture(3), now=LATER).file
    assert item.event.object_id == "m1"
    assert item.event.text == "picture 1\npicture 2\npicture 3"
    assert len(item.event.attachments) == 3
    assert item.message.event.text == "picture 1", "each is recorded as it came"


def test_all_else_of_an_album_is_the_first_picture_s_with_what_only_a_later_one_has():
    first = picture(1, facts={"Sent from": "a phone"}, subject="Broken")
    second = picture(2, facts={"Sent from": "a browser", "Replies to": "a story"}, suspicion="spam", subject="Other")
    event = plan(first, second, picture(3, suspicion="more"), now=LATER).file[0].event
    assert event.facts == {"Sent from": "a phone", "Replies to": "a story"}
    assert (event.suspicion, event.subject) == ("spam", "Broken")
    assert plan(picture(1, suspicion="first"), second, now=LATER).file[0].event.suspicion == "first"


def test_an_album_whose_latest_picture_has_just_come_is_waited_for_and_its_author_is_known_meanwhile():
    waits = plan(picture(1), picture(2), now=NOW + timedelta(seconds=2))
    assert (waits.file, waits.wait) == ((), 3)
    assert [each.message.event.object_id for each in waits.heard[0].members] == ["m1", "m2"]


def test_what_follows_an_album_says_that_it_is_complete():
    assert numbers(plan(picture(1), picture(2), pending(3), now=NOW)) == [["m1", "m2"], ["m3"]]


@pytest.mark.parametrize(
    "other",
    [
        {"group": "another"},
        {"author": Author("somebody else")},
        {"kind": Kind.EDIT},
    ],
)
def test_what_is_no_part_of_the_album_stands_by_itself(other):
    second = pending(2, **({"group": "album"} | other))
    assert numbers(plan(picture(1), second, now=LATER)) == [["m1"], ["m2"]]


def test_two_messages_without_a_group_are_two():
    assert numbers(plan(pending(1), pending(2))) == [["m1"], ["m2"]]


def test_what_may_have_been_filed_alone_is_joined_to_nothing():
    assert numbers(plan(picture(1, state=DOUBT), picture(2), now=LATER)) == [["m1"], ["m2"]]
    assert numbers(plan(picture(1), picture(2, state=DOUBT), now=LATER)) == [["m1"], ["m2"]]


def test_what_may_have_been_filed_together_stays_together_and_takes_in_nothing_new():
    first, second = picture(1, state=DOUBT), picture(2, state=DOUBT)
    of = thread(joined={second.message.key: first.message.key})
    filed = plan(first, second, picture(3), of=of, now=LATER)
    assert numbers(filed) == [["m1", "m2"], ["m3"]]
    assert filed.file[0].doubtful


def test_that_holds_where_another_message_came_between():
    first, second = picture(1, state=DOUBT), picture(2, state=DOUBT)
    of = thread(joined={second.message.key: first.message.key})
    assert numbers(plan(first, pending(9), second, of=of, now=LATER)) == [["m1", "m2"], ["m9"]]


def test_a_part_without_the_first_is_asked_for_under_the_key_of_the_first():
    second = picture(2, state=DOUBT)
    (item,) = plan(second, of=thread(joined={second.message.key: "the first"}), now=LATER).file
    assert item.filed_as == "the first"
    (item,) = plan(second, now=LATER).file
    assert item.filed_as == ""
