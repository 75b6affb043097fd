"""The company's rules for one connection, as they stand in `deskwire.yaml` and in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from deskwire.model.events import Visibility

from .clocks import AnswerWithin, Escalation, unreachable
from .hours import Hours
from .judge import HOT, WEIGHTS, Learned, own_words
from .phrasebook import plain
from .promising import speaks
from .survey import Survey
from .texts import USUAL_WAIT, Tag, Texts, Wordings, names
from .words import unaccented

Hot = Literal["complaint", "urgent", "outage"]
Rated = Literal["low", "normal", "high", "urgent"]
Matter = Literal["card", "iban", "national", "phone", "email", "address", "password", "order", "health"]
Phrase = Annotated[str, Field(min_length=1, max_length=100)]
MATTER = "private-"  # the tag of a private matter in public is this and its kind

# Whole messages that turn automatic answers off and on again. Drafts: a company has its own speakers check them.
OPT_OUT: Mapping[str, tuple[str, ...]] = {
    "en": ("stop", "stop all", "stopall", "unsubscribe", "opt out", "no bots"),
    "ar": ("إيقاف", "أوقف", "الغاء الاشتراك", "إلغاء الاشتراك"),
    "de": ("stopp", "abmelden", "abbestellen"),
    "es": ("parar", "cancelar suscripción", "darme de baja"),
    "fa": ("لغو", "لغو اشتراک", "توقف"),
    "fr": ("arrêter", "arrêt", "se désabonner", "désabonner"),
    "he": ("הסר", "הסירו אותי", "עצור"),
    "is": ("stopp", "hætta", "haetta", "afskrá"),
    "it": ("ferma", "annulla iscrizione", "disiscrivimi"),
    "nl": ("afmelden", "uitschrijven"),
    "pl": ("wypisz", "wypisz mnie", "rezygnuję"),
    "pt": ("parar", "cancelar inscrição", "descadastrar"),
    "ru": ("стоп", "отписаться", "отпишите меня"),
    "sq": ("ndalo", "çregjistrohu"),
    "sr": ("prekini", "odjavi me", "прекини", "одјави ме"),
    "sv": ("stoppa", "avsluta prenumeration", "avregistrera"),
}
OPT_IN: Mapping[str, tuple[str, ...]] = {"en": ("start", "unstop", "subscribe", "opt in")}
# Whole messages that say yes to “was that it?”. Drafts, as above.
YES: Mapping[str, tuple[str, ...]] = {
    "en": ("yes", "yes thanks", "yes thank you", "yes that was it", "that was it", "yes it was", "yep", "👍"),
    "de": ("ja", "ja danke", "ja das war es", "ja vielen dank"),
    "es": ("sí", "sí gracias", "sí eso era"),
    "fa": ("بله", "بله ممنون", "آره", "آره ممنون"),
    "fr": ("oui", "oui merci", "oui c'était ça"),
    "is": ("já", "já takk", "já það var það"),
    "it": ("sì", "sì grazie"),
    "nl": ("ja", "ja bedankt", "ja dank je"),
    "pl": ("tak", "tak dziękuję", "tak dzięki", "tak to wszystko"),
    "pt": ("sim", "sim obrigado", "sim obrigada"),
    "ru": ("да", "да спасибо"),
    "sq": ("po", "po faleminderit"),
    "sr": ("da", "da hvala", "да", "да хвала"),
    "sv": ("ja", "ja tack"),
}
# Words that go with numbers that nobody should read in public.
IDENTITY = (
    "passport number", "social security number", "national id", "credit card number", "iban",
    "kennitala", "kennitalan", "pesel", "jmbg", "јмбг", "numri personal", "کد ملی",
    "personalausweis", "steuernummer", "dni", "numéro de sécurité sociale", "תעודת זהות", "رقم الهوية",
)  # fmt: skip


class Acknowledging(BaseModel):
    """Where a customer is told that the message has arrived."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    private: bool = Field(default=True, description="In private conversations.")
    public: bool = Field(
        default=False,
        description="Under public posts. Off unless you want it: equal public comments look like spam to platforms.",
    )


