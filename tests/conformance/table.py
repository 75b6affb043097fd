"""Runs the suite and writes what it proved: docs/connectors.md for people, cli/abilities.json for the command.

`python -m tests.conformance.table`; nothing is written when a test fails. With `--connector x` the suite runs for that
connector alone; what stands there of the others stays.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from deskwire.contracts.helpdesk import Helpdesk
from deskwire.contracts.terms import Figure
from tests.conformance import world
from tests.conformance.conftest import connector_of

FOLDER = Path(__file__).parent
PAGE = world.ROOT / "docs" / "connectors.md"
DATA = world.ROOT / "cli" / "abilities.json"
COMMAND = "python -m tests.conformance.table"
CALLS = {
    "send": "replies",
    "sent": "tells after doubt whether it was sent",
    "complete": "fetches the words",
    "moderate": "hides public messages",
    "profile": "names the author",
    "fetch": "fetches media",
    "poll": "is polled",
    "open": "opens tickets",
    "append": "extends tickets",
    "find": "finds by key",
    "replies": "reads agents' replies",
    "redact": "redacts",
    "file": "hands over agents' files",
    "edit": "edits",
    "update": "raises priority and adds tags later",
    "close": "closes tickets",
    "history": "tells a customer's earlier tickets",
    "registration": "looks at its webhook and tokens",
    "register": "sets its webhook up",
}


class Proof:
    """A pytest plugin that notes, for each connector and rule, how its tests ended."""

    def __init__(self):
        self.ends = defaultdict(set)
        self.rules = {}

    def pytest_collection_modifyitems(self, items):
        for item in items:
            marker = item.get_closest_marker("rule")
            members = [value for value in getattr(item, "callspec", _Nobody).params.values() if _is_member(value)]
            if marker and members:
                self.rules[item.nodeid] = (connector_of(members[0]), marker.args[0].partition(".")[0])

    def pytest_runtest_logreport(self, report):
        if report.nodeid in self.rules and (report.when == "call" or report.skipped):
            end = "gap" if hasattr(report, "wasxfail") else report.outcome
            self.ends[self.rules[report.nodeid]].add(end)

    def of(self, connector):
        """Return {rule: proven, or in part} for a connector; rules that do not concern it are left out."""
        found = {rule: ends for (name, rule), ends in self.ends.items() if name == connector}
        return {
            rule: "proven" if "gap" not in ends else "in part" if "passed" in ends else "gap"
            for rule, ends in sorted(found.items(), key=lambda pair: (pair[0][0], int(pair[0][1:])))
            if ends & {"passed", "gap"}
        }


class _Nobody:
    params: dict = {}  # noqa: RUF012


def _is_member(value):
    return isinstance(value, world.Capture | world.Exchange) or (isinstance(value, str) and value in world.connectors())


def shown(name):
    """Return what a connector's captures and exchanges show, and what it declares. No rule's outcome."""
    connector = world.connectors()[name]
    events = world.expected_events(name)
    told = [event for event in events if "about" not in event]
    good = [item for item in world.exchanges(name) if item.ends_well]
    found = {
        "title": connector.title,
        "receives": sorted({world.kind_of(event) for event in events}),
        "attachments": sorted({each["kind"] for event in told for each in event["attachments"]}),
        "visibility": sorted({event["visibility"] for event in told}),
        "does": sorted({item.call for item in good}),
        "gaps": dict(sorted(connector.known_gaps.items())),
        "unconfirmed": sorted(figure for figure, value in _figures(connector.terms) if not value.confirmed),
    }
    if isinstance(connector, Helpdesk):
        abilities = connector.abilities
        updates = abilities.updates
        found |= {
            "native_key": abilities.native_key,
            "find_open": abilities.find_open,
            "find_append": abilities.find_append,
            "several_at_once": abilities.several,
            "edit": abilities.edit,
            "redact": abilities.redact,
            "attachments_in": abilities.attachments,
            "entry_bytes": abilities.entry_bytes,
            "four_byte_characters": abilities.four_byte,
            "updates": None if updates is None else [updates[0], updates[1].total_seconds()],
            "pushes": abilities.pushes,
            "polls": abilities.polls,
            "reopens": abilities.reopens,
            "tells_closing": abilities.tells_closing,
            "tells_status": _ways(name, "status"),
            "tells_assignee": _ways(name, "assignee"),
        }
        return found
    places = {world.place_of(item) for item in good if item.call == "send"}
    found["sends"] = {
        place: {
            "most": sending.text.value.most,
            "unit": str(sending.text.value.unit),
            "pieces": sending.text.value.pieces,
            "automatic": sending.automatic,
            "windows": [
                {
                    "name": window.name,
                    "hours": None if window.span.value is None else window.span.value.total_seconds() / 3600,
                    "automatic": window.automatic.value,
                    "tag": window.tag,
                    "template": window.template,
                }
                for window in sending.windows
            ],
        }
        for place, sending in sorted(connector.terms.places.items())
        if place in places
    }
    return found


def _ways(name, field):
    """Return by which ways a helpdesk tells what became of a ticket, or who has it."""
    ways = {"webhook": world.delivered(name), "polling": world.polled(name)}
    return [way for way, found in ways.items() if any(getattr(each, field) is not None for each in found)]


def _figures(contract):
    from tests.conformance.test_hygiene import figures  # pytest rewrites what it imports itself

    return ((name, figure) for name, figure in figures(contract) if isinstance(figure, Figure))


def tabulated(proof):
    """Return what cli/abilities.json holds; `proof` gives the rules of each connector."""
    sides = {"channels": {}, "helpdesks": {}}
    for name, connector in world.connectors().items():
        side = "helpdesks" if isinstance(connector, Helpdesk) else "channels"
        sides[side][name] = {**shown(name), "rules": proof(name)}
    return sides


# ---------------------------------------------------------------------------------------------------- the page


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def yes(value):
    return "yes" if value else "–"


def window(found):
    """Return a window as people read it: `7 days, written by a person (HUMAN_AGENT)`."""
    value = found["hours"]
    span = "no limit" if value is None else f"{value:g} hours" if value <= 48 else f"{value / 24:g} days"
    special = found["tag"] or ("approved templates" if found["template"] else "")
    return span + ("" if found["automatic"] else ", written by a person") + (f" ({special})" if special else "")


def page(sides):
    """Return docs/connectors.md."""
    channels, helpdesks = sides["channels"], sides["helpdesks"]
    everyone = {**channels, **helpdesks}
    sections = {
        "Channels": table_of(CHANNEL, [channel_row(name, data) for name, data in channels.items()]),
        "Answers": table_of(ANSWER, [cells for name, data in channels.items() for cells in answer_rows(name, data)]),
        "Helpdesks": table_of(HELPDESK, [helpdesk_row(name, data) for name, data in helpdesks.items()]),
        "What was proved": proved(everyone),
        "Gaps": gaps(everyone),
    }
    body = [line for title, lines in sections.items() for line in ("", f"## {title}", "", *lines)]
    return "\n".join([*INTRODUCTION, *body]) + "\n"


INTRODUCTION = (
    "# Connectors: what each can do",
    "",
    f"Written by `{COMMAND}` from what the conformance suite proved; do not edit. An ability stands here because a",
    "captured delivery or a recorded exchange shows it. *(not confirmed)* marks figures that only third parties tell.",
)
CHANNEL = ("channel", "receives", "attachments", "does besides")
ANSWER = ("channel", "where", "longest text", "automatic answers", "windows")
HELPDESK = (
    "helpdesk", "idempotency key of its own", "finds after doubt", "several entries at once", "longest entry",
    "emoji", "files", "redacts", "priority and tags later", "tells of replies by",
    "solved, reopened", "who has it", "earlier tickets", "closed tickets",
)  # fmt: skip


def table_of(heads, rows):
    return [row(*heads), row(*("---" for _ in heads)), *(row(*cells) for cells in rows)]


def channel_row(name, data):
    does = ", ".join(CALLS[call] for call in data["does"] if call != "send") or "–"
    return f"{data['title']} (`{name}`)", ", ".join(data["receives"]), ", ".join(data["attachments"]) or "–", does


def answer_rows(name, data):
    for place, sending in data["sends"].items():
        size = f"{sending['most']:,} {sending['unit']}" + (f" × {sending['pieces']}" if sending["pieces"] > 1 else "")
        doubt = " *(not confirmed)*" if f"{place}.text" in data["unconfirmed"] else ""
        automatic = "where the event allows" if sending["automatic"] else "never"
        yield f"`{name}`", place, size + doubt, automatic, "; ".join(map(window, sending["windows"]))


def helpdesk_row(name, data):
    def able(**words):
        return ", ".join(word for word, is_able in words.items() if is_able) or "–"

    return (
        f"{data['title']} (`{name}`)",
        yes(data["native_key"]),
        able(tickets=data["find_open"], entries=data["find_append"]),
        yes(data["several_at_once"]),
        f"{data['entry_bytes']:,} bytes",
        yes(data["four_byte_characters"]),
        yes(data["attachments_in"]),
        yes("redact" in data["does"]),
        yes("update" in data["does"]),
        able(webhook=data["pushes"], polling=data["polls"]),
        ", ".join(data["tells_status"]) or "–",
        ", ".join(data["tells_assignee"]) or "–",
        yes("history" in data["does"]),
        able(**{"opened again": data["reopens"], "their day is told": data["tells_closing"]}),
    )


def proved(everyone):
    def order(rule):
        return rule[0], int(rule[1:])

    rules = sorted({rule for data in everyone.values() for rule in data["rules"]}, key=order)
    rows = [(rule, *(data["rules"].get(rule, "–") for data in everyone.values())) for rule in rules]
    return [
        "The rules are those of `tests/conformance/README.md`. A dash: it does not concern this connector.",
        "",
        *table_of(("rule", *(f"`{name}`" for name in everyone)), rows),
    ]


def gaps(everyone):
    found = [
        f"* `{name}`, {rule}: {reason}" for name, data in everyone.items() for rule, reason in data["gaps"].items()
    ]
    return ["Declared on the connector; closing one fails the suite until the declaration is gone.", "", *found]


def kept(only):
    """Return the rules' outcomes of the other connectors as they are written, by connector; none when all are run."""
    written = json.loads(DATA.read_text(encoding="utf-8")) if only and DATA.exists() else {}
    return {name: data["rules"] for side in written.values() for name, data in side.items() if name not in only}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connector", action="append", default=[], metavar="NAME", help="may be repeated")
    only = parser.parse_args().connector
    proof, others = Proof(), kept(only)
    chosen = [word for name in only for word in ("--connector", name)]
    status = pytest.main(
        ["-q", "-p", "no:cacheprovider", *chosen, f"--ignore={FOLDER / 'test_capability_table.py'}", str(FOLDER)],
        plugins=[proof],
    )
    if status != pytest.ExitCode.OK:
        print("Nothing was written: the suite has to pass first.", file=sys.stderr)
        return 1
    sides = tabulated(lambda name: others[name] if name in others else proof.of(name))
    DATA.write_text(json.dumps(sides, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(sides), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(world.ROOT)} and {DATA.relative_to(world.ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
