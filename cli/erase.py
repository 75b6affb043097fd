"""`deskwire erase`: erase a person and print the certificate, which names nobody."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deskwire import registry
from deskwire.aws import clients
from deskwire.aws.secrets import SecretsManager
from deskwire.conversation.directory import Directory
from deskwire.conversation.table import moment, thread_item
from deskwire.conversation.wording import called
from deskwire.operating.erasing import COUNTS, Eraser, Person, Preview

from .aws import CONFIG, outside, understood
from .operating import Desk, desk, now
from .terminal import UserError, complain, json_document
from .thread import Conversation, look

if TYPE_CHECKING:
    import argparse

    from deskwire.ports import Item, Table

BEYOND = (
    "the table's point-in-time recovery keeps the past for up to 35 days",
    "letters still on their way are not searched: what was sent before this run is dropped when it arrives",
    "a person's very first message, when it is still on its way: then run it again",
    "bare keys of the messages, without a word, stay for 30 days, so that repeated deliveries are not filed again",
)


def run(args: argparse.Namespace) -> int:
    """Erase the person and print the certificate; return 1 if it has to be run again."""
    deployed = desk(args)
    with understood(f"“{deployed.place.name}” cannot be read"):
        eraser = _eraser(deployed)
        person = whom(deployed.table, args.person)
        found = eraser.preview(person)
        begun = eraser.certificate(person) is not None
    if not found and not begun:
        raise UserError(
            f"nobody is known by “{args.person}”, and nothing was erased: is it the channel's own id of them?"
        )
    if args.dry_run:
        json_document({"person": person.digest, **asdict(found)})
        return 0
    if not args.yes:
        _confirm(found)
    with understood("erasing stopped; run it again"):
        certificate = eraser.erase(person)
    json_document(described(person, certificate))
    return 0 if certificate["complete"] else 1


def whom(table: Table, given: str) -> Person:
    """Return the person meant by CHANNEL/AUTHOR, a reference, a ticket or a thread's key.

    Raises `UserError`, with all names, if several people wrote in that conversation.
    """
    channel, slash, author = given.partition("/")
    if slash and author and channel in registry.channel_names() and table.get(thread_item(given)) is None:
        return Person(channel, author)
    people = _writers(look(table, given))
    if not people:
        raise UserError(f"the conversation “{given}” knows no customer: give CHANNEL/AUTHOR")
    if len(people) > 1:
        listed = "\n".join(f"  {each.channel}/{each.author}  {what}" for each, what in people.items())
        raise UserError(f"several people wrote in “{given}”: say which one is to be erased\n{listed}", status=2)
    return next(iter(people))


def _writers(conversation: Conversation) -> dict[Person, str]:
    """Return the people other than the company who wrote in a conversation, in order, each with a name.

    People whose messages have expired are included if the thread still knows them.
    """
    thread = conversation.thread
    events = [message.event for message, _ in conversation.messages if message.event and not message.event.own]
    wrote = [(Person(each.channel, each.author.id), called(each.author)) for each in events if each.author is not None]
    known = [(Person(thread.channel, each.id), each.name) for each in thread.writers]
    if customer := thread.customer():
        known.append((Person(thread.channel, customer.id), called(customer)))
    counts = Counter(person for person, _ in wrote)
    names = {person: name for person, name in [*reversed(known), *reversed(wrote)] if name}
    return {
        person: f"{names.get(person, 'no name')}, {counts[person]} messages kept"
        for person in dict.fromkeys(person for person, _ in [*wrote, *known])
    }


def described(person: Person, certificate: Item) -> dict[str, Any]:
    """Return the certificate as plain JSON; it names nobody."""
    stamps = {name: moment(certificate[name]).isoformat() for name in ("begun_at", "run_at", "ended_at")}
    return {
        "person": person.digest,
        **stamps,
        "complete": certificate["complete"],
        "counts": {name: certificate[name] for name in COUNTS},
        "again": certificate["again"],
        "by_hand": [f"{ticket}: the ticket's subject, and the customer's profile" for ticket in certificate["by_hand"]],
        "beyond": list(BEYOND),
    }


def _confirm(found: Preview) -> None:
    tickets = ", ".join(found.tickets) or "none"
    complain(
        f"found {found.messages} messages and {found.files} files in {found.conversations} conversations, "
        f"{found.parked} parked deliveries and {found.dead} dead letters, tickets: {tickets}; "
        "what is erased cannot be brought back"
    )
    if not sys.stdin.isatty():
        raise UserError("not confirmed: give --yes", status=130)
    sys.stderr.write("Erase? Type “erase”: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "erase":
        raise UserError("not confirmed: nothing was erased", status=130)


def _eraser(deployed: Desk) -> Eraser:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    place = deployed.place
    provider = SecretsProvider(boto3_client=place.session.client("secretsmanager", config=CONFIG))
    directory = Directory(
        table=deployed.table, clock=now, secrets=SecretsManager(place.secrets_prefix, provider),
        http=outside(place), mail=clients.mail(),
    )  # fmt: skip
    return Eraser(
        table=deployed.table, archive=deployed.archive, parked=deployed.parked, dead=deployed.dead,
        directory=directory, clock=now, owner=lambda: f"erase-{uuid.uuid4().hex}",
    )  # fmt: skip
