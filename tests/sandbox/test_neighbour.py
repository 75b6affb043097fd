"""The base of the played platforms does what the platforms' authors and the tests rely on."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from sandbox.neighbours.neighbour import (
    Asked,
    Clock,
    Neighbour,
    Reply,
    broken,
    cut_after,
    cut_before,
    error_inside,
    route,
    slow,
    throttled,
    wait_until,
)


class Shop(Neighbour):
    name = "shop"

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.notes: list[tuple[str, str]] = []

    def authorize(self, asked: Asked) -> Reply | None:
        return None if asked.header("authorization") == "Bearer right" else Reply.json(401, {"error": "who?"})

    @route("POST", "/orders/{order}/notes")
    def note(self, asked: Asked, order: str) -> Reply:
        before = len(self.notes)
        time.sleep(0.001)
        if len(self.notes) != before:
            return Reply.json(500, {"error": "another route ran in between"})
        self.notes.append((order, asked.json()["text"]))
        return Reply.json(201, {"id": len(self.notes)})

    @route("GET", "/", public=True)
    def door(self, asked: Asked) -> Reply:
        return Reply.html("<p>open</p>")

    @route("GET", "/crash")
    def crash(self, asked: Asked) -> Reply:
        raise ZeroDivisionError


@pytest.fixture
def shop():
    with Shop() as running:
        yield running


@pytest.fixture
def line(shop):
    connection = http.client.HTTPConnection(urlsplit(shop.address).netloc, timeout=5)
    yield connection
    connection.close()


def ask(line, method="POST", path="/orders/7/notes", body='{"text": "Þökk 🌷"}', token="right"):
    line.request(method, path, body.encode(), {"Authorization": f"Bearer {token}"})
    answer = line.getresponse()
    return answer.status, answer.read(), answer


def test_a_route_gets_its_parameters_and_one_connection_serves_many_requests(shop, line):
    assert ask(line)[0] == 201
    peer = line.sock.getsockname()
    assert ask(line, path="/orders/a%2Fb/notes")[0] == 201
    assert line.sock.getsockname() == peer
    assert shop.notes == [("7", "Þökk 🌷"), ("a/b", "Þökk 🌷")]
    assert shop.books.count("POST", "/orders/{order}/notes") == 2
    assert shop.books.entries("POST", "/orders/7/notes")[0].asked.json() == {"text": "Þökk 🌷"}


def test_nothing_is_answered_without_the_credential_not_even_that_a_path_is_unknown(shop, line):
    assert ask(line, token="wrong")[0] == 401
    assert ask(line, path="/nowhere", token="wrong")[0] == 401
    assert ask(line, path="/nowhere")[0] == 404
    assert ask(line, "GET", "/", body="", token="wrong")[0] == 200
    assert shop.notes == []


def test_a_cut_before_the_effect_leaves_nothing_and_a_cut_after_it_leaves_the_effect(shop, line):
    shop.faults.add(cut_before(), method="POST", times=1)
    shop.faults.add(cut_after(), method="POST", times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(line)
    assert shop.notes == []
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(line)
    assert len(shop.notes) == 1
    assert ask(line)[0] == 201
    assert [entry.status for entry in shop.books.entries()] == [0, 0, 201]


def test_each_fault_has_its_answer_and_no_effect(shop, line):
    for fault in (throttled(7), throttled(), broken(502), error_inside({"error": {"code": 190}})):
        shop.faults.add(fault, path="/orders/{order}/notes", times=1)
    first = ask(line)
    assert (first[0], first[2].headers["retry-after"]) == (429, "7")
    second = ask(line)
    assert (second[0], second[2].headers["retry-after"]) == (429, None)
    assert ask(line)[0] == 502
    assert ask(line)[:2] == (200, b'{"error": {"code": 190}}')
    assert shop.notes == []
    assert ask(line)[0] == 201


def test_a_fault_keeps_to_its_route_and_ends_with_clear(shop, line):
    shop.faults.add(broken(), path="/orders/8/notes")
    assert ask(line)[0] == 201
    assert [ask(line, path="/orders/8/notes")[0] for _ in range(3)] == [503] * 3
    shop.faults.clear()
    assert ask(line, path="/orders/8/notes")[0] == 201


def test_faults_by_chance_are_the_same_in_each_run():
    def draws() -> list[bool]:
        shop = Shop()
        shop.faults.add(broken(), probability=0.5)
        return [shop.faults.draw("GET", "/x") is not None for _ in range(50)]

    assert draws() == draws()
    assert 10 < sum(draws()) < 40


def test_a_slow_answer_holds_up_nobody_else_and_not_the_end(shop, line):
    shop.faults.add(slow(30), method="POST", times=1)

    def wait() -> None:
        with contextlib.suppress(OSError):  # stopping may still answer, or cut the line
            ask(line)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert wait_until(lambda: shop.faults._rules[0].times == 0)  # it is being held up
    other = http.client.HTTPConnection(urlsplit(shop.address).netloc, timeout=5)
    assert ask(other, "GET", "/", body="")[0] == 200
    other.close()
    server = shop._server
    shop.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    assert server.open == set()


def test_stopping_closes_idle_connections(shop, line):
    assert ask(line)[0] == 201
    server = shop._server
    shop.stop()
    assert server.open == set()


def test_routes_run_one_at_a_time(shop):
    def post() -> None:
        connection = http.client.HTTPConnection(urlsplit(shop.address).netloc, timeout=10)
        for _ in range(5):
            assert ask(connection)[0] == 201
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shop.lock:
        assert len(shop.notes) == 40


def test_a_mistake_of_the_sandbox_is_not_taken_for_the_platforms():
    def crash() -> None:
        with Shop() as shop:
            connection = http.client.HTTPConnection(urlsplit(shop.address).netloc, timeout=5)
            assert ask(connection, "GET", "/crash", body="")[0] == 500
            connection.close()

    with pytest.raises(ZeroDivisionError):
        crash()


def test_the_clock_is_held_advanced_and_accelerated():
    start = datetime(2026, 11, 2, 9, tzinfo=UTC)
    clock = Clock(start, held=True)
    assert clock.now() == clock.now() == start
    clock.advance(7200)
    assert clock.now() == start + timedelta(hours=2)
    clock.run(speed=3600)
    clock.sleep(36)
    assert clock.now() > start + timedelta(hours=2, seconds=30)
    clock.hold()
    assert clock.now() == clock.now()
