"""Looks at Deskwire's webhooks and trigger in Zendesk, and sets them up.

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

from deskwire.contracts.registration import Finding, Registered, Site, State, address
from deskwire.families.ids import id_of
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secret
from deskwire.web.reading import Node

from .api import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME, EVENTS_NAME = "Deskwire: agents' answers", "Deskwire: solved, opened again, assigned"
WEBHOOK, EVENTS_WEBHOOK, TRIGGER = "the webhook", "the webhook of events", "the trigger"
SECRET, EVENTS_SECRET = "signing_secret", "events_secret"
# A webhook is called by triggers or by events, never by both, and which cannot be changed: so there are two.
# https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/#connection-methods
BY_TRIGGER: Final = "conditional_ticket_events"
ANSWERED: Final = "zen:event-type:ticket.comment_added"
EVENTS: Final = ("zen:event-type:ticket.agent_assignment_changed", "zen:event-type:ticket.status_changed")
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


def findings(site: Site, api: Api) -> list[Finding]:
    """Return how the two webhooks, the trigger and the signing secrets stand."""
    shown = _webhooks(api)
    if shown is None:
        return [Finding(what=WEBHOOK, state=State.UNKNOWN, remedy=BY_HAND)]
    answers, events = _ours(shown, site)
    found = [_webhook(shown, answers, site, WEBHOOK, NAME)]
    if answers is not None:
        found += _secret(api, answers, site, SECRET)
        found += [_trigger(api, answers)] if BY_TRIGGER in _subscriptions(answers) else []
    found.append(_lacking(events) or _webhook(shown, events, site, EVENTS_WEBHOOK, EVENTS_NAME))
    if events is not None and events is not answers:
        found += _secret(api, events, site, EVENTS_SECRET)
    return found


def set_up(site: Site, api: Api) -> Registered:
    """Make the webhooks and the trigger where they are not, switch them on, and hand over the signing secrets."""
    shown = _webhooks(api)
    if shown is None or not site.address:
        return Registered()
    did: list[str] = []
    secrets: dict[str, Secret] = {}
    answers, events = _ours(shown, site)
    answers = _standing(api, answers, site, WEBHOOK, NAME, [BY_TRIGGER], did)
    secrets |= _handed(api, answers, site, SECRET, did)
    if BY_TRIGGER in _subscriptions(answers):
        _set_trigger(api, answers, did)
    events = _standing(api, events, site, EVENTS_WEBHOOK, EVENTS_NAME, [*EVENTS], did)
    if missing := [each for each in EVENTS if each not in _subscriptions(events)]:
        wanted = {"subscriptions": [*_subscriptions(events), *missing]}
        _made(api, "PATCH", f"webhooks/{_id(events)}", {"webhook": wanted}, "subscribing the webhook")
        did.append(f"{EVENTS_WEBHOOK} subscribed to {', '.join(map(_short, missing))}")
    if _id(events) != _id(answers):
        secrets |= _handed(api, events, site, EVENTS_SECRET, did)
    return Registered(did=did, secrets=secrets)


def _standing(
    api: Api, webhook: Node | None, site: Site, what: str, name: str, subscriptions: list[str], did: list[str]
) -> Node:
    """Return the webhook, made or switched on."""
    if webhook is None:
        wanted: dict[str, Any] = {"name": name, "status": "active", "endpoint": site.address, "http_method": "POST",
                  "request_format": "json", "subscriptions": subscriptions}  # fmt: skip
        did.append(f"{what} “{name}” made, with {site.address}")
        return _made(api, "POST", "webhooks", {"webhook": wanted}, "making the webhook")["webhook"]
    if webhook["status"].text("") == "inactive":
        _made(api, "PATCH", f"webhooks/{_id(webhook)}", {"webhook": {"status": "active"}}, "switching the webhook on")
        did.append(f"{what} switched on")
    return webhook


def _handed(api: Api, webhook: Node, site: Site, name: str, did: list[str]) -> dict[str, Secret]:
    """Return the webhook's signing secret where the endpoint does not have it."""
    if not any(each.mends for each in _secret(api, webhook, site, name)):
        return {}
    did.append(f"its signing secret taken over as {name}")
    return {name: _signing(api, webhook)}


