"""Zendesk Support: tickets and comments by the customer, answers by the agents (Ticketing API v2).

Set-up: in Admin Center make an agent of its own for Deskwire (its comments are told apart by it) who may manage end
users, an API token (Apps and integrations, APIs), and two webhooks with the helpdesk's address: one as a trigger's
target (conditions “Comment is Public” and “Current user is (agent)”, JSON body `{"ticket_id": "{{ticket.id}}"}`), one
subscribed to the events of status and assignment. With a token that may manage them, `deskwire apply` makes them and
stores their signing secrets. docs/helpdesks/zendesk.md says it step by step.
https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/

Signature: base64 of HMAC-SHA256 over the time stamp and the raw body, in this order (the page of the Event Connectors
has the older one, body first). https://developer.zendesk.com/documentation/webhooks/verifying/

Secrets: `api_token` (with the setting `email`) or `oauth_token` for the API; `signing_secret` and
`events_secret` for the webhooks.
https://developer.zendesk.com/api-reference/introduction/security-and-auth/

Limits: 100 updates a minute for an account, 30 in 10 minutes for one ticket and user, requests a minute by plan; both
shapes of 429. https://developer.zendesk.com/api-reference/introduction/rate-limits/

What survives a redelivery: a trigger's invocation keeps `X-Zendesk-Webhook-Invocation-Id` over its attempts; an event
keeps its own `id`. Creating a ticket is idempotent for two hours (`Idempotency-Key`), updating is not: each update
carries the keys of its entries in the audit's metadata, where `find` looks after doubt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import NUMBER, id_of, numbered
from deskwire.families.lists import flag, known, listed, writer
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    DeskwireError,
    PayloadError,
    PermanentError,
    TemporaryError,
)
from deskwire.model.events import Attachment, Unreadable
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.model.values import replace
from deskwire.timing import TURN_SECONDS
from deskwire.verification.hmac import HmacHeader
from deskwire.web.markup import literal
from deskwire.web.reading import Node, fragment, read
from deskwire.web.request import Request
from deskwire.web.rest import Answer

from .api import Api, error_of
from .comments import (
    ENTRY_BYTES,
    OWN,
    UPLOAD_BYTES,
    batches,
    comment_of,
    is_transcript,
    mark,
    metadata,
    place,
    places,
    redacted,
    reply,
    written,
)
from .earlier import earlier
from .filling import faults, filling
from .reduced import mended, opened, refuse_suspended, told
from .refusals import required_fields

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site

CHECKED = date(2026, 11, 21)
DOCS = "https://developer.zendesk.com"
MERGED_INTO = re.compile(r"#([0-9]{1,19})")
# A ticket holds 5,000 comments, then each further one is a 422 whose words no page gives; so they are counted, and the
# count is approximate. /api-reference/ticketing/tickets/ticket_comments/
FULL = 4_900
ASLEEP = frozenset({"pending", "hold", "solved"})  # statuses in which no agent has to do anything
TICKET_EVENT = "zen:event-type:ticket."


def external_id(thread: str, key: str) -> str:
    """Return a ticket's external id: of one thread all begin alike, and `find` asks for the exact one."""
    return f"{OWN}-{mark(thread)}-{mark(key)[:16]}"


