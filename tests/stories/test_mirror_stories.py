"""Two desks: what is filed in one is copied into the other, which answers nobody, and whose outage touches nobody."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from cli import audit as audits
from cli import thread as conversation
from deskwire.care.policy import Policy
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, HelpdeskConnection, connection_key, item
from deskwire.conversation.mirroring import ENDED
from deskwire.letters import notices
from deskwire.model.errors import TemporaryError
from deskwire.model.notices import Notice, Purpose
from deskwire.model.secret import Secrets
from deskwire.model.tickets import File
from deskwire.operating.auditing import audit, mend
from deskwire.operating.erasing import Eraser, Person
from deskwire.ports import Letter, Put, Update
from deskwire.ports.memory import MemoryPile
from deskwire.registry import helpdesk
from deskwire.watching.mirroring import MirrorWatch
from deskwire.watching.watcher import Watcher
from deskwire.web.request import Request
from deskwire.web.rest import with_hosts
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Clock, broken, cut_after
from tests.streams import StreamingTable, matches, patterns

from .conftest import CUSTOMER, PAGE, POLICY, SECRETS, START, Company
from .test_costs_stories import Metering, exchange

ROOT = Path(__file__).parents[2]
PATTERNS = patterns()  # of the template
HOUR = 3600
OTHER = "24900000000000018"


class Moving(Company):
    """The company of the stories, which files into `acme` and is about to move to `nova`."""

    def __init__(self, clock, zendesk, nova):
        self.nova = nova
        super().__init__(clock, zendesk)
        self.streamed = StreamingTable(self.now)
        self.streamed.items = self.table.items
        for part in (self, self.conversation, self.sweeper, self.directory):
            object.__setattr__(part, "table", self.streamed)
        self.published, self.delivered = [], 0
        self.watcher = Watcher(
            table=self.table, telemetry=self.telemetry, bus=self, mirrors=MirrorWatch(self.mailbox, self.telemetry)
        )
        second = HelpdeskConnection(
            name="nova", connector="zendesk", endpoint="second", secret="zendesk",
            settings={"subdomain": "nova", "email": "deskwire@acme.example"},
        )  # fmt: skip
        webhook = Endpoint(name="second", side="helpdesks", connectors=("zendesk",), secret="zendesk", helpdesk="nova")
        for definition in (second, webhook):
            self.table.put(Put(item(definition)))
        keys = [*self.table.get(INDEX_KEY)["keys"], list(second.key)]
        self.table.update(Update(INDEX_KEY, set={"keys": keys}))
        self.connections(mirror="nova")

    def connect(self):
        hosts = {each.host: each.address for each in (self.zendesk, self.nova)}
        self._direct = with_hosts(self._open, hosts)

    def connections(self, **changes):
        """Change the connections, as `deskwire apply` does, and let the minute pass for which they are remembered."""
        for channel in ("messenger", "facebook"):
            key = connection_key(channel, PAGE)
            known = Connection.read(self.table.get(key)["definition"])
            self.table.put(Put(item(known.model_copy(update=changes))))
        self.tick(61)

    def publish(self, events):
        self.published += [json.loads(json.dumps(each["Detail"])) for each in events]

    def watch(self, *, again=False):
        """Let watch take what is new on the stream, or all of it once more."""
        records = [each for each in self.streamed.stream if any(matches(each, pattern) for pattern in PATTERNS)]
        new = records if again else records[self.delivered :]
        self.delivered = len(records)
        assert self.watcher.watch(new) == ""

    def work(self):
        """Work and watch until nothing is new."""
        done = []
        for _ in range(6):
            done += super().work()
            self.watch()
        return done

    def signalled_by_nova(self, ticket, invocation="INVOCATION-N1"):
        request = Request(
            method="POST", endpoint="second", body=json.dumps({"ticket_id": str(ticket)}).encode(),
            headers={"x-zendesk-webhook-invocation-id": invocation, "content-type": "application/json"},
            received_at=self.now(),
        )  # fmt: skip
        signed = helpdesk("zendesk").verification.sign(request, Secrets(SECRETS["zendesk"]), self.now())
        return self.receiver.handle(gateway_event(signed, side="helpdesks"))["statusCode"]

    def answers(self, words, ticket=None, files=()):
        """Let an agent answer in the first desk, and the answer be sent."""
        ticket = ticket or self.zendesk.tickets[-1].id
        self.zendesk.agent_replies(int(ticket), words, files=files)
        assert self.signalled(ticket, f"INVOCATION-{next(self.numbers)}") == 200
        self.work()

    def copies(self):
        """Return what stands in the second desk, ticket by ticket."""
        return [[each.words for each in self.nova.comments(ticket.id)] for ticket in self.nova.tickets]

    def heard(self):
        """Return what the customers were told."""
        return [sent["message"]["text"] for sent in self.graph.sent if "text" in sent.get("message", {})]


@pytest.fixture
def moving():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk, Zendesk(clock, subdomain="nova") as nova:
        company = Moving(clock, zendesk, nova)
        yield company
        company.close()


def says(moving, *texts, **more):
    for text in texts:
        assert moving.deliver(moving.message(text, **more)) == 200
        moving.work()
        moving.tick(5)


def test_what_is_filed_is_copied_with_its_answers(moving):
    says(moving, "Where is my parcel?", "It is number 4471.")
    moving.answers("It left Keflavík this morning.")
    (ticket,) = moving.copies()
    assert ["Where is my parcel?" in words for words in ticket] == [True, False, False]
    assert "4471" in ticket[1]
    assert "It left Keflavík this morning." in ticket[2]
    assert "in acme, ticket" in ticket[2]
    assert moving.heard()[-1] == "It left Keflavík this morning."
    assert len(moving.heard()) == 2


def test_a_mirror_that_is_down_for_hours_touches_nobody_and_then_holds_everything_once_in_order(moving):
    moving.nova.faults.add(broken(503), times=1_000_000)
    names = ["one", "two", "three"]
    for hour in range(4):
        for each in names:
            says(moving, f"{each} asks for the {hour}. time", customer=f"2490000000000002{names.index(each)}")
            assert f"{each} asks for the {hour}. time" in "".join(moving.comments())
        for _ in range(12):
            moving.later(300)
    assert len(moving.heard()) == len(names)
    assert not moving.copies()
    assert oldest(moving, "nova") > 3 * HOUR
    assert oldest(moving, "acme") == 0
    moving.nova.faults.clear()
    for _ in range(10):
        moving.later(120)
    tickets = moving.copies()
    assert len(tickets) == len(names)
    for each in names:
        (words,) = [ticket for ticket in tickets if each in ticket[0]]
        whole = "".join(words)
        said = [whole.find(f"{each} asks for the {hour}. time") for hour in range(4)]
        assert -1 not in said
        assert said == sorted(said)
        assert whole.count("asks for") == 4
    assert oldest(moving, "nova") == 0
    assert len(moving.heard()) == len(names)


def oldest(moving, desk):
    """Return what sweep said last of how long the helpdesk's oldest message waits."""
    lines = [json.loads(line) for line in moving.lines]
    return [
        line["OldestUncopiedSeconds"]
        for line in lines
        if line.get("helpdesk") == desk and "OldestUncopiedSeconds" in line
    ][-1]


