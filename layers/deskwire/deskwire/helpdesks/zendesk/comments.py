"""Comments of a Zendesk ticket: several entries written as one, found again, redacted, and agents' ones read."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from deskwire.families.ids import id_of
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.keys import digest
from deskwire.model.tickets import AgentReply, Entry, File
from deskwire.web.markup import literal, paragraph, plain, rewritten
from deskwire.web.reading import Node

from .api import Api, error_of

ENTRY_BYTES = 48_000  # a comment holds 65,535 [?]; the rest is for the marks of HTML
BATCH = 20  # entries in one comment: 33 bytes each of the 1,024 that an audit's metadata takes
UPLOAD_BYTES = 50 * 1024 * 1024
UPLOAD_SECONDS = 50 * 60.0  # an upload's token lives 60 minutes
OWN = "deskwire"  # tag, prefix of external ids, name in the metadata
# Names and numbers of `via.channel`: /documentation/ticketing/reference-guides/via-types/. What agents write in
# Agent Workspace say `web`, their mobile apps `mobile`, apps and scripts with an agent's credentials `api`.
WRITTEN = frozenset({
    "", "web", "web_form", "web_service", "api", "mobile", "iphone", "lotus", "email", "mail", "0", "4", "5", "15",
})  # fmt: skip
# Records of calls and chats that took place elsewhere; nobody expects them to be sent.
TRANSCRIPTS = re.compile(
    r"chat(_transcript|_offline_message)?|(api_)?(voicemail|phone_call_(in|out)bound)|voice|29|3[345]"
)
RULES = frozenset({"rule", "trigger", "automation", "8"})
# Flags that say nothing about who wrote a comment: a file too large, a name cut, some copies not sent.
# /api-reference/ticketing/tickets/ticket_comments/#comment-flags
HARMLESS = frozenset({"5", "16", "18"})
FLAGS = {
    "3": "its author was not signed in",
    "4": "it was generated automatically",
    "11": "somebody else submitted it in its author's name",
}


def mark(key: str) -> str:
    """Return what stands for `key` in Zendesk: short enough for metadata, and saying nothing."""
    return digest(key)[:32]


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the entries, in order, in comments: of one kind each, and no longer than one may be."""
    made: list[list[Entry]] = []
    size = 0
    for entry in entries:
        length = len(entry.body.encode()) + 100
        last = made[-1] if made else []
        if not last or last[0].public != entry.public or len(last) == BATCH or size + length > ENTRY_BYTES:
            made.append([])
            size = 0
        made[-1].append(entry)
        size += length
    return made


def metadata(batch: Sequence[Entry]) -> dict[str, str]:
    """Return what makes the entries findable: their keys' marks, in order."""
    # Comes back as `audit.metadata.custom`; 1 kilobyte at most.
    # https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/#setting-metadata
    return {OWN: " ".join(mark(entry.key) for entry in batch)}


def written(api: Api, batch: Sequence[Entry], author: str) -> dict[str, Any]:
    """Return entries as one comment, in HTML that we escape: of `body` Zendesk strips tags and renders Markdown.

    Several, and one where many may write, have each its writer and time above it (so each of several is one paragraph
    after its own head, see `redacted`).
    """
    parts: list[str] = []
    tokens: list[str] = []
    for entry in batch:
        lost: list[str] = []
        for number, file in enumerate(entry.files):
            token = _upload(api, entry, number, file)
            tokens += [token] if token else []
            lost += [] if token else [f"[not taken by Zendesk: {file.name}, {len(file.data)} bytes]"]
        if len(batch) > 1 or entry.shared:
            when = f"{entry.written_at:%Y-%m-%d %H:%M:%S} UTC" if entry.written_at else "time unknown"
            head = html.escape(literal(" · ".join(filter(None, (entry.author, when)))), quote=False)
            parts.append(f'<p dir="auto"><strong>{head}</strong></p>')
        parts.append(paragraph("\n".join([entry.body, *lost])))
    comment: dict[str, Any] = {"html_body": "".join(parts), "public": batch[0].public}
    if batch[0].public:
        comment["author_id"] = int(author)
    if tokens:
        comment["uploads"] = tokens
    return comment


def _upload(api: Api, entry: Entry, number: int, file: File) -> str:
    """Return the token of an uploaded file, the same for an hour; empty when Zendesk will never take it."""

    def upload() -> str:
        answer = api.checked(api.upload(file), "uploading a file")
        token = answer.node()["upload"]["token"].text("")
        if not token:
            raise TemporaryError("uploading a file: the answer has no token")
        return token

    if len(file.data) > UPLOAD_BYTES:
        return ""
    try:
        return api.cached(f"upload/{mark(entry.key)}/{number}", UPLOAD_SECONDS, upload)
    except PermanentError:
        return ""


