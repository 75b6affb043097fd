"""What Zendesk's refusals (422) of a ticket say of what the settings fill: `details` by name, each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from deskwire.families.ids import id_of
from deskwire.model.errors import PayloadError
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer

from .filling import PLACES

TITLE: Final = 100  # characters of a field's title that are told
REQUIRED: Final = ": is required when solving a ticket"


def refused_places(answer: Answer, payload: Mapping[str, Any]) -> list[str]:
    """Return what of the settings the refusal of a new ticket speaks of, by our names.

    Unconfirmed: no page shows these refusals. Taken are reasons under the attribute's name, with or without `ticket_`
    and `_id`, and those that name a field by `ticket_field_id`. Their words may quote a customer's: they are not told.
    """
    if answer.status != 422:
        return []
    under = blamed(answer)
    found = [name for name, place in {**PLACES, "type": "type"}.items() if place in payload and name in under]
    fields = {id_of(each["ticket_field_id"]) for reasons in _details(answer).values() for each in reasons}
    return found + [f"field {each['id']}" for each in payload.get("custom_fields", ()) if str(each["id"]) in fields]


def blamed(answer: Answer) -> set[str]:
    """Return the attributes of a ticket that a refusal is about, without `ticket_` and `_id`."""
    return {name.removeprefix("ticket_").removesuffix("_id") for name in _details(answer)}


def suspended(answer: Answer) -> bool:
    """Return whether a refusal says that agents suspended the customer.

    As seen: https://github.com/mozilla/sumo/issues/2670, without the code in older answers, as in
    https://github.com/zendesk/zendesk_api_client_rb/issues/369. Unconfirmed: `author`, of a comment.
    """
    if answer.status != 422:
        return False
    reasons = [each for name, rows in _details(answer).items() if name in {"requester", "author"} for each in rows]
    said = [(each["error"].text(""), each["description"].text("").rstrip(".")) for each in reasons]
    return any(code == "UserSuspended" or words.endswith("is suspended") for code, words in said)


def required_fields(answer: Answer) -> list[str]:
    """Return the fields that a ticket needs to be solved, as the refusal tells; none where it is no such refusal.

    On solving alone Zendesk wants a value in what is `required`, and `required_in_portal` is for end users' forms:
    https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/#json-format. The refusal is as seen in
    https://github.com/facetoe/zenpy/issues/114 and /257: `base` holds “Product: is required when solving a ticket”, in
    the account's language, with `ticket_field_id`.
    """
    if answer.status != 422:
        return []
    reasons = [each for each in _details(answer).get("base", ()) if id_of(each["ticket_field_id"])]
    return [_field(each) for each in reasons]


def _field(reason: Node) -> str:
    """Return a field's title, where the words are known to hold nothing else, and its id."""
    number, told = id_of(reason["ticket_field_id"]), reason["description"].text("")
    title = told.removesuffix(REQUIRED).rstrip(":") if told.endswith(REQUIRED) else ""
    return f"“{title}” ({number})" if 0 < len(title) <= TITLE else f"field {number}"


def _details(answer: Answer) -> dict[str, list[Node]]:
    try:
        return {name: reasons.rows() for name, reasons in read(answer.body)["details"].members()}
    except PayloadError:
        return {}
