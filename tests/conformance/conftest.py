"""Gives each rule its connectors, captures and exchanges, and turns declared gaps into strict xfails."""

import pytest

from deskwire.contracts.actions import Actions
from deskwire.contracts.channel import Asks, Channel, Fetches, Media, Moderates, Offers, Polls, Profiles, Replies
from deskwire.contracts.helpdesk import Helpdesk, History, Updates
from deskwire.contracts.registration import Registers
from deskwire.model.events import Visibility
from deskwire.verification.never import Never
from tests.conformance import world

ABILITIES = {
    "acts": Actions,
    "asks": Asks,
    "fetches": Fetches,
    "media": Media,
    "moderates": Moderates,
    "offers": Offers,
    "polls": Polls,
    "profiles": Profiles,
    "replies": Replies,
}


def _every(kind):
    return [name for name, connector in world.connectors().items() if isinstance(connector, kind)]


def _delivered(kind):
    """Return those to which something is delivered: what is only polled has no captures."""
    return [name for name in _every(kind) if not isinstance(world.connectors()[name].verification, Never)]


def _captures(kind, wanted):
    return [
        item for name in _every(kind) for item in world.captures(name) if item.expected is not None and wanted(item)
    ]


def _exchanges(kind, wanted):
    return [item for name in _every(kind) for item in world.exchanges(name) if wanted(item)]


def _chats(connector):
    """Tell whether something automatic may be said to a customer of the channel in a private conversation."""
    rules = connector.terms.sending.get(Visibility.PRIVATE)
    return rules is not None and rules.automatic


def _hands(name):
    return type(world.connectors()[name]).handshake not in {Channel.handshake, Helpdesk.handshake}


def _sends(item):
    """Whether an answer of the platform's decides it: what goes into an outbox asks nobody."""
    return item.call == "send" and item.ends_well and item.data["steps"]


def _completes(item):
    """Whether an answer of the platform's holds the customer's words."""
    asks = item.call == "complete" and item.ends_well
    return asks and item.data["steps"] and "request" in item.data["steps"][0] and item.data["result"] is not None


def _writes(item):
    """Tell whether a call changes something, or reads something that a page is not."""
    done = item.ends_well and item.data["steps"] and item.data["result"] != {"filed": None}
    return done and item.call not in {"find", "file", "history", *world.REGISTERING}


def _looks(item):
    """Tell whether a call looks at the registration to its end: what only a person can mend may end it early."""
    if item.call != "registration" or not item.ends_well:
        return False
    return not any(each["state"] == "different" and each.get("remedy") for each in item.data["result"]["findings"])


# A rule asks for one of these fixtures and gets a test for each member.
POPULATIONS = {
    "channel": lambda: _every(Channel),
    "helpdesk": lambda: _every(Helpdesk),
    "connector": lambda: _every((Channel, Helpdesk)),
    "telling_helpdesk": lambda: [name for name in _every(Helpdesk) if world.connectors()[name].abilities.tells],
    "status_helpdesk": lambda: [
        name for name in _every(Helpdesk) if any(each.status is not None for each in world.delivered(name))
    ],
    "closing_helpdesk": lambda: [n for n in _every(Helpdesk) if world.connectors()[n].abilities.tells_closing],
    "remembering_helpdesk": lambda: _every(History),
    "updating_helpdesk": lambda: _every(Updates),
    "delivered_channel": lambda: _delivered(Channel),
    "delivered_helpdesk": lambda: _delivered(Helpdesk),
    "delivered_connector": lambda: _delivered((Channel, Helpdesk)),
    "replying_channel": lambda: _every(Replies),
    "asking_channel": lambda: _every(Asks),
    "chatting_channel": lambda: [name for name in _every(Replies) if _chats(world.connectors()[name])],
    "moderating": lambda: _exchanges(
        Moderates, lambda item: item.call == "moderate" and item.ends_well and item.data["steps"]
    ),
    "moderating_channel": lambda: _every(Moderates),
    "fetching_channel": lambda: _every(Fetches),
    "stamped_connector": lambda: [
        name for name in _every((Channel, Helpdesk)) if world.connectors()[name].verification.stamped
    ],
    "handshaking_connector": lambda: [name for name in _every((Channel, Helpdesk)) if _hands(name)],
    "capture_file": lambda: world.everything()[0],
    "capture": lambda: _captures((Channel, Helpdesk), lambda item: "events" in item.expected),
    "channel_capture": lambda: _captures(Channel, lambda item: "events" in item.expected),
    "handshake": lambda: _captures((Channel, Helpdesk), lambda item: set(item.expected) == {"response"}),
    "refused": lambda: _captures((Channel, Helpdesk), lambda item: "error" in item.expected),
    "redelivery": lambda: _captures((Channel, Helpdesk), lambda item: item.name.endswith("-again")),
    "genuine": lambda: _captures((Channel, Helpdesk), lambda item: item.signed),
    "exchange": lambda: _exchanges((Channel, Helpdesk), lambda _: True),
    "completing": lambda: _exchanges(Channel, _completes),
    "sending": lambda: _exchanges(Channel, _sends),
    "good_exchange": lambda: _exchanges((Channel, Helpdesk), lambda item: item.ends_well),
    "registering_connector": lambda: _every(Registers),
    "registration": lambda: _exchanges((Channel, Helpdesk), _looks),
    "registering": lambda: _exchanges((Channel, Helpdesk), lambda item: item.call in world.REGISTERING),
    "appending": lambda: _exchanges(Updates, lambda item: item.call == "append" and item.ends_well),
    "writing": lambda: _exchanges(Helpdesk, _writes),
}


def pytest_configure(config):
    config.addinivalue_line("markers", "rule(name): the rule of STYLE.md that a test of conformance proves")


def gap(connector, rule):
    """Return the reason a connector gives for not keeping a rule, or None."""
    for name, reason in world.connectors()[connector].known_gaps.items():
        if rule == name or rule.startswith(name + "."):
            return reason
    return None


def connector_of(member):
    return member if isinstance(member, str) else member.connector


def pytest_generate_tests(metafunc):
    only = metafunc.config.getoption("--connector", None)
    for fixture in set(metafunc.fixturenames) & set(POPULATIONS):
        marker = metafunc.definition.get_closest_marker("rule")
        members = []
        for member in POPULATIONS[fixture]():
            if only and connector_of(member) not in only:
                continue
            reason = gap(connector_of(member), marker.args[0]) if marker else None
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            members.append(pytest.param(member, marks=marks, id=str(member)))
        metafunc.parametrize(fixture, members)
