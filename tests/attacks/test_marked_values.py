"""Values that must show nowhere, pushed through every road a message can take, and searched for everywhere."""

from __future__ import annotations

import json
import logging

import pytest

from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import broken, cut_after, throttled
from tests.conformance.world import shows
from tests.stories.conftest import PAGE, SECRETS

from . import other_roads

WORDS = "MARKED-WORDS-of-a-customer"
NAME = "MARKED-NAME Lindqvist"
PERSON = "24900000000000717"
AUTHOR = "7300000000000717"
REPLY = "MARKED-REPLY-of-an-agent"
EMAIL = "aylin.717@customer.example"
MARKS = ("MARKED", PERSON, AUTHOR, EMAIL)
HIDDEN = (
    *(
        text for entry in SECRETS.values() for value in entry.values()
        for text in ([value] if isinstance(value, str) else value)
    ),
    *other_roads.HIDDEN,
)  # fmt: skip


class Watched:
    """A company with everything it says and keeps, and the searches."""

    def __init__(self, company, caplog):
        self.company, self.caplog, self.failures = company, caplog, []
        self.queued = []
        send = company.mailbox.send

        def sending(letters):
            self.queued += letters
            send(letters)

        company.mailbox.send = sending

    def work(self):
        """Empty the mailbox as `runtime.converse` does, keeping what an error would have said."""
        from deskwire.runtime import _reason

        done = []
        while (letter := self.company.mailbox.take()) is not None:
            try:
                done.append(self.company.conversation.handle(letter.body))
            except Exception as error:
                self.failures.append(_reason(error))
                self.company.telemetry.log(
                    "ERROR", "to be redelivered", error=type(error).__name__, reason=_reason(error)
                )
        return done

    def message(self, **more):
        return self.company.message(WORDS, customer=PERSON, **more)

    def comment(self):
        entry = self.company.comment(WORDS, author=AUTHOR)
        entry["changes"][0]["value"]["from"]["name"] = NAME
        return entry

    def assert_hidden(self):
        company = self.company
        company.telemetry.flush()
        said = "\n".join([*company.lines, *self.failures, self.caplog.text])
        for mark in (*MARKS, *HIDDEN):
            assert not shows(said, mark), f"a log line, a metric or an error says {mark}"
        for letter in self.queued:  # what SQS shows of a message besides its body
            assert not any(mark in letter.group + letter.dedupe for mark in (*MARKS, *HIDDEN))
        for body in [letter.body for letter in self.queued] + company.parked.bodies:
            assert not any(secret in body for secret in HIDDEN)
        for (pk, sk), found in company.table.items.items():
            self.assert_item(pk, sk, found)

    def assert_item(self, pk, sk, found):
        text = json.dumps(found, default=str)
        assert not any(secret in text for secret in HIDDEN), f"{sk} holds a secret"
        # Words stand in an event, and in a note for an agent: compressed the one, in its own attribute the other.
        rest = {name: value for name, value in found.items() if name not in {"event", "raw", "note", "pk", "sk"}}
        # A thread knows whom it is with (`T#…/THREAD`, erased with the person); nothing else knows a name or words.
        if sk != "THREAD" or not pk.startswith("T#"):
            assert "MARKED" not in json.dumps(rest, default=str), f"{pk} {sk} holds words in {rest}"
        if sk.startswith(("S#", "O#")):
            assert not any(person in json.dumps(rest, default=str) for person in (PERSON, AUTHOR))
        assert "MARKED" not in pk + sk


@pytest.fixture
def watched(company, caplog):
    caplog.set_level(logging.DEBUG)
    return Watched(company, caplog)


def deliver(watched, *entries, **more):
    return watched.company.deliver(*entries, **more)


def success(watched):
    assert deliver(watched, watched.message()) == 200
    assert deliver(watched, watched.comment()) == 200
    assert watched.work() == ["filed", "filed"]


def redelivered(watched):
    entry = watched.message(mid="m_same")
    deliver(watched, entry)
    watched.work()
    watched.company.tick(400)
    deliver(watched, entry)
    assert watched.work() == ["duplicate"]


def forged(watched):
    assert deliver(watched, watched.message(), secret="MARKED-SECRET") == 401


def unreadable_as_a_whole(watched):
    body = f'{{"object": "page", "entry": "{WORDS}"'.encode()
    parked(watched, body)


def unreadable_in_part(watched):
    entry = watched.message()
    entry["messaging"][0]["message"]["mid"] = {WORDS: WORDS}
    parked(watched, json.dumps({"object": "page", "entry": [entry]}).encode())


def named_by_words(watched):
    """The customer's own words as names of fields, where an error would name them."""
    parked(watched, json.dumps({"object": "page", "entry": [{"id": PAGE, "messaging": {WORDS: 1}}]}).encode())


