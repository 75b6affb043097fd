"""Reads Instagram's deliveries: comments, mentions and messages, in either shape of the body.

`changes` of an entry, or `field` and `value` in the entry itself; messages in `messaging` or `standby`, or as changes.
What survives a redelivery is a comment's `id`, a mention's `comment_id` or `media_id`, and what `meta_inbox` says of
messages. The keys hold neither the login nor the shape, since one event may come by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from deskwire.contracts.channel import each, filled, line
from deskwire.families import meta, meta_inbox
from deskwire.families.meta_reading import EDITS, REMOVALS, TEST_ACCOUNT, listed, unknown
from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD
from deskwire.web.reading import Node, fragment

if TYPE_CHECKING:
    from deskwire.web.request import Request

NAME: Final = "instagram"
COMMENTS: Final = frozenset({"comments", "live_comments"})
LIVE: Final = "live comment"  # kinds of thread that have rules of their own
MENTION: Final = "mention"
# Fields that come in `changes` with the content itself as the value, without its name around it (seen in parsers).
BARE: Final = {"message_edit": "message_edit", "message_reactions": "reaction", "messaging_seen": "read"}


def read(request: Request) -> Iterator[Event | Unreadable]:
    """Yield the events of a delivery; what cannot be read is an `Unreadable`. Raises `PayloadError` for none."""
    for entry in meta.entries(request, NAME):
        yield from _entry(entry)


def _entry(entry: Node) -> Iterator[Event | Unreadable]:
    if not isinstance(entry.raw, dict):
        yield Unreadable(f"{entry.path} is no object", entry.raw)
        return
    for name in ("messaging", "standby"):
        yield from each(listed(entry[name]), partial(_item, entry, standby=name == "standby"))
    yield from each(listed(entry["changes"]), partial(_change, entry))
    if "field" in entry or "value" in entry:
        yield from each([entry], partial(_change, entry))
    elif not {"messaging", "standby", "changes"} & entry.raw.keys():
        yield from each([entry], lambda node: [_other(node, node, "nothing")])


def _change(entry: Node, change: Node) -> Iterator[Event]:
    field = change.object()["field"].text()
    for value in list(listed(change["value"])) or [change["value"]]:
        if entry["id"].any_id() == TEST_ACCOUNT:
            yield _other(entry, value, field)
        elif field in COMMENTS:
            yield _comment(entry, value.object(), field)
        elif field == "mentions":
            yield _mention(entry, value.object())
        elif isinstance(value.raw, dict) and (field in BARE or {"sender", "recipient", "message"} & value.raw.keys()):
            yield from _item(entry, _wrapped(value, field), standby=field == "standby")
        else:
            yield _other(entry, value, field)


def _wrapped(value: Node, field: str) -> Node:
    """Return the value of a change as an item of `messaging`."""
    name = BARE.get(field, "")
    if not name or isinstance(value[name].raw, dict):  # the bare content may have a field of that name: the reaction
        return value
    return Node({"sender": value["from"].raw, **value.raw, name: value.raw}, "value")


def _other(entry: Node, node: Node, what: str) -> Event:
    return unknown(NAME, entry, node, what[:60])


# ------------------------------------------------------------------------------------------ comments and mentions


def commenter(node: Node) -> Author | None:
    """Return who commented; an id is missing now and then, and the handle is unique."""
    found = node["id"].any_id() or node["self_ig_scoped_id"].any_id()
    return Author(found, node["name"].text(""), node["username"].text("")) if found else named(node["username"])


def named(username: Node) -> Author | None:
    """Return somebody of whom only the handle is told; it stands for the id."""
    handle = username.text("")
    return Author(handle, handle=handle) if handle else None


def _of_account(sender: Node) -> bool:
    """Return whether a comment's `from` names the account's scoped id beside its own: so our own comments do.

    Of anybody else the id is the scoped one already: the dashboard's sample of v26 repeats it.
    https://developers.facebook.com/docs/instagram-platform/self-messaging
    """
    return sender["self_ig_scoped_id"].any_id() not in {"", sender["id"].any_id()}


def _public(entry: Node, value: Node, object_id: str, **more: Any) -> Event:  # noqa: ANN401
    fields: dict[str, Any] = {
        "verb": ADD,
        "kind": Kind.MESSAGE,
        "thread": object_id,
        # The value has no time of its own, so the entry's is the best there is.
        "occurred_at": meta.moment(value["created_time"])
        or meta.moment(value["timestamp"])
        or meta.moment(entry["time"]),
        **more,
    }
    return Event(
        channel=NAME,
        account=entry["id"].identifier(),
        object_id=object_id,
        visibility=Visibility.PUBLIC,
        raw=fragment(value),
        **fields,
    )


def _comment(entry: Node, value: Node, field: str) -> Event:
    """Return a comment: new, edited or removed."""
    object_id = (value["id"] or value["comment_id"]).identifier()
    media, sender = value["media"], value["from"]
    author, parent, text, verb = (
        commenter(sender),
        value["parent_id"].any_id(),
        value["text"].exact(""),
        value["verb"],
    )
    known: dict[str, Any] = {
        "thread": parent or object_id,
        "author": author,
        "own": author is not None and (author.id == entry["id"].identifier() or _of_account(sender)),
        "reply_to": parent,
        "facts": filled(
            {
                "Post": media["id"].any_id() or value["media_id"].any_id(),
                "Kind of post": media["media_product_type"].text(""),
                "Advertisement": media["ad_title"].text("") or media["ad_id"].text(""),
            }
        ),
        "thread_kind": LIVE if field == "live_comments" else "",
    }
    # No webhook of an edited or removed comment is documented; were there one, it would say so as a Page's feed does.
    if verb.text("") in REMOVALS:
        return _public(entry, value, object_id, kind=Kind.DELETION, verb="delete", **known)
    if verb.text("") in EDITS:
        version = meta.mark(text)
        return _public(entry, value, object_id, kind=Kind.EDIT, verb="edit", version=version, text=text, **known)
    if author is not None:
        text = line(text, (), "a comment without words: look at it on Instagram")
    return _public(entry, value, object_id, complete=author is not None, text=text, **known)


def _mention(entry: Node, value: Node) -> Event:
    """Return a mention: in a caption (`media_id` alone) or in a comment. Its words are fetched."""
    media, comment = value["media_id"].any_id(), value["comment_id"].any_id()
    if not media and not comment:
        raise PayloadError(f"{value.path} names neither media nor comment")
    text, author = value["text"].exact(""), commenter(value["from"])
    return _public(
        entry,
        value,
        comment or media,
        author=author,
        text=text,
        complete=bool(text and author),
        facts=filled({"Post": media, "Mention": "in a comment" if comment else "in a caption"}),
        thread_kind=MENTION,
        keep=filled({"mention": "comment" if comment else "media", "media": media}),
    )


# ---------------------------------------------------------------------------------------------- direct messages


def _item(entry: Node, item: Node, *, standby: bool) -> Iterator[Event]:
    return _Item(entry, item, standby=standby).events()


class _Item(meta_inbox.Item):
    """One item of `messaging` or `standby`, or the value of such a change."""

    channel = NAME
    hidden = "a message that Instagram does not pass on: open the app's inbox"

    def attachments(self, message: Node) -> tuple[Attachment, ...]:
        """Return what came, and the story of ours that is answered: its address lives about a day."""
        story, found = message["reply_to"]["story"], super().attachments(message)
        if not story["url"].text(""):
            return found
        named = Attachment(
            AttachmentKind.FILE, story["url"].text(""), story["id"].any_id(), "the story that is answered"
        )
        return meta.distinct([*found, named])

    def facts(self, message: Node) -> Mapping[str, str]:
        return {"Answers the story": message["reply_to"]["story"]["id"].any_id(), **super().facts(message)}

    def _changed(self, edit: Node) -> Iterator[Event]:
        """Yield an edit. It comes with number 0, without words or people, of unedited messages too (users report)."""
        if edit["num_edit"].any_id() != "0" and (self.person != self.account or edit["text"].text("")):
            yield from self._edit(edit)
            return
        mid = edit["mid"].identifier()
        yield self._event(Kind.STATE, mid, "message_edit", version=self.stamp, text="[message_edit]")

    readers: ClassVar[Mapping[str, meta_inbox.Reader]] = {**meta_inbox.Item.readers, "message_edit": _changed}
