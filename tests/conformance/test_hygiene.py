"""C14, C15, C16, C18 (H7 for helpdesks): what a connector is, brings, imports and must not tell."""

import ast
import inspect
import json
import logging
import re
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import DeskwireError
from deskwire.model.events import Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import Ticket
from tests.conformance import mutations, world
from tests.conformance.test_nonsense import document_of, with_body

# cryptography: for rules with public keys; phonenumbers: for a form that asks for a telephone number; both imported
# when used
ALLOWED = {"deskwire", "cryptography", "phonenumbers"}
PARAGRAPHS = ("Set-up", "Signature", "Secrets", "Limits")
EMOJI, ARABIC, HEBREW, ICELANDIC = "\u200d", r"[\u0600-\u06ff]", r"[\u0590-\u05ff]", r"[ðþæÐÞÆ]"


def module_of(name):
    return sys.modules[type(world.connectors()[name]).__module__]


def imports(path):
    """Yield (module's full name, whether at import time) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ["deskwire", *path.relative_to(world.PACKAGE).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *filter(None, [node.module])])
            if not node.module:
                yield from (".".join([*base, alias.name]) for alias in node.names)


# ----------------------------------------------------------------------------------------------------- C14


@pytest.mark.rule("C14.imports")
def test_it_imports_no_sdk_no_machinery_and_no_other_connector(connector):
    path = Path(inspect.getfile(type(world.connectors()[connector])))
    files = path.parent.glob("*.py") if path.name == "__init__.py" else [path]
    for name in [name for file in files for name in imports(file)]:
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names | ALLOWED, f"it imports {name}"
        parts = name.split(".")
        assert parts[:2] not in (["deskwire", "aws"], ["deskwire", "conversation"], ["deskwire", "runtime"])
        assert parts[:2] not in (["deskwire", "settings"], ["deskwire", "receiving"], ["deskwire", "registry"])
        if parts[:2] in (["deskwire", "channels"], ["deskwire", "helpdesks"]):
            assert parts[2:3] in ([], [connector]), f"it imports {name}"


@pytest.mark.rule("C14.loads")
def test_importing_it_loads_the_standard_library_and_our_own_only(connector):
    """receive pays for every import: in a fresh interpreter, the set of loaded modules is looked at."""
    code = (
        "import sys; before = set(sys.modules); import importlib;"
        f"importlib.import_module({module_of(connector).__name__!r});"
        "print('\\n'.join(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {LAYER!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(answer.stdout.split())
    assert "deskwire" in loaded
    assert loaded - sys.stdlib_module_names - {"deskwire"} == set()


LAYER = str(world.ROOT / "layers" / "deskwire")


@pytest.mark.rule("C14.pure")
def test_parsing_opens_no_socket_and_reads_no_clock_or_file(capture, monkeypatch):
    import builtins
    import time

    request, connector = capture.request, world.connectors()[capture.connector]
    list(connector.parse(request))  # what is imported when used is imported by now

    def forbidden(*_args, **_options):
        pytest.fail("parse is pure: no network, no clock, no file")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(time, "sleep", forbidden)
    monkeypatch.setattr(time, "time", forbidden)
    found = list(connector.parse(request))
    monkeypatch.undo()
    assert len(found) == len(capture.expected["events"]) + capture.expected.get("unreadable", 0)


@pytest.mark.rule("C14.state")
def test_it_keeps_no_state(connector):
    subject = world.connectors()[connector]
    before = dict(vars(subject))
    for capture in world.captures(connector):
        if "events" in (capture.expected or {}):
            list(subject.parse(capture.request))
    assert vars(subject) == before == {}


# ----------------------------------------------------------------------------------------------------- C15


def told(error):
    """Return all that an error could put into a log, with its causes."""
    parts = []
    while error is not None:
        parts += [str(error), repr(error), *map(str, getattr(error, "__notes__", []))]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(parts)


def words_of(capture):
    """Return what of a capture nobody may read in a log: words, names and addresses of people."""
    private = set()
    for event in (capture.expected or {}).get("events", []):
        if "about" in event:  # a signal tells of a ticket
            continue
        author = event["author"] or {}
        private |= {event["text"], event["subject"], *(author.get(name) for name in author if name != "id")}
        private |= {item["url"] for item in event["attachments"]}
    return {text for text in private if text and len(text) > 3 and not re.fullmatch(r"\[[^]]*\]", text)}


def assert_silent(text, private):
    for value in private:
        assert not world.shows(text, value), "a secret or a customer's words are told"


@pytest.mark.rule("C15.repr")
def test_no_repr_and_no_log_tells_a_secret_or_a_customer_s_words(capture, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    values = world.secret_values(capture.connector)
    private = words_of(capture) | {value for found in values.values() for value in found}
    request = capture.request
    connector = world.connectors()[capture.connector]
    if capture.signed:
        context = world.context(capture.connector, request.received_at)
        connector.verification.verify(capture.arrived, Secrets(values), context)
    found = list(connector.parse(request))
    for subject in (connector, request, Secrets(values), connector.verification, found, connector.terms):
        assert_silent(f"{subject!r} {subject!s} {subject:}" if subject is not found else repr(found), private)
    assert_silent(caplog.text, private)
    assert_silent("".join(capsys.readouterr()), private)


@pytest.mark.rule("C15.parsing")
def test_no_error_of_parsing_tells_a_customer_s_words(capture):
    document, private = document_of(capture), words_of(capture)
    if document is None or not private:
        pytest.skip("nobody's words in JSON")
    connector = world.connectors()[capture.connector]
    wrong = [
        mutations.replaced(document, path, value)
        for path in mutations.places(document)
        for value in ([mutations.at(document, path)], {"value": mutations.at(document, path)})
    ]
    bodies = [capture.request.body[: len(capture.request.body) // 2], *map(mutations.body, wrong)]
    for body in bodies:
        try:
            found = list(connector.parse(with_body(capture, body)))
        except DeskwireError as error:
            assert_silent(told(error), private)
        else:
            assert_silent(repr(found), private)


@pytest.mark.rule("C15.address")
def test_secrets_and_words_travel_in_headers_and_bodies_and_never_in_an_address(good_exchange):
    data = good_exchange.data
    secrets = {
        text for value in data.get("secrets", {}).values() for text in ([value] if isinstance(value, str) else value)
    }
    _, script = world.played(good_exchange)
    for call in script.calls:
        if hasattr(call, "url"):
            for secret in secrets:
                assert not world.shows(call.url, secret), "a secret lies in an address, where logs keep it"
            assert_silent(repr(call), secrets)


def private_of(exchange):
    data = exchange.data
    texts = {data.get("outgoing", {}).get("text"), data.get("outgoing", {}).get("recipient")}
    arguments = data.get("arguments", {})
    entries = arguments.get("entries") or arguments.get("ticket", {}) or []
    entries = entries.get("entries", []) if isinstance(entries, dict) else entries
    entries = [] if isinstance(entries, str) else entries  # `find`, `replies` and `redact` take a ticket's id
    texts |= {entry["body"] for entry in entries}
    values = [
        text for value in data.get("secrets", {}).values() for text in ([value] if isinstance(value, str) else value)
    ]
    return {text for text in {*texts, *values} if text and len(text) > 3}


@pytest.mark.rule("C15.calls")
def test_no_error_of_a_call_tells_a_secret_or_words(good_exchange, caplog):
    caplog.set_level(logging.DEBUG)
    private = private_of(good_exchange)
    steps = good_exchange.data["steps"]
    gossip = {"error": {"message": " ".join(sorted(private))}, "errors": [{"detail": " ".join(private)}],
              "detail": " ".join(private), "title": " ".join(private)}  # fmt: skip
    for number, step in enumerate(steps):
        if "request" not in step:
            continue
        for status in (400, 401, 403, 404, 422, 500, 200):
            changed = [*steps[:number], {**step, "answer": {"status": status, "body": gossip}}, *steps[number + 1 :]]
            try:
                world.played(good_exchange, changed)
            except (DeskwireError, TicketGone) as error:
                assert_silent(told(error), private)
            except AssertionError:
                pass  # it went on with a step the exchange does not have: other rules look at that
    assert_silent(caplog.text, private)


@pytest.mark.rule("C15.written")
def test_what_is_to_be_written_does_not_show_itself(good_exchange):
    data = good_exchange.data
    private = private_of(good_exchange)
    if "outgoing" in data:
        assert_silent(repr(world.built(Outgoing, data["outgoing"])), private)
    if "ticket" in data.get("arguments", {}) and good_exchange.call == "open":
        assert_silent(repr(world.built(Ticket, data["arguments"]["ticket"])), private)


# ----------------------------------------------------------------------------------------------------- C16


def paragraphs(text):
    """Return the docstring's paragraphs by the word they begin with."""
    found = re.split(rf"\n\s*\n|\n(?=(?:{'|'.join(PARAGRAPHS)}):)", inspect.cleandoc(text or ""))
    return {part.partition(":")[0].strip(): part for part in found}


