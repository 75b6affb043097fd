"""`deskwire connect` with Meta as the sandbox plays it: the person at the terminal is played, too."""

import http.client
import json
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
import yaml
from moto import mock_aws

from cli import connecting
from cli.terminal import UserError
from sandbox.neighbours.neighbour import Clock, Neighbour, Reply, route
from sandbox.platforms.meta.played import APP, DIALOG, GRAPH, Meta
from tests.tables import TABLE

PAGE, OTHER = "410000000000001", "410000000000002"
HOOKS = "hooks.northwind.example"
RULES = f"""\
# Northwind's rules
defaults: {{helpdesk: desk}}
helpdesks:
  desk: {{connector: generic, secret: desk, settings: {{address: "https://desk.northwind.example/tickets"}}}}
endpoints:
  meta: {{channels: [facebook, messenger, instagram], secret: meta-app, settings: {{app_id: "{APP}"}}}}
  wa: {{channels: [whatsapp], secret: wa-app}}
connections: # pages and numbers
    form-of-old: # keeps its place
        channel: whatsapp
        account: "1"
        endpoint: wa
        secret: wa
"""


class Hooks(Neighbour):
    """Deskwire's own address."""

    def authorize(self, asked):
        return None

    @route("GET", "/channels/{endpoint}")
    def check(self, asked, endpoint):
        known = asked.parameter("hub.verify_token") == "invented-verify"
        return Reply(200, asked.parameter("hub.challenge").encode()) if known else Reply(401)


@pytest.fixture(scope="module")
def played():
    with Meta({PAGE: "Northwind Reykjavík", OTHER: "Northwind Suva"}, clock=Clock(held=True)) as meta, Hooks() as hooks:
        meta.linked[OTHER] = {"instagram_business_account": {"id": "17841", "username": "northwind.suva"}}
        yield meta, hooks


class Person:
    """Signs in at the page that is printed, and answers what is asked."""

    def __init__(self, meta):
        self.meta, self.said, self.answers = meta, [], {}

    def hear(self, text):
        self.said.append(text)

    def ask(self, what):
        for question, answer in self.answers.items():
            if question in what:
                return answer
        assert "leads you back" in what, what
        (address,) = [word for text in self.said for word in text.split() if word.startswith(f"https://{DIALOG}")]
        self.login = urlsplit(address)
        line = http.client.HTTPConnection(urlsplit(self.meta.address).netloc, timeout=30)
        line.request("GET", f"{self.login.path}?{self.login.query}")
        location = line.getresponse().headers["location"]
        line.close()
        return location


@pytest.fixture
def connect(deskwire, played, tmp_path, monkeypatch):
    meta, hooks = played
    meta.app.webhooks.clear()
    meta.app.subscribed.clear()
    meta.app.checks = lambda url, token: (url, token) == (f"https://{HOOKS}/channels/meta", "invented-verify")
    file = tmp_path / "deskwire.yaml"
    file.write_text(RULES)
    hosts = {GRAPH: meta.address, DIALOG: meta.address, HOOKS: hooks.address}
    monkeypatch.setenv("DESKWIRE_SANDBOX", json.dumps(hosts))
    person = Person(meta)
    monkeypatch.setattr(connecting, "_ask", person.ask)
    monkeypatch.setattr(connecting, "_tell", person.hear)
    with mock_aws():
        boto3.client("dynamodb").create_table(TableName="northwind", **TABLE)
        app = {"app_secret": "invented-app-secret", "verify_token": "invented-verify"}
        boto3.client("secretsmanager").create_secret(Name="deskwire/endpoints/meta-app", SecretString=json.dumps(app))

        def command(channel, *arguments):
            return deskwire(
                "connect", channel, "--file", file, "--table", "northwind", "--region", "eu-west-1",
                "--address", f"https://{HOOKS}", "--yes", *arguments,
            )  # fmt: skip

        command.file, command.person, command.meta = file, person, meta
        yield command


def stored(name):
    return json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=f"deskwire/{name}")["SecretString"])


