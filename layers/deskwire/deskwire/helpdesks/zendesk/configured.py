"""Looks at what the settings name in Zendesk: the form, the brand, the group, the organization and the ticket fields.

All of it an agent may see: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_forms/ and
ticket_fields/, /ticketing/account-configuration/brands/, /ticketing/groups/groups/, /ticketing/organizations/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from deskwire.contracts.registration import Finding, State, complete
from deskwire.families.ids import id_of
from deskwire.model.errors import ConfigurationError
from deskwire.web.reading import Node

from .api import Api, error_of
from .filling import ORGANIZATION, Filling, filling

FIELDS: Final = "the ticket fields"
# Our name -> the path, the member of the answer, and where a person finds it in Admin Center.
RECORDS: Final = {
    "form": ("ticket_forms", "ticket_form", "Objects and rules, Tickets, Forms"),
    "brand": ("brands", "brand", "Account, Brand management, Brands"),
    "group": ("groups", "group", "People, Team, Groups"),
    ORGANIZATION: ("organizations", "organization", "People, Configuration, Organizations"),
}
# System fields that each ticket of ours has when it is solved; the group comes with the assignee.
GIVEN: Final = frozenset(
    {"subject", "description", "status", "custom_status", "priority", "basic_priority", "assignee", "group"}
)
CHOICES: Final = frozenset({"tagger", "multiselect"})
SHOWN = 5  # options of a drop-down in a remedy


def findings(api: Api, connections: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """Return how what the settings and the connections' own `fields` name stands, and which required fields stay empty.

    Raises `ConfigurationError` for settings that cannot be read.
    """
    fillings, found = _fillings(filling(api.reach.settings), connections)
    forms: dict[str, Node] = {}
    for name, number in sorted({each for made in fillings.values() for each in made.records}):
        record, finding = _record(api, name, number)
        found.append(finding)
        if name == "form" and record:
            forms[number] = record
    found += _in_brands(forms, fillings.values())
    # Without a page's size all fields come: /api-reference/ticketing/tickets/ticket_fields/#list-ticket-fields.
    answer = api.checked(api.ask("GET", "ticket_fields.json"), "looking at the ticket fields")
    rows = answer.node()["ticket_fields"].rows()
    fields = {id_of(each["id"]): each for each in rows if each["active"].raw is not False}
    found += _fields(fields, fillings.values())
    if not any(map(_required, fields.values())):
        return found
    if any("form" not in each.places for each in fillings.values()):
        forms[""] = _default(api)
    told: set[tuple[str, ...]] = {()}
    for name, each in fillings.items():
        form = forms.get(each.places.get("form", ""), Node({}, "form"))
        empty = tuple(
            number for number in _needed(each, fields, form) if not each.fills(number, connections.get(name, {}))
        )
        if empty not in told:
            told.add(empty)
            found.append(_empty(name, [fields[number] for number in empty]))
    return found


def _fillings(base: Filling, connections: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Filling], list[Finding]]:
    """Return what fills the tickets of each connection, that of the settings alone as “”."""
    made, found = {"": base}, []
    for name, fields in connections.items():
        try:
            made[name] = base.of_connection(fields)
        except ConfigurationError as error:
            what, remedy = f"the connection {name}", "mend its `fields` in deskwire.yaml"
            found.append(Finding(what=what, state=State.DIFFERENT, found=str(error), remedy=remedy))
    return made, found


def _record(api: Api, name: str, number: str) -> tuple[Node | None, Finding]:
    """Return a form, brand, group or organization, and how it stands."""
    path, member, where = RECORDS[name]
    what, remedy = f"the {name} {number}", f"take another `{name}` from Admin Center, {where}, or leave it out"
    answer = api.ask("GET", f"{path}/{number}.json")
    if answer.status == 404 and error_of(answer):
        return None, Finding(what=what, state=State.MISSING, remedy=remedy)
    if answer.status == 403:  # a brand of which the agent is no member
        rights = f"give Deskwire's agent the right to see it; else {remedy}"
        return None, Finding(what=what, state=State.UNKNOWN, remedy=rights)
    shown = api.checked(answer, f"looking at {what}").node()[member].object()
    named = f"“{shown['name'].text('')}”"
    gone = any(shown[flag].raw is True for flag in ("deleted", "is_deleted")) or bool(shown["deleted_at"].raw)
    if gone or shown["active"].raw is False:
        return shown, Finding(what=what, state=State.DIFFERENT, found=f"{named} is switched off", remedy=remedy)
    return shown, Finding(what=what, found=named)


def _in_brands(forms: Mapping[str, Node], fillings: Iterable[Filling]) -> Iterator[Finding]:
    """Yield each form that is not for its tickets' brand."""
    for form, brand in sorted({(each.places.get("form", ""), each.places.get("brand", "")) for each in fillings}):
        shown = forms.get(form)
        if not brand or shown is None or shown["in_all_brands"].raw is not False:
            continue
        if brand not in {id_of(each) for each in shown["restricted_brand_ids"].rows()}:
            remedy = "add the brand to the form in Admin Center, or take another form"
            found = "the form is not for this brand"
            what = f"the form {form} in the brand {brand}"
            yield Finding(what=what, state=State.DIFFERENT, found=found, remedy=remedy)


