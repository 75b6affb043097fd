"""One question after solving: asked once, in private, in the channel's own form; the answer reaches the ticket."""

import pytest

from deskwire.configuration import item
from deskwire.model.choices import Choice, question_of
from deskwire.model.errors import TemporaryError
from deskwire.operating.erasing import Eraser, Person
from deskwire.ports import Put
from deskwire.ports.memory import MemoryPile
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock, broken
from tests.stories.conftest import CUSTOMER, POLICY, START
from tests.stories.test_figures_stories import Counted

HOUR = 3600
QUESTION = "How satisfied are you with our help?"
SURVEY = {"on": True, "thanks": {"en": "Thank you for telling us!"}, "low": {"priority": "urgent"}}


class Asking(Counted):
    """A company that asks its customers."""

    def solve(self, number=1):
        return self.status(number, "SOLVED", "OPEN")

    def solved(self, words="I was charged twice for order 4471!"):
        """Have a customer write, get an answer, and their ticket solved."""
        self.tell(words)
        self.answers()
        self.solve()
        return self

    def tell(self, words, **more):
        self.deliver(self.message(words, **more))
        return self.work()

    def presses(self, value, **more):
        """Press a button of the last question, as Messenger tells of it."""
        (button,) = [each for each in self.questions()[-1]["quick_replies"] if each["title"].startswith(value)]
        return self.tell(button["title"], quick_reply={"payload": button["payload"]}, **more)

    def questions(self):
        return [each["message"] for each in self.graph.sent if "quick_replies" in each.get("message", {})]

    def said(self):
        return [each["message"]["text"] for each in self.graph.sent if isinstance(each["message"], dict)]

    def rated(self, channel="messenger"):
        """Return the ratings among the figures: how many, their sum, how many are good."""
        counts = list(self.figures(channel).values())
        return [sum(each.get(name, 0) for each in counts) for name in ("ratings", "rating_points", "ratings_good")]

    def ticket(self):
        return self.zendesk.tickets[0]

    def notes(self):
        return [each for each in self.zendesk.comments(self.ticket().id) if "how satisfied they are" in each.words]

    def survey(self):
        return self.thread().get("survey")


@pytest.fixture
def firm():
    """Return a maker of companies, with rules beside `SURVEY`."""
    made = []

    def make(**rules):
        clock = Clock(START, held=True)
        zendesk = Zendesk(clock)
        zendesk.__enter__()
        company = Asking(clock, zendesk, {**POLICY, "survey": {**SURVEY, **rules}})
        made.append((company, zendesk))
        return company

    yield make
    for company, zendesk in made:
        company.close()
        zendesk.__exit__(None, None, None)


@pytest.fixture
def company(firm):
    return firm()


def test_a_customer_is_asked_an_hour_after_solving_and_a_pressed_button_is_a_rating(company):
    company.solved()
    company.later(HOUR - 60)
    assert company.questions() == []
    company.later(120)
    (question,) = company.questions()
    assert question["text"].startswith(QUESTION)
    assert [each["title"] for each in question["quick_replies"]] == ["1 ★", "2 ★★", "3 ★★★", "4 ★★★★", "5 ★★★★★"]
    company.later(60)
    status = company.ticket().status
    company.presses("4")
    (note,) = company.notes()
    assert "gave 4 of 5" in note.words
    assert not note.public
    assert "rating-4" in company.ticket().tags
    assert company.ticket().status == status
    assert company.thread()["status"] == "solved"
    assert company.said()[-1] == "Thank you for telling us!"
    assert company.rated() == [1, 4, 1]
    (figures,) = company.figures().values()
    assert (figures["solved"], figures.get("reopened", 0), figures["messages"]) == (1, 0, 1)
    assert not company.thread().get("timers")
    assert company.counted("SurveysAsked") or company.telemetry.flush() or company.counted("SurveysAsked") == 1


def test_the_first_rating_stands_in_the_ticket_field_that_the_settings_name(company):
    desk = company.definitions[-1]
    settings = {**desk.settings, "fields": "satisfaction=4410023"}
    company.table.put(Put(item(desk.model_copy(update={"settings": settings}))))
    company.solved()
    company.later(HOUR + 60)
    company.presses("4")
    company.presses("1")
    assert company.ticket().custom_fields == {4410023: "4"}
    assert {"rating-4", "rating-1"} <= set(company.ticket().tags)


@pytest.mark.parametrize("words", ["4", " 4 ", "4/5", "4!", "4 thanks", "4 ★★★★", "٤", "4️⃣", "⭐⭐⭐⭐", "4, hvala"])
def test_a_number_that_is_written_is_a_rating_and_no_message(company, words):
    company.solved().later(HOUR + 60)
    company.tell(words)
    assert next(each.words for each in company.notes()).count("gave 4 of 5") == 1
    assert company.rated() == [1, 4, 1]
    assert company.thread()["status"] == "solved"
    assert [each for each in company.said() if each.startswith("Thank you, we have it")] == company.said()[:1]


