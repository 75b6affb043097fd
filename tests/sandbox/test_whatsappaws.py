"""The played AWS End User Messaging Social, seen through the connector and the signed transport."""

from datetime import timedelta

import pytest

from deskwire.aws.transport import SignedTransport
from deskwire.channels.whatsappaws import WhatsAppAWS as Connector
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.events import Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.web.request import Request
from deskwire.web.rest import Call, Direct, with_hosts
from sandbox.neighbours.neighbour import Clock
from sandbox.platforms.whatsappaws.played import SocialMessaging, bundle

NUMBER, OURS = "440000000000021", "phone-number-id-9b8a"
HOST = "social-messaging.eu-west-1.amazonaws.com"
ENVIRON = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "invented"}


@pytest.fixture(scope="module")
def running():
    with SocialMessaging({OURS: NUMBER}, {NUMBER: "6795550120"}, [("order_sent", "en_GB")], clock=Clock()) as player:
        player.direct = Direct()
        yield player
        player.direct.close()


@pytest.fixture
def played(running):
    running.bucket = {}
    running.store = lambda bucket, key, data: running.bucket.update({(bucket, key): data})
    running.tell = None
    running.undeliverable.clear()
    return running


def reach(played, **settings):
    http = with_hosts(played.direct, {HOST: played.address})
    signed = SignedTransport(ENVIRON, http, played.clock.now)
    given = {"phone_number_id": OURS, "media": "s3://archive/originals/inbound/", **settings}
    return Reach(
        account=NUMBER, settings=given, secrets=Secrets({}), http=http, now=played.clock.now(), mail=None,
        remember=None, aws=lambda *asked: signed(Connector.aws_services, *asked),
        original=lambda name: played.bucket["archive", f"originals/inbound/{name}"],
    )  # fmt: skip


def read(played, *changes):
    request = Request(method="POST", endpoint="inbound", body=bundle(changes), received_at=played.clock.now())
    return list(Connector().parse(request))


def answer(played, event, text, **settings):
    now = played.clock.now()
    permit = Connector.terms.permit(
        Visibility.PRIVATE, automatic=False, last_inbound=now - timedelta(minutes=1), now=now
    )
    assert isinstance(permit, Permit)
    outgoing = Outgoing(
        key="k", account=NUMBER, thread=event.thread, visibility=Visibility.PRIVATE, text=text, automatic=False,
        recipient=event.author.id, context=event.keep,
    )  # fmt: skip
    return Connector().send(outgoing, permit, reach(played, **settings))


@pytest.mark.parametrize("hidden", [False, True])
def test_who_writes_is_answered_by_number_or_by_scoped_id(played, hidden):
    who = played.customer("Ines", hidden=hidden)
    wamid, change = played.writes(who, NUMBER, "Hello 👋")
    (event,) = read(played, change)
    assert (event.object_id, event.thread, event.text, event.author.name) == (wamid, who.thread, "Hello 👋", "Ines")
    (sent,) = answer(played, event, "Hello, Ines", mark_as_read="yes").ids
    assert played.messages[-1].id == sent
    assert played.messages[-1].text == "Hello, Ines"


def test_a_picture_is_put_into_the_archive_and_read_there(played):
    (event,) = read(played, played.writes(played.customer("Ines"), NUMBER, "see", picture=True)[1])
    file = Connector().fetch(event.attachments[0], reach(played))
    assert (file.type, file.data[:2]) == ("image/jpeg", b"\xff\xd8")
    assert [*played.bucket] == [("archive", f"originals/inbound/{event.stored}")]


def test_what_whatsapp_refuses_is_told_and_what_is_misconfigured_calls_a_person(played):
    (event,) = read(played, played.writes(played.customer("Ines"), NUMBER, "Hello")[1])
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        answer(played, event, "Hello", phone_number_id="phone-number-id-another")
    played.clock.advance(25 * 3600)
    with pytest.raises(PermanentError, match="131047"):
        answer(played, event, "Too late")


def test_what_is_not_delivered_is_told_by_a_status(played):
    told = []
    played.tell = told.append
    who = played.customer("Ines")
    (event,) = read(played, played.writes(who, NUMBER, "Hello")[1])
    played.undeliverable.add(who.thread)
    sent = answer(played, event, "Hello")
    (report,) = read(played, *told)
    assert (report.kind, report.object_id, report.thread) == (Kind.UNDELIVERED, sent.ids[0], who.thread)


def test_a_request_without_aws_s_signature_is_refused(played):
    http = with_hosts(played.direct, {HOST: played.address})
    assert http(Call.json("POST", f"https://{HOST}/v1/whatsapp/send", {})).status == 403
