"""No pattern and no function takes more than its share of time for 64 kB that were made for it.

Of a pattern the time itself is measured: 64 kB take less than 20 ms of CPU, the best of some tries, which no pattern of
quadratic time does. Of a function the growth is: four times the input may take about four times as long, sixteen times
is a fault.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest

import deskwire
from deskwire.care import measure, private, triage, words
from deskwire.care.acknowledge import opting
from deskwire.care.policy import Policy
from deskwire.contracts.terms import Unit
from deskwire.conversation import wording
from deskwire.families import forms
from deskwire.helpdesks.requesttracker import api as requesttracker
from deskwire.helpdesks.requesttracker import replies as requesttracker_replies
from deskwire.helpdesks.requesttracker import tickets as requesttracker_tickets
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.keys import compose
from deskwire.telemetry import _shown
from deskwire.web import media, wire
from deskwire.web.markup import inert, literal, paragraph, plain, rewritten
from deskwire.web.reading import clean, read
from deskwire.web.refusals import vendor_code, wait

PACKAGE = Path(deskwire.__file__).parent
LENGTHS = (2_048, 8_192, 32_768)
WHOLE = 65_536  # characters in
AT_MOST = 0.020  # seconds of CPU
TRIES = 7
QUICK = 0.000018  # seconds of CPU at the first length: even squared, 64 kB take less than 20 ms
MOST = 9  # of growth for four times the input: 4 is linear, 16 is quadratic
# Characters read by modules that read no more.
SHORT = {f"care/private/{name}.py": private._READ for name in ("addresses", "national", "phones", "words")}
METHODS = {"fullmatch", "match", "search", "sub", "split", "finditer", "findall", "subn"}


def patterns():
    """Return every pattern of the package as (where, pattern, methods it is used with)."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    used = used_with(trees.values())
    found = []
    for path, tree in trees.items():
        place = path.relative_to(PACKAGE)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and _called(node.value) == "re.compile":
                name = (node.target if isinstance(node, ast.AnnAssign) else node.targets[0]).id
                pattern = re.compile(*(value_of(part, path) for part in node.value.args))
                found.append((f"{place}: {name}", pattern, used.get(name, {"search"})))
            elif _called(node).startswith("re.") and _called(node)[3:] in METHODS:
                found.append((f"{place}:{node.lineno}", inline(node), {_called(node)[3:]}))
    return found


def inline(node):
    flags = [value_of(word.value) for word in node.keywords if word.arg == "flags"]
    return re.compile(value_of(node.args[0]), *flags)


def value_of(node, path=None):
    """Return a pattern's text or flags; what is put in when it runs is taken for an “a” (and must be escaped there)."""
    names = {"re": re}
    if path and any(isinstance(each, ast.Name) and each.id.isupper() for each in ast.walk(node)):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        names |= vars(importlib.import_module(module))  # a pattern put together of the module's constants
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else _put_in(part, names) for part in node.values)
    return eval(compile(ast.Expression(node), "pattern", "eval"), names)


def _put_in(part, names):
    constant = isinstance(part.value, ast.Name) and part.value.id.isupper()
    assert constant or "re.escape(" in ast.unparse(part)
    return names[part.value.id] if constant else "a"


def _called(node):
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def used_with(trees):
    """Return the methods that are called on a pattern, by the pattern's name, in whatever module."""
    found = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            found.setdefault(ast.unparse(node.value).rpartition(".")[2], set()).add(node.attr)
    return found


PATTERNS = patterns()
SEEDS = [
    *"aA01 \n\t-.@<{}%/\\_+#,:'\"=&;?!([]", "\x00", "é", "\u00a0", "\u0300", "\u0660", "中", "👍", "\u200d", "\u202e",
    "ab", "a ", "a.", "a-", "a@", "@a ", "0 ", "4 4-", "GB82 ", "WEST", "aA", "a\n", "\n ", "\n \n", "\r\n",
    ". ", "! A", "…",    "{{", "}}", "{%", "%}", "a=1,", "https://", "http://a.", "www.", "a/b", " max-age=1",
    "sha256=", "Bearer ", "1:1-", "a_",
    "x\u0301", "👩\u200d👩\u200d", "🇮🇸", " \x00", "\x00 ", "=?", "?=", "%41", "accounts/", "[[", '\\"', '{"a":', "1e9",
]  # fmt: skip
TAGS = [
    "<", "</", "<a", "<a ", "</a ", '<a b="', "<a b='", "<a/", "<div ", "<blockquote ", "<!--", "<!", "<![",
    "<![CDATA[", "<?", "&#", "&a", "&amp;", "<p> </p>", "<pre> ",
    "<ul>", "<li>", "<a>", "<b> ", "<script>", "<br>", "<b></b> ", " ", "\n",
    "\n ",
]  # fmt: skip


def taken(act, text, times=1):
    """Return the CPU seconds of one call, the least of some."""
    spans = []
    for _ in range(times):
        began = time.process_time()
        act(text)
        spans.append(time.process_time() - began)
    return min(spans)


def slow(act, make):
    """Return what is wrong with the growth of `act(make(length))`, empty when nothing is."""
    first = make(LENGTHS[0])
    before = taken(act, first)
    if before < QUICK:
        return ""
    before = min(before, taken(act, first, 3))  # one hiccup here would hide the growth
    for shorter, text in pairwise(make(length) for length in LENGTHS):
        # What a busy machine does once, it does not do in the least of three.
        now = taken(act, text)
        if now < before * MOST or taken(act, text, 3) < taken(act, shorter, 3) * MOST:
            return ""
        if now > 1:
            break
        before = now
    return f"{now:.4f} s for {len(text)} characters, and more than {MOST} times of what a quarter takes"


