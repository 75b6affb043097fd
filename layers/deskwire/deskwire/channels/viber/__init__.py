"""Viber: what people write to a bot of the company.

Set-up: get a bot (since 2024-02-05 on commercial terms only), store its token as the endpoint's and the connection's
`auth_token`, and apply: that registers the address with `set_webhook`. Viber posts a signed `webhook` event to it and
wants 200 at once, so the endpoint has to be there before. Deliveries do not name the bot: one endpoint serves one bot.
https://creators.viber.com/docs/bots-api/getting-started/web-hooks

Signature: `X-Viber-Content-Signature`, HMAC-SHA256 of the raw body under the bot's token, in hex; no time is signed
apart from the body's `timestamp`. https://developers.viber.com/docs/api/rest-bot-api/

Secrets: endpoint `auth_token` and connection `auth_token` are the same token (“Your app key”); it does not expire.
https://developers.viber.com/docs/faq/

Limits: 7,000 characters and 30 kB a message; 100 messages an hour to a person who does not answer; only to people who
subscribed or wrote; what was not answered with 200 is repeated for an hour; media links live an hour; no idempotency
key. https://creators.viber.com/docs/bots-api/resources/messaging/send-message

What survives a redelivery: `message_token`, a number of up to 64 bits, which is always handled as text. In `delivered`,
`seen` and `failed` it is the token of our own message, so the event's name is part of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, in_turn, newest
from deskwire.contracts.terms import Figure, OfferLimit, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.model.errors import DeskwireError
from deskwire.model.events import Author, Event, Unreadable, Visibility
from deskwire.model.sending import Outgoing, Sent
from deskwire.web.reading import Node, read
from deskwire.web.request import Response
from deskwire.web.rest import Call

from . import callbacks, sending
from .signature import Signature
from .statuses import settled

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.web.request import Request

API: Final = "https://chatapi.viber.com/pa"
TOKEN: Final = "auth_token"  # noqa: S105 - a name
CHECKED: Final = date(2026, 11, 29)
SEND: Final = "https://creators.viber.com/docs/bots-api/resources/messaging/send-message"
REST: Final = "https://developers.viber.com/docs/api/rest-bot-api/"
FAQ: Final = "https://developers.viber.com/docs/faq/"
KEYBOARDS: Final = "https://creators.viber.com/docs/bots-api/resources/messaging/keyboards"
DETAILS: Final = "https://creators.viber.com/docs/bots-api/resources/subscribers/get-subscriber-details"
TYPES: Final = "https://www.infobip.com/docs/viber/bots/message-types"
SLOW: Final = "https://github.com/Bogdaan/viber-bot-php/issues/37"
DETAILS_KEPT: Final = 6 * 3600.0  # seconds: a person's details may be asked for twice in twelve hours


class Viber(Channel):
    """The connector. A thread is a person who writes to the bot; everything is private."""

    name = "viber"
    title = "Viber"
    names_account = False
    verification = Signature(header="X-Viber-Content-Signature", secret=TOKEN, parameter="sig")
    endpoint_secrets: ClassVar[Mapping[str, str]] = {
        TOKEN: "the bot's token (in Viber: More, Settings, Bots, Edit info, “Your app key”)"
    }
    endpoint_settings: ClassVar[Mapping[str, str]] = {
        "welcome": "optional: the words that greet who opens the chat for the first time and has not written yet",
        "sender_name": "optional: the name above those words, at most 28 characters",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {TOKEN: "the bot's token, the same as the endpoint's"}
    connection_settings: ClassVar[Mapping[str, str]] = {
        "sender_name": "the name that customers see above an answer, at most 28 characters",
        "sender_avatar": "optional: the https address of the picture beside that name, at most 100 kB",
    }
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C12.own": "Viber does not deliver what the bot itself sends",
        "C12.ids": "Viber does not deliver what the bot itself sends",
        "C16.own": "Viber does not deliver what the bot itself sends",
        "C16.edit": "an edited message is not delivered again",
        "C16.deletion": "a deleted message is not told of",
    }
    # Links of dl-media.viber.com were seen; no page of Viber's names the hosts.
    media_hosts: ClassVar[tuple[str, ...]] = ("viber.com",)
    # Six columns and 24 rows; how long a button's text may be, a library says.
    offers: ClassVar[Figure[OfferLimit]] = Figure(OfferLimit(24, 250, 7000), KEYBOARDS, CHECKED, confirmed=False)
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # 7,000 “characters”, which a partner says and Viber's own pages read here do not; of which kind is not
                # said either, so UTF-16 units, the strictest reading. Five pieces: ours.
                text=Figure(TextLimit(7000, Unit.UTF16, pieces=5), TYPES, CHECKED, confirmed=False),
                files=Figure(sending.FILES, TYPES, CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="subscribed",
                        # There is no end; what is sent more than 24 hours after the person wrote may cost money.
                        span=Figure(None, SEND, CHECKED),
                        automatic=Figure(True, SEND, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        body_limit=Figure(256 * 1024, REST, CHECKED, confirmed=False),  # ours: 7,000 escaped characters have 42 kB
        deadline=Figure(timedelta(seconds=5), SLOW, CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=1), FAQ, CHECKED),
        figures={
            "request_bytes": Figure(30 * 1024, SEND, CHECKED),
            "messages_without_an_answer_per_hour": Figure(100, SEND, CHECKED),
            "sender_name": Figure(28, SEND, CHECKED),
            "details_of_a_person_in_twelve_hours": Figure(2, DETAILS, CHECKED),
            "media_link_lives": Figure(timedelta(hours=1), REST, CHECKED, confirmed=False),
        },
    )

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return newest(events)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        yield callbacks.event(read(request.body).object(), self.name)

    def acknowledged(self, request: Request, events: Sequence[Event]) -> Response | None:
        """Return the welcome message, which Viber takes in the answer to `conversation_started` and nowhere else.

        It costs nothing, is shown once, and reaches a person who may not be written to yet.
        https://creators.viber.com/docs/bots-api/resources/messaging/welcome-message
        """
        words = request.settings.get("welcome", "").strip()
        if not words or not any(event.verb == callbacks.OPENED for event in events):
            return None
        if read(request.body)["subscribed"].truth(default=False):
            return None
        return Response.json(200, {"sender": sending.sender(request.settings), **sending.texts([words])[0]})

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send the text, in pieces if need be, then each attachment as a message of its own."""
        from deskwire.care.measure import pieces

        sender = sending.sender(reach.settings)
        contents = sending.texts(pieces(outgoing.text, permit.limit))
        if outgoing.offers and contents:
            contents[-1] = {**contents[-1], **sending.keyboard(outgoing.offers)}
        contents += [sending.media(attachment) for attachment in outgoing.attachments]

        receiver = outgoing.recipient or outgoing.thread

        def post(content: Mapping[str, object]) -> str:
            body = {"receiver": receiver, "sender": sender, **content}
            return _post("send_message", body, reach, what="sending a message")["message_token"].identifier()

        return Sent(in_turn([partial(post, content) for content in contents]))

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the person's name, where the webhook is registered without `send_name`.

        Each process asks for a person once in six hours; what Viber refuses, as the third call in twelve hours, leaves
        the author as they are.
        """

        def ask() -> tuple[str, float]:
            found = _post("get_user_details", {"id": author.id}, reach, what="asking for a name")
            return found["user"]["name"].text(""), DETAILS_KEPT

        try:
            name = reach.remember(f"viber person {author.id}", ask)
        except DeskwireError:  # a name is a nicety, the next sending will tell what is wrong
            return author
        return Author(author.id, name) if name else author

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, self._poster(reach))

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, self._poster(reach))

    @staticmethod
    def _poster(reach: Reach) -> Callable[[str, Mapping[str, object], str], Node]:
        return lambda method, body, what: _post(method, body, reach, what=what)


def _post(method: str, body: Mapping[str, object], reach: Reach, *, what: str) -> Node:
    headers = {"X-Viber-Auth-Token": reach.secrets.one(TOKEN).reveal()}
    call = Call.json("POST", f"{API}/{method}", body, headers=headers)
    return settled(reach.http(call), what=what, secret=TOKEN)