class Praise(BaseModel):
    """Whether praise gets a ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ticket: Literal["open", "solved", "none"] = Field(
        "open",
        description="open: a ticket as for any message; solved: one that is solved at once, where the helpdesk can; "
        "none: no ticket, the words stand in the ticket that a later message opens.",
    )


class Answering(BaseModel):
    """The follow-up to an automatic answer (`answers`): the question “was that it?”, and how to treat a yes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ask: Texts = Field(
        default_factory=Texts,
        description="Said after an answer, by visibility and language: ask whether that was it, and say that a person "
        "reads what else is written. Where there is no text, nothing is answered.",
    )
    yes: Mapping[Tag, tuple[Phrase, ...]] = Field(
        default=YES, description="Whole messages that say yes, by language; all languages are tried."
    )
    confirmed: Literal["solve", "tag"] = Field(
        "tag", description="What a yes does to the ticket: solve it, where the helpdesk can, or tag it alone."
    )


Patience = Annotated[
    float, Field(ge=0.2, le=10, description="How long is waited for its answer; then our judgement counts alone.")
]


class Bedrock(BaseModel):
    """A model of Amazon Bedrock that is asked what the embedded judge does not find hot."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    service: Literal["bedrock"]
    model: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.:/_-]{2,511}$",
        description="The model's or inference profile's id or ARN, for example eu.amazon.nova-micro-v1:0. It has to "
        "take tools and `toolChoice` (Amazon Nova, Anthropic Claude, Mistral Large do).",
    )
    seconds: Patience = 2.0

    @property
    def title(self) -> str:
        """What agents read as its name."""
        return f"Amazon Bedrock ({self.model.rpartition('/')[2]})"


class Comprehend(BaseModel):
    """Amazon Comprehend, which is asked how a message sounds that the embedded judge does not find hot."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    service: Literal["comprehend"]
    sure: float = Field(
        0.8, ge=0.5, le=1, description="From which score of “negative” on a message counts as a complaint."
    )
    seconds: Patience = 2.0

    @property
    def title(self) -> str:
        """What agents read as its name."""
        return "Amazon Comprehend"


class Taught(BaseModel):
    """What `deskwire learn` learned from the company's own messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    hot: float = Field(HOT, ge=-20, le=20, description="What the points of a message must reach to be hot.")
    weights: Mapping[str, Annotated[float, Field(ge=-20, le=20)]] = Field(
        default_factory=dict, description="The points of signs, by their names in docs/care.md, in place of the usual."
    )
    words: Mapping[Phrase, Annotated[float, Field(ge=-20, le=20)]] = Field(
        default_factory=dict,
        max_length=300,
        description="The points of words: small letters without accents, Serbian in Latin script.",
    )

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        if unknown := sorted(weights.keys() - WEIGHTS.keys()):
            raise ValueError(f"“{unknown[0]}” is no sign; there are {', '.join(WEIGHTS)}")
        return weights

    @field_validator("words")
    @classmethod
    def _plain(cls, words: Mapping[str, float]) -> Mapping[str, float]:
        for word in words:
            if own_words(word) != {word}:
                raise ValueError(
                    f"“{word}” is never found: write one word of three letters or more, as “{plain(word)}”"
                )
        return words

    @property
    def learned(self) -> Learned:
        """The same, as the judge takes it."""
        return Learned(self.hot, self.weights, self.words)


class Judging(BaseModel):
    """What the judgement of customers' messages changes in their tickets."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    on: bool = Field(
        default=True,
        description="Judge messages by the phrases of their language (docs/care.md). Off: only a rating of one or two "
        "stars and your `priority_words` raise a ticket.",
    )
    priorities: Mapping[Hot, Rated] = Field(
        default={"complaint": "high", "urgent": "urgent", "outage": "high"},
        description="The priority of a hot message's ticket, by kind; what is left out stays normal.",
    )
    reasons: Literal["hot", "all", "none"] = Field(
        "hot", description="Which messages say in the ticket how they were judged, and why."
    )
    learned: Taught | None = Field(
        None, description="What the company's own messages teach about what is hot: `deskwire learn` prints it."
    )
    classifier: Annotated[Bedrock | Comprehend, Field(discriminator="service")] | None = Field(
        None,
        description="A service of AWS that is asked about messages that we do not find hot (docs/care.md). It can make "
        "one hot, and no hot one cold; masked words alone leave, and where it fails our judgement counts alone.",
    )
    thanks: Texts = Field(
        default_factory=Texts,
        description="Said for praise in place of the acknowledgement, by visibility and language; none: praise is "
        "acknowledged as any message. Not said in a conversation that holds something hot.",
    )
    praise: Praise = Field(default_factory=Praise, description="What becomes of praise beside the thanks.")
    noise: Literal["ticket", "group", "none"] = Field(
        "ticket",
        description="What becomes of stickers, emoji and names of friends alone under public posts. ticket: as of any "
        "message; group: no ticket, they stand together in the ticket that a later message opens or goes to; none: "
        "they are counted and recorded, and go nowhere.",
    )


