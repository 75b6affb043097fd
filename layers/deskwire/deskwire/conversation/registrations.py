"""Check each connection's registration: its webhook, its tokens, and whether it is unusually silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from deskwire.configuration import Connection, Endpoint, HelpdeskConnection, endpoint_key, helpdesk_key
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.contracts.registration import Finding, Registers, Site, State
from deskwire.model.errors import ConfigurationError, DeskwireError, where
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.ports import Table
from deskwire.settings import ENDPOINTS
from deskwire.telemetry import Telemetry

from .directory import Directory, connections_of
from .figures import partition
from .limits import LeftAlone
from .table import seconds

EXPIRY_DAYS = 7  # before its expiry a token is reported, unless configured otherwise
VERSION_DAYS = 30  # before its sunset a platform's API version is reported
# A connection's habit: the hours in which it had a message. How many are needed to know it, and what counts as silence.
HABIT = timedelta(days=28)
LEAST_HOURS, LEAST_SPAN = 20, timedelta(days=14)
LEAST_SILENCE, TIMES = timedelta(hours=6), 2


LISTEN = "write to it yourself, then look at `deskwire plan` and at the platform's own page of the webhook"


def site_of(endpoint: Endpoint | None, secrets: Callable[[str], Secrets]) -> Site:
    """Return an endpoint's `Site` for a connector: its address, if `deskwire apply` noted it, and its secrets."""
    if endpoint is None:
        return Site()
    try:
        known = secrets(ENDPOINTS + endpoint.secret) if endpoint.secret else Secrets({})
    except ConfigurationError:  # not stored yet: a check that needs it says so, and for Zendesk `apply` makes it
        known = Secrets({})
    channels = endpoint.connectors if endpoint.side == "channels" else ()
    return Site(address=endpoint.address, secrets=known, settings=endpoint.settings, channels=channels)


def endpoint_of(definition: Connection | HelpdeskConnection, table: Table) -> Endpoint | None:
    """Return the endpoint of a connection, or None."""
    item = table.get(endpoint_key(definition.endpoint)) if definition.endpoint else None
    return Endpoint.read(item["definition"]) if item else None


def filing_into(desk: str, connections: Iterable[Connection]) -> dict[str, Mapping[str, str]]:
    """Return the `fields` of each connection that files or copies into a helpdesk, by the connection's name."""
    return {each.name: each.fields for each in connections if each.fields and desk in {each.helpdesk, each.mirror}}


def check_registration(
    connector: Channel | Helpdesk, site: Site, reach: Reach, days: int = EXPIRY_DAYS
) -> list[Finding]:
    """Return the findings about a connection's registration; what ends within `days` is `EXPIRING`.

    A refusal that blames the account is a finding, too. Raises `TemporaryError` if the platform could not be asked,
    and `PermanentError` if it rejects the request.
    """
    found: list[Finding] = []
    if isinstance(connector, Registers):
        try:
            found = list(connector.registration(site, reach))
        except ConfigurationError as error:
            found = [Finding(what="access", state=State.DIFFERENT, found="refused", remedy=str(error))]
    return [*(_judged(each, reach.now, days) for each in found), *_version(connector, reach.now)]


def _judged(finding: Finding, now: datetime, days: int) -> Finding:
    if finding.state is not State.RIGHT:
        return finding
    if finding.ends is None or finding.ends - now > timedelta(days=days):
        return (
            finding
            if finding.ends is None
            else replace(finding, remedy="", found=f"good until {finding.ends:%Y-%m-%d}")
        )
    word = "ended" if finding.ends <= now else "ends"
    return replace(finding, state=State.EXPIRING, found=f"{word} on {finding.ends:%Y-%m-%d %H:%M} UTC")


def _version(connector: Channel | Helpdesk, now: datetime) -> list[Finding]:
    """Return a finding if the platform's API version ends soon."""
    version, sunset = connector.terms.api_version, connector.terms.sunset
    if version is None or sunset is None or (sunset.value - now.date()).days > VERSION_DAYS:
        return []
    what = f"version {version.value} of the interface"
    ends = datetime(sunset.value.year, sunset.value.month, sunset.value.day, tzinfo=UTC)
    remedy = "deploy a newer Deskwire before then"
    return [Finding(what=what, state=State.EXPIRING, found=f"ends on {ends:%Y-%m-%d}", ends=ends, remedy=remedy)]


