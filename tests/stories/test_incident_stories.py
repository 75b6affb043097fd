"""An outage among a company's usual customers: one incident, everybody in it linked once and told once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from deskwire.configuration import Incidents, item
from deskwire.conversation.incidents import scopes
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.operating.erasing import Eraser, Person
from deskwire.operating.incidents import TOLD, WAITS, UnknownIncidentError, again, close, listed, report, say
from deskwire.ports import Letter, Put
from deskwire.ports.memory import MemoryPile, MemoryTable
from deskwire.watching.incidents import IncidentWatch
from deskwire.watching.watcher import Watcher
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock, broken
from tests.streams import StreamingTable, matches, patterns

from .conftest import PAGE, POLICY, START, Company

BROKEN = "The app is not working, I cannot log in!"
INCIDENT = {
    "private": {"en": "We know of the trouble with our app. {reference}", "is": "Við vitum af þessu. {reference}"}
}
PATTERNS = patterns()  # of the template
DAYS = 3  # of usual customers


class Watched(Company):
    """The company of the stories, with its stream and what watches it."""

    def __init__(self, clock, zendesk):
        super().__init__(clock, zendesk, {**POLICY, "incident": INCIDENT})
        self.streamed = StreamingTable(self.now)
        self.streamed.items = self.table.items
        for part in (self, self.conversation, self.sweeper, self.directory):
            object.__setattr__(part, "table", self.streamed)
        self.published, self.told, self.delivered = [], [], 0
        self.table.put(Put(item(Incidents())))
        self.watcher = Watcher(
            table=self.table,
            telemetry=self.telemetry,
            bus=self,
            incidents=IncidentWatch(
                table=self.table, mailbox=self.mailbox, clock=self.now, telemetry=self.telemetry, bus=self, alarms=self
            ),
        )

    def publish(self, events):
        self.published += events

    def tell(self, subject, words):
        self.told.append((subject, words))

    def watch(self, *, again=False):
        """Let watch take what is new on the stream, or all of it once more."""
        records = [each for each in self.streamed.stream if any(matches(each, pattern) for pattern in PATTERNS)]
        new = records if again else records[self.delivered :]
        self.delivered = len(records)
        assert self.watcher.watch(new) == ""

    def goes_on(self):
        """Work and watch until nothing is new."""
        for _ in range(5):
            self.work()
            self.watch()
        assert not self.work()

    def says(self, text, customer, minutes=3):
        self.tick(minutes * 60)
        self.deliver(self.message(text, customer=customer))
        self.goes_on()

    def usual(self, days=DAYS):
        for number in range(days * 4):
            text = "My parcel is broken, I want my money back!" if number % 2 else "When do you open?"
            self.says(text, f"u{number}", minutes=360)

    def outage(self, customers, text=BROKEN, prefix="o"):
        for number in range(customers):
            self.says(text, f"{prefix}{number}")

    @property
    def incident(self):
        (found,) = listed(self.table)
        return found

    @property
    def eraser(self):
        return Eraser(
            table=self.table, archive=self.archive, parked=MemoryPile([]), dead=MemoryPile([]),
            directory=self.directory, clock=self.now, owner=lambda: "eraser",
        )  # fmt: skip

    def heard(self):
        """Return what each customer got."""
        return [(each["recipient"]["id"], each["message"]["text"]) for each in self.graph.sent if "message" in each]

    def linked(self):
        """Return how many notes each ticket has that it belongs to the incident."""
        return Counter(
            ticket.id
            for ticket in self.zendesk.tickets
            for each in self.zendesk.comments(ticket.id)
            if "This belongs to the incident" in each.words
        )


@pytest.fixture
def watched():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Watched(clock, zendesk)
        yield company
        company.close()


def tickets_of(company, prefix):
    """Return the tickets of the customers whose names begin so."""
    start = f"T#messenger/{PAGE}/{prefix}"
    return {
        int(each["ticket"]) for (pk, sk), each in company.table.items.items() if pk.startswith(start) and sk == "THREAD"
    }


def test_an_outage_among_usual_customers_is_one_incident_with_everybody_linked_once(watched):
    watched.usual()
    assert not listed(watched.table)
    watched.outage(9)
    incident = watched.incident
    assert incident.topic == "app"
    assert incident.customers <= 4
    assert watched.linked() == Counter(dict.fromkeys(tickets_of(watched, "o"), 1))
    own = [each for each in watched.zendesk.tickets if incident.id in each.subject]
    assert len(own) == 1
    assert f"incident-{incident.id}" in own[0].tags
    assert [each["DetailType"] for each in watched.published].count("Deskwire Incident") == 1
    assert len(watched.told) == 1
    assert incident.id in watched.told[0][1]


def test_what_watch_gets_twice_counts_once_and_links_nobody_twice(watched):
    watched.outage(7)
    counted = {key: each for key, each in watched.table.items.items() if key[0].startswith("Q#")}
    said = len(watched.graph.sent)
    watched.watch(again=True)
    watched.tick(600)  # beyond the memory of the queue
    watched.watch(again=True)
    watched.goes_on()
    assert {key: each for key, each in watched.table.items.items() if key[0].startswith("Q#")} == counted
    assert set(watched.linked().values()) == {1}
    assert len([each for each in watched.zendesk.tickets if watched.incident.id in each.subject]) == 1
    assert len(watched.graph.sent) == said


def test_counts_are_exact_however_the_stream_is_split_repeated_and_mixed(watched):
    watched.outage(8)
    records = [each for each in watched.streamed.stream if any(matches(each, pattern) for pattern in PATTERNS)]
    told = [each for each in records if each["dynamodb"]["Keys"]["pk"]["S"] != "INCIDENTS"]
    kept = {key: each for key, each in watched.table.items.items() if key[1] in {"CONNECTION", "INCIDENTS"}}
    for seed in range(4):
        chance, table = random.Random(seed), MemoryTable()
        table.items |= kept
        again = IncidentWatch(table=table, mailbox=watched.mailbox, clock=watched.now, telemetry=watched.telemetry)
        mixed = chance.sample([*told, *chance.sample(told, len(told) // 2)], len(told) * 3 // 2)
        while mixed:
            size = chance.randint(1, 9)
            again.watch(mixed[:size])
            mixed = mixed[size:]
        assert customers_of(table) == customers_of(watched.table) == 8
        assert len(listed(table)) == 1


def customers_of(table):
    """Return how many customers were counted, by the sums of the hours."""
    hours = [each for (pk, sk), each in table.items.items() if pk == "Q#company" and sk.startswith("H#")]
    return sum(number for each in hours for name, number in each.items() if name[0] == "n" and name[3:] == " ")


def test_an_alarm_that_may_not_be_rung_holds_up_nothing_and_calls_a_person(watched, monkeypatch):
    def forbidden(*_):
        raise ConfigurationError("SNS refuses: look at AlarmTopic")

    monkeypatch.setattr(watched, "tell", forbidden)
    watched.outage(6)
    assert len(watched.linked()) == 6
    assert watched.counted("ConfigurationErrors") == 1


def test_one_customer_who_posts_the_same_again_and_again_is_no_incident(watched):
    watched.usual(1)
    for number in range(30):
        watched.says(f"{BROKEN} {'!' * number}", "loud", minutes=1)
    assert not listed(watched.table)


def test_nothing_is_counted_where_the_company_declared_no_incidents(watched):
    del watched.table.items[Incidents().key]
    watched.outage(7)
    assert not [pk for pk, _ in watched.table.items if pk.startswith(("Q#", "I#", "INCIDENTS"))]


def test_who_writes_about_an_open_incident_is_told_so_and_others_are_not(watched):
    watched.outage(7)
    watched.tick(61)  # converse looks once a minute
    watched.says(BROKEN, "late")
    watched.says("Forritið virkar ekki, ég kemst ekki inn í appið!", "islendingur")
    watched.says("When do you open?", "other")
    heard = dict(watched.heard())
    assert heard["late"].startswith("We know of the trouble with our app.")
    assert heard["other"].startswith("Thank you, we have it")
    close(watched.table, watched.now, watched.incident.id, "marta")
    watched.goes_on()
    watched.tick(61)
    watched.says(BROKEN, "later")
    assert dict(watched.heard())["later"].startswith("Thank you, we have it")


def told_of(company, words):
    return Counter(who for who, text in company.heard() if words in text)


def test_an_update_reaches_each_member_once_in_their_language(watched):
    watched.outage(7)
    watched.says("STOP", "o1")
    saying = say(watched.table, watched.mailbox, watched.now, watched.incident.id,
                 {"en": "It works again.", "is": "Þetta er komið í lag."}, "en")  # fmt: skip
    assert (saying.number, saying.conversations, saying.languages) == (1, 7, {"en": 7})
    watched.goes_on()
    again(watched.table, watched.mailbox, watched.now, watched.incident.id, 1)
    watched.tick(600)
    again(watched.table, watched.mailbox, watched.now, watched.incident.id, 1)
    watched.goes_on()
    assert told_of(watched, "It works again.") == {f"o{n}": 1 for n in range(7) if n != 1}
    assert report(watched.table, watched.incident.id, 1) == {TOLD: 6, "they want no automatic answers": 1}
    notes = [each for each in watched.comments() if "was NOT told about the incident" in each]
    assert len(notes) == 1
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "All is well."}, "en")
    watched.goes_on()
    assert set(told_of(watched, "All is well.").values()) == {1}


@pytest.mark.parametrize("item", ["", "S#update"])
def test_an_update_is_said_once_though_its_workers_die(watched, item):
    watched.outage(6)
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    letters = [watched.dies_at(item) for _ in range(3)]
    watched.goes_on()
    watched.tick(400)
    for letter in letters:
        watched.mailbox.send([Letter(letter.group, letter.dedupe + "again", letter.body)])
    watched.goes_on()
    watched.later(1000)
    watched.goes_on()
    assert set(told_of(watched, "It works again.").values()) == {1}
    found = report(watched.table, watched.incident.id, 1)
    assert found.total() == 6
    assert not found[WAITS]
    assert found[TOLD] >= 3


def test_an_update_waits_for_a_platform_that_is_down_and_not_for_ever(watched):
    watched.outage(6)
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    watched.graph.next = [TemporaryError("down", ambiguous=False)] * 3
    watched.work()
    assert report(watched.table, watched.incident.id, 1) == {WAITS: 6}  # after three, the others leave it alone
    for _ in range(4):
        watched.later(400)
    assert report(watched.table, watched.incident.id, 1) == {TOLD: 6}
    assert set(told_of(watched, "It works again.").values()) == {1}


def test_what_was_said_while_the_helpdesk_was_down_is_noted_as_said_though_the_window_has_closed(watched):
    watched.outage(6)
    watched.zendesk.faults.add(broken(503))
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    watched.work()
    watched.tick(25 * 3600)
    watched.zendesk.faults.clear()
    for _ in range(6):
        watched.later(600)
    assert set(told_of(watched, "It works again.").values()) == {1}
    assert sum("was told about the incident" in each for each in watched.comments()) == 6
    assert not any("NOT told" in each for each in watched.comments())
    assert report(watched.table, watched.incident.id, 1) == {TOLD: 6}


def test_a_member_whose_window_is_closed_is_not_told_and_the_report_says_why(watched):
    watched.outage(6)
    watched.tick(25 * 3600)
    watched.says("Hello, is it working now?", "o2")
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    watched.goes_on()
    assert told_of(watched, "It works again.") == {"o2": 1}
    found = report(watched.table, watched.incident.id, 1)
    assert found[TOLD] == 1
    assert any("older than" in reason for reason in found)


def test_a_dry_run_says_nothing_and_an_unknown_incident_is_told(watched):
    watched.outage(6)
    saying = say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "Fine."}, "en", dry_run=True)
    assert saying.conversations == 6
    watched.goes_on()
    assert not told_of(watched, "Fine.")
    assert watched.incident.updates == 0
    with pytest.raises(UnknownIncidentError, match="incident list"):
        say(watched.table, watched.mailbox, watched.now, "20260101-00000", {"en": "Fine."}, "en")


def test_who_wrote_before_an_incident_was_closed_opens_no_other(watched):
    watched.outage(8)
    assert close(watched.table, watched.now, watched.incident.id, "marta")
    watched.says(BROKEN, "straggler")
    assert watched.incident.closed_by == "marta"
    assert any("closed by hand" in each for each in watched.comments())


def test_an_incident_closes_after_two_quiet_hours_and_another_may_open(watched):
    watched.usual(1)
    watched.outage(8)
    for _ in range(12):
        watched.tick(300)
        assert watched.watcher.run_schedule() == 0
    for _ in range(30):
        watched.tick(300)
        watched.watcher.run_schedule()
    assert (watched.incident.state, watched.incident.closed_by) == ("closed", "calm")
    assert watched.incident.closed_at - watched.incident.opened_at > 2 * 3600
    watched.goes_on()
    assert any("is over: two hours about as usual" in each for each in watched.comments())
    assert [each["Detail"]["state"] for each in watched.published if "Incident" in each["DetailType"]] == [
        "open", "closed"]  # fmt: skip
    assert scopes(watched.table)[0]["incident"] == ""
    watched.outage(8, prefix="p")
    assert [each.state for each in listed(watched.table)] == ["closed", "open"]


def test_an_agents_answer_on_the_incidents_ticket_reaches_nobody_and_the_ticket_says_how_to(watched):
    watched.outage(6)
    (own,) = [each for each in watched.zendesk.tickets if watched.incident.id in each.subject]
    before = len(watched.graph.sent)
    watched.zendesk.agent_replies(own.id, "We are on it.")
    watched.signalled(own.id)
    watched.goes_on()
    assert len(watched.graph.sent) == before
    assert any("deskwire incident say" in each.words and "NOT delivered" in each.words
               for each in watched.zendesk.comments(own.id))  # fmt: skip


def test_what_an_incident_adds_to_a_closed_ticket_is_left_out_and_the_next_words_follow_it_up(watched):
    watched.outage(6)
    closed = watched.thread("o2")["ticket"]
    next(each for each in watched.zendesk.tickets if str(each.id) == closed).status = "closed"
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    watched.goes_on()
    assert told_of(watched, "It works again.")["o2"] == 1
    assert watched.thread("o2")["ticket"] == closed
    watched.says("Is it really?", "o2")
    opened = watched.zendesk.tickets[-1]
    assert str(opened.id) == watched.thread("o2")["ticket"] != closed
    assert closed in watched.zendesk.comments(opened.id)[0].words


def test_who_is_erased_leaves_no_note_of_their_trouble_in_any_message(watched):
    watched.outage(6)
    watched.eraser.erase(Person("messenger", "o3"))
    rows = [each for (pk, _), each in watched.table.items.items() if pk.endswith("/o3")]
    assert any(each.get("erased") for each in rows)
    assert "trouble" not in repr(rows)
    thread = watched.thread("o3")
    assert (thread["tags"], thread["priority"], thread.get("past"), thread.get("language")) == ([], "", None, "")


def test_who_is_erased_is_no_member_any_more_and_is_told_nothing(watched):
    watched.outage(6)
    assert watched.eraser.erase(Person("messenger", "o3"))["complete"]
    kept = [each for (pk, _), each in watched.table.items.items() if pk.startswith(("I#", "Q#")) and "member" in each]
    assert kept
    assert not [each for each in kept if each["member"].endswith("/o3")]
    say(watched.table, watched.mailbox, watched.now, watched.incident.id, {"en": "It works again."}, "en")
    watched.goes_on()
    assert set(told_of(watched, "It works again.")) == {f"o{n}" for n in range(6) if n != 3}


def test_connections_of_no_common_group_are_counted_apart(watched):
    watched.table.put(Put(item(Incidents(groups={"forms": ("page",)}))))
    for number in range(3):
        watched.says(BROKEN, f"m{number}")
        watched.deliver(watched.comment(BROKEN, comment=f"99330000000{number}", author=f"730000000000{number}"))
        watched.goes_on()
    assert not listed(watched.table)
    assert {pk for pk, _ in watched.table.items if pk.startswith("Q#")} == {"Q#connection/page-dm", "Q#group/forms"}
