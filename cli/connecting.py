"""`deskwire connect CHANNEL`: signs in, stores the token, writes the connection, applies, and tries it."""

from __future__ import annotations

import argparse
import getpass
import re
import secrets as random
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from deskwire import registry
from deskwire.configuration import Connection, Endpoint
from deskwire.contracts.channel import Channel
from deskwire.contracts.registration import Grant, Registers, SignIn, SignsIn, Site
from deskwire.model.errors import DeskwireError
from deskwire.model.secret import Secret, Secrets
from deskwire.model.values import replace
from deskwire.settings import ENDPOINTS
from deskwire.web.rest import LOOPBACK

from . import applying, parsing, platforms
from .aws import CONFIG, Place, members, outside, place
from .checking import Checked, check
from .needs import Need
from .secrets import written
from .terminal import UserError, escaped

SECTION = re.compile(r"^connections:[ \t]*(#.*)?$", re.MULTILINE)
CHILD = re.compile(r"\n( +)[^ #\n]")
# Meta and Google say the first (RFC 6749, 4.1.2.1), LinkedIn the others:
# https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
DENIED = frozenset({"access_denied", "user_cancelled_login", "user_cancelled_authorize"})
MOST_WORDS = 200  # of a platform's own about a refusal


@dataclass(frozen=True, slots=True)
class Work:
    """The state of connecting an account."""

    args: argparse.Namespace
    connector: Channel
    endpoint: Endpoint | None
    known: Checked
    place: Place
    given: Mapping[str, str]  # settings of the connection


def run(args: argparse.Namespace) -> int:
    """Connect one account; return the exit status of applying the file."""
    connector = registry.channel(args.channel)
    given = dict(map(parsing.setting, args.setting))
    if strange := given.keys() - connector.connection_settings.keys():
        raise UserError(f"a connection of {args.channel} has no setting {', '.join(sorted(strange))}", status=2)
    known = check(Path(args.file))
    if known.faults:
        raise UserError(f"{args.file} has faults: `deskwire check {args.file}` names them", status=2)
    target = place(args)
    known = platforms.addressed(known, target.table, target)
    work = Work(args, connector, _endpoint(args, known), known, target, given)
    grant = _granted(work)
    entry, new = _stored(work, grant)
    if new:
        _write(work, grant, entry)
    status = applying.apply(_applying(args))
    return status or _try(work, grant)


def _endpoint(args: argparse.Namespace, known: Checked) -> Endpoint | None:
    """Return the endpoint for the channel's deliveries; None if it is only polled."""
    serving = [
        each for each in known.definitions
        if isinstance(each, Endpoint) and args.channel in each.connectors and args.endpoint in {"", each.name}
    ]  # fmt: skip
    if len(serving) > 1:
        names = ", ".join(each.name for each in serving)
        raise UserError(f"several endpoints serve {args.channel} ({names}): say --endpoint", status=2)
    from deskwire.verification.never import Never

    if not serving and not isinstance(registry.channel(args.channel).verification, Never):
        raise UserError(
            f"no endpoint of {args.file} serves {args.channel}: write one first, under `endpoints`:\n"
            f"  {args.channel}: {{channels: [{args.channel}], secret: {args.channel}-app}}",
            status=2,
        )
    return serving[0] if serving else None


# ------------------------------------------------------------------------------------------------------ the account


def _granted(work: Work) -> Grant:
    """Return the account with its tokens: by signing in if the platform offers it, else pasted."""
    if work.endpoint is not None and work.endpoint.secret:
        _complete(work.place, ENDPOINTS + work.endpoint.secret, work.connector.endpoint_secrets)
    if isinstance(work.connector, SignsIn) and not work.args.paste:
        return _signed_in(work, work.connector)
    account = work.args.account or _ask(f"the account's id at {work.connector.title}")
    return Grant(account=account, name=account, secrets=_pasted(work.connector.connection_secrets))


def _signed_in(work: Work, connector: SignsIn) -> Grant:
    site = _with_application(work, connector)
    sign_in = SignIn(
        at=datetime.now(UTC),
        redirect=work.args.redirect or connector.redirect,
        state=random.token_urlsafe(16),
        verifier=Secret(random.token_urlsafe(48)),
    )
    _tell(f"Open this page, sign in, and choose the accounts:\n\n  {connector.dialog(site, sign_in)}\n")
    if LOOPBACK.fullmatch(urlsplit(sign_in.redirect).hostname or ""):
        _tell("It leads you to a page of this machine that does not load: copy its address from the browser.")
    code = _code(_ask("the address it leads you back to"), sign_in.state)
    found = connector.grants(site, code, sign_in, outside(work.place))
    if not found:
        raise UserError("this login gives no account: was one chosen, and may the person manage it?")
    return _chosen(found, work.args.account)


