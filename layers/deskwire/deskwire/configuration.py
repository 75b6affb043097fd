"""The company's configuration as the table stores it: endpoints, connections, helpdesks, incidents.

`deskwire apply` writes it from `deskwire.yaml`. `receive` reads endpoints with the standard library only
(`receiving.EndpointView`); everything behind the queue reads them here.
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
    """The base of all definitions: frozen, without unknown fields, and no input quoted in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    @lru_cache(maxsize=1024)
    def read(cls, text: str) -> Self:
        """Return the definition in this JSON; cached, because parsing a policy is slow."""
        return cls.model_validate_json(text)


class Endpoint(Definition):
    """One webhook address with its secrets: a Meta app, an X app, a form, a helpdesk's webhook."""

    name: str = Field(pattern=NAME)
    side: Literal["channels", "helpdesks"]
    connectors: tuple[str, ...] = Field(min_length=1)
    secret: str = ""
    address: str = ""  # its public address; "" if `deskwire apply` did not know it
    settings: dict[str, str] = Field(default_factory=dict)
    helpdesk: str = ""  # on the side `helpdesks`: the helpdesk's name
    # Channel -> account of its only connection here, for channels whose deliveries name no account.
    accounts: dict[str, str] = Field(default_factory=dict)
    # Channel -> accounts of its connections here, for channels whose pages name one: others are refused.
    pages: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return endpoint_key(self.name)


class Connection(Definition):
    """One account of a channel (a page, a number, a form), its helpdesk and its policy."""

    name: str = Field(pattern=NAME)
    channel: str
    account: str = Field(min_length=1, max_length=300)
    endpoint: str = ""  # "": the channel is only polled
    secret: str = ""
    settings: dict[str, str] = Field(default_factory=dict)
    helpdesk: str
    mirror: str = ""  # a second helpdesk, into which every filed message is copied; "": none
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    policy: Policy = Field(default_factory=Policy)
    answers: dict[str, Answer] = Field(default_factory=dict)  # declared answers to simple questions, by name

    @cached_property
    def matcher(self) -> Matcher:
        """The matcher for the declared answers."""
        return Matcher(self.answers)

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return connection_key(self.channel, self.account)

    def mirror_of(self, helpdesk: str) -> str:
        """Return the helpdesk into which a conversation with a ticket in `helpdesk` is copied; "" if none.

        After the two helpdesks were exchanged, a conversation that began before is copied the other way.
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
    poll: bool = False  # poll for agents' replies every minute, as a safety net for the webhook
    at_once: int = Field(default=0, ge=0, le=50)  # concurrent calls of all workers; 0: as many as there are workers

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return helpdesk_key(self.name)


class Incidents(Definition):
    """The groups of connections that are watched together for incidents, and the priority of incidents' tickets."""

    name: str = "incidents"
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # connections by group; {}: all are one group
    priority: Rated = "high"

    @property
    def key(self) -> Key:
        """Where it is in the table."""
        return INCIDENTS_KEY

    def scope(self, connection: str) -> tuple[str, tuple[str, ...]]:
        """Return a connection's scope: its name, and its connections (empty: all)."""
        if not self.groups:
            return "company", ()
        found = next((each for each in self.groups.items() if connection in each[1]), None)
        if found is None:
            return compose("connection", connection), (connection,)
        return compose("group", found[0]), found[1]


INCIDENTS_KEY: Key = ("CONFIGURATION", "INCIDENTS")


def endpoint_key(name: str) -> Key:
    """Return the key of an endpoint's definition."""
    return (f"E#{compose(name)}", "ENDPOINT")


def connection_key(channel: str, account: str) -> Key:
    """Return the key of a connection's definition."""
    return (f"C#{compose(channel, account)}", "CONNECTION")


def helpdesk_key(name: str) -> Key:
    """Return the key of a helpdesk's definition."""
    return (f"H#{compose(name)}", "HELPDESK")


def copies_shard(helpdesk: str) -> str:
    """Return the shard, in the index of due threads, of a mirror's waiting copies."""
    return f"{helpdesk_key(helpdesk)[0]}#copies"


INDEX_KEY: Key = ("CONFIGURATION", "INDEX")  # lists all keys that `deskwire apply` wrote, so that it can remove them


def item(definition: Endpoint | Connection | HelpdeskConnection | Incidents) -> Item:
    """Return the item of a definition."""
    pk, sk = definition.key
    return {
        "pk": pk,
        "sk": sk,
        "name": definition.name,
        "definition": definition.model_dump_json(exclude_defaults=True),
    }