@pytest.mark.parametrize("words", ["4 of them are broken", "2, 3 or 4?", "6", "0", "4471", "4.5", "4/6", "no", "3pm"])
def test_what_may_mean_something_else_is_a_message(company, words):
    company.solved().later(HOUR + 60)
    company.tell(words)
    assert company.notes() == []
    assert any(words in each.words for each in company.zendesk.comments(company.ticket().id))
    assert company.rated() == [0, 0, 0]


def test_words_beyond_the_number_reach_the_ticket_and_open_it(company):
    company.solved().later(HOUR + 60)
    company.tell("2, nobody called me back")
    assert company.rated() == [1, 2, 0]
    assert any(
        each.public and "nobody called me back" in each.words for each in company.zendesk.comments(company.ticket().id)
    )
    assert company.thread()["status"] == "reopened"


def test_praise_beyond_the_number_opens_nothing(company):
    company.solved().later(HOUR + 60)
    company.tell("5, thank you so much, your team is amazing and so helpful!")
    assert company.rated() == [1, 5, 1]
    assert "so helpful" in company.notes()[0].words
    assert company.thread()["status"] == "solved"


def test_a_low_rating_tags_and_raises_its_ticket(company):
    company.solved().later(HOUR + 60)
    company.presses("1")
    assert {"rating-1", "low-rating"} <= set(company.ticket().tags)
    assert company.ticket().priority == "urgent"


def test_the_first_answer_counts_and_a_second_one_is_noted(company):
    company.solved().later(HOUR + 60)
    company.presses("5")
    company.presses("2")
    assert len(company.notes()) == 2
    assert "They gave 5 before" in company.notes()[1].words
    assert company.rated() == [1, 5, 1]
    assert company.thread()["status"] == "solved"
    assert company.said().count("Thank you for telling us!") == 1


def test_two_answers_at_once_count_once(company):
    company.solved().later(HOUR + 60)
    company.deliver(company.message("4"))
    company.deliver(company.message("5"))
    company.work()
    assert company.rated()[0] == 1


def test_who_writes_before_it_is_time_is_not_asked(company):
    company.solved().later(HOUR / 2)
    company.tell("It is still not refunded.")
    company.later(HOUR)
    assert company.questions() == []
    assert company.survey() is None


def test_a_ticket_solved_again_is_asked_about_once(company):
    company.solved().later(HOUR + 60)
    company.tell("One more thing: where is the invoice?")
    company.answers(2)
    company.solve(2)
    company.later(2 * HOUR)
    assert len(company.questions()) == 1


def test_a_number_written_to_an_agent_is_no_rating(company):
    company.solved().later(HOUR + 60)
    company.tick(60)
    company.answers(2)
    company.tell("4")
    assert company.rated() == [0, 0, 0]


def test_a_number_that_comes_days_later_is_a_message_and_a_button_still_counts(firm):
    company = firm(answer_hours=2)
    company.solved().later(HOUR + 60)
    company.tick(3 * HOUR)
    company.presses("3")
    assert company.rated() == [1, 3, 0]
    late = firm(answer_hours=2)
    late.solved().later(HOUR + 60)
    late.tick(3 * HOUR)
    late.tell("3")
    assert late.rated() == [0, 0, 0]


def test_nobody_is_asked_unless_the_policy_says_so(firm):
    for rules in ({"on": False}, {"channels": ["whatsapp"]}):
        company = firm(**rules)
        company.solved().later(2 * HOUR)
        assert company.questions() == []
        assert "survey" not in company.thread().get("timers", {})


def test_who_opted_out_is_not_asked(company):
    company.solved()
    company.conversation._ledger().set_opt_out("messenger", CUSTOMER, opted_out=True)
    company.later(HOUR + 60)
    assert company.questions() == []
    assert company.survey()[-2] == "over"
    assert not company.thread().get("timers")


def test_one_person_is_asked_once_in_the_period_whatever_they_write_in(company):
    """They go on in a ticket of another thread: a page's, in which their id is the same."""
    company.solved().later(HOUR + 60)
    ledger = company.conversation._ledger()
    assert not ledger.claim_survey("messenger", CUSTOMER, "survey/another", 90 * 86_400)
    company.tick(91 * 86_400)
    assert ledger.claim_survey("messenger", CUSTOMER, "survey/another", 90 * 86_400)


def test_the_next_ticket_of_a_person_is_asked_about_after_the_period(firm):
    company = firm(period_days=30)
    company.solved().later(HOUR + 60)
    for days, asked in ((20, 1), (20, 2)):
        company.later(days * 86_400)
        company.tell("And now this!")
        ticket = company.zendesk.tickets[-1].id
        company.called(
            {
                "id": f"solved-{days}-{asked}", "time": company.now().isoformat(),
                "event": {"current": "SOLVED", "previous": "OPEN"}, "detail": {"id": str(ticket)},
                "type": "zen:event-type:ticket.status_changed", "subject": f"zen:ticket:{ticket}",
            },
            f"S-{days}-{asked}",
        )  # fmt: skip
        company.work()
        company.later(HOUR + 60)
        assert len(company.questions()) == asked


