"""Looks at where AWS publishes what happens at a linked WhatsApp Business Account, and sets that to the stack's topic.

https://docs.aws.amazon.com/social-messaging/latest/APIReference/API_GetLinkedWhatsAppBusinessAccountPhoneNumber.html,
…/API_GetLinkedWhatsAppBusinessAccount.html (an account has one event destination at most) and
…/API_PutWhatsAppBusinessAccountEventDestinations.html. converse may look; the last is the operator's right alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from deskwire.contracts.registration import Finding, Registered, Site, State, address

from . import api

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

NUMBER: Final = "the number"
ACCOUNT: Final = "the linked account"
DESTINATION: Final = "the account's event destination"
OTHER: Final = (
    "the connection's `account` is Meta's id of the number: compare it and `phone_number_id` with the console"
)
LINK: Final = (
    "link the account, with the number, in the console of AWS End User Messaging (docs/channels/whatsappaws.md)"
)
TOPIC: Final = "set the topic's ARN as `source` among the settings of the endpoint"


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how the number, its account and where AWS publishes stand."""
    shown = _number(reach)
    meta_id, linked = shown["phoneNumber"]["metaPhoneNumberId"].any_id(), _linked(shown)
    state = State.RIGHT if meta_id == reach.account else State.DIFFERENT
    found = [Finding(what=NUMBER, state=state, found=meta_id, wanted=reach.account, remedy=OTHER)]
    if not linked:
        return [*found, Finding(what=ACCOUNT, state=State.UNKNOWN, remedy=LINK)]
    account = _account(linked, reach)
    status = account["registrationStatus"].text("")
    state = State.DIFFERENT if status == "INCOMPLETE" else State.RIGHT
    return [*found, Finding(what=ACCOUNT, state=state, found=status, remedy=LINK), _destination(account, site)]


def set_up(site: Site, reach: Reach) -> Registered:
    """Make the endpoint's topic the account's one event destination."""
    linked = _linked(_number(reach))
    if not linked or not _destination(_account(linked, reach), site).mends:
        return Registered()
    topic = _topics(site)[0]
    wanted = {"id": linked, "eventDestinations": [{"eventDestinationArn": topic}]}
    answer = api.ask("PUT", "/v1/whatsapp/waba/eventdestinations", wanted, reach)
    api.settled(answer, what="setting the account's event destination")
    return Registered(did=[f"{DESTINATION} set to {topic}"])


def _number(reach: Reach) -> Node:
    return _shown("/v1/whatsapp/waba/phone/details", api.number(reach), reach, what="looking at the number")


def _linked(number: Node) -> str:
    return number["linkedWhatsAppBusinessAccountId"].text("")


def _account(linked: str, reach: Reach) -> Node:
    return _shown("/v1/whatsapp/waba/details", linked, reach, what="looking at the account")["account"]


def _shown(path: str, number: str, reach: Reach, *, what: str) -> Node:
    return api.settled(api.ask("GET", f"{path}?id={quote(number, safe='')}", None, reach), what=what)


def _topics(site: Site) -> list[str]:
    """Return the topics among the endpoint's sources; a bucket is no event destination."""
    return [each for each in site.settings.get("source", "").split() if ":sns:" in each]


def _destination(account: Node, site: Site) -> Finding:
    topics = _topics(site)
    destinations = [each["eventDestinationArn"].text("") for each in account["eventDestinations"].rows()]
    found = next(iter(destinations), "")
    if found in topics:
        return Finding(what=DESTINATION, found=found)
    return address(DESTINATION, found, topics[0]) if topics else _unnamed(found)


def _unnamed(found: str) -> Finding:
    return Finding(what=DESTINATION, state=State.UNKNOWN, found=found, remedy=TOPIC)
