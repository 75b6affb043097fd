"""R1–R4: a connector that looks at its webhook names what is wrong, mends it once, and shows no secret."""

import pytest

from deskwire.contracts.registration import State
from deskwire.model.errors import ConfigurationError, TemporaryError
from tests.conformance import world
from tests.conformance.test_sending import failing

WRONG = {State.MISSING, State.DIFFERENT}


def shown(name, call):
    """Return what the exchanges of a call came to: findings, or what was done."""
    items = [item for item in world.exchanges(name) if item.call == call and item.ends_well]
    return [(item, world.played(item)[0]) for item in items]


def asked(exchange):
    return {(step["request"]["method"], step["request"]["url"]) for step in exchange.data["steps"]}


@pytest.mark.rule("R1.told")
def test_what_is_right_and_what_is_wrong_are_told_apart(registering_connector):
    found = [findings for _, findings in shown(registering_connector, "registration")]
    assert any(all(each.state not in WRONG for each in findings) for findings in found), "no exchange finds all right"
    assert any(each.mends for findings in found for each in findings), "no exchange finds what it mends"
    for findings in found:
        names = [each.what for each in findings]
        assert len(set(names)) == len(names), "two findings of one name"
        assert all(each.remedy for each in findings if each.state in {State.UNKNOWN, State.LIMITED}), (
            "what to do so that it can be seen?"
        )


@pytest.mark.rule("R2.once")
def test_it_is_set_up_once_and_then_only_looked_at(registering_connector):
    """What is asked where all is right is asked when looking, too: nothing is written."""
    done = shown(registering_connector, "register")
    assert any(result.did for _, result in done), "no exchange sets anything up"
    idle = [item for item, result in done if not result.did]
    assert idle, "no exchange finds nothing to do"
    looks = set().union(*(asked(item) for item, _ in shown(registering_connector, "registration")))
    for item in idle:
        assert asked(item) <= looks, f"{item} asks more than a look does"


@pytest.mark.rule("R3.again")
def test_a_platform_that_cannot_be_asked_says_nothing_of_the_registration(registration):
    for answer in ({"status": 429, "body": {}}, {"status": 503, "body": ""}, {"cut": True}, {"unreachable": True}):
        with pytest.raises(TemporaryError):
            world.played(registration, failing(registration, answer))


@pytest.mark.rule("R3.refused")
def test_a_refusal_of_the_account_is_told(registration):
    try:
        findings, _ = world.played(registration, failing(registration, {"status": 401, "body": {}}))
    except ConfigurationError:
        return
    assert any(each.state is not State.RIGHT for each in findings)


@pytest.mark.rule("R4.silent")
def test_no_secret_is_in_what_is_told(registering):
    result, _ = world.played(registering)
    data = registering.data
    known = [*data["secrets"].values(), *data["site"].get("secrets", {}).values()]
    told = f"{world.described(result)!r} {result!r}"
    for secret in known:
        assert not world.shows(told, secret)