def too_long(act, make):
    """Return what is wrong with the time of `act` on 64 kB, empty when nothing is."""
    if taken(act, make(LENGTHS[0])) < QUICK:
        return ""
    text = make(WHOLE)
    best = taken(act, text)
    for _ in range(TRIES):
        if best < AT_MOST:
            return ""
        if best > 1:  # not by accident
            break
        best = min(best, taken(act, text))
    return f"{best:.4f} s for {len(text)} characters"


def inputs(seeds, heads, ends):
    """Yield (what, how to make it of any length) for every seed between every head and end."""
    for seed in seeds:
        for head in heads:
            for end in ends:

                def made(length, seed=seed, head=head, end=end):
                    return head + (seed * (length // len(seed) + 1))[: length - len(head) - len(end)] + end

                yield repr(head + seed + "…" + end), made


def literals(pattern):
    """Return pieces of a pattern's own text as seeds: what it looks for is what it can be held up with."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return sorted(
        {*re.findall(r"[A-Za-z0-9]{2,}|[^\w\s\\]", text)} | {" " + word for word in re.findall(r"\w{3,}", text)}
    )


@pytest.mark.parametrize(("place", "pattern", "methods"), PATTERNS, ids=[row[0] for row in PATTERNS])
def test_a_pattern_takes_20_ms_for_64_kilobytes_at_most(place, pattern, methods):
    most = SHORT.get(place.partition(":")[0], WHOLE)
    binary = isinstance(pattern.pattern, bytes)
    seeds = [*SEEDS, *literals(pattern)]
    for method in methods:

        def act(text, method=method):
            subject = text.encode("utf-8", "replace") if binary else text[:most]
            if method in {"sub", "subn"}:
                getattr(pattern, method)(b"" if binary else "", subject)
            else:
                found = getattr(pattern, method)(subject)
                if method == "finditer":
                    list(found)

        for what, make in inputs(seeds, ("", "a"), ("!",)):  # what fails at the end is what is tried again and again
            assert not too_long(act, make), f"{method} on {what}"


def forgiving(act):
    """Return the function as one that may refuse what it is given."""

    def tried(text):
        try:
            return act(text)
        except (PayloadError, PermanentError, ValueError):
            return None

    return tried


POLICY = Policy()
FUNCTIONS = {
    "markup.literal": literal,
    "markup.inert": inert,
    "markup.paragraph": paragraph,
    "markup.plain": plain,
    "markup.rewritten": lambda text: rewritten(text, lambda number, piece: piece),
    "requesttracker.words_of": lambda text: requesttracker_replies.words_of(
        text.encode("utf-8", "replace"), "text/html"
    ),
    "requesttracker.line": requesttracker_tickets.line,
    "requesttracker.stored_name": requesttracker.stored_name,
    "requesttracker.quoted": requesttracker.quoted,
    "media.safe_name": media.safe_name,
    "media.accepted": lambda text: media.accepted("https://" + text, ["fbcdn.net"]),
    "media._disposition": lambda text: media._disposition(
        "attachment; filename=" + text.replace("\n", " ").replace("\r", " ")
    ),
    "wire.place": lambda text: wire.place("https://a/" + text),
    "forms.file_name": forms.file_name,
    "reading.clean": clean,
    "reading.read": read,
    "refusals.vendor_code": lambda text: vendor_code(text.encode("utf-8", "replace")),
    "refusals.wait": lambda text: wait({"retry-after": text, "date": text}),
    "model.compose": lambda text: compose(text, text),
    "triage.triage": lambda text: triage.triage(text, POLICY),
    "words.folded": words.folded,
    "acknowledge.opting": lambda text: opting(text, POLICY),
    "wording.line": wording.line,
    "telemetry": _shown,
    **{f"measure {unit}": lambda text, unit=unit: measure.measure(text, unit) for unit in Unit},
    **{f"cut {unit}": lambda text, unit=unit: measure.cut(text, 200, unit) for unit in Unit},
    **{f"split {unit}": lambda text, unit=unit: measure.split(text, 200, unit) for unit in Unit},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_on_a_stranger_s_words_takes_time_in_proportion(name):
    act = forgiving(FUNCTIONS[name])
    markup = name.startswith(("markup", "requesttracker.words_of"))
    heads, ends = (("", "<pre>a"), ("", ">", "</pre>")) if markup else (("",), ("",))
    for what, make in inputs(TAGS if markup else SEEDS, heads, ends):
        assert not slow(act, make), what


def test_growth_out_of_proportion_would_be_found(monkeypatch):
    """Whatever the machine is busy with: the seconds are what the function says."""
    monkeypatch.setitem(globals(), "taken", lambda act, text, times=1: act(text))
    assert slow(lambda text: len(text) ** 2 * 1e-9, lambda length: "x" * length)
    assert not slow(lambda text: len(text) * 1e-6, lambda length: "x" * length)


def test_a_slow_pattern_would_be_found_by_its_time():
    assert too_long(lambda text: re.search(r"\s+$", text), lambda length: " " * (length // 8) + "x")
    assert too_long(lambda text: re.fullmatch(r"(a|aa)+b", text), lambda length: "a" * min(length // 100, 34))
    assert not too_long(lambda text: re.search(r"\s$", text), lambda length: " " * length + "x")


def test_no_pattern_of_the_package_is_overlooked():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    names = {"re.compile", *(f"re.{method}" for method in METHODS)}
    made = 2  # care/phrasebook.py compiles the files of phrases (test_judge.py times those), care/triage.py a policy's
    assert len(PATTERNS) + made == sum(_called(node) in names for tree in trees for node in ast.walk(tree))


def test_the_patterns_of_the_package_are_found():
    assert len(PATTERNS) > 40
    assert {"fullmatch"} in [methods for _, _, methods in PATTERNS]
