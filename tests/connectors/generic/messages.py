"""The messages of the generic desk as models: the published schema is written from them, and tests hold us to them.

python -m tests.connectors.generic.messages > docs/helpdesks/generic.schema.json
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

Id = Annotated[str, Field(min_length=1, max_length=512)]


class Sent(BaseModel):
    """What Deskwire writes: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Read(BaseModel):
    """What Deskwire reads: further fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class Customer(Sent):
    """The person a ticket is for."""

    id: Id = Field(description="Stable for one person on one channel.")
    channel: str = Field(description="Where they write: messenger, x, …")
    name: str
    handle: str | None
    email: str | None
    phone: str | None


class TicketData(Sent):
    """A ticket without its messages; they follow in messages of their own."""

    reference: str = Field(description="Deskwire's own short reference, which the customer is told.")
    subject: str
    priority: Literal["low", "normal", "high", "urgent"]
    tags: list[str]
    fields: dict[str, str] = Field(description="`fields` of the connection in deskwire.yaml.")
    follow_up_of: Id | None = Field(description="The ticket before, which you said is closed.")
    customer: Customer


class File(Sent):
    """An attachment."""

    name: str
    type: str = Field(description="Its media type.")
    data: Base64Bytes


class MessageData(Sent):
    """One entry of a ticket."""

    ticket: Id = Field(description="Your id of the ticket.")
    text: str = Field(description="Plain text, up to 60,000 bytes. Escape it where you show HTML.")
    public: bool = Field(description="True: the customer's words. False: a note of Deskwire's for agents.")
    author: str | None = Field(description="Who wrote it, by name.")
    written_at: AwareDatetime | None = Field(description="When the customer wrote it.")
    files: list[File]


class UpdateData(Sent):
    """What a later message changes in a ticket. It may be sent again."""

    ticket: Id
    priority: Literal["low", "normal", "high", "urgent"] | None = Field(
        description="Raise the ticket to it; leave a higher one, and one of your own."
    )
    tags: list[str] = Field(description="Add these; keep the others.")


class LookupData(Sent):
    """Whose earlier tickets are asked for."""

    customer: Customer = Field(
        description="By `id`, the same as in `ticket.created`. `email` and `phone` are given only where the company "
        "wants these looked for as well, and the platform vouches for them."
    )
    most: int = Field(description="How many are asked for.")


class RedactionData(Sent):
    """Which words are to be removed for ever."""

    ticket: Id
    message: Id = Field(description="Your id of the message.")


class Envelope(Sent):
    """What all messages of Deskwire's have in common."""

    id: str = Field(description="The same as the header webhook-id. Do nothing for an id twice; answer as before.")
    timestamp: AwareDatetime


class TicketCreated(Envelope):
    """Open a ticket; answer 2xx with `Taken`."""

    type: Literal["ticket.created"]
    data: TicketData


class MessageCreated(Envelope):
    """Add a message to a ticket; answer 2xx with `Taken`, or 409 with `Gone`."""

    type: Literal["message.created"]
    data: MessageData


class TicketUpdated(Envelope):
    """Change a ticket; answer 2xx with any object, or 409 with `Gone`."""

    type: Literal["ticket.updated"]
    data: UpdateData


class MessageRedacted(Envelope):
    """Remove a message's words and files; answer 2xx with `Redacted`."""

    type: Literal["message.redacted"]
    data: RedactionData


class CustomerHistory(Envelope):
    """Tell a customer's tickets; answer 2xx with `Told`. Sent only with the setting `history: yes`; changes nothing."""

    type: Literal["customer.history"]
    data: LookupData


class Taken(Read):
    """Your answer to a message that you took."""

    id: Id | int = Field(description="Your id of the ticket, or of the message: text or a whole number.")


class Redacted(Read):
    """Your answer to a redaction."""

    redacted: bool = Field(description="Whether the words are gone.")


class ToldTicket(Read):
    """One ticket of the customer's."""

    id: Id | int
    subject: str = ""
    open: bool = False
    status: str = Field("", description="Your own word for its state, shown to agents.")
    opened_at: AwareDatetime | None = None
    complaint: bool = Field(False, description="Whether it was a complaint, as by the tag `complaint`.")


class Told(Read):
    """Your answer to a lookup: this customer's tickets and nobody else's, the newest first."""

    tickets: list[ToldTicket]


class Gone(Read):
    """Your answer, with HTTP 409, for a ticket that takes no messages any more."""

    gone: Literal["closed", "full", "merged", "deleted"] = Field(
        description="closed, full: Deskwire opens a follow-up. merged: it goes on in `into`. deleted: it opens another."
    )
    into: Id | int | None = Field(None, description="The ticket that a merged one went into.")
    at: AwareDatetime | None = Field(None, description="When it was merged.")


class AnswerFile(Read):
    """A file that an agent attached. Without an `address` it is not sent, and the agent is told so in a note."""

    name: str = ""
    type: str = Field(default="", description="Its media type; few channels take a file without one.")
    address: str = Field(
        default="",
        description="Where a GET loads it for an hour, without signing in: https, on the host that takes messages.",
    )


class AnswerData(Read):
    """What an agent wrote in a ticket."""

    id: Id | int = Field(description="Unique over all tickets: an id that is known is not sent to the customer again.")
    ticket: Id | int
    text: str = Field(description="Plain text, as the customer is to read it.")
    author: str = ""
    public: bool = Field(True, description="False: an internal note, which is not sent.")
    own: bool = Field(False, description="True: Deskwire wrote it, and it is ignored. Better not sent at all.")
    withheld: str = Field("", description="Why it may not be meant for the customer (a rule wrote it); it is not sent.")
    files: list[AnswerFile] = Field(default_factory=list)


class StatusData(Read):
    """Which ticket."""

    ticket: Id | int


class AnswerCreated(Read):
    """An agent answered."""

    type: Literal["answer.created"]
    timestamp: AwareDatetime = Field(description="When it was written.")
    data: AnswerData


class StatusChanged(Read):
    """A ticket was solved, or is open again."""

    type: Literal["ticket.solved", "ticket.reopened"]
    timestamp: AwareDatetime
    data: StatusData


class Agent(Read):
    """An agent of yours."""

    id: Id | int = Field(description="Whose it is; the name, where you have no id.")
    name: str = ""


class AssignedData(Read):
    """Who has a ticket now."""

    ticket: Id | int
    assignee: Agent | str | None = Field(description="An agent, or a name; null where no agent has it any more.")


class TicketAssigned(Read):
    """A ticket was given to an agent, or to none."""

    type: Literal["ticket.assigned"]
    timestamp: AwareDatetime
    data: AssignedData


TO_DESK = {
    "ticket.created": TicketCreated,
    "message.created": MessageCreated,
    "ticket.updated": TicketUpdated,
    "message.redacted": MessageRedacted,
    "customer.history": CustomerHistory,
}
FROM_DESK = {"answer.created": AnswerCreated, "ticket.solved": StatusChanged, "ticket.reopened": StatusChanged,
             "ticket.assigned": TicketAssigned}  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the JSON schema of every message and answer: each is a definition by its name."""
    messages = (*TO_DESK.values(), AnswerCreated, StatusChanged, TicketAssigned)
    _, written = models_json_schema([(model, "validation") for model in (*messages, Taken, Redacted, Gone, Told)])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages between Deskwire and a generic desk",
        "anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in messages],
        **written,
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