def _with_application(work: Work, connector: SignsIn) -> Site:
    """Return the site with the app's own values: from an existing connection, else pasted."""
    site, wanted = _site(work), connector.application
    if not wanted:
        return site
    held = _held(work, wanted) or _pasted(
        {name: work.connector.connection_secrets[name].partition(" (optional")[0] for name in wanted}
    )
    ours = {
        name: [each.reveal() for each in site.secrets.every(name)]
        for name in work.connector.endpoint_secrets
        if site.secrets.has(name)
    }
    return replace(site, secrets=Secrets({**ours, **{name: value.reveal() for name, value in held.items()}}))


def _held(work: Work, wanted: Sequence[str]) -> dict[str, Secret]:
    """Return the app's values from a connection of the channel, preferably this account's."""
    mine = [
        each for each in work.known.definitions
        if isinstance(each, Connection) and each.channel == work.connector.name and each.secret
    ]  # fmt: skip
    for connection in sorted(mine, key=lambda each: each.account != work.args.account):
        with suppress(DeskwireError):  # not stored, or without a value: then a person is asked
            stored = _stored_secrets(work.place, connection.secret)
            return {name: stored.one(name) for name in wanted}
    return {}


def _code(given: str, state: str) -> Secret:
    """Return the code of the address that a login led back to.

    Raises `UserError` for a refusal, for another login's, and for a code alone: without `state` nothing shows that it
    is of this login (RFC 6749, 10.12).
    """
    query = {name: values[0] for name, values in parse_qs(urlsplit(given).query).items()}
    if "error" in query:
        if query["error"] in DENIED:
            raise UserError(
                f"the login was refused there ({query['error']}): run the command again, sign in and allow it"
            )
        raise UserError(f"the platform refused: {query['error']} {query.get('error_description', '')[:MOST_WORDS]}")
    if query.get("state") != state:
        raise UserError(
            "that is no address of this login, or not all of it: run the command again, and copy the whole address"
        )
    if not query.get("code"):
        raise UserError("no code was given: nothing was stored")
    return Secret(query["code"].removesuffix("#_"))


def _chosen(found: Sequence[Grant], account: str) -> Grant:
    fitting = [each for each in found if account in {"", each.account}]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UserError(f"the login gives no account {account}: {', '.join(each.account for each in found)}")
    for number, each in enumerate(fitting, 1):
        _tell(f"  {number}  {each.name} ({each.account})")
    given = _ask("which of them? Its number")
    if not given.isdecimal() or not 0 < int(given) <= len(fitting):
        raise UserError("that is no number of the list: nothing was stored")
    return fitting[int(given) - 1]


def _complete(target: Place, entry: str, wanted: Mapping[str, str]) -> None:
    """Ask for the missing members of a secret, and store them."""
    held = members(target.session.client("secretsmanager", config=CONFIG), target.secrets_prefix + entry)
    have = [name for name, usable in held.items() if usable] if isinstance(held, dict) else []
    missing = Need.of(wanted).missing(have)
    if missing:
        _tell(f"The entry {target.secrets_prefix}{entry} lacks {', '.join(missing)}.")
        first = {name.split(" or ")[0]: wanted[name.split(" or ")[0]] for name in missing}
        values = {name: secret.reveal() for name, secret in _pasted(first).items()}
        written(target, entry, values)


def _pasted(wanted: Mapping[str, str]) -> dict[str, Secret]:
    """Ask for each secret without echo; optional ones, and alternatives to one already given, may be left empty."""
    found: dict[str, Secret] = {}
    for name, words in wanted.items():
        if words.startswith("or ") and found:
            continue
        optional = "optional" in words
        _tell(f"{name}: {words}")
        value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        if value:
            found[name] = Secret(value)
        elif not optional and not any(each.startswith("or ") for each in wanted.values()):
            raise UserError(f"“{name}” has no value: nothing was stored", status=2)
    return found


# -------------------------------------------------------------------------------------------- what is stored, written


def _stored(work: Work, grant: Grant) -> tuple[str, bool]:
    """Store the account's tokens; return their secret's name, and whether the account is new in the file."""
    known = _connections(work, grant.account)
    entry = known[0].secret if known and known[0].secret else f"{work.connector.name}-{_slug(grant)}"
    if grant.secrets:
        given = {name: secret.reveal() for name, secret in grant.secrets.items()}
        name = written(work.place, entry, given, without=grant.void)
        _tell(f"stored {', '.join(grant.secrets)} in {name}")
    if known:
        _tell_changed(known[0], grant)
    return entry, not known


def _tell_changed(known: Connection, grant: Grant) -> None:
    """Print which settings in the file belong to another login; the file is not changed."""
    for name, value in grant.settings.items():
        held = str(known.settings.get(name, ""))
        if held and held.rpartition(":")[2] != value:
            _tell(f"this login's {name} is {value}, the file has {held}: change it there, and apply again")


