"""What the base of all connectors sees to."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from deskwire.contracts.channel import Channel, Page, Reach, Replies, filled, place
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import PayloadError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call

PAGE, CHECKED = "https://developers.example/", date(2026, 11, 21)
DECLARED = {
    "__module__": "deskwire.channels.fragile", "name": "fragile", "title": "Fragile",
    "verification": HmacHeader(header="x-signature", secret="secret"),
    "terms": Terms(
        body_limit=Figure(1000, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=5), PAGE, CHECKED),
        redelivery=Figure(timedelta(hours=1), PAGE, CHECKED),
    ),
    "parse": lambda self, request: [read(request.body)["id"].identifier()],
}  # fmt: skip


def reach(answer):
    return Reach(
        account="1", settings={}, secrets=Secrets({}), http=lambda _: Answer(200, {}, answer),
        now=datetime(2026, 11, 21, tzinfo=UTC), mail=None, remember=None,
    )  # fmt: skip


def send(self, outgoing, permit, reach):
    """Send it."""
    return reach.http(Call("POST", "https://api.example/")).node()["id"].identifier()


def poll(self, cursor, reach):
    """Look."""
    return Page((), reach.http(Call("GET", "https://api.example/")).node()["next"].text())


FRAGILE = type("Fragile", (Channel,), {**DECLARED, "send": send, "poll": poll})()


@pytest.mark.parametrize(
    "call", [partial(FRAGILE.send, None, None), partial(FRAGILE.poll, "")], ids=["send", "poll"]
)  # fmt: skip
@pytest.mark.parametrize("answer", [b"{}", b'{"id": [], "next": 7}', b"[]"])
def test_an_answer_that_cannot_be_read_is_in_doubt_and_never_parked(call, answer):
    with pytest.raises(TemporaryError) as caught:
        call(reach(answer))
    assert caught.value.ambiguous
    assert "body." in str(caught.value)


def test_an_answer_that_can_be_read_is_returned_as_it_is():
    assert FRAGILE.send(None, None, reach(b'{"id": "7"}')) == "7"
    assert FRAGILE.poll("", reach(b'{"next": "8"}')) == Page((), "8")
    assert isinstance(FRAGILE, Replies)
    assert FRAGILE.send.__doc__ == "Send it."


def test_other_errors_stay_what_they_are():
    def refused(self, outgoing, permit, reach):
        raise PermanentError("no")

    subject = type("Fragile", (Channel,), {**DECLARED, "send": refused})()
    with pytest.raises(PermanentError):
        subject.send(None, None, reach(b""))


def test_what_was_delivered_is_parked_as_before():
    class Request:
        body = b"{}"

    with pytest.raises(PayloadError):
        FRAGILE.parse(Request())


@pytest.mark.parametrize(
    ("name", "latitude", "longitude", "words"),
    [
        ("The harbour", 64.15, -21.94, "The harbour (64.15, -21.94)"),
        ("", 64, -21.943200, "64, -21.9432"),
        ("The harbour", "64", None, "The harbour"),
        ("The harbour", 64.15, 10**400, "The harbour"),
        ("The harbour", 64.15, 181, "The harbour"),
        ("The harbour", True, False, "The harbour"),
    ],
)
def test_a_place_is_its_name_and_its_coordinates_where_these_are_some(name, latitude, longitude, words):
    assert place(name, Node(latitude), Node(longitude)) == words


def test_facts_without_a_value_are_left_out():
    assert filled({"Order": "7", "Link": ""}) == {"Order": "7"}
