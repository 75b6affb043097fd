"""Shared by Meta's products: the handshake, the signature, the envelope, the Graph API and its errors.

Facts: https://developers.facebook.com/docs/graph-api/webhooks/getting-started/ (handshake, signature, 36 hours of
retries), https://developers.facebook.com/docs/graph-api/overview/rate-limiting/ and
https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes (errors).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple
from urllib.parse import quote, urlencode

from deskwire.contracts.channel import each
from deskwire.contracts.terms import Figure
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    PayloadError,
    PermanentError,
    SignatureError,
    TemporaryError,
)
from deskwire.model.events import Attachment, Event, Unreadable
from deskwire.model.secret import Secret
from deskwire.verification.hmac import HmacHeader
from deskwire.verification.rule import same
from deskwire.web.reading import Node, read
from deskwire.web.request import Response
from deskwire.web.rest import Answer, Call, checked, not_there, of_request

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.contracts.connector import Token
    from deskwire.contracts.registration import Grant, SignIn, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request
    from deskwire.web.rest import Transport

GRAPH: Final = "https://graph.facebook.com"
VERSION: Final = "v26.0"
CHECKED: Final = date(2026, 11, 21)

# Meta signs the escaped form (\u00e4, \/) and that form is what travels, so the raw bytes are right. There is no
# stamp: a captured request verifies for ever, only deduplication limits a replay. The older X-Hub-Signature (SHA-1)
# still arrives on some products and is never looked at.
SIGNATURE: Final = HmacHeader(header="X-Hub-Signature-256", secret="app_secret", prefix="sha256=")  # noqa: S106
ENDPOINT_SECRETS: Final = {
    "app_secret": "the App Secret of the Meta app (App settings, Basic)",
    "verify_token": "the words typed as “Verify token” when the callback address was entered",
}
APP_ID: Final = "app_id"
ENDPOINT_SETTINGS: Final = {
    APP_ID: "the app's id (App settings, Basic), with which `deskwire apply` sets up its webhook (optional)"
}
PAGE_TOKEN: Final = "page_token"  # noqa: S105 - a name
CONNECTION_SECRETS: Final = {PAGE_TOKEN: "the Page access token (long-lived, of a person with the task)"}
# Attachments are signed links on these hosts; they expire, so they are fetched at once.
MEDIA_HOSTS: Final = ("fbcdn.net", "fbsbx.com")

WEBHOOKS: Final = "https://developers.facebook.com/docs/graph-api/webhooks/getting-started/"
CHANGELOG: Final = "https://developers.facebook.com/docs/graph-api/changelog/"
# Meta's own Python SDK, facebook-business 26.0.3, speaks this version.
API_VERSION: Final = Figure(VERSION, "https://github.com/facebook/facebook-python-business-sdk", CHECKED)
# A version lives about two years; v26.0 is of 2026-07-29 (both from third parties). After its end calls are served
# by the oldest living version, silently.
SUNSET: Final = Figure(date(2028, 7, 29), CHANGELOG, CHECKED, confirmed=False)
# Meta states no maximum: up to 1,000 updates a delivery, and over 300 kB were seen (nyaruka/courier PR 508). Ours is
# what still fits into a Lambda invocation when every quote is escaped again.
BODY_LIMIT: Final = Figure(4 * 1024 * 1024, WEBHOOKS, CHECKED, confirmed=False)

CHALLENGE = re.compile(r"[\x21-\x7e]{1,256}")  # opaque; digits in practice


def handshake(request: Request, secrets: Secrets) -> Response | None:
    """Return the response to the GET that Meta sends when the callback address is entered; None for other requests.

    The challenge is returned as plain text, only for the right verify token. Raises `SignatureError`.
    """
    if request.method != "GET" or "hub.mode" not in request.query:
        return None
    # A plus sign travels as itself or as %2B, a blank as a plus or as %20: whichever was typed, both are one.
    given = request.parameter("hub.verify_token").replace("+", " ")
    known = [same(given, Secret(token.reveal().replace("+", " "))) for token in secrets.every("verify_token")]
    challenge = request.parameter("hub.challenge")
    if request.parameter("hub.mode") != "subscribe" or not any(known):
        raise SignatureError("hub.verify_token is not the one stored as “verify_token”")
    if not CHALLENGE.fullmatch(challenge):
        raise SignatureError("hub.challenge is of no documented shape")
    return Response(200, challenge)


def delivered_at(request: Request) -> datetime | None:
    """Return when Meta made a delivery: its entries' newest time, the same in a redelivery; None if it has none."""
    try:
        found = [moment(entry["time"]) for delivery in _deliveries(request) for entry in delivery["entry"].rows()]
    except PayloadError:
        return None
    return max((each for each in found if each is not None), default=None)


