"""X beyond conformance: vectors from outside, the handshake that signs nothing else, the traps by name."""

import base64
import dataclasses
import hashlib
import hmac
import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import oauthlib.oauth1
import pytest
import tweepy
from hypothesis import given, settings
from hypothesis import strategies as st
from twitter_text import parse_tweet

from deskwire import registry
from deskwire.care.measure import measure
from deskwire.channels import x
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit, Unit
from deskwire.families import oauth1
from deskwire.model.errors import ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import Author, Kind, Visibility
from deskwire.model.secret import Secret, Secrets
from deskwire.model.sending import Outgoing
from deskwire.verification.rule import Context
from deskwire.web.request import Request, from_gateway
from deskwire.web.rest import Answer, Pooled, with_hosts
from sandbox.neighbours.neighbour import Clock, broken, cut_after
from sandbox.platforms.x import played as sandbox

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
SECRET = "x_consumer_secret_example"
CHANNEL = registry.channel("x")


def parsed(document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(CHANNEL.parse(Request(method="POST", endpoint="x", body=body, received_at=NOW)))


def challenged(token, secrets=None):
    query = {"crc_token": (token,)} if isinstance(token, str) else {"crc_token": token}
    request = Request(method="GET", endpoint="x", body=b"", query=query, received_at=NOW)
    return CHANNEL.handshake(request, secrets or Secrets({"consumer_secret": SECRET}))


# --------------------------------------------------------------------------------------- vectors from outside


def documented(payload, signature_header, consumer_secret):
    """Verify as X's own page shows it (Python): https://docs.x.com/x-api/webhooks/quickstart ."""
    expected = "sha256=" + base64.b64encode(
        hmac.new(consumer_secret.encode("utf-8"), payload, hashlib.sha256).digest()
    ).decode("utf-8")
    return hmac.compare_digest(expected, signature_header)


def test_our_signature_is_a_vector_for_the_vendor_s_documented_check():
    body = '{"data":{"event_type":"post.mention.create","text":"Þetta 👍"}}'.encode()
    request = Request(method="POST", endpoint="x", body=body, received_at=NOW)
    signed = CHANNEL.verification.sign(request, Secrets({"consumer_secret": SECRET}), NOW)
    assert documented(body, signed.header("x-twitter-webhooks-signature"), SECRET)


def test_a_vector_made_by_openssl_is_let_in():
    body = b'{"data":{"event_uuid":"7001","event_type":"oauth.revoke"}}'
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SECRET, "-binary"], input=body, capture_output=True, check=True
    ).stdout
    header = {"x-twitter-webhooks-signature": f"sha256={base64.b64encode(digest).decode()}"}
    request = Request(method="POST", endpoint="x", body=body, headers=header, received_at=NOW)
    context = Context(now=NOW, http=None)
    CHANNEL.verification.verify(request, Secrets({"consumer_secret": SECRET}), context)
    with pytest.raises(SignatureError):
        CHANNEL.verification.verify(request, Secrets({"consumer_secret": "another"}), context)


# https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature (read 2026-11-21)
PUBLISHED = {
    "consumer_key": "xvz1evFS4wEEPTGEFPHBog",
    "consumer_secret": "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
    "token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
    "token_secret": "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
}


