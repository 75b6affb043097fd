"""In which language a customer writes, by the letters where they decide and by a table of letter groups elsewhere.

Languages are named by BCP 47 tags (`pl`, `sr-Cyrl`, `sr-Latn`). An unsure answer is None: the connection's default
language is better than a guess. Why a table of our own: docs/decisions/0041-own-language-table.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NewType

from . import ngrams

Language = NewType("Language", str)

# Scripts that one language uses, or one far above the others (Yiddish, Ladino, Marathi and such are not told).
_SCRIPTS = {
    "HEBREW": "he",
    "GREEK": "el",
    "THAI": "th",
    "HANGUL": "ko",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",  # unless a kana stands beside it
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "BENGALI": "bn",
    "SINHALA": "si",
    "KHMER": "km",
    "LAO": "lo",
    "MYANMAR": "my",
    "ETHIOPIC": "am",
}
# Letters that only one living language of their script uses (among those the model knows).
_LETTERS = {"þ": "is", "ђ": "sr-Cyrl", "ћ": "sr-Cyrl", "ѓ": "mk", "ќ": "mk", "ў": "be", "ї": "uk", "ґ": "uk"}
_URDU = frozenset("ٹڈڑںےہھ")
_PERSIAN = frozenset("پچژگ\u06a9\u06cc")  # with the Persian forms of kaf and yeh
_ARABIC = frozenset("ةىأإؤ")  # Arabic kaf and yeh are typed in Persian, too
_PASHTO, _SORANI = frozenset("ټډړږښګڼېۍ"), frozenset("ڕڵێ")

# South Slavic in Latin script: three standards of one language, each readable by the others' readers.
_KIN: dict[str, tuple[str, ...]] = {
    "sr-Latn": ("sr-Latn", "hr", "bs", "sr"),
    "hr": ("hr", "bs", "sr-Latn", "sr"),
    "bs": ("bs", "hr", "sr-Latn", "sr"),
    "sr-Cyrl": ("sr-Cyrl", "sr"),
    "nn": ("nn", "no", "nb"),
    "no": ("no", "nb", "nn"),
}
# The letters beyond a–z that a language writes, where that tells neighbours apart: one that it lacks speaks against it.
_WRITTEN_WITH = {
    "is": "áéíóúýþæöð", "fo": "áíóúýæøð", "da": "æøåé", "nb": "æøåéòóô", "nn": "æøåéòóô", "sv": "åäöéà", "fi": "äöåšž",
    "sq": "çëé", "pl": "ąćęłńóśźż", "en": "é", "sr": "čćžšđ", "hr": "čćžšđ", "bs": "čćžšđ", "sl": "čšž", "de": "äöüßé",
    "sk": "áäčďéíĺľňóôŕšťúýž", "cs": "áčďéěíňóřšťúůýž", "tr": "çğıöşüâîû", "hu": "áéíóöőúüű", "ro": "ăâîșțşţ",
    "et": "äõöüšž", "lv": "āčēģīķļņšūž", "lt": "ąčęėįšųūž", "es": "áéíóúüñ", "pt": "áâãàçéêíóôõúü", "nl": "éëïöüèó",
    "fr": "àâæçéèêëîïôœùûüÿ", "it": "àèéìíîòóùú", "ca": "àçèéíïòóúü", "az": "çəğıöşü", "ga": "áéíóú"
}  # fmt: skip
_CYRILLIC = {
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш", "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџшѐѝ",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя", "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
}  # fmt: skip
# Languages that short texts of an expected one are mistaken for: what they gain where that one is expected.
_NEIGHBOURS = {"fo": ("is", 2.0), "ar": ("fa", 1.0), "ur": ("fa", 0.5)}
# How words begin that Serbia writes otherwise.
_IJEKAVIAN = (
    "uvijek", "prije", "gdje", "ovdje", "ondje", "mjesec", "vrijem", "lijep", "cijen", "tjed", "tko", "netko", "nitko", "riješ",
    "vidje", "htje", "vjer", "mjest", "dijet", "djec", "čovjek", "dvije", "cijel", "razumij", "rječ", "riječ", "slijed", "bijel",
)  # fmt: skip
# How words begin that Croatia and Bosnia write otherwise.
_EKAVIAN = (
    "uvek", "gde", "ovde", "onde", "negde", "nigde", "posle", "mesec", "vreme", "lepo", "lepa", "nedelj", "niko", "neko",
    "videl", "video", "hteo", "hteli", "vera", "mesto", "dete", "čovek", "dve", "celo", "celu", "razume", "reč", "slede",
)  # fmt: skip
# Frequent words of one that the other writes otherwise. Each counts like a foreign letter; so does "-inn" (Faroese: "-in").
_ICELANDIC = frozenset(
    "að ekki ég með ykkur ykkar ekkert engin enginn hvað svo eða núna hér hef hafa hvenær hvernig hversu mitt minn okkar morgun gær".split()
)
_FAROESE = frozenset(
    "ikki tað hetta teir tær tey ella tit eg hevur havi hava vóru einki eingin nógv nakað higar".split()
)
_FOREIGN = 2.0  # what the first foreign letter takes from a language's logit; a second one as much again, then no more
_COUNTED_TOGETHER = (("sr", "hr", "bs"), ("nb", "nn"))  # the table's own names


_READ = 4000  # characters looked at
_WEIGHED = 160  # letters given to the table: more do not change its mind
_FAVOUR = 2.0  # how much a language's logit gains when the company answers in it or the platform names it
_SURE = 0.33  # the least share among all the languages of the table, favour included
_FEW, _SURE_BY_FEW = 10, 0.4  # the same of a text with fewer letters
_ALONE = 0.4  # the same where nobody said which languages to expect
# What is written alike in many languages tells nothing on its own.
_ANYWHERE = frozenset(
    "ok okay okey okej oki hi hey hello hallo lol rofl omg wow wtf test info email mail sms app online web chat pdf wifi "
    "bravo super no ne na pls thx asap link url id pin vip".split()
)
_LAUGHTER = re.compile(r"(.{1,3})\1+.?|[^aeiouyáéíóúýæöäøåąęėů\W]{3,}")  # haha, jajaja, hmm, xxx


def detect(text: str, hint: str | None = None, expected: Collection[str] = ()) -> Language | None:
    """Return the language of the text, None where nobody could be sure.

    `expected` are the languages the company answers in, and the answer is named as they name it: a Croatian text is
    `sr-Latn` where that is expected and `hr` is not. `hint` is the platform's own statement (X's `lang`, a form's
    locale): it tips the balance, and decides alone where the text says nothing. Mentions, addresses, hashtags,
    numbers and emoji are not read.
    """
    written = list(words(text))
    found = _by_letters(written)
    if found is None and any(len(word) > 1 and word not in _ANYWHERE and not _empty(word) for word in written):
        found = _by_table(written, {_base(tag) for tag in (*expected, hint or "") if tag})
    found = found or _tag(hint)
    kin = among(found, expected) if found in _KIN else None
    return Language(kin) if kin and not (found == "sr-Cyrl" and kin == "sr") else found


def among(language: Language | None, offered: Collection[str]) -> str | None:
    """Return which of the offered tags serves a reader of the language: itself, a near kin, its base; else None."""
    if language is None:
        return None
    names = {tag.lower(): tag for tag in offered}
    for tag in (*_KIN.get(language, (language,)), _base(language)):
        if tag.lower() in names:
            return names[tag.lower()]
    return next((tag for tag in offered if "-" not in language and _base(tag) == language), None)  # pt → pt-BR


def _base(tag: str) -> str:
    base = tag.replace("_", "-").split("-")[0].lower()
    return {"nb": "no", "iw": "he", "sh": "sr"}.get(base, base)


def _tag(hint: str | None) -> Language | None:
    """Return a platform's statement as one of our tags; None for `und`, `zxx`, X's `qme` and other non-answers."""
    base = _base(hint or "")
    if len(base) != 2 or not base.isascii() or not base.isalpha():
        return None
    if base == "sr":
        return Language("sr-Latn" if "latn" in (hint or "").lower() else "sr-Cyrl")
    return Language(base)


def words(text: str) -> Iterable[str]:
    """Yield what was written by hand: tokens of letters, without addresses, mentions, hashtags and numbers."""
    for token in text[:_READ].split():
        if token[0] in "#@/" or "@" in token or "://" in token or token.lower().startswith("www."):
            continue
        if any(character.isdecimal() for character in token):
            continue
        letters = "".join(
            character if character.isalpha() or unicodedata.category(character)[0] == "M" else " "
            for character in token.replace("'", "").replace("\u2019", "").replace("\u200c", "")
        )
        yield from letters.lower().split()


def _by_letters(words: list[str]) -> Language | None:
    letters = Counter("".join(words))
    total = letters.total()
    if not total:
        return None
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "?").split()[0].split("-")[0]] += count
    script, count = scripts.most_common(1)[0]
    if script == "CJK" and scripts["HIRAGANA"] + scripts["KATAKANA"]:
        return Language("ja")
    if count * 4 < total * 3:
        return None  # two scripts: a foreign name in a text, or a text of two languages
    if script in _SCRIPTS:
        return Language(_SCRIPTS[script])
    if script == "ARABIC":
        return _of_arabic_script(set(letters))
    for letter, language in _LETTERS.items():
        if letter in letters:
            return Language(language)
    return None


def _of_arabic_script(letters: set[str]) -> Language | None:
    if letters & _PASHTO:
        return Language("ps")
    if letters & _SORANI:
        return Language("ckb")
    if letters & _URDU:
        return Language("ur")
    if letters & _ARABIC:
        return None if letters & _PERSIAN else Language("ar")
    return None  # Persian, or Urdu without a letter of its own, or Arabic without one


def _empty(word: str) -> bool:
    return word.isascii() and _LAUGHTER.fullmatch(word) is not None


def _by_table(written: list[str], favoured: set[str]) -> Language | None:
    """Return the table's answer if it is sure enough; South Slavic neighbours count together for that."""
    read = _weighed(written)
    shares = _shares(read, favoured)
    best = max(shares, key=lambda name: shares[name])
    kin = tuple(name for name in _counted_with(best) if name in shares)
    sure = sum(shares[name] for name in kin)
    least = _ALONE if not favoured else _SURE_BY_FEW if sum(map(len, read)) < _FEW else _SURE
    if best == "other" or sure < least:
        return None
    if "hr" in kin and best == "sr" and any(word.startswith(_IJEKAVIAN) for word in read):
        kin = ("hr", "bs")
    elif "hr" in kin and any(word.startswith(_EKAVIAN) for word in read):
        kin = ("sr",)
    best = max(kin, key=lambda name: shares[name])
    if best == "sr":
        return Language("sr-Cyrl" if _is_cyrillic(read[0][0]) else "sr-Latn")
    return Language("no" if best == "nb" else best)


