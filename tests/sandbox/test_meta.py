"""The played Meta against the connectors, over HTTP: what it takes and refuses, and that what it delivers is read."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.facebook import Facebook
from deskwire.channels.messenger import Messenger
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit
from deskwire.model.choices import Choice, Offer, question_of
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import compose, digest
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.web.request import Request
from deskwire.web.rest import Call, Direct, with_hosts
from sandbox.neighbours.neighbour import Clock, cut_after
from sandbox.platforms.meta.played import GRAPH, HOSTS, Meta, bundle, encode

PAGE, OTHER = "410000000000001", "410000000000002"
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PRIVATELY = {"visibility": Visibility.PRIVATE, "private_reply": True}


@pytest.fixture
def meta():
    with Meta({PAGE: "Northwind Outdoor", OTHER: "Northwind Kids"}, clock=Clock(START, held=True)) as playing:
        yield playing


@pytest.fixture
def direct():
    transport = Direct()
    yield transport
    transport.close()


@pytest.fixture
def http(meta, direct):
    return with_hosts(direct, dict.fromkeys(HOSTS, meta.address))


@pytest.fixture
def reach(meta, http):
    return Reach(PAGE, {}, Secrets({"page_token": meta.token(PAGE)}), http, meta.clock.now(), None, None)


def read(*told):
    body = bundle([each.entry for each in told])
    request = Request(method="POST", endpoint="e", body=body, received_at=START)
    found = [*Facebook().parse(request), *Messenger().parse(request)]
    assert all(isinstance(event, Event) for event in found)
    return found


def permit(channel, visibility, meta, last=None, **more):
    now = meta.clock.now()
    found = channel.terms.permit(visibility, **({"automatic": False} | more), last_inbound=last or now, now=now)
    assert isinstance(found, Permit)
    return found


def say(event, text="It leaves today.", **more):
    fields = {"key": "k1", "account": event.account, "thread": event.thread, "visibility": event.visibility}
    return Outgoing(**{**fields, "text": text, "automatic": False, "reply_to": event.object_id, **more})


def publicly(meta, reach, outgoing):
    return Facebook().send(outgoing, permit(Facebook(), Visibility.PUBLIC, meta), reach)


def test_a_comment_is_read_and_answered_in_public(meta, reach):
    echoes = []
    meta.echo = echoes.append
    marta = meta.person("Marta Lindqvist")
    told = meta.comments(marta, meta.posts(PAGE, "Autumn").id, "Where is it? 👩‍👩‍👧‍👦 <b>@shop</b>")
    (event,) = read(told)
    assert event.text == "Where is it? 👩‍👩‍👧‍👦 <b>@shop</b>"
    assert event.occurred_at == START
    sent = publicly(meta, reach, say(event))
    assert meta.sent[event.thread] == ["It leaves today."]
    request = Request(method="POST", endpoint="e", body=bundle(echoes), received_at=START)
    (echo,) = Facebook().parse(request)
    assert echo.own
    assert echo.thread == event.thread
    assert sent.ids == (echo.object_id,)


@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_below_a_visitors_post_begins_another_thread_whatever_form_the_id_has(meta, reach, times):
    oona = meta.person("Oona Reyes")
    (event,) = read(meta.visits(oona, PAGE, "Open on Sunday?"))
    for _ in range(times):
        sent = publicly(meta, reach, say(event))
    (answer,) = read(meta.comments(oona, sent.ids[0], "Thanks"))
    assert compose("facebook", PAGE, answer.thread) == sent.elsewhere
    assert answer.reply_to == sent.ids[0]


def test_an_answer_to_a_reply_lands_under_the_root(meta, reach):
    marta = meta.person("Marta")
    root = meta.comments(marta, meta.posts(PAGE, "Autumn").id, "Hello")
    reply = meta.comments(marta, root.id, "Anyone?")
    (event,) = read(meta.comments(marta, reply.id, "Really nobody?"))
    assert event.thread == root.id
    publicly(meta, reach, say(event))
    assert meta.sent[root.id] == ["It leaves today."]


def test_a_private_reply_leads_into_messenger_once_and_within_a_week(meta, reach):
    marta = meta.person("Marta")
    (event,) = read(meta.comments(marta, meta.posts(PAGE, "Autumn").id, "Where is it?"))
    private = say(event, **PRIVATELY)
    leave = permit(Facebook(), Visibility.PRIVATE, meta, private_reply=True)
    sent = Facebook().send(private, leave, reach)
    (answer,) = read(meta.writes(marta, PAGE, "Here I am"))
    assert sent.elsewhere == answer.thread_key
    with pytest.raises(PermanentError, match="10900"):
        Facebook().send(private, leave, reach)
    (late,) = read(meta.comments(marta, meta.posts(PAGE, "Winter").id, "And this?"))
    meta.clock.advance(8 * 86400)
    with pytest.raises(PermanentError, match="10901"):
        Facebook().send(say(late, **PRIVATELY), leave, reach)


def test_after_a_private_reply_the_company_waits_for_the_customer(meta, reach):
    marta = meta.person("Marta")
    (event,) = read(meta.comments(marta, meta.posts(PAGE, "Autumn").id, "Where is it?"))
    leave = permit(Facebook(), Visibility.PRIVATE, meta, private_reply=True)
    Facebook().send(say(event, **PRIVATELY), leave, reach)
    again = say(event, thread=marta.psid(PAGE), visibility=Visibility.PRIVATE)
    with pytest.raises(PermanentError, match="2018278"):
        Messenger().send(again, permit(Messenger(), Visibility.PRIVATE, meta), reach)


def test_a_lost_answer_is_found_by_asking(meta, reach):
    (event,) = read(meta.comments(meta.person("Marta"), meta.posts(PAGE, "Autumn").id, "Where is it?"))
    assert Facebook().sent(say(event), START, reach) is None
    meta.faults.add(cut_after(), times=1)
    with pytest.raises(TemporaryError) as caught:
        publicly(meta, reach, say(event))
    assert caught.value.ambiguous
    found = Facebook().sent(say(event), START, reach)
    assert found is not None
    assert found.ids[0] in meta.things
    assert Facebook().sent(say(event, text="Something else"), START, reach) is None
    assert Facebook().sent(say(event), START + timedelta(hours=1), reach) is None


def test_what_is_gone_takes_no_answer(meta, reach):
    told = meta.comments(meta.person("Marta"), meta.posts(PAGE, "Autumn").id, "Where is it?")
    (event,) = read(told)
    assert read(meta.removes(told.id))[0].original == event.key
    with pytest.raises(PermanentError):
        publicly(meta, reach, say(event))


def test_a_mention_is_completed_where_the_page_may_look(meta, reach):
    nadia = meta.person("Nadia Haddad")
    shown, hidden = read(
        meta.mentions(nadia, PAGE, "Northwind never answered"),
        meta.mentions(nadia, PAGE, "Northwind again", visible=False),
    )
    assert shown.author is hidden.author is None
    assert Facebook().complete(shown, reach).author == Author(nadia.id, "Nadia Haddad")
    unknown = Facebook().complete(hidden, reach)
    assert (unknown.author, unknown.text, unknown.complete) == (None, "Northwind again", True)


def test_a_sticker_in_a_comment_is_fetched(meta, reach):
    (event,) = read(meta.comments(meta.person("Marta"), meta.posts(PAGE, "Autumn").id, "", sticker=True))
    assert not event.complete
    assert Facebook().complete(event, reach).text == "[sticker]"


def test_a_recommendation_an_ad_an_edit_and_a_reaction_are_read(meta):
    marta = meta.person("Marta")
    ad = meta.posts(PAGE, "Buy", published=False)
    said = meta.comments(marta, ad.id, "How much?")
    found = read(
        ad, said, meta.edits(said.id, "How much is it?"), meta.reacts(marta, said.id), meta.test_button(),
        meta.recommends(marta, PAGE, "Torn", positive=False),
    )  # fmt: skip
    kinds = [event.kind for event in found]
    assert kinds == [Kind.MESSAGE, Kind.MESSAGE, Kind.EDIT, Kind.REACTION, Kind.OTHER, Kind.MESSAGE]
    assert found[0].own
    assert found[1].facts["Advertisement"] == "yes"
    assert found[2].original == found[1].key
    assert found[3].object_id == said.id
    assert found[5].facts["Recommendation"] == "negative"


def send(meta, reach, event, text="Hello", age=timedelta(), **more):
    leave = permit(Messenger(), Visibility.PRIVATE, meta, meta.clock.now() - age)
    return Messenger().send(say(event, text, **more), leave, reach)


def test_a_message_is_read_answered_and_echoed_before_the_answer_is_there(meta, reach):
    echoes = []
    meta.echo = lambda entry: echoes.append((entry, meta.books.count("POST")))
    marta = meta.person("Marta Lindqvist")
    (event,) = read(meta.writes(marta, PAGE, "Hi", attachments=[meta.image(), meta.voice(), meta.sticker()]))
    assert [str(each.kind) for each in event.attachments] == ["image", "audio", "sticker"]
    sent = send(meta, reach, event)
    assert meta.sent[event.thread] == ["Hello"]
    (entry, answered) = echoes[0]
    assert answered == 0
    (echo,) = Messenger().parse(Request(method="POST", endpoint="e", body=bundle([entry]), received_at=START))
    assert (echo.own, echo.object_id, echo.echo_of) == (True, sent.ids[0], digest("k1"))
    assert Messenger().profile(Author(event.thread), reach).name == "Marta Lindqvist"


@pytest.mark.parametrize(("hours", "taken"), [(23, True), (25, False)])
def test_the_window_is_a_day(meta, reach, hours, taken):
    (event,) = read(meta.writes(meta.person("Marta"), PAGE, "Hi"))
    meta.clock.advance(hours * 3600)
    if taken:
        assert send(meta, reach, event).ids
    else:
        with pytest.raises(PermanentError, match="2018278"):
            send(meta, reach, event)


@pytest.mark.parametrize(("days", "taken"), [(6, True), (8, False)])
def test_with_the_tag_for_people_it_is_a_week(meta, reach, days, taken):
    (event,) = read(meta.writes(meta.person("Marta"), PAGE, "Hi"))
    meta.clock.advance(days * 86400)
    if taken:
        assert send(meta, reach, event, age=timedelta(days=6)).ids
    else:
        with pytest.raises(PermanentError, match="2018278"):
            send(meta, reach, event, age=timedelta(days=6))


def test_a_long_text_arrives_in_parts_that_messenger_takes(meta, reach):
    (event,) = read(meta.writes(meta.person("Marta"), PAGE, "Hi"))
    send(meta, reach, event, "A sentence of some length. " * 200)
    assert len(meta.sent[event.thread]) == 3


def test_the_inbox_of_each_page_knows_a_person_by_another_id(meta):
    marta = meta.person("Marta")
    one, other = read(meta.writes(marta, PAGE, "Hi"), meta.writes(marta, OTHER, "Hi"))
    assert (one.account, other.account) == (PAGE, OTHER)
    assert len({one.thread, other.thread, marta.id}) == 3


def test_edits_unsends_reactions_receipts_buttons_and_standby_are_read(meta):
    marta = meta.person("Marta")
    said = meta.writes(marta, PAGE, "Hi")
    found = read(
        said, meta.rewrites(said.id, "Hello"), meta.unsends(said.id), meta.likes(said.id), meta.reads(marta, PAGE),
        meta.presses(marta, PAGE, "Talk to support", "HELP"), meta.answers(marta, PAGE, "From the inbox"),
        meta.writes(marta, PAGE, "there?", standby=True),
        meta.writes(marta, PAGE, attachments=[meta.location(64.1, -21.9)]),
    )  # fmt: skip
    assert [(str(event.kind), event.own, event.no_automatic_reply) for event in found] == [
        ("message", False, ""), ("edit", False, ""), ("deletion", False, ""), ("reaction", False, ""),
        ("receipt", False, ""), ("message", False, ""), ("message", True, ""), ("message", False, "standby"),
        ("message", False, ""),
    ]  # fmt: skip
    assert {found[1].original, found[2].original} == {found[0].key}
    assert len({event.key for event in found}) == len(found)


def test_a_dead_token_and_anothers_page_are_refused(meta, http, reach):
    (event,) = read(meta.writes(meta.person("Marta"), PAGE, "Hi"))
    other = Reach(PAGE, {}, Secrets({"page_token": meta.token(OTHER)}), http, START, None, None)
    stranger = Reach(PAGE, {}, Secrets({"page_token": "guess"}), http, START, None, None)
    meta.revoke(OTHER)
    for wrong in (other, stranger):
        with pytest.raises(ConfigurationError, match="190"):
            send(meta, wrong, event)
    assert not meta.sent


def test_the_budget_of_calls_says_when_to_come_back(direct):
    with Meta({PAGE: "Northwind"}, clock=Clock(START, held=True), budget=1) as meta:
        http = with_hosts(direct, {GRAPH: meta.address})
        reach = Reach(PAGE, {}, Secrets({"page_token": meta.token(PAGE)}), http, START, None, None)
        (event,) = read(meta.comments(meta.person("Marta"), meta.posts(PAGE, "Autumn").id, "Hello"))
        publicly(meta, reach, say(event))
        meta.clock.advance(1800)
        with pytest.raises(TemporaryError) as caught:
            publicly(meta, reach, say(event))
        assert 1800 <= caught.value.after <= 1860
        meta.clock.advance(1801)
        publicly(meta, reach, say(event))


def test_files_are_given_away_while_their_link_is_good(meta, http):
    from deskwire.web.rest import Call

    link = meta.image("tent.png")["payload"]["url"]
    assert http(Call("GET", link)).body.startswith(b"\x89PNG")
    meta.clock.advance(90000)
    assert http(Call("GET", link)).status == 403


def test_the_page_for_people_shows_what_was_written_and_no_markup(meta, http):
    from urllib.request import urlopen

    told = meta.comments(meta.person("Marta"), meta.posts(PAGE, "Autumn").id, "<script>alert(1)</script> שלום")
    meta.writes(meta.person("Oona"), PAGE, "psst")
    with urlopen(meta.address) as answer:
        page = answer.read().decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert told.id in page
    assert "psst" in page


def test_a_persons_comment_can_be_hidden_and_shown_and_nothing_else(meta, reach):
    post = meta.posts(PAGE, "Autumn")
    told = meta.comments(meta.person("Marta"), post.id, "my phone is 555-0199")
    facebook = Facebook()
    for hidden in (True, True, False):
        facebook.moderate(told.id, reach, hidden=hidden)
        assert meta.things[told.id].hidden is hidden
    for other in (post.id, "122200000000501_1"):
        with pytest.raises(PermanentError):
            facebook.moderate(other, reach, hidden=True)


def test_bodies_are_escaped_as_meta_escapes_them():
    assert encode({"t": "Zürich @shop a/b <"}) == rb'{"t":"Z\u00fcrich \u0040shop a\/b \u003c"}'
    assert json.loads(encode({"t": "👍/@<"})) == {"t": "👍/@<"}


def test_a_question_has_quick_replies_and_a_pressed_one_comes_back(meta, reach, direct):
    marta = meta.person("Marta Lindqvist")
    (event,) = read(meta.writes(marta, PAGE, "Where is it?"))
    choices = [Choice(question_of("survey/1"), value) for value in "12345"]
    offers = tuple(Offer(each, f"{each.value} {'★' * int(each.value)}") for each in choices)
    asked = say(event, "How satisfied are you?", automatic=True, offers=offers)
    Messenger().send(asked, permit(Messenger(), Visibility.PRIVATE, meta, automatic=True), reach)
    assert "[4 ★★★★]" in with_hosts(direct, {GRAPH: meta.address})(Call("GET", f"https://{GRAPH}/")).body.decode()
    (pressed,) = read(meta.chooses(marta, PAGE, "4"))
    assert (pressed.choice, pressed.text, pressed.facts) == (choices[3], "4 ★★★★", {})
    many = say(event, "How satisfied are you?", automatic=True, offers=offers * 3)
    with pytest.raises(PermanentError, match="error 100"):
        Messenger().send(many, permit(Messenger(), Visibility.PRIVATE, meta, automatic=True), reach)
