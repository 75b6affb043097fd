"""Write logs and metrics, and decide what they may hold: names, codes and digests; no secret, no person's words.

Lines are JSON on standard output, as Lambda wants them. Metrics are written in CloudWatch's embedded metric format
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html),
one line for an invocation.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TextIO

from deskwire.model.writing import write

NAMESPACE = "Deskwire"
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
# The fields that a line may have beside its message. Values are cut, and unprintable characters replaced.
FIELDS = frozenset(
    {"channel", "helpdesk", "endpoint", "connection", "kind", "event", "thread", "outcome", "reason", "error",
     "status", "count", "seconds", "delivery", "function", "group", "mirror"}
)  # fmt: skip
MOST = 300
MOST_VALUES = 100  # of one metric in one line: the format's limit


def _shown(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        # Controls, and characters that are invisible or change the text's direction.
        text = re.sub(
            r"[^\x20-\x7e\u00a0-\u200a\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\ue000-\ufefe\uff00-\ufffd]", "?", text
        )
    return text[:MOST]


@lru_cache(maxsize=64)
def _definition(dimensions: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return the metrics' definition for CloudWatch as JSON; cached, as it is the same at each flush."""
    metrics = [{"Name": name, "Unit": "Seconds" if name.endswith("Seconds") else "Count"} for name in names]
    return write({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})


class Telemetry:
    """One function's log and metrics."""

    def __init__(
        self,
        stage: str,
        level: str = "INFO",
        stream: TextIO | None = None,
        now: Callable[[], float] = time.time,
        *,
        stack: str = "deskwire",
    ) -> None:
        self.stage = stage
        self.stack = stack
        self._level = LEVELS.get(level.upper(), 20)
        self._stream = stream
        self._now = now
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def log(self, level: str, message: str, **fields: object) -> None:
        """Write one line. `message` is a constant of ours. Raises `ValueError` for a field that may not be logged."""
        if unknown := fields.keys() - FIELDS:
            msg = f"these fields may not be logged: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        if LEVELS[level] >= self._level:
            shown = {name: _shown(value) for name, value in fields.items()}
            self._line(write({"level": level, "message": message, "stage": self.stage, **shown}))

    def count(self, metric: str, number: int = 1) -> None:
        """Add to a metric; written by `flush`."""
        with self._lock:
            self._counts[metric] = self._counts.get(metric, 0) + number

    def flush(self) -> None:
        """Write the metrics counted since the last flush, if any."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts:
            self._emit({name: [number] for name, number in counts.items()}, {})

    def measure(self, values: Mapping[str, Sequence[int]], **dimensions: str) -> None:
        """Write metrics of one connection immediately, each value separately (`flush` writes sums).

        `dimensions` name the connection in addition to stack and stage: `channel` and `connection`, or `helpdesk`.
        """
        for start in range(0, max(map(len, values.values()), default=0), MOST_VALUES):
            some = {name: list(each[start : start + MOST_VALUES]) for name, each in values.items()}
            self._emit({name: each for name, each in some.items() if each}, dimensions)

    def _emit(self, values: Mapping[str, list[int]], dimensions: Mapping[str, str]) -> None:
        shown = {
            "stack": self.stack,
            "stage": self.stage,
            **{name: _shown(each or "-") for name, each in dimensions.items()},
        }
        stamp = int(self._now() * 1000)
        definition = _definition(tuple(shown), tuple(sorted(values)))
        rest = write({**shown, **{name: each[0] if len(each) == 1 else each for name, each in values.items()}})
        self._line(f'{{"_aws":{{"Timestamp":{stamp},"CloudWatchMetrics":[{definition}]}},{rest[1:]}')

    def _line(self, line: str) -> None:
        (self._stream or sys.stdout).write(f"{line}\n")