def test_the_commands_say_how_far_a_conversation_is_copied(moving, capsys):
    says(moving, "Where is my parcel?")
    moving.answers("It left this morning.")
    moving.nova.faults.add(broken(503), times=1_000_000)
    says(moving, "It is number 4471.")
    assert mirror_of(moving) == {"helpdesk": "nova", "ticket": "88001", "copied": 2, "behind": 1, "given_up": []}
    assert copies_of(moving) == {"copied": 1, "behind": 1, "given_up": {}}
    moving.connections(mirror="")
    for _ in range(10):
        moving.later(300)
    assert mirror_of(moving)["given_up"] == [ENDED]
    assert copies_of(moving) == {"copied": 1, "behind": 0, "given_up": {"suppressed": 1}}
    conversation._tell(conversation.described(conversation.look(moving.table, moving.thread()["pk"][2:]), text=False))
    assert "nova/88001" in capsys.readouterr().out


def mirror_of(moving):
    """Return what `deskwire thread --json` says of the mirror."""
    found = conversation.look(moving.table, moving.thread()["pk"][2:])
    (mirror,) = conversation.described(found, text=False)["mirrors"]
    return mirror


def copies_of(moving):
    """Return what `deskwire audit --json` says of copies."""
    return audits.described(audit(moving.table, since=START, now=moving.now()))["copies"]