class Zendesk(Helpdesk):
    """The connector."""

    name = "zendesk"
    title = "Zendesk"
    media_hosts: ClassVar[tuple[str, ...]] = ("zendesk.com", "zdusercontent.com")
    verification = HmacHeader(
        header="X-Zendesk-Webhook-Signature",
        secret="signing_secret",  # noqa: S106 - its name
        encoding="base64",
        signed="{timestamp}{body}",
        timestamp_header="X-Zendesk-Webhook-Signature-Timestamp",
        timestamp_format="iso",
        also=("events_secret",),
    )
    terms = Terms(
        body_limit=Figure(262_144, f"{DOCS}/api-reference/webhooks/introduction/", CHECKED, confirmed=False),
        deadline=Figure(
            timedelta(seconds=12), f"{DOCS}/api-reference/webhooks/introduction/", CHECKED, confirmed=False
        ),
        redelivery=Figure(
            timedelta(minutes=10), f"{DOCS}/api-reference/webhooks/introduction/", CHECKED, confirmed=False
        ),
        api_version=Figure("v2", f"{DOCS}/api-reference/ticketing/introduction/", CHECKED),
        figures={
            "idempotency_hours": Figure(
                2, f"{DOCS}/api-reference/ticketing/introduction/#idempotency", CHECKED, confirmed=False
            ),
            "updates_per_minute": Figure(100, "https://support.zendesk.com/hc/en-us/articles/8638126078234", CHECKED),
            "updates_per_ticket_in_10_minutes": Figure(30, f"{DOCS}/api-reference/introduction/rate-limits/", CHECKED),
            "upload_bytes": Figure(
                UPLOAD_BYTES, f"{DOCS}/api-reference/ticketing/tickets/ticket-attachments/", CHECKED, confirmed=False
            ),
            "upload_minutes": Figure(60, f"{DOCS}/api-reference/ticketing/tickets/ticket-attachments/", CHECKED),
            "comments_per_ticket": Figure(5000, f"{DOCS}/api-reference/ticketing/tickets/ticket_comments/", CHECKED),
        },
    )
    abilities = Abilities(
        native_key=True,
        find_open=True,
        find_append=True,
        assigns=True,
        several=True,
        redact=True,
        entry_bytes=ENTRY_BYTES,
        updates=(30, timedelta(minutes=10)),
        rate="x-rate-limit",  # on every answer: /api-reference/introduction/rate-limits/
        left="x-rate-limit-remaining",
        reopens=False,  # what is closed; what is solved is opened again
        polls=False,  # changed tickets are listed (incremental export) for administrators only
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "subdomain": "the part before .zendesk.com",
        "email": "the e-mail address of Deskwire's agent (optional with `oauth_token`)",
        "bot_user_id": "its user id (optional, else looked up)",
        "form": "the id of the form that tickets get (optional; so are the next five. A connection's own `fields` may "
        "name form, brand, group, type and organization, too)",
        "brand": "the id of their brand (optional)",
        "group": "the id of the group they go to (optional)",
        "type": "question, incident, problem or task (optional)",
        "organization": "the id of the organization that customers without one join (optional)",
        "values": "ticket fields with the same value in each ticket: `4410023=social` (optional; Zendesk's id of the "
        "field = its value, of a drop-down an option's tag)",
        "fields": "ticket fields to fill: `reference=4410021, follow_up_of=4410022, satisfaction=4410023` (optional; "
        "our name = Zendesk's id of the field; a connection's own `fields` may name the id itself)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {
        "api_token": "an API token (used with the setting `email`)",
        "oauth_token": "or an OAuth access token with read and write",
    }
    endpoint_secrets: ClassVar[Mapping[str, str]] = {
        "signing_secret": "the signing secret of the trigger's webhook",
        "events_secret": "the signing secret of the webhook that is subscribed to events (optional)",
    }

    # ------------------------------------------------------------------------------------------------- in

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Make or find the customer, then the ticket: two calls, one more for each file."""
        api, filled = Api(reach), filling(reach.settings).of_connection(ticket.fields)
        requester = _requester(api, ticket.customer, filled.organization)
        first, *rest = batches(ticket.entries)
        payload = _ticket(api, ticket, requester, first)
        answer, lost = opened(api, payload, _follow_up(ticket) | filled.ticket(ticket), ticket.key)
        if answer.status == 400 and b"IdempotentRequestError" in answer.body:
            # The key is known with another body (a file got another token): the ticket exists.
            found = self.find(Sought(key=ticket.key, thread=ticket.thread), reach)
            if found is None:
                raise TemporaryError(
                    "opening a ticket: its key is taken and the ticket not to be seen yet",
                    after=30,
                    concerns=Concern.TICKET,
                )
            return replace(found, entries=self._places(found.ticket, ticket, reach), contact=requester)
        made = api.checked(answer, "opening a ticket").node()
        number = id_of(made["ticket"]["id"])
        if not number:
            raise TemporaryError("opening a ticket: the answer names none", ambiguous=True)
        if lost:
            said = f"Zendesk does not take what is set for {', '.join(lost)}: `deskwire plan` says more"
            reach.left_out(f"opening a ticket: {said}", Node(None, "ticket"))
            told(api, number, f"This ticket was opened without some of its settings. {said}.")
        entries = places(first, made["audit"])
        if rest:
            later = [replace(entry, contact=requester) for batch in rest for entry in batch]
            try:
                entries |= self.append(number, ticket.thread, later, reach).entries
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=True) from None
        return Filed(number, entries, requester)

    def _places(self, number: str, ticket: Ticket, reach: Reach) -> dict[str, str]:
        """Return where each entry of a ticket that another attempt opened is, so that it can be redacted."""
        entries: dict[str, str] = {}
        for entry in ticket.entries:
            known = self.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach)
            entries |= known.entries if known else {}
        return entries

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Add the entries in as few updates as their kinds and length allow: one call each, no read before.

        One read before the first where it changes the ticket's priority or tags, too.
        """
        api = Api(reach)
        filed: dict[str, str] = {}
        change = reduce(or_, (entry.change for entry in entries), Change())
        changed = False
        for batch in batches(entries):
            try:
                made, done = _update(api, numbered(ticket), batch, Change() if filed else change)
                filed |= places(batch, made["audit"])
                changed = changed or done
            except (DeskwireError, TicketGone) as error:
                if filed:  # so that nobody repeats what is there: the rest alone will tell its own error
                    part = "only a part was added to the ticket"
                    raise TemporaryError(part, after=1, ambiguous=True, concerns=Concern.TICKET) from error
                raise
        return Filed(ticket, filed, changed=changed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        """Look at the ticket, and update it where it has a lower priority or lacks a tag."""
        api = Api(reach)
        shown = api.ticket(numbered(ticket))
        if shown["status"].text("") == "closed":
            raise _closed(api, ticket, shown)
        if asked := _change(change, shown, reach):
            api.updated(_put(api, ticket, asked), "changing a ticket").node()["ticket"].object()

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Look for a ticket by its external id (in the store, not the late index), for an entry in the audits."""
        api, key, ticket = Api(reach), sought.key, sought.ticket
        if not ticket:
            answer = api.ask("GET", f"tickets.json?external_id={external_id(sought.thread, key)}")
            what = "looking for a ticket"
            rows = listed(api.checked(answer, what).node()["tickets"], what)
            numbers = [int(id_of(row["id"])) for row in rows if id_of(row["id"])]
            return Filed(str(max(numbers))) if numbers else None
        try:
            shown = api.ticket(numbered(ticket))
        except TicketGone:
            return None
        # Should the first attempt still be on its way, the second must not come after it: see `_update`.
        api.kept(_stamp(api, ticket, key), shown["updated_at"].text(""), TURN_SECONDS)
        for audit in api.newest(ticket, "audits"):
            marks = audit["metadata"]["custom"][OWN].text("").split()
            if mark(key) in marks:
                if any(event["public"].raw is True for event in audit["events"].rows()):
                    _wake(api, ticket, shown)
                return Filed(ticket, {key: place(comment_of(audit), marks.index(mark(key)), len(marks))})
        return None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    def redact(self, ticket: str, entry: str, reach: Reach) -> bool:
        """Take the words of one entry out of its comment, for ever, and its files when it is alone there."""
        comment, _, section = entry.partition(".")
        api = Api(reach)
        for shown in api.newest(numbered(ticket), "comments"):
            if id_of(shown["id"]) == comment:
                return redacted(api, ticket, shown, int(section or 0))
        return False

    # ------------------------------------------------------------------------------------------------ out

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return the public comments by staff after the one with that id, without our agent's own and transcripts."""
        api = Api(reach)
        what, staff = "reading the replies", dict[str, str]()
        found: list[AgentReply] = []
        for shown in api.newest(numbered(ticket), "comments", staff):
            if not known([shown], what, reach):
                continue
            if after and int(id_of(shown["id"])) <= int(after):
                break
            public = flag(shown["public"], what, reach) and not is_transcript(shown)
            author = writer(shown["author_id"], what, reach)
            if public and author in staff and author != api.bot():
                found.append(reply(shown, ticket, staff[author]))
        return found[::-1]

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return Api(reach).download(attachment.url)

    def parse(self, request: Request) -> Iterable[Signal | Unreadable]:
        """Read a trigger's body (ids only) or an event's envelope."""
        body = read(request.body).object()
        if "type" in body:
            yield _event(body, request)
            return
        # An invocation's header is not signed: a false one makes us look at the ticket once more, and nothing else.
        invocation = request.header("x-zendesk-webhook-invocation-id")
        if not invocation or not invocation.isprintable() or len(invocation) > 200:
            stamp = request.header("x-zendesk-webhook-signature-timestamp").encode()
            invocation = hashlib.sha256(stamp + request.body).hexdigest()
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            object_id=invocation,
            ticket=_wanted_ticket(body["ticket_id"]),
            raw=fragment(body),
        )

    def close(self, ticket: str, reach: Reach) -> None:
        """Solve the ticket, assigned to our agent: Zendesk solves none that nobody has."""
        api = Api(reach)
        solved = {"status": "solved", "assignee_id": int(api.bot())}
        answer = _put(api, numbered(ticket), solved)
        if names := required_fields(answer):
            raise PermanentError(
                f"Zendesk solves no ticket without a value in {', '.join(names)}: give one in the setting “values”"
            )
        api.updated(answer, "closing a ticket").node()["ticket"].object()

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import configured, registering

        api = Api(reach)
        return [*registering.findings(site, api), *configured.findings(api, site.fields)]

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, Api(reach))

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        return faults(settings)

    def field_faults(self, fields: Mapping[str, str], settings: Mapping[str, str]) -> Mapping[str, str]:
        return {} if faults(settings) else filling(settings).faults(fields)


