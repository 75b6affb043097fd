"""What a visitor's page posts: a message, contact details, or that an answer was seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from deskwire.contracts.channel import filled, line
from deskwire.families import forms, pages
from deskwire.model.choices import choice_in
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.web.reading import Node, fragment, read

if TYPE_CHECKING:
    from deskwire.verification.session import Visitor
    from deskwire.web.request import Request

NAME: Final = "webchat"
LATE: Final = 120  # seconds that words waited in the page, from which on the agent is told


def event(visitor: Visitor, request: Request) -> Event:
    """Return what one post says. Raises `FormError`."""
    node = read(request.body).object()
    return READERS.get(node["schema"].text(""), _message)(node, visitor, request)


def _message(node: Node, visitor: Visitor, request: Request) -> Event:
    form = forms.Form(node, "chat.message/1")
    object_id = _id(form, visitor)
    files = pages.uploads(form, request.settings)
    names = line("", files, "nothing") if files else ""
    text = form.message(names)
    form.checked()
    waited, page = node["waited"].number(0), form.text("page_url")[:500]
    late = f"{waited // 60} minutes before it arrived; the visitor was offline" if LATE <= waited < 10**7 else ""
    words = json.dumps(["" if text == names else text, [item.id for item in files]])
    return _event(
        visitor, request, object_id,
        kind=Kind.MESSAGE, verb=ADD, version=hashlib.sha256(words.encode()).hexdigest()[:16], text=text,
        author=Author(visitor.id, name=_name(form), email=_email(form)), attachments=files, language=form.language(),
        came_by=form.came_by(), choice=choice_in(form.text("choice")),
        facts=filled({"Page": page, "Written": late}),
    )  # fmt: skip


def _contact(node: Node, visitor: Visitor, request: Request) -> Event:
    """Return who the visitor says they are, as a line of the ticket."""
    form = forms.Form(node, "chat.contact/1")
    object_id = _id(form, visitor)
    email, name = form.needed("email", forms.EMAIL, forms.LONGEST_EMAIL), form.line("name")
    form.checked()
    return _event(
        visitor, request, object_id,
        kind=Kind.MESSAGE, verb=ADD, text="[contact details]", author=Author(visitor.id, name=name, email=email),
        facts=filled({"Name": name, "E-mail": email}), no_automatic_reply="contact details",
    )  # fmt: skip


def _seen(node: Node, visitor: Visitor, request: Request) -> Event:
    """Return that the visitor saw an answer: it is counted, and kept nowhere."""
    form = forms.Form(node, "chat.seen/1")
    seen = form.needed("seen", forms.UPLOAD)
    form.checked()
    return _event(visitor, request, f"{visitor.id}.{seen}", kind=Kind.RECEIPT, verb="read", author=Author(visitor.id))


READERS: Final[Mapping[str, Callable[[Node, Visitor, Request], Event]]] = {
    "chat.message/1": _message,
    "chat.contact/1": _contact,
    "chat.seen/1": _seen,
}


def _event(visitor: Visitor, request: Request, object_id: str, **more: Any) -> Event:  # noqa: ANN401 - an event's
    return Event(
        channel=NAME, account=visitor.account, object_id=object_id, thread=visitor.id,
        visibility=Visibility.PRIVATE, occurred_at=request.received_at, raw=fragment(read(request.body)), **more,
    )  # fmt: skip


def _id(form: forms.Form, visitor: Visitor) -> str:
    return f"{visitor.id}.{form.needed('id', forms.SUBMISSION)}"


def _name(form: forms.Form) -> str:
    """Return a name; one that is none costs nobody their words."""
    name = form.text("name")
    return "" if forms.BREAKS.search(name) else name.strip()[:200]


def _email(form: forms.Form) -> str:
    email = form.text("email").strip(" ")
    return email if len(email) <= forms.LONGEST_EMAIL and forms.EMAIL.fullmatch(email) else ""