def test_a_copy_whose_letter_is_still_on_its_way_is_behind(moving):
    says(moving, "Where is my parcel?")
    moving.watch = lambda **_: None
    says(moving, "It is number 4471.")
    assert mirror_of(moving)["behind"] == 1


def test_an_edit_and_a_deletion_are_copied_as_they_were_filed(moving):
    says(moving, "my telephone is 555-0199")
    said = moving.copies()[0][0]
    assert "555-0199" in said
    entry = moving.message("x", mid="m_1")
    entry["messaging"][0]["message"] = {"mid": "m_1", "is_deleted": True}
    assert moving.deliver(entry) == 200
    moving.work()
    (ticket,) = moving.copies()
    assert "deleted" in ticket[-1]
    assert not any("555-0199" in words for words in ticket)


def test_watch_may_tell_it_again_and_a_worker_may_die(moving):
    says(moving, "Where is my parcel?")
    moving.watch(again=True)
    moving.tick(400)
    moving.watch(again=True)
    moving.work()
    assert [len(ticket) for ticket in moving.copies()] == [1]
    moving.nova.faults.add(cut_after(), method="PUT", times=1)
    says(moving, "It is number 4471.")
    for _ in range(5):
        moving.later(60)
    assert [len(ticket) for ticket in moving.copies()] == [2]


def test_an_answer_in_the_mirror_reaches_nobody_and_the_agent_is_told_where_to_answer(moving):
    says(moving, "Where is my parcel?")
    heard = len(moving.heard())
    (ticket,) = moving.nova.tickets
    moving.nova.agent_replies(ticket.id, "We are looking at it.")
    for number in (1, 2):
        assert moving.signalled_by_nova(ticket.id, f"INVOCATION-N{number}") == 200
        moving.work()
    assert len(moving.heard()) == heard
    notes = [words for words in moving.copies()[0] if "NOT sent to the customer" in words]
    assert len(notes) == 1
    assert f"Please answer in acme, ticket {moving.zendesk.tickets[0].id}" in notes[0]
    assert moving.counted("Unanswerable") == 0


def test_nothing_is_counted_twice_and_outcomes_name_the_mirror(moving):
    says(moving, "Where is my parcel?", "It is number 4471.")
    moving.answers("It left this morning.")
    figures = Counter()
    for (pk, sk), row in moving.table.items.items():
        if pk.startswith("F#messenger/") and not sk.startswith("C#"):
            figures.update({name: value for name, value in row.items() if isinstance(value, int) and name != "expires"})
    assert (figures["messages"], figures["tickets"], figures["answers"]) == (2, 1, 1)
    assert figures["mirrored"] == 3
    copied = [each for each in moving.published if each["mirror"]]
    assert {each["mirror"] for each in copied} == {"nova"}
    assert Counter(each["kind"] for each in copied) == {"message": 2, "note": 1}
    assert {each["account"] for each in copied} == {PAGE}
    assert len({each["id"] for each in moving.published}) == len(moving.published)
    moving.telemetry.flush()
    assert moving.counted("Mirrored") >= 3
    found = audit(moving.table, since=START, now=moving.now())
    assert found.outcomes == {"filed": 3}
    assert found.mirrored == {"filed": 2}
    assert not found.strays


def test_what_watch_lost_is_named_by_the_audit_and_mended(moving):
    says(moving, "Where is my parcel?")
    moving.watch = lambda **_: None
    says(moving, "It is number 4471.")
    moving.tick(HOUR)
    found = audit(moving.table, since=START, now=moving.now())
    assert [stray.state for stray in found.strays] == ["not mirrored"]
    assert mend(moving.table, moving.mailbox, moving.archive, found.strays, moving.now()) == 1
    moving.work()
    assert "4471" in moving.copies()[0][1]
    assert not audit(moving.table, since=START, now=moving.now()).strays


PLAN = ("plan.png", "image/png", b"png")


