"""LinkedIn beyond conformance: vectors from outside, the address's check, names of one thing, the played LinkedIn."""

import hmac
import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire import registry
from deskwire.channels.linkedin import api, urns
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit, Refusal
from deskwire.letters import LETTER_LIMIT, letters_of
from deskwire.model.errors import ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import Kind, Unreadable, Visibility
from deskwire.model.secret import Secret, Secrets
from deskwire.model.sending import Outgoing
from deskwire.ports.memory import MemoryArchive
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Direct, with_hosts
from sandbox.neighbours.neighbour import Clock, cut_after
from sandbox.platforms.linkedin import played

CHANNEL = registry.channel("linkedin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECRET = "li_client_secret_example"
PAGE, OTHER = "urn:li:organization:88000001", "urn:li:organization:88000002"
MEMBER, STRANGER = "urn:li:person:aB3InventedX", "urn:li:person:cC4InventedY"
CLIENT = {"client_id": "invented-client", "client_secret": SECRET, "refresh_token": "invented-refresh"}


def posted(body, **headers):
    return Request(method="POST", endpoint="linkedin", body=body, headers=headers, received_at=NOW)


def told(*notices):
    """Return what a delivery of these notifications becomes."""
    return list(CHANNEL.parse(posted(played.bundle(notices))))


def verified(body, signature, secret=SECRET):
    return CHANNEL.verification.verify(
        posted(body, **{"x-li-signature": signature}), Secrets({"client_secret": secret}), Context(NOW, None)
    )


# ------------------------------------------------------------------------------------------- vectors from outside


def test_a_vector_made_by_openssl_is_let_in_with_and_without_the_prefix():
    body = b'{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[]}'
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SECRET], input=b"hmacsha256=" + body, capture_output=True, check=True
    ).stdout.split()[-1].decode()  # fmt: skip
    assert made == "0fcb55a7943a45338f4dec1a57a61fd778ee8fe8413d24b0043ee266b7f0d98e"
    assert verified(body, made) == verified(body, f"hmacsha256={made}") == {}
    for wrong in (made.upper(), f"hmacsha256=hmacsha256={made}", f"sha256={made}", "hmacsha256="):
        with pytest.raises(SignatureError):
            verified(body, wrong)
    with pytest.raises(SignatureError):
        verified(body, made, "another")


def test_a_signature_of_the_bare_body_is_refused():
    """Some public implementations check that; LinkedIn's page says that the prefix is signed along."""
    body = b"{}"
    with pytest.raises(SignatureError):
        verified(body, hmac.new(SECRET.encode(), body, "sha256").hexdigest())


# As `linkedin-api-client` 0.3.0, LinkedIn's own client, makes them (`restli.utils.encoder`).
def test_addresses_are_encoded_as_by_linkedins_own_client():
    assert urns.encoded("urn:li:comment:(urn:li:activity:6631349431612559360,6636062862760562688)") == (
        "urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A6631349431612559360%2C6636062862760562688%29"
    )
    asked = []
    CHANNEL.poll("1795694400000", reach(lambda call: asked.append(call.url) or Answer(200, {}, b'{"elements": []}')))
    (address,) = asked
    assert address == (
        "https://api.linkedin.com/rest/organizationalEntityNotifications?actions=List(COMMENT,COMMENT_EDIT,"
        "COMMENT_DELETE,ADMIN_COMMENT,SHARE_MENTION)&count=100&organizationalEntity=urn%3Ali%3Aorganization%3A88000001"
        "&q=criteria&start=0&timeRange=(end:1795694400000,start:1795693800000)"
    )


# ---------------------------------------------------------------------------------------- the check of the address


def challenged(*codes, **more):
    query = {"challengeCode": codes, **{name: (value,) for name, value in more.items()}}
    request = Request(method="GET", endpoint="linkedin", body=b"", query=query, received_at=NOW)
    return CHANNEL.handshake(request, Secrets({"client_secret": SECRET}))


