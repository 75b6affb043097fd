"""As Viber is: the body names no bot, a registration check is a signed POST, the welcome is the HTTP answer."""

from datetime import date, timedelta

from deskwire.contracts.channel import Channel
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import read
from deskwire.web.request import Response

PAGE, CHECKED = "https://developers.viber.com/docs/api/rest-bot-api/", date(2026, 11, 21)


class Viber(Channel):
    name = "viber"
    title = "Viber"
    verification = HmacHeader(header="X-Viber-Content-Signature", secret="auth_token")
    names_account = False
    endpoint_settings = {"welcome": "the words that greet a new visitor (optional)"}  # noqa: RUF012
    terms = Terms(
        body_limit=Figure(1000, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=5), PAGE, CHECKED),
        redelivery=Figure(timedelta(hours=1), PAGE, CHECKED),
    )

    def greeting(self, request, secrets):
        return Response(200) if read(request.body)["event"].text("") == "webhook" else None

    def parse(self, request):
        body = read(request.body).object()
        if body["event"].text() == "message":
            yield Event(
                channel=self.name, account="", kind=Kind.MESSAGE, object_id=body["message_token"].identifier(),
                verb=ADD, thread=body["sender"]["id"].identifier(), visibility=Visibility.PRIVATE,
                author=Author(body["sender"]["id"].identifier()), text=body["message"]["text"].text(),
            )  # fmt: skip

    def acknowledged(self, request, events):
        if read(request.body)["event"].text("") != "conversation_started":
            return None
        return Response.json(200, {"type": "text", "text": request.facts.get("setting.welcome", "")})