@pytest.fixture
def shelf(moving):
    """Where the first helpdesk's files lie."""
    fetch = lambda call, hosts: File("plan.png", "application/octet-stream", b"png")  # noqa: E731
    object.__setattr__(moving.directory, "fetch", fetch)
    return moving.archive.objects


def copied_files(moving):
    """Return the names and the bytes of what is attached in the second desk, comment by comment."""
    comments = [each for ticket in moving.nova.tickets for each in moving.nova.comments(ticket.id)]
    return [[(file.name, file.data) for file in each.files] for each in comments]


def test_the_files_of_an_answer_are_copied_with_it(moving, shelf):
    says(moving, "Where is my parcel?")
    moving.answers("Here is the plan.", files=[PLAN])
    assert copied_files(moving) == [[], [("plan.png", b"png")]]
    assert "Attached: plan.png" in moving.copies()[0][1]
    assert {name.split("/")[0] for name in shelf} == {"copied"}
    assert moving.graph.sent[-1]["message"]["attachment"]["payload"]["url"].startswith("https://archive.example/copied")


def test_a_file_that_waits_for_a_mirror_is_there_after_its_outage(moving, shelf):
    says(moving, "Where is my parcel?")
    moving.nova.faults.add(broken(503), times=1_000_000)
    moving.answers("Here is the plan.", files=[PLAN])
    for _ in range(12):
        moving.later(300)
    moving.nova.faults.clear()
    for _ in range(5):
        moving.later(300)
    assert copied_files(moving) == [[], [("plan.png", b"png")]]


def test_a_file_that_the_archive_keeps_no_more_is_named(moving, shelf):
    says(moving, "Where is my parcel?")
    moving.nova.faults.add(broken(503), times=1_000_000)
    moving.answers("Here is the plan.", files=[PLAN])
    shelf.clear()
    moving.nova.faults.clear()
    for _ in range(5):
        moving.later(300)
    assert copied_files(moving) == [[], []]
    assert "The file plan.png is not here" in moving.copies()[0][1]


def test_a_file_that_has_expired_is_named_though_the_archive_does_not_say_that_it_is_gone(moving, shelf, monkeypatch):
    """Who may not list a bucket is told 403 there, not 404."""
    says(moving, "Where is my parcel?")
    monkeypatch.setattr(moving, "watch", lambda **_: None)
    moving.answers("Here is the plan.", files=[PLAN])
    monkeypatch.undo()
    moving.delivered = len(moving.streamed.stream)
    moving.tick(17 * 24 * HOUR)
    object.__setattr__(moving.conversation.archive, "fetch", refused)
    mend(moving.table, moving.mailbox, moving.archive, audit(moving.table, since=START, now=moving.now()).strays,
         moving.now())  # fmt: skip
    moving.work()
    assert "The file plan.png is not here" in moving.copies()[0][1]


def test_a_file_that_the_archive_cannot_give_now_is_waited_for_and_holds_up_no_other_copy(moving, shelf, monkeypatch):
    says(moving, "Where is my parcel?")
    monkeypatch.setattr(moving.archive, "fetch", refused)
    moving.answers("Here is the plan.", files=[PLAN])
    for _ in range(12):
        moving.later(60)
    says(moving, "Are you open?", customer=OTHER)
    assert [len(ticket) for ticket in moving.copies()] == [1, 1]
    assert not [key for key in moving.table.items if key[1] == "HEALTH"], "the helpdesk is left alone"
    monkeypatch.undo()
    for _ in range(5):
        moving.later(300)
    assert [len(ticket) for ticket in moving.copies()] == [2, 1]
    assert ("plan.png", b"png") in copied_files(moving)[1]


def refused(_):
    raise TemporaryError("S3: SlowDown")


def test_the_files_of_an_answer_are_erased(moving, shelf):
    says(moving, "my telephone is 555-0199")
    moving.answers("Here is the plan.", files=[PLAN])
    (name,) = shelf
    shelf[f"{name} once more"] = b"png"  # from a worker that died before it noted this
    assert erased(moving)["files"] == 2
    assert not shelf
    assert "plan.png" not in str(copied_files(moving))
    assert not [row for (pk, _), row in moving.table.items.items() if pk.startswith("T#") and "files" in row]