def _weighed(written: list[str]) -> list[str]:
    """Return the words that are given to the table."""
    read: list[str] = []
    letters = 0
    for word in written:
        if letters >= _WEIGHED:
            break
        read.append(word[:_WEIGHED])
        letters += len(word)
    return read


def _shares(read: list[str], favoured: set[str]) -> dict[str, float]:
    """Return how likely each language is, the expected ones favoured and foreign letters held against it."""
    table = _table()
    scores = table.scores(ngrams.grams(read, table.bits, whole=True))
    written_like = _written_like(read[0][0])
    special = {letter for word in read for letter in word if letter > "z"}
    unlike = _unlike(read)
    return ngrams.shares(
        {
            name: score + _favour(name, favoured) - _FOREIGN * min(2, _foreign(name, special) + (name in unlike))
            for name, score in scores.items()
            if not written_like or name in written_like
        }
    )


def _unlike(read: list[str]) -> set[str]:
    """Return which of Icelandic and Faroese, alike to the eye, these words speak against."""
    icelandic = any(word in _ICELANDIC or (len(word) > 4 and word.endswith("inn")) for word in read)
    faroese = any(word in _FAROESE for word in read)
    return {"fo"} if icelandic and not faroese else {"is"} if faroese and not icelandic else set()


def _counted_with(name: str) -> tuple[str, ...]:
    """Return the languages whose shares are added when this one is the likeliest, itself among them."""
    return next((kin for kin in _COUNTED_TOGETHER if name in kin), (name,))


def _is_cyrillic(letter: str) -> bool:
    return "\u0400" <= letter <= "\u04ff"


def _written_like(letter: str) -> tuple[str, ...]:
    """Return the table's languages in the script of a letter; none for Latin, which all the others share."""
    if _is_cyrillic(letter):
        return (*_CYRILLIC, "kk")
    return ("ar", "fa", "ur") if "\u0600" <= letter <= "\u06ff" else ()


def _favour(name: str, favoured: set[str]) -> float:
    """Return what a language gains by being expected, or by being mistaken for an expected one."""
    if _base(name) in favoured:
        return _FAVOUR
    neighbour, gain = _NEIGHBOURS.get(name, ("", 0.0))
    return gain if neighbour in favoured else 0.0


def _foreign(name: str, letters: set[str]) -> int:
    """Return how many of these letters beyond a–z a language does not write."""
    own = _WRITTEN_WITH.get(name, "") + _CYRILLIC.get(name, "")
    return len(letters.difference(own)) if own else 0


@lru_cache(maxsize=1)
def _table() -> ngrams.Table:
    """Load the table, once per container and only when letters did not decide."""
    return ngrams.load("language")
