"""What the page of the sandbox is made of, without a browser and without AWS."""

import contextlib
import http.client
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from deskwire import registry
from sandbox.neighbours import neighbour, platform
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.page import live
from sandbox.page.dictated import Dictated
from sandbox.page.front import Front
from sandbox.page.server import Page
from sandbox.page.stream import Change, _change
from sandbox.page.switches import Switches

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Desk(Neighbour):
    """A helpdesk's page, its interface, and where a form on it posts to."""

    name = "desk"

    def __init__(self, other=""):
        super().__init__(Clock(NOON, held=True))
        self.other, self.posted = other, []

    def authorize(self, asked):
        return None if asked.header("authorization") == "Bearer token" else Reply.json(401, {"error": "who?"})

    @route("GET", "/tickets", public=True)
    def tickets(self, asked):
        page = (
            f'<a href="/tickets/7">7</a><script src="{self.other}/form.js"></script><a href="//elsewhere.example">x</a>'
        )
        policy = f"default-src 'none'; connect-src {self.other}"
        return Reply(200, page.encode(), {"content-type": "text/html", "content-security-policy": policy})

    @route("POST", "/tickets", public=True)
    def post(self, asked):
        self.posted.append((asked.header("origin"), asked.header("referer"), asked.body))
        return Reply(303, b"", {"location": "/tickets/7"})

    @route("POST", "/api")
    def call(self, asked):
        return Reply.json(200, {"at": self.clock.now().isoformat()})


@pytest.fixture
def desk():
    with Desk("http://127.0.0.1:9") as desk:
        yield desk


def asked(path, method="GET", body=b"", **headers):
    given = {"host": "127.0.0.1:8765", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Asked(method=method, path=path, query={}, headers=given, body=body, at=NOON)


def test_a_neighbours_page_is_shown_below_the_one_address(desk):
    front = Front("archive", {"site": desk.other})
    assert front.shown(f"{desk.address}/tickets", "desk") == "/at/desk/tickets"
    assert front.shown(f"{desk.address}/other", "again") == "/at/desk/other"
    reply = front.pass_on(asked("/at/desk/tickets"), "")
    page = reply.body.decode()
    assert '<a href="/at/desk/tickets/7">' in page
    assert '<script src="http://127.0.0.1:8765/at/site/form.js">' in page
    assert '<a href="//elsewhere.example">' in page
    assert reply.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"


def test_what_a_page_posts_comes_from_where_that_page_is_at_home(desk):
    front = Front("archive", {"site": desk.other})
    front.shown(desk.address, "desk")
    own = {"origin": "http://127.0.0.1:8765", "referer": "http://127.0.0.1:8765/at/site/contact"}
    reply = front.pass_on(asked("/at/desk/tickets", "POST", b"text=x", **own), "")
    assert reply.headers["location"] == "/at/desk/tickets/7"
    del own["origin"]  # a browser leaves it out within one site, and names it to another
    front.pass_on(asked("/at/desk/tickets", "POST", b"text=x", **own), "")
    assert desk.posted == [(desk.other, f"{desk.other}/contact", b"text=x")] * 2


@pytest.mark.parametrize("path", ["/at/nobody/x", "/at/aws/other-bucket", "/at/aws/_aws/sqs"])
def test_nothing_else_is_shown(desk, path):
    front = Front("archive", {"aws": desk.address})
    assert front.pass_on(asked(path), "").status == 404
    assert desk.books.count() == 0


def test_a_neighbour_that_does_not_answer_is_said_not_to():
    front = Front("archive", {"desk": "http://127.0.0.1:9"})
    reply = front.pass_on(asked("/at/desk/"), "")
    assert reply.status == 502
    assert "does not answer" in json.loads(reply.body)["error"]


# ------------------------------------------------------------------------------------------ who may ask


@dataclass
class Stack:
    """The embedded AWS, as far as the page asks for it before anything happens."""

    killed_so_far: list = field(default_factory=list)
    endpoint: str = "http://127.0.0.1:9"
    alive: bool = True
    deployed: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            api="http://127.0.0.1:9/api", archive="a", table="t", converse="converse"
        )
    )

    def client(self, _):
        return None

    def kill(self, function=""):
        self.killed_so_far.append(function)

    def killed(self):
        return SimpleNamespace(total=lambda: len(self.killed_so_far))


def company(desk, *platforms):
    played = {each.channels[0]: each for each in platforms}
    books = SimpleNamespace(player=desk, page=f"{desk.address}/tickets")
    return SimpleNamespace(
        stack=Stack(), desk=books, helpdesk="generic", platforms=played, clock=desk.clock, routes={}, speed=1.0,
        configuration=lambda: {"connections": {}}, rules=None,
    )  # fmt: skip


@pytest.fixture
def page(desk, monkeypatch):
    monkeypatch.setattr(live, "Stream", lambda _: SimpleNamespace(read=list))
    with Page(company(desk), port=0) as page:
        yield page


def answered(page, method, path, body=None, **headers):
    line = http.client.HTTPConnection(page.address.removeprefix("http://"), timeout=10)
    line.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
    with contextlib.closing(line):
        answer = line.getresponse()
        return answer.status, answer.read().decode()


