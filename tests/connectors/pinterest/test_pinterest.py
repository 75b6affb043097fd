"""Pinterest's leads: the layouts that are tried, what a replay cannot do, and what an answer may look like."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskwire.channels.pinterest import Pinterest
from deskwire.model.errors import ConfigurationError, PayloadError, SignatureError, UnopenedError
from deskwire.model.events import Unreadable
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.verification import sealed
from deskwire.verification.rule import Context
from deskwire.web.request import Request

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
KEY, NONCE = b"invented-key-of-32-bytes-of-lead", b"twelve-bytes"
ANSWERS = [
    {"question_type": "FULL_NAME", "answer": "Ása Lindqvist"},
    {"question_type": "EMAIL", "answer": "Asa.Lindqvist@customer.example"},
    {"question_type": "CUSTOM", "custom_question_label": "Your question", "answer": "Is the cave open?"},
]
IDS = {"advertiser_id": "730044120017", "lead_form_id": "612004417790015533", "ad_id": "88", "lead_id": "1029384756001"}
RULE = Pinterest.verification


def key(value=KEY):
    return base64.b64encode(value).decode().rstrip("=")


def verified(body, *, secret=None, address="where"):
    """Return a delivery as the connector sees it."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method="POST", endpoint="p", body=body, query={"key": (address,)}, received_at=NOW)
    secrets = Secrets({"address_key": "where", "cryptographic_key": secret or key()})
    facts = RULE.verify(request, secrets, Context(NOW, http=lambda _: pytest.fail("it asks nobody")))
    return RULE.cleared(replace(request, facts=facts))


def events(body, **more):
    return list(Pinterest().parse(verified(body, **more)))


def encrypted(content, *, nonce=NONCE, data=None, by=KEY):
    """Return (ciphertext, tag)."""
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    done = AESGCM(by).encrypt(nonce, plain, data)
    return done[:-16], done[-16:]


def text(*parts):
    return base64.b64encode(b"".join(parts)).decode()


def lead(content=None, **more):
    words, tag = encrypted({"answers": ANSWERS} if content is None else content, **more)
    return IDS | {"lead": text(more.get("nonce", NONCE), words, tag)}


def test_the_vector_of_the_gcm_specification_opens():
    """Test case 14 of “The Galois/Counter Mode of Operation” (McGrew and Viega): AES-256, all of zeros."""
    value = bytes(12) + bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
    found = json.loads(verified([{"answer": text(value)}], secret=key(bytes(32))).body)
    assert found["items"][0]["opened"] == [{"at": "answer", "beside": {}, "value": "\x00" * 16}]


def layouts():
    """Yield (name, delivery) of each way in which a lead may be sealed."""
    content = {"answers": ANSWERS}
    words, tag = encrypted(content)
    long = b"sixteen-bytes-iv"
    long_words, long_tag = encrypted(content, nonce=long)
    whole = NONCE + b"".join(encrypted([IDS | content]))
    yield "nonce, ciphertext, tag", [IDS | {"x": text(NONCE, words, tag)}]
    yield "nonce, tag, ciphertext", [IDS | {"x": text(NONCE, tag, words)}]
    yield "ciphertext, tag, nonce", [IDS | {"x": text(words, tag, NONCE)}]
    yield "a nonce of 16 bytes", [IDS | {"x": text(long, long_words, long_tag)}]
    yield "a nonce of 16 bytes, then the tag", [IDS | {"x": text(long, long_tag, long_words)}]
    yield "without padding", [IDS | {"x": text(NONCE, words, tag).rstrip("=")}]
    yield "base64url", [IDS | {"x": base64.urlsafe_b64encode(NONCE + words + tag).decode().rstrip("=")}]
    yield "hexadecimal", [IDS | {"x": (NONCE + words + tag).hex()}]
    yield "base64 in lines", [IDS | {"x": base64.encodebytes(NONCE + words + tag).decode()}]
    yield "three parts", [IDS | {"x": ".".join(map(text, (NONCE, words, tag)))}]
    yield "three parts, the tag before", [IDS | {"x": ":".join(each.hex() for each in (NONCE, tag, words))}]
    yield "two parts", [IDS | {"x": f"{text(NONCE)}:{text(words, tag)}"}]
    yield "a nonce beside it", [IDS | {"x": text(words, tag), "iv": text(NONCE)}]
    yield "a nonce and a tag beside it", [IDS | {"x": text(words), "nonce": text(NONCE), "auth_tag": text(tag)}]
    yield "a tag beside it", [IDS | {"x": text(NONCE, words), "tag": text(tag)}]
    yield "an object of three", [IDS | {"x": {"iv": text(NONCE), "data": text(words), "tag": text(tag)}}]
    yield "the lead's id as additional data", [lead(data=IDS["lead_id"].encode())]
    yield "one lead and no list", lead()
    yield "leads as texts", [text(NONCE, *encrypted(IDS | content))]
    yield "the whole body, as text", text(whole).encode()
    yield "the whole body, as text in JSON", text(whole)
    yield "the whole body, as bytes", whole
    yield "each answer", [IDS | {"answers": [_sealed(each, number) for number, each in enumerate(ANSWERS)]}]
    yield "each answer with its nonce", [IDS | {"answers": [_apart(each, n) for n, each in enumerate(ANSWERS)]}]


