"""One person writes more in an outage than a thread lists: all of it is filed afterwards, in order."""

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
