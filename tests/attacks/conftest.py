"""A small company in one process (as in tests/stories), for attacks that go on behind the queue.

`pytest tests/attacks --connector x` attacks the code of that connector alone.
"""

from pathlib import Path

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.web import media
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.conformance import world
from tests.stories.conftest import POLICY, START, Company

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    only = config.getoption("--connector")
    if only:
        left = [item for item in items if HERE in item.path.parents and not concerns(item, only)]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


def concerns(item, names):
    """Tell whether a test attacks one of these connectors: its patterns, its hosts, or its parser."""
    member = item.name.partition("[")[2].removesuffix("]")
    places = [f"{side}/{name}{end}" for side in ("channels", "helpdesks") for name in names for end in (".py", "/")]
    return "attacked" in item.fixturenames or member in names or member.startswith(tuple(places))


@pytest.fixture(scope="session")
def attacked(pytestconfig):
    """The names of the connectors whose parsers are attacked: all, or those that were asked for."""
    return pytestconfig.getoption("--connector") or list(world.connectors())


class Internet:
    """A network that answers a look-up with the next of its answers (the last for ever) and connects nowhere."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.looked_up, self.reached = [], []
        self.network = media.Network(self.resolve, self.connect)

    def resolve(self, host):
        self.looked_up.append(host)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]

    def connect(self, address, seconds):
        self.reached.append(address)
        raise ConnectionRefusedError


UNJUDGED = POLICY | {"judging": {"on": False}}  # so that a priority that changes was commanded


class Besieged(Company):
    """The company of the stories, with another app beside its own and a network that is watched."""

    def __init__(self, clock, zendesk, policy=UNJUDGED):
        super().__init__(clock, zendesk, policy)
        self.internet = Internet("10.0.0.1")
        other = Endpoint(name="other-app", side="channels", connectors=("facebook", "messenger"), secret="other-app")
        form = Connection(
            name="form", channel="webform", account="contact", endpoint="form", secret="", helpdesk="acme",
            settings={"sender": "Northwind <help@northwind.example>"}, policy=Policy.model_validate(policy),
        )  # fmt: skip
        for definition in (other, form):
            self.table.put(Put(item(definition)))

    def secrets(self, name):
        return (
            Secrets({"app_secret": "other-app-secret", "verify_token": "v"})
            if name == "other-app"
            else super().secrets(name)
        )

    def fetch(self, call, hosts):
        return media.fetch(call, hosts, limit=1000, network=self.internet.network)


@pytest.fixture
def company():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Besieged(clock, zendesk)
        yield company
        company.close()