def _event(body: Node, request: Request) -> Signal:
    """Read an event of a subscription; how the comment lies in it is unconfirmed, so each part may be missing."""
    kind = body["type"].text()
    comment = body["event"]["comment"]
    internal = comment["is_public"].raw is False
    told = kind == f"{TICKET_EVENT}comment_added" and not internal
    status = _status(body["event"]) if kind == f"{TICKET_EVENT}status_changed" else None
    assignee = _assignee(body["event"]) if kind == f"{TICKET_EVENT}agent_assignment_changed" else None
    about = body["detail"]["id"] if kind.startswith(TICKET_EVENT) else None
    return Signal(
        helpdesk=Zendesk.name,
        account=request.endpoint,
        about=About.TICKET if told else About.STATUS if status or assignee else About.OTHER,
        status=status,
        assignee=assignee,
        object_id=body["id"].identifier(),
        ticket=_wanted_ticket(about) if about is not None else body["subject"].identifier(kind),
        # What a customer is the author of, we wrote for them (or they did, elsewhere): nothing to send out.
        own=comment["author"]["is_staff"].raw is False,
        reason="" if told or status or assignee else "an internal note" if internal else kind.rpartition(":")[2],
        occurred_at=body["time"].iso(),
        raw=fragment(body),
    )


def _status(event: Node) -> Status | None:
    """Return what a change of the status means: solved, or no longer; None for any other change (“pending”)."""
    current, previous = (event[name].text("").lower() for name in ("current", "previous"))
    if current == "solved":
        return Status.SOLVED
    return Status.REOPENED if previous == "solved" and current != "closed" else None