def test_the_challenge_is_answered_with_its_hmac():
    response = challenged("3f1c2b54-7a0e-4c9d-8b1a-52d6f0e9a771", applicationId="86abc")
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert json.loads(response.body) == {
        "challengeCode": "3f1c2b54-7a0e-4c9d-8b1a-52d6f0e9a771",
        "challengeResponse": "b4bbea4c7c916dcf862c6b2c0413e05119753854b3ec7654296de5546f756ac6",
    }


@pytest.mark.parametrize(
    "codes",
    [
        ("",), ("hmacsha256={}",), ('hmacsha256={"type":"x"}',), ("3f1c2b54-7a0e-4c9d-8b1a-52d6f0e9a771\n",),
        ("3f1c2b547a0e4c9d8b1a52d6f0e9a771",), (), ("3f1c2b54-7a0e-4c9d-8b1a-52d6f0e9a77é",),
        ("3f1c2b54-7a0e-4c9d-8b1a-52d6f0e9a771", "890e4665-4dfe-4ab1-b689-ed553bceeed0"),
    ],
)  # fmt: skip
def test_nothing_but_one_uuid_is_signed(codes):
    with pytest.raises(SignatureError):
        challenged(*codes)


@given(st.text(max_size=40))
def test_no_body_can_be_signed_through_the_challenge(text):
    with pytest.raises(SignatureError):
        challenged(f"hmacsha256={text}")


def test_the_played_linkedin_refuses_what_was_signed_with_another_secret(linkedin, answering):
    assert linkedin.challenge(answering(SECRET))
    assert not linkedin.challenge(answering("another"))


# --------------------------------------------------------------------------------------------- names of one thing


def comment(number="7300", owner=MEMBER, text="Where is it?", action="COMMENT", post="activity:71", **more):
    notice = {
        "notificationId": 1, "organizationalEntity": PAGE, "action": action, "sourcePost": f"urn:li:{post}",
        "generatedActivity": f"urn:li:comment:(urn:li:{post},{number})", "lastModifiedAt": 1795694400000,
        "decoratedGeneratedActivity": {"comment": {"owner": owner, "text": text}},
    }  # fmt: skip
    return {**notice, **more}


def names(event):
    return {event.thread, *event.aliases}


def test_both_spellings_of_a_comment_are_one_event():
    (long,) = told(comment())
    (short,) = told(comment(generatedActivity="urn:li:comment:(activity:71,7300)"))
    assert (long.key, long.thread, long.keep) == (short.key, short.thread, short.keep)


def test_two_names_of_one_post_lead_to_one_thread():
    both = {"decoratedSourcePost": {"entity": "urn:li:share:70", "owner": PAGE, "text": "News"}}
    (by_activity,) = told(comment(**both))
    (by_share,) = told(comment("7301", post="share:70", sourcePost="urn:li:activity:71"))
    (by_share_alone,) = told(comment("7302", post="share:70"))
    assert names(by_activity) & names(by_share) == {"71:aB3InventedX", "70:aB3InventedX"}
    assert names(by_share_alone) & names(by_activity)


def test_people_under_one_post_have_threads_of_their_own():
    one, other = told(comment(), comment("7301", STRANGER))
    assert not names(one) & names(other)


def test_what_names_nobody_is_in_the_queue_group_of_its_comment():
    """Else a deletion could overtake its comment, whose words would stay in the ticket."""
    (written,) = told(comment())
    bare = {"decoratedGeneratedActivity": None}
    deleted, edited = told(comment(action="COMMENT_DELETE", **bare), comment(action="COMMENT_EDIT", **bare))
    assert deleted.thread_key == edited.thread_key == written.thread_key
    assert deleted.original == edited.original == written.key
    assert (edited.complete, edited.version) == (False, "1")


def test_a_notification_for_another_admin_is_the_same_event():
    (one,), (other,) = told(comment()), told(comment(notificationId=2, subscriber="urn:li:person:zZ"))
    assert one.key == other.key


