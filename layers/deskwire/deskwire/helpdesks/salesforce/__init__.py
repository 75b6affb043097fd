"""Salesforce Service Cloud: cases with comments and files, answers that agents publish as comments.

Set-up: a user for Deskwire, an app with the JWT bearer flow whose certificate belongs to the private key, and the
fields `Deskwire_Key__c` and `Deskwire_Tags__c` of cases and `Deskwire_Id__c` of contacts. Step by step:
docs/helpdesks/salesforce.md. https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm&type=5

Signature: none. A trigger of the org's own may call Deskwire; it brings a secret of ours in `X-Deskwire-Secret`, which
a named credential holds, says which case to look at, and nothing more is taken from it. Outbound messages are not for
this: they bear neither a signature nor a header of one's own, and a client certificate is the only proof of who sends
them. https://developer.salesforce.com/docs/platform/api/guide/sforce-api-om-outboundmessaging.html

Secrets: `private_key`, in PEM, with which Deskwire signs its log-ins; it is never sent. All workers share the token.
`webhook_secret` of the endpoint: a long random text that you make up.
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm&type=5

Limits: 4,000 bytes in a comment, 37.5 MB of Base64 in a request, calls of 24 hours by edition and licences.
https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-casecomment.html

Files of answers: those that the agent shared with customers on the case, and only where the company says so, see
`files.py`. https://developer.salesforce.com/docs/platform/api-rest/guide/dome-sobject-blob-retrieve.html

What survives a repetition: a case's key is a unique external id, so an upsert makes one case whatever happens. A
comment has no field of ours; its last line is a mark.

Nothing of this was tried on an org: it comes from the documentation, and what that leaves open is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Abilities, Helpdesk, Signals
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.lists import flag
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.signals import About, Signal, shown_as
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.token import Token
from deskwire.web.reading import Node, fragment, read
from deskwire.web.request import Request

from .api import VERSION, Api, full, id_of, numbered
from .earlier import earlier
from .files import loaded
from .records import COMMENT_BYTES, KEY, added, answers, awake, found, look, milliseconds, opened, raised, standing

CHECKED: Final = date(2026, 11, 29)
REST: Final = "https://developer.salesforce.com/docs/platform/api-rest/guide"
CALLOUTS: Final = "https://developer.salesforce.com/docs/atlas.en-us.apexcode.meta/apexcode/apex_callouts_timeouts.htm"
OBJECTS: Final = "https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects"
CURSOR: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
SETTLES: Final = timedelta(minutes=1)  # in which a transaction may still be committed under an earlier time
PAGE: Final = 2000  # rows that one answer holds
PEOPLE = "005"  # how the ids of users begin; a queue's begin with 00G


class Salesforce(Helpdesk):
    """The connector."""

    name = "salesforce"
    title = "Salesforce Service Cloud"
    verification = Token(header="X-Deskwire-Secret", secret="webhook_secret")  # noqa: S106 - its name
    by_hand: ClassVar[Sequence[str]] = (
        "make an external and a named credential for {address}, with the header X-Deskwire-Secret",
        "deploy the trigger on comments that docs/helpdesks/salesforce.md has",
    )
    terms = Terms(
        body_limit=Figure(4096, CALLOUTS, CHECKED),  # ours: a case's id
        deadline=Figure(timedelta(seconds=10), CALLOUTS, CHECKED),  # the default of a callout
        redelivery=Figure(timedelta(0), CALLOUTS, CHECKED),  # a future method that fails is not run again
        api_version=Figure(VERSION, REST, CHECKED),
        figures={
            "comment_bytes": Figure(COMMENT_BYTES, f"{OBJECTS}/object-casecomment.html", CHECKED),
            "request_base64_bytes": Figure(37_500_000, f"{REST}/dome-sobject-insert-update-blob.html", CHECKED),
        },
    )
    abilities = Abilities(
        native_key=True,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=60_000,  # ours: some sixteen comments
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "domain": "the org's My Domain: example.my.salesforce.com",
        "client_id": "the consumer key of the app",
        "username": "the name of Deskwire's user: deskwire@example.com",
        "audience": "what the log-in is for (optional, otherwise https://login.salesforce.com, or test. for a sandbox)",
        "origin": "the value of “Case Origin” that new cases get (optional)",
        "files": "“shared”: files that agents share with customers go with their answers; wants a site (optional)",
        "open_status": "the status that a closed case gets when the customer writes (optional, otherwise New)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {
        "private_key": "the private key, in PEM, of the certificate that the app has"
    }
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"webhook_secret": "what the header X-Deskwire-Secret holds"}
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C2.redelivery": "nothing in a call tells a repetition; the case is read once more, that is all",
        "C5.memory": "a call has no time; one that comes late makes us read the case, and is no message",
        "C4.body": "the secret proves who sends, not what; no words are taken from a call",
    }

    # ------------------------------------------------------------------------------------------------- in

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Make or find contact and case in one request, then add each entry as a comment: 1 call, and 1 an entry."""
        api = Api(reach)
        case, there = opened(api, ticket)
        filed: dict[str, str] = {}
        for entry in ticket.entries:
            try:
                filed[entry.key] = (found(api, case, entry.key) if there else "") or added(api, case, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=True) from None
        return Filed(case, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Look at the case, open it again where the customer wrote on a closed one, then add: 2 calls, or 3."""
        api, case = Api(reach), numbered(ticket)
        filed: dict[str, str] = {}
        for entry in entries:
            try:
                awake(api, case) if entry.public else look(api, case)
                filed[entry.key] = added(api, case, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(case, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        api, case = Api(reach), numbered(ticket)
        fields = raised(look(api, case), change)
        if fields:
            api.change(case, fields, "changing a case")

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Look for a case by its key, or for a comment's mark among those of its case. Queries see what was written."""
        api = Api(reach)
        if not sought.ticket:
            case = standing(api, sought.key)
            return Filed(case) if case else None
        case = numbered(sought.ticket)
        comment = found(api, case, sought.key)
        return Filed(case, {sought.key: comment}) if comment else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    # ------------------------------------------------------------------------------------------------ out

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return the comments that colleagues published, those after the one with that id."""
        return answers(Api(reach), numbered(ticket), after)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return loaded(Api(reach), attachment)

    def parse(self, request: Request) -> Iterator[Signal]:
        """Say which case to look at. Two calls in one second are one; a repetition is another, and does no harm."""
        body = read(request.body).object()
        case = full(body["case"].identifier())
        if not case:
            raise PayloadError("case is no id of Salesforce's")
        tested = body["test"].raw is True
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            about=About.OTHER if tested else About.TICKET,
            object_id=case,
            version=_written(request.received_at),
            ticket=case,
            reason="a test" if tested else "",
            raw=fragment(body),
        )

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return the cases of ours with a published comment that changed since the cursor, a time, and how cases stand.

        A comment that is published later changes then. The last minute is told again, as the same signals. How the
        changed cases stand is a request of its own.
        """
        if not cursor:
            return Signals((), _written(reach.now - FIRST_LOOK))
        if not CURSOR.fullmatch(cursor):
            raise PermanentError("that is no cursor of Salesforce")
        api = Api(reach)
        me = api.me()
        soql = (
            "SELECT Id, ParentId, SystemModstamp FROM CaseComment "  # noqa: S608 - a time, letters and digits
            f"WHERE IsPublished = true AND CreatedById != '{me}' AND Parent.{KEY} != null "
            f"AND SystemModstamp >= {cursor} ORDER BY SystemModstamp, Id LIMIT {PAGE}"
        )
        rows = api.rows(soql, "polling")
        answered = [signal for row in rows if (signal := _signal(row, reach)) is not None]
        cases = api.rows(
            "SELECT Id, IsClosed, OwnerId, Owner.Name, SystemModstamp FROM Case "  # noqa: S608 - a time
            f"WHERE {KEY} != null AND SystemModstamp >= {cursor} ORDER BY SystemModstamp, Id LIMIT {PAGE}",
            "polling",
        )
        stand = [signal for row in cases if (signal := _stood(row, me, reach)) is not None]
        ends = (_reached(cursor, rows, reach), _reached(cursor, cases, reach))
        return Signals([*answered, *stand], min(ends))


def _reached(cursor: str, rows: Sequence[Node], reach: Reach) -> str:
    """Return up to which time a query has told all."""
    if len(rows) < PAGE:
        return max(cursor, _written(reach.now - SETTLES))
    # So many at once: go on from the second of the last one, which the order makes the newest.
    since = datetime.fromisoformat(cursor)
    last = max((at for row in rows if (at := row["SystemModstamp"].iso()) is not None), default=since)
    return _written(max(last, since + timedelta(seconds=1)))


def _stood(row: Node, me: str, reach: Reach) -> Signal | None:
    """Return how a case stood when it was last changed. A queue is no agent, and our user owns what nobody took.

    https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_case.htm
    """
    case, owner, at = id_of(row["Id"]), id_of(row["OwnerId"]), row["SystemModstamp"].iso()
    closed = flag(row["IsClosed"], "polling", reach)
    if not case or at is None or closed is None:
        reach.left_out("polling", row["SystemModstamp"] if case else row["Id"])
        return None
    agent = owner if owner.startswith(PEOPLE) and owner != me else ""
    return Signal(
        helpdesk=Salesforce.name,
        account=reach.account,
        about=About.STATUS,
        object_id=f"poll-{case}",
        version=str(milliseconds(at)),
        ticket=case,
        occurred_at=at,
        **shown_as(solved=closed, agent=agent, name=row["Owner"]["Name"].text("")),
    )


def _signal(row: Node, reach: Reach) -> Signal | None:
    comment, case, at = id_of(row["Id"]), id_of(row["ParentId"]), row["SystemModstamp"].iso()
    if not comment or not case:
        reach.left_out("polling", row["ParentId"] if comment else row["Id"])
        return None
    return Signal(
        helpdesk=Salesforce.name,
        account=reach.account,
        object_id=comment,
        version="" if at is None else str(milliseconds(at)),
        ticket=case,
        occurred_at=at,
    )


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
