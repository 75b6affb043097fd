"""A batch of the mailbox: threads side by side, the messages of one in order, and who comes again."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire import runtime
from deskwire.model.errors import TemporaryError
from deskwire.telemetry import Telemetry


class Work:
    """Fails for the bodies it is told to; remembers the order within each thread."""

    def __init__(self, failing=(), error=None):
        self.failing = set(failing)
        self.error = error or TemporaryError("not now")
        self.done = []
        self.stream = io.StringIO()
        self.telemetry = Telemetry("test", stream=self.stream)
        self.lock = threading.Lock()

    def handle(self, body):
        if body in self.failing:
            raise self.error
        with self.lock:
            self.done.append(body)


def record(number, group):
    return {"messageId": f"id-{number}", "body": f"{group}/{number}", "attributes": {"MessageGroupId": group}}


def run(monkeypatch, work, records, left=60_000):
    monkeypatch.setattr(runtime, "conversation", lambda: work)
    answer = runtime.converse({"Records": records}, lambda: left)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_failing_message_holds_up_its_own_thread_and_no_other(monkeypatch):
    records = [record(1, "a"), record(2, "b"), record(3, "a"), record(4, "b"), record(5, "a")]
    work = Work(failing=["a/3"])
    assert run(monkeypatch, work, records) == ["id-3", "id-5"]
    assert sorted(work.done) == ["a/1", "b/2", "b/4"]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=10), st.sets(st.integers(0, 9)))
def test_exactly_what_did_not_succeed_comes_again_in_any_batch(groups, failing):
    with pytest.MonkeyPatch.context() as patch:
        records = [record(number, group) for number, group in enumerate(groups)]
        work = Work(failing=[each["body"] for number, each in enumerate(records) if number in failing])
        again = set(run(patch, work, records))
        done = {f"id-{body.partition('/')[2]}" for body in work.done}
        assert again | done == {each["messageId"] for each in records}
        assert not again & done
        for group in set(groups):
            mine = [body for body in work.done if body.startswith(group)]
            assert mine == sorted(mine, key=lambda body: int(body.partition("/")[2]))


def test_nothing_is_begun_that_cannot_be_ended_in_time(monkeypatch):
    work = Work()
    assert run(monkeypatch, work, [record(1, "a")], left=5_000) == ["id-1"]
    assert work.done == []


def test_an_error_that_is_not_ours_is_logged_without_its_words(monkeypatch):
    work = Work(failing=["a/1"], error=ValueError("MARKER: the customer's words"))
    assert run(monkeypatch, work, [record(1, "a")]) == ["id-1"]
    assert "MARKER" not in work.stream.getvalue()
    assert "ValueError" in work.stream.getvalue()


def test_the_time_left_is_lambdas_where_there_is_one():
    assert runtime.milliseconds_left(SimpleNamespace(get_remaining_time_in_millis=lambda: 7))() == 7
    assert 0 < runtime.milliseconds_left(None)() <= 60_000
