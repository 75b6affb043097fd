"""The archive of conversations: each message and answer is a line of it once, whose words can be erased."""

from __future__ import annotations

import json

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import item
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.operating.erasing import Eraser, Person
from deskwire.operating.transcripts import Search, verify
from deskwire.ports.memory import MemoryBlocks, MemoryPile
from deskwire.transcripts import keys
from deskwire.transcripts.chain import CHAINED, END
from deskwire.watching.archiving import FIELDS, MOST, Archiver, draft_of
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.streams import StreamingTable, chosen

from .conftest import CUSTOMER, POLICY, START, Company

OTHER = "24900000000000018"
DAYS = 400
NIGHT = 16 * 3600


class Archived(Company):
    """The company of the stories, which archives what is said."""

    def __init__(self, clock, zendesk):
        super().__init__(clock, zendesk)
        self.streamed = StreamingTable(self.now)
        self.streamed.items = self.table.items
        for part in (self, self.conversation, self.sweeper, self.directory):
            object.__setattr__(part, "table", self.streamed)
        self.blocks = MemoryBlocks()
        self.keeps("words")

    def keeps(self, what):
        for definition in self.definitions:
            if hasattr(definition, "policy"):
                policy = Policy.model_validate({**POLICY, "archive": what})
                self.table.items[definition.key] = item(definition.model_copy(update={"policy": policy}))

    def archiver(self, **more):
        given = {"table": self.streamed, "blocks": self.blocks, "clock": self.now, "telemetry": self.telemetry}
        return Archiver(**given, days=DAYS, **more)

    @property
    def records(self):
        return chosen(self.streamed.stream, "ArchiveFunction")

    def archived(self, **more):
        """Have the whole stream archived, and return the lines that are there then."""
        assert self.archiver(**more).archive(self.records) == ""
        return self.lines_of_the_archive()

    def lines_of_the_archive(self):
        found = [json.loads(raw) for _, data in sorted(self.blocks.objects.items()) for raw in data.splitlines()]
        return [line for line in found if line["kind"] != END]

    def found(self, *words, **more):
        search = Search(self.streamed, self.blocks, words, **more)
        texts = [match.words["text"] for match in search.run(START, self.now())]
        assert not search.seen["unreadable"]
        return texts

    def whole(self):
        return verify(self.streamed, self.blocks, since=None, now=self.now()).broken is None

    def says(self, text, **more):
        self.deliver(self.message(text, **more))
        self.work()

    def erases(self, author=CUSTOMER):
        eraser = Eraser(
            table=self.streamed, archive=self.archive, parked=MemoryPile(self.parked.bodies), dead=MemoryPile([]),
            directory=self.directory, clock=self.now, owner=lambda: f"erase-{next(self.owners)}",
        )  # fmt: skip
        person = Person("messenger", author)
        previewed = eraser.preview(person)
        certificate = eraser.erase(person)
        assert certificate["complete"], certificate
        return previewed, certificate


@pytest.fixture
def northwind():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Archived(clock, zendesk)
        yield company
        company.close()


def answered(company, words="It is on its way."):
    company.tick(60)
    ticket = company.thread()["ticket"]
    company.zendesk.agent_replies(int(ticket), words)
    company.signalled(ticket)
    company.work()


def test_what_was_said_is_found_by_its_words_and_stands_nowhere_in_clear(northwind):
    northwind.says("My parcel 7731 is not hére.")
    answered(northwind)
    lines = northwind.archived()
    assert sorted(line["kind"] for line in lines) == ["acknowledgement", "answer", "message"]
    (first,) = [line for line in lines if line["kind"] == "message"]
    assert (first["channel"], first["connection"], first["outcome"]) == ("messenger", "page-dm", "filed")
    assert (first["ticket"], first["at"]) == (northwind.thread()["ticket"], "2026-11-02T09:00:00+00:00")
    assert northwind.found("here", "PARCEL") == ["My parcel 7731 is not hére."]
    assert northwind.found("on its way") == ["It is on its way."]
    assert northwind.found("Lindqvist", "parcel") == []
    assert northwind.found("parcel", person=f"messenger/{CUSTOMER}") == ["My parcel 7731 is not hére."]
    assert northwind.found("parcel", person=f"messenger/{OTHER}") == []
    northwind.says("No parcel for me.", customer=OTHER)
    northwind.archived()
    assert northwind.found("parcel", person=f"messenger/{OTHER}") == ["No parcel for me."]
    assert northwind.found("parcel", channel="facebook") == []
    assert all(set(line) == {*FIELDS, *CHAINED} for line in lines)
    stored = b"".join(northwind.blocks.objects.values())
    assert b"parcel" not in stored
    assert CUSTOMER.encode() not in stored
    assert northwind.whole()
    assert not [row for row in northwind.table.items.values() if "said" in row]


