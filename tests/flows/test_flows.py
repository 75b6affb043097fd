"""Stories through the deployed template, IAM enforced: from a signed webhook to the agent and back."""

import json
import os
import subprocess
import uuid

import jsonschema
import pytest

from deskwire.verification.captcha import PLAYED_ORIGIN
from sandbox.cloud.stack import ROOT, WORK, tool
from sandbox.neighbours.desk import By
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import broken
from sandbox.neighbours.sender import Forgery, State
from sandbox.northwind.books import parked
from sandbox.northwind.offices import OFFICES, closed_office
from sandbox.platforms.email.books import MAILBOX, TOPIC, OnMail
from sandbox.platforms.email.played import Writer
from sandbox.platforms.google.books import LOCATION
from sandbox.platforms.meta.books import PAGES
from sandbox.platforms.webform.books import ENDPOINT, FORM, SITEKEY, OnOurSite
from sandbox.platforms.webform.played import Visitor
from sandbox.platforms.x.played import HANDLE

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("flows")]


def writes(stories, words="Where is my parcel {}?", *, page="", who=None):
    """Let somebody write on Messenger; return (person, page, marker, told)."""
    meta, page, marker = stories.meta, page or stories.open_page(), stories.marker()
    who = who or meta.person("Marta Lindqvist")
    told = meta.writes(who, page, words.format(marker))
    return who, page, marker, told


def test_a_first_message_becomes_a_ticket_and_an_acknowledgement_that_names_it(stories):
    who, page, marker, told = writes(stories)
    assert stories.statuses(stories.deliver("meta", told.entry)) == [200]
    ticket = stories.ticket(marker)
    assert [comment.by for comment in ticket.comments] == [By.CUSTOMER]
    (said,) = stories.eventually(lambda: stories.said(f"messenger {who.psid(page)}"))
    reference = ticket.comments[0].text.rpartition("Reference: ")[2]
    assert reference in said.text
    assert "answer today" in said.text


def test_the_closed_office_says_when_it_opens(stories):
    closed = PAGES[closed_office(stories.company.clock.now())]
    who, page, _, told = writes(stories, page=closed)
    stories.deliver("meta", told.entry)
    (said,) = stories.eventually(lambda: stories.said(f"messenger {who.psid(page)}"))
    assert "we are back on 20" in said.text
    assert "at 08:00" in said.text


def test_a_follow_up_goes_into_the_same_ticket_and_is_not_acknowledged_again(stories):
    who, page, first, told = writes(stories)
    stories.deliver("meta", told.entry)
    ticket = stories.ticket(first)
    _, _, second, told = writes(stories, "And the zip is broken, {}", page=page, who=who)
    stories.deliver("meta", told.entry)
    assert stories.ticket(second).id == ticket.id
    stories.calm()
    assert len(stories.said(f"messenger {who.psid(page)}")) == 1


def test_what_is_sent_again_at_once_or_after_the_queue_forgot_it_is_filed_once(stories):
    _, _, marker, told = writes(stories)
    delivery = stories.deliver("meta", told.entry)
    again = [stories.company.sender.repeat(delivery.number, after=after) for after in (0, 60, 400)]
    assert {stories.answered(number).state for number in again} == {State.TAKEN}
    stories.ticket(marker)
    stories.calm()
    assert len(stories.filed(marker)) == 1
    assert stories.outcomes(told.id) == ["filed"]


def test_one_body_for_two_pages_becomes_a_ticket_of_each(stories):
    north, south = (writes(stories, page=PAGES[office]) for office in OFFICES)
    stories.deliver("meta", north[3].entry, south[3].entry)
    assert stories.ticket(north[2]).id != stories.ticket(south[2]).id


@pytest.mark.parametrize("forgery", list(Forgery))
def test_a_forged_delivery_is_refused_and_leaves_nothing(stories, forgery):
    _, _, marker, told = writes(stories)
    number = stories.company.sender.forge(stories.company.routes["meta"], [told.entry], forgery)
    assert stories.statuses(stories.answered(number)) == [401]
    stories.calm()
    assert not stories.filed(marker)
    assert not stories.outcomes(told.id)
    assert marker not in stories.company.logs()


