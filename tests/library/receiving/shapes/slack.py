"""As Slack is: the registration check is a signed POST whose challenge comes back."""

from datetime import date, timedelta

from deskwire.contracts.channel import Channel
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import read
from deskwire.web.request import Response

PAGE, CHECKED = "https://api.slack.com/apis/events-api", date(2026, 11, 21)


class Slack(Channel):
    name = "slack"
    title = "Slack"
    verification = HmacHeader(
        header="X-Slack-Signature", secret="signing_secret", prefix="v0=", signed="v0:{timestamp}:{body}",
        timestamp_header="X-Slack-Request-Timestamp",
    )  # fmt: skip
    terms = Terms(
        body_limit=Figure(1000, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=3), PAGE, CHECKED),
        redelivery=Figure(timedelta(hours=1), PAGE, CHECKED),
    )

    def greeting(self, request, secrets):
        body = read(request.body)
        return Response(200, body["challenge"].text()) if body["type"].text("") == "url_verification" else None

    def parse(self, request):
        body = read(request.body).object()
        event = body["event"].object()
        yield Event(
            channel=self.name, account=body["team_id"].identifier(), kind=Kind.MESSAGE,
            object_id=event["ts"].identifier(), verb=ADD, thread=event["channel"].identifier(),
            visibility=Visibility.PRIVATE, author=Author(event["user"].identifier()), text=event["text"].text(),
        )  # fmt: skip
