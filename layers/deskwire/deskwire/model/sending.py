"""A message to send into a thread, and the result of sending it."""

from __future__ import annotations

from collections.abc import Mapping

from deskwire.model.values import dataclass, field

from .choices import Offer
from .errors import TemporaryError
from .events import Attachment, Visibility
from .keys import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to send into a thread.

    `key` is the same at every attempt. `recipient` is the customer's author id, `reply_to` the object that is answered
    (a comment, a post, a review). `automatic`: no person wrote it; `closed`: it is automatic, and the company is
    closed. `private_reply`: a private answer in a public thread. `context` is what the channel kept at receiving (a
    subject, an e-mail address, a message id). `offers` are the buttons below the text, only for channels with `Offers`.
    """

    key: str
    account: str
    thread: str
    visibility: Visibility
    text: str
    automatic: bool
    closed: bool = False
    private_reply: bool = False
    recipient: str = ""
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()
    offers: tuple[Offer, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Outgoing({digest(self.key)[:12]})"


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform's ids of a sent message: at least one, several if the text was split.

    `elsewhere` is the key of the thread (see `compose`) in which the customer's answer will arrive, if that is another
    one than was answered (after a private reply to a public comment, or a reply to a visitor's post).
    """

    ids: tuple[str, ...]
    elsewhere: str = ""

    def __post_init__(self) -> None:
        if not self.ids or not all(self.ids):
            msg = "the platform named no id of what was sent"
            raise TemporaryError(msg, ambiguous=True)
