"""Connections' registrations at their platforms, as `deskwire plan` shows and `deskwire apply` corrects them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from deskwire import registry
from deskwire.configuration import Connection, Endpoint, HelpdeskConnection
from deskwire.contracts.channel import Channel, Reach, serves_pages
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.contracts.registration import Finding, Registers, Site, State
from deskwire.conversation.directory import Directory
from deskwire.conversation.registrations import check_registration, filing_into, site_of
from deskwire.model.errors import DeskwireError
from deskwire.model.values import replace as changed
from deskwire.settings import ENDPOINTS

from .checking import Checked
from .operating import now
from .secrets import written

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    from deskwire.ports import Table

    from .aws import Place

USUAL = ("enter {address} as the webhook's address",)
Account: TypeAlias = Connection | HelpdeskConnection
SIGNS = {
    State.RIGHT: ("✓", ""), State.MISSING: ("✗", "red"), State.DIFFERENT: ("✗", "red"),
    State.EXPIRING: ("!", "yellow"), State.UNKNOWN: ("?", "yellow"),
    State.LIMITED: ("!", "yellow"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one connection: the findings, or why it could not be checked; and the steps for a person."""

    name: str
    connector: Channel | Helpdesk
    definition: Account
    endpoint: Endpoint | None
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    fields: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # of the connections that file into a helpdesk

    @property
    def kind(self) -> str:
        """What it is."""
        return "helpdesk" if isinstance(self.definition, HelpdeskConnection) else "connection"

    @property
    def mends(self) -> tuple[Finding, ...]:
        """The findings that `apply` corrects."""
        return tuple(each for each in self.findings if each.mends)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that only a person can do at the platform."""
        if self.endpoint is None:
            return ()
        steps = self.connector.by_hand or (() if isinstance(self.connector, Registers) else USUAL)
        address = self.endpoint.address or f"…/{_path(self.endpoint)}"
        return tuple(step.replace("{address}", address) for step in steps)

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "kind": self.kind,
            "name": self.name,
            "connector": self.connector.name,
            "problem": self.problem,
            "findings": [
                {"what": each.what, "state": str(each.state), "text": each.text, "remedy": _remedy(each),
                 "mends": each.mends, "ends": each.ends and each.ends.isoformat()}
                for each in self.findings
            ],
            "steps": list(self.steps),
        }  # fmt: skip


def _remedy(finding: Finding) -> str:
    return "" if finding.state is State.RIGHT else finding.remedy


def _path(endpoint: Endpoint) -> str:
    """Return an endpoint's path: `pages/` if visitors' browsers call it."""
    if endpoint.side == "helpdesks":
        return f"helpdesks/{endpoint.name}"
    pages = any(serves_pages(registry.channel(name)) for name in endpoint.connectors)
    return f"{'pages' if pages else 'channels'}/{endpoint.name}"


def addressed(found: Checked, table: Table, place: Place) -> Checked:
    """Return the checked file with each endpoint's address.

    `--address` has priority, then the address noted by an earlier apply, then the stack's own: so a domain of the
    company's is kept when `--address` is left out.
    """
    endpoints = [each for each in found.definitions if isinstance(each, Endpoint)]
    noted = {each.name: _noted(table, each) for each in endpoints}
    bases = [address.removesuffix(f"/{_path(each)}") for each in endpoints if (address := noted[each.name])]
    base = (place.address or next(iter(bases), "") or place.api).rstrip("/")
    made = [
        each.model_copy(update={"address": f"{base}/{_path(each)}" if base else ""})
        if isinstance(each, Endpoint)
        else each
        for each in found.definitions
    ]
    return replace(found, definitions=tuple(made))


def _noted(table: Table, endpoint: Endpoint) -> str:
    item = table.get(endpoint.key)
    return str(json.loads(item["definition"]).get("address", "")) if item and item.get("definition") else ""


def standings(found: Checked, place: Place) -> list[Standing]:
    """Return the state of each connection and helpdesk in the file."""
    endpoints = {each.name: each for each in found.definitions if isinstance(each, Endpoint)}
    connections = [each for each in found.definitions if isinstance(each, Connection)]
    reached = directory(place)
    return [
        _standing(each, endpoints.get(each.endpoint), reached, connections)
        for each in found.definitions
        if isinstance(each, Connection | HelpdeskConnection)
    ]


def _standing(
    definition: Account, endpoint: Endpoint | None, by: Directory, connections: Iterable[Connection]
) -> Standing:
    if isinstance(definition, HelpdeskConnection):
        desk = registry.helpdesk(definition.connector)
        made = Standing(definition.name, desk, definition, endpoint, fields=filing_into(definition.name, connections))
    else:
        made = Standing(definition.name, registry.channel(definition.channel), definition, endpoint)
    if not isinstance(made.connector, Registers):
        return made
    try:
        site, reach = _reached(made, by)
        return replace(made, findings=tuple(check_registration(made.connector, site, reach)))
    except DeskwireError as error:
        return replace(made, problem=str(error))


def _reached(standing: Standing, by: Directory) -> tuple[Site, Reach]:
    definition = standing.definition
    site = changed(site_of(standing.endpoint, by.secrets), fields=standing.fields)
    if isinstance(definition, HelpdeskConnection):
        return site, by.helpdesk_of(definition)[1]
    return site, by.channel_of(definition)[1]


def register(standing: Standing, place: Place) -> tuple[str, ...]:
    """Correct a registration; return what was done. Secrets made by the platform are stored.

    Raises a `DeskwireError`.
    """
    connector = standing.connector
    if not isinstance(connector, Registers):
        return ()
    done = connector.register(*_reached(standing, directory(place)))
    endpoint = standing.endpoint
    if done.secrets and endpoint is not None and endpoint.secret:
        values = {name: secret.reveal() for name, secret in done.secrets.items()}
        written(place, ENDPOINTS + endpoint.secret, values)
    return tuple(done.did)


def provider(place: Place) -> SecretsProvider:
    """Return the reader of the place's secrets."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    from .aws import CONFIG

    return SecretsProvider(boto3_client=place.session.client("secretsmanager", config=CONFIG))


