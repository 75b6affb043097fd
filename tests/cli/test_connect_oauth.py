"""`deskwire connect` with Google, LinkedIn and Pinterest, as the sandbox plays them and the person at the terminal."""

import hmac
import http.client
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import yaml
from moto import mock_aws

from cli import connecting
from deskwire import registry
from deskwire.contracts.registration import SignIn, SignsIn, Site
from deskwire.model.secret import Secret, Secrets
from deskwire.settings import ENDPOINTS
from sandbox.neighbours.neighbour import Clock, Neighbour, Reply, route, throttled
from sandbox.platforms.google import books as google
from sandbox.platforms.google.played import Google
from sandbox.platforms.linkedin import books as linkedin
from sandbox.platforms.linkedin.played import LinkedIn
from sandbox.platforms.pinterest import books as pinterest
from sandbox.platforms.pinterest.played import CLIENT, Pinterest
from tests.tables import TABLE

HOOKS = "hooks.northwind.example"
PAGES = {"urn:li:organization:88000001": "Northwind Reykjavík", "urn:li:organization:88000002": "Northwind Suva"}
REYKJAVIK, SUVA = PAGES
HARBOUR, CENTRE = google.LOCATION, "accounts/100000000000000000009/locations/200000000000000000009"
RULES = f"""\
defaults: {{helpdesk: desk}}
helpdesks:
  desk: {{connector: generic, secret: desk, settings: {{address: "https://desk.northwind.example/tickets"}}}}
endpoints:
  google:
    channels: [google]
    settings: {{audience: "https://{HOOKS}/channels/google", service_account: push@acme, topic: {google.TOPIC}}}
  linkedin: {{channels: [linkedin], secret: linkedin-app}}
  pinterest: {{channels: [pinterest], secret: pinterest-hook}}
"""
DIALOGS = {
    "google": "https://accounts.google.com/", "linkedin": "https://www.linkedin.com/oauth/",
    "pinterest": "https://www.pinterest.com/oauth/",
}  # fmt: skip
# How Pinterest words a person's refusal is not documented: RFC 6749's word.
REFUSALS = {"google": "access_denied", "linkedin": "user_cancelled_authorize", "pinterest": "access_denied"}
ACCOUNTS = {"google": HARBOUR, "linkedin": REYKJAVIK, "pinterest": pinterest.ACCOUNT}
EVERY = pytest.mark.parametrize("channel", DIALOGS)
STORED = {f"deskwire/{ENDPOINTS}linkedin-app", f"deskwire/{ENDPOINTS}pinterest-hook"}


class Hooks(Neighbour):
    """Deskwire's own address; `secret` is what LinkedIn's check is signed with."""

    secret = linkedin.APP["client_secret"]

    def authorize(self, asked):
        return None

    @route("GET", "/channels/{endpoint}")
    def check(self, asked, endpoint):
        code = asked.parameter("challengeCode")
        signed = hmac.new(self.secret.encode(), code.encode(), "sha256").hexdigest()
        return Reply.json(200, {"challengeCode": code, "challengeResponse": signed})


