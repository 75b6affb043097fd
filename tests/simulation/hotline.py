"""A helpdesk whose answers cannot be read: its signals hold their words (`Abilities.tells`)."""

from __future__ import annotations

import dataclasses

from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import AgentReply
from deskwire.web.reading import read

from .logbook import Logbook


class Hotline(Logbook):
    """The connector: it files as the logbook does, and is never asked for replies."""

    name = "hotline"
    title = "Hotline"
    abilities = dataclasses.replace(Logbook.abilities, tells=True)

    def replies(self, ticket, after, reach):
        return ()

    def parse(self, request):
        body = read(request.body).object()
        ticket, call = body["ticket"].identifier(), body["call"].identifier()
        if {"status", "assignee"} & body.raw.keys():
            yield Signal(
                helpdesk=self.name, about=About.STATUS, object_id=call, ticket=ticket, occurred_at=body["at"].iso(),
                status=Status(body["status"].text()) if "status" in body.raw else None,
                assignee=Assignee(body["assignee"].text(), body["assignee"].text()) if "assignee" in body.raw else None,
            )  # fmt: skip
            return
        answer = AgentReply(
            id=body["id"].identifier(), order=body["id"].number(), ticket=ticket, text=body["words"].text(),
            author=body["agent"].text(), written_at=body["at"].iso(), public=body["public"].truth(),
        )  # fmt: skip
        yield Signal(helpdesk=self.name, about=About.ANSWER, object_id=call, ticket=ticket, answer=answer)
