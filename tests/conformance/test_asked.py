"""H15, C10.asked, C10.among: what is odd in an answer that was asked for costs no agent's answer and nobody's words.

The webhooks' rules for answers: see `test_nonsense`. There a delivery is parked at worst; what is asked for is asked
again, and fails again, so one odd value would hold up all that stands beside it.
"""

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


def told(exchange, steps):
    """Return what a call comes to: who said what, or of which ticket something is told; nothing where it fails."""
    try:
        result = world.called(exchange, exchange.data, world.reach_of(exchange, Answers(steps)))
    except (DeskwireError, TicketGone):
        return frozenset()
    if isinstance(result, Signals):
        return {
            (each.object_id, each.ticket, each.about, each.status, each.assignee and each.assignee.id)
            for each in result.signals
        }
    if isinstance(result, Page):
        return {(each.key, each.thread, each.text) for each in result.events}
    if isinstance(result, world.Told):
        return {each.ticket for each in result}
    if isinstance(result, Event):
        return {result.thread, ("words", result.text)}
    if isinstance(result, Author):
        return {result.id}
    return {(each.id, each.ticket, each.text) for each in result or ()}


def looked_at(connector, side):
    """Yield each exchange that is told something, with what, and the number and JSON of each of its answers."""
    for recorded in world.exchanges(connector):
        if recorded.call not in CALLS[side] or not recorded.ends_well:
            continue
        exchange = world.Unrecorded(recorded.data, connector, recorded.name)  # its file is read once
        wanted = told(exchange, exchange.data["steps"])
        for number, step in enumerate(exchange.data["steps"]):
            body = step["answer"].get("body")
            if wanted and isinstance(body, dict | list):
                yield exchange, wanted, number, body


def keeps(exchange, wanted, number, body):
    """Return whether all that is `wanted` is still told when an answer has another body."""
    steps = list(exchange.data["steps"])
    steps[number] = {**steps[number], "answer": {**steps[number]["answer"], "body": body}}
    return wanted <= told(exchange, steps)


def costly_places(connector, side):
    """Return the places where an odd or a missing value costs something, each behind the name of its call."""
    seen, found = set(), set()
    for exchange, wanted, number, body in looked_at(connector, side):
        for path in mutations.places(body):
            if (place := (exchange.call, _place(exchange, number), path)) in seen:
                continue
            seen.add(place)
            if isinstance(path[-1], int):
                continue  # an element: see `odd_lists`
            name = f"{exchange.call} {mutations.named(path)}"
            if name not in found and not all(keeps(exchange, wanted, number, each) for each in _odd(body, path)):
                found.add(name)
    return found


def _odd(body, path):
    yield mutations.without(body, path)
    yield from (mutations.replaced(body, path, each) for each in mutations.odd(mutations.at(body, path)).values())


def _place(exchange, number):
    return exchange.data["steps"][number].get("request", {}).get("url", "")


def _check_odd(connector, side):
    needed = set(world.load(world.EXCHANGES / connector / "needed.json", []))
    costly = costly_places(connector, side)
    assert not costly - needed, "costs what was asked for, and is not declared in `needed.json`"
    assert not needed - costly, "declared as needed, and is not"


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
        rest = {each for each in wanted if not isinstance(each, tuple) or each[0] != "words"}
        for path in [(), *unseen.places(body, (exchange.call, _place(exchange, number)))]:
            inside = mutations.at(body, path)
            if isinstance(inside, list):
                for odd, changed in odd_lists(inside):
                    whole = mutations.replaced(body, path, changed)
                    assert keeps(exchange, rest, number, whole), f"{exchange}: {odd!r} in {mutations.named(path)}"


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
