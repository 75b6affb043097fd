"""`deskwire thread`: show a conversation. Customers' words and names are hidden unless requested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskwire.configuration import INDEX_KEY
from deskwire.conversation.incidents import language_for
from deskwire.conversation.recorded import RECORDED, Outcome, Recorded, recorded
from deskwire.conversation.table import moment, person_item, reference_item, thread_item, ticket_item
from deskwire.conversation.thread import Thread
from deskwire.model.mirrors import is_to_be_copied, mirror_thread

from .aws import place, understood
from .terminal import UserError, console, json_document, table

if TYPE_CHECKING:
    import argparse

    from deskwire.ports import Item, Table

REFERENCE = re.compile(r"([0-9A-Za-z]{5})-?([0-9A-Za-z]{5})")
LOOK_ALIKES = str.maketrans("ILOU", "110V")  # Crockford's: what people read and type for others
MOVES = 5  # from thread to thread
GIVEN_UP = (Outcome.SUPPRESSED, Outcome.REFUSED, Outcome.DEAD)  # of a copy


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread's items: messages in the order received, sent texts in the order begun."""

    thread: Thread
    came_by: tuple[str, ...]  # the threads that lead here
    messages: tuple[tuple[Recorded, Item], ...]
    sent: tuple[Item, ...]
    opted_out: bool
    copies: tuple[Copies, ...] = ()


@dataclass(frozen=True, slots=True)
class Copies:
    """The state of a conversation's mirror: the number of copied items, and why some never will be."""

    helpdesk: str
    ticket: str
    copied: int
    behind: int
    given_up: tuple[str, ...]  # the reasons


HEADINGS = ("written", "kind", "outcome", "reason", "done", "words")


def run(args: argparse.Namespace) -> int:
    """Print a conversation."""
    target = place(args)
    with understood(f"the table “{target.name}” cannot be read"):
        found = look(target.table, args.reference)
    if args.json:
        json_document(described(found, text=args.text))
    else:
        _tell(described(found, text=args.text))
    return 0


def look(items: Table, reference: str) -> Conversation:
    """Return the conversation of a reference, HELPDESK/TICKET or a thread's key. Raises `UserError`."""
    key = _find(items, reference)
    came_by: list[str] = []
    rows = items.query(thread_item(key)[0])
    while (alias := _of(rows, "THREAD").get("alias_of")) and len(came_by) < MOVES:
        came_by.append(key)
        key = str(alias)
        rows = items.query(thread_item(key)[0])
    thread = Thread.model_validate(_of(rows, "THREAD") or {"pk": thread_item(key)[0]})
    messages = [(recorded(row), row) for row in rows if row["sk"].startswith("M#")]
    messages.sort(key=lambda pair: pair[1].get("recorded_at", 0))
    sent = sorted((row for row in rows if row["sk"].startswith("S#")), key=lambda row: row.get("begun_at", 0))
    customer = thread.author.get("id")
    person = items.get(person_item(thread.channel, customer)) if customer else None
    opted_out = bool(person and person.get("opted_out"))
    copies = tuple(_copies(items, thread, rows, helpdesk) for helpdesk in thread.mirrored)
    return Conversation(thread, tuple(came_by), tuple(messages), tuple(sent), opted_out, copies)


def _copies(items: Table, thread: Thread, rows: Iterable[Item], helpdesk: str) -> Copies:
    """Return the state of the mirror in a helpdesk for a conversation with these items."""
    there = items.query(thread_item(mirror_thread(helpdesk, thread.key))[0])
    states = {row["sk"][2:]: row for row in there if row["sk"].startswith("M#") and "state" in row}
    named = [row for row in rows if row.get("mirror") == helpdesk and is_to_be_copied(row["sk"], row.get("state", ""))]
    missing = sum(row["sk"][2:] not in states and not row.get("erased") for row in named)
    ours = [row for key, row in states.items() if any(key == each["sk"][2:] for each in named)]
    done = [row for row in ours if row["state"] in {Outcome.FILED, Outcome.MERGED}]
    given_up = [str(row["reason"]) for row in ours if row["state"] in GIVEN_UP]
    waiting = sum(row["state"] == RECORDED for row in ours)
    ticket = str(_of(there, "THREAD").get("ticket", ""))
    return Copies(helpdesk, ticket, len(done), waiting + missing, tuple(given_up))


