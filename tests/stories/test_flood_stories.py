"""Floods: one person writes more in an outage than a thread lists, a bot writes thousands under one comment."""

import re
from datetime import timedelta

from deskwire.conversation.ledger import MOST_PENDING
from deskwire.operating.auditing import audit
from deskwire.web.rest import Answer

WRITTEN = 360  # more than the list and two pages


def flooded(company, count=WRITTEN):
    """Let a customer write while the helpdesk is down; return how it is asked once it is back."""
    direct, company._direct = company._direct, lambda _: Answer(503, {}, b"")
    for number in range(count):
        company.deliver(company.message(f"message {number:04}"))
        company.work()
        company.tick(1)
    return direct


def numbers(company):
    return [int(found) for words in company.comments() for found in re.findall(r"message (\d{4})", words)]


def test_a_flood_is_filed_once_in_order_and_nobody_is_needed(company):
    direct = flooded(company)
    thread = company.thread()
    assert len(thread["pending"]) == MOST_PENDING
    assert thread["waiting"] == WRITTEN - MOST_PENDING
    assert not audit(company.table, since=company.now() - timedelta(days=1), now=company.now()).strays
    company._direct = direct
    for _ in range(5):
        company.later(400)
    assert numbers(company) == list(range(WRITTEN))
    thread = company.thread()
    assert not thread["pending"]
    assert not thread["waiting"]
    flooded(company, MOST_PENDING + 20)
    company._direct = direct
    for _ in range(5):
        company.later(400)
    assert numbers(company)[WRITTEN:] == list(range(MOST_PENDING + 20))
    assert company.thread()["waiting"] == 0


def test_who_writes_while_others_of_theirs_wait_comes_after_them(company):
    direct = flooded(company, 150)
    company._direct = direct
    letters = company.mailbox.letters
    company.tick(400)
    company.sweep()
    company.conversation.handle(letters.popleft().body)  # one turn: the helpdesk has room again, the pages are not read
    company.deliver(company.message("message 7777"))
    company.work()
    for _ in range(5):
        company.later(400)
    assert numbers(company) == [*range(150), 7777]


def test_a_redelivery_of_what_was_put_aside_changes_nothing(company):
    direct = flooded(company, 140)
    again = company.message("message 0120", mid="m_again")
    company.deliver(again)
    company.work()
    waiting = company.thread()["waiting"]
    company.tick(400)  # the mailbox has forgotten it
    company.deliver(again)
    company.work()
    assert company.thread()["waiting"] == waiting
    company._direct = direct
    for _ in range(5):
        company.later(400)
    assert numbers(company) == [*range(140), 120]


# ------------------------------------------------------------------------------------------------ in a public thread

ROOT, BOT = "993300000000077", "73000000000666"
FLOOD = 3000


def swarmed(company, count=FLOOD):
    """Let a bot write under one comment of a customer's, a hundred times a delivery."""
    company.deliver(company.comment("Where is my parcel?", comment=ROOT))
    company.work()
    for start in range(0, count, 100):
        entries = [
            company.comment(f"free tents {number}", comment=f"5{number:06}", parent=f"122200000000501_{ROOT}",
                            author=BOT, name="Bot")
            for number in range(start, start + 100)
        ]  # fmt: skip
        assert company.deliver(*entries) == 200


def a_round(company):
    """Work on the oldest letter of each group, as the queue gives them to as many workers; return how many."""
    groups, rest = {}, []
    while (letter := company.mailbox.take()) is not None:
        if letter.group in groups:
            rest.append(letter)
        else:
            groups[letter.group] = letter
    company.mailbox.letters.extend(rest)
    for letter in groups.values():
        company.conversation.handle(letter.body)
    return len(groups)


def filed(company, words):
    return sum(words in each for each in company.comments())


def test_a_bot_under_one_comment_is_one_thread_and_holds_up_nobody_else(company):
    swarmed(company)
    others = [str(73000000001000 + number) for number in range(20)]
    for author in others:
        company.deliver(
            company.comment("My tent leaks", comment=author, post="122200000000502", author=author, name="M")
        )
    company.deliver(company.message("And I wait for order 4471"))
    assert len({letter.group for letter in company.mailbox.letters}) == len(others) + 2
    assert a_round(company) == len(others) + 2
    assert filed(company, "My tent leaks") == len(others)
    assert filed(company, "order 4471") == 1
    assert filed(company, "free tents") == 1
    assert len(company.graph.sent) == 1  # the message is acknowledged
    assert len(company.mailbox.letters) == FLOOD - 1


def test_who_writes_under_the_flooded_comment_is_filed_in_their_turn_however_little_a_ticket_takes(company):
    swarmed(company, 200)
    company.deliver(
        company.comment(
            "I miss mine, too", comment="8", parent=f"122200000000501_{ROOT}", author="7300000000099", name="B"
        )
    )
    while company.mailbox.letters:
        a_round(company)
    assert filed(company, "free tents") < 40  # Zendesk takes thirty updates of a ticket in ten minutes
    company.later(700)
    company.later(700)
    assert "I miss mine, too" in company.comments()[-1]
    found = [int(each) for words in company.comments() for each in re.findall(r"free tents (\d+)", words)]
    assert found == list(range(200))
    assert len(company.zendesk.tickets) == 1


def test_a_swarm_while_the_helpdesk_is_down_costs_the_others_nothing_but_the_outage(company):
    direct, company._direct = company._direct, lambda _: Answer(503, {}, b"")
    swarmed(company, 200)
    company.deliver(
        company.comment("My tent leaks", comment="9", post="122200000000502", author="73000000001", name="M")
    )
    while company.mailbox.letters:
        a_round(company)
    company._direct = direct
    company.tick(400)
    company.sweep()
    rounds = 0
    while not filed(company, "My tent leaks"):
        assert a_round(company)
        rounds += 1
    assert rounds <= 2
    for _ in range(5):
        company.later(400)
    assert filed(company, "My tent leaks") == 1
    found = [int(each) for words in company.comments() for each in re.findall(r"free tents (\d+)", words)]
    assert found == list(range(200))