def test_a_page_is_connected_from_the_login_to_the_trial(connect):
    connect.person.answers = {"which of them": "2"}
    told = connect("facebook")
    assert told.status == 0, told
    assert {"pages_manage_metadata", "pages_messaging", "instagram_basic"} <= set(
        dict(part.split("=") for part in connect.person.login.query.split("&"))["scope"].split("%2C")
    )
    assert stored("facebook-northwind-suva") == {"page_token": connect.meta.token(OTHER)}
    rules = yaml.safe_load(connect.file.read_text())
    assert rules["connections"]["facebook-northwind-suva"] == {
        "channel": "facebook", "account": OTHER, "endpoint": "meta", "secret": "facebook-northwind-suva",
    }  # fmt: skip
    assert "# pages and numbers\n    facebook-northwind-suva:" in connect.file.read_text()
    assert "form-of-old: # keeps its place" in connect.file.read_text()
    assert "feed" in connect.meta.app.subscribed[OTHER]
    assert connect.meta.app.webhooks["page"]["callback_url"] == f"https://{HOOKS}/channels/meta"
    said = "\n".join(connect.person.said)
    assert f"https://{HOOKS}/channels/meta answers Meta's check" in said
    assert "Northwind Suva is connected" in said
    assert connect.meta.token(OTHER) not in said + told.out + told.err


def test_more_pages_than_a_call_shows_are_listed(connect, monkeypatch):
    rows = connect.meta.app.pages()
    others = [{"id": str(number), "name": f"Agency {number}", "access_token": "invented"} for number in range(1, 251)]
    monkeypatch.setattr(connect.meta.app, "pages", lambda: [*others, *rows])
    told = connect("facebook", "--account", PAGE)
    assert told.status == 0, told


def test_a_token_is_renewed_in_its_place_and_the_file_stays(connect):
    assert connect("messenger", "--account", PAGE, "--name", "reykjavik").status == 0
    before = connect.file.read_text()
    assert "reykjavik:" in before
    boto3.client("secretsmanager").put_secret_value(
        SecretId="deskwire/messenger-northwind-reykjavik", SecretString='{"page_token": "dead"}'
    )
    connect.person.said.clear()
    assert connect("messenger", "--account", PAGE).status == 0
    assert connect.file.read_text() == before
    assert stored("messenger-northwind-reykjavik") == {"page_token": connect.meta.token(PAGE)}


def test_an_instagram_account_is_found_behind_its_page(connect):
    told = connect("instagram")
    assert stored("instagram-northwind-suva") == {"page_token": connect.meta.token(OTHER)}
    assert yaml.safe_load(connect.file.read_text())["connections"]["instagram-northwind-suva"]["account"] == "17841"
    assert told.status == 0
    assert connect.meta.app.webhooks["instagram"]["callback_url"] == f"https://{HOOKS}/channels/meta"
    assert connect.meta.app.subscribed[OTHER] == ["messages"]


def test_a_pasted_token_is_stored_and_its_connection_written(connect, monkeypatch):
    lines = iter(["invented-secret", "invented-verify", "invented-token"])
    monkeypatch.setattr(connecting.sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(connecting.sys.stdin, "readline", lambda: next(lines), raising=False)
    connect("whatsapp", "--account", "440000000000012", "--name", "reykjavik")
    assert stored("endpoints/wa-app") == {"app_secret": "invented-secret", "verify_token": "invented-verify"}
    assert stored("whatsapp-440000000000012") == {"access_token": "invented-token"}
    assert yaml.safe_load(connect.file.read_text())["connections"]["reykjavik"]["account"] == "440000000000012"


def test_what_no_endpoint_serves_is_told_before_anybody_signs_in(connect):
    told = connect("viber")
    assert told.status == 2
    assert "no endpoint of" in told.err
    assert "viber: {channels: [viber], secret: viber-app}" in told.err


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ("https://x.example/?error=access_denied", "refused there"),
        ("https://x.example/?code=1&state=other", "no address of this login"),
        ("https://x.example/?code=1", "no address of this login"),
        ("https://x.example/?state=mine", "no code"),
        ("AQ1", "no address of this login"),
        ("", "no address of this login"),
    ],
)
def test_a_refused_or_foreign_login_stores_nothing(back, told):
    with pytest.raises(UserError, match=told):
        connecting._code(back, "mine")


def test_a_code_is_taken_from_its_address():
    query = urlencode({"code": "AQ1#_", "state": "mine"})
    assert connecting._code(f"https://x.example/?{query}", "mine").reveal() == "AQ1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("connections:\n  a:\n    channel: x\n", "connections:\n  n:\n    channel: c\n  a:\n    channel: x\n"),
        ("a: 1\n", "a: 1\n\nconnections:\n  n:\n    channel: c\n"),
    ],
)
def test_a_connection_is_written_as_the_file_is_indented(before, after):
    assert connecting._inserted(before, "n", {"channel": "c"}, {}) == after


def test_a_file_in_braces_is_left_to_the_person():
    with pytest.raises(UserError, match="write the connection yourself"):
        connecting._inserted("connections: {}\n", "n", {}, {})
