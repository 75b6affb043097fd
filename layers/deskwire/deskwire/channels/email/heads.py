"""The head of a mail: its fields, the addresses and the message ids in them, in whatever state they arrive.

https://www.rfc-editor.org/rfc/rfc5322 https://www.rfc-editor.org/rfc/rfc2047
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from email.errors import MessageError
from email.header import decode_header
from email.utils import getaddresses
from typing import Final

from deskwire.model.values import dataclass
from deskwire.web.reading import clean

RUN: Final = re.compile(
    r"=\?[^?\s]{1,80}\?[bqBQ]\?[^?]{0,2000}\?=(?:\s{0,8}=\?[^?\s]{1,80}\?[bqBQ]\?[^?]{0,2000}\?=){0,400}"
)
ADDRESS: Final = re.compile(r"(?<![^\s<>()\[\],;:\\\"])[^\s<>()\[\],;:\\\"@]{1,64}@[^\s<>()\[\],;:\\\"@]{1,255}")
APART: Final = re.compile(r"[\s<>()\[\],;:\"]")
# A name that looks like an address, and is none: what stands in angles is.
POSING: Final = re.compile(r"(^|,)\s{0,8}([^\"<>,;:]{0,200}@[^\"<>,;]{0,200}?)\s{0,8}<")
ANGLED: Final = re.compile(r"(?<![^<>,;])([^<>,;]{0,200})<\s{0,8}([^\s<>]{1,64}@[^\s<>]{1,255})\s{0,8}>")
EMPTY_LINE: Final = re.compile(rb"\r?\n\r?\n|\r\r")  # ends a head
IDENTITY: Final = re.compile(r"<([^<>\s]{1,400})>")
LONGEST: Final = 20_000  # characters of a field with addresses that are read
LONGEST_ADDRESS: Final = 320  # RFC 5321: 64 octets, the sign, 255 octets
LONGEST_ID: Final = 400
# Names of character sets that mail programs write and Python does not know, or that name less than what is used.
CHARSETS: Final = {
    "ansi": "cp1252", "cp-850": "cp850", "default": "utf-8", "gb2312": "gb18030", "gbk": "gb18030",
    "cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "iso-2022-jp-ms": "iso2022_jp",
    "iso-8859-1": "cp1252", "iso-8859-8-e": "iso8859-8", "iso-8859-8-i": "iso8859-8", "ks_c_5601-1987": "cp949",
    "latin1": "cp1252", "us-ascii": "ascii", "utf8mb4": "utf-8", "windows-31j": "cp932", "windows-874": "cp874",
    "x-gbk": "gb18030", "x-mac-roman": "mac-roman", "x-sjis": "cp932", "x-unknown": "utf-8", "unknown-8bit": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}  # fmt: skip

JIS: Final = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_ext"})
SHIFT: Final = re.compile(rb"(?:\A|\x1b([$(]{1,2}[@A-Z]))([^\x1b]*)")
TWO_BYTES: Final = (b"$B", b"$@", b"$(B")


def codec(charset: str) -> str:
    """Return Python's name for a character set; empty where it has none."""
    name = charset.strip(" \"'").lower().removeprefix("charset=")  # some write it twice
    try:
        found = codecs.lookup(CHARSETS.get(name, name))
    except (LookupError, ValueError):
        return ""
    # `codecs` has transformations, too, that turn bytes into bytes: no character sets.
    return found.name if getattr(found, "_is_text_encoding", True) else ""


def decoded(data: bytes, charset: str = "") -> str:
    """Return the words in bytes: by their character set, else as UTF-8, else as Windows-1252.

    Where some of the bytes are wrong, the rest is still of its character set, as far as more letters are read by it
    than not.
    """
    names = [name for name in (codec(charset), "utf-8") if name]
    for name in names:
        try:
            return data.decode(name)
        except (UnicodeError, ValueError):
            if name in JIS:
                return _japanese(data)
    for name in names:
        text = data.decode(name, "replace")
        wrong = text.count("\ufffd")
        if wrong < sum(letter > "\x7f" for letter in text) - wrong:
            return text
    return data.decode("cp1252", "replace")


def _japanese(data: bytes) -> str:
    """Return the words in bytes that are said to be ISO-2022-JP, and that Python cannot read as such.

    It has 7 bits: where there are 8, it is another encoding of Japan's, of which Shift JIS fits nearly anything.
    """
    if not data.isascii():
        for name in ("utf-8", "euc_jp", "cp932"):
            try:
                return data.decode(name)
            except UnicodeError:
                continue
    return shifted(data).decode("cp932", "replace")