@pytest.fixture
def connect(deskwire, tmp_path, monkeypatch):
    players = {
        "google": Google(google.CLIENT, clock=Clock(held=True)),
        "linkedin": LinkedIn(linkedin.OWN, [*PAGES], clock=Clock(held=True)),
        "pinterest": Pinterest(pinterest.ACCOUNT, "invented", "invented-key", clock=Clock(held=True)),
    }
    players["google"].locations = {HARBOUR: "Harbour", CENTRE: "Centre"}
    players["linkedin"].names = PAGES
    players["linkedin"].checks = lambda url: url == f"https://{HOOKS}/channels/linkedin"
    file = tmp_path / "deskwire.yaml"
    file.write_text(RULES)
    ours = SimpleNamespace(said=[], answers={}, back=lambda location: location, pasted=[])

    def ask(what):
        for question, answer in ours.answers.items():
            if question in what:
                return answer
        assert "leads you back" in what, what
        words = [word for text in ours.said for word in text.split()]
        (address,) = [word for word in words if word.startswith(tuple(DIALOGS.values()))]
        ours.login = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        player = next(players[name] for name, start in DIALOGS.items() if address.startswith(start))
        line = http.client.HTTPConnection(urlsplit(player.address).netloc, timeout=30)
        line.request("GET", f"{urlsplit(address).path}?{urlsplit(address).query}")
        answer = line.getresponse()
        answer.read()
        line.close()
        return ours.back(answer.headers["location"])

    monkeypatch.setattr(connecting, "_ask", ask)
    monkeypatch.setattr(connecting, "_tell", ours.said.append)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: ours.pasted.pop(0) + "\n", raising=False)
    with players["google"], players["linkedin"], players["pinterest"], Hooks() as hooks, mock_aws():
        made = (google.OnGoogle, linkedin.OnLinkedIn, pinterest.OnPinterest)
        hosts = {host: players[each.channels[0]].address for each in made for host in _hosts(each)}
        monkeypatch.setenv("DESKWIRE_SANDBOX", json.dumps({**hosts, HOOKS: hooks.address}))
        boto3.client("dynamodb").create_table(TableName="northwind", **TABLE)
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name=f"deskwire/{ENDPOINTS}linkedin-app", SecretString=json.dumps(linkedin.APP))
        hook = json.dumps({"address_key": "invented-address-key"})
        secrets.create_secret(Name=f"deskwire/{ENDPOINTS}pinterest-hook", SecretString=hook)

        def command(channel, *arguments):
            ours.said.clear()
            known = {"google": [google.CLIENT["client_id"], google.CLIENT["client_secret"]],
                     "linkedin": [linkedin.OWN["client_id"]], "pinterest": [*CLIENT.values()]}  # fmt: skip
            ours.pasted = known[channel]
            return deskwire(
                "connect", channel, "--file", file, "--table", "northwind", "--region", "eu-west-1",
                "--address", f"https://{HOOKS}", "--yes", *arguments,
            )  # fmt: skip

        command.file, command.person, command.players, command.hooks = file, ours, players, hooks
        yield command


def _hosts(kind):
    from sandbox.platforms.google.played import HOSTS as OF_GOOGLE
    from sandbox.platforms.linkedin.played import HOSTS as OF_LINKEDIN
    from sandbox.platforms.pinterest.played import HOST

    return {"google": OF_GOOGLE, "linkedin": OF_LINKEDIN, "pinterest": [HOST]}[kind.channels[0]]


def stored(name):
    return json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=f"deskwire/{name}")["SecretString"])


def nothing_is_stored():
    listed = boto3.client("secretsmanager").list_secrets()["SecretList"]
    return {each["Name"] for each in listed} == STORED


def connections(connect):
    return yaml.safe_load(connect.file.read_text()).get("connections", {})


def test_a_location_is_connected_from_the_login_to_the_trial(connect):
    connect.person.answers = {"which of them": "2"}
    told = connect("google")
    assert told.status == 0, (told, connect.person.said)
    assert connect.person.login["access_type"] == "offline"
    assert connect.person.login["code_challenge_method"] == "S256"
    kept = stored("google-centre")
    assert kept.keys() == {"client_id", "client_secret", "refresh_token"}
    assert kept["refresh_token"] != google.CLIENT["refresh_token"]
    assert connections(connect)["google-centre"] == {
        "channel": "google", "account": CENTRE, "endpoint": "google", "secret": "google-centre",
    }  # fmt: skip
    assert connect.players["google"].settings["100000000000000000009"]["pubsubTopic"] == google.TOPIC
    said = "\n".join(connect.person.said)
    assert "does not load" in said
    assert "Centre is connected" in said
    assert kept["refresh_token"] not in said + told.out + told.err
    assert kept["client_secret"] not in said + told.out + told.err


def test_a_page_is_connected_and_subscribed_in_its_administrator_s_name(connect):
    told = connect("linkedin", "--account", SUVA, "--setting", "application_id=4710")
    assert told.status == 0, (told, connect.person.said)
    kept = stored("linkedin-northwind-suva")
    assert kept.keys() == {"client_id", "client_secret", "refresh_token"}
    assert kept["client_secret"] == linkedin.APP["client_secret"]
    settings = connections(connect)["linkedin-northwind-suva"]["settings"]
    assert settings == {"application_id": "4710", "administrator_id": "adm1nInvented"}
    (key,) = connect.players["linkedin"].subscriptions
    assert "adm1nInvented" in key
    said = "\n".join(connect.person.said)
    assert f"https://{HOOKS}/channels/linkedin answers LinkedIn's check" in said
    assert kept["refresh_token"] not in said + told.out + told.err


