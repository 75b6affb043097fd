"""How connections stand at their platforms: what is judged, what calls a person, and what silence is."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from deskwire import registry, settings
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, HelpdeskConnection, item
from deskwire.contracts.registration import Finding, Site, State
from deskwire.contracts.terms import Figure
from deskwire.conversation.converse import Conversation
from deskwire.conversation.directory import Directory
from deskwire.conversation.registrations import Registrations, check_registration, silence
from deskwire.letters import REGISTRATION, look
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.ports import Put, Update
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryTable
from deskwire.sweeping.sweeper import Sweeper
from deskwire.telemetry import Telemetry
from deskwire.watching.watcher import figures_item

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = Connection(name="page", channel="viber", account="bot", endpoint="viber", secret="bot", helpdesk="desk")
DESK = HelpdeskConnection(name="desk", connector="zendesk", secret="desk", settings={"subdomain": "acme"})
ADDRESS = "https://hooks.northwind.example/channels/viber"


class World:
    """One Viber bot at a table in memory; `found` is what its platform shows, or the error of asking."""

    def __init__(self, monkeypatch):
        self.lines, self.sites = [], []
        self.found = []
        self.table = MemoryTable()
        self.mailbox = MemoryMailbox()
        telemetry = Telemetry("test", stream=self, now=lambda: 0)
        self.telemetry = telemetry
        self.now = NOW
        self.directory = Directory(
            table=self.table, clock=lambda: self.now, secrets=lambda name: Secrets({"from": name}), http=None, mail=None
        )
        endpoint = Endpoint(name="viber", side="channels", connectors=("viber",), secret="app", address=ADDRESS)
        definitions = [endpoint, PAGE, DESK]
        for each in definitions:
            self.table.put(Put(item(each)))
        self.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(each.key) for each in definitions]}))

        def registration(_self, site, reach):
            self.sites.append(site)
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

        monkeypatch.setattr(type(registry.channel("viber")), "registration", registration)

    def write(self, text):
        self.lines.append(json.loads(text))

    def look(self, definition=PAGE):
        self.lines.clear()
        Registrations(table=self.table, directory=self.directory, telemetry=self.telemetry, days=7).look(
            definition.key[0]
        )
        self.telemetry.flush()

    def counted(self, metric):
        return [line[metric] for line in self.lines if metric in line and "connection" not in line]

    def said(self, message):
        return [(line["connection"], line["reason"]) for line in self.lines if line.get("message") == message]

    def spoke(self, *hours):
        for at in hours:
            self.table.update(Update(figures_item("viber", "bot", at), add={"messages": 1}))


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_a_registration_that_is_right_counts_nothing_and_is_asked_of_its_own_endpoint(world):
    world.found = [Finding(what="the bot's webhook", found=ADDRESS)]
    world.look()
    (site,) = world.sites
    assert (site.address, site.channels) == (ADDRESS, ("viber",))
    assert site.secrets.one("from").reveal() == "endpoints/app"
    assert world.counted("BrokenRegistrations") == [0]
    assert not [line for line in world.lines if line.get("level") == "ERROR"]


def test_what_is_broken_is_counted_and_named_with_its_remedy(world):
    world.found = [
        Finding(what="the bot's webhook", state=State.MISSING, wanted=ADDRESS),
        Finding(what="auth_token", state=State.DIFFERENT, found="refused", remedy="store another"),
        Finding(what="its friends", state=State.UNKNOWN, remedy="look yourself"),
    ]
    world.look()
    assert world.counted("BrokenRegistrations") == [2]
    assert world.said("a registration is broken") == [
        ("page", f"the bot's webhook: missing, wanted {ADDRESS}: `deskwire apply` sets it right"),
        ("page", "auth_token: refused: store another"),
    ]


def test_a_refused_account_is_broken_and_a_platform_that_is_away_is_not(world):
    world.found = ConfigurationError("the token is not valid: check “auth_token”")
    world.look()
    assert world.said("a registration is broken") == [("page", f"access: refused: {world.found}")]
    world.found = TemporaryError("no answer from chatapi.viber.com")
    world.look()
    assert world.counted("BrokenRegistrations") == []
    assert len(world.said("a registration could not be looked at")) == 1


@pytest.mark.parametrize(("days", "expiring"), [(8, 0), (7, 1), (-1, 1)])
def test_what_ends_within_a_week_is_told(world, days, expiring):
    world.found = [Finding(what="auth_token", ends=NOW + timedelta(days=days), remedy="connect again")]
    world.look()
    assert world.counted("ExpiringTokens") == [expiring]
    assert [reason.endswith(": connect again") for _, reason in world.said("something ends soon")] == [True] * expiring


def test_a_version_near_its_sunset_is_told(monkeypatch):
    facebook = registry.channel("facebook")
    monkeypatch.setattr(type(facebook), "registration", lambda *_: [])
    reach = Directory(table=MemoryTable(), clock=lambda: NOW, secrets=lambda _: Secrets({}), http=None, mail=None)
    _, reach = reach.channel_of(Connection(name="p", channel="facebook", account="1", helpdesk="desk"))
    assert check_registration(facebook, Site(), reach) == []
    soon = Figure(date(2026, 12, 20), "https://example.org", date(2026, 11, 1))
    monkeypatch.setattr(type(facebook), "terms", replace(facebook.terms, sunset=soon))
    (found,) = check_registration(facebook, Site(), reach)
    assert (found.state, found.found) == (State.EXPIRING, "ends on 2026-12-20")


def test_a_helpdesk_is_looked_at_with_the_fields_of_what_files_into_it(world, monkeypatch):
    sites = []
    monkeypatch.setattr(
        type(registry.helpdesk("zendesk")), "registration", lambda _self, site, _reach: sites.append(site) or []
    )
    others = [
        PAGE.model_copy(update={"name": "tea", "account": "tea", "fields": {"brand": "72"}}),
        PAGE.model_copy(update={"name": "copied", "account": "old", "helpdesk": "old", "mirror": "desk",
                                "fields": {"form": "52"}}),
        PAGE.model_copy(update={"name": "else", "account": "else", "helpdesk": "old", "fields": {"brand": "73"}}),
    ]  # fmt: skip
    for each in others:
        world.table.put(Put(item(each)))
    keys = [list(each.key) for each in (PAGE, DESK, *others)]
    world.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))
    world.look(DESK)
    assert [each.fields for each in sites] == [{"tea": {"brand": "72"}, "copied": {"form": "52"}}]


def test_a_neighbour_that_is_left_alone_is_not_asked(world):
    world.table.put(Put({"pk": PAGE.key[0], "sk": "HEALTH", "open_until": int(NOW.timestamp()) + 60}))
    world.look()
    assert world.sites == []


# ------------------------------------------------------------------------------------------------------- silence


def every(hours, days=28, until=NOW):
    """Return an hour with a message every so many hours, for some days."""
    return [until - index * hours * HOUR for index in range(days * 24 // hours)]


def test_silence_is_told_against_the_longest_before():
    assert silence(every(8), NOW + 16 * HOUR) is None
    assert silence(every(8), NOW + 17 * HOUR) == (17 * HOUR, 8 * HOUR)
    assert silence(every(1), NOW + 6 * HOUR) is None  # never below six hours
    assert silence(every(1), NOW + 7 * HOUR) == (7 * HOUR, HOUR)


def test_a_quiet_weekend_is_a_habit():
    weekdays = [at for at in every(1) if at.weekday() < 5]
    monday = max(weekdays) + timedelta(days=3)
    assert silence(weekdays, monday) is None


def test_too_little_is_known_of_a_new_or_a_rare_connection():
    assert silence([], NOW) is None
    assert silence(every(1, days=13), NOW + 99 * HOUR) is None
    assert silence(every(48), NOW + 999 * HOUR) is None


def test_an_older_habit_is_forgotten():
    busy = every(1, until=NOW - timedelta(days=40))
    assert silence([*busy, *every(24)], NOW + 30 * HOUR) is None


def test_a_silent_connection_is_counted_and_named(world):
    world.spoke(*every(4, until=NOW - 9 * HOUR))
    world.look()
    assert world.counted("SilentConnections") == [1]
    ((name, reason),) = world.said("a connection is silent")
    assert name == "page"
    assert reason.startswith("no message for 10 hours, its longest silence before was 4: write to it yourself")
    world.spoke(NOW - HOUR)
    world.look()
    assert world.counted("SilentConnections") == [0]


def test_silence_is_not_judged_while_the_helpdesk_takes_nothing(world):
    world.spoke(*every(4, until=NOW - 9 * HOUR))
    world.table.put(Put({"pk": "T#t", "sk": "UNFILED", "due_shard": DESK.key[0], "due_at": int(NOW.timestamp()) - 60}))
    world.look()
    assert world.counted("SilentConnections") == []


# --------------------------------------------------------------------------------------------------------- sweep


def test_sweep_has_every_connection_looked_at_once_an_hour(world):
    sweeper = Sweeper(
        table=world.table, mailbox=world.mailbox, directory=world.directory, clock=lambda: world.now,
        telemetry=world.telemetry,
    )  # fmt: skip
    sent = []
    world.mailbox.send = sent.extend
    for minute in range(120):
        world.now = NOW + timedelta(minutes=minute)
        sweeper.sweep()
    keys = [tuple(json.loads(each.body)["poll"]) for each in sent]
    assert sorted(keys) == sorted([(each.key[0], REGISTRATION) for each in (PAGE, DESK)] * 2)
    assert len({each.dedupe for each in sent}) == 4


def test_converse_looks_when_the_letter_says_so_and_as_early_as_the_company_wants(world):
    world.found = [Finding(what="auth_token", ends=NOW + timedelta(days=20), remedy="connect again")]
    conversation = Conversation(
        table=world.table, mailbox=world.mailbox, archive=MemoryArchive(), directory=world.directory,
        clock=lambda: world.now, telemetry=world.telemetry, owner=lambda: "w", expiry_days=30,
    )  # fmt: skip
    assert conversation.handle(look(PAGE.key, "1").body) == "polled"
    assert len(world.said("something ends soon")) == 1
    assert conversation.handle(look(("C#gone", "CONNECTION"), "1").body) == "polled"


def test_the_days_are_a_setting():
    table = {"DESKWIRE_TABLE": "t"}
    assert settings.load(table).expiry_days == 7
    assert settings.load(table | {"DESKWIRE_EXPIRY_DAYS": "14"}).expiry_days == 14