def test_a_genuine_body_that_cannot_be_read_is_parked_and_taken(stories):
    marker = stories.marker()
    number = stories.company.sender.raw(stories.company.routes["x"], f'["{marker}"]'.encode())
    assert stories.statuses(stories.answered(number)) == [200]
    letters = stories.eventually(lambda: [each for each in parked(stories.company) if each["endpoint"] == "x"])
    assert letters[0]["reason"]


def test_an_agents_answer_reaches_the_customer_once_and_a_note_never(stories):
    who, page, marker, told = writes(stories)
    stories.deliver("meta", told.entry)
    ticket = stories.ticket(marker)
    desk, answer, note = stories.company.desk, stories.marker(), stories.marker()
    desk.reply(ticket.id, f"Look at the order, {note}", public=False)
    desk.reply(ticket.id, f"On its way 🚚 {answer}")
    place = f"messenger {who.psid(page)}"
    stories.eventually(lambda: [each for each in stories.said(place) if answer in each.text])
    stories.calm()
    assert sum(answer in each.text for each in stories.said(place)) == 1
    assert not any(note in each.text for each in stories.said(place))


def test_a_helpdesks_outage_loses_nothing_and_the_customer_is_acknowledged_meanwhile(stories, zendesk):
    zendesk.faults.add(broken(503))
    who, page, marker, told = writes(stories)
    stories.deliver("meta", told.entry)
    stories.eventually(lambda: stories.said(f"messenger {who.psid(page)}"))
    assert not stories.filed(marker)
    zendesk.faults.clear()

    def swept():
        stories.company.stack.sweep()
        return stories.filed(marker)

    stories.eventually(swept)
    stories.calm()
    assert len(stories.filed(marker)) == 1


@pytest.fixture
def second(company):
    """The helpdesk to which the company moves, while all that is filed is copied into it."""
    with company.copying():
        yield company.second
        company.second.player.faults.clear()


def test_a_conversation_is_copied_into_a_second_helpdesk_whose_outage_touches_nobody(stories, second):
    who, page, first, told = writes(stories)
    stories.deliver("meta", told.entry)
    ticket, place = stories.ticket(first), f"messenger {who.psid(page)}"
    copied = lambda marker: stories.filed(marker, desk=second)  # noqa: E731
    stories.eventually(lambda: copied(first))
    second.player.faults.add(broken(503))
    _, _, later, told = writes(stories, "It is number {}", page=page, who=who)
    stories.deliver("meta", told.entry)
    assert stories.ticket(later).id == ticket.id
    answer = stories.marker()
    stories.company.desk.reply(ticket.id, f"On its way, {answer}")
    stories.eventually(lambda: [each for each in stories.said(place) if answer in each.text])
    refused = lambda: [each for each in second.player.books.entries() if each.status == 503]  # noqa: E731
    stories.eventually(refused)
    assert not copied(later)
    second.player.faults.clear()

    def swept():
        stories.company.stack.sweep()
        return copied(later) and copied(answer)

    stories.eventually(swept)
    stories.calm()
    found = [copied(marker) for marker in (first, later, answer)]
    assert [len(each) for each in found] == [1, 1, 1]
    assert len({copy.id for ((copy, _),) in found}) == 1
    assert [comment.by for ((_, comment),) in found] == [By.CUSTOMER, By.CUSTOMER, By.NOTE]
    assert sum(answer in each.text for each in stories.said(place)) == 1


def test_a_review_is_fetched_filed_with_its_stars_and_answered_by_its_one_reply(stories):
    google, marker, answer = stories.google, stories.marker(), stories.marker()
    notification = google.review(LOCATION, 2, f"The zip broke, {marker}")
    assert stories.statuses(stories.deliver("google", notification)) == [200]
    ticket = stories.ticket(marker)
    assert "Rating: 2 of 5" in ticket.comments[0].text
    stories.company.desk.reply(ticket.id, f"We send a new one, {answer}")
    stories.eventually(lambda: [text for _, text in google.sent if answer in text])
    assert answer in google.reviews[notification["review"]]["reviewReply"]["comment"]