def _deliveries(request: Request) -> list[Node]:
    """Return the body, or its elements if it is a list."""
    body = read(request.body)
    # In a list: https://developers.facebook.com/docs/instagram-platform/webhooks/examples/
    return list(body.items()) if isinstance(body.raw, list) and body.raw else [body]


def entries(request: Request, kind: str) -> Iterator[Node]:
    """Yield a delivery's entries, which may be of different accounts; `kind` is its object: `page`, `instagram`.

    Raises `PayloadError` for a delivery about another object.
    """
    for delivery in _deliveries(request):
        if delivery.object()["object"].text() != kind:
            raise PayloadError(f"the delivery is not of the object “{kind}”")
        if "entry" not in delivery:
            raise PayloadError("the delivery has no entry")
        yield from delivery["entry"].items()


def updates(
    request: Request, kind: str, names: Sequence[str], read_one: Callable[[Node, Node, str], Iterable[Event]]
) -> Iterator[Event | Unreadable]:
    """Yield the events of a delivery; `kind` is its object: `page`, `instagram`.

    `read_one` gets an entry, one update in its list `name`, and that name. An update that cannot be read becomes an
    `Unreadable`. Raises `PayloadError` for a delivery about another object.
    """
    for entry in entries(request, kind):
        yield from updates_of(entry, names, read_one)


def updates_of(
    entry: Node, names: Sequence[str], read_one: Callable[[Node, Node, str], Iterable[Event]]
) -> Iterator[Event | Unreadable]:
    """Yield the events in these lists of one entry."""
    try:
        found = [(name, list(entry.object()[name].items())) for name in names]
    except PayloadError as error:
        yield Unreadable(str(error), entry.raw)
        return
    for name, nodes in found:
        yield from each(nodes, lambda update, name=name: read_one(entry, update, name))  # type: ignore[misc]


def moment(node: Node) -> datetime | None:
    """Return a time; Meta gives seconds, milliseconds or ISO 8601."""
    return node.epoch() or node.iso()


def mark(text: str) -> str:
    """Return a short digest of a text, by which edits are distinguished."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def distinct(found: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """Return the attachments without duplicates: Meta names the same file in two fields."""
    return tuple({item.url or item.id or str(number): item for number, item in enumerate(found)}.values())


class Login(NamedTuple):
    """A product's host, the name of its token's secret, and how the token is renewed if it expires."""

    host: str
    token: str
    renewed: Callable[[Secret, Reach], Token] | None = None

    def access(self, reach: Reach) -> Secret:
        """Return the present token."""
        renewed = self.renewed
        if renewed is None:
            return reach.secrets.one(self.token)
        return reach.tokens(self.token, lambda held: renewed(held, reach))


PAGE: Final = Login(GRAPH, PAGE_TOKEN)


def page_request(method: str, path: Sequence[str], payload: object, reach: Reach, **query: str) -> Call:
    """Return a call of the Graph API with the page's token in a header."""
    return graph_request(PAGE, method, path, payload, reach, **query)


def graph_request(login: Login, method: str, path: Sequence[str], payload: object, reach: Reach, **query: str) -> Call:
    """Return a call of the Graph API at the login's host with its token in a header."""
    url = f"{login.host}/{VERSION}/" + "/".join(quote(part, safe="") for part in path)
    if query:
        url += "?" + urlencode(query)
    headers = {"Authorization": f"Bearer {login.access(reach).reveal()}"}
    return Call(method, url, headers) if payload is None else Call.json(method, url, payload, headers=headers)


class PageLogin:
    """`contracts.registration.SignsIn` for channels with a Page's token, implemented in `meta_login`."""

    name: ClassVar[str]
    # Meta's own page for programs without one; it has to be among the app's “Valid OAuth Redirect URIs”.
    redirect: ClassVar[str] = "https://www.facebook.com/connect/login_success.html"
    application: ClassVar[Sequence[str]] = ()  # the endpoint has the app's

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the address of the login page."""
        from . import meta_login

        return meta_login.dialog(self.name, site, sign_in)

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the person's pages."""
        from . import meta_login

        return meta_login.grants(self.name, site, code, sign_in, http)

    def tried(self, site: Site, http: Transport) -> str:
        """Test our address as Meta would."""
        from . import meta_login

        return meta_login.tried(site, http)


class Class(StrEnum):
    """The class of a Graph error, which decides what happens next."""

    TOKEN = "token"  # noqa: S105 - a name; dead, or a person's instead of a page's
    RATE = "rate"
    FAILING = "failing"  # it may have happened
    AGAIN = "again"  # it has not happened, and passes by itself
    REFUSED = "refused"  # the customer or this message, not we: the agent is told
    RESTRICTED = "restricted"  # the account, by Meta
    PERMISSION = "permission"


