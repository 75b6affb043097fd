"""The played X, seen through the connector: pictures are uploaded, shown and found again."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from deskwire import registry
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit
from deskwire.model.errors import PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import File
from deskwire.web.rest import Answer
from sandbox.neighbours.neighbour import Asked, Clock
from sandbox.platforms.x.played import ACCOUNT, HANDLE, SECRETS, X

PNG = b"\x89PNG\r\n\x1a\n" + b"invented"


@pytest.fixture
def played():
    return X(Clock(held=True))


@pytest.fixture
def connector():
    return registry.channel("x")


@pytest.fixture
def reach(played):
    def ask(call):
        parts = urlsplit(call.address)
        headers = {"host": parts.netloc, **{name.lower(): value for name, value in call.headers.items()}}
        query = parse_qs(parts.query)
        asked = Asked(
            method=call.method, path=parts.path, query=query, headers=headers, body=call.body, at=played.clock.now()
        )
        reply = played.serve(asked)
        return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.body)

    return Reach(
        account=ACCOUNT, settings={}, secrets=Secrets(SECRETS), http=ask, now=played.clock.now(), mail=None,
        remember=lambda _name, make: make()[0], fetch=lambda call, _hosts: FILES[call.url],
    )  # fmt: skip


FILES = {
    "https://archive.example/lent/a.png": File("a.png", "image/png", PNG),
    "https://archive.example/lent/b.pdf": File("b.pdf", "application/pdf", b"%PDF-1.4"),
}


def answer(thread, visibility, *names, text="Here it is: https://northwind.example", reply_to=""):
    files = tuple(Attachment(AttachmentKind.IMAGE, f"https://archive.example/lent/{name}") for name in names)
    return Outgoing(
        key="k", account=ACCOUNT, thread=thread, visibility=visibility, text=text, automatic=False,
        reply_to=reply_to, attachments=files,
    )  # fmt: skip


def permit(connector, visibility):
    found = connector.terms.permit(visibility, automatic=False, last_inbound=None, now=Clock(held=True).now())
    assert isinstance(found, Permit)
    return found


def test_a_reply_shows_its_picture_and_is_found_again(played, connector, reach):
    played.writes(played.person("rosa_m", "Rosa Marin"), f"@{HANDLE} where is it?")
    (post,) = played.posts.values()
    outgoing = answer(post.conversation, Visibility.PUBLIC, "a.png", reply_to=post.id)
    (number,) = connector.send(outgoing, permit(connector, Visibility.PUBLIC), reach).ids
    assert [played.pictures[each] for each in played.shown[number]] == [("tweet_image", PNG)]
    since = played.clock.now() - timedelta(minutes=1)
    assert connector.sent(outgoing, since, reach).ids == (number,)
    assert connector.sent(replace(outgoing, text="Other words"), since, reach) is None


def test_direct_messages_hold_a_picture_each(played, connector, reach):
    person = played.person("rosa_m", "Rosa Marin")
    outgoing = answer(f"dm-{person.id}", Visibility.PRIVATE, "a.png", "a.png")
    ids = connector.send(outgoing, permit(connector, Visibility.PRIVATE), reach).ids
    assert [len(played.shown[each]) for each in ids] == [1, 1]
    assert [each.text for each in played.whispered] == [outgoing.text, ""]


def test_what_is_no_picture_is_refused_before_anything_is_said(played, connector, reach):
    person = played.person("rosa_m", "Rosa Marin")
    outgoing = answer(f"dm-{person.id}", Visibility.PRIVATE, "a.png", "b.pdf")
    with pytest.raises(PermanentError, match="JPEG, PNG, WebP"):
        connector.send(outgoing, permit(connector, Visibility.PRIVATE), reach)
    assert not played.whispered
