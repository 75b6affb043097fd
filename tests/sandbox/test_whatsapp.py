"""The played WhatsApp, seen through the connector: its window, its templates, its files, its people."""

import json
from datetime import timedelta

import pytest

from deskwire.channels.whatsapp import WhatsApp as Connector
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit
from deskwire.model.choices import Choice, Offer, question_of
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.events import Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.web.media import Network, fetch
from deskwire.web.request import Request
from deskwire.web.rest import Call, Direct, with_hosts
from sandbox.platforms.whatsapp.played import FILES, GRAPH, WhatsApp, bundle

NUMBER = "440000000000012"
TEMPLATES = [("order_sent", "en_GB")]


@pytest.fixture
def played():
    with WhatsApp({NUMBER: "3545550110"}, "token", TEMPLATES) as player:
        player.direct = Direct()
        yield player
        player.direct.close()


def reach(played, token="token"):
    hosts = dict.fromkeys((GRAPH, FILES), played.address)
    return Reach(
        account=NUMBER,
        settings={"templates": "order_sent en_GB", "mark_as_read": "yes"},
        secrets=Secrets({"access_token": token}),
        http=with_hosts(played.direct, hosts),
        now=played.clock.now(),
        mail=None,
        remember=None,
        fetch=lambda call: fetch(call, Connector.media_hosts, network=Network(sandbox=hosts)),
    )


def read(played, *changes):
    request = Request(method="POST", endpoint="e", body=bundle(changes), received_at=played.clock.now())
    return list(Connector().parse(request))


def answer(played, event, text, *, hours=0, token="token", offers=()):
    now = played.clock.now()
    permit = Connector.terms.permit(
        Visibility.PRIVATE, automatic=False, last_inbound=now - timedelta(hours=hours), now=now
    )
    assert isinstance(permit, Permit)
    outgoing = Outgoing(
        key="k", account=NUMBER, thread=event.thread, visibility=Visibility.PRIVATE, text=text, automatic=False,
        recipient=event.author.id, context=event.keep, offers=offers,
    )  # fmt: skip
    return Connector().send(outgoing, permit, reach(played, token))


@pytest.mark.parametrize("hidden", [False, True])
def test_who_writes_is_answered_by_number_or_by_scoped_id(played, hidden):
    who = played.customer("Ines", hidden=hidden)
    wamid, change = played.writes(who, NUMBER, "Hello 👋")
    (event,) = read(played, change)
    assert (event.object_id, event.thread, event.text, event.author.name) == (wamid, who.thread, "Hello 👋", "Ines")
    (sent,) = answer(played, event, "Hello, Ines").ids
    assert played.messages[-1].id == sent
    assert played.books.count("POST") == 2  # marked as read, too


def test_a_dead_token_calls_a_person(played):
    (event,) = read(played, played.writes(played.customer("Ines"), NUMBER, "Hello")[1])
    with pytest.raises(ConfigurationError):
        answer(played, event, "Hello", token="dead")


def test_after_a_day_only_a_template_arrives(played):
    (event,) = read(played, played.writes(played.customer("Ines"), NUMBER, "Hello")[1])
    played.clock.advance(25 * 3600)
    with pytest.raises(PermanentError, match="131047"):
        answer(played, event, "Too late")  # what we believe of the window is not what WhatsApp knows
    with pytest.raises(PermanentError, match="#template order_sent en_GB"):
        answer(played, event, "Too late", hours=25)
    assert answer(played, event, "#template order_sent en_GB", hours=25).ids
    assert json.loads(played.messages[-1].template)["name"] == "order_sent"


def test_a_picture_is_loaded_in_two_steps_with_the_token(played):
    (event,) = read(played, played.writes(played.customer("Ines"), NUMBER, "see", picture=True)[1])
    file = Connector().fetch(event.attachments[0], reach(played))
    assert (file.type, file.data[:2]) == ("image/jpeg", b"\xff\xd8")


def test_what_is_not_delivered_is_told_by_a_status(played):
    told = []
    played.tell = told.append
    who = played.customer("Ines")
    (event,) = read(played, played.writes(who, NUMBER, "Hello")[1])
    played.undeliverable.add(who.thread)
    sent = answer(played, event, "Hello")
    (report,) = read(played, *told)
    assert (report.kind, report.object_id, report.thread) == (Kind.UNDELIVERED, sent.ids[0], who.thread)


def test_a_changed_number_names_the_thread_and_its_new_name(played):
    who = played.customer("Ines")
    new, change = played.changes_number(who, NUMBER)
    (event,) = read(played, change)
    assert event.thread == who.number
    assert {new.number, new.user_id, who.user_id} == {*event.aliases}


def test_a_colleague_on_the_phone_is_the_company(played):
    who = played.customer("Ines")
    (event,) = read(played, played.says_on_the_phone(who, NUMBER, "We ship today")[1])
    assert (event.own, event.thread) == (True, who.number)


def test_a_question_is_a_list_and_a_chosen_row_comes_back(played):
    who = played.customer("Ines")
    (event,) = read(played, played.writes(who, NUMBER, "Hello")[1])
    choices = [Choice(question_of("survey/1"), value) for value in "12345"]
    offers = tuple(Offer(each, f"{each.value} {'★' * int(each.value)}") for each in choices)
    answer(played, event, "How satisfied are you?", offers=offers)
    assert played.messages[-1].text == "How satisfied are you?"
    page = with_hosts(played.direct, {GRAPH: played.address})(Call("GET", f"https://{GRAPH}/")).body.decode()
    assert "<button>4 ★★★★</button>" in page
    (chosen,) = read(played, played.presses(who, NUMBER, "4")[1])
    assert (chosen.choice, chosen.text, chosen.facts) == (choices[3], "4 ★★★★", {})
    titled = tuple(Offer(each, "much too long a title for a row") for each in choices)
    with pytest.raises(PermanentError, match="131009"):
        answer(played, event, "How satisfied are you?", offers=titled)