class Moving(BaseModel):
    """Which agents' answers to public messages go to the customer alone, as if they began with #private."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    always: bool = Field(default=False, description="All of them.")
    channels: tuple[Phrase, ...] = Field((), description="Those on these channels, such as facebook, x.")
    tags: tuple[Phrase, ...] = Field(
        (), description="Those in tickets that Deskwire gave one of these tags, such as sensitive-in-public, complaint."
    )
    matters: tuple[Matter, ...] = Field(
        (),
        description="Those that hold private matters of these kinds, or answer a customer who wrote such in public.",
    )

    def moves(self, channel: str, tags: Iterable[str], matters: Iterable[str]) -> bool:
        """Return whether an answer moves; `tags` are its ticket's, `matters` the kinds found in the answer."""
        found = {*matters, *(tag.removeprefix(MATTER) for tag in tags if tag.startswith(MATTER))}
        return (
            self.always
            or channel in self.channels
            or not set(self.tags).isdisjoint(tags)
            or not found.isdisjoint(self.matters)
        )


class Link(BaseModel):
    """A one-time link to a web form or web chat, posted where a channel takes no private answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    page: str = Field(
        pattern=r"^https://[^\s#]{1,200}$", description="The company's page that has the form or chat: https://…"
    )
    channel: Literal["webchat", "webform"] = Field(description="What is on that page.")
    account: str = Field(min_length=1, max_length=64, description="The `account` of that connection.")
    days: int = Field(3, ge=1, le=28, description="Days for which a link is good.")
    says: Wordings = Field(
        min_length=1,
        description="Said in public above the link, by language: that it leads to a private conversation.",
    )


class Private(BaseModel):
    """How private matters (a card number, a telephone number, an address) in public messages are handled."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kinds: tuple[Matter, ...] = Field(default=get_args(Matter), description="The kinds that are guarded.")
    ours: tuple[Phrase, ...] = Field(
        (),
        description="The company's own telephone numbers, addresses and such, as they are written; they may stand in "
        "public.",
    )
    hide: bool = Field(
        default=False,
        description="Hide customers' public messages that hold any, where the platform can (Facebook's and Instagram's "
        "comments, X's replies to your own posts).",
    )
    invite: Texts = Field(
        default_factory=Texts,
        description="Said once in a conversation in which a customer wrote any in public: `private` as a private reply "
        "where the platform has one, else `public` for everybody to read. None: nothing is said.",
    )
    beside: Wordings = Field(
        default_factory=dict,
        description="Said once in a public conversation after an agent's private answer, by language: “we have written "
        "to you privately”. None: nothing is said.",
    )
    hold: bool = Field(
        default=True,
        description="Hold back an agent's public answer that holds any, with a note that names the kinds. Begun with "
        "#public it is sent, with #private it goes to the customer alone.",
    )
    move: Moving = Field(
        default_factory=Moving,
        description="Which agents' answers to public messages go to the customer alone without that word; one that "
        "begins with #public never does.",
    )
    link: Link | None = Field(
        None,
        description="Posted in public in place of a private answer, where the platform takes none. Left out: the "
        "agent is told that the answer cannot be sent.",
    )

    @property
    def invites(self) -> bool:
        """Whether anybody is invited to go on in private."""
        return bool(self.invite.private or self.invite.public)

    @property
    def said_beside(self) -> Texts:
        """The text posted in public when the answer itself is sent in private."""
        return Texts(public=self.beside)

    @property
    def said_with_link(self) -> Texts:
        """The text posted in public above a one-time link."""
        return Texts(public=self.link.says if self.link is not None else {})

    @property
    def speaks(self) -> bool:
        """Whether anything is said in public in the customer's language, beside an answer or in its place."""
        return max(len(self.beside), len(self.said_with_link.public)) > 1

    @property
    def acts(self) -> bool:
        """Whether anything is done about private matters in customers' messages."""
        return self.hide or self.invites


