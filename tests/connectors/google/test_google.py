"""Google Business Profile beyond conformance: google-auth as a witness, the played Google, the reference's traps."""

import base64
import dataclasses
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from google.auth import crypt
from google.auth import jwt as google_jwt
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.channels.google import Google
from deskwire.contracts.channel import Asks, Fetches, Reach, Replies
from deskwire.contracts.terms import Refusal
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Direct, with_hosts
from sandbox.neighbours.neighbour import Clock, broken, cut_after, cut_before, throttled
from sandbox.platforms.google import played

CHANNEL = Google()
LOCATION = "accounts/104422338811223344556/locations/9001112223334445556"
AUDIENCE = "https://hooks.example.org/channels/google"
CLIENT = {"client_id": "invented.apps", "client_secret": "invented-secret", "refresh_token": "1//invented"}


@pytest.fixture
def world():
    with played.Google(CLIENT, clock=Clock(speed=1.0)) as google:
        direct = Direct()
        google.http = with_hosts(direct, dict.fromkeys(played.HOSTS, google.address))
        google.kept = {}
        yield google
        direct.close()


def reach(world, **secrets):
    def remember(name, make):
        value, until = world.kept.get(name, ("", None))
        if until is None or world.clock.now() >= until:
            value, seconds = make()
            world.kept[name] = value, world.clock.now() + timedelta(seconds=seconds)
        return value

    return Reach(
        account=LOCATION, settings={}, secrets=Secrets({**CLIENT, **secrets}), http=world.http, now=world.clock.now(),
        mail=None, remember=remember,
    )  # fmt: skip


def pushed(world, notification):
    """Return the push of a notification, signed as the sender signs it."""
    route = world.subscription("google", AUDIENCE)
    now = world.clock.now()
    bare = Request(method="POST", endpoint="google", body=route.bundle([notification]), received_at=now)
    return route.verification.sign(bare, route.secrets, now)


def context(world, **more):
    settings = {"audience": AUDIENCE, "service_account": world.service_account}
    return Context(world.clock.now(), world.http, settings, **more)


def taken(world, notification):
    """Return the one event of a push, once verified."""
    request = pushed(world, notification)
    CHANNEL.verification.verify(request, Secrets({}), context(world))
    (event,) = CHANNEL.parse(request)
    return event


def reply(event, text="We are sorry."):
    return Outgoing(
        key="k", account=event.account, thread=event.thread, visibility=Visibility.PUBLIC, text=text, automatic=False
    )


def permit(**more):
    given = {"automatic": False, "last_inbound": None, "now": None} | more
    return CHANNEL.terms.permit(Visibility.PUBLIC, **given)


# ----------------------------------------------------------------------------------------------- vectors from outside


def test_a_vector_signed_by_google_auth_verifies(world):
    key = serialization.load_pem_private_key(world.signing_key.encode(), None)
    certs = json.loads(world.certs(None).body)["keys"]
    now = int(world.clock.now().timestamp())
    claims = {"aud": AUDIENCE, "azp": "1137", "email": world.service_account, "email_verified": True, "exp": now + 3600,
              "iat": now, "iss": "https://accounts.google.com", "sub": "1137"}  # fmt: skip
    token = google_jwt.encode(crypt.RSASigner(key, certs[0]["kid"]), claims).decode()
    request = dataclasses.replace(pushed(world, {}), headers={"authorization": f"Bearer {token}"})
    assert CHANNEL.verification.verify(request, Secrets({}), context(world)) == {}


def test_google_auth_verifies_the_vector_of_our_captures():
    from pathlib import Path

    events = Path(__file__).parents[3] / "events" / "google"
    capture = json.loads((events / "new_review.json").read_text())
    secrets = json.loads((events / "secrets.json").read_text())
    key = serialization.load_pem_private_key(secrets["signing_key"].encode(), None).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = capture["headers"]["authorization"].removeprefix("Bearer ")
    header, payload, signature = token.split(".")
    verifier = crypt.RSAVerifier.from_string(pem)
    assert verifier.verify(f"{header}.{payload}".encode(), base64.urlsafe_b64decode(signature + "=="))
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (claims["aud"], claims["email"]) == (secrets["audience"], secrets["service_account"])


# ------------------------------------------------------------------------------------------------ with the played one


def test_a_review_goes_in_and_an_answer_out(world):
    event = taken(world, world.review(LOCATION, 2, "Beið í 40 mínútur 👩‍👩‍👧‍👦", "Þóra"))
    assert (event.kind, event.complete, event.text) == (Kind.MESSAGE, False, "")
    whole = CHANNEL.complete(event, reach(world))
    assert (whole.text, whole.author.name, whole.stars) == ("Beið í 40 mínútur 👩‍👩‍👧‍👦", "Þóra", 2)
    assert (whole.key, whole.thread_key) == (event.key, event.thread_key)
    sent = CHANNEL.send(reply(whole), permit(), reach(world))
    assert sent.ids == (f"{event.object_id}/reply",)
    assert world.sent == [(event.object_id, "We are sorry.")]
    assert world.books.count("POST", "/token") == 1