ERRORS: Final = "https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes"
RATES: Final = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting/"
# How fast messages may be sent. Our workers together do not reach a second's limit, so no write is spent on counting:
# what Meta refuses all the same waits (Class.RATE). It names a limit for one conversation, and no figure of it.
SENDING: Final = (
    "https://developers.facebook.com/documentation/business-messaging/messenger-platform/overview/rate-limiting"
)
HANDLING: Final = "https://developers.facebook.com/docs/graph-api/guides/error-handling/"
SEEN: Final = ""  # reported by users of public libraries, not documented
# By code and subcode; 0 stands for every other subcode. A code that is not here is of the request when its status is
# (400: told, never repeated), of the account when its status is (401, 403), and passes when Graph calls it transient.
CLASSES: Final[Mapping[tuple[int, int], tuple[Class, str]]] = {
    (102, 0): (Class.TOKEN, HANDLING),
    (190, 0): (Class.TOKEN, HANDLING),
    (1705, 0): (Class.TOKEN, SEEN),
    (4, 0): (Class.RATE, RATES),
    (17, 0): (Class.RATE, RATES),
    (32, 0): (Class.RATE, RATES),
    (341, 0): (Class.RATE, HANDLING),
    (613, 0): (Class.RATE, RATES),
    (80001, 0): (Class.RATE, RATES),
    (80002, 0): (Class.RATE, RATES),  # Instagram's
    (80006, 0): (Class.RATE, RATES),
    (1, 0): (Class.FAILING, HANDLING),
    (2, 0): (Class.FAILING, HANDLING),
    (1200, 0): (Class.AGAIN, ERRORS),
    (10, 2018321): (Class.AGAIN, SEEN),  # Messenger's own questions to the customer go on
    (10, 2018278): (Class.REFUSED, ERRORS),  # outside the window
    (10, 2018065): (Class.REFUSED, ERRORS),  # the same, without a tag
    (10, 2018108): (Class.REFUSED, ERRORS),  # the customer takes no messages
    (10, 2018300): (Class.REFUSED, SEEN),  # another app has the conversation
    (10, 2534022): (Class.REFUSED, SEEN),  # Instagram's: outside the window
    (200, 1545041): (Class.REFUSED, SEEN),  # jgorset/facebook-messenger#96
    (551, 0): (Class.REFUSED, ERRORS),
    (10900, 0): (Class.REFUSED, SEEN),  # the comment has its private reply
    (100, 0): (Class.REFUSED, HANDLING),  # a parameter of this request: nobody of that id, a file too large
    (368, 0): (Class.RESTRICTED, HANDLING),
    (2022, 0): (Class.RESTRICTED, SEEN),
    (10, 1893063): (Class.RESTRICTED, SEEN),
    (3, 0): (Class.PERMISSION, HANDLING),
    (10, 0): (Class.PERMISSION, HANDLING),
    **{(code, 0): (Class.PERMISSION, HANDLING) for code in range(200, 300)},
}
WINDOW: Final = (
    "the window for answers is closed: more than 24 hours have passed since the customer last wrote (7 days with "
    "Meta's Human Agent feature), and they have to write again first"
)
UNAVAILABLE: Final = "the person takes no messages from this page: they blocked it, or closed their account or the chat"
# What a refusal says in words, for the agent; the codes of the class REFUSED, and further subcodes of theirs.
MEANINGS: Final[Mapping[tuple[int, int], str]] = {
    (10, 2018278): WINDOW,
    (10, 2018065): WINDOW,
    (10, 2534022): WINDOW,
    (10, 2018108): UNAVAILABLE,
    (10, 2018300): "another app has this conversation now: answer there, or in Meta's inbox",
    (200, 1545041): UNAVAILABLE,
    (551, 0): UNAVAILABLE,
    (10900, 0): "this comment has had its one private reply",
    (100, 0): "Meta does not accept a value of the request",
    (100, 2018001): "Meta knows no such person: they closed their account, or the conversation is of another page",
    (100, 2018109): "the file is larger than Meta takes",
}
UNSEEN_CODES = frozenset({10, 100, 803, *range(200, 300)})  # not there, or not shown to this page


def _class(answer: Answer) -> Class | None:
    """Return the class of an answer's error, None if neither the table nor Graph gives it."""
    code, subcode = codes(answer)
    found = CLASSES.get((code, subcode)) or CLASSES.get((code, 0))
    if found is not None:
        return found[0]
    return Class.AGAIN if transient(answer) else None


def transient(answer: Answer) -> bool:
    """Return whether Graph declares its error transient."""
    try:
        return read(answer.body)["error"]["is_transient"].raw is True
    except PayloadError:
        return False