def test_two_edits_are_two_and_one_edit_told_twice_is_one():
    edits = [comment(action="COMMENT_EDIT", text=text, notificationId=i) for i, text in enumerate(("a", "b", "a"))]
    first, second, again = told(*edits)
    assert first.key == again.key != second.key


def test_the_pages_own_comment_goes_to_its_thread_only_where_that_is_said():
    parent = {"comment": {"owner": PAGE, "text": "Sorry", "parentComment": "urn:li:comment:(activity:71,7300)"}}
    unsaid, said = told(
        comment("7310", PAGE, "Sorry", "ADMIN_COMMENT"),
        comment("7310", action="ADMIN_COMMENT", decoratedGeneratedActivity=parent),
    )
    assert unsaid.own
    assert said.own
    assert unsaid.dismissed
    assert not said.dismissed
    assert said.thread == "7300"


@pytest.mark.parametrize("owner", [PAGE, "urn:li:person:adm1n", None])
def test_an_admins_comment_is_always_our_own(owner):
    content = {"comment": {"owner": owner, "text": "Sorry"}}
    (found,) = told(comment("7310", action="ADMIN_COMMENT", decoratedGeneratedActivity=content))
    assert found.own


def test_one_that_cannot_be_read_does_not_stop_the_others():
    found = told(comment(), {"action": "COMMENT"}, 7, comment("7301", text={"a": 1}), comment("7302"))
    assert [type(each) is Unreadable for each in found] == [False, True, True, True, False]


def test_identity_takes_the_last_part_of_a_urn():
    assert CHANNEL.identity(" aB3InventedX ") == CHANNEL.identity(MEMBER) == MEMBER


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_words_of_a_post_without_markup_are_as_written(text):
    escaped = "".join(f"\\{each}" if each in "|{}@[]()<>#\\*_~" else each for each in text)
    assert api.plain(escaped) == text


# --------------------------------------------------------------------------------------------------- the terms


def test_nothing_automatic_may_be_sent():
    refused = CHANNEL.terms.permit(Visibility.PUBLIC, automatic=True, last_inbound=NOW, now=NOW)
    assert isinstance(refused, Refusal)


def test_no_letter_and_no_archive_holds_more_than_the_event(linkedin):
    """A fragment would go along in the letter, and a large one to the archive, for longer than 48 hours."""
    post = linkedin.publishes(PAGE, "News " * 20_000)
    notice = linkedin.writes(post, MEMBER, "Where is it?")
    assert len(played.bundle([notice])) > LETTER_LIMIT
    archive = MemoryArchive()
    found = [*told(notice), *polled(linkedin)]
    letters = letters_of(found, "linkedin", "channels", NOW.isoformat(), archive)
    assert len(found) == 2
    assert not archive.objects
    assert all(json.loads(letter.body)["raw"] is None for letter in letters)


# -------------------------------------------------------------------------------------------- with the played one


@pytest.fixture
def linkedin():
    with played.LinkedIn(CLIENT, (PAGE, OTHER), clock=Clock(NOW, held=True)) as linkedin:
        direct = Direct()
        linkedin.http = with_hosts(direct, dict.fromkeys(played.HOSTS, linkedin.address))
        linkedin.access = {}
        yield linkedin
        direct.close()


@pytest.fixture
def answering():
    """Return a function that serves the connector's handshake under a secret, and returns the address."""
    from sandbox.neighbours.neighbour import Neighbour, Reply, route

    class Ours(Neighbour):
        def authorize(self, asked):
            return None

        @route("GET", "/channels/linkedin")
        def check(self, asked):
            query = {name: tuple(values) for name, values in asked.query.items()}
            request = Request(method="GET", endpoint="linkedin", body=b"", query=query, received_at=NOW)
            response = CHANNEL.handshake(request, Secrets({"client_secret": self.secret}))
            return Reply(response.status, response.body.encode(), response.headers)

    with Ours() as ours:

        def serve(secret):
            ours.secret = secret
            return f"{ours.address}/channels/linkedin"

        yield serve


