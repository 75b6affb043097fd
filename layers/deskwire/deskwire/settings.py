"""Read the functions' environment; nothing else does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from deskwire.model.errors import ConfigurationError
from deskwire.model.values import dataclass, field

ENDPOINTS = "endpoints/"  # folder of the endpoints' secrets, the only ones that receive can read


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The stack's resources and parameters.

    `expiry_days`: days before its expiry at which a token raises an alarm. `transcripts`: the bucket of the archive of
    conversations ("": none), with lines kept for `transcript_days`. `bus`: the bus for outcomes; `alarms`: the topic of
    the alarms ("": none). `sandbox` maps vendors' hosts to loopback addresses, and is empty in production.
    """

    table: str
    mailbox: str
    parked: str
    archive: str
    secrets_prefix: str
    stage: str
    log_level: str
    stack: str = "deskwire"
    bus: str = ""
    alarms: str = ""
    transcripts: str = ""
    transcript_days: int = 0
    sandbox: Mapping[str, str] = field(default_factory=dict)
    expiry_days: int = 7


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises `ConfigurationError`, which names the missing variable."""

    def needed(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            msg = f"the environment variable {name} is missing; the template sets it"
            raise ConfigurationError(msg)
        return value

    try:
        sandbox = json.loads(environment.get("DESKWIRE_SANDBOX") or "{}")
    except ValueError:
        msg = "DESKWIRE_SANDBOX is not JSON"
        raise ConfigurationError(msg) from None
    return Settings(
        table=needed("DESKWIRE_TABLE"),
        mailbox=environment.get("DESKWIRE_MAILBOX", ""),
        parked=environment.get("DESKWIRE_PARKED", ""),
        archive=environment.get("DESKWIRE_ARCHIVE", ""),
        secrets_prefix=environment.get("DESKWIRE_SECRETS", "deskwire/"),
        stack=environment.get("DESKWIRE_STACK", "deskwire"),
        stage=environment.get("DESKWIRE_STAGE", "default"),
        log_level=environment.get("LOG_LEVEL", "INFO"),
        bus=environment.get("DESKWIRE_OUTCOMES_BUS", ""),
        alarms=environment.get("DESKWIRE_ALARMS", ""),
        transcripts=environment.get("DESKWIRE_TRANSCRIPTS", ""),
        transcript_days=int(environment.get("DESKWIRE_TRANSCRIPT_DAYS") or 0),
        sandbox=sandbox,
        expiry_days=int(environment.get("DESKWIRE_EXPIRY_DAYS") or 7),
    )