def _of(rows: Iterable[Item], sk: str) -> Item:
    return next((row for row in rows if row["sk"] == sk), {})


def _find(items: Table, given: str) -> str:
    """Return the key of the thread meant by `given`."""
    if match := REFERENCE.fullmatch(given):
        text = "-".join(match.groups()).upper()
        for candidate in dict.fromkeys((text, text.translate(LOOK_ALIKES))):
            if row := items.get(reference_item(candidate)):
                return str(row["thread"])
    if items.get(thread_item(given)) is not None:
        return given
    helpdesk, slash, ticket = given.partition("/")
    if slash and (row := items.get(ticket_item(helpdesk, ticket))) and "thread" in row:  # else somebody else's ticket
        return str(row["thread"])
    desks = sorted(str(pk)[2:] for pk, sk in (items.get(INDEX_KEY) or {}).get("keys", ()) if sk == "HELPDESK")
    named = f" ({', '.join(desks)})" if desks else ""
    raise UserError(
        f"nothing is known of “{given}”: give our reference (7F3K2-9QXMA), HELPDESK/TICKET with the helpdesk's name in "
        f"deskwire.yaml{named}, or a thread's key (`deskwire parse` shows "
        "channel/account/thread)"
    )


def described(found: Conversation, *, text: bool) -> dict[str, Any]:
    """Return a conversation as plain JSON; `text`: with customers' names and words."""
    return {
        "thread": _thread(found) | ({"customer": dict(found.thread.author)} if text else {}),
        "messages": [_message(message, row, text=text) for message, row in found.messages],
        "sent": [_sent(row) for row in found.sent],
        "mirrors": [
            {
                "helpdesk": each.helpdesk, "ticket": each.ticket or None, "copied": each.copied,
                "behind": each.behind, "given_up": list(each.given_up),
            }
            for each in found.copies
        ],
    }  # fmt: skip


def _thread(found: Conversation) -> dict[str, Any]:
    """Return the thread's own fields as plain JSON, without customers' words."""
    thread = found.thread
    return {
        "key": thread.key,
        "reference": thread.reference,
        "channel": thread.channel,
        "account": thread.account,
        "visibility": str(thread.visibility),
        "helpdesk": thread.helpdesk or None,
        "ticket": thread.ticket or None,
        "status": None if thread.status is None else str(thread.status),
        "assignee": (thread.assignee.name or thread.assignee.id or None) if thread.assignee else None,
        "assigned_at": _second(thread.assigned_at),
        "priority": thread.priority or None,
        "tags": list(thread.tags),
        "tickets_so_far": thread.epoch + 1 if thread.ticket else 0,
        "opened_at": _second(thread.opened_at),
        "last_inbound": _second(thread.last_inbound),
        "acknowledged_at": _second(thread.acknowledged_at),
        "answered_at": _second(thread.answered_at),
        "rested_at": _second(thread.rested_at),
        **_automatic(thread),
        "waiting": len(thread.pending) + thread.waiting,
        "in_doubt": len(thread.sending),
        "attempts": thread.attempts,
        "due_at": _second(thread.due_at),
        "in_work": bool(thread.lease_owner),
        "opted_out": found.opted_out,
        "came_by": list(found.came_by),
        "copy_of": thread.mirrors or None,
    }


def _automatic(thread: Thread) -> dict[str, Any]:
    """Return the state of automatic answers, quotations and hidden messages, without words."""
    return {
        "automatic_answer": None if thread.said is None else f"{thread.said.name} ({thread.said.state})",
        "to_be_quoted": len(thread.kept),
        "earlier_tickets": thread.past.tickets if thread.past else 0,
        "guarded": dict(thread.guarded),
        "to_be_guarded": [f"{each.object_id}: {', '.join(each.todo)}" for each in thread.guards if each.todo],
        "invited_at": _second(thread.invited_at),
    }