def test_an_ad_account_is_connected_and_subscribed_to_its_leads(connect):
    player = connect.players["pinterest"]
    # More accounts than a page of Pinterest's holds, and one that the person may only look at.
    player.shown = {str(number): (f"Agency {number}", ["ADMIN"]) for number in range(1, 300)} | player.shown
    player.shown["301"] = ("Northwind's rival", ["ANALYST"])
    told = connect("pinterest", "--account", "301")
    assert "the login gives no account 301" in told.err
    assert nothing_is_stored()
    told = connect("pinterest", "--account", pinterest.ACCOUNT)
    assert told.status == 0, (told, connect.person.said)
    assert connect.person.login["scope"] == "ads:read,ads:write"
    kept = stored("pinterest-northwind")
    assert kept.keys() == {"client_id", "client_secret", "refresh_token"}
    assert stored(f"{ENDPOINTS}pinterest-hook")["cryptographic_key"] == "invented-key"
    (made,) = player.subscriptions.values()
    assert made["webhook_url"] == f"https://{HOOKS}/channels/pinterest?key=invented-address-key"
    said = "\n".join(connect.person.said)
    assert "Northwind is connected" in said
    assert kept["refresh_token"] not in said + told.out + told.err
    assert kept["client_secret"] not in said + told.out + told.err


def test_an_app_without_refresh_tokens_keeps_the_access_token(connect):
    connect.players["pinterest"].refreshes = False
    assert connect("pinterest").status == 0
    assert stored("pinterest-northwind").keys() == {"client_id", "client_secret", "access_token"}


@EVERY
def test_the_login_of_a_connection_is_renewed_without_asking_for_the_app(connect, channel):
    given = ("--account", ACCOUNTS[channel], "--name", "first")
    assert connect(channel, *given).status == 0
    before, (entry,) = connect.file.read_text(), [each["secret"] for each in connections(connect).values()]
    old = stored(entry)
    told = connect(channel, *given)
    assert told.status == 0, (told, connect.person.said)
    assert connect.person.pasted, "the app's values were asked for again"
    assert connect.file.read_text() == before
    assert stored(entry)["refresh_token"] != old["refresh_token"]


def test_a_page_without_a_refresh_token_keeps_no_older_one(connect):
    given = ("--account", REYKJAVIK, "--name", "first")
    assert connect("linkedin", *given).status == 0
    connect.players["linkedin"].refreshes = False
    assert connect("linkedin", *given).status == 0
    assert stored("linkedin-northwind-reykjavik").keys() == {"client_id", "client_secret", "access_token"}
    connect.players["linkedin"].refreshes = True
    assert connect("linkedin", *given).status == 0
    assert stored("linkedin-northwind-reykjavik").keys() == {"client_id", "client_secret", "refresh_token"}


def test_more_pages_than_a_call_shows_are_listed_even_when_their_names_cannot_be_asked(connect):
    player = connect.players["linkedin"]
    agency = [f"urn:li:organization:{number}" for number in range(1, 130)]
    player.pages = (*agency, *player.pages)
    player.faults.add(throttled(), path="/rest/organizations/{number}")
    told = connect("linkedin", "--account", SUVA)
    assert told.status == 0, (told, connect.person.said)


def test_another_administrator_s_login_is_told_and_the_file_stays(connect):
    given = ("--account", REYKJAVIK, "--name", "first", "--setting", "application_id=4710")
    assert connect("linkedin", *given).status == 0
    before = connect.file.read_text()
    connect.players["linkedin"].administrator = "0therInvented"
    connect("linkedin", *given)
    assert "this login's administrator_id is 0therInvented, the file has adm1nInvented" in "\n".join(
        connect.person.said
    )
    assert connect.file.read_text() == before


def test_the_end_of_a_token_of_an_app_in_testing_is_watched(connect, deskwire):
    given = ("--account", HARBOUR, "--name", "first")
    connect.players["google"].testing = True
    connect("google", *given)
    ends = datetime.fromtimestamp(int(stored("google-harbour")["refresh_token_ends"]), UTC)
    assert timedelta(days=6) < ends - datetime.now(UTC) < timedelta(days=8)
    planned = deskwire("plan", connect.file, "--table", "northwind", "--region", "eu-west-1", "--json")
    (standing,) = [each for each in json.loads(planned.out)["platforms"] if each["name"] == "first"]
    (finding,) = [each for each in standing["findings"] if each["what"] == "refresh_token"]
    assert (finding["state"], finding["ends"]) == ("expiring", ends.isoformat())
    assert "publish the OAuth consent screen" in finding["remedy"]
    connect.players["google"].testing = False
    assert connect("google", *given).status == 0
    assert "refresh_token_ends" not in stored("google-harbour")