def test_an_answer_to_a_review_that_is_gone_says_so_in_words(world):
    event = taken(world, world.review(LOCATION, 4))
    del world.reviews[event.object_id]
    with pytest.raises(PermanentError, match="the review is gone"):
        CHANNEL.send(reply(event), permit(), reach(world))


def test_a_second_reply_takes_the_place_of_the_first(world):
    event = taken(world, world.review(LOCATION, 4))
    for text in ("Thank you.", "Thank you, Nadia."):
        CHANNEL.send(reply(event, text), permit(), reach(world))
    assert world.reviews[event.object_id]["reviewReply"]["comment"] == "Thank you, Nadia."


def test_a_review_deleted_before_it_was_fetched_is_gone(world):
    notification = world.review(LOCATION, 1, "Never again")
    world.delete(notification["review"])
    assert CHANNEL.complete(taken(world, notification), reach(world)) is None


def test_a_change_has_another_key_and_points_at_the_review(world):
    first = world.review(LOCATION, 1, "Bad")
    second = world.change(first["review"], 5, "Good after all")
    third = world.change(first["review"], 4, "Rather good")
    events = [taken(world, notification) for notification in (first, second, third)]
    assert [event.kind for event in events] == [Kind.MESSAGE, Kind.EDIT, Kind.EDIT]
    assert len({event.key for event in events}) == 3
    assert {event.original for event in events[1:]} == {events[0].key}
    whole = CHANNEL.complete(events[2], reach(world))
    assert whole.text == "Rather good"
    assert whole.occurred_at.isoformat(timespec="milliseconds") == world.reviews[first["review"]]["updateTime"].replace(
        "Z", "+00:00"
    )


def test_what_google_publishes_twice_is_one_new_review_but_two_changes(world):
    new = world.review(LOCATION, 3, "So so")
    changed = {**new, "type": "UPDATED_REVIEW"}
    assert taken(world, new).key == taken(world, new).key
    assert taken(world, changed).key != taken(world, changed).key


def test_two_reviewers_of_one_name_stay_two_people(world):
    authors = {
        CHANNEL.complete(taken(world, world.review(LOCATION, 5, "Fine", "A Google user")), reach(world)).author.id
        for _ in range(2)
    }
    assert len(authors) == 2


def test_a_push_is_let_in_over_a_rotation_of_google_s_keys(world):
    kept = {}
    for _ in range(2):
        request = pushed(world, world.review(LOCATION, 5))
        where = context(world, cache=kept)
        CHANNEL.verification.verify(
            request, Secrets({}), dataclasses.replace(where, now=where.now + timedelta(minutes=2 * len(kept)))
        )
        world.rotate()
    assert world.books.count("GET", "/oauth2/v3/certs") == 2


def test_another_google_customer_s_push_is_refused(world):
    stranger = played.Google(CLIENT, service_account="thief@attacker.iam.gserviceaccount.com")
    stranger._keys = world._keys  # Google signs for him, too, and for any audience he likes
    with pytest.raises(SignatureError, match="service_account"):
        CHANNEL.verification.verify(pushed(stranger, {}), Secrets({}), context(world))


def test_a_lost_answer_is_in_doubt_and_google_can_be_asked(world):
    event = taken(world, world.review(LOCATION, 2, "Cold soup"))
    world.faults.add(cut_after(), method="PUT", times=2)  # the second for the repetition that a PUT allows
    with pytest.raises(TemporaryError) as caught:
        CHANNEL.send(reply(event), permit(), reach(world))
    assert caught.value.ambiguous
    assert CHANNEL.sent(reply(event), world.clock.now(), reach(world)).ids == (f"{event.object_id}/reply",)


def test_an_answer_that_never_arrived_is_told_from_one_that_did(world):
    event = taken(world, world.review(LOCATION, 2, "Cold soup"))
    world.faults.add(cut_before(), method="PUT", times=2)
    with pytest.raises(TemporaryError):
        CHANNEL.send(reply(event), permit(), reach(world))
    assert CHANNEL.sent(reply(event), world.clock.now(), reach(world)) is None


def test_after_doubt_a_person_s_reply_is_not_taken_for_ours(world):
    event = taken(world, world.review(LOCATION, 2, "Cold soup"))
    world.reviews[event.object_id]["reviewReply"] = {"comment": "Sorry! The owner"}
    assert CHANNEL.sent(reply(event), world.clock.now(), reach(world)) is None


OURS = "Okkur þykir þetta leitt."