@pytest.mark.rule("C16.named")
def test_it_is_named_as_its_module_and_titled(connector):
    subject = world.connectors()[connector]
    assert subject.name == connector == type(subject).__module__.rpartition(".")[2]
    assert subject.title
    assert type(subject).__doc__


@pytest.mark.rule("C16.docstring")
def test_its_docstring_gives_set_up_signature_secrets_and_limits_each_with_its_link(connector):
    found = paragraphs(module_of(connector).__doc__)
    for name in PARAGRAPHS:
        assert name in found, f"no paragraph begins with “{name}:”"
        assert "https://" in found[name], f"“{name}:” has no link"


def captured(connector, wanted):
    return any(wanted(event) for event in world.expected_events(connector))


@pytest.mark.rule("C16.text")
def test_a_text_is_captured(channel):
    assert captured(channel, lambda event: event["kind"] == "message" and not event["own"] and not event["attachments"])


@pytest.mark.rule("C16.attachment")
def test_an_attachment_is_captured(channel):
    assert captured(channel, lambda event: event["attachments"])


@pytest.mark.rule("C16.redelivery")
def test_a_redelivery_is_captured(delivered_connector):
    assert any(item.name.endswith("-again") for item in world.captures(delivered_connector))


@pytest.mark.rule("C16.own")
def test_an_own_message_is_captured(channel):
    assert captured(channel, lambda event: event["own"])


