"""Pinterest: what people answer in the lead form of an advertisement. API v5 offers nothing else that people write.

Set-up: have Pinterest's account team admit the ad account to the lead ads beta; make an app whose token belongs to an
owner or admin of the ad account (`ads:read`, `ads:write`); store `address_key`, a long random text of your own, as the
endpoint's secret. `deskwire connect pinterest` signs in, subscribes the address, and takes over Pinterest's key.
https://developers.pinterest.com/docs/work-with-ads/lead-ads/

Signature: none. The leads are sealed with AES-256-GCM under the subscription's key, and come to an address whose query
holds `address_key`. What exactly is sealed and how it is laid out could not be confirmed (the page's sample ends after
`ad_id`); every usual layout is tried, see `verification/sealed.py`.
https://developers.pinterest.com/docs/work-with-ads/lead-ads/

Secrets: endpoint `address_key`, `cryptographic_key`; connection `access_token`, or `refresh_token`, `client_id` and
`client_secret`. https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/

Limits: nothing can be answered on Pinterest: agents use the e-mail address or the telephone number of the answers.
Pinterest repeats a delivery after 429 and 5xx, and after no other 4xx; how long is not published. Leads can be exported
from it for 30 days. https://developers.pinterest.com/docs/work-with-ads/lead-ads/

What survives a redelivery: `lead_id` (“can be used for deduplication”).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, each
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Unreadable
from deskwire.verification.address import Address
from deskwire.verification.sealed import Sealed
from deskwire.web.reading import read

from . import leads, registering

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Grant, Registered, SignIn, Site
    from deskwire.model.secret import Secret
    from deskwire.web.request import Request
    from deskwire.web.rest import Transport

LEAD_ADS: Final = "https://developers.pinterest.com/docs/work-with-ads/lead-ads/"
DESCRIPTION: Final = "https://github.com/pinterest/api-description/blob/main/v5/openapi.yaml"
CHECKED: Final = date(2026, 11, 30)


class Pinterest(Channel):
    """The connector. An account is an ad account, a thread a lead."""

    name = "pinterest"
    title = "Pinterest lead ads"
    # Which name the sealed answers have is unconfirmed, and any is read; `encrypted_lead` is what the sandbox sends.
    verification = Sealed(
        address=Address(secret=registering.ADDRESS_KEY),
        secret=registering.KEY,
        field="encrypted_lead",
        beside=("advertiser_id", "lead_form_id", "ad_id", "lead_id"),
    )
    # The ids beside what is sealed are nobody's word, so the endpoint says whose leads come to it.
    names_account = False
    proves_authors = False  # anybody can write anybody's address into a form
    endpoint_secrets: ClassVar[Mapping[str, str]] = {
        registering.ADDRESS_KEY: "a long random text of your own making, which becomes a part of the webhook's address",
        registering.KEY: "the subscription's key, which `deskwire apply` takes over (optional before that)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {
        "access_token": "of an owner or admin of the ad account, with ads:read and ads:write; it ends after 30 days",
        "refresh_token": "or a continuous refresh token, with which Deskwire gets access tokens itself",
        "client_id": "the app's id, with a refresh token (optional)",
        "client_secret": "the app's secret key, with a refresh token (optional)",
    }
    connection_settings: ClassVar[Mapping[str, str]] = {
        registering.FORM: "the one lead form whose leads are wanted (optional, else all of the ad account)",
    }
    # Nothing listens there: the browser keeps the address with the code, for the person to copy.
    redirect: ClassVar[str] = "https://localhost/"
    application: ClassVar[Sequence[str]] = ("client_id", "client_secret")
    by_hand: ClassVar[Sequence[str]] = (
        "have Pinterest's account team admit the ad account to the lead ads beta",
        "after `deskwire apply`, send a test lead, as docs/channels/pinterest.md says",
    )
    terms = Terms(
        body_limit=Figure(256 * 1024, LEAD_ADS, CHECKED, confirmed=False),  # ours: a lead has ten answers
        deadline=Figure(timedelta(seconds=10), LEAD_ADS, CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=1), LEAD_ADS, CHECKED, confirmed=False),
        api_version=Figure("v5", DESCRIPTION, CHECKED),
        figures={"days in which leads can be exported": Figure(30, DESCRIPTION, CHECKED)},
    )
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C4.body": "the ids beside what is sealed are covered by nothing; they decide no thread",
        "C5.memory": "no time is known to be sealed: a lead sent again after outcomes are forgotten is filed again",
        "C10.words": "the answer to a checkbox may be a list (unconfirmed), so a list of texts is read as well",
        "C12": "nobody writes into a form as us",
        "C16.attachment": "a form takes no files",
        "C16.deletion": "what was submitted cannot be taken back",
        "C16.edit": "what was submitted cannot be changed",
        "C16.ignored": "a subscription brings leads and nothing else",
        "C16.own": "nobody writes into a form as us",
    }

    def identity(self, author: str) -> str:
        """Return an e-mail address in lower case: people write the same one in different letters."""
        return author.strip().lower()

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield the message of each lead, from what the rule opened."""
        body = read(request.body).object()
        if not body["items"]:
            raise PayloadError("body.items is missing: what was sealed is not opened")
        yield from each(body["items"].items(), lambda item: [leads.event(self.name, item.object())])

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the login page's address."""
        from . import login

        return login.dialog(site, sign_in)

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the ad accounts that the person's code gives."""
        from . import login

        return login.grants(site, code, sign_in, http)

    def tried(self, site: Site, http: Transport) -> str:
        """Return "": what the address answers without a sealed lead is a refusal, and we can make no lead."""
        del site, http
        return ""

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        """Return how the subscription and its key stand."""
        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        """Subscribe the endpoint's address, and hand over the key."""
        return registering.set_up(site, reach)
