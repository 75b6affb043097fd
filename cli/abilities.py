"""`deskwire channels` and `deskwire helpdesks`: what each connector can do, as the conformance suite proved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskwire import registry
from deskwire.contracts import actions, registration
from deskwire.contracts import channel as contracts
from deskwire.contracts import helpdesk as desk_contracts

from .terminal import console, json_document

if TYPE_CHECKING:
    import argparse

PROVEN = Path(__file__).with_name("abilities.json")  # written by `python -m tests.conformance.table`
PROTOCOLS: Mapping[str, type] = {
    "act": actions.Actions,
    "complete": contracts.Fetches,
    "fetch": contracts.Media,
    "moderate": contracts.Moderates,
    "poll": contracts.Polls,
    "profile": contracts.Profiles,
    "register": registration.Registers,
    "registration": registration.Registers,
    "send": contracts.Replies,
    "sent": contracts.Asks,
}
WORDS = {
    "act": "serves its pages",
    "append": "adds messages to a ticket",
    "close": "closes tickets",
    "complete": "fetches the words",
    "fetch": "fetches attachments its own way",
    "file": "hands over agents' files",
    "find": "finds after doubt what was filed",
    "history": "tells a customer's earlier tickets",
    "moderate": "hides public messages",
    "open": "opens tickets",
    "poll": "is looked at every minute",
    "profile": "looks names up",
    "redact": "redacts",
    "register": "sets its webhook up",
    "registration": "looks at its webhook and tokens every hour",
    "replies": "reads agents' answers",
    "send": "sends answers",
    "sent": "tells after doubt what was sent",
    "update": "raises priorities and adds tags later",
}
UNITS = {"utf16": "UTF-16 units", "weighted": "weighted characters"}


def channels(args: argparse.Namespace) -> int:
    """List the channels."""
    found = {name: _channel(name) for name in registry.channel_names()}
    return _show(found, "channels", as_json=args.json)


def helpdesks(args: argparse.Namespace) -> int:
    """List the helpdesks."""
    found = {name: _helpdesk(name) for name in registry.helpdesk_names()}
    return _show(found, "helpdesks", as_json=args.json)


def _channel(name: str) -> dict[str, Any]:
    """Return what a channel's class declares."""
    subject = registry.channel(name)
    sends = {
        place: {"most": sending.text.value.most, "unit": str(sending.text.value.unit),
                          "automatic": sending.automatic}
        for place, sending in subject.terms.places.items()
    }  # fmt: skip
    does = sorted(word for word, protocol in PROTOCOLS.items() if isinstance(subject, protocol))
    return {"title": subject.title, "does": does, "sends": sends, "gaps": dict(subject.known_gaps), **_asks(subject)}


def _helpdesk(name: str) -> dict[str, Any]:
    """Return what a helpdesk's class declares."""
    subject = registry.helpdesk(name)
    does = ["append", "find", "open", "replies"]
    does += ["poll"] * isinstance(subject, desk_contracts.PollsTickets)
    does += ["redact"] * isinstance(subject, desk_contracts.Redacts)
    does += ["update"] * isinstance(subject, desk_contracts.Updates)
    does += ["register", "registration"] * isinstance(subject, registration.Registers)
    does += ["close"] * isinstance(subject, desk_contracts.Closes)
    does += ["file"] * isinstance(subject, desk_contracts.GivesFiles)
    does += ["history"] * isinstance(subject, desk_contracts.History)
    return {"title": subject.title, "does": sorted(does), "gaps": dict(subject.known_gaps), **_asks(subject)}


def _asks(subject: contracts.Channel | desk_contracts.Helpdesk) -> dict[str, Any]:
    """Return what a connector needs in `deskwire.yaml` and Secrets Manager."""
    return {
        "connection": {"settings": dict(subject.connection_settings), "secrets": dict(subject.connection_secrets)},
        "endpoint": {"settings": dict(subject.endpoint_settings), "secrets": dict(subject.endpoint_secrets)},
    }


def _show(found: dict[str, dict[str, Any]], side: str, *, as_json: bool) -> int:
    from rich.padding import Padding
    from rich.text import Text

    proven = json.loads(PROVEN.read_text(encoding="utf-8")).get(side, {}) if PROVEN.exists() else {}
    shown = {name: declared | proven.get(name, {}) | {"proven": name in proven} for name, declared in found.items()}
    if as_json:
        json_document(shown)
        return 0
    out = console()
    for name, each in shown.items():
        out.print(Text.assemble((name, "bold green"), f" · {each['title']} · {_proof(each)}"))
        for word, text in _lines(each):
            out.print(Padding(Text(f"{word}: {text}"), (0, 0, 0, 2), expand=False))
    return 0


def _lines(each: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if each.get("receives"):
        yield "says", ", ".join(each["receives"])
    yield "does", ", ".join(WORDS.get(word, word) for word in each["does"])
    if each.get("sends"):
        yield "takes", _sends(each["sends"])
    for place in ("endpoint", "connection"):
        for what in ("settings", "secrets"):
            for key, words in each[place][what].items():
                yield f"{place}'s {what.removesuffix('s')} {key}", words
    for rule, reason in each["gaps"].items():
        yield f"gap {rule}", reason


def _sends(sends: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{visibility}: {rules['most']} {UNITS.get(rules['unit'], rules['unit'])}"
        + ("" if rules["automatic"] else ", nothing automatic")
        for visibility, rules in sends.items()
    )


def _proof(each: Mapping[str, Any]) -> str:
    if not each["proven"]:
        return "declared, not proven"  # the suite has not run over it yet
    rules: Mapping[str, str] = each.get("rules", {})
    open_: Sequence[str] = [rule for rule, state in rules.items() if state != "proven"]
    return f"{len(rules) - len(open_)} rules proven" + (f", not {', '.join(open_)}" if open_ else "")