class Shared:
    """The tokens of one connection, without a table."""

    def __init__(self, kept):
        self.kept = kept

    def __call__(self, name, renew):
        if name not in self.kept:
            self.kept[name] = renew(Secret(CLIENT[name])).access
        return self.kept[name]

    def refused(self, name, access):
        assert self.kept.pop(name).reveal() == access.reveal()


def reach(http, kept=None, *, page=PAGE, now=NOW, secrets=None):
    return Reach(
        account=page, settings={}, secrets=Secrets(secrets or {"access_token": "invented"}), http=http, now=now,
        mail=None, remember=None, tokens=Shared({} if kept is None else kept),
    )  # fmt: skip


def at(linkedin, **more):
    return reach(linkedin.http, linkedin.access, now=linkedin.clock.now(), secrets=CLIENT, **more)


def polled(linkedin, since=NOW - timedelta(minutes=1), **more):
    page = CHANNEL.poll(str(int(since.timestamp() * 1000)), at(linkedin, **more))
    assert page.cursor == str(int(linkedin.clock.now().timestamp() * 1000))
    return list(page.events)


def answer(event, text="On its way"):
    return Outgoing(
        key="k", account=event.account, thread=event.thread, visibility=Visibility.PUBLIC, text=text, automatic=False,
        reply_to=event.object_id, context=event.keep,
    )  # fmt: skip


def permit():
    found = CHANNEL.terms.permit(Visibility.PUBLIC, automatic=False, last_inbound=NOW, now=NOW)
    assert isinstance(found, Permit)
    return found


NAMED = "urn:li:comment:(urn:li:activity:7360000000000000002,7360000000000000301)"


def noticed(content, comment=NAMED):
    """Return the event of a comment's notification."""
    content = {"entity": comment, "object": "urn:li:activity:7360000000000000002", **content}
    (event,) = told({
        "notificationId": 900000500001, "organizationalEntity": PAGE, "action": "COMMENT", "generatedActivity": comment,
        "decoratedGeneratedActivity": {"comment": content}, "lastModifiedAt": 1795694400000,
    })  # fmt: skip
    return event


def test_a_notification_in_the_words_of_the_comments_api_is_read_whole():
    content = [{"type": "IMAGE", "url": "https://media.licdn.com/dms/image/C4D/1"}]
    whole = noticed({"actor": MEMBER, "message": {"text": "It looks like this"}, "content": content})
    assert (whole.author.id, whole.text, whole.complete) == (MEMBER, "It looks like this", True)
    assert [each.url for each in whole.attachments] == ["https://media.licdn.com/dms/image/C4D/1"]
    silent = noticed({"owner": MEMBER, "content": content})
    assert (silent.text, silent.complete) == ("[image]", True)


def test_a_comment_in_a_group_is_read():
    event = noticed({"owner": MEMBER, "text": "Hi"}, "urn:li:comment:(urn:li:groupPost:7100-7200,7360000000000000301)")
    assert (event.object_id, event.text) == ("7360000000000000301", "Hi")


def test_an_answer_to_a_reply_stands_below_the_first_comment(linkedin):
    post = linkedin.publishes(PAGE, "News")
    (first,) = told(linkedin.writes(post, MEMBER, "Where is it?"))
    (made,) = CHANNEL.send(answer(first), permit(), at(linkedin)).ids
    (second,) = told(linkedin.writes(post, MEMBER, "Thank you", made))
    assert names(second) & names(first)
    (again,) = CHANNEL.send(answer(second, "With pleasure"), permit(), at(linkedin)).ids
    assert [linkedin.comments[each].below for each in (made, again)] == [first.object_id] * 2
    assert linkedin.books.count("POST", "/oauth/v2/accessToken") == 1


