"""Another policy is rehearsed on what a company recorded: the turn decides, nothing is sent, the table is only read."""

from datetime import timedelta

from deskwire.care.answers import Answer
from deskwire.care.policy import Policy
from deskwire.care.waits import bucket
from deskwire.configuration import Connection, item
from deskwire.operating.rehearsing import GONE, REMOVED, Rehearsal, rules
from deskwire.ports import Put, Update
from deskwire.watching.facts import Case, first_answer_in
from deskwire.watching.waits import WaitWatch
from deskwire.watching.watcher import case_item
from tests.stories.conftest import CUSTOMER, PAGE, POLICY

HOUR, DAY = 3600, 86_400

STOLEN = "My card was stolen, block it immediately!"
PRAISE = "Thank you so much, your team is amazing and so helpful!"
HOURS = "When do you open on Saturday?"
OPENING = {
    "questions": [HOURS, "When are you open on Saturday?", "What are your opening hours on Saturday?"],
    "answer": {"en": "We open at ten."},
}


class Untouched:
    """The company's table, of which only reading works."""

    def __init__(self, table):
        self.get, self.query, self.scan = table.get, table.query, table.scan

    def refuse(self, *_):
        raise AssertionError("a rehearsal wrote to the table")

    put = update = transact = refuse


def proposed(company, **changes):
    """Return the definitions of a file in which both connections have another policy."""
    policy = Policy.model_validate({**POLICY, **changes})
    return [
        each.model_copy(update={"policy": policy}) if isinstance(each, Connection) else each
        for each in company.definitions
    ]


def rehearsed(company, wanted, *, hours=24, **more):
    table = Untouched(company.table)
    before = dict(company.table.items)
    found = Rehearsal(table=table, known=rules(table, wanted), **more).run(
        company.now() - timedelta(hours=hours), company.now()
    )
    assert company.table.items == before
    return found


def write(company, *texts, pause=60, **more):
    for text in texts:
        company.deliver(company.message(text, **more))
        company.work()
        company.tick(pause)


def changes(found):
    return dict(found.counts)


def test_the_same_policy_makes_no_difference(company):
    write(company, HOURS, STOLEN)
    found = rehearsed(company, company.definitions)
    assert (found.messages, found.conversations, found.differing, found.changed) == (2, 1, 0, ())


def test_another_text_is_counted_where_one_was_sent(company):
    write(company, HOURS, STOLEN)  # the second falls into the quiet period
    sent, tickets = list(company.graph.sent), len(company.zendesk.tickets)
    found = rehearsed(company, proposed(company, texts={"private": {"en": "Got it: {reference}"}}))
    assert changes(found) == {("acknowledgement", "another text"): 1}
    assert (found.as_recorded, found.compared) == (2, 2)
    (example,) = found.examples
    (difference,) = example.differences
    assert example.where == f"acme/{company.zendesk.tickets[0].id}"
    assert difference.before.startswith("Thank you, we have it: ")
    assert difference.after.startswith("Got it: ")
    assert (company.graph.sent, len(company.zendesk.tickets)) == (sent, tickets)


def test_no_acknowledgement_says_why(company):
    write(company, HOURS)
    found = rehearsed(company, proposed(company, acknowledge={"private": False}))
    assert changes(found) == {("acknowledgement", "not sent"): 1}
    assert found.examples[0].differences[0].after == "switched_off"


def test_a_shorter_quiet_period_acknowledges_again(company):
    write(company, HOURS, "And on Sunday?", pause=3 * 3600)
    found = rehearsed(company, proposed(company, quiet_hours=1))
    assert changes(found) == {("acknowledgement", "sent"): 1}
    assert found.examples[0].differences[0].before == "quiet"


def test_an_agents_answer_keeps_its_time(company):
    """Within the quiet period after an answer nothing is said, whatever the acknowledgement's own age."""
    write(company, HOURS, pause=3 * 3600)
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, "At ten.")
    company.signalled(ticket)
    company.work()
    write(company, "And on Sunday?")
    assert changes(rehearsed(company, proposed(company, quiet_hours=1))) == {}


def test_other_priorities_tags_and_heat(company):
    write(company, HOURS, STOLEN)
    found = rehearsed(company, proposed(company, judging={"on": False}))
    assert changes(found) == {
        ("priority", "urgent → none"): 1,
        ("tags", "-hot -urgent"): 1,
        ("heat", "hot → cold"): 1,
    }
    found = rehearsed(company, proposed(company, judging={"priorities": {"urgent": "high"}}))
    assert changes(found) == {("priority", "urgent → high"): 1}


def test_other_tags_of_a_connection_alone_are_a_difference(company):
    write(company, HOURS)
    wanted = [
        each.model_copy(update={"tags": ("shop",)}) if isinstance(each, Connection) else each
        for each in company.definitions
    ]
    found = rehearsed(company, wanted)
    assert set(found.changed) == {"page", "page-dm"}
    assert changes(found) == {("tags", "+shop"): 1}


def test_praise_without_a_ticket(company):
    write(company, PRAISE)
    found = rehearsed(company, proposed(company, judging={"praise": {"ticket": "none"}}))
    assert ("ticket", "filed → suppressed: no ticket: praise") in changes(found)