def _assignee(event: Node) -> Assignee:
    """Return who has the ticket now, by number.

    Unconfirmed: what is there once nobody has it. The pages of this event, also those of EventBridge and of the
    integration services, show two agents (read 2026-11-30); null, nothing, an empty text and 0 are taken for nobody.
    https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events
    """
    number = id_of(event["current"])
    return Assignee(number if number.strip("0") else "")


def _wanted_ticket(node: Node) -> str:
    number = node.identifier()
    if not NUMBER.fullmatch(number):
        raise PayloadError(f"{node.path} is no ticket's number")
    return number


# ------------------------------------------------------------------------------------------------------ writing


def _requester(api: Api, customer: Customer, organization: str) -> str:
    """Return the user id of the customer, made or found by our external id, and put into an organization if in none.

    Never by e-mail or telephone: these are what somebody typed, and an agent's address would make a stranger an agent.
    """
    name = literal(customer.name or customer.handle or customer.channel)[:255]
    user = {"external_id": customer.external_id, "name": name, "skip_verify_email": True}
    given = [part for part in (customer.handle, customer.email, customer.phone) if part]
    if given:
        user["details"] = literal("As given: " + ", ".join(given))
    answer = api.ask("POST", "users/create_or_update.json", {"user": user}, safe=True)
    if answer.status == 422 and b"taken" in answer.body:
        raise TemporaryError("making a customer: made by another at this moment", after=2, concerns=Concern.MESSAGE)
    made = api.checked(answer, "making a customer").node()["user"]
    number = id_of(made["id"])
    if not number:
        raise TemporaryError("making a customer: the answer names none", ambiguous=True)
    if organization and not id_of(made["organization_id"]):
        _join(api, number, organization)
    return number