class ClosedTickets(BaseModel):
    """What becomes of a message for a ticket that is closed: one rule, whatever the helpdesk."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    reopen_days: int = Field(
        14,
        ge=0,
        le=365,
        description="For so many days a closed ticket is opened again; 0: never. Counted from when it was closed where "
        "the helpdesk tells that, otherwise from the last message filed.",
    )
    afterwards: Literal["new", "same"] = Field(
        "new",
        description="Later: `new` opens another ticket, linked to the old one; `same` goes on in the old one as long "
        "as the helpdesk takes it.",
    )

    def reopens(self, closed_at: datetime | None, now: datetime) -> bool:
        """Return whether a ticket that was closed then takes a message now; of one without a time, True."""
        if self.afterwards == "same" or closed_at is None:
            return True
        return now - closed_at <= timedelta(days=self.reopen_days)


class LookingBack(BaseModel):
    """Whether a customer's earlier tickets are looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    on: bool = Field(
        default=True,
        description="A new ticket gets a note on the customer's earlier ones, by the platform's id of the person; they "
        "weigh in the judgement. One lookup for each ticket, which waits for it for two seconds at most.",
    )
    also_by: tuple[Literal["email", "phone"], ...] = Field(
        default=(),
        description="Look them up by these as well, where the platform vouches for them. Off unless you want it: "
        "households share numbers and mailboxes, and one would read in the other's tickets.",
    )