def shifted(data: bytes) -> bytes:
    """Return what is in ISO-2022-JP as Shift JIS (Windows-31J).

    Python's codec lacks the signs of NEC and IBM that every mail program in Japan writes: ①, ㈱, 髙.
    https://www.rfc-editor.org/rfc/rfc1468 https://encoding.spec.whatwg.org/#iso-2022-jp
    """
    out = bytearray()
    for found in SHIFT.finditer(data):
        escape, run = found[1], found[2]
        if escape in TWO_BYTES:
            out += b"".join(map(_sjis, run[::2], run[1::2]))
        else:
            out += bytes(byte | 0x80 for byte in run) if escape == b"(I" else run
    return bytes(out)


def _sjis(row: int, cell: int) -> bytes:
    """Return a letter of JIS X 0208 in Shift JIS."""
    lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    last = cell + (0x7E if row % 2 == 0 else 0x20 if cell > 0x5F else 0x1F)
    return bytes((lead, last)) if 0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E else b"?"


def repaired(value: str) -> str:
    """Return a field's value that was parsed from bytes, with its 8-bit letters read."""
    try:
        value.encode()
    except UnicodeEncodeError:
        try:
            return decoded(value.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:  # half a letter, which JSON can hold and no mail
            return value.encode("utf-8", "replace").decode()
    return value


def words(value: str) -> str:
    """Return a field's value as people read it: on one line, its encoded words decoded."""
    return " ".join(clean(RUN.sub(lambda found: _run(found[0]), repaired(value))).split())


def _run(text: str) -> str:
    """Return adjacent encoded words as one: some cut a letter in two."""
    try:
        parts = decode_header(text)
    except (ValueError, MessageError):
        return text
    return "".join(part if isinstance(part, str) else decoded(part, charset or "") for part, charset in parts)


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a field, in lower case, with the name before it."""

    address: str
    name: str = ""

    @property
    def shown(self) -> str:
        """Both, as people read it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def addresses(*values: str) -> list[Address]:
    """Return the addresses in these fields, each once; what is none is left out."""
    found = [each for value in values for each in _addresses(repaired(value))]
    return list({each.address: each for each in reversed(found)}.values())[::-1]


def _addresses(value: str) -> Iterator[Address]:
    value = POSING.sub(r'\1"\2" <', value[:LONGEST])
    pairs = [(name, address) for name, address in getaddresses([value]) if ADDRESS.fullmatch(address)]
    if not pairs:  # a name with an unquoted comma, say: what stands in angles is the address
        pairs = [(found[1], found[2]) for found in ANGLED.finditer(value)]
    if not pairs:
        pairs = [("", each) for each in APART.split(value) if ADDRESS.fullmatch(each)]
    for name, address in pairs:
        if ADDRESS.fullmatch(address) and len(address) <= LONGEST_ADDRESS:
            yield Address(address.lower(), words(name).strip("\"' "))


def identities(value: str) -> list[str]:
    """Return the message ids in a field, without the angles."""
    found = IDENTITY.findall(value) or [each for each in value.split() if "@" in each]
    return [each for each in found if each.isprintable() and len(each) <= LONGEST_ID]


def canonical(identity: str) -> str:
    """Return a message id as it compares. One that SES gave is known by its left side: we do not know the region."""
    left, at, domain = identity.rpartition("@")
    return left if sent_by_ses(identity) else f"{left}{at}{domain.lower()}"


def sent_by_ses(identity: str) -> bool:
    """Return whether SES gave this message id, which it does to every mail that it sends.

    https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    """
    domain = identity.rpartition("@")[2].lower()
    return domain == "amazonses.com" or domain.endswith(".amazonses.com")


class Heads:
    """The fields of a head, by their names in any case."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields:
            self._fields.setdefault(name.lower().strip(), []).append(clean(repaired(str(value))))

    def all(self, name: str) -> list[str]:
        """Return every value of a field, the topmost first."""
        return self._fields.get(name, [])

    def first(self, name: str) -> str:
        """Return the topmost value of a field, or an empty string."""
        return next(iter(self.all(name)), "")

    def __contains__(self, name: str) -> bool:
        return name in self._fields