def parked(watched, body):
    from deskwire.model.secret import Secrets
    from deskwire.registry import channel

    request = Request(method="POST", endpoint="meta", body=body, received_at=watched.company.now())
    signed = channel("messenger").verification.sign(
        request, Secrets({"app_secret": "invented-app-secret"}), watched.company.now()
    )
    assert watched.company.receiver.handle(gateway_event(signed))["statusCode"] == 200
    assert len(watched.company.parked.bodies) == 1


def of_no_connection(watched):
    deliver(watched, watched.message(page="999"))
    assert watched.work() == ["refused"]


def helpdesk_down(watched):
    watched.company.zendesk.stop()
    deliver(watched, watched.message())
    assert watched.work() == ["recorded"]
    watched.company.zendesk.start()
    watched.company.connect()
    watched.company.tick(400)
    watched.company.sweep()
    assert watched.work()


def helpdesk_broken(watched):
    for fault in (broken(), throttled(7), cut_after()):
        watched.company.zendesk.faults.add(fault, times=1)
        deliver(watched, watched.message())
        watched.work()
        watched.company.tick(400)
        watched.company.sweep()
        watched.work()


def helpdesk_gossips(watched):
    """A vendor that repeats everything it was sent in its errors."""
    told = f"{WORDS} {NAME} {PERSON} invented-zendesk-token"
    error = {"code": PERSON, "type": told, "message": told}
    gossip = json.dumps({"error": error, "description": told, "details": {"base": [{"description": told}]}}).encode()
    original = watched.company.http

    statuses = [400, 401, 403, 404, 409, 422, 429, 500, 200]

    def telling(call):
        return Answer(statuses[0], {}, gossip) if "zendesk" in call.url else original(call)

    object.__setattr__(watched.company.directory, "http", telling)
    while statuses:
        deliver(watched, watched.message())
        watched.work()
        watched.company.tick(400)
        watched.company.sweep()
        watched.work()
        statuses.pop(0)


def platform_gossips(watched):
    told = f"{WORDS} {NAME} {PERSON} invented-page-token"
    error = {"message": told, "type": told, "code": 100, "error_user_msg": told, "fbtrace_id": WORDS}
    gossip = json.dumps({"error": error}).encode()
    for status in (400, 401, 403, 404, 429, 500, 200):
        watched.company.graph.next = [Answer(status, {}, gossip)] * 3
        deliver(watched, watched.message())
        watched.work()
        watched.company.tick(90_000)
        watched.company.sweep()
        watched.work()


def platform_down(watched):
    for error in (TemporaryError("no answer"), TemporaryError("lost", ambiguous=True), PermanentError("no")):
        watched.company.graph.next = [error] * 2
        deliver(watched, watched.message())
        watched.work()
        watched.company.tick(90_000)
        watched.company.sweep()
        watched.work()


def answered(watched):
    deliver(watched, watched.message())
    watched.work()
    (ticket,) = watched.company.zendesk.tickets
    watched.company.zendesk.agent_replies(ticket.id, REPLY)
    assert watched.company.signalled(ticket.id) == 200
    watched.work()
    watched.work()
    assert any(REPLY in json.dumps(sent) for sent in watched.company.graph.sent)


def answered_in_vain(watched):
    deliver(watched, watched.message())
    watched.work()
    (ticket,) = watched.company.zendesk.tickets
    watched.company.zendesk.agent_replies(ticket.id, REPLY)
    watched.company.graph.next = [PermanentError("the person takes no messages")] * 4
    watched.company.signalled(ticket.id)
    for _ in range(4):
        watched.work()
    assert any("NOT delivered" in words for words in watched.company.comments())


def edited_and_deleted(watched):
    deliver(watched, watched.message(mid="m_1"))
    watched.work()
    entry = watched.message(mid="m_1")
    message = entry["messaging"][0].pop("message")
    entry["messaging"][0]["message_edit"] = {"mid": "m_1", "text": message["text"] + " edited", "num_edit": 1}
    deliver(watched, entry)
    entry = watched.message(mid="m_1", is_deleted=True)
    deliver(watched, entry)
    watched.work()


def opted_out(watched):
    deliver(watched, watched.company.message("STOP", customer=PERSON))
    deliver(watched, watched.message())
    watched.work()


def attached(watched):
    picture = {"type": "image", "title": WORDS, "payload": {"url": f"https://scontent.fbcdn.net/{WORDS}?oh={WORDS}"}}
    deliver(watched, watched.message(attachments=[picture]))
    assert watched.work() == ["filed"]


def large(watched):
    deliver(watched, watched.company.message(WORDS * 8_000, customer=PERSON))
    assert watched.work() == ["filed"]
    assert watched.company.archive.objects


