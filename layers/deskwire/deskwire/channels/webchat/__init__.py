"""Web chat: our own widget on any page of yours, and its API. The contract is our own.

Set-up: put `webchat.js`, which lies beside this module, on your site and one script tag on each page, whose attributes
name the endpoint and the chat; make the endpoint with your pages' origins, and a connection for each chat (its
`account` is the tag's `data-chat`). The page posts JSON with `fetch`: to `…/session` for a token, to the endpoint
itself what the visitor writes, to `…/messages` for what was answered, to `…/files` before it sends a file.
docs/channels/webchat.md has all of it. https://developer.mozilla.org/docs/Web/API/Fetch_API

Signature: none; the page's origin, and the session's token in the header `Authorization`, which is good for that origin
alone; rates for an address, a visitor and the endpoint. https://fetch.spec.whatwg.org/#origin-header

Secrets: endpoint `session_secret`, a long random text of your own making, which signs the tokens.
https://www.rfc-editor.org/rfc/rfc2104 (HMAC)

Limits: 64 KiB a message, 20,000 characters, 5 files; answers of 10,000 characters, without files, which the page can
read for 7 days; a session lasts 28 days. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.care.measure import measure
from deskwire.contracts.actions import Action, Read, Upload, Visit, Wanted
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.terms import Figure, OfferLimit, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import forms, pages
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Event, Unreadable, Visibility
from deskwire.model.reference import reference
from deskwire.model.sending import Outgoing, Sent
from deskwire.verification.page import Page
from deskwire.verification.session import LASTS, Session, Visitor, ends, visitor_of
from deskwire.web.reading import read
from deskwire.web.request import Request, Response, neighbourhood

from . import posts

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets

CORS: Final = "https://fetch.spec.whatwg.org/#http-cors-protocol"
GATEWAY: Final = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
DYNAMODB: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"
CHECKED: Final = date(2026, 11, 29)
SUBJECT: Final = "Your message to us"
WINDOW: Final = 600  # seconds of every rate
SESSION: Final = Session()


class WebChat(Channel):
    """The connector. A thread is one session, that of one visitor on one site; an account is a chat."""

    name = "webchat"
    title = "Web chat"
    verification = SESSION
    proves_authors = False
    actions: ClassVar[dict[str, Action]] = {
        "session": Action(methods=("POST",), verification=Page(), body_limit=1024),
        # A POST, so that a browser names its origin on every way, and the token and the cursor are in no address.
        "messages": Action(methods=("POST",), verification=SESSION, may=frozenset({Read}), body_limit=1024),
        "files": Action(methods=("POST",), verification=SESSION, may=frozenset({Upload}), body_limit=4096),
    }
    endpoint_settings: ClassVar[dict[str, str]] = {
        "origins": "the pages' origins, exact, separated by spaces: https://www.example.org",
        "session_rate": "sessions that may begin in ten minutes from one address (optional, else 20)",
        "address_rate": "messages and files in ten minutes from one address (optional, else 120)",
        "visitor_rate": "messages and files in ten minutes of one visitor (optional, else 40)",
        "chat_rate": "sessions, messages and files in ten minutes to the endpoint, of each (optional, else 1200)",
        **pages.ENDPOINT_SETTINGS,
    }
    endpoint_secrets: ClassVar[dict[str, str]] = {
        "session_secret": "a long random text of your own making, which signs the visitors' sessions"
    }
    connection_secrets: ClassVar[Mapping[str, str]] = pages.CONNECTION_SECRETS
    connection_settings: ClassVar[dict[str, str]] = {
        "sender": "the From address of answers by e-mail, verified in SES (optional, else none are mailed)",
        "subject": "the subject of answers by e-mail (optional)",
    }
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # An item of the table holds 400 KB; ours is what a person reads in a chat.
                text=Figure(TextLimit(10_000, Unit.CHARACTERS), DYNAMODB, CHECKED),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, CORS, CHECKED),
                        automatic=Figure(True, CORS, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        # The figures are our own, well inside those of API Gateway (10 MB, 30 seconds). A page keeps what it could not
        # send and tries again when it is next open.
        body_limit=Figure(65_536, GATEWAY, CHECKED),
        deadline=Figure(timedelta(seconds=2), GATEWAY, CHECKED),
        redelivery=Figure(LASTS, CORS, CHECKED),
    )
    # Our own page draws them; docs/channels/webchat.md has the contract.
    offers: ClassVar[Figure[OfferLimit]] = Figure(OfferLimit(10, 60, 10_000), DYNAMODB, CHECKED)
    known_gaps: ClassVar[dict[str, str]] = {
        "C4.body": "nobody signs what a visitor's browser sends",
        "C5.memory": "nobody signs a time; a session ends before what was sent in it is forgotten",
        "C7": "there is no platform: the tokens are our own",
        "C12": "what we say goes to the page and never comes back from it",
        "C16.ignored": "a page sends messages, contact details and receipts, and nothing else",
        "C16.own": "what we say goes to the page and never comes back from it",
        "C16.edit": "what a visitor sent cannot be changed",
        "C16.deletion": "what a visitor sent cannot be taken back",
    }

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer a CORS preflight."""
        del secrets
        return pages.preflight(request, allowed="authorization, content-type")

    def answer_headers(self, request: Request) -> Mapping[str, str]:
        """Let an allowed page's script read the answer."""
        return pages.answer_headers(request)

    def limits(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Keep the rate of an address (an IPv6 /64), but for reading, which would cost as much again as it saves.

        What reads too often is held to the API's own rate for pages (`PageRate`).
        """
        kind = request.action or "message"
        if kind == "messages":
            return ()
        setting, most = ("session_rate", 20) if kind == "session" else ("address_rate", 120)
        return [(f"{kind} from {neighbourhood(request.source)}", pages.number(request.settings, setting, most), WINDOW)]

    def budgets(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Keep the rate of one visitor, and of all together."""
        kind, settings = request.action or "message", request.settings
        if kind == "messages":
            return ()
        in_all = (f"{kind} in all", pages.number(settings, "chat_rate", 1200), WINDOW)
        if kind == "session":
            return [in_all]
        visitor = visitor_of(request).id
        return [(f"{kind} of {visitor}", pages.number(settings, "visitor_rate", 40), WINDOW), in_all]

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield what one post says: a message, contact details, or that an answer was seen.

        The page makes an id once for each of them, which survives its retries, a reload and another tab. The session
        is a part of the event's id, so that no visitor can pose as having sent another's; the words are its version:
        a page that uses an id twice loses nothing.
        """
        yield posts.event(visitor_of(request), request)

    def reject(self, request: Request, error: PayloadError) -> Response:
        """Tell the page which fields to mend."""
        return pages.rejected(error, error_name="chat", account="widget_id")

    def acknowledged(self, request: Request, events: Sequence[Event]) -> Response | None:
        """Tell the page that all is safe, under which reference."""
        if not events:
            return None
        event = events[0]
        told = {"status": "accepted", "id": event.object_id.rpartition(".")[2]}
        return Response.json(202, told | {"reference": reference(event.thread_key, 0)})

    def act(self, visit: Visit) -> Wanted:
        """Begin a session, read what was answered, or allow a file. Raises `FormError`."""
        request, document = visit.request, read(visit.request.body)
        if visit.action == "session":
            form = forms.Form(document, "chat.session/1")
            account = form.needed("widget_id", forms.FORM)
            form.checked()
            origin, now = request.facts["origin"], request.received_at
            token = SESSION.issue(account, visit.fresh, origin, visit.secrets, now)
            until = ends(Visitor(account, visit.fresh, int(now.timestamp())))
            return Response.json(201, {"token": token, "expires": until.isoformat()})
        if visit.action == "messages":
            form = forms.Form(document, "chat.read/1")
            form.checked()
            visitor = visitor_of(request)
            return Read(visitor.account, visitor.id, form.text("after"))
        form = forms.Form(document, "upload.requested/1")
        form.needed("id", forms.SUBMISSION)  # else two visitors' files of one name and size would have one place
        return pages.upload(form, visit.settings)

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Show the answer to the page; mail a person's as well to a visitor who last wrote while nobody was there.

        The page gives an address with what is written outside the company's hours alone, so it is among the context
        exactly then. What is shown again after a failure is shown once: the outbox knows it by its key.
        """
        if not outgoing.text.strip():
            raise PermanentError("an answer in a web chat takes text only, and there is none")
        if outgoing.attachments:
            raise PermanentError("an answer in a web chat takes text only: take the attachment out")
        if measure(outgoing.text, permit.limit.unit) > permit.limit.most:
            raise PermanentError(f"an answer in a web chat takes {permit.limit.most} characters: shorten it")
        shown = reach.outbox(outgoing)
        address = outgoing.context.get("email", "")
        if outgoing.automatic or not address or not reach.settings.get("sender"):
            return Sent((shown,))
        subject = reach.settings.get("subject") or SUBJECT
        try:
            return Sent((shown, pages.mail(outgoing, address, reach, subject=subject)))
        except PermanentError as error:
            raise PermanentError(f"the chat shows it, but it could not be mailed: {error}") from None