def codes(answer: Answer) -> tuple[int, int]:
    """Return the Graph error's code and subcode (0 if absent); errors come with any status, even 200."""
    try:
        error = read(answer.body)["error"]
        return error["code"].number(0), error["error_subcode"].number(0)
    except PayloadError:
        return 0, 0


def failed(answer: Answer) -> bool:
    """Return whether Graph answered with an error, whatever the status."""
    try:
        return "error" in read(answer.body)
    except PayloadError:
        return False


def _wait(answer: Answer) -> float | None:
    """Return the seconds until the account may call again; X-Business-Use-Case-Usage gives minutes."""
    try:
        uses = [use for _, kinds in read(answer.headers.get("x-business-use-case-usage", "")).members()
                for use in kinds.items()]  # fmt: skip
        longest = max((use["estimated_time_to_regain_access"].number(0) for use in uses), default=0)
    except PayloadError:
        return None
    return longest * 60.0 or None


def settled(answer: Answer, *, what: str, token: str = PAGE_TOKEN) -> Node:
    """Return Graph's answer; raise our error for an error in it, whatever the status.

    `token` names the call's secret, for the person who has to renew it.
    """
    code, subcode = codes(answer)
    text = f"{what}: Meta's error {code}" + (f"/{subcode}" if subcode else "")
    named = f"{code}/{subcode}" if subcode else str(code)
    match _class(answer):
        case Class.TOKEN:
            raise ConfigurationError(f"{text}: the token is no longer good, store a new “{token}”")
        case Class.RATE:
            raise TemporaryError(text, after=_wait(answer))
        case Class.FAILING:
            raise TemporaryError(text, ambiguous=True)
        case Class.AGAIN:
            raise TemporaryError(text, concerns=Concern.MESSAGE)
        case Class.REFUSED:
            raise PermanentError(_refused(what, code, subcode), status=answer.status, code=named)
        case Class.RESTRICTED:
            raise ConfigurationError(f"{text}: Meta has restricted the account, see its Support Inbox")
        case Class.PERMISSION:
            raise ConfigurationError(f"{text}: the app or the token lacks a permission for this account")
    if failed(answer) and of_request(answer.status):
        raise PermanentError(_refused(what, code, subcode), status=answer.status, code=named)
    return checked(answer, what=what, secret_hint=f"“{token}”").node()


def _refused(what: str, code: int, subcode: int) -> str:
    """Return a refusal in words for the agent, with its code."""
    known = MEANINGS.get((code, subcode)) or MEANINGS.get((code, 0))
    meaning = known or "Meta refuses it, for a reason that Deskwire does not know"
    return (
        f"{what}: {meaning} (Meta's error {code}/{subcode})" if subcode else f"{what}: {meaning} (Meta's error {code})"
    )


def ask(path: Sequence[str], fields: str, reach: Reach, *, what: str, login: Login = PAGE) -> Node | None:
    """Return an object's fields, None if it does not exist or is not visible to this account."""
    answer = reach.http(graph_request(login, "GET", path, None, reach, fields=fields))
    code, subcode = codes(answer)
    if not_there(answer) or (code in UNSEEN_CODES and (code, subcode) != (10, 1893063)):
        return None
    return settled(answer, what=what, token=login.token)


def posted(node: Node, name: str, *, what: str) -> str:
    """Return the created object's id. Raises `TemporaryError` (ambiguous) if the answer has none."""
    try:
        return node[name].identifier()
    except PayloadError:
        raise TemporaryError(f"{what}: the answer names no {name}", ambiguous=True) from None


def accepted(answer: Answer, *, what: str, token: str = PAGE_TOKEN) -> None:
    """Check that Graph answered `{"success": true}`; raise our error otherwise."""
    done = settled(answer, what=what, token=token)
    try:
        success = done["success"].truth()
    except PayloadError:
        raise TemporaryError(f"{what}: the answer does not say whether it was done", ambiguous=True) from None
    if not success:
        raise PermanentError(f"{what}: Meta did not do it", code="unsuccessful")


def message(
    recipient: Mapping[str, str],
    content: Mapping[str, object],
    reach: Reach,
    tagged: Mapping[str, str] | None = None,
    *,
    login: Login = PAGE,
    sender: str = "",
) -> Node:
    """Send one message through the inbox of `sender`, the account itself by default, and return the answer."""
    payload = {"recipient": dict(recipient), **(tagged or {}), "message": dict(content)}
    call = graph_request(login, "POST", (sender or reach.account, "messages"), payload, reach)
    return settled(reach.http(call), what="sending a message", token=login.token)


def epoch(when: datetime) -> str:
    """Return a time as whole seconds, for keys."""
    return str(int(when.astimezone(UTC).timestamp()))
