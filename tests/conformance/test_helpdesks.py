"""H1 to H14: what every helpdesk must do (C1 to C16 and C18 hold for it as well, where its webhooks are concerned)."""

import copy
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlsplit

import pytest

from deskwire.contracts.helpdesk import GivesFiles, History, PollsTickets, Redacts, TicketGone, Updates
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    DeskwireError,
    PayloadError,
    PermanentError,
    TemporaryError,
)
from deskwire.model.signals import About, Signal, Status
from deskwire.verification.never import Never
from tests.conformance import mutations, world
from tests.conformance.test_sending import AGAIN_LATER, OF_ACCOUNT, OTHER_4XX
from tests.conformance.test_verification_rules import proofs

PASSES = {"hubspot": {423}}  # a lock of two seconds: https://developers.hubspot.com/docs/api-reference/error-handling
CREDENTIALS = {"authorization", "webhook-signature"}  # the latter of Standard Webhooks: the secret stays at home
LIVING = {
    "h1": "a ticket opened, extended, closed and merged",
    "h2": "the key found again",
    "h6": "markup that stays words",
    "h9": "byte limits and four-byte characters",
    "h10": "an attachment with name, type and bytes",
    "h12": "a person's earlier tickets, and nobody else's",
    "h14": "a ticket solved, reopened, assigned and assigned to another, told each time",
    "h11": "a priority raised and never lowered, tags added to those there are, no message written",
}


def on_the_living(helpdesk, rule):
    assert proofs(helpdesk, rule), f"no test of tests/connectors/{helpdesk}/ has “{rule}” in its name: {LIVING[rule]}"


def calls(helpdesk):
    return {item.call for item in world.exchanges(helpdesk)}


def results(helpdesk, call):
    return [item.data["result"] for item in world.exchanges(helpdesk) if item.call == call]


@pytest.mark.rule("H1.shown")
def test_open_append_and_a_closed_or_merged_ticket_are_shown(helpdesk):
    on_the_living(helpdesk, "h1")
    assert any("filed" in result for result in results(helpdesk, "open"))
    appended = results(helpdesk, "append")
    assert any("filed" in result for result in appended)
    told = {result["gone"]["state"] for result in appended if "gone" in result}
    moved = [
        item
        for item in world.exchanges(helpdesk)
        if item.call == "append"
        and item.data["result"].get("filed")
        and item.data["result"]["filed"]["ticket"] != item.data["arguments"]["ticket"]
    ]
    assert told or moved, "no exchange shows a ticket that takes nothing more, or was merged"


@pytest.mark.rule("H2.found")
def test_the_key_is_in_the_request_and_is_found_again(helpdesk):
    on_the_living(helpdesk, "h2")
    found = results(helpdesk, "find")
    assert any(result.get("filed") for result in found), "no exchange finds something"
    assert {"filed": None} in found, "no exchange finds nothing"


@pytest.mark.rule("H2.carried")
def test_another_key_makes_another_request(writing):
    """So the key is in it (itself, or a digest of it)."""
    if writing.call not in {"open", "append"}:
        pytest.skip("writes no key")
    sent = [_requests(writing, data) for data in (writing.data, _with_other_keys(writing.data))]
    assert sent[0] != sent[1], "the key is in no request"


def _with_other_keys(data):
    """Return the arguments of an exchange with the ticket's and each entry's key changed."""
    changed = copy.deepcopy(data)
    ticket = changed["arguments"]["ticket"]
    subjects = [ticket, *ticket["entries"]] if isinstance(ticket, dict) else changed["arguments"]["entries"]
    assert subjects
    for subject in subjects:
        subject["key"] += "-another"
    return changed


def _requests(exchange, data):
    """Return what is asked when the call is made with other data, whatever is answered as recorded."""
    return _asked(exchange, data)[0]


def _asked(exchange, data):
    """Return what is asked when the call is made with other data, and the result where it comes to one."""
    asked, result = [], None

    def transport(call):
        headers = {name.lower(): value for name, value in call.headers.items()}
        asked.append((call.method, call.url, call.body, headers.get("idempotency-key")))
        return world.answered(data["steps"][min(len(asked), len(data["steps"])) - 1]["answer"])

    reach = world.dataclasses.replace(world.reach_of(exchange, world.Script([])), http=transport)
    with suppress(DeskwireError, TicketGone):
        result = world.called(exchange, data, reach)
    return asked, result


