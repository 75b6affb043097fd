"""`deskwire.yaml` as people write it: everything keyed by its name, secrets by name only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from deskwire.care.answers import Answer
from deskwire.care.policy import Policy, Rated
from deskwire.configuration import NAME, Definition

SECRET_NAME = r"^[A-Za-z0-9][A-Za-z0-9/_+=.@-]{0,127}$"  # noqa: S105 - the shape of a name


def _words(value: Any) -> Any:
    """Turn whole numbers and booleans into strings: ids and settings are strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


Words = Annotated[str, BeforeValidator(_words), WithJsonSchema({"type": ["string", "integer", "boolean"]})]
Name = Annotated[str, Field(pattern=NAME, description="Lower-case letters, digits and hyphens.")]
Account = Annotated[
    str,
    BeforeValidator(_words),
    Field(min_length=1, max_length=300),
    WithJsonSchema({"type": ["string", "integer"], "minLength": 1, "maxLength": 300}),
]
SecretName = Annotated[
    str,
    Field(
        pattern=SECRET_NAME,
        description=(
            "Name of an entry of Secrets Manager, without the stack's prefix (deskwire/; of an endpoint "
            "deskwire/endpoints/). Never a secret."
        ),
    ),
]
Settings = Annotated[dict[str, Words], Field(description="The connector's own settings, see `deskwire channels`.")]


class PolicyEntry(Policy):
    """A policy, which may be based on another one (`like`)."""

    like: str = Field("", description="Name of another policy: what this one does not say is taken from there.")


def _kind(value: Any) -> Literal["name", "policy"]:
    return "name" if isinstance(value, str) else "policy"


PolicyChoice = Annotated[
    Annotated[str, Tag("name")] | Annotated[PolicyEntry, Tag("policy")],
    Discriminator(_kind),
    Field(description="The name of a policy, or a policy of its own (which may begin `like` another)."),
]


class EndpointEntry(Definition):
    """One webhook address: `…/channels/NAME`, `…/pages/NAME` for visitors' pages, or `…/helpdesks/NAME`."""

    channels: tuple[str, ...] = Field(
        (), description="The channels that deliver here, such as [facebook, messenger] of one Meta app."
    )
    helpdesk: str = Field("", description="Or: the helpdesk whose webhook this is.")
    secret: SecretName | None = None
    settings: Settings = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_side(self) -> EndpointEntry:
        if bool(self.channels) == bool(self.helpdesk):
            raise ValueError("an endpoint has either `channels` or a `helpdesk`")
        return self


class HelpdeskEntry(Definition):
    """One account of a helpdesk."""

    connector: str = Field(description="Which helpdesk it is; `deskwire helpdesks` lists them.")
    secret: SecretName | None = None
    settings: Settings = Field(default_factory=dict)
    poll: bool = Field(
        default=False, description="Look for agents' replies every minute, as a net under the webhook or without one."
    )
    at_once: int = Field(
        default=0, ge=0, le=50, description="The most calls at the same time, for a small server; 0: no limit."
    )


class ConnectionEntry(Definition):
    """One account of a channel: a page, a number, a form; where its tickets go and the company's rules for it."""

    channel: str = Field(description="Which channel it is; `deskwire channels` lists them.")
    account: Account = Field(description="The platform's id of the page, number or profile.")
    endpoint: str = Field("", description="The endpoint that its webhooks come to; none for what is only polled.")
    secret: SecretName | None = None
    settings: Settings = Field(default_factory=dict)
    helpdesk: str = Field("", description="Where its tickets go; left out: the default.")
    mirror: str | None = Field(
        None,
        description="A second helpdesk, into which everything is copied that is filed in the first: for a move "
        '(docs/operating.md). Left out: the default; "": none.',
    )
    tags: tuple[str, ...] = Field((), description="Put on each of its tickets.")
    fields: dict[str, Words] = Field(default_factory=dict, description="Further fields of its tickets, by name.")
    policy: PolicyChoice | None = Field(None, description="The rules for it; left out: the default.")


class Defaults(Definition):
    """What connections need not repeat."""

    helpdesk: str = Field("", description="The helpdesk of connections that name none.")
    mirror: str = Field("", description="The second helpdesk of connections that do not say.")
    policy: str = Field("", description="The policy of connections that name none.")


class IncidentsEntry(Definition):
    """Watch for incidents: a rise of trouble that chance does not explain opens one ticket for all of it."""

    groups: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Connections that are counted together, by a name of yours; one in no group is counted by itself. "
        "Left out: all connections together.",
    )
    priority: Rated = Field("high", description="The priority of an incident's ticket.")


class Company(Definition):
    """All of it."""

    defaults: Defaults = Field(default_factory=Defaults, description="What connections need not repeat.")
    policies: dict[Name, PolicyEntry] = Field(default_factory=dict, description="The company's rules, by name.")
    answers: dict[Name, Answer] = Field(
        default_factory=dict, description="Answers to simple questions, by name; `deskwire answers try` tries them."
    )
    incidents: IncidentsEntry | None = Field(
        None,
        description="Watch for incidents (docs/care.md); an empty section is enough. Left out: none are opened.",
    )
    helpdesks: dict[Name, HelpdeskEntry] = Field(default_factory=dict, description="Where tickets go, by name.")
    endpoints: dict[Name, EndpointEntry] = Field(
        default_factory=dict, description="Webhook addresses, by the name that is in the address."
    )
    connections: dict[Name, ConnectionEntry] = Field(
        default_factory=dict, description="Pages, numbers, profiles and forms, by a name of yours."
    )


def schema() -> dict[str, Any]:
    """Return the JSON schema of `deskwire.yaml`, for editors."""
    found = Company.model_json_schema()
    # What the models take besides their fields (validators that run before them) is not in pydantic's schema.
    definitions = found["$defs"]
    definitions["Hours"] = {"anyOf": [{"enum": ["always", "never"]}, definitions["Hours"]]}
    template = definitions["Wording"]["properties"]["open"]
    definitions["Wording"] = {
        "anyOf": [
            template | {"description": "One text for all hours. " + template["description"]},
            definitions["Wording"],
        ]
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "deskwire.yaml"}
