"""WhatsApp: what its documentation promises, and the traps of its webhooks, by name."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.whatsapp import WhatsApp
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Refusal
from deskwire.families.whatsapp.errors import explained
from deskwire.families.whatsapp.people import spellings
from deskwire.families.whatsapp.sending import declared, template
from deskwire.model.errors import PermanentError
from deskwire.model.events import Kind, Unreadable, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.registry import channel
from deskwire.verification.rule import Context
from deskwire.web.reading import Node
from deskwire.web.request import Request
from deskwire.web.rest import Answer

NUMBER, INES = "440000000000012", "491705550133"
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def parsed(*values, field="messages", **more):
    head = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}}
    changes = [{"field": field, "value": {**head, **value}} for value in values]
    body = {"object": "whatsapp_business_account", "entry": [{"id": "33", "changes": changes, **more}]}
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    return list(WhatsApp().parse(request))


def message(kind="text", content=None, number=INES, **more):
    said = {"body": "Hi"} if content is None else content
    return {"id": "wamid.1", "from": number, "timestamp": "1788221104", "type": kind, kind: said, **more}


def test_a_vector_from_outside_verifies_on_this_channel():
    """The published example of the header, see test_meta.py."""
    request = Request(
        method="POST", endpoint="e", body=b"Hello, World!", received_at=NOW,
        headers={"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    )  # fmt: skip
    secrets = Secrets({"app_secret": "It's a Secret to Everybody"})
    assert WhatsApp.verification.verify(request, secrets, Context(NOW, None)) == {}


def test_it_is_found_by_its_name():
    assert channel("whatsapp").title == "WhatsApp"


@pytest.mark.parametrize(
    ("one", "other"),
    [("5511987650143", "551187650143"), ("5215512345678", "525512345678"), ("5491112345678", "541112345678")],
)
def test_a_number_in_its_two_spellings_is_one_person_and_the_key_stays_as_it_came(one, other):
    assert spellings(one) == (other,)
    assert spellings(other) == (one,)
    (event,) = parsed({"messages": [message(number=one)]})
    assert (event.thread, event.aliases) == (one, (other,))


@pytest.mark.parametrize("number", ["491705550133", "551133224455", "3545550142", "521234"])
def test_other_numbers_have_one_spelling(number):
    assert spellings(number) == ()


def test_names_are_matched_by_number_and_id_and_not_by_position():
    people = [{"wa_id": "1555000", "profile": {"name": "Other"}}, {"wa_id": INES, "profile": {"name": "Ines"}}]
    (event,) = parsed({"contacts": people, "messages": [message()]})
    assert event.author.name == "Ines"
    (event,) = parsed({"contacts": people[:1], "messages": [message()]})
    assert event.author.name == ""


def test_a_message_of_nobody_is_put_aside_and_the_rest_goes_on():
    found = parsed({"messages": [message(), {"id": "wamid.2", "type": "text", "text": {"body": "x"}}]})
    assert [isinstance(each, Unreadable) for each in found] == [False, True]


def test_a_change_without_a_value_does_not_stop_its_siblings():
    value = {"metadata": {"phone_number_id": NUMBER}, "messages": [message()]}
    changes = [{"field": "messages"}, {"field": "messages", "value": value}]
    entries = [7, {"id": "33", "changes": "odd"}, {"id": "33", "changes": changes}]
    body = {"object": "whatsapp_business_account", "entry": entries}
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    found = list(WhatsApp().parse(request))
    assert [isinstance(each, Unreadable) for each in found] == [True, True, True, False]


ODD = (None, 0, "odd", [], {}, [None], True, 1.5)
SECONDARY = ("context", "referral", "errors", "timestamp", "group_id", "from_user_id", "id", "identity")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", SECONDARY)
def test_an_odd_secondary_field_never_costs_the_words(name, odd):
    (event,) = parsed({"messages": [message(**{name: odd})], "contacts": odd})
    assert (event.kind, event.text) == (Kind.MESSAGE, "Hi")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "kind", ["text", "image", "location", "contacts", "button", "interactive", "order", "unsupported", "new", "edit"]
)
def test_an_odd_content_has_a_line_all_the_same(kind, odd):
    (event,) = parsed({"messages": [message(kind, odd) if odd is not None else {**message(kind), kind: None}]})
    assert event.kind is Kind.MESSAGE
    assert event.text.strip()


@pytest.mark.parametrize("answers", ['{"a": "b"}', {"a": "b"}])
def test_a_form_is_read_whether_its_answers_are_text_or_an_object(answers):
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": answers}}
    (event,) = parsed({"messages": [message("interactive", reply)]})
    assert event.text == "[a form was sent]\na: b"


def test_only_a_changed_number_or_id_gives_a_thread_other_names():
    system = {"type": "user_changed_number", "wa_id": "491705550199", "body": "…"}
    (changed,) = parsed({"messages": [message("system", system)]})
    assert (changed.thread, changed.aliases, changed.dismissed) == (INES, ("491705550199",), "")
    (other,) = parsed(
        {"messages": [message("system", {"type": "customer_identity_changed", "identity": "hash", "customer": INES})]}
    )
    assert (other.aliases, other.dismissed) == ((), "state")


@pytest.mark.parametrize(
    ("status", "kind"), [("sent", Kind.RECEIPT), ("read", Kind.RECEIPT), ("failed", Kind.UNDELIVERED)]
)
def test_of_statuses_only_a_failed_one_is_more_than_counted(status, kind):
    (event,) = parsed({"statuses": [{"id": "wamid.9", "status": status, "recipient_id": INES, "errors": "odd"}]})
    assert (event.kind, event.object_id, event.aliases) == (kind, "wamid.9", ())
    assert bool(event.dismissed) is (status != "failed")


def test_a_failure_says_why_by_its_code_and_never_nothing():
    assert "24 hours" in explained(Node({"code": 131047, "title": "Re-engagement message"}))
    assert explained(Node({"code": 7, "title": "New"})) == "New (error 7)"
    assert explained(Node({})) == "WhatsApp gives no reason"


def test_a_thousand_updates_are_read_in_a_moment():
    many = [message(id=f"wamid.{number}") for number in range(1000)]
    found = parsed({"messages": many})
    assert len({event.key for event in found}) == 1000


def test_an_alert_of_the_account_calls_a_person_and_an_approval_does_not():
    def told(name, **value):
        (event,) = parsed(value, field=name, time=1788221800)
        return event.kind, bool(event.attention)

    assert told("account_update", event="DISABLED_UPDATE") == (Kind.STATE, True)
    assert told("account_alerts", alert_info={"alert_severity": "CRITICAL"}) == (Kind.STATE, True)
    assert told("message_template_status_update", event="APPROVED") == (Kind.STATE, False)
    assert told("history", history=[]) == (Kind.OTHER, False)


class Graph:
    """Answers as the interface does, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, call):
        self.asked.append(json.loads(call.body))
        status, body = self.answers.pop(0)
        return Answer(status, {}, json.dumps(body).encode())


