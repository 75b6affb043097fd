"""Files the customer's words in Zendesk without what it refuses beside them, and says so in a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from deskwire.model.errors import DeskwireError, PermanentError
from deskwire.model.keys import digest
from deskwire.model.tickets import Entry
from deskwire.web.reading import Node
from deskwire.web.rest import Answer

from .api import Api
from .comments import written
from .filling import PLACES
from .refusals import blamed, refused_places, required_fields, suspended


def opened(api: Api, payload: Mapping[str, Any], filled: Mapping[str, Any], key: str) -> tuple[Answer, list[str]]:
    """Ask for a new ticket; return the answer, and the names of what it was asked for without.

    What a refusal blames is left out of `filled`, and all of that where it blames nothing that is known. Raises
    `PermanentError` for a suspended customer.
    """
    left, lost = dict(filled), list[str]()
    answer = api.ask("POST", "tickets.json", {"ticket": {**payload, **left}}, key=digest(key))
    while answer.status == 422 and left:
        refuse_suspended(answer, "opening a ticket")
        lost += refused_places(answer, left) or _names(left)
        left = _without(left, lost)
        # Another body needs another key; what came of the attempts before, `find` tells.
        unlike = digest(f"{key} without {lost}")
        answer = api.ask("POST", "tickets.json", {"ticket": {**payload, **left}}, key=unlike)
    refuse_suspended(answer, "opening a ticket")
    return answer, lost


def _names(filled: Mapping[str, Any]) -> list[str]:
    places = {place: name for name, place in PLACES.items()}
    named = [places.get(name, name) for name in filled if name != "custom_fields"]
    return named + [f"field {each['id']}" for each in filled.get("custom_fields", ())]


def _without(filled: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    left = {name: value for name, value in filled.items() if name != "custom_fields"}
    left = {name: value for name, value in left.items() if name not in {PLACES.get(each, each) for each in names}}
    fields = [each for each in filled.get("custom_fields", ()) if f"field {each['id']}" not in names]
    return left | ({"custom_fields": fields} if fields else {})


def refuse_suspended(answer: Answer, what: str) -> None:
    """Raise `PermanentError` where Zendesk takes nothing of this customer because agents suspended them."""
    if suspended(answer):
        text = f"{what}: the customer is suspended in Zendesk: unsuspend them there, if their messages are wanted"
        raise PermanentError(text, status=answer.status, code="UserSuspended")


def mended(answer: Answer, shown: Node, *, public: bool) -> tuple[dict[str, Any], str]:
    """Return the change of a ticket with which it may take a comment that was refused, and what to tell; else nothing.

    An assignee who is no agent any more or not of the ticket's group, and a group that is gone, make a ticket invalid
    (https://github.com/facetoe/zenpy/issues/628). On a solved ticket a required field may be empty since it became
    required; a customer's words open it, and then it may be. Unconfirmed: that a mere comment is refused for either.
    """
    names = blamed(answer)
    if "group" in names:
        return {"group_id": None, "assignee_id": None}, "its group and its assignee, which Zendesk refuses by now"
    if "assignee" in names:
        return {"assignee_id": None}, "its assignee, whom Zendesk refuses by now"
    if public and required_fields(answer) and shown["status"].text("") == "solved":
        return {"status": "open"}, ""
    return {}, ""


def told(api: Api, ticket: str, words: str) -> None:
    """Add an internal note, if Zendesk takes it: the customer's words are in the ticket already."""
    note = Entry(key=f"{ticket} {words}", body=words, written_at=None, public=False)
    with suppress(DeskwireError):
        api.ask("PUT", f"tickets/{ticket}.json", {"ticket": {"comment": written(api, [note], "")}})
