"""Where the connectors' files are and what they say: captures, expected results, exchanges (see README.md)."""

import base64
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

from deskwire import registry
from deskwire.care.policy import ClosedTickets
from deskwire.contracts.channel import Channel, Page, Reach
from deskwire.contracts.connector import not_given
from deskwire.contracts.helpdesk import Helpdesk, Signals, TicketGone
from deskwire.contracts.registration import Finding, Registered, Site
from deskwire.contracts.terms import Permit
from deskwire.model.choices import Choice, Offer
from deskwire.model.errors import DeskwireError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Unreadable, Visibility, event_from_json
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.signals import Signal
from deskwire.model.tickets import Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.rule import Context, Verification
from deskwire.web.request import Request, from_gateway
from deskwire.web.rest import Answer, Call, checked

ROOT = Path(__file__).parents[2]  # every folder hangs on this one
PACKAGE = ROOT / "layers" / "deskwire" / "deskwire"
EVENTS = ROOT / "events"
EXPECTED = ROOT / "tests" / "expected"
EXCHANGES = ROOT / "tests" / "exchanges"
PROOFS = ROOT / "tests" / "connectors"
NO_CAPTURES = {"secrets", "settings", "outside", "needed"}


def shows(text: str, value: str) -> bool:
    """Tell whether a text holds a value, as it is or percent-encoded, wholly or in part."""
    spellings = {value, quote(value, safe=""), quote(value), quote(value, safe=":"), quote_plus(value)}
    return any(spelling in text for spelling in spellings) or value in unquote(text) or value in unquote_plus(text)


@cache
def connectors() -> dict[str, Channel | Helpdesk]:
    """Return every connector by name, channels first."""
    return {name: registry.channel(name) for name in registry.channel_names()} | {
        name: registry.helpdesk(name) for name in registry.helpdesk_names()
    }


