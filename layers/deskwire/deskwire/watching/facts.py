"""Reads the table's stream: a change of an item becomes facts to count. Pure, and blind to customers' words.

A record of DynamoDB Streams holds the item before and after its change
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html). Lambda delivers it at
least once. A fact's `id` is made of what happened and not of the record, so it survives every redelivery.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from deskwire.care.waits import bucket
from deskwire.conversation.recorded import REMINDER
from deskwire.model.keys import compose, decompose, digest
from deskwire.model.mirrors import is_mirror, mirrored
from deskwire.model.notices import PLACE, is_incident

# What is read of an item. All else stays in the record: an event, a note and a raw fragment hold customers' words.
READ = frozenset(
    {"state", "reason", "kind", "own", "ticket", "received_at", "done_at", "thread", "helpdesk", "first_after"}
    | {"judged", "minutes", "calls", "rating", "figures"}
)
UNENDED = {"recorded", "moved"}  # states of a message that are no outcome
OVERDUE = f"M#{REMINDER}/overdue/"  # the keys of notes that an answer is overdue begin so
GOOD = 4  # of five: from then on a customer is content
ENTRY = {"S", "N", "BOOL"}  # the types that are read
COUNTED = {"answers", "solved", "unanswered", "first_contact", "reopened"}  # figures of a case, by their own names
# What of a case is a metric as well.
MEASURED = {"solved", "first_contact", "reopened", "resolution_seconds"}


class Case(NamedTuple):
    """As what a ticket is counted: its connection, when its customer wrote (Unix seconds), and what."""

    channel: str
    account: str
    since: int
    language: str
    priority: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened once.

    `counts` is what it adds to the figures of the hour, `of_case` what it adds to those of `case`; `outcome` is what
    the bus is told of it, `call` what the people on call are.
    """

    id: str
    at: int  # seconds since 1970
    channel: str
    account: str
    counts: Mapping[str, int]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""
    case: Case | None = None
    of_case: Mapping[str, int] = field(default_factory=dict)


def facts_of(record: Mapping[str, Any]) -> list[Fact]:
    """Return what a stream record tells. Raises `KeyError`, `ValueError`, `TypeError` for a record of another shape."""
    change = record["dynamodb"]
    pk, sk = (str(change["Keys"][name]["S"]) for name in ("pk", "sk"))
    new, old = _plain(change.get("NewImage")), _plain(change.get("OldImage"))
    at = int(change["ApproximateCreationDateTime"])
    if sk.startswith(OVERDUE) and new and not old:
        return [_overdue(pk, sk, new, at)]
    if sk.startswith("M#"):
        return list(_outcomes(pk, sk, old, new, at))
    if sk.startswith("S#reply/"):
        return list(_answers(pk, sk, old, new, at))
    if pk.startswith("N#") and new and not old and not is_incident(str(new["thread"])):
        case, _ = _case(new, str(new["thread"]))
        return [_fact(at, str(new["thread"]), {"tickets": 1}, "ticket", pk, case=case, of_case={"tickets": 1})]
    return []


def _outcomes(pk: str, sk: str, old: Mapping[str, Any], new: Mapping[str, Any], at: int) -> Iterator[Fact]:
    """Yield how a message ended, once: it is `recorded` before, and changed afterwards only when a person is erased."""
    state = str(new.get("state", "recorded"))
    if state in UNENDED or old.get("state", "recorded") != "recorded":
        return
    kind = str(new.get("kind", "note"))
    counts = {state: 1}
    case, told = _case(new, pk[2:])
    of_case = _of_case(told)
    if kind == "message" and state == "filed" and not new.get("own"):
        counts |= {"messages": 1, "waiting_seconds": _waited(str(new.get("received_at", "")), int(new["done_at"]))}
        of_case |= {"messages": 1}
    if rating := int(new.get("rating", 0)):  # a customer's, of one to five
        rated = {"ratings": 1, "rating_points": rating, "ratings_good": int(rating >= GOOD)}
        counts, of_case = counts | rated, of_case | rated
    outcome = {
        "outcome": state,
        "reason": str(new.get("reason", "")),
        "kind": kind,
        "thread": digest(pk[2:])[:12],
        "event": digest(sk[2:])[:12],
        "ticket": str(new.get("ticket", "")),
        "received_at": str(new.get("received_at", "")),
        **_told(sk, new),
    }
    mirror, thread_key = mirrored(pk[2:])
    if is_mirror(pk[2:]):  # the message itself was counted in its conversation
        counts, outcome = {"mirrored" if state == "filed" else f"mirror_{state}": 1}, outcome | {"mirror": mirror}
        case, told = None, {}
    # A message says itself which account it is of: it may be filed in a thread of another one.
    whose = thread_key if kind in {"note", PLACE} else sk[2:]
    yield _fact(at, whose, counts, "outcome", pk, sk, outcome=outcome, case=case, of_case=of_case)
    if "first_after" in told:
        yield _first_answer(at, whose, int(told["first_after"]), case, pk, str(new.get("ticket", "")))


