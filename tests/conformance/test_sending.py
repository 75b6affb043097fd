"""C17: what is asked of the platform is exactly its own request, and each of its answers means what happens next."""

import copy

import pytest

from deskwire.care.measure import measure
from deskwire.contracts.channel import Offers
from deskwire.contracts.helpdesk import TicketGone
from deskwire.model.errors import ConfigurationError, DeskwireError, PermanentError, TemporaryError
from tests.conformance import world

OTHER_4XX = (400, 404, 413, 422)
OF_ACCOUNT = (300, 301, 302, 303, 307, 308, 401, 402, 403, 405, 406, 410, 411, 415, 423, 424, 431, 451)
AGAIN_LATER = (500, 502, 503, 504)


def failing(exchange, answer, *, number=-1):
    """Return the steps of an exchange whose last answer (or another) is another one."""
    steps = copy.deepcopy(exchange.data["steps"])
    if "mail" in steps[number]:
        pytest.skip("its last step sends a mail")
    steps[number]["answer"] = answer
    return steps


def error_of(exchange, answer):
    """Return the error of the call when its last request is answered so."""
    with pytest.raises(DeskwireError) as caught:
        world.played(exchange, failing(exchange, answer))
    return caught.value


@pytest.mark.rule("C17.exchange")
def test_an_exchange_is_played_exactly(exchange):
    wanted, script = exchange.data["result"], world.Script(exchange.data["steps"])
    found = world.described(attempted(exchange, script))
    assert len(script.calls) == len(exchange.data["steps"]), f"it asked less than the exchange has: {found}"
    if found is None:
        assert list(wanted.values()) == [None]
    elif "error" in found:
        assert found | wanted == found
    elif "replies" in found:
        assert len(found["replies"]) == len(wanted["replies"])
        assert all(full | some == full for full, some in zip(found["replies"], wanted["replies"], strict=True))
    else:
        assert found == wanted


def attempted(exchange, script):
    """Return the call's result, or the error or other end it came to."""
    try:
        return world.called(exchange, exchange.data, world.reach_of(exchange, script))
    except (DeskwireError, TicketGone) as end:
        return end


@pytest.mark.rule("C17.ability")
def test_each_ability_a_channel_claims_is_shown_by_an_exchange(channel):
    subject = world.connectors()[channel]
    calls = {item.call for item in world.exchanges(channel)}
    for name in ("send", "sent", "complete", "profile", "fetch", "poll", "moderate", "registration", "register"):
        if hasattr(subject, name):
            assert name in calls, f"no exchange shows `{name}`"


@pytest.mark.rule("C17.places")
def test_each_place_the_contract_sends_to_is_shown_by_an_exchange(replying_channel):
    shown = {
        world.place_of(item) for item in world.exchanges(replying_channel) if item.call == "send" and item.ends_well
    }
    places = world.connectors()[replying_channel].terms.places
    assert shown >= places.keys()
    with_files = {
        world.place_of(item)
        for item in world.exchanges(replying_channel)
        if item.call == "send" and item.ends_well and item.data["outgoing"].get("attachments")
    }
    assert with_files >= {place for place, rules in places.items() if rules.files is not None}


@pytest.mark.rule("C17.rate")
def test_too_many_requests_is_tried_again_when_the_platform_says(sending):
    error = error_of(sending, {"status": 429, "headers": {"Retry-After": "17"}, "body": {}})
    assert isinstance(error, TemporaryError)
    assert error.after == 17
    assert isinstance(error_of(sending, {"status": 429, "body": "slow down"}), TemporaryError)


@pytest.mark.rule("C17.outage")
def test_an_outage_is_tried_again(sending):
    for status in AGAIN_LATER:
        error = error_of(sending, {"status": status, "body": "<html>Bad Gateway</html>"})
        assert isinstance(error, TemporaryError), status
        assert error.ambiguous, f"{status}: it may have been sent"