def _message(message: Recorded, row: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    content = message.content
    shown: dict[str, Any] = {
        "key": message.key,
        "kind": str(content.kind) if content else ("note" if message.note else "mark"),
        "own": content.own if content else True,
        "occurred_at": content.to_json().get("occurred_at") if content else None,
        "received_at": message.received_at or None,
        "recorded_at": _millisecond(row.get("recorded_at", 0)),
        "done_at": _millisecond(row.get("done_at", 0)),
        "outcome": message.state if message.done else None,
        "reason": message.reason or None,
        "ticket": message.ticket or None,
        "entry": message.entry or None,
        "attachments": len(message.event.attachments) if message.event else 0,
    }
    return shown | (_words_of(message) if text else {})


def _words_of(message: Recorded) -> dict[str, Any]:
    """Return a message's author and words; a note of ours has no author."""
    if message.event is None:
        return {"author": None, "text": message.note or _noticed(message)}
    author = message.event.author
    return {"author": author and (author.name or author.handle or author.id), "text": message.event.text}


def _noticed(message: Recorded) -> str:
    """Return an incident's words for the ticket, or for the customer."""
    notice = message.notice
    return "" if notice is None else notice.words or notice.texts[language_for(notice)]


def _sent(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": row["sk"][2:],
        "state": row.get("state"),
        "ids": list(row.get("ids", [])),
        "reason": row.get("reason") or None,
        "begun_at": _second(row.get("begun_at", 0)),
        "done_at": _millisecond(row.get("done_at", 0)),
    }


def _second(stamp: int) -> str | None:
    return moment(stamp).isoformat().replace("+00:00", "Z") if stamp else None


def _millisecond(stamp: int) -> str | None:
    return _second(stamp // 1000)


def _tell(shown: Mapping[str, Any]) -> None:
    _tell_thread(shown["thread"])
    rows = [_row(message) for message in shown["messages"]]
    table(HEADINGS[: len(rows[0])] if rows else HEADINGS[:-1], rows)
    if shown["sent"]:
        table(("sent", "state", "ids on the platform", "reason"), [_sent_row(each) for each in shown["sent"]])
    if shown["mirrors"]:
        table(("mirror", "copied", "behind", "given up", "reason"), [_mirror_row(each) for each in shown["mirrors"]])


def _tell_thread(thread: Mapping[str, Any]) -> None:
    from rich.text import Text

    out = console()
    where = f"{thread['helpdesk']}/{thread['ticket']}" if thread["ticket"] else "no ticket yet"
    out.print(Text(f"{thread['reference']}  {where}", style="bold"))
    for name, value in thread.items():
        if value not in (None, "", 0, False, [], {}) and name not in {"reference", "helpdesk", "ticket"}:
            out.print(f"  {name.replace('_', ' ')}: {_words(value)}")


def _row(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a message's cells for `HEADINGS`; without its words unless they are shown."""
    return (
        message["occurred_at"] or message["recorded_at"] or "",
        ("ours, " if message["own"] else "") + message["kind"],
        message["outcome"] or RECORDED,
        message["reason"] or "",
        message["done_at"] or "",
        *([f"{message['author'] or ''}: {message['text']}"] if "text" in message else []),
    )


def _sent_row(each: Mapping[str, Any]) -> tuple[str, ...]:
    return each["begun_at"] or each["done_at"] or "", each["state"] or "", ", ".join(each["ids"]), each["reason"] or ""


def _mirror_row(each: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = ", ".join(dict.fromkeys(each["given_up"]))
    where = f"{each['helpdesk']}/{each['ticket']}" if each["ticket"] else f"{each['helpdesk']}, no ticket yet"
    return where, str(each["copied"]), str(each["behind"]), str(len(each["given_up"])), reasons


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each)
    return ", ".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)
