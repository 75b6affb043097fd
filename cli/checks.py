"""Checks beyond the schema of the file. Each yields (place, reason) for faults that a person has to correct."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from deskwire import registry
from deskwire.care.hours import Hours, Week
from deskwire.care.languages import Language, among
from deskwire.care.measure import measure
from deskwire.care.phrasebook import plain
from deskwire.care.policy import Policy
from deskwire.care.promising import longest_sentence
from deskwire.care.texts import Texts, parts, render
from deskwire.contracts.channel import LINK_SECRET, Channel
from deskwire.contracts.connector import Connector
from deskwire.contracts.helpdesk import PollsTickets
from deskwire.contracts.terms import TextLimit, Unit
from deskwire.model.events import Visibility
from deskwire.verification.never import Never

from .company import ConnectionEntry, EndpointEntry
from .document import Place, choice
from .written import Found, Written, channel, helpdesk

# What the README's examples and others' leave to be filled in: `PAGE_ID`, `$PAGE_ID`, `accounts/{accountId}`, `todo`.
PLACEHOLDER = re.compile(
    r"[A-Z]+(?:_[A-Z]+)+|.*(?:<[^<>]*>|\{[^{}]*\}|\$\w|\.\.\.|…|\b(?:[A-Z]+_)?ID\b).*"
    r"|(?i:todo|tbd|x{3,}|(?:\w+[-_ ])?page[-_ ]id)"
)
# The longest that each placeholder becomes.
LONGEST = {"reference": "ABCDE-FGHJK", "opens_day": "2026-12-31", "opens_at": "09:00", "usual_wait": longest_sentence()}
# Bytes of all answers: they stand in each connection's item, which may have 400 KB.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_ANSWERS = 250_000
UNITS = {
    Unit.CHARACTERS: "characters",
    Unit.UTF16: "characters (an emoji counts two or more)",
    Unit.BYTES: "bytes",
    Unit.WEIGHTED: "characters as X counts them",
}


def _unknown(place: Place, what: str, given: str, known: object) -> tuple[Place, str]:
    return place, f"there is no {what} “{given}”: {choice(given, known)}"  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------- names that belong together


def defaults(written: Written) -> Found:
    """Yield defaults that do not exist."""
    for name, section in (("helpdesk", "helpdesks"), ("mirror", "helpdesks"), ("policy", "policies")):
        given = written.default(name)
        if given and given not in written.section(section):
            yield _unknown(("defaults", name), name, given, written.section(section))


def helpdesks(written: Written) -> Found:
    """Yield helpdesks with an unknown connector, or polled though they cannot be."""
    for name, entry in written.helpdesks.items():
        connector = helpdesk(entry.connector)
        if connector is None:
            yield _unknown(("helpdesks", name, "connector"), "helpdesk", entry.connector, registry.helpdesk_names())
        elif entry.poll and not isinstance(connector, PollsTickets):
            yield (
                ("helpdesks", name, "poll"),
                f"{connector.title} cannot be polled: set up its webhook and leave `poll` out",
            )


def endpoints(written: Written) -> Found:
    """Yield endpoints without channel or helpdesk, of channels that sign differently, or a helpdesk's second one."""
    webhooks: dict[str, str] = {}
    for name, entry in written.endpoints.items():
        place = ("endpoints", name)
        yield from _channels(place, entry)
        if entry.helpdesk:
            if entry.helpdesk not in written.section("helpdesks"):
                yield _unknown((*place, "helpdesk"), "helpdesk", entry.helpdesk, written.section("helpdesks"))
            first = webhooks.setdefault(entry.helpdesk, name)
            if first != name:
                yield (*place, "helpdesk"), f"“{entry.helpdesk}” has the endpoint “{first}” already: one is enough"
            desk = written.helpdesks.get(entry.helpdesk)
            connector = None if desk is None else helpdesk(desk.connector)
            if connector is not None and isinstance(connector.verification, Never):
                yield (*place, "helpdesk"), f"{connector.title} is only polled and has no webhook: give it `poll: true`"


def _channels(place: Place, entry: EndpointEntry) -> Found:
    for number, given in enumerate(entry.channels):
        known, at = channel(given), (*place, "channels", str(number))
        if known is None:
            yield _unknown(at, "channel", given, registry.channel_names())
        elif isinstance(known.verification, Never):
            yield at, f"{known.title} is only polled and has no webhook: take it out"
    found = [connector for connector in map(channel, entry.channels) if connector is not None]
    for other in found[1:]:
        if other.verification != found[0].verification:
            reason = f"{found[0].title} and {other.title} sign differently: give each an endpoint of its own"
            yield (*place, "channels"), reason
    if len(set(entry.channels)) < len(entry.channels):
        yield (*place, "channels"), "a channel is named twice"