def test_an_answer_whose_answer_was_lost_is_found(linkedin):
    post = linkedin.publishes(PAGE, "News")
    (event,) = told(linkedin.writes(post, MEMBER, "Where is it?"))
    linkedin.faults.add(cut_after(), method="POST", path="/rest/socialActions/{urn}/comments", times=1)
    with pytest.raises(TemporaryError) as lost:
        CHANNEL.send(answer(event), permit(), at(linkedin))
    assert lost.value.ambiguous
    found = CHANNEL.sent(answer(event), linkedin.clock.now(), at(linkedin))
    assert linkedin.comments[found.ids[0]].text == "On its way"
    assert CHANNEL.sent(answer(event, "Another"), linkedin.clock.now(), at(linkedin)) is None
    assert CHANNEL.sent(answer(event), linkedin.clock.now() + timedelta(hours=1), at(linkedin)) is None


def test_our_comment_is_found_on_a_later_page(linkedin):
    (event,) = told(linkedin.mentions(PAGE, MEMBER, "I like Northwind"))
    post = linkedin.posts[event.object_id]
    for number in range(150):
        linkedin.writes(post, STRANGER, f"Me too, {number}")
    sent = CHANNEL.send(answer(event), permit(), at(linkedin))
    assert CHANNEL.sent(answer(event), NOW, at(linkedin)) == sent


def test_a_list_without_an_end_is_given_up(linkedin, monkeypatch):
    (event,) = told(linkedin.mentions(PAGE, MEMBER, "I like Northwind"))
    for number in range(4):
        linkedin.writes(linkedin.posts[event.object_id], STRANGER, f"Me too, {number}")
    monkeypatch.setattr(api, "PAGE", 2)
    monkeypatch.setattr(api, "MOST_PAGES", 2)
    with pytest.raises(PermanentError):
        CHANNEL.sent(answer(event), NOW, at(linkedin))


def test_an_answer_to_what_was_deleted_is_refused(linkedin):
    post = linkedin.publishes(PAGE, "News")
    (event,) = told(linkedin.writes(post, MEMBER, "Where is it?"))
    linkedin.deletes(event.object_id)
    with pytest.raises(PermanentError) as refused:
        CHANNEL.send(answer(event), permit(), at(linkedin))
    assert refused.value.code == "gone"


def test_too_many_comments_in_a_minute_wait_for_one(linkedin):
    (event,) = told(linkedin.writes(linkedin.publishes(PAGE, "News"), MEMBER, "Where is it?"))
    linkedin.throttled = True
    with pytest.raises(TemporaryError) as later:
        CHANNEL.send(answer(event), permit(), at(linkedin))
    assert (later.value.after, later.value.ambiguous) == (60, False)


def test_a_token_that_linkedin_voided_is_renewed_at_the_next_try(linkedin):
    (event,) = told(linkedin.writes(linkedin.publishes(PAGE, "News"), MEMBER, "Where is it?"))
    polled(linkedin)
    linkedin.revoke()
    with pytest.raises(ConfigurationError):
        CHANNEL.send(answer(event), permit(), at(linkedin))
    assert CHANNEL.send(answer(event), permit(), at(linkedin)).ids