def test_the_published_vector_of_oauth_1_is_signed_the_same():
    header = oauth1.authorization(
        "POST",
        "https://api.x.com/1.1/statuses/update.json?include_entities=true",
        oauth1.Credentials(**{name: Secret(value) for name, value in PUBLISHED.items()}),
        nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        timestamp=1318622958,
        fields=(("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),),
    )
    assert 'oauth_signature="Ls93hJiZbQ3akF3HF3x1Bz8%2FzU4%3D"' in header


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    query=st.lists(st.tuples(texts, texts), max_size=4),
    key=texts,
    token=texts,
    timestamp=st.integers(0, 2**33),
)
def test_oauth_1_signs_as_oauthlib_does(method, query, key, token, timestamp):
    url = "https://api.x.com/2/users/9/tweets" + (f"?{urlencode(query)}" if query else "")
    witness = oauthlib.oauth1.Client(
        key, client_secret=token, resource_owner_key=token, resource_owner_secret=key,
        nonce="0123456789abcdef", timestamp=str(timestamp),
    )  # fmt: skip
    wanted = witness.sign(url, http_method=method)[1]["Authorization"]
    credentials = oauth1.Credentials(Secret(key), Secret(token), Secret(token), Secret(key))
    ours = oauth1.authorization(method, url, credentials, nonce="0123456789abcdef", timestamp=timestamp)
    values = re.compile(r'(oauth_\w+)="([^"]*)"')
    assert dict(values.findall(ours)) == dict(values.findall(wanted))


class Recorder:
    """Stands in for tweepy's session, and for our transport."""

    def __init__(self, answer):
        self.asked, self.answer = [], answer

    def request(self, method, url, *, params=None, json=None, **_):
        self.asked.append((method, url.replace("api.twitter.com", "api.x.com"), params or {}, json))
        response = tweepy.client.requests.Response()
        response.status_code, response._content = 201, self.answer
        return response

    def __call__(self, call):
        self.asked.append((call.method, call.url, {}, json.loads(call.body)))
        return Answer(201, {}, self.answer)


def test_a_reply_and_a_message_are_asked_as_tweepy_asks():
    answer = b'{"data":{"id":"5","text":"t","dm_event_id":"6","dm_conversation_id":"1-2"}}'
    witness = tweepy.Client(consumer_key="a", consumer_secret="b", access_token="c", access_token_secret="d")
    witness.session = Recorder(answer)
    witness.create_tweet(text="Hæ", in_reply_to_tweet_id="7", user_auth=True)
    witness.create_direct_message(participant_id="9", text="Hæ", user_auth=True)
    ours = Recorder(answer)
    assert CHANNEL.send(public("Hæ", reply_to="7"), permit(), reach(ours)).ids == ("5",)
    assert CHANNEL.send(private("Hæ", "9"), permit(Visibility.PRIVATE), reach(ours)).ids == ("6",)
    assert ours.asked == witness.session.asked


WRITTEN = [*"aþéÞ 中あ한אب…—", "👍", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇮🇸", "👍🏽", " https://example.org/x "]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WRITTEN), max_size=40).map("".join))
def test_a_post_is_measured_as_twitter_text_measures(text):
    assert measure(text, Unit.WEIGHTED) == parse_tweet(text).weightedLength


# -------------------------------------------------------------------------------------------- the handshake


def test_the_handshake_answers_the_token_as_documented():
    response = challenged("NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE")
    assert response.status == 200
    assert json.loads(response.body) == {"response_token": "sha256=BW7N38FJGyWfAf16ArSyOaelPVl5A5N8vFzpPPliTU8="}
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "token",
    [
        "", "short", "a" * 129, '{"data":{}}', '{"data":{"event_type":"oauth.revoke"}}', "[1234567890123456]",
        "null ", "abcdefghijklmnop\n", "abcdefghijklmno p", "abcdefghijklmnopé", "abcdefghijklmnop%",
        '"abcdefghijklmnop"', ("one-token-of-good-shape", "another-token-of-shape"), (),
    ],
)  # fmt: skip
def test_a_token_of_another_shape_is_not_signed(token):
    with pytest.raises(SignatureError):
        challenged(token)


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3))
def test_no_json_object_can_be_signed_through_the_handshake(document):
    with pytest.raises(SignatureError):
        challenged(json.dumps(document))


def test_a_query_without_a_token_is_no_handshake():
    assert CHANNEL.handshake(Request(method="GET", endpoint="x", body=b"", received_at=NOW), Secrets({})) is None
    with pytest.raises(ConfigurationError):
        challenged("NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE", Secrets({}))


def test_during_a_rotation_the_current_secret_signs_the_handshake():
    both = challenged("NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE", Secrets({"consumer_secret": [SECRET, "next"]}))
    assert both == challenged("NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE")


# --------------------------------------------------------------------------------------------------- traps


def captured(name):
    path = Path(__file__).parents[3] / "events" / "x" / f"{name}.json"
    return json.loads(from_gateway(json.loads(path.read_text(encoding="utf-8"))).body)


def test_mention_and_reply_of_one_post_are_one_event_in_either_order():
    reply, mention = (parsed(captured(name))[0] for name in ("reply_that_mentions", "reply_that_mentions-again"))
    assert reply.key == mention.key
    assert reply.thread == mention.thread == "2094000000000000501"


def test_the_same_post_in_the_old_and_the_new_envelope_is_one_event():
    new = captured("mention")
    old = captured("account_activity_mention")
    old["tweet_create_events"][0]["id_str"] = new["data"]["payload"]["id"]
    assert parsed(old)[0].key == parsed(new)[0].key


def test_each_account_of_one_conversation_gets_its_own_event():
    document = captured("mention")
    first = parsed(document)[0]
    document["data"]["filter"]["user_id"] = "900000000000000011"
    assert parsed(document)[0].key != first.key