def decisive(exchange):
    """Return which request of an exchange its success hangs on: the last one, of a poll the list, after a login."""
    addresses = [step.get("request", {}).get("url", "") for step in exchange.data["steps"]]
    return next(n for n, url in enumerate(addresses) if "/oauth2/" not in url) if exchange.call == "poll" else -1


def error_of(exchange, answer, after=0):
    """Return the error that an answer to the decisive request becomes, where `after` further requests get the same."""
    steps = copy.deepcopy(exchange.data["steps"])
    steps[decisive(exchange)]["answer"] = answer
    steps += [{"request": {"method": "/.*/", "url": "/.*/"}, "answer": answer}] * after
    with pytest.raises(DeskwireError) as caught:
        world.played(exchange, steps)
    return caught.value


@pytest.mark.rule("H3.rate")
def test_too_many_requests_is_tried_again_when_the_helpdesk_says(writing):
    error = error_of(writing, {"status": 429, "headers": {"Retry-After": "17"}, "body": {}})
    assert isinstance(error, TemporaryError)
    assert error.after == 17
    assert isinstance(error_of(writing, {"status": 429, "body": "slow down"}), TemporaryError)


@pytest.mark.rule("H3.outage")
def test_an_outage_is_tried_again(writing):
    for status in AGAIN_LATER:
        assert isinstance(error_of(writing, {"status": status, "body": "<html></html>"}), TemporaryError)
    error = error_of(writing, {"cut": True})
    assert isinstance(error, TemporaryError)
    assert error.ambiguous
    assert isinstance(error_of(writing, {"unreachable": True}), TemporaryError)


@pytest.mark.rule("H3.access")
def test_what_speaks_of_the_account_calls_a_person_and_refuses_no_message(writing):
    """It may ask once more, whether one ticket alone is out of reach."""
    for status in set(OF_ACCOUNT) - PASSES.get(writing.connector, set()):
        answer = {"status": status, "headers": {"Location": "https://evil.example"}, "body": {}}
        assert isinstance(error_of(writing, answer, after=1), ConfigurationError), status
    page = {"status": 404, "headers": {"Content-Type": "text/html"}, "body": "<html>Not Found</html>"}
    assert isinstance(error_of(writing, page), ConfigurationError), "a web server's page"


@pytest.mark.rule("H3.conflict")
def test_a_conflict_is_tried_again_and_holds_up_its_ticket_alone(writing):
    """Somebody changes the same ticket at this moment, perhaps our own first attempt."""
    if writing.call not in {"open", "append"}:
        pytest.skip("writes no words")
    steps = copy.deepcopy(writing.data["steps"])
    last = steps[-1] | {"answer": {"status": 409, "body": {}}}
    alone = last | {"request": {name: last["request"][name] for name in ("method", "url")}}
    with pytest.raises(TemporaryError) as caught:
        world.played(writing, [*steps[:-1], last, alone])
    assert caught.value.ambiguous
    assert caught.value.concerns is not Concern.ACCOUNT


@pytest.mark.rule("H3.refused")
def test_any_other_refusal_is_final_or_says_that_the_ticket_is_gone(writing):
    """Where words and a change of the ticket are one request, the words may be tried alone, and are refused as well."""
    for status in OTHER_4XX:
        steps = copy.deepcopy(writing.data["steps"])
        place = decisive(writing)
        last = steps[place] | {"answer": {"status": status, "body": {}}}
        alone = last | {"request": {name: last["request"][name] for name in ("method", "url")}}
        steps[place:] = [last, alone]
        with pytest.raises((PermanentError, TicketGone)):
            world.played(writing, steps)


@pytest.mark.rule("H3.lies")
def test_an_answer_of_200_that_is_a_page_is_no_success(writing):
    steps = copy.deepcopy(writing.data["steps"])
    steps[decisive(writing)]["answer"] = {
        "status": 200,
        "headers": {"Content-Type": "text/html"},
        "body": "<html></html>",
    }
    with pytest.raises((TemporaryError, PermanentError, ConfigurationError)):
        world.played(writing, steps)


