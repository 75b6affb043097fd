"""The choices that a question of ours offers as buttons, and the one a customer made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from deskwire.model.values import dataclass

from .keys import digest

PREFIX: Final = "deskwire:"
# A button's payload: at most 61 characters, within every platform's limit.
PAYLOAD: Final = re.compile(rf"{PREFIX}([0-9a-f]{{32}}):([A-Za-z0-9_-]{{1,19}})")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question of ours. `question` is the question's id (see `question_of`)."""

    question: str
    value: str

    @property
    def payload(self) -> str:
        """The payload that a platform stores with the button and returns when it is pressed."""
        return f"{PREFIX}{self.question}:{self.value}"

    def to_json(self) -> Mapping[str, str]:
        """Return the choice as plain JSON."""
        return {"question": self.question, "value": self.value}


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice as the customer sees it: its title, at most 20 characters."""

    choice: Choice
    title: str


def question_of(key: str) -> str:
    """Return the id of a question that is sent under this key."""
    return digest(key)[:32]


def choice_in(payload: str) -> Choice | None:
    """Return the choice in a button's payload; None if it is not a button of ours."""
    found = PAYLOAD.fullmatch(payload)
    return Choice(found[1], found[2]) if found else None


def choice_from_json(data: Mapping[str, Any]) -> Choice:
    """Return the choice that `Choice.to_json` wrote."""
    return Choice(str(data["question"]), str(data["value"]))