def test_a_redelivered_stream_adds_nothing_whichever_way_it_is_cut(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.says("Hello?", customer=OTHER)
    lines = northwind.archived()
    for size in (1, 2, 3):
        for start in range(0, len(northwind.records), size):
            assert northwind.archiver().archive(northwind.records[start : start + size]) == ""
    assert northwind.lines_of_the_archive() == lines
    northwind.tick(NIGHT)
    assert northwind.archived() == lines
    assert northwind.whole()


def test_days_follow_one_another_in_the_chain(northwind):
    for number in range(3):
        northwind.says(f"message {number}")
        northwind.archived()
        northwind.tick(2 * 86_400)
    assert {name.split("/")[1] for name in northwind.blocks.objects} == {
        "day=2026-11-02", "day=2026-11-04", "day=2026-11-06"
    }  # fmt: skip
    assert northwind.whole()


class Torn(MemoryBlocks):
    """A bucket that another worker writes to at the moment this one does."""

    def __init__(self, before, other):
        super().__init__()
        self.objects = before.objects
        self.other = other

    def add(self, name, data):
        other, self.other = self.other, None
        if other is not None:
            other()
        return super().add(name, data)


def test_two_workers_with_the_same_batch_write_each_line_once(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.says("Hello?", customer=OTHER)
    records = northwind.records
    other = northwind.archiver()
    torn = northwind.archiver()
    object.__setattr__(torn, "blocks", Torn(northwind.blocks, lambda: other.archive(records[1:])))
    assert torn.archive(records) == ""
    lines = northwind.lines_of_the_archive()
    assert len({line["id"] for line in lines}) == len(lines) == len([each for each in records if draft_of(each)])
    assert sorted(northwind.found("")) == ["Hello?", "My parcel 7731 is not here."]
    assert northwind.whole()


def test_a_batch_of_several_blocks_is_written_once_though_another_worker_has_a_part_of_it(northwind):
    """The other one's block holds lines of this one's first block and of its second one."""
    for number in range(60):
        northwind.deliver(northwind.message(f"message {number}", customer=f"249000000001{number:05}"))
    northwind.work()
    records = northwind.records
    assert MOST < len(records) < 2 * MOST
    other, torn = northwind.archiver(), northwind.archiver()
    object.__setattr__(torn, "blocks", Torn(northwind.blocks, lambda: other.archive(records[len(records) - MOST :])))
    assert torn.archive(records) == ""
    lines = northwind.lines_of_the_archive()
    assert len({line["id"] for line in lines}) == len(lines) == len(records)
    assert northwind.whole()


class Early(StreamingTable):
    """A table whose first answer about the chain's end is one of before another worker noted it."""

    def __init__(self, before, other):
        super().__init__(before.now)
        self.items = before.items
        self.other = other

    def get(self, key):
        found = super().get(key)
        other, self.other = self.other, None
        if other is not None:
            other()
        return found


def test_the_day_on_which_a_chain_begins_is_noted_once(northwind):
    northwind.says("My parcel 7731 is not here.")
    records, late = northwind.records, northwind.archiver()

    def other():
        assert northwind.archiver().archive(records[:1]) == ""
        northwind.tick(NIGHT)

    object.__setattr__(late, "table", Early(northwind.streamed, other))
    assert late.archive(records) == ""
    assert len(northwind.lines_of_the_archive()) == 2
    assert northwind.whole()


def test_a_record_that_is_twice_in_one_batch_is_one_line(northwind):
    northwind.says("My parcel 7731 is not here.")
    assert northwind.archiver().archive([each for each in northwind.records for _ in range(2)]) == ""
    assert len(northwind.lines_of_the_archive()) == 2


def test_what_expired_before_lines_were_to_be_kept_longer_is_not_missed(northwind):
    """`TranscriptDays` goes from ten days to four hundred: what is older than ten days is gone."""
    for number in range(4):
        northwind.says(f"message {number}")
        archiver = northwind.archiver()
        object.__setattr__(archiver, "days", 10 if number < 3 else DAYS)
        assert archiver.archive(northwind.records) == ""
        northwind.tick(10 * 86_400)
    days = sorted(northwind.blocks.objects)
    del northwind.blocks.objects[days[0]]
    assert northwind.whole()
    for name in days[1:-1]:
        del northwind.blocks.objects[name]
    assert not northwind.whole()


def test_two_workers_who_begin_a_chain_at_midnight_begin_one(northwind):
    northwind.says("My parcel 7731 is not here.")
    records = northwind.records
    late = northwind.archiver()

    def other():
        northwind.tick(NIGHT)
        northwind.archiver().archive(records)

    object.__setattr__(late, "blocks", Torn(northwind.blocks, other))
    assert late.archive(records) == ""
    assert northwind.whole()
    assert len(northwind.lines_of_the_archive()) == 2


@pytest.mark.parametrize("trouble", [TemporaryError("S3: SlowDown"), ConfigurationError("S3 refuses")])
def test_what_s3_refuses_is_redelivered(northwind, trouble):
    northwind.says("My parcel 7731 is not here.")

    class Refusing(MemoryBlocks):
        def add(self, name, data):
            raise trouble

    archiver = northwind.archiver()
    object.__setattr__(archiver, "blocks", Refusing())
    assert archiver.archive(northwind.records) == northwind.records[0]["dynamodb"]["SequenceNumber"]
    northwind.archived()
    assert northwind.found("parcel") == ["My parcel 7731 is not here."]


def test_a_stranger_s_block_stops_the_archive_and_is_never_built_on(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.blocks.add("conversations/day=2026-11-02/0000000001.jsonl", b'{"kind":"forged"}\n')
    assert northwind.archiver().archive(northwind.records) != ""
    assert len(northwind.blocks.objects) == 1
    assert northwind.counted("ArchiveErrors") == 1


def test_who_is_erased_can_be_read_no_more_and_the_chain_stays_whole(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.says("Mine neither.", customer=OTHER)
    answered(northwind, "We look for it.")
    lines = northwind.archived()
    northwind.tick(60)
    previewed, certificate = northwind.erases()
    assert previewed.keys == 1
    assert certificate["keys"] == 2  # the person's, and that of the conversation with them alone
    assert northwind.found("") == ["Mine neither."]
    assert northwind.lines_of_the_archive() == lines
    assert northwind.whole()
    kept = [key for key in northwind.table.items if key[1] == "KEY"]
    assert len(kept) == 2  # the other person's


def test_who_is_known_to_the_archive_alone_can_be_erased(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.archived()
    for key in [key for key in northwind.table.items if key[0].startswith("T#")]:
        del northwind.table.items[key]
    previewed, certificate = northwind.erases()
    assert previewed
    assert certificate["keys"] == 1
    assert northwind.found("parcel") == []


def test_what_was_erased_before_it_was_archived_never_is_and_what_is_written_later_is(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.tick(60)
    northwind.erases()
    (ack, line) = northwind.archived()
    assert (line["withheld"], line["words"], line["person"], line["conversation"]) == ("erased", "", "", "")
    assert ack["kind"] == "acknowledgement"
    northwind.tick(60)
    northwind.says("I am back.")
    northwind.archived()
    assert northwind.found("") == ["I am back."]
    assert northwind.whole()


def test_what_was_written_in_the_second_of_an_erasure_is_erased(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.erases()
    assert [line["withheld"] for line in northwind.archived() if line["kind"] == "message"] == ["erased"]


def test_a_person_has_a_key_for_each_channel_and_one_for_all_spellings_of_an_address(northwind):
    assert keys.person("messenger", CUSTOMER) != keys.person("messenger", OTHER)
    assert keys.person("messenger", CUSTOMER) != keys.person("instagram", CUSTOMER)
    assert keys.person("email", "Marta@Example.org") == keys.person("email", "marta@example.org")
    assert keys.person("messenger", CUSTOMER) != keys.conversation(northwind.message("")["id"])


def test_an_erasure_while_a_key_is_made_is_not_undone(northwind):
    """Between looking for a key and making one, the person is erased: nothing is sealed under a new one."""
    now = int(START.timestamp())
    owner, known = keys.person("messenger", CUSTOMER), keys.Keys(table=northwind.streamed, days=DAYS)
    assert known._found(owner, now) == (None, 0, "")
    keys.destroy(northwind.streamed, owner, now + 5)
    with pytest.raises(TemporaryError):
        known._made(owner, 0, "", now)
    assert keys.name_of(northwind.streamed, owner) == ""


def test_a_key_that_has_expired_is_followed_by_another(northwind):
    now, owner = int(START.timestamp()), keys.person("messenger", CUSTOMER)
    first = keys.Keys(table=northwind.streamed, days=DAYS).key(owner, now, now)
    del northwind.table.items[keys.key_item(first.name)]  # DynamoDB took it before the note of its name
    second = keys.Keys(table=northwind.streamed, days=DAYS).key(owner, now, now)
    assert second.name != first.name
    assert keys.named(northwind.streamed, second.name) == second


def test_a_key_lives_longer_than_the_last_line_that_needs_it(northwind):
    now, owner = int(START.timestamp()), keys.person("messenger", CUSTOMER)
    for month in range(30):
        at = now + month * 30 * keys.DAY
        key = keys.Keys(table=northwind.streamed, days=DAYS).key(owner, at, at)
        assert northwind.table.items[keys.key_item(key.name)]["expires"] >= at + DAYS * keys.DAY
    assert len([key for key in northwind.table.items if key[1] == "KEY"]) == 1


def unsent(company, mid):
    entry = company.message("", mid=mid)
    message = entry["messaging"][0]["message"]
    message.clear()
    message.update({"mid": mid, "is_deleted": True})
    return entry


@pytest.mark.parametrize("first", ["archived", "still to be archived"])
def test_what_a_customer_takes_back_can_be_read_no_more_and_the_rest_can(northwind, first):
    northwind.says("My card is 4242.", mid="m_back")
    northwind.says("Where is my parcel?")
    if first == "archived":
        northwind.archived()
        assert len(northwind.found("")) == 2
    northwind.tick(60)
    assert northwind.deliver(unsent(northwind, "m_back")) == 200
    northwind.work()
    lines = northwind.archived()
    assert [line["kind"] for line in lines].count("deletion") == 1
    assert northwind.found("") == ["Where is my parcel?"]
    northwind.archived()
    assert northwind.found("") == ["Where is my parcel?"]
    assert northwind.whole()


def test_words_that_a_platform_lets_nobody_keep_end_with_its_term(northwind, monkeypatch):
    until = int(START.timestamp()) + 2 * 86_400
    monkeypatch.setattr(type(northwind.conversation), "_keep_until", lambda *_: until)
    northwind.says("My parcel 7731 is not here.")
    northwind.archived()
    (salt,) = [row for key, row in northwind.table.items.items() if key[1].startswith("SALT#")]
    assert salt["expires"] == until
    assert northwind.found("parcel") == ["My parcel 7731 is not here."]
    northwind.tick(2 * 86_400 + 1)
    assert northwind.found("parcel") == []  # also while DynamoDB has not taken it away
    assert northwind.whole()


def test_words_whose_term_is_over_never_get_into_the_archive(northwind, monkeypatch):
    monkeypatch.setattr(type(northwind.conversation), "_keep_until", lambda *_: int(START.timestamp()) + 60)
    northwind.says("My parcel 7731 is not here.")
    northwind.tick(60)
    (line,) = [line for line in northwind.archived() if line["kind"] == "message"]
    assert (line["withheld"], line["words"]) == ("terms", "")


def test_a_policy_keeps_facts_alone_or_nothing(northwind):
    northwind.keeps("facts")
    northwind.says("My parcel 7731 is not here.")
    answered(northwind)
    lines = northwind.archived()
    assert {line["withheld"] for line in lines} == {"policy"}
    assert northwind.found("") == []
    northwind.keeps("none")
    northwind.says("Where is it?")
    assert northwind.archived() == lines


def test_the_answer_s_words_are_noted_only_where_they_are_archived(northwind):
    northwind.keeps("none")
    northwind.says("My parcel 7731 is not here.")
    answered(northwind)
    assert "said" not in json.dumps([record["dynamodb"].get("OldImage", {}) for record in northwind.streamed.stream])


def test_a_moved_ciphertext_does_not_open(northwind):
    northwind.says("My parcel 7731 is not here.")
    northwind.says("Where is it?")
    one, two = (line for line in northwind.archived() if line["kind"] == "message")
    key = keys.named(northwind.streamed, one["person"])
    salt = northwind.table.items[keys.salt_item(one["object"], one["id"])]["salt"]
    assert key.open(one["id"], one["words"], salt)["text"] == "My parcel 7731 is not here."
    assert key.open(two["id"], one["words"], salt) is None
    assert key.open(one["id"], two["words"], salt) is None
    assert key.secret.hex() not in repr(key)


def test_what_it_costs_in_calls_of_the_table_and_of_s3(northwind):
    """docs/archive.md states the price: of a customer's first message, and of each further one."""
    northwind.says("My parcel 7731 is not here.")
    northwind.archived()
    northwind.says("Where is it?")
    records = [each for each in northwind.records if "m_2" in each["dynamodb"]["Keys"]["sk"]["S"]]
    assert records
    northwind.streamed.calls.clear()
    before = len(northwind.blocks.objects)
    assert northwind.archiver().archive(records) == ""
    reads = ["get"] * 6 + ["query"]  # the end, the connection, two keys by two reads each; the tokens
    assert sorted(northwind.streamed.calls) == sorted([*reads, "put", "transact"])
    assert len(northwind.blocks.objects) == before + 1