def test_what_a_customer_is_told_of_an_incident_is_copied(moving):
    says(moving, "The app does not work")
    place = {"channel": "messenger", "account": PAGE, "thread": f"messenger/{PAGE}/{CUSTOMER}"}
    told = Notice(
        incident="20261102-3f9c1", purpose=Purpose.UPDATE, number=1, texts={"en": "It works."}, default="en", **place
    )
    joined = Notice(incident="20261102-3f9c1", purpose=Purpose.JOINED, words="Belongs to the incident.", **place)
    moving.mailbox.send(notices([joined, told], moving.now().isoformat()))
    moving.work()
    assert moving.heard()[-1] == "It works."
    (ticket,) = moving.copies()
    assert ["It works." in words for words in ticket] == [False, True]
    assert "told about the incident 20261102-3f9c1 (update 1)" in ticket[1]
    assert not audit(moving.table, since=START, now=moving.now()).strays


def test_an_update_whose_copy_was_lost_is_astray_and_is_copied_again(moving, monkeypatch):
    says(moving, "The app does not work")
    told = Notice(
        incident="20261102-3f9c1", purpose=Purpose.UPDATE, number=1, texts={"en": "It works."}, default="en",
        channel="messenger", account=PAGE, thread=f"messenger/{PAGE}/{CUSTOMER}",
    )  # fmt: skip
    joined = Notice(
        incident="20261102-3f9c1", purpose=Purpose.JOINED, words="Belongs to the incident.",
        channel="messenger", account=PAGE, thread=f"messenger/{PAGE}/{CUSTOMER}",
    )  # fmt: skip
    monkeypatch.setattr(moving, "watch", lambda **_: None)
    moving.mailbox.send(notices([joined, told], moving.now().isoformat()))
    moving.work()
    monkeypatch.undo()
    moving.delivered = len(moving.streamed.stream)
    moving.tick(HOUR)
    found = audit(moving.table, since=START, now=moving.now())
    assert [stray.key for stray in found.strays] == ["update/20261102-3f9c1/1"]
    assert mend(moving.table, moving.mailbox, moving.archive, found.strays, moving.now()) == 1
    moving.work()
    assert "It works." in moving.copies()[0][1]
    assert not audit(moving.table, since=START, now=moving.now()).strays


def test_what_waits_for_a_mirror_ends_by_itself_once_there_is_none(moving):
    moving.nova.faults.add(broken(503), times=1_000_000)
    says(moving, "Where is my parcel?")
    moving.answers("It left this morning.")
    moving.connections(mirror="")
    for _ in range(10):
        moving.later(300)
    ended = [row for (pk, sk), row in moving.table.items.items() if pk.startswith("T#mirror/") and sk.startswith("M#")]
    assert {(row["state"], row["reason"]) for row in ended} == {("suppressed", ENDED)}
    assert len(ended) == 2
    assert not [
        key
        for key, row in moving.table.items.items()
        if key[1] in {"THREAD", "UNFILED"} and "due_shard" in row and key[0].startswith("T#mirror")
    ]
    assert [each["reason"] for each in moving.published if each["mirror"]] == [ENDED] * 2


def test_what_waits_for_a_helpdesk_that_is_no_more_ends_too(moving):
    moving.nova.faults.add(broken(503), times=1_000_000)
    says(moving, "Where is my parcel?")
    moving.connections(mirror="")
    del moving.table.items[HelpdeskConnection(name="nova", connector="zendesk", secret="x").key]
    moving.tick(61)
    for _ in range(10):
        moving.later(300)
    ended = [row for (pk, sk), row in moving.table.items.items() if pk.startswith("T#mirror/") and sk.startswith("M#")]
    assert {(row["state"], row["reason"]) for row in ended} == {("suppressed", ENDED)}


def erased(moving):
    """Erase the customer; return the certificate."""
    eraser = Eraser(
        table=moving.table, archive=moving.archive, parked=MemoryPile([]), dead=MemoryPile([]),
        directory=moving.directory, clock=moving.now, owner=lambda: f"erase-{next(moving.owners)}",
    )  # fmt: skip
    return eraser.erase(Person("messenger", CUSTOMER))