def _set_trigger(api: Api, webhook: Node, did: list[str]) -> None:
    trigger = _trigger_of(api, webhook)
    if trigger is None:
        action = {"field": "notification_webhook", "value": [_id(webhook), BODY]}
        wanted = {"title": NAME, "active": True, "conditions": {"all": [*CONDITIONS], "any": []}, "actions": [action]}
        _made(api, "POST", "triggers.json", {"trigger": wanted}, "making the trigger")
        did.append(f"{TRIGGER} “{NAME}” made")
    elif trigger["active"].raw is False:
        path = f"triggers/{id_of(trigger['id'])}.json"
        _made(api, "PUT", path, {"trigger": {"active": True}}, "switching the trigger on")
        did.append(f"{TRIGGER} switched on")


def _webhooks(api: Api) -> list[Node] | None:
    """Return the account's webhooks; None where this token may not see them."""
    answer = api.ask("GET", "webhooks?page%5Bsize%5D=100")
    if answer.status == 403:
        return None
    return api.checked(answer, "looking at the webhooks").node()["webhooks"].rows()


def _subscriptions(webhook: Node) -> list[str]:
    """Return what calls a webhook: events, or triggers."""
    found = [each.text("") for each in webhook["subscriptions"].rows()]
    return found or [BY_TRIGGER]


def _ours(webhooks: Sequence[Node], site: Site) -> tuple[Node | None, Node | None]:
    """Return the webhook of agents' answers and that of events, often made by hand and one: found by their address.

    Where none is known, by our name.
    """
    names = {NAME, EVENTS_NAME}
    mine = [
        each for each in webhooks
        if each["endpoint"].text("") == site.address or (not site.address and each["name"].text("") in names)
    ]  # fmt: skip
    answers = [each for each in mine if {BY_TRIGGER, ANSWERED} & {*_subscriptions(each)}]
    events = [each for each in mine if BY_TRIGGER not in _subscriptions(each)]
    fullest = max(events, key=lambda each: len({*EVENTS} & {*_subscriptions(each)}), default=None)
    return next(iter(answers), None), fullest


def _webhook(webhooks: Sequence[Node], ours: Node | None, site: Site, what: str, name: str) -> Finding:
    if ours is None:
        named = [each["endpoint"].text("") for each in webhooks if each["name"].text("") == name]
        return address(what, ", ".join(named), site.address)
    if ours["status"].text("") == "inactive":
        return Finding(what=what, state=State.DIFFERENT, found="switched off")
    return Finding(what=what, found=ours["endpoint"].text(""))


def _lacking(events: Node | None) -> Finding | None:
    """Return the finding of events to which the webhook is not subscribed."""
    missing = [each for each in EVENTS if events is not None and each not in _subscriptions(events)]
    found = f"lacks {', '.join(map(_short, missing))}"
    return Finding(what=EVENTS_WEBHOOK, state=State.DIFFERENT, found=found) if missing else None


def _short(event: str) -> str:
    return event.rpartition(".")[2]


def _signing(api: Api, webhook: Node) -> Secret:
    answer = api.ask("GET", f"webhooks/{_id(webhook)}/signing_secret")
    return Secret(api.checked(answer, "asking for the signing secret").node()["signing_secret"]["secret"].text())


def _secret(api: Api, webhook: Node, site: Site, name: str) -> list[Finding]:
    """Return how the endpoint's secret fits; nothing where it does."""
    known = [
        secret for each in (SECRET, EVENTS_SECRET) if site.secrets.has(each) for secret in site.secrets.every(each)
    ]
    if not known:
        return [Finding(what=name, state=State.MISSING, wanted="the webhook's own")]
    signing = _signing(api, webhook).encode()
    if any(hmac.compare_digest(each.encode(), signing) for each in known):
        return []
    return [Finding(what=name, state=State.DIFFERENT, found="another than the webhook's")]


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


def _made(api: Api, method: str, path: str, payload: Mapping[str, Any], what: str) -> Node:
    answer = api.checked(api.ask(method, path, payload), what)
    return answer.node() if answer.body else Node({}, what)


def _id(webhook: Node) -> str:
    """Return a webhook's id, of letters and digits."""
    found = webhook["id"].text("")
    if not found or not found.isalnum():
        raise TemporaryError("the webhook has no id that could be read")
    return quote(found, safe="")
