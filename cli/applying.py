"""`deskwire plan`, `deskwire apply` and `deskwire check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskwire.model.errors import DeskwireError
from deskwire.ports import Conflict
from deskwire.settings import ENDPOINTS

from .checking import Checked
from .checking import check as checked_file
from .needs import Need
from .planning import MOST, Plan, shown, summary
from .planning import plan as planned
from .terminal import UserError, complain, console, escaped, json_document

if TYPE_CHECKING:
    import argparse

    from .aws import Place
    from .platforms import Standing

SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
INVALID, CHANGES = 2, 3


@dataclass(frozen=True, slots=True)
class SecretState:
    """The state of one secret in Secrets Manager: members present and missing, without values."""

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
    """Print the file's faults."""
    found = _checked(args)
    if found is None:
        return INVALID
    if args.json:
        needed = {name: [" or ".join(group) for group in need.groups] for name, need in found.secrets.items()}
        json_document({"file": found.file, "faults": [], "hints": _faults(found.hints, found.file), "secrets": needed})
    else:
        _tell_hints(found)
        for name, need in found.secrets.items():
            print(f"the secret {name} must hold {', '.join(' or '.join(group) for group in need.groups) or 'nothing'}")
        many = len(found.definitions)
        print(f"{found.file}: {many} definition{'s' * (many != 1)}, no fault")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Print what would change; return 3 if anything would."""
    found = _checked(args)
    if found is None:
        return INVALID
    plan = _planned(args, found)
    if args.json:
        json_document(plan.report())
    else:
        _tell(plan, args)
    return CHANGES if plan.made.changes or plan.mends else 0


def apply(args: argparse.Namespace) -> int:
    """Write all changes, or none."""
    found = _checked(args)
    if found is None:
        return INVALID
    plan = _planned(args, found)
    target, made = plan.target, plan.made
    if not args.json:
        _tell(plan, args)
    _refuse(plan)
    if (made.changes or plan.mends) and not args.yes and not _confirmed(plan):
        complain("not confirmed: nothing was written")
        return 130
    if made.changes:
        _write(made, target)
        if not args.json:
            print("Applied. It counts for new messages within a minute.")
    done, failed = _register(plan)
    _tell_done(plan, done, failed, as_json=args.json)
    return 1 if failed else 0


def _refuse(plan: Planned) -> None:
    """Raise `UserError` for changes that may not be written, or not in one transaction."""
    if any(state.elsewhere for state in plan.secrets):
        raise UserError(
            "secrets of endpoints lie where receive may not read them: nothing was written. Copy them as the plan says "
            "(docs/operating.md, Upgrading), then apply again"
        )
    if len(plan.made.changes) > MOST:
        raise UserError(
            f"{len(plan.made.changes)} changes are more than the {MOST} that DynamoDB writes as one: nothing was "
            "written. Apply a file with some of the connections first, then the whole"
        )


def _register(plan: Planned) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Correct the registrations at the platforms; return what was done and what failed, by connection."""
    from . import platforms

    done: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for standing in plan.mends:
        try:
            done[standing.name] = list(platforms.register(standing, plan.target))
        except DeskwireError as error:
            failed[standing.name] = str(error)
    return done, failed


def _checked(args: argparse.Namespace) -> Checked | None:
    """Return the checked file; if it has faults, print them and return None."""
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


@dataclass(frozen=True, slots=True)
class Planned:
    """What a file would change in the table and at the platforms, and the state of its secrets."""

    found: Checked
    target: Place
    made: Plan
    secrets: list[SecretState]
    standings: list[Standing]

    @property
    def mends(self) -> list[Standing]:
        """The connections that `apply` sets up at their platforms."""
        return [each for each in self.standings if each.mends]

    def report(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "file": self.found.file,
            "table": self.target.name,
            "faults": [],
            "hints": _faults(self.found.hints, self.found.file),
            "version": self.made.version,
            "changes": [change.to_json() for change in self.made.changes],
            "secrets": [state.to_json() for state in self.secrets],
            "platforms": [each.to_json() for each in self.standings],
        }


def _planned(args: argparse.Namespace, found: Checked) -> Planned:
    from . import platforms
    from .aws import place, understood

    target = place(args)
    with understood(f"the table “{target.name}” cannot be read"):
        found = platforms.addressed(found, target.table, target)
        made = planned(found, target.table)
    if target.archives is False:
        found = replace(found, hints=(*found.hints, *found.archived))
    secrets = [] if args.no_secrets else _secrets(target, found.secrets)
    # Without an address nobody knows what to look for: the table alone was named, and never applied to with one.
    known = any(getattr(each, "address", "") for each in found.definitions)
    looks = known and not args.no_platforms
    return Planned(found, target, made, secrets, platforms.standings(found, target) if looks else [])


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


def _confirmed(plan: Planned) -> bool:
    if not sys.stdin.isatty():
        raise UserError("this is no terminal, so nobody can be asked: say --yes", status=2)
    parts = [f"Write this to {plan.target.text} ({summary(plan.made.changes)})"] if plan.made.changes else []
    parts += [f"set up {', '.join(each.name for each in plan.mends)} at the platforms"] if plan.mends else []
    question = " and ".join(parts)
    sys.stderr.write(f"{question[0].upper()}{question[1:]}? [y/N] ")
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


def _tell_done(plan: Planned, done: Mapping[str, list[str]], failed: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        json_document(plan.report() | {"applied": bool(plan.made.changes), "done": done, "failed": failed})
        return
    for name, words in done.items():
        for each in words:
            print(f"{name}: {escaped(each)}")
    for name, reason in failed.items():
        complain(f"{name} is not set up at its platform: {reason}. Apply again once that is mended")


def _faults(faults: Sequence[Any], file: str) -> list[dict[str, Any]]:
    return [{"file": file, "line": each.line, "where": each.where, "reason": each.reason} for each in faults]


def _tell_hints(found: Checked) -> None:
    for hint in found.hints:
        sys.stderr.write(escaped(hint.text(found.file)).replace(": ", ": note: ", 1) + "\n")


def _tell(plan: Planned, args: argparse.Namespace) -> None:
    from rich.text import Text

    from . import platforms

    found, target, made, secrets = plan.found, plan.target, plan.made, plan.secrets
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
    added = [each.name for each in made.changes if (each.action, each.kind) == ("add", "endpoint")]
    platforms.tell(plan.standings, steps=args.steps, added=added)
    out.print(
        Text(
            f"{target.text}: {summary(made.changes) or ('nothing to change' if plan.mends else 'nothing to do')}",
            style="bold",
        )
    )
