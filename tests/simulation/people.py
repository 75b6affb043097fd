"""The customers of the simulated world, each as their platform has them: what they say, and what they read from us."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deskwire.model.keys import digest
from deskwire.ports.outbox import TableOutbox
from sandbox.platforms.webchat.played import CHAT, message
from sandbox.platforms.whatsapp.books import NUMBERS
from sandbox.platforms.x.played import ACCOUNT, HANDLE

PAGE = "410000000000001"
PICTURES = "scontent.xx.fbcdn.net"  # the host of what customers attach
WHATSAPP = next(iter(NUMBERS.values()))
TWIN = "410000000001001"  # a page in whose inbox people happen to have the same ids


@dataclass(eq=False)
class Said:
    """One thing that a customer wrote, edited or took back. `token` stands in its words and nowhere else."""

    token: str
    kind: str
    at: datetime
    name: str = ""  # the platform's id
    about: Said | None = None
    deliveries: list = field(default_factory=list)
    entry: dict | None = None
    endpoint: str = "meta"  # whose webhook tells of it
    parked: bool = False  # nobody could read it, until it is replayed
    picture: str = ""  # the address of what is attached

    @property
    def taken(self):
        return self.taken_at is not None

    @property
    def begun_at(self):
        """When we first heard of it, whatever we answered; None when we never did."""
        return min((each.begun_at for each in self.deliveries if each.begun_at), default=None)

    @property
    def first(self):
        """When it was first brought to us, by the number of deliveries before it; None when it never was."""
        return min((each.first for each in self.deliveries if each.first), default=None)

    @property
    def accepted(self):
        """When we first answered with 2xx, likewise."""
        return min((each.accepted for each in self.deliveries if each.accepted), default=None)

    @property
    def taken_at(self):
        """When we first answered with 2xx; None when we never did."""
        return min((each.taken_at for each in self.deliveries if each.taken_at), default=None)


class Customer:
    """Somebody who writes. Each platform has its own kind."""

    channel = ""
    endpoint = "meta"
    edits_reach_us = True
    apart = 0  # conversations that may have begun before we could know that they are the same person's

    def __init__(self, world, name, page=PAGE, person=None):
        self.world = world
        self.name = name
        self.page = page
        self.person = person or self._introduced(name)
        self.said = []
        self.root = ""
        self.said_before_the_mirror = 0  # how many things
        self.desk = "desk"  # whose agents answer: the other one's once the company has moved
        self.expects = True  # an acknowledgement, when all goes well
        self.erasing = self.erased = self.certificate = None  # when somebody began and ended to erase them
        self.known = False  # to us, when that began
        self.erasures = 0  # runs of the command, also those that did not come to an end: she may write in between

    def __repr__(self):
        return f"{self.name} ({self.channel})"

    @property
    def thread(self):
        """The key of the conversation."""
        return f"{self.channel}/{self.page}/{self.place}"

    def says(self, words="where is my parcel?"):
        """Say something that is not delivered yet."""
        token = next(self.world.tokens)
        return self._kept(
            Said(token, "message", self.world.now()), self._written(f"{token} {words}"), f"writes {token}"
        )

    def stops(self):
        """Ask for no more automatic answers: a word that stands alone, so without a token."""
        self.world.deliver(self._kept(Said("", "message", self.world.now()), self._written("STOP"), "writes “STOP”"))

    def agrees(self):
        """Say yes to what we asked: a word that stands alone, so without a token."""
        self.world.deliver(self._kept(Said("", "message", self.world.now()), self._written("yes"), "writes “yes”"))

    def rates(self, number="4"):
        """Press a button of our question, or write its number where there is none: without a token."""
        self.world.deliver(self._kept(Said("", "message", self.world.now()), self._pressed(number), f"gives {number}"))

    def _pressed(self, number):
        return self._written(number)

    def writes(self, words="where is my parcel?", after=0.0):
        said = self.says(words)
        self.world.deliver(said, after=after)
        return said

    def shows(self, words="look at this"):
        """Write with a picture."""
        token = next(self.world.tokens)
        address = f"https://{PICTURES}/v/{token.strip('w')}.png"  # not the token: a link in the ticket is not her words
        picture = {"type": "image", "payload": {"url": address}}
        said = Said(token, "message", self.world.now(), picture=address)
        self._kept(said, self._written(f"{token} {words}", attachments=[picture]), f"writes {token} with a picture")
        self.world.deliver(said)
        return said

    def edits(self, about, after=0.0):
        token = next(self.world.tokens)
        number = 1 + len([each for each in self.said if each.about is about])
        told = self._rewritten(about, f"{token} I meant another one", number)
        said = self._kept(Said(token, "edit", self.world.now(), about=about), told, f"edits {about.token}: {token}")
        self.world.deliver(said, after=after)
        return said

    def unsends(self, about, after=0.0):
        said = Said("", "deletion", self.world.now(), about=about)
        self._kept(said, self._removed(about), f"takes back {about.token}")
        self.world.deliver(said, after=after)
        return said

    def again(self, said, after=0.0):
        """Let the platform deliver something once more."""
        self.world.tell(f"the platform repeats {said.token or said.kind}")
        self.world.deliver(said, after=after)

    def _kept(self, said, told, what):
        said.name, said.entry = told
        said.endpoint = self.endpoint
        self.said.append(said)
        self.world.tell(f"{self.name} {what}")
        return said

    def got(self):
        """Return what the customer can read from us, in its order."""
        return [text for _, text in self.heard()]

    def tickets(self):
        """Return the tickets in which this customer's words stand, by the helpdesk's books."""
        tokens = [each.token for each in self.said if each.token]
        books = self.world.desks[self.desk].books()
        return [each for each in books if any(t in words for t in tokens for words in each.words)]


class OnMessenger(Customer):
    """Somebody who writes to the page's inbox."""

    channel = "messenger"

    def _introduced(self, name):
        return self.world.meta.person(name)

    @property
    def author(self):
        """What the channel calls them."""
        return self.person.psid(self.page)

    @property
    def place(self):
        """What the channel calls the conversation."""
        return self.author

    def _written(self, text, **more):
        return self.world.meta.writes(self.person, self.page, text, **more)

    def _pressed(self, number):
        return self.world.meta.chooses(self.person, self.page, number)

    def _rewritten(self, about, text, number):
        return self.world.meta.rewrites(about.name, text, number)

    def _removed(self, about):
        return self.world.meta.unsends(about.name)

    def heard(self):
        """Return what we said, with its time."""
        inbox = self.world.meta.inboxes.get((self.page, self.author))
        return [(each.at, each.text) for each in inbox.messages if each.outgoing] if inbox else []


