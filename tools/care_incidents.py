"""Measures the detection of incidents on simulated customers: messages until an alarm, and false alarms.

    python tools/care_incidents.py [--write]

An hour of the week has its own rate (days busier than nights and weekends), rates differ from hour to hour (gamma, half
of the mean), each customer writes once. Of an outage's messages the judge recognises seven in ten, and six in ten name
the service. Usual weeks come first, so the detector learns as it would. Prints a table; `--write` puts the curve into
docs/incidents.svg.
"""

from __future__ import annotations

import random
import statistics
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deskwire.care.incident import Detector

START = datetime(2026, 6, 1, tzinfo=UTC)
SEED = "reported"  # another one was used to choose the thresholds
WEEKS = 4
OUTAGES = 60  # for each strength, each in weeks of its own customers
RATES = (0.3, 1)  # of usual trouble an hour
MONTHS = 24  # of ordinary customers, for false alarms
RECOGNISED, NAMED = 0.7, 0.6
SERVICES = ("app", "card", "website", "delivery")
Message = tuple[datetime, str, tuple[str, ...]]


def weight(hour: int, weekend: bool) -> float:  # noqa: FBT001 - of a customer's clock
    """Return how busy an hour is, 1 on average of a working day."""
    return (1.7 if 8 <= hour < 20 else 0.3) * (0.6 if weekend else 1.0)


def usual(chance: random.Random, rate: float, start: datetime, days: int) -> list[Message]:
    """Return the trouble of ordinary days: every message of another customer, two in ten about a service."""
    found: list[Message] = []
    for number in range(days * 24):
        hour = start + timedelta(hours=number)
        mean = rate * weight(hour.hour, hour.weekday() >= 5) * chance.gammavariate(4, 0.25)
        for _ in range(_poisson(chance, mean)):
            topics = (chance.choice(SERVICES),) if chance.random() < 0.2 else ()
            found.append((hour + timedelta(seconds=chance.uniform(0, 3600)), f"c{len(found)}-{start}", topics))
    return sorted(found)


def outage(chance: random.Random, rate: float, began: datetime) -> list[tuple[Message, bool]]:
    """Return six hours of an outage's messages, each with whether it is recognised."""
    found, at = [], began
    while at < began + timedelta(hours=6):
        at += timedelta(hours=chance.expovariate(rate))
        topics = ("app",) if chance.random() < NAMED else ()
        found.append(((at, f"o{len(found)}-{began}", topics), chance.random() < RECOGNISED))
    return found


def _poisson(chance: random.Random, mean: float) -> int:
    number, left = 0, chance.expovariate(1)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1)
    return number


def see(detector: Detector, message: Message) -> bool:
    """Let the detector see a message of trouble; return whether that opened an incident."""
    at, customer, topics = message
    return any(each.opened for each in detector.see(at, customer, (*topics, "language en"), trouble=True))


def until_found(rate: float, strength: float) -> tuple[list[int], int]:
    """Return how many messages of each outage had been written when it was found, and how many were missed."""
    counts, missed = [], 0
    for number in range(OUTAGES):
        chance = random.Random(f"{SEED} {rate} {strength} {number}")  # noqa: S311 - of a simulation
        began = START + timedelta(weeks=WEEKS, hours=chance.uniform(0, 168))
        detector = Detector()
        before = usual(chance, rate, START, WEEKS * 7 + 8)
        rows = [(each, True, False) for each in before if each[0] < began + timedelta(hours=6)]
        rows += [(each, known, True) for each, known in outage(chance, strength, began)]
        written = 0
        for message, known, planted in sorted(rows):
            written += planted
            opened = known and see(detector, message)
            if opened and message[0] >= began:
                counts.append(written)
                break
        else:
            missed += 1
    return counts, missed


def false_alarms(rate: float) -> float:
    """Return the incidents that ordinary customers opened, in thirty days."""
    chance = random.Random(f"{SEED} quiet {rate}")  # noqa: S311
    detector = Detector()
    rows = usual(chance, rate, START, WEEKS * 7 + MONTHS * 30)
    opened = [message[0] for message in rows if see(detector, message)]
    return sum(at >= START + timedelta(weeks=WEEKS) for at in opened) / MONTHS


def main(arguments: list[str]) -> None:
    """Measure, print, and draw where asked."""
    curves = {}
    print(
        "| usual trouble an hour | outage's messages an hour | messages p50 / p95 | missed | false alarms in 30 days |"
    )
    print("|---|---|---|---|---|")
    for rate in RATES:
        false = false_alarms(rate)
        for strength in (6, 10, 20, 60):
            counts, missed = until_found(rate, strength)
            ordered = sorted(counts)
            p50 = statistics.median(ordered) if ordered else 0
            p95 = ordered[int(0.95 * (len(ordered) - 1) + 0.5)] if ordered else 0
            curves[rate, strength] = (p50, p95)
            print(f"| {rate} | {strength} | {p50:.0f} / {p95} | {missed} of {OUTAGES} | {false:.2f} |", flush=True)
    print(f"At 3 an hour: {false_alarms(3):.2f} false alarms in 30 days.")
    if "--write" in arguments:
        Path("docs/incidents.svg").write_text(drawn(curves))


def drawn(curves: dict[tuple[float, float], tuple[float, float]]) -> str:
    """Return the curves as a picture: messages until an alarm (half of the outages, 95 in 100) by their strength."""
    rates = sorted({rate for rate, _ in curves})
    strengths = sorted({strength for _, strength in curves})
    top = max(p95 for _, p95 in curves.values()) * 1.05
    colours = ("#1b6ca8", "#c77b0a")
    across = {strength: 70 + number * 150 for number, strength in enumerate(strengths)}

    def line(values: list[tuple[float, float]], colour: str, dash: str) -> str:
        points = " ".join(f"{across[strength]},{250 - 210 * value / top:.0f}" for strength, value in values)
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 690 330" font-family="sans-serif" font-size="12">']
    parts.append(
        '<text x="10" y="20">messages of the outage until the alarm: half of the outages (whole), 95 % (dashed)</text>'
    )
    for value in range(0, int(top) + 1, 10):
        height = 250 - 210 * value / top
        parts.append(f'<path d="M60 {height:.0f}H560" stroke="#ddd"/><text x="30" y="{height + 4:.0f}">{value}</text>')
    parts += [f'<text x="{across[each]}" y="270" text-anchor="middle">{each}/h</text>' for each in strengths]
    parts.append('<text x="300" y="290" text-anchor="middle">messages of the outage an hour</text>')
    for number, (rate, colour) in enumerate(zip(rates, colours, strict=True)):
        parts.append(line([(each, curves[rate, each][0]) for each in strengths], colour, ""))
        parts.append(line([(each, curves[rate, each][1]) for each in strengths], colour, ' stroke-dasharray="5 4"'))
        parts.append(f'<text x="570" y="{60 + number * 20}" fill="{colour}">usual {rate}/h</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main(sys.argv[1:])
