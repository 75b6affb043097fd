"""What is sent into a thread, and what the platform made of it."""

from __future__ import annotations

from collections.abc import Mapping

from deskwire.model.values import dataclass, field

from .choices import Offer
from .errors import TemporaryError
from .events import Attachment, Visibility
from .keys import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is to be sent into a thread.

    `key` is the same at every attempt. `recipient` is the author id of the customer, `reply_to` the object that is
    answered (a comment, a post, a review). `automatic` is true for what no person wrote, `closed` for such a text sent
    while the company is closed; `private_reply` for a private answer in a public thread. `context` holds what the
    channel itself kept at receiving (a subject, an e-mail address, a message id). `offers` are the buttons below the
    text, given to channels with `Offers` alone.
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
    """What the platform made of it: its ids of the message (several where the text was split), never none.

    `elsewhere` is the key of another thread (see `compose`) in which the customer's answer will arrive, where that is
    not the thread that was answered (a private reply to a public comment; a reply to a visitor's post).
    """

    ids: tuple[str, ...]
    elsewhere: str = ""

    def __post_init__(self) -> None:
        if not self.ids or not all(self.ids):
            msg = "the platform named no id of what was sent"
            raise TemporaryError(msg, ambiguous=True)
