"""Stories of what an operator must be able to count on: nothing stays unaccounted, and a person can be forgotten."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import zlib
from collections import Counter

import pytest

from deskwire.care.policy import Private
from deskwire.configuration import helpdesk_key
from deskwire.configuration import item as defined
from deskwire.conversation.ledger import MOST_PENDING
from deskwire.model.errors import TemporaryError
from deskwire.model.keys import digest
from deskwire.operating.erasing import Eraser, Person, mentioned
from deskwire.ports import Put
from deskwire.ports.memory import MemoryPile
from deskwire.ports.outbox import box, place
from deskwire.web.rest import Answer

CUSTOMER, PAGE = "24900000000000017", "410000000000001"
ME = Person("messenger", CUSTOMER)
AUTHOR = "73000000000017"


class Crash(BaseException):
    """The worker is gone."""


def crashed_at_the_helpdesk(company):
    """Have a customer write, and the worker die at its first call of the helpdesk; its letter is used up."""
    company.deliver(company.message("My parcel is lost"))
    http = company.directory.http

    def die(call):
        raise Crash

    object.__setattr__(company.directory, "http", die)
    try:
        company.work()
    except Crash:
        pass
    else:
        raise AssertionError("the helpdesk was not called")
    object.__setattr__(company.directory, "http", http)


def test_a_thread_whose_worker_and_letter_are_both_lost_is_woken_all_the_same(company):
    crashed_at_the_helpdesk(company)
    assert company.outcomes() == {"messenger/410000000000001/m_1/add/": "recorded"}
    company.tick(901)
    assert company.sweep()["woken"] == 1
    company.work()
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.zendesk.tickets) == 1


def test_a_thread_that_is_woken_in_vain_is_counted_and_named_by_its_digest(company):
    crashed_at_the_helpdesk(company)
    company.tick(901)
    company.sweep()
    assert '"UnaccountedEvents":0' in "".join(company.lines)
    company.mailbox.letters.clear()  # nobody works
    company.tick(901)
    company.sweep()
    assert '"UnaccountedEvents":1' in "".join(company.lines)
    (line,) = [line for line in company.lines if "unaccounted" in line]
    assert digest("messenger/410000000000001/24900000000000017")[:12] in line
    company.work()
    company.sweep()
    assert company.lines[-1].count('"UnaccountedEvents":0') == 1


def test_what_is_finished_is_on_nobodys_list(company):
    company.deliver(company.message("My parcel is lost"))
    company.work()
    company.tick(100_000)
    assert company.sweep()["woken"] == 0


# -------------------------------------------------------------------------------------------- a person is forgotten

WORDS = ("My parcel 4471 is lost", "It is the blue one", "Marta", "Lindqvist", "parcel")


@pytest.fixture
def eraser(company):
    owners = itertools.count(1)
    company.dead = []
    return Eraser(
        table=company.table, archive=company.archive, parked=MemoryPile(company.parked.bodies),
        dead=MemoryPile(company.dead), directory=company.directory, clock=company.now,
        owner=lambda: f"eraser-{next(owners)}",
    )  # fmt: skip


def told(company, *texts, **more):
    for text in texts:
        company.deliver(company.message(text, **more))
        company.work()
        company.tick(20)


def kept(company):
    """Return everything that the table, the archive and the queues hold, readable."""
    found = []
    for item in company.table.items.values():
        words = zlib.decompress(item["event"]) if "event" in item else b""
        raw = zlib.decompress(item["raw"]) if item.get("raw") else b""
        found += [repr(item), words.decode(), raw.decode()]
    found += [name + data.decode("utf-8", "replace") for name, data in company.archive.objects.items()]
    found += [base64.b64decode(json.loads(body)["body"]).decode() for body in company.parked.bodies]
    return "\n".join([*found, *map(repr, company.dead), *(letter.body for letter in company.dead)])


def test_of_a_person_who_asks_no_word_and_no_name_is_left(company, eraser):
    told(company, *WORDS[:2])
    company.parked.park(json.dumps({"v": 1, "endpoint": "meta", "side": "channels", "connectors": ["messenger"],
        "reason": "why", "received_at": company.now().isoformat(), "content_type": "",
        "body": base64.b64encode(json.dumps(company.message("parked parcel")).encode()).decode()}))  # fmt: skip
    company.archive.keep("raw/old", json.dumps({"from": CUSTOMER, "text": "an old parcel"}).encode())
    company.archive.keep("raw/others", json.dumps({"from": "1", "text": "of others"}).encode())
    assert all(word in kept(company) for word in WORDS)
    assert eraser.find(ME).names == {CUSTOMER}
    certificate = eraser.erase(ME)
    assert certificate["complete"]
    for word in WORDS:
        assert word not in kept(company), word
    assert "of others" in kept(company)
    assert (certificate["messages"], certificate["threads"], certificate["parked"]) == (2, 1, 1)
    assert certificate["by_hand"] == [f"acme/{company.zendesk.tickets[0].id}"]
    assert CUSTOMER not in repr(certificate)
    assert not [pk for pk, _ in company.table.items if pk.startswith("N#")]  # nor does a reference lead to them


def test_a_preview_says_what_the_certificate_will_say_and_changes_nothing(company, eraser):
    told(company, *WORDS[:2])
    company.archive.keep("raw/old", json.dumps({"from": CUSTOMER, "text": "an old parcel"}).encode())
    company.deliver(company.message("a dead parcel"))
    company.dead += company.mailbox.letters
    company.mailbox.letters.clear()
    before = kept(company)
    found = eraser.preview(ME)
    assert kept(company) == before
    certificate = eraser.erase(ME)
    for name in ("messages", "notes", "files", "parked", "dead", "aliases"):
        assert getattr(found, name) == certificate[name], name
    assert (found.messages, found.files, found.dead, found.conversations) == (2, 1, 1, certificate["threads"])
    assert list(found.tickets) == certificate["by_hand"]
    assert not eraser.preview(Person("messenger", "999"))


def test_neither_a_pages_outbox_nor_a_large_parked_delivery_is_left(company, eraser):
    told(company, "My parcel is lost")
    thread = next(pk[2:] for pk, sk in company.table.items if sk == "THREAD" and pk.startswith("T#"))
    company.table.put(Put({"pk": box(thread), "sk": place(1), "text": "Dear Marta"}))
    body = base64.b64encode(json.dumps({"from": CUSTOMER, "text": "a parked parcel"}).encode()).decode()
    company.archive.keep("parked/large", json.dumps({"body": body}).encode())
    eraser.erase(ME)
    assert not company.table.query(box(thread))
    assert "parked/large" not in company.archive.objects


def test_the_helpdesk_is_asked_to_take_the_words_out(company, eraser):
    told(company, *WORDS[:2])
    assert any("blue one" in words for words in company.comments())
    certificate = eraser.erase(ME)
    assert (certificate["redacted"], certificate["not_redacted"]) == (2, 0)
    assert not any("blue one" in words or "4471" in words for words in company.comments())


@pytest.mark.parametrize("before", [(), ("Where is my parcel?",)])
def test_words_that_a_dead_worker_filed_and_did_not_note_are_taken_out_as_well(company, eraser, before):
    told(company, *before)
    company.deliver(company.message("My address is Elm Street 5"))
    direct = company._direct

    def die(call):
        answer = direct(call)
        if call.method in {"POST", "PUT"} and "/tickets" in call.url:
            raise Crash
        return answer

    company._direct = die
    with pytest.raises(Crash):
        company.work()
    company._direct = direct
    assert "Elm Street" in "".join(company.comments())
    company.tick(1000)
    assert eraser.erase(ME)["complete"]
    assert "Elm Street" not in "".join(company.comments())


def test_what_the_platform_repeats_is_not_filed_again(company, eraser):
    delivered = company.message("My parcel is lost")
    company.deliver(delivered)
    company.work()
    eraser.erase(ME)
    company.tick(3600)
    company.deliver(delivered)
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert "parcel" not in kept(company)


def test_nothing_of_a_flood_is_filed_after_they_asked(company, eraser):
    direct, company._direct = company._direct, lambda _: Answer(503, {}, b"")
    for number in range(MOST_PENDING + 30):
        company.deliver(company.message(f"message {number}"))
    company.work()
    assert company.thread()["waiting"] == 30
    company._direct = direct
    company.tick(400)  # it is asked again, and nobody has gone on yet
    assert eraser.erase(ME)["complete"]
    assert not company.thread()["pending"]
    for _ in range(3):
        company.later(400)
    assert not company.comments()
    thread = company.thread()
    assert not thread["pending"]
    assert not thread["waiting"]
    assert "due_at" not in thread


def test_what_was_on_its_way_ends_without_a_word(company, eraser):
    told(company, "first")
    company.deliver(company.message("second: my parcel"))
    eraser.erase(ME)
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert "parcel" not in kept(company)
    assert sorted(company.outcomes().values()) == ["filed", "suppressed"]


def test_who_writes_again_begins_anew_and_is_known_again(company, eraser):
    told(company, "first")
    eraser.erase(ME)
    company.tick(60)
    told(company, "I am back")
    assert len(company.zendesk.tickets) == 2
    assert "expires" not in company.thread()
    assert company.thread()["author"]["id"] == CUSTOMER


def test_the_helpdesk_is_asked_no_more_about_who_came_back_than_about_others(company, eraser):
    told(company, "first")
    eraser.erase(ME)
    company.tick(60)
    told(company, "I am back")
    company.http_calls.clear()
    company.table.calls.clear()
    told(company, "again")
    ticket = company.zendesk.tickets[-1].id
    assert company.http_calls == [f"acme.zendesk.com PUT /api/v2/tickets/{ticket}.json"]
    assert Counter(company.table.calls) == {"put": 1, "update": 3, "get": 2}


def test_who_comes_back_with_something_written_before_is_kept_as_well(company, eraser):
    """Written earlier than what was erased, delivered later: else the conversation would be gone within a month."""
    written = company.now()
    company.tick(60)
    told(company, "first")
    eraser.erase(ME)
    company.tick(60)
    told(company, "delivered late", at=written)
    assert len(company.zendesk.tickets) == 2
    assert "expires" not in company.thread()


def test_who_comes_back_while_nothing_can_be_filed_is_not_gone_with_their_words(company, eraser):
    told(company, "first")
    eraser.erase(ME)
    company.tick(29 * 86400)
    definition = company.table.items.pop(helpdesk_key("acme"))
    told(company, "I am back")
    assert company.thread()["expires"] >= company.now().timestamp() + 29 * 86400
    company.table.items[helpdesk_key("acme")] = definition
    company.later(600)
    assert len(company.zendesk.tickets) == 2
    assert "expires" not in company.thread()


def test_an_answer_on_the_old_ticket_no_longer_reaches_the_person(company, eraser):
    told(company, "first")
    ticket = company.zendesk.tickets[0].id
    sent = len(company.graph.sent)
    eraser.erase(ME)
    company.zendesk.agent_replies(ticket, "Dear Marta, we found it")
    company.signalled(ticket)
    company.work()
    assert len(company.graph.sent) == sent


def answered(company, text="Dear Marta, we found it"):
    """Have an agent answer the first ticket, and the answer sent; return the echo that the platform delivers of it."""
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, text)
    company.signalled(ticket)
    company.work()
    return company.message(text, mid=f"m_ours{len(company.graph.sent)}", own=True)


@pytest.mark.parametrize("late", [60, 100_000])
def test_an_answers_echo_that_comes_only_after_the_erasure_brings_no_word_back(company, eraser, late):
    told(company, "My parcel is lost")
    echo = answered(company)
    company.tick(60)
    assert eraser.erase(ME)["complete"]
    company.tick(late)
    company.deliver(echo)
    company.work()
    assert "we found it" not in kept(company)
    assert len(company.zendesk.tickets) == 1


@pytest.mark.parametrize("item", ["O#", "M#"])
def test_an_answers_echo_whose_worker_is_slow_while_its_person_is_erased_brings_no_word_back(company, eraser, item):
    """It has looked for what the echo is of, or is about to write the echo down."""
    told(company, "My parcel is lost")
    company.deliver(answered(company))
    get, put = company.table.get, company.table.put

    def erasing(key):
        company.table.get, company.table.put = get, put
        assert eraser.erase(ME)["complete"]

    def getting(key):
        found = get(key)
        if key[0].startswith(item):
            erasing(key)
        return found

    def putting(write):
        if write.item["sk"].startswith(item):
            erasing(write)
        put(write)

    company.table.get, company.table.put = getting, putting
    company.work()
    assert company.table.get == get, "it was erased meanwhile"
    assert "we found it" not in kept(company)


def test_what_a_colleague_wrote_elsewhere_is_erased_though_it_was_on_its_way(company, eraser):
    told(company, "My parcel is lost")
    company.deliver(company.message("Marta, this is Jonas: we found it", own=True))
    assert eraser.erase(ME)["complete"]
    company.work()
    assert "we found it" not in kept(company)


def test_an_answer_whose_worker_died_is_erased_with_its_echo(company, eraser):
    """Nobody noted the platform's id of it: its echo is known by its words alone."""
    told(company, "My parcel is lost")
    company.graph.next = [Crash()]
    with pytest.raises(Crash):
        answered(company)
    echo = company.message("Dear Marta, we found it", mid=f"m_ours{len(company.graph.sent)}", own=True)
    company.tick(400)
    assert eraser.erase(ME)["complete"]
    company.tick(60)
    company.deliver(echo)
    company.work()
    assert "we found it" not in kept(company)


