"""How long a text is in a platform's own unit, and how it is cut or split to fit.

Standard library only, so that a connector may use it as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from deskwire.contracts.terms import TextLimit, Unit
from deskwire.model.errors import PermanentError

from . import graphemes

ELLIPSIS = "…"


def measure(text: str, unit: Unit) -> int:
    """Return the length of the text in the unit."""
    if unit is Unit.CHARACTERS:
        return len(text)
    if unit is Unit.UTF16:
        return len(text) + sum(character > "\uffff" for character in text)
    if unit is Unit.BYTES:
        return len(text.encode("utf-8", "surrogatepass"))
    return sum(span.weight for span in _spans(composed(text)))


def cut(text: str, limit: int, unit: Unit) -> str:
    """Return the text if it fits, else its beginning with an ellipsis, together at most `limit` units long.

    The cut is at the end of a word where one is near, and never inside what a reader sees as one character.
    Raises `ValueError` for a limit that has no room for the ellipsis.
    """
    text = _for(text, unit)
    if _reach(text, 0, limit, unit) == len(text):
        return text
    room = limit - measure(ELLIPSIS, unit)
    if room < 0:
        raise ValueError(f"{limit} {unit} have no room for a cut text")
    end = _reach(text, 0, room, unit)
    end = graphemes.backward(text, end, 0) if end else 0
    window = text[:end]
    words = _after(_SPACE, text[: end + 1])
    if words * 4 >= end * 3:
        window = text[:words]
    return window.rstrip() + ELLIPSIS


def split(text: str, limit: int, unit: Unit) -> list[str]:
    """Return the text in pieces of at most `limit` units, in order; only white space at a joint is dropped.

    Joints are sought between paragraphs, then lines, sentences, words and, last, visible characters. Raises
    `ValueError` for a limit into which not even one character of the text goes.
    """
    text = _for(text, unit).strip()
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = _reach(text, start, limit, unit)
        if end < len(text):
            end = _joint(text, start, end)
        if end <= start:  # one thing alone is too long, such as an address that X does not shorten: it is torn
            end = min(start + limit, len(text))
        while end > start + 1 and measure(text[start:end], unit) > limit:
            # A word torn by force may look like an address to X, which then weighs more than the letters did.
            end = graphemes.backward(text, start + (end - start) // 2, start)
        if end <= start or measure(text[start:end], unit) > limit:
            raise ValueError(f"no character goes into {limit} {unit}")
        piece = text[start:end].strip()
        if piece:
            pieces.append(piece)
        start = end
    return pieces


def composed(text: str) -> str:
    """Return the text in Unicode's normal form C, in linear time.

    A pile of marks on one letter (no language has more than a handful) is left as it is: sorting it would
    take quadratic time, which a hostile text of 40 kB turns into a third of a second.
    """
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    parts: list[str] = []
    start = run = 0
    for place, character in enumerate(text):
        if character >= "\u0300" and unicodedata.combining(character):
            run += 1
            continue
        if run > _PILE:
            parts += (unicodedata.normalize("NFC", text[start : place - run]), text[place - run : place])
            start = place
        run = 0
    if run > _PILE:
        return "".join(parts) + unicodedata.normalize("NFC", text[start : len(text) - run]) + text[len(text) - run :]
    return "".join(parts) + unicodedata.normalize("NFC", text[start:])


_PILE = 30  # Unicode's own figure for a "stream-safe" text (annex 15)


def _for(text: str, unit: Unit) -> str:
    return composed(text) if unit is Unit.WEIGHTED else text


def _reach(text: str, start: int, limit: int, unit: Unit) -> int:
    """Return the furthest index such that `text[start:index]` is at most `limit` units long."""
    if limit <= 0:
        return start
    if unit is Unit.WEIGHTED:
        total, end = 0, start
        # A bounded view keeps the whole linear; only an address of thousands of characters can be torn by it.
        for span in _spans(text[start : start + 4 * limit + 1024]):
            if total + span.weight > limit:
                return end + (limit - total) // span.each if span.each else end
            total += span.weight
            end = start + span.end
        return end
    window = text[start : start + limit]
    if unit is Unit.CHARACTERS or window.isascii():
        return start + len(window)
    width = (lambda c: 2 if c > "\uffff" else 1) if unit is Unit.UTF16 else _bytes_of
    total = 0
    for offset, character in enumerate(window):
        total += width(character)
        if total > limit:
            return start + offset
    return start + len(window)


def _bytes_of(character: str) -> int:
    return 1 if character < "\x80" else 2 if character < "\u0800" else 3 if character <= "\uffff" else 4


# joints
_PARAGRAPH = re.compile(r"\n[ \t]{0,8}\n")
_LINE = re.compile(r"\n")
_SENTENCE = re.compile(
    r"[.!?…\u061f\u06d4][\"'”\u2019»)\]]{0,2}(?=\s)|[。\uff01\uff1f]"
)  # with Arabic's and CJK's ends
_SPACE = re.compile(r"(?=\s)")


def _joint(text: str, start: int, hard: int) -> int:
    """Return where to part `text[start:]` at or before `hard`, the last index that fits."""
    window = text[start : hard + 1]  # one more: a word may end exactly at the limit
    size = hard - start
    for pattern, least in ((_PARAGRAPH, size // 2), (_LINE, size // 2), (_SENTENCE, size // 3), (_SPACE, 1)):
        offset = min(size, _after(pattern, window))
        if offset >= max(1, least) and text[start : start + offset].strip():
            return graphemes.backward(text, start + offset, start)
    return graphemes.backward(text, hard, start)


def _after(pattern: re.Pattern[str], window: str) -> int:
    """Return the end of the pattern's last match, 0 where there is none."""
    end = 0
    for match in pattern.finditer(window):
        end = match.end()
    return end


