"""Metrics are written as CloudWatch's embedded metric format wants them."""

import io
import json

from deskwire.telemetry import Telemetry

AT = 1_793_610_060.25  # seconds since 1970


def test_a_metric_is_stamped_in_milliseconds_and_names_its_unit():
    written = io.StringIO()
    telemetry = Telemetry("prod", stream=written, now=lambda: AT, stack="northwind")
    telemetry.count("Filed")
    telemetry.count("Filed", 2)
    telemetry.flush()
    telemetry.measure({"FirstAnswerSeconds": [61, 7]}, channel="x", connection="")
    counted, measured = map(json.loads, written.getvalue().splitlines())
    assert counted["_aws"]["Timestamp"] == measured["_aws"]["Timestamp"] == 1_793_610_060_250
    assert counted["Filed"] == 3
    assert measured["FirstAnswerSeconds"] == [61, 7]
    (definition,) = measured["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["stack", "stage", "channel", "connection"]]
    assert definition["Metrics"] == [{"Name": "FirstAnswerSeconds", "Unit": "Seconds"}]
    assert (measured["stack"], measured["channel"], measured["connection"]) == ("northwind", "x", "-")


def test_nothing_counted_writes_nothing():
    written = io.StringIO()
    Telemetry("prod", stream=written).flush()
    assert not written.getvalue()