def directory(place: Place) -> Directory:
    """Return the directory for the command: the place's table and secrets, and vendors over HTTPS."""
    from deskwire.aws.secrets import SecretsManager
    from deskwire.aws.transport import SignedTransport
    from deskwire.contracts.connector import not_given

    from .aws import outside

    http = outside(place)
    return Directory(
        table=place.table,
        clock=now,
        secrets=SecretsManager(place.secrets_prefix, provider(place)),
        http=http,
        mail=not_given,
        aws=SignedTransport(_rights(place), http, now),
    )


def _rights(place: Place) -> dict[str, str]:
    """Return an environment with the operator's own credentials, as found by boto3."""
    found = place.session.get_credentials()
    given = found.get_frozen_credentials() if found is not None else None
    keys = {
        "AWS_REGION": place.session.region_name,
        "AWS_ACCESS_KEY_ID": given and given.access_key,
        "AWS_SECRET_ACCESS_KEY": given and given.secret_key,
        "AWS_SESSION_TOKEN": given and given.token,
    }
    named = {name: value for name, value in os.environ.items() if name not in keys}
    return named | {name: value for name, value in keys.items() if value}


def tell(every: Sequence[Standing], *, steps: bool, added: Iterable[str]) -> None:
    """Print the findings, and the steps for a person if requested or for new endpoints."""
    from rich.text import Text

    from .terminal import console

    out, new = console(), set(added)
    shown = [each for each in every if each.findings or each.problem]
    if shown:
        out.print(Text("at the platforms", style="bold"))
    for standing in shown:
        out.print(Text(f"  {standing.kind} {standing.name} ({standing.connector.title})"))
        if standing.problem:
            out.print(Text(f"    ? could not be asked: {standing.problem}", style="yellow"))
        for finding in standing.findings:
            sign, colour = SIGNS[finding.state]
            out.print(Text(f"    {sign} {finding.text}", style=colour))
            if finding.mends:
                out.print(Text("      `deskwire apply` sets it right"))
            elif _remedy(finding):
                out.print(Text(f"      {finding.remedy}"))
    by_hand = {each.endpoint.name: each for each in every if each.endpoint is not None and each.steps}
    for name, standing in by_hand.items():
        if steps or name in new:
            out.print(Text(f"by hand, for {name} ({standing.connector.title})", style="bold"))
            for number, step in enumerate(standing.steps, 1):
                out.print(Text(f"  {number}. {step}"))