def comment_of(audit: Node) -> str:
    """Return the id of the comment in an audit: the event's id is the comment's."""
    return next((id_of(event["id"]) for event in audit["events"].rows() if event["type"].text("") == "Comment"), "")


def place(comment: str, position: int, of: int) -> str:
    """Return an entry's id: its comment's, and among several in it, which."""
    return f"{comment}.{position + 1}" if comment and of > 1 else comment


def places(batch: Sequence[Entry], audit: Node) -> dict[str, str]:
    """Return where each entry is: the comment, and which of several in it."""
    comment = comment_of(audit)
    made = {entry.key: place(comment, number, len(batch)) for number, entry in enumerate(batch)}
    return {key: value for key, value in made.items() if value}


def redacted(api: Api, ticket: str, shown: Node, section: int) -> bool:
    """Redact one comment or one section of it (every second paragraph).

    The newer way needs the Agent Workspace; the older is tried where that is refused.
    """
    comment, words = id_of(shown["id"]), []

    def wrap(number: int, text: str) -> str:
        if section and number != 2 * section:
            return text
        words.append(text)
        return f"<redact>{text}</redact>"

    marked, paragraphs = rewritten(shown["html_body"].text(""), wrap)
    if not words or (section and paragraphs < 2 * section):
        return False
    payload: dict[str, Any] = {"ticket_id": int(ticket), "html_body": marked}
    urls = [url for url in (item["content_url"].text("") for item in shown["attachments"].rows()) if url]
    if urls and not section:
        payload["external_attachment_urls"] = urls
    answer = api.ask("PUT", f"comment_redactions/{comment}.json", payload, safe=True)
    if answer.status not in {403, 404, 422} or not error_of(answer):
        return bool(api.checked(answer, "redacting a comment").node())
    for text in filter(None, (plain(piece) for piece in words)):
        older = api.ask("PUT", f"tickets/{ticket}/comments/{comment}/redact.json", {"text": text}, safe=True)
        if older.status in {404, 422} and error_of(older):
            return False
        api.checked(older, "redacting a comment").node()
    return not urls


def is_transcript(shown: Node) -> bool:
    """Return whether a comment records a call or a chat instead of being written on the ticket."""
    if shown["type"].text("") == "VoiceComment":
        return True
    return TRANSCRIPTS.fullmatch(_via(shown)[0]) is not None


def withheld(shown: Node) -> str:
    """Return why a comment under an agent's name may not be an answer of that agent, or an empty string."""
    channel, relation = _via(shown)
    if "merge" in {channel, relation} or channel == "19":
        return "Zendesk wrote it when tickets were merged"
    if {channel, relation} & RULES:
        return "a rule of Zendesk's wrote it, not an agent"
    if channel not in WRITTEN:
        return f"it was not written on the ticket but came by “{channel[:40]}”"
    metadata = shown["metadata"]
    for flag in metadata["flags"].rows():
        number = str(flag.raw)
        if number not in HARMLESS and metadata["flags_options"][number]["trusted"].raw is not True:
            return f"Zendesk has flagged it: {FLAGS.get(number, 'it cannot be sure who wrote it')}"
    # The page's example has `trusted: false` beside a mere large file (flag 5), too: unsure, so not sent.
    return "Zendesk does not trust that its author wrote it" if metadata["trusted"].raw is False else ""


def _via(shown: Node) -> tuple[str, str]:
    """Return a comment's channel, and how it relates to its source. The vendor shows them in either of two places."""
    via = shown["via"] if "via" in shown else shown["metadata"]["via"]
    channel = via["channel"].raw
    return str(channel) if isinstance(channel, str | int) else "", via["source"]["rel"].text("")


def reply(shown: Node, ticket: str, author: str) -> AgentReply:
    """Return an agent's comment as the reply to be sent."""
    markup = shown["html_body"].text("")
    attachments = tuple(
        Attachment(
            AttachmentKind.of(item["content_type"].text("")),
            url=item["content_url"].text(""),
            id=id_of(item["id"]),
            name=item["file_name"].text(""),
            type=item["content_type"].text(""),
        )
        for item in shown["attachments"].rows()
    )
    return AgentReply(
        id=id_of(shown["id"]),
        order=int(id_of(shown["id"])),
        ticket=ticket,
        text=plain(markup) if markup else shown["plain_body"].text("") or shown["body"].text(""),
        author=author,
        written_at=shown["created_at"].iso(),
        attachments=attachments,
        withheld=withheld(shown),
    )
