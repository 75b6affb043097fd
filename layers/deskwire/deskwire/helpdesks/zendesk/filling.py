"""What a ticket gets beside the customer's words: form, brand, group, type and fields, as the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from deskwire.families.ids import NUMBER
from deskwire.model.errors import ConfigurationError
from deskwire.model.tickets import Ticket
from deskwire.model.values import dataclass, field, replace

NAME: Final = re.compile(r"[a-z_]+")
# Our name of what a ticket gets, and Zendesk's.
PLACES: Final = {"form": "ticket_form_id", "brand": "brand_id", "group": "group_id"}
TYPES: Final = ("question", "incident", "problem", "task")
ORGANIZATION: Final = "organization"  # of the customer, not of the ticket: a ticket has its requester's


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The settings that fill tickets: `places` are ids by our names, `named` fields by our names, `values` by id."""

    places: Mapping[str, str] = field(default_factory=dict)
    type: str = ""
    organization: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def records(self) -> list[tuple[str, str]]:
        """What it names in Zendesk beside fields: our name and the id."""
        return [*self.places.items(), *([(ORGANIZATION, self.organization)] if self.organization else [])]

    def ticket(self, ticket: Ticket) -> dict[str, Any]:
        """Return what of a new ticket is filled, as the API has it."""
        known = {"reference": ticket.reference, "follow_up_of": ticket.follow_up_of, **ticket.fields}
        filled = {**self.values, **{number: known[name] for name, number in self.named.items() if known.get(name)}}
        made: dict[str, Any] = {PLACES[name]: int(number) for name, number in self.places.items()}
        if self.type:
            made["type"] = self.type
        if filled:
            made["custom_fields"] = [{"id": int(number), "value": value} for number, value in filled.items()]
        return made

    def of_connection(self, fields: Mapping[str, str]) -> Filling:
        """Return it with what a connection's own `fields` say: a field by its id, or a form, brand, group and so on.

        A name that the helpdesk's `fields` give to a field is that field's. Raises `ConfigurationError`.
        """
        for name, reason in self.faults(fields).items():
            raise ConfigurationError(f"the connection's field “{name}” {reason}")
        own = self._own(fields)
        return replace(
            self,
            places={**self.places, **{name: own[name] for name in PLACES if name in own}},
            type=own.get("type", self.type),
            organization=own.get(ORGANIZATION, self.organization),
            values={**self.values, **{name: value for name, value in own.items() if NUMBER.fullmatch(name)}},
        )

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong with a connection's own `fields`, by their names."""
        return dict(_faults(self._own(fields)))

    def _own(self, fields: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in fields.items() if name not in self.named and value}

    def fills(self, number: str, fields: Mapping[str, str]) -> bool:
        """Return whether each ticket of a connection with these `fields` has a value in the field of this id."""
        always = {"reference", *(name for name, value in fields.items() if value)}
        return number in self.values or any(self.named.get(name) == number for name in always)


def filling(settings: Mapping[str, str]) -> Filling:
    """Return what a helpdesk's settings fill. Raises `ConfigurationError`."""
    for name, reason in faults(settings).items():
        raise ConfigurationError(f"“{name}” {reason}")
    return Filling(
        places={name: settings[name] for name in PLACES if settings.get(name)},
        type=settings.get("type", ""),
        organization=settings.get(ORGANIZATION, ""),
        named=dict(_pairs(settings.get("fields", ""))),
        values=dict(_pairs(settings.get("values", ""))),
    )


def faults(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the settings, by their names."""
    found = dict(_faults(settings))
    if not all(
        NAME.fullmatch(name) and NUMBER.fullmatch(number) for name, number in _pairs(settings.get("fields", ""))
    ):
        found["fields"] = "is not written as `reference=4410021, rating=4410022`"
    if not all(NUMBER.fullmatch(number) and value for number, value in _pairs(settings.get("values", ""))):
        found["values"] = "is not written as `4410023=social, 4410024=Deskwire` (Zendesk's id of a field = its value)"
    return found


def _faults(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in (*PLACES, ORGANIZATION):
        if given.get(name) and not NUMBER.fullmatch(given[name]):
            yield name, "is not Zendesk's id of it, a number: it stands at the end of its address in Admin Center"
    if given.get("type") and given["type"] not in TYPES:
        yield "type", f"is none of {', '.join(TYPES)}"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield what `a=b, c=d` names; a part that is no pair with an empty value."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (each.strip() for each in part.partition("="))
        yield (name, value) if name and value else (part, "")
