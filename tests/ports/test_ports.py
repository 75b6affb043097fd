"""The in-memory twins and the adapters to AWS (on moto) hold the same promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.clients import SIGNED
from deskwire.aws.queues import S3Archive, SqsMailbox, SqsParked
from deskwire.aws.table import DynamoTable
from deskwire.model.errors import ConfigurationError, DeskwireError, PayloadError, PermanentError
from deskwire.model.tickets import File
from deskwire.ports import (
    Absent,
    AbsentOr,
    AtMost,
    Conflict,
    Delete,
    Equals,
    Fewer,
    Lacks,
    Letter,
    Present,
    Put,
    Update,
)
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked, MemoryTable
from deskwire.ports.outbox import MOST, TableOutbox
from deskwire.timing import OUTBOX_SECONDS

KEY = ("T#one", "THREAD")


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


@pytest.fixture(params=["memory", "dynamodb"])
def table(request):
    if request.param == "memory":
        return MemoryTable()
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="deskwire",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "due_shard", "AttributeType": "S"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return DynamoTable(client, "deskwire")


def item(**values):
    return {"pk": KEY[0], "sk": KEY[1], **values}


def test_what_was_put_comes_back_with_its_types(table):
    values = {
        "text": "þ 👩‍👩‍👧",
        "number": 7,
        "truth": True,
        "bytes": b"\x00\xff",
        "list": ["a", 1],
        "map": {"x": None},
    }
    table.put(Put(item(**values)))
    assert table.get(KEY) == item(**values)


def test_there_is_nothing_where_nothing_was_put(table):
    assert table.get(("T#other", "THREAD")) is None


def test_a_second_put_meets_what_is_there(table):
    table.put(Put(item(by="first"), when=[("pk", Absent())]))
    with pytest.raises(Conflict) as conflict:
        table.put(Put(item(by="second"), when=[("pk", Absent())]))
    assert conflict.value.item["by"] == "first"
    assert table.get(KEY)["by"] == "first"


def test_an_update_makes_copies_appends_adds_and_removes_in_one_step(table):
    table.put(Put(item(clean=["a"], gone="x", count=2, pending=["a"])))
    after = table.update(
        Update(
            KEY,
            set={"owner": "w", "clean": []},
            initial={"created": 5, "owner2": "n"},
            add={"count": 3},
            append={"pending": "b"},
            copy={"was_clean": "clean"},
            remove=["gone"],
        )
    )
    assert after == item(clean=[], was_clean=["a"], count=5, pending=["a", "b"], owner="w", created=5, owner2="n")
    assert table.get(KEY) == after


def test_a_sum_may_be_named_by_any_word(table):
    names = {"n05 ": 1, "n05 mobile data": 2, "n05 برنامه": 3, "3": 4}
    for _ in range(2):
        table.transact([Update(KEY, add=names, initial={"expires": 7})])
    assert table.get(KEY) == item(expires=7, **{name: 2 * number for name, number in names.items()})


def test_an_update_makes_the_item_and_its_lists(table):
    after = table.update(Update(KEY, append={"pending": "a"}, copy={"was_clean": "clean"}, initial={"made": 1}))
    assert after == item(pending=["a"], was_clean=[], made=1)


def test_a_transaction_removes_too_and_only_as_a_whole(table):
    other = ("T#one", "M#other")
    table.put(Put(item(made=1)))
    with pytest.raises(Conflict):
        table.transact([Delete(KEY), Update(other, set={"made": 1}, when=[("made", Present())])])
    assert table.get(KEY) == item(made=1)
    table.transact([Delete(KEY), Delete(("T#one", "M#never")), Update(other, set={"made": 1})])
    assert table.get(KEY) is None
    assert table.get(other)["made"] == 1


def test_a_partition_is_read_to_its_end_however_large_it_is(table):
    for number in range(5):  # DynamoDB answers with a megabyte at most
        table.put(Put({"pk": "T#one", "sk": f"M#{number}", "words": "x" * 300_000}))
    assert [item["sk"] for item in table.query("T#one", "M#")] == [f"M#{number}" for number in range(5)]


def test_initial_values_do_not_replace(table):
    table.put(Put(item(made=1)))
    assert table.update(Update(KEY, initial={"made": 2}))["made"] == 1


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (("x", Absent()), False),
        (("y", Absent()), True),
        (("x", Present()), True),
        (("y", Present()), False),
        (("x", Equals(5)), True),
        (("x", Equals(6)), False),
        (("y", Equals(5)), False),
        (("x", AbsentOr(5)), True),
        (("x", AbsentOr(4)), False),
        (("y", AbsentOr(4)), True),
        (("x", AtMost(5)), True),
        (("x", AtMost(4)), False),
        (("y", AtMost(4)), True),
        (("list", Lacks("a")), False),
        (("list", Lacks("b")), True),
        (("y", Lacks("b")), True),
        (("list", Fewer(1)), False),
        (("list", Fewer(2)), True),
        (("y", Fewer(1)), True),
        (("none", Absent()), False),
        (("none", Present()), True),
        (("none", AbsentOr(4)), False),
        (("none", AtMost(4)), False),
    ],
)
def test_a_condition_decides(table, condition, holds):
    table.put(Put(item(x=5, list=["a"], none=None)))
    if holds:
        assert table.update(Update(KEY, set={"done": True}, when=[condition]))["done"] is True
    else:
        with pytest.raises(Conflict) as conflict:
            table.update(Update(KEY, set={"done": True}, when=[condition]))
        assert conflict.value.item == item(x=5, list=["a"], none=None)


def test_a_transaction_is_done_whole_or_not_at_all(table):
    table.put(Put(item(owner="a")))
    other = {"pk": "K#1", "sk": "THREAD", "thread": "one"}
    with pytest.raises(Conflict):
        table.transact([Put(other), Update(KEY, set={"x": 1}, when=[("owner", Equals("b"))])])
    assert table.get(("K#1", "THREAD")) is None
    table.transact([Put(other), Update(KEY, set={"x": 1}, when=[("owner", Equals("a"))])])
    assert table.get(("K#1", "THREAD")) == other
    assert table.get(KEY)["x"] == 1


def test_a_transaction_takes_a_hundred_writes_and_each_item_once(table):
    many = [Put({"pk": "T#many", "sk": f"M#{number:03}"}) for number in range(101)]
    for refused in (many, [many[0], many[0]]):
        with pytest.raises((ValueError, DeskwireError)):
            table.transact(refused)
    assert table.query("T#many") == []
    table.transact(many[:100])
    assert len(table.query("T#many")) == 100


def test_one_partition_is_listed_in_order_by_prefix(table):
    for sort_key in ("M#b", "M#a", "S#x", "THREAD"):
        table.put(Put({"pk": "T#one", "sk": sort_key}))
    table.put(Put({"pk": "T#two", "sk": "M#c"}))
    assert [found["sk"] for found in table.query("T#one", "M#")] == ["M#a", "M#b"]
    assert [found["sk"] for found in table.query("T#one")] == ["M#a", "M#b", "S#x", "THREAD"]


def test_only_what_is_due_is_found_earliest_first(table):
    for name, due in (("late", 300), ("soon", 100), ("now", 200)):
        table.put(Put({"pk": f"T#{name}", "sk": "THREAD", "due_shard": "3", "due_at": due}))
    table.put(Put({"pk": "T#elsewhere", "sk": "THREAD", "due_shard": "4", "due_at": 1}))
    assert table.due("3", 200, 10) == [("T#soon", 100), ("T#now", 200)]
    assert table.due("3", 300, 1) == [("T#soon", 100)]
    table.update(Update(("T#soon", "THREAD"), remove=["due_shard", "due_at"]))
    assert table.due("3", 200, 10) == [("T#now", 200)]


def test_a_table_that_is_not_there_is_a_matter_for_a_person(aws):
    with pytest.raises(ConfigurationError):
        DynamoTable(boto3.client("dynamodb"), "missing").get(KEY)


@pytest.fixture(params=["memory", "sqs"])
def mailbox(request):
    """Return a mailbox and a way to take everything out of it."""
    if request.param == "memory":
        box = MemoryMailbox()

        def taken():
            return [(letter.group, letter.body) for letter in iter(box.take, None)]

        return box, taken
    request.getfixturevalue("aws")
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="mailbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def received():
        found = []
        while True:
            messages = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"], VisibilityTimeout=60
            ).get("Messages", [])
            if not messages:
                return found
            for message in messages:
                found.append((message["Attributes"]["MessageGroupId"], message["Body"]))
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return SqsMailbox(client, url), received


def test_letters_arrive_in_order_however_many(mailbox):
    box, taken = mailbox
    box.send([Letter("g", f"d{number}", f"body {number}") for number in range(23)])
    assert taken() == [("g", f"body {number}") for number in range(23)]


def test_what_comes_twice_within_the_memory_comes_once(mailbox):
    box, taken = mailbox
    box.send([Letter("g", "same", "first")])
    box.send([Letter("g", "same", "second"), Letter("g", "other", "third")])
    assert taken() == [("g", "first"), ("g", "third")]


def test_the_twin_forgets_after_five_minutes_and_keeps_groups_apart():
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    box = MemoryMailbox(lambda: now[0])
    box.send([Letter("g", "same", "first")])
    box.send([Letter("h", "same", "other group")])  # DeduplicationScope=messageGroup; moto ignores the scope
    now[0] += timedelta(minutes=5)
    box.send([Letter("g", "same", "again")])
    assert [letter.body for letter in iter(box.take, None)] == ["first", "other group", "again"]


@pytest.fixture(params=["memory", "s3"])
def archive(request):
    if request.param == "memory":
        return MemoryArchive()
    request.getfixturevalue("aws")
    client = boto3.client("s3")
    client.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3Archive(client, "archive")


def test_the_archive_gives_back_what_it_was_given(archive):
    archive.keep("raw/one", b"\x00bytes")
    assert archive.fetch("raw/one") == b"\x00bytes"
    with pytest.raises(PermanentError):
        archive.fetch("raw/two")


def test_what_the_archive_lends_is_kept_and_has_an_address(archive):
    url = archive.lend("lent/a/0/plan.png", File("plan.png", "image/png", b"\x00bytes"))
    assert archive.fetch("lent/a/0/plan.png") == b"\x00bytes"
    assert urlsplit(url).scheme == "https"
    assert urlsplit(url).path.endswith("lent/a/0/plan.png")


def test_a_lent_file_is_loaded_as_what_it_is_and_for_an_hour(aws):
    client = boto3.client("s3", config=SIGNED)
    client.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    url = S3Archive(client, "archive").lend("lent/plan.png", File("plan.png", "image/png", b"png"))
    query = dict(parse_qsl(urlsplit(url).query))
    assert (query["X-Amz-Expires"], query["X-Amz-Algorithm"]) == ("3600", "AWS4-HMAC-SHA256")
    assert client.head_object(Bucket="archive", Key="lent/plan.png")["ContentType"] == "image/png"


@pytest.mark.parametrize("side", ["memory", "sqs"])
def test_what_is_parked_is_there(side, request):
    if side == "memory":
        parked = MemoryParked()
        parked.park("body")
        assert parked.bodies == ["body"]
        return
    request.getfixturevalue("aws")
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="parked")["QueueUrl"]
    SqsParked(client, url).park("body")
    assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "body"


# ---------------------------------------------------------------------------------------------------- the outbox


@pytest.fixture
def outbox(table):
    return TableOutbox(table, lambda: datetime(2026, 11, 2, 9, tzinfo=UTC))


def test_the_outbox_gives_each_text_once_in_order_and_goes_on_after_a_cursor(outbox):
    for number in range(12):
        outbox.put("chat/1/anna", f"key {number}", f"text {number}", automatic=number == 0)
    found = outbox.read("chat/1/anna", "")
    assert [each.text for each in found] == [f"text {number}" for number in range(12)]
    assert [each.automatic for each in found] == [True] + [False] * 11
    assert [each.text for each in outbox.read("chat/1/anna", str(found[9].number))] == ["text 10", "text 11"]
    assert outbox.read("chat/1/anna", str(found[-1].number)) == []


def test_what_is_put_again_stands_in_the_outbox_once(outbox):
    first = outbox.put("chat/1/anna", "key", "hello", automatic=False)
    assert outbox.put("chat/1/anna", "key", "hello", automatic=False) == first
    assert [each.id for each in outbox.read("chat/1/anna", "")] == [first]


def test_an_outbox_is_of_one_thread_and_gives_a_page_at_a_time(outbox):
    for number in range(MOST + 1):
        outbox.put("chat/1/anna", f"key {number}", "hello", automatic=False)
    assert outbox.read("chat/1/ann", "") == []
    page = outbox.read("chat/1/anna", "")
    assert len(page) == MOST
    assert len(outbox.read("chat/1/anna", str(page[-1].number))) == 1


def test_two_attempts_that_put_a_text_at_the_same_moment_leave_it_once(table):
    """Each looked before the other had written."""
    outbox = TableOutbox(table, lambda: datetime(2026, 11, 2, 9, tzinfo=UTC))
    looked = table.get
    table.get = lambda key: None if key[1].startswith("K#") else looked(key)
    first = outbox.put("chat/1/anna", "key", "hello", automatic=False)
    assert outbox.put("chat/1/anna", "key", "hello", automatic=False) == first
    outbox.put("chat/1/anna", "another key", "and more", automatic=False)
    assert [each.text for each in outbox.read("chat/1/anna", "")] == ["hello", "and more"]


def test_a_text_that_was_not_written_after_its_number_was_taken_hides_no_later_one(outbox):
    outbox.put("chat/1/anna", "one", "one", automatic=False)
    transact = outbox.table.transact
    outbox.table.transact = lambda writes: (_ for _ in ()).throw(RuntimeError("the machine is gone"))
    with pytest.raises(RuntimeError):
        outbox.put("chat/1/anna", "two", "two", automatic=False)
    outbox.table.transact = transact
    cursor = str(outbox.read("chat/1/anna", "")[-1].number)
    outbox.put("chat/1/anna", "two", "two", automatic=False)
    assert [each.text for each in outbox.read("chat/1/anna", cursor)] == ["two"]


def test_all_that_an_outbox_holds_is_forgotten_after_its_time(outbox):
    outbox.put("chat/1/anna", "key", "hello", automatic=False)
    items = outbox.table.query("V#chat/1/anna")
    assert {each["sk"][0] for each in items} == {"K", "L", "M"}
    assert {each["expires"] for each in items} == {int(outbox.clock().timestamp()) + OUTBOX_SECONDS}


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 13, "\u0663", "1 "])
def test_what_is_no_cursor_is_refused(outbox, cursor):
    with pytest.raises(PayloadError):
        outbox.read("chat/1/anna", cursor)