@pytest.mark.rule("H3.aside")
def test_a_ticket_that_a_poll_cannot_read_fails_it_or_is_counted_and_kept_in_the_cursor(writing):
    steps = writing.data["steps"]
    if writing.call != "poll" or len(steps) == 1:
        pytest.skip("looks at no ticket")
    for answer in ({"status": 502, "body": "<html></html>"}, {"status": 403, "body": {}}, {"status": 200, "body": "?"}):
        for number in range(1, len(steps)):
            counted = []
            script = world.Script([*copy.deepcopy(steps[:number]), steps[number] | {"answer": answer}])
            reach = world.dataclasses.replace(
                world.reach_of(writing, script), left_out=lambda what, node, kept=counted: kept.append(what)
            )
            try:
                page = world.called(writing, writing.data, reach)
            except (DeskwireError, AssertionError):  # it fails, or another way than recorded is taken
                continue
            assert counted
            assert page.cursor != writing.data["result"]["page"]["cursor"]


@pytest.mark.rule("H3.begun")
def test_what_goes_wrong_once_the_words_are_on_their_way_is_in_doubt(writing):
    """Whatever fails then, the next attempt asks `find` before it repeats anything."""
    if writing.call not in {"open", "append"}:
        pytest.skip("writes no key")
    steps = writing.data["steps"]
    for number in range(_carried(writing) + 1, len(steps)):
        for answer in ({"status": 403, "body": {}}, {"status": 429, "body": {}}, {"unreachable": True}):
            told = _broken_off(writing, [*steps[:number], {**steps[number], "answer": answer}])
            assert told is None or told.ambiguous, (number, answer, told)


def _carried(exchange):
    """Return the number of the first request that writes under the key of a ticket or an entry, and is taken."""
    steps = exchange.data["steps"]
    shown = [_requests(exchange, each) for each in (exchange.data, _with_other_keys(exchange.data))]
    for number, (step, one, other) in enumerate(zip(steps, *shown, strict=False)):
        if one != other and one[0] != "GET" and step["answer"].get("status", 0) < 300:
            return number
    return len(steps)


def _broken_off(exchange, steps):
    """Return the error that a call meets where its steps end, if it is one that is tried again."""
    try:
        world.played(exchange, steps)
    except (TemporaryError, ConfigurationError) as error:
        return error
    except (PermanentError, TicketGone, AssertionError):  # it ended, or took another way than recorded
        return None
    return None


@pytest.mark.rule("H4.further")
def test_further_fields_in_every_answer_change_nothing(good_exchange):
    from tests.conformance import mutations

    steps = copy.deepcopy(good_exchange.data["steps"])
    for step in steps:
        if isinstance(step["answer"].get("body"), dict):
            step["answer"]["body"] = mutations.more(step["answer"]["body"])
    result, _ = world.played(good_exchange, steps)
    plain, _ = world.played(good_exchange)
    assert world.described(result) == world.described(plain)


@pytest.mark.rule("H4.missing")
def test_missing_or_wrong_fields_in_an_answer_are_an_error_of_ours(good_exchange):
    """Never a KeyError, never a success without an id."""
    steps = good_exchange.data["steps"]
    for number, path in first_shown(good_exchange.connector)[good_exchange.name]:
        body = steps[number]["answer"]["body"]
        wrong = [mutations.replaced(body, path, value) for value in (None, [], {}, 7.5, "x")]
        for changed in (*wrong, mutations.without(body, path)):
            answer = {**steps[number]["answer"], "body": changed}
            told(good_exchange, [*steps[:number], {**steps[number], "answer": answer}, *steps[number + 1 :]])


@cache
def first_shown(connector):
    """Return for each exchange the (step, place) in its answers that no earlier exchange of the same call has."""
    unseen = mutations.Unseen()
    return {
        exchange.name: [
            (number, path)
            for number, step in enumerate(exchange.data["steps"])
            for path in unseen.places(step["answer"].get("body"), (exchange.call, number))
        ]
        for exchange in world.exchanges(connector)
        if exchange.ends_well
    }