def _told(sk: str, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an outcome tells beside that it is one: that an answer was due."""
    if "judged" in new:
        fact = "answer_overdue" if sk.startswith(OVERDUE) else "answer_due"
        return {"fact": fact, "judged": str(new["judged"]), "within_minutes": int(new["minutes"])}
    return {}


def _overdue(pk: str, sk: str, new: Mapping[str, Any], at: int) -> Fact:
    """Return that a customer waits for longer than declared, as soon as it is known: the helpdesk may be down."""
    call = f"A customer (judged {new.get('judged')}) waits for an answer since more than {new.get('minutes')} minutes"
    return _fact(at, pk[2:], {"overdue_answers": 1}, "overdue", pk, sk, call=call if new.get("calls") else "")


def _answers(pk: str, sk: str, old: Mapping[str, Any], new: Mapping[str, Any], at: int) -> Iterator[Fact]:
    """Yield that an agent's answer was sent, and that it was the first one in its ticket."""
    if new.get("state") != "sent" or old.get("state") == "sent":
        return
    case, _ = _case(new, pk[2:])
    yield _fact(at, pk[2:], {"answers": 1}, "answer", pk, sk, case=case, of_case={"answers": 1})
    if "first_after" in new:
        yield _first_answer(at, pk[2:], int(new["first_after"]), case, pk, str(new.get("ticket", "")))


def _first_answer(at: int, whose: str, after: int, case: Case | None, pk: str, ticket: str) -> Fact:
    counts = {"first_answers": 1, "first_answer_seconds": after}
    of_case = {**counts, first_answer_in(bucket(after)): 1}
    return _fact(at, whose, counts, "first answer", pk, ticket, case=case, of_case=of_case)


def _fact(
    at: int,
    whose: str,
    counts: Mapping[str, int],
    *names: str,
    outcome: Mapping[str, Any] | None = None,
    call: str = "",
    case: Case | None = None,
    of_case: Mapping[str, int] | None = None,
) -> Fact:
    channel, account = _place(whose)
    return Fact(
        id=digest(compose(*names))[:32], at=at, channel=channel, account=account, counts=counts, outcome=outcome or {},
        call=call, case=case, of_case=(of_case or {}) if case else {},
    )  # fmt: skip


def _case(item: Mapping[str, Any], thread_key: str) -> tuple[Case | None, dict[str, int]]:
    """Return as what an item's ticket is counted and what the item adds to that; of before there was any, nothing."""
    if "figures" not in item:
        return None, {}
    since, language, priority, kind, counts = json.loads(item["figures"])
    return Case(*_place(thread_key), int(since), str(language), str(priority), str(kind)), counts


def _place(key: str) -> tuple[str, str]:
    """Return the channel and the account in a key."""
    channel, account = [*decompose(key), "", ""][:2]
    return channel, account


def _of_case(told: Mapping[str, int]) -> dict[str, int]:
    """Return what a case's figures get of what was told of it (see `conversation.case`)."""
    found = {name: int(number) for name, number in told.items() if name in COUNTED}
    for name, sign in (("resolved", 1), ("unresolved", -1)):
        if name in told:
            after = int(told[name])
            found |= {"resolved": sign, "resolution_seconds": sign * after, resolved_in(bucket(after)): sign}
    return found


def first_answer_in(number: int) -> str:
    """Return the figure of the first answers in a bucket of time (see `care.waits`)."""
    return f"a{number:02}"


def resolved_in(number: int) -> str:
    """Return the figure of the tickets resolved in a bucket of time."""
    return f"r{number:02}"


def _waited(received_at: str, done_at: int) -> int:
    """Return the seconds from a delivery to its outcome (`done_at` in milliseconds), 0 where it does not say when."""
    if not received_at:
        return 0
    received = datetime.fromisoformat(received_at).astimezone(UTC).timestamp()
    return max(0, round(done_at / 1000 - received))


def _plain(image: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return what is read of an item, as plain values; nothing for no item."""
    found: dict[str, Any] = {}
    for name in READ & (image or {}).keys():
        ((kind, value),) = (image or {})[name].items()
        if kind in ENTRY:
            found[name] = value
    return found