# ------------------------------------------------------------------------------------------------ what goes wrong


@EVERY
def test_a_refused_login_is_told_and_stores_nothing(connect, channel):
    connect.players[channel].login.refusal = REFUSALS[channel]
    told = connect(channel)
    assert told.status != 0
    assert f"the login was refused there ({REFUSALS[channel]})" in told.err
    assert nothing_is_stored()


def test_a_platform_s_own_refusal_is_told_in_its_words(connect):
    connect.players["linkedin"].login.refusal = "unauthorized_scope_error"
    told = connect("linkedin")
    assert "the platform refused: unauthorized_scope_error as the platform words it" in told.err
    assert nothing_is_stored()


def test_a_scope_that_was_not_consented_to_is_named(connect):
    connect.players["linkedin"].login.withheld = frozenset({"w_organization_social_feed"})
    told = connect("linkedin")
    assert told.status != 0
    assert "consent to w_organization_social_feed is missing" in told.err
    assert nothing_is_stored()


@EVERY
def test_an_expired_code_is_told(connect, channel):
    def late(location):
        connect.players[channel].clock.advance(3600)
        return location

    connect.person.back = late
    told = connect(channel)
    assert told.status != 0
    assert "a code is good once, for minutes" in told.err
    assert nothing_is_stored()


@EVERY
def test_an_account_that_the_person_does_not_manage_is_told_with_those_they_do(connect, channel):
    told = connect(channel, "--account", "elsewhere")
    assert told.status != 0
    assert "the login gives no account elsewhere" in told.err
    assert ACCOUNTS[channel] in told.err
    assert nothing_is_stored()


def test_a_person_without_a_location_is_told(connect):
    connect.players["google"].locations = {}
    assert "this login gives no account" in connect("google").err
    assert nothing_is_stored()


@EVERY
def test_an_address_of_another_login_is_refused(connect, channel):
    connect.person.back = lambda location: location.replace("state=", "state=x")
    assert "that is no address of this login" in connect(channel).err
    assert nothing_is_stored()


def test_another_app_s_secret_is_told_as_the_app_s(connect):
    connect.players["google"].client["client_secret"] = "another"
    told = connect("google")
    assert "invalid_client" in told.err
    assert "check `client_id` and `client_secret`" in told.err
    assert nothing_is_stored()


def test_an_address_that_signs_with_another_secret_is_told(connect):
    connect.hooks.secret = "another"
    told = connect("linkedin", "--account", REYKJAVIK)
    assert told.status != 0
    assert "signs LinkedIn's check with another `client_secret`" in told.err


# -------------------------------------------------------------------------------------------- what every login keeps

SIGNS_IN = [each for each in registry.channel_names() if isinstance(registry.channel(each), SignsIn)]
SITE = Site(secrets=Secrets({"client_id": "app-id", "client_secret": "s3cr3t"}), settings={"app_id": "app-id"})
SIGN_IN = SignIn(at=datetime(2026, 11, 30, tzinfo=UTC), redirect="https://r.example/", state="st", verifier=Secret("v"))


@pytest.mark.parametrize("channel", SIGNS_IN)
def test_a_login_page_s_address_holds_what_it_must_and_no_secret(channel):
    parts = urlsplit(registry.channel(channel).dialog(SITE, SIGN_IN))
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.scheme == "https"
    assert {name: given[name] for name in ("response_type", "client_id", "redirect_uri", "state")} == {
        "response_type": "code", "client_id": "app-id", "redirect_uri": SIGN_IN.redirect, "state": SIGN_IN.state,
    }  # fmt: skip
    assert given["scope"]
    assert not {"s3cr3t", "v"} & set(given.values())


def test_google_is_given_the_challenge_of_the_rfc():
    # RFC 7636, appendix B.
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    sign_in = SignIn(at=SIGN_IN.at, redirect="http://127.0.0.1:1", state="s", verifier=verifier)
    address = registry.channel("google").dialog(SITE, sign_in)
    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&" in address
