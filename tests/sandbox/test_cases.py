"""What the special cases of a morning are held against: each promise breaks where the books say otherwise."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sandbox.neighbours.desk import By, Comment, Ticket
from sandbox.neighbours.platform import Spoken
from sandbox.northwind.books import Books, Row
from sandbox.northwind.cases import Cases
from sandbox.northwind.notes import Answer, Case, Happening, Talk

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
PAGE = "410000000000001"
ANGRY = "Judged hot, complaint, mood -0.9: is dissatisfied: “third time”"
SILENT = "Thank you for writing to Northwind (7K3QF-9M2XD)."
USUALLY = "Thank you for writing to Northwind (7K3QF-9M2XD). Usually answered within 15 minutes."


def ticket(number, *texts, at=0, priority="normal", tags=(), by=By.CUSTOMER):
    came = NINE + timedelta(seconds=at)
    return Ticket(number, "", [Comment(number, by, text, came, public=True) for text in texts], priority, tags)


class Found:
    """The books of a morning in which everything went well."""

    promise = Books.promise
    _history = staticmethod(lambda _: "")

    def __init__(self):
        self.queue = ["angry", "overdue", "cold", "praise"]
        self.csat = {"number": 1, "mean": 5.0}
        self.messenger = {"name": "messenger", "tickets": 6, "first_answer": {"median": 60}}
        self.hidden = {"facebook 1_2"}
        self.of = {
            "cold": ticket("cold", "Which colours?", at=1),
            "praise": ticket("praise", "Thank you!", at=2),
            "angry": ticket("angry", "Third time!", ANGRY, at=20, priority="high", tags=("hot",)),
            "overdue": ticket(
                "overdue", "should have been answered within 1 minute", by=By.NOTE, priority="urgent",
                tags=("answer-due", "answer-overdue"),
            ),
            "rated": ticket("rated", "The customer gave 5 of 5.", by=By.NOTE, tags=("rating-5",)),
            "private": ticket("private", "My card", tags=("private-card",)),
        }  # fmt: skip
        cases = {"angry": Case.HOT}
        self.talks = {
            name: Talk("messenger", PAGE, name, f"messenger {name}", acknowledged=True,
                       case=cases[name] if name in cases else Case(name))
            for name in self.of
        }  # fmt: skip
        private = self.talks["private"]
        private.place, private.aside = "facebook 1_2", "messenger 7"
        private.said = [Happening("facebook", PAGE, str(n), "add", private, NINE) for n in range(2)]
        private.answers = [Answer("ANS-1", "", private, "messenger 7", reaches=True)]
        self.spoken = [
            Spoken("messenger rated", "How satisfied are you?", NINE),
            Spoken("messenger 7", "Please go on here, where only we read it (7K3QF-9M2XD).", NINE),
            Spoken("messenger cold", USUALLY, NINE),
        ]
        self.notes = SimpleNamespace(talks=list(self.talks.values()), answers=private.answers)
        platform = SimpleNamespace(long_known=("messenger", PAGE), hides=lambda place: place in self.hidden)
        self.company = SimpleNamespace(
            platforms={"meta": platform}, command=self.command,
            desk=SimpleNamespace(shows_state=True, queue=lambda: self.queue),
        )  # fmt: skip

    @property
    def tickets(self):
        return list(self.of.values())

    def tickets_of(self, talk):
        return [self.of[talk.thread]] if talk.thread in self.of else []

    def command(self, *arguments):
        assert arguments[0] == "report"
        return json.dumps({"together": {"csat": self.csat}, "by": {"channel": [self.messenger]}})

    def rows(self):
        return {"messenger": Row(tickets=6)}


def broken(found):
    return [promise.broken for promise in Cases(found).promises() if promise.broken]


def test_a_morning_in_which_everything_went_well_keeps_them_and_a_line_tells_of_each():
    cases = Cases(Found())
    promises = cases.promises()
    assert [promise.broken for promise in promises] == [[]] * 6
    assert all(promise.checked for promise in promises)
    assert [line.partition(":")[0] for line in cases.told] == ["usual wait", "angry", "overdue", "private", "rated"]


def swap(found, name, **more):
    old = found.of[name]
    fields = {each: getattr(old, each) for each in ("id", "subject", "comments", "priority", "tags")}
    found.of[name] = Ticket(**{**fields, **more})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: f.queue.insert(0, f.queue.pop(2)), "it stands behind what can wait"),
        (lambda f: f.queue.remove("angry"), "it is not in the queue"),
        (lambda f: f.queue.remove("praise"), "no praise was there before it"),
        (lambda f: f.queue.remove("cold"), "nobody who can wait was there before it"),
        (lambda f: swap(f, "angry", tags=()), "its tags are []"),
        (lambda f: swap(f, "angry", comments=f.of["angry"].comments[:1]), "does not say why it is hot"),
        (lambda f: swap(f, "overdue", priority="high"), "its priority is “high”"),
        (lambda f: swap(f, "overdue", tags=("answer-due",)), "its tags are ['answer-due']"),
        (lambda f: swap(f, "overdue", comments=[]), "no note says so"),
        (lambda f: swap(f, "cold", tags=("answer-overdue",)), "escalated, though no time had run out"),
        (lambda f: f.of.pop("overdue"), "its tags are []"),
        (lambda f: f.spoken.pop(), None),
        (lambda f: setattr(f.talks["cold"], "account", "2"), "a usual wait that nobody can know"),
        (lambda f: f.spoken.append(Spoken("messenger praise", SILENT, NINE)), "the usual wait is missing"),
        (lambda f: f.hidden.clear(), "the public can read it"),
        (lambda f: swap(f, "private", tags=()), "its tags are []"),
        (lambda f: f.spoken.pop(1), "not invited once"),
        (lambda f: f.talks["private"].answers.clear(), "it did not go on in private"),
        (lambda f: f.spoken.pop(0), "asked 0 times"),
        (lambda f: swap(f, "rated", comments=[]), "does not say what the customer answered"),
        (lambda f: f.queue.append("rated"), "its ticket is open again"),
        (lambda f: f.csat.update(number=0), "how satisfied: it says"),
        (lambda f: f.messenger.update(tickets=5), "it says 5 tickets, the helpdesk has 6"),
        (lambda f: f.messenger.update(first_answer={"median": None}), "how long customers waited"),
    ],
)  # fmt: skip
def test_each_fault_breaks_one(change, fault):
    found = Found()
    change(found)
    assert [fault in each for faults in broken(found) for each in faults] == ([True] if fault else [])


def test_a_helpdesk_whose_books_do_not_say_it_is_not_asked():
    found = Found()
    found.company.desk.shows_state = False
    assert len(Cases(found).promises()) == 1