def test_who_is_erased_is_erased_in_the_mirror(moving):
    says(moving, "my telephone is 555-0199", "Hello?")
    moving.answers("Dear Marta, call 555-0100.")
    assert "555-0199" in str(moving.copies())
    certificate = erased(moving)
    assert certificate["complete"]
    assert "555-0199" not in str(moving.copies())
    kept = "".join(
        str(value) for (pk, _), row in moving.table.items.items() if pk.startswith("T#") for value in row.values()
    )
    assert "555-0100" not in kept
    assert not [
        row
        for (pk, sk), row in moving.table.items.items()
        if pk.startswith("T#") and sk.startswith("M#") and "event" in row
    ]
    named = [name.split("/")[0] for name in certificate["by_hand"]]
    assert sorted(named) == ["acme", "nova"]


def test_the_words_of_an_answer_are_erased_in_a_mirror_that_the_conversation_does_not_know_of(moving):
    """Whoever sent it died before the conversation noted that it is copied."""
    moving.connections(mirror="")
    says(moving, "my telephone is 555-0199")
    moving.connections(mirror="nova")
    moving.answers("Dear Marta, call 555-0100.")
    assert "Answered by" in str(moving.copies())
    assert {moving.nova.account.users[each.requester_id].external_id for each in moving.nova.tickets} == {
        moving.zendesk.account.users[each.requester_id].external_id for each in moving.zendesk.tickets
    }
    place = (moving.thread()["pk"], "THREAD")
    moving.table.items[place].pop("mirrored")
    assert "555-0100" in str(moving.copies())
    assert erased(moving)["complete"]
    assert "555-0100" not in str(moving.copies())


@pytest.mark.parametrize("item", ["THREAD", ""])
def test_an_answer_that_waits_first_for_a_mirror_is_erased_whoever_died(moving, monkeypatch, item):
    """Whoever sent it died before the conversation knew, and the next as the mirror began, which is down."""
    moving.connections(mirror="")
    says(moving, "my telephone is 555-0199")
    moving.connections(mirror="nova")
    moving.nova.faults.add(broken(503), times=1_000_000)
    monkeypatch.setattr(moving, "watch", lambda **_: None)
    moving.answers("Dear Marta, call 555-0100.")
    moving.thread().pop("mirrored")
    monkeypatch.undo()
    moving.watch()
    letter = moving.dies_at(item)
    moving.tick(400)
    assert not erased(moving)["complete"], "the mirror cannot be asked whether it stands there"
    moving.nova.faults.clear()
    assert erased(moving)["complete"]
    moving.mailbox.send([Letter(letter.group, letter.dedupe + "again", letter.body)])
    for _ in range(10):
        moving.later(300)
    assert not moving.copies()
    assert "555-0100" not in str(moving.table.items)


def test_a_copy_on_its_way_when_its_person_is_erased_is_not_filed(moving):
    moving.watch = lambda **_: None
    says(moving, "my telephone is 555-0199")
    moving.clock.advance(0)
    letters_after = Moving.watch
    assert erased(moving)["complete"]
    letters_after(moving)
    moving.work()
    assert not moving.copies()


def test_an_answer_that_is_erased_before_it_is_copied_is_not_astray(moving, monkeypatch):
    monkeypatch.setattr(moving, "watch", lambda **_: None)
    says(moving, "my telephone is 555-0199")
    moving.answers("Dear Marta, call 555-0100.")
    monkeypatch.undo()
    assert erased(moving)["complete"]
    moving.later(HOUR)
    assert not moving.copies()
    assert not audit(moving.table, since=START, now=moving.now()).strays