def test_an_edit_points_at_the_original_and_each_edit_is_another():
    document = captured("edited")
    first = parsed(document)[0]
    assert (first.kind, first.object_id, first.version) == (Kind.EDIT, "2094000000000000501", "2094000000000000510")
    payload = document["data"]["payload"]
    payload["id"] = "2094000000000000511"
    payload["edit_history_tweet_ids"].append("2094000000000000511")
    second = parsed(document)[0]
    assert second.key != first.key
    assert second.original == first.original == parsed(captured("mention"))[0].key


def test_a_first_version_told_late_is_no_edit():
    document = captured("mention")
    document["data"]["payload"]["edit_history_tweet_ids"].append("2094000000000000510")
    assert parsed(document)[0].kind is Kind.MESSAGE


def test_numbers_of_the_old_envelope_keep_their_last_digits():
    document = captured("account_activity_mention")
    document["tweet_create_events"][0]["id"] = 2094000000000001500  # as JavaScript would round it
    document["tweet_create_events"][0]["user"]["id"] = 900000000000000800
    event = parsed(document)[0]
    assert (event.object_id, event.author.id) == ("2094000000000001501", "900000000000000777")


def test_a_number_that_no_program_rounds_stands_for_a_missing_text():
    document = captured("account_activity_mention")
    user = document["tweet_create_events"][0]["user"]
    del user["id_str"]
    user["id"] = 4400777
    assert parsed(document)[0].author.id == "4400777"
    user["id"] = 900000000000000777
    (unread,) = parsed(document)
    assert "id_str" in unread.reason


def test_a_message_of_the_old_envelope_without_its_type_is_one():
    document = captured("account_activity_direct_message")
    del document["direct_message_events"][0]["type"]
    assert parsed(document) == parsed(captured("account_activity_direct_message"))


def test_the_address_of_a_picture_that_stands_among_the_links_is_nobodys_words():
    document = captured("direct_message_with_photo")
    data = document["data"]["payload"]["direct_message_events"][0]["message_create"]["message_data"]
    address = data["attachment"]["media"]["url"]
    data["text"] = f"It arrived like this {address}"
    expanded = "https://twitter.com/messages/media/2094000000000000901"
    data["entities"] = {"urls": [{"url": address, "expanded_url": expanded, "indices": [21, 44]}]}
    (event,) = parsed(document)
    assert event.text == "It arrived like this"


def test_a_reply_that_names_no_conversation_is_in_that_of_what_it_answers():
    document = captured("reply")
    del document["data"]["payload"]["conversation_id"]
    (event,) = parsed(document)
    assert event.thread == event.reply_to != ""


def test_what_comes_for_a_keyword_is_counted_and_parks_nothing():
    (event,) = parsed({"data": {"event_type": "news.new", "filter": {"keyword": "lamps"}, "payload": {"id": "1"}}})
    assert (event.kind, event.account, event.text) == (Kind.OTHER, "stream", "[news.new]")


def test_somebody_who_joins_a_conversation_has_said_nothing():
    document = captured("direct_message_in_v2")
    document["data"]["payload"] |= {"event_type": "ParticipantsJoin", "text": None}
    (event,) = parsed(document)
    assert (event.kind, event.text) == (Kind.OTHER, "[dm.ParticipantsJoin]")


def test_a_bare_reply_is_answered_by_people_only():
    assert parsed(captured("reply"))[0].no_automatic_reply
    assert not parsed(captured("mention"))[0].no_automatic_reply
    assert not parsed(captured("quote"))[0].no_automatic_reply


def test_an_encrypted_chat_says_where_it_can_be_read():
    (event,) = parsed(captured("encrypted_chat"))
    assert (event.kind, event.text) == (Kind.MESSAGE, "[encrypted chat: open in X]")
    assert event.thread == "chat-900000000000000777"
    for automatic in (True, False):
        given = {"automatic": automatic, "last_inbound": NOW, "now": NOW, "kind": event.thread_kind}
        assert "in X only" in CHANNEL.terms.permit(event.visibility, **given).reason
    with pytest.raises(PermanentError, match="no direct message"):
        CHANNEL.send(
            dataclasses.replace(private("Hi", "9"), thread=event.thread), permit(Visibility.PRIVATE), reach(None)
        )


def test_one_unreadable_post_of_a_batch_does_not_hold_up_the_others():
    found = parsed(captured("account_activity_batch"))
    assert [type(item).__name__ for item in found] == ["Event", "Event", "Event", "Unreadable"]


