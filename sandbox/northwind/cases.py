"""What the morning's special cases came to, by everybody's books: promises of their own, and a line about each.

The books of the helpdesk say how tickets stand, those of the platforms what the public and the customers see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sandbox.neighbours.desk import By, Ticket
from sandbox.northwind.books import ASKED, Books, Finding, Promise
from sandbox.northwind.notes import Case, Talk

USUALLY = "Usually answered within"
UNHURRIED = ("", "normal", "low")  # priorities
OVERDUE = "answer-overdue"
SINCE = "12h"  # is reported


class Cases:
    """Looks at them in books that are read. `told` are the lines, once the promises are taken."""

    def __init__(self, found: Books) -> None:
        """Read how the helpdesk's queue stands."""
        self.found = found
        self.told: list[str] = []
        self._tickets = {ticket.id: ticket for ticket in found.tickets}
        self._queue = found.company.desk.queue()

    def promises(self) -> list[Promise]:
        """Return a promise for each case; those on how tickets stand where the helpdesk's books say it."""
        found = [("The usual wait is said where enough is known of it, and nowhere else", self._of_waits)]
        if self.found.company.desk.shows_state:
            found += [
                ("An angry customer stands before praise and what can wait, and the ticket says why", self._of_anger),
                ("What is urgent and not answered in time is escalated, and nothing else is", self._of_time),
                ("A private matter in public is hidden, and goes on in private in the same ticket", self._of_privacy),
                ("The customer of a solved ticket is asked once, and the answer stands in it", self._of_ratings),
                ("The report says how satisfied customers are, and how long each channel's wait", self._of_report),
            ]
        return [self.found.promise(words, check()) for words, check in found]

    def _talks(self, case: Case) -> Iterator[tuple[Talk, Ticket | None]]:
        for talk in self.found.notes.talks:
            if talk.case is case:
                tickets = self.found.tickets_of(talk)
                yield talk, tickets[0] if len(tickets) == 1 else None

    def _finding(self, talk: Talk, faults: Iterable[str]) -> Finding:
        return Finding(talk.place, next((each for each in faults if each), ""), talk.said)

    # ------------------------------------------------------------------------------------------ each case

    def _of_anger(self) -> Iterator[Finding]:
        for talk, ticket in self._talks(Case.HOT):
            yield self._finding(talk, self._anger(ticket))

    def _anger(self, ticket: Ticket | None) -> Iterator[str]:
        if ticket is None or ticket.id not in self._queue:
            yield "it is not in the queue"
            return
        line = _line(ticket, "Judged")
        yield "" if "third time" in line else "the ticket does not say why it is hot"
        yield "" if "hot" in ticket.tags else f"its tags are {list(ticket.tags)}"
        came, position = ticket.comments[0].at, self._queue.index(ticket.id)
        calm = [each for each in map(self._tickets.get, self._queue) if each and each.priority in UNHURRIED]
        before = [each for each in calm if each.comments[0].at < came]
        earlier = [self._queue.index(each.id) for each in before]
        praised = {found.id for _, found in self._talks(Case.PRAISE) if found is not None}
        praise = sum(each.id in praised for each in before)
        yield "" if len(earlier) > praise else "nobody who can wait was there before it"
        yield "" if praise else "no praise was there before it"
        yield "" if position < min(earlier, default=0) else "it stands behind what can wait"
        self.told.append(
            f"angry: ticket {ticket.id} came after {len(earlier)} that can wait ({praise} of them praise) and stands "
            f"before all of them "
            f"({ticket.priority}, {position + 1} of {len(self._queue)} in the queue). {line}"
        )

    def _of_time(self) -> Iterator[Finding]:
        for talk, ticket in self._talks(Case.OVERDUE):
            tags = set(ticket.tags) if ticket is not None else set()
            notes = [] if ticket is None else [each.text for each in ticket.comments if each.by is By.NOTE]
            faults = (
                "" if {"answer-due", OVERDUE} <= tags else f"its tags are {sorted(tags)}",
                "" if ticket is None or ticket.priority == "urgent" else f"its priority is “{ticket.priority}”",
                "" if sum("should have been answered within" in note for note in notes) == 1 else "no note says so",
            )
            yield self._finding(talk, faults)
            if ticket is not None and not any(faults):
                self.told.append(
                    f"overdue: ticket {ticket.id} waited a minute, was marked before that, and is {ticket.priority} now"
                )
        for case in (Case.COLD, Case.PRAISE, Case.HOT):  # a complaint has no such clock here
            for talk, ticket in self._talks(case):
                early = ticket is not None and OVERDUE in ticket.tags
                yield self._finding(talk, ("escalated, though no time had run out",) if early else ())

    def _of_waits(self) -> Iterator[Finding]:
        known = {each.long_known for each in self.found.company.platforms.values()}
        talks = {talk.place: talk for talk in self.found.notes.talks}
        said: list[str] = []
        for each in self.found.spoken:
            talk = talks.get(each.place)
            if talk is None or not each.automatic or not each.text.startswith("Thank you for writing"):
                continue
            here = (talk.channel, talk.account) in known
            says = USUALLY in each.text
            fault = "" if says == here else "the usual wait is missing" if here else "a usual wait that nobody can know"
            yield Finding(each.place, fault, talk.said)
            if says:
                said.append(each.text[each.text.index(USUALLY) :])
        if said:
            self.told.append(f"usual wait: “{said[0]}” was said {len(said)} times, where it is known")

    def _of_privacy(self) -> Iterator[Finding]:
        platforms = self.found.company.platforms.values()
        for talk, ticket in self._talks(Case.PRIVATE):
            private = [each for each in self.found.spoken if each.place == talk.aside]
            answered = {answer.place for answer in talk.answers}
            faults = (
                "" if ticket is not None else "its messages are not in one ticket",
                "" if any(each.hides(talk.place) for each in platforms) else "the public can read it",
                "" if ticket is None or "private-card" in ticket.tags else f"its tags are {list(ticket.tags)}",
                "" if sum("Please go on here" in each.text for each in private) == 1 else "not invited once",
                "" if answered == {talk.aside} and len(talk.said) > 1 else "it did not go on in private",
            )
            yield self._finding(talk, faults)
            if ticket is not None and not any(faults):
                self.told.append(
                    f"private: a card number under a post was hidden, its writer invited; ticket {ticket.id} has both "
                    f"sides, and the agent's answer went to {talk.aside}"
                )

    def _of_ratings(self) -> Iterator[Finding]:
        for talk, ticket in self._talks(Case.RATED):
            asked = sum(ASKED in each.text for each in self.found.spoken if each.place == talk.place)
            line = "" if ticket is None else _line(ticket, "gave 5 of 5")
            faults = (
                "" if asked == 1 else f"asked {asked} times",
                "" if line else "the ticket does not say what the customer answered",
                "" if ticket is None or "rating-5" in ticket.tags else f"its tags are {list(ticket.tags)}",
                "" if ticket is None or ticket.id not in self._queue else "its ticket is open again",
            )
            yield self._finding(talk, faults)
            if ticket is not None and not any(faults):
                self.told.append(f"rated: ticket {ticket.id} was solved. {line}")

    def _of_report(self) -> Iterator[Finding]:
        report = json.loads(self.found.company.command("report", "--since", SINCE, "--format", "json"))
        rated = sum(talk.case is Case.RATED for talk in self.found.notes.talks)
        content = report["together"]["csat"]
        fault = "" if (content["number"], content["mean"]) == (rated, 5.0 if rated else None) else f"it says {content}"
        yield Finding("how satisfied", fault)
        told = {row["name"]: row for row in report["by"]["channel"]}
        answered = {each.talk.channel for each in self.found.notes.answers if each.reaches}
        for name, row in self.found.rows().items():
            counted = told[name]["tickets"] if name in told else 0
            waits = name in told and told[name]["first_answer"]["median"] is not None
            fault = "" if counted >= row.tickets else f"it says {counted} tickets, the helpdesk has {row.tickets}"
            yield Finding(
                name, fault or ("" if waits or name not in answered else "it does not say how long customers waited")
            )


def _line(ticket: Ticket, words: str) -> str:
    """Return the line of a ticket that holds these words."""
    lines = (line for comment in ticket.comments for line in comment.text.splitlines())
    return next((line.strip() for line in lines if words in line), "")
