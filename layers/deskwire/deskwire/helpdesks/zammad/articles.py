"""Articles of a ticket: customers' words and notes written, agents' answers read."""

from __future__ import annotations

import base64
import html
import re
from typing import Any

from deskwire.families.ids import id_of
from deskwire.families.lists import flag, words
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.keys import digest
from deskwire.model.tickets import AgentReply, Customer, Entry, File, Ticket
from deskwire.web.markup import JOINER, literal, plain
from deskwire.web.reading import Node
from deskwire.web.rest import Answer

from .api import Api

FILE_BYTES = 36 * 1024 * 1024  # of all files of an article: base64 makes 48 MB of them, in a request of 50 at most
LOGIN = re.compile(r"[a-z0-9][a-z0-9_.%-]{0,79}")  # Zammad keeps logins in lower case
FIELD = re.compile(r"\s*([a-z_]+)\s*=\s*([a-z][a-z0-9_]*)\s*")
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,59}")
# A picture in the text is no longer among the attachments (`insert_urls` in app/models/ticket/article.rb).
INLINE = re.compile(
    r"<img\b[^<>]{0,2000}?src=[\"']?[^\"'<> ]{0,200}/ticket_attachment/([0-9]{1,18}/[0-9]{1,18}/([0-9]{1,18}))"
)
ANSWERS = frozenset({"note", "web"})  # types of article that Zammad itself sends nowhere
READING = "reading the replies"
SENDERS = frozenset({"Agent", "Customer", "System"})  # https://docs.zammad.org/en/latest/api/ticket/articles.html
RECORDS = frozenset({"phone", "fax"})  # what took place elsewhere; nobody expects it to be sent


def marker(key: str) -> str:
    """Return what stands for a key: a Message-ID, which Zammad keeps with any article and needs for mail alone.

    That the API takes `message_id` and `in_reply_to` is not documented; both are attributes of an article, and only
    `id`, times and authors are stripped (app/models/application_model/can_cleanup_param.rb).
    """
    return f"<dw-{digest(key)[:32]}@deskwire.invalid>"


def safe(text: str) -> str:
    """Return a text in which nothing is a template: Zammad's own marks are `#{…}`."""
    return literal(text).replace("#{", f"#{JOINER}{{")


def customer(person: Customer) -> dict[str, str]:
    """Return the customer as Zammad finds or makes it with the ticket: by login, which no person chooses here.

    Never by e-mail or telephone: these are what somebody typed, and Zammad's default triggers would mail the customer
    their own words. So they stand in the note beside the person's name.
    """
    login = login_of(person)
    # Zammad parts a full name itself (`check_name` in app/models/user.rb); a person without a name is refused.
    name = " ".join((person.name or person.handle or person.channel or login).split())
    found = {"login": login, "firstname": safe(name)[:100]}
    given = [part for part in (person.handle, person.email, person.phone) if part]
    if given:
        found["note"] = html.escape(safe(f"As given: {', '.join(given)}"), quote=False)[:250]
    return found


def login_of(person: Customer) -> str:
    """Return the login under which a customer is known."""
    if LOGIN.fullmatch(person.external_id):
        return person.external_id
    return f"{re.sub('[^a-z0-9]', '', person.channel.lower())[:30]}-{digest(person.external_id)[:32]}"


def fields(setting: str, ticket: Ticket) -> dict[str, str]:
    """Return the ticket's attributes to fill: those that the setting names, and a connection's own.

    An attribute that Zammad does not have is ignored by it.
    """
    ours = {"reference": ticket.reference, "follow_up_of": ticket.follow_up_of, **ticket.fields}
    named = {found[1]: found[2] for part in setting.split(",") if (found := FIELD.fullmatch(part))}
    own = {name: name for name in ticket.fields if ATTRIBUTE.fullmatch(name) and name not in named}
    return {place: safe(ours[name]) for name, place in (named | own).items() if ours.get(name)}


def written(api: Api, method: str, path: str, payload: dict[str, Any], entry: Entry, contact: str = "") -> Answer:
    """Send an entry with the payload around it: an `article` in there, or the article's own fields.

    When a proxy finds the files too large, they are left out and named. Raises `TicketGone`.
    """
    answer = api.ask(method, path, _with(payload, article(entry, contact)), timeout=30.0)
    if answer.status == 413 and entry.files:
        answer = api.ask(method, path, _with(payload, article(entry, contact, budget=0)), timeout=30.0)
    return answer