def test_a_mail_comes_in_by_the_topic_of_the_template(stories):
    """Published to the topic that the template made; its subscription invokes receive, which checks the ARN."""
    stack, marker = stories.company.stack, stories.marker()
    who = Writer("Oona Lind", f"oona.{marker.lower()}@mail.example")
    _, told = stories.company.platform(OnMail).player.writes(who, MAILBOX, f"Where is my parcel {marker}?")
    (subscribed,) = stack.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert (subscribed["Protocol"], subscribed["Endpoint"].rpartition(":")[2]) == ("lambda", stack.deployed.receive)
    assert stories.statuses(stories.deliver("email", told)) == [200]
    assert [comment.by for comment in stories.ticket(marker).comments] == [By.CUSTOMER]


def test_a_form_with_a_picture_is_filed_with_it_and_acknowledged_by_mail(stories):
    company, marker = stories.company, stories.marker()
    captchas, endpoint = company.platform(OnOurSite).player, f"{company.stack.deployed.api}/pages/{ENDPOINT}"
    visitor = Visitor(endpoint=endpoint, captchas=captchas, sitekey=SITEKEY, origin=PLAYED_ORIGIN, form=FORM)
    assert visitor.preflight().headers["access-control-allow-origin"] == PLAYED_ORIGIN
    upload = visitor.upload("zip.png", "image/png", b"\x89PNG a picture")
    email = f"oona.{marker.lower()}@example.com"
    answer = visitor.write(f"The zip broke, {marker}", email=email, uploads=[upload])
    assert answer.status == 202
    ticket = stories.ticket(marker)
    assert answer.body["reference"] in ticket.comments[0].text
    (file,) = company.desk.zendesk.comments(int(ticket.id))[0].files
    assert (file.name, file.data) == ("zip.png", b"\x89PNG a picture")
    (mail,) = stories.eventually(lambda: [each for each in company.mails if each["To"] == [email]])
    assert answer.body["reference"] in mail["BodyText"]


def test_a_form_without_a_solved_captcha_leaves_nothing(stories):
    company, marker = stories.company, stories.marker()
    form = {
        "schema": "form.submitted/1", "form_id": FORM, "submission_id": str(uuid.uuid4()), "email": "a@example.com",
        "message": marker, "leave_empty": "",
    }  # fmt: skip
    number = company.sender.forge(company.routes["webform"], [form], Forgery.WRONG_SECRET)
    assert stories.statuses(stories.answered(number)) == [401]
    stories.calm()
    assert not stories.filed(marker)


def test_x_is_challenged_and_a_post_that_fires_three_events_is_one_comment_answered_in_public(stories):
    company, x, marker, answer = stories.company, stories.x, stories.marker(), stories.marker()
    assert x.challenge(f"{company.stack.deployed.api}/channels/x")
    x.writes(x.care, f"The shop opens at eight, {stories.marker()}")
    own = next(reversed(x.posts))
    rosa = x.person(f"rosa{uuid.uuid4().hex[:8]}", "Rosa M.")
    bodies = x.writes(rosa, f"@{HANDLE} really? {marker}", reply_to=own, quote_of=own)
    assert len(bodies) == 3
    for body in bodies:
        stories.deliver("x", body)
    ticket = stories.ticket(marker)
    place = f"x {next(reversed(x.posts.values())).conversation}"
    stories.eventually(lambda: stories.said(place))
    company.desk.reply(ticket.id, f"Yes! {answer}")
    stories.eventually(lambda: [each for each in stories.said(place) if answer in each.text])
    stories.calm()
    assert len(stories.filed(marker)) == 1
    assert sum(each.automatic for each in stories.said(place)) == 1


