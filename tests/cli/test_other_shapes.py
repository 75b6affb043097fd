"""deskwire.yaml for what is only polled, and for what names no account."""

import pytest

from cli.checking import check
from deskwire import registry
from deskwire.configuration import Endpoint
from tests.library.receiving.shapes.mastodon import Mastodon
from tests.library.receiving.shapes.viber import Viber

SHAPES = {"mastodon": Mastodon(), "viber": Viber()}
HEAD = """
helpdesks:
  desk: {connector: zendesk, secret: desk, settings: {subdomain: acme, email: a@acme.example}, poll: false}
defaults: {helpdesk: desk}
endpoints:
  desk: {helpdesk: desk, secret: desk}
  bot: {channels: [viber]}
  other-bot: {channels: [viber]}
connections:
"""
POLLED = "  toots: {channel: mastodon, account: acme}\n"
BOT = "  bot: {channel: viber, account: acme-bot, endpoint: bot}\n"


@pytest.fixture
def checked(tmp_path, monkeypatch):
    find, names = registry.channel, registry.channel_names()
    monkeypatch.setattr(registry, "channel", lambda name: SHAPES.get(name) or find(name))
    monkeypatch.setattr(registry, "channel_names", lambda: (*names, *SHAPES))

    def run(connections, head=HEAD):
        file = tmp_path / "deskwire.yaml"
        file.write_text(head + connections)
        return check(file)

    return run


def faults(found):
    return [(fault.where, fault.reason) for fault in found.faults]


def test_what_is_only_polled_needs_no_endpoint(checked):
    found = checked(POLLED)
    assert faults(found) == []
    assert next(each for each in found.definitions if each.name == "toots").endpoint == ""


def test_what_is_only_polled_has_no_endpoint(checked):
    ((where, reason),) = faults(checked(POLLED.replace("}", ", endpoint: bot}")))
    assert (where, "leave `endpoint` out" in reason) == ("connections.toots.endpoint", True)
    ((where, reason),) = faults(checked(POLLED, HEAD.replace("[viber]}\n  other", "[mastodon]}\n  other")))
    assert (where, "only polled" in reason) == ("endpoints.bot.channels.0", True)


def test_what_is_delivered_needs_an_endpoint(checked):
    ((where, reason),) = faults(checked(BOT.replace(", endpoint: bot", "")))
    assert (where, "“endpoint” is missing" in reason) == ("connections.bot", True)


def test_the_one_account_of_an_endpoint_is_written_down_where_deliveries_name_none(checked):
    found = [each for each in checked(BOT).definitions if isinstance(each, Endpoint) and each.name == "bot"]
    assert [endpoint.accounts for endpoint in found] == [{"viber": "acme-bot"}]


def test_an_endpoint_of_two_accounts_that_no_delivery_names_is_refused(checked):
    second = BOT.replace("bot: {", "second: {", 1).replace("acme-bot", "second-bot")
    ((where, reason),) = faults(checked(BOT + second))
    assert (where, "endpoint of its own" in reason) == ("connections.second.endpoint", True)
    assert faults(checked(BOT + second.replace("endpoint: bot", "endpoint: other-bot"))) == []


def test_the_forms_of_an_endpoint_are_written_down_so_that_no_other_is_taken(checked):
    settings = "{origins: 'https://shop.example.org', captcha: turnstile}"
    page = f"  bot: {{channels: [webform], secret: form, settings: {settings}}}"
    forms = "".join(
        f"  {name}: {{channel: webform, account: {name}, endpoint: bot, settings: {{sender: a@acme.example}}}}\n"
        for name in ("contact", "returns")
    )
    head = HEAD.replace("  bot: {channels: [viber]}", page).replace("  other-bot: {channels: [viber]}\n", "")
    found = checked(forms, head)
    assert faults(found) == []
    assert [each.pages for each in found.definitions if isinstance(each, Endpoint) and each.name == "bot"] == [
        {"webform": ("contact", "returns")}
    ]
