"""Build each function's worker once per container, importing only what that function uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from deskwire import settings
from deskwire.telemetry import Telemetry
from deskwire.timing import SLOW_CALL_SECONDS, TURN_SECONDS
from deskwire.web import rest

if TYPE_CHECKING:
    from deskwire.conversation.converse import Conversation
    from deskwire.conversation.directory import Directory
    from deskwire.receiving.receiver import Receiver
    from deskwire.settings import Settings
    from deskwire.sweeping.sweeper import Sweeper
    from deskwire.watching.archiving import Archiver
    from deskwire.watching.watcher import Watcher

WORKERS = 10  # parallel threads for a batch, which holds ten messages at most


def _now() -> datetime:
    return datetime.now(UTC)


def _telemetry(found: Settings) -> Telemetry:
    return Telemetry(found.stage, found.log_level, stack=found.stack)


@cache
def receiver() -> Receiver:
    """Return the worker of `receive`; it uses only the standard library and our own modules."""
    from deskwire.aws import edge
    from deskwire.receiving.receiver import Receiver

    found = settings.load()
    http = rest.with_hosts(rest.Direct(), found.sandbox)
    ports = edge.Edge.from_settings(found, _now)
    return Receiver(
        endpoints=ports, mailbox=ports, parked=ports, archive=ports, limits=ports, presign=ports.presign,
        outbox=ports,
        http=http, clock=_now, telemetry=_telemetry(found),
    )  # fmt: skip


@cache
def conversation() -> Conversation:
    """Return the worker of `converse`."""
    import uuid

    from deskwire.aws import clients
    from deskwire.conversation.converse import Conversation

    found = settings.load()
    directory = _directory()
    return Conversation(
        table=directory.table, mailbox=clients.mailbox(found), archive=clients.archive(found), directory=directory,
        clock=_now, telemetry=_telemetry(found), owner=lambda: uuid.uuid4().hex, expiry_days=found.expiry_days,
    )  # fmt: skip


@cache
def sweeper() -> Sweeper:
    """Return the worker of `sweep`."""
    from deskwire.aws import clients
    from deskwire.sweeping.sweeper import Sweeper

    found = settings.load()
    directory = _directory()
    return Sweeper(
        table=directory.table, mailbox=clients.mailbox(found), directory=directory, clock=_now,
        telemetry=_telemetry(found),
        wait=None if found.sandbox else time.sleep,  # the sandbox's minutes are shorter
    )  # fmt: skip


@cache
def watcher() -> Watcher:
    """Return the worker of `watch`."""
    from deskwire.aws import clients
    from deskwire.watching.incidents import IncidentWatch
    from deskwire.watching.mirroring import MirrorWatch
    from deskwire.watching.waits import WaitWatch
    from deskwire.watching.watcher import Watcher

    found = settings.load()
    table, telemetry, bus = clients.table(found), _telemetry(found), clients.bus(found)
    mailbox, alarms = clients.mailbox(found), clients.alarms(found)
    incidents = IncidentWatch(
        table=table, mailbox=mailbox, clock=_now, telemetry=telemetry, bus=bus, alarms=alarms,
    )  # fmt: skip
    return Watcher(
        table=table, telemetry=telemetry, bus=bus, incidents=incidents, alarms=alarms,
        mirrors=MirrorWatch(mailbox, telemetry), waits=WaitWatch(table=table, clock=_now, telemetry=telemetry),
    )  # fmt: skip


@cache
def archiver() -> Archiver:
    """Return the worker of `archive`."""
    from deskwire.aws import clients
    from deskwire.watching.archiving import Archiver

    found = settings.load()
    return Archiver(
        table=clients.table(found), blocks=clients.blocks(found), clock=_now, telemetry=_telemetry(found),
        days=found.transcript_days,
    )  # fmt: skip


@cache
def _directory() -> Directory:
    from deskwire.aws import clients
    from deskwire.aws.transport import SignedTransport
    from deskwire.conversation.directory import Directory, reporting
    from deskwire.web import media

    found = settings.load()
    http = rest.with_hosts(rest.Pooled(), found.sandbox)
    return Directory(
        table=clients.table(found),
        clock=_now,
        secrets=clients.secrets(found),
        http=http,
        aws=SignedTransport(os.environ, http, _now),
        original=clients.archive(found).fetch,
        mail=clients.mail(),
        fetch=partial(media.fetch, network=media.Network(sandbox=found.sandbox)),
        left_out=reporting(_telemetry(found)),
    )


def converse(event: Mapping[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
    """Handle a batch of the mailbox: threads in parallel, each thread's messages in order.

    `remaining` returns the milliseconds left. A message that fails delays only the later ones of its thread. Return
    Lambda's response with the messages to redeliver.
    """
    from concurrent.futures import ThreadPoolExecutor

    work = conversation()
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for record in event["Records"]:
        groups.setdefault(record["attributes"]["MessageGroupId"], []).append(record)

    def run(records: list[Mapping[str, Any]]) -> list[str]:
        for number, record in enumerate(records):
            try:
                if remaining() < SLOW_CALL_SECONDS * 1000:
                    raise TimeoutError  # noqa: TRY301 - handled as any other failure
                work.handle(record["body"])
            except Exception as error:  # noqa: BLE001 - whatever it is, the message is redelivered or dead in the end
                work.telemetry.count("Failures")
                work.telemetry.log("ERROR", "to be redelivered", error=type(error).__name__, reason=_reason(error))
                return [each["messageId"] for each in records[number:]]
        return []

    with ThreadPoolExecutor(WORKERS) as pool:
        failed = [identifier for found in pool.map(run, groups.values()) for identifier in found]
    work.telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def watch(event: Mapping[str, Any]) -> dict[str, Any]:
    """Handle a batch of the table's stream; return Lambda's response with the record from which to redeliver it.

    An event without records comes from the schedule: close incidents that are over and store the usual waits.
    """
    if "Records" not in event:
        return {"closed": watcher().run_schedule()}
    failed = watcher().watch(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def archive(event: Mapping[str, Any]) -> dict[str, Any]:
    """Archive a batch of the table's stream; return Lambda's response with the record from which to redeliver it."""
    failed = archiver().archive(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _reason(error: Exception) -> str:
    """Return the text of an error of ours, "" for others: theirs may quote a person."""
    from deskwire.model.errors import DeskwireError

    return str(error) if isinstance(error, DeskwireError) else ""


def milliseconds_left(context: object) -> Callable[[], float]:
    """Return a function that returns the invocation's remaining milliseconds (from a minute on outside Lambda)."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    if left is not None:
        return left  # type: ignore[no-any-return]
    end = time.monotonic() + TURN_SECONDS
    return lambda: (end - time.monotonic()) * 1000
