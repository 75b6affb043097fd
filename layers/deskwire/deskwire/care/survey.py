"""The question how content a customer is: when it is asked, in which words, which number an answer names. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from deskwire.model.values import dataclass

from .clocks import Priority, Word
from .languages import Language, among
from .texts import Wording, Wordings
from .words import unaccented

BEST: Final = 5
DAY: Final = 24 * 60  # minutes
# Drafts: a company has its own speakers check them, or writes its own (`survey.ask`).
ASK: Final[Mapping[str, str]] = {
    "en": "How satisfied are you with our help? Please answer with a number from 1 (not at all) to 5 (very).",
    "ar": "ما مدى رضاك عن مساعدتنا؟ نرجو الرد برقم من 1 (غير راضٍ إطلاقًا) إلى 5 (راضٍ جدًا).",
    "de": "Wie zufrieden sind Sie mit unserer Hilfe? Antworten Sie mit einer Zahl von 1 (gar nicht) bis 5 (sehr).",
    "es": "¿Qué tan satisfecho está con nuestra ayuda? Responda con un número del 1 (nada) al 5 (mucho).",
    "fa": "چقدر از کمک ما راضی هستید؟ لطفاً با عددی از ۱ (اصلاً) تا ۵ (خیلی زیاد) پاسخ دهید.",  # noqa: RUF001 - Persian digits
    "fr": "Êtes-vous satisfait de notre aide ? Répondez par un chiffre de 1 (pas du tout) à 5 (tout à fait).",
    "he": "עד כמה אתם מרוצים מהעזרה שלנו? נא להשיב במספר מ-1 (בכלל לא) עד 5 (מאוד).",
    "is": "Hversu ánægð(ur) ertu með aðstoð okkar? Svaraðu með tölu frá 1 (alls ekki) til 5 (mjög).",
    "it": "Quanto è soddisfatto del nostro aiuto? Risponda con un numero da 1 (per niente) a 5 (molto).",
    "nl": "Hoe tevreden bent u over onze hulp? Antwoord met een cijfer van 1 (helemaal niet) tot 5 (zeer).",
    "pl": "Jak bardzo są Państwo zadowoleni z naszej pomocy? Prosimy odpowiedzieć cyfrą od 1 (wcale) do 5 (bardzo).",
    "pt": "Qual é a sua satisfação com a nossa ajuda? Responda com um número de 1 (nenhuma) a 5 (muita).",
    "ru": "Насколько вы довольны нашей помощью? Ответьте числом от 1 (совсем нет) до 5 (очень).",
    "sq": "Sa të kënaqur jeni me ndihmën tonë? Përgjigjuni me një numër nga 1 (aspak) deri në 5 (shumë).",
    "sr-Latn": "Koliko ste zadovoljni našom pomoći? Odgovorite brojem od 1 (nimalo) do 5 (veoma).",
    "sr-Cyrl": "Колико сте задовољни нашом помоћи? Одговорите бројем од 1 (нимало) до 5 (веома).",
    "sv": "Hur nöjd är du med vår hjälp? Svara med en siffra från 1 (inte alls) till 5 (mycket).",
}
# What may follow a number without changing what it means, as `unaccented` gives it. Drafts, as above.
THANKS: Final = frozenset(
    unaccented(each)
    for each in (
        *("thanks", "thank you", "thank you very much", "thanks a lot", "many thanks", "thx", "stars", "points"),
        *("شكرا", "شكرا جزيلا", "danke", "vielen dank", "danke schön", "sterne", "gracias", "muchas gracias"),
        *(
            "ممنون",
            "مرسی",
            "متشکرم",
            "merci",
            "merci beaucoup",
            "תודה",
            "תודה רבה",
            "takk",
            "takk fyrir",
            "kærar þakkir",
        ),
        *("grazie", "grazie mille", "bedankt", "dank je", "dank u", "dziękuję", "dzięki", "dziękuję bardzo"),
        *("obrigado", "obrigada", "muito obrigado", "muito obrigada", "спасибо", "большое спасибо", "faleminderit"),
        *("hvala", "hvala vam", "hvala puno", "хвала", "хвала вам", "tack", "tack så mycket"),
    )
)
_SIGNS = ",.;:!\u2013\u2014-"
# A digit of any script, perhaps as a keycap emoji, with “/5” or our own stars behind it; then the end, a sign, a space.
_NUMBER = re.compile(rf"(\d)\ufe0f?\u20e3?(?:\s?/\s?(\d))?\s?[★⭐]{{0,5}}\ufe0f?(?=$|[\s{_SIGNS}])")
_SET_OFF = re.compile(rf"[ \t]*(?:[{_SIGNS}]+(?=\s|$)|\n)")
_STARS = re.compile(r"(?:[★⭐]\ufe0f?){1,5}")


class LowRating(BaseModel):
    """What a low rating changes in its ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    up_to: int = Field(2, ge=0, le=BEST - 1, description="Ratings up to this are low; 0: none is.")
    tags: tuple[Word, ...] = Field(("low-rating",), description="Tags of the ticket.")
    priority: Priority | None = Field(None, description="The priority that it is raised to; left out: as it is.")


