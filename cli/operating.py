"""Shared by the operator's commands: the deployed queues and archive, spans of time, sizes and ages in words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deskwire.aws.blocks import S3Blocks
from deskwire.aws.operating import S3WholeArchive, SqsPile
from deskwire.aws.queues import SqsMailbox
from deskwire.aws.table import DynamoTable

from .aws import CONFIG, Place, place, understood
from .terminal import UserError

if TYPE_CHECKING:
    import argparse

    from deskwire.ports import Found

SPAN = re.compile(r"([0-9]{1,4})(m|h|d)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# The output of the stack, and the variable that stands for it where there is no stack.
OUTPUTS = {"mailbox": ("MailboxUrl", "DESKWIRE_MAILBOX"), "dead": ("DeadLettersUrl", "DESKWIRE_DEAD"),
           "parked": ("ParkedUrl", "DESKWIRE_PARKED"), "archive": ("ArchiveName", "DESKWIRE_ARCHIVE"),
           "archive of conversations": ("TranscriptsName", "DESKWIRE_TRANSCRIPTS")}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A deployed Deskwire, with an operator's access."""

    place: Place
    names: dict[str, str]

    def _name(self, what: str) -> str:
        if not self.names.get(what):
            output, variable = OUTPUTS[what]
            raise UserError(
                f"where is the {what}? Give --stack (its output {output} is used), or set {variable}", status=2
            )
        return self.names[what]

    def _client(self, service: str) -> Any:
        return self.place.session.client(service, config=CONFIG)

    @cached_property
    def table(self) -> DynamoTable:
        """The table."""
        return self.place.table

    @cached_property
    def mailbox(self) -> SqsMailbox:
        """Where letters go."""
        return SqsMailbox(self._client("sqs"), self._name("mailbox"))

    @cached_property
    def parked(self) -> SqsPile:
        """What could not be read."""
        return SqsPile(self._client("sqs"), self._name("parked"))

    @cached_property
    def dead(self) -> SqsPile:
        """What failed five times."""
        return SqsPile(self._client("sqs"), self._name("dead"))

    @cached_property
    def archive(self) -> S3WholeArchive:
        """The bucket of large things."""
        return S3WholeArchive(self._client("s3"), self._name("archive"))

    @cached_property
    def transcripts(self) -> S3Blocks:
        """The bucket of the archive of conversations."""
        return S3Blocks(self._client("s3"), self._name("archive of conversations"))

    def sizes(self) -> dict[str, int]:
        """Return the approximate number of messages in each known queue."""
        known = [what for what in ("mailbox", "parked", "dead") if self.names.get(what)]
        return {what: SqsPile(self._client("sqs"), self.names[what]).size() for what in known}


def desk(args: argparse.Namespace) -> Desk:
    """Return the deployment named by `--stack` or the environment. Raises `UserError`."""
    found = place(args)
    names = {what: os.environ.get(variable, "") for what, (_, variable) in OUTPUTS.items()}
    if args.stack:
        with understood(f"the stack “{args.stack}” cannot be read"):
            client = found.session.client("cloudformation", config=CONFIG)
            outputs = client.describe_stacks(StackName=args.stack)["Stacks"][0].get("Outputs", [])
        told = {each.get("OutputKey", ""): each.get("OutputValue", "") for each in outputs}
        names |= {what: told[output] for what, (output, _) in OUTPUTS.items() if told.get(output)}
    return Desk(found, names)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def span(text: str) -> timedelta:
    """Return the length of time in `24h`, `90m` or `7d`. Raises `UserError`."""
    match = SPAN.fullmatch(text)
    if match is None:
        raise UserError(f"“{text}” is no span of time: say 90m, 24h or 7d", status=2)
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def age(seconds: int) -> str:
    """Return a length of time in two figures: 3 d 4 h."""
    days, rest = divmod(max(seconds, 0), 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min"


def chosen(lying: Sequence[Found], given: Sequence[str], *, everything: bool) -> list[Found]:
    """Return the messages of a pile whose ids begin as given. Raises `UserError`."""
    if everything:
        return list(lying)
    found = []
    for name in given:
        matching = [each for each in lying if each.id.startswith(name)]
        if len(matching) != 1:
            what = "more than one begins" if matching else "none that can be seen now begins"
            raise UserError(f"{what} with “{name}”: `list` shows their ids")
        found.append(matching[0])
    return found


def opened(body: str) -> dict[str, Any]:
    """Return the JSON object in a body; {} for anything else."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