def connections(written: Written) -> Found:
    """Yield connections with an unknown channel, endpoint, helpdesk or policy, or with another's account."""
    accounts: dict[tuple[str, str], str] = {}
    nameless: dict[tuple[str, str], str] = {}
    for name, entry in written.connections.items():
        place = ("connections", name)
        if channel(entry.channel) is None:
            yield _unknown((*place, "channel"), "channel", entry.channel, registry.channel_names())
        if PLACEHOLDER.fullmatch(entry.account):
            yield (*place, "account"), f"“{entry.account}” stands for the account's own id: put that here"
        first = accounts.setdefault((entry.channel, entry.account), name)
        if first != name:
            yield (*place, "account"), f"this account of {entry.channel} belongs to “{first}” already"
        yield from _endpoint_of(written, place, entry)
        known = channel(entry.channel)
        if known is not None and entry.endpoint and not known.names_account:
            only = nameless.setdefault((entry.endpoint, entry.channel), name)
            if only != name:
                reason = f"a delivery of {known.title} names no account, and “{entry.endpoint}” serves “{only}” already"
                yield (*place, "endpoint"), f"{reason}: give this connection an endpoint of its own"
        if not entry.helpdesk and not written.default("helpdesk"):
            yield place, "“helpdesk” is missing: name it here or under `defaults`"
        if entry.helpdesk and entry.helpdesk not in written.section("helpdesks"):
            yield _unknown((*place, "helpdesk"), "helpdesk", entry.helpdesk, written.section("helpdesks"))
        yield from _mirror(written, place, entry)
        if isinstance(entry.policy, str) and entry.policy not in written.section("policies"):
            yield _unknown((*place, "policy"), "policy", entry.policy, written.section("policies"))


def _mirror(written: Written, place: Place, entry: ConnectionEntry) -> Found:
    at = (*place, "mirror") if entry.mirror else place if entry.helpdesk else ("defaults", "mirror")
    mirror = written.mirror_of(entry)
    if entry.mirror and mirror not in written.section("helpdesks"):
        yield _unknown(at, "helpdesk", mirror, written.section("helpdesks"))
    elif mirror and mirror == written.helpdesk_of(entry):
        yield at, f'“{mirror}” is its helpdesk already: a mirror is a second one (for none, say mirror: "")'


def _endpoint_of(written: Written, place: Place, entry: ConnectionEntry) -> Found:
    at = (*place, "endpoint")
    endpoint, known = written.endpoints.get(entry.endpoint), channel(entry.channel)
    if known is not None and isinstance(known.verification, Never):
        if entry.endpoint:
            yield at, f"{known.title} is only polled and has no webhook: leave `endpoint` out"
    elif not entry.endpoint:
        yield place, "“endpoint” is missing: name the one that its webhooks come to"
    elif entry.endpoint not in written.section("endpoints"):
        yield _unknown(at, "endpoint", entry.endpoint, written.section("endpoints"))
    elif endpoint is not None and endpoint.helpdesk:
        yield at, f"“{entry.endpoint}” is the webhook of a helpdesk: name one with `channels`"
    elif endpoint is not None and entry.channel not in endpoint.channels and known is not None:
        listed = ", ".join(endpoint.channels)
        yield at, f"“{entry.endpoint}” does not list {entry.channel} among its channels ({listed}): add it there"


# --------------------------------------------------------------------------------------------- what connectors need


def needs(written: Written) -> Found:
    """Yield unknown and missing settings of connectors, and missing or useless secrets."""
    for place, entry, settings, secrets in written.connectors():
        for name in settings.unknown(entry.settings):
            yield _unknown((*place, "settings", name), "setting", name, settings.names)
        where = (*place, "settings") if entry.settings else place
        for name in settings.missing(entry.settings):
            yield where, f"the setting “{name}” is missing"
        for name, value in entry.settings.items():
            if name in settings.names and not value.strip():
                yield (*place, "settings", name), "is empty: leave it out, or say what it is"
        if secrets.groups and entry.secret is None:
            members = ", ".join(" or ".join(group) for group in secrets.groups)
            yield place, f"“secret” is missing: the name of an entry of Secrets Manager that holds {members}"
        if not secrets.names and entry.secret is not None:
            yield (*place, "secret"), "no secret is needed here: leave it out"