class Survey(BaseModel):
    """One question after a ticket was solved: how content the customer is, from 1 to 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    on: bool = Field(default=False, description="Ask.")
    after_minutes: int = Field(
        60,
        ge=0,
        le=14 * DAY,
        description="Minutes after the ticket was solved; earlier where the platform takes no more answers by then. A "
        "ticket that is opened again before is not asked about.",
    )
    period_days: int = Field(90, ge=1, le=730, description="Days within which one person is asked once.")
    answer_hours: int = Field(
        72, ge=1, le=30 * 24, description="Hours within which a number that is written counts; a button always does."
    )
    channels: tuple[str, ...] = Field((), description="On these channels alone; left out: on all that can ask.")
    ask: Wordings = Field(
        default_factory=dict,
        description="The question, by language, before ours: it has to name the numbers 1 to 5 and what they mean.",
    )
    thanks: Wordings = Field(
        default_factory=dict, description="Said once for an answer, by language. None: nothing is said."
    )
    low: LowRating = Field(default_factory=LowRating, description="What a low rating changes in its ticket.")

    def asks(self, channel: str) -> bool:
        """Return whether customers of a channel are asked."""
        return self.on and (not self.channels or channel in self.channels)

    def question(self, language: str, default: str) -> tuple[str, Wording]:
        """Return the question for a customer who writes this language, and the language that it is in."""
        offered = {tag: Wording(open=text, closed=text) for tag, text in ASK.items()} | dict(self.ask)
        tag = _tag(language, default, offered) or "en"
        return tag, offered[tag]

    def thanking(self, language: str, default: str) -> Wording | None:
        """Return what is said for an answer; None where nothing is."""
        return self.thanks.get(_tag(language, default, self.thanks))


@dataclass(frozen=True, slots=True)
class Rating:
    """A customer's answer: the number, and the words beyond it that are more than thanks."""

    stars: int
    words: str = ""


def rating_in(text: str) -> Rating | None:
    """Return the rating that a text gives; None where it may mean something else.

    The message is the number, or begins with it and a sign or line that sets it off, or with it and thanks. Another
    number in it makes it unsure: “2, 3 or 4?”.
    """
    text = text.strip()
    if _STARS.fullmatch(text):
        return Rating(sum(sign in "★⭐" for sign in text))
    found = _NUMBER.match(text)
    if found is None or (found[2] and unicodedata.digit(found[2]) != BEST):
        return None
    stars, rest = unicodedata.digit(found[1]), text[found.end() :]
    words = unaccented(rest)
    if not 1 <= stars <= BEST or any(sign.isdigit() for sign in rest):
        return None
    if not words or words in THANKS:
        return Rating(stars)
    return Rating(stars, rest.strip(f" \t\n{_SIGNS}")) if _SET_OFF.match(rest) else None


def _tag(language: str, default: str, offered: Mapping[str, Wording]) -> str:
    wanted = (Language(each) for each in (language, default) if each)
    return next((tag for each in wanted if (tag := among(each, offered))), "")
