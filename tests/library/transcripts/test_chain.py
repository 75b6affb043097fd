"""Whatever is done to a line or a block of the archive, the chain shows it, and names the first place."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.operating.transcripts import verify
from deskwire.ports import Put
from deskwire.ports.memory import MemoryBlocks, MemoryTable
from deskwire.transcripts.chain import FIRST, HEAD, Link, block_name, canonical, end_of_day, extended, hash_of

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
DAYS = ("2026-11-02", "2026-11-03", "2026-11-04")


def line(number, **more):
    return {"v": 1, "id": f"line-{number}", "object": "o", "kind": "message", "words": "x" * number, **more}


class Kept:
    """Three days: two blocks of two lines on each, and the marks between them."""

    def __init__(self):
        self.table, self.blocks = MemoryTable(), MemoryBlocks()
        self.link, number = Link(DAYS[0]), 0
        for day in DAYS:
            if day != self.link.day:
                self.add([end_of_day(self.link, day)])
            for _ in range(2):
                self.add([line(number + 1), line(number + 2)])
                number += 2
        self.note()

    def add(self, lines):
        block, end = extended(self.link, lines)
        assert self.blocks.add(self.link.next_block, block)
        self.link = end

    def note(self, **more):
        pk, sk = HEAD
        head = {"pk": pk, "sk": sk, "day": self.link.day, "number": self.link.number, "hash": self.link.hash}
        self.table.put(Put({**head, "days": 400, "began": DAYS[0], **more}))

    def broken(self, since=None, now=NOW):
        found = verify(self.table, self.blocks, since=since, now=now).broken
        return (found.place, found.reason) if found else None

    @property
    def names(self):
        return sorted(self.blocks.objects)

    def lines(self, name):
        return [json.loads(raw) for raw in self.blocks.objects[name].splitlines()]

    def write(self, name, lines):
        self.blocks.objects[name] = b"".join(canonical(each) + b"\n" for each in lines)


@pytest.fixture
def kept():
    return Kept()


def test_what_nobody_touched_is_whole(kept):
    found = verify(kept.table, kept.blocks, since=None, now=NOW)
    assert (found.broken, found.days, found.lines) == (None, 3, 14)
    assert found.end == kept.link
    assert found.first == block_name(DAYS[0], 1)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("field", ["words", "id", "kind", "number", "previous", "hash"])
def test_a_changed_line_is_named(kept, number, position, field):
    name = kept.names[number]
    lines = kept.lines(name)
    lines[position][field] = 0 if field == "number" else FIRST if field in {"previous", "hash"} else "changed"
    unchanged = lines == kept.lines(name)  # the first line names FIRST anyway
    kept.write(name, lines)
    assert unchanged == (kept.broken() is None)
    if not unchanged:
        assert kept.broken()[0].startswith(name)


def test_a_changed_line_with_its_hash_made_right_shows_at_the_next_one(kept):
    name = kept.names[1]
    lines = kept.lines(name)
    lines[0]["words"] = "changed"
    lines[0]["hash"] = hash_of(lines[0])
    kept.write(name, lines)
    assert kept.broken()[0] == f"{name} line 2"


@pytest.mark.parametrize("data", [b"[" * 100_000, b"[]\n", b"7\n", b"\xff\n", b"", b"\n", b'{"number":1,"number":1}\n'])
@pytest.mark.parametrize("number", [0, 3, 7])
def test_nonsense_is_named_and_stops_nothing_else(kept, number, data):
    kept.blocks.objects[kept.names[number]] = data
    assert kept.broken()[0].startswith(kept.names[number])


def test_another_spelling_of_a_line_is_a_change(kept):
    name = kept.names[0]
    kept.blocks.objects[name] = kept.blocks.objects[name].replace(b'"v":1', b'"v": 1')
    assert kept.broken()[0] == f"{name} line 1"


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("position", [0, -1])
def test_a_removed_line_shows(kept, number, position):
    name = kept.names[number]
    lines = kept.lines(name)
    del lines[position]
    kept.write(name, lines)
    assert kept.broken() is not None


@pytest.mark.parametrize("number", range(8))
def test_a_removed_block_shows_also_the_first_and_the_last(kept, number):
    del kept.blocks.objects[kept.names[number]]
    assert kept.broken() is not None


@pytest.mark.parametrize("number", range(1, 9))
def test_all_blocks_up_to_some_day_removed_show_as_long_as_they_are_kept(kept, number):
    for name in kept.names[:number]:
        del kept.blocks.objects[name]
    assert kept.broken() is not None


def test_what_has_expired_is_no_breach(kept):
    kept.note(days=2)
    for name in kept.names[:3]:  # all of the first day, and the mark that ends it, which is of the second day's age
        del kept.blocks.objects[name]
    assert kept.broken(now=NOW + timedelta(days=1)) is None
    assert kept.broken(now=NOW - timedelta(days=1)) is not None


def test_what_expired_before_lines_were_to_be_kept_longer_is_no_breach(kept):
    for name in kept.names[:3]:
        del kept.blocks.objects[name]
    assert kept.broken() is not None
    kept.note(kept_from=DAYS[1])
    assert kept.broken() is None
    del kept.blocks.objects[kept.names[0]]
    assert kept.broken() is None  # of the same day: S3 takes a day's blocks one after the other
    for name in kept.names[:2]:
        del kept.blocks.objects[name]
    assert kept.broken() is not None


def test_an_archive_that_has_expired_altogether_is_no_breach(kept):
    kept.note(days=2)
    kept.blocks.objects.clear()
    assert kept.broken(now=NOW + timedelta(days=9)) is None
    assert kept.broken() is not None


def test_a_walk_since_some_day_follows_from_the_block_before(kept):
    for day in range(2, 5):
        assert kept.broken(since=datetime(2026, 11, day, tzinfo=UTC)) is None
    del kept.blocks.objects[kept.names[2]]  # the mark that ends the first day
    assert kept.broken(since=datetime(2026, 11, 3, tzinfo=UTC)) is not None
    assert kept.broken(since=datetime(2026, 11, 4, tzinfo=UTC)) is None


def test_a_line_behind_the_mark_of_its_day_s_end_shows(kept):
    """The hashes are right: nobody but a forger writes so, and the next block would lie in two places."""
    kept.add([end_of_day(kept.link, "2026-11-05"), line(99)])
    kept.note()
    assert kept.broken()[1] == "it follows the mark that ends its day"


def test_a_day_without_a_line_is_no_breach(kept):
    kept.add([end_of_day(kept.link, "2026-11-09")])
    kept.add([line(99)])
    kept.note()
    later = NOW + timedelta(days=5)
    assert kept.broken(now=later) is None
    assert kept.broken(since=datetime(2026, 11, 7, tzinfo=UTC), now=later) is None


def test_lines_after_the_end_that_the_table_knows_are_followed(kept):
    kept.add([line(99)])
    assert kept.broken() is None


def test_a_chain_of_another_table_is_refused(kept):
    kept.table.items.clear()
    assert kept.broken()[1] == "the table knows of no archive"


def test_an_object_of_somebody_else_is_named(kept):
    kept.blocks.add("conversations/notes.txt", b"hello")
    assert kept.broken()[0] == "conversations/notes.txt"


def test_a_swapped_pair_shows(kept):
    name = kept.names[0]
    kept.write(name, kept.lines(name)[::-1])
    assert kept.broken()[0] == f"{name} line 1"
