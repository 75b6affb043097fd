"""As Mastodon is: nothing is delivered, it is only polled."""

from datetime import date, timedelta

from deskwire.contracts.channel import Channel, Page
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.verification.never import Never
from deskwire.web.rest import Call, checked

PAGE, CHECKED = "https://docs.joinmastodon.org/methods/notifications/", date(2026, 11, 21)


class Mastodon(Channel):
    name = "mastodon"
    title = "Mastodon"
    verification = Never()
    terms = Terms(
        body_limit=Figure(0, PAGE, CHECKED),
        deadline=Figure(timedelta(seconds=1), PAGE, CHECKED),
        redelivery=Figure(timedelta(0), PAGE, CHECKED),
        every=Figure(timedelta(minutes=1), PAGE, CHECKED),
    )

    def poll(self, cursor, reach):
        call = Call("GET", f"https://mastodon.example/api/v1/notifications?min_id={cursor or 0}")
        rows = list(checked(reach.http(call), what="looking for mentions").node().items())
        events = [
            Event(
                channel=self.name, account=reach.account, kind=Kind.MESSAGE, object_id=row["id"].identifier(), verb=ADD,
                thread=row["status"].identifier(), visibility=Visibility.PUBLIC,
                author=Author(row["account"].identifier()), text=row["content"].text(),
            )
            for row in rows
        ]  # fmt: skip
        return Page(events, events[-1].object_id if events else cursor)
