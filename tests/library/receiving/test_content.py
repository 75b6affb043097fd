"""What is read of a delivery: nothing raw of what may not be kept, and a page's cursor."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from deskwire.model.events import Event, Kind, Visibility
from deskwire.ports import EndpointView
from deskwire.ports.outbox import Shown
from deskwire.receiving.acting import page
from deskwire.receiving.content import content

EVENT = Event(
    kind=Kind.MESSAGE, channel="messenger", account="1", thread="2", object_id="m", verb="add",
    visibility=Visibility.PRIVATE, occurred_at=datetime(2026, 11, 21, 12, tzinfo=UTC), text="hello",
    raw={"text": "hello"},
)  # fmt: skip


@pytest.mark.parametrize(("term", "raw"), [(None, {"text": "hello"}), (timedelta(days=2), {})])
def test_of_words_that_may_be_kept_for_a_short_time_no_raw_fragment_is_kept(term, raw):
    reads = SimpleNamespace(terms=SimpleNamespace(keeps_words=term), parse=lambda _: [EVENT])
    endpoint = EndpointView(
        name="meta", side="channels", connectors=("messenger",), secret="", settings={}, helpdesk=""
    )
    (event,) = content(None, endpoint, [reads]).events
    assert event.raw == raw
    assert event.text == "hello"


def test_a_page_goes_on_after_the_last_text_it_was_told_and_stays_where_it_was_without_any():
    told = [Shown(number, f"id{number}", "hello", automatic=False, at=1) for number in (4, 5)]
    assert page(told, "3")["cursor"] == "5"
    assert page([], "3") == {"messages": [], "cursor": "3"}