def test_where_the_window_ends_before_it_is_asked_at_once_or_not_at_all(company):
    company.tell("I was charged twice for order 4471!")
    company.answers()
    company.tick(23.5 * HOUR)
    company.solve()
    company.later(60)
    assert len(company.questions()) == 1


def test_after_the_window_nobody_is_asked(company):
    company.tell("I was charged twice for order 4471!")
    company.answers()
    company.tick(25 * HOUR)
    company.solve()
    company.later(2 * HOUR)
    assert company.questions() == []
    assert not company.thread().get("timers")


def test_a_platform_that_is_down_is_asked_again_and_a_refusal_is_the_end(company):
    company.solved()
    company.graph.next = [TemporaryError("down", ambiguous=False)]
    company.later(HOUR + 60)
    assert company.questions() == []
    company.later(400)
    assert len(company.questions()) == 1


def test_in_doubt_it_is_not_asked_again_and_a_button_still_counts(company):
    company.solved()
    company.graph.next = [TemporaryError("no answer", ambiguous=True)]
    company.later(HOUR + 60)
    company.later(HOUR)
    assert len(company.questions()) == 1
    company.presses("5")
    assert company.rated() == [1, 5, 1]


def test_a_worker_that_dies_over_the_question_has_asked_it(company):
    company.solved()
    company.tick(HOUR + 60)
    company.sweep()
    company.dies_at()
    assert len(company.questions()) == 1
    company.tick(1000)
    company.sweep()
    company.work()
    assert len(company.questions()) == 1
    assert company.survey()[-2] == "asked"
    company.presses("4")
    assert company.rated() == [1, 4, 1]


def test_an_answer_before_the_dead_worker_is_noticed_counts(company):
    company.solved()
    company.tick(HOUR + 60)
    company.sweep()
    company.dies_at()
    company.tick(200)
    company.presses("4")
    company.tick(1000)
    company.sweep()
    company.work()
    assert company.rated() == [1, 4, 1]
    assert len(company.questions()) == 1
    states = [found["state"] for (_, sk), found in company.table.items.items() if sk.startswith("S#survey")]
    assert states == ["sent"]


def test_a_public_conversation_is_asked_about_in_private(company):
    company.deliver(company.comment("I was charged twice for order 4471!"))
    company.work()
    company.solve()
    company.later(HOUR + 60)
    asked = [each for each in company.graph.sent if QUESTION in str(each)]
    assert [each["recipient"] for each in asked] == [{"comment_id": "122200000000501_993300000000077"}]
    assert all("quick_replies" not in str(each) for each in asked)
    company.tell("4")  # in their inbox, which leads to the comment's ticket
    assert company.rated("facebook") == [1, 4, 1]


def test_a_public_conversation_without_a_private_way_is_not_asked_about(company):
    company.deliver(company.comment("I was charged twice for order 4471!"))
    company.work()
    company.tick(8 * 86_400)
    company.solve()
    company.later(2 * HOUR)
    assert not [each for each in company.graph.sent if QUESTION in str(each)]


def test_erasure_forgets_the_question_and_the_claim(company):
    company.solved().later(HOUR + 60)
    assert company.survey()
    eraser = Eraser(
        table=company.table, archive=company.archive, parked=MemoryPile([]), dead=MemoryPile([]),
        directory=company.directory, clock=company.now, owner=lambda: "eraser",
    )  # fmt: skip
    eraser.erase(Person("messenger", CUSTOMER))
    assert company.survey() is None
    assert not [key for key in company.table.items if key[0] == f"P#messenger/{CUSTOMER}"]


def test_a_rating_in_an_outage_reaches_the_ticket_afterwards(company):
    company.solved().later(HOUR + 60)
    company.zendesk.faults.add(broken(503))
    company.presses("4")
    assert company.notes() == []
    company.zendesk.faults.clear()
    company.later(HOUR)
    assert len(company.notes()) == 1
    assert company.rated() == [1, 4, 1]


def test_a_rating_of_a_closed_ticket_counts_and_opens_no_other(company):
    company.solved().later(HOUR + 60)
    company.zendesk.close(company.ticket().id)
    company.presses("2")
    company.work()
    assert company.rated() == [1, 2, 0]
    assert len(company.zendesk.tickets) == 1
    assert company.notes() == []


def test_a_button_of_another_question_is_a_message(company):
    company.solved().later(HOUR + 60)
    company.tell("5 ★★★★★", quick_reply={"payload": Choice(question_of("survey/another"), "5").payload})
    assert company.rated() == [0, 0, 0]
    assert company.thread()["status"] == "reopened"
