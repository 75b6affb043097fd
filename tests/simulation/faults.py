"""Planted faults: mistakes somebody could make in the product, each one line, each to be caught by the simulator.

A fault replaces a piece of a module's source while the simulation runs. A piece that is not there any more is a
mistake of this list, and fails.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import itertools
import re
import textwrap
from dataclasses import dataclass

from deskwire.model.errors import TemporaryError

from . import explore, histories
from .scenarios import SCENARIOS


@dataclass(frozen=True)
class Fault:
    """A mistake: `before` becomes `after` in `owner.name`; the scenarios that show it come first."""

    name: str
    owner: str  # module and class, after `deskwire.`
    function: str
    before: str
    after: str
    shown_by: tuple
    misfortunes: tuple = ()  # what has to happen in the first of them (see `explore.plan_of`); else anything may


FAULTS = (
    Fault("the outcome is written before the call", "conversation.filing:Filing", "_open",
          "filed = turn.helpdesk.open(ticket, turn.inside)",
          "turn.file([end(item.message, Outcome.FILED)]); filed = turn.helpdesk.open(ticket, turn.inside)",
          ("first message (messenger, zendesk)",)),
    Fault("nobody asks after doubt", "conversation.filing:Filing", "_without_found",
          "if not any(item.doubtful for item in items):", "if True:",
          ("first message (messenger, requesttracker)", "follow up (messenger, zendesk)")),
    Fault("the survivor of a merge is not asked after doubt", "conversation.filing:Filing", "_gone",
          "self._append(turn, self._without_found(turn, group))", "self._append(turn, group)",
          ("merged ticket (messenger, zendesk)",)),
    Fault("a follow-up is not asked for after doubt", "conversation.filing:Filing", "_gone",
          "self._append(turn, self._without_found(turn, group), follow_up_of=previous)",
          "self._append(turn, group, follow_up_of=previous)",
          ("closed ticket then a long outage (messenger, zendesk)",)),
    Fault("dedupe goes by the time of arrival", "conversation.recorded:Recorded", "item",
          "pk, sk = message_item(thread_key, self.key)",
          "pk, sk = message_item(thread_key, self.key + self.received_at)",
          ("redelivery (messenger, zendesk)",)),
    Fault("the acknowledgement is sent without its intent", "conversation.converse:", "_intend",
          'send=ack.message.key if ack else ""', 'send=""',
          ("first message (messenger, zendesk)",)),
    Fault("the acknowledgement counts only once it was sent", "conversation.converse:", "_intend",
          "more=turn.acknowledging()", "more={}",
          ("nobody works for two hours (messenger, zendesk)",)),
    Fault("a 429 is swallowed", "conversation.converse:Conversation", "_file",
          "self._ask(turn, requests, lambda: filing.file(turn, plan))",
          "self._ask(turn, requests, lambda: filing.file(turn, plan)); "
          "turn.outcomes += [end(each.message, Outcome.FILED) for each in plan.file] if turn.trouble else []; "
          "turn.trouble = None",
          ("rate limit (messenger, zendesk)",)),
    Fault("a thread's key has no connection", "model.events:Event", "thread_key",
          "compose(self.channel, self.account, self.thread)", "compose(self.channel, self.thread)",
          ("one person on two pages (messenger, zendesk)",)),
    Fault("a thread's key has no person", "model.events:Event", "thread_key",
          "compose(self.channel, self.account, self.thread)", "compose(self.channel, self.account)",
          ("two customers in one delivery (messenger, zendesk)",)),
    Fault("a worker that was held up trusts what it knew", "conversation.converse:Conversation", "_record",
          "existing is None and self.clock() - began < RECHECK_AFTER", "existing is None",
          ("two workers on one thread (messenger, zendesk)",)),
    Fault("the lease is not looked at", "conversation.ledger:Ledger", "_take",
          '("lease_until", AtMost(now)),', "",
          ("two workers on one thread (messenger, zendesk)", "two workers on one reply (messenger, zendesk)")),
    Fault("the end forgets the fence", "conversation.ledger:Ledger", "_release",
          'when=[("lease_owner", Equals(self.owner))]', "when=[]",
          ("two workers and an outage (messenger, zendesk)",)),
    Fault("a public answer is sent again after a time-out", "conversation.sending:Sending", "send",
          "if not first: return self._asked(turn, message, permit)", "if False: pass",
          ("agents reply (messenger, zendesk)",)),
    Fault("an answer that timed out counts as surely not sent", "conversation.sending:Sending", "send",
          "if not error.ambiguous:", "if True:",
          ("agents reply (messenger, zendesk)",)),
    Fault("what surely was not sent counts as sent", "conversation.sending:Sending", "send",
          'return "failed", None, str(error) return self._asked',
          'return "sent", Sent(("none",)), ""\n            return self._asked',
          ("platform down for a while (messenger, zendesk)",)),
    Fault("who said stop is acknowledged", "conversation.acknowledging:", "unwelcome",
          "ledger.opted_out(channel, author.id)", "False",
          ("acknowledgement to who said stop (messenger, zendesk)",)),
    Fault("what was written long ago is acknowledged", "care.acknowledge:", "_of_the_thread",
          "now - event.occurred_at > policy.late", "False",
          ("acknowledgement out of its time (messenger, zendesk)",)),
    Fault("what comes minutes late does not say so", "conversation.wording:", "body",
          "if event.occurred_at and latest and", "if False and",
          ("out of order by minutes (messenger, zendesk)",)),
    Fault("an answer that did not go out is not noted", "conversation.turn:Turn", "note",
          "self.added.append(note)", "pass",
          ("reply out of the window (messenger, zendesk)",)),
    Fault("a failing message loses the rest of its batch", "runtime:", "converse",
          'return [each["messageId"] for each in records[number:]]', 'return [record["messageId"]]',
          ("album (messenger, zendesk)", "follow up (messenger, zendesk)")),
    Fault("an edit counts as a duplicate", "letters:", "letter_of",
          "digest(compose(endpoint, event.key))", "digest(event.original)",
          ("edit (messenger, zendesk)",)),
    Fault("what is postponed is not due", "conversation.turn:Turn", "closing",
          'changes["due_at"] = seconds(self.now) + max(', 'changes["late_at"] = seconds(self.now) + max(',
          ("outage and recovery (messenger, zendesk)",)),
    Fault("what is pending is not due when it goes on right away", "conversation.turn:Turn", "closing",
          'changes["due_at"] = seconds(self.now) + NET_PAUSE', "pass",
          ("reply out of the window (messenger, zendesk)",)),
    Fault("what may have happened counts as clean", "conversation.turn:Turn", "closing",
          "key not in self.begun", "True",
          ("follow up (messenger, zendesk)", "first message (messenger, requesttracker)")),
    Fault("messages are filed in the order of their arrival", "conversation.decide:", "_order",
          "return (0, event.occurred_at.timestamp(), ", "return (0, -event.occurred_at.timestamp(), ",
          ("outage and recovery (messenger, zendesk)",)),
    Fault("a lost queue is answered with 200", "receiving.receiver:Receiver", "_enqueue",
          "self.mailbox.send(letters)",
          "__import__('tests.simulation.faults').simulation.faults.quietly(self.mailbox.send, letters)",
          ("first message (messenger, zendesk)",)),
    Fault("only the first event of a delivery is kept", "receiving.receiver:Receiver", "_enqueue",
          "letters_of(events,", "letters_of(events[:1],",
          ("album (messenger, zendesk)",)),
    Fault("the ticket is noted without a way back", "conversation.ledger:Ledger", "_ways_back",
          'initial=target, remove=["told", "early", "early_keys", "expires"],', "",
          ("first message (messenger, zendesk)",)),
    Fault("a way back that could not be noted is forgotten", "conversation.converse:", "_finish",
          "turn.remapped or turn.unnoted", "turn.remapped",
          ("first message (messenger, zendesk)",)),
    Fault("sweep wakes nobody", "sweeping.sweeper:Sweeper", "_wake",
          "if letters:", "if not letters:",
          ("outage and recovery (messenger, zendesk)",)),
    Fault("the cursor moves before the mailbox has it", "conversation.polling:Polling", "_take",
          "if pending:",
          "if self.table.put(Put({'pk': key[0], 'sk': 'CURSOR', 'cursor': page.cursor})) or pending:",
          ("agents reply found by polling (messenger, requesttracker)",)),
    Fault("an edit's words stay when its message is taken back", "conversation.gathering:Gathering", "_with_original",
          "earlier=tuple(earlier)", "earlier=()",
          ("edited and taken back (messenger, zendesk)",)),
    Fault("what comes after its own deletion is filed", "conversation.gathering:Gathering", "_with_original",
          "self.ledger.withdraw(turn.thread.key, event)", "pass",
          ("taken back before it came (messenger, zendesk)",)),
    Fault("an answer before the way back is not marked", "conversation.ledger:Ledger", "whose",
          'set={"told": True, **self._expires()},', "",
          ("a reply as soon as the ticket is seen (messenger, zendesk)",)),
    Fault("the mark of an early answer is not looked at", "conversation.ledger:Ledger", "_ways_back",
          'when=[told] if known else [("told", Absent())],', "",
          ("a reply as soon as the ticket is seen (messenger, zendesk)",)),
    Fault("an early answer is forgotten when its worker dies", "conversation.ledger:Ledger", "_opening",
          'changes["pending"] = [*thread.pending, *(each.key for each in added if each.signal is not None)]', "",
          ("a reply as soon as the ticket is seen (messenger, zendesk)",),
          (("late", "POST acme/api/v2/tickets.json", 1), ("after", "table transact M", 1))),
    Fault("a told answer is known by its signal and not by its id", "conversation.relaying:", "_key",
          'compose("reply", turn.definition.name, reply.id)',
          'compose("reply", turn.definition.name, reply.id, str(len(turn.before.pending)), turn.now.isoformat())',
          ("answers in a desk that tells them (messenger, hotline)",)),
    Fault("the way back forgets which early answers are known", "conversation.ledger:Ledger", "_ways_back",
          'when=[told] if known else [("told", Absent())],', "when=[],",
          ("an answer told as soon as the ticket is seen (messenger, hotline)",)),
    Fault("what became of a ticket is not heard", "conversation.turn:Turn", "hear",
          "if at >= self.thread.status_at:", "if False:",
          ("solved and reopened (messenger, hotline)",)),
    Fault("a solved ticket stays solved when the customer writes", "conversation.turn:Turn", "file",
          "if self.thread.status is Status.SOLVED:", "if False:",
          ("solved and reopened (messenger, hotline)",)),
    Fault("one sending is settled twice", "conversation.turn:Turn", "settle",
          "if before is not None:", "if False:",
          ("agents reply (messenger, zendesk)",),
          (("lost", "POST graph/v26.0/410000000000001/messages", 1), ("lost", "table get S", 1))),
    Fault("what may stand twice does not say so", "conversation.entries:", "_words",
          "if item.doubtful and not", "if False and not",
          ("first message (messenger, logbook)",)),
    Fault("a deletion overlooks what was filed with it", "conversation.filing:Filing", "_taken_back",
          "each for each in turn.outcomes if", "each for each in () if",
          ("deletion at once (messenger, zendesk)",)),
    Fault("an edit is filed after its message was taken back", "conversation.gathering:Gathering", "_with_original",
          "withdrawn=withdrawn", "withdrawn=False",
          ("edit that came after all was taken back (messenger, zendesk)",)),
    Fault("a text about to be sent is forgotten at the end", "conversation.turn:Turn", "_unknown",
          "*self.intended,", "",
          ("agents reply (messenger, zendesk)",),
          (("lost", "POST graph/v26.0/410000000000001/messages", 1), ("lost", "table get S", 1))),
    Fault("what comes after an erasure is filed", "conversation.decide:", "_erased",
          "if event.author is None", "if True or event.author is None",
          ("erase during delivery (messenger, zendesk)",)),
    Fault("an erased message's key goes, too", "operating.erasing:Eraser", "_message",
          "self.table.transact([bare,", "self.table.transact([Delete((row['pk'], row['sk'])),",
          ("erase during delivery (messenger, zendesk)",)),
    Fault("an erased message's words stay in the ticket", "operating.erasing:Eraser", "_message",
          "if thread is not None and entry:", "if False:",
          ("erase during delivery (messenger, zendesk)",)),
    Fault("an erasure ends before the helpdesk was asked", "operating.erasing:Eraser", "erase",
          'end = {"complete": not again,', 'end = {"complete": True,',
          ("erase during delivery (messenger, zendesk)",)),
    Fault("an erased customer's ticket says nothing", "operating.erasing:Eraser", "_cut",
          "self._tell(thread, ticket)", "pass",
          ("erase during delivery (messenger, zendesk)",)),
    Fault("an erasure does not ask for what is in doubt", "operating.erasing:Eraser", "_stands",
          "if message.key in thread.was_clean or", "if True or",
          ("erase what is in doubt (messenger, zendesk)",)),
    Fault("what was parked is taken away before the mailbox has it", "operating.replaying:Replayer", "replay_parked",
          "letters = letters_of(", "pile.remove(found); letters = letters_of(",
          ("parked delivery replayed after a fix (messenger, zendesk)",)),
    Fault("an acknowledgement that a dead worker began has no end",
          "conversation.acknowledging:Acknowledging", "close_begun",
          "if key.startswith", "if False and key.startswith",
          ("first message (messenger, zendesk)",)),
    Fault("a deletion may stand before what it takes back", "conversation.decide:", "_order",
          "event.kind is Kind.DELETION", "False",
          ("taken back in the second it was written (messenger, zendesk)",),
          (("refused", "table query M", 1),)),
    Fault("the words of a deleted message stay", "conversation.filing:Filing", "_redact",
          "if not each.entry", "if each.entry",
          ("deletion (messenger, zendesk)",)),
    Fault("a deletion is done before the words are out", "conversation.filing:Filing", "_filed",
          "turn.begun.update(_keys([item]))", "turn.file([_filed(item.message, filed)])",
          ("deletion (messenger, zendesk)",)),
    Fault("nobody notes what is filed in one entry", "conversation.filing:Filing", "_unite",
          "self.entries.ledger.unite(turn.thread, joined)", "pass",
          ("album that is one thing (messenger, zendesk)",),
          (("after", "PUT acme/api/v2/tickets/88001.json", 1),)),
    Fault("a dead worker keeps its place", "conversation.limits:Limits", "_taken",
          "now + PLACE_SECONDS", "now + 1000 * PLACE_SECONDS",
          ("one call at once and one message a minute (messenger, zendesk)",),
          (("after", "table update P", 1),)),
    Fault("the marks are left off", "helpdesks.zendesk.comments:", "metadata",
          "mark(entry.key) for entry in batch", "mark(entry.key)[:7] for entry in batch",
          ("follow up (messenger, zendesk)",)),
    Fault("a merged ticket is not followed", "helpdesks.zendesk:", "_closed",
          'return TicketGone("merged", into, audit["created_at"].iso()) if into else TicketGone("closed")',
          'return TicketGone("deleted")',
          ("merged ticket (messenger, zendesk)",)),
    Fault("what was answered before a merge is brought", "conversation.decide_reply:", "_is_theirs",
          "seconds(written_at) < thread.joined_at", "False",
          ("merged into a ticket of somebody else (messenger, zendesk)",)),
    Fault("who comes back after an erasure is filed under the old key", "conversation.thread:Thread", "filing_key",
          "str(self.created_at)", '""',
          ("back when the erasure is forgotten (messenger, requesttracker)",)),
    Fault("a follow-up that something late opened is not counted", "conversation.decide:", "is_stale",
          "rests = thread.filed_at", "rests = thread.last_inbound",
          ("written long before it came (messenger, zendesk)",)),
    Fault("an answer is known by the ticket that it is read on", "conversation.relaying:", "_key",
          "turn.definition.name, reply.id)", "turn.definition.name, reply.ticket, reply.id)",
          ("two tickets of one customer merged (messenger, requesttracker)",)),
    Fault("a note on an answer goes where the customer is now", "conversation.filing:Filing", "_elsewhere",
          'if ticket in {"", turn.thread.ticket}:', "if True:",
          ("answered in the ticket before (messenger, zendesk)",)),
    Fault("an answer that is read on two tickets is told of twice", "conversation.relaying:Relaying", "_case",
          "repeated=_key(turn, reply) in turn.relayed", "repeated=False",
          ("two tickets of one customer merged (messenger, requesttracker)",),
          (("lost", "table update S", 1),)),
    Fault("one ticket that is gone ends the signals of others", "conversation.relaying:Relaying", "relay",
          "continue if count is None:",
          "turn.outcomes += [end(each, Outcome.REFUSED, 'gone') for each in plan.relay if each is not signal]\n"
          "            return\n        if count is None:",
          ("answers in two tickets one of which is deleted (messenger, zendesk)",)),
    Fault("an answer is brought again when its record is forgotten", "conversation.decide_reply:", "_is_theirs",
          "and case.now - written_at <= REMEMBERED", "",
          ("two tickets in turn for months (messenger, requesttracker)",)),
    Fault("each private matter invites again", "conversation.guarding:Guarding", "_needless",
          "bool(turn.thread.invited_at) or", "",
          ("card number in public (facebook, zendesk)",)),
    Fault("an invitation is sent without its intent", "conversation.guarding:Guarding", "_invited",
          'first = self.ledger.intend(turn.thread, send=message.key, text=text, more={"invited_at": now})',
          "first = True",
          ("card number in public (facebook, zendesk)",)),
    Fault("nobody is woken to hide what could not be hidden", "conversation.timers:", "guards",
          "GUARD not in thread.timers", "False",
          ("card number in public (facebook, zendesk)",)),
    Fault("what cannot be hidden now never is", "conversation.guarding:Guarding", "_failed",
          "isinstance(error, PermanentError) or", "True or",
          ("card number in public (facebook, zendesk)",)),
    Fault("no answer is ever sent", "conversation.relaying:Relaying", "_permit",
          "thread = turn.thread", 'return Refusal("no")',
          ("agents reply (messenger, zendesk)",)),
    Fault("an outage of the helpdesk ends a message as refused", "conversation.filing:Filing", "_append_entries",
          "turn.blame(error, _keys(group)) raise",
          "turn.outcomes += [end(each.message, Outcome.REFUSED, 'no answer') for each in group]\n        return",
          ("follow up (messenger, zendesk)",)),
    Fault("what is in doubt and not found is suppressed", "conversation.filing:Filing", "_without_found",
          "if found is None: left.append(item)",
          "if found is None and item.doubtful and ticket:\n"
          "            turn.outcomes.append(end(item.message, Outcome.SUPPRESSED, 'in doubt'))\n"
          "        elif found is None:\n            left.append(item)",
          ("follow up (messenger, zendesk)",)),
    Fault("a delivery with several events is turned away", "receiving.receiver:Receiver", "_enqueue",
          "self.mailbox.send(letters)",
          "(_ for _ in ()).throw(TemporaryError('many')) if len(letters) > 1 else self.mailbox.send(letters)",
          ("album (messenger, zendesk)",)),
    Fault("an answer goes to another customer", "conversation.ledger:Ledger", "whose",
          "return str(thread_key)",
          "return max(pk[2:] for (pk, sk) in self.table.memory.items if sk == 'THREAD' and pk.startswith('T#'))",
          ("two customers in one delivery (messenger, zendesk)", "two customers in one delivery (facebook, zendesk)")),
    Fault("a customer is known by the id of the last message alone", "conversation.thread:Thread", "ids",
          "return self.known_as or (", "return (",
          ("hidden number (whatsapp, zendesk)",)),
    Fault("a 502 counts as if nothing had happened", "web.rest:", "checked",
          "after=wait(answer.headers), ambiguous=True", "after=wait(answer.headers), ambiguous=False",
          ("follow up (messenger, zendesk)", "agents reply (messenger, zendesk)")),
    Fault("an album is filed the wrong way round", "conversation.decide:", "_order",
          "event.occurred_at.timestamp(), event", "-event.occurred_at.timestamp(), event",
          ("album in an outage (messenger, zendesk)",)),
    Fault("the original of an erased message stays", "operating.erasing:Eraser", "_message",
          '"event", "raw", "raw_at", "note"', '"event", "note"',
          ("erase during delivery (messenger, zendesk)",)),
    Fault("what is parked outlives an erasure", "operating.erasing:Eraser", "_parked",
          "lying = self.parked.look()", "return",
          ("erase what is parked (messenger, zendesk)",)),
    Fault("a dead letter outlives an erasure", "operating.erasing:Eraser", "_dead",
          "more = True", "return",
          ("erase what is dead (messenger, zendesk)",)),
    Fault("a lease that ended is there and empty", "conversation.ledger:Ledger", "_release",
          'set_, remove = dict(changes), ["was_clean", "lease_owner", "lease_until"]',
          'set_, remove = dict(changes) | {"lease_until": None}, ["was_clean", "lease_owner"]',
          ("follow up after a while (messenger, zendesk)",)),
    Fault("a page's token is logged", "conversation.acknowledging:Acknowledging", "send",
          "turn.acknowledge()",
          "turn.acknowledge()\n"
          "    self.telemetry.log('INFO', 'sent', by=turn.outside.secrets.one('page_token').reveal())",
          ("first message (messenger, zendesk)",)),
    Fault("a customer's name is logged", "conversation.acknowledging:Acknowledging", "send",
          "turn.acknowledge()",
          "turn.acknowledge()\n"
          "    self.telemetry.log('INFO', 'sent', to=turn.thread.author.get('name'))",
          ("first message (messenger, zendesk)",)),
    Fault("agents of a helpdesk that cannot redact hear of no deletion", "conversation.decide:", "_needless",
          "if item.gone:", 'if event.kind is Kind.DELETION: return "taken back"\n    if item.gone:',
          ("deletion (messenger, requesttracker)",)),
    Fault("the tracker's message has no key", "helpdesks.requesttracker.tickets:", "tickets_of",
          "marker(key)", "marker(key[1:])",
          ("first message (messenger, requesttracker)",),
          (("after", "POST rt/REST/2.0/ticket", 1),)),
    Fault("echoes are taken for a colleague's words", "conversation.ledger:Ledger", "origin",
          'return item if "thread" in item else {}', "return {}",
          ("agents reply (messenger, zendesk)",)),
    Fault("an outage of the helpdesk silences the acknowledgements", "conversation.converse:Conversation", "_perform",
          "if ack is not None:", "if ack is not None and turn.trouble is None:",
          ("outage and recovery (messenger, zendesk)",)),
    Fault("the quiet period is not kept", "conversation.acknowledging:", "_situation",
          "acknowledged_at=moment(thread.acknowledged_at) if thread.acknowledged_at else None,",
          "acknowledged_at=None,",
          ("follow up after a while (messenger, zendesk)",)),
    Fault("a platform that fails is asked on and on", "conversation.health:Neighbours", "failed",
          "if error.after is None and failures < PATIENCE:", "if error.after is None:",
          ("platform that fails while agents answer (messenger, zendesk)",)),
    Fault("a ticket's own limit holds up the helpdesk", "helpdesks.zendesk.api:Api", "updated",
          "if of_ticket else error", "if False else error",
          ("a tickets own limit (messenger, zendesk)",)),
    Fault("a ticket's own conflict holds up the helpdesk", "helpdesks.zendesk.api:Api", "checked",
          "after=30, ambiguous=True, concerns=Concern.TICKET", "after=30, ambiguous=True",
          ("a tickets own conflict (messenger, zendesk)",)),
    Fault("words wait for their picture", "conversation.entries:Entries", "_files",
          "self._later(turn, following, error)", "raise error",
          ("pictures of a busy host (messenger, zendesk)",)),
    Fault("urgent words leave their ticket as it was", "conversation.filing:Filing", "_change",
          "helpdesk.update(turn.thread.ticket, change, turn.inside)", "pass",
          ("angrier message (messenger, requesttracker)",)),
    Fault("a priority that could not be raised now is forgotten", "conversation.filing:Filing", "_change",
          "if isinstance(error, TemporaryError) and turn.helpdesk.abilities.find_append:", "if False:",
          ("angrier message (messenger, requesttracker)",)),
    Fault("a picture that cannot be had now is forgotten", "conversation.entries:Entries", "_later",
          "turn.missing[following.key] =", "_ =",
          ("pictures of a failing host (messenger, zendesk)",)),
    Fault("a picture that follows is filed again after doubt", "conversation.filing:Filing", "file",
          "words, following = apart(items)",
          "from .entries import follows\n    words, following = apart([*items, *filter(follows, first)])",
          ("pictures of a failing host (messenger, zendesk)",)),
    Fault("who wrote before the incident was opened is not linked", "watching.incidents:IncidentWatch", "_tell",
          "self._link(incident, self._earlier(incident))", "pass",
          ("an incident with an update (messenger, zendesk)",)),
    Fault("what could not be told of an incident is not told again", "watching.watcher:Watcher", "_watch",
          "self.incidents.watch(read)",
          "from tests.simulation.faults import quietly; quietly(self.incidents.watch, read)",
          ("an incident with an update (messenger, zendesk)",), (("refused", "mailbox send", 4),)),
    Fault("an incident that is over tells nobody", "watching.incidents", "incident_in",
          'if new["state"] == old.get("state"):', "if old:",
          ("an incident with an update (messenger, zendesk)",)),
    Fault("an update is said without an intent", "conversation.updating:Updating", "_sent",
          "first = self.ledger.intend(turn.thread, send=key, text=text)", "first = True",
          ("an incident with an update (messenger, zendesk)",),
          (("after", "POST graph/v26.0/410000000000001/messages", 4),)),
    Fault("who writes about an open incident hears the usual", "conversation.acknowledging", "_in_incident",
          "trouble = assess(turn, event).trouble if turn.incidents else None", "trouble = None",
          ("an incident with an update (messenger, zendesk)",)),
    Fault("an automatic answer whose worker died is not shown in the ticket", "conversation.answering:", "_sent",
          "return told or", 'return told or "" and',
          ("answered at night (messenger, zendesk)",)),
    Fault("the thread learns of an automatic answer only once it was sent", "conversation.turn:Turn", "acknowledging",
          "if self.saying is None else", "if self.saying is None or not self.sent else",
          ("answered at night (messenger, zendesk)",)),
    Fault("praise without a ticket is forgotten", "conversation.aside:", "keep",
          "turn.keep(left)", "pass",
          ("praise without a ticket (messenger, zendesk)",)),
    Fault("praise without a ticket is quoted for ever", "conversation.aside:", "keep",
          "(turn.quoted if stands else set())", "set()",
          ("praise without a ticket (messenger, zendesk)",)),
    Fault("the question is sent without its intent", "conversation.surveying:Surveying", "_ask",
          'first = self.ledger.intend(thread, send=asked.key, text=message.text, more={"survey": list(asked)})',
          "first = True", ("survey (messenger, zendesk)",)),
    Fault("another thread's claim of a person counts as ours", "conversation.ledger:Ledger", "claim_survey",
          'return (conflict.item or {}).get("asked_by") == digest(key)', "return True",
          ("survey of one person in two threads (messenger, zendesk)",)),
)  # fmt: skip


def quietly(act, *arguments):
    """Do it; when it fails, say nothing (a part of a planted fault)."""
    with contextlib.suppress(TemporaryError):
        act(*arguments)


@contextlib.contextmanager
def planted(fault):
    """Run with the mistake in the product. Raises `LookupError` when the product has no such piece any more."""
    module_name, _, class_name = fault.owner.partition(":")
    module = importlib.import_module(f"deskwire.{module_name}")
    owner = getattr(module, class_name) if class_name else module
    original = inspect.getattr_static(owner, fault.function)
    function = inspect.unwrap(original.fget if isinstance(original, property) else original)
    source = textwrap.dedent(inspect.getsource(function)).removeprefix("@property\n")
    piece = re.compile(r"\s+".join(re.escape(word) for word in fault.before.split()))
    if not piece.search(source):
        raise LookupError(f"planted fault “{fault.name}”: {fault.owner}.{fault.function} has no “{fault.before}”")
    mistaken = piece.sub(lambda _: fault.after, source, count=1)
    # Compiled where it stands, so that it finds the module's names, and what is patched there.
    space = dict(module.__dict__)
    exec(compile(f"from __future__ import annotations\n{mistaken}", f"<{fault.name}>", "exec"), space)
    made = inspect.unwrap(space[fault.function])
    before = function.__code__
    function.__code__ = made.__code__.replace(co_freevars=before.co_freevars)
    try:
        yield
    finally:
        function.__code__ = before


def caught(fault, most_histories=60):
    """Return the first violation that shows the fault, None when nobody notices."""
    with planted(fault):
        for name in fault.shown_by:
            told = SCENARIOS[name]
            named = (explore.attempt(told, explore.plan_of(told, fault.misfortunes))[1],) if fault.misfortunes else ()
            for violation in itertools.chain(named, explore.singles(told)):
                if violation is not None:
                    return violation
        for seed in range(most_histories):
            _, violation = histories.attempt(histories.of_seed(seed), f"seed {seed}")
            if violation is not None:
                return violation
    return None