def _with(payload: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    if "article" not in payload:
        return payload | said
    around = payload["article"]
    # A ticket's first article bears the ticket's key, and its own where a mail names what it answers.
    own = {"in_reply_to": said["message_id"]} if "message_id" in around else {}
    return payload | {"article": said | own | around}


def article(entry: Entry, contact: str = "", budget: int = FILE_BYTES) -> dict[str, Any]:
    """Return an entry as an article: the customer's words as written by the customer, a note as ours.

    Plain text, which Zammad escapes when it shows it. `web` counts as communication (for SLAs), and is sent nowhere.
    """
    taken: list[File] = []
    lost: list[File] = []
    for file in entry.files:
        fits = file.data and sum(len(each.data) for each in taken) + len(file.data) <= budget
        (taken if fits else lost).append(file)
    said: dict[str, Any] = {
        "body": safe("\n".join([*_head(entry), entry.body, *(_left_out(file) for file in lost)])) or "-",
        "content_type": "text/plain",
        "type": "web" if entry.public else "note",
        "sender": "Customer" if entry.public else "Agent",
        "internal": not entry.public,
        "message_id": marker(entry.key),
    }
    if entry.public and contact:
        said["origin_by_id"] = int(contact)  # without it Zammad takes the ticket's customer
    if taken:
        said["attachments"] = [
            {
                "filename": file.name or "file",
                "data": base64.b64encode(file.data).decode(),
                "mime-type": file.type or "application/octet-stream",
            }
            for file in taken
        ]
    return said


def _head(entry: Entry) -> list[str]:
    """Return the line that names the author, where others than the customer may write."""
    if not entry.shared:
        return []
    when = f"{entry.written_at:%Y-%m-%d %H:%M:%S} UTC" if entry.written_at else ""
    return [" · ".join(part for part in (entry.author, when) if part)]


def _left_out(file: File) -> str:
    return f"[not taken by Zammad: {file.name}, {len(file.data)} bytes]"


def answer_of(row: Node, ticket: str, bot: str, api: Api) -> AgentReply | None:
    """Return an article as the answer to be sent; None for customers', internal and our own ones."""
    number, kind, author = id_of(row["id"]), row["type"].text(""), id_of(row["created_by_id"])
    if flag(row["internal"], READING, api.reach) is not False or author == bot or kind in RECORDS:
        return None
    sender, body = row["sender"].text(""), words(row["body"], READING, api.reach)
    if sender not in SENDERS:
        api.reach.left_out(READING, row["sender"])
    if sender != "Agent":
        return None
    markup = "html" in row["content_type"].text("").lower()
    return AgentReply(
        id=number,
        order=int(number),
        ticket=ticket,
        text=plain(body) if markup else body,
        author=_author(row["from"].text("")),
        written_at=row["created_at"].iso(),
        attachments=_attachments(row, ticket, body if markup else "", api.base),
        withheld=_withheld(row, kind, author, body),
    )


def _author(sender: str) -> str:
    """Return the agent's name: a mail is from “Emma Taylor via Support <…>” where the separator was not changed.

    https://docs.zammad.org/en/latest/api/ticket/articles.html
    """
    return sender.partition("<")[0].partition(" via ")[0].strip()


def _withheld(row: Node, kind: str, author: str, body: str) -> str:
    """Return why a public article of the sender Agent may not be an answer to this customer, or nothing."""
    if kind not in ANSWERS:
        return f"it is of the type “{kind[:40]}”, which Zammad sends or receives itself: answer with a public note"
    # A rule's note bears the sender System; this is for a version, or an extension, where it does not.
    if author in {"", "1"} or row["preferences"]["perform_origin"]:
        return "a rule of Zammad's wrote it, not an agent"
    # `merge_to` in app/models/ticket.rb; in an editor, an agent would have written HTML.
    if body.strip() == "merged" and "html" not in row["content_type"].text("").lower():
        return "Zammad wrote it when tickets were merged"
    return ""


def _attachments(row: Node, ticket: str, markup: str, base: str) -> tuple[Attachment, ...]:
    """Return what an agent attached, and the pictures in their words.

    https://docs.zammad.org/en/latest/api/ticket/articles.html
    """
    places = f"{base}/ticket_attachment"
    found = [
        Attachment(
            AttachmentKind.of(_type(item)),
            url=f"{places}/{ticket}/{id_of(row['id'])}/{id_of(item['id'])}",
            id=id_of(item["id"]),
            name=item["filename"].text(""),
            type=_type(item),
        )
        for item in row["attachments"].rows()
    ]
    known = {each.id for each in found}
    pictures = {number: place for place, number in INLINE.findall(markup) if number not in known}
    shown = (Attachment(AttachmentKind.IMAGE, url=f"{places}/{pictures[each]}", id=each) for each in pictures)
    return (*found, *shown)


def _type(item: Node) -> str:
    return item["preferences"]["Mime-Type"].text("") or item["preferences"]["Content-Type"].text("")
