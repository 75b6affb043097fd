"""What agents wrote and did in BottleCRM: answers, their files, statuses, and for which of our tickets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from deskwire.families.attached import attached
from deskwire.families.lists import flag, known, listed, words
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import AgentReply
from deskwire.web.reading import Node

from .api import Api, Shown, id_of, required
from .cases import OVER, mine
from .words import MARK

TOGETHER = timedelta(seconds=5)  # within which the file of an answer follows it: they are one request
READING = "reading the replies"
QUOTED = "it holds a mark of Deskwire's: it is a copy of a message"
STATUSES = ("STATUS_CHANGED", "REOPENED")
GIVEN = ("ASSIGN", "UPDATE")  # where all are taken off a ticket there is no activity, unless more is changed with it
UNSURE = "the ticket was merged, and this may have been written before, for somebody else"


def answers(api: Api, ticket: str, after: str) -> Sequence[AgentReply]:
    """Return the public comments by staff after the one with that id, oldest first.

    A merge moves all comments of a ticket to the one that it is merged into. What was written there before was for
    somebody else, unless it was moved from ours, which nothing tells.
    """
    shown = api.followed(ticket, "reading the replies")
    rows = [row for row in known(shown.comments, READING, api.reach, "id", id_of) if is_answer(api, row, READING)]
    places = [number for number, row in enumerate(rows) if row["id"].any_id() == after]
    if places:
        rows = rows[places[-1] + 1 :]
    return [_reply(api, ticket, shown, row) for row in rows]


def is_answer(api: Api, row: Node, what: str) -> bool:
    """Return whether a comment is a colleague's, for the customer: what customers write there has no such author."""
    reach, author = api.reach, row["commented_by"]
    if not author or mine(api, row):
        return False
    if not author["id"].any_id():
        reach.left_out(what, author)
        return False
    return flag(row["is_internal"], what, reach) is False


def _reply(api: Api, ticket: str, shown: Shown, row: Node) -> AgentReply:
    text, moment = words(row["comment"], READING, api.reach).replace("\r\n", "\n"), row["commented_on"].iso()
    withheld = QUOTED if MARK.search(text) else ""
    if shown.id != ticket and (shown.merged_at is None or moment is None or moment < shown.merged_at):
        withheld = withheld or UNSURE
    return AgentReply(
        id=required(row["id"], "reading the replies"),
        order=int(moment.timestamp() * 1_000_000) if moment else 0,
        ticket=ticket,
        text=text,
        author="",  # a comment names its author's e-mail address alone
        written_at=moment,
        attachments=tuple(
            attached(id_of(each["id"]), each["file_name"].text("")) for each in _files(api, shown, row, moment)
        ),
        withheld=withheld,
    )


def _files(api: Api, shown: Shown, row: Node, moment: datetime | None) -> Iterator[Node]:
    """Yield the files that were sent with an answer: by the same person, right after it and before any other comment.

    A file stands with the ticket, not with a comment.
    """
    if moment is None:
        return
    later = [at for each in shown.comments if (at := each["commented_on"].iso()) is not None and at > moment]
    until = min([moment + TOGETHER, *later])
    for file in shown.files:
        at = file["created_at"].iso()
        if at is None or not moment <= at < until:
            continue
        if file["created_by"].any_id() == api.user_of(row["commented_by"]["id"].any_id()):
            yield file


# -------------------------------------------------------------------------------------------------------- polling


def signals(api: Api, helpdesk: str, shown: Shown, since: datetime) -> Iterator[Signal]:
    """Yield what colleagues did in a ticket since then: answers, and what became of it."""
    for row in known(shown.comments, "polling", api.reach, "id", id_of):
        moment = row["commented_on"].iso()
        if (moment is None or moment > since) and is_answer(api, row, "polling"):
            for ticket in _ours(api, shown):
                yield Signal(
                    helpdesk=helpdesk,
                    account=api.reach.account,
                    object_id=required(row["id"], "polling"),
                    version=ticket,  # where several of our tickets were merged, one comment is news of each
                    ticket=ticket,
                    occurred_at=moment,
                )
    for row in _changes(api, shown, since):
        for ticket in _ours(api, shown):
            yield (
                _status(api, helpdesk, ticket, row)
                if row["action"].text("") in STATUSES
                else _assigned(api, helpdesk, ticket, shown, row)
            )


def _changes(api: Api, shown: Shown, since: datetime) -> Iterator[Node]:
    """Yield the activities since then by which colleagues set a status, and the last one that may say whose it is."""
    what, reach, given = "polling", api.reach, None
    for row in sorted(listed(shown.node["activities"], what), key=lambda each: each["created_at"].text("")):
        moment = row["created_at"].iso()
        if row["user"]["id"].any_id() == api.me:
            continue
        if moment is None or not id_of(row["id"]):
            reach.left_out(what, row["id"] if moment else row["created_at"])
            continue
        if moment <= since:
            continue
        action = words(row["action"], what, reach)
        if action in STATUSES:
            yield row
        given = row if action in GIVEN else given
    if given is not None:
        yield given


def _assigned(api: Api, helpdesk: str, ticket: str, shown: Shown, row: Node) -> Signal:
    """Return who has a ticket by now: an activity says at most who was added or left, and several may have one."""
    people = {each["id"].any_id(): each["user_details"]["email"].text("") for each in shown.case["assigned_to"].rows()}
    return Signal(
        helpdesk=helpdesk,
        account=api.reach.account,
        about=About.STATUS,
        object_id=required(row["id"], "polling"),
        version=f"{ticket}-assignee",
        ticket=ticket,
        assignee=Assignee(",".join(people), ", ".join(filter(None, people.values()))),
        occurred_at=row["created_at"].iso(),
    )


def _status(api: Api, helpdesk: str, ticket: str, row: Node) -> Signal:
    said = row["metadata"]
    if said and not isinstance(said.raw, dict):
        api.reach.left_out("polling", said)
    before = words(said["before"], "polling", api.reach) or "Closed"
    after = words(said["after"] or said["to_status"], "polling", api.reach)
    changed = (before in OVER) != (after in OVER)
    status = None if not changed else Status.SOLVED if after in OVER else Status.REOPENED
    return Signal(
        helpdesk=helpdesk,
        account=api.reach.account,
        about=About.STATUS if status else About.OTHER,
        object_id=required(row["id"], "polling"),
        version=ticket,
        ticket=ticket,
        status=status,
        reason="" if status else "a status that means neither",
        occurred_at=row["created_at"].iso(),
    )


def _ours(api: Api, shown: Shown) -> list[str]:
    """Return which of our tickets something in this one may concern: itself, and those merged into it."""
    texts = [shown.case["description"], *(row["comment"] for row in shown.comments)]
    if not any(MARK.search(text.text("").replace("\r\n", "\n")) for text in texts):
        return []
    merged = known(shown.node["merged_from_cases"].rows(), "polling", api.reach, "id", id_of)
    return sorted({shown.id, *(id_of(row["id"]) for row in merged)})