class Policy(BaseModel):
    """What is answered when, in which words, and what is urgent. Everything has a default but the texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    company: str = Field("", max_length=80, description="The company's name, for {company} in texts.")
    hours: Hours = Field(default_factory=Hours, description="When somebody answers.")
    texts: Texts = Field(
        default_factory=Texts, description="Acknowledgements. Their languages are those a customer can be answered in."
    )
    default_language: Tag = Field("en", description="Used where nobody can be sure in which language was written.")
    acknowledge: Acknowledging = Field(default_factory=Acknowledging, description="Where an arrival is acknowledged.")
    quiet_hours: float = Field(
        12, gt=0, le=24 * 90, description="Hours after an acknowledgement or an agent's reply without another one."
    )
    replies_per_day: int = Field(
        3, ge=1, le=20, description="Most automatic answers in one thread in 24 hours: the brake of any loop."
    )
    late_minutes: int = Field(
        60, ge=1, le=24 * 60, description="A message older than this is filed, but no longer acknowledged."
    )
    closed_tickets: ClosedTickets = Field(
        default_factory=ClosedTickets, description="What becomes of a message for a ticket that is closed."
    )
    window_note_minutes: int = Field(
        60,
        ge=0,
        le=24 * 60,
        description="Minutes before a platform stops taking answers at which the ticket of a customer who still waits "
        "gets a note (earlier where nobody answers at that time); 0: no note.",
    )
    answer_within: tuple[AnswerWithin, ...] = Field(
        (),
        max_length=20,
        description="Within which time a customer is answered: the first rule that fits a message counts. The ticket "
        "gets a note shortly before and after. None: no such clock; praise never has one.",
    )
    escalation: Escalation = Field(
        default_factory=Escalation, description="What else follows where an answer is due, and overdue."
    )
    survey: Survey = Field(
        default_factory=Survey, description="Whether a customer is asked how content they are, once solved."
    )
    history: LookingBack = Field(
        default_factory=LookingBack, description="Whether a customer's earlier tickets are looked up, and by what."
    )
    opt_out: Mapping[Tag, tuple[Phrase, ...]] = Field(
        default=OPT_OUT, description="Messages that turn automatic answers off, by language; all languages are tried."
    )
    opt_in: Mapping[Tag, tuple[Phrase, ...]] = Field(
        default=OPT_IN, description="Messages that turn them on again, by language."
    )
    priority_words: tuple[Phrase, ...] = Field(
        (), description="Words or phrases that make a message hot. A rating of one or two stars always does."
    )
    judging: Judging = Field(
        default_factory=Judging, description="How customers' messages are judged, and what follows from it."
    )
    incident: Texts = Field(
        default_factory=Texts,
        description="Said in place of the acknowledgement to who writes about an incident while it is open, by "
        "visibility and language; none: the acknowledgement is as ever.",
    )
    answering: Answering = Field(
        default_factory=Answering, description="What is said after an answer to a simple question, and what a yes does."
    )
    private: Private = Field(
        default_factory=Private, description="How private matters that stand in public are dealt with."
    )
    archive: Literal["words", "facts", "none"] = Field(
        "none",
        description="What of a conversation stands in the archive of conversations, where the stack has one (its "
        "parameter TranscriptDays). words: all, encrypted under a key of the person; facts: what happened, without "
        "anybody's words and names; none: nothing.",
    )
    sensitive_words: tuple[Phrase, ...] = Field(
        default=IDENTITY,
        description="Words that mark a message as holding personal data. Card numbers and IBANs are always found.",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_called(cls, given: Any) -> Any:  # noqa: ANN401 - whatever is given
        """Read `reopen_days` and `answer_within_minutes` of earlier versions: the table and older files have them."""
        if not isinstance(given, dict):
            return given
        given = _renamed(given, "reopen_days", "closed_tickets", lambda days: {"reopen_days": days})
        return _renamed(
            given, "answer_within_minutes", "answer_within", lambda minutes: [{"minutes": minutes}] if minutes else []
        )

    @model_validator(mode="after")
    def _rules_that_are_reached(self) -> Policy:
        if reason := unreachable(self.answer_within):
            raise ValueError(reason)
        return self

    @model_validator(mode="after")
    def _texts_where_they_are_due(self) -> Policy:
        said = {
            "texts": self.texts,
            "judging.thanks": self.judging.thanks,
            "incident": self.incident,
            "answering.ask": self.answering.ask,
            "private.invite": self.private.invite,
        }
        for name, texts in said.items():
            for visibility in Visibility:
                if texts.of(visibility) and texts.choose(visibility, None, self.default_language) is None:
                    raise ValueError(
                        f"{name}.{visibility} has no text in the default language ({self.default_language})"
                    )
        thanks = self.survey.thanks
        if thanks and self.survey.thanking("", self.default_language) is None:
            raise ValueError(f"survey.thanks has no text in the default language ({self.default_language})")
        for name, texts in {
            "private.beside": self.private.said_beside,
            "private.link.says": self.private.said_with_link,
        }.items():
            if texts.public and texts.choose(Visibility.PUBLIC, None, self.default_language) is None:
                raise ValueError(f"{name} has no text in the default language ({self.default_language})")
        if self.acknowledge.public and not self.texts.public:
            raise ValueError("acknowledge.public is on, but texts.public holds no text")
        return self

    @model_validator(mode="after")
    def _usual_wait_where_it_is_known(self) -> Policy:
        others = {
            "judging.thanks": self.judging.thanks,
            "incident": self.incident,
            "answering.ask": self.answering.ask,
            "private.invite": self.private.invite,
            "private.beside": self.private.said_beside,
            "private.link.says": self.private.said_with_link,
        }
        for name, texts in others.items():
            if names(texts, USUAL_WAIT):
                raise ValueError(f"{name} names {{{USUAL_WAIT}}}, which is known for `texts` alone: leave it out there")
        for language in names(self.texts, USUAL_WAIT):
            if not speaks(language):
                raise ValueError(f"texts: there is no {{{USUAL_WAIT}}} in “{language}” yet: leave it out there")
        return self

    @cached_property
    def says_usual_wait(self) -> bool:
        """Whether an acknowledgement may say how long an answer usually takes."""
        return bool(names(self.texts, USUAL_WAIT))

    def acknowledges(self, visibility: Visibility) -> bool:
        """Return whether an arrival is acknowledged there at all."""
        return self.acknowledge.public if visibility is Visibility.PUBLIC else self.acknowledge.private

    @cached_property
    def opting_out(self) -> frozenset[str]:
        """The messages that turn automatic answers off, as `words.unaccented` gives them."""
        return _folded(self.opt_out)

    @cached_property
    def opting_in(self) -> frozenset[str]:
        """The messages that turn them on again, likewise."""
        return _folded(self.opt_in)

    @cached_property
    def agreeing(self) -> frozenset[str]:
        """The messages that say yes to “was that it?”, likewise, and the emoji among them as they are."""
        emoji = {each.strip() for those in self.answering.yes.values() for each in those}
        return (_folded(self.answering.yes) | emoji) - {""}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages in which customers are answered: those that a message is most likely written in."""
        private = (self.private.invite, self.private.said_beside, self.private.said_with_link)
        texts = (self.texts, self.judging.thanks, self.incident, self.answering.ask, *private)
        return tuple(sorted({tag for each in texts for tag in (*each.private, *each.public)} | {self.default_language}))

    @property
    def quiet(self) -> timedelta:
        """The quiet period."""
        return timedelta(hours=self.quiet_hours)

    @property
    def late(self) -> timedelta:
        """The age from which a message is no longer acknowledged."""
        return timedelta(minutes=self.late_minutes)


def _renamed(given: Mapping[str, Any], old: str, new: str, read: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Return what is given with a setting as it is called now; who gives both is told that the old one is none."""
    if old not in given or given.get(new):
        return given
    return {**{name: value for name, value in given.items() if name != old}, new: read(given[old])}


def _folded(phrases: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(unaccented(phrase) for language in phrases.values() for phrase in language)
