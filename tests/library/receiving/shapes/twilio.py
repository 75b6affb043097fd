"""As Twilio is: a form instead of JSON, and an answer in XML, for what tells of nothing as well."""

from datetime import date, timedelta
from urllib.parse import parse_qs

from deskwire.contracts.channel import Channel
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.verification.hmac import HmacHeader
from deskwire.web.request import Response

PAGE, CHECKED = "https://www.twilio.com/docs/messaging/guides/webhook-request", date(2026, 11, 21)
TWIML = "<Response/>"


class Twilio(Channel):
    name = "twilio"
    title = "Twilio"
    verification = HmacHeader(header="X-Invented-Signature", secret="auth_token")
    terms = Terms(
        body_limit=Figure(2000, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=15), PAGE, CHECKED),
        redelivery=Figure(timedelta(0), PAGE, CHECKED),
    )

    def parse(self, request):
        form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
        if "MessageSid" not in form:
            raise PayloadError("no message of Twilio's")
        if "Body" in form:
            yield Event(
                channel=self.name, account=form["To"], kind=Kind.MESSAGE, object_id=form["MessageSid"], verb=ADD,
                thread=form["From"], visibility=Visibility.PRIVATE, author=Author(form["From"]), text=form["Body"],
            )  # fmt: skip

    def acknowledged(self, request, events):
        return Response(200, TWIML, {"content-type": "text/xml"})