def test_another_sites_page_may_not_ask(page):
    assert answered(page, "POST", "/switch", b"{}", origin="https://elsewhere.example")[0] == 403
    assert answered(page, "GET", "/", host="elsewhere.example:8765")[0] == 403
    assert answered(page, "POST", "/switch", b"{}", origin=page.address)[0] == 400
    assert answered(page, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    ("path", "given", "words"),
    [
        ("/say", {"text": "  "}, "Write something first"),
        ("/say", {"text": "x" * 5001}, "longer than 5000"),
        ("/say", {"text": "x", "way": "99"}, "Choose where to write"),
        ("/say", {"text": "x", "key": "of/another/one"}, "from elsewhere"),
        ("/answer", {"text": "x", "key": "of/another/one"}, "no ticket yet"),
        ("/switch", {"id": "flood", "on": "yes"}, "no misfortune “flood”"),
        ("/switch", [], "not understood"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(page, path, given, words):
    status, told = answered(page, "POST", path, json.dumps(given).encode())
    assert status == 400
    assert words in json.loads(told)["error"]


def test_the_page_allows_its_own_script_and_nothing_from_elsewhere(page):
    line = http.client.HTTPConnection(page.address.removeprefix("http://"), timeout=10)
    with contextlib.closing(line):
        line.request("GET", "/")
        policy = line.getresponse().headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "://" not in policy


# ------------------------------------------------------------------------------------------ what goes wrong


def called(desk, token="token"):
    return answered(desk, "POST", "/api", b"{}", authorization=f"Bearer {token}")


def test_a_misfortune_lasts_until_it_is_switched_off_and_no_longer(desk):
    switches = Switches(company(desk))
    switches.turn("desk-down", on=True)
    switches.turn("desk-down", on=True)  # twice is once
    assert called(desk)[0] == 503
    switches.turn("desk-down", on=False)
    assert called(desk)[0] == 200
    assert not switches.on("desk-down")


def test_a_dead_token_is_refused_as_the_helpdesk_refuses_a_stranger(desk):
    stranger = called(desk, "guessed")
    switches = Switches(company(desk))
    switches.turn("desk-token", on=True)
    assert called(desk) == stranger == (401, '{"error": "who?"}')


def test_a_window_is_over_for_one_request_and_the_clock_runs_on_as_before(desk):
    desk.faults.add(neighbour.later(86_400), times=1)
    assert called(desk) == (200, '{"at": "2026-11-03T12:00:00+00:00"}')
    assert called(desk) == (200, '{"at": "2026-11-02T12:00:00+00:00"}')


def test_the_worker_that_takes_the_next_conversation_is_killed_once(desk):
    told = company(desk)
    switches = Switches(told)
    switches.taken()
    assert told.stack.killed_so_far == []
    switches.turn("worker", on=True)
    assert not switches.died()
    switches.taken()
    assert told.stack.killed_so_far == ["converse"]
    assert switches.died()
    assert not switches.on("worker")
    switches.taken()
    assert len(told.stack.killed_so_far) == 1


def test_a_real_helpdesk_does_not_misbehave_on_demand(desk):
    told = company(desk)
    told.desk.player = None
    switches = Switches(told)
    with pytest.raises(LookupError):
        switches.turn("desk-down", on=True)


@pytest.mark.parametrize("name", platform.kinds())
def test_every_platform_has_the_misfortunes(desk, name):
    """A window is over where there is one; tokens die and answers are slow everywhere."""
    played = platform.kinds()[name](Clock())
    switches = Switches(company(desk, played))
    windows = {window.name for each in played.channels for rules in registry.channel(each).terms.places.values()
               for window in rules.windows if window.span.value}  # fmt: skip
    for misfortune, expected in (("window", bool(windows and played.sends)), ("token", True), ("slow", True)):
        switches.turn(misfortune, on=True)
        method, path = played.sends[0] if played.sends else ("POST", "/x")
        drawn = played.player.faults.draw(method, path.replace("{", "").replace("}", ""))
        assert (drawn is not None) is expected
        switches.turn(misfortune, on=False)
        assert played.player.faults.draw(method, "/x") is None


# ------------------------------------------------------------------------------------------ what is heard


def test_the_stream_tells_who_holds_a_thread():
    def record(pk, sk, old, new):
        image = {"lease_owner": {"S": new}} if new else {}
        before = {"lease_owner": {"S": old}} if old else {}
        keys = {"pk": {"S": pk}, "sk": {"S": sk}}
        return {"Keys": keys, "NewImage": image, "OldImage": before, "ApproximateCreationDateTime": NOON}

    assert _change(record("T#a/b/c", "THREAD", "one", "two")) == Change("a/b/c", NOON, "two", "one")
    assert _change(record("T#a/b/c", "M#x", "", "")) == Change("a/b/c", NOON)
    assert _change(record("F#a/b", "H#2026", "", "")) is None


def test_a_mistake_of_the_pages_own_is_said_and_it_goes_on(desk, monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(live, "Stream", lambda _: SimpleNamespace(read=broken))
    monkeypatch.setattr(live, "LOOK", 0.01)
    with Page(company(desk), port=0) as page:
        told = (json.loads(each.removeprefix(b"data: ")) for each in page.live.events())
        assert "ZeroDivisionError" in next(each["trouble"] for each in told if each["trouble"])
        assert answered(page, "GET", "/")[0] == 200


def test_what_a_morning_came_to_is_linked_and_shown_after_one_alone(desk, page):
    assert "/report" not in answered(page, "GET", "/state")[1]
    with Page(company(desk), report="kept   Nothing is lost", port=0) as after:
        assert "/report" in answered(after, "GET", "/state")[1]
        assert answered(after, "GET", "/report") == (200, "kept   Nothing is lost")


def test_words_and_name_are_those_that_were_dictated(desk):
    script = Dictated(company(desk))
    begun = []

    def begin(account):
        begun.append((account, next(script.called()), script.marked()[0]))
        return SimpleNamespace(key="k"), lambda: begun.append(script.marked()[0])

    way = SimpleNamespace(begin=begin)
    script.begin(way, "page", "Marta", "Hello")
    script.go_on("k", "And?")
    assert begun == [("page", "Marta", "Hello"), "And?"]
    assert script.may_go_on("k")
    with pytest.raises(KeyError):
        script.go_on("other", "x")
