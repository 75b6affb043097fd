"""The token of Instagram Login is renewed long before its 60 days are over."""

import pytest

from deskwire import registry
from deskwire.channels.instagram.sending import INSTAGRAM
from deskwire.contracts.channel import Reach
from deskwire.contracts.registration import Site
from deskwire.conversation.tokens import SharedTokens
from deskwire.families import meta
from deskwire.model.errors import ConfigurationError
from deskwire.model.secret import Secrets
from deskwire.ports.memory import MemoryTable
from sandbox.neighbours.neighbour import Clock
from sandbox.platforms.instagram.played import Instagram
from tests.sandbox.test_registering import Asking

DAY = 86_400


class Account:
    """An account whose workers begin with nothing but the table."""

    def __init__(self):
        self.player = Instagram("17841490000000001", "invented", clock=Clock(held=True))
        self.asking = Asking(self.player)
        self.table = MemoryTable()
        self.stored = "invented"

    def reach(self):
        clock, secrets = self.player.clock, Secrets({"instagram_token": self.stored}, entry="deskwire/instagram")
        tokens = SharedTokens(self.table, clock.now, lambda _seconds: None).of("channel/shop", secrets)
        return Reach(
            account="17841490000000001", settings={}, secrets=secrets, http=self.asking, now=clock.now(), mail=None,
            remember=lambda _name, make: make()[0], tokens=tokens,
        )  # fmt: skip

    def after(self, days):
        """Return the token that is sent after so many more days."""
        self.player.clock.advance(days * DAY)
        return INSTAGRAM.access(self.reach()).reveal()


@pytest.fixture
def account():
    return Account()


def test_the_stored_token_is_used_until_it_may_be_renewed(account):
    assert [account.after(0), account.after(1)] == ["invented", "invented"]
    assert account.after(0.5) != "invented"


def test_an_account_is_used_for_a_year(account):
    account.after(0)
    used = [account.after(5) for _ in range(73)]
    assert len(set(used)) > 30
    call = meta.graph_request(INSTAGRAM, "GET", ("me", "subscribed_apps"), None, account.reach())
    assert account.asking(call).status == 200


def test_the_hourly_look_renews_what_nobody_uses(account):
    account.after(0)
    site = Site(address="https://hooks.example/channels/e", secrets=Secrets({"verify_token": "x", "app_secret": "y"}))
    for _ in range(30):
        account.player.clock.advance(5 * DAY)
        registry.channel("instagram").registration(site, account.reach())
    assert account.after(0) != "invented"


def test_a_token_that_ended_calls_a_person_and_a_new_one_is_used_at_once(account):
    account.after(0)
    with pytest.raises(ConfigurationError, match="store the new “instagram_token” in the secret “deskwire/instagram”"):
        account.after(61)
    account.player.accept("fresh")
    account.stored = "fresh"
    assert account.after(0) == "fresh"
