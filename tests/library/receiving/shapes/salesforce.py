"""As Salesforce's outbound messages are: SOAP comes in, and only a SOAP acknowledgement ends the repetitions."""

import re
from datetime import date, timedelta

from deskwire.contracts.helpdesk import Abilities, Helpdesk
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import PayloadError
from deskwire.model.signals import Signal
from deskwire.verification.hmac import HmacHeader
from deskwire.web.request import Response

PAGE, CHECKED = "https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/", date(2026, 11, 21)
ACK = "<soapenv:Envelope><notificationsResponse><Ack>true</Ack></notificationsResponse></soapenv:Envelope>"


class Salesforce(Helpdesk):
    name = "salesforce"
    title = "Salesforce"
    verification = HmacHeader(header="X-Invented-Signature", secret="token")
    terms = Terms(
        body_limit=Figure(5000, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=10), PAGE, CHECKED),
        redelivery=Figure(timedelta(hours=24), PAGE, CHECKED),
    )
    abilities = Abilities(native_key=False, find_open=True, find_append=True, several=False)

    def parse(self, request):
        found = re.findall(rb"<Id>(\w+)</Id><CaseId>(\w+)</CaseId>", request.body)
        if not found and b"<notifications" not in request.body:
            raise PayloadError("no notifications of Salesforce's")
        for notification, case in found:
            yield Signal(helpdesk=self.name, object_id=notification.decode(), ticket=case.decode())

    def acknowledged(self, request, events):
        return Response(200, ACK, {"content-type": "text/xml"})

    def open(self, ticket, reach):
        raise NotImplementedError

    def append(self, ticket, thread, entries, reach):
        raise NotImplementedError

    def find(self, sought, reach):
        raise NotImplementedError

    def replies(self, ticket, after, reach):
        raise NotImplementedError
