"""What a judgement changes in a ticket: complaints first, personal data out of public, and the reasons in words."""

import time
from dataclasses import replace

import pytest

from deskwire.care.policy import Judging, Policy
from deskwire.care.triage import triage

POLICY = Policy(priority_words=("refund", "legal action", "kvörtun"))
QUIET = POLICY.model_copy(update={"judging": Judging(on=False)})


def hints(text, stars=0, policy=QUIET, **said):
    return triage(text, policy, stars=stars, **said)


@pytest.mark.parametrize(
    ("rating", "priority"), [(1, "high"), (2, "high"), (3, "normal"), (5, "normal"), (0, "normal")]
)
@pytest.mark.parametrize("policy", [POLICY, QUIET])
def test_a_poor_rating_goes_before_praise(rating, priority, policy):
    assert hints("Fine", rating, policy).priority == priority


@pytest.mark.parametrize("text", ["I want a REFUND!", "I will take legal  action.", "Þetta er kvörtun", "#refund"])
def test_a_configured_word_raises_the_priority(text):
    assert hints(text).priority == "high"
    assert hints(text, policy=POLICY).priority == "high"


def test_a_configured_word_is_found_at_the_end_of_a_long_message():
    assert hints("word " * 2000 + "refund").priority == "high"


@pytest.mark.parametrize("text", ["refunded yesterday, thanks", "legal. Take action", "all fine"])
def test_a_part_of_a_word_does_not(text):
    assert hints(text).priority == "normal"


@pytest.mark.parametrize(
    "text",
    [
        "my card 4111 1111 1111 1111 was charged",
        "4111-1111-1111-1111",
        "378282246310005",
        "۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱",
        "pay to GB82 WEST 1234 5698 7654 32 please",
        "PL61109010140000071219812874",
        "kennitalan mín er 010130-2989",
        "word " * 2000 + "4111 1111 1111 1111",
    ],
)
def test_sensitive_data_is_tagged(text):
    assert "sensitive" in hints(text).tags
    assert "sensitive-in-public" in hints(text, public=True).tags


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "00340434161094042557",
        "order 4471",
        "GB82 WEST 1234 5698 7654 33",
        "2026-11-21 10:02",
    ],
)
def test_other_numbers_are_not(text):
    assert hints(text, public=True).tags == ()


def test_a_telephone_number_is_private_only_where_everybody_reads_it():
    assert hints("my phone is +354 555 1234").tags == ()
    assert hints("my phone is +354 555 1234", public=True).tags == ("sensitive-in-public", "private-phone")


def test_a_hint_never_repeats_what_was_found():
    assert "4111" not in repr(hints("I am furious! 4111 1111 1111 1111", policy=POLICY))


def test_a_hot_message_says_what_it_is_and_why():
    found = hints("My card was stolen, block it immediately!", policy=POLICY)
    assert (found.priority, found.tags) == ("urgent", ("hot", "urgent"))
    assert found.line.startswith("Judged hot, urgent, mood ")
    assert "cannot wait: “stolen”" in found.line


def changes(found):
    """Return what hints change in a ticket, without what they are counted as."""
    return replace(found, kind="", language="")


def test_a_cold_message_changes_nothing():
    assert changes(hints("When do you open on Saturday?", policy=POLICY)) == changes(hints("", policy=QUIET))


def test_the_policy_decides_which_priority_a_kind_has():
    policy = POLICY.model_copy(update={"judging": Judging(priorities={"urgent": "high"})})
    assert hints("My card was stolen, block it immediately!", policy=policy).priority == "high"
    assert hints("Rude staff, I am disappointed", policy=policy).priority == "normal"


@pytest.mark.parametrize(
    ("reasons", "hot", "cold"), [("hot", True, False), ("all", True, True), ("none", False, False)]
)
def test_the_policy_decides_which_messages_say_how_they_were_judged(reasons, hot, cold):
    policy = POLICY.model_copy(update={"judging": Judging(reasons=reasons)})
    assert bool(hints("Rude staff, I am disappointed", policy=policy).line) == hot
    assert bool(hints("When do you open?", policy=policy).line) == cold


def test_judging_can_be_switched_off():
    assert changes(hints("My card was stolen, block it immediately!")) == changes(hints(""))


def test_who_had_a_ticket_before_is_heard_sooner():
    text = "We did not ask for green"
    once, again = (hints(text, policy=POLICY, again=again) for again in (False, True))
    assert (once.priority, again.priority) == ("normal", "high")
    assert "had a ticket before" in again.line


@pytest.mark.parametrize(
    "text",
    [
        "4 " * 32000,
        "1-" * 32000,
        "AB12 " * 13000,
        "AB12" * 16000,
        "AB12 AAAA " * 6400,
        "9" * 64000,
        "a\u0301\u0315" * 12000,
    ],
)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(text):
    def cost(sample):
        began = time.process_time()
        hints(sample, policy=POLICY)
        return time.process_time() - began

    cost("warm")
    quarter = min(cost(text[: len(text) // 4]) for _ in range(2))
    assert min(cost(text) for _ in range(2)) < 10 * quarter + 0.05
