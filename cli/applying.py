"""`deskwire plan`, `deskwire apply` and `deskwire check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskwire.ports import Conflict
from deskwire.settings import ENDPOINTS

from .checking import Checked
from .checking import check as checked_file
from .needs import Need
from .planning import MOST, Change, Plan, shown, summary
from .planning import plan as planned
from .terminal import UserError, complain, console, escaped, json_document

if TYPE_CHECKING:
    import argparse

    from .aws import Place

SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
INVALID, CHANGES = 2, 3


@dataclass(frozen=True, slots=True)
class SecretState:
    """How one entry of Secrets Manager stands: which members are there, which are missing. No values."""

    name: str
    problem: str = ""
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    elsewhere: str = ""  # where it is stored instead, and receive may not read it

    @property
    def good(self) -> bool:
        """Whether all is there."""
        return not self.problem and not self.missing

    def text(self) -> str:
        """Return it in words."""
        if self.elsewhere:
            return (
                f"{self.name} is missing: receive reads endpoints' secrets there alone. Copy it:\n"
                f"      aws secretsmanager get-secret-value --secret-id {self.elsewhere} --query SecretString "
                f"--output text \\\n        | aws secretsmanager create-secret --name {self.name} --secret-string file:///dev/stdin"
            )
        if self.problem:
            return f"{self.name} {'is ' if self.problem == 'missing' else ''}{self.problem}"
        parts = [f"has {', '.join(self.found)}"] if self.found else []
        parts += [f"lacks {', '.join(self.missing)}"] if self.missing else []
        parts += [f"holds {', '.join(self.unknown)}, which nothing asks for"] if self.unknown else []
        return f"{self.name} {'; '.join(parts)}"

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "name": self.name,
            "state": self.problem or ("incomplete" if self.missing else "found"),
            "found": list(self.found),
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            **({"elsewhere": self.elsewhere} if self.elsewhere else {}),
        }


def check(args: argparse.Namespace) -> int:
    """Say what is wrong with the file."""
    found = _checked(args)
    if found is None:
        return INVALID
    if args.json:
        json_document({"file": found.file, "faults": [], "hints": _faults(found.hints, found.file)})
    else:
        _tell_hints(found)
        print(f"{found.file}: {len(found.definitions)} definitions, no fault")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Show what would change; return 3 when something would."""
    found = _checked(args)
    if found is None:
        return INVALID
    target, made, secrets = _planned(args, found)
    if args.json:
        json_document(_report(found, target, made, secrets))
    else:
        _tell(found, target, made, secrets)
    return CHANGES if made.changes else 0


def apply(args: argparse.Namespace) -> int:
    """Write the changes, all of them or nothing."""
    found = _checked(args)
    if found is None:
        return INVALID
    target, made, secrets = _planned(args, found)
    if not args.json:
        _tell(found, target, made, secrets)
    if any(state.elsewhere for state in secrets):
        raise UserError(
            "secrets of endpoints lie where receive may not read them: nothing was written. Copy them as the plan says "
            "(docs/operating.md, Upgrading), then apply again"
        )
    if len(made.changes) > MOST:
        raise UserError(
            f"{len(made.changes)} changes are more than the {MOST} that DynamoDB writes as one: nothing was written. "
            "Apply a file with some of the connections first, then the whole"
        )
    if made.changes and not args.yes and not _confirmed(made.changes, target):
        complain("not confirmed: nothing was written")
        return 130
    if made.changes:
        _write(made, target)
    if args.json:
        json_document(_report(found, target, made, secrets) | {"applied": bool(made.changes)})
    elif made.changes:
        print("Applied. It counts for new messages within a minute.")
    return 0


def _checked(args: argparse.Namespace) -> Checked | None:
    """Return what the file says, or None when it has faults: they are told."""
    found = checked_file(Path(args.file))
    if not found.faults:
        return found
    if args.json:
        json_document({"file": found.file, "faults": _faults(found.faults, found.file)})
    else:
        for fault in found.faults:
            sys.stderr.write(escaped(fault.text(found.file)) + "\n")
        complain(f"{len(found.faults)} fault{'s' * (len(found.faults) > 1)} in {found.file}: nothing was done")
    return None


def _planned(args: argparse.Namespace, found: Checked) -> tuple[Place, Plan, list[SecretState]]:
    from .aws import place, understood

    target = place(args)
    with understood(f"the table “{target.name}” cannot be read"):
        made = planned(found, target.table)
    return target, made, [] if args.no_secrets else _secrets(target, found.secrets)


def _secrets(target: Place, needs: Mapping[str, Need]) -> list[SecretState]:
    from .aws import CONFIG, members

    client = target.session.client("secretsmanager", config=CONFIG)
    states: list[SecretState] = []
    for name, need in needs.items():
        full = target.secrets_prefix + name
        held = members(client, full)
        if isinstance(held, str):
            before = target.secrets_prefix + name.removeprefix(ENDPOINTS)
            moved = held == "missing" and before != full and members(client, before) != "missing"
            states.append(SecretState(full, problem=held, elsewhere=before if moved else ""))
            continue
        good = [member for member, usable in held.items() if usable]
        known = tuple(member for member in good if member in need.names)
        states.append(
            SecretState(full, "", known, tuple(need.missing(good)), tuple(need.unknown(held)))  # names only
        )
    return states


def _confirmed(changes: Sequence[Change], target: Place) -> bool:
    if not sys.stdin.isatty():
        raise UserError("this is no terminal, so nobody can be asked: say --yes", status=2)
    sys.stderr.write(f"Write this to {target.text} ({summary(changes)})? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _write(made: Plan, target: Place) -> None:
    from .aws import understood

    try:
        with understood(f"the table “{target.name}” cannot be written"):
            target.table.transact(made.writes())
    except Conflict:
        raise UserError(
            "somebody else applied a file since this plan was made: nothing was written. Look at `deskwire plan` again"
        ) from None


# ---------------------------------------------------------------------------------------------------- telling


def _faults(faults: Sequence[Any], file: str) -> list[dict[str, Any]]:
    return [{"file": file, "line": each.line, "where": each.where, "reason": each.reason} for each in faults]


def _report(found: Checked, target: Place, made: Plan, secrets: Sequence[SecretState]) -> dict[str, Any]:
    return {
        "file": found.file,
        "table": target.name,
        "faults": [],
        "hints": _faults(found.hints, found.file),
        "version": made.version,
        "changes": [change.to_json() for change in made.changes],
        "secrets": [state.to_json() for state in secrets],
    }


def _tell_hints(found: Checked) -> None:
    for hint in found.hints:
        sys.stderr.write(escaped(hint.text(found.file)).replace(": ", ": note: ", 1) + "\n")


def _tell(found: Checked, target: Place, made: Plan, secrets: Sequence[SecretState]) -> None:
    from rich.text import Text

    out = console()
    _tell_hints(found)
    for change in made.changes:
        sign, colour = SIGNS[change.action]
        out.print(Text(f"{sign} {change.kind} {change.name}", style=colour))
        for each in change.fields if change.action != "remove" else ():
            arrow = f"{shown(each.old)} → " if each.old is not None else ""
            out.print(Text(f"    {each.name}: {arrow}{'(gone)' if each.new is None else shown(each.new)}"))
    if secrets:
        out.print(Text("secrets", style="bold"))
    for state in secrets:
        out.print(Text(f"  {'✓' if state.good else '✗'} {state.text()}", style="" if state.good else "red"))
    out.print(Text(f"{target.text}: {summary(made.changes) or 'nothing to do'}", style="bold"))
