"""Prints what stands behind each connector, as Markdown: captures, rules, gaps, facts not confirmed, lines.

`python -m tests.conformance.ledger`. The rules' outcomes are those that the table wrote last. A fact that the vendor's
documentation does not confirm is a figure with `confirmed=False`, or a comment with the word “unconfirmed” in the
connector's code, or a point of “Not confirmed” on its page in docs/.
"""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

from deskwire.contracts.helpdesk import Helpdesk
from sandbox.neighbours.real import Real
from tests.conformance import table, world

LAYER = world.ROOT / "layers" / "deskwire" / "deskwire"
UNCONFIRMED = re.compile(r"\bunconfirmed\b", re.IGNORECASE)
SECTION = re.compile(r"^## Not confirmed\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
POINT = re.compile(r"^\* (.*(?:\n  .*)*)", re.MULTILINE)
FAMILY = re.compile(r"deskwire\.families(?:\.(\w+))?")


def code(name):
    """Return a connector's own Python files."""
    place = Path(inspect.getfile(type(world.connectors()[name])))
    return sorted(place.parent.rglob("*.py")) if place.name == "__init__.py" else [place]


def families(name):
    """Return the modules and folders of families/ that a connector imports itself."""
    found = set()
    for node in (node for file in code(name) for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.ImportFrom) and (match := FAMILY.match(node.module or "")):
            found |= {match[1]} if match[1] else {each.name for each in node.names}
    return sorted(found)


def lines(files):
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def marks(files):
    """Return each line that says “unconfirmed”, with its place."""
    return [
        f"{file.relative_to(LAYER)}:{number}: {line.strip(' #')}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if UNCONFIRMED.search(line)
    ]


def points(name):
    """Return the points of “Not confirmed” on a connector's page."""
    side = "helpdesks" if isinstance(world.connectors()[name], Helpdesk) else "channels"
    page = world.ROOT / "docs" / side / f"{name}.md"
    section = SECTION.search(page.read_text(encoding="utf-8")) if page.exists() else None
    return [" ".join(point.split()) for point in POINT.findall(section[1])] if section else []


def against(name):
    """Return what the sandbox proves a helpdesk against."""
    played = importlib.import_module(f"sandbox.helpdesks.{name}.played")
    kinds = [each for each in vars(played).values() if isinstance(each, type) and each.__module__ == played.__name__]
    real = any(issubclass(each, Real) for each in kinds)
    return f"the real {world.connectors()[name].title}" if real else "a strict player"


def of(name, data):
    """Return what stands behind a connector."""
    rules = data["rules"]
    return {
        "captures": len(world.captures(name)),
        "exchanges": len(world.exchanges(name)),
        "proven": sum(end == "proven" for end in rules.values()),
        "rules": len(rules),
        "gaps": data["gaps"],
        "figures": data["unconfirmed"],
        "marks": marks(code(name)),
        "points": points(name),
        "lines": lines(code(name)),
        "families": families(name),
    }


def family_rows(everyone):
    """Return name, lines and marks of each family that a connector imports."""
    names = sorted({family for name in everyone for family in families(name)})
    places = [(name, LAYER / "families" / name) for name in names]
    files = [
        (name, sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]) for name, place in places
    ]
    return [(f"`{name}`", str(lines(each)), str(len(marks(each)))) for name, each in files]


def cells(name, data, *more):
    found = of(name, data)
    shared = ", ".join(f"`{each}`" for each in found["families"]) or "–"
    return (
        f"`{name}`", *more, str(found["captures"]), str(found["exchanges"]), f"{found['proven']} of {found['rules']}",
        str(len(found["gaps"])), " + ".join(str(len(found[kind])) for kind in ("figures", "marks", "points")),
        str(found["lines"]), shared,
    )  # fmt: skip


HEADS = ("captures", "exchanges", "rules proven", "gaps", "not confirmed", "lines", "families")
NOTE = (
    "A rule that is not proven, or only in part, has a gap. *Not confirmed* counts the figures, the marks in the code",
    "and the points on the connector's page. Lines are those of its own Python, comments included; what it shares with",
    "others is in *families*.",
)


def listed(title, everyone, named):
    """Return a section with one point for each thing that `named` gives of a connector."""
    told = [(name, each) for name, data in everyone.items() for each in named(name, data)]
    return ["", f"## {title}", "", *(f"* `{name}`: {each}" for name, each in told)]


def page():
    sides = json.loads(table.DATA.read_text(encoding="utf-8"))
    everyone = {**sides["channels"], **sides["helpdesks"]}
    channels = [cells(name, data) for name, data in sides["channels"].items()]
    desks = [cells(name, data, against(name)) for name, data in sides["helpdesks"].items()]
    body = [
        "# What stands behind each connector", "", *NOTE,
        "", "## Channels", "", *table.table_of(("channel", *HEADS), channels),
        "", "## Helpdesks", "", *table.table_of(("helpdesk", "proved against", *HEADS), desks),
        "", "## Families", "", *table.table_of(("family", "lines", "marks"), family_rows(everyone)),
        *listed("Gaps", everyone, lambda _, data: [f"{rule}: {why}" for rule, why in data["gaps"].items()]),
        *listed("Figures not confirmed", everyone, lambda _, data: [f"`{each}`" for each in data["unconfirmed"]]),
        *listed("Marked in the code", everyone, lambda name, _: marks(code(name))),
        *listed("On the pages", everyone, lambda name, _: points(name)),
    ]  # fmt: skip
    return "\n".join(body)


if __name__ == "__main__":
    print(page())