@pytest.mark.parametrize("late", [False, True])
def test_an_echo_under_another_id_of_theirs_is_erased_as_well(company, eraser, late):
    told(company, "My parcel is lost")
    elsewhere = "24900000000000018"
    alias = {"pk": f"T#messenger/{PAGE}/{elsewhere}", "sk": "THREAD", "alias_of": f"messenger/{PAGE}/{CUSTOMER}"}
    company.table.put(Put(alias))
    answered(company)
    echo = company.message("Dear Marta, we found it", mid="m_ours2", own=True, customer=elsewhere)
    if not late:
        company.deliver(echo)
        company.work()
        found = eraser.preview(ME)
    certificate = eraser.erase(ME)
    assert certificate["complete"]
    company.tick(60)
    company.deliver(echo)
    company.work()
    assert "we found it" not in kept(company)
    assert late or found.messages == certificate["messages"]


def test_others_in_the_same_public_conversation_keep_their_words(company, eraser):
    company.deliver(company.comment("My own words", author="71"))
    company.work()
    company.tick(20)
    root = "122200000000501_993300000000077"
    company.deliver(company.comment("What I said", comment="993300000000078", parent=root, author="72"))
    company.work()
    before = {key: item for key, item in company.table.items.items() if key[0].startswith("K#")}
    certificate = eraser.erase(Person("facebook", "72"))
    assert certificate["messages"] == 1
    assert "What I said" not in kept(company)
    assert "My own words" in kept(company)
    assert {key: item for key, item in company.table.items.items() if key[0].startswith("K#")} == before


