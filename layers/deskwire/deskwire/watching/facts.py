"""Turn the table's stream into facts to count. Pure, and without reading customers' words.

A record of DynamoDB Streams holds the item before and after its change
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html). Lambda delivers it at
least once. A fact's `id` is derived from what happened, not from the record, so it is the same after a redelivery.
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

# The attributes that are read. The others are not: an event, a note and a raw fragment hold customers' words.
READ = frozenset(
    {"state", "reason", "kind", "own", "ticket", "received_at", "done_at", "thread", "helpdesk", "first_after"}
    | {"judged", "minutes", "calls", "rating", "figures"}
)
UNENDED = {"recorded", "moved"}  # states of a message without an outcome
OVERDUE = f"M#{REMINDER}/overdue/"  # prefix of the sort keys of notes that an answer is overdue
GOOD = 4  # stars of five from which a customer counts as satisfied
ENTRY = {"S", "N", "BOOL"}  # the attribute types that are read
COUNTED = {"answers", "solved", "unanswered", "first_contact", "reopened"}  # figures of a case under their own names
# The figures of a case that are also metrics.
MEASURED = {"solved", "first_contact", "reopened", "resolution_seconds"}


class Case(NamedTuple):
    """The attributes under which a ticket is counted. `since`: when its customer wrote (Unix seconds)."""

    channel: str
    account: str
    since: int
    language: str
    priority: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened once.

    `counts`: what it adds to the hour's figures; `of_case`: what it adds to the figures of `case`. `outcome`: the
    fields to publish on the bus; `call`: the text for the people on call.
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
    """Return the facts in a stream's record. Raises `KeyError`, `ValueError`, `TypeError` for another shape."""
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
    """Yield a message's outcome, once: when it changes from `recorded`. Later changes are erasures."""
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
    if rating := int(new.get("rating", 0)):  # the customer's, one to five
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
    if is_mirror(pk[2:]):  # the original was counted in its conversation
        counts, outcome = {"mirrored" if state == "filed" else f"mirror_{state}": 1}, outcome | {"mirror": mirror}
        case, told = None, {}
    # A message's own key names its account: it may be filed in a thread of another account.
    whose = thread_key if kind in {"note", PLACE} else sk[2:]
    yield _fact(at, whose, counts, "outcome", pk, sk, outcome=outcome, case=case, of_case=of_case)
    if "first_after" in told:
        yield _first_answer(at, whose, int(told["first_after"]), case, pk, str(new.get("ticket", "")))


def _told(sk: str, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the further fields of an outcome that says that an answer is due or overdue."""
    if "judged" in new:
        fact = "answer_overdue" if sk.startswith(OVERDUE) else "answer_due"
        return {"fact": fact, "judged": str(new["judged"]), "within_minutes": int(new["minutes"])}
    return {}


def _overdue(pk: str, sk: str, new: Mapping[str, Any], at: int) -> Fact:
    """Return the fact that an answer is overdue. It is counted before the note is filed: the helpdesk may be down."""
    call = f"A customer (judged {new.get('judged')}) waits for an answer since more than {new.get('minutes')} minutes"
    return _fact(at, pk[2:], {"overdue_answers": 1}, "overdue", pk, sk, call=call if new.get("calls") else "")


def _answers(pk: str, sk: str, old: Mapping[str, Any], new: Mapping[str, Any], at: int) -> Iterator[Fact]:
    """Yield the facts that an agent's answer was sent, and that it was its ticket's first."""
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
    """Return the case in an item and the counts it adds; None and {} for an item from before cases were counted."""
    if "figures" not in item:
        return None, {}
    since, language, priority, kind, counts = json.loads(item["figures"])
    return Case(*_place(thread_key), int(since), str(language), str(priority), str(kind)), counts


def _place(key: str) -> tuple[str, str]:
    """Return the channel and the account in a key."""
    channel, account = [*decompose(key), "", ""][:2]
    return channel, account


def _of_case(told: Mapping[str, int]) -> dict[str, int]:
    """Return what to add to a case's figures (see `conversation.case`)."""
    found = {name: int(number) for name, number in told.items() if name in COUNTED}
    for name, sign in (("resolved", 1), ("unresolved", -1)):
        if name in told:
            after = int(told[name])
            found |= {"resolved": sign, "resolution_seconds": sign * after, resolved_in(bucket(after)): sign}
    return found


def first_answer_in(number: int) -> str:
    """Return the name of the figure for first answers in a bucket of time (see `care.waits`)."""
    return f"a{number:02}"


def resolved_in(number: int) -> str:
    """Return the name of the figure for tickets resolved in a bucket of time."""
    return f"r{number:02}"


def _waited(received_at: str, done_at: int) -> int:
    """Return the seconds from receipt to outcome (`done_at` is in milliseconds); 0 if the receipt has no time."""
    if not received_at:
        return 0
    received = datetime.fromisoformat(received_at).astimezone(UTC).timestamp()
    return max(0, round(done_at / 1000 - received))


def _plain(image: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return the attributes in `READ` as plain values; {} for no item."""
    found: dict[str, Any] = {}
    for name in READ & (image or {}).keys():
        ((kind, value),) = (image or {})[name].items()
        if kind in ENTRY:
            found[name] = value
    return found
