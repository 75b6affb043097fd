"""Every bug the simulator found in the product, as a named story: the world that showed it, with what went wrong."""

from __future__ import annotations

import pytest

from tests.simulation import explore
from tests.simulation.scenarios import SCENARIOS

# What went wrong is named by the effect's own name and its how-manieth occurrence, so that a call more or less does
# not make the story another.
STORIES = {
    "a way back that could not be noted at once was never noted, and the agent's answer found no thread": (
        "first message (messenger, zendesk)", [("refused", "table update thread", 2)]),
    "an answer given before the way back was noted stayed on the ticket": (
        "a reply as soon as the ticket is seen (messenger, zendesk)", [("before", "table update thread", 2)]),
    "an answer given before the helpdesk had said which ticket it opened stayed on the ticket": (
        "a reply as soon as the ticket is seen (messenger, zendesk)", [("late", "POST acme/api/v2/tickets.json", 1)]),
    "what agents had answered to others reached a customer whose ticket was merged into theirs": (
        "merged into a ticket of somebody else (messenger, zendesk)", []),
    "the first message after a late edit opened a second follow-up": (
        "back when all is about to be forgotten (messenger, zendesk)", []),
    "a follow-up whose opener died was forgotten while the helpdesk was busy, and its words went into the old ticket": (
        "follow up then a busy helpdesk (messenger, zendesk)", [("after", "POST acme/api/v2/tickets.json", 1)]),
    "each message that came half a month late opened a ticket": (
        "written long before it came (messenger, zendesk)", []),
    "a note on an answer in a closed ticket was written nowhere": (
        "answered and closed while a follow up was to be opened (messenger, zendesk)", []),
    "a note on an answer in the ticket before was written nowhere": (
        "taken back while a follow up was to be opened (messenger, zendesk)", []),
    "words that opened a follow-up in Request Tracker were taken for a part of the ticket before": (
        "written long before it came (messenger, requesttracker)", [("after", "GET rt/REST/2.0/ticket/102", 1)]),
    "who came back when their erasure was forgotten was taken for the opener of their old ticket, and not filed": (
        "back when the erasure is forgotten (messenger, requesttracker)", [("refused", "table get E", 1)]),
    "an answer in a customer's ticket, into which another of theirs was merged, was sent twice": (
        "two tickets of one customer merged (messenger, requesttracker)", []),
    "a note on an answer that was read on two tickets was written twice, which the table refuses for ever": (
        "two tickets of one customer merged (messenger, requesttracker)", [("lost", "table update S", 1)]),
    "an answer stayed in its ticket since an earlier ticket of the customer had been deleted": (
        "answers in two tickets one of which is deleted (messenger, zendesk)", []),
    "words that were taken back in the second they were written stayed, for their deletion had come first": (
        "taken back in the second it was written (messenger, zendesk)", [("refused", "table query M", 1)]),
    "an answer was sent again a month later when an earlier ticket was answered in between": (
        "two tickets in turn for months (messenger, requesttracker)", []),
    "a deletion whose answer was lost left the words in the ticket": (
        "deletion (messenger, zendesk)", [("lost", "PUT acme/api/v2/tickets/88001.json", 2)]),
    "a deletion that came with its message left the words in the ticket": (
        "deletion at once (messenger, zendesk)", [("refused", "table get H", 1)]),
    "an edit's words stayed when the message was taken back": (
        "edited and taken back (messenger, zendesk)", []),
    "an edit that came after its message had been taken back was filed": (
        "edit that came after all was taken back (messenger, zendesk)", []),
    "a message that came after its own deletion was filed": (
        "taken back before it came (messenger, zendesk)", []),
    "a follow-up whose answer was lost was opened again after Zendesk had forgotten its key": (
        "closed ticket then a long outage (messenger, zendesk)", [("after", "POST acme/api/v2/tickets.json", 1)]),
    "a message whose answer was lost at a merged ticket was written into the survivor twice": (
        "merged ticket (messenger, zendesk)", [("lost", "PUT acme/api/v2/tickets/88002.json", 1)]),
    "an echo and a question about the same sending wrote one item twice, which the table refuses for ever": (
        "first message (messenger, zendesk)", [("before", "table update S", 1), ("lost", "table get M", 1)]),
    "a worker that died after acknowledging left a thread that was acknowledged again": (
        "nobody works for two hours (messenger, zendesk)", [("before", "table update S", 1)]),
    "a worker that was held up after recording filed what another had filed meanwhile": (
        "two workers on one thread (messenger, zendesk)", [("late", "table put M", 1)]),
    "a note whose waking letter never left waited for ever": (
        "reply out of the window (messenger, zendesk)", [("before", "mailbox send", 3)]),
    "an answer that waited a day for the helpdesk while its ticket was closed was taken for an old one": (
        "reply that waited while its ticket was closed (messenger, zendesk)", []),
    "the echo of an answer was taken for a colleague's words when the table could not tell what became of the answer": (
        "agents reply (messenger, zendesk)",
        [("lost", "POST graph/v26.0/410000000000001/messages", 1), ("lost", "table get S", 1)]),
    "an acknowledgement whose worker died stayed “being sent” for ever, and the audit named it each time": (
        "first message (messenger, zendesk)", [("after", "table transact S", 1)]),
    "an erased customer's ticket did not say that answers reach nobody": (
        "erase during delivery (messenger, zendesk)", []),
    "words that a dead worker had filed outlived the erasure of who wrote them": (
        "erase what is in doubt (messenger, zendesk)",
        [("after", "POST acme/api/v2/tickets.json", 1)]),
    "an edit in doubt, then taken back, was not looked for, and its words stayed": (
        "edited and taken back (messenger, zendesk)", [("lost", "PUT acme/api/v2/tickets/88001.json", 1)]),
    "our own echo, whose worker died when its thread but not yet its record told how it ended, was never ended": (
        "a picture without a look back (messenger, zendesk)",
        [("before", "table update S", 1), ("before", "table update M", 1)]),
    "what a helpdesk without keys or questions got twice did not say so": (
        "first message (messenger, logbook)", [("lost", "POST logbook/tickets", 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_it_stays_mended(name):
    scenario, misfortunes = STORIES[name]
    told = SCENARIOS[scenario]
    _, violation = explore.attempt(told, explore.plan_of(told, misfortunes))
    assert violation is None, f"\n{violation}"
