"""What the archive of conversations and watch's looks cost, metered: rows of the pages, each as it must stand there.

Units are those of test_costs_stories.py. Prices: docs/operating.md, Costs; of S3: https://c3x.dev/blog/s3-request-fees-explained
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from deskwire.care.usual import HOUR, LEARNED
from deskwire.care.waits import bucket
from deskwire.configuration import Connection
from deskwire.operating.transcripts import Search
from deskwire.ports import Update
from deskwire.ports.memory import MemoryBlocks
from deskwire.watching.archiving import MOST, Archiver
from deskwire.watching.facts import Case, first_answer_in
from deskwire.watching.incidents import IncidentWatch
from deskwire.watching.waits import WaitWatch
from deskwire.watching.watcher import Watcher, case_item
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock

from .conftest import PAGE, POLICY, START
from .test_archive_stories import DAYS, Archived
from .test_costs_stories import Metering, exchange, size
from .test_usual_wait_stories import SAYS, Counted

DOCS = Path(__file__).parents[2] / "docs"
WRITE, READ, PUT = 0.625, 0.125, 5.00  # dollars a million
A_MONTH = 730  # hours
LOOKS = 12  # an hour: `WatchSchedule` in the template
BATCH = 100  # records: `BatchSize` of archive there


class MeteredBlocks(MemoryBlocks):
    """A bucket that counts its requests."""

    def __init__(self, objects):
        super().__init__()
        self.objects = objects
        self.put = 0

    def add(self, name, data):
        self.put += 1
        return super().add(name, data)


def shown(number):
    """Return a number as the pages write it: three digits, and no nought at the end of a fraction."""
    return f"{number:.3g}" if number < 100 else f"{number:,.0f}"


@dataclass
class Cost:
    """What something costs in units of the table and requests to S3, `times` of it."""

    written: int
    read: int
    put: int = 0
    times: int = 1

    @property
    def dollars(self):
        """What a million of it costs."""
        return (self.written * WRITE + self.read * READ + self.put * PUT) / self.times

    @property
    def units(self):
        return f"{shown(self.written / self.times)} | {shown(self.read / self.times)} | {shown(self.put / self.times)}"

    def row(self, name):
        return f"| {name} | {self.units} | {self.dollars:.2f} |"


@pytest.fixture
def archived():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Archived(clock, zendesk)
        company.says("Begin the chain and warm up the caches", customer="24900000000000099")
        company.archived()
        yield company
        company.close()


def costs(company, play, times=1, together=BATCH):
    """Return what it costs to archive what `play` plays, in batches of so many records."""
    before = len(company.records)
    play()
    records = company.records[before:]
    table, blocks = Metering(company.streamed.items), MeteredBlocks(company.blocks.objects)
    archiver = Archiver(table=table, blocks=blocks, clock=company.now, telemetry=company.telemetry, days=DAYS)
    for start in range(0, len(records), together):
        assert archiver.archive(records[start : start + together]) == ""
    return Cost(table.written, table.read, blocks.put, times)


def each_says(company, text, number=MOST):
    """Have so many customers write, each in a conversation of their own."""
    company.tick(60)  # a minute's updates of the helpdesk are enough for that many
    before = len(company.records)
    for customer in range(number):
        company.deliver(company.message(text, customer=f"249000000001{customer:05}"))
    company.work()
    assert len(company.records) >= before + number


def weeks(company, channel, kinds):
    """Count tickets of so many kinds in each hour of the last six weeks."""
    begin = int(START.timestamp())
    for hour in range(begin - int(LEARNED.total_seconds()), begin, HOUR):
        for kind in range(kinds):
            key = case_item(Case(channel, PAGE, hour, "en", "normal", f"kind{kind}"))
            company.table.update(Update(key, add={"tickets": 2, first_answer_in(bucket(40 * 60)): 2}))


def missing(page, rows):
    """Return the rows and phrases that the page does not have, one below the other as they must stand there."""
    written = " ".join((DOCS / page).read_text().split())
    return "\n".join(row for row in rows if row not in written)


def test_the_archive_costs_what_the_pages_say(archived):
    """docs/archive.md, What it costs, and docs/operating.md, Costs. Cheaper is welcome: then the pages follow."""
    talk = costs(archived, lambda: exchange(archived), together=1)
    assert talk.put == 6
    each_says(archived, "Where is parcel 4471? It should have come on Monday.")
    archived.archived()
    alone = costs(archived, lambda: each_says(archived, "Is it there by now?", 1))
    among = costs(archived, lambda: each_says(archived, "Is it there by now?"), times=MOST)
    table = Metering(archived.streamed.items)
    assert list(Search(table, archived.blocks, ("there",)).run(START, archived.now()))
    lines = archived.lines_of_the_archive()
    opened = Cost(0, table.read, times=len(lines))
    line = sum(map(len, archived.blocks.objects.values())) / len(lines)
    salts = [size(row) for (_, sk), row in archived.table.items.items() if sk.startswith("SALT#")]
    rows = [
        talk.row("an exchange of six lines, each in a block of its own"),
        alone.row("a message more, in a block of its own"),
        among.row(f"a message more, in a block of {MOST} of as many conversations"),
        opened.row("a line that `find` opens"),
        f"A line takes {line:,.0f} bytes of the bucket, and its salt {sum(salts) / len(salts):.0f} of the table",
    ]
    assert missing("archive.md", rows) == ""
    row = (
        f"| {among.written / MOST:.0f} to {alone.written} write units and {among.read / MOST:.0f} to {alone.read} read "
        f"units; {alone.put} PUT, shared by up to {MOST} | 0.625 and 0.125 / million (e), 5.00 / million (g) | "
        f"{among.dollars:.2f}–{alone.dollars:.2f} |"
    )
    more = f"With the archive it is {talk.written} write units, {talk.read} read units and up to {talk.put} PUTs more"
    assert missing("operating.md", [row, more]) == ""


def looked(company, *, workers):
    """Return what an hour of watch's looks costs: of so many workers, each of whom looks in turn."""
    table = Metering(company.table.items)
    parts = {"table": table, "clock": company.now, "telemetry": company.telemetry}
    watchers = [
        Watcher(
            table=table, telemetry=company.telemetry, waits=WaitWatch(**parts),
            incidents=IncidentWatch(mailbox=company.mailbox, **parts),
        )
        for _ in range(workers)
    ]  # fmt: skip
    for look in range(LOOKS):
        watchers[look % workers].run_schedule()
        company.tick(HOUR // LOOKS)
    return Cost(table.written, table.read)


def test_watch_s_looks_cost_what_the_page_says():
    """docs/operating.md, Costs, a month without a message: by how many workers look, and by how many kinds wait."""
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        silent = Counted(clock, zendesk, POLICY)
        one, each = looked(silent, workers=1), looked(silent, workers=LOOKS)
        silent.close()
        talking = []
        for kinds in (1, 10):
            company = Counted(clock, zendesk, SAYS)
            connections = [each for each in company.definitions if isinstance(each, Connection)]
            for connection in connections:
                weeks(company, connection.channel, kinds)
            said = looked(company, workers=1)
            talking.append(((said.read - one.read) // len(connections), said.written // len(connections)))
            company.close()
    (few, written), (many, _) = talking
    count = len(connections)
    assert (one.written, each.written, one.read, each.read) == (0, 0, LOOKS + 1 + count, LOOKS * (2 + count))
    month = [read * READ * A_MONTH / 1e6 + written * WRITE * A_MONTH / 1e6 for read in (few, many)]
    words = (
        f"{LOOKS} read units an hour for incidents",
        "1 and 1 for each connection once an hour, and again in each new worker",
        f"{few} to {many} read units and {written} write unit an hour",
        f"{month[0]:.3f} to {month[1]:.3f} a month",
    )
    assert missing("operating.md", words) == ""