class OnFacebook(OnMessenger):
    """Somebody who comments on the page's post."""

    channel = "facebook"

    @property
    def author(self):
        return self.person.id

    @property
    def place(self):
        return self.root

    def _written(self, text):
        told = self.world.meta.comments(self.person, self.root or self.world.post, text)
        self.root = self.root or told.id
        return told

    def _rewritten(self, about, text, number):
        return self.world.meta.edits(about.name, text)

    def _removed(self, about):
        return self.world.meta.removes(about.name)

    def heard(self):
        things = self.world.meta.things.values()
        return [(each.at, each.text) for each in things if each.parent == self.root and each.author.id == self.page]


class OnX(Customer):
    """Somebody who sends direct messages on X, which can be asked what we sent, and tells of no edit."""

    channel = "x"
    endpoint = "x"
    edits_reach_us = False

    def __init__(self, world, name, page=ACCOUNT, person=None):
        super().__init__(world, name, ACCOUNT, person)

    def _introduced(self, name):
        x = self.world.x
        return x.person(f"somebody_{len(x.people)}", name)

    @property
    def author(self):
        return self.person.id

    @property
    def place(self):
        return f"dm-{self.person.id}"

    def _written(self, text):
        (body,) = self.world.x.whispers(self.person, text)
        return self.world.x.whispered[-1].id, body

    def heard(self):
        return [(each.at, each.text) for each in self.world.x.whispered if each.recipient == self.person.id]