def _one(answer, number):
    nonce = b"nonce-no-%03d" % number
    return text(nonce, *encrypted(answer.encode(), nonce=nonce))


def _sealed(each, number):
    return each | {"answer": _one(each["answer"], number)}


def _apart(each, number):
    nonce = b"nonce-no-%03d" % number
    words, tag = encrypted(each["answer"].encode(), nonce=nonce)
    return each | {"answer": text(words, tag), "iv": text(nonce)}


@pytest.mark.parametrize(("delivery"), [pytest.param(found, id=name) for name, found in layouts()])
def test_each_layout_becomes_the_same_message_and_opens_with_no_other_key(delivery):
    (event,) = events(delivery)
    assert (event.text, event.subject, event.author.name) == ("Is the cave open?", "Your question", "Ása Lindqvist")
    assert event.author.id == event.author.email == "asa.lindqvist@customer.example"
    assert event.object_id == "1029384756001"
    with pytest.raises(UnopenedError):
        verified(delivery, secret=key(b"another-invented-key-of-32-bytes"))


@pytest.mark.parametrize("written", [key(), key() + "=", key().replace("/", "_").replace("+", "-"), KEY.hex()])
def test_the_key_is_taken_as_it_may_be_written(written):
    assert events([lead()], secret=written)


def test_flat_answers_sealed_one_by_one_are_named_by_their_fields():
    flat = {"FULL_NAME": "Ása Lindqvist", "EMAIL": "asa@customer.example", "Your question": "Open?"}
    sealed_each = {name: _one(value, number) for number, (name, value) in enumerate(flat.items())}
    (event,) = events([IDS | sealed_each])
    assert (event.text, event.author.name, event.author.email) == ("Open?", "Ása Lindqvist", "asa@customer.example")
    trios = {}
    for number, (name, value) in enumerate(flat.items()):
        nonce = b"nonce-no-%03d" % number
        words, tag = encrypted(value.encode(), nonce=nonce)
        trios[name] = {"nonce": text(nonce), "ciphertext": text(words), "tag": text(tag)}
    (again,) = events([IDS | trios])
    assert (again.text, again.author, again.key) == (event.text, event.author, event.key)


# ---------------------------------------------------------------------------------------- who is let in


def test_a_stranger_is_no_fault_of_the_configuration():
    """Who does not know the address is refused like any forger: nobody is called for what anybody can send."""
    for address in ("", "elsewhere"):
        with pytest.raises(SignatureError) as caught:
            verified([lead(by=b"another-invented-key-of-32-bytes")], address=address)
        assert not isinstance(caught.value, UnopenedError)


def test_a_stranger_rings_for_no_key_that_is_not_stored_yet():
    request = Request(method="POST", endpoint="p", body=b"[]", query={"key": ("guessed",)}, received_at=NOW)
    context = Context(NOW, http=lambda _: pytest.fail("it asks nobody"))
    with pytest.raises(SignatureError):
        RULE.verify(request, Secrets({"address_key": "where"}), context)
    with pytest.raises(ConfigurationError, match="cryptographic_key"):
        RULE.verify(replace(request, query={"key": ("where",)}), Secrets({"address_key": "where"}), context)


@pytest.mark.parametrize("secret", ["too-short", key(KEY[:16]), "not base64 at all!"])
def test_a_key_that_is_none_opens_nothing(secret):
    with pytest.raises(UnopenedError, match="cryptographic_key"):
        verified([lead()], secret=secret)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b"7", b"[7]", b'[{"lead_id": "1"}]', b"[[]]", b'"x"', b"\xff"]
)
def test_what_holds_nothing_sealed_is_not_let_in(body):
    with pytest.raises(UnopenedError):
        verified(body)


def test_one_lead_that_does_not_open_holds_back_the_delivery():
    """Pinterest then sends all of it again: a lead beside a genuine one is not taken on its word."""
    forged = {"lead_id": "1029384756009", "answers": [{"question_type": "EMAIL", "answer": "mallory@example.org"}]}
    for leads in ([lead(), forged], [forged, lead()]):
        with pytest.raises(UnopenedError, match="nothing of item"):
            verified(leads)


def test_a_weaker_tag_is_none():
    words, tag = encrypted({"answers": ANSWERS})
    for length in (4, 8, 12, 15):
        with pytest.raises(UnopenedError):
            verified([IDS | {"x": text(words), "iv": text(NONCE), "tag": text(tag[:length])}])


def test_a_delivery_costs_no_more_than_its_attempts(monkeypatch):
    monkeypatch.setattr(sealed, "MOST_ATTEMPTS", 400)
    assert events([lead()])
    with pytest.raises(UnopenedError, match="more than 400 attempts"):
        verified([{f"n{number}": text(bytes(60)) for number in range(100)} | lead()])
    with pytest.raises(UnopenedError, match="1 to 200 items"):
        verified([lead()] * 201)


