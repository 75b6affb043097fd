"""Web form: a contact form on any page of yours, which posts JSON here with `fetch`. The contract is our own.

Set-up: make the endpoint (pages post to the output `PagesAddress` followed by its name) and a connection for each form
(its `account` is the `form_id`); list your pages' origins;
make a Turnstile or hCaptcha widget for them and put it on the page (Turnstile: `data-action="contact"`, or what the
setting `captcha_action` says). The page makes a UUID once for each form shown, its `submission_id`; posts
`{"schema": "form.submitted/1", "form_id", "submission_id", "email", "message", …}` with the widget's token; shows what
a 400 says of each field; after 401 renews the widget and lets the visitor try again;
`sandbox/platforms/webform/form.js` is such a page's script. Files go first, to `…/uploads` with a token of their own,
and then to the address answered.
https://developers.cloudflare.com/turnstile/get-started/ https://docs.hcaptcha.com

Signature: none; the page's origin, the captcha's token, rates for an address and a form, and a honeypot (`leave_empty`,
which people do not see: filled, the message is filed as `suspected-spam`, and not acknowledged).
https://fetch.spec.whatwg.org/#http-cors-protocol

Secrets: endpoint `captcha_secret`, the provider's secret key.
https://developers.cloudflare.com/turnstile/get-started/server-side-validation/

Limits: 64 KiB a form, 20,000 characters a message, 5 files; answers go by e-mail from the connection's `sender`, which
SES must have verified; the address a visitor gives is not proved, so an automatic answer quotes nothing of theirs and
is sent only when the captcha was passed. https://www.rfc-editor.org/rfc/rfc3834 (how automatic answers mark themselves)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.care.measure import measure
from deskwire.contracts.actions import Action, Upload, Visit
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import forms, pages
from deskwire.model.errors import PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, digest
from deskwire.model.reference import reference
from deskwire.model.sending import Outgoing, Sent
from deskwire.verification.captcha import PASSED, TOKEN_FIELDS, Captcha
from deskwire.verification.rule import UNAVAILABLE
from deskwire.web.reading import read
from deskwire.web.request import Request, Response, neighbourhood

from . import callback

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets

CORS: Final = "https://fetch.spec.whatwg.org/#http-cors-protocol"
GATEWAY: Final = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
SES: Final = "https://docs.aws.amazon.com/ses/latest/dg/quotas.html"
AUTOMATIC: Final = "https://www.rfc-editor.org/rfc/rfc3834"
CHECKED: Final = date(2026, 11, 21)
SUBJECT: Final = "Your message to us"
HONEYPOT: Final = "a field that people do not see was filled"
# Browsers and password managers fill what looks like an address of a site, and so did `website`, the name of before.
TRAPS: Final = ("leave_empty", "website")


class WebForm(Channel):
    """The connector. A thread is one submission by one address; an account is a form."""

    name = "webform"
    title = "Web form"
    verification = Captcha(action="contact")
    proves_authors = False
    actions: ClassVar[dict[str, Action]] = {
        "uploads": Action(methods=("POST", "PUT"), verification=verification, may=frozenset({Upload}))
    }
    endpoint_settings: ClassVar[dict[str, str]] = {
        "origins": "the pages' origins, exact, separated by spaces: https://www.example.org",
        "captcha": "turnstile or hcaptcha",
        "captcha_sitekey": "hCaptcha: the widget's site key, without which no token counts (optional with Turnstile)",
        "captcha_down": "while the captcha's provider cannot be reached: accept or refuse (optional, else accept)",
        "captcha_action": "Turnstile: the widget's action (optional, else “contact”)",
        "address_rate": "posts in ten minutes from one address (optional, else 20)",
        "form_rate": "posts in ten minutes to the endpoint, all its forms together (optional, else 600)",
        **pages.ENDPOINT_SETTINGS,
        **callback.SETTINGS,
    }
    endpoint_secrets: ClassVar[dict[str, str]] = {"captcha_secret": "the captcha provider's secret key"}
    connection_secrets: ClassVar[Mapping[str, str]] = pages.CONNECTION_SECRETS
    connection_settings: ClassVar[dict[str, str]] = {
        "sender": "the From address of answers, verified in SES: Example <help@example.org>",
        "subject": "the subject of answers (optional)",
    }
    by_hand: ClassVar[Sequence[str]] = (
        "let the page post its form to {address}, with the captcha's token (docs/channels/webform.md)",
    )
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # 40 MB is SES's own limit; ours is what a person still reads.
                text=Figure(TextLimit(100_000, Unit.CHARACTERS), SES, CHECKED),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, AUTOMATIC, CHECKED),
                        automatic=Figure(True, AUTOMATIC, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        # The figures are our own, well inside those of API Gateway (10 MB, 30 seconds): a person waits, and a page
        # tries again only while it is open.
        body_limit=Figure(65_536, GATEWAY, CHECKED),
        deadline=Figure(timedelta(seconds=2), GATEWAY, CHECKED),
        redelivery=Figure(timedelta(0), CORS, CHECKED),
    )
    known_gaps: ClassVar[dict[str, str]] = {
        "C4.body": "nobody signs what a visitor's browser sends",
        "C5.memory": "nobody signs a time; a captcha's token is taken once",
        "C7": "there is no platform: the captcha's token is opaque, only its provider can check it",
        "C12": "nobody writes into the form as us",
        "C19": "what is answered goes out by mail, which has no buttons, and is answered as a mail",
        "C16.ignored": "a page sends submissions and nothing else",
        "C16.own": "nobody writes into the form as us",
        "C16.edit": "what was submitted cannot be changed",
        "C16.deletion": "what was submitted cannot be taken back",
    }

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer a CORS preflight."""
        del secrets
        return pages.preflight(request, allowed="content-type")

    def answer_headers(self, request: Request) -> Mapping[str, str]:
        """Let an allowed page's script read the answer."""
        return pages.answer_headers(request)

    def limits(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Keep the rate of ten minutes from an address (an IPv6 /64); uploads count for themselves.

        Behind a CDN of your own the peer's address is the CDN's: then let its firewall keep the rate.
        """
        kind, settings = request.action or "form", request.settings
        return [
            (f"{kind} from {neighbourhood(request.source)}", pages.number(settings, "address_rate", 20), 600),
        ]

    def budgets(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Keep the rate of ten minutes of all who passed the captcha."""
        return [(f"{request.action or 'form'} in all", pages.number(request.settings, "form_rate", 600), 600)]

    def identity(self, author: str) -> str:
        """Return an e-mail address in lower case: visitors write the same one in different letters."""
        return author.strip().lower()

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield the one message of a submission.

        The page's `submission_id` survives its own retries; its words are the version. So a repeated post is the same
        event, and other words under the same id (a page that makes its id once for ever) are another message of
        the thread: nothing a visitor wrote is taken for a repetition. The address belongs to the thread, so that an
        answer reaches none but the one who gave it.
        """
        form = forms.Form(read(request.body), "form.submitted/1")
        account, submission = form.needed("form_id", forms.FORM), form.needed("submission_id", forms.SUBMISSION)
        trapped = any(form.text(name).strip() for name in TRAPS)
        email = form.needed("email", forms.EMAIL, forms.LONGEST_EMAIL)
        call = callback.asked(form, request.settings, request.received_at)
        name, subject = form.line("name"), form.line("subject")
        # Who asks for a call need not say more; where the number is wrong, that is the one thing to mend.
        message = form.message(call.words if call else form.text("phone"))
        files, fields = pages.uploads(form, request.settings), form.fields()
        form.checked()
        told = [email, name, subject, message, [item.id for item in files], fields]
        words = json.dumps([*told, call.number, str(call.at)] if call else told)
        checked = request.facts.get("captcha", "not checked")
        silent = HONEYPOT if trapped else "" if checked == PASSED else f"captcha {checked}"
        yield Event(
            channel=self.name,
            account=account,
            kind=Kind.MESSAGE,
            object_id=submission,
            verb=ADD,
            version=hashlib.sha256(words.encode()).hexdigest()[:16],
            thread=thread_of(submission, email),
            visibility=Visibility.PRIVATE,
            author=Author(self.identity(email), name=name, email=email),
            text=message,
            occurred_at=request.received_at,  # the visitor's own clock (`client_ts`) is anybody's guess
            attachments=files,
            language=form.language(),
            came_by=form.came_by(),
            subject=subject or (f"Call back: {call.facts['Call back at']}" if call else ""),
            no_automatic_reply=silent,
            suspicion=HONEYPOT if trapped else "",
            facts={
                **(call.facts if call else {}),
                **form.facts(),
                **{forms.label(name): value for name, value in fields.items()},
            },
            raw={name: value for name, value in form.node.raw.items() if name not in TOKEN_FIELDS},
        )

    def reject(self, request: Request, error: PayloadError) -> Response:
        """Tell the page which fields to mend."""
        return pages.rejected(error, error_name="form", account="form_id")

    def acknowledged(self, request: Request, events: Sequence[Event]) -> Response | None:
        """Tell the page that all is safe, under which reference."""
        if not events:
            return None
        event = events[0]
        return Response.json(
            202,
            {"status": "accepted", "submission_id": event.object_id, "reference": reference(event.thread_key, 0)},
        )

    def act(self, visit: Visit) -> Upload:
        """Allow a file by its type and size. Raises `TemporaryError` while captchas cannot be checked."""
        form = forms.Form(read(visit.request.body), "upload.requested/1")
        form.needed("form_id", forms.FORM)
        wanted = pages.upload(form, visit.settings)
        if visit.request.facts.get("captcha") == UNAVAILABLE:
            raise TemporaryError("files are not taken while the captcha's provider cannot be reached")
        return wanted

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Mail the answer; an automatic one has a fixed subject and says that it is automatic."""
        if not outgoing.text.strip():
            raise PermanentError("an answer to a web form takes text only, and there is none")
        if outgoing.attachments:
            raise PermanentError("an answer to a web form takes text only: take the attachment out")
        if measure(outgoing.text, permit.limit.unit) > permit.limit.most:
            raise PermanentError(f"an answer to a web form takes {permit.limit.most} characters: shorten it")
        subject = reach.settings.get("subject") or SUBJECT
        if not outgoing.automatic and (theirs := outgoing.context.get("subject", "")):
            subject = f"Re: {theirs}"
        return Sent((pages.mail(outgoing, outgoing.recipient, reach, subject=subject),))


def thread_of(submission: str, email: str) -> str:
    """Return the thread of a submission: another for each address that writes under its id."""
    return f"{submission}.{digest(email.lower())[:32]}"