def _fields(fields: Mapping[str, Node], fillings: Iterable[Filling]) -> Iterator[Finding]:
    """Yield whether the fields that are filled are there, and each value that a drop-down does not offer."""
    every = [*fillings]
    wanted = {number for each in every for number in (*each.named.values(), *each.values)}
    if wanted:
        remedy = "compare the settings `fields` and `values` with Admin Center, Objects and rules, Tickets, Fields"
        yield complete(FIELDS, fields.keys(), wanted, remedy)
    for number, value in sorted({pair for each in every for pair in each.values.items()}):
        field = fields.get(number)
        if field is None or field["type"].text("") not in CHOICES:
            continue
        options = [each["value"].text("") for each in field["custom_field_options"].rows()]
        if value not in options:
            some = ", ".join(options[:SHOWN])
            remedy = f"give the tag of one of its options: {some}" + (" and so on" if len(options) > SHOWN else "")
            found = f"{_named(field)} has no option “{value}”"
            yield Finding(what=f"the value of field {number}", state=State.DIFFERENT, found=found, remedy=remedy)


def _required(field: Node) -> bool:
    """Return whether agents must fill it to solve a ticket, and nothing of ours does without being asked."""
    return field["required"].raw is True and field["type"].text("") not in GIVEN


def _default(api: Api) -> Node:
    """Return the form of tickets that name none; an empty one where the plan has no forms."""
    answer = api.ask("GET", "ticket_forms.json?active=true")
    if answer.status in {403, 404} and error_of(answer):
        return Node({}, "form")
    rows = api.checked(answer, "looking at the forms").node()["ticket_forms"].rows()
    return next((each for each in rows if each["default"].raw is True), Node({}, "form"))


def _needed(filled: Filling, fields: Mapping[str, Node], form: Node) -> Iterator[str]:
    """Yield the fields without which a ticket of this form is not solved; of no form: all that are required.

    A field on which a condition of the form bears is required as the condition says, where it is met.
    """
    on_form = [id_of(each) for each in form["ticket_field_ids"].rows()] or [*fields]
    children: dict[str, bool] = {}
    for condition in form["agent_conditions"].rows():
        met = filled.values.get(id_of(condition["parent_field_id"])) == condition["value"].text("")
        for child in condition["child_fields"].rows():
            number = id_of(child["id"])
            children[number] = children.get(number, False) or (met and _on_solving(child))
    for number in on_form:
        if number not in fields or (fields[number]["type"].text("") == "tickettype" and filled.type):
            continue
        if children[number] if number in children else _required(fields[number]):
            yield number


def _on_solving(child: Node) -> bool:
    """Return whether a condition requires its field of a ticket that is solved."""
    statuses = child["required_on_statuses"]
    kind = statuses["type"].text("")
    if kind == "SOME_STATUSES":
        return "solved" in [each.raw for each in statuses["statuses"].rows()]
    return kind == "ALL_STATUSES" or (not kind and child["is_required"].raw is True)


def _empty(name: str, fields: Sequence[Node]) -> Finding:
    """Return the finding of required fields that nothing fills. It is for agents, so it rings no alarm."""
    numbers = ", ".join(f"{id_of(each['id'])}=…" for each in fields if each["type"].text("") != "tickettype")
    ways = [f"`values: {numbers}`"] if numbers else []
    ways += ["`type: question`"] if any(each["type"].text("") == "tickettype" for each in fields) else []
    return Finding(
        what=f"the required fields of {name}" if name else "the required fields",
        state=State.UNKNOWN,
        found=f"nothing here fills {', '.join(map(_named, fields))}",
        remedy="agents must fill them before they solve a ticket; Deskwire itself can solve none until they are filled "
        f"by {' and '.join(ways)}",
    )


def _named(field: Node) -> str:
    return f"“{field['title'].text('')}” ({id_of(field['id'])})"