def _join(api: Api, user: str, organization: str) -> None:
    """Make a customer a member of an organization, which becomes their tickets'. Agents' own choice stays.

    `organization_id` of the ticket itself may only name one of the requester's; that of an updated user would replace
    what agents chose. https://developer.zendesk.com/api-reference/ticketing/organizations/organization_memberships/
    """
    member = {"user_id": int(user), "organization_id": int(organization)}
    answer = api.ask("POST", "organization_memberships.json", {"organization_membership": member}, safe=True)
    if answer.status == 404 and error_of(answer):
        raise ConfigurationError(f"there is no organization {organization} in Zendesk: mend the setting “organization”")
    if answer.status != 422:  # they are a member already
        api.checked(answer, "putting a customer into an organization")


def _ticket(api: Api, ticket: Ticket, requester: str, first: Sequence[Entry]) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "subject": literal(ticket.subject),
        "external_id": external_id(ticket.thread, ticket.key),
        "requester_id": int(requester),
        "comment": written(api, first, requester),
        "priority": ticket.priority,
        "tags": list(dict.fromkeys((OWN, *_tags(ticket.tags)))),
        "metadata": metadata(first),
    }
    return payload


def _follow_up(ticket: Ticket) -> dict[str, Any]:
    """Return what makes a ticket a follow-up.

    Of no effect while that ticket is not closed: the first comment and the field name it then.
    https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/
    """
    return {"via_followup_source_id": int(numbered(ticket.follow_up_of))} if ticket.follow_up_of else {}


def _stamp(api: Api, ticket: str, key: str) -> str:
    """Return under which name `find` keeps when the ticket was changed last.

    Each turn has its own, told by its time: what was seen in an earlier one would be refused again and again.
    """
    return f"stamp/{ticket}/{mark(key)}/{api.reach.now.isoformat()}"


def _change(change: Change, shown: Node, reach: Reach) -> dict[str, Any]:
    """Return what an update makes of a ticket as it is shown, refused (409) when somebody changes it meanwhile.

    `tags` replaces all that there are; adding takes a request of its own, or `update_many`, which is a job.
    https://developer.zendesk.com/documentation/ticketing/managing-tickets/adding-tags-to-tickets-without-overwriting-existing-tags/
    """
    if not isinstance(shown["tags"].raw, list):
        raise TemporaryError("looking at a ticket: the answer has no tags", concerns=Concern.TICKET)
    asked: dict[str, Any] = {}
    if change.raises(shown["priority"].text("")):
        asked["priority"] = change.priority
    present = [tag.text() for tag in shown["tags"].items()]
    if missing := Change(tags=_tags(change.tags)).missing(present):
        asked["tags"] = [*present, *missing]
    asked |= {name: value for name, value in _assigned(change).items() if shown[name].any_id() != str(value)}
    if rated := _rated(change, shown, reach):
        asked["custom_fields"] = rated
    return asked and {**asked, "safe_update": True, "updated_stamp": shown["updated_at"].text()}


def _rated(change: Change, shown: Node, reach: Reach) -> list[dict[str, Any]]:
    """Return the ticket field that takes how satisfied the customer is, where the setting `fields` names one.

    Fields that are left out stay: https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/
    """
    number = filling(reach.settings).named.get("satisfaction")
    if not (number and change.satisfaction):
        return []
    present = {each["id"].any_id(): each["value"].text("") for each in shown["custom_fields"].rows()}
    return [{"id": int(number), "value": change.satisfaction}] if present.get(number) != change.satisfaction else []


