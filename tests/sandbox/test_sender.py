"""The platforms' side of the wire: what the sandbox's sender does, seen by a company that misbehaves."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from deskwire.verification.hmac import HmacHeader
from sandbox.neighbours.neighbour import Clock, Fault, Neighbour, Reply, broken, cut_after, route
from sandbox.neighbours.sender import ONCE, Forgery, Route, Sender, State

RULE = HmacHeader(header="X-Hub-Signature-256", secret="app_secret", prefix="sha256=")
KEY = "invented-app-secret"


class Company(Neighbour):
    """Takes what is rightly signed."""

    def authorize(self, asked):
        wanted = "sha256=" + hmac.new(KEY.encode(), asked.body, hashlib.sha256).hexdigest()
        return None if asked.header("x-hub-signature-256") == wanted else Reply.json(401, {})

    @route("POST", "/stage/channels/{endpoint}")
    def take(self, asked, endpoint):
        return Reply(200)


@pytest.fixture
def clock():
    return Clock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC), speed=2000)


@pytest.fixture
def company(clock):
    with Company(clock) as playing:
        yield playing


@pytest.fixture
def sender(company, clock):
    with Sender(company.address + "/stage", clock=clock, workers=2, gather=0.1) as playing:
        yield playing


def page(**more):
    from deskwire.model.secret import Secrets

    options = {"bundle": lambda parts: json.dumps({"entry": list(parts)}).encode(), "most": 10, **more}
    return Route(endpoint="acme", verification=RULE, secrets=Secrets({"app_secret": KEY}), **options)


def bodies(company):
    return [json.loads(entry.asked.body)["entry"] for entry in company.books.entries("POST")]


def test_a_delivery_is_signed_and_taken(company, sender):
    number = sender.deliver(page(), {"id": "1"})
    assert sender.settle(5)
    delivery = sender.delivery(number)
    assert delivery.state is State.TAKEN
    assert [attempt.status for attempt in delivery.attempts] == [200]
    assert bodies(company) == [[{"id": "1"}]]


def test_what_happens_within_a_moment_shares_a_request(company, sender):
    route_ = page(most=3)
    numbers = [sender.deliver(route_, index) for index in range(4)]
    assert sender.settle(5)
    assert sorted(bodies(company), key=len) == [[3], [0, 1, 2]]
    assert {sender.delivery(number).number for number in numbers[:3]} == {numbers[0]}
    assert sender.delivery(numbers[3]).fragments == 1


def test_two_routes_share_nothing(company, sender):
    sender.deliver(page(), "one")
    sender.deliver(page(), "other")
    assert sender.settle(5)
    assert sorted(bodies(company)) == [["one"], ["other"]]


def test_a_refused_delivery_is_sent_again_after_the_platforms_schedule(company, sender, clock):
    company.faults.add(broken(503), times=2)
    number = sender.deliver(page(schedule=(0, 600)), "x")
    assert sender.settle(5)
    delivery = sender.delivery(number)
    assert [attempt.status for attempt in delivery.attempts] == [503, 503, 200]
    at = [attempt.at for attempt in delivery.attempts]
    assert (at[2] - at[1]).total_seconds() >= 600
    assert delivery.state is State.TAKEN


def test_a_lost_answer_counts_as_none_and_the_company_sees_it_twice(company, sender):
    company.faults.add(cut_after(), times=1)
    number = sender.deliver(page(schedule=(0,)), "x")
    assert sender.settle(5)
    assert [attempt.status for attempt in sender.delivery(number).attempts] == [0, 200]
    assert bodies(company) == [["x"], ["x"]]


def test_after_its_schedule_the_platform_gives_up(company, sender):
    company.faults.add(broken(500))
    number = sender.deliver(page(schedule=(0, 0)), "x")
    assert sender.settle(5)
    assert sender.delivery(number).state is State.GIVEN_UP
    assert len(sender.delivery(number).attempts) == 3


def test_without_a_schedule_it_is_tried_once(company, sender):
    company.faults.add(Fault(instead=Reply(429)))
    number = sender.deliver(page(schedule=ONCE), "x")
    assert sender.settle(5)
    assert len(sender.delivery(number).attempts) == 1


@pytest.mark.parametrize("forgery", Forgery)
def test_a_forged_delivery_does_not_verify_and_is_not_repeated(company, sender, forgery):
    number = sender.forge(page(), ["x" * 40], forgery)
    assert sender.settle(5)
    delivery = sender.delivery(number)
    assert delivery.state is State.REFUSED
    assert [attempt.status for attempt in delivery.attempts] == [401]


def test_a_repetition_has_the_same_body_and_comes_later(company, sender):
    first = sender.deliver(page(), "x")
    again = sender.repeat(first, after=300)
    assert sender.settle(5)
    assert sender.delivery(again).again == first
    at = [sender.delivery(number).attempts[0].at for number in (first, again)]
    assert (at[1] - at[0]).total_seconds() >= 290
    one, two = company.books.entries("POST")
    assert one.asked.body == two.asked.body


def test_a_body_goes_out_as_it_is(company, sender):
    number = sender.raw(page(), b'{"object": ')
    assert sender.settle(5)
    assert sender.delivery(number).state is State.TAKEN
    assert company.books.entries("POST")[0].asked.body == b'{"object": '


def test_the_books_count_every_state(company, sender):
    sender.together(page(), ["a", "b"])
    sender.forge(page(), ["c"], Forgery.WRONG_SECRET)
    assert sender.settle(5)
    assert sender.counts() == {State.WAITING: 0, State.TAKEN: 1, State.REFUSED: 1, State.GIVEN_UP: 0}