# ------------------------------------------------------------------------------------ what a replay cannot do


def test_answers_sent_again_under_another_id_stay_in_their_own_thread():
    (first,), (again,) = events([lead()]), events([lead() | {"lead_id": "999", "ad_id": "1", "lead_form_id": "2"}])
    assert first.thread == again.thread
    assert first.key != again.key


def test_other_answers_under_the_id_of_a_lead_do_not_get_into_its_thread():
    other = [{"question_type": "EMAIL", "answer": "other@customer.example"}, *ANSWERS[2:]]
    (first,), (second,) = events([lead()]), events([lead({"answers": other})])
    assert first.object_id == second.object_id
    assert first.thread != second.thread
    assert first.key != second.key


def test_an_id_that_was_sealed_is_the_thread_and_the_one_beside_it_counts_for_nothing():
    inside = {"answers": ANSWERS, "lead_id": "1029384756001", "created_time": 1764500000000}
    (first,), (again,) = events([lead(inside)]), events([lead(inside) | {"lead_id": "999"}])
    assert first.thread == first.object_id == "1029384756001"
    assert first.key == again.key
    assert first.occurred_at == datetime(2025, 11, 30, 10, 53, 20, tzinfo=UTC)


def test_words_that_were_not_sealed_are_nobodys():
    forged = {"answers": [{"question_type": "CUSTOM", "answer": "Refund Mallory"}], "full_name": "Mallory",
              "ad_id": "Refund Mallory", "created_time": 4102444800}  # fmt: skip
    (event,) = events([lead() | forged])
    assert "Mallory" not in json.dumps([event.text, event.subject, dict(event.facts), event.author.name])
    assert event.occurred_at is None


# -------------------------------------------------------------------------------------------------- answers


def answered(*answers):
    (event,) = events([lead({"answers": list(answers)})])
    return event


def test_answers_are_lines_unless_one_question_alone_is_not_about_the_person():
    event = answered(
        {"question_type": "EMAIL", "answer": "a@customer.example"},
        {"label": "Which rooms?", "answers": ["Sea", "Garden"]},
        {"label": "How many", "value": 3},
    )
    assert event.text == "Email: a@customer.example\nWhich rooms? Sea, Garden\nHow many: 3"
    assert event.subject == ""


@pytest.mark.parametrize("flag", ["is_test", "test_lead"])
def test_a_sealed_flag_marks_a_test_and_is_no_answer(flag):
    (event,) = events([lead({"full_name": "Ása Lindqvist", flag: True})])
    assert event.facts["Test"] == "yes"
    assert "Answer" not in event.text
    (event,) = events([lead({"full_name": "Ása Lindqvist", flag: False})])
    assert "Test" not in event.facts


def test_a_lead_that_names_no_advertisement_may_be_a_test():
    (event,) = events([{name: value for name, value in lead().items() if name != "ad_id"}])
    assert event.facts["Test"] == "perhaps, it names no advertisement"
    (event,) = events([lead()])
    assert "Test" not in event.facts


def test_an_answer_without_a_question_and_an_empty_one():
    event = answered({"answer": "Only words"}, {"question_type": "CITY", "answer": " "}, {"question_type": "AGE"})
    assert event.text == "Only words"
    assert event.author.id == f"lead.{event.thread}"


def test_an_object_of_answers_by_name():
    (event,) = events(
        [lead({"first_name": "Ása", "last_name": "Lindqvist", "phone_number": "(555) 0142", "lead_id": "7"})]
    )
    assert (event.author.name, event.author.id, event.author.phone) == ("Ása Lindqvist", "5550142", "5550142")
    assert event.text == "First name: Ása\nLast name: Lindqvist\nPhone number: (555) 0142"


def test_what_is_no_address_is_shown_and_identifies_nobody():
    event = answered({"question_type": "EMAIL", "answer": "none of your business"}, {"label": "x", "answer": "Hello"})
    assert event.author.email == ""
    assert event.facts["Form field “Email”"] == "none of your business"


@pytest.mark.parametrize("odd", [True, {"text": "x"}, [["x"]], [None]])
def test_an_answer_of_another_shape_is_parked(odd):
    (found,) = events([lead({"answers": [{"label": "Your question", "answer": odd}]})])
    assert isinstance(found, Unreadable)


def test_what_opens_and_is_no_lead_is_parked():
    for content in (b"{", b"words", b'{"answers": []}', b'["words"]'):
        (found,) = events(text(NONCE, *encrypted(content)))
        assert isinstance(found, Unreadable)


def test_a_body_that_was_not_opened_is_no_delivery():
    request = Request(method="POST", endpoint="p", body=json.dumps([lead()]).encode(), received_at=NOW)
    with pytest.raises(PayloadError):
        list(Pinterest().parse(request))