def erased_as_it_is_written(moving, when, *, dies):
    """Have the customer erased as the next copy is written into its mirror: just before that, or just after."""
    put = moving.table.put

    def writing(write):
        if not write.item["pk"].startswith("T#mirror/"):
            put(write)
            return
        moving.table.put = put
        for act in (lambda: put(write), lambda: erased(moving))[:: -1 if when == "before" else 1]:
            act()
        if dies:
            raise RuntimeError("the machine is gone")

    moving.table.put = writing


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("first", ["a message", "an answer"])
def test_what_is_being_written_into_a_mirror_when_its_person_is_erased_is_not_filed(
    moving, monkeypatch, first, when, dies
):
    """Its worker has read the words."""
    moving.connections(mirror="" if first == "an answer" else "nova")
    monkeypatch.setattr(moving, "watch", lambda **_: None)
    says(moving, "my telephone is 555-0199")
    if first == "an answer":
        moving.connections(mirror="nova")
        moving.answers("Dear Marta, call 555-0100.")
    monkeypatch.undo()
    moving.watch()
    erased_as_it_is_written(moving, when, dies=dies)
    letter = moving.mailbox.take()
    with pytest.raises(RuntimeError) if dies else nullcontext():
        moving.conversation.handle(letter.body)
    moving.tick(400)
    moving.mailbox.send([Letter(letter.group, letter.dedupe + "again", letter.body)])
    for _ in range(10):
        moving.later(300)
    assert not moving.copies()
    kept = [row for (pk, sk), row in moving.table.items.items() if pk.startswith("T#") and sk[:2] in {"M#", "S#"}]
    assert not [row for row in kept if row.get("event") or row.get("note") or row.get("words")]


def test_nothing_is_copied_without_a_mirror(moving):
    moving.connections(mirror="")
    says(moving, "Where is my parcel?")
    moving.answers("It left this morning.")
    assert not moving.copies()
    assert not [row for row in moving.table.items.values() if "mirror" in row or "words" in row]


def test_after_the_switch_new_conversations_open_in_the_new_desk_and_those_in_flight_keep_their_ticket(moving):
    says(moving, "Where is my parcel?")
    moving.connections(helpdesk="nova", mirror="acme")
    says(moving, "It is number 4471.")
    says(moving, "Are you open?", customer=OTHER)
    old, new = moving.thread(), moving.thread(OTHER)
    assert (old["helpdesk"], new["helpdesk"]) == ("acme", "nova")
    assert "4471" in moving.zendesk.comments(int(old["ticket"]))[-1].words
    moving.answers("It left this morning.", old["ticket"])
    assert moving.heard()[-1] == "It left this morning."
    mirrors = {row["mirrors"]: row["helpdesk"] for (pk, sk), row in moving.table.items.items() if "mirrors" in row}
    assert mirrors == {f"messenger/{PAGE}/{CUSTOMER}": "nova", f"messenger/{PAGE}/{OTHER}": "acme"}
    (copied,) = [ticket for ticket in moving.copies() if "parcel" in ticket[0]]
    assert ["parcel" in copied[0], "4471" in copied[1], "left this morning" in copied[2]] == [True] * 3
    (back,) = [each for each in moving.zendesk.tickets if "open?" in moving.zendesk.comments(each.id)[0].words]
    moving.nova.agent_replies(int(new["ticket"]), "From nine to five.")
    assert moving.signalled_by_nova(new["ticket"]) == 200
    moving.work()
    assert moving.heard()[-1] == "From nine to five."
    assert "From nine to five." in moving.zendesk.comments(back.id)[-1].words


@pytest.mark.parametrize("ways", [{"mirror": ""}, {"mirror": "acme"}])
def test_a_closed_conversation_goes_on_in_the_new_desk_which_names_where_it_was(moving, ways):
    says(moving, "Where is my parcel?")
    before = moving.thread()["ticket"]
    moving.connections(helpdesk="nova", **ways)
    moving.zendesk.close(int(before))
    says(moving, "Hello again")
    thread = moving.thread()
    assert thread["helpdesk"] == "nova"
    words = [each.words for each in moving.nova.comments(int(thread["ticket"]))]
    assert "Hello again" in words[0]
    assert f"This conversation goes on from acme, ticket {before}" in words[0]
    says(moving, "Are you there?")
    assert "Are you there?" in moving.nova.comments(int(thread["ticket"]))[-1].words
    assert len(moving.heard()) == 1
    assert moving.outcomes().keys() >= {f"messenger/{PAGE}/m_{number}/add/" for number in (1, 2, 3)}
    assert not audit(moving.table, since=START, now=moving.now()).strays