# ------------------------------------------------------------------------------------ against the sandbox's X


def public(text, *, thread="1", reply_to="", automatic=False):
    return Outgoing(
        key="k", account=sandbox.ACCOUNT, thread=thread, visibility=Visibility.PUBLIC, text=text,
        automatic=automatic, reply_to=reply_to,
    )  # fmt: skip


def private(text, person):
    return Outgoing(
        key="k", account=sandbox.ACCOUNT, thread=f"dm-{person}", visibility=Visibility.PRIVATE, text=text,
        automatic=False, recipient=person,
    )  # fmt: skip


def permit(visibility=Visibility.PUBLIC):
    found = CHANNEL.terms.permit(visibility, automatic=False, last_inbound=NOW, now=NOW)
    assert isinstance(found, Permit)
    return found


def reach(http, now=NOW):
    return Reach(
        account=sandbox.ACCOUNT, settings={}, secrets=Secrets(sandbox.SECRETS), http=http, now=now,
        mail=None, remember=lambda _name, make: make()[0],
    )  # fmt: skip


@pytest.fixture
def world():
    with sandbox.X(Clock(NOW, held=True)) as played:
        yield played


def to(played):
    return reach(with_hosts(Pooled(), {"api.x.com": played.address}), played.clock.now())


def test_a_customer_is_answered_in_public(world):
    rosa = world.person("rosa_m", "Rosa M.")
    (delivery,) = world.writes(rosa, "@NorthwindCare my parcel is lost & I am <sad>")
    (event,) = parsed(delivery)
    assert event.text == "@NorthwindCare my parcel is lost & I am <sad>"
    assert event.author == Author(rosa.id, "Rosa M.", "rosa_m")
    sent = CHANNEL.send(
        public("We look & tell you.", thread=event.thread, reply_to=event.object_id), permit(), to(world)
    )
    assert world.sent[event.thread] == ["We look & tell you."]
    (echo,) = parsed(world.echo(sent.ids[0])[0])
    assert (echo.own, echo.thread) == (True, event.thread)


def test_a_reply_in_our_own_conversation_can_be_hidden_and_another_cannot(world):
    rosa = world.person("rosa_m", "Rosa M.")
    began = world.writes(world.care, "The autumn range is here")
    ours = next(iter(world.posts))
    assert began is not None
    (event, *_) = parsed(world.writes(rosa, "my phone is 555-0199", reply_to=ours)[0])
    for hidden in (True, True, False):
        CHANNEL.moderate(event.object_id, to(world), hidden=hidden)
        assert (event.object_id in world.hidden) is hidden
    (hers, *_) = parsed(world.writes(rosa, "@NorthwindCare my phone is 555-0199")[0])
    with pytest.raises(PermanentError):
        CHANNEL.moderate(hers.object_id, to(world), hidden=True)


def test_after_a_lost_answer_the_reply_is_found_and_not_repeated(world):
    rosa, kim = world.person("rosa_m", "Rosa M."), world.person("kim", "Kim")
    first = parsed(world.writes(rosa, "@NorthwindCare one")[0])[0]
    second = parsed(world.writes(kim, "@NorthwindCare two")[0])[0]
    answers = [
        public("We look. https://a.example/1", thread=each.thread, reply_to=each.object_id) for each in (first, second)
    ]
    world.faults.add(cut_after(), method="POST", times=1)
    with pytest.raises(TemporaryError) as caught:
        CHANNEL.send(answers[0], permit(), to(world))
    assert caught.value.ambiguous
    since = NOW - timedelta(seconds=5)
    found = CHANNEL.sent(answers[0], since, to(world))
    assert found is not None
    assert world.posts[found.ids[0]].reply_to == first.object_id
    assert CHANNEL.sent(answers[1], since, to(world)) is None, "the same words to another customer are another reply"


def test_after_a_lost_answer_the_direct_message_is_found(world):
    rosa = world.person("rosa_m", "Rosa M.")
    (event,) = parsed(world.whispers(rosa, "Where is order 4471?")[0])
    answer = private("On its way & soon there.", rosa.id)
    assert event.thread == answer.thread
    world.faults.add(cut_after(), method="POST", times=1)
    with pytest.raises(TemporaryError):
        CHANNEL.send(answer, permit(Visibility.PRIVATE), to(world))
    assert CHANNEL.sent(answer, NOW - timedelta(seconds=5), to(world)) is not None
    world.clock.advance(3600)
    assert CHANNEL.sent(answer, NOW + timedelta(seconds=1800), to(world)) is None