class InPublicOnX(OnX):
    """Somebody who mentions the account in posts; the first may answer a post of its own (`under`)."""

    under = ""

    @property
    def place(self):
        return self.root

    def _written(self, text):
        body, *_ = self.world.x.writes(
            self.person, f"@{HANDLE} {text}", reply_to=self.said[-1].name if self.said else self.under
        )
        post = next(reversed(self.world.x.posts.values()))
        self.root = post.conversation
        return post.id, body

    def heard(self):
        posts = self.world.x.posts.values()
        return [(each.at, each.text) for each in posts if each.conversation == self.root and each.author.id == ACCOUNT]


class OnWhatsApp(Customer):
    """Somebody with WhatsApp, whose number may change."""

    channel = "whatsapp"
    endpoint = "whatsapp"
    edits_reach_us = False

    def __init__(self, world, name, page=WHATSAPP, person=None):
        super().__init__(world, name, WHATSAPP, person)
        self.people = [self.person]  # who they were, by number

    def _introduced(self, name):
        return self.world.whatsapp.customer(name)

    @property
    def author(self):
        return self.person.thread

    @property
    def place(self):
        return self.people[0].thread

    @property
    def apart(self):
        """One for each number, where a misfortune kept us from reading of the change before she wrote."""
        return len({each.number for each in self.people}) - 1 if self.world.gate.happened else 0

    def changes_number(self, after=0.0):
        """Get another number; the platform tells of it, and tells of it again."""
        self.person, change = self.world.whatsapp.changes_number(self.person, self.page)
        self.people.append(self.person)
        self.world.tell(f"{self.name} has another number")
        for again in (0, 30):
            self.world.notify(change, self.endpoint, after=after + again)

    def hides_number(self):
        """Show no number any more: what she writes from now on names her by the other id alone."""
        self.person = self.world.whatsapp.hides_number(self.person)
        self.people.append(self.person)
        self.world.tell(f"{self.name} hides the number")

    def _pressed(self, number):
        return self.world.whatsapp.presses(self.person, self.page, number)

    def _written(self, text):
        return self.world.whatsapp.writes(self.person, self.page, text)

    def heard(self):
        threads = {each.thread for each in self.people}
        return [(each.at, each.text) for each in self.world.whatsapp.messages if each.ours and each.thread in threads]


class OnWebChat(Customer):
    """Somebody who chats on the company's site; what the page shows is the thread's outbox."""

    channel = "webchat"
    endpoint = "webchat"
    edits_reach_us = False
    link = ""  # the token of the one-time link that they came by

    def __init__(self, world, name, page=CHAT, person=None):
        super().__init__(world, name, CHAT, person)

    def _introduced(self, name):
        return digest(f"{name} {len(self.world.customers)}")[:32]

    @property
    def author(self):
        return self.person

    @property
    def place(self):
        return self.person

    def _pressed(self, number):
        outbox = TableOutbox(self.world.table.memory, self.world.now)
        shown = [each.offers for each in outbox.read(self.thread, "") if each.offers]
        payload, title = next(each for each in shown[-1] if each[1].startswith(number))
        name, body = self._written(title)
        return name, {**body, "choice": payload}

    def _written(self, text):
        number = str(uuid.UUID(digest(f"{self.person} {text}")[:32]))
        # `visitor` is read by the world, which gives the request her session's token, and by nobody else.
        return f"{self.person}.{number}", message(text, number, visitor=self.person, link=self.link)

    def heard(self):
        outbox = TableOutbox(self.world.table.memory, self.world.now)
        return [(datetime.fromtimestamp(each.at, UTC), each.text) for each in outbox.read(self.thread, "")]


CUSTOMERS = {
    "messenger": OnMessenger,
    "facebook": OnFacebook,
    "x": OnX,
    "x in public": InPublicOnX,
    "whatsapp": OnWhatsApp,
    "webchat": OnWebChat,
}