def settings(written: Written) -> Found:
    """Yield settings that a connector cannot read, and fields that a connection's helpdesk cannot."""
    sides: list[tuple[Place, Mapping[str, str], Connector | None]] = [
        (("helpdesks", name), desk.settings, helpdesk(desk.connector)) for name, desk in written.helpdesks.items()
    ]
    sides += [
        (("connections", name), each.settings, channel(each.channel)) for name, each in written.connections.items()
    ]
    for place, given, connector in sides:
        found = connector.faults(given) if connector is not None else {}
        yield from (((*place, "settings", name), reason) for name, reason in found.items())
    for name, entry in written.connections.items():
        for desk in (written.helpdesks.get(at) for at in (written.helpdesk_of(entry), written.mirror_of(entry))):
            known = None if desk is None else helpdesk(desk.connector)
            if desk is not None and known is not None:
                wrong = known.field_faults(entry.fields, desk.settings)
                yield from ((("connections", name, "fields", each), reason) for each, reason in wrong.items())


def verifications(written: Written) -> Found:
    """Yield settings with which an endpoint's rule would refuse every request."""
    for name, entry in written.endpoints.items():
        rules_of = {known.verification for given in entry.channels if (known := channel(given)) is not None}
        for rule in rules_of:
            for setting, reason in rule.faults(entry.settings).items():
                given = setting in entry.settings
                place = ("endpoints", name, "settings", *((setting,) if given else ()))
                yield place, reason if given else f"the setting “{setting}” is missing: {reason}"


# -------------------------------------------------------------------------------------- the rules and the platforms


def rules(written: Written) -> Found:
    """Yield texts that can never be sent, that are too long for a platform, or that it does not allow."""
    for name, policy in written.policies.items():
        yield from _texts_of(written, ("policies", name), policy)
    for name, entry in written.connections.items():
        found, connector = written.policy_of(name), channel(entry.channel)
        if found is None:
            continue
        if found[0][0] == "connections":
            yield from _texts_of(written, *found)
        if connector is not None:
            yield from _texts_on(written, name, connector, found)


def _texts_of(written: Written, place: Place, policy: Policy) -> Found:
    for section, visibility, language, state, text in templates(policy):
        at = written.stands(place, *section, visibility, language, state)
        named = {piece for piece, placeholder in parts(text) if placeholder}
        if "company" in named and not policy.company:
            yield at, "names {company}, but the policy has no `company`"
        opens = sorted(named & {"opens_day", "opens_at"})
        if opens and never_opens(policy.hours):
            yield at, f"names {{{opens[0]}}}, but by `hours` nobody ever answers: there is no opening to name"


def _texts_on(written: Written, name: str, connector: Channel, found: tuple[Place, Policy]) -> Found:
    place, policy = found
    for visibility, sending in connector.terms.sending.items():
        if not policy.acknowledges(visibility):
            continue
        if visibility is Visibility.PUBLIC and not sending.automatic:
            reason = (
                f"{connector.title} allows no automatic answer in public: "
                f"give the connection “{name}” a policy without `acknowledge.public`"
            )
            yield written.stands(place, "acknowledge", "public"), reason
            continue
        limit = sending.text.value
        for section, seen, language, state, text in templates(policy):
            length = measure(longest(text, policy.company), limit.unit)
            if seen == visibility and length > limit.most:
                at = written.stands(place, *section, seen, language, state)
                yield at, _too_long(length, limit, connector.title, name)


def templates(policy: Policy) -> Iterator[tuple[Place, str, str, str, str]]:
    """Yield (section, visibility, language, open or closed, text) of a policy."""
    sections: dict[Place, Texts] = {
        ("texts",): policy.texts,
        ("judging", "thanks"): policy.judging.thanks,
        ("incident",): policy.incident,
    }
    for section, texts in sections.items():
        for visibility in Visibility:
            for language, wordings in texts.of(visibility).items():
                yield section, visibility, language, "open", wordings.open
                yield section, visibility, language, "closed", wordings.closed


def longest(template: str, company: str) -> str:
    """Return a text with the longest values for its placeholders."""
    return render(template, LONGEST | {"company": company or "-"}) or ""


def never_opens(hours: Hours) -> bool:
    """Return whether these hours never open."""
    if any(hours.days.values()):
        return False
    return hours.week == "never" or (
        isinstance(hours.week, Week) and not any(getattr(hours.week, day) for day in Week.model_fields)
    )


def _too_long(length: int, limit: TextLimit, title: str, connection: str) -> str:
    unit = UNITS[limit.unit]
    return f"becomes up to {length} {unit}, and {title} takes {limit.most} (connection “{connection}”)"


def incidents(written: Written) -> Found:
    """Yield groups with unknown connections, or with those of another group."""
    first: dict[str, str] = {}
    for group, names in (written.incidents.groups if written.incidents else {}).items():
        for name in names:
            place = ("incidents", "groups", group)
            if name not in written.section("connections"):
                yield _unknown(place, "connection", name, written.section("connections"))
            elif first.setdefault(name, group) != group:
                yield place, f"“{name}” is in the group “{first[name]}” already: a connection is counted once"


