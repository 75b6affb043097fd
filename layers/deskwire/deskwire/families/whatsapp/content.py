"""Read the content of a WhatsApp message of any type: text, files, and facts for the agent.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from deskwire.contracts.channel import line
from deskwire.families import meta
from deskwire.families.meta_reading import ordered
from deskwire.model.choices import Choice, choice_in
from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, clean

MEDIA: Final = {
    "image": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "voice": AttachmentKind.AUDIO,  # a type of its own in older interfaces
    "video": AttachmentKind.VIDEO,
    "document": AttachmentKind.FILE,
    "sticker": AttachmentKind.STICKER,
}
CLOSED: Final = "a message that WhatsApp does not pass on: ask the customer to write it"
MOST_ANSWERS = 40  # of a form


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message of any type."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    facts: Mapping[str, str] | None = None
    choice: Choice | None = None


def when(node: Node) -> datetime | None:
    """Return a time given in seconds as text; None if it is invalid."""
    try:
        return meta.moment(node)
    except PayloadError:
        return None


def nodes(node: Node) -> list[Node]:
    """Return the elements of a list; none for anything else."""
    return [Node(each, "item") for each in node.raw] if isinstance(node.raw, list) else []


def content(message: Node) -> Content:
    """Return a message's content; an unknown type gets a line as well.

    An echo of a message that another program sent has the types of a request: a template, buttons, a list.
    """
    kind = message["type"].text("")
    if kind not in READERS and not message[kind]:
        # The type may be missing or new; what is there is read by its name.
        kind = next((name for name in READERS if name in message), kind)
    reader = READERS.get(kind)
    return reader(message[kind]) if reader else Content(f"[{kind[:60] or 'an empty message'}]")


def _text(node: Node) -> Content:
    # Some wrappers pass the text itself.
    return Content((node["body"].exact("") if isinstance(node.raw, dict) else node.text("")) or "[an empty message]")


def _media(kind: str) -> Callable[[Node], Content]:
    def read(node: Node) -> Content:
        media, name, shown = node["id"].any_id(), node["filename"].text(""), node["mime_type"].text("")
        link = node["link"].text("") or node["url"].text("")
        found = Attachment(
            MEDIA[kind], url="" if media else link, id=media, name=name, type=shown.partition(";")[0].strip()
        )
        voice = kind == "voice" or node["voice"].raw is True
        return Content(node["caption"].exact("") or ("[voice note]" if voice else line("", [found], kind)), (found,))

    return read


def _location(node: Node) -> Content:
    degrees = [_degrees(node[axis].raw) for axis in ("latitude", "longitude")]
    where = ", ".join(degrees) if all(degrees) else ""
    name = ", ".join(filter(None, (node["name"].text(""), node["address"].text(""))))
    name = f"{name} ({where})" if name and where else name or where
    found = Attachment(AttachmentKind.LOCATION, node["url"].text(""), name=name)
    return Content(line("", [found], "location"), (found,))


def _degrees(value: Any) -> str:  # noqa: ANN401 - as it came
    if isinstance(value, str):
        return value[:20]
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, int | float) and -180 <= value <= 180 else ""


def _contacts(node: Node) -> Content:
    found = []
    for card in nodes(node):
        name = card["name"]["formatted_name"].text("") or card["name"]["first_name"].text("")
        parts = [name, card["org"]["company"].text("")]
        parts += [phone["phone"].text("") or phone["wa_id"].text("") for phone in nodes(card["phones"])]
        parts += [mail["email"].text("") for mail in nodes(card["emails"])]
        parts += [page["url"].text("") for page in nodes(card["urls"])]
        found.append(Attachment(AttachmentKind.CONTACT, name=", ".join(filter(None, parts))))
    return Content("\n".join(each.line() for each in found) or "[contact]", tuple(found))


def _button(node: Node) -> Content:
    payload, title = node["payload"].exact(""), node["text"].exact("")
    return Content(title or payload or "[a button was pressed]", facts={"Button": payload})


def _interactive(node: Node) -> Content:
    kind = node["type"].text("")
    chosen = node[kind] if kind in node else next((node[name] for name in INTERACTIVE if name in node), node[kind])
    if kind == "nfm_reply" or "response_json" in chosen:
        return _form(chosen)
    if "product_retailer_id" in chosen:
        return _product(chosen)
    pressed = chosen["id"].any_id()
    choice = choice_in(pressed)
    facts = {"Button": "" if choice else pressed, "Permission to call": chosen["response"].text("")}
    text = "\n".join(filter(None, (chosen["title"].exact(""), chosen["description"].exact(""))))
    text = text or chosen["body"].text("") or chosen["text"].text("") or node["body"]["text"].exact("")
    if not text and kind not in INTERACTIVE and isinstance(chosen.raw, dict):
        # A payment, say: what is told of it is shown under the names that it has there.
        told = list(chosen.members())[:MOST_ANSWERS]
        facts |= {name.replace("_", " ").capitalize(): value.any_id() for name, value in told}
    return Content(text or f"[{kind[:60] or 'a button was pressed'}]", facts=facts, choice=choice)


def _form(reply: Node) -> Content:
    """Read a Flow's answers, or an address: `response_json` is JSON in a string (seen as an object as well)."""
    answers: Any = reply["response_json"].raw
    if isinstance(answers, str):
        try:
            answers = json.loads(answers)
        except (ValueError, RecursionError):
            answers = {"Answer": answers}
    if not isinstance(answers, dict):
        answers = {} if answers is None else {"Answer": answers}
    if isinstance(answers.get("values"), dict):  # of an address
        answers = {**{name: value for name, value in answers.items() if name != "values"}, **answers["values"]}
    lines = []
    for name, value in list(answers.items())[:MOST_ANSWERS]:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name != "flow_token" and shown:
            lines.append(f"{clean(name)}: {clean(shown)}")
    body = reply["body"].exact("")
    return Content("\n".join([body or "[a form was sent]", *lines]), facts={"Form": reply["name"].text("")})


def _product(node: Node) -> Content:
    """Read a sent product; Meta's changelog of August 2026 names it, but its fields could not be read there."""
    product = node["product_retailer_id"].any_id()
    facts = {"Product": product, "Catalogue": node["catalog_id"].any_id()}
    return Content(f"[product: {product}]" if product else "[product]", facts=facts)


def _template(node: Node) -> Content:
    return Content("[template: " + node["name"].text("") + "]")


def _order(node: Node) -> Content:
    lines = [node["text"].text("") or "[order]"]
    lines += [ordered(item, "product_retailer_id", "item_price") for item in nodes(node["product_items"])]
    return Content("\n".join(lines), facts={"Catalogue": node["catalog_id"].any_id()})


def _unsupported(node: Node) -> Content:
    return Content(f"[{CLOSED}]", facts={"Type": node["type"].text("")})


INTERACTIVE: Final = ("button_reply", "list_reply", "nfm_reply", "call_permission_reply")
READERS: Final[Mapping[str, Callable[[Node], Content]]] = {
    "text": _text,
    **{kind: _media(kind) for kind in MEDIA},
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "unsupported": _unsupported,
    "unknown": _unsupported,  # until 2025; with the same error 131051
    "errors": _unsupported,  # seen by others
    "template": _template,
    "product": _product,
}
