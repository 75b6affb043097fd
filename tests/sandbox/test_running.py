"""How long a run waits for its end: as long as something moves; and what it says of a helpdesk that is gone."""

import socket
import urllib.request
from types import SimpleNamespace

import pytest

from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.real import opened
from sandbox.northwind import running
from sandbox.northwind.running import settled


class Slow:
    """A company of ten events, one of which has its outcome every `pace` seconds, the last `left` never."""

    def __init__(self, monkeypatch, pace, left):
        self.now, self.pace, self.left = 0.0, pace, left
        self.sender = SimpleNamespace(settle=lambda _seconds: True)
        self.desk = SimpleNamespace(settle=lambda: True)
        self.mailbox = lambda: ()
        monkeypatch.setattr(running.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(running.time, "sleep", self.sleep)
        monkeypatch.setattr(running.books, "due", lambda _company: [])
        monkeypatch.setattr(running.books, "kept", lambda _company: (self.events(), [], {}))

    def sleep(self, seconds):
        self.now += seconds

    def events(self):
        ended = min(10 - self.left, int(self.now / self.pace))
        return [SimpleNamespace(state="filed" if number < ended else "recorded") for number in range(10)]


@pytest.mark.parametrize(("pace", "left", "calm"), [(20, 0, True), (100, 0, True), (20, 1, False), (200, 0, False)])
def test_it_waits_while_events_get_their_outcome_and_no_longer(monkeypatch, pace, left, calm):
    company = Slow(monkeypatch, pace, left)
    assert settled(company, 120, lambda: None) is calm
    assert company.now < 10 * pace + 2 * 120


def test_a_helpdesk_that_does_not_answer_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeskError, match=rf"127.0.0.1:{port}/issues: no answer"):
        opened(urllib.request.Request(f"http://127.0.0.1:{port}/issues"))
