"""Read submissions of forms with our own contract, and report a reason for each wrong field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.web.reading import Node

FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
SUBMISSION: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UPLOAD: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
LINK: Final = re.compile(r"[A-Za-z0-9_-]{22}")
FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
# What SES delivers to without SMTPUTF8; anything cleverer refuses somebody's real address.
EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{1,59})"
)
LONGEST_EMAIL: Final = 254
BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
JOINERS: Final = "\u200c\u200d"  # they hold emoji and Persian words together
MESSAGE: Final = 20_000  # characters
MOST_FILES: Final = 5
MOST_FIELDS: Final = 20


class FormError(PayloadError):
    """The fields that a visitor must correct, each with a short reason and without its value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("the form is not right: " + ", ".join(f"{name} {why}" for name, why in problems.items()))
        self.problems = dict(problems)


class Form:
    """A submission being read. Problems are collected, so that the visitor learns all of them at once."""

    def __init__(self, node: Node, schema: str) -> None:
        """Read `node`, which must be an object with this `schema`."""
        self.node = node.object()
        self.problems: dict[str, str] = {}
        if self.text("schema") != schema:
            self.problems["schema"] = f"must be {schema}"

    def checked(self) -> None:
        """Raise `FormError` if there were problems so far."""
        if self.problems:
            raise FormError(self.problems)

    def text(self, name: str) -> str:
        """Return a text, "" if it is missing or of another type."""
        return self.node[name].text("")

    def needed(self, name: str, shape: re.Pattern[str], longest: int = 64) -> str:
        """Return a required text that must match a pattern; blanks around it are removed."""
        value = self.text(name).strip(" ")
        if not value:
            self.problems.setdefault(name, "is missing")
        elif len(value) > longest or not shape.fullmatch(value):
            self.problems[name] = "is not valid"
        return value

    def line(self, name: str, longest: int = 200) -> str:
        """Return a text for a mail's header; a line break in it is a problem of the form."""
        value = self.text(name)
        if len(value) > longest:
            self.problems[name] = f"is longer than {longest} characters"
        if BREAKS.search(value):
            self.problems[name] = "holds a line break"
        return value.strip()

    def message(self, otherwise: str = "") -> str:
        """Return the visitor's message unchanged; `otherwise` if there is none."""
        try:
            message = self.node["message"].exact("")
        except PayloadError:
            self.problems["message"] = "is not text"
            return ""
        if not message.strip() and otherwise:
            return otherwise
        if not message.strip():
            self.problems.setdefault("message", "is missing")
        elif len(message) > MESSAGE:
            self.problems["message"] = f"is longer than {MESSAGE} characters"
        return message

    def uploads(self) -> tuple[Attachment, ...]:
        """Return the files uploaded before: from a list of {id, name, type}, or of ids."""
        try:
            found = tuple(
                Attachment(
                    kind_of(item["type"].text("")),
                    id=item.text() if isinstance(item.raw, str) else item["id"].text(),
                    name=file_name(item["name"].text("")),
                    type=item["type"].text(""),
                )
                for item in self.node["uploads"].items()
            )
        except PayloadError:
            self.problems["uploads"] = "must be a list of {id, name, type}"
            return ()
        if len(found) > MOST_FILES:
            self.problems["uploads"] = f"are more than {MOST_FILES}"
        elif not all(UPLOAD.fullmatch(item.id) and BREAKS.search(item.type) is None for item in found):
            self.problems["uploads"] = "must have the ids that were answered to them"
        return found

    def fields(self) -> dict[str, str]:
        """Return the form's further fields, a list of {name, value}."""
        try:
            found = {item["name"].text(): item["value"].exact("") for item in self.node["fields"].items()}
        except PayloadError:
            self.problems["fields"] = "must be a list of {name, value}"
            return {}
        if len(found) > MOST_FIELDS:
            self.problems["fields"] = f"are more than {MOST_FIELDS}"
        for name, value in found.items():
            if not FIELD.fullmatch(name):
                self.problems["fields"] = "have a name that is not of a-z, 0-9 and _"
            elif len(value) > 1000:
                self.problems["fields"] = "have a value longer than 1000 characters"
        return found

    def facts(self) -> dict[str, str]:
        """Return unimportant facts about a submission; wrong ones are left out, not refused."""
        page = self.node["page_url"].text("")[:500]
        consent = self.node["consent"]
        version = consent["text_version"].text("yes")[:64] if consent["privacy"].truth(default=False) else ""
        return {name: value for name, value in (("Page", page), ("Consent", version)) if value}

    def came_by(self) -> str:
        """Return the token of the one-time link that led to the page, "" if there is none."""
        token = self.text("link")
        return token if LINK.fullmatch(token) else ""

    def language(self) -> str:
        """Return the page's language tag, "" if it is invalid."""
        language = self.node["locale"].text("")
        return language if LANGUAGE.fullmatch(language) else ""


def label(field: str) -> str:
    """Return the label of one of the page's own fields, marked as such so that it cannot imitate one of ours."""
    return f"Form field “{field.replace('_', ' ')}”"


def kind_of(media_type: str) -> AttachmentKind:
    """Return the attachment kind of a media type."""
    family = media_type.partition("/")[0]
    return AttachmentKind(family) if family in {"image", "audio", "video"} else AttachmentKind.FILE


def file_name(given: str) -> str:
    """Return a file's name without path, control and direction-changing characters."""
    name = re.split(r"[/\\]", given)[-1]
    kept = (letter for letter in name if letter in JOINERS or unicodedata.category(letter)[0] != "C")
    return "".join(kept).strip(" .")[:120]
