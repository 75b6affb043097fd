"""What an administrator of the played Zendesk set up: forms, brands, groups, organizations, fields; what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
# The attribute of a ticket -> the records that it names, and what Zendesk calls the attribute in a refusal [?].
NAMED = {
    "ticket_form_id": ("ticket_forms", "ticket_form"),
    "brand_id": ("brands", "brand"),
    "group_id": ("groups", "group"),
}
TYPES = {"question", "incident", "problem", "task", None}
SYSTEM = {"subject", "description", "status", "priority", "assignee", "group"}  # filled when a ticket is solved


@dataclass(slots=True)
class Records:
    """The records by kind and id, each as the API shows it."""

    ticket_forms: dict[int, Record] = field(default_factory=dict)
    brands: dict[int, Record] = field(default_factory=dict)
    groups: dict[int, Record] = field(default_factory=dict)
    organizations: dict[int, Record] = field(default_factory=dict)
    ticket_fields: dict[int, Record] = field(default_factory=dict)

    def of(self, kind: str) -> dict[int, Record]:
        """Return the records of a kind, by id."""
        found: dict[int, Record] = getattr(self, kind)
        return found

    def form(self, number: int, *fields: int, **said: Any) -> None:
        """Make a form with these fields."""
        self.ticket_forms[number] = {
            "id": number, "name": f"Form {number}", "active": True, "default": False, "in_all_brands": True,
            "restricted_brand_ids": [], "ticket_field_ids": list(fields), "agent_conditions": [], **said,
        }  # fmt: skip

    def ticket_field(self, number: int, title: str = "", kind: str = "text", **said: Any) -> None:
        """Make a field; `options` are a drop-down's tags."""
        offered = [{"id": n, "name": tag.title(), "value": tag} for n, tag in enumerate(said.pop("options", ()), 1)]
        choices = {"custom_field_options": offered} if offered else {}
        self.ticket_fields[number] = {
            "id": number, "title": title or f"Field {number}", "type": kind, "active": True, "required": False,
            "required_in_portal": False, **choices, **said,
        }  # fmt: skip

    def named(self, kind: str, number: int, name: str, **said: Any) -> None:
        """Make a brand, group or organization."""
        self.of(kind)[number] = {"id": number, "name": name, **said}

    def wrong(self, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what of a ticket names nothing that there is: the refusal's name of it, and what it is called.

        An account without groups of its own takes any, for the tests that need no account.
        """
        for attribute, (kind, name) in NAMED.items():
            number, known = given.get(attribute), self.of(kind)
            there = known.get(number) if isinstance(number, int) else None
            gone = there is None or there.get("active") is False or there.get("deleted")
            if number is not None and gone and (known or kind != "groups"):
                yield name, name.replace("_", " ").capitalize()
        if given.get("type") not in TYPES:
            yield "type", "Type"

    def empty(self, ticket: Any) -> list[Record]:
        """Return the required fields of a ticket's form that are empty: without them agents solve none.

        https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/#json-format, `required`.
        """
        form = self.ticket_forms.get(ticket.ticket_form_id) or next(
            (each for each in self.ticket_forms.values() if each["default"]), None
        )
        wanted = self.ticket_fields if form is None else form["ticket_field_ids"]
        found = [self.ticket_fields[number] for number in wanted if number in self.ticket_fields]
        return [each for each in found if each["required"] and each["active"] and not self._filled(each, ticket)]

    @staticmethod
    def _filled(shown: Record, ticket: Any) -> bool:
        if shown["type"] == "tickettype":
            return bool(ticket.type)
        return shown["type"] in SYSTEM or bool(ticket.custom_fields.get(shown["id"]))