def told(exchange, steps):
    try:
        result, _ = world.played(exchange, steps)
    except PayloadError:
        pytest.fail("an answer is never parked: see `contracts.connector`")
    except (DeskwireError, TicketGone):
        return
    except AssertionError:
        return  # another way than recorded was taken: not this rule's matter
    described = world.described(result)
    for name in ("filed", "sent"):
        found = (described or {}).get(name)
        if found and name == "filed":
            assert found["ticket"]
            assert isinstance(found["ticket"], str)
        if found and name == "sent":
            assert found["ids"]
            assert all(isinstance(value, str) and value for value in found["ids"])


@pytest.mark.rule("H5.headers")
def test_credentials_travel_in_headers_only(helpdesk):
    assert world.exchanges(helpdesk)
    for exchange in world.exchanges(helpdesk):
        if not exchange.ends_well:
            continue
        secrets = exchange.data.get("secrets", {}).values()
        signed = exchange.call == "file"  # an address that lies elsewhere may carry a signature itself
        _, script = world.played(exchange)
        carried = False
        for call in script.calls:
            assert urlsplit(call.url).scheme == "https"
            for secret in secrets:
                assert not world.shows(call.url, secret)
                assert not world.shows(call.body.decode(errors="replace"), secret)
            names = {name.lower() for name in call.headers}
            itself = any(world.shows(value, secret) for value in call.headers.values() for secret in secrets)
            carried = carried or itself or not names.isdisjoint(CREDENTIALS)
        carried = carried or signed or not script.calls
        assert carried, "no request carries its credentials, or a signature made with them"


@pytest.mark.rule("H6.markup")
def test_markup_in_a_customer_s_text_is_proven_harmless(helpdesk):
    on_the_living(helpdesk, "h6")


@pytest.mark.rule("H8.own")
def test_its_webhook_only_says_which_ticket_to_look_at(helpdesk):
    """The words are read again through the API, so a webhook cannot put any into a customer's channel."""
    found = world.happened(helpdesk)
    assert all(isinstance(each, Signal) for each in found)
    tells = world.connectors()[helpdesk].abilities.tells
    assert any(each.about is (About.ANSWER if tells else About.TICKET) for each in found)
    assert tells or not any(each.about is About.ANSWER for each in found), "answers are read, not told"


@pytest.mark.rule("H8.again")
def test_two_answers_in_a_row_are_two_signals(helpdesk):
    """A signal is never told from another by its ticket alone: the second answer would be lost as a redelivery."""
    keys = {}
    for event in world.delivered(helpdesk) or world.polled(helpdesk):
        if event.about in {About.TICKET, About.ANSWER}:
            keys.setdefault(event.ticket, set()).add(event.key)
    assert any(len(found) > 1 for found in keys.values()), "no captures show two signals of one ticket with two keys"


@pytest.mark.rule("H8.answer")
def test_answers_that_are_signalled_are_signed_told_apart_and_never_asked_for(telling_helpdesk):
    """Their words are sent as they come: whoever could change the body would write to customers."""
    subject = world.connectors()[telling_helpdesk]
    assert not isinstance(subject.verification, Never), "nothing is signed"
    unsigned = "C4.body" in subject.known_gaps or "C4" in subject.known_gaps
    assert not unsigned, "the words that it signals are not signed"
    told = [each for each in world.happened(telling_helpdesk) if each.answer is not None]
    assert any(each.dismissed == "" and each.answer.text for each in told), "no capture shows an answer"
    assert any(not each.answer.public for each in told), "no capture shows an internal note as one"
    assert any(each.own for each in told), "no capture shows our own words as such"
    words, keys = {}, {}
    for each in told:
        words.setdefault(each.answer.id, set()).add(each.answer.text)
        keys.setdefault(each.key, set()).add(each.answer.id)
    assert all(len(found) == 1 for found in words.values()), "two answers have one id: the second would never be sent"
    assert all(len(found) == 1 for found in keys.values()), "two answers have one key: the second is a redelivery"
    read = subject.replies(told[0].ticket, "", world.reach_of(world.Unrecorded({}), world.Script([])))
    assert len(read) == 0, "its answers are signalled and read: each would be sent twice"