def silence(hours: Iterable[datetime], now: datetime) -> tuple[timedelta, timedelta] | None:
    """Return how long a connection has been silent, and its longest silence before, if the present one is unusual.

    `hours` are those in which it had a message; its habit is the four weeks up to the last of them. Return None if the
    silence is at most twice the longest one before (or at most six hours), and if too little is known: fewer than 20
    such hours, or fewer than 14 days from the first of them to the last.
    """
    every = sorted(hours)
    if not every:
        return None
    known = [each for each in every if every[-1] - each <= HABIT]
    if len(known) < LEAST_HOURS or known[-1] - known[0] < LEAST_SPAN:
        return None
    longest = max(later - earlier for earlier, later in pairwise(known))
    silent = now - known[-1]
    return (silent, longest) if silent > max(TIMES * longest, LEAST_SILENCE) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    """Checks connections' registrations, and raises an alarm for what a person must mend."""

    table: Table
    directory: Directory
    telemetry: Telemetry
    days: int

    def look(self, pk: str) -> None:
        """Check one connection or helpdesk. If its platform cannot be asked, it is checked again in an hour."""
        try:
            self._look(pk)
        except LeftAlone:
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours; its words may be a customer's, and Lambda tells them
            reason = str(error) if isinstance(error, DeskwireError) else where(error)
            self.telemetry.log("WARNING", "a registration could not be looked at", connection=pk, reason=reason)

    def _look(self, pk: str) -> None:
        sk = "HELPDESK" if pk.startswith("H#") else "CONNECTION"
        item = self.table.get((pk, sk))
        if item is None:
            return
        if sk == "HELPDESK":
            desk = HelpdeskConnection.read(item["definition"])
            helpdesk, reach = self.directory.helpdesk_of(desk)
            self._judge(pk, desk, helpdesk, reach, {"helpdesk": desk.name})
            return
        connection = Connection.read(item["definition"])
        named = {"channel": connection.channel, "connection": connection.name}
        self._listen(connection, named)
        channel, reach = self.directory.channel_of(connection)
        self._judge(pk, connection, channel, reach, named)

    def _judge(
        self,
        pk: str,
        definition: Connection | HelpdeskConnection,
        connector: Channel | Helpdesk,
        reach: Reach,
        named: Mapping[str, str],
    ) -> None:
        """Count and log what is wrong with the registration, and what ends soon."""
        site = Site()
        if isinstance(connector, Registers):
            self.directory.neighbours.admit(pk)
            site = site_of(endpoint_of(definition, self.table), self.directory.secrets)
            if isinstance(definition, HelpdeskConnection):
                site = replace(site, fields=filing_into(definition.name, connections_of(self.table)))
        found = check_registration(connector, site, reach, self.days)
        for metric, message, some in (
            ("BrokenRegistrations", "a registration is broken", wrong(found)),
            ("ExpiringTokens", "something ends soon", expiring(found)),
        ):
            self.telemetry.measure({metric: [len(some)]}, **named)
            self.telemetry.count(metric, len(some))
            for each in some:
                reason = f"{each.text}: {each.remedy or '`deskwire apply` sets it right'}"
                self.telemetry.log("ERROR", message, **named, reason=reason)

    def _listen(self, connection: Connection, named: Mapping[str, str]) -> None:
        """Count and log a connection that is unusually silent.

        Not while its helpdesk accepts nothing: then no message is counted, and that has an alarm of its own.
        """
        now = self.directory.clock()
        if self.table.due(helpdesk_key(connection.helpdesk)[0], seconds(now), 1):
            return
        prefix = partition(connection.channel, connection.account)
        items = self.table.query(prefix, "H#")
        hours = [datetime.strptime(str(each["sk"]), "H#%Y-%m-%dT%H").replace(tzinfo=UTC)
                 for each in items if each.get("messages")]  # fmt: skip
        found = silence(hours, now)
        self.telemetry.measure({"SilentConnections": [int(found is not None)]}, **named)
        self.telemetry.count("SilentConnections", int(found is not None))
        if found is not None:
            silent, longest = (round(each.total_seconds() / 3600) for each in found)
            reason = f"no message for {silent} hours, its longest silence before was {longest}: {LISTEN}"
            self.telemetry.log("ERROR", "a connection is silent", **named, reason=reason)


def wrong(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings that raise an alarm; those that cannot be checked are shown by `deskwire plan` only."""
    return [each for each in found if each.state in {State.MISSING, State.DIFFERENT}]


def expiring(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings about something that ends soon."""
    return [each for each in found if each.state is State.EXPIRING]
