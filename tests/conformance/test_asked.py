"""H15, C10.asked, C10.among: what is odd in an answer that was asked for costs no agent's answer and nobody's words.

The webhooks' rules for answers: see `test_nonsense`. There a delivery is parked at worst; what is asked for is asked
again, and fails again, so one odd value would hold up all that stands beside it. What cannot be read is reported
(`Reach.left_out`) and stays where it is; `needed.json` says where an odd value cannot be told from an ordinary one.
"""

from dataclasses import dataclass, replace

import pytest

from deskwire.contracts.channel import Page
from deskwire.contracts.helpdesk import Signals, TicketGone
from deskwire.model.errors import DeskwireError
from deskwire.model.events import Author, Event
from tests.conformance import mutations, world

CALLS = {"helpdesk": {"replies", "poll", "history"}, "channel": {"complete", "poll", "profile"}}


class Answers(world.Script):
    """Answers each request as an exchange has it, also where an odd value has led to another order of them."""

    def __call__(self, call):
        self.calls.append(call)
        steps = [step for step in self.steps if "request" in step]
        asked = [step for step in steps if _asks(step["request"], call)]
        return world.answered((asked or [steps[min(len(self.calls), len(steps)) - 1]])[0]["answer"])

    def next(self):
        self.calls.append(None)
        return self.steps[min(len(self.calls), len(self.steps)) - 1]


def _asks(request, call):
    body = request.get("body")
    same = request["method"] == call.method and world.fits(request["url"], call.url)
    return same and (not isinstance(body, dict) or body == world.fields_of(call))


@dataclass(frozen=True)
class Outcome:
    """What a call comes to: who said what, or of which ticket something is told; nothing where it fails.

    `core` is what may not be lost without a word: an answer, the news of a ticket, a customer's message. `loud`: the
    call failed, or something was reported as left out.
    """

    told: frozenset = frozenset()
    core: frozenset = frozenset()
    loud: bool = True


def outcome(exchange, steps):
    left_out = []
    reach = world.reach_of(exchange, Answers(steps))
    reach = replace(reach, left_out=lambda what, node: left_out.append((what, node.path)))
    try:
        result = world.called(exchange, exchange.data, reach)
    except (DeskwireError, TicketGone):
        return Outcome()
    told, core = _of(result)
    called = isinstance(result, Page) and any(each.attention for each in result.events)
    return Outcome(frozenset(told), frozenset(core), bool(left_out) or called)


def _of(result):
    if isinstance(result, Signals):
        return {
            (each.object_id, each.ticket, each.about, each.status, each.assignee and each.assignee.id)
            for each in result.signals
        }, {(each.ticket, each.about) for each in result.signals}
    if isinstance(result, Page):
        return {(each.key, each.thread, _said(each)) for each in result.events}, {each.key for each in result.events}
    if isinstance(result, world.Told):
        return {each.ticket for each in result}, ()
    if isinstance(result, Event):
        return {result.thread, ("words", result.text)}, {result.thread} if result.text else ()
    if isinstance(result, Author):
        return {result.id}, ()
    rows = result or ()
    return {(each.id, each.ticket, each.text) for each in rows}, {
        each.id for each in rows if each.text.strip() or each.attachments or each.withheld
    }


def _said(event):
    """Return an event's words; none where a line stands for what came along, of which there may be more."""
    return "" if event.text == " ".join(each.line() for each in event.attachments) else event.text


def looked_at(connector, side):
    """Yield each exchange that is told something, with what, and the number and JSON of each of its answers."""
    for recorded in world.exchanges(connector):
        if recorded.call not in CALLS[side] or not recorded.ends_well:
            continue
        exchange = world.Unrecorded(recorded.data, connector, recorded.name)  # its file is read once
        wanted = outcome(exchange, exchange.data["steps"])
        for number, step in enumerate(exchange.data["steps"]):
            body = step["answer"].get("body")
            if wanted.told and isinstance(body, dict | list):
                yield exchange, wanted, number, body


def changed(exchange, number, body):
    """Return what a call comes to when one of its answers has another body."""
    steps = list(exchange.data["steps"])
    steps[number] = {**steps[number], "answer": {**steps[number]["answer"], "body": body}}
    return outcome(exchange, steps)


