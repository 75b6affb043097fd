"""Sends to Instagram: public replies, answers to mentions, the one private reply, direct messages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from deskwire.families import meta, meta_inbox
from deskwire.model.errors import PermanentError
from deskwire.model.events import Visibility
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing, Sent

from . import tokens

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.contracts.terms import Permit
    from deskwire.web.reading import Node

INSTAGRAM: Final = meta.Login(tokens.HOST, tokens.NAME, tokens.renewed)


def login(reach: Reach) -> meta.Login:
    """Return the login whose token the connection has."""
    return INSTAGRAM if reach.secrets.has(INSTAGRAM.token) else meta.PAGE


def asked(
    method: str, path: tuple[str, ...], payload: object, reach: Reach, *, what: str, by: meta.Login, **query: str
) -> Node:
    """Make a call and return Graph's answer. Raises what happens next."""
    call = meta.graph_request(by, method, path, payload, reach, **query)
    return meta.settled(reach.http(call), what=what, token=by.token)


def send(outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
    """Send an answer to where it belongs."""
    if outgoing.visibility is Visibility.PUBLIC:
        return Sent((_comment(outgoing, permit, reach),))
    if outgoing.private_reply:
        return _reply_privately(outgoing, permit, reach)
    # `me` is the account by its own token, and the linked Page by a Page's.
    inbox = partial(meta.message, {"id": outgoing.thread}, reach=reach, login=login(reach), sender="me")
    return meta_inbox.send(outgoing, permit, lambda content, tagged: inbox(content, tagged=tagged))


def _comment(outgoing: Outgoing, permit: Permit, reach: Reach) -> str:
    """Reply under the root comment (a reply to a reply lands there anyhow), or to what mentions us."""
    text = _one_text(outgoing, permit, "a comment on Instagram is words alone")
    if outgoing.context.get("mention"):
        path, payload, by = (reach.account, "mentions"), _mentioned(outgoing) | {"message": text}, meta.PAGE
        if not reach.secrets.has(by.token):
            raise PermanentError("mentions are answered with Facebook Login only", code="facebook-login")
    else:
        path, payload, by = (outgoing.thread, "replies"), {"message": text}, login(reach)
    answer = asked("POST", path, payload, reach, what="commenting", by=by)
    return meta.posted(answer, "id", what="commenting")


def _mentioned(outgoing: Outgoing) -> dict[str, str]:
    media = outgoing.context.get("media", outgoing.thread)
    comment = {"comment_id": outgoing.thread} if outgoing.context["mention"] == "comment" else {}
    return {"media_id": media, **comment}


def _reply_privately(outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
    """Send the one private reply that a comment may have; what comes back is in the person's own thread."""
    text = _one_text(outgoing, permit, "a private reply to a comment is one message of words")
    to = {"comment_id": outgoing.reply_to or outgoing.thread}
    answer = meta.message(to, {"text": text}, reach, login=login(reach), sender="me")
    made = meta.posted(answer, "message_id", what="replying privately")
    person = answer["recipient_id"].any_id()
    return Sent((made,), compose("instagram", reach.account, person) if person else "")


def _one_text(outgoing: Outgoing, permit: Permit, otherwise: str) -> str:
    """Return the text; raise `PermanentError` for one that is too long, and for attachments."""
    from deskwire.care import measure

    texts = measure.pieces(outgoing.text, permit.limit)
    if outgoing.attachments or len(texts) != 1:
        raise PermanentError(otherwise, code="attachment")
    return texts[0]