def poisoned(watched):
    """A letter that nobody can read comes again until it is a dead letter: its words stay in its body."""
    from deskwire.ports import Letter

    for body in (f"{WORDS}", f'{{"event": "{WORDS}"}}', json.dumps({"event": {"text": WORDS}, "endpoint": "meta"})):
        watched.company.mailbox.send([Letter("g" * 64, f"d{len(body):063}", body)])
    assert watched.work() == []
    assert len(watched.failures) == 3


def misconfigured(watched):
    object.__setattr__(watched.company.directory, "secrets", lambda name: _missing())
    deliver(watched, watched.message())
    watched.work()


def _missing():
    from deskwire.model.secret import Secrets

    return Secrets({}, entry="page")


def others(watched):
    return other_roads.Roads(watched.company, words=WORDS, name=NAME, author=AUTHOR, email=EMAIL)


def other_channels(watched):
    roads = others(watched)
    assert [roads.delivers(kind) for kind in other_roads.KIND_NAMES] == [200, 200, 202]
    assert watched.work() == ["filed"] * 3
    assert sum(WORDS in words for words in watched.company.comments()) == 3
    assert watched.company.mails
    assert {url.split("/")[2] for _, url, _ in roads.sent} >= {"oauth2.googleapis.com", "mybusiness.googleapis.com"}


def other_channels_forged(watched):
    roads = others(watched)
    from .edge import secrets_of

    assert roads.delivers("x", secrets=secrets_of("x", other=True)) == 401
    roads.captcha = False
    body = json.loads(roads.body("form")) | {"cf-turnstile-response": WORDS}
    assert roads.delivers("form", json.dumps(body).encode()) == 401


def other_channels_unreadable(watched):
    roads = others(watched)
    for kind in ("x", "google"):
        assert roads.delivers(kind, f'{{"{WORDS}": "{PERSON}"'.encode()) == 200
        assert roads.delivers(kind, json.dumps({"data": {WORDS: NAME}, "message": {"data": WORDS}}).encode()) == 200
    assert len(watched.company.parked.bodies) == 4
    told = json.loads(roads.body("form")) | {WORDS: NAME, "message": [WORDS], "email": [EMAIL]}
    assert roads.delivers("form", json.dumps(told).encode()) == 400


def other_channels_while_the_helpdesk_is_down(watched):
    roads = others(watched)
    watched.company.zendesk.stop()
    for kind in other_roads.KIND_NAMES:
        roads.delivers(kind)
    assert watched.work() == ["recorded"] * 3
    watched.company.zendesk.start()
    watched.company.connect()
    watched.company.tick(400)
    watched.company.sweep()
    watched.work()
    assert sum(WORDS in words for words in watched.company.comments()) == 3


def other_channels_until_they_are_given_up(watched):
    roads = others(watched)
    watched.company.zendesk.stop()
    for kind in other_roads.KIND_NAMES:
        roads.delivers(kind)
    watched.work()
    watched.company.tick(15 * 86_400)
    watched.company.sweep()
    watched.work()
    watched.company.zendesk.start()
    watched.company.connect()
    assert list(watched.company.outcomes().values()).count("dead") == 3


def other_platforms_gossip(watched):
    roads = others(watched)
    told = f"{WORDS} {NAME} {AUTHOR} {other_roads.GOOGLE_TOKEN} invented-x-token"
    error = {
        "error": {"code": AUTHOR, "status": told, "message": told},
        "title": told,
        "detail": told,
        "errors": [told],
    }
    for status in (400, 401, 403, 404, 429, 500, 200):
        roads.gossip = Answer(status, {}, json.dumps(error).encode())
        for kind in other_roads.KIND_NAMES:
            roads.delivers(kind)
        watched.work()
        watched.company.tick(90_000)
        watched.company.sweep()
        watched.work()


ROADS = [
    success, redelivered, forged, unreadable_as_a_whole, unreadable_in_part, named_by_words, of_no_connection,
    helpdesk_down, helpdesk_broken, helpdesk_gossips, platform_gossips, platform_down, answered, answered_in_vain,
    edited_and_deleted, opted_out, attached, large, poisoned, misconfigured, other_channels, other_channels_forged,
    other_channels_unreadable, other_channels_while_the_helpdesk_is_down, other_channels_until_they_are_given_up,
    other_platforms_gossip,
]  # fmt: skip


@pytest.mark.parametrize("road", ROADS, ids=lambda road: road.__name__)
def test_no_secret_and_nobody_s_words_name_or_id_shows_on_the_road_of(watched, road):
    road(watched)
    assert watched.company.lines
    watched.assert_hidden()


def test_the_search_would_find_what_is_told(watched):
    success(watched)
    watched.company.telemetry.log("ERROR", "told", reason=f"about {PERSON}")
    with pytest.raises(AssertionError, match="a log line"):
        watched.assert_hidden()
