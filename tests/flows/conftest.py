"""Northwind on the deployed template, each function's role enforced; started once for all stories."""

import itertools
import time

import pytest

from sandbox.neighbours.sender import State
from sandbox.northwind import books
from sandbox.northwind.company import Company
from sandbox.northwind.offices import open_office
from sandbox.platforms.google.books import OnGoogle
from sandbox.platforms.meta.books import PAGES, OnMeta
from sandbox.platforms.x.books import OnX

FAST = 30  # platforms' retries and the queue's memory: five minutes are ten seconds
PATIENCE = 90  # seconds; a busy machine needs some of them


class Stories:
    """What a story says, and where it looks."""

    def __init__(self, company):
        self.company = company
        self.meta, self.x, self.google = (company.platform(kind).player for kind in (OnMeta, OnX, OnGoogle))
        self.numbers = itertools.count(50_001)

    def marker(self):
        """Return a number that occurs nowhere else."""
        return f"NW-{next(self.numbers)}"

    def eventually(self, look, seconds=PATIENCE):
        """Return what `look` gives as soon as it gives something; fail when it never does."""
        until = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > until:
                pytest.fail(f"it did not happen within {seconds} s; the log is {self.company.stack.log_file}")
            time.sleep(0.2)
        return found

    def open_page(self):
        """Return the page of the office that is open now."""
        return PAGES[open_office(self.company.clock.now())]

    def deliver(self, route, *fragments):
        """Send one delivery and return it once it was answered."""
        number = self.company.sender.together(self.company.routes[route], list(fragments))
        return self.answered(number)

    def answered(self, number):
        self.eventually(lambda: self.company.sender.delivery(number).state is not State.WAITING)
        return self.company.sender.delivery(number)

    def statuses(self, delivery):
        return [attempt.status for attempt in delivery.attempts]

    def filed(self, marker, *, desk=None):
        """Return (ticket, comment) of every comment that holds the words, in the company's helpdesk or in another."""
        return [
            (ticket, comment)
            for ticket in (desk or self.company.desk).tickets()
            for comment in ticket.comments
            if marker in comment.text
        ]

    def ticket(self, marker):
        """Wait for the ticket with these words, and return it."""
        return self.eventually(lambda: self.filed(marker))[0][0]

    def said(self, place):
        """Return what the customer at a place of the platform could read."""
        return [each for each in books.spoken(self.company) if each.place == place]

    def outcomes(self, object_id):
        """Return the table's outcomes of one object."""
        return [each.state for each in books.kept(self.company)[0] if each.identity[2] == object_id]

    def calm(self):
        """Wait until nothing is under way."""
        sqs, url = self.company.stack.client("sqs"), self.company.stack.deployed.mailbox
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def quiet():
            waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return not any(int(waiting[name]) for name in names) and not books.kept(self.company)[1]

        self.eventually(quiet)


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    company = Company(speed=FAST, directory=tmp_path_factory.mktemp("northwind")).archiving()
    with company.moving_to("freshdesk"):
        yield company


@pytest.fixture(scope="session")
def stories(company):
    return Stories(company)


@pytest.fixture
def zendesk(company):
    yield company.desk.zendesk
    company.desk.zendesk.faults.clear()