def test_what_a_dead_worker_had_ended_of_others_keeps_its_outcome(company, eraser):
    company.deliver(company.comment("What I said", author="71"))
    company.work()
    root = "122200000000501_993300000000077"
    company.deliver(company.comment("My own words", comment="78", parent=root, author="72"))
    company.work()
    (place,) = [key for key, each in company.table.items.items() if key[1].startswith("M#") and "_78/" in key[1]]
    done = {name: company.table.items[place].pop(name) for name in ("state", "done_at", "ticket", "entry", "expires")}
    company.table.items[place]["state"] = "recorded"
    company.table.items[(place[0], "THREAD")]["ended"] = {"key": place[1][2:], **done}
    assert eraser.erase(Person("facebook", "71"))["complete"]
    assert company.table.items[place]["state"] == "filed"


def test_a_thread_that_led_to_theirs_is_no_more(company, eraser):
    told(company, "first")
    elsewhere = ("T#facebook/410000000000001/elsewhere", "THREAD")
    company.table.put(Put({"pk": elsewhere[0], "sk": "THREAD", "alias_of": f"messenger/410000000000001/{CUSTOMER}"}))
    assert eraser.erase(ME)["aliases"] == 1
    assert elsewhere not in company.table.items


def test_the_name_on_a_public_comment_and_the_wishes_go_too(company, eraser):
    company.deliver(company.comment("stop", author="71"))
    company.work()
    company.table.put(Put({"pk": "P#facebook/71", "sk": "PERSON", "opted_out": True, "channel": "facebook"}))
    assert "Marta" in kept(company)
    eraser.erase(Person("facebook", "71"))
    assert "Marta" not in kept(company)
    assert "Lindqvist" not in kept(company)
    assert ("P#facebook/71", "PERSON") not in company.table.items