def test_a_late_answer_in_the_old_desks_ticket_still_reaches_the_customer_and_its_notes_stand_there(moving):
    moving.connections(mirror="")
    says(moving, "Where is my parcel?")
    before = moving.thread()["ticket"]
    moving.connections(helpdesk="nova", mirror="")
    moving.zendesk.close(int(before))
    says(moving, "Hello again")
    assert moving.thread()["helpdesk"] == "nova"
    assert moving.thread()["ticket"] == before  # both number their tickets alike
    moving.zendesk.account.tickets[int(before)].status = "open"
    moving.answers("It left this morning.", before)
    assert moving.heard()[-1] == "It left this morning."
    assert moving.thread()["helpdesk"] == "nova"
    moving.tick(8 * 24 * HOUR)  # no platform takes an answer any more
    moving.answers("Did it come?", before)
    notes = [each.words for each in moving.zendesk.comments(int(before)) if "NOT" in each.words]
    assert len(notes) == 1
    assert not [words for ticket in moving.copies() for words in ticket if "NOT" in words]


def test_who_is_in_flight_goes_on_when_the_old_desk_is_removed(moving):
    says(moving, "Where is my parcel?")
    before = moving.thread()["ticket"]
    moving.connections(helpdesk="nova", mirror="")
    del moving.table.items[HelpdeskConnection(name="acme", connector="zendesk", secret="x").key]
    moving.tick(61)
    says(moving, "It is number 4471.")
    thread = moving.thread()
    assert thread["helpdesk"] == "nova"
    (words,) = [each.words for each in moving.nova.comments(int(thread["ticket"])) if "4471" in each.words]
    assert f"goes on from acme, ticket {before}" in words


def test_praise_that_is_quoted_is_quoted_in_the_mirror(moving):
    rules = {**POLICY, "judging": {"praise": {"ticket": "none"}}}
    moving.connections(policy=Policy.model_validate(rules))
    says(moving, "thank you so much, your team is amazing and so helpful!", "Where is my parcel 7731?")
    first = [each.words for each in moving.zendesk.comments(moving.zendesk.tickets[-1].id)]
    (copied,) = moving.copies()
    assert "so helpful" in first[0]
    assert "so helpful" in copied[0]


class MeteredStream(Metering, StreamingTable):
    """The table with its stream, metered."""


def metered(moving, *owners):
    """Return the table by which these parts work from now on."""
    table = MeteredStream(moving.table.items, moving.now)
    table.stream = moving.streamed.stream
    for owner in owners:
        object.__setattr__(owner, "table", table)
    return table


def counted_letters(moving):
    """Return a list that grows by each letter."""
    sent, send = [], moving.mailbox.send

    def count(letters):
        sent.extend(letters)
        send(letters)

    moving.mailbox.send = count
    return sent


def costs(moving, play):
    """Return what `play` costs: letters, units of converse's and of watch's writes and reads, the mirror's requests."""
    moving.work()
    before, letters = moving.nova.books.count(), counted_letters(moving)
    work, watch = (
        metered(moving, moving.conversation, moving.directory, moving.sweeper),
        metered(moving, moving.watcher),
    )
    play()
    moving.work()
    requests = moving.nova.books.count() - before
    return len(letters), (work.written, work.read), (watch.written, watch.read), requests


def test_a_mirror_costs_what_the_page_says(moving):
    """docs/operating.md, Costs: what is more than without one. Cheaper is welcome: then the page follows."""
    says(moving, "Warm up the caches", customer=OTHER)
    whole, one = costs(moving, lambda: exchange(moving)), costs(moving, lambda: says(moving, "Is it here?"))
    assert whole == (6 + 3, (36 + 20, 5 + 7), (34 + 12, 1), 5)
    assert one == (1 + 1, (6 + 6, 0 + 2), (6 + 4, 0), 1)
    page = " ".join((ROOT / "docs" / "operating.md").read_text().split())
    assert "3 letters, 20 write units and 7 read units of the table, 12 write units in `watch` and 5 requests" in page
    assert "1 letter, 6 write units and 2 read units, 4 write units in `watch` and 1 request" in page


def test_without_a_mirror_nothing_of_that_is_paid(moving):
    moving.connections(mirror="")
    says(moving, "Warm up the caches", customer=OTHER)
    assert costs(moving, lambda: exchange(moving)) == (6, (36, 5), (34, 1), 0)
    assert costs(moving, lambda: says(moving, "Is it here?")) == (1, (6, 0), (6, 0), 0)
