"""Runs what the gate asks of one connector, renews the generated pages, says what is missing (`make connector`)."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gate import BIN, ROOT, Steps, passed

LIBRARY = ROOT / "layers" / "deskwire" / "deskwire"
PLAYED = {"channels": "platforms", "helpdesks": "helpdesks"}
GENERATED = ("docs/connectors.md", "docs/security.md", "cli/abilities.json")
FIXED = {  # what must be there, and what for
    "events/{name}": "captured deliveries",
    "tests/expected/{name}": "what each capture must become: `deskwire capture {name} WHAT body.json` makes both",
    "tests/exchanges/{name}": "a recorded call for each ability",
    "tests/connectors/{name}": "a vector from outside, and what its documentation promises beyond the suite",
}
INVENTED = re.compile(r"developers\.example|was invented by `deskwire new`")


def found(name: str) -> tuple[str, Path] | None:
    """Return the side and the module (or folder) of a connector, None when there is none of this name."""
    for side in PLAYED:
        for path in (LIBRARY / side / f"{name}.py", LIBRARY / side / name):
            if path.exists():
                return side, path
    return None


def sources(name: str, side: str, module: Path) -> list[Path]:
    """Return the connector's own Python: module, tests, and the folder that plays its vendor."""
    own = (module, ROOT / "tests" / "connectors" / name, ROOT / "sandbox" / PLAYED[side] / name)
    return [path for path in own if path.exists()]


def steps(name: str, own: list[Path]) -> Steps:
    """Return the checks; the conformance run renews the table of what it proved."""
    pytest = (BIN / "pytest", "-q", "-p", "no:cacheprovider")
    tests = ROOT / "tests" / "connectors" / name
    return {
        "format": [BIN / "ruff", "format", "--check", *own],
        "lint": [BIN / "ruff", "check", *own],
        "types": [BIN / "mypy", *(path for path in own if path != tests)],
        "imports": [BIN / "lint-imports"],
        "conformance": [BIN / "python", "-m", "tests.conformance.table", "--connector", name],
        "own tests": [*pytest, tests],
        "attacks": [*pytest, ROOT / "tests" / "attacks", "--connector", name],
        "sandbox": [*pytest, ROOT / "tests" / "sandbox" / "test_folders.py"],
        "security": [BIN / "python", "-m", "tests.attacks.table"],
    }


def missing(name: str, side: str, module: Path) -> Iterator[str]:
    """Yield what is not there yet, what is still invented, and the gaps that the class declares."""
    for place, what in FIXED.items():
        folder = ROOT / place.format(name=name)
        if not folder.is_dir() or not any(folder.iterdir()):
            yield f"{place.format(name=name)}/: {what.format(name=name)}"
    vendor = ROOT / "sandbox" / PLAYED[side] / name
    if not vendor.is_dir() and not any(name in path.read_text(encoding="utf-8") for path in books(side)):
        yield f"sandbox/{PLAYED[side]}/{name}/: nobody plays it; `deskwire new` made a folder to begin with"
    for path in [module, *module.glob("*.py")] if module.is_dir() else [module]:
        if path.is_file() and INVENTED.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT)}: facts that `deskwire new` invented"
    subject = getattr(importlib.import_module("deskwire.registry"), side.removesuffix("s"))(name)
    figures = importlib.import_module("tests.conformance.test_hygiene").figures(subject.terms)
    unconfirmed = [figure for figure, value in figures if not value.confirmed]
    if unconfirmed:
        yield f"terms that no page of the vendor's confirms: {', '.join(unconfirmed)}"
    for rule, reason in subject.known_gaps.items():
        yield f"gap {rule}: {reason}"


def books(side: str) -> Iterator[Path]:
    """Yield the books of every played vendor: one folder may play several channels."""
    return (ROOT / "sandbox" / PLAYED[side]).glob("*/books.py")


def edited(name: str) -> list[str]:
    """Return the files changed by hand that are neither new nor generated."""
    said = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    changed = [line[3:] for line in said.splitlines() if line[:2] != "??"]
    return [path for path in changed if path not in GENERATED and name not in {Path(path).stem, *Path(path).parts}]


def main(name: str) -> int:
    """Run the checks and print what is missing. Returns the exit status."""
    where = found(name)
    if where is None:
        print(f"There is no connector “{name}”: begin it with `deskwire new channel {name}`, or `new helpdesk`.")
        return 2
    side, module = where
    status = passed(steps(name, sources(name, side, module)))
    sys.path[:0] = [str(LIBRARY.parent), str(ROOT)]
    print(f"\nGenerated anew: {', '.join(GENERATED)}")
    left = list(missing(name, side, module))
    print("\nMissing, or to be made true:" if left else "\nNothing is missing.")
    for line in left:
        print(f"  {line}")
    others = edited(name)
    if others:
        print("\nEdited besides; a connector adds files and edits none:")
        print("\n".join(f"  {path}" for path in others))
    return int(not status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
