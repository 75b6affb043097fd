"""The events published on the bus: outcomes (docs/outcome.schema.json) and incidents (docs/incident.schema.json)."""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from deskwire.conversation.recorded import Outcome
from deskwire.model.events import Kind
from deskwire.model.notices import PLACE
from deskwire.model.signals import About

SOURCE, DETAIL_TYPE, INCIDENT_TYPE = "deskwire", "Deskwire Outcome", "Deskwire Incident"
KINDS = ", ".join([*dict.fromkeys([*map(str, Kind), *map(str, About), PLACE]), "note"])


class _Entry(BaseModel):
    """An event for the bus."""

    detail_type: ClassVar[str]

    def entry(self, time: object) -> dict[str, Any]:
        """Return the EventBridge entry of an event that happened at `time`."""
        return {"Source": SOURCE, "DetailType": self.detail_type, "Time": time, "Detail": self.model_dump(mode="json")}


class Published(_Entry):
    """How an event in a customer's conversation ended. It holds no message text and no personal names."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, title="Deskwire Outcome")
    detail_type = DETAIL_TYPE

    version: Literal["1"] = Field("1", description="Of this description. Fields may be added without a new version.")
    id: str = Field(description="Idempotency id. An event may come more than once, always with the same id.")
    at: str = Field(description="When it ended, in UTC.", json_schema_extra={"format": "date-time"})
    stack: str = Field(description="The CloudFormation stack.")
    stage: str = Field(description="The stack's parameter Stage.")
    channel: str = Field(description="The connector: messenger, webform …; of a helpdesk's signal the helpdesk's.")
    account: str = Field(description="The page, number or mailbox; of a helpdesk's signal its name in deskwire.yaml.")
    connection: str = Field(description="Its name in deskwire.yaml; the account where it has none.")
    outcome: Outcome = Field(description="filed, merged, suppressed, refused or dead: docs/operating.md explains each.")
    reason: str = Field(description="Why, in a few words; empty for most of what was filed.")
    kind: str = Field(description=f"What happened: {KINDS}.")
    thread: str = Field(description="Digest of the conversation, the same for all that happens in it and in the logs.")
    event: str = Field(description="Digest of the event's key, as in the logs.")
    ticket: str = Field(description="The helpdesk's id of the ticket; empty where there is none.")
    mirror: str = Field(
        "", description="Of a copy: the helpdesk it was copied into. Empty: of the conversation itself."
    )
    received_at: str = Field(description="When it was delivered; empty for a note of ours.")
    fact: Literal["", "answer_due", "answer_overdue"] = Field(
        "",
        description="answer_due, answer_overdue: this note says that the time to answer (`answer_within`) is soon "
        "over, or is. Empty for all else.",
    )
    judged: str = Field("", description="Of a time to answer, how the message was judged that set it.")
    within_minutes: int = Field(0, description="Of a time to answer, the declared minutes. Else 0.")


class PublishedIncident(_Entry):
    """An incident that was opened or closed. It holds no message text and no personal names."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, title="Deskwire Incident")
    detail_type = INCIDENT_TYPE

    version: Literal["1"] = Field("1", description="Of this description. Fields may be added without a new version.")
    id: str = Field(description="Idempotency id. An event may come more than once, always with the same id.")
    at: str = Field(description="When it was opened or closed, in UTC.", json_schema_extra={"format": "date-time"})
    stack: str = Field(description="The CloudFormation stack.")
    stage: str = Field(description="The stack's parameter Stage.")
    incident: str = Field(description="Its name. The tag of its tickets is this after `incident-`.")
    state: Literal["open", "closed"] = Field(description="What it is now.")
    scope: str = Field(description="What was counted: company, group/NAME or connection/NAME.")
    topic: str = Field(description="The service, `outage`, or `language TAG`; empty for all trouble.")
    customers: int = Field(description="How many customers it was opened for.")
    reason: str = Field(description="Of an open one what was counted beside the usual; of a closed one who closed it.")


if __name__ == "__main__":
    wanted = PublishedIncident if "incident" in sys.argv else Published
    print(json.dumps(wanted.model_json_schema(), indent=2))  # noqa: T201 - it is what the command gives