@pytest.mark.rule("C16.ignored")
def test_an_event_nobody_handles_is_captured(delivered_connector):
    captures = world.captures(delivered_connector)
    found = [item.expected["events"] for item in captures if "events" in (item.expected or {})]
    assert any(not events or any(world.kind_of(event) == "other" for event in events) for events in found)


@pytest.mark.rule("C16.edit")
def test_an_edit_is_captured(channel):
    assert captured(channel, lambda event: event["kind"] == Kind.EDIT)


@pytest.mark.rule("C16.deletion")
def test_a_deletion_is_captured(channel):
    assert captured(channel, lambda event: event["kind"] == Kind.DELETION)


@pytest.mark.rule("C16.scripts")
def test_joined_emoji_arabic_hebrew_and_icelandic_are_captured(channel):
    text = "\n".join(event["text"] for event in world.expected_events(channel))
    for script in (EMOJI, ARABIC, HEBREW, ICELANDIC):
        assert re.search(script, text), f"no captured text has {script}"


@pytest.mark.rule("C16.files")
def test_the_files_of_a_connector_hold_no_real_secret_and_are_its_own(connector):
    for path in (world.EVENTS / connector).rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        assert not re.search(r"(xox[bp]|ghp|AKIA|EAAG|sk_live)[A-Za-z0-9_-]{12,}", text)


