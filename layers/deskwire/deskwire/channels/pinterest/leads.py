"""Makes a message of a lead: the answers of a form, as `verification/sealed.py` opened them.

Names of fields beyond the four ids are unconfirmed, so answers are read in each usual shape: a list of questions with
their answers, an object of answers by name, or answers sealed one by one. Words come from what was sealed alone; of
what lies beside it, labels and ids are shown.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from deskwire.contracts.channel import filled
from deskwire.families import forms
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.web.reading import Node, fragment

ID: Final = re.compile(r"[0-9]{1,32}")  # as every id of API v5
# https://github.com/pinterest/api-description (5.23.0): LeadFormQuestion has `question_type` and
# `custom_question_label`; what a delivery names them is unconfirmed.
LABELS: Final = (
    "custom_question_label",
    "question_label",
    "label",
    "question",
    "question_text",
    "name",
    "field",
    "key",
)
KINDS: Final = ("question_type", "type")
ANSWERS: Final = ("answer", "answers", "value", "values", "response")
LISTS: Final = (
    "answers",
    "questions",
    "questions_and_answers",
    "responses",
    "fields",
    "field_data",
    "lead_data",
    "data",
)
# How a lead of `lead_form_test/create` is marked is in no source. Other platforms' lead ads have such a flag, and a
# test comes from no advertisement.
TESTS: Final = ("is_test", "is_test_lead", "test_lead")
NO_AD: Final = "perhaps, it names no advertisement"
NO_ANSWERS: Final = frozenset({"id", "created_time", "updated_time", "timestamp", *TESTS})
FACTS: Final = {
    "Advertisement": "ad_id", "Lead form": "lead_form_id", "Campaign": "campaign_id", "Ad group": "ad_group_id",
    "Lead": "lead_id",
}  # fmt: skip
NAMES: Final = frozenset({"full_name", "name"})
FIRST, LAST = frozenset({"first_name"}), frozenset({"last_name"})
EMAILS: Final = frozenset({"email", "e_mail", "email_address", "work_email"})
PHONES: Final = frozenset({"phone_number", "phone", "telephone", "mobile"})
# The question types of API v5 but `CUSTOM`, in small letters: https://github.com/pinterest/api-description (5.23.0)
CONTACT: Final = NAMES | FIRST | LAST | EMAILS | PHONES | {
    "zip_code", "gender", "city", "country", "state_province", "address", "date_of_birth", "age",
    "preferred_contact_method",
}  # fmt: skip
LONGEST_LABEL: Final = 200


class Answer(NamedTuple):
    """One answer: what kind of question it is to, as a name in small letters, its label, and the words."""

    kind: str
    label: str
    text: str


def event(channel: str, item: Node) -> Event:
    """Return the message of a lead.

    What lies beside the sealed answers is authenticated by nothing: who has seen a delivery could send its answers
    again with other ids. So the thread follows from the answers, unless `lead_id` was sealed with them: sent again
    under another id, they are one more message of the same ticket, and never get into another lead's.
    """
    opened = list(item["opened"].items())
    answers = [answer for entry in opened if isinstance(entry.raw, dict) for answer in _answers(entry)]
    if not answers:
        raise PayloadError(f"{item.path} has no answer that can be read")
    content = thread_of([answer.text for answer in answers])
    sealed = [entry["value"] for entry in opened]
    lead = _first_id(sealed, "lead_id")
    thread = lead or content
    custom = [answer for answer in answers if answer.kind not in CONTACT]
    alone = custom[0] if len(custom) == 1 else None  # the one question that is not about the person: their words
    rest = [answer for answer in answers if answer is not alone] if alone else []
    return Event(
        channel=channel,
        account="",
        kind=Kind.MESSAGE,
        object_id=lead or item["beside"]["lead_id"].identifier("") or content,
        verb=ADD,
        version="" if lead else content[:16],
        thread=thread,
        visibility=Visibility.PRIVATE,
        author=_author(answers, thread),
        text=alone.text if alone else "\n".join(map(_shown, answers)),
        occurred_at=next((at for each in sealed if (at := each["created_time"].epoch()) is not None), None),
        subject=_line(alone.label) if alone else "",
        facts={
            **filled({"Test": _test(sealed, item["beside"])}),
            **{label: found for label, name in FACTS.items() if (found := _known(name, sealed, item["beside"]))},
            **{forms.label(answer.label): answer.text for answer in rest},
        },
        raw=fragment(item),
    )


def thread_of(texts: Sequence[str]) -> str:
    """Return the thread of a lead whose id was not sealed: it follows from the answers."""
    return hashlib.sha256(json.dumps(sorted(texts)).encode()).hexdigest()[:32]


def _answers(entry: Node) -> Iterator[Answer]:
    """Yield the answers of one sealed value."""
    value = entry["value"]
    if isinstance(value.raw, dict):
        listed = next((value[name] for name in LISTS if isinstance(value[name].raw, list)), None)
        if listed is not None and not _is_pair(value):
            yield from _listed(listed, None)
        elif _is_pair(value):
            yield from _pair(value)
        else:
            for name, node in value.members():
                if name not in NO_ANSWERS and not name.endswith("_id"):
                    yield from _answer(name, name, node)
    elif isinstance(value.raw, list):
        yield from _listed(value, entry)
    elif value:
        kind, label = _question(entry)
        if not label:
            raise PayloadError(f"{value.path} is no lead")
        yield from _answer(kind, label, value)


def _listed(listed: Node, entry: Node | None) -> Iterator[Answer]:
    """Yield the answers of a list: of questions with their answers, else of the choices of one question."""
    for node in listed.items():
        if any(name in node for name in ANSWERS):
            yield from _pair(node)
    choices = [node.raw for node in listed.items() if isinstance(node.raw, str)]
    if entry is not None and choices:
        yield from _answer(*_question(entry), Node(choices, "value", entry))


def _is_pair(node: Node) -> bool:
    return any(name in node for name in ANSWERS) and any(name in node for name in (*LABELS, *KINDS))


def _pair(node: Node) -> Iterator[Answer]:
    kind, label = _label(node)
    answer = next(node[name] for name in ANSWERS if name in node)
    yield from _answer(kind, label, answer)


def _question(entry: Node) -> tuple[str, str]:
    """Return the kind and label of the question that a value sealed by itself answers."""
    kind, label = _label(entry["beside"])
    at = entry["at"].text("")
    return kind or _kind(at), label or at


def _label(node: Node) -> tuple[str, str]:
    """Return the kind of a question and how it is shown, from the fields beside its answer."""
    label = next((text for name in LABELS if (text := node[name].text(""))), "")
    kind = next((text for name in KINDS if (text := node[name].text(""))), "")
    found = _kind(kind)
    return (found if found and found != "custom" else _kind(label)), label or kind


def _answer(kind: str, label: str, node: Node) -> Iterator[Answer]:
    """Yield an answer, none where it was left empty. Raises `PayloadError` for one that is neither text nor texts."""
    if isinstance(node.raw, list):
        text = ", ".join(item.text() for item in node.items())
    elif isinstance(node.raw, int | float) and not isinstance(node.raw, bool):
        text = node.text("")
    else:
        text = node.exact("")
    if text.strip():
        yield Answer(_kind(kind), _line(label) or "Answer", text)


def _shown(answer: Answer) -> str:
    return f"{answer.label}{'' if answer.label.endswith(('?', ':')) else ':'} {answer.text}"


def _kind(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.strip().lower()).strip("_")


def _line(text: str) -> str:
    """Return a label in one line."""
    shown = " ".join(forms.BREAKS.sub(" ", text.replace("_", " ")).split())[:LONGEST_LABEL].strip()
    return shown.capitalize() if shown.isupper() or shown.islower() else shown


def _author(answers: Sequence[Answer], thread: str) -> Author:
    """Return who says they are; the id is the address or the number, so that a person's leads are found together."""

    def said(kinds: frozenset[str]) -> str:
        found = next((answer.text for answer in answers if answer.kind in kinds), "")
        return " ".join(forms.BREAKS.sub(" ", found).split())[:LONGEST_LABEL]

    name = said(NAMES) or f"{said(FIRST)} {said(LAST)}".strip()
    email, phone = said(EMAILS), re.sub(r"[^0-9+]", "", said(PHONES))[:20]
    email = email.lower() if len(email) <= forms.LONGEST_EMAIL and forms.EMAIL.fullmatch(email) else ""
    return Author(email or phone or f"lead.{thread}", name=name, email=email, phone=phone)


def _test(sealed: Sequence[Node], beside: Node) -> str:
    """Return whether a lead is a test, as far as it says so; "" for one that names its advertisement."""
    if any(each[name].raw in {True, "true", "1"} for each in sealed for name in TESTS if isinstance(each.raw, dict)):
        return "yes"
    return "" if _known("ad_id", sealed, beside) or not _known("lead_form_id", sealed, beside) else NO_AD


def _first_id(nodes: Sequence[Node], name: str) -> str:
    return next((found for node in nodes if (found := node[name].identifier(""))), "")


def _known(name: str, sealed: Sequence[Node], beside: Node) -> str:
    """Return an id of API v5 to show, a sealed one first; what has another shape is shown to nobody."""
    found = [each[name].any_id() for each in (*sealed, beside)]
    return next((each for each in found if ID.fullmatch(each)), "")
