"""A whole company in one process, on one clock: the product's own code between played platforms and helpdesks.

    world = World(plan={7: "lost"}, desk="zendesk")
    marta = world.customer("Marta")
    marta.writes()
    world.quiet()                       # until nothing is left to be done
    assert not promises.broken(world)

There is no thread and no socket: whoever acts next is chosen here, by the clock (and by a seed, where one is given).
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import random
from concurrent import futures
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from deskwire import registry, runtime
from deskwire.care.answers import Answer as Declared
from deskwire.care.policy import Policy
from deskwire.channels import messenger
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, HelpdeskConnection, Incidents, helpdesk_key, item
from deskwire.conversation.converse import Conversation
from deskwire.conversation.directory import Directory
from deskwire.conversation.incidents import SCOPES
from deskwire.model.errors import Concern, TemporaryError
from deskwire.model.events import Kind, Unreadable
from deskwire.model.secret import Secrets
from deskwire.operating import incidents
from deskwire.operating.erasing import Eraser, Person
from deskwire.operating.replaying import Replayer
from deskwire.ports import EndpointView, Put
from deskwire.receiving.receiver import Receiver
from deskwire.sweeping.sweeper import Sweeper
from deskwire.telemetry import Telemetry
from deskwire.verification.captcha import PLAYED_ORIGIN
from deskwire.watching.archiving import Archiver
from deskwire.watching.incidents import IncidentWatch
from deskwire.watching.mirroring import MirrorWatch
from deskwire.watching.waits import WaitWatch
from deskwire.watching.watcher import Watcher
from deskwire.web import media
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from deskwire.web.wire import Reply
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.sender import single
from sandbox.platforms.meta.played import GRAPH, Meta
from sandbox.platforms.meta.played import bundle as entries_of_a_page
from sandbox.platforms.webchat.played import CHAT
from sandbox.platforms.whatsapp.played import WhatsApp
from sandbox.platforms.whatsapp.played import bundle as changes_of_numbers
from sandbox.platforms.x import played as played_x
from sandbox.platforms.x.played import X
from tests.streams import StreamingTable, matches, patterns

from .desks import DESKS, SECOND, asked
from .hotline import Hotline
from .logbook import Logbook
from .people import CUSTOMERS, PAGE, PICTURES, TWIN, WHATSAPP
from .ports import Archive, Blocks, Crash, Gate, Mailbox, Parked, Pile, Table, throttled, unanswered

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
ACKNOWLEDGED = "Thank you"
URGENT = "lawyer"
PATTERNS = patterns()  # of the template: what reaches watch
ARCHIVED = patterns("ArchiveFunction")
ARCHIVE_DAYS = 400
ASK = "Was that it?"  # after an answer that is said automatically
POLICY = Policy.model_validate(
    {
        "company": "Northwind",
        "texts": {
            "private": {"en": "Thank you, we have it: {reference}"},
            "public": {"en": "Thank you, we are looking at it."},
        },
        "acknowledge": {"private": True, "public": True},
        "window_note_minutes": 0,  # or no story would ever be over: see `World.rules`
        "priority_words": [URGENT],
    }
)
SIGNERS = {
    "meta": "messenger",
    "x": "x",
    "whatsapp": "whatsapp",
    "webchat": "webchat",
}  # whose connector signs for an endpoint
META_RETRIES = (5, 60, 600, 1800, 7200, 7200, 14400, 28800)  # “immediately, then less and less”, within 36 hours
# X repeats nothing; somebody has its replay job bring back what was missed.
X_REPLAYS = (600, 3600, 4 * 3600, 12 * 3600)
WIDGET_RETRIES = (1, 2, 4, 8, 16, 32, 60, 60, 600, 3600)  # as long as the page is open, and when it is opened again
SENDERS = {  # how an endpoint's deliveries are bundled, and when they come again
    "meta": (entries_of_a_page, META_RETRIES),
    "whatsapp": (changes_of_numbers, META_RETRIES),
    "x": (single, X_REPLAYS),
    "webchat": (single, WIDGET_RETRIES),
}
DESK_RETRIES = (1, 2, 5, 10)
MONTH = 31 * 86_400  # seconds: what was recorded has expired, and is taken away now or two days later
AGAIN = 180  # seconds until an operator tries a command again
X_API = "api.x.com"
LAMBDA = timedelta(seconds=60)  # as the template says
EXHAUSTED = 400  # turns of the world after which it will never be quiet
MONTHS_WORK = 50_000  # turns that no stretch of time has

_helpdesk = registry.helpdesk
OUR_OWN = {"logbook": Logbook, "hotline": Hotline}  # connectors of the simulation's own
registry_helpdesk = lambda name: OUR_OWN[name]() if name in OUR_OWN else _helpdesk(name)  # noqa: E731


class Serial:
    """A pool of no threads."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def map(self, function, items):
        return [function(each) for each in items]