def test_a_helpdesk_that_is_down_is_asked_next_time(company, eraser):
    told(company, *WORDS[:2])
    working = company.directory.http

    def down(call):
        raise TemporaryError("down")

    object.__setattr__(company.directory, "http", down)
    first = eraser.erase(ME)
    assert not first["complete"]
    assert "run it again" in first["again"][0]
    object.__setattr__(company.directory, "http", working)
    second = eraser.erase(ME)
    assert second["complete"]
    assert (second["messages"], second["redacted"]) == (2, 2)
    assert "blue one" not in kept(company)


def test_a_conversation_in_work_is_left_for_the_next_run(company, eraser):
    crashed_at_the_helpdesk(company)
    assert "worked on" in eraser.erase(ME)["again"][0]
    company.tick(200)
    assert eraser.erase(ME)["complete"]
    assert "parcel" not in kept(company)
    assert list(company.outcomes().values()) == ["suppressed"]
    company.later(1000)
    assert not company.zendesk.tickets


def test_a_dead_letter_goes_and_its_event_has_an_outcome(company, eraser):
    company.deliver(company.message("My parcel"), company.message("of others", customer="99"))
    company.dead += company.mailbox.letters
    company.mailbox.letters.clear()
    certificate = eraser.erase(ME)
    assert certificate["dead"] == 1
    assert "parcel" not in kept(company)
    assert "of others" in kept(company)
    assert list(company.outcomes().values()) == ["suppressed"]


