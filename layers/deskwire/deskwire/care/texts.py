"""The company's acknowledgement texts: which one is used, and how its placeholders are filled.

By visibility first: a private text is never said in public. Then by language: the customer's, one that the customer
reads as well (`languages.among`), the default language. A language's text is one for all hours, or one for open and
one for closed.

The only placeholders are `PLACEHOLDERS`. What a customer wrote, their name included, is not among them: it cannot be
echoed in the company's voice. Values are inserted once, as they are, and not read again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deskwire.model.events import Visibility

from .languages import Language, among

PLACEHOLDERS = {
    "reference": "our short reference of the conversation",
    "company": "the company's name",
    "opens_day": "the day somebody answers again, 2026-11-23",
    "opens_at": "the time of day then, 09:00, in the company's time zone",
    "usual_wait": "a sentence: usually answered within …; nothing where too little is known",
}
USUAL_WAIT = "usual_wait"  # the one that may have no value: then it is left out, with the space beside it
_WHEN_CLOSED = frozenset({"opens_day", "opens_at"})
_LONGEST = 2000


def parts(template: str) -> Iterator[tuple[str, bool]]:
    """Yield a template's pieces as (text, whether it is a placeholder's name). Raises `ValueError` for a fault."""
    plain = ""
    place = 0
    while place < len(template):
        character = template[place]
        if character not in "{}":
            plain += character
            place += 1
        elif template[place + 1 : place + 2] == character:
            plain += character
            place += 2
        else:
            end = template.find("}", place)
            name = template[place + 1 : end] if character == "{" and end > 0 else None
            if name is None:
                raise ValueError(f"a lone “{character}”: write {character * 2} for the character itself")
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                raise ValueError(f"“{{{name}}}” is no placeholder; there are {known}")
            yield plain, False
            yield name, True
            plain = ""
            place = end + 1
    yield plain, False


def _template(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty: leave the whole entry away to stay silent")
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise ValueError("the text holds a control character")
    list(parts(text))
    return text.strip()


Template = Annotated[
    str,
    AfterValidator(_template),
    Field(
        max_length=_LONGEST,
        description="May hold " + ", ".join(f"{{{name}}} ({what})" for name, what in PLACEHOLDERS.items()),
    ),
]


class Wording(BaseModel):
    """One text for open and one for closed hours; a plain text stands for both."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    open: Template = Field(description="Said while somebody is there.")
    closed: Template = Field(description="Said while nobody is; may name {opens_day} and {opens_at}.")

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:  # noqa: ANN401
        return {"open": value, "closed": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _no_opening_while_open(self) -> Wording:
        told = {name for name, placeholder in parts(self.open) if placeholder} & _WHEN_CLOSED
        if told:
            raise ValueError(
                f"{{{min(told)}}} means nothing while you are open: give a text for open and one for closed"
            )
        return self


def _languages(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping) and False in value:
        raise ValueError('YAML reads an unquoted no as false: write "no" in quotes for Norwegian')
    return value


Tag = Annotated[
    str,
    Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$", description="A language: pl, sr-Latn, pt-BR."),
]
Wordings = Annotated[Mapping[Tag, Wording], BeforeValidator(_languages)]


class Texts(BaseModel):
    """The acknowledgements, by visibility and language."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    private: Wordings = Field(default_factory=dict, description="Said in a private conversation, by language.")
    public: Wordings = Field(default_factory=dict, description="Said where everybody reads it, by language.")

    def of(self, visibility: Visibility) -> Mapping[str, Wording]:
        """Return the wordings for this visibility, by language."""
        return self.public if visibility is Visibility.PUBLIC else self.private

    def choose(self, visibility: Visibility, language: Language | None, default: str) -> tuple[str, Wording] | None:
        """Return the language to be used and its wording; None where there is none."""
        wordings = self.of(visibility)
        tag = among(language, wordings) or among(Language(default), wordings)
        return None if tag is None else (tag, wordings[tag])


def names(texts: Texts, placeholder: str) -> list[str]:
    """Return the languages of which a text holds the placeholder."""
    return sorted(
        language
        for wordings in (texts.private, texts.public)
        for language, wording in wordings.items()
        if (placeholder, True) in {*parts(wording.open), *parts(wording.closed)}
    )


def opening(at: datetime) -> dict[str, str]:
    """Return the placeholders of the next opening: a date and a 24-hour time that every language reads alike."""
    return {"opens_day": at.strftime("%Y-%m-%d"), "opens_at": at.strftime("%H:%M")}


def render(template: str, values: Mapping[str, str]) -> str | None:
    """Return the text with its placeholders filled; None if it names one that has no value now."""
    text, left_out = "", False
    for piece, placeholder in parts(template):
        if placeholder and not values.get(piece):
            if piece != USUAL_WAIT:
                return None
            text, left_out = text.rstrip(" "), True
            continue
        written = values[piece] if placeholder else piece
        text += written.lstrip() if left_out and text[-1:] in {"", "\n"} else written
        left_out = left_out and not written
    return text.strip()
