"""In which language a customer writes, by the letters where they decide and by py3langid where they do not.

Languages are named by BCP 47 tags (`pl`, `sr-Cyrl`, `sr-Latn`). An unsure answer is None: the connection's default
language is better than a guess. Why py3langid: docs/decisions/0010-language-detection.md.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, NewType

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
_ARABIC = frozenset("ة\u0643\u064aىأإؤئ")  # with the Arabic forms of kaf and yeh
_KURDISH_PASHTO = frozenset("ڕڵۆێەټډړږښګڼېۍ")

# South Slavic in Latin script: three standards of one language, each readable by the others' readers.
_KIN: dict[str, tuple[str, ...]] = {
    "sr-Latn": ("sr-Latn", "hr", "bs", "sr"),
    "hr": ("hr", "bs", "sr-Latn", "sr"),
    "bs": ("bs", "hr", "sr-Latn", "sr"),
    "sr-Cyrl": ("sr-Cyrl", "sr"),
    "nn": ("nn", "no", "nb"),
    "no": ("no", "nb", "nn"),
}

# What the model is asked about: the national and widely written languages. Those it knows beyond (Latin, Faroese,
# Walloon, Tswana …) win short texts of their big neighbours; a company that answers in one names it.
_CANDIDATES = frozenset(
    (
        "af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fa", "fi", "fr",
        "ga", "gl", "hi", "hr", "hu", "id", "is", "it", "kk", "lb", "lt", "lv", "mk", "mr", "ms", "mt", "ne", "nl",
        "no", "pl", "ps", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv", "sw", "tl", "tr", "uk", "ur", "uz",
        "vi", "zxx",
    )
)  # fmt: skip
_READ = 4000  # characters looked at
_WEIGHED = 600  # letters given to the model: more do not change its mind
_WORDS, _ENOUGH = 2, 10  # fewer words or letters than this are a guess
_FAVOUR = 3.0  # how much likelier a language is that the company or the platform names
_SURE = 0.45  # the least share among the languages asked about …
_PLAUSIBLE = 0.2  # … and among all that the model knows: names and laughter look like languages far away


def detect(text: str, hint: str | None = None, expected: Collection[str] = ()) -> Language | None:
    """Return the language of the text, None where nobody could be sure.

    `hint` is the platform's own statement (X's `lang`, a form's locale): it tips the balance, and decides alone
    where the text says nothing. `expected` are the languages the company answers in: they tip the balance too.
    Mentions, addresses, hashtags, numbers and emoji are not read.
    """
    words = list(_words(text))
    found = _by_letters(words)
    if found is None and len(words) >= _WORDS and sum(map(len, words)) >= _ENOUGH:
        favoured = {_base(tag) for tag in (*expected, hint or "") if tag}
        found = _by_model(" ".join(words)[:_WEIGHED], favoured)
    return found or _tag(hint)


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


def _words(text: str) -> Iterable[str]:
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
    if letters & _KURDISH_PASHTO:
        return None  # Sorani, Pashto, Uyghur: the model's
    if letters & _URDU:
        return Language("ur")
    if letters & _ARABIC:
        return None if letters & _PERSIAN else Language("ar")
    return Language("fa") if letters & _PERSIAN else None


def _by_model(text: str, favoured: set[str]) -> Language | None:
    """Return the model's answer if it is sure enough; South Slavic neighbours count together for that."""
    shares = dict(_model().rank(text))
    asked = {name: shares[name] for name in (_CANDIDATES | favoured) & shares.keys()}
    scores = {name: share * (_FAVOUR if name in favoured else 1.0) for name, share in asked.items()}
    best = max(scores, key=lambda name: scores[name])
    cyrillic = "\u0400" <= max(text) <= "\u04ff"
    kin = {"sr", "hr", "bs"} if best in {"sr", "hr", "bs"} and not cyrillic else {best}
    sure = sum(scores.get(name, 0.0) for name in kin) >= _SURE * sum(scores.values())
    if best == "zxx" or not sure or sum(shares[name] for name in kin) < _PLAUSIBLE:
        return None
    if best == "sr":
        return Language("sr-Cyrl" if cyrillic else "sr-Latn")
    return Language(best)


@lru_cache(maxsize=1)
def _model() -> Any:  # noqa: ANN401 - py3langid ships no types
    """Load the model: a second and 100 MB, paid once per container and only when letters did not decide."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