def costly_places(connector, side):
    """Return where an odd or a missing value costs something, and where it does so without a word.

    A place stands behind the name of its call.
    """
    seen, costly, silent = set(), set(), set()
    for exchange, wanted, number, body in looked_at(connector, side):
        for path in mutations.places(body):
            if (place := (exchange.call, _place(exchange, number), path)) in seen:
                continue
            seen.add(place)
            if isinstance(path[-1], int):
                continue  # an element: see `odd_lists`
            name = f"{exchange.call} {mutations.named(path)}"
            if name in silent:
                continue
            for each in _odd(body, path):
                found = changed(exchange, number, each)
                if not wanted.told <= found.told:
                    costly.add(name)
                    lost = not found.loud and len(found.core) < len(wanted.core)  # another id is another thing
                    if lost and not _ordinary(each, body, path):
                        silent.add(name)
                        break
    return costly, silent


def _odd(body, path):
    yield mutations.without(body, path)
    yield from (mutations.replaced(body, path, each) for each in mutations.odd(mutations.at(body, path)).values())


def _ordinary(changed_body, body, path):
    """Return whether nothing stands there now (no field, null, no rows), which cannot be told from what is usual."""
    try:
        value = mutations.at(changed_body, path)
    except KeyError:
        return True
    return value is None or (value in ({}, []) and type(value) is type(mutations.at(body, path)))


def _place(exchange, number):
    return exchange.data["steps"][number].get("request", {}).get("url", "")


def _check_odd(connector, side):
    declared = world.load(world.EXCHANGES / connector / "needed.json", {"needed": [], "silent": {}})
    needed, unsaid = set(declared["needed"]), set(declared["silent"])
    costly, silent = costly_places(connector, side)
    assert not costly - needed, "costs what was asked for, and is not declared in `needed.json`"
    assert not needed - costly, "declared as needed, and is not"
    assert not silent - unsaid, "loses what was asked for without a word"
    assert not unsaid - silent, "declared as silent, and is not"


def odd_lists(inside):
    """Yield a list with something odd in it: what is no element, or a copy of its first one with one odd value."""
    first = inside[0] if inside else None
    for odd in (None, {}, [], *(("x", 7) if isinstance(first, dict) else ())):
        yield odd, [odd, *inside]
        yield odd, [*inside, odd]
    for path in mutations.places(first):
        for value in (None, {}, []):
            odd = mutations.replaced(first, path, value)
            yield odd, [odd, *inside]
            yield odd, [first, odd, *inside[1:]]  # beside it: an order is kept


def _check_beside(connector, side):
    unseen = mutations.Unseen()
    for exchange, wanted, number, body in looked_at(connector, side):
        # A further picture without words may be told in the words' place.
        rest = {each for each in wanted.told if not isinstance(each, tuple) or each[0] != "words"}
        for path in [(), *unseen.places(body, (exchange.call, _place(exchange, number)))]:
            inside = mutations.at(body, path)
            if isinstance(inside, list):
                for odd, inside_it in odd_lists(inside):
                    whole = mutations.replaced(body, path, inside_it)
                    assert rest <= changed(exchange, number, whole).told, (
                        f"{exchange}: {odd!r} in {mutations.named(path)}"
                    )


@pytest.mark.rule("H15.odd")
def test_an_odd_secondary_value_costs_no_answer(helpdesk):
    """What the core needs is named in `tests/exchanges/<name>/needed.json`, behind the call that reads it."""
    _check_odd(helpdesk, "helpdesk")


@pytest.mark.rule("H15.beside")
def test_an_odd_row_costs_none_of_the_others(helpdesk):
    _check_beside(helpdesk, "helpdesk")


@pytest.mark.rule("C10.asked")
def test_an_odd_secondary_value_in_what_a_channel_is_asked_costs_no_words(channel):
    _check_odd(channel, "channel")


@pytest.mark.rule("C10.among")
def test_an_odd_element_in_what_a_channel_is_asked_costs_none_of_the_others(channel):
    _check_beside(channel, "channel")
