"""`deskwire audit`: every event has exactly one outcome, or it is named here with what to do about it.

So is what waits for a person in the queues: parked deliveries and dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deskwire.conversation.recorded import RECORDED, Outcome
from deskwire.operating.auditing import Audit, audit, mend

from .aws import understood
from .operating import age, desk, now, span
from .terminal import console, json_document, table

if TYPE_CHECKING:
    import argparse


COPIED = (Outcome.FILED, Outcome.MERGED)
# What lies in these queues goes on by itself no more.
FOR_A_PERSON = {
    "parked": "could not be read: `deskwire parked` lists them",
    "dead": "failed five times: `deskwire dead` lists them",
}


def run(args: argparse.Namespace) -> int:
    """Scan the table; return 1 if anything is astray, parked or dead."""
    deployed = desk(args)
    until = now()
    with understood(f"“{deployed.place.name}” cannot be read"):
        found = audit(deployed.table, since=until - span(args.since), now=until)
        queues = deployed.sizes()
        mended = mend(deployed.table, deployed.mailbox, deployed.archive, found.strays, until) if args.mend else 0
    left = [name for name in FOR_A_PERSON if queues.get(name)]
    in_order = not (found.strays or left)
    shown = described(found) | {"queues": queues, "in_order": in_order} | ({"mended": mended} if args.mend else {})
    if args.json:
        json_document(shown)
    else:
        _tell(shown)
    return 0 if in_order else 1


def described(found: Audit) -> dict[str, Any]:
    """Return the audit as plain JSON."""
    return {
        "since": found.since.isoformat(timespec="seconds"),
        "until": found.until.isoformat(timespec="seconds"),
        "events": found.events,
        "outcomes": dict(found.outcomes),
        "aside": dict(found.aside),
        "copies": {
            "copied": sum(number for state, number in found.mirrored.items() if state in COPIED),
            "behind": found.mirrored.get(RECORDED, 0),
            "given_up": {state: n for state, n in found.mirrored.items() if state not in {*COPIED, RECORDED}},
        },
        "waiting": found.waiting,
        "moved": found.moved,
        "notes": found.notes,
        "discarded": found.discarded,
        "strays": [
            {
                "connection": each.connection, "age_seconds": each.age, "state": each.state, "event": each.event,
                "thread": each.thread, "what_to_do": each.advice,
            }
            for each in found.strays
        ],
    }  # fmt: skip


def _tell(shown: dict[str, Any]) -> None:
    out = console()
    out.print(f"events recorded since {shown['since']}: {shown['events']}")
    for name, number in shown["outcomes"].items():
        out.print(f"  {number:>8}  {name}")
    for reason, number in shown["aside"].items():
        out.print(f"  {number:>8}  of the suppressed: {reason}")
    out.print(f"  {shown['waiting']:>8}  wait, and somebody is to go on with them")
    without = shown["events"] - sum(shown["outcomes"].values()) - shown["waiting"]
    out.print(f"  {without:>8}  without an outcome")
    copies = shown["copies"]
    if any(copies.values()):
        given_up = ", ".join(f"{number} {state}" for state, number in copies["given_up"].items()) or "none"
        out.print(f"copied into a mirror: {copies['copied']}, behind: {copies['behind']}, given up: {given_up}")
    for name, number in shown["queues"].items():
        out.print(f"{name}: about {number}" + (f", {FOR_A_PERSON[name]}" if number and name in FOR_A_PERSON else ""))
    if unknown := [name for name in FOR_A_PERSON if name not in shown["queues"]]:
        out.print(f"not looked at: {' and '.join(unknown)} (give --stack)")
    out.print(f"discarded by a person: {shown['discarded']}")
    if shown["strays"]:
        rows = [(each["connection"], age(each["age_seconds"]), each["state"], each["event"], each["thread"],
                 each["what_to_do"]) for each in shown["strays"]]  # fmt: skip
        table(("connection", "age", "state", "event", "thread", "what to do"), rows)
    if "mended" in shown:
        out.print(f"put on the mailbox once more: {shown['mended']} letters; look again in some minutes")
    if not shown["strays"]:
        out.print("every event has its outcome, or waits for it as it should")