def test_wherever_it_is_interrupted_a_second_run_finishes(company, eraser):
    told(company, *WORDS[:2])
    company.deliver(company.message("a dead parcel"))
    company.dead += company.mailbox.letters
    company.mailbox.letters.clear()
    start = copy.deepcopy((company.table.items, company.archive.objects, company.dead))
    steps = _dying(company, eraser, -1, "")
    assert steps > 10
    for number in range(steps):
        for where in ("before", "after"):
            company.table.items, company.archive.objects = copy.deepcopy(start[0]), copy.deepcopy(start[1])
            company.dead[:] = start[2]
            _dying(company, eraser, number, where)
            company.tick(200)  # the lease of who died
            certificate = eraser.erase(ME)
            assert certificate["complete"], (number, where)
            assert certificate["messages"] == 2, (number, where)
            for word in WORDS:
                assert word not in kept(company), (number, where, word)


def _dying(company, eraser, number, where):
    """Run an erasure that dies before or after one of its steps; return how many there were."""
    count = itertools.count()

    def dying(step):
        def run(*arguments):
            mine = next(count) == number
            if mine and where == "before":
                raise Crash
            result = step(*arguments)
            if mine:
                raise Crash
            return result

        return run

    steps = [(company.table, "put"), (company.table, "update"), (company.table, "transact"),
             (company.archive, "remove"), (eraser.dead, "remove"), (eraser.parked, "remove")]  # fmt: skip
    http = company.directory.http
    try:
        object.__setattr__(company.directory, "http", dying(http))
        for owner, name in steps:
            setattr(owner, name, dying(getattr(owner, name)))
        eraser.erase(ME)
    except Crash:
        assert number >= 0
    finally:
        object.__setattr__(company.directory, "http", http)
        for owner, name in steps:
            delattr(owner, name)
        eraser.dead.hidden.clear()  # their time is over
        eraser.parked.hidden.clear()
    return next(count)


def test_the_certificate_names_a_person_by_a_digest_that_is_always_the_same():
    assert ME.digest == Person("messenger", CUSTOMER).digest
    assert ME.digest != Person("facebook", CUSTOMER).digest
    assert CUSTOMER not in repr(ME)


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"id": "7"}', True), ('{"id": 7}', True), ('{"id": "17"}', False), ('{"id": "70"}', False), ("a-7.x", False)],
)
def test_an_id_is_searched_for_as_a_whole(text, found):
    assert mentioned(text, {"7"}) is found


def test_of_somebody_whose_comment_is_still_to_be_hidden_nothing_is_left_to_be_done(company, eraser):
    for known in company.definitions:
        if getattr(known, "policy", None):
            policy = known.policy.model_copy(update={"private": Private(hide=True)})
            company.table.put(Put(defined(known.model_copy(update={"policy": policy}))))
    company.graph.next = [TemporaryError("down")]
    company.deliver(company.comment("my card is 4242 4242 4242 4242", author=AUTHOR))
    company.work()
    (thread,) = [found for key, found in company.table.items.items() if key[1] == "THREAD" and found.get("guards")]
    assert AUTHOR in str(thread["guards"])
    eraser.erase(Person("facebook", AUTHOR))
    assert AUTHOR not in str(company.table.items[thread["pk"], "THREAD"].get("guards"))
    company.later(86_400)
    assert company.graph.sent == []
