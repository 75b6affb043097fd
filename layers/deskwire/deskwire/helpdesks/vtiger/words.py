"""What Vtiger can keep of a text: no sign beyond the Basic Multilingual Plane, no markup, so many bytes at once.

Seen on Vtiger 8.0.0: each 4-byte sign is stored as `????` and a comment is cut at 65,535 bytes, both with success.
"""

from __future__ import annotations

import re
import unicodedata

from deskwire.care.measure import split
from deskwire.contracts.terms import Unit
from deskwire.web.markup import JOINER, inert

ENOUGH = 60_000  # bytes of one comment, below the 65,535 of its column
SPOILT = (
    '<>"'  # each becomes an entity of up to six bytes where Vtiger sees an event attribute (`onerror=`) in a comment
)
FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
ASTRAL = re.compile("[\U00010000-\U0010ffff][\ufe0e\ufe0f\u200d]*")
OPENING_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def readable(text: str) -> str:
    """Return the text with each sign that Vtiger would lose put into words: `:tulip:`, `:flag IS:`, `[U+20000]`."""
    text = FLAG.sub(lambda pair: f":flag {''.join(chr(ord(sign) - 0x1F1E6 + 65) for sign in pair[0])}:", text)
    return ASTRAL.sub(lambda found: _named(found[0][0]), text)


def _named(sign: str) -> str:
    plain = unicodedata.normalize("NFKC", sign)  # a mathematical letter becomes a letter
    if plain.isprintable() and all(ord(each) < 0x10000 for each in plain):
        return plain
    if "\U0001f3fb" <= sign <= "\U0001f3ff" or unicodedata.category(sign) == "Cf":
        return ""  # the colour of a skin; tags, which nobody sees
    name = unicodedata.name(sign, "") if unicodedata.category(sign)[0] == "S" else ""
    return f":{name.lower()}:" if name else f"[U+{ord(sign):X}]"


def storable(text: str) -> str:
    """Return a text that stays words in Vtiger's pages: tags, template marks and mentions are broken invisibly.

    Vtiger stores markup as it is sent, and purifies it only when it shows it.
    """
    return OPENING_TAG.sub(f"<{JOINER}", inert(readable(text)))


def pieces(text: str) -> list[str]:
    """Return the text in pieces of which each is one comment, also with entities in it."""
    grown = len(text.encode()) + 5 * sum(text.count(sign) for sign in SPOILT)
    fits = grown <= ENOUGH or not any(sign in text for sign in SPOILT)
    return split(text, ENOUGH if fits else ENOUGH // 6, Unit.BYTES) or [""]


def line(text: str, most: int = 180) -> str:
    """Return a text as one short line that Vtiger can keep."""
    return " ".join(storable(text).split())[:most]
