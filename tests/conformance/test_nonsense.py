"""C9, C10, C13: whatever comes, nothing breaks, nothing is dropped and no word is harmed."""

import dataclasses
import json
import random
from functools import cache

import pytest

from deskwire.contracts.channel import Rejects
from deskwire.letters import content_in, stored
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Kind, Unreadable
from deskwire.model.signals import Signal
from tests.conformance import mutations, world

NONSENSE = [
    b"", b" ", b"{", b"}", b"null", b"true", b"0", b"[]", b"{}", b'""', b"[null]", b"[[]]", b"[{}]", b"{}{}",
    b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a": \xff}', b"[" * 100_000, b'{"a":' * 5_000, b"1" * 100_000,
    b'{"a": 1, "a": 2}', b'{"data": NaN}', b"-Infinity", b'{"data": {"id": 1e400}}', b'"\\ud800"',
    b'{"object": "page", "entry": {}}', b'{"entry": null}', b'{"data": [[[[]]]]}', b"<xml/>", b"a=1&b=2",
    "Ⅷ".encode(), b"\x00", b'{"\\u0000": "\\u0000"}',
]  # fmt: skip

# What a wrong program would send. Drawn by a seeded generator: hypothesis takes thirty times as long for the same.
LEAVES = (
    None, True, False, 0, -1, 1, 7, 2**31, -(2**63), 10**40, 0.5, -1e-9, 1e308, "", " ", "a", "0", "-1", "1e9", "null",
    "\x00", "\x1b[2J", "\u202e", "\u0660\u0661", "é", "👍🏽", "\ud83d", "2026-02-30T25:61:61Z", "x" * 5000, "{}", "https://",
)  # fmt: skip
EXAMPLES = 25  # of each capture


def any_json(chance, depth=3):
    """Return some JSON: a leaf, or a list or an object of some."""
    shape = chance.random() if depth else 1.0
    if shape < 0.2:
        return [any_json(chance, depth - 1) for _ in range(chance.randrange(5))]
    if shape < 0.4:
        return {str(chance.choice(LEAVES)): any_json(chance, depth - 1) for _ in range(chance.randrange(5))}
    return chance.choice(LEAVES)


def outcome(connector, request):
    """Return (events, unreadable, refused): anything but events, fragments and `PayloadError` is a crash."""
    found = []
    try:
        for item in world.connectors()[connector].parse(request):
            found.append(item)  # noqa: PERF402 - what came before a PayloadError counts
    except PayloadError:
        return found, True
    for item in found:
        assert isinstance(item, Event | Signal | Unreadable)
        if not isinstance(item, Unreadable):
            text = json.dumps(item.to_json())
            text.encode("ascii")
            json.dumps(item.raw)
            assert content_in(stored(item)).key == item.key
            item.key.encode()
    return found, False


def with_body(capture, body):
    return dataclasses.replace(capture.request, body=body)


def document_of(capture):
    """Return the capture's body as JSON, or None where it is none (a form, a GET)."""
    try:
        return mutations.opened(json.loads(capture.request.body))
    except ValueError:
        return None


def first_genuine(connector):
    for capture in world.captures(connector):
        if "events" in (capture.expected or {}):
            return capture
    pytest.fail("no capture")


@pytest.mark.rule("C9.nonsense")
def test_nonsense_is_refused_or_says_nothing(delivered_connector):
    capture = first_genuine(delivered_connector)
    for body in NONSENSE:
        found, refused = outcome(delivered_connector, with_body(capture, body))
        assert refused or not [item for item in found if isinstance(item, Event) and item.kind is Kind.MESSAGE]


@pytest.mark.rule("C9.parked")
def test_what_is_no_json_at_all_is_parked(delivered_connector):
    """Nothing silent: an authentic body that cannot be read must be looked at by a person."""
    capture = first_genuine(delivered_connector)
    if document_of(capture) is None:
        pytest.skip("its deliveries are no JSON")
    for body in (b"", b"{", b"\xff\xfe", b"null", b'"text"', b"7"):
        assert outcome(delivered_connector, with_body(capture, body))[1], f"{body!r} vanished"


@pytest.mark.rule("C9.any")
def test_any_json_in_any_place_breaks_nothing(capture):
    original = document_of(capture)
    for example in range(EXAMPLES):
        chance = random.Random(f"{capture.connector}/{capture.name} {example}")
        document = original
        if document is None:
            body = chance.randbytes(chance.randrange(200))
        else:
            for _ in range(chance.randrange(1, 4)):
                paths = list(mutations.places(document))
                if not paths:
                    break
                document = mutations.replaced(document, chance.choice(paths), any_json(chance))
            body = mutations.body(document)
        try:
            outcome(capture.connector, with_body(capture, body))
        except Exception as error:
            error.add_note(f"example {example}: {body!r:.2000}")
            raise


@cache
def first_shown(connector):
    """Return for each capture the places that no earlier capture of the connector has."""
    unseen = mutations.Unseen()
    return {capture.name: set(unseen.places(document_of(capture))) for capture in world.captures(connector)}


@pytest.mark.rule("C9.types")
def test_a_wrong_type_in_any_one_place_breaks_nothing(capture):
    document, others = document_of(capture), list(mutations.OTHERS.values())
    first = first_shown(capture.connector)[capture.name]
    for number, path in enumerate(mutations.places(document)):
        # All of them where a field is new, one each where an earlier capture has it: so the suite stays quick.
        for value in others if path in first else [others[number % len(others)]]:
            changed = mutations.replaced(document, path, value)
            outcome(capture.connector, with_body(capture, mutations.body(changed)))


def brings_messages(capture):
    return any(world.kind_of(event) in {"message", "edit", "deletion"} for event in capture.expected["events"])


def accounted(capture, changed, what):
    found, refused = outcome(capture.connector, with_body(capture, mutations.body(changed)))
    assert refused or found, f"{what}: the delivery vanished"


@pytest.mark.rule("C10.absent")
def test_without_any_one_value_a_message_is_still_told_or_parked(capture):
    document = document_of(capture)
    if document is None or not brings_messages(capture):
        pytest.skip("brings no message in JSON")
    for path in mutations.places(document):
        if isinstance(mutations.at(document, path), dict | list) or isinstance(path[-1], int):
            continue
        accounted(capture, mutations.without(document, path), f"without {path}")


def told(event):
    """Return an event as it is filed: what is of no known kind may be named by a digest of all its fields."""
    named = {"key", "object_id", "thread", "version"} if world.kind_of(event) == "other" else set()
    return {name: value for name, value in event.items() if name not in named}


def told_messages(found):
    """Return the keys of all that somebody wrote, or that a helpdesk signals, each with where it belongs."""
    written = {Kind.MESSAGE, Kind.EDIT, Kind.DELETION}
    return {
        (item.key, item.ticket if isinstance(item, Signal) else item.thread)
        for item in found
        if isinstance(item, Signal) or (isinstance(item, Event) and item.kind in written)
    }


def keeps(capture, changed, wanted):
    """Tell whether a changed delivery still brings all that was `wanted` of it."""
    try:
        found = list(world.connectors()[capture.connector].parse(with_body(capture, mutations.body(changed))))
    except PayloadError:
        return False
    return wanted <= told_messages(found)


def looked_at(connector):
    """Yield each capture that brings something, its document and what it brings; of those that look alike the first."""
    seen = set()
    for capture in world.captures(connector):
        document = document_of(capture) if "events" in (capture.expected or {}) else None
        wanted = told_messages(outcome(connector, capture.request)[0]) if document is not None else set()
        shown = frozenset(map(mutations.named, mutations.places(document)))
        looks = shown, *((world.kind_of(each), each.get("own")) for each in capture.expected.get("events", []))
        if wanted and looks not in seen:
            seen.add(looks)
            yield capture, document, wanted


def speaks(value, said):
    """Tell whether a value is, or holds, some of the words that were said."""
    if isinstance(value, dict | list):
        return any(speaks(each, said) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and any(value in text for text in said)


def around(names):
    """Return the names of all that holds one of these places: without it that is missing, too."""
    return {name[:end] for name in names for end, sign in enumerate(name) if sign == "."} | {""}


def costly_places(capture, document, wanted):
    """Return the places where an odd value costs a message (parked, or another), and those where only a missing one.

    Words are read exactly, so an odd value in their place is not odd about something else.
    """
    costly, fickle = set(), set()
    said = [event.get("text", "") for event in capture.expected["events"]]
    for path in mutations.places(document):
        if isinstance(path[-1], int) and path[-1] > 0:
            continue  # read as the first of its list is; what is in it is looked at all the same
        value = mutations.at(document, path)
        odd = mutations.odd(value).values()
        spared = keeps(capture, mutations.without(document, path), wanted)
        if spared and all(keeps(capture, mutations.replaced(document, path, each), wanted) for each in odd):
            continue
        costly.add(mutations.named(path))
        if spared and not speaks(value, said):
            fickle.add(mutations.named(path))
    return costly, fickle


@pytest.mark.rule("C10.odd")
def test_an_odd_secondary_value_never_costs_the_words(delivered_connector):
    """What the core needs is named in `events/<name>/needed.json`; anything else may be of any type, or missing.

    What may be missing may be odd as well, unless it decides where the words belong: then its name ends in `?`.
    """
    named = world.load(world.EVENTS / delivered_connector / "needed.json", [])
    deciding = {name[:-1] for name in named if name.endswith("?")}
    needed = {*named, *deciding} - {f"{name}?" for name in deciding}
    costly, fickle = set(), set()
    for capture, document, wanted in looked_at(delivered_connector):
        found = costly_places(capture, document, wanted)
        costly |= found[0]
        fickle |= found[1]
    assert not costly - around(needed) - needed
    assert not fickle - around(deciding) - deciding, "may be missing, and may not be odd"
    idle = (needed - costly) | (needed & around(needed) - deciding) | {f"{name}?" for name in deciding - fickle}
    assert not idle, "declared as needed, and are not"


@pytest.mark.rule("C10.beside")
def test_an_odd_element_costs_none_of_the_others(delivered_channel):
    """A visitor's page is told what is wrong with it; a list that decides where the words belong is read as a whole."""
    if isinstance(world.connectors()[delivered_channel], Rejects):
        pytest.skip("its page is told")
    named = world.load(world.EVENTS / delivered_channel / "needed.json", [])
    for capture, document, wanted in looked_at(delivered_channel):
        for path in mutations.places(document):
            inside, name = mutations.at(document, path), mutations.named(path)
            if not isinstance(inside, list) or f"{name}?" in named:
                continue
            for odd in (None, {}, [], "x", 7):
                for changed in ([odd, *inside], [*inside, odd]):
                    whole = mutations.replaced(document, path, changed)
                    assert keeps(capture, whole, wanted), f"{capture}: {odd!r} in {name}"


@pytest.mark.rule("C10.words")
def test_words_of_a_wrong_type_are_parked_and_never_dropped(delivered_channel):
    for capture in world.captures(delivered_channel):
        document = document_of(capture) if "events" in (capture.expected or {}) else None
        if document is None:
            continue
        for event in capture.expected["events"]:
            places = mutations.texts(document, event.get("text"))
            if world.kind_of(event) not in {"message", "edit"} or not event["text"] or len(places) != 1:
                continue
            for odd in ({"text": "x"}, ["x"], True):
                changed = mutations.replaced(document, places[0], odd)
                found, refused = outcome(delivered_channel, with_body(capture, mutations.body(changed)))
                assert refused or any(isinstance(item, Unreadable) for item in found)


@pytest.mark.rule("C10.reader")
def test_a_byte_order_mark_and_a_key_twice_change_nothing(capture):
    document = document_of(capture)
    if not isinstance(document, dict):
        pytest.skip("no JSON")
    body = mutations.body(document)
    twice = b'{"deskwire_twice": 1, "deskwire_twice": 2, ' + body[1:]
    for changed in (b"\xef\xbb\xbf" + body, twice):
        found, refused = outcome(capture.connector, with_body(capture, changed))
        assert not refused
        events = [item.to_json() for item in found if not isinstance(item, Unreadable)]
        assert [told(event) for event in events] == [told(event) for event in capture.expected["events"]]


@pytest.mark.rule("C10.new")
def test_unknown_fields_change_nothing(capture):
    document = document_of(capture)
    if document is None:
        pytest.skip("no JSON")
    found, refused = outcome(capture.connector, with_body(capture, mutations.body(mutations.more(document))))
    assert not refused
    events = [item.to_json() for item in found if not isinstance(item, Unreadable)]
    assert [told(event) for event in events] == [told(event) for event in capture.expected["events"]]


@pytest.mark.rule("C10.kinds")
def test_an_unknown_kind_is_told_or_parked_and_never_dropped(capture):
    document = document_of(capture)
    if document is None or not brings_messages(capture):
        pytest.skip("brings no message in JSON")
    for path in mutations.kinds(document):
        changed = mutations.replaced(document, path, "never_heard_of")
        accounted(capture, changed, f"{path} never heard of")


@pytest.mark.rule("C10.line")
def test_every_message_has_a_line_of_text(capture):
    for event in world.parsed(capture.connector, capture.request)[0]:
        if event.kind == Kind.MESSAGE and event.complete:
            assert event.text.strip()
        if event.kind == Kind.OTHER:
            said = event.reason if isinstance(event, Signal) else event.text or event.facts
            assert said, "what is unknown must say what it is"


WORDS = {
    "joined emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇮🇸",
    "right to left": "שלום، مرحبا بكم \u200f١٢٣ — سلام",
    "combining marks": "e\u0301a\u0308 नमस्ते ক্ষ Z\u0351\u036b\u0343a\u0301lgo",
    "Icelandic": "Þetta er ágætt, æðisleg þjónusta í Reykjavík",
    "line breaks": "first\n\n  second\tthird\r\nfourth",
    "markup": "<b>not bold</b> & [link](https://example.org) {{ticket.id}} ${x} %s",
    "ten thousand": ("äöü 👍 " * 1_700).strip(),
    "one of each plane": "\u00e9\u4e2d\U0001f600\U00020000\ue000\ufffd\u2028",
}


def texts_with(capture, document, path, words):
    changed = mutations.body(mutations.replaced(document, path, words))
    return [getattr(event, "text", "") for event in world.parsed(capture.connector, with_body(capture, changed))[0]]


@pytest.mark.rule("C13.words")
def test_every_word_of_every_language_comes_through_unharmed(delivered_channel):
    tried = 0
    for capture in world.captures(delivered_channel):
        document = document_of(capture) if "events" in (capture.expected or {}) else None
        if document is None:
            continue
        for event in capture.expected["events"]:
            if world.kind_of(event) != "message" or not event["text"]:
                continue
            for path in mutations.texts(document, event["text"]):
                if "probe" not in texts_with(capture, document, path, "probe"):
                    continue  # a copy of the words that nobody reads
                for what, words in WORDS.items():
                    assert words in texts_with(capture, document, path, words), f"{capture}, {path}: {what}"
                    tried += 1
    assert tried, "no capture's text could be followed"
