"""WhatsApp: what its documentation promises, and the traps of its webhooks, by name."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.whatsapp import WhatsApp
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Refusal
from deskwire.families.whatsapp.errors import explained
from deskwire.families.whatsapp.people import changed, spellings
from deskwire.families.whatsapp.sending import declared, template
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Kind, Unreadable, Visibility
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
    found = parsed({"contacts": people[:1], "messages": [message(), message(number="1555000", id="wamid.2")]})
    assert [event.author.name for event in found] == ["", "Other"]


def test_the_only_contact_names_the_only_sender_also_where_its_id_is_not_their_number():
    """Meta's pages: “a WhatsApp user's phone number and ID may not always match”."""
    (event,) = parsed({"contacts": [{"wa_id": "1555000", "profile": {"name": "Ines"}}], "messages": [message()]})
    assert (event.author.name, event.author.id, event.thread, event.aliases) == ("Ines", INES, INES, ())


def test_the_only_contact_names_neither_of_two_senders_without_a_number():
    """People who hide their number write without `from`: the business-scoped ids tell them apart."""
    senders = [message(number=None, from_user_id=f"DE.{each}", id=f"wamid.{each}") for each in (1, 2)]
    found = parsed({"contacts": [{"user_id": "DE.3", "profile": {"name": "Ines"}}], "messages": senders})
    assert [(event.author.id, event.author.name) for event in found] == [("DE.1", ""), ("DE.2", "")]


def test_calls_are_told_apart_where_the_delivery_has_no_time():
    calls = [{"id": f"wacid.{number}", "event": "connect", "timestamp": "1788221104"} for number in (1, 2)]
    (one,), (other,), (again,) = (parsed({"calls": [call]}, field="calls") for call in (*calls, calls[0]))
    assert one.object_id == again.object_id != other.object_id


def call(**more):
    return {"id": "wacid.1", "event": "terminate", "direction": "USER_INITIATED", "from": INES, "to": "4930555010",
            "timestamp": "1788221204", **more}  # fmt: skip


def called(*calls, **more):
    about = {"phone_number_id": NUMBER, "display_phone_number": "+49 30 555010"}
    return parsed({"metadata": about, "calls": [*calls], **more}, field="calls")


@pytest.mark.parametrize("status", ["FAILED", "COMPLETED", ["Failed"], None])
@pytest.mark.parametrize("ends", [{}, {"from": "4930555010", "to": INES}])
def test_a_call_that_nobody_picked_up_is_a_message_of_the_customer_s(status, ends):
    (event,) = called(call(status=status, **ends))
    assert (event.kind, event.text, event.author.id, event.thread) == (Kind.MESSAGE, "[missed call]", INES, INES)
    assert (event.object_id, event.occurred_at) == ("wacid.1", datetime(2026, 9, 1, 0, 6, 44, tzinfo=UTC))
    assert event.keep == {"to": INES}  # a call can be neither quoted nor marked as read
    assert not event.dismissed


@pytest.mark.parametrize(
    "more",
    [
        {"start_time": "1788221204", "end_time": "1788221224", "duration": 20},
        {"start_time": "1788221204", "status": "FAILED"},  # it broke off, but they spoke
        {"direction": "BUSINESS_INITIATED"},
        {"direction": None},
        {"event": "connect"},
        {"from": None, "to": None},
    ],
)
def test_every_other_call_is_counted(more):
    (event,) = called(call(**more))
    assert event.dismissed


def test_a_caller_who_hides_their_number_is_known_by_their_id():
    (event,) = called(call(**{"from": None, "from_user_id": "DE.1"}))
    assert (event.thread, event.keep) == ("DE.1", {"user_id": "DE.1"})


def test_a_missed_call_among_others_is_filed_and_they_are_counted():
    found = called(call(), call(id="wacid.2", event="connect"))
    assert [(event.text, bool(event.dismissed)) for event in found] == [("[missed call]", False), ("[calls]", True)]


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


@pytest.mark.parametrize(
    ("answers", "shown"), [("[1, 2]", "Answer: [1, 2]"), ("true", "Answer: true"), ("{", "Answer: {")]
)
def test_a_form_s_answers_of_another_shape_are_shown_as_they_came(answers, shown):
    reply = {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": answers}}
    (event,) = parsed({"messages": [message("interactive", reply)]})
    assert event.text == f"Sent\n{shown}"


def test_an_address_is_read_line_by_line():
    answers = json.dumps({"saved_address_id": "a1", "values": {"city": "Mumbai", "landmark_area": ""}})
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "address_message", "response_json": answers}}
    (event,) = parsed({"messages": [message("interactive", reply)]})
    assert event.text == "[a form was sent]\nsaved_address_id: a1\ncity: Mumbai"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("User Ines changed from 491705550133 to 491705550199", ("491705550133", "491705550199")),
        ("User x changed from 123 to changed from DE.old1 to DE.ENT.new1", ("DE.old1", "DE.ENT.new1")),
        ("User x changed from 491705550133 to 491705550199 again", ("", "")),
        ("User x changed from here to there", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_ids_of_a_change_are_read_at_the_end_of_its_text_where_no_customer_writes(text, ids):
    assert changed(text) == ids


def test_a_changed_user_id_that_names_nobody_is_put_aside():
    (found,) = parsed({"user_id_update": [{"detail": "…", "timestamp": "1788221522"}]}, field="user_id_update")
    assert isinstance(found, Unreadable)


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


def test_a_thousand_updates_of_a_thousand_people_are_told_apart():
    people = [f"4917055{number:05d}" for number in range(1000)]
    contacts = [{"wa_id": number, "profile": {"name": f"Name {number}"}} for number in reversed(people)]
    found = parsed({"contacts": contacts, "messages": [message(number=each, id=f"wamid.{each}") for each in people]})
    assert [(event.thread, event.author.name) for event in found] == [(each, f"Name {each}") for each in people]


def test_several_numbers_in_a_body_are_several_accounts():
    head = {"messaging_product": "whatsapp"}
    changes = [
        {"field": "messages", "value": {**head, "metadata": {"phone_number_id": number}, "messages": [message()]}}
        for number in ("1001", 1002)
    ]
    body = {"object": "whatsapp_business_account", "entry": [{"id": "33", "changes": changes}]}
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    assert [event.account for event in WhatsApp().parse(request)] == ["1001", "1002"]


@pytest.mark.parametrize("odd", [*ODD, {"standby": {}}, {"standby": 7}])
@pytest.mark.parametrize(
    "field", ["history", "smb_app_state_sync", "account_update", "calls", "standby", "smb_message_echoes", "new", None]
)
def test_a_field_in_which_nobody_wrote_is_counted_whatever_it_holds(field, odd):
    body = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": field or "flows", "value": odd}]}]}
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW)
    (event,) = WhatsApp().parse(request)
    assert event.dismissed


def test_an_odd_list_costs_its_siblings_nothing():
    found = parsed({"statuses": 7, "messages": [message()]})
    assert [isinstance(each, Unreadable) for each in found] == [False, True]


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


PICTURE = Attachment(AttachmentKind.IMAGE, "https://files.example/a.jpg")


def sent(graph, text, *, hours=1, automatic=False, files=(), **settings):
    outgoing = Outgoing(
        key="k", account=NUMBER, thread=INES, visibility=Visibility.PRIVATE, text=text, automatic=automatic,
        recipient=INES, context={"to": INES, "message": "wamid.1"}, attachments=files,
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


def test_past_the_window_an_answer_goes_out_in_the_template_of_the_rule():
    graph = Graph(SENT)
    sent(graph, "Sorry!\n\nIt  is\ton its way.", hours=25, template_when_closed="answer en_GB")
    (parameters,) = (each["parameters"] for each in graph.asked[0]["template"]["components"])
    assert graph.asked[0]["template"]["name"] == "answer"
    assert parameters == [{"type": "text", "text": "Sorry! It is on its way."}]
    graph = Graph(SENT)
    sent(graph, "Sorry!", template_when_closed="answer en_GB")
    assert graph.asked[0]["type"] == "text"


@pytest.mark.parametrize(("text", "files"), [("x" * 1025, ()), ("Look", (PICTURE,))])
def test_what_fits_in_no_template_is_refused_past_the_window(text, files):
    graph = Graph()
    with pytest.raises(PermanentError):
        sent(graph, text, hours=25, files=files, template_when_closed="answer en_GB")


def test_a_template_in_the_window_loses_no_file():
    graph = Graph(SENT, SENT)
    sent(graph, "#template order_sent en_GB", files=(PICTURE,), templates="order_sent en_GB")
    assert [each["type"] for each in graph.asked] == ["template", "image"]


@pytest.mark.parametrize(
    ("error", "ambiguous"),
    [({"code": 131057}, False), ({"code": 7, "is_transient": True}, False), ({"code": 131000}, True)],
)
def test_what_passes_by_itself_is_tried_again(error, ambiguous):
    with pytest.raises(TemporaryError) as caught:
        sent(Graph((400, {"error": error})), "Hello")
    assert caught.value.ambiguous is ambiguous


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


@pytest.mark.parametrize(
    "written", ["3545550100", "+354 555-0100", " 00354 555 0100 ", "+354\u2011555\u20110100", "(354) 555.0100"]
)
@pytest.mark.parametrize("name", ["whatsapp", "whatsappaws"])
def test_who_is_to_be_erased_is_found_however_their_number_is_written(name, written):
    assert channel(name).identity(written) == "3545550100"
    assert channel(name).identity(" US.ENT.aB3x ") == "US.ENT.aB3x"