SENT = (200, {"messages": [{"id": "wamid.new"}]})
REFUSED = (500, {"error": {"code": 131000}})


def sent(graph, text, *, hours=1, automatic=False, **settings):
    outgoing = Outgoing(
        key="k", account=NUMBER, thread=INES, visibility=Visibility.PRIVATE, text=text, automatic=automatic,
        recipient=INES, context={"to": INES, "message": "wamid.1"},
    )  # fmt: skip
    permit = WhatsApp.terms.permit(
        Visibility.PRIVATE, automatic=automatic, last_inbound=NOW - timedelta(hours=hours), now=NOW
    )
    reach = Reach(
        account=NUMBER, settings=settings, secrets=Secrets({"access_token": "t"}), http=graph, now=NOW, mail=None,
        remember=None,
    )  # fmt: skip
    return WhatsApp().send(outgoing, permit, reach)


def test_past_the_window_only_a_template_goes_out_and_the_note_offers_them():
    graph = Graph(SENT)
    with pytest.raises(PermanentError, match=r"24 hours.*#template order_sent en_GB"):
        sent(graph, "Sorry!", hours=25, templates="order_sent en_GB")
    assert graph.asked == []
    found = sent(graph, "#template order_sent en_GB | Ines | 4471", hours=25, templates="order_sent en_GB")
    assert found.ids == ("wamid.new",)
    parameters = [{"type": "text", "text": "Ines"}, {"type": "text", "text": "4471"}]
    assert graph.asked[0]["template"] == {
        "name": "order_sent",
        "language": {"code": "en_GB"},
        "components": [{"type": "body", "parameters": parameters}],
    }


def test_past_the_window_nothing_is_sent_automatically():
    terms = WhatsApp.terms
    found = terms.permit(Visibility.PRIVATE, automatic=True, last_inbound=NOW - timedelta(hours=25), now=NOW)
    assert isinstance(found, Refusal)


@pytest.mark.parametrize("marked", [(200, {"success": True}), REFUSED])
def test_an_answer_marks_as_read_where_that_is_wanted_and_goes_out_whatever_comes_of_it(marked):
    graph = Graph(marked, SENT)
    assert sent(graph, "Hello", mark_as_read="yes").ids == ("wamid.new",)
    assert graph.asked[0] == {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"}
    graph = Graph(SENT)
    sent(graph, "Hello")
    assert graph.asked[0]["type"] == "text"


def test_an_automatic_text_marks_nothing_as_read_and_is_no_template():
    graph = Graph(SENT)
    sent(graph, "#template a b", automatic=True, mark_as_read="yes")
    assert [each["type"] for each in graph.asked] == ["text"]


TEMPLATES = declared("order_sent en_GB, hello_again de,, broken")


def test_templates_are_declared_by_name_and_language():
    assert TEMPLATES == [("order_sent", "en_GB"), ("hello_again", "de")]
    assert template("Please use #template x", TEMPLATES) is None


@pytest.mark.parametrize("text", ["#template", "#template order_sent", "#template order_sent de", "#template x y z"])
def test_a_template_that_is_none_is_refused_with_those_that_there_are(text):
    with pytest.raises(PermanentError, match=r"#template order_sent en_GB, #template hello_again de"):
        template(text, TEMPLATES)
