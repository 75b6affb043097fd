"""`deskwire doctor` against the played Zendesk: in order, and with each thing broken."""

import json

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.configuration import HelpdeskConnection, item
from deskwire.helpdesks.zendesk import Zendesk as Connector
from deskwire.ports import Put
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.tables import TABLE

SETTINGS = {"subdomain": "acme", "email": "deskwire@acme.example"}


@pytest.fixture
def zendesk():
    with Zendesk(Clock()) as played:
        played.administrator = False  # the agent's token sees no webhooks: that is no fault
        yield played


@pytest.fixture
def doctor(deskwire, zendesk, monkeypatch):
    monkeypatch.setenv("DESKWIRE_SANDBOX", json.dumps({"acme.zendesk.com": zendesk.address}))
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="northwind", **TABLE)
        desk = HelpdeskConnection(name="main", connector="zendesk", secret="zendesk", settings=SETTINGS)
        DynamoTable(client, "northwind").put(Put(item(desk)))
        secret = '{"api_token": "invented-zendesk-token"}'
        boto3.client("secretsmanager").create_secret(Name="deskwire/zendesk", SecretString=secret)

        def command(*arguments):
            return deskwire("doctor", "main", "--table", "northwind", "--region", "eu-west-1", *arguments)

        yield command


def steps(told):
    return {each["step"]: each["good"] for each in json.loads(told.out)["steps"]}


def test_a_helpdesk_in_order_is_proved_and_cleaned_up(doctor, zendesk):
    told = doctor("--yes")
    assert told.status == 0, told
    assert "main is in order" in told.out
    for line in (
        "- the webhook: ",
        "✓ sign in and look for a ticket",
        "✓ open a ticket: ticket ",
        "✓ close the ticket",
    ):
        assert line in told.out
    (ticket,) = zendesk.tickets
    assert (ticket.status, ticket.subject) == ("solved", "Deskwire test: please ignore")
    assert "deskwire-test" in ticket.tags
    words = " ".join(comment.words for comment in zendesk.comments(ticket.id))
    assert "made by `deskwire doctor`" not in words  # taken out again
    assert "A note of the same test" in words


def test_reading_alone_opens_nothing_and_nobody_is_asked_in_vain(doctor, zendesk):
    told = doctor("--read-only", "--json")
    assert (told.status, set(steps(told).values())) == (0, {True, None})
    told = doctor()
    assert (told.status, "say --yes, or --read-only" in told.err) == (2, True)
    assert zendesk.tickets == []


def test_a_wrong_token_ends_it_before_anything_is_written(doctor, zendesk):
    boto3.client("secretsmanager").put_secret_value(SecretId="deskwire/zendesk", SecretString='{"api_token": "no"}')
    told = doctor("--yes")
    assert told.status == 1
    assert "✗ sign in and look for a ticket: looking for a ticket: HTTP 401" in told.out
    assert "    mend what it names, then run this again" in told.out
    assert zendesk.tickets == []


def test_a_connector_that_cannot_find_and_takes_our_words_for_an_agent_s_is_found_and_the_ticket_closed(
    doctor, zendesk, monkeypatch
):
    monkeypatch.setattr("cli.doctor.time.sleep", lambda _seconds: None)
    monkeypatch.setattr(Connector, "find", lambda *_: None)
    monkeypatch.setattr(Connector, "replies", lambda *_: ["ours"])
    told = doctor("--yes", "--json")
    assert told.status == 1
    failed = {name for name, good in steps(told).items() if good is False}
    assert failed == {
        "find the ticket by its key", "find the message by its key", "read answers, and take none of ours for one",
    }  # fmt: skip
    assert zendesk.tickets[0].status == "solved"


def test_a_helpdesk_that_there_is_not_is_told(doctor, deskwire):
    told = deskwire("doctor", "other", "--table", "northwind", "--region", "eu-west-1")
    assert told.status == 1
    assert "there is no helpdesk “other”" in told.err
