"""`deskwire replay-policy`: what another policy would have done, by reading the table alone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
import yaml
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.care.policy import Policy
from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, item
from deskwire.conversation.recorded import Recorded
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.ports import Put
from tests.tables import TABLE

PAGE, CUSTOMER = "410000000000001", "24900000000000017"
TEXTS = {"private": {"en": "Thank you: {reference}"}}
FILE = {
    "policies": {"everyday": {"company": "Northwind", "texts": TEXTS}},
    "defaults": {"helpdesk": "desk", "policy": "everyday"},
    "helpdesks": {
        "desk": {
            "connector": "zendesk", "secret": "zendesk",
            "settings": {"subdomain": "acme", "email": "deskwire@acme.example"},
        }
    },
    "endpoints": {
        "meta": {"channels": ["messenger"], "secret": "meta-app"},
        "desk-hook": {"helpdesk": "desk", "secret": "hook"},
    },
    "connections": {"inbox": {"channel": "messenger", "account": PAGE, "endpoint": "meta", "secret": "page"}},
}  # fmt: skip
SAID = "My \x1b[2Jcard was stolen, block it immediately!"


@pytest.fixture
def northwind(monkeypatch):
    """A table with the rules applied and one message recorded an hour ago; every call to it is noted."""
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="northwind", **TABLE)
        monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
        table, at = DynamoTable(client, "northwind"), datetime.now(UTC) - timedelta(hours=1)
        definitions = [
            Connection(name="inbox", channel="messenger", account=PAGE, endpoint="meta", secret="page", helpdesk="desk",
                       policy=Policy.model_validate({"company": "Northwind", "texts": TEXTS})),
            HelpdeskConnection(name="desk", connector="zendesk", secret="zendesk"),
        ]  # fmt: skip
        for each in definitions:
            table.put(Put(item(each)))
        table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(each.key) for each in definitions]}))
        event = Event(
            channel="messenger", account=PAGE, kind=Kind.MESSAGE, object_id="m_1", verb=ADD, thread=CUSTOMER,
            visibility=Visibility.PRIVATE, author=Author(CUSTOMER, name="Jóna Jóns"), text=SAID, occurred_at=at,
        )  # fmt: skip
        message = Recorded(key=event.key, event=event, endpoint="meta", received_at=at.isoformat(), state="filed")
        table.put(Put(message.item(event.thread_key, recorded_at=int(at.timestamp() * 1000), ticket="4711")))
        calls = []
        made = boto3.session.Session.client

        def client_of(self, name, **options):
            found = made(self, name, **options)
            found.meta.events.register("before-call", lambda model, **_: calls.append(f"{name}:{model.name}"))
            return found

        monkeypatch.setattr(boto3.session.Session, "client", client_of)
        yield calls


def written(folder, policy):
    path = folder / "proposed.yaml"
    path.write_text(yaml.safe_dump({**FILE, "policies": {"everyday": {**FILE["policies"]["everyday"], **policy}}}))
    return path


def test_it_shows_what_differs_and_reads_alone(deskwire, northwind, tmp_path):
    path = written(tmp_path, {"texts": {"private": {"en": "Got it: {reference}"}}, "judging": {"on": False}})
    told = deskwire("replay-policy", "--file", path)
    assert told.status == 0, told
    assert "1 messages in 1 conversations" in told.out
    assert "1  acknowledgement: another text" in told.out
    assert "desk/4711" in told.out
    assert "stolen" not in told.out
    assert "Jóna" not in told.out
    # the right to do this is written down in docs/operating.md
    assert set(northwind) == {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    section = page.partition("### Trying a policy on past messages")[2].partition("\n### ")[0]
    assert all(f'"{each}"' in section for each in northwind)


def test_it_gives_json_and_shows_words_where_asked_with_nothing_for_the_terminal_to_obey(deskwire, northwind, tmp_path):
    path = written(tmp_path, {"judging": {"on": False}})
    found = json.loads(deskwire("replay-policy", "--file", path, "--format", "json", "--words").out)
    assert found["counts"]["heat"] == {"hot → cold": 1}
    assert found["examples"][0]["text"] == SAID
    told = deskwire("replay-policy", "--file", path, "--words")
    assert "\\u001b[2Jcard was stolen" in told.out
    assert "\x1b" not in told.out


def test_the_same_rules_are_said_to_be_the_same(deskwire, northwind, tmp_path):
    told = deskwire("replay-policy", "--file", written(tmp_path, {}))
    assert "no connection's rules differ" in told.out


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--since", "1w"], "say 90m, 24h or 7d"), (["--channel", "telepathy"], "there is no channel “telepathy”")],
)
def test_what_is_none_is_refused(deskwire, northwind, tmp_path, more, words):
    told = deskwire("replay-policy", "--file", written(tmp_path, {}), *more)
    assert told.status == 2
    assert words in told.err


def test_a_file_with_faults_is_not_rehearsed(deskwire, northwind, tmp_path):
    told = deskwire("replay-policy", "--file", written(tmp_path, {"quiet_hours": -1}))
    assert told.status == 2
    assert "quiet_hours" in told.err
    assert northwind == []
