"""The played Viber, seen through the connector: who may be written to, what is refused, what is told later."""

import json
from datetime import timedelta

import pytest

from deskwire.channels.viber import Viber as Connector
from deskwire.contracts.channel import Reach
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Author, Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.web.media import Network, fetch
from deskwire.web.request import Request
from deskwire.web.rest import Call, Direct, with_hosts
from sandbox.neighbours.neighbour import Clock
from sandbox.platforms.viber.played import API, FILES, Viber

BOT, TOKEN = "northwind-reykjavik", "played-token"


@pytest.fixture
def played():
    with Viber({TOKEN: BOT, "another": "northwind-suva"}, clock=Clock(held=True)) as player:
        player.direct, player.told = Direct(), []
        player.tell = lambda bot, told: player.told.append((bot, told))
        yield player
        player.direct.close()


def reach(played, token=TOKEN):
    hosts = dict.fromkeys((API, FILES), played.address)
    return Reach(
        account=BOT,
        settings={"sender_name": "Northwind"},
        secrets=Secrets({"auth_token": token}),
        http=with_hosts(played.direct, hosts),
        now=played.clock.now(),
        mail=None,
        remember=lambda _name, make: make()[0],
        fetch=lambda call: fetch(call, Connector.media_hosts, network=Network(sandbox=hosts)),
    )


def read(played, told):
    request = Request(method="POST", endpoint="e", body=json.dumps(told).encode(), received_at=played.clock.now())
    (event,) = Connector().parse(request)
    return event


def answer(played, person, text="Hello", *files, token=TOKEN):
    permit = Connector.terms.permit(Visibility.PRIVATE, automatic=False, last_inbound=None, now=played.clock.now())
    outgoing = Outgoing(
        key="k", account=BOT, thread=person.id, visibility=Visibility.PRIVATE, text=text, automatic=False,
        recipient=person.id, attachments=files,
    )  # fmt: skip
    return Connector().send(outgoing, permit, reach(played, token)).ids


@pytest.fixture
def ilse(played):
    person = played.person(BOT, "Ilse Peeters")
    played.writes(BOT, person, "Hello 👋")
    return person


def test_who_writes_is_read_and_answered_and_the_token_comes_back_exactly(played):
    person = played.person(BOT, "Ilse Peeters")
    token, told = played.writes(BOT, person, "Hello 👋")
    event = read(played, told)
    assert (event.object_id, event.thread, event.text) == (str(token), person.id, "Hello 👋")
    (sent,) = answer(played, person, "Hello, Ilse")
    assert sent == str(played.messages[-1].token)
    assert int(sent) > 2**53  # a float would have lost its end
    assert {(each["event"], str(each["message_token"])) for _, each in played.told} == {
        ("delivered", sent),
        ("seen", sent),
    }


def test_only_who_wrote_or_subscribed_may_be_written_to(played):
    stranger = played.person(BOT, "Ines")
    with pytest.raises(PermanentError, match="write again first"):
        answer(played, stranger)
    played.writes(BOT, stranger, "Hello")
    answer(played, stranger)
    read(played, played.leaves(stranger))
    with pytest.raises(PermanentError, match="status 6"):
        answer(played, stranger)


def test_another_bots_token_does_not_know_the_person(played, ilse):
    with pytest.raises(PermanentError, match="status 5"):
        answer(played, ilse, token="another")
    with pytest.raises(ConfigurationError, match="auth_token"):
        answer(played, ilse, token="of nobody")


def test_the_hundred_and_first_message_waits_until_the_person_answers(played, ilse):
    for _ in range(100):
        answer(played, ilse)
    with pytest.raises(TemporaryError):
        answer(played, ilse)
    played.writes(BOT, ilse, "I am here")
    answer(played, ilse)


def test_the_hour_ends_too(played, ilse):
    for _ in range(100):
        answer(played, ilse)
    played.clock.advance(timedelta(hours=1).total_seconds() + 1)
    answer(played, ilse)


def test_the_longest_text_and_its_pieces_are_taken(played, ilse):
    assert len(answer(played, ilse, "ქ" * 7000)) == 1
    assert len(answer(played, ilse, "👋 " * 9000)) == 4


def test_a_picture_and_a_file_are_taken(played, ilse):
    picture = Attachment(AttachmentKind.IMAGE, "https://www.northwind.example/zip.png", type="image/png", size=9)
    invoice = Attachment(AttachmentKind.FILE, "https://www.northwind.example/invoice.pdf", size=9)
    assert len(answer(played, ilse, "Here", picture, invoice)) == 3


def test_a_device_that_shows_nothing_is_told_of_after_the_send(played, ilse):
    ilse.old = True
    (sent,) = answer(played, ilse)
    ((bot, told),) = played.told
    event = read(played, told)
    assert (bot, event.kind, event.object_id) == (BOT, Kind.UNDELIVERED, sent)
    assert event.text == "the device cannot show this message"


def test_a_picture_is_downloaded_from_viber(played, ilse):
    _, told = played.writes(BOT, ilse, "Broken", picture=True)
    (attachment,) = read(played, told).attachments
    file = reach(played).fetch(Call("GET", attachment.url))
    assert (file.type, attachment.kind) == ("image/jpeg", AttachmentKind.IMAGE)


def test_details_are_given_twice_in_twelve_hours_and_then_do_without(played, ilse):
    names = [Connector().profile(Author(ilse.id), reach(played)).name for _ in range(3)]
    assert names == ["Ilse Peeters", "Ilse Peeters", ""]