@pytest.mark.rule("H14.status")
def test_what_became_of_a_ticket_is_signalled_each_time_and_with_its_time(helpdesk):
    """An older signal changes nothing, so each says when; a ticket can be solved, reopened and solved again."""
    told = [each for each in world.happened(helpdesk) if each.status is not None]
    assert {each.status for each in told} == set(Status), "the captures do not show a ticket solved and one reopened"
    assert all(each.occurred_at is not None for each in told), "a status has no time"
    keys = {}
    for each in told:
        keys.setdefault((each.ticket, each.status), set()).add((each.object_id, each.version))
    assert any(len(again) > 1 for again in keys.values()), (
        "no captures show a ticket that is solved twice as two signals"
    )


@pytest.mark.rule("H14.neither")
def test_a_change_of_status_that_means_neither_is_shown(status_helpdesk):
    """“Pending” is neither solved nor opened again."""
    assert any(each.about is About.OTHER for each in world.happened(status_helpdesk)), "no capture shows such a change"


@pytest.mark.rule("H14.assigned")
def test_who_has_a_ticket_is_signalled_each_time_and_with_its_time(helpdesk):
    """An agent is assigned, then another, then nobody: three signals, of which the older ones change nothing."""
    told = [each for each in world.happened(helpdesk) if each.assignee is not None]
    assert all(each.occurred_at is not None for each in told), "an assignment has no time"
    agents, keys = {}, {}
    for each in told:
        agents.setdefault(each.ticket, set()).add(each.assignee.id)
        keys.setdefault(each.key, set()).add(each.assignee.id)
    assert any("" in found and len(found) > 2 for found in agents.values()), (
        "no captures show a ticket with one agent, then with another and with none"
    )
    assert all(len(found) == 1 for found in keys.values()), "two assignments have one key: the second is a redelivery"


@pytest.mark.rule("H8.replies")
def test_replies_are_read_without_our_own(helpdesk):
    """An exchange shows replies; its answers hold more comments than come out (private ones, our own)."""
    shown = [item for item in world.exchanges(helpdesk) if item.call == "replies" and item.ends_well]
    assert any(item.data["result"]["replies"] for item in shown)
    for item in shown:
        replies, _ = world.played(item)
        assert [reply.order for reply in replies] == sorted(reply.order for reply in replies)
        assert len({reply.id for reply in replies}) == len(replies)


@pytest.mark.rule("H8.withheld")
def test_what_merely_stands_under_a_colleague_s_name_is_withheld(helpdesk):
    """An exchange shows it: merges and rules write comments as an agent, and anybody can mail in an agent's name."""
    shown = [item for item in world.exchanges(helpdesk) if item.call == "replies" and item.ends_well]
    assert any(reply.get("withheld") for item in shown for reply in item.data["result"]["replies"])
    assert any(not reply.get("withheld") for item in shown for reply in item.data["result"]["replies"])


@pytest.mark.rule("H9.limits")
def test_byte_limits_and_four_byte_characters_are_proven(helpdesk):
    on_the_living(helpdesk, "h9")
    abilities = world.connectors()[helpdesk].abilities
    assert abilities.entry_bytes > 1000


@pytest.mark.rule("H10.attachment")
def test_an_attachment_is_proven_to_arrive(helpdesk):
    if world.connectors()[helpdesk].abilities.attachments:
        on_the_living(helpdesk, "h10")


@pytest.mark.rule("H11.raised")
def test_priority_and_tags_are_proven_to_change_later(updating_helpdesk):
    on_the_living(updating_helpdesk, "h11")
    assert any(writes(item) for item in updates(updating_helpdesk)), "no exchange changes a ticket"


@pytest.mark.rule("H11.once")
def test_a_ticket_that_is_so_already_is_only_looked_at(updating_helpdesk):
    """An exchange shows it, with a priority that agents raised further: what is not to change is not written."""
    looked = [item for item in updates(updating_helpdesk) if not writes(item)]
    assert any(item.data["arguments"]["change"].get("priority") for item in looked), "none shows a higher priority"
    assert any(item.data["arguments"]["change"].get("tags") for item in looked), "none shows tags that are there"
    for item in looked:
        world.played(item)  # one request more fails


@pytest.mark.rule("H11.said")
def test_appending_says_that_it_changed_the_ticket_only_where_another_request_did(appending):
    """`Filed.changed` is believed: nobody asks for the change again."""
    sent, said = [], []
    for change in ({}, {"priority": "urgent", "tags": ["a-tag-of-the-suite"]}):
        data = copy.deepcopy(appending.data)
        for entry in data["arguments"]["entries"]:
            entry["change"] = change
        asked, result = _asked(appending, data)
        sent.append(asked)
        said.append(result is not None and result.changed)
    assert not said[0], "it says that it changed a ticket in which nothing was to change"
    assert not said[1] or sent[0] != sent[1], "it says that it changed the ticket, and made the same requests"


