"""What a company configured, as the table holds it: endpoints, connections and helpdesks.

`deskwire apply` writes these from `deskwire.yaml`; `receive` reads an endpoint with the standard library alone
(`receiving.EndpointView`), everything behind the queue reads them here.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from deskwire.care.answers import Answer, Matcher
from deskwire.care.policy import Policy, Rated
from deskwire.model.keys import compose
from deskwire.ports import Item, Key

NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"


class Definition(BaseModel):
    """The root: frozen, nothing unknown, and no input quoted in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    @lru_cache(maxsize=1024)
    def read(cls, text: str) -> Self:
        """Return the definition in a table's item; one that is known is not read again (a policy takes a while)."""
        return cls.model_validate_json(text)


class Endpoint(Definition):
    """One webhook address with its secrets: a Meta app, an X app, a form, a helpdesk's webhook."""

    name: str = Field(pattern=NAME)
    side: Literal["channels", "helpdesks"]
    connectors: tuple[str, ...] = Field(min_length=1)
    secret: str = ""
    address: str = ""  # where it is called from outside; empty where `deskwire apply` could not tell
    settings: dict[str, str] = Field(default_factory=dict)
    helpdesk: str = ""  # for the helpdesks' side: whose webhook it is
    # Channel -> account of its one connection here, where the channel's deliveries name no account.
    accounts: dict[str, str] = Field(default_factory=dict)
    # Channel -> all accounts of its connections here, where a visitor's page names one: no other is taken.
    pages: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return endpoint_key(self.name)


class Connection(Definition):
    """One account of a channel: a page, a number, a form; where its tickets go and the company's rules for it."""

    name: str = Field(pattern=NAME)
    channel: str
    account: str = Field(min_length=1, max_length=300)
    endpoint: str = ""  # none: the channel is only polled
    secret: str = ""
    settings: dict[str, str] = Field(default_factory=dict)
    helpdesk: str
    mirror: str = ""  # a second helpdesk, into which all that is filed is copied; none: nothing is
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    policy: Policy = Field(default_factory=Policy)
    answers: dict[str, Answer] = Field(default_factory=dict)  # to simple questions, by name

    @cached_property
    def matcher(self) -> Matcher:
        """What finds the answer to a question."""
        return Matcher(self.answers)

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return connection_key(self.channel, self.account)

    def mirror_of(self, helpdesk: str) -> str:
        """Return the helpdesk into which a conversation is copied whose ticket is in this one; empty: into none.

        That of a conversation that began before the two were exchanged is copied the other way.
        """
        return self.helpdesk if self.mirror and helpdesk == self.mirror else self.mirror

    def mirrors_into(self, helpdesk: str) -> bool:
        """Return whether a conversation may be copied into this helpdesk."""
        return bool(self.mirror) and helpdesk in {self.mirror, self.helpdesk}


class HelpdeskConnection(Definition):
    """One helpdesk account."""

    name: str = Field(pattern=NAME)
    connector: str
    endpoint: str = ""
    secret: str
    settings: dict[str, str] = Field(default_factory=dict)
    poll: bool = False  # look for agents' replies every minute, as a net under the webhook
    at_once: int = Field(default=0, ge=0, le=50)  # calls, of all workers together; 0: as many as there are workers

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return helpdesk_key(self.name)


class Incidents(Definition):
    """What is watched together for incidents, and how urgent their tickets are."""

    name: str = "incidents"
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # of connections, by name; none: all are one
    priority: Rated = "high"

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return INCIDENTS_KEY

    def scope(self, connection: str) -> tuple[str, tuple[str, ...]]:
        """Return what a connection is counted with: the scope's name, and its connections (none named: all)."""
        if not self.groups:
            return "company", ()
        found = next((each for each in self.groups.items() if connection in each[1]), None)
        if found is None:
            return compose("connection", connection), (connection,)
        return compose("group", found[0]), found[1]


INCIDENTS_KEY: Key = ("CONFIGURATION", "INCIDENTS")


def endpoint_key(name: str) -> Key:
    """Return where an endpoint's definition is."""
    return (f"E#{compose(name)}", "ENDPOINT")


def connection_key(channel: str, account: str) -> Key:
    """Return where a connection's definition is."""
    return (f"C#{compose(channel, account)}", "CONNECTION")


def helpdesk_key(name: str) -> Key:
    """Return where a helpdesk's definition is."""
    return (f"H#{compose(name)}", "HELPDESK")


def copies_shard(helpdesk: str) -> str:
    """Return the shard of the index of due threads that tells how long a mirror's oldest copy has waited."""
    return f"{helpdesk_key(helpdesk)[0]}#copies"


INDEX_KEY: Key = ("CONFIGURATION", "INDEX")  # all keys that `deskwire apply` wrote, so that it can remove


def item(definition: Endpoint | Connection | HelpdeskConnection | Incidents) -> Item:
    """Return the table's item of a definition."""
    pk, sk = definition.key
    return {
        "pk": pk,
        "sk": sk,
        "name": definition.name,
        "definition": definition.model_dump_json(exclude_defaults=True),
    }
