"""How each connection stands at its platform: the webhook, the tokens, and whether it is silent against its habit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from deskwire.configuration import Connection, Endpoint, HelpdeskConnection, endpoint_key
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.contracts.registration import Finding, Registers, Site, State
from deskwire.model.errors import ConfigurationError
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.ports import Table
from deskwire.settings import ENDPOINTS

TOKEN_DAYS = 7  # before its end a token is to be renewed, unless the company says otherwise
VERSION_DAYS = 30  # before its end a version of a platform's interface is to be left
# A connection's habit, by hours in which it had a message: what is needed to know it, and what is silence against it.
HABIT = timedelta(days=28)
LEAST_HOURS, LEAST_SPAN = 20, timedelta(days=14)
LEAST_SILENCE, TIMES = timedelta(hours=6), 2


def site_of(endpoint: Endpoint | None, secrets: Callable[[str], Secrets]) -> Site:
    """Return an endpoint as a connector needs it: its address, where `deskwire apply` noted it, and its secrets."""
    if endpoint is None:
        return Site()
    try:
        known = secrets(ENDPOINTS + endpoint.secret) if endpoint.secret else Secrets({})
    except ConfigurationError:  # not stored yet: what needs it says so, and Zendesk makes it
        known = Secrets({})
    channels = endpoint.connectors if endpoint.side == "channels" else ()
    return Site(address=endpoint.address, secrets=known, settings=endpoint.settings, channels=channels)


def endpoint_of(definition: Connection | HelpdeskConnection, table: Table) -> Endpoint | None:
    """Return the endpoint of a connection, None where it has none."""
    item = table.get(endpoint_key(definition.endpoint)) if definition.endpoint else None
    return Endpoint.read(item["definition"]) if item else None


def looked(connector: Channel | Helpdesk, site: Site, reach: Reach, days: int = TOKEN_DAYS) -> list[Finding]:
    """Return how a connection stands at its platform, with what ends within `days` as expiring.

    What the platform refuses to tell us as the account's fault is a finding, too. Raises `TemporaryError` where it
    could not be asked, and `PermanentError` where it does not take the question.
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
    """Return that the version of the platform's interface ends soon, where that is so."""
    version, sunset = connector.terms.api_version, connector.terms.sunset
    if version is None or sunset is None or (sunset.value - now.date()).days > VERSION_DAYS:
        return []
    what = f"version {version.value} of the interface"
    ends = datetime(sunset.value.year, sunset.value.month, sunset.value.day, tzinfo=UTC)
    remedy = "deploy a newer Deskwire before then"
    return [Finding(what=what, state=State.EXPIRING, found=f"ends on {ends:%Y-%m-%d}", ends=ends, remedy=remedy)]


def silence(hours: Iterable[datetime], now: datetime) -> tuple[timedelta, timedelta] | None:
    """Return for how long a connection has been silent, and its longest silence before, when that is unusual.

    `hours` are those in which it had a message. Its habit is the four weeks up to the last of them. None is returned
    while it is silent for no longer than twice its longest silence (six hours at least), and where not enough is known:
    fewer than 20 such hours, or fewer than 14 days from the first of them to the last.
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


def wrong(found: Sequence[Finding]) -> list[Finding]:
    """Return what a person must be called for: what cannot be seen is told by `deskwire plan` alone."""
    return [each for each in found if each.state in {State.MISSING, State.DIFFERENT}]


def expiring(found: Sequence[Finding]) -> list[Finding]:
    """Return what ends soon."""
    return [each for each in found if each.state is State.EXPIRING]
