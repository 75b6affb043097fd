"""What needs no worker ends where it arrives, counted; what a person must do raises the alarm."""

import dataclasses

from deskwire.dismissing import dismiss
from deskwire.model.events import Event, Kind, Visibility


class Counted:
    def __init__(self):
        self.counts = {}
        self.lines = []

    def count(self, metric, number=1):
        self.counts[metric] = self.counts.get(metric, 0) + number

    def log(self, level, message, **_fields):
        self.lines.append((level, message))


STATE = Event(
    channel="x", account="42", kind=Kind.STATE, object_id="1", verb="consent_withdrawn", thread="42",
    visibility=Visibility.PRIVATE, text="[consent withdrawn]",
)  # fmt: skip


def test_what_a_person_must_do_is_counted_as_a_configuration_error():
    telemetry = Counted()
    assert dismiss([dataclasses.replace(STATE, attention="connect the account again")], telemetry) == []
    assert telemetry.counts == {"ConfigurationErrors": 1, "DismissedState": 1}
    assert ("ERROR", "a person must act") in telemetry.lines


def test_a_state_that_asks_nothing_of_anybody_is_only_counted():
    telemetry = Counted()
    assert dismiss([STATE], telemetry) == []
    assert telemetry.counts == {"DismissedState": 1}