def _connections(work: Work, account: str) -> list[Connection]:
    return [
        each for each in work.known.definitions
        if isinstance(each, Connection) and (each.channel, each.account) == (work.connector.name, account)
    ]  # fmt: skip


def _slug(grant: Grant) -> str:
    plain = unicodedata.normalize("NFKD", grant.name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or grant.account


def _write(work: Work, grant: Grant, entry: str) -> None:
    """Write the connection into the file as the first one; restore the file if that makes it faulty."""
    path = Path(work.args.file)
    before = path.read_text(encoding="utf-8")
    name = work.args.name or f"{work.connector.name}-{_slug(grant)}"
    pairs = {"channel": work.connector.name, "account": f'"{grant.account}"'}
    if work.endpoint is not None:
        pairs["endpoint"] = work.endpoint.name
    if grant.secrets:
        pairs["secret"] = entry
    given = {**grant.settings, **work.given}
    missing = Need.of(work.connector.connection_settings).missing([*given])
    settings = {**given, **_settings(work.connector, missing)}
    path.write_text(_inserted(before, name, pairs, settings), encoding="utf-8")
    faults = check(path).faults
    if faults:
        path.write_text(before, encoding="utf-8")
        raise UserError(f"the connection cannot be written: {faults[0].reason}. The token is stored; write it yourself")
    _tell(f"wrote the connection “{name}” into {path}")


def _settings(connector: Channel, missing: Sequence[str]) -> dict[str, str]:
    """Ask for the required settings of the connection."""
    return {
        name: _ask(f"{name} ({connector.connection_settings[name]})")
        for name in (each.split(" or ")[0] for each in missing)
    }


def _inserted(text: str, name: str, pairs: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """Return the file's text with another connection; comments and indentation are kept."""
    section = SECTION.search(text)
    if section is None and re.search(r"^connections:", text, re.MULTILINE):
        raise UserError("`connections` is not written line by line: write the connection yourself. The token is stored")
    child = CHILD.match(text, section.end()) if section else None
    step = child[1] if child else "  "
    lines = [f"{step}{name}:", *(f"{step}  {key}: {value}" for key, value in pairs.items())]
    if settings:
        lines += [f"{step}  settings:", *(f'{step}    {key}: "{value}"' for key, value in settings.items())]
    block = "\n".join(lines)
    if section is None:
        return f"{text.rstrip()}\n\nconnections:\n{block}\n"
    return f"{text[: section.end()]}\n{block}{text[section.end() :]}"


# ----------------------------------------------------------------------------------------------------- the trial


def _try(work: Work, grant: Grant) -> int:
    """Check the account again, and test our own address as the platform would; return the exit status."""
    known = platforms.addressed(check(Path(work.args.file)), work.place.table, work.place)
    mine = [
        each for each in platforms.standings(known, work.place)
        if isinstance(each.definition, Connection)
        and (each.definition.channel, each.definition.account) == (work.connector.name, grant.account)
    ]  # fmt: skip
    platforms.tell(mine, steps=True, added=())
    wrong = [each for each in mine if each.problem or any(finding.mends for finding in each.findings)]
    if isinstance(work.connector, SignsIn) and work.endpoint is not None and work.endpoint.address:
        try:
            seen = work.connector.tried(_site(work), outside(work.place))
        except DeskwireError as error:
            raise UserError(f"the platform will not reach Deskwire: {error}") from error
        if seen:
            _tell(seen)
    if not wrong and isinstance(work.connector, Registers):
        _tell(f"{grant.name} is connected. Write to it from another account: a ticket appears within seconds.")
    return 1 if wrong else 0


def _site(work: Work) -> Site:
    endpoint = work.endpoint
    if endpoint is None:
        return Site()
    known = _stored_secrets(work.place, ENDPOINTS + endpoint.secret) if endpoint.secret else Secrets({})
    return Site(address=endpoint.address, secrets=known, settings=endpoint.settings, channels=endpoint.connectors)


def _stored_secrets(target: Place, entry: str) -> Secrets:
    """Return the stored members of a secret. Raises a `DeskwireError`."""
    from deskwire.aws.secrets import SecretsManager

    return SecretsManager(target.secrets_prefix, platforms.provider(target))(entry)


def _applying(args: argparse.Namespace) -> argparse.Namespace:
    return argparse.Namespace(
        **{name: getattr(args, name) for name in ("file", "yes", "table", "stack", "region", "profile", "address")},
        json=False, no_secrets=False, no_platforms=False, steps=False,
    )  # fmt: skip


def _ask(what: str) -> str:
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _tell(text: str) -> None:
    sys.stderr.write(escaped(text) + "\n")