def test_a_comment_of_the_longest_kind_is_taken_by_the_played_one(linkedin):
    (event,) = told(linkedin.writes(linkedin.publishes(PAGE, "News"), MEMBER, "Where is it?"))
    most = permit().limit.most
    assert CHANNEL.send(answer(event, "👍" * (most // 2)), permit(), at(linkedin)).ids
    with pytest.raises(PermanentError):
        CHANNEL.send(answer(event, "👍" * (most // 2 + 1)), permit(), at(linkedin))


def test_words_that_did_not_come_along_are_fetched(linkedin):
    post = linkedin.publishes(PAGE, "News")
    (event,) = told(linkedin.writes(post, MEMBER, "Where is it?", words=False))
    whole = CHANNEL.complete(event, at(linkedin))
    assert (whole.text, whole.author.id, whole.thread, whole.key) == (
        "Where is it?", MEMBER, event.thread, event.key,
    )  # fmt: skip
    linkedin.deletes(event.object_id)
    assert CHANNEL.complete(event, at(linkedin)) is None


def test_a_members_post_that_is_not_shown_is_a_mention_all_the_same(linkedin):
    notice = linkedin.mentions(PAGE, MEMBER, "I like Northwind")
    (event,) = told({**notice, "decoratedGeneratedActivity": None})
    assert not event.complete
    whole = CHANNEL.complete(event, at(linkedin))
    assert whole.text == "[a mention: look at it on LinkedIn]"
    assert whole.facts["Link"].startswith("https://www.linkedin.com/feed/update/urn:li:share:")


def test_a_poll_finds_what_no_push_told_of_under_the_same_key(linkedin):
    """The second subscription died: the poll has it, with the thread that the push would have had."""
    post = linkedin.publishes(PAGE, "News")
    (pushed,) = told(linkedin.writes(post, MEMBER, "Where is it?"))
    edit, deletion = told(linkedin.rewrites(pushed.object_id, "Where is mine?"), linkedin.deletes(pushed.object_id))
    events = polled(linkedin)
    assert [each.kind for each in events] == [Kind.DELETION]
    linkedin.comments[pushed.object_id].gone = False
    found, changed, gone = polled(linkedin)
    assert (found.key, changed.key, gone.key) == (pushed.key, edit.key, deletion.key)
    assert found.thread == pushed.thread
    assert not polled(linkedin, page=OTHER)


def test_a_poll_says_what_a_colleagues_comment_answers(linkedin):
    post = linkedin.publishes(PAGE, "News")
    (question,) = told(linkedin.writes(post, MEMBER, "Where is it?"))
    (pushed,) = told(linkedin.writes(post, PAGE, "In Kópavogur", question.object_id))
    _, answered = polled(linkedin)
    assert pushed.dismissed
    assert (answered.key, answered.own, answered.text, answered.dismissed) == (pushed.key, True, "In Kópavogur", "")
    assert answered.thread == question.thread


def test_a_colleagues_comment_on_a_mention_goes_to_its_thread(linkedin):
    (mention,) = told(linkedin.mentions(PAGE, MEMBER, "I like Northwind"))
    linkedin.writes(linkedin.posts[mention.object_id], PAGE, "Thank you!")
    *_, answered = polled(linkedin)
    assert answered.own
    assert not answered.dismissed
    assert names(answered) & names(mention)


def test_a_poll_looks_back_so_that_nothing_falls_between_two(linkedin):
    post = linkedin.publishes(PAGE, "News")
    linkedin.writes(post, MEMBER, "Where is it?")
    linkedin.clock.advance(540)
    assert len(polled(linkedin, linkedin.clock.now())) == 1
    linkedin.clock.advance(120)
    assert not polled(linkedin, linkedin.clock.now())


def test_a_first_poll_begins_now(linkedin):
    linkedin.writes(linkedin.publishes(PAGE, "News"), MEMBER, "Where is it?")
    page = CHANNEL.poll("", at(linkedin))
    assert (page.events, page.cursor) == ((), "1795694400000")
    assert not linkedin.books.entries()


def test_a_polled_notification_that_cannot_be_read_calls_a_person_and_stops_no_other(linkedin):
    post = linkedin.publishes(PAGE, "News")
    linkedin.writes(post, MEMBER, "Where is it?")
    linkedin.notified.insert(0, {**linkedin.notified[0], "generatedActivity": "urn:li:something:else"})
    unread, found = polled(linkedin)
    assert "cannot be read" in unread.attention
    assert found.text == "Where is it?"


def test_a_secret_is_in_no_address_and_the_token_in_a_header(linkedin):
    polled(linkedin)
    (*_, entry) = linkedin.books.entries()
    assert entry.asked.header("authorization").startswith("Bearer AQV")
    for entry in linkedin.books.entries():
        assert not any(secret in f"{entry.asked.path}{entry.asked.query}" for secret in CLIENT.values())
