"""Looks at Deskwire's webhook and trigger in Zendesk, and sets them up.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ (with `signing_secret`) and
https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/. Both are for administrators, and for
agents of a custom role that may manage webhooks and triggers.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from deskwire.contracts.registration import Finding, Registered, Site, State, address, complete
from deskwire.families.ids import id_of
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secret
from deskwire.web.reading import Node

from .api import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deskwire.contracts.channel import Reach

NAME: Final = "Deskwire: agents' answers"
WEBHOOK, TRIGGER, SECRET, FIELDS = "the webhook", "the trigger", "signing_secret", "the ticket fields"
BODY: Final = json.dumps({"ticket_id": "{{ticket.id}}"})
# “Comment is public” and “Current user is (agent)”, as Zendesk's own standard triggers write them; the page of
# conditions, /documentation/ticketing/reference-guides/conditions-reference/, could be read in part only.
CONDITIONS: Final = (
    {"field": "comment_is_public", "operator": "is", "value": "true"},
    {"field": "role", "operator": "is", "value": "agent"},
)
BY_HAND: Final = (
    "let an administrator's token look: an agent may not see webhooks and triggers, unless by a custom role; or set "
    "both up by hand as the connector's page says"
)


def findings(site: Site, fields: Sequence[str], reach: Reach) -> list[Finding]:
    """Return how webhook, trigger, signing secret and the ticket fields that are filled stand."""
    api = Api(reach)
    shown = _webhooks(api)
    if shown is None:
        return [Finding(what=WEBHOOK, state=State.UNKNOWN, remedy=BY_HAND)]
    ours = _ours(shown, site)
    found = [_webhook(shown, ours, site)]
    if ours is not None:
        found += [*_secret(api, ours, site), _trigger(api, ours)]
    return [*found, *_fields(api, fields)]


def set_up(site: Site, reach: Reach) -> Registered:
    """Make the webhook and its trigger where they are not, switch them on, and hand over the signing secret."""
    api, did, secrets = Api(reach), [], {}
    shown = _webhooks(api)
    if shown is None or not site.address:
        return Registered()
    ours = _ours(shown, site)
    if ours is None:
        wanted: dict[str, Any] = {"name": NAME, "status": "active", "endpoint": site.address, "http_method": "POST",
                  "request_format": "json", "subscriptions": ["conditional_ticket_events"]}  # fmt: skip
        ours = _made(api, "POST", "webhooks", {"webhook": wanted}, "making the webhook")["webhook"]
        did.append(f"{WEBHOOK} “{NAME}” made, with {site.address}")
    elif ours["status"].text("") == "inactive":
        _made(api, "PATCH", f"webhooks/{_id(ours)}", {"webhook": {"status": "active"}}, "switching the webhook on")
        did.append(f"{WEBHOOK} switched on")
    if any(each.mends for each in _secret(api, ours, site)):
        secrets[SECRET] = _signing(api, ours)
        did.append("its signing secret taken over")
    trigger = _trigger_of(api, ours)
    if trigger is None:
        action = {"field": "notification_webhook", "value": [_id(ours), BODY]}
        wanted = {"title": NAME, "active": True, "conditions": {"all": [*CONDITIONS], "any": []}, "actions": [action]}
        _made(api, "POST", "triggers.json", {"trigger": wanted}, "making the trigger")
        did.append(f"{TRIGGER} “{NAME}” made")
    elif trigger["active"].raw is False:
        path = f"triggers/{id_of(trigger['id'])}.json"
        _made(api, "PUT", path, {"trigger": {"active": True}}, "switching the trigger on")
        did.append(f"{TRIGGER} switched on")
    return Registered(did=did, secrets=secrets)


def _webhooks(api: Api) -> list[Node] | None:
    """Return the account's webhooks; None where this token may not see them."""
    answer = api.ask("GET", "webhooks?page%5Bsize%5D=100")
    if answer.status == 403:
        return None
    return api.checked(answer, "looking at the webhooks").node()["webhooks"].rows()


def _ours(webhooks: Sequence[Node], site: Site) -> Node | None:
    """Return the webhook with our address, else (where none is wanted) the one of our name."""
    for each in webhooks:
        if each["endpoint"].text("") == site.address or (not site.address and each["name"].text("") == NAME):
            return each
    return None


def _webhook(webhooks: Sequence[Node], ours: Node | None, site: Site) -> Finding:
    if ours is None:
        named = [each["endpoint"].text("") for each in webhooks if each["name"].text("") == NAME]
        return address(WEBHOOK, ", ".join(named), site.address)
    if ours["status"].text("") == "inactive":
        return Finding(what=WEBHOOK, state=State.DIFFERENT, found="switched off")
    return Finding(what=WEBHOOK, found=ours["endpoint"].text(""))


def _signing(api: Api, webhook: Node) -> Secret:
    answer = api.ask("GET", f"webhooks/{_id(webhook)}/signing_secret")
    return Secret(api.checked(answer, "asking for the signing secret").node()["signing_secret"]["secret"].text())


def _secret(api: Api, webhook: Node, site: Site) -> list[Finding]:
    """Return how the endpoint's secret fits; nothing where it does."""
    if not site.secrets.has(SECRET):
        return [Finding(what=SECRET, state=State.MISSING, wanted="the webhook's own")]
    signing = _signing(api, webhook).encode()
    if any(hmac.compare_digest(each.encode(), signing) for each in site.secrets.every(SECRET)):
        return []
    return [Finding(what=SECRET, state=State.DIFFERENT, found="another than the webhook's")]


def _trigger_of(api: Api, webhook: Node) -> Node | None:
    answer = api.checked(api.ask("GET", "triggers.json?page%5Bsize%5D=100"), "looking at the triggers")
    for each in answer.node()["triggers"].rows():
        for action in each["actions"].rows():
            target = action["value"].rows()[:1]
            if action["field"].text("") == "notification_webhook" and target and target[0].text("") == _id(webhook):
                return each
    return None


def _trigger(api: Api, webhook: Node) -> Finding:
    trigger = _trigger_of(api, webhook)
    if trigger is None:
        return Finding(what=TRIGGER, state=State.MISSING, wanted=f"one that notifies “{NAME}”")
    if trigger["active"].raw is False:
        return Finding(what=TRIGGER, state=State.DIFFERENT, found="switched off")
    return Finding(what=TRIGGER, found=f"“{trigger['title'].text('')}”")


def _fields(api: Api, wanted: Sequence[str]) -> list[Finding]:
    if not wanted:
        return []
    answer = api.checked(api.ask("GET", "ticket_fields.json?page%5Bsize%5D=100"), "looking at the ticket fields")
    there = [id_of(each["id"]) for each in answer.node()["ticket_fields"].rows() if each["active"].raw is not False]
    remedy = "compare the setting `fields` with Admin Center, Objects and rules, Tickets, Fields"
    return [complete(FIELDS, there, wanted, remedy)]


def _made(api: Api, method: str, path: str, payload: Mapping[str, Any], what: str) -> Node:
    answer = api.checked(api.ask(method, path, payload), what)
    return answer.node() if answer.body else Node({}, what)


def _id(webhook: Node) -> str:
    """Return a webhook's id, of letters and digits."""
    found = webhook["id"].text("")
    if not found or not found.isalnum():
        raise TemporaryError("the webhook has no id that could be read")
    return quote(found, safe="")
