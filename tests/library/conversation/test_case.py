"""What is counted of a ticket as it is answered, solved and opened again."""

import json

from deskwire.conversation.case import RETURNS, Case

HOUR = 3600
OPEN = Case(since=1_000_000, language="pl", priority="high", kind="complaint")


def at(hours):
    return OPEN.since + hours * HOUR


def test_one_answer_and_solved_is_the_first_contact():
    solved, counts = OPEN.answered().solve(at(2))
    assert counts == {"resolved": 2 * HOUR, "solved": 1, "first_contact": 1, "unanswered": 0}
    assert solved.solve(at(3)) == (solved, {}), "solved once more is nothing new"


def test_two_answers_are_no_first_contact_and_no_answer_is_counted_by_itself():
    assert OPEN.answered().answered().solve(at(2))[1]["first_contact"] == 0
    _, counts = OPEN.solve(at(2))
    assert (counts["first_contact"], counts["unanswered"]) == (0, 1)
    assert OPEN.solve(at(2), confirmed=True)[1] == {
        "resolved": 2 * HOUR, "solved": 1, "first_contact": 1, "unanswered": 0,
    }  # fmt: skip


def test_what_is_opened_again_in_three_days_takes_the_first_contact_back():
    solved, _ = OPEN.answered().solve(at(2))
    opened, counts = solved.reopen(solved.solved_at + RETURNS)
    assert counts == {"unresolved": 2 * HOUR, "reopened": 1, "first_contact": -1}
    again, counts = opened.answered().solve(at(80))
    assert counts == {"resolved": 80 * HOUR}, "it was solved before, and is no first contact any more"
    assert again.reopen(at(81))[1] == {"unresolved": 80 * HOUR, "reopened": 0}
    assert opened.reopen(at(81)) == (opened, {})


def test_what_is_opened_again_later_was_resolved_at_the_first_contact():
    solved, _ = OPEN.answered().solve(at(2))
    assert solved.reopen(solved.solved_at + RETURNS + 1)[1] == {"unresolved": 2 * HOUR, "reopened": 1}


def test_what_is_told_holds_no_zero_but_a_time():
    told = json.loads(OPEN.encode({"resolved": 0, "solved": 1, "first_contact": 0}))
    assert told == [OPEN.since, "pl", "high", "complaint", {"resolved": 0, "solved": 1}]