@contextlib.contextmanager
def simulated():
    """Let the product's code find the simulated world where it reaches for its own."""
    before = runtime.conversation, futures.ThreadPoolExecutor, registry.helpdesk
    runtime.conversation = lambda: World.present.container().conversation
    futures.ThreadPoolExecutor = Serial
    registry.helpdesk = registry_helpdesk
    try:
        yield
    finally:
        runtime.conversation, futures.ThreadPoolExecutor, registry.helpdesk = before


class Told:
    """The bus, and the topic of the alarms: what they were told."""

    def __init__(self, gate, what):
        self.all = []
        self._gate = gate
        self._what = what

    def _tell(self, said):
        self._gate.pass_(self._what, lambda: self.all.extend(said), lost=unanswered, refused=throttled)


class Bus(Told):
    def publish(self, events):
        self._tell(events)


class Pager(Told):
    def tell(self, subject, words):
        self._tell([f"{subject}: {words}"])


@dataclass
class Delivery:
    """One request that somebody sends to us, until it is answered with 2xx."""

    at: datetime
    side: str
    endpoint: str
    body: bytes
    headers: dict
    retries: tuple
    tokens: tuple
    answers: list = field(default_factory=list)
    tried: int = 0
    begun_at: datetime | None = None
    taken_at: datetime | None = None
    first: int | None = None  # as `begun_at` and `taken_at`, where many things happen in one moment
    accepted: int | None = None


class Container:
    """One warm Lambda container, with what it keeps in memory."""

    def __init__(self, world, number):
        self.world = world
        self.name = f"container-{number}"
        self._kept = {}
        self.directory = directory = Directory(
            table=world.table,
            clock=world.now,
            secrets=self.secrets,
            http=world.http,
            mail=world.mail,
            fetch=self.fetch,
        )
        common = {"mailbox": world.mailbox, "clock": world.now, "telemetry": world.telemetry}
        self.receiver = Receiver(
            endpoints=self,
            parked=world.parked,
            http=world.http,
            limits=self,
            presign=lambda *_: {},
            archive=world.archive,
            **common,
        )
        self.conversation = Conversation(
            table=world.table, directory=directory, owner=lambda: f"worker-{next(world.owners)}",
            archive=world.archive, **common,
        )  # fmt: skip
        self.sweeper = Sweeper(table=world.table, directory=directory, **common)
        self.watcher = Watcher(
            table=world.table,
            telemetry=world.telemetry,
            bus=world.bus,
            alarms=world.pager,
            incidents=IncidentWatch(table=world.table, bus=world.bus, alarms=world.pager, **common),
            mirrors=MirrorWatch(world.mailbox, world.telemetry),
        )
        self.archiver = Archiver(
            table=world.table, blocks=world.blocks, clock=world.now, telemetry=world.telemetry, days=ARCHIVE_DAYS
        )

    def notes_waits(self):
        """Do what the schedule has watch do, with noting how long customers usually wait."""
        waits = WaitWatch(table=self.world.table, clock=self.world.now, telemetry=self.world.telemetry)
        replace(self.watcher, waits=waits).run_schedule()

    def endpoint(self, name):
        found = self._cached(f"E#{name}", 60, lambda: self.world.table.get((f"E#{name}", "ENDPOINT")))
        return EndpointView.read(found["definition"]) if found else None

    def secrets(self, name):
        act = lambda: self.world.gate.pass_(  # noqa: E731
            "secret", lambda: Secrets(self.world.secrets[name], entry=name), lost=unanswered, refused=throttled
        )
        return self._cached(name, 300, act)

    def _cached(self, name, seconds, make):
        until, value = self._kept.get(name, (self.world.now(), None))
        if self.world.now() < until:
            return value
        value = make()
        self._kept[name] = (self.world.now() + timedelta(seconds=seconds), value)
        return value

    def allow(self, *_):
        return True

    def fetch(self, call, hosts):
        what = f"GET {PICTURES}"
        return self.world.gate.pass_(what, lambda: self.world.picture(call), lost=unfetched, refused=unfetched)


