"""A thread that waits because the helpdesk is left alone has not failed: it goes on as soon as others do."""

from sandbox.neighbour import throttled


def test_a_message_and_an_agents_answer_that_are_held_up_together_count_as_no_failure(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.faults.add(throttled(30), times=1)
    company.deliver(company.message("Is anybody there?"))
    company.work()  # refused: from now on everybody leaves the helpdesk alone
    failed = company.thread()["attempts"]
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    held = company.thread()
    assert len(held["pending"]) == 2
    assert held["attempts"] == failed
    company.tick(40)
    company.sweep()
    company.work()
    assert "It is on its way." in company.graph.sent[-1]["message"]["text"]
    assert not company.thread()["pending"]
