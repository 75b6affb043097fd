"""The part of the played Zendesk that administrators set up: webhooks, triggers, forms, brands, groups, fields."""

from __future__ import annotations

from typing import Any

from sandbox.helpdesks.zendesk.account import Account, invalid, missing
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

BY_TRIGGER = "conditional_ticket_events"


class Administered(Neighbour):
    """Serves what an account's administrator made."""

    account: Account
    administrator: bool  # whether our token may see webhooks and triggers

    def __init__(self, clock: Clock | None, *, port: int, seed: int, signing_secret: str) -> None:
        """Begin without any; `signing_secret` is the first webhook's."""
        super().__init__(clock, port=port, seed=seed)
        self.made_webhooks: dict[str, dict[str, Any]] = {}
        self.made_triggers: dict[int, dict[str, Any]] = {}
        self._secret = signing_secret

    @route("GET", "/api/v2/webhooks")
    @route("POST", "/api/v2/webhooks")
    def webhooks_of(self, asked: Asked) -> Reply:
        """List webhooks, or make one; agents may not."""
        if not self.administrator:
            return Reply.json(403, {"error": "Forbidden", "description": "You do not have access to this page."})
        if asked.method == "GET":
            return Reply.json(200, {"webhooks": [*self.made_webhooks.values()], "meta": {"has_more": False}})
        given = (asked.json() or {}).get("webhook") or {}
        if not all(given.get(name) for name in ("name", "endpoint", "http_method", "request_format", "status")):
            return invalid("webhook", "Webhook: is invalid", "BlankValue").reply
        if BY_TRIGGER in given.get("subscriptions", []) and len(given["subscriptions"]) > 1:
            return invalid("subscriptions", "Subscriptions: triggers and events exclude each other").reply
        made = {"id": f"01J0SANDBOX{len(self.made_webhooks)}", **given}
        self.made_webhooks[made["id"]] = made
        return Reply.json(201, {"webhook": made})

    @route("PATCH", "/api/v2/webhooks/{number}")
    def change_webhook(self, asked: Asked, number: str) -> Reply:
        """Change a webhook."""
        given, made = (asked.json() or {}).get("webhook") or {}, self.made_webhooks[number]
        if "subscriptions" in given and (BY_TRIGGER in given["subscriptions"]) != (BY_TRIGGER in made["subscriptions"]):
            return invalid("subscriptions", "Subscriptions: the way of connecting cannot be changed").reply
        made |= given
        return Reply(204)

    @route("GET", "/api/v2/webhooks/{number}/signing_secret")
    def signing(self, asked: Asked, number: str) -> Reply:
        """Show a webhook's signing secret: each has its own."""
        del asked
        position = [*self.made_webhooks].index(number)
        secret = f"{self._secret}-{position}" if position else self._secret
        return Reply.json(200, {"signing_secret": {"algorithm": "SHA256", "secret": secret}})

    @route("GET", "/api/v2/triggers.json")
    @route("POST", "/api/v2/triggers.json")
    def triggers_of(self, asked: Asked) -> Reply:
        """List triggers, or make one for a webhook that there is."""
        if asked.method == "GET":
            return Reply.json(200, {"triggers": [*self.made_triggers.values()], "meta": {"has_more": False}})
        given = (asked.json() or {}).get("trigger") or {}
        targets = [each["value"][0] for each in given.get("actions", []) if each["field"] == "notification_webhook"]
        by_trigger = {number for number, made in self.made_webhooks.items() if BY_TRIGGER in made["subscriptions"]}
        if not given.get("title") or not set(targets) <= by_trigger:
            return invalid("actions", "Webhook is invalid").reply
        made = {"id": 9900 + len(self.made_triggers), **given}
        self.made_triggers[made["id"]] = made
        return Reply.json(201, {"trigger": made})

    @route("PUT", "/api/v2/triggers/{number}.json")
    def change_trigger(self, asked: Asked, number: str) -> Reply:
        """Change a trigger."""
        made = self.made_triggers[int(number)]
        made |= (asked.json() or {}).get("trigger") or {}
        return Reply.json(200, {"trigger": made})

    # ------------------------------------------------------------------------------ forms, brands, groups, fields

    @route("GET", "/api/v2/ticket_fields.json")
    def ticket_fields(self, asked: Asked) -> Reply:
        """List the ticket fields, all of them."""
        del asked
        return Reply.json(200, {"ticket_fields": [*self.account.records.ticket_fields.values()]})

    @route("GET", "/api/v2/ticket_forms.json")
    def ticket_forms(self, asked: Asked) -> Reply:
        """List the forms."""
        shown = [each for each in self.account.records.ticket_forms.values()
                 if not asked.parameter("active") or each["active"]]  # fmt: skip
        return Reply.json(200, {"ticket_forms": shown})

    @route("GET", "/api/v2/ticket_forms/{number}.json")
    def ticket_form(self, asked: Asked, number: str) -> Reply:
        """Show a form."""
        return self._record(asked, "ticket_forms", number)

    @route("GET", "/api/v2/brands/{number}.json")
    def brand(self, asked: Asked, number: str) -> Reply:
        """Show a brand."""
        return self._record(asked, "brands", number)

    @route("GET", "/api/v2/groups/{number}.json")
    def group(self, asked: Asked, number: str) -> Reply:
        """Show a group."""
        return self._record(asked, "groups", number)

    @route("GET", "/api/v2/organizations/{number}.json")
    def organization(self, asked: Asked, number: str) -> Reply:
        """Show an organization."""
        return self._record(asked, "organizations", number)

    def _record(self, asked: Asked, kind: str, number: str) -> Reply:
        del asked
        found = self.account.records.of(kind).get(int(number)) if number.isdecimal() else None
        return missing().reply if found is None else Reply.json(200, {kind[:-1]: found})