class World:
    """Everything there is."""

    present = None

    def __init__(self, plan=(), *, desk="zendesk", seed=None, visibility=360):
        self.chance = None if seed is None else random.Random(seed)
        self.clock = Clock(START, held=True)
        self.gate = Gate(plan, self._meanwhile)
        self.table = Table(self.gate, self.now)
        self.mailbox = Mailbox(self.gate, self.now, visibility, self.chance)
        self.parked = Parked(self.gate)
        self.archive, self.blocks = Archive(self.gate), Blocks(self.gate)
        self.bus, self.pager = Bus(self.gate, "bus publish"), Pager(self.gate, "sns publish")
        self.stream = None  # of the table, where somebody reads it
        self.watching, self.watched = False, 0  # whether watch does, and how many records it has read
        # Whether conversations are archived, up to where, and the sizes of batches: none is delivered twice as it was.
        self.archives, self.archived, self.cuts = False, 0, itertools.cycle((10, 1, 3))
        self.looks, self.looked = False, self.now()  # whether incidents are over
        self.lines = []
        self.telemetry = Telemetry("simulation", stream=self, now=lambda: 0)
        self.owners = itertools.count(1)
        self.tokens = (f"w{number}w" for number in itertools.count(1))
        self.story = []
        self.mails = []
        self.down = {}  # host -> what asking it gives: an `Answer`, or an error to be raised
        self.meta = Meta({PAGE: "Northwind Outdoor", TWIN: "Northwind Kids"}, clock=self.clock)
        self.meta.echo = lambda entry: self._delivered([entry], ())
        self.x = X(self.clock)
        self.whatsapp = WhatsApp({WHATSAPP: "3545550110"}, "invented-token", (), clock=self.clock)
        self.desk = DESKS[desk](self.clock)
        self.mirror = None  # the second helpdesk, where there is one (see `mirrors_into`)
        self.misplaced = []  # agents' answers in a ticket that is a copy
        self.secrets = {
            "meta": {"app_secret": ["invented-app-secret"], "verify_token": "invented-verify"},
            "page": {"page_token": self.meta.token(PAGE)},
            "twin": {"page_token": self.meta.token(TWIN)},
            "x": {"consumer_secret": played_x.SECRETS["consumer_secret"]},
            "care": dict(played_x.SECRETS),
            "whatsapp": {"app_secret": ["invented-app-secret"], "verify_token": "invented-verify"},
            "number": {"access_token": "invented-token"},
            "webchat": {"session_secret": ["invented-session-secret"]},
            "links": {"link_secret": "invented-link-secret"},
            "desk": dict(self.desk.secrets),
        }
        self.deliveries = []
        self.customers = []
        self.replied = []  # agents' answers: (token, ticket, when)
        self.hasty = {}  # customers whose next ticket somebody acts on as soon as it is seen: (their last one, how)
        self.posted = []  # posts of the company's own, which are no echoes
        self.others = []  # tokens of answers that were for nobody here
        self.closings = 0  # tickets that took nothing more, so that another had to be opened
        self.endless = False
        self.in_doubt = 0  # answers of which a platform, failing, did not say whether it took them
        self.merges = 0
        self.plans = []  # what people will do: (when, what)
        self.errands = []  # what operators have not done yet
        self.stopped = False  # nobody works on the mailbox
        self.stuck = []  # what was wrong before the epilogue
        self.swept = self.now()
        self._numbers = itertools.count(1)
        self._pool = [Container(self, next(self._numbers)) for _ in range(2)]
        self._stack = []
        self.post = self.meta.posts(PAGE, "The autumn range is here.").id
        self._configure()
        World.present = self
        self._begin_to_poll()
        self.gate.open = True

    def _begin_to_poll(self):
        """Let polling note where it begins, before anything may go wrong."""
        opened, self.gate.open = self.gate.open, False
        self.container_of(0).sweeper.sweep()
        while self._converse():
            pass
        self.gate.open = opened

    def _configure(self):
        definitions = [
            Endpoint(name="meta", side="channels", connectors=("facebook", "messenger"), secret="meta"),
            Endpoint(name="desk", side="helpdesks", connectors=(self.desk.connector,), secret="desk", helpdesk="acme"),
            *(
                Connection(
                    name=name, channel=name, account=PAGE, endpoint="meta", secret="page", helpdesk="acme",
                    policy=POLICY,
                )
                for name in ("messenger", "facebook")
            ),
            Connection(
                name="twin", channel="messenger", account=TWIN, endpoint="meta", secret="twin", helpdesk="acme",
                policy=POLICY,
            ),
            Endpoint(name="x", side="channels", connectors=("x",), secret="x"),
            Connection(
                name="care", channel="x", account=played_x.ACCOUNT, endpoint="x", secret="care", helpdesk="acme",
                policy=POLICY,
            ),
            Endpoint(name="whatsapp", side="channels", connectors=("whatsapp",), secret="whatsapp"),
            Connection(
                name="number", channel="whatsapp", account=WHATSAPP, endpoint="whatsapp", secret="number",
                helpdesk="acme", policy=POLICY,
            ),
            Endpoint(
                name="webchat", side="channels", connectors=("webchat",), secret="webchat",
                settings={"origins": PLAYED_ORIGIN}, pages={"webchat": (CHAT,)},
            ),
            Connection(
                name="site", channel="webchat", account=CHAT, endpoint="webchat", secret="links", helpdesk="acme",
                policy=POLICY,
            ),
            HelpdeskConnection(
                name="acme", connector=self.desk.connector, endpoint="desk", secret="desk",
                settings=self.desk.settings, poll=self.desk.poll,
            ),
        ]  # fmt: skip
        for definition in definitions:
            self.table.put(Put(item(definition)))
        keys = [list(definition.key) for definition in definitions]
        self.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))

    # ------------------------------------------------------------------------------------ what ports need

    def now(self):
        return self.clock.now()

    def write(self, line):
        """Take a log line (the telemetry's stream)."""
        self.lines.append(line)

    def http(self, call):
        host, _, path = call.url.partition("//")[2].partition("/")
        what = f"{call.method} {host.split('.')[0]}/{path.partition('?')[0]}"
        return self.gate.pass_(what, lambda: self._ask(host, call), lost=unanswered, refused=unanswered)

    def _ask(self, host, call):
        trouble = self.down.get(host)
        if isinstance(trouble, Answer):
            return trouble
        if trouble is not None:
            raise trouble
        if host == GRAPH:
            return asked(self.whatsapp if f"/{WHATSAPP}/" in call.url else self.meta, call)
        if host == X_API:
            return self._asked_x(call)
        answer = self._desk_at(host).serve(call)
        for customer, (last, act) in [*self.hasty.items()]:
            if (ticket := ticket_of(customer)) not in {None, last}:
                del self.hasty[customer]
                act(ticket)
        return answer

    def _desk_at(self, host):
        return next((each for each in self.desks.values() if each.host == host), self.desk)

    @property
    def desks(self):
        """The helpdesks by their webhook: the first, and its mirror where there is one."""
        return {"desk": self.desk, **({"mirror": self.mirror} if self.mirror else {})}

    def _asked_x(self, call):
        """Ask X; what the account itself says comes back to its webhook."""
        known = len(self.x.posts), len(self.x.whispered)
        try:
            return asked(self.x, call)
        finally:
            for made in (*list(self.x.posts)[known[0] :], *(each.id for each in self.x.whispered[known[1] :])):
                for body in self.x.echo(made):
                    self._delivered([body], (), endpoint="x")

    def picture(self, call):
        """Return what a customer attached: its bytes are its address. Raises what its host's answer means."""
        reply = self.down.get(PICTURES, Reply(200, {"content-type": "image/png"}, call.url.encode()))
        return media._file(reply, urlsplit(call.url), credentials=False)

    def mail(self, **mail):
        self.gate.pass_("mail", lambda: self.mails.append(mail), lost=unanswered, refused=throttled)
        return "mail-1"

    # ---------------------------------------------------------------------------------- containers, workers

    def container(self):
        """Return the container that is working now."""
        return self._stack[-1]

    def container_of(self, number):
        return self._pool[number % len(self._pool)]

    def _invoke(self, what, act):
        """Run one invocation in a free container; one that dies takes its memory with it. None when it died."""
        free = [each for each in self._pool if each not in self._stack]
        if not free:
            free = [Container(self, next(self._numbers))]
        container = free[next(self._numbers) % len(free)]
        self._stack.append(container)
        try:
            return act(container)
        except Crash as crash:
            self.tell(f"{container.name} dies in {what} at “{crash}”")
            if container in self._pool:
                self._pool[self._pool.index(container)] = Container(self, next(self._numbers))
            return None
        finally:
            self._stack.pop()

    def streams(self):
        """Have watch read the table's stream from now on."""
        self._streamed()
        self.watching = True

    def _streamed(self):
        if self.stream is None:
            self.stream = StreamingTable(self.now)
            self.stream.items = self.table.memory.items
            self.table.memory = self.stream

    def watches(self):
        """Have watch read the table's stream from now on, and look for incidents."""
        self.streams()
        self.stream.items[Incidents().key] = item(Incidents())

    def watched_again(self):
        """Deliver the whole stream once more, as Lambda does with batches of which it did not hear the end."""
        self.tell("the stream is delivered again")
        self.watched = 0

    def mirrors_into(self, kind):
        """Have every connection copied into a second helpdesk, `nova`."""
        self.mirror = SECOND[kind](self.clock)
        self.secrets["mirror"] = dict(self.mirror.secrets)
        connector = self.mirror.connector
        second = HelpdeskConnection(
            name="nova", connector=connector, endpoint="mirror", secret="mirror", settings=self.mirror.settings,
            poll=self.mirror.poll,
        )  # fmt: skip
        webhook = Endpoint(
            name="mirror", side="helpdesks", connectors=(connector,), secret="mirror", helpdesk="nova"
        )  # fmt: skip
        rows = self.table.memory.items
        for each in (second, webhook):
            rows[each.key] = item(each)
        rows[INDEX_KEY]["keys"] = [*rows[INDEX_KEY]["keys"], list(second.key), list(webhook.key)]
        self.connections(mirror="nova")
        self.new_containers()
        self._begin_to_poll()
        self.streams()

    def connections(self, **changes):
        """Change every connection, as `deskwire apply` does; each container learns of it within a minute."""
        for (pk, sk), kept in self.table.memory.items.items():
            if sk == "CONNECTION":
                known = Connection.read(kept["definition"])
                self.table.memory.items[pk, sk] = item(known.model_copy(update=changes))

    def in_the_mirror(self):
        """Return the world as somebody sees it who looks at the second helpdesk alone."""
        seen = copy.copy(self)
        seen.desk, seen.closings = self.mirror, 0
        return seen

    def _watch(self):
        """Deliver a batch of the stream, as Lambda does: what failed once more, from there on."""
        new = [] if self.stream is None or not self.watching else self.stream.stream[self.watched :]
        batch = [each for each in new if any(matches(each, pattern) for pattern in PATTERNS)][:10]
        if not batch:
            self.watched += len(new)
            return False
        failed = self._invoke("watch", lambda container: container.watcher.watch(batch))
        if failed is not None:
            done = next((each for each in batch if each["dynamodb"]["SequenceNumber"] == failed), None)
            self.watched = self.stream.stream.index(done or batch[-1]) + (done is None)
        return True

    def keeps(self, **more):
        """Have conversations archived from now on."""
        self.rules(archive="words", **more)
        self.archives = True
        self._streamed()

    def archives_again(self):
        """Deliver the whole stream to archive once more, in other batches."""
        self.archived = 0

    def _archive(self):
        """Deliver a batch of the stream to archive; while that is slow, another worker gets one that begins alike."""
        new = self.stream.stream[self.archived :] if self.archives else []
        batch = [each for each in new if any(matches(each, pattern) for pattern in ARCHIVED)][: next(self.cuts)]
        if not batch:
            self.archived += len(new)
            return False
        failed = self._invoke("archive", lambda container: container.archiver.archive(batch))
        if failed == "":
            self.archived = max(self.archived, self.stream.stream.index(batch[-1]) + 1)
        return True

    def _next_look(self):
        """Return when watch looks whether an incident is over; None while there is none."""
        rows = [] if self.stream is None else self.stream.items.items()
        is_open = any(pk == SCOPES and row.get("incident") for (pk, _), row in rows)
        return self.looked + timedelta(minutes=5) if is_open and self.looks else None

    def new_containers(self):
        """Let every container be replaced, as a deployment does."""
        self._pool = [Container(self, next(self._numbers)) for _ in self._pool]

    # -------------------------------------------------------------------------------------------- deliveries

    def _delivered(self, entries, said, after=0.0, endpoint="meta"):
        bundle, retries = SENDERS[endpoint]
        delivery = Delivery(
            self.now() + timedelta(seconds=after), "channels", endpoint, bundle(entries), self._session(entries),
            retries, tuple(each.token for each in said),
        )  # fmt: skip
        for each in said:
            each.deliveries.append(delivery)
        self.deliveries.append(delivery)
        return delivery

    def _session(self, entries):
        """Return the header with a visitor's session, where one chats."""
        visitor = entries[0].get("visitor") if isinstance(entries[0], dict) else None
        return {"authorization": f"Bearer v1.{CHAT}.{visitor}.{int(START.timestamp())}.{'0' * 64}"} if visitor else {}

    def _attempt(self, delivery):
        """Send one delivery to `receive`; without a 2xx it comes again, as long as the sender has patience."""
        side, endpoint = delivery.side, delivery.endpoint
        delivery.begun_at = delivery.begun_at or self.now()
        delivery.first = delivery.first or next(self._numbers)
        request = Request(
            method="POST", endpoint=endpoint, body=delivery.body, headers=delivery.headers, received_at=self.now()
        )
        connector = (
            registry.channel(SIGNERS[endpoint])
            if side == "channels"
            else registry.helpdesk(self.desks[endpoint].connector)
        )
        secret = self.secrets[endpoint]
        signed = connector.verification.sign(request, Secrets(secret), self.now())
        event = gateway_event(signed, side=side)
        answer = self._invoke("receive", lambda container: container.receiver.handle(event))
        heard = []
        if answer is not None:
            delivery.answers.append(answer["statusCode"])
            if 200 <= answer["statusCode"] < 300:
                delivery.taken_at = delivery.taken_at or self.now()
                delivery.accepted = delivery.accepted or next(self._numbers)
            with contextlib.suppress(Crash, TemporaryError):
                self.gate.pass_("answer heard", lambda: heard.append(answer["statusCode"]), lost=unanswered)
        taken = bool(heard) and 200 <= heard[0] < 300
        if not taken and delivery.tried < len(delivery.retries):
            delivery.at = self.now() + timedelta(seconds=delivery.retries[delivery.tried])
            delivery.tried += 1
            self.deliveries.append(delivery)

    # -------------------------------------------------------------------------------------------- time

    def run(self, seconds):
        """Let so much time pass, while everybody works."""
        self._until(self.now() + timedelta(seconds=seconds))

    def rules(self, **more):
        """Give every connection other rules than `POLICY`."""
        self.connections(policy=Policy.model_validate({**POLICY.model_dump(), **more}))

    def declares(self, **answers):
        """Declare answers to simple questions on every connection, and what is asked after one."""
        self.rules(answering={"ask": {"private": {"en": ASK}, "public": {"en": ASK}}, "confirmed": "solve"})
        self.connections(answers={name: Declared.model_validate(each) for name, each in answers.items()})

    def quiet(self, days=3):
        """Run until nothing is left to be done; note when that never comes."""
        end = self.now() + timedelta(days=days)
        for _ in range(EXHAUSTED):
            if self._work():
                continue
            upcoming = self._upcoming()
            if upcoming is None:
                return
            if upcoming > end:
                break
            self._advance(upcoming)
        self.endless = True

    def _meanwhile(self, seconds):
        self.tell(f"{self.container().name if self._stack else 'somebody'} is slow for {seconds} s")
        self._until(self.now() + timedelta(seconds=seconds))

    def _until(self, end):
        for _ in range(MONTHS_WORK):
            if self._work():
                continue
            upcoming = self._upcoming()
            if upcoming is None or upcoming > end:
                break
            self._advance(upcoming)
        else:
            self.endless = True
        self._advance(end)

    def _advance(self, moment):
        seconds = max(0.0, (moment - self.now()).total_seconds())
        self.clock.advance(seconds)
        if seconds >= 3600:
            self.table.forget()

    def _work(self):
        """Do one thing that can be done now; False when there is none."""
        for each in [each for each in self.plans if each[0] <= self.now()]:
            self.plans.remove(each)
            each[1]()
            return True
        ready = [each for each in self.deliveries if each.at <= self.now()]
        if self.chance is not None:
            self.chance.shuffle(ready)
        if ready and (self.chance is None or self.chance.random() < 0.7 or not self._converse()):
            self.deliveries.remove(ready[0])
            self._attempt(ready[0])
            return True
        if self._converse():
            return True
        if self._watch() or self._archive():
            return True
        upcoming = self._next_look()
        if upcoming is not None and upcoming <= self.now():
            self.looked = self.now()
            self._invoke("watch", self._look)
            return True
        upcoming = self._next_sweep()
        if upcoming is not None and upcoming <= self.now():
            self.swept = self.now()
            self._invoke("sweep", self._sweep)
            return True
        return False

    @staticmethod
    def _sweep(container):
        try:
            container.sweeper.sweep()
        except TemporaryError:
            container.world.tell("sweep fails")

    def notes_waits(self):
        """Have watch's schedule note how long customers usually wait; where that fails, it is not noted this time."""
        with contextlib.suppress(TemporaryError):
            self._invoke("watch", lambda container: container.notes_waits())

    @staticmethod
    def _look(container):
        try:
            container.watcher.run_schedule()
        except TemporaryError:
            container.world.tell("watch fails")

    def _converse(self):
        if self.stopped:
            return False
        batch = self.mailbox.receive(10 if self.chance is None else self.chance.choice((1, 2, 10)))
        if not batch:
            return False
        event = {
            "Records": [
                {"messageId": each.id, "body": each.letter.body, "attributes": {"MessageGroupId": each.letter.group}}
                for each in batch
            ]
        }
        end = self.now() + LAMBDA
        left = lambda: (end - self.now()) / timedelta(milliseconds=1)  # noqa: E731
        answer = self._invoke("converse", lambda _: runtime.converse(event, left))
        if answer is not None:
            again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            with contextlib.suppress(Crash):
                self.mailbox.delete([each for each in batch if each.id not in again])
        return True

    def _next_sweep(self):
        due = self.table.earliest_due()
        unpolled = self._unpolled("acme", self.desk) or self._unpolled("nova", self.mirror)
        if due is None and not unpolled:
            return None
        wanted = self.swept + timedelta(seconds=60)
        if due is not None and not unpolled:
            wanted = max(wanted, datetime.fromtimestamp(due + 3, UTC))  # the index lags
        minute = wanted.replace(second=0, microsecond=0)
        return minute if minute >= wanted else minute + timedelta(minutes=1)

    def _unpolled(self, name, desk):
        """Return whether there is something in a helpdesk that is found by polling, and was not yet."""
        cursor = self.table.memory.items.get((helpdesk_key(name)[0], "CURSOR"), {}).get("cursor", "")
        return desk is not None and desk.unpolled(cursor)

    def _upcoming(self):
        moments = [each.at for each in self.deliveries] + [moment for moment, _ in self.plans]
        visible = None if self.stopped else self.mailbox.next_visible()
        moments += [moment for moment in (visible, self._next_sweep(), self._next_look()) if moment is not None]
        return min(moments, default=None)

    # ------------------------------------------------------------------------------------------ the story

    def tell(self, what):
        self.story.append(f"{self.now():%d %H:%M:%S} {what}")

    def customer(self, name="Marta", channel="messenger", page=PAGE, person=None):
        made = CUSTOMERS[channel](self, name, page, person)
        self.customers.append(made)
        return made

    def deliver(self, *said, after=0.0):
        """Send what was said, in one delivery where the platform has several in one."""
        together = [each for each in said if each.endpoint == "meta"]
        for some in [together] * bool(together) + [[each] for each in said if each.endpoint != "meta"]:
            self._delivered([each.entry for each in some], some, after, some[0].endpoint)

    def notify(self, entry, endpoint, after=0.0):
        """Send what nobody said."""
        self._delivered([entry], (), after, endpoint)

    def agent_replies(self, ticket, words="", *, told=True, desk="desk", misplaced=False):
        """Let an agent answer on a ticket; return the token of the answer.

        Not `told`: the signal is lost. `misplaced`: the ticket is a copy, in which nobody is answered.
        """
        token = next(self.tokens)
        self.tell(f"an agent answers {token} on ticket {ticket}{' of the mirror' if desk == 'mirror' else ''}")
        signal = self.desks[desk].agent_replies(ticket, f"{token} {words or 'it is on its way'}")
        if told and signal is not None:  # some desks never tell of anything
            self._signals(*signal, endpoint=desk)
        if misplaced:
            self.misplaced.append(token)
        else:
            self.replied.append((token, ticket, self.now()))
        return token

    def says(self, ticket, words):
        """Let an agent write these very words, which no promise but the story's own looks for."""
        self.tell(f"an agent writes “{words}” on ticket {ticket}")
        self._signals(*self.desk.agent_replies(ticket, words))

    def posts(self, words):
        """Let the company post on X; return the post's id and the delivery that tells us of it."""
        self.tell(f"the company posts “{words}”")
        self.posted.append(words)
        (body,) = self.x.writes(self.x.care, words)
        return next(reversed(self.x.posts)), body

    def told(self, ticket):
        """Let the helpdesk tell of a ticket."""
        self._signals(*self.desk.told(ticket))

    def _signals(self, body, headers, endpoint="desk"):
        self.deliveries.append(Delivery(self.now(), "helpdesks", endpoint, body, headers, DESK_RETRIES, ()))

    def close(self, ticket):
        self.tell(f"ticket {ticket} is closed")
        self.desk.close(ticket)
        self.closings += 1

    def delete(self, ticket):
        self.tell(f"ticket {ticket} is deleted")
        self.desk.delete(ticket)
        self.closings += 1

    def merge(self, ticket, into):
        self.tell(f"ticket {ticket} is merged into {into}")
        self.desk.merge(ticket, into)
        self.merges += 1

    def later(self, seconds, act):
        """Let somebody do something then, whoever is at work."""
        self.plans.append((self.now() + timedelta(seconds=seconds), act))

    def operator(self, act):
        """Let somebody at a command line do something, and do it again until it is done.

        `act` gets the world and a container that nobody else uses, and tells whether that was all.
        """
        container = Container(self, next(self._numbers))
        self._stack.append(container)
        try:
            done = act(self, container)
        except (Crash, TemporaryError) as trouble:
            self.tell(f"the operator's command ends: {trouble!r}")
            done = False
        finally:
            self._stack.pop()
        self.errands = [each for each in self.errands if each is not act]
        if not done:
            self.errands.append(act)
            self.later(AGAIN, lambda: self.operator(act))

    def outage(self, trouble=None, *, desk="desk"):
        """Let a helpdesk be down until `recovery`."""
        self.tell(f"the {'helpdesk' if desk == 'desk' else desk} is down")
        self.down[self.desks[desk].host] = trouble or TemporaryError("connection refused", ambiguous=False)

    def recovery(self):
        self.tell("everything is up again")
        self.down.clear()


