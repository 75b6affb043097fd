"""Stories of what an operator must be able to count on: nothing stays unaccounted, and a person can be forgotten."""

from __future__ import annotations


class Crash(BaseException):
    """The worker is gone."""


def crashed_at_the_helpdesk(company):
    """Have a customer write, and the worker die at its first call of the helpdesk; its letter is used up."""
    company.deliver(company.message("My parcel is lost"))
    http = company.directory.http

    def die(call):
        raise Crash

    object.__setattr__(company.directory, "http", die)
    try:
        company.work()
    except Crash:
        pass
    else:
        raise AssertionError("the helpdesk was not called")
    object.__setattr__(company.directory, "http", http)


def test_a_thread_whose_worker_and_letter_are_both_lost_is_woken_all_the_same(company):
    crashed_at_the_helpdesk(company)
    assert company.outcomes() == {"messenger/410000000000001/m_1/add/": "recorded"}
    company.tick(901)
    assert company.sweep()["woken"] == 1
    company.work()
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.zendesk.tickets) == 1


def test_what_is_finished_is_on_nobodys_list(company):
    company.deliver(company.message("My parcel is lost"))
    company.work()
    company.tick(100_000)
    assert company.sweep()["woken"] == 0