@pytest.mark.rule("C17.timeout")
def test_a_lost_answer_is_in_doubt_and_an_unmade_connection_is_not(sending):
    assert error_of(sending, {"cut": True}).ambiguous
    error = error_of(sending, {"unreachable": True})
    assert isinstance(error, TemporaryError)
    if len(sending.data["result"]["sent"]["ids"]) == 1:
        assert not error.ambiguous


@pytest.mark.rule("C17.unread")
def test_an_answer_of_2xx_that_is_none_is_in_doubt(sending):
    """A proxy's page with status 200: it may have been sent."""
    error = error_of(sending, {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html></html>"})
    assert isinstance(error, TemporaryError)
    assert error.ambiguous


@pytest.mark.rule("C17.access")
def test_what_speaks_of_the_account_calls_a_person_and_refuses_no_message(sending):
    for status in OF_ACCOUNT:
        answer = {"status": status, "headers": {"Location": "https://evil.example"}, "body": {"error": "Suspended"}}
        assert isinstance(error_of(sending, answer), ConfigurationError), status
    page = {"status": 404, "headers": {"Content-Type": "text/html"}, "body": "<html>Not Found</html>"}
    assert isinstance(error_of(sending, page), ConfigurationError), "a web server's page"


@pytest.mark.rule("C17.fetched")
def test_a_page_of_404_does_not_say_that_a_customers_words_are_gone(completing):
    steps = completing.data["steps"]
    page = {"status": 404, "headers": {"Content-Type": "text/html"}, "body": "<html>Not Found</html>"}
    for number, step in enumerate(steps):
        found = attempted(completing, world.Script([*steps[:number], {**step, "answer": page}, *steps[number + 1 :]]))
        assert found is not None, f"request {number}"
        assert not isinstance(found, PermanentError), f"request {number}: {found}"


@pytest.mark.rule("C17.refused")
def test_any_other_refusal_is_final(sending):
    for status in OTHER_4XX:
        assert isinstance(error_of(sending, {"status": status, "body": {}}), PermanentError), status


@pytest.mark.rule("C17.halfway")
def test_what_failed_halfway_is_in_doubt(sending):
    """A text sent in pieces: when the last fails, the first are out, so nothing may be repeated unasked."""
    if len(sending.data["result"]["sent"]["ids"]) < 2:
        pytest.skip("sent in one piece")
    for answer in (
        {"status": 429, "body": {}},
        {"unreachable": True},
        {"status": 500, "body": {}},
        {"status": 401, "body": {}},
    ):
        assert error_of(sending, answer).ambiguous


@pytest.mark.rule("C17.earlier")
def test_an_outage_before_the_last_step_is_tried_again_too(sending):
    for number in range(len(sending.data["steps"]) - 1):
        for answer in ({"status": 503, "body": ""}, {"cut": True}, {"status": 429, "body": {}}):
            with pytest.raises(TemporaryError):
                world.played(sending, failing(sending, answer, number=number))


@pytest.mark.rule("C17.length")
def test_a_text_too_long_is_split_or_refused_by_the_platform_s_unit(sending):
    """Whatever is asked of the platform keeps its limit, and no piece cuts a character in two."""
    data = sending.data
    outgoing = world.built(world.Outgoing, data["outgoing"])
    limit = world.permit_of(sending, outgoing).limit
    for words in (
        "a" * (limit.most * limit.pieces + 1),
        "👩‍👩‍👧‍👦" * (limit.most * limit.pieces),
        "þ" * (limit.most + 1),
    ):
        sent = Recorder(data["steps"])
        try:
            world.connectors()[sending.connector].send(
                world.dataclasses.replace(outgoing, text=words),
                world.permit_of(sending, outgoing),
                world.dataclasses.replace(world.reach_of(sending, sent), mail=sent.mail),
            )
        except PermanentError:
            assert limit.pieces == 1 or measure(words, limit.unit) > limit.most * limit.pieces
            continue
        pieces = [text for text in sent.texts if set(text) & set(words)]
        assert pieces, "nothing of it was sent, and no error says so"
        assert len(pieces) <= limit.pieces
        for text in pieces:
            assert measure(text, limit.unit) <= limit.most
            assert not text.startswith("\u200d")
            assert not text.endswith("\u200d")


# ------------------------------------------------------------------------------------------------- choices


@pytest.mark.rule("C19.shown")
def test_a_question_is_shown_with_its_choices(chatting_channel):
    """Where the platform has buttons, each stands there with its title and with what comes back when it is pressed."""
    connector = world.connectors()[chatting_channel]
    assert isinstance(connector, Offers)
    asked = [item for item in world.exchanges(chatting_channel) if item.data.get("outgoing", {}).get("offers")]
    assert asked, "no exchange shows choices"
    for exchange in asked:
        outgoing = world.built(world.Outgoing, exchange.data["outgoing"])
        assert len(outgoing.offers) <= connector.offers.value.most
        assert len(outgoing.text) <= connector.offers.value.text
        said = [*strings([step["request"]["body"] for step in exchange.data["steps"]])]
        for offer in outgoing.offers:
            assert len(offer.title) <= connector.offers.value.title
            question, _, value = offer.choice.payload.rpartition(":")  # of some platforms in two fields
            whole = {offer.title, offer.choice.payload} <= {*said}
            assert whole or not said or {offer.title, question, value} <= {*said}


@pytest.mark.rule("C19.pressed")
def test_a_pressed_choice_is_read(chatting_channel):
    events = [each for each in world.expected_events(chatting_channel) if each.get("choice")]
    assert events, "no capture shows a choice that was pressed"
    for event in events:
        assert event["kind"] == "message"
        assert event["text"].strip()
        assert all("deskwire:" not in fact for fact in event["facts"].values())


# ------------------------------------------------------------------------------------------------- hiding


@pytest.mark.rule("C17.hiding")
def test_what_is_hidden_can_be_shown_again(moderating_channel):
    calls = [item for item in world.exchanges(moderating_channel) if item.call == "moderate"]
    assert {item.data["hidden"] for item in calls if item.ends_well} == {True, False}
    assert any(item.data["result"].get("error") == "PermanentError" for item in calls), "what may it not hide?"


@pytest.mark.rule("C17.unhidden")
def test_hiding_is_tried_again_where_it_may_work_later_and_refused_where_it_never_does(moderating):
    assert error_of(moderating, {"status": 429, "headers": {"Retry-After": "17"}, "body": {}}).after == 17
    for answer in ({"status": 503, "body": ""}, {"cut": True}, {"unreachable": True}, {"status": 200, "body": {}}):
        assert isinstance(error_of(moderating, answer), TemporaryError), answer
    for status in set(OF_ACCOUNT) - {403}:  # which may speak of the object
        assert isinstance(error_of(moderating, {"status": status, "body": {}}), ConfigurationError), status
    for status in OTHER_4XX:
        assert isinstance(error_of(moderating, {"status": status, "body": {}}), PermanentError), status


class Recorder:
    """Answers each request as the exchange's steps did, the last again and again, and keeps the texts."""

    def __init__(self, steps):
        self.steps = steps
        self.texts = []
        self.count = 0

    def answer(self):
        step = self.steps[min(self.count, len(self.steps) - 1)]
        self.count += 1
        assert self.count < 60
        return step["answer"]

    def __call__(self, call):
        body = world.fields_of(call)
        if call.method != "GET":
            self.texts += [text for text in strings(body) if len(text) > 20]
        return world.answered(self.answer())

    def fetch(self, call, hosts=()):
        raise AssertionError(f"sending downloads nothing, and not {call} from {hosts}")

    def mail(self, *, text, **_):
        self.texts.append(text)
        return self.answer()["id"]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