@cache
def _text(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


def load(path, otherwise=None):
    text = _text(path)
    return otherwise if text is None else json.loads(text)


@dataclasses.dataclass(frozen=True)
class Capture:
    """One captured request of a connector, and what it must become."""

    connector: str
    name: str

    @property
    def gateway(self):
        return load(EVENTS / self.connector / f"{self.name}.json")

    @cached_property
    def arrived(self) -> Request:
        """The request before it is verified, with its endpoint's settings as facts (see `receiving`)."""
        return from_gateway(self.gateway).at(endpoint_settings(self.connector))

    @cached_property
    def request(self) -> Request:
        """The request as `parse` gets it: with the facts that verification found out, opened where it was sealed."""
        request = self.arrived
        if not self.signed:
            return request
        found = rule_of(self).verify(
            request, Secrets(secret_values(self.connector)), context(self.connector, request.received_at)
        )
        return rule_of(self).cleared(dataclasses.replace(request, facts={**request.facts, **found}))

    @cached_property
    def expected(self):
        return load(EXPECTED / self.connector / f"{self.name}.json")

    @property
    def signed(self) -> bool:
        """Whether it is a delivery that verification must let in."""
        expected = self.expected or {}
        return "events" in expected or expected.get("error") == "PayloadError"

    def __str__(self) -> str:
        return f"{self.connector}/{self.name}"


def rule_of(capture: Capture) -> Verification:
    """Return the rule that checks a capture: an action has its own."""
    connector = connectors()[capture.connector]
    action = getattr(connector, "actions", {}).get(capture.arrived.action)
    return action.verification if action is not None else connector.verification


@cache
def captures(connector: str) -> list[Capture]:
    files = sorted((EVENTS / connector).glob("*.json"))
    return [Capture(connector, path.stem) for path in files if path.stem not in NO_CAPTURES and path.name[0] != "."]


def secret_values(connector: str) -> dict[str, list[str]]:
    """Return the invented endpoint secrets, each as the list of values valid now."""
    stored = load(EVENTS / connector / "secrets.json", {})
    return {name: [value] if isinstance(value, str) else list(value) for name, value in stored.items()}


def endpoint_settings(connector: str) -> dict[str, str]:
    return load(EVENTS / connector / "settings.json", {})


def context(connector: str, now: datetime) -> Context:
    """Return what a rule of this connector may use, with the outside as the files have it."""
    return Context(
        now=now,
        http=Outside(load(EVENTS / connector / "outside.json", [])),
        settings=endpoint_settings(connector),
        cache={},
    )


def parsed(connector: str, request: Request):
    """Return the events and the unreadable fragments a connector makes of a request."""
    found = list(connectors()[connector].parse(request))
    return [item for item in found if not isinstance(item, Unreadable)], [
        item for item in found if isinstance(item, Unreadable)
    ]


def expected_events(connector: str) -> list[dict]:
    """Return what all captures and recorded polls of a connector must become."""
    pages = [item.data["result"]["page"] for item in exchanges(connector) if item.call == "poll" and item.ends_well]
    return [event for capture in captures(connector) for event in (capture.expected or {}).get("events", [])] + [
        event for page in pages for event in page.get("events", page.get("signals", []))
    ]


def kind_of(expected: dict) -> str:
    """Return the kind of an expected event, or what an expected signal is about."""
    return expected["about"] if "about" in expected else expected["kind"]


def delivered(connector: str) -> list[Event | Signal]:
    """Return all that a connector's captured deliveries tell of."""
    requests = [item.request for item in captures(connector) if "events" in (item.expected or {})]
    return [event for request in requests for event in parsed(connector, request)[0]]


def polled(connector: str) -> list[Event | Signal]:
    """Return all that a connector's recorded polls tell of."""
    pages = [played(item)[0] for item in exchanges(connector) if item.call == "poll" and item.ends_well]
    return [event for page in pages for event in (page.signals if isinstance(page, Signals) else page.events)]


def happened(connector: str) -> list[Event | Signal]:
    """Return all that a connector's captured deliveries and recorded polls tell of."""
    return delivered(connector) + polled(connector)


# ------------------------------------------------------------------------------------------------- exchanges


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One call of a connector: what it is asked, the requests it must make, the answers, the result."""

    connector: str
    name: str

    @property
    def data(self):
        return load(EXCHANGES / self.connector / f"{self.name}.json")

    @property
    def call(self) -> str:
        return self.data.get("call", "send")

    @property
    def ends_well(self) -> bool:
        return not {"error", "gone"} & self.data["result"].keys()

    def __str__(self) -> str:
        return f"{self.connector}/{self.name}"


class Unrecorded(Exchange):
    """An exchange that is in no file."""

    def __init__(self, data, connector="", name="made-up"):
        super().__init__(connector, name)
        object.__setattr__(self, "given", data)

    @property
    def data(self):
        return self.given


@cache
def exchanges(connector: str) -> list[Exchange]:
    files = sorted((EXCHANGES / connector).glob("*.json"))
    return [Exchange(connector, path.stem) for path in files if path.stem != "needed"]


def fields_of(call: Call):
    """Return a request's body as comparable data: JSON, a form's fields, or text."""
    kind = next((value for name, value in call.headers.items() if name.lower() == "content-type"), "")
    if "json" in kind and call.body:
        return json.loads(call.body)
    if "x-www-form-urlencoded" in kind:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    return call.body.decode(errors="replace")


def fits(wanted, given) -> bool:
    if isinstance(wanted, str) and isinstance(given, str) and re.fullmatch(r"/.+/", wanted, re.DOTALL):
        return re.fullmatch(wanted[1:-1], given, re.DOTALL) is not None
    return wanted == given


def answered(answer) -> Answer:
    if answer.get("unreachable"):
        raise TemporaryError("the connection was refused")
    if answer.get("cut"):
        raise TemporaryError("the answer was lost", ambiguous=True)
    body = answer.get("body", "")
    data = (
        base64.b64decode(answer["base64"])
        if "base64" in answer
        else (body if isinstance(body, str) else json.dumps(body)).encode()
    )
    return Answer(answer["status"], {name.lower(): value for name, value in answer.get("headers", {}).items()}, data)


class Outside:
    """Answers what verification asks; an unexpected question fails the test."""

    def __init__(self, entries):
        self.entries = entries
        self.asked = []

    def __call__(self, call: Call) -> Answer:
        self.asked.append(call)
        for entry in self.entries:
            wanted = entry["request"]
            if (wanted["method"], wanted["url"]) != (call.method, call.url):
                continue
            given = fields_of(call)
            if all(
                isinstance(given, dict) and fits(value, given.get(name))
                for name, value in wanted.get("body", {}).items()
            ):
                return answered(entry["answer"])
        message = f"outside.json has no answer for {call}"
        raise AssertionError(message)


class Script:
    """Plays an exchange's steps: each request must be the next one, exactly."""

    def __init__(self, steps):
        self.steps = steps
        self.calls = []

    def next(self):
        assert len(self.calls) < len(self.steps), "one request more than the exchange has"
        return self.steps[len(self.calls)]

    def __call__(self, call: Call) -> Answer:
        step = self.next()
        self.calls.append(call)
        wanted = step["request"]
        assert fits(wanted["method"], call.method)
        assert fits(wanted["url"], call.url), f"asked {call.url}, not {wanted['url']}"
        given = {name.lower(): value for name, value in call.headers.items()}
        for name, value in wanted.get("headers", {}).items():
            assert fits(value, given.get(name.lower(), "")), f"header {name} is another"
        if "body" in wanted:
            body = fields_of(call)
            if wanted["body"] in ("", None):
                assert not call.body
            elif isinstance(wanted["body"], str):
                assert fits(wanted["body"], body if isinstance(body, str) else call.body.decode())
            else:
                assert body == wanted["body"]
        return answered(step["answer"])

    def fetch(self, call: Call, hosts=()) -> File:
        assert call.method == "GET"
        del hosts  # whether it lies there, `media.fetch` decides and its tests prove
        answer = checked(self(call), what="fetching an attachment")
        name = urlsplit(call.url).path.rpartition("/")[2] or "attachment"
        return File(name, answer.headers.get("content-type", "application/octet-stream"), answer.body)

    def original(self, name) -> bytes:
        step = self.next()
        self.calls.append(step)
        assert step["original"] == name, f"asked for {name}, which is another object"
        answer = step["answer"]
        if "base64" in answer or "text" in answer:
            return base64.b64decode(answer["base64"]) if "base64" in answer else answer["text"].encode()
        raise {"gone": PermanentError, "unreachable": TemporaryError}[answer["error"]]("there is no such object")

    def mail(self, *, sender, recipient, subject, text, headers, copies=(), html="", tags=None, files=()) -> str:
        step = self.next()
        self.calls.append(step)
        given = {
            "sender": sender, "recipient": recipient, "subject": subject, "text": text, "copies": list(copies),
            "html": html, "tags": dict(tags or {}), "files": [[file.name, file.type] for file in files],
        }  # fmt: skip
        for name, value in step["mail"].items():
            if name == "headers":
                assert {key: headers.get(key) for key in value} == value
            else:
                assert fits(value, given[name]), f"the mail's {name} is another"
        error = step["answer"].get("error")
        if error:
            raise TemporaryError(error)
        return step["answer"]["id"]


def moment(text) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _many(kind):
    return lambda items: tuple(built(kind, item) for item in items)


BUILDERS = {  # field of a model -> its value from JSON; what is not named is taken as it is
    "attachments": _many(Attachment),
    "change": lambda data: built(Change, data),
    "customer": lambda data: built(Customer, data),
    "entries": _many(Entry),
    "files": _many(File),
    "occurred_at": moment,
    "offers": lambda items: tuple(Offer(Choice(each["question"], each["value"]), each["title"]) for each in items),
    "since": moment,
    "tags": tuple,
    "visibility": Visibility,
    "written_at": moment,
}
BUILDERS_OF = {Attachment: {"kind": AttachmentKind}, File: {"data": base64.b64decode}}


def built(kind, data):
    """Return a model's value from JSON: times, files and attachments by what they are."""
    builders = BUILDERS | BUILDERS_OF.get(kind, {})
    made = {name: builders[name](value) if name in builders else value for name, value in data.items()}
    return kind(**{name: "" if value is None and name not in builders else value for name, value in made.items()})


class Renewed:
    """The tokens of one call: each is asked of the vendor as a step of the exchange, then kept until it is refused."""

    def __init__(self, secrets: Secrets):
        self.secrets = secrets
        self.kept = {}

    def __call__(self, secret, renew):
        if secret not in self.kept:
            self.kept[secret] = renew(self.secrets.one(secret)).access
        return self.kept[secret]

    def refused(self, secret, access):
        if self.kept[secret] is access:
            del self.kept[secret]


def aws_of(http):
    """Return `reach.aws` by way of a script. What AWS takes as a blob is shown as the JSON that it holds."""

    def ask(service, method, path, body=b"", headers=None):
        if body and not body.startswith(b"{"):
            url = f"https://{service}.eu-west-1.amazonaws.com{path}"
            return http(Call.form(method, url, dict(parse_qsl(body.decode())), headers=headers))
        shown = {name: unpacked(value) for name, value in json.loads(body).items()} if body else {}
        url = f"https://{service}.eu-west-1.amazonaws.com{path}"
        return http(Call.json(method, url, shown, headers=headers) if body else Call(method, url, headers or {}))

    return ask


def unpacked(value):
    try:
        found = json.loads(base64.b64decode(value, validate=True))
    except (TypeError, ValueError):
        return value
    return found if isinstance(found, dict) else value


def reach_of(exchange: Exchange, script: Script) -> Reach:
    data = exchange.data
    outgoing = data.get("outgoing", {})
    rule = ClosedTickets(reopen_days=data.get("reopen_days", 365))
    return Reach(
        account=data.get("account") or outgoing.get("account") or data.get("event", {}).get("account", "1"),
        settings=data.get("settings", {}),
        secrets=Secrets(data.get("secrets", {})),
        http=script,
        now=now_of(exchange),
        mail=script.mail,
        original=getattr(script, "original", not_given),
        remember=lambda _name, make: make()[0],
        fetch=script.fetch,
        tokens=Renewed(Secrets(data.get("secrets", {}))),
        outbox=lambda shown: f"outbox-{shown.key}",
        aws=aws_of(script),
        reopens=lambda closed_at: rule.reopens(closed_at, now_of(exchange)),
    )


def now_of(exchange: Exchange) -> datetime:
    return moment(exchange.data.get("now", "2026-11-21T12:00:00Z"))


def place_of(exchange: Exchange) -> str:
    """Return where a recorded answer went, as `Terms.places` names it."""
    outgoing = built(Outgoing, exchange.data["outgoing"])
    return "private reply" if outgoing.private_reply else str(outgoing.visibility)


def permit_of(exchange: Exchange, outgoing: Outgoing) -> Permit:
    now = now_of(exchange)
    last = moment(exchange.data.get("last_inbound")) or now - timedelta(hours=1)
    permit = connectors()[exchange.connector].terms.permit(
        outgoing.visibility, automatic=outgoing.automatic, last_inbound=last, now=now,
        private_reply=outgoing.private_reply, kind=exchange.data.get("thread_kind", ""),
    )  # fmt: skip
    assert isinstance(permit, Permit), permit
    return permit


def played(exchange: Exchange, steps=None):
    """Make the call and return (its result, the script it was played from)."""
    script = Script(exchange.data["steps"] if steps is None else steps)
    return called(exchange, exchange.data, reach_of(exchange, script)), script


def called(exchange: Exchange, data, reach: Reach):
    """Make the call of an exchange, with `data` in place of its own, and return its result."""
    connector = connectors()[exchange.connector]
    if exchange.call in REGISTERING:
        site = data["site"]
        made = Site(**{**site, "secrets": Secrets(site.get("secrets", {}))})
        result = getattr(connector, exchange.call)(made, reach)
        return Findings(result) if exchange.call == "registration" else result
    if isinstance(connector, Helpdesk):
        return asked(connector, exchange.call, dict(data.get("arguments", {})), reach)
    if exchange.call in {"send", "sent"}:
        outgoing = built(Outgoing, data["outgoing"])
        more = permit_of(exchange, outgoing) if exchange.call == "send" else moment(data["since"])
        return getattr(connector, exchange.call)(outgoing, more, reach)
    if exchange.call == "moderate":
        connector.moderate(data["object"], reach, hidden=data["hidden"])
        return Moderated()
    first = {
        "complete": lambda: event_from_json(data["event"]),
        "profile": lambda: built(Author, data["author"]),
        "fetch": lambda: built(Attachment, data["attachment"]),
        "poll": lambda: data["cursor"],
    }[exchange.call]()
    return getattr(connector, exchange.call)(first, reach)


def asked(connector: Helpdesk, call, given, reach: Reach):
    """Make a call of a helpdesk's, and return its result."""
    if call == "open":
        given["ticket"] = built(Ticket, given["ticket"])
    if "attachment" in given:
        given["attachment"] = built(Attachment, given["attachment"])
    if "entries" in given:
        given["entries"] = [built(Entry, item) for item in given["entries"]]
    if call == "find":
        given = {"sought": built(Sought, given)}
    if call == "history":
        return Told(connector.history(built(Customer, given), reach))
    if "change" in given:
        given["change"] = built(Change, given["change"])
    return getattr(connector, call)(**given, reach=reach)


REGISTERING = {"registration", "register"}


class Moderated:
    """Something was hidden, or shown."""


class Told(tuple):
    """What a helpdesk told of a customer's earlier tickets."""

    __slots__ = ()


def earlier(each: Earlier) -> dict:
    """Return an earlier ticket in the form of an exchange's `result`."""
    shown = {name: value for name, value in dataclasses.asdict(each).items() if value or name == "open"}
    return shown | ({"at": each.at.isoformat().replace("+00:00", "Z")} if each.at else {})


class Findings(tuple):
    """What a connector found at the platform."""

    __slots__ = ()


def found(finding: Finding) -> dict:
    """Return a finding in the form of an exchange's `result`."""
    shown = {name: value for name, value in dataclasses.asdict(finding).items() if value}
    return shown | {"state": str(finding.state)} | ({"ends": finding.ends.isoformat()} if finding.ends else {})


DESCRIPTIONS = {
    Moderated: lambda _: {"moderated": True},
    Told: lambda told: {"earlier": [earlier(each) for each in told]},
    Findings: lambda findings: {"findings": [found(each) for each in findings]},
    Registered: lambda done: {"registered": {"did": list(done.did), "secrets": sorted(done.secrets)}},
    Sent: lambda sent: {"sent": {"ids": list(sent.ids)} | ({"elsewhere": sent.elsewhere} if sent.elsewhere else {})},
    Event: lambda event: {"event": event.to_json()},
    Filed: lambda filed: {
        "filed": {"ticket": filed.ticket, "entries": dict(filed.entries)} | ({"changed": True} if filed.changed else {})
    },
    Author: lambda author: {"author": {name: value for name, value in dataclasses.asdict(author).items() if value}},
    File: lambda file: {"file": {"name": file.name, "type": file.type, "data": base64.b64encode(file.data).decode()}},
    Signals: lambda page: {"page": {"signals": [each.to_json() for each in page.signals], "cursor": page.cursor}},
    Page: lambda page: {"page": {"events": [event.to_json() for event in page.events], "cursor": page.cursor}},
    TicketGone: lambda gone: {"gone": {"state": gone.state, "into": gone.into}},
    bool: lambda done: {"redacted": done},
    list: lambda replies: {"replies": [_reply(reply) for reply in replies]},
    tuple: lambda replies: {"replies": [_reply(reply) for reply in replies]},
    type(None): lambda nothing: nothing,
}


def described(result):
    """Return a call's result in the form of an exchange's `result`; an error with all that it says."""
    if isinstance(result, DeskwireError):
        facts = ("after", "ambiguous", "status", "code")
        return {"error": type(result).__name__} | {name: getattr(result, name, None) for name in facts}
    return DESCRIPTIONS[type(result)](result)


def _reply(reply):
    found = dataclasses.asdict(reply)
    if found["public"]:  # as every reply that is read
        del found["public"]
    found["written_at"] = None if reply.written_at is None else reply.written_at.isoformat().replace("+00:00", "Z")
    found["attachments"] = [
        {key: str(value) for key, value in dataclasses.asdict(item).items() if value} for item in reply.attachments
    ]
    return found


@cache
def everything() -> tuple[list[Capture], list[Exchange]]:
    """Return every capture and exchange of every connector."""
    names = connectors()
    return [item for name in names for item in captures(name)], [item for name in names for item in exchanges(name)]