def test_a_declared_answer(company):
    write(company, HOURS)
    wanted = [
        each.model_copy(
            update={
                "policy": Policy.model_validate({**POLICY, "answering": {"ask": {"private": {"en": "Was that it?"}}}}),
                "answers": {"hours": Answer.model_validate(OPENING)},
            }
        )
        if isinstance(each, Connection)
        else each
        for each in company.definitions
    ]
    found = rehearsed(company, wanted)
    assert changes(found)["answer", "none → hours"] == 1
    assert found.examples[0].differences[0].after == "We open at ten.\n\nWas that it?"


def test_private_matters_in_public_are_hidden_and_their_writer_invited(company):
    company.deliver(company.comment("My card is 4111 1111 1111 1111, why was it declined?"))
    company.work()
    invite = {"private": {"en": "Please write to us here."}}
    found = rehearsed(company, proposed(company, private={"hide": True, "invite": invite}))
    assert changes(found) == {("hidden", "hidden"): 1, ("invitation", "invited"): 1, **notes(found)}


def notes(found):
    return {key: number for key, number in found.counts.items() if key[0] == "notes"}


def test_what_came_before_the_span_is_played_and_not_counted(company):
    write(company, HOURS, pause=30 * 3600)
    write(company, "And on Sunday?")
    found = rehearsed(company, proposed(company, quiet_hours=72))
    assert (found.messages, changes(found)) == (1, {("acknowledgement", "not sent"): 1})


def test_what_cannot_be_judged_is_said(company):
    write(company, HOURS)
    write(company, HOURS, customer="24900000000000018")
    key = next(key for key in company.table.items if key[0].endswith(CUSTOMER) and key[1].startswith("M#"))
    company.table.update(Update(key, remove=["event"]))
    found = rehearsed(company, proposed(company, quiet_hours=1))
    assert (found.messages, found.unjudged[GONE]) == (1, 1)
    found = rehearsed(company, [each for each in company.definitions if not isinstance(each, Connection)])
    assert (found.messages, found.unjudged[REMOVED]) == (0, 1)


def test_one_channel_alone(company):
    write(company, HOURS)
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    assert rehearsed(company, company.definitions).messages == 2
    assert rehearsed(company, company.definitions, channel="facebook").messages == 1


def test_a_flood_of_examples_is_counted_and_cut(company):
    for number in range(5):
        write(company, HOURS, customer=f"2490000000000010{number}")
    found = rehearsed(company, proposed(company, acknowledge={"private": False}), most=2)
    assert (found.differing, len(found.examples)) == (5, 2)


def test_an_echo_of_what_we_sent_is_not_played(company):
    write(company, HOURS)
    company.deliver(company.message(company.graph.sent[0]["message"]["text"], mid="m_ours1", own=True))
    company.work()
    found = rehearsed(company, proposed(company, texts={"private": {"en": "Got it: {reference}"}}))
    assert changes(found) == {("acknowledgement", "another text"): 1}


# ---------------------------------------------------------------------------------------------- the usual wait

SAYING = {"private": {"en": "Thank you, we have it: {reference}. {usual_wait}"}}


def waited(company, seconds, days=42):
    """Count two customers of each hour of the weeks before, answered after so many seconds."""
    now = int(company.now().timestamp()) // HOUR * HOUR
    for hour in range(now - days * DAY, now - HOUR, HOUR):
        key = case_item(Case("messenger", PAGE, hour, "en", "normal", "question"))
        company.table.update(Update(key, add={"tickets": 2, first_answer_in(bucket(seconds)): 2}))


def test_a_text_that_says_the_usual_wait_says_what_was_known_at_that_hour(company):
    waited(company, 40 * 60)
    write(company, HOURS)
    company.tick(3 * HOUR)
    key = case_item(Case("messenger", PAGE, int(company.now().timestamp()) - HOUR, "en", "normal", "question"))
    company.table.update(Update(key, add={"tickets": 200}))  # who waits now was not known then
    found = rehearsed(company, proposed(company, texts=SAYING))
    assert changes(found) == {("acknowledgement", "another text"): 1}
    (difference,) = found.examples[0].differences
    assert difference.after.endswith(". Usually answered within 45 minutes.")
    assert "Usually" not in difference.before


def test_where_too_little_was_known_the_text_reads_on_without_it(company):
    waited(company, 40 * 60, days=9)
    write(company, HOURS)
    (difference,) = rehearsed(company, proposed(company, texts=SAYING)).examples[0].differences
    assert "Usually" not in difference.after


def test_the_policy_in_force_says_it_as_it_did(company):
    """So that a change of something else is not counted as another text."""
    waited(company, 40 * 60)
    for each in proposed(company, texts=SAYING):
        company.table.put(Put(item(each)))
    WaitWatch(table=company.table, clock=company.now, telemetry=company.telemetry).note()
    write(company, HOURS)
    assert "Usually answered within 45 minutes." in company.graph.sent[-1]["message"]["text"]
    found = rehearsed(company, proposed(company, texts=SAYING, judging={"on": False}))
    assert ("acknowledgement", "another text") not in changes(found)
    assert (found.as_recorded, found.compared) == (1, 1)
