"""Northwind's registrations: all stand once its file is applied, and what drifts is named by the hourly look."""

import json

import pytest

from deskwire.aws.queues import SqsMailbox
from deskwire.aws.table import DynamoTable
from deskwire.configuration import INDEX_KEY
from deskwire.letters import look
from sandbox.northwind.offices import SUVA
from sandbox.platforms.viber.books import BOTS, OnViber

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("flows")]

# What is kept twice, by the functions' log and by the machine's, is one line.
SAID = {"a registration is broken", "something ends soon", "a registration could not be looked at"}


@pytest.fixture
def looked(company, stories):
    """Have converse look at every connection now, as sweep does in the course of an hour; return what it said."""
    stack = company.stack
    table = DynamoTable(stack.client("dynamodb"), stack.deployed.table)
    mailbox = SqsMailbox(stack.client("sqs"), stack.deployed.mailbox)

    def said():
        return {
            line for line in company.logs().splitlines() if line.startswith("{") and any(each in line for each in SAID)
        }

    def run(why):
        before = said()
        keys = [(pk, sk) for pk, sk in table.get(INDEX_KEY)["keys"] if sk in {"CONNECTION", "HELPDESK"}]
        mailbox.send([look(key, why) for key in keys])
        stories.calm()
        found = [json.loads(line) for line in said() - before]
        return [(each.get("connection") or each.get("helpdesk"), each["reason"]) for each in found], len(keys)

    return run


def test_every_registration_of_northwind_stands(company, looked):
    told = json.loads(company.command("plan", str(company.rules), "--json"))
    standings = {each["name"]: each for each in told["platforms"]}
    wrong = {
        name: [finding["text"] for finding in each["findings"] if finding["state"] != "right"] or each["problem"]
        for name, each in standings.items()
        if each["problem"] or any(finding["state"] != "right" for finding in each["findings"])
    }
    assert wrong == {}
    seen = {each["connector"] for each in standings.values() if each["findings"]}
    assert {
        "email",
        "facebook",
        "google",
        "instagram",
        "linkedin",
        "messenger",
        "pinterest",
        "viber",
        "whatsapp",
        "whatsappaws",
        "x",
        "zendesk",
    } <= seen
    said, looks = looked("all")
    assert looks >= len(standings)
    assert said == []


def test_drift_is_named_by_the_hourly_look_and_mended_by_apply(company, looked):
    viber = company.platform(OnViber).player
    viber.webhooks[BOTS[SUVA]]["webhook"] = "https://elsewhere.example"
    try:
        said, _ = looked("drifted")
        assert [name for name, _ in said] == [f"{SUVA}-viber"]
        assert "the bot's webhook: https://elsewhere.example, wanted http" in said[0][1]
        assert said[0][1].endswith("`deskwire apply` sets it right")
    finally:
        company.command("apply", str(company.rules), "--yes")
    assert looked("mended")[0] == []