def unfetched():
    return TemporaryError("the attachment could not be fetched in time", concerns=Concern.HOST)


def stands(world, said):
    """Tell whether what a customer said stands in a ticket."""
    return any(said.token in words for kept in world.desk.books() for words in kept.words)


@contextlib.contextmanager
def misread(words):
    """Let Messenger's connector be unable to read what holds these words, as before a fix."""
    kind = type(registry.channel("messenger"))
    parse = kind.parse

    def worse(connector, request):
        for each in parse(connector, request):
            yield Unreadable("of no known kind", each.raw) if words in getattr(each, "text", "") else each

    kind.parse = worse
    try:
        yield
    finally:
        kind.parse = parse


@contextlib.contextmanager
def reporting():
    """Let Messenger report what it did not deliver, as other platforms do."""
    unknown = messenger._Item._unknown

    def read(item):
        failed = item.item["failed"]
        if not failed:
            return unknown(item)
        mid = failed["mid"].identifier()
        return item._event(Kind.UNDELIVERED, mid, "failed", text="blocked", author=None, thread=mid)

    messenger._Item._unknown = read
    try:
        yield
    finally:
        messenger._Item._unknown = unknown


def ticket_of(customer):
    """Return the ticket an agent would find this customer in; the last that is open. None when there is none yet."""
    found = [kept.id for kept in customer.tickets() if not kept.closed and not kept.merged]
    return found[-1] if found else None