def test_no_file_is_left_of_a_connector_that_is_gone():
    names = set(world.connectors())
    for folder in (world.EVENTS, world.EXPECTED, world.EXCHANGES):
        left = {path.name for path in folder.glob("*") if path.is_dir() and any(path.glob("*.json"))}
        assert left <= names, f"{folder.name} has files of {left - names}"


def rules_of_suite():
    """Return the names of the rules that have a test here."""
    found = set()
    for path in sorted(world.ROOT.glob("tests/conformance/test_*.py")):
        found |= set(re.findall(r'mark\.rule\("([CHR][0-9.a-z]+)"\)', path.read_text(encoding="utf-8")))
    return found


def test_a_gap_names_a_rule_and_gives_a_reason(connector):
    for name, reason in world.connectors()[connector].known_gaps.items():
        assert any(rule == name or rule.startswith(name + ".") for rule in rules_of_suite()), name
        assert len(reason.split()) > 3, f"{name}: say why in a sentence"


# ----------------------------------------------------------------------------------------------------- C18


def figures(contract):
    """Yield (name, figure) of every figure of a contract."""
    for name in Terms.__dataclass_fields__:
        value = getattr(contract, name)
        if isinstance(value, Figure):
            yield name, value
    yield from contract.figures.items()
    places = dict(contract.places)
    for kind, rules in contract.kinds.items():
        places |= {f"{kind}, {visibility}": sending for visibility, sending in rules.sending.items()}
        places |= {f"{kind}, private reply": rules.private_reply} if rules.private_reply is not None else {}
    for place, sending in places.items():
        yield f"{place}.text", sending.text
        if sending.pace is not None:
            yield f"{place}.pace", sending.pace
        for window in sending.windows:
            yield f"{place}.{window.name}.span", window.span
            yield f"{place}.{window.name}.automatic", window.automatic


@pytest.mark.rule("C18.figures")
def test_every_figure_of_the_contract_has_a_source_and_a_date(connector):
    found = dict(figures(world.connectors()[connector].terms))
    assert {"body_limit", "deadline", "redelivery"} <= set(found)
    for name, figure in found.items():
        assert isinstance(figure, Figure), name
        assert re.match(r"https://[^\s/]+\.[a-z]+/", figure.source + "/"), f"{name} has no source"
        assert date(2026, 1, 1) <= figure.checked <= date.today(), f"{name} was checked when?"  # noqa: DTZ011


@pytest.mark.rule("C18.replies")
def test_a_channel_that_replies_says_how_long_and_when(replying_channel):
    contract = world.connectors()[replying_channel].terms
    assert contract.sending
    for sending in contract.places.values():
        assert sending.text.value.most > 0
        assert sending.text.value.pieces >= 1


@pytest.mark.rule("C18.kinds")
def test_each_kind_of_thread_has_rules_of_its_own_and_a_capture(channel):
    """A name without rules is a slip of the pen, for the ordinary ones would hold; rules without a capture are dead."""
    kinds = world.connectors()[channel].terms.kinds
    assert {event.thread_kind for event in world.happened(channel)} - {""} == kinds.keys()
    for name, rules in kinds.items():
        everywhere = len(rules.sending) == len(Visibility) and rules.private_reply is not None
        assert rules.refusal or everywhere, f"{name}: say why nothing can be sent where nothing can"


@pytest.mark.rule("C18.kept")
def test_words_are_kept_until_the_platform_repeats_no_more(connector):
    """What is forgotten earlier would be filed a second time when it is redelivered."""
    terms = world.connectors()[connector].terms
    if terms.keeps_words is not None:
        assert terms.keeps_words.value >= terms.redelivery.value


@pytest.mark.rule("C18.size")
def test_every_capture_keeps_the_limit_of_its_platform(capture):
    assert len(capture.request.body) <= world.connectors()[capture.connector].terms.body_limit.value