def _assigned(change: Change) -> dict[str, Any]:
    """Return whose a ticket is to be. A group and an agent are named by their ids, an agent by an e-mail address, too.

    https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format. A name that is neither goes as
    it is, and is refused.
    """
    named = {"group_id": change.group, "assignee_email" if "@" in change.assignee else "assignee_id": change.assignee}
    return {name: int(value) if value.isdecimal() else value for name, value in named.items() if value}


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags as Zendesk writes them."""
    return tuple(re.sub(r"[^\w:/-]+", "_", tag.lower()) for tag in tags)


def _update(api: Api, ticket: str, batch: Sequence[Entry], change: Change) -> tuple[Node, bool]:
    """Add a comment; return the answer, and whether the change is made along with it. Raises `TicketGone`.

    Only after doubt about any of the entries (`find` left a stamp) it is a safe update: refused when the ticket was
    changed since the first look, for what came between two looks may be the entry that was looked for first.
    """
    stamp = min(filter(None, (api.kept(_stamp(api, ticket, entry.key)) for entry in batch)), default="")
    payload: dict[str, Any] = {"metadata": metadata(batch)}
    if stamp:
        payload |= {"safe_update": True, "updated_stamp": stamp}
    requester = _author(api, ticket, batch[0].contact) if batch[0].public else ""
    comment = {"comment": written(api, batch, requester)}
    answer, changed = _commented(api, ticket, payload | comment, Change() if stamp else change)
    if answer.status == 422 and error_of(answer):
        shown = api.ticket(ticket)
        # The words of the refusal lie under `status`, under `base` or elsewhere: the ticket itself tells.
        if shown["status"].text("") == "closed":
            raise _closed(api, ticket, shown)
        now = _requester_of(shown)
        if requester and now != requester:  # agents merged the customer into another: once more as that one
            comment = {"comment": written(api, batch, now)}
            answer = _put(api, ticket, payload | comment)
        if answer.status == 422 and api.comments(ticket) >= FULL:
            raise TicketGone("full")
        mend, lost = mended(answer, shown, public=batch[0].public)
        if answer.status == 422 and mend:
            answer = _put(api, ticket, {**payload, **comment, **mend})
            if answer.status == 200 and lost:
                told(api, ticket, f"Zendesk took this message only once the ticket was without {lost}.")
        refuse_suspended(answer, "adding to a ticket")
    made = api.updated(answer, "adding to a ticket").node()
    if batch[0].public:
        _wake(api, ticket, made["ticket"])
    return made, changed


def _commented(api: Api, ticket: str, payload: Mapping[str, Any], change: Change) -> tuple[Answer, bool]:
    """Add a comment, with the change of the ticket where that is not refused; return whether it is made."""
    if change:
        asked = _change(change, api.ticket(ticket), api.reach)
        answer = _put(api, ticket, {**payload, **asked})
        if not asked or answer.status not in {409, 422}:
            return answer, True
    return _put(api, ticket, payload), False


def _wake(api: Api, ticket: str, shown: Node) -> None:
    """Open a ticket that waits or is solved; one that nobody has looked at stays new, which it could not become again.

    Written through the API by the agent's token, a customer's comment does not open a ticket by itself.
    """
    if shown["status"].text("") not in ASLEEP:
        return
    answer = _put(api, ticket, {"status": "open"})
    try:
        api.updated(answer, "opening a ticket again")
    except (TemporaryError, ConfigurationError) as error:  # the comment is there: `find` goes on with this
        raise error.retold(ambiguous=True) from None
    except PermanentError:  # the account's own rules forbid it; the customer's words are in the ticket all the same
        return


def _put(api: Api, ticket: str, payload: Mapping[str, Any]) -> Answer:
    answer = api.ask("PUT", f"tickets/{ticket}.json", {"ticket": payload})
    if answer.status == 404 and error_of(answer) == "RecordNotFound":
        raise TicketGone("deleted")
    return answer


def _author(api: Api, ticket: str, contact: str) -> str:
    """Return who wrote what the customer writes: the ticket's requester, known since it was opened, or asked once."""
    return contact or api.cached(f"requester/{ticket}", 3600, lambda: _requester_of(api.ticket(ticket)))


def _requester_of(shown: Node) -> str:
    number = id_of(shown["requester_id"])
    if not number:
        raise TemporaryError("looking at a ticket: the answer names no requester")
    return number


def _closed(api: Api, ticket: str, shown: Node) -> TicketGone:
    """Tell a merged ticket from a closed one, by the update that closed it.

    Unconfirmed: `rel` and the ids in `via`, and the tag `closed_by_merge`. Where they name no target, the comment of
    that same update does (“… merged into request #7 …”, in the account's language); no other comment is asked.
    """
    tagged = "closed_by_merge" in [tag.raw for tag in shown["tags"].rows()]
    for audit in api.newest(ticket, "audits"):
        source = audit["via"]["source"]
        events = audit["events"].rows()
        if not any(event["field_name"].text("") == "status" and event["value"].raw == "closed" for event in events):
            continue
        if not tagged and source["rel"].text("") != "merge":
            break
        named = [id_of(source["to"]["ticket_id"]), id_of(source["from"]["ticket_id"])]
        named += [found[1] for event in events for found in MERGED_INTO.finditer(event["body"].text(""))]
        into = next((number for number in named if number and number != ticket), "")
        return TicketGone("merged", into, audit["created_at"].iso()) if into else TicketGone("closed")
    return TicketGone("closed")
