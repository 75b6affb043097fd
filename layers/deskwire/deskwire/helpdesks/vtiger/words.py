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
ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"'}  # of a text with a script: see `_has_script`
SPOILT = re.compile('[<>"]')
END_OF_SCRIPT = re.compile(r"(?<=/)(?=script)", re.IGNORECASE)
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

    Vtiger stores other markup as it is sent, and purifies it only when it shows it.
    """
    text = OPENING_TAG.sub(f"<{JOINER}", inert(readable(text)))
    # A text without these signs stays as it is: what looks like the end of a script may be a link.
    return END_OF_SCRIPT.sub(JOINER, text) if SPOILT.search(text) and _has_script(text) else text


def restored(text: str) -> str:
    """Return an agent's text as it was written, with the entities that Vtiger made of it turned back."""
    if _has_script(text) and not SPOILT.search(text):
        for entity, sign in ENTITIES.items():
            text = text.replace(entity, sign)
    return text


def _has_script(text: str) -> bool:
    """Return whether Vtiger replaces each `<`, `>` and `"` of this text by an entity, for good.

    Seen, and so in `fromHTML` of its vtlib/Vtiger/Functions.php: one line has `script`, and `/script` behind it.
    """
    lines = text.lower().split("\n")
    return any(-1 < line.find("script") <= line.rfind("/script") - len("script") for line in lines)


def pieces(text: str) -> list[str]:
    """Return the text in pieces of which each is one comment."""
    return split(text, ENOUGH, Unit.BYTES) or [""]


def line(text: str, most: int = 180) -> str:
    """Return a text as one short line that Vtiger can keep."""
    return " ".join(storable(text).split())[:most]
