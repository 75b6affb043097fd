"""What a small company's morning leaves on the stream of its table."""

import pytest

from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import CUSTOMER, START, Company
from tests.streams import StreamingTable, chosen

OTHER = "24900000000000018"


class Morning(Company):
    """The company of the stories, with a stream on its table."""

    def __init__(self, clock, zendesk, *policy):
        super().__init__(clock, zendesk, *policy)
        self.streamed = StreamingTable(self.now)
        self.streamed.items = self.table.items
        for part in (self, self.conversation, self.sweeper, self.directory):
            object.__setattr__(part, "table", self.streamed)

    @property
    def records(self):
        """What reaches watch."""
        return chosen(self.streamed.stream)


@pytest.fixture
def morning():
    """Two customers write, one of them twice and once with a receipt; an agent answers one of them twice."""
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Morning(clock, zendesk)
        company.deliver(company.message("My parcel 7731 is not here."))
        company.tick(4)
        company.work()
        company.deliver(company.message("Hello?", customer=OTHER))
        company.deliver(company.message("It is urgent."))
        company.work()
        ticket = company.thread(CUSTOMER)["ticket"]
        for number in (1, 2):
            company.tick(90)
            zendesk.agent_replies(int(ticket), f"We are looking at it, {number}.")
            company.signalled(ticket, f"INVOCATION-{number}")
            company.work()
            company.work()
        yield company
        company.close()