@pytest.mark.rule("H13.asked")
def test_whether_a_closed_ticket_is_opened_again_is_the_company_s_rule(closing_helpdesk):
    """An exchange shows one closed too long ago. With another rule it is opened again: no connector has its own."""
    gone = [
        item
        for item in world.exchanges(closing_helpdesk)
        if item.call == "append" and item.data["result"].get("gone", {}).get("state") == "closed"
    ]
    asked = []

    def always(closed_at):
        asked.append(closed_at)
        return True

    for item in [item for item in gone if "reopen_days" in item.data]:
        reach = world.dataclasses.replace(world.reach_of(item, world.Script(item.data["steps"])), reopens=always)
        with suppress(AssertionError, DeskwireError):  # it goes on, which is not recorded
            world.called(item, item.data, reach)
    assert any(closed_at is not None for closed_at in asked), "no exchange shows a ticket closed too long ago"


@pytest.mark.rule("H12.told")
def test_a_customer_s_earlier_tickets_are_proven_to_be_told_and_nobody_else_s(helpdesk):
    assert isinstance(world.connectors()[helpdesk], History), "it cannot be asked for a person's tickets"
    on_the_living(helpdesk, "h12")
    told = [item.data["result"]["earlier"] for item in histories(helpdesk)]
    assert [] in told, "no exchange shows a customer without earlier tickets"
    assert any({True, False} <= {each["open"] for each in found} for found in told), "none shows open and closed ones"
    assert all(each["ticket"] and each["subject"] for found in told for each in found)


@pytest.mark.rule("H12.complaint")
def test_a_complaint_among_them_is_told(remembering_helpdesk):
    told = [each for item in histories(remembering_helpdesk) for each in item.data["result"]["earlier"]]
    assert any(each.get("complaint") for each in told)
    assert any(not each.get("complaint") for each in told)


@pytest.mark.rule("H12.person")
def test_another_customer_makes_another_request(remembering_helpdesk):
    """So only this person's tickets can be among the answers."""
    for item in histories(remembering_helpdesk):
        data = copy.deepcopy(item.data)
        data["arguments"]["external_id"] += "-another"
        assert _requests(item, item.data) != _requests(item, data)


@pytest.mark.rule("H12.reads")
def test_a_lookup_changes_nothing(remembering_helpdesk):
    for item in histories(remembering_helpdesk):
        for step in item.data["steps"]:
            assert step["request"]["method"] in {"GET", "POST"}, "it may read, and search by a POST"


def histories(helpdesk):
    return [item for item in world.exchanges(helpdesk) if item.call == "history" and item.ends_well]


def updates(helpdesk):
    return [item for item in world.exchanges(helpdesk) if item.call == "update" and item.ends_well]


def writes(exchange):
    """Return whether it ends in a request that changes something."""
    return exchange.data["steps"][-1]["request"]["method"] != "GET"


@pytest.mark.rule("H1.abilities")
def test_each_ability_a_helpdesk_claims_is_shown_by_an_exchange(helpdesk):
    subject, shown = world.connectors()[helpdesk], calls(helpdesk)
    assert {"open", "append", "find", "replies"} <= shown
    if isinstance(subject, Redacts):
        assert "redact" in shown
    if isinstance(subject, GivesFiles):
        assert "file" in shown
    if isinstance(subject, PollsTickets):
        assert "poll" in shown
    if isinstance(subject, Updates):
        assert "update" in shown
    if isinstance(subject, History):
        assert "history" in shown
    assert subject.abilities.polls == isinstance(subject, PollsTickets)
    if subject.abilities.several:
        assert any(
            len(item.data["arguments"]["entries"]) > 1 for item in world.exchanges(helpdesk) if item.call == "append"
        ), "several entries at once are claimed and not shown"


def test_the_clock_of_exchanges_is_in_the_past():
    for exchange in world.everything()[1]:
        assert world.now_of(exchange) < datetime(2030, 1, 1, tzinfo=UTC)
