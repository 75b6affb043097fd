"""When the company answers: blocks of a week, public holidays, days of its own, in its own time zone.

A block says what the clock on the wall shows. Where daylight saving skips an hour, a block that begins in it
begins when the clock jumps; where an hour comes twice, a block opens at its first and closes at its second
coming.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HORIZON = timedelta(days=370)  # a year and a public holiday or two
_MIDNIGHT = 24 * 60
_BLOCK = re.compile(r"(\d{1,2}):(\d{2})\s*[-\u2013]\s*(\d{1,2}):(\d{2})")


def _block(text: str) -> str:
    match = _BLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text}” is no block of time: write it like 09:00-12:30")
    first_hour, first_minute, last_hour, last_minute = map(int, match.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or start >= _MIDNIGHT or end > _MIDNIGHT:
        raise ValueError(f"“{text}” names a time that no clock shows (00:00 to 24:00)")
    if start == end:
        raise ValueError(f"“{text}” ends where it begins: write 00:00-24:00 for the whole day, [] for closed")
    return f"{first_hour:02}:{first_minute:02}-{last_hour:02}:{last_minute:02}"


@lru_cache(maxsize=512)
def _minutes(block: str) -> tuple[int, int]:
    """Return a block's beginning and end in minutes of its day; past midnight the end is above 1440."""
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in block.split("-"))
    return start, end if end > start else end + _MIDNIGHT


def _day(blocks: tuple[str, ...]) -> tuple[str, ...]:
    ordered = sorted(blocks, key=_minutes)
    for earlier, later in pairwise(ordered):
        if _minutes(later)[0] < _minutes(earlier)[1]:
            raise ValueError(f"{earlier} and {later} overlap")
    return tuple(ordered)


Block = Annotated[
    str,
    AfterValidator(_block),
    Field(description="From-to on the wall clock, 09:00-12:30. 22:00-02:00 goes on after midnight."),
]
Day = Annotated[tuple[Block, ...], AfterValidator(_day), Field(description="The blocks of a day; [] is closed.")]


class Week(BaseModel):
    """The blocks of each weekday. A day that is not named is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    monday: Day = ()
    tuesday: Day = ()
    wednesday: Day = ()
    thursday: Day = ()
    friday: Day = ()
    saturday: Day = ()
    sunday: Day = ()


class Hours(BaseModel):
    """Business hours. The word `always` or `never` alone stands for a week without closing or opening."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    time_zone: str = Field("UTC", description="Name of the IANA time zone, such as Europe/Warsaw.")
    week: Literal["always", "never"] | Week = Field(
        "always", description="The blocks of each weekday, or `always`, or `never`."
    )
    holidays: str | None = Field(
        None,
        description="Closed on the public holidays of this country or its part, by ISO 3166: “PL”, “DE-BY”. "
        "Half holidays are not among them: name those under `days`.",
    )
    days: Mapping[date, Day] = Field(
        default_factory=dict,
        description="Days that differ, by date: 2026-12-24: [09:00-12:00]. They go before week and holidays.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, value: Any) -> Any:  # noqa: ANN401
        return {"week": value} if value in ("always", "never") else value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise ValueError(f"there is no time zone “{name}”: write it like Europe/Warsaw") from None
        return name

    @field_validator("holidays", mode="before")
    @classmethod
    def _norway(cls, value: Any) -> Any:  # noqa: ANN401
        if value is False:
            raise ValueError("YAML reads an unquoted NO as false: write “NO” in quotes")
        return value

    @field_validator("holidays")
    @classmethod
    def _known_country(cls, place: str | None) -> str | None:
        if place is not None:
            try:
                _public_holidays(place)
            except (NotImplementedError, AttributeError):
                message = f"no holidays are known of “{place}”: write a country (PL) or its part (DE-BY)"
                raise ValueError(message) from None
        return place

    def is_open(self, at: datetime) -> bool:
        """Return whether somebody answers at this moment (an aware time)."""
        return any(start <= at < end for start, end in self.spans(at, at))

    def next_opening(self, at: datetime) -> datetime | None:
        """Return when somebody answers again, in the company's time zone: `at` itself while open.

        None if that is more than a year away.
        """
        zone = ZoneInfo(self.time_zone)
        openings = (start for start, end in self.spans(at, at + HORIZON) if end > at)
        first = next(openings, None)
        return None if first is None else max(first, at.astimezone(UTC)).astimezone(zone)

    def last_open(self, at: datetime, since: datetime) -> datetime:
        """Return the latest moment up to `at` at which somebody answers, but not before `since`.

        Where nobody answers in between, it is `at` itself (or `since`, if that is later).
        """
        spans = [(start, end) for start, end in self.spans(since, at) if start <= at and end > since]
        latest = max((min(end - timedelta(minutes=1), at) for _, end in spans), default=at)
        return max(latest, since)

    def after(self, at: datetime, span: timedelta) -> datetime | None:
        """Return when so much opening time has passed since `at`; None if that is more than a year away."""
        left = span
        for start, end in self.spans(at, at + HORIZON):
            begin = max(start, at)
            if end <= begin:
                continue
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None

    def spans(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the open spans in UTC, in order of their beginning, of the days that touch first … last."""
        zone = ZoneInfo(self.time_zone)
        day = first.astimezone(zone).date() - timedelta(days=1)  # its last block may reach past midnight
        final = last.astimezone(zone).date()
        while day <= final:
            for block in self._blocks(day):
                opens, closes = _minutes(block)
                start, end = _instant(day, opens, zone, fold=0), _instant(day, closes, zone, fold=1)
                if start < end:
                    yield start, end
            day += timedelta(days=1)

    def _blocks(self, day: date) -> tuple[str, ...]:
        if day in self.days:
            return self.days[day]
        if self.week == "never" or (self.holidays and day in _public_holidays(self.holidays)):
            return ()
        if isinstance(self.week, Week):
            blocks: tuple[str, ...] = getattr(self.week, WEEKDAYS[day.weekday()])
            return blocks
        return ("00:00-24:00",)


@lru_cache(maxsize=8)
def _public_holidays(place: str) -> Mapping[date, str]:
    """Return a country's or its part's public holidays. Raises `NotImplementedError` for an unknown one."""
    import holidays  # some 90 ms, paid only by who closes on holidays

    country, _, subdivision = place.partition("-")
    return holidays.country_holidays(country, subdiv=subdivision or None)


def _instant(day: date, minutes: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return in UTC when the wall clock shows this; `fold` picks the first or second of two moments."""
    wall = datetime.combine(day, time(0)) + timedelta(minutes=minutes)
    first, second = (wall.replace(tzinfo=zone, fold=which).astimezone(UTC) for which in (0, 1))
    if first <= second:
        return second if fold else first
    # The clock never shows it: PEP 495 gives the later moment for fold 0. The jump lies between the two.
    before = second.astimezone(zone).utcoffset()
    while first - second > timedelta(seconds=1):
        middle = second + (first - second) // 2
        if middle.astimezone(zone).utcoffset() == before:
            second = middle
        else:
            first = middle
    return first.replace(microsecond=0)