@pytest.mark.parametrize(
    "shown",
    [
        OURS,
        f"{OURS}\n\n(Translated by Google)\nWe are sorry.",
        f"(Translated by Google) We are sorry.\n\n(Original)\n{OURS}",
    ],
)
def test_our_reply_is_recognised_under_its_translation(world, shown):
    event = taken(world, world.review(LOCATION, 2, "Cold soup"))
    sent = dataclasses.replace(reply(event), text=OURS)
    world.reviews[event.object_id]["reviewReply"] = {"comment": shown}
    assert CHANNEL.sent(sent, world.clock.now(), reach(world)) is not None
    world.reviews[event.object_id]["reviewReply"] = {"comment": shown.replace(OURS, "Takk!")}
    assert CHANNEL.sent(sent, world.clock.now(), reach(world)) is None


def test_nothing_is_answered_automatically():
    assert isinstance(permit(automatic=True), Refusal)


def test_4096_bytes_are_taken_and_4098_are_not(world):
    event = taken(world, world.review(LOCATION, 5))
    CHANNEL.send(reply(event, "þ" * 2048), permit(), reach(world))
    with pytest.raises(PermanentError, match="4096 bytes"):
        CHANNEL.send(reply(event, "þ" * 2049), permit(), reach(world))
    assert world.books.count("PUT") == 1


def test_an_unverified_location_s_refusal_is_final(world):
    event = taken(world, world.review(LOCATION, 5))
    world.unverified.add(LOCATION)
    with pytest.raises(PermanentError):
        CHANNEL.send(reply(event), permit(), reach(world))


@pytest.mark.parametrize("wrong", CLIENT)
def test_a_dead_credential_calls_a_person(world, wrong):
    event = taken(world, world.review(LOCATION, 5))
    with pytest.raises(ConfigurationError):
        CHANNEL.send(reply(event), permit(), reach(world, **{wrong: "revoked"}))


def test_google_s_outage_and_quota_are_tried_again(world):
    event = taken(world, world.review(LOCATION, 5))
    world.faults.add(throttled(17), path="/v4/{rest:path}", times=1)
    with pytest.raises(TemporaryError) as caught:
        CHANNEL.complete(event, reach(world))
    assert caught.value.after == 17
    world.faults.add(broken(503), path="/token", times=1)
    world.kept.clear()
    with pytest.raises(TemporaryError):
        CHANNEL.complete(event, reach(world))
    assert CHANNEL.complete(event, reach(world)).complete


def test_an_access_token_is_kept_for_its_hour_and_then_made_anew(world):
    event = taken(world, world.review(LOCATION, 5))
    for _ in range(3):
        CHANNEL.complete(event, reach(world))
    world.clock.advance(3599)
    CHANNEL.complete(event, reach(world))
    assert world.books.count("POST", "/token") == 2


# -------------------------------------------------------------------------------------------------- what is parsed


def test_it_can_reply_be_asked_and_fetch():
    assert isinstance(CHANNEL, Replies)
    assert isinstance(CHANNEL, Asks)
    assert isinstance(CHANNEL, Fetches)


def parse(body, **headers):
    request = Request(
        method="POST", endpoint="google", body=json.dumps(body).encode(), headers=headers, received_at=None
    )
    return list(CHANNEL.parse(request))


@pytest.mark.parametrize(
    "name",
    ["", "reviews/1", f"{LOCATION}/reviews/", f"{LOCATION}/reviews/a/reply", f"{LOCATION}/reviews/../../x",
     f"https://attacker.example/{LOCATION}/reviews/a", f"{LOCATION}/reviews/a?b", f"{LOCATION}/reviews/á",
     f"/{LOCATION}/reviews/a", f"{LOCATION}/reviews/a\n"],
)  # fmt: skip
def test_a_name_that_would_lead_our_token_elsewhere_is_parked(name):
    with pytest.raises(PayloadError):
        parse({"type": "NEW_REVIEW", "location": LOCATION, "review": name})


def test_an_unwrapped_change_needs_its_message_id():
    change = {"type": "UPDATED_REVIEW", "location": LOCATION, "review": f"{LOCATION}/reviews/a"}
    with pytest.raises(PayloadError, match="write metadata"):
        parse(change)
    (event,) = parse(change, **{"x-goog-pubsub-message-id": "7"})
    assert event.version == "7"


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(kind=st.text(min_size=1, max_size=40), location=st.text(max_size=40), number=st.text(max_size=40))
def test_any_notification_becomes_one_event_or_is_parked(kind, location, number):
    data = base64.b64encode(json.dumps({"type": kind, "location": location}).encode()).decode()
    try:
        (event,) = parse({"message": {"data": data, "messageId": number}})
    except PayloadError:
        return
    assert event.kind is Kind.OTHER
    assert event.text == kind
