"""A webhook that somebody else took: sweep has it looked at within the hour, and the log says which and what to do."""

import json
from datetime import timedelta

import pytest

from deskwire import registry
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, item
from deskwire.contracts.registration import Site
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.web.rest import with_hosts
from sandbox.platforms.viber.played import API, Viber

from .conftest import SECRETS

BOTS = ("north", "south")


def address(bot):
    return f"https://hooks.acme.example/channels/viber-{bot}"


@pytest.fixture
def viber(company, monkeypatch):
    """Two bots whose webhooks stand."""
    made = [
        each
        for bot in BOTS
        for each in (
            Endpoint(name=f"viber-{bot}", side="channels", connectors=("viber",), secret=bot, address=address(bot),
                     accounts={"viber": bot}),
            Connection(name=bot, channel="viber", account=bot, endpoint=f"viber-{bot}", secret=bot, helpdesk="acme"),
        )
    ]  # fmt: skip
    for each in made:
        company.table.put(Put(item(each)))
    company.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(each.key) for each in made]}))
    with Viber({f"token-of-{bot}": bot for bot in BOTS}, clock=company.clock) as player:
        player.checks = lambda _token, _url: True
        company._direct = with_hosts(
            company._open, {company.zendesk.host: company.zendesk.address, API: player.address}
        )
        for each in made[1::2]:
            for entry in (each.name, f"endpoints/{each.name}"):
                monkeypatch.setitem(SECRETS, entry, {"auth_token": f"token-of-{each.name}"})
            site = Site(address=address(each.name), secrets=Secrets(SECRETS[each.name]))
            assert registry.channel("viber").register(site, company.directory.channel_of(each)[1]).did
        yield player


def an_hour(company):
    """Let an hour pass; return what was said of registrations in it, by connection."""
    company.lines.clear()
    for _ in range(60):
        company.later(timedelta(minutes=1).total_seconds())
    lines = [json.loads(line) for line in company.lines]
    return [(each["connection"], each["reason"]) for each in lines if "registration" in each.get("message", "")]


def test_a_webhook_that_was_taken_is_named_within_the_hour_and_again_until_it_is_mended(company, viber):
    assert an_hour(company) == []
    viber.webhooks["south"]["webhook"] = "https://elsewhere.example"
    named = [
        (
            "south",
            f"the bot's webhook: https://elsewhere.example, wanted {address('south')}: `deskwire apply` sets it right",
        )
    ]
    assert an_hour(company) == named
    assert an_hour(company) == named
    viber.webhooks["south"]["webhook"] = address("south")
    assert an_hour(company) == []