def status_of(customer):
    """Return what the customer's thread knows of its ticket's status."""
    rows = customer.world.table.memory.items.items()
    return next((row.get("status") for (pk, sk), row in rows if sk == "THREAD" and row.get("ticket")), None)


def assignee_of(customer):
    """Return who has the customer's ticket, as far as the thread knows: an empty name for nobody, None for untold."""
    rows = customer.world.table.memory.items.items()
    told = next((row.get("assignee") for (_, sk), row in rows if sk == "THREAD" and row.get("ticket")), None)
    return None if told is None else told[-1]


def _replayer(world):
    return Replayer(table=world.table, mailbox=world.mailbox, archive=world.archive, clock=world.now)


def replay(world, container):
    """Replay everything that is parked (`deskwire parked replay --all`)."""
    pile = Pile(world.gate, world.parked.bodies)
    left = False
    for found in pile.look():
        left = bool(_replayer(world).replay_parked(pile, found).unreadable) or left
    return not left


def replay_dead(world, container):
    """Replay every dead letter (`deskwire dead replay --all`)."""
    pile = Pile(world.gate, world.mailbox.dead)
    for found in pile.look():
        _replayer(world).replay_dead(pile, found)
    return True


def say(words):
    """Return the command that tells everybody in the incident (`deskwire incident say`), again until all is sent."""

    def act(world, container):
        (incident,) = incidents.listed(world.table)
        if incident.updates:
            incidents.again(world.table, world.mailbox, world.now, incident.id, incident.updates)
        else:
            incidents.say(world.table, world.mailbox, world.now, incident.id, {"en": words}, "en")
        return True

    return act


def erase(customer):
    """Return the command that erases a customer (`deskwire erase`), as often as its certificate says “again”."""

    def act(world, container):
        customer.erasures += 1
        if customer.erasing is None:
            customer.erasing = world.now()
            customer.known = any(pk == f"T#{customer.thread}" for pk, _ in world.table.memory.items)
        eraser = Eraser(
            table=world.table, archive=world.archive, parked=Pile(world.gate, world.parked.bodies),
            dead=Pile(world.gate, world.mailbox.dead), directory=container.directory, clock=world.now,
            owner=lambda: f"erase-{next(world.owners)}",
        )  # fmt: skip
        certificate = eraser.erase(Person(customer.channel, customer.author))
        world.tell(f"{customer.name} is erased: {certificate}")
        if certificate["complete"]:
            customer.certificate = certificate
            customer.erased = world.now()
        return certificate["complete"]

    return act
