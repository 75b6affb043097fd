"""Identify people: numbers, business-scoped user ids, and which of them are the same person.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
"""

from __future__ import annotations

import re
from typing import Final

from deskwire.model.events import Author
from deskwire.model.values import dataclass, replace
from deskwire.web.reading import Node

WRITTEN: Final = re.compile(r"[+\s().\-\u2010-\u2015\u200e\u202a-\u202e\u2060-\u2069/]")  # `+354 555-0100`
NUMBER: Final = re.compile(r"\+?[0-9]{3,20}")  # a business-scoped id has letters
# Numbers that are dialled in two ways, and WhatsApp may write in either: Brazil's ninth digit (mobile lines began with
# 6 to 9 before it), Mexico's 1, Argentina's 9. That the first two are rewritten is documented under “send messages”;
# the third is unconfirmed.
BRAZIL: Final = re.compile(r"(55[1-9][0-9])([6-9][0-9]{7})")
MEXICO: Final = re.compile(r"(52)([1-9][0-9]{9})")
ARGENTINA: Final = re.compile(r"(54)([1-9][0-9]{9})")
SPELLINGS: Final = ((BRAZIL, "9"), (MEXICO, "1"), (ARGENTINA, "9"))

# “User NAME changed from OLD to NEW”: two numbers, or two business-scoped ids. The name is the customer's own, so what
# counts is at the end.
CHANGED: Final = re.compile(r"(\S+) to (\S+)")
SCOPED: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")


def either(first: Node, second: Node) -> Node:
    """Return the first if it is present, else the second."""
    return first if first.text("") else second


def spellings(number: str) -> tuple[str, ...]:
    """Return the other spellings of this number (digits with the country code)."""
    for pattern, digit in SPELLINGS:
        if (short := pattern.fullmatch(number)) is not None:
            return (short[1] + digit + short[2],)
        prefix = number[: 4 if digit == "9" and number.startswith("55") else 2]
        without = prefix + number[len(prefix) + 1 :]
        if number[len(prefix) :].startswith(digit) and pattern.fullmatch(without):
            return (without,)
    return ()


def changed(text: str) -> tuple[str, str]:
    """Return the former and the new id in a system message's text, "" if it has none."""
    named = CHANGED.fullmatch(text.rpartition(" changed from ")[2].strip())
    ids = [each.lstrip("+") for each in named.groups()] if named else []
    if not ids or not all(NUMBER.fullmatch(each) or SCOPED.fullmatch(each) for each in ids):
        return "", ""
    return ids[0], ids[1]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer: the number (digits) unless they hide it, and the business-scoped ids."""

    number: str = ""
    user_id: str = ""
    parent: str = ""
    name: str = ""
    username: str = ""

    @property
    def id(self) -> str:
        """The id for a new thread; an existing thread keeps its own, see `aliases`."""
        return self.number or self.user_id or self.parent

    @property
    def aliases(self) -> tuple[str, ...]:
        """All other ids under which the same person may write."""
        known = (*spellings(self.number), self.user_id, self.parent)
        return tuple(dict.fromkeys(each for each in known if each and each != self.id))

    @property
    def author(self) -> Author | None:
        """The person as an author."""
        if not self.id:
            return None
        phone = f"+{self.number}" if self.number else ""
        return Author(self.id, name=self.name, handle=self.username, phone=phone)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids under which they may write; the first is that of a new thread."""
        return (self.id, *self.aliases) if self.id else ()


def identity(author: str) -> str:
    """Return a number in WhatsApp's spelling, from any spelling by a person; other ids are unchanged."""
    digits = WRITTEN.sub("", author)
    return digits.removeprefix("00") if digits.isascii() and digits.isdecimal() else author.strip()


def person(number: Node, user_id: Node, parent: Node, name: str = "", username: str = "") -> Person:
    """Return the person in these fields. `from` is the business-scoped id in some builds (seen by pywa)."""
    digits, scoped = number.any_id().strip(), user_id.any_id()
    if NUMBER.fullmatch(digits):
        return Person(digits.lstrip("+"), scoped, parent.any_id(), name, username)
    return Person("", scoped or digits, parent.any_id(), name, username)


def party(message: Node, end: str) -> Person:
    """Return the person at one end of a message, `from` or `to`."""
    return person(message[end], message[f"{end}_user_id"], message[f"{end}_parent_user_id"])


class People:
    """The people in `contacts`, which may be missing and is in no particular order.

    `of_one`: all messages beside it are one person's. Then a single contact is theirs, even if its `wa_id` is not their
    number: the two “may not always match”.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system/
    """

    def __init__(self, nodes: Node, *, of_one: bool) -> None:
        self._of_one = of_one
        found = [_contact(Node(each, "contact")) for each in nodes.raw] if isinstance(nodes.raw, list) else []
        # A thousand messages and contacts may come together, so nobody is searched for.
        self._by_id = {known: each for each in reversed(found) for known in each.ids}
        self._only = found[0] if len(found) == 1 else None

    def describe(self, who: Person) -> Person:
        """Return the person with the details in `contacts`, found by number or id, or the only one there is."""
        found = next((self._by_id[known] for known in who.ids if known in self._by_id), self._only)
        if found is None:
            return who
        if found is self._only and _differ(who, found):
            return replace(who, name=found.name, username=found.username) if self._of_one else who
        return Person(
            who.number or found.number,
            who.user_id or found.user_id,
            who.parent or found.parent,
            found.name,
            found.username,
        )


def _contact(contact: Node) -> Person:
    profile = contact["profile"]
    username = profile["username"].text("") or contact["username"].text("")
    return person(
        contact["wa_id"], contact["user_id"], contact["parent_user_id"], profile["name"].text(""), username.lstrip("@")
    )


def _differ(one: Person, other: Person) -> bool:
    """Return whether these are different people: both have a number, or both an id, and nothing in common."""
    if {*one.ids} & {*other.ids}:
        return False
    return bool((one.number and other.number) or (one.user_id and other.user_id))