# X's weights: configuration version 3 of github.com/twitter/twitter-text (npm 3.1.0, read 2026-11-21):
# scale 100, default weight 200, these ranges 100, each URL 23 units, each emoji 200 however many code points
# it has; counted on the text in normal form C.
_WEIGHS_ONE = re.compile("[\\u0000-\\u10ff\\u2000-\\u200d\\u2010-\\u201f\\u2032-\\u2037]")
_URL_LENGTH = 23
# Runs that no emoji can begin in or end with: letters, and those of the East.
_LIGHT = re.compile("[\\u0000-\\u00a8\\u00aa-\\u00ad\\u00af-\\u10ff\\u2000-\\u200c\\u2010-\\u201f]+(?!\\ufe0f)")
_HEAVY = re.compile("[\\u1100-\\u1fff\\u2c00-\\u302f\\u3040-\\u3296\\u329a-\\ud7ff\\ue000-\\ufe0e\\ufe10-\\uffff]+")

# X shortens what it takes for a URL. It knows every top-level domain; we take two letters for a country's
# and know the generic ones that companies use. Another one, or one without a scheme (X has finer rules),
# counts as long as it is, at least 23: rather too much than too little.
_GENERIC = frozenset(
    (
        "com",
        "org",
        "net",
        "edu",
        "gov",
        "int",
        "info",
        "biz",
        "name",
        "pro",
        "app",
        "dev",
        "shop",
        "store",
        "online",
    )
)
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9@#$_.-])(?P<scheme>https?://)?"
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}(?P<suffix>[A-Za-z]{2,24}))(?![A-Za-z0-9@-])"
    r"(?P<rest>(?::\d{1,5})?(?:[/?][A-Za-z0-9\-._~/?#&=%+]*[A-Za-z0-9/=&#+_-]|/)?)"
)
_KEYCAP = "\u20e3"
_EMOJI_STYLE = "\ufe0f"


class _Span(NamedTuple):
    """A stretch of text: where it ends, what it weighs, what each character does (0: it is one thing)."""

    end: int
    weight: int
    each: int


def _spans(text: str) -> Iterator[_Span]:
    """Yield a composed text in stretches of equal weight, emoji and addresses."""
    place = 0
    for match in _ADDRESS.finditer(text):
        yield from _plain(text, place, match.start())
        place = match.end()
        suffix = match["suffix"].lower()
        known = match["scheme"] and "-." not in match["host"] and (len(suffix) == 2 or suffix in _GENERIC)
        yield _Span(place, _URL_LENGTH if known else max(_URL_LENGTH, place - match.start()), 0)
    yield from _plain(text, place, len(text))


def _plain(text: str, start: int, end: int) -> Iterator[_Span]:
    place = start
    while place < end:
        if run := _LIGHT.match(text, place, end):
            yield _Span(run.end(), run.end() - place, 1)
            place = run.end()
        elif run := _HEAVY.match(text, place, end):
            yield _Span(run.end(), 2 * (run.end() - place), 2)
            place = run.end()
        else:
            after = _emoji(text, place, end)
            light = not after and _WEIGHS_ONE.match(text, place)
            place = after or place + 1
            yield _Span(place, 1 if light else 2, 0)


def _emoji(text: str, start: int, end: int) -> int:
    """Return the index after the emoji that begins at `start`, 0 where none of several code points does.

    A lone emoji weighs what any heavy character weighs, so only sequences matter: with a style or a skin
    tone, joined, a keycap, a flag. (X lists the joined ones; what nobody designed counts as its parts there.)
    """
    following = text[start + 1 : start + 2]
    if not following or following < "\u200d" or start + 1 >= end:
        return 0
    if text[start] in "#*0123456789":
        return start + 3 if following == _EMOJI_STYLE and text[start + 2 : start + 3] == _KEYCAP else 0
    if 0x1F1E6 <= ord(text[start]) <= 0x1F1FF:
        return start + 2 if 0x1F1E6 <= ord(following) <= 0x1F1FF else 0
    if not _pictograph(text[start]):
        return 0
    place = start + 1
    while place < end:
        character = text[place]
        if character == _EMOJI_STYLE or 0x1F3FB <= ord(character) <= 0x1F3FF or 0xE0020 <= ord(character) <= 0xE007F:
            place += 1
        elif character == graphemes.ZWJ and place + 1 < end and _pictograph(text[place + 1]):
            place += 2
        else:
            break
    return place if place > start + 1 else 0


def _pictograph(character: str) -> bool:
    code = ord(character)
    return (
        0x1F000 <= code <= 0x1FAFF
        or 0x2190 <= code <= 0x21FF
        or 0x2300 <= code <= 0x27BF
        or 0x2900 <= code <= 0x2BFF
        or character in "©®‼⁉™\u2139〰〽㊗㊙"
    )


def pieces(text: str, limit: TextLimit) -> list[str]:
    """Return the text in as many pieces as the permit allows. Raises `PermanentError` when it is too long."""
    parts = split(text, limit.most, limit.unit)
    if len(parts) > limit.pieces:
        raise PermanentError(
            f"the text is longer than {limit.pieces} times {limit.most} ({limit.unit}): shorten it", code="too-long"
        )
    return parts