def links(written: Written) -> Found:
    """Yield pages of one-time links without a connection, or whose connection has no secret to sign them."""
    for place, link, entry in written.links():
        if entry is None:
            yield place, f"names {link.channel} “{link.account}”, and no connection is that"
        elif entry.secret is None:
            yield place, f"is signed with `{LINK_SECRET}` of that connection's `secret`, and it has none"


def channels(written: Written) -> Found:
    """Yield channels named in a policy's rules without a connection."""
    known = _connected(written) or {*registry.channel_names()}
    places: list[tuple[Place, Policy]] = [(("policies", name), policy) for name, policy in written.policies.items()]
    own = (written.policy_of(name) for name in written.connections)
    for place, policy in [*places, *(each for each in own if each is not None and each[0][0] == "connections")]:
        for steps, names in _named_channels(policy):
            for number, given in enumerate(names):
                if given not in known:
                    at = written.stands(place, *steps, str(number))
                    yield at, f"no connection is of the channel “{given}”: {choice(given, known)}"


def _connected(written: Written) -> set[str]:
    """Return the channels of all connections, including connections with other faults."""
    entries = written.section("connections").values()
    return {str(entry.get("channel")) for entry in entries if isinstance(entry, dict)}


def _named_channels(policy: Policy) -> Iterator[tuple[Place, tuple[str, ...]]]:
    for number, rule in enumerate(policy.answer_within):
        yield ("answer_within", str(number), "channels"), rule.channels
    yield ("survey", "channels"), policy.survey.channels
    yield ("private", "move", "channels"), policy.private.move.channels


def archived(written: Written) -> Iterator[Place]:
    """Yield the places of policies, in use by a connection, that archive conversations."""
    for name in written.connections:
        found = written.policy_of(name)
        if found is not None and found[1].archive != "none":
            yield written.stands(found[0], "archive")


def answers(written: Written) -> Found:
    """Yield answers for unknown channels, with another answer's questions, or too long in total."""
    asked: dict[str, str] = {}
    size = sum(len(answer.model_dump_json().encode()) for answer in written.answers.values())
    if size > MOST_ANSWERS:
        yield ("answers",), f"have {size // 1000} kB, and a connection holds {MOST_ANSWERS // 1000}: leave some out"
    for name, answer in written.answers.items():
        place = ("answers", name)
        for given in answer.channels:
            if given not in registry.channel_names():
                yield _unknown((*place, "channels"), "channel", given, registry.channel_names())
        for question in {plain(each) for each in answer.questions}:
            other = asked.setdefault(question, name)
            if other != name:
                yield (*place, "questions"), f"“{question}” is a question of “{other}” too: neither can be told from it"


def _unasked(written: Written) -> Found:
    """Yield settings that prevent answers from being given."""
    policies = [found[1] for name in written.connections if (found := written.policy_of(name)) is not None]
    asking = [policy.answering.ask for policy in policies]
    for name, answer in written.answers.items():
        offered = {tag for ask in asking for visibility in answer.visibility for tag in ask.of(visibility)}
        if not any(among(Language(tag), offered) for tag in answer.answer):
            reason = "is never said: no connection's policy has a text of `answering.ask` in its languages"
            yield ("answers", name), reason
    for name, answer in written.answers.items():
        for number, given in enumerate(answer.channels):
            if given not in _connected(written):
                yield (
                    ("answers", name, "channels", str(number)),
                    "is never said there: no connection is of this channel",
                )


def hints(written: Written) -> Found:
    """Yield settings that are allowed but odd."""
    yield from _unasked(written)
    webhooks = {entry.helpdesk for entry in written.endpoints.values()}
    for name, desk in written.helpdesks.items():
        if name not in webhooks and not desk.poll:
            yield ("helpdesks", name), "has no endpoint and is not polled: agents' answers do not reach customers"
    for name, policy in written.policies.items():
        if (policy.incident.private or policy.incident.public) and written.incidents is None:
            yield ("policies", name, "incident"), "is never said: the file has no section `incidents`"
    used = {entry.endpoint for entry in written.connections.values()}
    for name, endpoint in written.endpoints.items():
        if endpoint.channels and name not in used:
            yield ("endpoints", name), "no connection uses it: whatever comes in there is refused"


FAULTS = (
    defaults,
    helpdesks,
    endpoints,
    connections,
    needs,
    settings,
    verifications,
    rules,
    incidents,
    links,
    channels,
    answers,
)