def test_what_x_refuses_is_told_for_what_it_is(world):
    stranger, closed = world.person("kim", "Kim"), world.person("ada", "Ada", takes_messages=False)
    world.writes(stranger, "northwind tents leak")
    (number,) = (each for each in world.posts)
    for outgoing, code in (
        (public("Sorry!", thread=number, reply_to=number), "not-summoned"),
        (public("Sorry!", thread="404", reply_to="404"), "gone"),
        (private("Hello", closed.id), "dm-refused"),
    ):
        with pytest.raises(PermanentError) as caught:
            CHANNEL.send(outgoing, permit(outgoing.visibility), to(world))
        assert caught.value.code == code


def test_a_wrong_token_calls_a_person(world):
    wrong = dataclasses.replace(to(world), secrets=Secrets({**sandbox.SECRETS, "access_token_secret": "another"}))
    with pytest.raises(ConfigurationError):
        CHANNEL.send(private("Hello", "9"), permit(Visibility.PRIVATE), wrong)


def test_the_rate_of_direct_messages_is_kept_and_says_when(world):
    rosa = world.person("rosa_m", "Rosa M.")
    for number in range(15):
        CHANNEL.send(private(f"Message {number}", rosa.id), permit(Visibility.PRIVATE), to(world))
    with pytest.raises(TemporaryError) as caught:
        CHANNEL.send(private("One more", rosa.id), permit(Visibility.PRIVATE), to(world))
    assert caught.value.after is not None
    assert not caught.value.ambiguous
    world.clock.advance(901)
    CHANNEL.send(private("One more", rosa.id), permit(Visibility.PRIVATE), to(world))


def test_an_outage_is_in_doubt(world):
    rosa = world.person("rosa_m", "Rosa M.")
    world.faults.add(broken(), times=1)
    with pytest.raises(TemporaryError) as caught:
        CHANNEL.send(private("Hello", rosa.id), permit(Visibility.PRIVATE), to(world))
    assert caught.value.ambiguous


def test_a_name_is_looked_up_and_a_lost_one_hurts_nobody(world):
    rosa = world.person("rosa_m", "Rosa M.")
    assert CHANNEL.profile(Author(rosa.id), to(world)) == Author(rosa.id, "Rosa M.", "rosa_m")
    world.faults.add(broken())
    assert CHANNEL.profile(Author(rosa.id), to(world)) == Author(rosa.id)


def test_the_sandbox_fires_every_event_of_one_post(world):
    rosa = world.person("rosa_m", "Rosa M.")
    (event,) = parsed(world.writes(rosa, "@NorthwindCare hello")[0])
    sent = CHANNEL.send(public("Hello!", thread=event.thread, reply_to=event.object_id), permit(), to(world))
    deliveries = world.writes(rosa, "@NorthwindCare thanks", reply_to=sent.ids[0], includes=False)
    events = [parsed(delivery)[0] for delivery in deliveries]
    assert len(events) == 2
    assert len({each.key for each in events}) == 1
    assert events[0].thread == event.thread


def test_the_page_of_the_sandbox_shows_words_as_words(world):
    world.writes(world.person("eve", "<b>Eve</b>"), "@NorthwindCare <script>alert(1)</script>")
    page = urlopen(world.address).read().decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"detail": "You have been blocked from the author of this tweet."}, PermanentError),
        ({"errors": [{"code": 136}]}, PermanentError),
        ({"errors": [{"code": 150}]}, PermanentError),
        ({"errors": [{"code": 186}]}, PermanentError),
        ({"errors": [{"code": 9999}]}, ConfigurationError),
        ({"detail": "Your Tweet text is too long."}, PermanentError),
        ({"detail": "Your post is too long."}, PermanentError),
        ({"detail": "Quoting this post is not allowed because you have not been mentioned."}, PermanentError),
        ({"detail": "This user has protected their posts."}, PermanentError),
        *(({"errors": [{"code": code}]}, PermanentError) for code in (63, 144, 179)),
        *(({"errors": [{"code": code}]}, ConfigurationError) for code in (64, 89, 226, 261, 326)),
        ({"detail": "Your account is suspended and is not permitted to access this feature."}, ConfigurationError),
        ({"detail": "You are not permitted to perform this action."}, ConfigurationError),
        ({"title": "Unsupported Authentication"}, ConfigurationError),
    ],
)
def test_a_403_about_this_person_or_these_words_is_told_and_no_alarm(payload, kind):
    with pytest.raises(kind):
        x._settled(Answer(403, {}, json.dumps(payload).encode()), what="replying")