RUN = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import app
answer = app.handler(json.loads(sys.stdin.read()), None)
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print(json.dumps({"status": answer["statusCode"], "files": files}))
"""


def test_receive_as_built_answers_with_the_standard_library_and_our_own_modules_alone(stories):
    """The real built function takes a real delivery; nothing of the layer of dependencies may be loaded."""
    company = stories.company
    _, _, marker, told = writes(stories)
    route = company.routes["meta"]
    request = _signed(route, route.bundle([told.entry]))
    built, deployed = WORK / "host" / "build", company.stack.deployed
    places = [str(built / "ReceiveFunction"), str(built / "DeskwireLayer" / "python"), "/opt/python"]
    environment = {
        **company.stack.environment, "PATH": os.environ["PATH"], "DESKWIRE_TABLE": deployed.table,
        "DESKWIRE_MAILBOX": deployed.mailbox, "DESKWIRE_PARKED": deployed.parked, "DESKWIRE_ARCHIVE": deployed.archive,
        "DESKWIRE_SECRETS": deployed.secrets_prefix, "DESKWIRE_SANDBOX": json.dumps(company.hosts),
    }  # fmt: skip
    run = subprocess.run(
        [tool("ministack", "python"), "-I", "-S", "-c", RUN, json.dumps(places)],
        input=json.dumps(gateway_event(request)), env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])  # its metrics come before
    assert answer["status"] == 200
    assert not [name for name, file in answer["files"].items() if "site-packages" in file or "Dependencies" in file]
    assert "deskwire.receiving.receiver" in answer["files"]
    stories.ticket(marker)


def _signed(route, body):
    from datetime import UTC, datetime

    from deskwire.web.request import Request

    request = Request(method="POST", endpoint=route.endpoint, body=body, received_at=datetime.now(UTC))
    return route.verification.sign(request, route.secrets, datetime.now(UTC))


def test_no_secret_and_no_customers_word_is_in_any_functions_log(stories):
    logs = stories.company.logs()
    assert '"outcome"' in logs  # these are the functions' own lines
    assert "NW-5" not in logs
    given = [value for entry in stories.company.secrets.values() for value in entry.values()]
    for value in (each for one in given for each in ([one] if isinstance(one, str) else one)):
        assert value not in logs


@pytest.fixture
def subscription(company):
    """A queue that gets what Deskwire puts on the bus, as a program of the company's own would."""
    sqs, events = company.stack.client("sqs"), company.stack.client("events")
    url = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="outcomes", EventPattern=json.dumps({"source": ["deskwire"]}))
    events.put_targets(Rule="outcomes", Targets=[{"Id": "queue", "Arn": arn}])
    told = []

    def look():
        for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(each["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return told

    yield look
    events.remove_targets(Rule="outcomes", Ids=["queue"])
    events.delete_rule(Name="outcomes")
    sqs.delete_queue(QueueUrl=url)


def figures(stories, page):
    """Return what is counted of a page's messages on Messenger, all hours together."""
    table = stories.company.stack.client("dynamodb")
    rows = table.query(
        TableName=stories.company.stack.deployed.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"F#messenger/{page}"}},
    )["Items"]
    names = ("messages", "tickets", "answers", "first_answers")
    return {name: sum(int(row.get(name, {}).get("N", 0)) for row in rows) for name in names}


def test_watch_counts_a_message_its_ticket_and_its_answer_and_tells_the_bus(stories, subscription):
    stories.calm()
    page = stories.open_page()
    before = figures(stories, page)  # what other stories said last may still be on the stream
    _, _, marker, told = writes(stories, page=page)
    stories.deliver("meta", told.entry)
    ticket = stories.ticket(marker)
    stories.company.desk.reply(ticket.id, "On its way.")
    after = {"messages": 1, "tickets": 1, "answers": 1, "first_answers": 1}
    stories.eventually(lambda: all(figures(stories, page)[name] >= before[name] + after[name] for name in after))
    outcomes = stories.eventually(lambda: [each for each in subscription() if each["detail"]["kind"] == "message"])
    (event,) = [each for each in outcomes if each["detail"]["ticket"] == str(ticket.id)]
    assert (event["detail-type"], event["detail"]["outcome"]) == ("Deskwire Outcome", "filed")
    jsonschema.validate(event["detail"], json.loads((ROOT / "docs" / "outcome.schema.json").read_text()))
    assert marker not in json.dumps(event)
